/* `cantwin keys sign-command`: the release key signs a command that the backend prepared, away from the backend. */
#ifndef CT_CLI_KEYS_SIGN_H
#define CT_CLI_KEYS_SIGN_H

/* argv[1] is the action. Returns an exit code. */
int ct_keys_sign_command(int argc, char **argv);

#endif
