#include "diag_gateway.h"

#include "bytes.h"
#include "clock.h"
#include "diag_cmd.h"
#include "json.h"
#include "twin_client.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASE_S       60
#define RENEW_NS      (20 * CT_NS_PER_S)
#define WAIT_MS       2000
#define PRESENT_NS    (2 * CT_NS_PER_S)
#define REQUEST_MAX   9216
#define RATE_TRIES    50
#define RATE_PAUSE_MS 100

struct ct_diag_gateway {
    FILE *stream;
    const char *ecu; /* NULL: functional requests on `bus` */
    char bus[32];
    char *line;
    size_t line_size;
    uint32_t lease, tag;
    ct_ns renewed;
    uint8_t response[CT_UDS_MESSAGE_MAX];
};

static int gone(void)
{
    return ct_diag_fail(CT_EXIT_ENVIRONMENT, "the gateway ended the connection");
}

/* Written past the stream's buffer, which is for reading only. */
static int say(struct ct_diag_gateway *gateway, struct ct_buf *line)
{
    ct_buf_text(line, "\n");
    size_t done = 0;
    while (ct_buf_error(line) == CT_OK && done < line->len) {
        const ssize_t n = write(fileno(gateway->stream), line->data + done, line->len - done);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
    }
    const bool whole = ct_buf_error(line) == CT_OK && done == line->len;
    ct_buf_free(line);
    return whole ? CT_EXIT_OK : gone();
}

static cJSON *hear(struct ct_diag_gateway *gateway)
{
    const ssize_t len = getline(&gateway->line, &gateway->line_size, gateway->stream);
    return len > 0 ? cJSON_ParseWithLength(gateway->line, (size_t)len) : NULL;
}

static int say_lease(struct ct_diag_gateway *gateway, const char *what)
{
    struct ct_buf buf;
    struct ct_json json;
    ct_buf_init(&buf, REQUEST_MAX);
    ct_json_init(&json, &buf);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "lease", what);
    if (gateway->lease == 0) {
        ct_json_string(&json, "ecu", gateway->ecu);
        ct_json_uint(&json, "wait_ms", WAIT_MS);
    } else {
        ct_json_uint(&json, "id", gateway->lease);
    }
    ct_json_uint(&json, "seconds", LEASE_S);
    ct_json_object_end(&json);
    return say(gateway, &buf);
}

/* Reads until the lease is there; *out_code says how it ended. False: read on. */
static bool lease_answered(struct ct_diag_gateway *gateway, const cJSON *answer, int *out_code)
{
    const char *lease = ct_twin_text(answer, "lease");
    const char *error = ct_twin_text(answer, "error");
    if (error[0] != '\0') {
        *out_code = ct_diag_fail(CT_EXIT_FAILED, "%s: %s", gateway->ecu, error);
        return true;
    }
    if (strcmp(lease, "granted") == 0) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(answer, "id");
        gateway->lease = cJSON_IsNumber(id) ? (uint32_t)id->valuedouble : 0;
        gateway->renewed = ct_clock_now();
        *out_code = CT_EXIT_OK;
        return true;
    }
    if (lease[0] == '\0' || strcmp(lease, "waiting") == 0) {
        return false;
    }
    *out_code = ct_diag_fail(CT_EXIT_FAILED, "%s: the lease is %s: somebody else has the ECU", gateway->ecu, lease);
    return true;
}

static int take_lease(struct ct_diag_gateway *gateway, const char *what)
{
    int code = say_lease(gateway, what);
    bool answered = code != CT_EXIT_OK;
    while (!answered) {
        cJSON *answer = hear(gateway);
        if (answer == NULL) {
            return gone();
        }
        answered = lease_answered(gateway, answer, &code);
        cJSON_Delete(answer);
    }
    return code;
}

int ct_diag_gateway_open(const char *socket, const char *ecu, struct ct_diag_gateway **out_gateway)
{
    struct ct_diag_gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s", ct_err_text(CT_ERR_NO_MEMORY));
    }
    gateway->ecu = ecu;
    gateway->stream = ct_twin_connect(socket);
    const int code = gateway->stream != NULL ? take_lease(gateway, "acquire") : CT_EXIT_ENVIRONMENT;
    if (code != CT_EXIT_OK) {
        ct_diag_gateway_close(gateway);
        return code;
    }
    *out_gateway = gateway;
    return CT_EXIT_OK;
}

void ct_diag_gateway_close(struct ct_diag_gateway *gateway)
{
    if (gateway != NULL) {
        if (gateway->stream != NULL) {
            (void)fclose(gateway->stream);
        }
        free(gateway->line);
        free(gateway);
    }
}

/* What is asked, for people. */
static const char *whom(const struct ct_diag_gateway *gateway)
{
    return gateway->ecu != NULL ? gateway->ecu : gateway->bus;
}

static int say_request(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len)
{
    struct ct_buf buf;
    struct ct_json json;
    ct_buf_init(&buf, REQUEST_MAX);
    ct_json_init(&json, &buf);
    ct_json_object_begin(&json, NULL);
    ct_json_bytes(&json, "uds", request, len);
    ct_json_string(&json, gateway->ecu != NULL ? "ecu" : "functional", whom(gateway));
    ct_json_uint(&json, "tag", ++gateway->tag);
    ct_json_object_end(&json);
    return say(gateway, &buf);
}

/* The last word on a request. A response the ECU gave is a result; what the gateway itself refused is said. */
static int conclude(struct ct_diag_gateway *gateway, const cJSON *status, struct ct_uds_result *out_result)
{
    const char *hex = ct_twin_text(status, "response");
    const char *reason = ct_twin_text(status, "reason");
    const size_t len = strlen(hex) / 2;
    const bool done = strcmp(ct_twin_text(status, "state"), "done") == 0;
    *out_result = (struct ct_uds_result){.outcome = CT_UDS_POSITIVE, .response = gateway->response};
    if (len > sizeof gateway->response || ct_hex_decode(gateway->response, hex, len) != CT_OK) {
        return ct_diag_fail(CT_EXIT_FAILED, "%s: the gateway's answer cannot be read", gateway->ecu);
    }
    out_result->len = len;
    if (len >= 3 && gateway->response[0] == CT_UDS_NEGATIVE_RESPONSE) {
        out_result->outcome = CT_UDS_NEGATIVE;
        out_result->nrc = gateway->response[2];
    } else if (!done && strcmp(reason, "no-response") == 0) {
        out_result->outcome = CT_UDS_NO_RESPONSE;
    } else if (!done) {
        const char *text = ct_twin_text(status, "text");
        return ct_diag_fail(CT_EXIT_FAILED, "%s: the gateway says %s%s%s", gateway->ecu, reason,
                            text[0] != '\0' ? ": " : "", text);
    }
    return CT_EXIT_OK;
}

/* True when it was the end of the request under way. */
static bool is_final(const struct ct_diag_gateway *gateway, const cJSON *status)
{
    const cJSON *tag = cJSON_GetObjectItemCaseSensitive(status, "tag");
    return cJSON_IsNumber(tag) && fabs(tag->valuedouble - gateway->tag) < 0.5 &&
           cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status, "final"));
}

static int renew_if_old(struct ct_diag_gateway *gateway)
{
    return ct_clock_now() - gateway->renewed > RENEW_NS ? take_lease(gateway, "renew") : CT_EXIT_OK;
}

/* One request to its last word; *out_too_fast when the policy's rate refused it, which sent nothing. */
static int ask_once(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                    struct ct_uds_result *out_result, bool *out_too_fast)
{
    int code = renew_if_old(gateway);
    code = code == CT_EXIT_OK ? say_request(gateway, request, len) : code;
    bool ended = code != CT_EXIT_OK;
    *out_too_fast = false;
    while (!ended) {
        cJSON *status = hear(gateway);
        if (status == NULL) {
            return gone();
        }
        const char *error = ct_twin_text(status, "error");
        if (error[0] != '\0') {
            code = ct_diag_fail(CT_EXIT_FAILED, "%s: %s", gateway->ecu, error);
            ended = true;
        } else if (is_final(gateway, status)) {
            *out_too_fast = strcmp(ct_twin_text(status, "reason"), "policy-rate") == 0;
            code = *out_too_fast ? code : conclude(gateway, status, out_result);
            ended = true;
        }
        cJSON_Delete(status);
    }
    return code;
}

int ct_diag_gateway_ask(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                        struct ct_uds_result *out_result)
{
    if (len > CT_UDS_MESSAGE_MAX) {
        return ct_diag_fail(CT_EXIT_USAGE, "through the gateway a request has at most %d bytes", CT_UDS_MESSAGE_MAX);
    }
    for (unsigned i = 0; i < RATE_TRIES; i++) {
        bool too_fast;
        const int code = ask_once(gateway, request, len, out_result, &too_fast);
        if (!too_fast) {
            return code;
        }
        (void)poll(NULL, 0, RATE_PAUSE_MS);
    }
    return ct_diag_fail(CT_EXIT_FAILED, "%s: the policy's rate leaves no room for this request", gateway->ecu);
}

int ct_diag_gateway_hold(struct ct_diag_gateway *gateway, double seconds, bool present)
{
    static const uint8_t tester_present[] = {CT_UDS_TESTER_PRESENT, CT_UDS_SUPPRESS};
    const ct_ns end = ct_ns_add(ct_clock_now(), (ct_ns)(seconds * (double)CT_NS_PER_S));
    int code = CT_EXIT_OK;
    for (ct_ns now = ct_clock_now(); code == CT_EXIT_OK && now < end; now = ct_clock_now()) {
        struct ct_uds_result unused;
        (void)poll(NULL, 0, ct_ns_wait_ms(now, ct_ns_min(ct_ns_add(now, PRESENT_NS), end)));
        code = renew_if_old(gateway);
        if (code == CT_EXIT_OK && present && ct_clock_now() < end) {
            code = ct_diag_gateway_ask(gateway, tester_present, sizeof tester_present, &unused);
        }
    }
    return code;
}

/* ---- all ECUs of a bus */

static void add_ecu(struct ct_diag_gateway_ecus *ecus, const cJSON *row)
{
    if (ecus->count < CT_DIAG_GATEWAY_ECUS) {
        (void)snprintf(ecus->rows[ecus->count].name, sizeof ecus->rows[0].name, "%s", ct_twin_text(row, "ecu"));
        (void)snprintf(ecus->rows[ecus->count].bus, sizeof ecus->rows[0].bus, "%s", ct_twin_text(row, "bus"));
        ecus->rows[ecus->count].functional = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "functional"));
        ecus->count++;
    }
}

static int list_ecus(struct ct_diag_gateway *gateway, struct ct_diag_gateway_ecus *out_ecus)
{
    struct ct_buf buf;
    ct_buf_init(&buf, REQUEST_MAX);
    ct_buf_text(&buf, "{\"lease\":\"list\"}");
    const int code = say(gateway, &buf);
    bool ended = code != CT_EXIT_OK;
    out_ecus->count = 0;
    while (!ended) {
        cJSON *row = hear(gateway);
        if (row == NULL) {
            return gone();
        }
        ended = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "end"));
        if (!ended) {
            add_ecu(out_ecus, row);
        }
        cJSON_Delete(row);
    }
    return code;
}

static int connect_to(const char *socket, struct ct_diag_gateway **out_gateway)
{
    struct ct_diag_gateway *gateway = calloc(1, sizeof *gateway);
    if (gateway == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s", ct_err_text(CT_ERR_NO_MEMORY));
    }
    gateway->stream = ct_twin_connect(socket);
    if (gateway->stream == NULL) {
        free(gateway);
        return CT_EXIT_ENVIRONMENT;
    }
    *out_gateway = gateway;
    return CT_EXIT_OK;
}

int ct_diag_gateway_ecus(const char *socket, struct ct_diag_gateway_ecus *out_ecus)
{
    struct ct_diag_gateway *gateway = NULL;
    int code = connect_to(socket, &gateway);
    if (code == CT_EXIT_OK) {
        code = list_ecus(gateway, out_ecus);
        ct_diag_gateway_close(gateway);
    }
    return code;
}

/* The bus that functional requests go to. */
static int choose_bus(struct ct_diag_gateway *gateway, const char *wanted)
{
    struct ct_diag_gateway_ecus ecus;
    const int code = list_ecus(gateway, &ecus);
    for (size_t i = 0; code == CT_EXIT_OK && i < ecus.count; i++) {
        const char *bus = ecus.rows[i].bus;
        if (!ecus.rows[i].functional || (wanted != NULL && strcmp(wanted, bus) != 0)) {
            continue;
        }
        if (gateway->bus[0] != '\0' && strcmp(gateway->bus, bus) != 0) {
            return ct_diag_fail(CT_EXIT_USAGE, "the gateway has ECUs on %s and %s; choose by --bus", gateway->bus, bus);
        }
        (void)snprintf(gateway->bus, sizeof gateway->bus, "%s", bus);
    }
    if (code == CT_EXIT_OK && gateway->bus[0] == '\0') {
        return ct_diag_fail(CT_EXIT_FAILED, "%s%s of the gateway's has ECUs and a functional_id",
                            wanted != NULL ? "no bus " : "no bus", wanted != NULL ? wanted : "");
    }
    return code;
}

int ct_diag_gateway_open_bus(const char *socket, const char *bus, struct ct_diag_gateway **out_gateway)
{
    struct ct_diag_gateway *gateway = NULL;
    int code = connect_to(socket, &gateway);
    if (code != CT_EXIT_OK || gateway == NULL) {
        return code;
    }
    code = choose_bus(gateway, bus);
    if (code != CT_EXIT_OK) {
        ct_diag_gateway_close(gateway);
        return code;
    }
    *out_gateway = gateway;
    return CT_EXIT_OK;
}

static bool is_ours(const struct ct_diag_gateway *gateway, const cJSON *row)
{
    const cJSON *tag = cJSON_GetObjectItemCaseSensitive(row, "tag");
    return cJSON_IsNumber(tag) && fabs(tag->valuedouble - gateway->tag) < 0.5;
}

static void add_answer(struct ct_diag_answers *answers, const cJSON *row)
{
    const char *hex = ct_twin_text(row, "response");
    const size_t len = strlen(hex) / 2;
    if (answers->count < CT_DIAG_GATEWAY_ECUS && len <= sizeof answers->rows[0].response &&
        ct_hex_decode(answers->rows[answers->count].response, hex, len) == CT_OK) {
        (void)snprintf(answers->rows[answers->count].ecu, sizeof answers->rows[0].ecu, "%s", ct_twin_text(row, "ecu"));
        answers->rows[answers->count++].len = len;
    }
}

/* One request to its last word. *out_again: an ECU is busy, or the policy's rate refused it; nothing was sent. */
static int ask_all_once(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                        struct ct_diag_answers *answers, bool *out_again)
{
    int code = say_request(gateway, request, len);
    bool ended = code != CT_EXIT_OK;
    *out_again = false;
    answers->count = 0;
    while (!ended) {
        cJSON *row = hear(gateway);
        if (row == NULL) {
            return gone();
        }
        const char *error = ct_twin_text(row, "error");
        const char *reason = ct_twin_text(row, "reason");
        if (error[0] != '\0') {
            code = ct_diag_fail(CT_EXIT_FAILED, "%s: %s", gateway->bus, error);
            ended = true;
        } else if (is_ours(gateway, row) && ct_twin_text(row, "ecu")[0] != '\0') {
            add_answer(answers, row);
        } else if (is_final(gateway, row)) {
            *out_again = strcmp(reason, "busy") == 0 || strcmp(reason, "policy-rate") == 0;
            const bool fine = *out_again || strcmp(reason, "none") == 0 || strcmp(reason, "no-response") == 0;
            code = fine ? code
                        : ct_diag_fail(CT_EXIT_FAILED, "%s: the gateway says %s: %s", gateway->bus, reason,
                                       ct_twin_text(row, "text"));
            ended = true;
        }
        cJSON_Delete(row);
    }
    return code;
}

int ct_diag_gateway_ask_all(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                            struct ct_diag_answers *out_answers)
{
    for (unsigned i = 0; i < RATE_TRIES; i++) {
        bool again;
        const int code = ask_all_once(gateway, request, len, out_answers, &again);
        if (!again) {
            return code;
        }
        (void)poll(NULL, 0, RATE_PAUSE_MS);
    }
    return ct_diag_fail(CT_EXIT_FAILED, "%s: somebody else has an ECU, or the policy's rate leaves no room",
                        gateway->bus);
}
