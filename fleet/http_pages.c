#include "http_private.h"

#include <string.h>

#define PAGE_BLOCK 65536

/* Asks for the next page; the connection stands still until it is there. */
static ssize_t ask_next(struct ct_http_exchange *exchange)
{
    struct ct_http *http = exchange->http;
    struct ct_http_call *call = &exchange->call;
    call->request.page_us = call->answer.next_us;
    call->request.user = NULL; /* of a token that may be gone by now */
    ct_buf_clear(&call->answer.body);
    exchange->sent = 0;
    if (http->quiet || http->ops.ask(http->ops.user, call) != CT_OK) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    exchange->parked = true;
    http->parked++;
    MHD_suspend_connection(exchange->connection);
    return 0;
}

/* The receiver takes it at its own pace: there is never more than one page waiting. */
static ssize_t read_page(void *user, uint64_t position, char *out, size_t max)
{
    struct ct_http_exchange *exchange = user;
    const struct ct_api_answer *answer = &exchange->call.answer;
    (void)position;
    if (exchange->parked) {
        return 0;
    }
    if (answer->status >= 400) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    const size_t left = answer->body.len - exchange->sent;
    if (left == 0) {
        return answer->more ? ask_next(exchange) : MHD_CONTENT_READER_END_OF_STREAM;
    }
    const size_t n = left < max ? left : max;
    memcpy(out, answer->body.data + exchange->sent, n);
    exchange->sent += n;
    return (ssize_t)n;
}

enum MHD_Result ct_http_pages_start(struct ct_http *http, struct ct_http_exchange *exchange)
{
    exchange->http = http;
    exchange->paged = true;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PAGE_BLOCK, read_page, exchange, NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    ct_http_common_headers(exchange, response, exchange->call.answer.type);
    const enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}
