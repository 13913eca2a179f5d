/* The subcommands of `cantwin`: name and one line of help. Each is `int ct_cli_NAME(int argc, char **argv)` with
 * argv[0] its own name, returns an enum ct_exit, and lives in NAME_cmd.c. */
#ifndef CT_CLI_COMMANDS_H
#define CT_CLI_COMMANDS_H

/* clang-format off */
#define CT_CLI_COMMANDS(X) \
    X(decode, "print the signals of a log's frames as JSON") \
    X(encode, "make a frame from signal values") \
    X(dbc, "check and show DBC files") \
    X(bus, "serve, dump, record and feed CAN buses") \
    X(replay, "play logs into buses, convert them") \
    X(bench, "measure what decoding costs here") \
    X(diag, "talk to ECUs: read, write, clear, flash") \
    X(top, "watch a bus or the twin live: rates, changes, values") \
    X(gateway, "show the rules of routing and sending, and what they did") \
    X(twin, "get, watch and set the twin on board") \
    X(keys, "make and show transport and signing keys") \
    X(update, "make, sign and check signed parameter sets, offline")
/* clang-format on */

#define CT_CLI_DECLARE(name, help) int ct_cli_##name(int argc, char **argv);
CT_CLI_COMMANDS(CT_CLI_DECLARE)
#undef CT_CLI_DECLARE

#endif
