#include "ecu_service.h"

#include "bytes.h"
#include "ecu_faults.h"

#include <sodium.h>
#include <string.h>

#define EXTENDED        CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED)
#define PROGRAMMING     CT_UDS_SESSION_BIT(CT_UDS_SESSION_PROGRAMMING)
#define SELF_TEST_STEPS 100
#define ERASE_STEPS     30
#define SEED_SIZE       4U
#define PROVED_MAX      512U /* both challenges */
#define KIND(kind)      (1U << CT_UDS_ROUTINE_##kind)

/* --- work that takes time --- */

/* Pending until `steps` of the plant have passed since the first call. */
static uint8_t take_time(struct ct_ecu_data *ecu, int64_t steps)
{
    if (ecu->busy_until == 0) {
        ecu->busy_until = ecu->plant->steps + steps;
    }
    if (ecu->plant->steps < ecu->busy_until) {
        return CT_NRC_PENDING;
    }
    ecu->busy_until = 0;
    return 0;
}

static void erase(struct ct_ecu_data *ecu, size_t at, size_t len)
{
    memset(ecu->calibration + at, 0xFF, len);
    ecu->revision++;
}

/* --- routines --- */

static uint8_t self_test(void *user, struct ct_uds_routine_call *call)
{
    struct ct_ecu_data *ecu = user;
    if (call->kind == CT_UDS_ROUTINE_START) {
        const uint8_t nrc = take_time(ecu, SELF_TEST_STEPS);
        if (nrc != 0) {
            return nrc;
        }
        ecu->self_test = ct_ecu_faults_count(ecu->name, ecu->plant);
    }
    call->out[0] = (uint8_t)ecu->self_test;
    call->out_len = call->kind == CT_UDS_ROUTINE_STOP ? 0 : 1;
    return 0;
}

static uint8_t break_part(void *user, struct ct_uds_routine_call *call)
{
    struct ct_ecu_data *ecu = user;
    if (call->option[0] >= CT_FAULT_COUNT || call->option[1] > 1) {
        return CT_NRC_OUT_OF_RANGE;
    }
    ct_plant_fault(ecu->plant, (enum ct_plant_fault)call->option[0], call->option[1] != 0);
    return 0;
}

static uint8_t next_cycle(void *user, struct ct_uds_routine_call *call)
{
    struct ct_ecu_data *ecu = user;
    (void)call;
    ct_dtc_next_cycle(ecu->dtcs);
    return 0;
}

static uint8_t erase_calibration(void *user, struct ct_uds_routine_call *call)
{
    const uint8_t nrc = take_time(user, ERASE_STEPS);
    (void)call;
    if (nrc == 0) {
        erase(user, 0, CT_ECU_CALIBRATION_SIZE);
    }
    return nrc;
}

static uint8_t check_calibration(void *user, struct ct_uds_routine_call *call)
{
    const struct ct_ecu_data *ecu = user;
    ct_put_be32(call->out, ct_crc32c(0, ecu->calibration, sizeof ecu->calibration));
    call->out_len = 4;
    return 0;
}

static const struct ct_uds_routine_entry routines[] = {
    {.id = 0x0202, .kinds = KIND(START) | KIND(STOP) | KIND(RESULTS), .run = self_test},
    {.id = 0x0300, .kinds = KIND(START), .option_min = 2, .option_max = 2, .run = break_part},
    {.id = 0x0301, .kinds = KIND(START), .run = next_cycle},
    {.id = 0xFF00, .access = {.sessions = PROGRAMMING, .level = 1}, .kinds = KIND(START), .run = erase_calibration},
    {.id = 0xFF01, .kinds = KIND(START), .run = check_calibration},
};

/* --- lamps --- */

#define IO_FIRST 0x9B01U

static uint8_t control_lamp(void *user, uint16_t id, enum ct_uds_io control, const uint8_t *state, const uint8_t *mask)
{
    struct ct_plant *plant = ((struct ct_ecu_data *)user)->plant;
    const enum ct_plant_lamp lamp = (enum ct_plant_lamp)(id - IO_FIRST);
    (void)mask;
    if (control == CT_UDS_IO_RETURN) {
        ct_plant_release_lamp(plant, lamp);
        return 0;
    }
    if (control == CT_UDS_IO_ADJUST && state[0] > 1) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const bool now = ct_plant_lamp_is_on(plant, lamp);
    ct_plant_hold_lamp(plant, lamp, control == CT_UDS_IO_ADJUST ? state[0] != 0 : now && control == CT_UDS_IO_FREEZE);
    return 0;
}

static void lamp_state(void *user, uint16_t id, uint8_t *out)
{
    const struct ct_plant *plant = ((const struct ct_ecu_data *)user)->plant;
    out[0] = ct_plant_lamp_is_on(plant, (enum ct_plant_lamp)(id - IO_FIRST));
}

#define LAMP(number)                                                                                  \
    {                                                                                                 \
        .id = (number), .controls = 0xF, .state_len = 1, .control = control_lamp, .state = lamp_state \
    }
static const struct ct_uds_io_entry lamps[] = {LAMP(0x9B01), LAMP(0x9B02), LAMP(0x9B03)};

/* --- calibration --- */

static uint8_t memory_read(void *user, uint32_t address, uint8_t *out, size_t len)
{
    memcpy(out, ((const struct ct_ecu_data *)user)->calibration + (address - CT_ECU_CALIBRATION_FIRST), len);
    return 0;
}

static uint8_t memory_write(void *user, uint32_t address, const uint8_t *data, size_t len)
{
    struct ct_ecu_data *ecu = user;
    memcpy(ecu->calibration + (address - CT_ECU_CALIBRATION_FIRST), data, len);
    ecu->revision++;
    return 0;
}

static uint8_t memory_begin(void *user, uint32_t address, size_t len)
{
    const uint8_t nrc = take_time(user, ERASE_STEPS);
    if (nrc == 0) {
        erase(user, address - CT_ECU_CALIBRATION_FIRST, len);
    }
    return nrc;
}

static const struct ct_uds_memory memories[] = {
    {.first = CT_ECU_CALIBRATION_FIRST,
     .size = CT_ECU_CALIBRATION_SIZE,
     .write_access = {.sessions = PROGRAMMING, .level = 1},
     .download_access = {.sessions = PROGRAMMING, .level = 1},
     .read = memory_read,
     .write = memory_write,
     .begin = memory_begin},
};

/* --- security --- */

/* Not for secrets: the demo must run the same from the same seed. */
static void pseudo_random(void *user, uint8_t *out, size_t len)
{
    struct ct_ecu_data *ecu = user;
    for (size_t i = 0; i < len; i++) {
        ecu->random ^= ecu->random << 13;
        ecu->random ^= ecu->random >> 7;
        ecu->random ^= ecu->random << 17;
        out[i] = (uint8_t)(ecu->random >> 32);
    }
}

uint32_t ct_ecu_service_key(uint8_t level, uint32_t seed)
{
    const uint32_t mixed = seed ^ 0x63616E74U;
    return (mixed << level | mixed >> (32 - level)) + 0x7477696EU;
}

static bool key_fits(void *user, uint8_t level, const uint8_t *seed, const uint8_t *key)
{
    (void)user;
    return ct_be32(key) == ct_ecu_service_key(level, ct_be32(seed));
}

static const struct ct_uds_level levels[] = {
    {.level = 1, .seed_len = SEED_SIZE, .key_len = SEED_SIZE, .key_fits = key_fits}};

static uint8_t verify_proof(void *user, const struct ct_uds_proof *proof, uint8_t *out_roles)
{
    static const unsigned char seed[crypto_sign_SEEDBYTES + 1] = "cantwin demo diagnostic key 0001";
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    (void)user;
    if (sodium_init() < 0 || crypto_sign_seed_keypair(public_key, secret_key, seed) != 0 ||
        proof->proof_len != crypto_sign_BYTES ||
        crypto_sign_verify_detached(proof->proof, proof->challenge, proof->challenge_len, public_key) != 0) {
        return CT_NRC_OWNERSHIP;
    }
    *out_roles = 1;
    return 0;
}

/* Its own key signs the tester's challenge, then the one it asked. */
static uint8_t prove_itself(void *user, struct ct_uds_own_proof *proof)
{
    static const unsigned char seed[crypto_sign_SEEDBYTES + 1] = "cantwin demo ECU proof key 00001";
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    uint8_t message[PROVED_MAX];
    const size_t len = proof->challenge_len + proof->own_challenge_len;
    (void)user;
    if (proof->size < crypto_sign_BYTES || len > sizeof message || sodium_init() < 0 ||
        crypto_sign_seed_keypair(public_key, secret_key, seed) != 0) {
        return CT_NRC_CHALLENGE;
    }
    memcpy(message, proof->challenge, proof->challenge_len);
    memcpy(message + proof->challenge_len, proof->own_challenge, proof->own_challenge_len);
    (void)crypto_sign_detached(proof->out, NULL, message, len, secret_key);
    proof->out_len = crypto_sign_BYTES;
    return 0;
}

static const struct ct_uds_authenticator authenticator = {
    .algorithm = {0x06, 0x03, 0x2B, 0x65, 0x70}, /* 1.3.101.112, Ed25519 */
    .verify = verify_proof,
    .prove = prove_itself};

/* --- whole --- */

/* Programming only while the car stands. */
static uint8_t enter_session(void *user, enum ct_uds_session session)
{
    const struct ct_plant_values *v = &((const struct ct_ecu_data *)user)->plant->v;
    return session == CT_UDS_SESSION_PROGRAMMING && v->speed_kmh > 5 ? CT_NRC_SPEED_HIGH : 0;
}

static void start_anew(void *user, enum ct_uds_reset kind)
{
    struct ct_ecu_data *ecu = user;
    ecu->busy_until = 0;
    if (kind != CT_UDS_RESET_SOFT) {
        ct_dtc_next_cycle(ecu->dtcs);
    }
}

void ct_ecu_service_config(struct ct_uds_server_config *config, bool has_lamps)
{
    config->routines = routines;
    config->routine_count = sizeof routines / sizeof routines[0];
    config->ios = lamps;
    config->io_count = has_lamps ? sizeof lamps / sizeof lamps[0] : 0;
    config->memories = memories;
    config->memory_count = 1;
    config->levels = levels;
    config->level_count = 1;
    config->authenticator = &authenticator;
    config->random = pseudo_random;
    config->enter_session = enter_session;
    config->reset = start_anew;
    config->sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_DEFAULT) | EXTENDED | PROGRAMMING;
    config->resets = 1U << CT_UDS_RESET_HARD | 1U << CT_UDS_RESET_KEY | 1U << CT_UDS_RESET_SOFT;
    config->dynamic = true;
    config->events = true;
    config->communication = true;
}
