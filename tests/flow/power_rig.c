#include "power_rig.h"

#include "power_entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- lines: in place of the adapter */

struct rig_chip rig_chip;

int ct_gpio_open(const struct ct_gpio_config *config, struct ct_gpio **out_gpio, char *problem, size_t problem_size)
{
    const int index = config->line[0] - '0';
    struct ct_gpio *line = &rig_chip.lines[index];
    assert_false(line->open);
    if (index == rig_chip.refused) {
        snprintf(problem, problem_size, "error: refused");
        return CT_ERR_BUSY;
    }
    *line = (struct ct_gpio){.open = true, .output = config->output, .active = config->active, .fd = -1};
    if (!config->output && !rig_chip.without_interrupts) {
        line->fd = eventfd(0, EFD_CLOEXEC);
    }
    *out_gpio = line;
    return CT_OK;
}

void ct_gpio_close(struct ct_gpio *gpio)
{
    if (gpio != NULL) {
        assert_true(gpio->open);
        gpio->open = false;
        if (gpio->fd >= 0) {
            close(gpio->fd);
        }
    }
}

int ct_gpio_fd(const struct ct_gpio *gpio)
{
    return gpio->fd;
}

int ct_gpio_read(struct ct_gpio *gpio, bool *out_active, size_t *out_edges)
{
    if (gpio->broken) {
        return CT_ERR_IO;
    }
    *out_active = gpio->active;
    *out_edges = gpio->edges;
    gpio->edges = 0;
    return CT_OK;
}

int ct_gpio_set(struct ct_gpio *gpio, bool active)
{
    assert_true(gpio->open && gpio->output);
    gpio->active = active;
    return gpio->broken ? CT_ERR_IO : CT_OK;
}

/* ---- rig */

static void set_up_settings(struct rig *rig)
{
    struct ct_settings_gpio *gpio = &rig->settings.gpio;
    struct ct_settings_line *const lines[] = {&gpio->ignition, &gpio->wake, &gpio->transceiver, &gpio->led,
                                              &gpio->watchdog};
    memcpy(rig->bus_name, "can0", 5);
    memcpy(rig->chip_name, "chip", 5);
    for (size_t i = 0; i < 5; i++) {
        rig->line_names[i][0] = (char)('0' + i);
        lines[i]->line = rig->line_names[i];
    }
    gpio->chip = rig->chip_name;
    gpio->debounce_ms = 40;
    gpio->quiet_ms = 1000;
    gpio->polling_ms = 2000;
    gpio->after_run_ms = 5000;
    gpio->watchdog_ms = 500;
    gpio->stuck_ms = 3000;
    rig->buses[0].name = rig->bus_name;
    rig->settings.buses = rig->buses;
    rig->settings.buses_count = 1;
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    struct ct_pipeline *pipeline = &rig->model.pipeline;
    const struct ct_policy_rules rules = {0};
    const struct ct_executor_ops ops = {0};
    char problem[200];
    memset(&rig_chip, 0, sizeof rig_chip);
    rig_chip.refused = -1;
    set_up_settings(rig);
    /* As load.c lays them out: the configured buses, their own entries, the power state. */
    assert_int_equal(ct_power_entries_create(&rig->dbcs[0]), CT_OK);
    const struct ct_bind_bus buses[] = {
        {.name = "can0"}, {.name = "bus"}, {.name = CT_POWER_ENTRIES_BUS, .dbcs = rig->dbcs, .dbc_count = 1}};
    assert_int_equal(ct_bind_create(buses, 3, NULL, "", &pipeline->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline->bind, &pipeline->twin), CT_OK);
    assert_int_equal(ct_collect_create(NULL, 0, ct_bind_catalogue(pipeline->bind), &pipeline->collect), CT_OK);
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, NULL, 0, &rig->bus.executor), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 65536), CT_OK);
    assert_int_equal(ct_ring_create(65536, &rig->bus.owed), CT_OK);
    assert_int_equal(ct_loop_open(&rig->bus.loop), CT_OK);
    rig->model.settings = &rig->settings;
    rig->bus.model = &rig->model;
    rig->bus.channels = &rig->channels;
    rig->bus.ports[0].port = &rig->port;
    rig->bus.port_count = 1;
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    ct_bus_power_close(&rig->bus);
    for (size_t i = 0; i < 5; i++) {
        assert_false(rig_chip.lines[i].open);
    }
    ct_jobs_free(rig->bus.jobs);
    ct_executor_free(rig->bus.executor);
    ct_policy_free(rig->model.policy);
    ct_pipeline_close(&rig->model.pipeline);
    ct_ring_destroy(rig->bus.owed);
    ct_channel_close(&rig->channels.bus_to_storage);
    ct_loop_close(&rig->bus.loop);
    free(rig);
    return 0;
}

void rig_open_power(struct rig *rig)
{
    char problem[300];
    assert_int_equal(ct_bus_power_open(&rig->bus, problem, sizeof problem), CT_OK);
}

void rig_drain(struct rig *rig)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(rig->channels.bus_to_storage.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_EVENT) {
            memcpy(&rig->event, data, sizeof rig->event);
            rig->events++;
        } else if (type == CT_MSG_STATUS) {
            memcpy(&rig->status, data, sizeof rig->status);
            rig->refusals += rig->status.state == CT_COMMAND_REFUSED ? 1U : 0U;
        }
        ct_ring_pop(rig->channels.bus_to_storage.ring);
    }
}

/* Rounds of the thread at its deadlines until `ms`, and one then. */
void rig_run_until(struct rig *rig, int64_t ms)
{
    while (rig->bus.now < ms * MS) {
        const ct_ns due = ct_bus_power_tick(&rig->bus);
        assert_true(due > rig->bus.now);
        rig->bus.now = ct_ns_min(due, ms * MS);
    }
    (void)ct_bus_power_tick(&rig->bus);
    rig_drain(rig);
}

void rig_pull(struct rig *rig, enum line line, bool active)
{
    const uint64_t one = 1;
    struct ct_gpio *gpio = &rig_chip.lines[line];
    uint64_t seen = 0;
    gpio->active = active;
    gpio->edges++;
    if (gpio->fd >= 0) {
        assert_int_equal(write(gpio->fd, &one, sizeof one), sizeof one);
        assert_int_equal(ct_loop_wait(&rig->bus.loop, rig->bus.now), CT_OK);
        assert_int_equal(read(gpio->fd, &seen, sizeof seen), sizeof seen);
    }
}

const char *rig_twin_state(const struct rig *rig)
{
    uint32_t id = 0;
    struct ct_reading reading;
    const struct ct_catalogue *catalogue = ct_bind_catalogue(rig->model.pipeline.bind);
    assert_int_equal(ct_catalogue_find(catalogue, "gateway.Power.State", &id), CT_OK);
    assert_int_equal(ct_twin_get(rig->model.pipeline.twin, id, &reading), CT_OK);
    return ct_power_state_text((enum ct_power_state)reading.sample.raw);
}
