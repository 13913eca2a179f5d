#include "uds_rig.h"

#include <stdlib.h>
#include <string.h>

#define EXTENDED    CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED)
#define PROGRAMMING CT_UDS_SESSION_BIT(CT_UDS_SESSION_PROGRAMMING)

/* --- data --- */

static uint8_t give(const void *data, size_t len, uint8_t *out, size_t size, size_t *out_len)
{
    if (len > size) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memcpy(out, data, len);
    *out_len = len;
    return 0;
}

static uint8_t read_vin(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    return give("0123456789", 10, out, size, out_len);
}

static uint8_t read_value(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    return give(((const struct ct_uds_rig *)user)->value, 4, out, size, out_len);
}

static uint8_t write_value(void *user, uint16_t id, const uint8_t *data, size_t len)
{
    struct ct_uds_rig *rig = user;
    (void)id;
    memcpy(rig->value, data, len);
    rig->written++;
    return data[0] == 0xFF ? CT_NRC_OUT_OF_RANGE : 0;
}

static uint8_t read_counter(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_uds_rig *rig = user;
    const uint8_t data[3] = {0xC0, (uint8_t)id, rig->counter};
    return give(data, sizeof data, out, size, out_len);
}

static uint8_t slow(struct ct_uds_rig *rig)
{
    if (rig->polls > 0) {
        rig->polls--;
        return CT_NRC_PENDING;
    }
    return 0;
}

static uint8_t read_slow(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    const uint8_t nrc = slow(user);
    return nrc != 0 ? nrc : give("slow", 4, out, size, out_len);
}

static uint8_t read_long(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    static const uint8_t data[3000] = {0xAB};
    (void)user;
    (void)id;
    return give(data, sizeof data, out, size, out_len);
}

static const uint8_t text_scaling[] = {0x6A}; /* ASCII, 10 bytes */

static const struct ct_uds_did dids[] = {
    {.id = 0xF190, .read = read_vin, .scaling = text_scaling, .scaling_len = 1},
    {.id = 0x0100,
     .read = read_value,
     .write = write_value,
     .write_min = 4,
     .write_max = 4,
     .write_access = {.sessions = EXTENDED, .level = 1}},
    {.id = 0x0101, .sessions = EXTENDED, .read = read_value},
    {.id = 0x0102, .read = read_value, .read_access = {.level = 1}},
    {.id = 0x0103, .read = read_value, .read_access = {.roles = 1}},
    {.id = 0x0104, .read = read_slow},
    {.id = 0x0105, .read = read_long},
    {.id = 0x0106, .read = read_value, .read_access = {.secured = true}},
    {.id = 0xF210, .last = 0xF21F, .read = read_counter},
    {.id = 0xF220, .read = read_vin},
};

/* --- routines, IO --- */

static uint8_t run_routine(void *user, struct ct_uds_routine_call *call)
{
    struct ct_uds_rig *rig = user;
    rig->running = call->kind == CT_UDS_ROUTINE_START;
    call->out[0] = (uint8_t)call->kind;
    call->out_len = 1;
    return 0;
}

static uint8_t run_slowly(void *user, struct ct_uds_routine_call *call)
{
    (void)call;
    return slow(user);
}

#define ALL_KINDS (1U << CT_UDS_ROUTINE_START | 1U << CT_UDS_ROUTINE_STOP | 1U << CT_UDS_ROUTINE_RESULTS)

static const struct ct_uds_routine_entry routines[] = {
    {.id = 0x0203, .kinds = ALL_KINDS, .option_max = 2, .run = run_routine},
    {.id = 0x0204,
     .access = {.sessions = EXTENDED, .level = 1},
     .kinds = 1U << CT_UDS_ROUTINE_START,
     .run = run_routine},
    {.id = 0xFF00, .kinds = 1U << CT_UDS_ROUTINE_START, .run = run_slowly},
};

static uint8_t control_lamp(void *user, uint16_t id, enum ct_uds_io control, const uint8_t *state, const uint8_t *mask)
{
    struct ct_uds_rig *rig = user;
    (void)id;
    (void)mask;
    rig->lamp_held = control != CT_UDS_IO_RETURN;
    if (control == CT_UDS_IO_ADJUST) {
        rig->lamp = state[0];
    }
    return 0;
}

static void lamp_state(void *user, uint16_t id, uint8_t *out)
{
    (void)id;
    out[0] = ((const struct ct_uds_rig *)user)->lamp;
}

static const struct ct_uds_io_entry ios[] = {
    {.id = 0x9B00,
     .controls = 1U << CT_UDS_IO_RETURN | 1U << CT_UDS_IO_FREEZE | 1U << CT_UDS_IO_ADJUST,
     .state_len = 1,
     .mask_len = 1,
     .control = control_lamp,
     .state = lamp_state},
};

/* --- memory, files --- */

static uint8_t memory_read(void *user, uint32_t address, uint8_t *out, size_t len)
{
    memcpy(out, ((const struct ct_uds_rig *)user)->memory + (address - CT_RIG_MEMORY_FIRST), len);
    return 0;
}

static uint8_t memory_write(void *user, uint32_t address, const uint8_t *data, size_t len)
{
    struct ct_uds_rig *rig = user;
    memcpy(rig->memory + (address - CT_RIG_MEMORY_FIRST), data, len);
    rig->written++;
    return data[0] == 0xEE ? CT_NRC_PROGRAMMING : 0;
}

static uint8_t memory_begin(void *user, uint32_t address, size_t len)
{
    struct ct_uds_rig *rig = user;
    const uint8_t nrc = slow(rig);
    if (nrc == 0) {
        memset(rig->memory + (address - CT_RIG_MEMORY_FIRST), 0xFF, len);
        rig->erased++;
    }
    return nrc;
}

static uint8_t memory_end(void *user, uint32_t address, size_t len)
{
    (void)address;
    (void)len;
    ((struct ct_uds_rig *)user)->verified++;
    return 0;
}

static const struct ct_uds_memory memories[] = {
    {.first = CT_RIG_MEMORY_FIRST,
     .size = CT_RIG_MEMORY_SIZE,
     .write_access = {.sessions = EXTENDED, .level = 1},
     .download_access = {.sessions = PROGRAMMING, .level = 1},
     .upload_access = {.level = 1},
     .read = memory_read,
     .write = memory_write,
     .begin = memory_begin,
     .end = memory_end},
};

static uint8_t file_open(void *user, enum ct_uds_file mode, const char *name, size_t len, uint32_t *size,
                         uint32_t *offset)
{
    struct ct_uds_rig *rig = user;
    if (len != 1 || name[0] != 'f' || *size > CT_RIG_FILE_MAX) {
        return CT_NRC_UPLOAD_DOWNLOAD;
    }
    if (mode == CT_UDS_FILE_DELETE) {
        rig->file_size = 0;
        return 0;
    }
    if (mode == CT_UDS_FILE_RESUME) {
        *offset = 2;
    }
    if (mode == CT_UDS_FILE_READ || mode == CT_UDS_FILE_READ_DIR) {
        *size = rig->file_size;
    } else {
        rig->file_size = *size;
    }
    rig->file_open = true;
    return 0;
}

static uint8_t file_read(void *user, uint32_t offset, uint8_t *out, size_t len)
{
    memcpy(out, ((const struct ct_uds_rig *)user)->file + offset, len);
    return 0;
}

static uint8_t file_write(void *user, uint32_t offset, const uint8_t *data, size_t len)
{
    memcpy(((struct ct_uds_rig *)user)->file + offset, data, len);
    return 0;
}

static uint8_t file_close(void *user, bool complete)
{
    struct ct_uds_rig *rig = user;
    rig->file_open = false;
    rig->file_complete = complete;
    return 0;
}

static const struct ct_uds_files files = {
    .open = file_open, .read = file_read, .write = file_write, .close = file_close};

/* --- OBD --- */

static bool obd_read(void *user, uint8_t pid, uint8_t *out)
{
    memset(out, pid, ct_obd_pid_length(pid));
    return ((const struct ct_uds_rig *)user)->counter != 0xFF;
}

static uint16_t obd_test(void *user, const struct ct_obd_test *test)
{
    (void)test;
    return ((const struct ct_uds_rig *)user)->counter;
}

static uint8_t obd_may_clear(void *user)
{
    return ((const struct ct_uds_rig *)user)->running ? CT_NRC_CONDITIONS : 0;
}

static const uint8_t pids[] = {0x0C, 0x0D, 0x1F, 0x21, 0x5C, 0xA6};
static const struct ct_obd_test obd_tests[] = {
    {0x01, 0x81, 0x0A, 1, 2}, {0x01, 0x82, 0x0A, 3, 4}, {0x21, 0x83, 0x0B, 5, 6}};

static void fill_obd(struct ct_uds_rig *rig)
{
    rig->obd = (struct ct_obd_server_config){.pids = pids,
                                             .pid_count = sizeof pids,
                                             .read = obd_read,
                                             .tests = obd_tests,
                                             .test_count = 3,
                                             .test_value = obd_test,
                                             .may_clear = obd_may_clear,
                                             .user = rig,
                                             .dtcs = rig->dtcs,
                                             .monitors = 1U << CT_OBD_MISFIRE | 1U << CT_OBD_MONITORS_COMMON,
                                             .vin = "VIN",
                                             .calibration = "CAL",
                                             .name = "RIG",
                                             .verification = 0x01020304};
}

/* --- security --- */

static void count_random(void *user, uint8_t *out, size_t len)
{
    struct ct_uds_rig *rig = user;
    for (size_t i = 0; i < len; i++) {
        out[i] = ++rig->random;
    }
}

static bool key_fits(void *user, uint8_t level, const uint8_t *seed, const uint8_t *key)
{
    (void)user;
    return (key[0] ^ seed[0]) == 0xFF && (key[1] ^ seed[1]) == level;
}

static const struct ct_uds_level levels[] = {
    {.level = 1, .seed_len = 2, .key_len = 2, .key_fits = key_fits},
    {.level = 3, .sessions = PROGRAMMING, .seed_len = 2, .key_len = 2, .key_fits = key_fits},
};

static uint8_t certificate(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    return len == 2 && data[0] == 0xCE ? 0 : CT_NRC_CERTIFICATE_CHAIN;
}

static uint8_t verify(void *user, const struct ct_uds_proof *proof, uint8_t *out_roles)
{
    (void)user;
    if (proof->proof_len != 1 || proof->proof[0] != (proof->challenge[0] ^ 0x55)) {
        return CT_NRC_OWNERSHIP;
    }
    *out_roles = 1;
    return 0;
}

/* The own proof: the client's challenge turned over, then the first byte of the own one. */
static uint8_t prove(void *user, struct ct_uds_own_proof *proof)
{
    (void)user;
    if (proof->challenge_len >= proof->size || proof->challenge[0] == 0xEE) {
        return CT_NRC_CHALLENGE;
    }
    for (size_t i = 0; i < proof->challenge_len; i++) {
        proof->out[i] = proof->challenge[i] ^ 0xFF;
    }
    proof->out[proof->challenge_len] = proof->own_challenge[0];
    proof->out_len = proof->challenge_len + 1;
    return 0;
}

static uint8_t transmit(void *user, uint16_t evaluation, const uint8_t *data, size_t len)
{
    if (len != 2 || data[0] != 0xCE) {
        return CT_NRC_CERTIFICATE_FORMAT;
    }
    ((struct ct_uds_rig *)user)->transmitted = evaluation;
    return 0;
}

static const uint8_t own_certificate[] = {0xCE, 0x5E};
static const struct ct_uds_authenticator authenticator = {.algorithm = {0x06, 0x03, 0x2B, 0x65, 0x70},
                                                          .certificate = certificate,
                                                          .verify = verify,
                                                          .prove = prove,
                                                          .own_certificate = own_certificate,
                                                          .own_certificate_len = sizeof own_certificate,
                                                          .transmit = transmit};

/* --- 84: all bytes exclusive-ored are the signature, all bits turned over the cipher --- */

static int sign(void *user, const uint8_t *data, size_t len, uint8_t *out)
{
    (void)user;
    out[0] = 0;
    for (size_t i = 0; i < len; i++) {
        out[0] ^= data[i];
    }
    return CT_OK;
}

static bool check_signature(void *user, const uint8_t *data, size_t len, const uint8_t *signature)
{
    uint8_t own;
    return sign(user, data, len, &own) == CT_OK && own == signature[0];
}

static int turn_over(void *user, uint16_t counter, bool is_request, uint8_t *data, size_t len)
{
    (void)user;
    (void)counter;
    (void)is_request;
    for (size_t i = 0; i < len; i++) {
        data[i] ^= 0xFF;
    }
    return CT_OK;
}

static const struct ct_uds_security security = {.calculation = 0x60,
                                                .needs = CT_UDS_SECURED_SIGNED,
                                                .signature_len = 1,
                                                .sign = sign,
                                                .verify = check_signature,
                                                .encrypt = turn_over,
                                                .decrypt = turn_over};

/* --- whole --- */

static uint8_t conditions(void *user, const uint8_t *request, size_t len)
{
    (void)request;
    (void)len;
    return ((const struct ct_uds_rig *)user)->refuse;
}

static void do_reset(void *user, enum ct_uds_reset kind)
{
    (void)kind;
    ((struct ct_uds_rig *)user)->resets++;
}

static uint8_t do_link(void *user, enum ct_uds_link kind, uint32_t bitrate)
{
    if (bitrate > 500000) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (kind == CT_UDS_LINK_TRANSITION) {
        ((struct ct_uds_rig *)user)->bitrate = bitrate;
    }
    return 0;
}

/* Node 000A hangs on its sub-bus. */
static uint8_t switch_subnet(void *user, uint16_t node, uint8_t type, bool diagnostics_only)
{
    if (node != 0x000A) {
        return CT_NRC_OUT_OF_RANGE;
    }
    ((struct ct_uds_rig *)user)->subnet = diagnostics_only ? node : 0;
    (void)type;
    return 0;
}

static uint8_t do_clear(void *user, uint32_t group)
{
    struct ct_uds_rig *rig = user;
    (void)group;
    rig->cleared++;
    return 0;
}

struct ct_uds_server_config ct_uds_rig_config(struct ct_uds_rig *rig)
{
    return (struct ct_uds_server_config){
        .isotp = ct_isotp_config_usual(0x7E8, 0x7E0),
        .functional_id = 0x7DF,
        .periodic_id = 0x5E8,
        .user = rig,
        .dids = dids,
        .did_count = sizeof dids / sizeof dids[0],
        .routines = routines,
        .routine_count = sizeof routines / sizeof routines[0],
        .ios = ios,
        .io_count = 1,
        .memories = memories,
        .memory_count = 1,
        .levels = levels,
        .level_count = 2,
        .authenticator = &authenticator,
        .files = &files,
        .security = &security,
        .dtc_format = CT_DTC_FORMAT_14229,
        .sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_DEFAULT) | EXTENDED | PROGRAMMING,
        .resets = 1U << CT_UDS_RESET_HARD | 1U << CT_UDS_RESET_SOFT,
        .dynamic = true,
        .events = true,
        .communication = true,
        .subnet = switch_subnet,
        .user_memory = 0x10,
        .random = count_random,
        .conditions = conditions,
        .reset = do_reset,
        .clear = do_clear,
        .link = do_link,
        .block_max = 18,
    };
}

static const struct ct_dtc_definition dtcs[CT_RIG_DTC_COUNT] = {
    [CT_RIG_DTC_LAMP] = {.code = 0x934A11, .severity = 0x20, .unit = 0x10},
    [CT_RIG_DTC_SLOW] = {.code = 0x012345, .severity = 0x40, .unit = 0x11, .fail_step = 50, .pass_step = 64},
    [CT_RIG_DTC_MISFIRE] = {.code = 0x030100,
                            .severity = 0x60,
                            .unit = 0x33,
                            .emissions = true,
                            .readiness = 3,
                            .warning = true,
                            .confirm = 2,
                            .aging = 4},
    [CT_RIG_DTC_PLAIN] = {.code = 0xC10000, .severity = 0x20, .unit = 0x10},
};

static const struct ct_dtc_snapshot_did snapshot[] = {{0xF210, 3}, {0x0100, 4}, {0xF40C, 2}};

static uint8_t read_snapshot(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    if (id == 0xF40C) {
        return ct_obd_server_read_did(&((struct ct_uds_rig *)user)->obd, id, out, size, out_len);
    }
    return id == 0xF210 ? read_counter(user, id, out, size, out_len) : read_value(user, id, out, size, out_len);
}

void ct_uds_rig_init(struct ct_uds_rig *rig, const struct ct_uds_server_config *config)
{
    const struct ct_dtc_memory_config memory = {.definitions = dtcs,
                                                .count = CT_RIG_DTC_COUNT,
                                                .snapshot = snapshot,
                                                .snapshot_count = 3,
                                                .read = read_snapshot,
                                                .user = rig};
    struct ct_uds_server_config usual = config != NULL ? *config : ct_uds_rig_config(rig);
    if (ct_dtc_memory_create(&memory, &rig->dtcs) != CT_OK || ct_dtc_memory_create(&memory, &rig->user_dtcs) != CT_OK) {
        abort();
    }
    usual.dtcs = rig->dtcs;
    usual.user_dtcs = rig->user_dtcs;
    fill_obd(rig);
    usual.other = ct_obd_server_answer;
    usual.other_user = &rig->obd;
    if (ct_uds_server_create(&usual, &rig->server) != CT_OK) {
        abort();
    }
}

void ct_uds_rig_free(struct ct_uds_rig *rig)
{
    ct_uds_server_free(rig->server);
    ct_dtc_memory_free(rig->dtcs);
    ct_dtc_memory_free(rig->user_dtcs);
}
