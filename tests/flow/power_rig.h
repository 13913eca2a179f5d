/* A bus thread's power state with lines that the test holds in its hand and time that it tells: power_rig.c stands in
 * for the adapter of GPIO lines. */
#ifndef CT_TESTS_POWER_RIG_H
#define CT_TESTS_POWER_RIG_H

#include "bus_private.h"
#include "gpio.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS CT_NS_PER_MS

struct ct_gpio {
    bool open, output, active, broken;
    size_t edges;
    int fd;
};

struct rig_chip {
    struct ct_gpio lines[5];
    bool without_interrupts;
    int refused; /* this line cannot be opened */
};
extern struct rig_chip rig_chip; /* of the test that runs */

enum line { KL15, WAKE, STB, LED, WDI };

struct rig {
    struct ct_bus bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[1];
    char bus_name[8], line_names[5][2], chip_name[8], endpoint[8];
    struct ct_channels channels;
    struct ct_dbc *dbcs[1];
    struct ct_port port;
    size_t refusals, events;
    struct ct_msg_event event;   /* the last one */
    struct ct_msg_status status; /* likewise */
    struct ct_frame sent[16];    /* by who asks: what the executor handed out */
    size_t sent_count;
};

int rig_setup(void **state);
int rig_teardown(void **state);
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

void rig_open_power(struct rig *rig);
/* Takes what the bus thread says. */
void rig_drain(struct rig *rig);
/* Rounds of the power state at its deadlines until `ms`, and one then. */
void rig_run_until(struct rig *rig, int64_t ms);
void rig_pull(struct rig *rig, enum line line, bool active);
const char *rig_twin_state(const struct rig *rig);

#endif
