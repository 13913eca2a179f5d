#include "trust.h"

#include "bytes.h"

#include <string.h>

#define VERSION 1

int ct_trust_init(struct ct_trust *trust, const struct ct_root *first, int64_t build_utc_ms)
{
    memset(trust, 0, sizeof *trust);
    if (!ct_root_valid(first)) {
        return CT_ERR_ARGUMENT;
    }
    trust->root = *first;
    trust->time_floor_utc_ms = build_utc_ms;
    return CT_OK;
}

void ct_trust_take_root(struct ct_trust *trust, const struct ct_root *next)
{
    trust->root = *next;
    if (next->reset_director) {
        trust->director_seq = 0;
    }
}

static size_t place_of(const struct ct_trust *trust, const uint8_t update_id[CT_UPDATE_ID_SIZE])
{
    size_t i = 0;
    while (i < trust->seen_count && memcmp(trust->seen[i].update_id, update_id, CT_UPDATE_ID_SIZE) != 0) {
        i++;
    }
    return i;
}

const struct ct_trust_seen *ct_trust_find(const struct ct_trust *trust, const uint8_t update_id[CT_UPDATE_ID_SIZE])
{
    const size_t place = place_of(trust, update_id);
    return place < trust->seen_count ? &trust->seen[place] : NULL;
}

void ct_trust_note(struct ct_trust *trust, const struct ct_trust_seen *seen)
{
    size_t place = place_of(trust, seen->update_id);
    if (place == CT_TRUST_SEEN_MAX) {
        memmove(&trust->seen[0], &trust->seen[1], (CT_TRUST_SEEN_MAX - 1) * sizeof trust->seen[0]);
        place--;
    } else if (place == trust->seen_count) {
        trust->seen_count++;
    }
    trust->seen[place] = *seen;
}

static struct ct_trust_line *line_of(const struct ct_trust *trust, const char *set_id)
{
    for (size_t i = 0; i < trust->line_count; i++) {
        if (strcmp(trust->lines[i].set_id, set_id) == 0) {
            return (struct ct_trust_line *)(uintptr_t)&trust->lines[i];
        }
    }
    return NULL;
}

uint32_t ct_trust_line(const struct ct_trust *trust, const char *set_id)
{
    const struct ct_trust_line *line = line_of(trust, set_id);
    return line != NULL ? line->counter : 0;
}

int ct_trust_raise_line(struct ct_trust *trust, const char *set_id, uint32_t counter)
{
    struct ct_trust_line *line = line_of(trust, set_id);
    if (line == NULL) {
        if (trust->line_count == CT_TRUST_LINES_MAX) {
            return CT_ERR_FULL;
        }
        line = &trust->lines[trust->line_count++];
        memset(line, 0, sizeof *line);
        memcpy(line->set_id, set_id, strnlen(set_id, CT_UPDATE_NAME_MAX));
    }
    line->counter = counter > line->counter ? counter : line->counter;
    return CT_OK;
}

void ct_trust_raise_time(struct ct_trust *trust, int64_t utc_ms)
{
    trust->time_floor_utc_ms = utc_ms > trust->time_floor_utc_ms ? utc_ms : trust->time_floor_utc_ms;
}

bool ct_trust_time(const struct ct_trust *trust, bool time_known, int64_t utc_ms, int64_t *out_utc_ms)
{
    const int64_t floor = trust->time_floor_utc_ms;
    *out_utc_ms = utc_ms > floor ? utc_ms : floor;
    return time_known && utc_ms >= floor && utc_ms - floor <= CT_TRUST_HORIZON_MS;
}

/* ------------------------------------------------------------------------------------------------ bytes */

/* One walk for both directions: `to` writes, else reads. What does not fit is remembered. */
struct walk {
    uint8_t *to;
    const uint8_t *from;
    size_t at, len;
    bool bad;
};

static void bytes(struct walk *walk, void *value, size_t len)
{
    if (walk->bad || len > walk->len - walk->at) {
        walk->bad = true;
        return;
    }
    if (walk->to != NULL) {
        memcpy(walk->to + walk->at, value, len);
    } else {
        memcpy(value, walk->from + walk->at, len);
    }
    walk->at += len;
}

static void number(struct walk *walk, uint64_t *value)
{
    uint8_t le[8];
    ct_put_le64(le, *value);
    bytes(walk, le, sizeof le);
    *value = walk->bad ? 0 : ct_le64(le);
}

static void number32(struct walk *walk, uint32_t *value)
{
    uint64_t wide = *value;
    number(walk, &wide);
    walk->bad = walk->bad || wide > UINT32_MAX;
    *value = (uint32_t)wide;
}

static void time(struct walk *walk, int64_t *value)
{
    uint64_t wide = (uint64_t)*value;
    number(walk, &wide);
    *value = (int64_t)wide;
}

static void count(struct walk *walk, size_t *value, size_t max)
{
    uint64_t wide = *value;
    number(walk, &wide);
    walk->bad = walk->bad || wide > max;
    *value = walk->bad ? 0 : (size_t)wide;
}

static void flag(struct walk *walk, bool *value)
{
    uint8_t byte = *value ? 1 : 0;
    bytes(walk, &byte, 1);
    walk->bad = walk->bad || byte > 1;
    *value = byte == 1;
}

static void text(struct walk *walk, char *value)
{
    bytes(walk, value, CT_UPDATE_NAME_MAX + 1);
    walk->bad = walk->bad || value[CT_UPDATE_NAME_MAX] != 0;
    value[CT_UPDATE_NAME_MAX] = 0;
}

static void role(struct walk *walk, struct ct_role_keys *keys)
{
    number32(walk, &keys->threshold);
    count(walk, &keys->count, CT_ROLE_KEYS_MAX);
    bytes(walk, keys->public_keys, sizeof keys->public_keys);
}

static void root(struct walk *walk, struct ct_root *value)
{
    number32(walk, &value->version);
    time(walk, &value->expires_utc_ms);
    role(walk, &value->root);
    role(walk, &value->release);
    role(walk, &value->director);
    flag(walk, &value->reset_director);
}

static void store(struct walk *walk, struct ct_trust *trust, uint64_t *generation)
{
    number(walk, generation);
    root(walk, &trust->root);
    number(walk, &trust->director_seq);
    time(walk, &trust->time_floor_utc_ms);
    count(walk, &trust->line_count, CT_TRUST_LINES_MAX);
    for (size_t i = 0; i < trust->line_count; i++) {
        text(walk, trust->lines[i].set_id);
        number32(walk, &trust->lines[i].counter);
    }
    count(walk, &trust->seen_count, CT_TRUST_SEEN_MAX);
    for (size_t i = 0; i < trust->seen_count; i++) {
        bytes(walk, trust->seen[i].update_id, CT_UPDATE_ID_SIZE);
        bytes(walk, trust->seen[i].directive_hash, CT_UPDATE_HASH_SIZE);
        bytes(walk, &trust->seen[i].state, 1);
        bytes(walk, &trust->seen[i].verdict, 1);
    }
    text(walk, trust->set_id);
    number32(walk, &trust->counter);
    bytes(walk, trust->set_hash, CT_UPDATE_HASH_SIZE);
    flag(walk, &trust->locked);
    flag(walk, &trust->journal_lost);
}

static const uint8_t magic[4] = {'C', 'T', 'T', VERSION};

int ct_trust_encode(const struct ct_trust *trust, uint64_t generation, uint8_t out[CT_TRUST_BYTES_MAX], size_t *out_len)
{
    struct ct_trust copy = *trust;
    struct walk walk = {.to = out, .at = sizeof magic, .len = CT_TRUST_BYTES_MAX - 4};
    memcpy(out, magic, sizeof magic);
    store(&walk, &copy, &generation);
    if (walk.bad) {
        return CT_ERR_ARGUMENT;
    }
    ct_put_le32(out + walk.at, ct_crc32c(0, out, walk.at));
    *out_len = walk.at + 4;
    return CT_OK;
}

int ct_trust_decode(const uint8_t *data, size_t len, struct ct_trust *out_trust, uint64_t *out_generation)
{
    memset(out_trust, 0, sizeof *out_trust);
    if (len < sizeof magic + 4) {
        return CT_ERR_TRUNCATED;
    }
    if (ct_crc32c(0, data, len - 4) != ct_le32(data + len - 4)) {
        return CT_ERR_CORRUPT;
    }
    if (memcmp(data, magic, sizeof magic) != 0) {
        return CT_ERR_UNSUPPORTED;
    }
    struct walk walk = {.from = data, .at = sizeof magic, .len = len - 4};
    store(&walk, out_trust, out_generation);
    return walk.bad || walk.at != walk.len ? CT_ERR_CORRUPT : CT_OK;
}
