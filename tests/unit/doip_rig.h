/* A DoIP entity with what it was asked and what it says, for its tests. Wire bytes are written out as ISO 13400-2 has
 * them. */
#ifndef CT_TESTS_DOIP_RIG_H
#define CT_TESTS_DOIP_RIG_H

#include "doip_entity.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define S  CT_NS_PER_S
#define MS CT_NS_PER_MS

#define ENTITY 0x1000
#define ECU    0x2011

struct doip_rig {
    struct ct_doip_entity *entity;
    uint32_t random;
    enum ct_doip_activation admit;
    enum ct_doip_diagnostic_code code;
    unsigned calls, gone;
    uint16_t last_source, last_target;
    size_t last_len;
    uint8_t last[8];
    const uint8_t *reply; /* sent at once, when not NULL */
    size_t reply_len;
    ct_ns now;
};

static inline uint32_t rig_random(void *user)
{
    return ((struct doip_rig *)user)->random;
}

static inline enum ct_doip_activation rig_admit(void *user, const struct ct_doip_tester *tester)
{
    (void)tester;
    return ((struct doip_rig *)user)->admit;
}

static inline enum ct_doip_diagnostic_code rig_diagnostic(void *user, const struct ct_doip_tester *tester,
                                                          uint16_t target, const uint8_t *data, size_t len)
{
    struct doip_rig *rig = user;
    rig->calls++;
    rig->last_source = tester->source;
    rig->last_target = target;
    rig->last_len = len;
    memcpy(rig->last, data, len < sizeof rig->last ? len : sizeof rig->last);
    if (rig->reply != NULL && rig->code == CT_DOIP_ACK) {
        assert_int_equal(ct_doip_respond(rig->entity, tester->source, target, rig->reply, rig->reply_len, rig->now),
                         CT_OK);
    }
    return rig->code;
}

static inline void rig_gone(void *user, const struct ct_doip_tester *tester)
{
    (void)tester;
    ((struct doip_rig *)user)->gone++;
}

static inline uint8_t rig_power(void *user)
{
    (void)user;
    return 1;
}

static inline struct ct_doip_config doip_rig_config(struct doip_rig *rig)
{
    struct ct_doip_config config = {
        .eid = {2, 0, 0, 0, 0, 1},
        .gid = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
        .address = ENTITY,
        .sockets = 2,
        .ops = {.user = rig, .random = rig_random, .admit = rig_admit, .diagnostic = rig_diagnostic, .gone = rig_gone}};
    memcpy(config.vin, "WCT00000000000001", 17);
    config.ops.power_mode = rig_power;
    return config;
}

static inline void doip_rig_open(struct doip_rig *rig, const struct ct_doip_config *config)
{
    rig->admit = CT_DOIP_ACTIVATED;
    rig->code = CT_DOIP_ACK;
    rig->now = 10 * S;
    assert_int_equal(ct_doip_entity_create(config, &rig->entity), CT_OK);
}

#endif
