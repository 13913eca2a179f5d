/* Every DBC of the corpus against its oracle: values computed by cantools and by an independent bit-by-bit decoder.
 * Names and raw values must be equal in every row; physical values bit-equal or 1 ulp apart where both ways round. */
#include "oracle_rows.h"
#include "testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_SHOWN 20

struct counts {
    uint64_t files;
    uint64_t rows;
    uint64_t values;
    uint64_t raw_equal;
    uint64_t physical_equal;
    uint64_t physical_1ulp;
    uint64_t unknown_mux_rows;
    uint64_t truncated_rows;
    uint64_t indep_rows;
    uint64_t faults;
};

static void fault(struct counts *counts, const struct oracle_row *row, const char *signal, const char *text)
{
    if (counts->faults++ < FAULTS_SHOWN) {
        print_message("%s %s %s %s: %s\n", row->file, row->name, row->hex, signal, text);
    }
}

static double number_of(const struct json_value *value)
{
    return strtod(value->text, NULL); /* reads "nan", "inf" and "-inf" too */
}

static bool raw_is(const struct ct_dbc_signal *signal, const struct ct_decoded *decoded, const struct json_value *want)
{
    const struct json_value *bits = json_get(want, "bits");
    char text[32];
    if (bits != NULL) {
        (void)snprintf(text, sizeof text, "%0*" PRIx64, signal->length / 4, (uint64_t)decoded->raw);
        return strcmp(text, bits->text) == 0;
    }
    if (signal->is_signed) {
        (void)snprintf(text, sizeof text, "%" PRId64, decoded->raw);
    } else {
        (void)snprintf(text, sizeof text, "%" PRIu64, (uint64_t)decoded->raw);
    }
    return strcmp(text, json_get(want, "raw")->text) == 0;
}

static void check_value(struct counts *counts, const struct oracle_row *row, const struct ct_dbc_message *model,
                        const struct ct_decoded *values, size_t count, const struct json_value *want)
{
    counts->values++;
    const struct ct_decoded *found = NULL;
    bool raw_equal = false;
    for (size_t i = 0; i < count && !raw_equal; i++) {
        if (oracle_same_name(model->signals[values[i].signal].name, want->key)) {
            found = &values[i];
            raw_equal = raw_is(&model->signals[values[i].signal], found, want);
        }
    }
    if (found == NULL || !raw_equal) {
        fault(counts, row, want->key, found == NULL ? "not decoded" : "raw value differs");
        return;
    }
    counts->raw_equal++;
    const uint64_t distance = ulp_distance(found->value, number_of(json_get(want, "phys")));
    if (distance > 1) {
        fault(counts, row, want->key, "physical value differs");
    }
    *(distance == 0 ? &counts->physical_equal : &counts->physical_1ulp) += 1;
}

/* cantools forgets the branches of a selector that has a long name (one message of the corpus); we decode them. */
static bool oracle_lost_branches(const struct oracle_row *row)
{
    return strcmp(row->name, "ID201VCFRONT_loggingAndVitals10Hz") == 0;
}

/* What the oracle does not list must not be decoded: inactive branches, signals beyond the bytes. It leaves out signals
 * over 64 bits, and one of two with the same name (X#8 here). */
static void check_no_more(struct counts *counts, const struct oracle_row *row, const struct ct_dbc_message *model,
                          const struct ct_decoded *values, size_t count, const struct json_value *signals)
{
    for (size_t i = 0; i < count; i++) {
        const struct ct_dbc_signal *signal = &model->signals[values[i].signal];
        bool listed = signal->kind == CT_DBC_BLOB || strchr(signal->name, '#') != NULL ||
                      (signal->selector >= 0 && oracle_lost_branches(row));
        for (size_t k = 0; k < signals->count && !listed; k++) {
            listed = oracle_same_name(signal->name, signals->items[k].key);
        }
        if (!listed) {
            fault(counts, row, signal->name, "decoded, but not in the oracle");
        }
    }
}

static void count_kind(struct counts *counts, const struct json_value *row)
{
    const struct json_value *kind = json_get(row, "kind");
    if (kind == NULL) {
        return;
    }
    counts->truncated_rows += strcmp(kind->text, "truncated") == 0;
    counts->unknown_mux_rows += strcmp(kind->text, "unknown_mux") == 0;
    counts->indep_rows += strcmp(kind->text, "indep") == 0;
}

static void check_row(void *user, const struct oracle_row *row)
{
    struct counts *counts = user;
    counts->rows++;
    count_kind(counts, row->json);
    if (row->message == NULL) {
        fault(counts, row, "", "no such message");
        return;
    }
    const struct ct_dbc_message *model = ct_codec_model(row->message);
    struct ct_decoded *values = malloc((model->signal_count + 1) * sizeof *values);
    const size_t count = ct_codec_decode(row->message, row->data, row->len, values);
    const struct json_value *signals = json_get(row->json, "signals");
    for (size_t i = 0; i < signals->count; i++) {
        check_value(counts, row, model, values, count, &signals->items[i]);
    }
    check_no_more(counts, row, model, values, count, signals);
    free(values);
}

static void test_oracle_every_row_of_every_database_equal(void **state)
{
    (void)state;
    struct counts counts = {0};
    counts.files = oracle_each_row(check_row, &counts);
    print_message("oracle: %" PRIu64 " files, %" PRIu64 " rows (%" PRIu64 " truncated, %" PRIu64
                  " unknown_mux, %" PRIu64 " indep), %" PRIu64 " values\n",
                  counts.files, counts.rows, counts.truncated_rows, counts.unknown_mux_rows, counts.indep_rows,
                  counts.values);
    print_message("oracle: raw equal %" PRIu64 " of %" PRIu64 "; physical bit-equal %" PRIu64 ", 1 ulp apart %" PRIu64
                  "\n",
                  counts.raw_equal, counts.values, counts.physical_equal, counts.physical_1ulp);
    assert_int_equal(counts.faults, 0);
    assert_true(counts.values > 0);
    assert_int_equal(counts.raw_equal, counts.values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_every_row_of_every_database_equal),
    };
    return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
