#include "keys_sign.h"

#include "bytes.h"
#include "command_wire.h"
#include "commands.h"
#include "envelope.h"
#include "keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int usage(const char *what)
{
    fprintf(stderr, "cantwin: keys sign-command: %s (see cantwin keys --help)\n", what);
    return CT_EXIT_USAGE;
}

/* In words, to standard error: the signer reads what the vehicle is going to do. */
static void tell(const struct ct_command *command)
{
    char hex[2 * CT_COMMAND_UDS_MAX + 1];
    char until[32] = "?";
    struct tm utc;
    const time_t seconds = (time_t)(command->expires_utc_ms / 1000);
    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    ct_hex_encode(hex, command->request, command->request_len);
    fprintf(stderr, "vehicle    %s\n", command->vehicle_id);
    if (command->action == CT_ACTION_SET_DESIRED) {
        fprintf(stderr, "sets       %s\n", command->path);
    } else {
        fprintf(stderr,
                "ECU        %s\n"
                "job        %s\n",
                strcmp(command->ecu, "*") == 0 ? "* (all of them)" : command->ecu,
                command->action == CT_ACTION_DIAGNOSTIC_JOB ? ct_diagnostic_kind_text(command->job_kind)
                                                            : "raw request");
        fprintf(stderr, "identifier 0x%04" PRIX32 "\ndata       %s\n", command->job_identifier,
                command->request_len > 0 ? hex : "none");
    }
    fprintf(stderr, "sequence   %" PRIu64 "\nuntil      %s\n", command->seq, until);
}

static int sign(const uint8_t *payload, size_t len, const uint8_t secret[CT_SIGN_SECRET_SIZE])
{
    struct ct_command command;
    struct ct_signature signature;
    char key_id[2 * CT_KEY_ID_SIZE + 1];
    char bytes[2 * CT_SIGNATURE_SIZE + 1];
    if (ct_command_decode(payload, len, &command) != CT_OK) {
        fputs("cantwin: keys sign-command: error: PAYLOAD is no command; nothing was signed\n", stderr);
        return CT_EXIT_FAILED;
    }
    tell(&command);
    if (ct_envelope_sign(CT_DOMAIN_COMMAND, payload, len, CT_ROLE_RELEASE, secret, &signature) != CT_OK) {
        fputs("cantwin: keys sign-command: error: cannot sign with this key\n", stderr);
        return CT_EXIT_FAILED;
    }
    ct_hex_encode(key_id, signature.key_id, sizeof signature.key_id);
    ct_hex_encode(bytes, signature.signature, sizeof signature.signature);
    printf("{\"key_id\":\"%s\",\"signature\":\"%s\"}\n", key_id, bytes);
    return CT_EXIT_OK;
}

int ct_keys_sign_command(int argc, char **argv)
{
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    char problem[512];
    if (argc != 5 || strcmp(argv[2], "--key") != 0) {
        return usage("wants --key FILE PAYLOAD");
    }
    const size_t digits = strlen(argv[4]);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > CT_SIGNED_COMMAND_MAX) {
        return usage("PAYLOAD must be the hex that the backend told");
    }
    if (ct_key_read_hex(argv[3], secret, sizeof secret, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "cantwin: %s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    uint8_t *payload = malloc(digits / 2);
    int code = CT_EXIT_ENVIRONMENT;
    if (payload != NULL) {
        code = ct_hex_decode(payload, argv[4], digits / 2) == CT_OK
                   ? sign(payload, digits / 2, secret)
                   : usage("PAYLOAD must be the hex that the backend told");
    }
    free(payload);
    explicit_bzero(secret, sizeof secret);
    return code;
}
