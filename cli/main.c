/* cantwin: the command line for people. One table of subcommands; each lives in a file of its own. */
#include "commands.h"
#include "errors.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
#define CT_COMMAND_ROW(name, help) {#name, ct_cli_##name, help},
    CT_CLI_COMMANDS(CT_COMMAND_ROW)
#undef CT_COMMAND_ROW
        {NULL, NULL, NULL},
};

static void print_help(FILE *to)
{
    fputs("usage: cantwin COMMAND [ARGUMENT...]\n\ncommands:\n", to);
    for (size_t i = 0; commands[i].name != NULL; i++) {
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\n`cantwin COMMAND --help` explains a command with examples.\n"
          "exit codes: 0 done, 1 the thing asked failed, 2 wrong usage, 3 environment (file, interface, permission)\n",
          to);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return CT_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("cantwin " CANTWIN_VERSION);
        return CT_EXIT_OK;
    }
    for (size_t i = 0; commands[i].name != NULL; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "cantwin: error: no command '%s'; see cantwin --help\n", argv[1]);
    return CT_EXIT_USAGE;
}
