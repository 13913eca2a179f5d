#include "uds_transfer.h"

#include "bytes.h"
#include "uds_message.h"

#include <string.h>

#define FILE_POSITION_LEN  8U
#define OVERHEAD           2U /* service id and block counter */
#define DEFAULT_REPEAT_MAX 3U

enum state { BEGIN, BLOCKS, EXIT, DONE, FAILED };

static void fail(struct ct_uds_transfer *transfer, uint8_t nrc, const char *why)
{
    transfer->state = FAILED;
    transfer->nrc = nrc;
    transfer->why = why;
}

static bool transfers(enum ct_uds_file mode)
{
    return mode == CT_UDS_FILE_ADD || mode == CT_UDS_FILE_REPLACE || mode == CT_UDS_FILE_RESUME ||
           mode == CT_UDS_FILE_READ;
}

int ct_uds_transfer_init(struct ct_uds_transfer *transfer, const struct ct_uds_transfer_config *config)
{
    const bool upload = config->file != NULL ? config->file_mode == CT_UDS_FILE_READ : config->upload;
    if (config->size == 0 || (upload ? config->write == NULL : config->read == NULL) ||
        (config->file != NULL && !transfers(config->file_mode))) {
        return CT_ERR_ARGUMENT;
    }
    *transfer = (struct ct_uds_transfer){.config = *config, .state = BEGIN, .why = ""};
    transfer->config.upload = upload;
    transfer->config.address_len = config->address_len != 0 ? config->address_len : 4;
    transfer->config.size_len = config->size_len != 0 ? config->size_len : 4;
    transfer->config.repeat_max = config->repeat_max != 0 ? config->repeat_max : DEFAULT_REPEAT_MAX;
    if (config->block_max == 0 || config->block_max > CT_UDS_MESSAGE_MAX) {
        transfer->config.block_max = CT_UDS_MESSAGE_MAX;
    }
    return CT_OK;
}

/* ---------------------------------------------------------------- what to ask */

static int make_file_begin(const struct ct_uds_transfer_config *config, uint8_t *out, size_t *out_len)
{
    const struct ct_uds_message message = {.service = CT_UDS_REQUEST_FILE_TRANSFER,
                                           .group = (uint8_t)config->file_mode,
                                           .parts = {{(const uint8_t *)config->file, strlen(config->file)}},
                                           .option = config->format,
                                           .size_len = config->size_len,
                                           .file_size = config->size,
                                           .file_size_packed = config->size};
    return ct_uds_request_encode(&message, out, CT_UDS_MESSAGE_MAX, out_len);
}

static int make_begin(const struct ct_uds_transfer *transfer, uint8_t *out, size_t *out_len)
{
    const struct ct_uds_transfer_config *config = &transfer->config;
    if (config->file != NULL) {
        return make_file_begin(config, out, out_len);
    }
    const struct ct_uds_message message = {.service = config->upload ? CT_UDS_REQUEST_UPLOAD : CT_UDS_REQUEST_DOWNLOAD,
                                           .option = config->format,
                                           .address = config->address,
                                           .size = config->size,
                                           .address_len = config->address_len,
                                           .size_len = config->size_len};
    return ct_uds_request_encode(&message, out, CT_UDS_MESSAGE_MAX, out_len);
}

static int make_block(struct ct_uds_transfer *transfer, uint8_t *out, size_t *out_len)
{
    const uint64_t left = transfer->config.size - transfer->done;
    transfer->sent = left < transfer->block ? (size_t)left : transfer->block;
    transfer->tries++;
    out[0] = CT_UDS_TRANSFER_DATA;
    out[1] = transfer->counter;
    *out_len = OVERHEAD;
    if (transfer->config.upload) {
        return CT_OK;
    }
    *out_len += transfer->sent;
    return transfer->config.read(transfer->config.user, transfer->done, out + OVERHEAD, transfer->sent);
}

enum ct_uds_step ct_uds_transfer_next(struct ct_uds_transfer *transfer, uint8_t *out, size_t *out_len)
{
    int err = CT_OK;
    switch (transfer->state) {
    case BEGIN:
        err = make_begin(transfer, out, out_len);
        break;
    case BLOCKS:
        err = make_block(transfer, out, out_len);
        break;
    case EXIT:
        out[0] = CT_UDS_TRANSFER_EXIT;
        *out_len = 1;
        break;
    default:
        return transfer->state == DONE ? CT_UDS_STEP_DONE : CT_UDS_STEP_FAILED;
    }
    if (err != CT_OK) {
        fail(transfer, 0, transfer->state == BEGIN ? "address or size do not fit" : "the data could not be read");
        return CT_UDS_STEP_FAILED;
    }
    return CT_UDS_STEP_ASK;
}

/* ---------------------------------------------------------------- how it ended */

/* How much a file that is read has: two bytes say how long its two sizes are. False when it cannot be, or is too much.
 */
static bool learn_size(struct ct_uds_transfer *transfer, struct ct_uds_bytes rest)
{
    const size_t len = rest.len >= 2 ? ct_be16(rest.data) : 0;
    uint64_t size = 0;
    if (len == 0 || len > sizeof size || rest.len < 2 + len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        size = size << 8U | rest.data[2 + i];
    }
    const bool fits = size <= transfer->config.size;
    transfer->config.size = size;
    return fits;
}

/* Where a transfer goes on that was broken off. */
static bool learn_position(struct ct_uds_transfer *transfer, struct ct_uds_bytes rest)
{
    if (rest.len != FILE_POSITION_LEN) {
        return false;
    }
    transfer->done = (uint64_t)ct_be32(rest.data) << 32U | ct_be32(rest.data + 4);
    return transfer->done <= transfer->config.size;
}

static bool learn(struct ct_uds_transfer *transfer, struct ct_uds_bytes rest)
{
    if (transfer->config.file == NULL) {
        return true;
    }
    if (transfer->config.file_mode == CT_UDS_FILE_READ) {
        return learn_size(transfer, rest);
    }
    return transfer->config.file_mode != CT_UDS_FILE_RESUME || learn_position(transfer, rest);
}

static void begun(struct ct_uds_transfer *transfer, const struct ct_uds_result *result)
{
    struct ct_uds_message message;
    if (ct_uds_response_decode(result->response, result->len, &message) != CT_OK || message.size <= OVERHEAD) {
        fail(transfer, 0, "the ECU's block length cannot be");
        return;
    }
    if (!learn(transfer, message.data)) {
        fail(transfer, 0, "the file's size cannot be, or is more than asked for");
        return;
    }
    const uint64_t limit = transfer->config.block_max;
    transfer->block = (size_t)(message.size < limit ? message.size : limit) - OVERHEAD;
    transfer->counter = 1;
    transfer->state = transfer->done < transfer->config.size ? BLOCKS : EXIT;
}

/* False when what an upload brought cannot be. */
static bool store(struct ct_uds_transfer *transfer, const struct ct_uds_result *result)
{
    const size_t len = result->len - OVERHEAD; /* the client has matched service id and counter */
    if (len == 0 || len > transfer->config.size - transfer->done) {
        fail(transfer, 0, "the ECU sent more data than asked for, or none");
        return false;
    }
    if (transfer->config.write(transfer->config.user, transfer->done, result->response + OVERHEAD, len) != CT_OK) {
        fail(transfer, 0, "the data could not be written");
        return false;
    }
    transfer->sent = len;
    return true;
}

static void block_done(struct ct_uds_transfer *transfer, const struct ct_uds_result *result)
{
    if (result->len < OVERHEAD || result->response[1] != transfer->counter) {
        fail(transfer, 0, "the ECU confirmed another block");
        return;
    }
    if (transfer->config.upload && !store(transfer, result)) {
        return;
    }
    transfer->done += transfer->sent;
    transfer->counter++; /* FF is followed by 00 */
    transfer->tries = 0;
    if (transfer->done == transfer->config.size) {
        transfer->state = EXIT;
    }
}

static void positive(struct ct_uds_transfer *transfer, const struct ct_uds_result *result)
{
    switch (transfer->state) {
    case BEGIN:
        begun(transfer, result);
        break;
    case BLOCKS:
        block_done(transfer, result);
        break;
    case EXIT:
        transfer->state = DONE;
        break;
    default:
        break;
    }
}

void ct_uds_transfer_take(struct ct_uds_transfer *transfer, const struct ct_uds_result *result)
{
    const bool lost = result->outcome == CT_UDS_NO_RESPONSE || result->outcome == CT_UDS_TRANSPORT;
    if (result->outcome == CT_UDS_POSITIVE) {
        positive(transfer, result);
    } else if (result->outcome == CT_UDS_NEGATIVE) {
        fail(transfer, result->nrc, ct_uds_nrc_text(result->nrc));
    } else if (lost && transfer->state == BLOCKS && transfer->tries <= transfer->config.repeat_max) {
        transfer->repeats++; /* the same block comes again */
    } else {
        fail(transfer, 0, "the ECU does not answer");
    }
}
