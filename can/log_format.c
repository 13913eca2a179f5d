#include "log_format.h"

#include "candump.h"
#include "log_lines.h"

#include <stdlib.h>
#include <string.h>

#define YEAR_2000_UTC_S INT64_C(946684800)
#define ERROR_CLASS_BUS 0x80U /* CAN_ERR_BUSERROR of <linux/can/error.h> */

_Static_assert(CT_LOG_CHANNEL_MAX == CT_CANDUMP_CHANNEL_MAX, "candump's names fit");

static void *open_candump(void)
{
    return calloc(1, sizeof(struct ct_log_lines));
}

static int parse_candump(void *state, const char *text, size_t len, struct ct_log_record *out_record,
                         struct ct_log_problem *out_problem)
{
    struct ct_candump_line line;
    struct ct_candump_problem problem;
    (void)state;
    const int err = ct_candump_parse(text, len, &line, &problem);
    if (err == CT_OK) {
        out_record->frame = line.frame;
        memcpy(out_record->channel, line.channel, sizeof out_record->channel);
    } else if (err != CT_ERR_NOT_FOUND) {
        *out_problem = (struct ct_log_problem){problem.column, problem.text};
    }
    return err;
}

static int next_candump(void *state, const uint8_t *bytes, size_t len, bool last, struct ct_log_step *out_step)
{
    return ct_log_lines_next(state, parse_candump, NULL, bytes, len, last, out_step);
}

static bool recognise_candump(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return true;
}

const struct ct_log_format ct_log_candump = {
    .name = "candump",
    .text = true,
    .recognises = recognise_candump,
    .open = open_candump,
    .next = next_candump,
    .close = free,
};

static const struct ct_log_format *const formats[] = {&ct_log_blf, &ct_log_asc, &ct_log_candump};

#define CONVERT "; convert it to candump, ASC or BLF (python3 -m can.logconvert reads many kinds)"

static const struct {
    const char *start;
    const char *hint;
} foreign[] = {
    {";$FILEVERSION", "a PCAN trace (TRC) is not supported" CONVERT},
    {";---", "a PCAN trace (TRC) is not supported" CONVERT},
    {"MDF ", "an ASAM MDF (MF4) file is not supported" CONVERT},
    {"UnFinMF", "an ASAM MDF (MF4) file is not supported" CONVERT},
    {"timestamp,", "a CSV log is not supported" CONVERT},
    {"Time Stamp,", "a CSV log is not supported" CONVERT},
    {"***BUSMASTER", "a BUSMASTER log is not supported" CONVERT},
    {"SQLite format 3", "an SQLite log is not supported" CONVERT},
    {"\xD4\xC3\xB2\xA1", "a packet capture (pcap) is not supported" CONVERT},
    {"\x4D\x3C\xB2\xA1", "a packet capture (pcap) is not supported" CONVERT},
    {"\x0A\x0D\x0D\x0A", "a packet capture (pcapng) is not supported" CONVERT},
};

const struct ct_log_format *ct_log_format_of(const uint8_t *head, size_t len, const char **out_hint)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        const size_t n = strlen(foreign[i].start);
        if (len >= n && memcmp(head, foreign[i].start, n) == 0) {
            *out_hint = foreign[i].hint;
            return NULL;
        }
    }
    size_t i = 0;
    while (!formats[i]->recognises(head, len)) {
        i++;
    }
    return formats[i];
}

int ct_log_stamp(struct ct_frame *frame, int64_t start_utc, uint64_t offset_ns)
{
    int64_t stamp;
    if (__builtin_add_overflow(start_utc, offset_ns, &stamp) || stamp == CT_NS_NEVER) {
        return CT_ERR_RANGE;
    }
    frame->t_ns = stamp;
    frame->utc_ns = stamp >= YEAR_2000_UTC_S * CT_NS_PER_S ? stamp : 0;
    return CT_OK;
}

/* Once per frame, so by hand. */
void ct_log_channel_name(unsigned number, char out_name[CT_LOG_CHANNEL_MAX])
{
    char digits[12];
    size_t at = sizeof digits;
    unsigned rest = number > 0 ? number - 1 : 0;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    memcpy(out_name, "can", 3);
    memcpy(out_name + 3, digits + at, sizeof digits - at);
}

unsigned ct_log_channel_number(const char *name)
{
    size_t at = strlen(name);
    while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9') {
        at--;
    }
    const unsigned long number = name[at] != '\0' ? strtoul(name + at, NULL, 10) : 255;
    return number < 255 ? (unsigned)number + 1 : 0;
}

void ct_log_error_frame(struct ct_frame *frame)
{
    frame->id = ERROR_CLASS_BUS;
    frame->flags = CT_FRAME_ERR;
    frame->len = 8;
    memset(frame->data, 0, sizeof frame->data);
}
