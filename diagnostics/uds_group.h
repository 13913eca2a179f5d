/* One functional request to many ECUs, sans I/O: sends it as a single frame and collects the response of every member
 * until P2 ends, or longer for those that have begun to answer or said response pending. Flow control goes to the
 * member's own physical id. Who does not answer is no error: on a functional request most keep silent on purpose.
 * A request made before P2 of the one before has passed (it had `enough` answers) waits for that: the others may still
 * be answering (P3client_func).
 * ISO 14229-2:2013 7.2, ISO 15765-4 for OBD-II. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_GROUP_H
#define CT_DIAGNOSTICS_UDS_GROUP_H

#include "uds_client.h"

#define CT_UDS_GROUP_MAX 64

struct ct_uds_group_config {
    struct ct_isotp_config functional; /* tx_id is the functional id; rx_id is not used */
    const struct ct_isotp_config *members;
    size_t member_count;     /* up to CT_UDS_GROUP_MAX */
    uint32_t p2_ms;          /* 0: 50 + 100 */
    uint32_t p2_star_ms;     /* 0: 5000 + 100 */
    uint32_t pending_cap_ms; /* 0: 25000; CT_UDS_UNLIMITED */
    unsigned enough;         /* ends as soon as so many have answered; 0: waits for P2 */
};

struct ct_uds_group;
int ct_uds_group_create(const struct ct_uds_group_config *config, struct ct_uds_group **out_group) CT_MUST_CHECK;
void ct_uds_group_free(struct ct_uds_group *group); /* accepts NULL */

/* CT_ERR_BUSY while one runs, CT_ERR_TOO_LARGE over one frame, CT_ERR_ARGUMENT when empty. Results of the request
 * before are dropped. */
int ct_uds_group_request(struct ct_uds_group *group, const uint8_t *request, size_t len, ct_ns now) CT_MUST_CHECK;
bool ct_uds_group_receive(struct ct_uds_group *group, const struct ct_frame *frame, ct_ns now); /* true: was ours */
int ct_uds_group_next_frame(struct ct_uds_group *group, struct ct_frame *out_frame,
                            ct_ns now) CT_MUST_CHECK; /* AGAIN */
ct_ns ct_uds_group_tick(struct ct_uds_group *group, ct_ns now);
void ct_uds_group_abort(struct ct_uds_group *group); /* ends at once; results so far stay */
bool ct_uds_group_busy(const struct ct_uds_group *group);

/* How it ended for one member: NO_RESPONSE for those that kept silent. The response is valid until the next request. */
struct ct_uds_result ct_uds_group_result(const struct ct_uds_group *group, size_t member);
uint32_t ct_uds_group_strays(const struct ct_uds_group *group);

#endif
