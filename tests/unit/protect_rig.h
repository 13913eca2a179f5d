/* One message with one protection rule, from a line of DBC and a configuration. */
#ifndef CANTWIN_PROTECT_RIG_H
#define CANTWIN_PROTECT_RIG_H

#include "protect.h"

struct rig {
    struct ct_dbc *dbc;
    struct ct_protect *protect;
    const struct ct_protect_rule *rule;
    uint32_t id;
    size_t len;
    char problem[768];
};

/* A database whose only message M has `len` bytes and the given SG_ lines. */
void rig_parse(struct rig *rig, uint32_t id, size_t len, const char *signals);
/* Compiles one configuration for M; its message is M where it chooses none. Fails the test when it is refused. */
void rig_open(struct rig *rig, uint32_t id, size_t len, const char *signals, struct ct_protect_config config);
/* The same, expecting a refusal; its text is in rig->problem. */
void rig_refused(struct rig *rig, uint32_t id, size_t len, const char *signals, struct ct_protect_config config);
void rig_close(struct rig *rig);

/* Bytes of hex digits, blanks left out; returns their number. */
size_t rig_bytes(const char *hex, uint8_t data[64]);

/* A pointer to a number, for a configuration. */
#define NUMBER(n) (&(const uint32_t){n})

#endif
