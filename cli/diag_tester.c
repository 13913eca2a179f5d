#include "diag_tester.h"

#include "clock.h"
#include "diag_cmd.h"
#include "diag_gateway.h"
#include "diag_unlock.h"
#include "ecu_file.h"
#include "port_open.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH         64
#define PATIENCE_MS   1000
#define BUSY_LIMIT_MS 2000

struct ct_diag_tester {
    struct ct_diag_options options;
    struct ct_port *port;
    struct ct_uds_client *client;
    struct ct_diag_gateway *gateway; /* instead of port and client */
    struct ct_uds_group *group;      /* while a functional request runs; not owned */
    uint8_t session;                 /* entered, 0: none */
    struct ct_ecu_description *loaded;
    struct ct_ecu_description none;
    struct ct_frame held; /* the bus had no room for it */
    bool holds;
    void (*unasked)(void *user, const struct ct_uds_unasked *what);
    void *unasked_user;
};

const struct ct_ecu_description *ct_diag_tester_ecu(const struct ct_diag_tester *tester)
{
    return tester->loaded != NULL ? tester->loaded : &tester->none;
}

const char *ct_diag_tester_bus(const struct ct_diag_tester *tester)
{
    return tester->port != NULL ? tester->port->name : "gateway";
}

/* ---------------------------------------------------------------- opening */

static bool is_kind(const char *path, mode_t kind)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

/* The file of --ecu NAME: in the folder that was named, else in the usual ones. */
static bool find_description(const struct ct_diag_options *options, char *out, size_t size)
{
    const char *folders[] = {options->description, getenv("CANTWIN_ECUS"), "ecus", "/etc/cantwin/ecus"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (folders[i] == NULL) {
            continue;
        }
        (void)snprintf(out, size, "%s/%s.yaml", folders[i], options->ecu);
        if (is_kind(out, S_IFREG)) {
            return true;
        }
    }
    return false;
}

static int load_description(const struct ct_diag_options *options, struct ct_ecu_description **out_ecu)
{
    char path[512];
    char problem[512];
    const bool is_file = options->description != NULL && is_kind(options->description, S_IFREG);
    if (options->ecu == NULL && options->description == NULL) {
        return CT_EXIT_OK;
    }
    if (is_file || options->ecu == NULL) {
        (void)snprintf(path, sizeof path, "%s", options->description);
    } else if (!find_description(options, path, sizeof path)) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT,
                            "no description of '%s': looked for %s.yaml in %s and the usual folders", options->ecu,
                            options->ecu, options->description != NULL ? options->description : "$CANTWIN_ECUS");
    }
    if (ct_ecu_file_load(path, out_ecu, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

/* What the options leave open comes from the description. */
static void complete_options(struct ct_diag_options *options, const struct ct_ecu_description *ecu)
{
    if (ecu == NULL) {
        return;
    }
    if (options->tx_id == UINT32_MAX) {
        options->tx_id = ecu->request_id;
        options->rx_id = ecu->response_id;
        options->extended = options->extended || ecu->extended;
        options->fd = options->fd || ecu->fd;
    }
}

/* A hub's path may be given without `unix:`, and the bus of a description is a hub in this folder where there is one.
 */
static void name_bus(const struct ct_diag_tester *tester, char *out, size_t size)
{
    const char *bus = tester->options.bus;
    if (bus == NULL && tester->loaded != NULL && tester->loaded->bus != NULL) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s.sock", tester->loaded->bus);
        (void)snprintf(out, size, "%s%s", is_kind(path, S_IFSOCK) ? "unix:" : "",
                       is_kind(path, S_IFSOCK) ? path : tester->loaded->bus);
        return;
    }
    bus = bus != NULL ? bus : "unix:can0.sock";
    const bool hub_path = strchr(bus, ':') == NULL && (strchr(bus, '/') != NULL || is_kind(bus, S_IFSOCK));
    (void)snprintf(out, size, "%s%s", hub_path ? "unix:" : "", bus);
}

static int open_port(struct ct_diag_tester *tester)
{
    char name[256];
    char problem[512];
    name_bus(tester, name, sizeof name);
    const struct ct_port_options wanted = {
        .fd = tester->options.fd, .own = true, .client = "cantwin diag", .patience = PATIENCE_MS};
    const int err = ct_port_open(name, &wanted, &tester->port, problem, sizeof problem);
    if (err != CT_OK) {
        return ct_diag_fail(err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT, "%s", problem);
    }
    return CT_EXIT_OK;
}

struct ct_isotp_config ct_diag_pair(const struct ct_diag_options *options, uint32_t tx_id, uint32_t rx_id)
{
    struct ct_isotp_config pair = ct_isotp_config_usual(tx_id, rx_id);
    pair.extended = pair.extended || options->extended;
    if (options->fd) {
        pair.fd = pair.brs = true;
        pair.tx_dl = 64;
    }
    return pair;
}

static void heard(void *user, const struct ct_uds_unasked *what)
{
    const struct ct_diag_tester *tester = user;
    if (tester->unasked != NULL) {
        tester->unasked(tester->unasked_user, what);
    }
}

ct_ns ct_diag_tester_listen(struct ct_diag_tester *tester,
                            void (*unasked)(void *user, const struct ct_uds_unasked *what), void *user)
{
    tester->unasked = unasked;
    tester->unasked_user = user;
    return ct_clock_now();
}

int ct_diag_tester_aim(struct ct_diag_tester *tester, const struct ct_isotp_config *pair)
{
    struct ct_uds_client_config config = {
        .isotp = *pair, .busy = {.limit_ms = BUSY_LIMIT_MS}, .unasked = heard, .unasked_user = tester};
    const struct ct_ecu_description *ecu = ct_diag_tester_ecu(tester);
    config.periodic_id = tester->options.periodic_id != 0 ? tester->options.periodic_id : ecu->periodic_id;
    config.p2_ms = tester->options.timeout_s > 0 ? (uint32_t)(tester->options.timeout_s * 1000) : ecu->p2_ms;
    config.p2_star_ms = ecu->p2_star_ms;
    /* python-can's group may lose an echo; it has no arbitration either. */
    config.isotp.echoes = strncmp(tester->port->name, "udp", 3) != 0;
    ct_uds_client_free(tester->client);
    tester->client = NULL;
    const int err = ct_uds_client_create(&config, &tester->client);
    if (err != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "ids %X and %X cannot be a pair of request and response: %s", pair->tx_id,
                            pair->rx_id, ct_err_text(err));
    }
    return CT_EXIT_OK;
}

/* The gateway's socket, when the ECU is to be asked through it. */
static const char *gateway_socket(const struct ct_diag_options *options)
{
    const bool on_bus = options->direct || options->bus != NULL || options->tx_id != UINT32_MAX || options->ecu == NULL;
    return options->socket != NULL ? options->socket : on_bus ? NULL : getenv("CANTWIN_SOCKET");
}

const char *ct_diag_bus_gateway(const struct ct_diag_options *options)
{
    const bool on_bus = options->bus != NULL || options->tx_id != UINT32_MAX;
    return options->direct           ? NULL
           : options->socket != NULL ? options->socket
           : on_bus                  ? NULL
                                     : getenv("CANTWIN_SOCKET");
}

/* With its description, which an ECU of the gateway's need not have. */
static int make_tester(const struct ct_diag_options *options, struct ct_diag_tester **out_tester)
{
    struct ct_diag_tester *tester = calloc(1, sizeof *tester);
    if (tester == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s", ct_err_text(CT_ERR_NO_MEMORY));
    }
    char path[512];
    tester->options = *options;
    const bool optional = gateway_socket(options) != NULL && options->description == NULL;
    const bool skip = optional && options->ecu != NULL && !find_description(options, path, sizeof path);
    const int code = skip ? CT_EXIT_OK : load_description(options, &tester->loaded);
    if (code != CT_EXIT_OK) {
        ct_diag_tester_close(tester);
        return code;
    }
    complete_options(&tester->options, tester->loaded);
    *out_tester = tester;
    return CT_EXIT_OK;
}

int ct_diag_tester_open_bus(const struct ct_diag_options *options, struct ct_diag_tester **out_tester)
{
    struct ct_diag_tester *tester = NULL;
    int code = make_tester(options, &tester);
    if (code != CT_EXIT_OK || tester == NULL) {
        return code;
    }
    code = open_port(tester);
    if (code != CT_EXIT_OK) {
        ct_diag_tester_close(tester);
        return code;
    }
    *out_tester = tester;
    return CT_EXIT_OK;
}

static int open_gateway(const struct ct_diag_options *options, const char *socket, struct ct_diag_tester **out_tester)
{
    struct ct_diag_tester *tester = NULL;
    if (options->ecu == NULL) {
        return ct_diag_fail(CT_EXIT_USAGE, "which ECU of the gateway's? give --ecu NAME");
    }
    int code = make_tester(options, &tester);
    if (code != CT_EXIT_OK || tester == NULL) {
        return code;
    }
    code = ct_diag_gateway_open(socket, tester->options.ecu, &tester->gateway);
    if (code != CT_EXIT_OK) {
        ct_diag_tester_close(tester);
        return code;
    }
    *out_tester = tester;
    return CT_EXIT_OK;
}

static int open_pair(const struct ct_diag_options *options, struct ct_diag_tester **out_tester)
{
    struct ct_diag_tester *tester = NULL;
    int code = ct_diag_tester_open_bus(options, &tester);
    if (code != CT_EXIT_OK || tester == NULL) {
        return code;
    }
    const struct ct_diag_options *full = &tester->options;
    if (full->tx_id == UINT32_MAX || full->rx_id == UINT32_MAX) {
        code = ct_diag_fail(CT_EXIT_USAGE, "which ECU? give --ecu NAME, or --tx ID and --rx ID such as 7E0 and 7E8");
    }
    if (code == CT_EXIT_OK) {
        const struct ct_isotp_config pair = ct_diag_pair(full, full->tx_id, full->rx_id);
        code = ct_diag_tester_aim(tester, &pair);
    }
    if (code != CT_EXIT_OK) {
        ct_diag_tester_close(tester);
        return code;
    }
    *out_tester = tester;
    return CT_EXIT_OK;
}

int ct_diag_tester_open(const struct ct_diag_options *options, struct ct_diag_tester **out_tester)
{
    struct ct_diag_tester *tester = NULL;
    const char *socket = gateway_socket(options);
    int code = socket != NULL ? open_gateway(options, socket, &tester) : open_pair(options, &tester);
    if (code != CT_EXIT_OK || tester == NULL) {
        return code;
    }
    code = options->session != 0 ? ct_diag_enter(tester, (uint8_t)options->session) : code;
    code = code == CT_EXIT_OK ? ct_diag_unlock(tester, &tester->options) : code;
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
        ct_diag_gateway_close(tester->gateway);
        ct_ecu_file_free(tester->loaded);
        free(tester);
    }
}

/* ---------------------------------------------------------------- the loop */

/* Everything that is there to be read, through the client or the group. */
static int take_frames(struct ct_diag_tester *tester)
{
    struct ct_frame frames[BATCH];
    size_t count;
    int err;
    while ((err = ct_port_read(tester->port, frames, BATCH, &count)) == CT_OK) {
        for (size_t i = 0; i < count; i++) {
            if (tester->group != NULL) {
                (void)ct_uds_group_receive(tester->group, &frames[i], frames[i].t_ns);
            } else {
                (void)ct_uds_client_receive(tester->client, &frames[i], frames[i].t_ns);
            }
        }
    }
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

static bool next_frame(struct ct_diag_tester *tester, ct_ns now)
{
    const int err = tester->group != NULL ? ct_uds_group_next_frame(tester->group, &tester->held, now)
                                          : ct_uds_client_next_frame(tester->client, &tester->held, now);
    return err == CT_OK;
}

static int give_frames(struct ct_diag_tester *tester, ct_ns now)
{
    while (tester->holds || next_frame(tester, now)) {
        const int err = ct_port_write(tester->port, &tester->held);
        tester->holds = err == CT_ERR_FULL;
        if (err != CT_OK) {
            return tester->holds ? CT_OK : err;
        }
    }
    return CT_OK;
}

static ct_ns run_timers(struct ct_diag_tester *tester, ct_ns now)
{
    const ct_ns due =
        tester->group != NULL ? ct_uds_group_tick(tester->group, now) : ct_uds_client_tick(tester->client, now);
    return ct_ns_min(due, ct_port_tick(tester->port, now));
}

/* True when `stop_fd` (-1: none) can be read. */
static bool sleep_until(const struct ct_diag_tester *tester, ct_ns now, ct_ns due, int stop_fd)
{
    struct pollfd fds[] = {{.fd = tester->port->fd, .events = (short)(POLLIN | (tester->holds ? POLLOUT : 0))},
                           {.fd = stop_fd, .events = POLLIN}};
    const ct_ns left = due > now ? due - now : 0;
    const struct timespec wait = {.tv_sec = left / CT_NS_PER_S, .tv_nsec = left % CT_NS_PER_S};
    /* Not in poll's milliseconds: STmin goes down to 100 us. */
    return ppoll(fds, 2, due == CT_NS_NEVER ? NULL : &wait, NULL) > 0 && (fds[1].revents & POLLIN) != 0;
}

/* What came, what goes, what is due; *out_due is when to look again. */
static int turn(struct ct_diag_tester *tester, ct_ns *out_due)
{
    int err = take_frames(tester);
    const ct_ns now = ct_clock_now();
    err = err == CT_OK ? give_frames(tester, now) : err;
    *out_due = run_timers(tester, now);
    return err;
}

static int bus_failed(const struct ct_diag_tester *tester, int err)
{
    return ct_diag_fail(CT_EXIT_FAILED, "%s: %s", tester->port->name, ct_err_text(err));
}

int ct_diag_ask(struct ct_diag_tester *tester, const uint8_t *request, size_t len, struct ct_uds_result *out_result)
{
    if (tester->gateway != NULL) {
        return ct_diag_gateway_ask(tester->gateway, request, len, out_result);
    }
    int err = ct_uds_client_request(tester->client, request, len, ct_clock_now());
    while (err == CT_OK) {
        ct_ns due = 0;
        err = turn(tester, &due);
        if (err != CT_OK || ct_uds_client_result(tester->client, out_result) == CT_OK) {
            break;
        }
        (void)sleep_until(tester, ct_clock_now(), due, -1);
    }
    return err == CT_OK ? CT_EXIT_OK : bus_failed(tester, err);
}

int ct_diag_ask_group(struct ct_diag_tester *tester, struct ct_uds_group *group, const uint8_t *request, size_t len)
{
    int err = ct_uds_group_request(group, request, len, ct_clock_now());
    tester->group = group;
    while (err == CT_OK) {
        ct_ns due = 0;
        err = turn(tester, &due);
        if (err != CT_OK || !ct_uds_group_busy(group)) {
            break;
        }
        (void)sleep_until(tester, ct_clock_now(), due, -1);
    }
    tester->group = NULL;
    return err == CT_OK ? CT_EXIT_OK : bus_failed(tester, err);
}

int ct_diag_hold(struct ct_diag_tester *tester, double seconds)
{
    if (tester->gateway != NULL) {
        return ct_diag_gateway_hold(tester->gateway, seconds, tester->session > CT_UDS_SESSION_DEFAULT);
    }
    return seconds > 0 ? ct_diag_follow(tester, seconds, -1) : CT_EXIT_OK;
}

int ct_diag_follow(struct ct_diag_tester *tester, double seconds, int stop_fd)
{
    const ct_ns length = seconds > 0 ? (ct_ns)(seconds * (double)CT_NS_PER_S) : CT_NS_NEVER;
    const ct_ns end = ct_ns_add(ct_clock_now(), length);
    int err = CT_OK;
    bool stop = false;
    while (err == CT_OK && !stop && ct_clock_now() < end) {
        ct_ns due = 0;
        err = turn(tester, &due);
        stop = sleep_until(tester, ct_clock_now(), ct_ns_min(due, end), stop_fd);
    }
    return err == CT_OK ? CT_EXIT_OK : bus_failed(tester, err);
}

/* ---------------------------------------------------------------- requests with a meaning */

int ct_diag_enter(struct ct_diag_tester *tester, uint8_t session)
{
    static const uint8_t tester_present[] = {CT_UDS_TESTER_PRESENT, CT_UDS_SUPPRESS};
    const struct ct_uds_message request = {.service = CT_UDS_SESSION_CONTROL, .subfunction = session};
    struct ct_uds_message response;
    char what[32];
    (void)snprintf(what, sizeof what, "session %u", session);
    const int code = ct_diag_do(tester, &request, what, &response);
    tester->session = code == CT_EXIT_OK ? session : tester->session;
    if (code == CT_EXIT_OK && tester->gateway == NULL) {
        const size_t len = session == CT_UDS_SESSION_DEFAULT ? 0 : sizeof tester_present;
        (void)!ct_uds_client_keep_alive(tester->client, tester_present, len, ct_diag_tester_ecu(tester)->keep_alive_ms,
                                        ct_clock_now());
    }
    return code;
}
