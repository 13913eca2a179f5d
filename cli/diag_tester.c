#include "diag_tester.h"

#include "clock.h"
#include "diag_cmd.h"
#include "port_open.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH       64
#define PATIENCE_MS 1000

struct ct_diag_tester {
    struct ct_port *port;
    struct ct_uds_client *client;
    struct ct_frame held; /* the bus had no room for it */
    bool holds;
};

static int open_port(const struct ct_diag_options *options, struct ct_port **out_port)
{
    char full[256];
    char problem[512];
    struct stat st;
    const bool is_socket = stat(options->bus, &st) == 0 && S_ISSOCK(st.st_mode);
    const bool hub_path = strchr(options->bus, ':') == NULL && (strchr(options->bus, '/') != NULL || is_socket);
    (void)snprintf(full, sizeof full, "%s%s", hub_path ? "unix:" : "", options->bus);
    const struct ct_port_options wanted = {.fd = options->fd, .client = "cantwin diag", .patience = PATIENCE_MS};
    const int err = ct_port_open(full, &wanted, out_port, problem, sizeof problem);
    if (err != CT_OK) {
        return ct_diag_fail(err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT, "%s", problem);
    }
    return CT_EXIT_OK;
}

static int make_client(const struct ct_diag_options *options, struct ct_uds_client **out_client)
{
    struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(options->tx_id, options->rx_id)};
    config.isotp.extended = options->extended;
    if (options->fd) {
        config.isotp.fd = config.isotp.brs = true;
        config.isotp.tx_dl = 64;
    }
    config.p2_ms = (uint32_t)(options->timeout_s * 1000);
    const int err = ct_uds_client_create(&config, out_client);
    if (err != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "ids %X and %X cannot be a pair of request and response: %s", options->tx_id,
                            options->rx_id, ct_err_text(err));
    }
    return CT_EXIT_OK;
}

int ct_diag_tester_open(const struct ct_diag_options *options, struct ct_diag_tester **out_tester)
{
    if (options->tx_id == UINT32_MAX || options->rx_id == UINT32_MAX) {
        return ct_diag_fail(CT_EXIT_USAGE, "which ECU? give --tx ID and --rx ID, such as --tx 7E0 --rx 7E8");
    }
    struct ct_diag_tester *tester = calloc(1, sizeof *tester);
    if (tester == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s", ct_err_text(CT_ERR_NO_MEMORY));
    }
    int code = make_client(options, &tester->client);
    code = code == CT_EXIT_OK ? open_port(options, &tester->port) : code;
    if (code != CT_EXIT_OK) {
        ct_diag_tester_close(tester);
        return code;
    }
    *out_tester = tester;
    return CT_EXIT_OK;
}

void ct_diag_tester_close(struct ct_diag_tester *tester)
{
    if (tester != NULL) {
        ct_port_close(tester->port);
        ct_uds_client_free(tester->client);
        free(tester);
    }
}

/* Everything that is there to be read, through the client. */
static int take_frames(struct ct_diag_tester *tester)
{
    struct ct_frame frames[BATCH];
    size_t count;
    int err;
    while ((err = ct_port_read(tester->port, frames, BATCH, &count)) == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            (void)ct_uds_client_receive(tester->client, &frames[i], frames[i].t_ns);
        }
    }
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

static int give_frames(struct ct_diag_tester *tester, ct_ns now)
{
    while (tester->holds || ct_uds_client_next_frame(tester->client, &tester->held, now) == CT_OK) {
        const int err = ct_port_write(tester->port, &tester->held);
        tester->holds = err == CT_ERR_FULL;
        if (err != CT_OK) {
            return tester->holds ? CT_OK : err;
        }
    }
    return CT_OK;
}

/* One turn: what came, what goes, what is due; then sleeps until something can happen. */
static int turn(struct ct_diag_tester *tester, struct ct_uds_result *out_result, bool *out_ended)
{
    int err = take_frames(tester);
    const ct_ns now = ct_clock_now();
    err = err == CT_OK ? give_frames(tester, now) : err;
    if (err != CT_OK) {
        return err;
    }
    const ct_ns due = ct_ns_min(ct_uds_client_tick(tester->client, now), ct_port_tick(tester->port, now));
    *out_ended = ct_uds_client_result(tester->client, out_result) == CT_OK;
    if (!*out_ended) {
        struct pollfd fd = {.fd = tester->port->fd, .events = (short)(POLLIN | (tester->holds ? POLLOUT : 0))};
        (void)poll(&fd, 1, ct_ns_wait_ms(now, due));
    }
    return CT_OK;
}

int ct_diag_ask(struct ct_diag_tester *tester, const uint8_t *request, size_t len, struct ct_uds_result *out_result)
{
    int err = ct_uds_client_request(tester->client, request, len, ct_clock_now());
    bool ended = false;
    while (err == CT_OK && !ended) {
        err = turn(tester, out_result, &ended);
    }
    return err == CT_OK ? CT_EXIT_OK : ct_diag_fail(CT_EXIT_FAILED, "%s: %s", tester->port->name, ct_err_text(err));
}

const char *ct_diag_outcome_text(const struct ct_uds_result *result)
{
    switch (result->outcome) {
    case CT_UDS_POSITIVE:
        return "positive response";
    case CT_UDS_NEGATIVE:
        return ct_uds_nrc_text(result->nrc);
    case CT_UDS_NO_RESPONSE:
        return "the ECU does not answer";
    case CT_UDS_PENDING_OVER:
        return "the ECU said response pending for too long";
    case CT_UDS_TRANSPORT:
        return ct_isotp_result_text(result->tp_result);
    case CT_UDS_ABORTED:
    default:
        return "broken off";
    }
}
