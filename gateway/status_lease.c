/* The status socket's requests about ECUs: leases, and UDS requests that run through the gateway. */
#include "status_private.h"

#include "bytes.h"
#include "json.h"

#include <string.h>

#define LEASE_SECONDS_USUAL 10
#define WAIT_MAX_MS         600000

static struct ct_lease_holder holder_of(const struct client *client)
{
    return (struct ct_lease_holder){CT_ORIGIN_LOCAL, client->serial};
}

static struct ct_executor *executor_of(const struct client *client)
{
    return client->server->bus->executor;
}

static int64_t remaining_ms(const struct ct_lease *lease, ct_ns now)
{
    return (lease->expires_ns - now) / CT_NS_PER_MS;
}

static void say(struct client *client, const char *word, const struct ct_lease *lease, ct_ns now)
{
    struct ct_json json;
    ct_json_init(&json, &client->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "lease", word);
    ct_json_uint(&json, "id", lease->id);
    ct_json_string(&json, "ecu", ct_executor_ecu_name(executor_of(client), lease->ecu));
    if (strcmp(word, "granted") == 0) {
        ct_json_int(&json, "expires_ms", remaining_ms(lease, now));
    }
    ct_json_object_end(&json);
    ct_buf_text(&client->out, "\n");
}

/* ---- acquire, renew, release */

static double number_of(const cJSON *request, const char *key, double usual)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(request, key);
    return cJSON_IsNumber(item) ? item->valuedouble : usual;
}

static ct_ns duration_of(const cJSON *request)
{
    const double seconds = number_of(request, "seconds", LEASE_SECONDS_USUAL);
    const double most = (double)CT_LEASE_MAX / (double)CT_NS_PER_S;
    return seconds > 0 && seconds < most ? (ct_ns)(seconds * (double)CT_NS_PER_S) : CT_LEASE_MAX;
}

static ct_ns wait_until(const cJSON *request, ct_ns now)
{
    const double ms = number_of(request, "wait_ms", 0);
    return ms > 0 ? ct_ns_add(now, ct_ns_from_ms(ms < WAIT_MAX_MS ? (int64_t)ms : WAIT_MAX_MS)) : now;
}

static bool find_ecu(struct client *client, const cJSON *request, size_t *out_ecu)
{
    const cJSON *ecu = cJSON_GetObjectItemCaseSensitive(request, "ecu");
    if (cJSON_IsString(ecu) && ct_executor_find_ecu(executor_of(client), ecu->valuestring, out_ecu) == CT_OK) {
        return true;
    }
    ct_status_say_error(client, "\"ecu\" must be a name of the gateway's `ecus`");
    return false;
}

static void on_acquire(struct client *client, const cJSON *request)
{
    const ct_ns now = client->server->bus->now;
    struct ct_lease_ask ask = {
        .holder = holder_of(client), .duration_ns = duration_of(request), .wait_until = wait_until(request, now)};
    if (!find_ecu(client, request, &ask.ecu)) {
        return;
    }
    struct ct_arbiter *arbiter = ct_executor_arbiter(executor_of(client));
    struct ct_lease lease = {.ecu = ask.ecu};
    client->asking = true; /* the answer is said here, not by the change */
    const enum ct_lease_answer answer = ct_arbiter_acquire(arbiter, &ask, now, &lease.id);
    client->asking = false;
    if (answer == CT_LEASE_GRANTED && ct_arbiter_owner(arbiter, ask.ecu, now, &lease) == CT_OK) {
        say(client, "granted", &lease, now);
    } else if (answer == CT_LEASE_WAITING) {
        say(client, "waiting", &lease, now);
    } else {
        ct_status_say_error(client, ct_lease_answer_text(answer));
    }
}

/* The owner's lease of that id, whatever ECU it is of. */
static bool find_owned(struct client *client, uint64_t id, struct ct_lease *out_lease)
{
    struct ct_executor *executor = executor_of(client);
    for (size_t i = 0; i < ct_executor_ecu_count(executor); i++) {
        if (ct_arbiter_owner(ct_executor_arbiter(executor), i, client->server->bus->now, out_lease) == CT_OK &&
            out_lease->id == id) {
            return true;
        }
    }
    return false;
}

static void on_renew(struct client *client, const cJSON *request)
{
    const ct_ns now = client->server->bus->now;
    const uint64_t id = (uint64_t)number_of(request, "id", 0);
    struct ct_lease lease;
    if (ct_arbiter_renew(ct_executor_arbiter(executor_of(client)), id, holder_of(client), duration_of(request), now) ==
            CT_OK &&
        find_owned(client, id, &lease)) {
        say(client, "granted", &lease, now);
    } else {
        ct_status_say_error(client, "no such lease of yours; it may have ended");
    }
}

static void on_release(struct client *client, const cJSON *request)
{
    const uint64_t id = (uint64_t)number_of(request, "id", 0);
    if (ct_arbiter_release(ct_executor_arbiter(executor_of(client)), id, holder_of(client), client->server->bus->now) !=
        CT_OK) {
        ct_status_say_error(client, "no such lease of yours; it may have ended");
    } /* else the change says it */
}

/* ---- list */

static void say_row(struct client *client, size_t ecu, const struct ct_lease *lease, ct_ns now)
{
    struct ct_executor *executor = executor_of(client);
    struct ct_json json;
    ct_json_init(&json, &client->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "ecu", ct_executor_ecu_name(executor, ecu));
    ct_json_string(&json, "bus", ct_executor_bus_name(executor, ecu));
    ct_json_bool(&json, "functional", ct_executor_has_functional(executor, ecu));
    if (lease != NULL) {
        ct_json_uint(&json, "id", lease->id);
        ct_json_string(&json, "owner", ct_origin_text(lease->holder.origin));
        ct_json_bool(&json, "mine", lease->holder.origin == CT_ORIGIN_LOCAL && lease->holder.client == client->serial);
        ct_json_int(&json, "expires_ms", remaining_ms(lease, now));
    }
    ct_json_bool(&json, "foreign", ct_arbiter_is_foreign(ct_executor_arbiter(executor), ecu, now));
    ct_json_uint(&json, "waiting", ct_arbiter_waiting(ct_executor_arbiter(executor), ecu));
    ct_json_object_end(&json);
    ct_buf_text(&client->out, "\n");
}

static void on_list(struct client *client, const cJSON *request)
{
    struct ct_executor *executor = executor_of(client);
    const ct_ns now = client->server->bus->now;
    const size_t count = ct_executor_ecu_count(executor);
    (void)request;
    for (size_t i = 0; i < count; i++) {
        struct ct_lease lease;
        const bool owned = ct_arbiter_owner(ct_executor_arbiter(executor), i, now, &lease) == CT_OK;
        say_row(client, i, owned ? &lease : NULL, now);
    }
    ct_buf_printf(&client->out, "{\"end\":true,\"count\":%zu}\n", count);
}

void ct_status_on_lease(struct client *client, const cJSON *request, const char *what)
{
    static const struct {
        const char *name;
        void (*run)(struct client *client, const cJSON *request);
    } rows[] = {{"acquire", on_acquire}, {"renew", on_renew}, {"release", on_release}, {"list", on_list}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, what) == 0) {
            rows[i].run(client, request);
            return;
        }
    }
    ct_status_say_error(client, "lease what? \"acquire\", \"renew\", \"release\" or \"list\"");
}

/* ---- requests */

void ct_status_on_uds(struct client *client, const cJSON *request, const char *hex)
{
    uint8_t bytes[CT_UDS_MESSAGE_MAX];
    const size_t digits = strlen(hex);
    const cJSON *bus = cJSON_GetObjectItemCaseSensitive(request, "functional");
    size_t ecu = 0;
    if (!cJSON_IsString(bus) && !find_ecu(client, request, &ecu)) {
        return;
    }
    if (digits == 0 || digits % 2 != 0 || digits / 2 > sizeof bytes || ct_hex_decode(bytes, hex, digits / 2) != CT_OK) {
        ct_status_say_error(client, "\"uds\" must be hex digits of 1 to 4095 bytes, service id first");
        return;
    }
    struct ct_executor_request order = {.data = bytes, .len = digits / 2};
    if (!cJSON_IsString(bus)) {
        order.ecu = ct_executor_ecu_name(executor_of(client), ecu);
    }
    ct_bus_request_local(client->server->bus, client->serial, (uint32_t)number_of(request, "tag", 0),
                         cJSON_IsString(bus) ? bus->valuestring : NULL, &order);
}

void ct_status_functional(struct status_server *server, uint32_t serial, uint32_t tag, size_t ecu,
                          const uint8_t *response, size_t len)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->serial != serial || serial == 0) {
            continue;
        }
        struct ct_json json;
        ct_json_init(&json, &client->out);
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "ecu", ct_executor_ecu_name(executor_of(client), ecu));
        if (tag != 0) {
            ct_json_uint(&json, "tag", tag);
        }
        ct_json_bytes(&json, "response", response, len);
        ct_json_object_end(&json);
        ct_buf_text(&client->out, "\n");
        ct_status_wake(client);
    }
}

/* ---- what happens to a client's leases */

void ct_status_lease(struct status_server *server, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->serial != 0 && client->serial == lease->holder.client && !client->asking && !lease->brief) {
            say(client, ct_lease_change_text(change), lease, now);
            ct_status_wake(client);
        }
    }
}

void ct_status_leave(struct status_server *server, uint32_t serial)
{
    if (server->bus->executor != NULL && serial != 0) {
        ct_arbiter_leave(ct_executor_arbiter(server->bus->executor), (struct ct_lease_holder){CT_ORIGIN_LOCAL, serial},
                         server->bus->now);
    }
}
