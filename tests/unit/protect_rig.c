#include "protect_rig.h"

#include "bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void rig_parse(struct rig *rig, uint32_t id, size_t len, const char *signals)
{
    char text[2048];
    *rig = (struct rig){.id = id, .len = len};
    const uint32_t written = id > 0x7FF ? id | 0x80000000U : id;
    const int used = snprintf(text, sizeof text, "BU_: A B\nBO_ %u M: %zu A\n%s\n", (unsigned)written, len, signals);
    assert_in_range(used, 1, sizeof text - 1);
    assert_int_equal(ct_dbc_parse("rig.dbc", text, (size_t)used, NULL, NULL, &rig->dbc), CT_OK);
}

static int compile(struct rig *rig, struct ct_protect_config config)
{
    const struct ct_dbc *const dbcs[] = {rig->dbc};
    if (config.message == NULL && config.id == NULL && config.match == NULL) {
        config.message = "M";
    }
    return ct_protect_compile(dbcs, 1, &config, 1, &rig->protect, rig->problem, sizeof rig->problem);
}

void rig_open(struct rig *rig, uint32_t id, size_t len, const char *signals, struct ct_protect_config config)
{
    rig_parse(rig, id, len, signals);
    const int err = compile(rig, config);
    if (err != CT_OK) {
        fail_msg("%s", rig->problem);
    }
    rig->rule = ct_protect_rule_of(rig->protect, &rig->dbc->messages[0]);
    assert_non_null(rig->rule);
}

void rig_refused(struct rig *rig, uint32_t id, size_t len, const char *signals, struct ct_protect_config config)
{
    rig_parse(rig, id, len, signals);
    assert_int_equal(compile(rig, config), CT_ERR_SYNTAX);
}

void rig_close(struct rig *rig)
{
    ct_protect_free(rig->protect);
    ct_dbc_free(rig->dbc);
}

size_t rig_bytes(const char *hex, uint8_t data[64])
{
    size_t count = 0;
    for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
        if (*hex != ' ') {
            assert_in_range(count, 0, 63);
            assert_int_equal(ct_hex_decode(&data[count++], hex, 1), CT_OK);
        }
    }
    return count;
}
