/* Files of the ingest log: the sorted list of segments in a folder and the form of an entry, shared by ingest_log.c
 * (writer) and ingest_reader.c. Private to these two. */
#ifndef CT_FLEET_INGEST_SEGMENTS_H
#define CT_FLEET_INGEST_SEGMENTS_H

#include "ingest_log.h"

#include <stdbool.h>

#define CT_INGEST_HEAD      64
#define CT_INGEST_FORMAT    1
#define CT_INGEST_ENTRY_MAX (CT_INGEST_HEAD + ((CT_INGEST_VEHICLE_MAX + (size_t)CT_INGEST_DATA_MAX + 7) & ~(size_t)7))

struct ct_segments {
    uint64_t *starts; /* ascending */
    size_t count;
};

int ct_segments_list(const char *folder, struct ct_segments *out_segments) CT_MUST_CHECK;
void ct_segments_free(struct ct_segments *segments);
int ct_segment_open(const char *folder, uint64_t start, int flags, int *out_fd) CT_MUST_CHECK;
int ct_segment_remove(const char *folder, uint64_t start) CT_MUST_CHECK;

/* Length on disk of the entry whose head is given, padding included; 0 when the head cannot be one. */
size_t ct_ingest_entry_size(const uint8_t *head, uint64_t offset);
/* Checks a whole entry of ct_ingest_entry_size bytes and takes it apart; data points into `bytes`. */
bool ct_ingest_entry_parse(const uint8_t *bytes, struct ct_ingest_entry *out_entry);
/* Writes an entry; `to` has room for CT_INGEST_ENTRY_MAX. Returns its length on disk. */
size_t ct_ingest_entry_write(uint8_t *to, uint64_t offset, const struct ct_ingest_entry *entry);

#endif
