/* cantwin bus send. */
#include "bus_cmd.h"

#include "candump.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_DEFAULT_S 15.0 /* longer than a hub lets one stuck client hold up the others */

static int parse_frame(const char *text, struct ct_frame *out_frame)
{
    struct ct_candump_problem problem;
    if (ct_candump_parse_body(text, strlen(text), out_frame, &problem) != CT_OK) {
        return ct_bus_fail(CT_EXIT_USAGE, "frame '%s', character %zu: %s", text, problem.column, problem.text);
    }
    return CT_EXIT_OK;
}

/* All of them are checked before the first is sent. */
static int check_frames(int argc, char **argv, double *timeout_s, int *out_frames)
{
    int code = CT_EXIT_OK;
    *out_frames = 0;
    for (int i = 2; i < argc && code == CT_EXIT_OK; i++) {
        struct ct_frame frame;
        if (strcmp(argv[i], "--timeout") == 0) {
            argv[i] = NULL;
            if (i + 1 == argc || ct_bus_number(argv[i + 1], 0, timeout_s) != CT_OK) {
                return ct_bus_fail(CT_EXIT_USAGE, "--timeout needs seconds from 0 on");
            }
            argv[++i] = NULL;
        } else {
            code = parse_frame(argv[i], &frame);
            *out_frames += 1;
        }
    }
    return code;
}

int ct_bus_send(int argc, char **argv)
{
    double timeout_s = TIMEOUT_DEFAULT_S;
    int frames = 0;
    struct ct_bus_sender sender;
    int code = check_frames(argc, argv, &timeout_s, &frames);
    if (code == CT_EXIT_OK && frames == 0) {
        code = ct_bus_fail(CT_EXIT_USAGE,
                           "send needs the NAME of a bus and frames such as 123#1122; see cantwin bus --help");
    }
    if (code == CT_EXIT_OK) {
        code = ct_bus_sender_open(argv[1], &sender);
    }
    if (code != CT_EXIT_OK) {
        return code;
    }
    for (int i = 2; i < argc && code == CT_EXIT_OK; i++) {
        struct ct_frame frame;
        if (argv[i] != NULL) {
            code = parse_frame(argv[i], &frame);
            code = code == CT_EXIT_OK ? ct_bus_sender_send(&sender, &frame, timeout_s) : code;
        }
    }
    if (code == CT_EXIT_OK) {
        code = ct_bus_sender_finish(&sender, timeout_s);
    }
    ct_bus_sender_close(&sender);
    return code;
}
