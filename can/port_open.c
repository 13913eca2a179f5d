#include "port_open.h"

#include "hub.h"
#include "log_port.h"
#include "socketcan.h"
#include "udp_port.h"

#include <string.h>

struct request {
    const char *rest; /* the name behind its prefix */
    const struct ct_port_options *options;
    struct ct_port **out_port;
    char *problem;
    size_t problem_size;
};

static int open_socketcan(const struct request *r)
{
    const struct ct_port_options *o = r->options;
    const struct ct_socketcan_options options = {.fd = o->fd, .own = o->own, .wait = o->wait, .patience = o->patience};
    return ct_socketcan_open(r->rest, &options, r->out_port, r->problem, r->problem_size);
}

static int open_hub(const struct request *r)
{
    const struct ct_port_options *o = r->options;
    return ct_hub_port_open(r->rest, o->client, o->own, o->wait, r->out_port, r->problem, r->problem_size);
}

static int open_log(const struct request *r)
{
    return ct_log_port_open(r->rest, r->options->channel, r->options->replay_speed, r->out_port, r->problem,
                            r->problem_size);
}

static int open_udp(const struct request *r)
{
    return ct_udp_port_open(r->rest, r->options->own, r->out_port, r->problem, r->problem_size);
}

static const struct {
    const char *prefix;
    int (*open)(const struct request *request);
} kinds[] = {
    {"socketcan:", open_socketcan}, {"unix:", open_hub}, {"file:", open_log}, {"udp:", open_udp}, {"", open_socketcan},
};

int ct_port_open(const char *name, const struct ct_port_options *options, struct ct_port **out_port, char *problem,
                 size_t problem_size)
{
    const struct ct_port_options all_defaults = {.replay_speed = 1};
    struct request request = {.options = options != NULL ? options : &all_defaults,
                              .out_port = out_port,
                              .problem = problem,
                              .problem_size = problem_size};
    size_t i = 0;
    while (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) != 0) {
        i++;
    }
    request.rest = name + strlen(kinds[i].prefix);
    return kinds[i].open(&request);
}
