#include "ecu.h"

#include "sender.h"

#include <stdlib.h>
#include <string.h>

#define FUNCTIONAL_ID 0x7DFU
#define PERIODIC_FROM 0x200U                /* below the response id */
#define FORGET        CT_NS_PER_S           /* a sender that was silent so long may start its counter anew */
#define OFFSET        (1700 * CT_NS_PER_US) /* between first frames, so that messages of one cycle time do not bunch */

enum command { COMMAND_NONE = 0, COMMAND_OFF = 1, COMMAND_ON = 2 };

struct ct_ecu {
    struct ct_ecu_config config;
    struct ct_ecu_diag *diag;
    struct ct_uds_server *server; /* of diag */
    const struct ct_codec_message *command;
    const struct ct_protect_rule *command_rule; /* NULL: commands are not protected */
    struct ct_protect_state command_state;
    ct_ns command_ns;
    uint32_t refused;
    uint64_t diagnostic;
    uint32_t commands;
    size_t sender_count;
    struct ct_sender senders[];
};

static bool sends(const struct ct_ecu_config *config, const struct ct_dbc_message *message)
{
    return strcmp(message->sender, config->node) == 0 && message->cycle_ms > 0;
}

static size_t count_messages(const struct ct_ecu_config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->dbc->message_count; i++) {
        count += sends(config, &config->dbc->messages[i]);
    }
    return count;
}

static int init_senders(struct ct_ecu *ecu)
{
    const struct ct_dbc *dbc = ecu->config.dbc;
    for (size_t i = 0; i < dbc->message_count; i++) {
        if (!sends(&ecu->config, &dbc->messages[i])) {
            continue;
        }
        const struct ct_codec_message *plan = ct_codec_by_name(ecu->config.codec, dbc->messages[i].name);
        const ct_ns first = ecu->config.start + (ct_ns)i * OFFSET;
        const int err = ct_sender_init(&ecu->senders[ecu->sender_count], plan, ecu->config.protect, first);
        if (err != CT_OK) {
            return err;
        }
        ecu->sender_count++;
    }
    return CT_OK;
}

static int init_diagnostics(struct ct_ecu *ecu)
{
    struct ct_ecu_diag_config config = {
        .node = ecu->config.node,
        .part_number = ecu->config.part_number,
        .vin = ecu->config.vin,
        .isotp = ct_isotp_config_usual(ecu->config.response_id, ecu->config.request_id),
        .functional_id = FUNCTIONAL_ID,
        .periodic_id = ecu->config.response_id - PERIODIC_FROM,
        .plant = ecu->config.plant,
    };
    if (ecu->config.fd) {
        config.isotp.fd = true;
        config.isotp.brs = true;
        config.isotp.tx_dl = CT_FRAME_DATA_MAX;
    }
    const int err = ct_ecu_diag_create(&config, &ecu->diag);
    if (err == CT_OK) {
        ecu->server = ct_ecu_diag_server(ecu->diag);
    }
    return err;
}

int ct_ecu_create(const struct ct_ecu_config *config, struct ct_ecu **out_ecu)
{
    const size_t count = count_messages(config);
    if (count == 0) {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_ecu *ecu = calloc(1, sizeof *ecu + count * sizeof ecu->senders[0]);
    if (ecu == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ecu->config = *config;
    ecu->command = config->obeys != NULL ? ct_codec_by_name(config->codec, config->obeys) : NULL;
    ecu->command_rule = ecu->command != NULL ? ct_protect_rule_of(config->protect, ct_codec_model(ecu->command)) : NULL;
    int err = init_senders(ecu);
    err = err != CT_OK ? err : init_diagnostics(ecu);
    if (err != CT_OK) {
        ct_ecu_free(ecu);
        return err;
    }
    *out_ecu = ecu;
    return CT_OK;
}

void ct_ecu_free(struct ct_ecu *ecu)
{
    if (ecu != NULL) {
        ct_ecu_diag_free(ecu->diag);
        free(ecu);
    }
}

static void obey_signal(struct ct_ecu *ecu, const struct ct_decoded *value)
{
    const struct ct_dbc_message *model = ct_codec_model(ecu->command);
    const struct ct_signal_command *command = ct_signal_command_find(model->signals[value->signal].name);
    if (command == NULL || (value->raw != COMMAND_OFF && value->raw != COMMAND_ON)) {
        return;
    }
    *ct_plant_value(ecu->config.plant, command->offset) = value->raw == COMMAND_ON;
    ecu->config.plant->v.commands++;
    ecu->commands++;
}

static bool is_command(const struct ct_ecu *ecu, const struct ct_frame *frame)
{
    if (ecu->command == NULL || (frame->flags & (CT_FRAME_RTR | CT_FRAME_ERR | CT_FRAME_SENT)) != 0) {
        return false;
    }
    const struct ct_dbc_message *model = ct_codec_model(ecu->command);
    return frame->id == model->id && ((frame->flags & CT_FRAME_EXT) != 0) == model->extended;
}

static bool is_intact(struct ct_ecu *ecu, const struct ct_frame *frame, ct_ns now)
{
    if (ecu->command_rule == NULL) {
        return true;
    }
    if (now - ecu->command_ns > FORGET) {
        ecu->command_state = (struct ct_protect_state){0};
    }
    const bool intact = ct_protect_accepts(
        ct_protect_check(ecu->command_rule, &ecu->command_state, frame->id, frame->data, frame->len));
    ecu->command_ns = intact ? now : ecu->command_ns;
    ecu->refused += !intact;
    return intact;
}

void ct_ecu_receive(struct ct_ecu *ecu, const struct ct_frame *frame, ct_ns now)
{
    if (is_command(ecu, frame)) {
        if (!ct_uds_server_may_receive(ecu->server, false)) {
            return;
        }
        struct ct_decoded values[CT_SENDER_SIGNAL_MAX];
        if (ct_codec_model(ecu->command)->signal_count <= CT_SENDER_SIGNAL_MAX && is_intact(ecu, frame, now)) {
            const size_t count = ct_codec_decode(ecu->command, frame->data, frame->len, values);
            for (size_t i = 0; i < count; i++) {
                obey_signal(ecu, &values[i]);
            }
        }
    } else {
        (void)ct_uds_server_receive(ecu->server, frame, now);
    }
}

static struct ct_sender *earliest(struct ct_ecu *ecu)
{
    struct ct_sender *first = &ecu->senders[0];
    for (size_t i = 1; i < ecu->sender_count; i++) {
        if (ecu->senders[i].due < first->due) {
            first = &ecu->senders[i];
        }
    }
    return first;
}

int ct_ecu_next_frame(struct ct_ecu *ecu, struct ct_frame *out_frame, ct_ns now)
{
    int err = ct_sender_next(earliest(ecu), ecu->config.plant, now, out_frame);
    while (err == CT_OK && !ct_uds_server_may_send(ecu->server, false)) { /* CommunicationControl keeps it silent */
        err = ct_sender_next(earliest(ecu), ecu->config.plant, now, out_frame);
    }
    if (err == CT_OK) {
        ct_ecu_diag_data(ecu->diag)->sent++;
    } else if (err == CT_ERR_AGAIN) {
        err = ct_uds_server_next_frame(ecu->server, out_frame, now);
        ecu->diagnostic += err == CT_OK;
    }
    if (err == CT_OK) {
        out_frame->bus = ecu->config.bus;
    }
    return err;
}

ct_ns ct_ecu_tick(struct ct_ecu *ecu, ct_ns now)
{
    return ct_ns_min(ct_ecu_diag_tick(ecu->diag, now), earliest(ecu)->due);
}

struct ct_ecu_diag *ct_ecu_diagnostics(struct ct_ecu *ecu)
{
    return ecu->diag;
}

const char *ct_ecu_name(const struct ct_ecu *ecu)
{
    return ecu->config.node;
}

void ct_ecu_stats_get(const struct ct_ecu *ecu, struct ct_ecu_stats *out_stats)
{
    struct ct_uds_server_stats uds;
    ct_uds_server_stats_get(ecu->server, &uds);
    *out_stats = (struct ct_ecu_stats){.sent = ct_ecu_diag_data(ecu->diag)->sent,
                                       .diagnostic = ecu->diagnostic,
                                       .requests = uds.requests,
                                       .commands = ecu->commands,
                                       .refused = ecu->refused};
    for (size_t i = 0; i < ecu->sender_count; i++) {
        out_stats->skipped += ecu->senders[i].skipped;
    }
}
