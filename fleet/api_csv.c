/* A signal's history as CSV, page by page: `utc_us,value,text,quality`. */
#include "api_private.h"

#include "twin_json.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_US     (6 * 3600 * INT64_C(1000000))
#define PAGE_US_MIN INT64_C(1000000)

/* RFC 4180. */
static void quoted(struct ct_buf *out, const char *text, size_t len)
{
    ct_buf_append(out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') {
            ct_buf_append(out, "\"", 1);
        }
        ct_buf_append(out, &text[i], 1);
    }
    ct_buf_append(out, "\"", 1);
}

static void one_line(struct ct_buf *out, const struct ct_entry *entry, enum ct_kind kind,
                     const struct ct_chunk_sample *stored)
{
    ct_buf_printf(out, "%" PRId64 ",", stored->utc_us);
    const char *text = kind == CT_KIND_RAW && entry->kind == kind ? ct_entry_text(entry, stored->raw) : NULL;
    if (kind == CT_KIND_STRING) {
        quoted(out, (const char *)stored->bytes, stored->len);
    } else {
        ct_twin_json_plain(out, entry, kind, stored);
    }
    ct_buf_append(out, ",", 1);
    if (text != NULL) {
        quoted(out, text, strlen(text));
    }
    ct_buf_printf(out, ",%u\r\n", stored->quality);
}

/* Oldest samples from from_us on, as many as are sure to fit; *next_us: where the next page begins, behind to_us when
 * this was the last. */
static int read_page(struct ct_api_call *call, const struct ct_history_source *source, int64_t from_us, int64_t to_us,
                     struct ct_history_range *range, int64_t *next_us)
{
    int64_t first_us = INT64_MAX;
    struct ct_history *history = ct_folder_history(call->folder);
    int err = ct_history_next(history, source->vehicle, from_us, &first_us);
    /* Nothing stored: what there may be is in the open chunk. */
    int64_t page_us = first_us == INT64_MAX ? INT64_MAX : PAGE_US;
    const int64_t begin_us = first_us != INT64_MAX && first_us > from_us ? first_us : from_us;
    for (bool again = err == CT_OK; again;) {
        const int64_t end_us = to_us - begin_us < page_us ? to_us : begin_us + page_us - 1;
        err = ct_history_query(history, source, begin_us < to_us ? from_us : begin_us, end_us, range);
        again = err == CT_OK && range->truncated && page_us > PAGE_US_MIN;
        if (again) {
            ct_history_range_free(range);
            page_us = (page_us < PAGE_US ? page_us : PAGE_US) / 4;
        }
        *next_us = end_us + 1;
    }
    return err;
}

int ct_api_get_history_csv(struct ct_api_call *call)
{
    struct ct_api_history_ask ask;
    struct ct_history_range range;
    int64_t from_us;
    const int status = ct_api_history_ask(call, &ask);
    if (status != 0) {
        return status;
    }
    /* Pages behind the first begin where the one before ended, to the microsecond. */
    from_us = call->request->page_us != 0 ? call->request->page_us : ask.from_ms * 1000;
    const int64_t to_us = ask.to_ms * 1000 + 999;
    const int err = read_page(call, &ask.source, from_us, to_us, &range, &call->answer->next_us);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    if (call->request->page_us == 0) {
        ct_buf_text(call->out, "utc_us,value,text,quality\r\n");
    }
    for (size_t i = 0; i < range.count; i++) {
        one_line(call->out, range.entry, range.kinds[i], &range.samples[i]);
    }
    ct_history_range_free(&range);
    call->answer->more = call->answer->next_us <= to_us;
    call->answer->type = "text/csv; charset=utf-8; header=present";
    return 200;
}
