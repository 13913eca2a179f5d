/* BLF files: the input is what a container holds (first byte 1: deflated, else stored), or the file itself (first byte
 * 2), behind a good file header. No crash, no impossible frame, an end. */
#include "blf.h"

#include <zlib.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX 262144U

static void read_all(const uint8_t *data, size_t size)
{
    struct ct_log_step step = {.used = 0};
    void *state = ct_log_blf.open();
    int err = state != NULL ? CT_OK : CT_ERR_NO_MEMORY;
    while (err == CT_OK || err == CT_ERR_SYNTAX) {
        step.used = 0;
        err = ct_log_blf.next(state, data, size, true, &step);
        if (step.used > size || err == CT_ERR_AGAIN || (err == CT_OK && !ct_frame_valid(&step.record.frame)) ||
            (err != CT_OK && err != CT_ERR_END && step.problem.text == NULL)) {
            abort();
        }
        data += step.used;
        size -= step.used;
    }
    ct_log_blf.close(state);
}

static size_t put_content(const uint8_t *data, size_t size, bool deflated, uint8_t *out)
{
    uLongf packed = FILE_MAX / 2;
    if (!deflated || compress(out + CT_BLF_CONTAINER, &packed, data, size) != Z_OK) {
        packed = size;
        memcpy(out + CT_BLF_CONTAINER, data, size);
    }
    ct_blf_put_container((uint32_t)packed, (uint32_t)size, out);
    out[16] = deflated ? 2 : 0;
    return CT_BLF_CONTAINER + packed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FILE_MAX];
    const struct ct_blf_summary summary = {.start_utc = 1700000000 * CT_NS_PER_S};
    if (size == 0 || size > FILE_MAX / 4) {
        return 0;
    }
    ct_blf_put_file_header(&summary, file);
    size_t len = CT_BLF_FILE_HEADER;
    if (data[0] == 2) {
        memcpy(file + len, data + 1, size - 1);
        len += size - 1;
    } else {
        len += put_content(data + 1, size - 1, data[0] == 1, file + len);
    }
    read_all(file, len);
    return 0;
}
