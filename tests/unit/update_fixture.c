#include "update_fixture.h"

#include "testing.h"

#include <sodium.h>

#include <stdio.h>
#include <string.h>

static const char *identity(void *user, const char *ecu, uint16_t did)
{
    const struct update_fixture *fixture = user;
    (void)ecu;
    return did == 0xF191 ? fixture->hardware : did == 0xF195 ? fixture->software : fixture->serial;
}

static enum ct_update_verdict limit(void *user, const struct ct_parameter *parameter)
{
    (void)parameter;
    return ((const struct update_fixture *)user)->limit;
}

static void role(struct ct_role_keys *keys, const struct update_fixture *fixture, uint32_t threshold,
                 enum fixture_key first, size_t count)
{
    keys->threshold = threshold;
    keys->count = count;
    memcpy(keys->public_keys, fixture->public_keys[first], count * CT_SIGN_PUBLIC_SIZE);
}

static void make_release(struct ct_release *release)
{
    (void)snprintf(release->set_id, sizeof release->set_id, "brakes-eu");
    release->counter = 5;
    release->issued_utc_ms = FIXTURE_NOW_MS - FIXTURE_DAY_MS;
    release->expires_utc_ms = FIXTURE_NOW_MS + 300 * FIXTURE_DAY_MS;
    release->target_count = 1;
    (void)snprintf(release->targets[0].ecu, sizeof release->targets[0].ecu, "engine");
    (void)snprintf(release->targets[0].hardware[0], CT_UPDATE_NAME_MAX, "HW-7");
    release->targets[0].hardware_count = 1;
    (void)snprintf(release->targets[0].software_min, CT_UPDATE_NAME_MAX, "1.9");
    (void)snprintf(release->targets[0].software_max, CT_UPDATE_NAME_MAX, "1.12");
    release->targets[0].session = 3;
    release->targets[0].security_level = 1;
    release->parameter_count = 2;
    for (size_t i = 0; i < 2; i++) {
        struct ct_parameter *parameter = &release->parameters[i];
        (void)snprintf(parameter->name, sizeof parameter->name, "p%zu", i);
        (void)snprintf(parameter->ecu, sizeof parameter->ecu, "engine");
        parameter->place = CT_PLACE_DID;
        parameter->did = (uint16_t)(0x0160 + i);
        parameter->type = i == 0 ? CT_PARAMETER_UINT16 : CT_PARAMETER_FLOAT32;
        parameter->factor = i == 0 ? 0.5 : 1;
        parameter->min = 0;
        parameter->max = 1000;
    }
    ct_parameter_set_integer(&release->parameters[0], 1600);
    ct_parameter_set_number(&release->parameters[1], 2.5);
    release->max_apply_s = 60;
    release->rxswin_count = 1;
    (void)snprintf(release->rxswin[0], sizeof release->rxswin[0], "R13 0001");
}

static void make_directive(struct ct_directive *directive)
{
    memset(directive->update_id, 0xA5, CT_UPDATE_ID_SIZE);
    (void)snprintf(directive->vehicle_id, sizeof directive->vehicle_id, "v1");
    directive->seq = 10;
    directive->issued_utc_ms = FIXTURE_NOW_MS - 3600000;
    directive->expires_utc_ms = FIXTURE_NOW_MS + FIXTURE_DAY_MS;
}

void fixture_open(struct update_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        uint8_t seed[32];
        memset(seed, (int)(i + 1), sizeof seed);
        assert_int_equal(crypto_sign_seed_keypair(fixture->public_keys[i], fixture->secret_keys[i], seed), 0);
    }
    fixture->root.version = 1;
    fixture->root.expires_utc_ms = FIXTURE_NOW_MS + 1000 * FIXTURE_DAY_MS;
    role(&fixture->root.root, fixture, 2, KEY_ROOT_1, 2);
    role(&fixture->root.release, fixture, 2, KEY_RELEASE_1, 2);
    role(&fixture->root.director, fixture, 1, KEY_DIRECTOR, 1);
    assert_int_equal(ct_trust_init(&fixture->trust, &fixture->root, FIXTURE_NOW_MS - 30 * FIXTURE_DAY_MS), CT_OK);
    make_release(&fixture->release);
    make_directive(&fixture->directive);
    ct_buf_init(&fixture->release_bytes, CT_UPDATE_ENVELOPE_MAX);
    ct_buf_init(&fixture->directive_bytes, CT_UPDATE_ENVELOPE_MAX);
    fixture->hardware = "HW-7";
    fixture->software = "1.10";
    fixture->serial = "SN-1";
    fixture->limit = CT_UPDATE_OK;
    fixture->context = (struct ct_update_context){.vehicle_id = "v1",
                                                  .time_known = true,
                                                  .utc_ms = FIXTURE_NOW_MS,
                                                  .user = fixture,
                                                  .parse_release = ct_release_decode,
                                                  .parse_directive = ct_directive_decode,
                                                  .identity = identity,
                                                  .limit = limit};
}

void fixture_close(struct update_fixture *fixture)
{
    ct_buf_free(&fixture->release_bytes);
    ct_buf_free(&fixture->directive_bytes);
}

void fixture_sign_part(struct update_fixture *fixture, struct ct_update_part *part, const char *domain,
                       const enum ct_role *roles, const enum fixture_key *keys, size_t count)
{
    part->signature_count = count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ct_envelope_sign(domain, part->payload, part->len, roles[i], fixture->secret_keys[keys[i]],
                                          &part->signatures[i]),
                         CT_OK);
    }
}

void fixture_sign(struct update_fixture *fixture)
{
    static const enum ct_role release[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE}, director[] = {CT_ROLE_DIRECTOR};
    static const enum fixture_key release_keys[] = {KEY_RELEASE_1, KEY_RELEASE_2}, director_keys[] = {KEY_DIRECTOR};
    ct_buf_clear(&fixture->release_bytes);
    ct_buf_clear(&fixture->directive_bytes);
    assert_int_equal(ct_release_encode(&fixture->release, &fixture->release_bytes), CT_OK);
    ct_update_sha256(fixture->release_bytes.data, fixture->release_bytes.len, fixture->directive.release_sha256);
    fixture->directive.release_len = (uint32_t)fixture->release_bytes.len;
    assert_int_equal(ct_directive_encode(&fixture->directive, &fixture->directive_bytes), CT_OK);
    fixture->parts.release.payload = fixture->release_bytes.data;
    fixture->parts.release.len = fixture->release_bytes.len;
    fixture->parts.directive.payload = fixture->directive_bytes.data;
    fixture->parts.directive.len = fixture->directive_bytes.len;
    fixture_sign_part(fixture, &fixture->parts.release, CT_DOMAIN_RELEASE, release, release_keys, 2);
    fixture_sign_part(fixture, &fixture->parts.directive, CT_DOMAIN_DIRECTIVE, director, director_keys, 1);
}

enum ct_update_verdict fixture_verify(struct update_fixture *fixture)
{
    return ct_update_verify(&fixture->parts, &fixture->trust, &fixture->context, &fixture->seen_release,
                            &fixture->seen_directive, &fixture->known);
}

enum ct_update_verdict fixture_sign_and_verify(struct update_fixture *fixture)
{
    fixture_sign(fixture);
    return fixture_verify(fixture);
}
