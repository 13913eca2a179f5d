/* cantwin bus serve: hubs in one process, and a bridge from one of them to python-can's UDP multicast. */
#include "bus_cmd.h"

#include "clock.h"
#include "hub.h"
#include "log.h"
#include "udp_port.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HUBS_MAX 16

struct hub_row {
    const char *path;
    struct ct_hub *hub;
    uint64_t evicted; /* reported so far */
    uint64_t malformed;
};

/* One side of the bridge reads, the other writes; a frame the hub has no room for waits, and UDP waits with it in the
 * kernel's buffer. */
struct bridge {
    struct ct_port *udp;
    struct ct_port *hub;
    struct ct_frame waiting;
    bool has_waiting;
    uint64_t lost; /* frames the other side did not take */
};

struct serve {
    struct hub_row hubs[HUBS_MAX];
    size_t count;
    bool udp;
    const char *group;
    const char *udp_bus;
    double stuck_limit_s;
    struct bridge bridge;
};

static const char *path_of(const char *name)
{
    return strncmp(name, "unix:", 5) == 0 ? name + 5 : name;
}

static bool is_group(const char *text)
{
    return text != NULL && text[0] != '\0' && strspn(text, "0123456789.:") == strlen(text);
}

/* Takes one option and its value; the new position or a negative exit code. */
static int parse_option(int argc, char **argv, int i, struct serve *s)
{
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(argv[i], "--udp") == 0) {
        s->udp = true;
        s->group = is_group(value) ? value : NULL;
        return s->group != NULL ? i + 1 : i;
    }
    if (strcmp(argv[i], "--udp-bus") == 0 && value != NULL) {
        s->udp_bus = path_of(value);
        return i + 1;
    }
    if (strcmp(argv[i], "--stuck-limit") == 0 && value != NULL &&
        ct_bus_number(value, 0.001, &s->stuck_limit_s) == CT_OK) {
        return i + 1;
    }
    return -ct_bus_fail(CT_EXIT_USAGE, "unknown option '%s' or a value it cannot use; see cantwin bus --help", argv[i]);
}

static int parse_arguments(int argc, char **argv, struct serve *s)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            i = parse_option(argc, argv, i, s);
            if (i < 0) {
                return -i;
            }
        } else if (s->count == HUBS_MAX) {
            return ct_bus_fail(CT_EXIT_USAGE, "at most %d hubs in one process", HUBS_MAX);
        } else {
            s->hubs[s->count++].path = path_of(argv[i]);
        }
    }
    return s->count > 0 ? CT_EXIT_OK
                        : ct_bus_fail(CT_EXIT_USAGE, "serve needs the path of a unix socket, as in: cantwin bus serve "
                                                     "/tmp/can0");
}

static int complain(int err, const char *problem)
{
    fprintf(stderr, "%s\n", problem);
    return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
}

static int open_hubs(struct serve *s)
{
    const struct ct_hub_options options = {.stuck_limit = (ct_ns)(s->stuck_limit_s * (double)CT_NS_PER_S)};
    for (size_t i = 0; i < s->count; i++) {
        char problem[512];
        const int err = ct_hub_open(s->hubs[i].path, &options, &s->hubs[i].hub, problem, sizeof problem);
        if (err != CT_OK) {
            return complain(err, problem);
        }
    }
    return CT_EXIT_OK;
}

static int open_bridge(struct serve *s)
{
    char problem[512];
    const char *path = s->udp_bus != NULL ? s->udp_bus : s->hubs[0].path;
    bool served = false;
    for (size_t i = 0; i < s->count; i++) {
        served |= strcmp(path, s->hubs[i].path) == 0;
    }
    if (!served) {
        return ct_bus_fail(CT_EXIT_USAGE, "--udp-bus %s is none of the hubs served here", path);
    }
    int err = ct_hub_port_open(path, "udp bridge", false, false, &s->bridge.hub, problem, sizeof problem);
    if (err == CT_OK) {
        err = ct_udp_port_open(s->group, false, &s->bridge.udp, problem, sizeof problem);
    }
    return err == CT_OK ? CT_EXIT_OK : complain(err, problem);
}

static void hub_to_udp(struct bridge *b)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n;
    while (ct_port_read(b->hub, frames, CT_BUS_BATCH, &n) == CT_OK) {
        for (size_t i = 0; i < n; i++) {
            b->lost += ct_port_write(b->udp, &frames[i]) != CT_OK ? 1 : 0;
        }
    }
}

static void udp_to_hub(struct bridge *b)
{
    size_t n = 0;
    for (int i = 0; i < CT_BUS_BATCH; i++) {
        if (!b->has_waiting && ct_port_read(b->udp, &b->waiting, 1, &n) != CT_OK) {
            return;
        }
        const int err = ct_port_write(b->hub, &b->waiting);
        b->has_waiting = err == CT_ERR_FULL;
        if (b->has_waiting) {
            return;
        }
        b->lost += err != CT_OK ? 1 : 0;
    }
}

/* Reports what happened to clients since the last time. */
static void report(struct hub_row *row)
{
    const struct ct_hub_stats *stats = ct_hub_stats(row->hub);
    if (stats->evicted != row->evicted) {
        row->evicted = stats->evicted;
        ct_log(CT_LOG_WARNING, "%s: disconnected client '%s', which did not read and held up the others", row->path,
               ct_hub_evicted_name(row->hub));
    }
    if (stats->malformed != row->malformed) {
        row->malformed = stats->malformed;
        ct_log(CT_LOG_WARNING, "%s: disconnected a client that does not speak this hub's protocol", row->path);
    }
}

static ct_ns step_hubs(struct serve *s)
{
    ct_ns deadline = CT_NS_NEVER;
    for (size_t i = 0; i < s->count; i++) {
        const ct_ns next = ct_hub_step(s->hubs[i].hub, ct_clock_now(), ct_clock_utc_now());
        deadline = ct_ns_min(deadline, next);
        report(&s->hubs[i]);
    }
    return deadline;
}

/* The bridge's places in the poll list: what it waits for depends on what it holds. */
static size_t watch_bridge(const struct bridge *b, struct pollfd *fds)
{
    if (b->udp == NULL) {
        return 0;
    }
    fds[0] = (struct pollfd){.fd = b->hub->fd, .events = (short)(b->has_waiting ? POLLIN | POLLOUT : POLLIN)};
    fds[1] = (struct pollfd){.fd = b->has_waiting ? -1 : b->udp->fd, .events = POLLIN};
    return 2;
}

static void run(struct serve *s, int stop_fd)
{
    struct pollfd fds[HUBS_MAX + 3] = {{.fd = stop_fd, .events = POLLIN}};
    for (size_t i = 0; i < s->count; i++) {
        fds[1 + i] = (struct pollfd){.fd = ct_hub_fd(s->hubs[i].hub), .events = POLLIN};
    }
    while (fds[0].revents == 0) {
        const ct_ns deadline = step_hubs(s);
        const size_t more = watch_bridge(&s->bridge, &fds[1 + s->count]);
        poll(fds, 1 + s->count + more, ct_ns_wait_ms(ct_clock_now(), deadline));
        if (more > 0) {
            hub_to_udp(&s->bridge);
            udp_to_hub(&s->bridge);
        }
    }
}

static void summarize(const struct serve *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct ct_hub_stats *stats = ct_hub_stats(s->hubs[i].hub);
        ct_log(CT_LOG_INFO, "%s: %llu frames accepted, %llu delivered, %llu clients evicted, %llu malformed",
               s->hubs[i].path, (unsigned long long)stats->accepted, (unsigned long long)stats->delivered,
               (unsigned long long)stats->evicted, (unsigned long long)stats->malformed);
    }
    if (s->bridge.udp != NULL) {
        const struct ct_port_stats *udp = &s->bridge.udp->stats;
        const uint64_t lost = s->bridge.lost + udp->lost;
        ct_log(CT_LOG_INFO, "udp bridge: %llu sent, %llu received, %llu lost, %llu malformed",
               (unsigned long long)udp->sent, (unsigned long long)udp->received, (unsigned long long)lost,
               (unsigned long long)udp->malformed);
    }
}

static int serve_all(struct serve *s)
{
    int code = open_hubs(s);
    if (code == CT_EXIT_OK && s->udp) {
        code = open_bridge(s);
    }
    if (code != CT_EXIT_OK) {
        return code;
    }
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_bus_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    ct_log(CT_LOG_INFO, "ready");
    run(s, stop_fd);
    summarize(s);
    close(stop_fd);
    return CT_EXIT_OK;
}

int ct_bus_serve(int argc, char **argv)
{
    struct serve s = {.stuck_limit_s = 10};
    int code = parse_arguments(argc, argv, &s);
    if (code == CT_EXIT_OK && s.udp_bus != NULL && !s.udp) {
        code = ct_bus_fail(CT_EXIT_USAGE, "--udp-bus is for --udp");
    }
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_log_open("cantwin bus", CT_LOG_INFO);
    code = serve_all(&s);
    ct_port_close(s.bridge.udp);
    ct_port_close(s.bridge.hub);
    for (size_t i = 0; i < s.count; i++) {
        ct_hub_close(s.hubs[i].hub);
    }
    return code;
}
