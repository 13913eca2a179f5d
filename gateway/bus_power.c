/* The power state in the bus thread: lines and activity in; lines, twin entries and events out. The frame path only
 * shows it what was received. */
#include "bus_private.h"
#include "gpio.h"
#include "power_entries.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define SAMPLE_LEAST_NS (5 * CT_NS_PER_MS)

enum output { TRANSCEIVER, LED, WATCHDOG, OUTPUTS };

struct input {
    struct ct_gpio *gpio; /* NULL: none, or it has failed */
    struct ct_loop_watch watch;
    const char *name;
    bool ready;
    ct_ns sample_due; /* of a line without edges */
};

struct bus_power {
    struct ct_power power;
    struct input inputs[CT_POWER_LINES];
    struct ct_gpio *outputs[OUTPUTS];
    bool levels[OUTPUTS];
    bool heard; /* a frame of somebody else, since the last tick */
    uint32_t transitions;
    struct ct_frame put;     /* as the twin has it */
    struct ct_rounds rounds; /* of the gateway's other threads */
    const char *stuck;       /* the one that was told of */
};

static const char *const output_names[OUTPUTS] = {"transceiver", "led", "watchdog"};

/* ---- open and close */

static void on_edge(struct ct_loop_watch *watch, uint32_t events)
{
    struct input *input = watch->user;
    (void)events;
    input->ready = true;
}

static int open_line(const char *chip, const struct ct_settings_line *line, const char *name, bool output,
                     struct ct_gpio **out_gpio, char *problem, size_t size)
{
    if (line->line == NULL) {
        return CT_OK;
    }
    const struct ct_gpio_config config = {
        .chip = chip, .line = line->line, .output = output, .active_low = line->active_low};
    char text[300];
    const int err = ct_gpio_open(&config, out_gpio, text, sizeof text);
    if (err != CT_OK) {
        snprintf(problem, size, "gpio.%s: %s", name, text);
    }
    return err;
}

static int open_input(struct ct_bus *bus, struct input *input, const struct ct_settings_line *line, const char *name,
                      char *problem, size_t size)
{
    input->name = name;
    input->watch = (struct ct_loop_watch){.fd = -1, .fn = on_edge, .user = input};
    input->ready = true;
    int err = open_line(bus->model->settings->gpio.chip, line, name, false, &input->gpio, problem, size);
    if (err == CT_OK && input->gpio != NULL) {
        err = ct_loop_add(&bus->loop, &input->watch, ct_gpio_fd(input->gpio), EPOLLIN);
        if (err != CT_OK) {
            snprintf(problem, size, "gpio.%s: error: the line cannot be watched: %s", name, ct_err_text(err));
        }
    }
    return err;
}

static int open_lines(struct ct_bus *bus, char *problem, size_t size)
{
    const struct ct_settings_gpio *gpio = &bus->model->settings->gpio;
    const struct ct_settings_line *const outputs[OUTPUTS] = {&gpio->transceiver, &gpio->led, &gpio->watchdog};
    struct bus_power *own = bus->power;
    int err = open_input(bus, &own->inputs[CT_POWER_IGNITION], &gpio->ignition, "ignition", problem, size);
    if (err == CT_OK) {
        err = open_input(bus, &own->inputs[CT_POWER_WAKE_LINE], &gpio->wake, "wake", problem, size);
    }
    for (size_t i = 0; i < OUTPUTS && err == CT_OK; i++) {
        err = open_line(gpio->chip, outputs[i], output_names[i], true, &own->outputs[i], problem, size);
    }
    return err;
}

int ct_bus_power_open(struct ct_bus *bus, char *problem, size_t size)
{
    const struct ct_settings_gpio *gpio = &bus->model->settings->gpio;
    if (gpio->chip == NULL) {
        return CT_OK;
    }
    bus->power = calloc(1, sizeof *bus->power);
    if (bus->power == NULL) {
        snprintf(problem, size, "error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    const struct ct_power_config config = {.has_ignition = gpio->ignition.line != NULL,
                                           .debounce_ns = ct_ns_from_ms(gpio->debounce_ms),
                                           .quiet_ns = ct_ns_from_ms(gpio->quiet_ms),
                                           .polling_ns = ct_ns_from_ms(gpio->polling_ms),
                                           .after_run_ns = ct_ns_from_ms(gpio->after_run_ms),
                                           .watchdog_ns = ct_ns_from_ms(gpio->watchdog_ms)};
    ct_power_init(&bus->power->power, &config, bus->started_ns);
    return open_lines(bus, problem, size);
}

void ct_bus_watch_thread(struct ct_bus *bus, const char *name, const struct ct_pulse *pulse)
{
    if (bus->power != NULL) {
        ct_rounds_add(&bus->power->rounds, name, pulse);
    }
}

void ct_bus_power_close(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    if (own == NULL) {
        return;
    }
    for (size_t i = 0; i < CT_POWER_LINES; i++) {
        ct_gpio_close(own->inputs[i].gpio);
    }
    for (size_t i = 0; i < OUTPUTS; i++) {
        ct_gpio_close(own->outputs[i]);
    }
    free(own);
    bus->power = NULL;
}

/* ---- inputs */

/* A line that cannot be read counts as inactive, so that nothing stays awake for it. */
static void drop_input(struct ct_bus *bus, struct input *input, int err)
{
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "gpio line %s cannot be read and counts as inactive: %s", input->name,
             ct_err_text(err));
    ct_log(CT_LOG_ERROR, "%s", text);
    ct_bus_event(bus, "gpio-failed", text, "line", input->name);
    ct_loop_remove(&bus->loop, &input->watch);
    ct_gpio_close(input->gpio);
    input->gpio = NULL;
}

/* Lines without edges are read four times in the time of debouncing. */
static ct_ns sample(struct ct_bus *bus)
{
    ct_ns pause = bus->power->power.config.debounce_ns / 4;
    ct_ns due = CT_NS_NEVER;
    pause = pause < SAMPLE_LEAST_NS ? SAMPLE_LEAST_NS : pause;
    for (size_t i = 0; i < CT_POWER_LINES; i++) {
        struct input *input = &bus->power->inputs[i];
        if (input->gpio == NULL || input->watch.fd >= 0) {
            continue;
        }
        if (bus->now >= input->sample_due) {
            input->ready = true;
            input->sample_due = ct_ns_add(bus->now, pause);
        }
        due = ct_ns_min(due, input->sample_due);
    }
    return due;
}

static void read_inputs(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    for (unsigned i = 0; i < CT_POWER_LINES; i++) {
        struct input *input = &own->inputs[i];
        bool active = false;
        size_t edges = 0;
        if (!input->ready || input->gpio == NULL) {
            continue;
        }
        input->ready = false;
        const int err = ct_gpio_read(input->gpio, &active, &edges);
        if (err != CT_OK) {
            drop_input(bus, input, err);
        }
        ct_power_set_line(&own->power, (enum ct_power_line)i, active, edges > 0, bus->now);
    }
}

static void see_activity(struct ct_bus *bus)
{
    if (bus->power->heard) {
        bus->power->heard = false;
        ct_power_bus_active(&bus->power->power, bus->now);
    }
}

void ct_bus_power_frames(struct ct_bus *bus, const struct ct_frame *frames, size_t count)
{
    struct bus_power *own = bus->power;
    for (size_t i = 0; own != NULL && i < count && !own->heard; i++) {
        own->heard = (frames[i].flags & (CT_FRAME_ERR | CT_FRAME_SENT)) == 0;
    }
}

/* The bus thread's own rounds are those that this is called in. */
static void see_threads(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    const ct_ns patience = ct_ns_from_ms(bus->model->settings->gpio.stuck_ms);
    const char *stuck = ct_rounds_stuck(&own->rounds, patience, bus->now);
    ct_power_set_stuck(&own->power, stuck != NULL);
    if (stuck != NULL && own->stuck == NULL) {
        char text[CT_EVENT_TEXT_MAX];
        snprintf(text, sizeof text, "the thread %s does not come back: the watchdog's line is not served", stuck);
        ct_log(CT_LOG_ERROR, "%s", text);
        ct_bus_event(bus, "thread-stuck", text, "thread", stuck);
    }
    own->stuck = stuck;
}

static bool outbox_waits(const struct ct_bus *bus)
{
    const struct ct_outbox_stats *outbox = &bus->storage_stats.outbox;
    bool waits = false;
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        waits = waits || outbox->newest.seq[i] > outbox->acked.seq[i];
    }
    return waits && bus->model->settings->link.endpoint != NULL;
}

/* ---- outputs */

static void drive(struct ct_bus *bus, enum output output, bool level)
{
    struct bus_power *own = bus->power;
    if (own->outputs[output] == NULL || own->levels[output] == level) {
        return;
    }
    own->levels[output] = level;
    const int err = ct_gpio_set(own->outputs[output], level);
    if (err != CT_OK) {
        char text[CT_EVENT_TEXT_MAX];
        snprintf(text, sizeof text, "gpio line %s cannot be set: %s", output_names[output], ct_err_text(err));
        ct_log(CT_LOG_ERROR, "%s", text);
        ct_bus_event(bus, "gpio-failed", text, "line", output_names[output]);
        ct_gpio_close(own->outputs[output]);
        own->outputs[output] = NULL;
    }
}

static void drive_all(struct ct_bus *bus)
{
    const struct ct_power_outputs outputs = ct_power_outputs(&bus->power->power, bus->now);
    drive(bus, TRANSCEIVER, outputs.transceiver);
    drive(bus, LED, outputs.led);
    drive(bus, WATCHDOG, outputs.watchdog);
}

/* The bus behind those of load.c's other own entries. */
static void put(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    struct ct_frame frame = ct_power_entries_frame(&own->power, own->transitions, bus->now);
    if (own->put.len == frame.len && memcmp(own->put.data, frame.data, frame.len) == 0) {
        return;
    }
    own->put = frame;
    frame.bus = (uint8_t)(bus->port_count + 1);
    frame.t_ns = bus->now;
    ct_pipeline_frame(&bus->model->pipeline, &frame, bus->now, &bus->own_counts, ct_bus_emit, bus);
}

static void tell(struct ct_bus *bus, const struct ct_power_change *change)
{
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "power: %s -> %s: %s", ct_power_state_text(change->from),
             ct_power_state_text(change->to), change->reason);
    ct_log(CT_LOG_INFO, "%s", text);
    ct_bus_event(bus, "power-state", text, "state", ct_power_state_text(change->to));
}

static void take_steps(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    struct ct_power_change change;
    while (ct_power_step(&own->power, bus->now, &change)) {
        own->transitions++;
        drive_all(bus);
        put(bus);
        tell(bus, &change);
    }
    drive_all(bus);
    put(bus);
}

/* ---- in one round */

/* The executor's gate as the state has it now; what may not go on any more ends. */
void ct_bus_power_gate(struct ct_bus *bus)
{
    static const enum ct_executor_gate gates[] = {[CT_POWER_ASK_NOTHING] = CT_EXECUTOR_CLOSED,
                                                  [CT_POWER_ASK_UPDATE] = CT_EXECUTOR_UPDATE,
                                                  [CT_POWER_ASK_READS] = CT_EXECUTOR_NO_WRITES,
                                                  [CT_POWER_ASK_ALL] = CT_EXECUTOR_OPEN};
    if (bus->power == NULL) {
        return;
    }
    const enum ct_executor_gate gate = gates[ct_power_asking(&bus->power->power, bus->now)];
    const size_t ended = ct_executor_set_gate(bus->executor, gate, bus->now);
    if (ended > 0) {
        char text[CT_EVENT_TEXT_MAX];
        char count[24];
        snprintf(count, sizeof count, "%zu", ended);
        snprintf(text, sizeof text, "%s over: %zu diagnostic requests ended",
                 gate == CT_EXECUTOR_CLOSED ? "after-run" : "polling budget", ended);
        ct_log(CT_LOG_WARNING, "%s", text);
        ct_bus_event(bus, "polling-ended", text, "requests", count);
    }
}

ct_ns ct_bus_power_tick(struct ct_bus *bus)
{
    struct bus_power *own = bus->power;
    if (own == NULL || bus->stopping) {
        return CT_NS_NEVER;
    }
    const struct ct_power_work work = {.outbox = outbox_waits(bus),
                                       .bus = ct_executor_running(bus->executor) > 0,
                                       .update = ct_executor_updating(bus->executor)};
    const ct_ns sample_due = sample(bus);
    read_inputs(bus);
    see_activity(bus);
    see_threads(bus);
    ct_power_set_work(&own->power, work, bus->now);
    take_steps(bus);
    ct_bus_power_gate(bus);
    return ct_ns_min(sample_due, ct_power_deadline(&own->power, bus->now));
}

void ct_bus_power_stop(struct ct_bus *bus)
{
    if (bus->power != NULL) {
        ct_power_stop(&bus->power->power);
        take_steps(bus);
    }
}

bool ct_bus_power_may_ask(const struct ct_bus *bus)
{
    return bus->power == NULL || ct_power_may_poll(&bus->power->power, bus->now);
}

bool ct_bus_power_asleep(const struct ct_bus *bus)
{
    return bus->power != NULL && !ct_power_outputs(&bus->power->power, bus->now).transceiver;
}

/* Why the command is not taken now, NULL: it is. A request during an update is left to the executor's gate: it may
 * belong to that. */
static const char *refusal(const struct ct_bus *bus, const struct ct_command *command)
{
    static const char over[] = "the ignition is off: ECUs are not asked any more";
    const enum ct_power_asking asking = ct_power_asking(&bus->power->power, bus->now);
    switch (command->action) {
    case CT_ACTION_SET_DESIRED:
        return ct_bus_power_asleep(bus) ? "asleep: the gateway sleeps, and sends nothing" : NULL;
    case CT_ACTION_DIAGNOSTIC_JOB:
        if (asking == CT_POWER_ASK_READS && ct_job_writes(command)) {
            return "the ignition is off: nothing new is written to ECUs";
        }
        return asking >= CT_POWER_ASK_READS ? NULL : over;
    case CT_ACTION_DIAGNOSTIC_REQUEST:
    default:
        return asking >= CT_POWER_ASK_READS || (asking == CT_POWER_ASK_UPDATE && ct_executor_updating(bus->executor))
                   ? NULL
                   : over;
    }
}

bool ct_bus_power_refuses(struct ct_bus *bus, const struct ct_command *command)
{
    ct_bus_power_gate(bus);
    const char *text = bus->power != NULL ? refusal(bus, command) : NULL;
    if (text == NULL) {
        return false;
    }
    const struct ct_command_status status = {.command_id = command->command_id,
                                             .state = CT_COMMAND_REFUSED,
                                             .reason = CT_REASON_POLICY_VEHICLE_STATE,
                                             .seq = command->seq,
                                             .t_ns = bus->now,
                                             .text = text};
    ct_bus_command_status(bus, &status);
    return true;
}
