#include "zmq_routes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64                /* a power of two */
#define TURN_APART   (2 * CT_NS_PER_S) /* what an old connection leaves behind comes sooner */
#define TURN_WINDOW  (120 * CT_NS_PER_S)
#define TURNS        3
#define TURN_QUIET   (600 * CT_NS_PER_S)

struct ct_zmq_routes {
    struct ct_zmq_route *routes; /* open addressing; a vehicle's place is kept when it goes */
    size_t capacity;
    size_t used;
    char shared[sizeof((struct ct_zmq_route *)0)->name]; /* news; "" none */
    char told[sizeof((struct ct_zmq_route *)0)->name];
};

int ct_zmq_routes_create(struct ct_zmq_routes **out_routes)
{
    struct ct_zmq_routes *routes = calloc(1, sizeof *routes);
    struct ct_zmq_route *room = calloc(CAPACITY_MIN, sizeof *room);
    if (routes == NULL || room == NULL) {
        free(routes);
        free(room);
        return CT_ERR_NO_MEMORY;
    }
    routes->routes = room;
    routes->capacity = CAPACITY_MIN;
    *out_routes = routes;
    return CT_OK;
}

void ct_zmq_routes_free(struct ct_zmq_routes *routes)
{
    if (routes != NULL) {
        free(routes->routes);
        free(routes);
    }
}

static struct ct_zmq_route *place_of(struct ct_zmq_route *routes, size_t capacity, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != 0; c++) {
        hash = (hash ^ (uint8_t)*c) * UINT64_C(1099511628211);
    }
    size_t at = (size_t)(hash ^ hash >> 32) & (capacity - 1);
    while (routes[at].name[0] != 0 && strcmp(routes[at].name, name) != 0) {
        at = (at + 1) & (capacity - 1);
    }
    return &routes[at];
}

static int grow(struct ct_zmq_routes *routes)
{
    const size_t capacity = routes->capacity * 2;
    struct ct_zmq_route *room = calloc(capacity, sizeof *room);
    if (room == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < routes->capacity; i++) {
        if (routes->routes[i].name[0] != 0) {
            *place_of(room, capacity, routes->routes[i].name) = routes->routes[i];
        }
    }
    free(routes->routes);
    routes->routes = room;
    routes->capacity = capacity;
    return CT_OK;
}

static void note_turn(struct ct_zmq_routes *routes, struct ct_zmq_route *route, ct_ns now)
{
    if (route->turns > 0 && now - route->first_turn > TURN_WINDOW) {
        route->turns = 0;
    }
    if (now < route->quiet_until || (route->turns > 0 && now - route->last_turn < TURN_APART)) {
        return;
    }
    route->first_turn = route->turns == 0 ? now : route->first_turn;
    route->last_turn = now;
    if (++route->turns == TURNS) {
        route->turns = 0;
        route->quiet_until = now + TURN_QUIET;
        memcpy(routes->shared, route->name, sizeof routes->shared);
    }
}

static bool same_id(const uint8_t *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static void change_route(struct ct_zmq_routes *routes, struct ct_zmq_route *route, const void *id, size_t id_len,
                         ct_ns now)
{
    if (same_id(route->id, route->id_len, id, id_len)) {
        return;
    }
    if (same_id(route->previous, route->previous_len, id, id_len)) {
        note_turn(routes, route, now);
    } else {
        route->turns = 0; /* a third one: somebody reconnects */
    }
    if (route->id_len > 0) {
        memcpy(route->previous, route->id, route->id_len);
        route->previous_len = route->id_len;
    }
    memcpy(route->id, id, id_len);
    route->id_len = id_len;
}

int ct_zmq_routes_keep(struct ct_zmq_routes *routes, const char *name, const void *id, size_t id_len, ct_ns now)
{
    if (id_len == 0 || id_len > CT_ZMQ_ROUTING_ID_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    if (2 * (routes->used + 1) > routes->capacity) {
        const int err = grow(routes);
        if (err != CT_OK) {
            return err;
        }
    }
    struct ct_zmq_route *route = place_of(routes->routes, routes->capacity, name);
    if (route->name[0] == 0) {
        memcpy(route->name, name, strlen(name) + 1);
        route->quiet_until = INT64_MIN;
        routes->used++;
    }
    change_route(routes, route, id, id_len, now);
    return CT_OK;
}

struct ct_zmq_route *ct_zmq_routes_find(struct ct_zmq_routes *routes, const char *name)
{
    struct ct_zmq_route *route = place_of(routes->routes, routes->capacity, name);
    return route->name[0] != 0 ? route : NULL;
}

const char *ct_zmq_routes_shared(struct ct_zmq_routes *routes)
{
    if (routes->shared[0] == 0) {
        return NULL;
    }
    memcpy(routes->told, routes->shared, sizeof routes->told);
    routes->shared[0] = 0;
    return routes->told;
}
