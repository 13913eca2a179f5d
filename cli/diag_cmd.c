/* cantwin diag: one table of verbs. */
#include "diag_cmd.h"

#include "commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
#define VERB_ROW(name, help) {#name, ct_diag_##name, help},
    CT_DIAG_VERBS(VERB_ROW)
#undef VERB_ROW
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void print_help(FILE *to)
{
    fputs("usage: cantwin diag VERB [ARGUMENT...]\n\nverbs:\n", to);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    fputs("\n`cantwin diag VERB --help` explains a verb with examples.\n"
          "exit codes: 0 done, 1 the ECU refused or did not answer, 2 wrong usage, 3 no such bus or file\n",
          to);
}

int ct_cli_diag(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return CT_EXIT_OK;
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return ct_diag_fail(CT_EXIT_USAGE, "no verb '%s'; see cantwin diag --help", argv[1]);
}

int ct_diag_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cantwin diag: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

bool ct_diag_wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}
