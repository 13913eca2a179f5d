#include "commands.h"

#include "command_wire.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIGNED_MAX 8192

#define ROW                                                                                                 \
    "id, vehicle, seq, action, target, detail, issued_utc_ms, expires_utc_ms, sent_utc_ms, state, reason, " \
    "response, reported, text FROM commands "

/* name, text */
#define STATEMENTS(X)                                                                                                \
    X(NEXT_SEQ, "UPDATE vehicles SET command_seq = max(command_seq + 1, ?) WHERE id = ? RETURNING command_seq")      \
    X(ADD, "INSERT INTO commands(id, vehicle, seq, action, target, detail, issued_utc_ms, expires_utc_ms, signed) "  \
           "VALUES(?,?,?,?,?,?,?,?,?)")                                                                              \
    X(ADD_HISTORY, "INSERT INTO command_history(command, state, reason, utc_ms) VALUES(?,?,?,?)")                    \
    X(STATE, "SELECT state, vehicle, sent_utc_ms FROM commands WHERE id = ?")                                        \
    X(SET_STATE, "UPDATE commands SET state = ?, reason = ?, text = coalesce(?, text) WHERE id = ?")                 \
    X(SET_RESPONSE, "UPDATE commands SET response = ? WHERE id = ?")                                                 \
    X(SET_REPORTED, "UPDATE commands SET reported = ? WHERE id = ?")                                                 \
    X(SET_SENT, "UPDATE commands SET sent_utc_ms = ? WHERE id = ? AND sent_utc_ms IS NULL")                          \
    X(WAITING, "SELECT id, signed FROM commands WHERE vehicle = ? AND state = 0 AND reason = 0 AND "                 \
               "(sent_utc_ms IS NULL OR ? = 0) "                                                                     \
               "ORDER BY seq")                                                                                       \
    X(WAITING_COUNT, "SELECT count(*) FROM commands WHERE vehicle = ? AND state = 0")                                \
    X(EXPIRED, "SELECT id, vehicle, sent_utc_ms FROM commands WHERE state = 0 AND expires_utc_ms + "                 \
               "iif(sent_utc_ms IS NULL, 0, ?) < ? LIMIT 100")                                                       \
    X(HELD,                                                                                                          \
      "SELECT signed, EXISTS(SELECT 1 FROM commands AS later JOIN command_history AS h ON h.command = later.id "     \
      "AND h.state = ?1 WHERE later.vehicle = held.vehicle AND later.seq > held.seq AND later.sent_utc_ms NOT NULL)" \
      " OR (SELECT count(*) FROM commands AS later WHERE later.vehicle = held.vehicle AND later.seq > held.seq "     \
      "AND later.sent_utc_ms NOT NULL) >= ?2 FROM commands AS held WHERE id = ?3 AND state = 0 AND reason = ?1 "     \
      "AND expires_utc_ms > ?4")                                                                                     \
    X(SET_SIGNED, "UPDATE commands SET signed = ?, reason = 0 WHERE id = ?")                                         \
    X(GET, "SELECT " ROW "WHERE id = ?")                                                                             \
    X(LIST, "SELECT " ROW "WHERE vehicle = ? ORDER BY seq DESC LIMIT ?")                                             \
    X(HISTORY, "SELECT state, reason, utc_ms FROM command_history WHERE command = ? ORDER BY id")                    \
    X(OLD_DESIRED, "SELECT revision, command FROM desired WHERE vehicle = ? AND path = ?")                           \
    X(SET_DESIRED, "INSERT INTO desired VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET value = excluded.value, "        \
                   "revision = excluded.revision, command = excluded.command")                                       \
    X(DESIRED, "SELECT path, value, revision, command, state, reason FROM desired JOIN commands "                    \
               "ON commands.id = desired.command WHERE desired.vehicle = ? ORDER BY path")                           \
    X(TOTALS, "SELECT count(*), coalesce(sum(state = 0), 0) FROM commands")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_commands {
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    sqlite3_stmt *statements[S_COUNT];
};

int ct_commands_open(struct ct_database *database, const uint8_t director_secret[CT_SIGN_SECRET_SIZE],
                     struct ct_commands **out_commands)
{
    if (sodium_init() < 0) {
        return CT_ERR_UNSUPPORTED;
    }
    struct ct_commands *commands = calloc(1, sizeof *commands);
    if (commands == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memcpy(commands->secret, director_secret, sizeof commands->secret);
    const int err = ct_statements_prepare(database, statement_texts, commands->statements, S_COUNT);
    if (err != CT_OK) {
        ct_commands_close(commands);
        return err;
    }
    *out_commands = commands;
    return CT_OK;
}

void ct_commands_close(struct ct_commands *commands)
{
    if (commands != NULL) {
        ct_statements_free(commands->statements, S_COUNT);
        sodium_memzero(commands->secret, sizeof commands->secret);
        free(commands);
    }
}

/* ------------------------------------------------------------------------------------------------ issue */

static int add_history(struct ct_commands *commands, const uint8_t *id, int state, int reason, int64_t utc_ms)
{
    sqlite3_stmt *add = commands->statements[S_ADD_HISTORY];
    const int err =
        ct_statement_bind(add, "biii", id, (size_t)CT_COMMAND_ID_SIZE, (int64_t)state, (int64_t)reason, utc_ms);
    return err == CT_OK ? ct_statement_run(add) : err;
}

static int set_state(struct ct_commands *commands, const uint8_t *id, int state, int reason, const char *text,
                     int64_t utc_ms)
{
    sqlite3_stmt *set = commands->statements[S_SET_STATE];
    int err = ct_statement_bind(set, "iitb", (int64_t)state, (int64_t)reason, text, id, (size_t)CT_COMMAND_ID_SIZE);
    err = err == CT_OK ? ct_statement_run(set) : err;
    return err == CT_OK ? add_history(commands, id, state, reason, utc_ms) : err;
}

static int first_number(sqlite3_stmt *statement, int64_t *out_number)
{
    const int row = ct_statement_row(statement);
    if (row == 1) {
        *out_number = sqlite3_column_int64(statement, 0);
        ct_statement_end(statement);
        return CT_OK;
    }
    return row == 0 ? CT_ERR_NOT_FOUND : row;
}

static int one_number(sqlite3_stmt *statement, int64_t key, int64_t *out_number)
{
    const int err = ct_statement_bind(statement, "i", key);
    return err == CT_OK ? first_number(statement, out_number) : err;
}

/* At least the time: the vehicle takes only higher ones, also from a backend whose database was lost or restored. */
static int next_seq(struct ct_commands *commands, int64_t vehicle_row, int64_t utc_ms, int64_t *out_seq)
{
    sqlite3_stmt *next = commands->statements[S_NEXT_SEQ];
    const int err = ct_statement_bind(next, "ii", utc_ms, vehicle_row);
    return err == CT_OK ? first_number(next, out_seq) : err;
}

static int sign(const struct ct_commands *commands, const struct ct_command *command, struct ct_buf *out)
{
    struct ct_buf payload;
    struct ct_signature signature;
    ct_buf_init(&payload, SIGNED_MAX);
    int err = ct_command_encode(command, &payload);
    if (err == CT_OK) {
        err = ct_envelope_sign(CT_DOMAIN_COMMAND, payload.data, payload.len, CT_ROLE_DIRECTOR, commands->secret,
                               &signature);
    }
    if (err == CT_OK) {
        err = ct_signed_command_join(payload.data, payload.len, &signature, 1, out);
    }
    ct_buf_free(&payload);
    return err;
}

struct command_state {
    int state;
    int64_t vehicle_row;
    bool sent;
};

static int read_state(struct ct_commands *commands, const uint8_t *id, struct command_state *out_state)
{
    sqlite3_stmt *get = commands->statements[S_STATE];
    const int err = ct_statement_bind(get, "b", id, (size_t)CT_COMMAND_ID_SIZE);
    const int row = err == CT_OK ? ct_statement_row(get) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    *out_state = (struct command_state){sqlite3_column_int(get, 0), sqlite3_column_int64(get, 1),
                                        sqlite3_column_type(get, 2) != SQLITE_NULL};
    ct_statement_end(get);
    return CT_OK;
}

/* The revision behind the path's last; a command for that one which never left ends as superseded. */
static int supersede(struct ct_commands *commands, int64_t vehicle_row, const char *path, int64_t utc_ms,
                     uint64_t *out_revision)
{
    sqlite3_stmt *old = commands->statements[S_OLD_DESIRED];
    const int err = ct_statement_bind(old, "it", vehicle_row, path);
    const int row = err == CT_OK ? ct_statement_row(old) : err;
    *out_revision = (uint64_t)utc_ms; /* as next_seq */
    if (row != 1) {
        return row;
    }
    uint8_t id[CT_COMMAND_ID_SIZE] = {0};
    const uint64_t next = (uint64_t)sqlite3_column_int64(old, 0) + 1;
    *out_revision = next > *out_revision ? next : *out_revision;
    if (sqlite3_column_bytes(old, 1) == (int)sizeof id) {
        memcpy(id, sqlite3_column_blob(old, 1), sizeof id);
    }
    ct_statement_end(old);
    struct command_state state;
    const int found = read_state(commands, id, &state);
    if (found != CT_OK || state.state != 0 || state.sent) {
        return found == CT_ERR_NOT_FOUND ? CT_OK : found;
    }
    return set_state(commands, id, CT_COMMAND_CANCELLED, CT_REASON_SUPERSEDED, NULL, utc_ms);
}

static int store(struct ct_commands *commands, int64_t vehicle_row, const struct ct_command *command,
                 const char *detail, const struct ct_buf *signed_command)
{
    const bool desired = command->action == CT_ACTION_SET_DESIRED;
    const char *target = desired ? command->path : command->ecu;
    sqlite3_stmt *add = commands->statements[S_ADD];
    int err = ct_statement_bind(add, "biiittiib", command->command_id, (size_t)CT_COMMAND_ID_SIZE, vehicle_row,
                                (int64_t)command->seq, (int64_t)command->action, target, detail, command->issued_utc_ms,
                                command->expires_utc_ms, signed_command->data, signed_command->len);
    err = err == CT_OK ? ct_statement_run(add) : err;
    if (err == CT_OK && desired) {
        sqlite3_stmt *set = commands->statements[S_SET_DESIRED];
        err = ct_statement_bind(set, "ittib", vehicle_row, target, detail, (int64_t)command->revision,
                                command->command_id, (size_t)CT_COMMAND_ID_SIZE);
        err = err == CT_OK ? ct_statement_run(set) : err;
    }
    return err == CT_OK ? add_history(commands, command->command_id, 0, 0, command->issued_utc_ms) : err;
}

int ct_commands_issue(struct ct_commands *commands, int64_t vehicle_row, struct ct_command *command, const char *detail,
                      int64_t utc_ms)
{
    int64_t waiting = 0;
    int64_t seq = 0;
    int err = one_number(commands->statements[S_WAITING_COUNT], vehicle_row, &waiting);
    if (err == CT_OK && waiting >= CT_COMMANDS_WAITING_MAX) {
        return CT_ERR_FULL;
    }
    if (err == CT_OK) {
        err = next_seq(commands, vehicle_row, utc_ms, &seq);
    }
    if (err == CT_OK && command->action == CT_ACTION_SET_DESIRED) {
        err = supersede(commands, vehicle_row, command->path, utc_ms, &command->revision);
    }
    if (err != CT_OK) {
        return err;
    }
    randombytes_buf(command->command_id, sizeof command->command_id);
    command->seq = (uint64_t)seq;
    command->issued_utc_ms = utc_ms;
    struct ct_buf signed_command;
    ct_buf_init(&signed_command, SIGNED_MAX);
    err = sign(commands, command, &signed_command);
    if (err == CT_OK) {
        err = store(commands, vehicle_row, command, detail, &signed_command);
    }
    ct_buf_free(&signed_command);
    return err;
}

int ct_commands_hold(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], int64_t utc_ms)
{
    const int err =
        ct_statement_bind(commands->statements[S_SET_STATE], "iitb", INT64_C(0), (int64_t)CT_COMMAND_AWAITING_RELEASE,
                          (const char *)NULL, id, (size_t)CT_COMMAND_ID_SIZE);
    const int set = err == CT_OK ? ct_statement_run(commands->statements[S_SET_STATE]) : err;
    return set == CT_OK ? add_history(commands, id, CT_COMMAND_AWAITING_RELEASE, 0, utc_ms) : set;
}

static int add_signature(sqlite3_stmt *held, const struct ct_signature *signature, struct ct_buf *out)
{
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    const uint8_t *payload = NULL;
    size_t len = 0;
    size_t count = 0;
    const int err = ct_signed_command_split(sqlite3_column_blob(held, 0), (size_t)sqlite3_column_bytes(held, 0),
                                            &payload, &len, signatures, &count);
    if (err != CT_OK || count != 1) {
        return CT_ERR_CORRUPT;
    }
    if (memcmp(signatures[0].key_id, signature->key_id, CT_KEY_ID_SIZE) == 0) {
        return CT_ERR_ARGUMENT;
    }
    signatures[count++] = *signature;
    return ct_signed_command_join(payload, len, signatures, count, out);
}

int ct_commands_release(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE],
                        const struct ct_signature *signature, int64_t utc_ms)
{
    sqlite3_stmt *held = commands->statements[S_HELD];
    sqlite3_stmt *set = commands->statements[S_SET_SIGNED];
    struct ct_buf signed_command;
    int err = ct_statement_bind(held, "iibi", (int64_t)CT_COMMAND_AWAITING_RELEASE, (int64_t)CT_COMMAND_WINDOW, id,
                                (size_t)CT_COMMAND_ID_SIZE, utc_ms);
    const int row = err == CT_OK ? ct_statement_row(held) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    ct_buf_init(&signed_command, SIGNED_MAX);
    err = sqlite3_column_int(held, 1) != 0 ? CT_ERR_EXISTS : add_signature(held, signature, &signed_command);
    ct_statement_end(held);
    if (err == CT_OK) {
        err = ct_statement_bind(set, "bb", signed_command.data, signed_command.len, id, (size_t)CT_COMMAND_ID_SIZE);
    }
    err = err == CT_OK ? ct_statement_run(set) : err;
    ct_buf_free(&signed_command);
    return err == CT_OK ? add_history(commands, id, 0, 0, utc_ms) : err;
}

/* ------------------------------------------------------------------------------------------------ life */

static int store_result(struct ct_commands *commands, const struct ct_command_status *status)
{
    int err = CT_OK;
    if (status->response_len > 0) {
        sqlite3_stmt *set = commands->statements[S_SET_RESPONSE];
        err = ct_statement_bind(set, "bb", status->response, status->response_len, status->command_id,
                                (size_t)CT_COMMAND_ID_SIZE);
        err = err == CT_OK ? ct_statement_run(set) : err;
    }
    if (err == CT_OK && status->has_reported) {
        sqlite3_stmt *set = commands->statements[S_SET_REPORTED];
        err = ct_statement_bind(set, "nb", status->command_id, (size_t)CT_COMMAND_ID_SIZE);
        if (err == CT_OK && sqlite3_bind_double(set, 1, status->reported) == SQLITE_OK) {
            err = ct_statement_run(set);
        }
    }
    return err;
}

/* The vehicle's word counts: the first status, whatever it is, and an end, unless one is known. */
static bool says_news(int known, const struct ct_command_status *status)
{
    if (known != 0 && status->reason == CT_REASON_REPLAYED) {
        return false; /* the answer to a resend that crossed the first status */
    }
    /* What this side gave up on without the vehicle's word is open to it. */
    const bool own_verdict =
        known == CT_COMMAND_EXPIRED || known == CT_COMMAND_OUTCOME_UNKNOWN || known == CT_COMMAND_CANCELLED;
    if (known == 0 || own_verdict) {
        return known != status->state;
    }
    return ct_command_state_follows(known, status->state) ||
           (!ct_command_state_final(known) && ct_command_state_final(status->state));
}

int ct_commands_status(struct ct_commands *commands, int64_t vehicle_row, const struct ct_command_status *status,
                       int64_t utc_ms, bool *out_changed)
{
    struct command_state known;
    *out_changed = false;
    if (status->command_id == NULL) {
        return CT_OK;
    }
    int err = read_state(commands, status->command_id, &known);
    if (err != CT_OK) {
        return err == CT_ERR_NOT_FOUND ? CT_OK : err;
    }
    const bool progress = known.state == CT_COMMAND_RUNNING && status->state == CT_COMMAND_RUNNING &&
                          status->text != NULL && status->text[0] != '\0';
    if (known.vehicle_row != vehicle_row || (!progress && !says_news(known.state, status))) {
        return CT_OK;
    }
    *out_changed = true;
    const char *text = status->text != NULL && status->text[0] != '\0' ? status->text : NULL;
    err = set_state(commands, status->command_id, status->state, status->reason, text, utc_ms);
    return err == CT_OK ? store_result(commands, status) : err;
}

int ct_commands_waiting(struct ct_commands *commands, int64_t vehicle_row, bool unsent_only, ct_commands_waiting_fn fn,
                        void *user)
{
    sqlite3_stmt *waiting = commands->statements[S_WAITING];
    int err = ct_statement_bind(waiting, "ii", vehicle_row, (int64_t)unsent_only);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(waiting)) == 1) {
        if (sqlite3_column_bytes(waiting, 0) != CT_COMMAND_ID_SIZE) {
            err = CT_ERR_CORRUPT;
            break;
        }
        const uint8_t *signed_command = sqlite3_column_blob(waiting, 1);
        err = fn(user, sqlite3_column_blob(waiting, 0), signed_command, (size_t)sqlite3_column_bytes(waiting, 1));
    }
    ct_statement_end(waiting);
    return err != CT_OK ? err : row;
}

int ct_commands_sent(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], int64_t utc_ms)
{
    sqlite3_stmt *set = commands->statements[S_SET_SENT];
    int err = ct_statement_bind(set, "ib", utc_ms, id, (size_t)CT_COMMAND_ID_SIZE);
    err = err == CT_OK ? ct_statement_run(set) : err;
    return err == CT_OK ? add_history(commands, id, CT_COMMAND_SENT, 0, utc_ms) : err;
}

int ct_commands_expire(struct ct_commands *commands, int64_t utc_ms,
                       void (*fn)(void *user, int64_t vehicle_row, const uint8_t id[CT_COMMAND_ID_SIZE]), void *user)
{
    sqlite3_stmt *expired = commands->statements[S_EXPIRED];
    for (;;) {
        int err = ct_statement_bind(expired, "ii", CT_COMMAND_GIVEN_UP_MS, utc_ms);
        const int row = err == CT_OK ? ct_statement_row(expired) : err;
        if (row != 1) {
            return row;
        }
        uint8_t id[CT_COMMAND_ID_SIZE] = {0};
        if (sqlite3_column_bytes(expired, 0) == (int)sizeof id) {
            memcpy(id, sqlite3_column_blob(expired, 0), sizeof id);
        }
        const int64_t vehicle_row = sqlite3_column_int64(expired, 1);
        const bool sent = sqlite3_column_type(expired, 2) != SQLITE_NULL;
        ct_statement_end(expired);
        err = set_state(commands, id, sent ? CT_COMMAND_OUTCOME_UNKNOWN : CT_COMMAND_EXPIRED, 0, NULL, utc_ms);
        if (err != CT_OK) {
            return err;
        }
        fn(user, vehicle_row, id);
    }
}

/* ------------------------------------------------------------------------------------------------ reading */

static int give_row(sqlite3_stmt *row, ct_command_row_fn fn, void *user)
{
    if (sqlite3_column_bytes(row, 0) != CT_COMMAND_ID_SIZE) {
        return CT_ERR_CORRUPT;
    }
    const int state = sqlite3_column_int(row, 9);
    const int reason = sqlite3_column_int(row, 10);
    const bool held = state == 0 && reason == CT_COMMAND_AWAITING_RELEASE;
    const struct ct_command_row out = {
        .id = sqlite3_column_blob(row, 0),
        .vehicle_row = sqlite3_column_int64(row, 1),
        .seq = (uint64_t)sqlite3_column_int64(row, 2),
        .action = (enum ct_action)sqlite3_column_int(row, 3),
        .target = (const char *)sqlite3_column_text(row, 4),
        .detail = (const char *)sqlite3_column_text(row, 5),
        .issued_utc_ms = sqlite3_column_int64(row, 6),
        .expires_utc_ms = sqlite3_column_int64(row, 7),
        .sent_utc_ms = sqlite3_column_int64(row, 8),
        .state = held ? CT_COMMAND_AWAITING_RELEASE : state,
        .reason = held ? 0 : reason,
        .response = sqlite3_column_blob(row, 11),
        .response_len = (size_t)sqlite3_column_bytes(row, 11),
        .has_reported = sqlite3_column_type(row, 12) != SQLITE_NULL,
        .reported = sqlite3_column_double(row, 12),
        .text = (const char *)sqlite3_column_text(row, 13),
    };
    return fn(user, &out);
}

int ct_commands_get(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], ct_command_row_fn fn,
                    void *user)
{
    sqlite3_stmt *get = commands->statements[S_GET];
    int err = ct_statement_bind(get, "b", id, (size_t)CT_COMMAND_ID_SIZE);
    const int row = err == CT_OK ? ct_statement_row(get) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    err = give_row(get, fn, user);
    ct_statement_end(get);
    return err;
}

int ct_commands_list(struct ct_commands *commands, int64_t vehicle_row, size_t limit, ct_command_row_fn fn, void *user)
{
    sqlite3_stmt *list = commands->statements[S_LIST];
    int err = ct_statement_bind(list, "ii", vehicle_row, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(list)) == 1) {
        err = give_row(list, fn, user);
    }
    ct_statement_end(list);
    return err != CT_OK ? err : row;
}

int ct_commands_history(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE],
                        void (*fn)(void *user, int state, int reason, int64_t utc_ms), void *user)
{
    sqlite3_stmt *history = commands->statements[S_HISTORY];
    const int err = ct_statement_bind(history, "b", id, (size_t)CT_COMMAND_ID_SIZE);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(history)) == 1) {
        fn(user, sqlite3_column_int(history, 0), sqlite3_column_int(history, 1), sqlite3_column_int64(history, 2));
    }
    return err != CT_OK ? err : row;
}

int ct_commands_desired(struct ct_commands *commands, int64_t vehicle_row,
                        void (*fn)(void *user, const char *path, const char *detail, uint64_t revision,
                                   const uint8_t id[CT_COMMAND_ID_SIZE], int state, int reason),
                        void *user)
{
    sqlite3_stmt *desired = commands->statements[S_DESIRED];
    const int err = ct_statement_bind(desired, "i", vehicle_row);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(desired)) == 1) {
        fn(user, (const char *)sqlite3_column_text(desired, 0), (const char *)sqlite3_column_text(desired, 1),
           (uint64_t)sqlite3_column_int64(desired, 2), sqlite3_column_blob(desired, 3), sqlite3_column_int(desired, 4),
           sqlite3_column_int(desired, 5));
    }
    return err != CT_OK ? err : row;
}

int ct_commands_count(struct ct_commands *commands, uint64_t *out_count, uint64_t *out_waiting)
{
    sqlite3_stmt *count = commands->statements[S_TOTALS];
    const int row = ct_statement_row(count);
    if (row != 1) {
        return row == 0 ? CT_ERR_CORRUPT : row;
    }
    *out_count = (uint64_t)sqlite3_column_int64(count, 0);
    *out_waiting = (uint64_t)sqlite3_column_int64(count, 1);
    ct_statement_end(count);
    return CT_OK;
}
