#include "audit.h"

#include <stdlib.h>

/* name, text */
#define STATEMENTS(X)                                                                                             \
    X(BEGIN, "INSERT INTO audit(utc_ms, user, vehicle, action, detail, status) VALUES(?,?,?,?,?,0) RETURNING id") \
    X(END, "UPDATE audit SET status = ? WHERE id = ?")                                                            \
    X(LIST, "SELECT id, utc_ms, user, vehicle, action, detail, status FROM audit WHERE id < ?1 AND "              \
            "(?2 IS NULL OR user = ?2) AND (?3 IS NULL OR vehicle = ?3) ORDER BY id DESC LIMIT ?4")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_audit {
    sqlite3_stmt *statements[S_COUNT];
};

int ct_audit_open(struct ct_database *database, struct ct_audit **out_audit)
{
    struct ct_audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = ct_statements_prepare(database, statement_texts, audit->statements, S_COUNT);
    if (err != CT_OK) {
        free(audit);
        return err;
    }
    *out_audit = audit;
    return CT_OK;
}

void ct_audit_close(struct ct_audit *audit)
{
    if (audit != NULL) {
        ct_statements_free(audit->statements, S_COUNT);
        free(audit);
    }
}

int ct_audit_begin(struct ct_audit *audit, const struct ct_audit_row *row, int64_t *out_id)
{
    sqlite3_stmt *begin = audit->statements[S_BEGIN];
    const int err = ct_statement_bind(begin, "itttt", row->utc_ms, row->user, row->vehicle, row->action, row->detail);
    const int got = err == CT_OK ? ct_statement_row(begin) : err;
    if (got != 1) {
        return got == 0 ? CT_ERR_CORRUPT : got;
    }
    *out_id = sqlite3_column_int64(begin, 0);
    ct_statement_end(begin);
    return CT_OK;
}

int ct_audit_end(struct ct_audit *audit, int64_t id, int status)
{
    sqlite3_stmt *end = audit->statements[S_END];
    const int err = ct_statement_bind(end, "ii", (int64_t)status, id);
    return err == CT_OK ? ct_statement_run(end) : err;
}

int ct_audit_list(struct ct_audit *audit, const struct ct_audit_filter *filter, ct_audit_fn fn, void *user)
{
    sqlite3_stmt *list = audit->statements[S_LIST];
    int err = ct_statement_bind(list, "itti", filter->before_id, filter->user, filter->vehicle, (int64_t)filter->limit);
    int got = 0;
    while (err == CT_OK && (got = ct_statement_row(list)) == 1) {
        const struct ct_audit_row row = {.id = sqlite3_column_int64(list, 0),
                                         .utc_ms = sqlite3_column_int64(list, 1),
                                         .user = (const char *)sqlite3_column_text(list, 2),
                                         .vehicle = (const char *)sqlite3_column_text(list, 3),
                                         .action = (const char *)sqlite3_column_text(list, 4),
                                         .detail = (const char *)sqlite3_column_text(list, 5),
                                         .status = sqlite3_column_int(list, 6)};
        err = fn(user, &row);
    }
    ct_statement_end(list);
    return err != CT_OK ? err : got;
}
