/* Which of a block's eight raw values need no further look: those inside their lane's run of plain values. Looked at
 * for every changed value that has a range, so in vectors where the CPU has them; all ways give the same lanes.
 * Private to twin. Thread-safe: values only. */
#ifndef CT_TWIN_PLAIN_H
#define CT_TWIN_PLAIN_H

#include <stdint.h>

/* Per lane: plain are low .. low + count - 1, compared as unsigned. */
struct ct_plain_block {
    _Alignas(64) uint64_t low[8];
    uint64_t count[8];
};

/* A bit for each lane whose value is not plain. `raw` is aligned to 64 bytes. */
typedef unsigned ct_plain_fn(const struct ct_plain_block *plain, const int64_t *raw);

/* The best way this CPU has; and, for tests, each of them: NULL what this CPU or build has not. */
ct_plain_fn *ct_plain_best(void);
ct_plain_fn *ct_plain_way(unsigned index); /* 0: without vectors */

#define CT_PLAIN_WAYS 3

#endif
