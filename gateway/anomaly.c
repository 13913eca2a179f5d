#include "anomaly.h"

#include <stdlib.h>
#include <string.h>

#define NO_ENTRY   UINT32_MAX
#define LOOK_EVERY (500 * CT_NS_PER_MS)

struct entry {
    uint32_t id;
    uint8_t bus, length;
    bool extended, by_group, request;
    bool slow;                           /* told already */
    uint16_t learnt;                     /* frames seen while learning */
    ct_ns given_ns;                      /* the cycle before anything was learnt */
    ct_ns cycle_ns;                      /* 0: learning; CT_NS_NEVER: none */
    ct_ns last_ns;                       /* 0: never seen */
    ct_ns due_ns;                        /* the earliest time of the next frame at twice the rate */
    ct_ns first_ns, gap_least, gap_most; /* while learning */
};

struct ct_anomalies {
    struct entry *entries;
    size_t count;
    uint32_t *slots; /* of a hash table by bus and id */
    size_t slot_mask;
    uint32_t *standard[CT_ANOMALY_BUSES_MAX]; /* by 11-bit id; NULL: the bus is not looked at */
    bool groups[CT_ANOMALY_BUSES_MAX];        /* has messages that are known by PGN */
    ct_ns newest_ns[CT_ANOMALY_BUSES_MAX];    /* frame */
    ct_ns look_due;
};

#define NAME_TEXT(name, text) [CT_ANOMALY_##name] = (text),
static const char *const names[CT_ANOMALY_COUNT] = {CT_ANOMALY_MAP(NAME_TEXT)};
#undef NAME_TEXT

const char *ct_anomaly_name(enum ct_anomaly kind)
{
    const size_t index = (size_t)kind;
    return index < CT_ANOMALY_COUNT ? names[index] : "unknown kind";
}

/* ---- which entry */

static uint32_t group_of(uint32_t id)
{
    const bool pdu2 = (id >> 16 & 0xFF) >= 0xF0;
    return id & (pdu2 ? UINT32_C(0x03FFFF00) : UINT32_C(0x03FF0000));
}

/* 29-bit ids only; groups have keys of their own. */
static uint32_t *slot_of(const struct ct_anomalies *anomalies, uint8_t bus, uint32_t id, bool by_group)
{
    const uint32_t mixed = (id ^ (uint32_t)bus << 29 ^ (uint32_t)bus << 7 ^ (by_group ? 0x5A5AU : 0U)) * 0x9E3779B1U;
    size_t at = (mixed ^ mixed >> 15) & anomalies->slot_mask;
    while (anomalies->slots[at] != NO_ENTRY) {
        const struct entry *entry = &anomalies->entries[anomalies->slots[at]];
        if (entry->id == id && entry->bus == bus && entry->by_group == by_group) {
            break;
        }
        at = (at + 1) & anomalies->slot_mask;
    }
    return &anomalies->slots[at];
}

static uint32_t find(const struct ct_anomalies *anomalies, uint8_t bus, uint32_t id, bool extended)
{
    if (anomalies->standard[bus] == NULL) {
        return NO_ENTRY;
    }
    if (!extended) {
        return id <= CT_ID_STD_MAX ? anomalies->standard[bus][id] : NO_ENTRY;
    }
    const uint32_t found = *slot_of(anomalies, bus, id, false);
    return found == NO_ENTRY && anomalies->groups[bus] ? *slot_of(anomalies, bus, group_of(id), true) : found;
}

/* ---- life */

static int make_bus(struct ct_anomalies *anomalies, uint8_t bus)
{
    if (anomalies->standard[bus] != NULL) {
        return CT_OK;
    }
    anomalies->standard[bus] = malloc((CT_ID_STD_MAX + 1) * sizeof(uint32_t));
    for (size_t i = 0; anomalies->standard[bus] != NULL && i <= CT_ID_STD_MAX; i++) {
        anomalies->standard[bus][i] = NO_ENTRY;
    }
    return anomalies->standard[bus] != NULL ? CT_OK : CT_ERR_NO_MEMORY;
}

static int add(struct ct_anomalies *anomalies, const struct ct_anomaly_id *from)
{
    struct entry *entry = &anomalies->entries[anomalies->count];
    const int err = make_bus(anomalies, from->bus);
    if (err != CT_OK) {
        return err;
    }
    *entry = (struct entry){.id = from->by_group ? group_of(from->id) : from->id,
                            .bus = from->bus,
                            .length = from->length,
                            .extended = from->extended,
                            .by_group = from->by_group,
                            .request = from->request,
                            .given_ns = from->by_group ? CT_NS_NEVER : from->cycle_ns,
                            .gap_least = CT_NS_NEVER};
    entry->cycle_ns = entry->given_ns;
    uint32_t *slot = from->extended ? slot_of(anomalies, entry->bus, entry->id, entry->by_group)
                                    : &anomalies->standard[from->bus][from->id];
    if (*slot == NO_ENTRY) {
        *slot = (uint32_t)anomalies->count++;
        anomalies->groups[from->bus] = anomalies->groups[from->bus] || from->by_group;
    } else if (from->request) {
        anomalies->entries[*slot].request = true; /* whatever else a database says of it */
    }
    return CT_OK;
}

int ct_anomalies_create(const struct ct_anomaly_id *ids, size_t count, struct ct_anomalies **out_anomalies)
{
    struct ct_anomalies *anomalies = calloc(1, sizeof *anomalies);
    size_t size = 4;
    while (size < count * 2) {
        size *= 2;
    }
    if (anomalies == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    anomalies->entries = calloc(count + 1, sizeof *anomalies->entries);
    anomalies->slots = malloc(size * sizeof *anomalies->slots);
    anomalies->slot_mask = size - 1;
    int err = anomalies->entries != NULL && anomalies->slots != NULL ? CT_OK : CT_ERR_NO_MEMORY;
    for (size_t i = 0; err == CT_OK && i < size; i++) {
        anomalies->slots[i] = NO_ENTRY;
    }
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        const bool fits = ids[i].bus < CT_ANOMALY_BUSES_MAX &&
                          ids[i].id <= (ids[i].extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX) &&
                          (ids[i].extended || !ids[i].by_group);
        err = fits ? add(anomalies, &ids[i]) : CT_ERR_ARGUMENT;
    }
    if (err != CT_OK) {
        ct_anomalies_free(anomalies);
        return err;
    }
    *out_anomalies = anomalies;
    return CT_OK;
}

void ct_anomalies_free(struct ct_anomalies *anomalies)
{
    if (anomalies == NULL) {
        return;
    }
    for (size_t i = 0; i < CT_ANOMALY_BUSES_MAX; i++) {
        free(anomalies->standard[i]);
    }
    free(anomalies->entries);
    free(anomalies->slots);
    free(anomalies);
}

static const struct entry *find_same(const struct ct_anomalies *anomalies, const struct entry *wanted)
{
    if (anomalies->standard[wanted->bus] == NULL) {
        return NULL;
    }
    const uint32_t at = wanted->extended ? *slot_of(anomalies, wanted->bus, wanted->id, wanted->by_group)
                                         : anomalies->standard[wanted->bus][wanted->id];
    return at != NO_ENTRY && anomalies->entries[at].given_ns == wanted->given_ns ? &anomalies->entries[at] : NULL;
}

void ct_anomalies_carry(struct ct_anomalies *anomalies, const struct ct_anomalies *old)
{
    for (size_t i = 0; i < anomalies->count; i++) {
        struct entry *entry = &anomalies->entries[i];
        const struct entry *before = find_same(old, entry);
        if (before == NULL) {
            continue;
        }
        struct entry carried = *before;
        carried.length = entry->length; /* belong to the definition */
        carried.request = entry->request;
        *entry = carried;
    }
    memcpy(anomalies->newest_ns, old->newest_ns, sizeof anomalies->newest_ns);
    anomalies->look_due = old->look_due;
}

/* ---- frames */

static void note(struct ct_anomaly_counts *counts, enum ct_anomaly kind, uint32_t id)
{
    counts->by_kind[kind]++;
    counts->newest[kind] = id;
}

static void unknown(const struct ct_anomalies *anomalies, const struct ct_frame *frame,
                    struct ct_anomaly_counts *counts)
{
    bool elsewhere = false;
    for (uint8_t bus = 0; bus < CT_ANOMALY_BUSES_MAX && !elsewhere; bus++) {
        elsewhere = find(anomalies, bus, frame->id, (frame->flags & CT_FRAME_EXT) != 0) != NO_ENTRY;
    }
    note(counts, elsewhere ? CT_ANOMALY_WRONG_BUS : CT_ANOMALY_UNKNOWN_ID, frame->id);
}

static void learn(struct entry *entry, ct_ns t_ns)
{
    if (entry->learnt++ == 0) {
        entry->first_ns = t_ns;
        return;
    }
    const ct_ns gap = t_ns - entry->last_ns;
    entry->gap_least = gap < entry->gap_least ? gap : entry->gap_least;
    entry->gap_most = gap > entry->gap_most ? gap : entry->gap_most;
    if (entry->learnt < CT_ANOMALY_LEARN) {
        return;
    }
    const ct_ns mean = (t_ns - entry->first_ns) / (CT_ANOMALY_LEARN - 1);
    const bool even = mean > 0 && entry->gap_least >= mean / 2 && entry->gap_most <= 2 * mean;
    entry->cycle_ns = even ? mean : CT_NS_NEVER;
}

static void time_it(struct entry *entry, const struct ct_frame *frame, struct ct_anomaly_counts *counts)
{
    if (entry->cycle_ns == 0) {
        learn(entry, frame->t_ns);
    } else if (entry->cycle_ns != CT_NS_NEVER) {
        const ct_ns step = entry->cycle_ns / 2;
        if (frame->t_ns + CT_ANOMALY_BURST * step < entry->due_ns) {
            note(counts, CT_ANOMALY_TOO_FAST, frame->id);
        } else {
            entry->due_ns = (frame->t_ns > entry->due_ns ? frame->t_ns : entry->due_ns) + step;
        }
    }
    entry->last_ns = frame->t_ns;
    entry->slow = false;
}

static bool length_fits(const struct entry *entry, const struct ct_frame *frame)
{
    return entry->length == CT_ANOMALY_ANY_LENGTH || frame->len == entry->length ||
           ((frame->flags & CT_FRAME_FD) != 0 && frame->len == ct_frame_fd_length(entry->length));
}

void ct_anomalies_frames(struct ct_anomalies *anomalies, const struct ct_frame *frames, size_t count,
                         struct ct_anomaly_counts *counts)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_frame *frame = &frames[i];
        if (frame->bus >= CT_ANOMALY_BUSES_MAX || anomalies->standard[frame->bus] == NULL ||
            (frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR | CT_FRAME_SENT)) != 0) {
            continue;
        }
        anomalies->newest_ns[frame->bus] = frame->t_ns;
        const uint32_t found = find(anomalies, frame->bus, frame->id, (frame->flags & CT_FRAME_EXT) != 0);
        if (found == NO_ENTRY) {
            unknown(anomalies, frame, counts);
            continue;
        }
        struct entry *entry = &anomalies->entries[found];
        if (entry->request) {
            note(counts, CT_ANOMALY_FOREIGN_REQUEST, frame->id);
        } else if (!length_fits(entry, frame)) {
            note(counts, CT_ANOMALY_WRONG_LENGTH, frame->id);
        }
        time_it(entry, frame, counts);
    }
}

/* ---- what does not come */

static bool is_late(const struct ct_anomalies *anomalies, const struct entry *entry, ct_ns now)
{
    if (entry->slow || entry->last_ns == 0 || entry->cycle_ns == 0 || entry->cycle_ns == CT_NS_NEVER ||
        now - anomalies->newest_ns[entry->bus] > LOOK_EVERY) {
        return false;
    }
    const ct_ns cycles = CT_ANOMALY_SLOW_CYCLES * entry->cycle_ns;
    return now - entry->last_ns > (cycles > CT_ANOMALY_SLOW_LEAST ? cycles : CT_ANOMALY_SLOW_LEAST);
}

ct_ns ct_anomalies_tick(struct ct_anomalies *anomalies, ct_ns now, struct ct_anomaly_counts *const counts[],
                        size_t bus_count)
{
    if (anomalies->count == 0) {
        return CT_NS_NEVER;
    }
    if (now < anomalies->look_due) {
        return anomalies->look_due;
    }
    bool alive = false;
    anomalies->look_due = ct_ns_add(now, LOOK_EVERY);
    for (size_t i = 0; i < anomalies->count; i++) {
        struct entry *entry = &anomalies->entries[i];
        if (entry->bus < bus_count && is_late(anomalies, entry, now)) {
            entry->slow = true;
            note(counts[entry->bus], CT_ANOMALY_TOO_SLOW, entry->id);
        }
    }
    for (size_t b = 0; b < CT_ANOMALY_BUSES_MAX; b++) {
        alive = alive || (anomalies->newest_ns[b] != 0 && now - anomalies->newest_ns[b] <= LOOK_EVERY);
    }
    return alive ? anomalies->look_due : CT_NS_NEVER; /* frames wake the thread by themselves */
}
