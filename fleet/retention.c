#include "retention.h"

#include <stdlib.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))

/* A desired value keeps its command; a command that waits is no past. */
#define OLD_COMMANDS                                                                                  \
    "SELECT id FROM commands WHERE vehicle = ?1 AND issued_utc_ms < ?2 AND state != 0 AND id NOT IN " \
    "(SELECT command FROM desired WHERE vehicle = ?1) ORDER BY seq LIMIT 64"

/* name, which days, of a vehicle, its time in ... to a millisecond, text (1: vehicle, 2: limit of time) */
#define STATEMENTS(X)                                                                                               \
    X(CHUNKS, history_days, true, 1000,                                                                             \
      "DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE vehicle = ?1 AND t1_us < ?2 LIMIT 64)")          \
    X(GAPS, history_days, true, 1,                                                                                  \
      "DELETE FROM gaps WHERE id IN (SELECT id FROM gaps WHERE vehicle = ?1 AND to_utc_ms < ?2 LIMIT 64)")          \
    X(EVENTS, events_days, true, 1,                                                                                 \
      "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE vehicle = ?1 AND utc_ms < ?2 LIMIT 64)")         \
    X(COMMAND_HISTORY, commands_days, true, 1, "DELETE FROM command_history WHERE command IN (" OLD_COMMANDS ")")   \
    X(COMMANDS, commands_days, true, 1, "DELETE FROM commands WHERE id IN (" OLD_COMMANDS ")")                      \
    X(AUDIT, audit_days, false, 1,                                                                                  \
      "DELETE FROM audit WHERE ?1 = 0 AND id IN (SELECT id FROM audit WHERE utc_ms < ?2 ORDER BY id LIMIT 64)")     \
    X(ALERTS, audit_days, false, 1,                                                                                 \
      "DELETE FROM alerts WHERE ?1 = 0 AND id IN (SELECT id FROM alerts WHERE until_utc_ms < ?2 ORDER BY id LIMIT " \
      "64)")

#define STATEMENT_ENUM(name, days, vehicle, unit, text) S_##name,
#define STATEMENT_TEXT(name, days, vehicle, unit, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

static const struct {
    size_t days; /* where in the policy */
    bool of_vehicle;
    int64_t unit;
} kinds[S_COUNT] = {
#define STATEMENT_KIND(name, days, vehicle, unit, text) {offsetof(struct ct_retention_policy, days), vehicle, unit},
    STATEMENTS(STATEMENT_KIND)};

struct ct_retention {
    struct ct_retention_policy policy;
    sqlite3_stmt *statements[S_COUNT];
};

static uint16_t days_of(const struct ct_retention *retention, size_t kind)
{
    const void *at = (const char *)&retention->policy + kinds[kind].days;
    return *(const uint16_t *)at;
}

int ct_retention_open(struct ct_database *database, const struct ct_retention_policy *policy,
                      struct ct_retention **out_retention)
{
    struct ct_retention *retention = calloc(1, sizeof *retention);
    if (retention == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    retention->policy = *policy;
    const int err = ct_statements_prepare(database, statement_texts, retention->statements, S_COUNT);
    if (err != CT_OK) {
        free(retention);
        return err;
    }
    *out_retention = retention;
    return CT_OK;
}

void ct_retention_close(struct ct_retention *retention)
{
    if (retention != NULL) {
        ct_statements_free(retention->statements, S_COUNT);
        free(retention);
    }
}

bool ct_retention_any(const struct ct_retention *retention)
{
    bool any = false;
    for (size_t kind = 0; kind < S_COUNT; kind++) {
        any = any || days_of(retention, kind) > 0;
    }
    return any;
}

int ct_retention_step(struct ct_retention *retention, int64_t vehicle, int64_t utc_ms)
{
    int err = CT_OK;
    for (size_t kind = 0; err == CT_OK && kind < S_COUNT; kind++) {
        const int64_t days = days_of(retention, kind);
        if (days > 0 && kinds[kind].of_vehicle == (vehicle != 0)) {
            sqlite3_stmt *statement = retention->statements[kind];
            err = ct_statement_bind(statement, "ii", vehicle, (utc_ms - days * DAY_MS) * kinds[kind].unit);
            err = err == CT_OK ? ct_statement_run(statement) : err;
        }
    }
    return err;
}
