#include "alerts.h"

#include "labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW "id, vehicle, since_utc_ms, until_utc_ms, acknowledged_utc_ms, rule, severity, value, acknowledged_by, note"

/* name, text */
#define STATEMENTS(X)                                                                                            \
    X(RULES, "SELECT name, condition, for_ms, tag, severity FROM rules")                                         \
    X(SET_RULE, "INSERT INTO rules VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET condition = excluded.condition, " \
                "for_ms = excluded.for_ms, tag = excluded.tag, severity = excluded.severity")                    \
    X(REMOVE_RULE, "DELETE FROM rules WHERE name = ?")                                                           \
    X(OPEN, "SELECT id, rule, vehicle, since_utc_ms FROM alerts WHERE until_utc_ms IS NULL")                     \
    X(RAISE, "INSERT INTO alerts(rule, severity, vehicle, since_utc_ms, value) VALUES(?,?,?,?,?) RETURNING id")  \
    X(END, "UPDATE alerts SET until_utc_ms = ? WHERE id = ?")                                                    \
    X(END_RULE, "UPDATE alerts SET until_utc_ms = ? WHERE rule = ? AND until_utc_ms IS NULL")                    \
    X(LIST, "SELECT " ROW " FROM alerts WHERE (?1 = 0 OR vehicle = ?1) AND (?2 = 0 OR until_utc_ms IS NULL) "    \
            "ORDER BY id DESC LIMIT ?3")                                                                         \
    X(GET, "SELECT acknowledged_by FROM alerts WHERE id = ?")                                                    \
    X(ACKNOWLEDGE, "UPDATE alerts SET acknowledged_by = ?, acknowledged_utc_ms = ?, note = ? WHERE id = ?")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_alerts {
    struct ct_registry *registry;
    struct ct_rule rules[CT_RULES_MAX];
    struct ct_condition conditions[CT_RULES_MAX];
    size_t count;
    ct_alert_news_fn news; /* NULL: nobody listens */
    void *user;
    sqlite3_stmt *statements[S_COUNT];
};

bool ct_rule_severity_valid(const char *severity)
{
    return strcmp(severity, "info") == 0 || strcmp(severity, "warning") == 0 || strcmp(severity, "critical") == 0;
}

static struct ct_rule_state *states_of(struct ct_vehicle *vehicle)
{
    if (vehicle->rule_states == NULL) {
        vehicle->rule_states = calloc(CT_RULES_MAX, sizeof *vehicle->rule_states);
    }
    return vehicle->rule_states;
}

/* CT_RULES_MAX when there is none of that name. */
static size_t find_rule(const struct ct_alerts *alerts, const char *name)
{
    size_t place = 0;
    while (place < CT_RULES_MAX && strcmp(alerts->rules[place].name, name) != 0) {
        place++;
    }
    return place;
}

/* ------------------------------------------------------------------------------------------------ life */

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text == NULL ? "" : text;
}

static int load_rules(struct ct_alerts *alerts)
{
    sqlite3_stmt *all = alerts->statements[S_RULES];
    int row;
    while ((row = ct_statement_row(all)) == 1 && alerts->count < CT_RULES_MAX) {
        struct ct_rule *rule = &alerts->rules[alerts->count];
        (void)snprintf(rule->condition, sizeof rule->condition, "%s", text_of(all, 1));
        rule->for_ms = sqlite3_column_int64(all, 2);
        (void)snprintf(rule->tag, sizeof rule->tag, "%s", text_of(all, 3));
        (void)snprintf(rule->severity, sizeof rule->severity, "%s", text_of(all, 4));
        if (ct_condition_parse(rule->condition, &alerts->conditions[alerts->count]) == NULL) {
            (void)snprintf(rule->name, sizeof rule->name, "%s", text_of(all, 0));
            alerts->count++;
        }
    }
    ct_statement_end(all);
    return row < 0 ? row : CT_OK;
}

static int load_open(struct ct_alerts *alerts)
{
    sqlite3_stmt *open = alerts->statements[S_OPEN];
    int row;
    while ((row = ct_statement_row(open)) == 1) {
        const size_t place = find_rule(alerts, text_of(open, 1));
        struct ct_vehicle *vehicle = ct_registry_by_row(alerts->registry, sqlite3_column_int64(open, 2));
        struct ct_rule_state *states = vehicle == NULL ? NULL : states_of(vehicle);
        if (place < CT_RULES_MAX && states != NULL) {
            states[place] = (struct ct_rule_state){sqlite3_column_int64(open, 3), sqlite3_column_int64(open, 0)};
        }
    }
    return row;
}

int ct_alerts_open(struct ct_database *database, struct ct_registry *registry, struct ct_alerts **out_alerts)
{
    struct ct_alerts *alerts = calloc(1, sizeof *alerts);
    if (alerts == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    alerts->registry = registry;
    int err = ct_statements_prepare(database, statement_texts, alerts->statements, S_COUNT);
    err = err == CT_OK ? load_rules(alerts) : err;
    err = err == CT_OK ? load_open(alerts) : err;
    if (err != CT_OK) {
        ct_alerts_close(alerts);
        return err;
    }
    *out_alerts = alerts;
    return CT_OK;
}

void ct_alerts_listen(struct ct_alerts *alerts, ct_alert_news_fn fn, void *user)
{
    alerts->news = fn;
    alerts->user = user;
}

void ct_alerts_close(struct ct_alerts *alerts)
{
    if (alerts != NULL) {
        ct_statements_free(alerts->statements, S_COUNT);
        free(alerts);
    }
}

/* ------------------------------------------------------------------------------------------------ rules */

static int end_alert(struct ct_alerts *alerts, size_t place, const struct ct_vehicle *vehicle,
                     struct ct_rule_state *state, int64_t utc_ms)
{
    sqlite3_stmt *end = alerts->statements[S_END];
    int err = CT_OK;
    if (state->alert != 0) {
        err = ct_statement_bind(end, "ii", utc_ms, state->alert);
        err = err == CT_OK ? ct_statement_run(end) : err;
        if (err == CT_OK && alerts->news != NULL) {
            alerts->news(alerts->user, &alerts->rules[place], vehicle, NULL, state->since_utc_ms, utc_ms);
        }
    }
    *state = (struct ct_rule_state){0, 0};
    return err;
}

/* The place's alerts end, at every vehicle; those who listen are told of each. */
static int end_place(struct ct_alerts *alerts, size_t place, int64_t utc_ms)
{
    sqlite3_stmt *end = alerts->statements[S_END_RULE];
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(alerts->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(alerts->registry, i);
        vehicle->unjudged = true;
        if (vehicle->rule_states != NULL) {
            err = end_alert(alerts, place, vehicle, &vehicle->rule_states[place], utc_ms);
        }
    }
    err = err == CT_OK ? ct_statement_bind(end, "it", utc_ms, alerts->rules[place].name) : err;
    return err == CT_OK ? ct_statement_run(end) : err;
}

const char *ct_rule_set(struct ct_alerts *alerts, const struct ct_rule *rule, int64_t utc_ms, int *out_err)
{
    struct ct_condition condition;
    const char *wrong = ct_condition_parse(rule->condition, &condition);
    *out_err = CT_OK;
    if (wrong != NULL) {
        return wrong;
    }
    size_t place = find_rule(alerts, rule->name);
    const bool known = place < CT_RULES_MAX;
    place = known ? place : find_rule(alerts, "");
    if (place == CT_RULES_MAX) {
        *out_err = CT_ERR_FULL;
        return NULL;
    }
    sqlite3_stmt *set = alerts->statements[S_SET_RULE];
    int err = ct_statement_bind(set, "ttitt", rule->name, rule->condition, rule->for_ms, rule->tag, rule->severity);
    err = err == CT_OK ? ct_statement_run(set) : err;
    err = err == CT_OK ? end_place(alerts, place, utc_ms) : err;
    if (err == CT_OK) {
        alerts->rules[place] = *rule;
        alerts->conditions[place] = condition;
        alerts->count += !known;
    }
    *out_err = err;
    return NULL;
}

int ct_rule_remove(struct ct_alerts *alerts, const char *name, int64_t utc_ms)
{
    const size_t place = find_rule(alerts, name);
    if (place == CT_RULES_MAX || name[0] == '\0') {
        return CT_ERR_NOT_FOUND;
    }
    sqlite3_stmt *remove = alerts->statements[S_REMOVE_RULE];
    int err = ct_statement_bind(remove, "t", name);
    err = err == CT_OK ? ct_statement_run(remove) : err;
    err = err == CT_OK ? end_place(alerts, place, utc_ms) : err;
    if (err == CT_OK) {
        alerts->rules[place].name[0] = '\0';
        alerts->count--;
    }
    return err;
}

const struct ct_rule *ct_rule_at(const struct ct_alerts *alerts, size_t place)
{
    return place < CT_RULES_MAX ? &alerts->rules[place] : NULL;
}

/* ------------------------------------------------------------------------------------------------ judging */

bool ct_alerts_any(const struct ct_alerts *alerts)
{
    return alerts->count > 0;
}

static int raise_alert(struct ct_alerts *alerts, size_t place, const struct ct_vehicle *vehicle, uint32_t id,
                       const struct ct_reading *reading, struct ct_rule_state *state)
{
    char value[64];
    const struct ct_rule *rule = &alerts->rules[place];
    const struct ct_entry *entry = ct_catalogue_entry(ct_twin_catalogue(vehicle->twin), id);
    sqlite3_stmt *insert = alerts->statements[S_RAISE];
    const char *text = entry->kind == CT_KIND_RAW ? ct_entry_text(entry, reading->sample.raw) : NULL;
    if (text != NULL) {
        (void)snprintf(value, sizeof value, "%s", text);
    } else if (entry->kind == CT_KIND_STRING) {
        (void)snprintf(value, sizeof value, "%.*s", (int)reading->sample.len, (const char *)reading->sample.bytes);
    } else {
        (void)snprintf(value, sizeof value, "%.10g", ct_entry_physical(entry, &reading->sample));
    }
    const int err =
        ct_statement_bind(insert, "ttiit", rule->name, rule->severity, vehicle->row, state->since_utc_ms, value);
    const int row = err == CT_OK ? ct_statement_row(insert) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_CORRUPT : row;
    }
    state->alert = sqlite3_column_int64(insert, 0);
    ct_statement_end(insert);
    if (alerts->news != NULL) {
        alerts->news(alerts->user, rule, vehicle, value, state->since_utc_ms, 0);
    }
    return CT_OK;
}

static int judge_rule(struct ct_alerts *alerts, size_t place, struct ct_vehicle *vehicle, struct ct_rule_state *state,
                      int64_t utc_ms)
{
    uint32_t id = 0;
    struct ct_reading reading = {.received_ns = 0};
    const struct ct_rule *rule = &alerts->rules[place];
    const bool meant = rule->tag[0] == '\0' || ct_labels_have_tag(&vehicle->labels, rule->tag);
    const bool holds = meant && ct_condition_holds(&alerts->conditions[place], vehicle->twin, &id, &reading);
    if (meant && (reading.sample.quality & CT_Q_STALE) != 0) {
        return CT_OK;
    }
    if (!holds) {
        return state->since_utc_ms == 0 ? CT_OK : end_alert(alerts, place, vehicle, state, utc_ms);
    }
    state->since_utc_ms = state->since_utc_ms == 0 ? utc_ms : state->since_utc_ms;
    if (state->alert != 0) {
        return CT_OK;
    }
    if (utc_ms - state->since_utc_ms < rule->for_ms) {
        vehicle->unjudged = true;
        return CT_OK;
    }
    return raise_alert(alerts, place, vehicle, id, &reading, state);
}

int ct_alerts_judge(struct ct_alerts *alerts, struct ct_vehicle *vehicle, int64_t utc_ms)
{
    struct ct_rule_state *states = states_of(vehicle);
    int err = states == NULL ? CT_ERR_NO_MEMORY : CT_OK;
    vehicle->unjudged = false;
    for (size_t place = 0; err == CT_OK && vehicle->twin != NULL && place < CT_RULES_MAX; place++) {
        if (alerts->rules[place].name[0] != '\0') {
            err = judge_rule(alerts, place, vehicle, &states[place], utc_ms);
        }
    }
    return err;
}

unsigned ct_alerts_open_count(const struct ct_vehicle *vehicle)
{
    unsigned count = 0;
    for (size_t place = 0; vehicle->rule_states != NULL && place < CT_RULES_MAX; place++) {
        count += vehicle->rule_states[place].alert != 0;
    }
    return count;
}

/* ------------------------------------------------------------------------------------------------ the list */

int ct_alerts_list(struct ct_alerts *alerts, int64_t vehicle_row, bool open_only, size_t limit, ct_alert_fn fn,
                   void *user)
{
    sqlite3_stmt *list = alerts->statements[S_LIST];
    int err = ct_statement_bind(list, "iii", vehicle_row, (int64_t)open_only, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(list)) == 1) {
        const struct ct_alert alert = {.id = sqlite3_column_int64(list, 0),
                                       .vehicle_row = sqlite3_column_int64(list, 1),
                                       .since_utc_ms = sqlite3_column_int64(list, 2),
                                       .until_utc_ms = sqlite3_column_int64(list, 3),
                                       .acknowledged_utc_ms = sqlite3_column_int64(list, 4),
                                       .rule = (const char *)sqlite3_column_text(list, 5),
                                       .severity = (const char *)sqlite3_column_text(list, 6),
                                       .value = (const char *)sqlite3_column_text(list, 7),
                                       .acknowledged_by = (const char *)sqlite3_column_text(list, 8),
                                       .note = (const char *)sqlite3_column_text(list, 9)};
        err = fn(user, &alert);
    }
    ct_statement_end(list);
    return err != CT_OK ? err : row;
}

int ct_alert_acknowledge(struct ct_alerts *alerts, int64_t id, const char *by, const char *note, int64_t utc_ms)
{
    sqlite3_stmt *get = alerts->statements[S_GET];
    int err = ct_statement_bind(get, "i", id);
    const int row = err == CT_OK ? ct_statement_row(get) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    const bool taken = sqlite3_column_type(get, 0) != SQLITE_NULL;
    ct_statement_end(get);
    if (taken) {
        return CT_ERR_EXISTS;
    }
    sqlite3_stmt *acknowledge = alerts->statements[S_ACKNOWLEDGE];
    err = ct_statement_bind(acknowledge, "titi", by, utc_ms, note, id);
    return err == CT_OK ? ct_statement_run(acknowledge) : err;
}
