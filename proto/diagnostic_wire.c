#include "diagnostic_wire.h"

#include "cantwin.pb-c.h"
#include "wire.h"

#include <stdlib.h>

#define SAME_KIND(name, value, text) \
    _Static_assert((int)CANTWIN__V1__DIAGNOSTIC_KIND__##name == (value), "diagnostic kinds");
CT_DIAGNOSTIC_KIND_MAP(SAME_KIND)
#undef SAME_KIND

/* Messages and the pointers to them, for one encoding. */
struct encoding {
    Cantwin__V1__EcuResult ecus[CT_RESULT_ECUS_MAX];
    Cantwin__V1__EcuResult *ecu_list[CT_RESULT_ECUS_MAX];
    Cantwin__V1__DtcResult dtcs[CT_RESULT_DTCS_MAX];
    Cantwin__V1__DtcResult *dtc_list[CT_RESULT_DTCS_MAX];
    size_t dtc_count;
};

static int put_dtcs(struct encoding *encoding, const struct ct_result_ecu *from, Cantwin__V1__EcuResult *to)
{
    if (from->dtc_count > CT_RESULT_DTCS_MAX - encoding->dtc_count) {
        return CT_ERR_TOO_LARGE;
    }
    to->dtcs = &encoding->dtc_list[encoding->dtc_count];
    to->n_dtcs = from->dtc_count;
    for (size_t i = 0; i < from->dtc_count; i++) {
        Cantwin__V1__DtcResult *dtc = &encoding->dtcs[encoding->dtc_count];
        cantwin__v1__dtc_result__init(dtc);
        dtc->code = from->dtcs[i].code;
        dtc->status = from->dtcs[i].status;
        dtc->snapshots = ct_wire_bytes(from->dtcs[i].snapshots, from->dtcs[i].snapshots_len);
        encoding->dtc_list[encoding->dtc_count++] = dtc;
    }
    return CT_OK;
}

static int put_ecus(struct encoding *encoding, const struct ct_result_ecu *ecus, size_t count)
{
    int err = CT_OK;
    for (size_t i = 0; i < count && err == CT_OK; i++) {
        Cantwin__V1__EcuResult *ecu = &encoding->ecus[i];
        cantwin__v1__ecu_result__init(ecu);
        ecu->ecu = ct_wire_text(ecus[i].ecu);
        ecu->reason = (Cantwin__V1__CommandReason)ecus[i].reason;
        ecu->nrc = ecus[i].nrc;
        ecu->response = ct_wire_bytes(ecus[i].response, ecus[i].response_len);
        encoding->ecu_list[i] = ecu;
        err = put_dtcs(encoding, &ecus[i], ecu);
    }
    return err;
}

int ct_diagnostic_result_encode(const struct ct_result_ecu *ecus, size_t count, bool truncated, struct ct_buf *out)
{
    if (count > CT_RESULT_ECUS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct encoding *encoding = calloc(1, sizeof *encoding);
    if (encoding == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = put_ecus(encoding, ecus, count);
    if (err == CT_OK) {
        Cantwin__V1__DiagnosticResult message;
        cantwin__v1__diagnostic_result__init(&message);
        message.ecus = encoding->ecu_list;
        message.n_ecus = count;
        message.truncated = truncated;
        ct_wire_pack(&message.base, out);
        err = ct_buf_error(out);
    }
    free(encoding);
    return err;
}

static void tell_ecu(const Cantwin__V1__EcuResult *from, void (*fn)(void *user, const struct ct_result_ecu *ecu),
                     void *user)
{
    struct ct_result_dtc dtcs[CT_RESULT_DTCS_MAX];
    struct ct_result_ecu ecu = {.ecu = from->ecu,
                                .reason = (int)from->reason,
                                .nrc = (uint8_t)from->nrc,
                                .response = from->response.data,
                                .response_len = from->response.len,
                                .dtcs = dtcs,
                                .dtc_count = from->n_dtcs < CT_RESULT_DTCS_MAX ? from->n_dtcs : CT_RESULT_DTCS_MAX};
    for (size_t i = 0; i < ecu.dtc_count; i++) {
        dtcs[i] = (struct ct_result_dtc){.code = from->dtcs[i]->code & 0xFFFFFFU,
                                         .status = (uint8_t)from->dtcs[i]->status,
                                         .snapshots = from->dtcs[i]->snapshots.data,
                                         .snapshots_len = from->dtcs[i]->snapshots.len};
    }
    fn(user, &ecu);
}

int ct_diagnostic_result_decode(const uint8_t *data, size_t len,
                                void (*fn)(void *user, const struct ct_result_ecu *ecu), void *user,
                                bool *out_truncated)
{
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *parsed = NULL;
    const int err =
        ct_wire_parse(&cantwin__v1__diagnostic_result__descriptor, CT_WIRE_TOLERANT, data, len, &arena, &parsed);
    if (err == CT_OK) {
        const Cantwin__V1__DiagnosticResult *message = (const Cantwin__V1__DiagnosticResult *)parsed;
        *out_truncated = message->truncated != 0;
        for (size_t i = 0; i < message->n_ecus; i++) {
            tell_ecu(message->ecus[i], fn, user);
        }
    }
    ct_wire_arena_free(&arena);
    return err;
}
