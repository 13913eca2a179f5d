/* The gateway's configuration (gateway.yaml): loaded, defaulted, checked, with paths made whole.
 *
 * Owns the loaded settings; problems come back as one located line and the exit code of the program. Paths written in
 * the file are relative to its folder, paths given on the command line to the working directory; names of ports are
 * taken as they are, so sockets and logs in them are relative to the working directory. Adapter target
 * gateway_settings. Not thread-safe. */
#ifndef CT_GATEWAY_SETTINGS_H
#define CT_GATEWAY_SETTINGS_H

#include "errors.h"
#include "settings_doip.h"
#include "settings_ecu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_GATEWAY_BUSES_MAX 32 /* `bus` of a frame is an index into them */
#define CT_BUS_NAME_MAX      31 /* characters, as in policy.h */
#define CT_GATEWAY_ECUS_MAX  64

/* What a kernel interface hands to the gateway. */
enum ct_receive { CT_RECEIVE_ALL, CT_RECEIVE_NEEDED };

struct ct_settings_bus {
    char *name; /* first part of entry names: letters, digits, _ and - */
    char *port; /* as for ct_port_open */
    char **dbc; /* files, earlier ones win when an id is in several */
    unsigned dbc_count;
    char *protection; /* file of rules for counters and checksums; NULL: those of the DBC files */
    bool fd;
    bool transmit;             /* false: nothing is ever sent here, whatever the policy says */
    int receive;               /* enum ct_receive */
    uint32_t bitrate;          /* bit/s, for the bus load; 0: what the interface says */
    uint32_t data_bitrate;     /* bit/s of the data phase of FD frames */
    uint32_t send_patience_ms; /* how long a frame may wait for room on a kernel interface; 0: 100 */
    uint32_t functional_id;    /* what all ECUs of the bus hear, above 0x7FF 29-bit; 0: no functional requests */
};

struct ct_settings_link {
    char *endpoint; /* NULL: no backend, everything stays on the vehicle */
    char *server_key;
    char *next_server_key; /* NULL, or what the backend's key is about to change to */
    char *key;
};

struct ct_settings_trust {
    int role; /* enum ct_role */
    char *key;
};

struct ct_settings_state { /* entry names of the signals that prove the vehicle's state; NULL: never known */
    char *speed;
    char *ignition;
    char *gear;
    char *voltage;
};

struct ct_settings_outbox {
    uint32_t quota_mib; /* 64 */
    uint32_t commit_ms; /* 20: what a power cut may lose */
};

struct ct_settings_line {
    char *line; /* offset or name; NULL: none */
    bool active_low;
};

struct ct_settings_gpio {
    char *chip; /* NULL: no power state, no lines */
    struct ct_settings_line ignition, wake, transceiver, led, watchdog;
    uint32_t debounce_ms;  /* 50 */
    uint32_t quiet_ms;     /* 5000 */
    uint32_t polling_ms;   /* 30000 */
    uint32_t after_run_ms; /* 300000 */
    uint32_t watchdog_ms;  /* 500: between two changes of the line */
    uint32_t stuck_ms;     /* 10000: a thread that works so long without coming to rest stops them */
};

struct ct_settings_diagnostics {
    char *bus; /* NULL: the gateway answers no diagnostic requests itself */
    uint32_t request_id, response_id;
    uint32_t functional_id; /* 0: none */
    bool fd;
};

struct ct_settings_reads { /* of trouble codes, by the gateway itself; none by default */
    uint32_t interval_s;   /* 0: none; at least 60 */
    bool on_ignition;
    bool on_new_dtc;
    uint32_t pause_s; /* 60: before a read that a new code or the warning triggers */
    char *warning;    /* entry name of the signal of the vehicle's warning lamp; NULL: none */
};

struct ct_settings {
    char *vehicle_id;
    struct ct_settings_bus *buses;
    unsigned buses_count;
    char *mapping;    /* NULL: no VSS names */
    char *collection; /* NULL: nothing leaves the vehicle */
    char *policy;     /* NULL: nothing may be sent */
    char *routes;     /* NULL: nothing goes from one bus to another */
    struct ct_settings_ecu *ecus;
    unsigned ecus_count;
    struct ct_settings_diagnostics diagnostics;
    struct ct_settings_link link;
    struct ct_settings_trust *trust;
    unsigned trust_count;
    struct ct_settings_state vehicle_state;
    char *state_dir;
    struct ct_settings_outbox outbox;
    struct ct_settings_gpio gpio;
    struct ct_settings_doip doip;
    struct ct_settings_reads dtc_reads;
    uint32_t coalesce_us; /* 500: how long frames may wait to be read together when they come thick; 1: never */
    char *status_socket;  /* NULL: none */
    int log_level;        /* enum ct_log_level */
};

/* One `--key value` of the command line. */
struct ct_override {
    const char *key;
    const char *value;
};

/* Loads `path`, applies the overrides, fills in defaults and checks. On failure `problem` holds one line; *out_exit is
 * the exit code that fits: 2 for what is written wrongly, 3 for a file that cannot be read. A buffer for all problems
 * (problems.h) gets them all, and *out_settings is then given with an error too, when the file has the right form. */
int ct_settings_load(const char *path, const struct ct_override *overrides, size_t override_count,
                     struct ct_settings **out_settings, enum ct_exit *out_exit, char *problem,
                     size_t problem_size) CT_MUST_CHECK;
void ct_settings_free(struct ct_settings *settings); /* accepts NULL */

/* What SIGHUP cannot change (buses, ports, keys, state folder ...): the first key that differs, NULL when none does.
 * Compares what the settings say; the contents of key files are the caller's to compare. */
const char *ct_settings_fixed_difference(const struct ct_settings *running, const struct ct_settings *loaded);

#endif
