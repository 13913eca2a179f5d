#include "dtc_memory.h"

#include "bytes.h"
#include "dtc_memory_internal.h"

#include <string.h>

/* magic, version, snapshot length and layout's checksum, order, count; then the entries; CRC-32C of all before.
 * Little-endian. */
#define MAGIC       0x4D445443U /* "CTDM" */
#define VERSION     1U
#define HEADER_SIZE 22U
#define STATE_SIZE  30U
#define CRC_SIZE    4U

static uint32_t layout_checksum(const struct ct_dtc_memory *memory)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < memory->config.snapshot_count; i++) {
        const struct ct_dtc_snapshot_did *did = &memory->config.snapshot[i];
        const uint8_t bytes[3] = {(uint8_t)(did->id >> 8), (uint8_t)did->id, did->len};
        crc = ct_crc32c(crc, bytes, sizeof bytes);
    }
    return crc;
}

static size_t entry_size(size_t snapshot_len)
{
    return STATE_SIZE + CT_DTC_SNAPSHOTS * snapshot_len;
}

size_t ct_dtc_save_size(const struct ct_dtc_memory *memory)
{
    return HEADER_SIZE + memory->config.count * entry_size(memory->snapshot_len) + CRC_SIZE;
}

static void put_entry(const struct ct_dtc_memory *memory, size_t index, uint8_t *out)
{
    const struct ct_dtc_entry *entry = &memory->entries[index];
    const struct ct_dtc_state *state = &entry->state;
    ct_put_le32(out, memory->config.definitions[index].code);
    const uint8_t bytes[] = {state->status,      (uint8_t)state->detection_max,
                             state->occurrences, state->failed_cycles,
                             state->trips,       state->aging,
                             state->healing,     state->snapshots,
                             state->permanent};
    memcpy(out + 4, bytes, sizeof bytes);
    out[13] = (uint8_t)state->detection;
    ct_put_le32(out + 14, state->first_failed);
    ct_put_le32(out + 18, state->first_confirmed);
    ct_put_le32(out + 22, state->last_failed);
    ct_put_le32(out + 26, state->last_confirmed);
    for (size_t i = 0; i < CT_DTC_SNAPSHOTS; i++) {
        memcpy(out + STATE_SIZE + i * memory->snapshot_len, entry->snapshots[i], memory->snapshot_len);
    }
}

void ct_dtc_save(const struct ct_dtc_memory *memory, uint8_t *out)
{
    const size_t size = ct_dtc_save_size(memory);
    ct_put_le32(out, MAGIC);
    ct_put_le16(out + 4, VERSION);
    ct_put_le32(out + 6, (uint32_t)memory->snapshot_len);
    ct_put_le32(out + 10, layout_checksum(memory));
    ct_put_le32(out + 14, memory->order);
    ct_put_le32(out + 18, (uint32_t)memory->config.count);
    for (size_t i = 0; i < memory->config.count; i++) {
        put_entry(memory, i, out + HEADER_SIZE + i * entry_size(memory->snapshot_len));
    }
    ct_put_le32(out + size - CRC_SIZE, ct_crc32c(0, out, size - CRC_SIZE));
}

static bool header_fits(const uint8_t *data, size_t len)
{
    if (len < HEADER_SIZE + CRC_SIZE || ct_le32(data) != MAGIC || ct_le16(data + 4) != VERSION ||
        ct_le32(data + len - CRC_SIZE) != ct_crc32c(0, data, len - CRC_SIZE)) {
        return false;
    }
    const uint32_t snapshot_len = ct_le32(data + 6);
    const uint32_t count = ct_le32(data + 18);
    return snapshot_len <= CT_DTC_SNAPSHOT_BYTES && count <= CT_DTC_MAX &&
           len == HEADER_SIZE + count * entry_size(snapshot_len) + CRC_SIZE;
}

/* The CRC proves who wrote it; these prove that no later rule can be broken by what is read. */
static bool entry_fits(const uint8_t *data)
{
    return (data[11] & ~3U) == 0 && data[12] <= 1;
}

static void take_entry(struct ct_dtc_memory *memory, size_t index, const uint8_t *data, bool same_layout)
{
    struct ct_dtc_entry *entry = &memory->entries[index];
    entry->state = (struct ct_dtc_state){
        .status = data[4],
        .detection_max = (int8_t)data[5],
        .occurrences = data[6],
        .failed_cycles = data[7],
        .trips = data[8],
        .aging = data[9],
        .healing = data[10],
        .snapshots = same_layout ? data[11] : 0,
        .permanent = data[12] != 0,
        .detection = (int8_t)data[13],
        .first_failed = ct_le32(data + 14),
        .first_confirmed = ct_le32(data + 18),
        .last_failed = ct_le32(data + 22),
        .last_confirmed = ct_le32(data + 26),
    };
    if (same_layout) {
        for (size_t i = 0; i < CT_DTC_SNAPSHOTS; i++) {
            memcpy(entry->snapshots[i], data + STATE_SIZE + i * memory->snapshot_len, memory->snapshot_len);
        }
    }
}

int ct_dtc_restore(struct ct_dtc_memory *memory, const uint8_t *data, size_t len)
{
    if (!header_fits(data, len)) {
        return CT_ERR_CORRUPT;
    }
    const size_t snapshot_len = ct_le32(data + 6);
    const size_t count = ct_le32(data + 18);
    const uint8_t *entries = data + HEADER_SIZE;
    const bool same_layout = snapshot_len == memory->snapshot_len && ct_le32(data + 10) == layout_checksum(memory);
    for (size_t i = 0; i < count; i++) {
        if (!entry_fits(entries + i * entry_size(snapshot_len))) {
            return CT_ERR_CORRUPT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = entries + i * entry_size(snapshot_len);
        size_t index = 0;
        if (ct_dtc_find(memory, ct_le32(entry), &index)) {
            take_entry(memory, index, entry, same_layout);
        }
    }
    memory->order = ct_le32(data + 14);
    return CT_OK;
}
