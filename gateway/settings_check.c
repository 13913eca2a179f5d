#include "settings_check.h"

#include "config.h"
#include "files.h"
#include "problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COALESCE_MAX_US      10000
#define READS_MIN_S          60
#define READS_MAX_S          604800
#define READS_PAUSE_MIN_S    10
#define GPIO_MAX_MS          3600000
#define SEND_PATIENCE_MAX_MS 60000
#define ID_MAX               0x1FFFFFFFU
#define FILE_MAX             (4U << 20)

struct check {
    const char *path;
    const struct ct_settings *settings;
    uint8_t *text; /* of the file, to tell lines; NULL: it cannot be read again */
    size_t len;
    char *problem;
    size_t problem_size;
    int err; /* of the first problem */
};

/* A problem of entry `index` of the list `key`; NULL: of no list. */
static void wrong(struct check *check, const char *key, size_t index, int err, const char *format, ...) CT_PRINTF(5, 6);

static void wrong(struct check *check, const char *key, size_t index, int err, const char *format, ...)
{
    char text[400];
    char place[32] = "";
    unsigned line = 0;
    unsigned column = 0;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (key != NULL && check->text != NULL &&
        ct_config_place((const char *)check->text, check->len, key, index, &line, &column) == CT_OK) {
        snprintf(place, sizeof place, ":%u:%u", line, column);
    }
    ct_problems_add(check->problem, check->problem_size, "%s%s: error: %s%s%s", check->path, place,
                    key != NULL ? key : "", key != NULL ? ": " : "", text);
    check->err = check->err == CT_OK ? err : check->err;
}

static bool good_name(const char *name, size_t max)
{
    const size_t len = strlen(name);
    return len <= max && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == len;
}

static bool has_bus(const struct ct_settings *settings, const char *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(settings->buses[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_bus(struct check *check, unsigned index)
{
    const struct ct_settings_bus *bus = &check->settings->buses[index];
    if (!good_name(bus->name, CT_BUS_NAME_MAX)) {
        wrong(check, "buses", index, CT_ERR_RANGE, "name '%s': use up to %d letters, digits, _ or -", bus->name,
              CT_BUS_NAME_MAX);
    }
    if (has_bus(check->settings, bus->name, index)) {
        wrong(check, "buses", index, CT_ERR_EXISTS, "two are named '%s'; give each bus its own name", bus->name);
    }
    if (bus->send_patience_ms > SEND_PATIENCE_MAX_MS) {
        wrong(check, "buses", index, CT_ERR_RANGE, "'%s': send_patience_ms is %u; at most %d", bus->name,
              bus->send_patience_ms, SEND_PATIENCE_MAX_MS);
    }
    if (bus->functional_id > ID_MAX) {
        wrong(check, "buses", index, CT_ERR_RANGE, "'%s': functional_id: an arbitration id is at most 0x1FFFFFFF",
              bus->name);
    }
    /* The entries of the power state are on a bus of that name (power_entries.h). */
    if (check->settings->gpio.chip != NULL && strcmp(bus->name, "gateway") == 0) {
        wrong(check, "buses", index, CT_ERR_EXISTS,
              "with `gpio`, 'gateway' is the bus of the power state; give this bus another name");
    }
}

static bool ecu_named_before(const struct ct_settings *settings, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(settings->ecus[i].name, settings->ecus[index].name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_ecu(struct check *check, unsigned index)
{
    const struct ct_settings_ecu *ecu = &check->settings->ecus[index];
    if (!has_bus(check->settings, ecu->bus, check->settings->buses_count)) {
        wrong(check, "ecus", index, CT_ERR_NOT_FOUND, "'%s' is on bus '%s', which `buses` does not have", ecu->name,
              ecu->bus);
    }
    char text[300];
    const int err = ct_settings_ecu_check(check->settings, index, text, sizeof text);
    if (err != CT_OK) {
        wrong(check, "ecus", index, err, "%s", text);
    }
    if (ecu_named_before(check->settings, index)) {
        wrong(check, "ecus", index, CT_ERR_EXISTS, "two are named '%s'; give each ECU its own name", ecu->name);
    }
}

static void check_diagnostics(struct check *check)
{
    const struct ct_settings_diagnostics *own = &check->settings->diagnostics;
    if (own->bus == NULL) {
        return;
    }
    if (!has_bus(check->settings, own->bus, check->settings->buses_count)) {
        wrong(check, NULL, 0, CT_ERR_NOT_FOUND, "diagnostics: bus '%s' is none of `buses`", own->bus);
    }
    if (own->request_id > ID_MAX || own->response_id > ID_MAX || own->functional_id > ID_MAX) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "diagnostics: an arbitration id is at most 0x1FFFFFFF");
    } else if ((own->request_id > 0x7FFU) != (own->response_id > 0x7FFU)) {
        wrong(check, NULL, 0, CT_ERR_RANGE,
              "diagnostics: request_id 0x%X and response_id 0x%X must both be 11-bit (up to 0x7FF) or both 29-bit",
              own->request_id, own->response_id);
    } else if (own->request_id == own->response_id || own->functional_id == own->response_id) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "diagnostics: response_id 0x%X is also what is listened to",
              own->response_id);
    }
}

static void check_link(struct check *check)
{
    const struct ct_settings_link *link = &check->settings->link;
    if (link->endpoint != NULL && (link->key == NULL || link->server_key == NULL)) {
        wrong(check, NULL, 0, CT_ERR_NOT_FOUND, "link: `%s` is missing; `cantwin keys init` makes the key files",
              link->key == NULL ? "key" : "server_key");
    }
}

static void check_gpio(struct check *check)
{
    const struct ct_settings_gpio *gpio = &check->settings->gpio;
    const struct {
        const char *key;
        uint32_t ms, least;
    } rows[] = {{"debounce_ms", gpio->debounce_ms, 1},  {"quiet_ms", gpio->quiet_ms, 100},
                {"polling_ms", gpio->polling_ms, 1},    {"after_run_ms", gpio->after_run_ms, 1},
                {"watchdog_ms", gpio->watchdog_ms, 10}, {"stuck_ms", gpio->stuck_ms, 100}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].ms < rows[i].least || rows[i].ms > GPIO_MAX_MS) {
            wrong(check, NULL, 0, CT_ERR_RANGE, "gpio: %s is %u; use %u to %d", rows[i].key, rows[i].ms, rows[i].least,
                  GPIO_MAX_MS);
        }
    }
}

static void check_reads(struct check *check)
{
    const struct ct_settings_reads *reads = &check->settings->dtc_reads;
    if (reads->interval_s != 0 && (reads->interval_s < READS_MIN_S || reads->interval_s > READS_MAX_S)) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "dtc_reads: interval_s is %u; use %d to %d", reads->interval_s, READS_MIN_S,
              READS_MAX_S);
    }
    if (reads->pause_s < READS_PAUSE_MIN_S || reads->pause_s > READS_MAX_S) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "dtc_reads: pause_s is %u; use %d to %d", reads->pause_s, READS_PAUSE_MIN_S,
              READS_MAX_S);
    }
    if (reads->warning != NULL && !reads->on_new_dtc) {
        wrong(check, NULL, 0, CT_ERR_ARGUMENT, "dtc_reads: `warning` triggers nothing without `on_new_dtc: true`");
    }
}

static void check_all(struct check *check)
{
    const struct ct_settings *settings = check->settings;
    if (!good_name(settings->vehicle_id, 64)) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "vehicle_id: '%s': use up to 64 letters, digits, _ or -",
              settings->vehicle_id);
    }
    for (unsigned i = 0; i < settings->buses_count; i++) {
        check_bus(check, i);
    }
    for (unsigned i = 0; i < settings->ecus_count; i++) {
        check_ecu(check, i);
    }
    check_diagnostics(check);
    check_link(check);
    if (settings->coalesce_us > COALESCE_MAX_US) {
        wrong(check, NULL, 0, CT_ERR_RANGE, "coalesce_us is %u; at most %d", settings->coalesce_us, COALESCE_MAX_US);
    }
    check_gpio(check);
    check_reads(check);
    char text[300];
    const int err = ct_settings_doip_check(settings, text, sizeof text);
    if (err != CT_OK) {
        wrong(check, NULL, 0, err, "%s", text);
    }
}

int ct_settings_check(const char *path, bool whole, const struct ct_settings *settings, char *problem,
                      size_t problem_size)
{
    struct check check = {.path = path, .settings = settings, .problem = problem, .problem_size = problem_size};
    ct_problems_begin(problem, problem_size);
    if (!whole || ct_file_read(path, FILE_MAX, &check.text, &check.len) != CT_OK) {
        check.text = NULL;
    }
    check_all(&check);
    free(check.text);
    return check.err;
}
