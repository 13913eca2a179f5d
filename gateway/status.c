/* The status socket: a stream socket that speaks one JSON object per line each way. Everything non-blocking and
 * bounded: a client that does not read loses change lines, and is told how many. */
#include "status_private.h"

#include "json.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t out_waiting(const struct client *client)
{
    return client->out.len - client->out_done;
}

static const struct ct_catalogue *catalogue_of(const struct client *client)
{
    return ct_bind_catalogue(client->server->bus->model->pipeline.bind);
}

void ct_status_drop(struct client *client)
{
    struct ct_loop *loop = &client->server->bus->loop;
    const int fd = client->watch.fd;
    ct_loop_remove(loop, &client->watch);
    if (fd >= 0) {
        close(fd);
    }
    ct_buf_free(&client->out);
    free(client->watched);
    client->watched = NULL;
    const uint32_t serial = client->serial;
    client->serial = 0;
    ct_status_leave(client->server, serial);
}

/* ---- writing */

static bool backlogged(const struct client *client)
{
    return out_waiting(client) >= OUT_MAX / 2;
}

static void want_write(struct client *client, bool wanted)
{
    const bool unheard = backlogged(client);
    if (client->wants_write != wanted || client->unheard != unheard) {
        client->wants_write = wanted;
        client->unheard = unheard;
        const uint32_t events = (unheard ? 0U : (uint32_t)EPOLLIN) | (wanted ? (uint32_t)EPOLLOUT : 0U);
        const int err = ct_loop_modify(&client->server->bus->loop, &client->watch, events);
        (void)err; /* then the client's end is found at the next write */
    }
}

void ct_status_wake(struct client *client)
{
    want_write(client, true);
}

/* Sends what can be sent now; false when the client is gone. */
static bool send_waiting(struct client *client)
{
    if (ct_buf_error(&client->out) != CT_OK) { /* a piece of an answer is missing, and the client may wait for it */
        ct_status_drop(client);
        return false;
    }
    while (out_waiting(client) > 0) {
        const ssize_t n = send(client->watch.fd, client->out.data + client->out_done, out_waiting(client),
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                ct_status_drop(client);
                return false;
            }
            break;
        }
        client->out_done += (size_t)n;
    }
    if (out_waiting(client) == 0) {
        ct_buf_clear(&client->out);
        client->out_done = 0;
    } else if (client->out_done > OUT_MAX / 2) {
        memmove(client->out.data, client->out.data + client->out_done, out_waiting(client));
        client->out.len -= client->out_done;
        client->out_done = 0;
    }
    want_write(client, out_waiting(client) > 0 || client->getting);
    return true;
}

static bool has_room(const struct client *client)
{
    return out_waiting(client) + LINE_ROOM < OUT_MAX / 2;
}

void ct_status_say_error(struct client *client, const char *text)
{
    struct ct_json json;
    ct_json_init(&json, &client->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "error", text);
    ct_json_object_end(&json);
    ct_buf_text(&client->out, "\n");
}

/* ---- get */

static void say_end(struct client *client)
{
    struct ct_json json;
    ct_json_init(&json, &client->out);
    ct_json_object_begin(&json, NULL);
    ct_json_bool(&json, "end", true);
    ct_json_uint(&json, "count", client->get_count);
    ct_json_object_end(&json);
    ct_buf_text(&client->out, "\n");
    client->getting = false;
}

/* The next entry that fits; false when there are no more. */
static bool get_entry(struct client *client)
{
    const struct ct_catalogue *catalogue = catalogue_of(client);
    if (client->get_next >= ct_catalogue_count(catalogue)) {
        return false;
    }
    const uint32_t id = client->get_next++;
    if (fnmatch(client->get_match, ct_catalogue_entry(catalogue, id)->name, 0) == 0) {
        ct_status_json_entry(client->server->bus, id, &client->out);
        client->get_count++;
    }
    return true;
}

static bool get_rule(struct client *client)
{
    const bool there = ct_status_rules_line(client->server->bus, client->get_next, &client->out);
    client->get_next++;
    client->get_count += there ? 1 : 0;
    return there;
}

/* As many lines as there is room for; the rest follows when the client has read. */
static void continue_get(struct client *client)
{
    while (client->getting && has_room(client)) {
        if (!(client->get_rules ? get_rule(client) : get_entry(client))) {
            say_end(client);
        }
    }
}

static void begin_get(struct client *client, bool rules)
{
    client->getting = true;
    client->get_rules = rules;
    client->get_next = 0;
    client->get_count = 0;
    continue_get(client);
}

static void begin_get_twin(struct client *client, const cJSON *request)
{
    const cJSON *match = cJSON_GetObjectItemCaseSensitive(request, "match");
    snprintf(client->get_match, sizeof client->get_match, "%s", cJSON_IsString(match) ? match->valuestring : "*");
    begin_get(client, false);
}

static void on_get(struct client *client, const cJSON *request, const char *what)
{
    if (strcmp(what, "status") == 0) {
        ct_status_json_overview(client->server->bus, &client->out);
    } else if (strcmp(what, "twin") == 0) {
        begin_get_twin(client, request);
    } else if (strcmp(what, "rules") == 0) {
        begin_get(client, true);
    } else {
        ct_status_say_error(client, "get what? \"status\", \"twin\" or \"rules\"");
    }
}

/* ---- watch */

static bool watching(const struct status_server *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].serial != 0 && server->clients[i].watched != NULL) {
            return true;
        }
    }
    return false;
}

static void mark_watched(struct client *client)
{
    const struct ct_catalogue *catalogue = catalogue_of(client);
    const size_t count = ct_catalogue_count(catalogue);
    free(client->watched);
    client->watched = calloc(count + 1, 1);
    for (uint32_t id = 0; client->watched != NULL && id < count; id++) {
        client->watched[id] = fnmatch(client->watch_match, ct_catalogue_entry(catalogue, id)->name, 0) == 0 ? 1 : 0;
    }
    if (client->watched == NULL) {
        ct_status_say_error(client, "no memory to watch; ask again");
    }
}

static void forget_changes(struct ct_twin *twin)
{
    uint32_t cursor = 0;
    uint32_t id = 0;
    while (ct_twin_next_change(twin, CT_CONSUMER_WATCH, &cursor, &id) == CT_OK) {
    }
}

static void on_watch(struct client *client, const char *match)
{
    if (!watching(client->server)) {
        forget_changes(client->server->bus->model->pipeline.twin); /* changes from before anybody watched */
    }
    snprintf(client->watch_match, sizeof client->watch_match, "%s", match);
    mark_watched(client);
}

static void say_dropped(struct client *client)
{
    struct ct_json json;
    ct_json_init(&json, &client->out);
    ct_json_object_begin(&json, NULL);
    ct_json_uint(&json, "lost", client->dropped);
    ct_json_object_end(&json);
    ct_buf_text(&client->out, "\n");
    client->dropped = 0;
}

static void say_change(struct client *client, uint32_t id)
{
    if (client->serial == 0 || client->watched == NULL || client->watched[id] == 0) {
        return;
    }
    if (!has_room(client)) {
        client->dropped++;
        return;
    }
    if (client->dropped > 0) {
        say_dropped(client);
    }
    ct_status_json_entry(client->server->bus, id, &client->out);
}

void ct_status_changes(struct status_server *server)
{
    if (!watching(server)) {
        return;
    }
    struct ct_twin *twin = server->bus->model->pipeline.twin;
    uint32_t cursor = 0;
    uint32_t id = 0;
    while (ct_twin_next_change(twin, CT_CONSUMER_WATCH, &cursor, &id) == CT_OK) {
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            say_change(&server->clients[i], id);
        }
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->serial != 0 && out_waiting(client) > 0 && !client->wants_write) {
            send_waiting(client);
        }
    }
}

void ct_status_reloaded(struct status_server *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->serial != 0 && client->watched != NULL) {
            mark_watched(client);
        }
        if (client->serial != 0 && client->getting) {
            client->getting = false; /* its ids are another catalogue's now */
            ct_status_say_error(client, "the configuration was reloaded meanwhile; ask again");
        }
    }
}

/* ---- set */

static bool wire_value_of(const cJSON *item, struct ct_wire_value *out_value)
{
    *out_value = (struct ct_wire_value){0};
    if (cJSON_IsBool(item)) {
        out_value->kind = CT_WIRE_BOOLEAN;
        out_value->boolean = cJSON_IsTrue(item) != 0;
        return true;
    }
    if (cJSON_IsNumber(item)) {
        out_value->kind = CT_WIRE_NUMBER;
        out_value->number = item->valuedouble;
        return true;
    }
    if (cJSON_IsString(item) && strlen(item->valuestring) <= CT_BYTES_MAX) {
        out_value->kind = CT_WIRE_TEXT;
        snprintf(out_value->text, sizeof out_value->text, "%s", item->valuestring);
        return true;
    }
    return false;
}

static void on_set(struct client *client, const cJSON *request, const char *path)
{
    struct ct_wire_value value;
    if (!wire_value_of(cJSON_GetObjectItemCaseSensitive(request, "value"), &value)) {
        ct_status_say_error(client, "set needs a \"value\": true, false, a number or a text");
    } else if (strlen(path) > CT_PATH_MAX) {
        ct_status_say_error(client, "the path is too long");
    } else {
        ct_bus_set_local(client->server->bus, client->serial, path, &value);
    }
}

void ct_status_command(struct status_server *server, uint32_t serial, uint32_t tag,
                       const struct ct_command_status *status)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->serial != serial || serial == 0) {
            continue;
        }
        struct ct_json json;
        ct_json_init(&json, &client->out);
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "state", ct_command_state_text(status->state));
        ct_json_string(&json, "reason", ct_command_reason_text(status->reason));
        ct_json_string(&json, "text", status->text != NULL ? status->text : "");
        ct_json_bool(&json, "final", ct_command_state_final(status->state));
        if (tag != 0) {
            ct_json_uint(&json, "tag", tag);
        }
        if (status->response_len > 0) {
            ct_json_bytes(&json, "response", status->response, status->response_len);
        }
        if (status->has_reported) {
            ct_json_double(&json, "reported", status->reported);
        }
        ct_json_object_end(&json);
        ct_buf_text(&client->out, "\n");
        ct_status_wake(client); /* not sent here: the client may just be in use */
    }
}

/* ---- reading */

static void on_request(struct client *client, const cJSON *request)
{
    const cJSON *get = cJSON_GetObjectItemCaseSensitive(request, "get");
    const cJSON *watch = cJSON_GetObjectItemCaseSensitive(request, "watch");
    const cJSON *set = cJSON_GetObjectItemCaseSensitive(request, "set");
    const cJSON *lease = cJSON_GetObjectItemCaseSensitive(request, "lease");
    const cJSON *uds = cJSON_GetObjectItemCaseSensitive(request, "uds");
    if (cJSON_IsString(get)) {
        on_get(client, request, get->valuestring);
    } else if (cJSON_IsString(watch)) {
        on_watch(client, watch->valuestring);
    } else if (cJSON_IsString(set)) {
        on_set(client, request, set->valuestring);
    } else if (cJSON_IsString(lease)) {
        ct_status_on_lease(client, request, lease->valuestring);
    } else if (cJSON_IsString(uds)) {
        ct_status_on_uds(client, request, uds->valuestring);
    } else {
        ct_status_say_error(client,
                            "no request: {\"get\":\"status\"}, {\"get\":\"twin\",\"match\":GLOB}, {\"watch\":GLOB}, "
                            "{\"set\":PATH,\"value\":V}, {\"lease\":\"acquire\",\"ecu\":NAME} or "
                            "{\"uds\":HEX,\"ecu\":NAME}");
    }
}

static void on_line(struct client *client, const char *line, size_t len)
{
    if (client->getting) {
        ct_status_say_error(client, "an answer is still under way");
        return;
    }
    cJSON *request = cJSON_ParseWithLength(line, len);
    if (request == NULL) {
        ct_status_say_error(client, "the line is not JSON");
        return;
    }
    on_request(client, request);
    cJSON_Delete(request);
}

/* Takes the whole lines out of the input; what is left of one begins the buffer. */
static void take_lines(struct client *client)
{
    size_t start = 0;
    for (size_t i = 0; i < client->in_len; i++) {
        if (client->in[i] != '\n') {
            continue;
        }
        if (!client->skip_line && i > start) {
            on_line(client, client->in + start, i - start);
        }
        client->skip_line = false;
        start = i + 1;
    }
    memmove(client->in, client->in + start, client->in_len - start);
    client->in_len -= start;
    if (client->in_len == sizeof client->in) {
        client->in_len = 0;
        if (!client->skip_line) {
            ct_status_say_error(client, "a request is at most 9216 characters");
        }
        client->skip_line = true;
    }
}

/* A client that asks without reading the answers is not listened to until it reads. */
static bool receive(struct client *client)
{
    if (backlogged(client)) {
        return true;
    }
    const size_t room = sizeof client->in - client->in_len;
    const ssize_t n =
        recv(client->watch.fd, client->in + client->in_len, room < READ_MAX ? room : READ_MAX, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        ct_status_drop(client);
        return false;
    }
    if (n > 0) {
        client->in_len += (size_t)n;
        take_lines(client);
    }
    return true;
}

void ct_status_on_client(struct ct_loop_watch *watch, uint32_t events)
{
    struct client *client = watch->user;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive(client)) {
        return;
    }
    continue_get(client);
    send_waiting(client);
}
