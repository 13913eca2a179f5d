/* What a dense delivery is coded with: dense_record.c turns one record and the model into each other's next state.
 * Private to proto/. */
#ifndef CT_PROTO_DENSE_MODEL_H
#define CT_PROTO_DENSE_MODEL_H

#include "batch_samples.h"
#include "dense.h"
#include "dense_coder.h"

#define CT_DENSE_BYTES   65536U /* of a record's bytes and strings */
#define CT_DENSE_GUESSES 2      /* followers kept of each */
#define CT_DENSE_HISTORY 16     /* states of the last four guesses */
#define CT_DENSE_SCALES  16

/* Known of one id. */
struct ct_dense_entry {
    uint64_t last;                    /* raw value or the double's bits */
    uint64_t step;                    /* raw: last minus the one before */
    uint16_t next[CT_DENSE_GUESSES];  /* id + 1 behind it in a group, newest first; 0: the group ended */
    uint16_t first[CT_DENSE_GUESSES]; /* the group began with it: id + 1 that the next group began with */
    uint16_t quality;
    uint8_t next_hits, first_hits, step_hits; /* a bit for each of the last four guesses: was it right */
    uint8_t scale;                            /* mean bits of its steps, in eighths */
    unsigned kind : 2;
    bool has_kind : 1;
};

struct ct_dense_guess {
    struct ct_dense_bit hit[CT_DENSE_GUESSES][CT_DENSE_HISTORY];
    struct ct_dense_number miss;
};

struct ct_dense_model {
    struct ct_dense_bit more, same_boot, same_hash, same_quality;
    struct ct_dense_bit same_step[CT_DENSE_HISTORY];
    struct ct_dense_bit letter[8];
    struct ct_dense_guess next, first;
    struct ct_dense_number seq, base, offset, uncertainty, count, start, gap, quality, number, length;
    struct ct_dense_number step[CT_DENSE_SCALES];
};

struct ct_dense {
    struct ct_dense_model model;
    /* of the record before */
    struct ct_record_head head;
    uint8_t hash[CT_HASH_SIZE];
    struct ct_batch_time time;
    uint16_t before_first[CT_DENSE_GUESSES]; /* as ct_dense_entry.first, before the first group of all */
    uint8_t before_first_hits;
    struct ct_dense_entry *entries;
    size_t entry_count;
};

/* One record: what is to be written, or the place of what is read. */
struct ct_dense_record {
    struct ct_record_head head;
    uint8_t hash[CT_HASH_SIZE];
    struct ct_batch_time time;
    size_t count;
    struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    uint8_t kinds[CT_BATCH_SAMPLES_MAX];
    uint8_t bytes[CT_DENSE_BYTES];
    size_t bytes_used;
};

/* Writes or reads it; coder->err tells whether that went well. */
void ct_dense_code_record(struct ct_dense *dense, struct ct_dense_coder *coder, struct ct_dense_record *record);

#endif
