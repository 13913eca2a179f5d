/* The parts of `cantwin diag trace`: options (diag_trace.c), and the loops over a bus or a log (diag_trace_run.c). */
#ifndef CT_CLI_DIAG_TRACE_H
#define CT_CLI_DIAG_TRACE_H

#include "buf.h"
#include "isotp_listen.h"
#include "log_writer.h"

#define CT_TRACE_PAIRS_MAX 64U
#define CT_TRACE_LANES_MAX 16U

/* One bus of what is followed: a log may hold several. */
struct ct_trace_lane {
    char channel[32];
    struct ct_isotp_listener *listener;
};

struct ct_trace {
    const char *name;
    bool json, full, only_pairs;
    uint32_t left; /* messages still to show */
    const char *pcap;
    struct ct_isotp_config pairs[CT_TRACE_PAIRS_MAX];
    size_t pair_count;
    struct ct_trace_lane lanes[CT_TRACE_LANES_MAX];
    size_t lane_count;
    struct ct_log_writer *writer;
    struct ct_buf out;
};

/* Follows until stopped, or the end; returns an exit code, with a message when not CT_EXIT_OK. */
int ct_trace_run(struct ct_trace *trace) CT_MUST_CHECK;

#endif
