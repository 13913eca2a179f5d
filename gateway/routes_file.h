/* Reads a routes file (YAML, see docs/routing.md) into ct_routes. Adapter target gateway_routes_file. */
#ifndef CT_GATEWAY_ROUTES_FILE_H
#define CT_GATEWAY_ROUTES_FILE_H

#include "message_lookup.h"
#include "routes.h"

/* What a routes file may name. */
struct ct_routes_world {
    const char *names[CT_ROUTES_BUSES_MAX]; /* of the buses, in the order of their indices */
    const char *ports[CT_ROUTES_BUSES_MAX]; /* two buses on one port are the same wire */
    bool fd[CT_ROUTES_BUSES_MAX];           /* take FD frames */
    size_t count;
    const struct ct_message_lookup *lookup;
};

/* When the result is an error `problem` gets a located line, of the first problem or of each (problems.h). */
int ct_routes_load(const char *path, const struct ct_routes_world *world, struct ct_routes **out_routes, char *problem,
                   size_t problem_size) CT_MUST_CHECK;

/* The same with the file's text in memory; `name` stands for the file in messages. */
int ct_routes_load_text(const char *name, const char *text, size_t len, const struct ct_routes_world *world,
                        struct ct_routes **out_routes, char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
