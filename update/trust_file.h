/* The trust store on disk: two files that are written in turn, so that a power cut during a write leaves the other one.
 * DIR/trust.0 and DIR/trust.1, each as ct_trust_encode gives it; the newer generation that is whole counts.
 * Adapter target update_trust_file. Belongs to one thread. */
#ifndef CT_UPDATE_TRUST_FILE_H
#define CT_UPDATE_TRUST_FILE_H

#include "trust.h"

struct ct_trust_file {
    char dir[256];
    uint64_t generation; /* of what was read or written last; 0: neither */
    unsigned damaged;    /* files that were there and not whole */
};

/* Reads the newest. CT_ERR_NOT_FOUND: there is none yet (first start); CT_ERR_CORRUPT: there were some and none is
 * whole: what must not be forgotten is forgotten, and nothing may be taken until somebody has looked;
 * CT_ERR_UNSUPPORTED: another version's, left untouched. */
int ct_trust_file_open(struct ct_trust_file *file, const char *dir, struct ct_trust *out_trust) CT_MUST_CHECK;
/* Durable when it returns CT_OK. On error the one before still counts. */
int ct_trust_file_write(struct ct_trust_file *file, const struct ct_trust *trust) CT_MUST_CHECK;

#endif
