/* Commands that need the release authority: kept back, and sent once somebody signed them offline. */
#include "folder_private.h"

int ct_folder_issue_held(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_command *command,
                         const char *detail, struct ct_moment moment)
{
    const int64_t utc_ms = moment.utc_ns / CT_NS_PER_MS;
    int err = ct_folder_write(folder, moment);
    err = err == CT_OK ? ct_commands_issue(folder->commands, vehicle->row, command, detail, utc_ms) : err;
    err = err == CT_OK ? ct_commands_hold(folder->commands, command->command_id, utc_ms) : err;
    err = err == CT_OK ? ct_folder_commit(folder) : err;
    if (err == CT_OK) {
        ct_folder_stream_command(folder, vehicle, command->command_id);
    }
    return err;
}

int ct_folder_release(struct ct_folder *folder, struct ct_vehicle *vehicle, const uint8_t id[CT_COMMAND_ID_SIZE],
                      const struct ct_signature *signature, struct ct_moment moment)
{
    int err = ct_folder_write(folder, moment);
    err = err == CT_OK ? ct_commands_release(folder->commands, id, signature, moment.utc_ns / CT_NS_PER_MS) : err;
    err = err == CT_OK ? ct_folder_commit(folder) : err;
    if (err == CT_OK && vehicle->connected && !vehicle->retry_commands) {
        err = ct_folder_send_waiting(folder, vehicle, true, moment);
    }
    if (err == CT_OK) {
        ct_folder_stream_command(folder, vehicle, id);
    }
    return err;
}
