#include "uds_server_internal.h"

#include <string.h>

#define ATTEMPTS_USUAL 3U
#define DELAY_USUAL_MS 10000U

/* --- which level --- */

static bool row_of(const struct ct_uds_server *server, uint8_t value, size_t *out_row)
{
    const uint8_t level = (uint8_t)(value % 2 == 1 ? value : value - 1);
    for (size_t i = 0; value != 0 && i < server->config.level_count; i++) {
        if (server->config.levels[i].level == level) {
            *out_row = i;
            return true;
        }
    }
    return false;
}

static unsigned attempts_max(const struct ct_uds_level *level)
{
    return level->attempts != 0 ? level->attempts : ATTEMPTS_USUAL;
}

static void start_delay(struct ct_uds_server *server, size_t row, ct_ns now)
{
    const struct ct_uds_level *level = &server->config.levels[row];
    server->security.delay_ends[row] =
        ct_ns_add(now, ct_ns_from_ms(level->delay_ms != 0 ? level->delay_ms : DELAY_USUAL_MS));
}

/* When the delay is over one more try is granted (ISO 14229-1:2020 10.4, figure of the delay). */
static bool delayed(struct ct_uds_server *server, size_t row, ct_ns now)
{
    const unsigned max = attempts_max(&server->config.levels[row]);
    if (server->security.attempts[row] < max) {
        return false;
    }
    if (now < server->security.delay_ends[row]) {
        return true;
    }
    server->security.attempts[row] = (uint8_t)(max - 1);
    return false;
}

/* --- seed and key --- */

/* An all-zero seed says "already unlocked", so a random one must not be that. */
static void make_seed(struct ct_uds_server *server, uint8_t len)
{
    uint8_t any = 0;
    server->config.random(server->config.user, server->security.seed, len);
    for (unsigned i = 0; i < len; i++) {
        any |= server->security.seed[i];
    }
    if (any == 0) {
        server->security.seed[0] = 1;
    }
}

static uint8_t request_seed(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    static const uint8_t zero[CT_UDS_SEED_MAX] = {0};
    size_t row = 0;
    const uint8_t value = request->data[1] & CT_UDS_SUBFUNCTION;
    if (!row_of(server, value, &row)) {
        return CT_NRC_SUBFUNCTION;
    }
    const struct ct_uds_level *level = &server->config.levels[row];
    if (server->unlocked == value) {
        return ct_server_put(answer, zero, level->seed_len);
    }
    if (delayed(server, row, request->now)) {
        return CT_NRC_DELAY;
    }
    if (server->security.level != value) { /* an unanswered seed is told again, another level's is void */
        make_seed(server, level->seed_len);
        server->security.level = value;
    }
    return ct_server_put(answer, server->security.seed, level->seed_len);
}

static uint8_t send_key(struct ct_uds_server *server, const struct ct_server_request *request,
                        struct ct_server_answer *answer)
{
    (void)answer;
    size_t row = 0;
    if (!row_of(server, request->data[1] & CT_UDS_SUBFUNCTION, &row)) {
        return CT_NRC_SUBFUNCTION;
    }
    const struct ct_uds_level *level = &server->config.levels[row];
    if (request->len != 2U + level->key_len) {
        return CT_NRC_LENGTH;
    }
    server->security.level = 0; /* one key a seed */
    if (level->key_fits(server->config.user, level->level, server->security.seed, request->data + 2)) {
        server->security.attempts[row] = 0;
        server->unlocked = level->level;
        return 0;
    }
    server->security.attempts[row]++;
    if (server->security.attempts[row] < attempts_max(level)) {
        return CT_NRC_INVALID_KEY;
    }
    start_delay(server, row, request->now);
    return CT_NRC_ATTEMPTS;
}

static bool seed_is_out(const struct ct_uds_server *server, const struct ct_server_request *request)
{
    return server->security.level != 0 && server->security.level == (request->data[1] & CT_UDS_SUBFUNCTION) - 1;
}

const struct ct_server_sub *ct_server_security_sub(const struct ct_uds_server *server, uint8_t value)
{
    /* bit 0 of `sessions` is no session: always 7E */
    static const struct ct_server_sub seed = {0, 2, 2, 0, NULL, request_seed};
    static const struct ct_server_sub key = {0, 2, 0, 0, seed_is_out, send_key};
    static const struct ct_server_sub elsewhere = {0, 2, 0, 1, NULL, request_seed};
    size_t row = 0;
    if (!row_of(server, value, &row)) {
        return NULL;
    }
    if (!ct_server_in_session(server, server->config.levels[row].sessions)) {
        return &elsewhere;
    }
    return value % 2 == 1 ? &seed : &key;
}

uint8_t ct_uds_server_unlocked(const struct ct_uds_server *server)
{
    return server->unlocked;
}

uint8_t ct_uds_server_attempts(const struct ct_uds_server *server, size_t level_row)
{
    return level_row < server->config.level_count ? server->security.attempts[level_row] : 0;
}

void ct_uds_server_attempts_set(struct ct_uds_server *server, size_t level_row, uint8_t attempts, ct_ns now)
{
    if (level_row >= server->config.level_count) {
        return;
    }
    const unsigned max = attempts_max(&server->config.levels[level_row]);
    server->security.attempts[level_row] = attempts < max ? attempts : (uint8_t)max;
    if (attempts >= max) {
        start_delay(server, level_row, now);
    }
}
