/* cantwin dbc: one table of verbs, each in a file of its own. */
#include "dbc_cmd.h"

#include "commands.h"
#include "errors.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    {"check", ct_cli_dbc_check, "report what is wrong or doubtful in DBC files"},
    {"dump", ct_cli_dbc_dump, "print a DBC file as JSON, or as a DBC file in normal form"},
    {"diff", ct_cli_dbc_diff, "compare two DBC files by what they mean"},
};

static void print_help(FILE *to)
{
    fputs("usage: cantwin dbc VERB [ARGUMENT...]\n\nverbs:\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\nexamples:\n"
          "  cantwin dbc check car.dbc truck.dbc\n"
          "  cantwin dbc dump car.dbc | jq '.messages[].name'\n"
          "  cantwin dbc diff old.dbc new.dbc\n"
          "\n`cantwin dbc VERB --help` explains a verb.\n",
          to);
}

int ct_cli_dbc(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return CT_EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    fputs("cantwin dbc: error: expected check, dump or diff; see cantwin dbc --help\n", stderr);
    return CT_EXIT_USAGE;
}
