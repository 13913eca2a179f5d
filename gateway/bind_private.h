/* Inside of bind: shared by bind.c (frames), bind_build.c (catalogue), bind_rules.c (VSS). */
#ifndef CT_GATEWAY_BIND_PRIVATE_H
#define CT_GATEWAY_BIND_PRIVATE_H

#include "bind.h"

#define NO_ENTRY     UINT32_MAX
#define NO_RULE      UINT32_MAX
#define VSS_TEXT_MAX 128 /* longest string value of a VSS entry */

struct bound_message {
    const struct ct_codec_message *codec;
    const struct ct_dbc_message *model;
    uint8_t bus;
    uint32_t *ids;      /* entry of each signal, NO_ENTRY when it has none */
    uint8_t *last_sent; /* payload, only for messages that rules write; else NULL */
    bool was_sent;
};

struct bound_database {
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    struct bound_message *messages; /* as in the model */
};

struct bound_bus {
    char *name;
    struct bound_database *databases;
    size_t count;
};

struct bound_rule {
    const struct ct_map_rule *rule;
    uint32_t entry;
    uint32_t source; /* NO_ENTRY: nothing to read */
    const struct ct_dbc_signal *source_signal;
    struct bound_message *write_message; /* NULL: nothing to write */
    uint16_t write_signal;
    uint32_t next; /* rule of the same source */
    /* state */
    bool derived;     /* a value was derived before */
    bool held_back;   /* the interval kept the newest value back */
    ct_ns last_ns;    /* source time of the last derived value */
    int64_t last_raw; /* its source bits */
    uint16_t last_quality;
};

struct ct_bind {
    struct bound_bus *buses;
    size_t bus_count;
    struct ct_mapping *mapping;
    struct ct_catalogue *catalogue;
    struct bound_rule *rules;
    size_t rule_count;
    uint32_t *first_rule; /* per entry */
    uint32_t first_path;  /* entry of rules[0]; the others follow */
    size_t hidden;
    size_t held_back_count;
    struct ct_decoded *decoded; /* scratch for the largest message */
};

int ct_bind_build_catalogue(struct ct_bind *bind, const char *mapping_file, char *problem, size_t problem_size);
void ct_bind_rules_source_updated(struct ct_bind *bind, struct ct_twin *twin, uint32_t source, ct_ns now);
ct_ns ct_bind_rules_tick(struct ct_bind *bind, struct ct_twin *twin, ct_ns now);

#endif
