#include "blf_unpack.h"

#include "blf.h"
#include "bytes.h"

#include <string.h>

#define OBJECT_BASE 16U
#define STRAYS_MAX  8U
#define HEADER_MIN  72U
#define HEADER_MAX  65536U
#define PIECE_MAX   ((size_t)1 << 20) /* per call of zlib, whose counters are unsigned int */

struct flow {
    const uint8_t *bytes;
    size_t len;
    size_t used;
    uint8_t *out;
    size_t room;
    size_t made;
};

static int fail(struct ct_blf_unpack *u, int err, const char *problem)
{
    u->problem = problem;
    return err;
}

static void take(struct ct_blf_unpack *u, struct flow *f, size_t n)
{
    f->used += n;
    u->offset += n;
}

static size_t ready(const struct flow *f)
{
    return f->len - f->used;
}

static int take_file_head(struct ct_blf_unpack *u, struct flow *f)
{
    if (ready(f) < HEADER_MIN) {
        return CT_ERR_AGAIN;
    }
    const uint8_t *head = f->bytes + f->used;
    const uint32_t size = ct_le32(head + 4);
    if (memcmp(head, "LOGG", 4) != 0 || size < HEADER_MIN || size > HEADER_MAX) {
        return fail(u, CT_ERR_CORRUPT, "the file header is damaged");
    }
    u->start_utc = ct_blf_systemtime(head + 40);
    u->left = size;
    u->stage = CT_BLF_SKIPPED;
    return CT_OK;
}

static int open_container(struct ct_blf_unpack *u, const uint8_t *head, uint32_t size)
{
    const unsigned method = ct_le16(head + OBJECT_BASE);
    if (size < CT_BLF_CONTAINER) {
        return fail(u, CT_ERR_CORRUPT, "a container is shorter than its header");
    }
    if (method != 0 && method != 2) {
        return fail(u, CT_ERR_UNSUPPORTED, "a container is compressed in an unknown way (neither stored nor zlib)");
    }
    u->contained = true;
    u->left = size - CT_BLF_CONTAINER;
    u->stage = method == 0 ? CT_BLF_STORED : CT_BLF_DEFLATED;
    u->z_done = false;
    if (method == 2 && (u->z_open ? inflateReset(&u->z) : inflateInit(&u->z)) != Z_OK) {
        return fail(u, CT_ERR_NO_MEMORY, "out of memory");
    }
    u->z_open |= method == 2;
    return CT_OK;
}

/* Objects follow each other behind 0 to 3 bytes of padding, by a rule that differs by kind and writer. */
static int take_object_head(struct ct_blf_unpack *u, struct flow *f)
{
    while (ready(f) >= 4 && memcmp(f->bytes + f->used, "LOBJ", 4) != 0) {
        if (u->strays++ == STRAYS_MAX) {
            return fail(u, CT_ERR_CORRUPT, "no object starts here, the file is damaged");
        }
        take(u, f, 1);
    }
    if (ready(f) < OBJECT_BASE) {
        return CT_ERR_AGAIN;
    }
    const uint8_t *head = f->bytes + f->used;
    const uint32_t size = ct_le32(head + 8);
    const bool container = ct_le32(head + 12) == CT_BLF_LOG_CONTAINER;
    if (size < OBJECT_BASE) {
        return fail(u, CT_ERR_CORRUPT, "an object is shorter than its header");
    }
    if (container && ready(f) < CT_BLF_CONTAINER) {
        return CT_ERR_AGAIN;
    }
    u->start = u->offset;
    u->strays = 0;
    if (container) {
        const int err = open_container(u, head, size);
        if (err == CT_OK) {
            take(u, f, CT_BLF_CONTAINER);
        }
        return err;
    }
    u->left = size;
    u->stage = u->contained ? CT_BLF_SKIPPED : CT_BLF_STORED;
    u->skipped += u->contained ? 1 : 0;
    return CT_OK;
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static int inflate_piece(struct ct_blf_unpack *u, struct flow *f)
{
    const size_t in = least(least(u->left, ready(f)), PIECE_MAX);
    const size_t room = least(f->room - f->made, PIECE_MAX);
    u->z.next_in = f->bytes + f->used;
    u->z.avail_in = (uInt)in;
    u->z.next_out = f->out + f->made;
    u->z.avail_out = (uInt)room;
    const int state = inflate(&u->z, Z_NO_FLUSH);
    const size_t eaten = in - u->z.avail_in;
    const size_t given = room - u->z.avail_out;
    take(u, f, eaten);
    u->left -= eaten;
    f->made += given;
    u->z_done = state == Z_STREAM_END;
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) {
        return fail(u, CT_ERR_CORRUPT, "the compressed content of a container is damaged");
    }
    if (u->left == 0 && !u->z_done && given == 0 && room > 0) {
        return fail(u, CT_ERR_CORRUPT, "the compressed content of a container ends too early");
    }
    return eaten > 0 || given > 0 || u->z_done ? CT_OK : CT_ERR_AGAIN;
}

static int take_content(struct ct_blf_unpack *u, struct flow *f)
{
    if (u->stage == CT_BLF_DEFLATED && !u->z_done) {
        return f->made < f->room ? inflate_piece(u, f) : CT_ERR_AGAIN;
    }
    if (u->left == 0) {
        u->stage = CT_BLF_OBJECT_HEAD;
        return CT_OK;
    }
    size_t n = least(u->left, ready(f));
    if (u->stage == CT_BLF_STORED) {
        n = least(n, f->room - f->made);
        memcpy(f->out + f->made, f->bytes + f->used, n);
        f->made += n;
    }
    take(u, f, n);
    u->left -= n;
    return n > 0 ? CT_OK : CT_ERR_AGAIN;
}

static int step(struct ct_blf_unpack *u, struct flow *f)
{
    switch (u->stage) {
    case CT_BLF_FILE_HEAD:
        return take_file_head(u, f);
    case CT_BLF_OBJECT_HEAD:
        return take_object_head(u, f);
    case CT_BLF_DEFLATED:
    case CT_BLF_STORED:
    case CT_BLF_SKIPPED:
        break;
    }
    return take_content(u, f);
}

int ct_blf_unpack(struct ct_blf_unpack *u, const uint8_t *bytes, size_t len, size_t *out_used, uint8_t *out,
                  size_t room, size_t *out_made)
{
    struct flow f = {.bytes = bytes, .len = len, .out = out, .room = room};
    int err;
    do {
        err = step(u, &f);
    } while (err == CT_OK);
    *out_used = f.used;
    *out_made = f.made;
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

bool ct_blf_is_padding(const uint8_t *bytes, size_t len)
{
    return len < 4 && (len == 0 || memchr(bytes, 'L', len) == NULL);
}

bool ct_blf_unpack_whole(const struct ct_blf_unpack *u, const uint8_t *left_over, size_t len)
{
    return u->stage == CT_BLF_OBJECT_HEAD && ct_blf_is_padding(left_over, len);
}

void ct_blf_unpack_close(struct ct_blf_unpack *u)
{
    if (u->z_open) {
        inflateEnd(&u->z);
    }
}
