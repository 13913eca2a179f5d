#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define BLOCK_OVERHEAD 2U /* service id and block counter */

void ct_server_transfer_drop(struct ct_uds_server *server)
{
    if (server->transfer.kind != CT_TRANSFER_NONE && server->transfer.memory == NULL) {
        (void)server->config.files->close(server->config.user, false);
    }
    server->transfer = (struct ct_server_transfer){0};
}

bool ct_server_transferring(const struct ct_uds_server *server, const struct ct_server_request *request)
{
    (void)request;
    return server->transfer.kind != CT_TRANSFER_NONE;
}

/* --- RequestDownload, RequestUpload --- */

static uint8_t parse_request(const struct ct_server_request *request, uint32_t *out_address, uint32_t *out_len)
{
    const size_t range = ct_server_range_size(request->data[2]);
    if (range == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (request->len != 3 + range) {
        return CT_NRC_LENGTH;
    }
    (void)ct_server_parse_range(request->data + 2, request->len - 2, out_address, out_len);
    return request->data[1] == 0 ? 0 : CT_NRC_OUT_OF_RANGE; /* neither compressed nor encrypted */
}

static uint8_t accept(struct ct_uds_server *server, const struct ct_server_transfer *transfer,
                      struct ct_server_answer *answer)
{
    server->transfer = *transfer;
    server->transfer.counter = 1;
    (void)ct_server_put8(answer, 0x20); /* lengthFormatIdentifier: two bytes follow */
    return ct_server_put16(answer, server->config.block_max);
}

uint8_t ct_server_request_download(struct ct_uds_server *server, const struct ct_server_request *request,
                                   struct ct_server_answer *answer)
{
    uint32_t address = 0;
    uint32_t len = 0;
    uint8_t nrc = parse_request(request, &address, &len);
    if (nrc != 0) {
        return nrc;
    }
    const struct ct_uds_memory *memory = ct_server_memory(server, address, len);
    if (memory == NULL || memory->write == NULL || !ct_server_in_session(server, memory->download_access.sessions)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    nrc = ct_server_secure(server, &memory->download_access);
    if (nrc == 0 && server->transfer.kind != CT_TRANSFER_NONE) {
        nrc = CT_NRC_CONDITIONS;
    }
    if (nrc == 0 && memory->begin != NULL) {
        nrc = memory->begin(server->config.user, address, len);
    }
    const struct ct_server_transfer transfer = {
        .kind = CT_TRANSFER_DOWNLOAD, .memory = memory, .address = address, .size = len};
    return nrc != 0 ? nrc : accept(server, &transfer, answer);
}

uint8_t ct_server_request_upload(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer)
{
    uint32_t address = 0;
    uint32_t len = 0;
    uint8_t nrc = parse_request(request, &address, &len);
    if (nrc != 0) {
        return nrc;
    }
    const struct ct_uds_memory *memory = ct_server_memory(server, address, len);
    if (memory == NULL || memory->read == NULL || !ct_server_in_session(server, memory->upload_access.sessions)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    nrc = ct_server_secure(server, &memory->upload_access);
    if (nrc == 0 && server->transfer.kind != CT_TRANSFER_NONE) {
        nrc = CT_NRC_CONDITIONS;
    }
    const struct ct_server_transfer transfer = {
        .kind = CT_TRANSFER_UPLOAD, .memory = memory, .address = address, .size = len};
    return nrc != 0 ? nrc : accept(server, &transfer, answer);
}

/* --- TransferData --- */

static uint8_t store(struct ct_uds_server *server, size_t at, const uint8_t *data, size_t len)
{
    const struct ct_server_transfer *transfer = &server->transfer;
    return transfer->memory != NULL
               ? transfer->memory->write(server->config.user, transfer->address + (uint32_t)at, data, len)
               : server->config.files->write(server->config.user, (uint32_t)at, data, len);
}

static uint8_t fetch(struct ct_uds_server *server, size_t at, uint8_t *out, size_t len)
{
    const struct ct_server_transfer *transfer = &server->transfer;
    return transfer->memory != NULL
               ? transfer->memory->read(server->config.user, transfer->address + (uint32_t)at, out, len)
               : server->config.files->read(server->config.user, (uint32_t)at, out, len);
}

static void advance(struct ct_server_transfer *transfer, size_t len)
{
    transfer->done += len;
    transfer->last_len = len;
    transfer->counter++; /* FF is followed by 00 */
    transfer->any = true;
}

static uint8_t take_block(struct ct_uds_server *server, const uint8_t *data, size_t len)
{
    struct ct_server_transfer *transfer = &server->transfer;
    if (transfer->done == transfer->size) {
        return CT_NRC_SEQUENCE;
    }
    if (len > transfer->size - transfer->done) {
        return CT_NRC_TRANSFER_SUSPENDED;
    }
    const uint8_t nrc = store(server, transfer->done, data, len);
    if (nrc == 0) {
        advance(transfer, len);
    } else if (nrc != CT_NRC_PENDING) {
        ct_server_transfer_drop(server);
    }
    return nrc;
}

static uint8_t give_block(struct ct_uds_server *server, bool again, struct ct_server_answer *answer)
{
    struct ct_server_transfer *transfer = &server->transfer;
    const size_t at = again ? transfer->done - transfer->last_len : transfer->done;
    size_t len = transfer->size - at;
    if (len == 0) {
        return CT_NRC_SEQUENCE;
    }
    if (len > (size_t)server->config.block_max - BLOCK_OVERHEAD) {
        len = (size_t)server->config.block_max - BLOCK_OVERHEAD;
    }
    const uint8_t nrc = fetch(server, at, answer->data + answer->len, len);
    if (nrc == 0) {
        answer->len += len;
        if (!again) {
            advance(transfer, len);
        }
    }
    return nrc;
}

static bool block_length_fits(const struct ct_uds_server *server, size_t len)
{
    if (server->transfer.kind == CT_TRANSFER_UPLOAD) {
        return len == BLOCK_OVERHEAD;
    }
    return len > BLOCK_OVERHEAD && len <= server->config.block_max;
}

/* A block told again (its response was lost) is answered again without being written again (ISO 14229-1:2020 14.5). */
uint8_t ct_server_transfer_data(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    const struct ct_server_transfer *transfer = &server->transfer;
    const uint8_t counter = request->data[1];
    const bool again = transfer->any && counter == (uint8_t)(transfer->counter - 1);
    if (!block_length_fits(server, request->len)) {
        return CT_NRC_LENGTH;
    }
    if (!again && counter != transfer->counter) {
        return CT_NRC_BLOCK_COUNTER;
    }
    (void)ct_server_put8(answer, counter);
    if (transfer->kind == CT_TRANSFER_UPLOAD) {
        return give_block(server, again, answer);
    }
    return again ? 0 : take_block(server, request->data + BLOCK_OVERHEAD, request->len - BLOCK_OVERHEAD);
}

/* --- RequestTransferExit --- */

uint8_t ct_server_transfer_exit(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    const struct ct_server_transfer *transfer = &server->transfer;
    (void)answer;
    if (transfer->done != transfer->size) {
        return CT_NRC_SEQUENCE;
    }
    if (request->len != 1) {
        return CT_NRC_LENGTH;
    }
    uint8_t nrc = 0;
    if (transfer->memory == NULL) {
        nrc = server->config.files->close(server->config.user, true);
    } else if (transfer->kind == CT_TRANSFER_DOWNLOAD && transfer->memory->end != NULL) {
        nrc = transfer->memory->end(server->config.user, transfer->address, transfer->size);
    }
    if (nrc != CT_NRC_PENDING) {
        server->transfer = (struct ct_server_transfer){0};
    }
    return nrc;
}
