#include "protection.h"

#include "protection_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSES_MAX 64
#define FAULTS    3

struct bus_states {
    char *name;
    struct ct_protect_state *states; /* one for each message of all databases */
};

struct ct_cli_protection {
    struct ct_protect *rules;
    const struct ct_dbc **dbcs;
    size_t dbc_count;
    size_t message_count;
    struct bus_states buses[BUSES_MAX];
    size_t bus_count;
    uint64_t counts[FAULTS];
};

int ct_cli_protection_open(const char *path, const struct ct_dbc *const *dbcs, size_t dbc_count,
                           struct ct_cli_protection **out_protection)
{
    char problem[1024];
    struct ct_cli_protection *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->dbcs = calloc(dbc_count + 1, sizeof *made->dbcs);
    }
    if (made == NULL || made->dbcs == NULL) {
        free(made);
        fputs("cantwin: error: out of memory\n", stderr);
        return CT_EXIT_FAILED;
    }
    made->dbc_count = dbc_count;
    for (size_t d = 0; d < dbc_count; d++) {
        made->dbcs[d] = dbcs[d];
        made->message_count += dbcs[d]->message_count;
    }
    const int err = ct_protection_load(path, dbcs, dbc_count, &made->rules, problem, sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        ct_cli_protection_close(made);
        return err == CT_ERR_NOT_FOUND || err == CT_ERR_IO || err == CT_ERR_PERMISSION ? CT_EXIT_ENVIRONMENT
                                                                                       : CT_EXIT_USAGE;
    }
    *out_protection = made;
    return CT_EXIT_OK;
}

void ct_cli_protection_close(struct ct_cli_protection *protection)
{
    if (protection == NULL) {
        return;
    }
    for (size_t i = 0; i < protection->bus_count; i++) {
        free(protection->buses[i].name);
        free(protection->buses[i].states);
    }
    ct_protect_free(protection->rules);
    free(protection->dbcs);
    free(protection);
}

const struct ct_protect *ct_cli_protection_rules(const struct ct_cli_protection *protection)
{
    return protection != NULL ? protection->rules : NULL;
}

static struct ct_protect_state *states_of(struct ct_cli_protection *protection, const char *bus)
{
    for (size_t i = 0; i < protection->bus_count; i++) {
        if (strcmp(protection->buses[i].name, bus) == 0) {
            return protection->buses[i].states;
        }
    }
    if (protection->bus_count == BUSES_MAX) {
        return NULL;
    }
    struct bus_states made = {strdup(bus), calloc(protection->message_count + 1, sizeof *made.states)};
    if (made.name == NULL || made.states == NULL) {
        free(made.name);
        free(made.states);
        return NULL;
    }
    protection->buses[protection->bus_count++] = made;
    return made.states;
}

static size_t index_of(const struct ct_cli_protection *protection, const struct ct_dbc_message *message)
{
    size_t first = 0;
    for (size_t d = 0; d < protection->dbc_count; d++) {
        const struct ct_dbc *dbc = protection->dbcs[d];
        if (message >= dbc->messages && message < dbc->messages + dbc->message_count) {
            return first + (size_t)(message - dbc->messages);
        }
        first += dbc->message_count;
    }
    return first; /* the spare one */
}

bool ct_cli_protection_check(struct ct_cli_protection *protection, const struct ct_dbc_message *message,
                             const char *bus, const struct ct_frame *frame, enum ct_protect_fault *out_fault)
{
    const struct ct_protect_rule *rule = ct_protect_rule_of(ct_cli_protection_rules(protection), message);
    struct ct_protect_state *states = rule != NULL ? states_of(protection, bus) : NULL;
    if (states == NULL) {
        return false;
    }
    struct ct_protect_state *state = &states[index_of(protection, message)];
    *out_fault = ct_protect_fault_of(ct_protect_check(rule, state, frame->id, frame->data, frame->len));
    protection->counts[*out_fault]++;
    return true;
}

uint64_t ct_cli_protection_count(const struct ct_cli_protection *protection, enum ct_protect_fault fault)
{
    return protection != NULL ? protection->counts[fault] : 0;
}
