/* The subcommands of `cantwin`: name and one line of help. Each is `int ct_cli_NAME(int argc, char **argv)` with argv[0] its
 * own name, returns an enum ct_exit, and lives in NAME_cmd.c. */
#ifndef CT_CLI_COMMANDS_H
#define CT_CLI_COMMANDS_H

#define CT_CLI_COMMANDS(X)

#define CT_CLI_DECLARE(name, help) int ct_cli_##name(int argc, char **argv);
CT_CLI_COMMANDS(CT_CLI_DECLARE)
#undef CT_CLI_DECLARE

#endif
