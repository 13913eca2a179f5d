/* Writes and reads cantwin's messages as hex lines, for proto_python_test.py to hold against the Python runtime.
 *   proto_tool write          one line `KIND HEX` per message, with the values that the test knows
 *   proto_tool read < LINES   `KIND HEX` in, what was understood out, or `KIND error TEXT` */
#include "batch.h"
#include "bytes.h"
#include "command_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ct_catalogue *make_catalogue(void)
{
    static const struct ct_enum_text texts[] = {{-1, "reverse"}, {2, "drive"}};
    static const struct ct_entry entries[] = {
        {.name = "can0.Gear.Position",
         .unit = "",
         .comment = "the lever",
         .kind = CT_KIND_RAW,
         .datatype = CT_DT_INT8,
         .factor = 1,
         .min = -1,
         .max = 2,
         .timeout_ns = 500000000,
         .texts = texts,
         .text_count = 2},
        {.name = "Vehicle.Speed",
         .unit = "km/h",
         .comment = "",
         .kind = CT_KIND_DOUBLE,
         .datatype = CT_DT_FLOAT,
         .factor = 1},
        {.name = "Vehicle.VehicleIdentification.VIN",
         .unit = "",
         .comment = "",
         .kind = CT_KIND_STRING,
         .datatype = CT_DT_STRING,
         .factor = 1,
         .bytes_max = 17},
    };
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    uint32_t id;
    int err = ct_catalogue_builder_create(&builder);
    for (size_t i = 0; err == CT_OK && i < sizeof entries / sizeof entries[0]; i++) {
        err = ct_catalogue_builder_add(builder, &entries[i], &id);
    }
    if (err != CT_OK || ct_catalogue_builder_finish(builder, &catalogue) != CT_OK) {
        exit(CT_EXIT_FAILED);
    }
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static int print_hex(void *user, const uint8_t *data, size_t len)
{
    printf("%s ", (const char *)user);
    for (size_t i = 0; i < len; i++) {
        printf("%02x", data[i]);
    }
    putchar('\n');
    return CT_OK;
}

static void print_buf(char *kind, struct ct_buf *buf, int err)
{
    if (err != CT_OK) {
        fprintf(stderr, "%s: %s\n", kind, ct_err_text(err));
        exit(CT_EXIT_FAILED);
    }
    (void)print_hex(kind, buf->data, buf->len);
    ct_buf_clear(buf);
}

static void write_all(const struct ct_catalogue *catalogue)
{
    char batch[] = "batch", gap[] = "gap", event[] = "event", status[] = "status", state[] = "state";
    char command[] = "command", parts[] = "catalogue";
    struct ct_buf buf;
    ct_buf_init(&buf, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = {.seq = UINT64_MAX, .boot_id = "0123456789abcde"};
    const struct ct_batch_time time = {-5000000, 1700000000000000000, 1500};
    struct ct_sample samples[] = {{.id = 2, .t_ns = -4000000, .bytes = (const uint8_t *)"WVW", .len = 3},
                                  {.id = 0, .t_ns = -5001000, .raw = INT64_MIN, .quality = CT_Q_CHECKSUM},
                                  {.id = 0, .t_ns = -5000000, .raw = INT64_MAX},
                                  {.id = 1, .t_ns = -5000000, .number = -0.1, .quality = CT_Q_STALE}};
    print_buf(batch, &buf, ct_record_encode_batch(&head, catalogue, &time, samples, 4, &buf));
    print_buf(state, &buf, ct_state_encode(9, head.boot_id, 12, true, catalogue, &time, samples, 4, &buf));
    const struct ct_gap hole = {
        .seq_first = 3, .seq_last = UINT64_MAX, .from_ns = -1, .samples = 77, .reason = CT_GAP_QUEUE_FULL};
    print_buf(gap, &buf, ct_record_encode_gap(&head, &hole, &buf));
    const struct ct_event_field field = {"bus", "can\xc3\xbc"};
    const struct ct_event down = {"bus-down", "text", 5, 6, &field, 1};
    print_buf(event, &buf, ct_record_encode_event(&head, &down, &buf));
    const struct ct_command_status done = {.command_id = head.boot_id,
                                           .state = CT_COMMAND_DONE,
                                           .seq = 4,
                                           .response = (const uint8_t *)"\x62\xf1\x90",
                                           .response_len = 3,
                                           .has_reported = true,
                                           .reported = 1,
                                           .text = "done"};
    print_buf(status, &buf, ct_record_encode_status(&head, &done, &buf));
    struct ct_command set = {.vehicle_id = "demo",
                             .command_id = "0123456789abcde",
                             .seq = 7,
                             .ttl_ms = 1000,
                             .action = CT_ACTION_SET_DESIRED,
                             .path = "Vehicle.X",
                             .revision = 2};
    set.value = (struct ct_wire_value){.kind = CT_WIRE_INTEGER, .integer = -3};
    print_buf(command, &buf, ct_command_encode(&set, &buf));
    if (ct_catalogue_encode(catalogue, 60000, print_hex, parts) != CT_OK) {
        exit(CT_EXIT_FAILED);
    }
    ct_buf_free(&buf);
}

/* ---------------------------------------------------------------- read */

static const struct ct_catalogue *find(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    return memcmp(hash, ct_catalogue_hash(user), CT_HASH_SIZE) == 0 ? user : NULL;
}

static int on_sample(void *user, const struct ct_sample *sample)
{
    const enum ct_kind kind = ct_catalogue_entry(user, sample->id)->kind;
    printf(" %" PRIu32 "@%" PRId64 "q%u=", sample->id, sample->t_ns, sample->quality);
    if (kind == CT_KIND_RAW) {
        printf("%" PRId64, sample->raw);
    } else if (kind == CT_KIND_DOUBLE) {
        printf("%.17g", sample->number);
    } else {
        printf("%.*s", sample->len, (const char *)sample->bytes);
    }
    return CT_OK;
}

static int read_batch(struct ct_catalogue *catalogue, const uint8_t *data, size_t len)
{
    const struct ct_record_sink sink = {.user = catalogue, .catalogue = find, .sample = on_sample};
    return ct_record_decode(data, len, &sink);
}

static int read_command(struct ct_catalogue *catalogue, const uint8_t *data, size_t len)
{
    (void)catalogue;
    static struct ct_command command;
    const int err = ct_command_decode(data, len, &command);
    if (err == CT_OK) {
        printf(" %s seq=%" PRIu64 " path=%s ecu=%s kind=%d", command.vehicle_id, command.seq, command.path, command.ecu,
               (int)command.value.kind);
    }
    return err;
}

static int read_catalogue(struct ct_catalogue *catalogue, const uint8_t *data, size_t len)
{
    struct ct_catalogue_reader *reader = NULL;
    struct ct_catalogue *read = NULL;
    int err = ct_catalogue_reader_create(&reader);
    if (err == CT_OK) {
        err = ct_catalogue_reader_part(reader, data, len, &read);
    }
    if (read != NULL) {
        printf(" same=%d", memcmp(ct_catalogue_hash(read), ct_catalogue_hash(catalogue), CT_HASH_SIZE) == 0);
    }
    ct_catalogue_unref(read);
    ct_catalogue_reader_free(reader);
    return err;
}

static void read_line(struct ct_catalogue *catalogue, char *line)
{
    static const struct {
        const char *kind;
        int (*read)(struct ct_catalogue *catalogue, const uint8_t *data, size_t len);
    } readers[] = {{"batch ", read_batch}, {"command ", read_command}, {"catalogue ", read_catalogue}};
    static uint8_t data[65536];
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        const size_t skip = strlen(readers[i].kind);
        if (strncmp(line, readers[i].kind, skip) != 0) {
            continue;
        }
        const size_t len = strlen(line + skip) / 2;
        if (len > sizeof data || ct_hex_decode(data, line + skip, len) != CT_OK) {
            exit(CT_EXIT_USAGE);
        }
        printf("%.*s", (int)skip - 1, line);
        const int err = readers[i].read(catalogue, data, len);
        printf("%s%s\n", err != CT_OK ? " error " : "", err != CT_OK ? ct_err_text(err) : "");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return CT_EXIT_USAGE;
    }
    struct ct_catalogue *catalogue = make_catalogue();
    if (strcmp(argv[1], "write") == 0) {
        write_all(catalogue);
    } else {
        static char line[140000];
        while (fgets(line, sizeof line, stdin) != NULL) {
            line[strcspn(line, "\n")] = 0;
            read_line(catalogue, line);
        }
    }
    ct_catalogue_unref(catalogue);
    return CT_EXIT_OK;
}
