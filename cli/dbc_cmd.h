/* The verbs of `cantwin dbc`: argv[0] is the verb's name; each returns an enum ct_exit. */
#ifndef CT_CLI_DBC_CMD_H
#define CT_CLI_DBC_CMD_H

int ct_cli_dbc_check(int argc, char **argv);
int ct_cli_dbc_dump(int argc, char **argv);
int ct_cli_dbc_diff(int argc, char **argv);

#endif
