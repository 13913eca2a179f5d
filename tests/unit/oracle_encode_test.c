/* The way back: what is decoded from every payload of the corpus oracle, encoded into an empty and into a full frame,
 * gives the payload's bits wherever a decoded signal lies and leaves every other bit alone. Which bits a signal covers
 * is counted here from the DBC language's definition, not asked from the codec. */
#include "encode.h"
#include "oracle_rows.h"
#include "testing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_SHOWN 20
#define DATA_MAX     2048
#define BLOB_MAX     2048

struct counts {
    uint64_t rows;
    uint64_t signals;
    uint64_t blobs;
    uint64_t floats;
    uint64_t physical;
    uint64_t outside;
    uint64_t faults;
};

static void fault(struct counts *counts, const struct oracle_row *row, const char *signal, const char *text)
{
    if (counts->faults++ < FAULTS_SHOWN) {
        print_message("%s %s %s %s: %s\n", row->file, row->name, row->hex, signal, text);
    }
}

/* Marks the signal's bits in `mask`. Intel counts upward from the start bit; Motorola goes down inside a byte and on at
 * the next byte's bit 7. Returns false when a bit lies beyond `len` bytes. */
static bool cover(const struct ct_dbc_signal *signal, uint8_t *mask, size_t len)
{
    size_t bit = signal->start_bit;
    for (unsigned i = 0; i < signal->length; i++) {
        if (bit / 8 >= len) {
            return false;
        }
        if (mask != NULL) {
            mask[bit / 8] |= (uint8_t)(1U << bit % 8);
        }
        if (!signal->big_endian) {
            bit++;
        } else {
            bit = bit % 8 == 0 ? bit + 15 : bit - 1;
        }
    }
    return true;
}

static int put_blob(const struct oracle_row *row, uint16_t signal, uint8_t *data)
{
    uint8_t bytes[BLOB_MAX];
    const size_t size = (ct_codec_model(row->message)->signals[signal].length + 7U) / 8U;
    assert_true(size <= sizeof bytes);
    const int err = ct_codec_blob(row->message, signal, row->data, row->len, bytes, sizeof bytes);
    return err != CT_OK ? err : ct_codec_encode_blob(row->message, signal, bytes, size, data, row->len);
}

static int put(const struct oracle_row *row, const struct ct_decoded *decoded, uint8_t *data)
{
    if (ct_codec_model(row->message)->signals[decoded->signal].kind == CT_DBC_BLOB) {
        return put_blob(row, decoded->signal, data);
    }
    const struct ct_encode_value value = {.signal = decoded->signal, .raw = decoded->raw};
    return ct_codec_encode(row->message, &value, data, row->len);
}

static void check_frame(struct counts *counts, const struct oracle_row *row, const struct ct_decoded *values,
                        size_t count, uint8_t fill)
{
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    uint8_t mask[DATA_MAX] = {0};
    uint8_t *data = malloc(row->len + 1);
    assert_non_null(data);
    memset(data, fill, row->len + 1);
    for (size_t i = 0; i < count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[values[i].signal];
        if (put(row, &values[i], data) != CT_OK) {
            fault(counts, row, signal->name, "what was decoded is refused");
        }
        if (!cover(signal, mask, row->len)) {
            fault(counts, row, signal->name, "decoded beyond the frame");
        }
    }
    for (size_t i = 0; i < row->len; i++) {
        const uint8_t want = (uint8_t)((row->data[i] & mask[i]) | (fill & ~mask[i]));
        if (data[i] != want) {
            fault(counts, row, "", "the bits are not the ones decoded");
            break;
        }
    }
    free(data);
}

/* The whole message at once, by names: also chooses no other branch and sets no bit that no signal covers. */
static void check_message(struct counts *counts, const struct oracle_row *row, const struct ct_decoded *values,
                          size_t count)
{
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    struct ct_encode_set *sets = calloc(count + 1, sizeof *sets);
    uint8_t mask[DATA_MAX] = {0};
    uint8_t data[DATA_MAX];
    char problem[512] = "";
    assert_non_null(sets);
    for (size_t i = 0; i < count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[values[i].signal];
        sets[i] = (struct ct_encode_set){.signal = signal->name, .kind = CT_SET_RAW, .raw = values[i].raw};
        (void)cover(signal, mask, row->len);
    }
    memset(data, 0xA5, sizeof data);
    const int err =
        ct_encode_message(row->message, sets, count, CT_RANGE_WIDTH, data, row->len, problem, sizeof problem);
    if (err != CT_OK) {
        fault(counts, row, problem, "the message is refused");
    }
    for (size_t i = 0; err == CT_OK && i < row->len; i++) {
        if ((data[i] & mask[i]) != (row->data[i] & mask[i])) {
            fault(counts, row, "", "the message's bits are not the ones decoded");
            break;
        }
    }
    free(sets);
}

/* Whether raw * factor + offset and back is exact: the two roundings stay below half a step. */
static bool reversible(const struct ct_dbc_signal *signal, const struct ct_decoded *decoded)
{
    if (signal->kind != CT_DBC_INTEGER || signal->factor == 0) {
        return false;
    }
    const double raw = signal->is_signed ? fabs((double)decoded->raw) : (double)(uint64_t)decoded->raw;
    return (4 * raw + 4 * fabs(signal->offset / signal->factor)) * 0x1p-53 < 0.4 && isfinite(decoded->value);
}

static void check_physical(struct counts *counts, const struct oracle_row *row, const struct ct_decoded *decoded)
{
    const struct ct_dbc_signal *signal = &ct_codec_model(row->message)->signals[decoded->signal];
    counts->floats += signal->kind == CT_DBC_FLOAT32 || signal->kind == CT_DBC_FLOAT64;
    counts->blobs += signal->kind == CT_DBC_BLOB;
    if (!reversible(signal, decoded)) {
        return;
    }
    uint8_t data[DATA_MAX] = {0};
    uint8_t mask[DATA_MAX] = {0};
    const struct ct_encode_value value = {.signal = decoded->signal, .physical = true, .value = decoded->value};
    const int err = ct_codec_encode(row->message, &value, data, row->len);
    bool same = cover(signal, mask, row->len) && err == CT_OK;
    for (size_t i = 0; same && i < row->len; i++) {
        same = data[i] == (row->data[i] & mask[i]);
    }
    counts->physical++;
    if (!same) {
        fault(counts, row, signal->name, "the physical value does not give the bits back");
    }
}

/* A signal that is not wholly inside the frame cannot be written, and trying changes nothing. */
static void check_outside(struct counts *counts, const struct oracle_row *row)
{
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    for (uint16_t i = 0; i < model->signal_count; i++) {
        if (cover(&model->signals[i], NULL, row->len) || model->signals[i].kind == CT_DBC_BLOB) {
            continue;
        }
        uint8_t data[DATA_MAX] = {0};
        static const uint8_t empty[DATA_MAX];
        const struct ct_encode_value value = {.signal = i, .raw = 1};
        counts->outside++;
        if (ct_codec_encode(row->message, &value, data, row->len) != CT_ERR_TRUNCATED ||
            memcmp(data, empty, sizeof data) != 0) {
            fault(counts, row, model->signals[i].name, "written although it is not inside");
        }
    }
}

static void check_row(void *user, const struct oracle_row *row)
{
    struct counts *counts = user;
    counts->rows++;
    if (row->message == NULL) {
        fault(counts, row, "", "no such message");
        return;
    }
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    struct ct_decoded *values = malloc((model->signal_count + 1) * sizeof *values);
    assert_non_null(values);
    const size_t count = ct_codec_decode(row->message, row->data, row->len, values);
    counts->signals += count;
    check_frame(counts, row, values, count, 0x00);
    check_frame(counts, row, values, count, 0xFF);
    for (size_t i = 0; i < count; i++) {
        check_physical(counts, row, &values[i]);
    }
    check_outside(counts, row);
    check_message(counts, row, values, count);
    free(values);
}

static void test_oracle_every_row_decoded_and_encoded_gives_its_bits_back(void **state)
{
    (void)state;
    struct counts counts = {0};
    const uint64_t files = oracle_each_row(check_row, &counts);
    print_message("oracle, back: %" PRIu64 " files, %" PRIu64 " rows, %" PRIu64 " signals (%" PRIu64 " floats, %" PRIu64
                  " blobs), %" PRIu64 " by physical value too, %" PRIu64 " beyond the frame refused\n",
                  files, counts.rows, counts.signals, counts.floats, counts.blobs, counts.physical, counts.outside);
    assert_int_equal(counts.faults, 0);
    assert_true(counts.signals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_every_row_decoded_and_encoded_gives_its_bits_back),
    };
    return cmocka_run_group_tests_name("oracle_encode", tests, NULL, NULL);
}
