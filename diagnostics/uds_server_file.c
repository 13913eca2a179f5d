#include "uds_server_internal.h"

#include "bytes.h"

/* What a 38 says (ISO 14229-1:2020 14.7): mode, name, then by mode data format and sizes. */
struct file_request {
    enum ct_uds_file mode;
    const char *name;
    size_t name_len;
    uint8_t format;
    uint32_t size;
};

static bool reads(enum ct_uds_file mode)
{
    return mode == CT_UDS_FILE_READ || mode == CT_UDS_FILE_READ_DIR;
}

static uint8_t parse_sizes(const struct ct_server_request *request, size_t at, struct file_request *out)
{
    if (at >= request->len) {
        return CT_NRC_LENGTH;
    }
    const size_t size_len = request->data[at++];
    if (size_len == 0 || size_len > 4) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (request->len != at + 2 * size_len) {
        return CT_NRC_LENGTH;
    }
    for (size_t i = 0; i < size_len; i++) { /* uncompressed; the compressed size must be the same */
        out->size = out->size << 8 | request->data[at + i];
        if (request->data[at + i] != request->data[at + size_len + i]) {
            return CT_NRC_OUT_OF_RANGE;
        }
    }
    return 0;
}

static uint8_t parse(const struct ct_server_request *request, struct file_request *out)
{
    *out = (struct file_request){.mode = (enum ct_uds_file)request->data[1]};
    out->name_len = ct_be16(request->data + 2);
    size_t at = 4 + out->name_len;
    if (out->mode < CT_UDS_FILE_ADD || out->mode > CT_UDS_FILE_RESUME || out->name_len == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (at > request->len) {
        return CT_NRC_LENGTH;
    }
    out->name = (const char *)request->data + 4;
    if (out->mode == CT_UDS_FILE_DELETE || out->mode == CT_UDS_FILE_READ_DIR) {
        return at == request->len ? 0 : CT_NRC_LENGTH;
    }
    if (at == request->len) {
        return CT_NRC_LENGTH;
    }
    out->format = request->data[at++];
    if (out->format != 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (out->mode == CT_UDS_FILE_READ) {
        return at == request->len ? 0 : CT_NRC_LENGTH;
    }
    return parse_sizes(request, at, out);
}

static void put32(struct ct_server_answer *answer, uint32_t value)
{
    (void)ct_server_put16(answer, (uint16_t)(value >> 16));
    (void)ct_server_put16(answer, (uint16_t)value);
}

static void tell(struct ct_uds_server *server, const struct file_request *file, uint32_t size, uint32_t offset,
                 struct ct_server_answer *answer)
{
    (void)ct_server_put8(answer, (uint8_t)file->mode);
    if (file->mode == CT_UDS_FILE_DELETE) {
        return;
    }
    (void)ct_server_put8(answer, 2);
    (void)ct_server_put16(answer, server->config.block_max);
    (void)ct_server_put8(answer, 0); /* dataFormatIdentifier; of a folder always 00 */
    if (reads(file->mode)) {
        (void)ct_server_put16(answer, 4); /* fileSizeOrDirInfoParameterLength */
        put32(answer, size);
        if (file->mode == CT_UDS_FILE_READ) {
            put32(answer, size);
        }
    } else if (file->mode == CT_UDS_FILE_RESUME) { /* filePosition: eight bytes */
        put32(answer, 0);
        put32(answer, offset);
    }
}

uint8_t ct_server_request_file(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    struct file_request file;
    uint32_t offset = 0;
    const struct ct_uds_files *files = server->config.files;
    uint8_t nrc = parse(request, &file);
    if (nrc == 0 && !ct_server_in_session(server, files->access.sessions)) {
        nrc = CT_NRC_OUT_OF_RANGE;
    }
    nrc = nrc != 0 ? nrc : ct_server_secure(server, &files->access);
    if (nrc == 0 && server->transfer.kind != CT_TRANSFER_NONE) {
        nrc = CT_NRC_CONDITIONS;
    }
    uint32_t size = file.size;
    nrc = nrc != 0 ? nrc : files->open(server->config.user, file.mode, file.name, file.name_len, &size, &offset);
    if (nrc == 0 && offset > size) {
        nrc = CT_NRC_UPLOAD_DOWNLOAD;
    }
    if (nrc != 0) {
        return nrc;
    }
    if (file.mode != CT_UDS_FILE_DELETE) {
        server->transfer =
            (struct ct_server_transfer){.kind = reads(file.mode) ? CT_TRANSFER_UPLOAD : CT_TRANSFER_DOWNLOAD,
                                        .size = size,
                                        .done = offset,
                                        .counter = 1};
    }
    tell(server, &file, size, offset, answer);
    return 0;
}
