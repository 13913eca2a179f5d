#include "storage_private.h"

#include <string.h>

void ct_storage_fetch_begin(struct ct_storage *storage, const struct ct_msg_fetch *fetch)
{
    if (fetch->class < CT_CLASS_EVENT || fetch->class > CT_CLASS_SAMPLE) {
        return;
    }
    storage->fetches[CT_CLASS_INDEX(fetch->class)] =
        (struct storage_fetch){.active = true, .after_seq = fetch->after_seq, .bytes_left = fetch->max_bytes};
}

/* Hands out the next record of a class. CT_ERR_END: no more; CT_ERR_FULL: the ring is full, go on later. */
static int hand_out(struct ct_storage *storage, enum ct_class class, struct storage_fetch *fetch)
{
    struct ct_outbox_record record;
    const int err = ct_outbox_read(storage->outbox, class, fetch->after_seq, &record);
    if (err != CT_OK || fetch->bytes_left == 0) {
        return CT_ERR_END;
    }
    struct ct_msg_record head = {.class = class,
                                 .seq_first = record.seq_first,
                                 .seq_last = record.seq_last,
                                 .has_catalogue = record.has_catalogue};
    memcpy(head.catalogue_hash, record.catalogue_hash, CT_HASH_SIZE);
    if (ct_ring_push2(storage->channels->storage_to_link.ring, CT_MSG_RECORD, &head, sizeof head, record.data,
                      record.len) != CT_OK) {
        return CT_ERR_FULL;
    }
    fetch->after_seq = record.seq_last;
    fetch->bytes_left -= record.len < fetch->bytes_left ? record.len : fetch->bytes_left;
    return CT_OK;
}

static bool pump_class(struct ct_storage *storage, enum ct_class class)
{
    struct storage_fetch *fetch = &storage->fetches[CT_CLASS_INDEX(class)];
    bool handed = false;
    while (fetch->active) {
        const int err = hand_out(storage, class, fetch);
        if (err == CT_ERR_FULL) {
            break;
        }
        handed = true;
        if (err == CT_ERR_END) {
            const uint32_t value = (uint32_t) class;
            if (ct_ring_push(storage->channels->storage_to_link.ring, CT_MSG_FETCHED, &value, sizeof value) != CT_OK) {
                break;
            }
            fetch->active = false;
        }
    }
    return handed;
}

bool ct_storage_fetch_pump(struct ct_storage *storage)
{
    bool handed = false;
    for (enum ct_class class = CT_CLASS_EVENT; class <= CT_CLASS_SAMPLE; class ++) {
        handed = pump_class(storage, class) || handed;
    }
    return handed;
}
