#include "log_writer.h"

#include "asc.h"
#include "blf.h"
#include "candump.h"
#include "pcap.h"

#include <zlib.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PLAIN_SIZE      131072U
#define TEXT_FLUSH      65536U
#define PACKED_SIZE     (PLAIN_SIZE + PLAIN_SIZE / 512 + 64) /* more than compressBound says */
#define CHANNELS_MAX    64U
#define YEAR_2000_UTC_S INT64_C(946684800)

struct writer_format;

struct ct_log_writer {
    int fd;
    const struct writer_format *format;
    char name[256];
    char problem[512];
    int err; /* the file's first error */
    bool started;
    int64_t start; /* stamp that offsets count from */
    int64_t newest;
    uint64_t frames;
    uint64_t lost;
    uint64_t buffered; /* frames in `plain` */
    struct ct_blf_summary summary;
    char channels[CHANNELS_MAX][CT_LOG_CHANNEL_MAX];
    unsigned numbers[CHANNELS_MAX];
    size_t channel_count;
    size_t len;
    uint8_t plain[PLAIN_SIZE];
    uint8_t packed[PACKED_SIZE];
};

struct writer_format {
    const char *name;
    const char *extensions[2];
    size_t flush_at;                        /* bytes of `plain`, with room for one more frame behind them */
    void (*begin)(struct ct_log_writer *w); /* before the first frame, or at the end when there was none */
    void (*put)(struct ct_log_writer *w, const struct ct_frame *frame, const char *channel, unsigned number);
    void (*drain)(struct ct_log_writer *w);
    void (*end)(struct ct_log_writer *w);
};

static int64_t stamp_of(const struct ct_frame *frame)
{
    return frame->utc_ns != 0 ? frame->utc_ns : frame->t_ns;
}

static void fail(struct ct_log_writer *w, int errnum)
{
    w->err = ct_err_from_errno(errnum);
    snprintf(w->problem, sizeof w->problem, "%s: error: cannot write the log: %s", w->name, strerror(errnum));
}

static void write_all(struct ct_log_writer *w, const uint8_t *bytes, size_t len)
{
    while (len > 0 && w->err == CT_OK) {
        const ssize_t n = write(w->fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            fail(w, errno);
        }
    }
}

static void drain_text(struct ct_log_writer *w)
{
    write_all(w, w->plain, w->len);
}

/* A header that cannot be written again (a pipe) stays as it was first. */
static void patch_header(struct ct_log_writer *w)
{
    uint8_t header[CT_BLF_FILE_HEADER];
    w->summary.start_utc = w->start;
    w->summary.stop_utc = w->newest;
    ct_blf_put_file_header(&w->summary, header);
    if (w->err == CT_OK && pwrite(w->fd, header, sizeof header, 0) < 0 && errno != ESPIPE) {
        fail(w, errno);
    }
}

static void drain_blf(struct ct_log_writer *w)
{
    static const uint8_t padding[4] = {0};
    uint8_t head[CT_BLF_CONTAINER];
    uLongf packed = sizeof w->packed;
    if (w->len == 0) {
        return;
    }
    if (compress2(w->packed, &packed, w->plain, w->len, Z_DEFAULT_COMPRESSION) != Z_OK) {
        fail(w, ENOMEM);
        return;
    }
    ct_blf_put_container((uint32_t)packed, (uint32_t)w->len, head);
    write_all(w, head, sizeof head);
    write_all(w, w->packed, packed);
    write_all(w, padding, packed % 4);
    w->summary.file_size += sizeof head + packed + packed % 4;
    w->summary.plain_size += sizeof head + w->len;
    w->summary.objects += (uint32_t)w->buffered;
    patch_header(w);
}

static int drain(struct ct_log_writer *w)
{
    w->format->drain(w);
    if (w->err != CT_OK) {
        w->frames -= w->buffered;
        w->lost += w->buffered;
    }
    w->len = 0;
    w->buffered = 0;
    return w->err;
}

static void add_line(struct ct_log_writer *w, const char *line)
{
    const size_t len = strlen(line);
    memcpy(w->plain + w->len, line, len);
    w->plain[w->len + len] = '\n';
    w->len += len + 1;
}

static void begin_candump(struct ct_log_writer *w)
{
    (void)w;
}

static void put_candump(struct ct_log_writer *w, const struct ct_frame *frame, const char *channel, unsigned number)
{
    char line[CT_CANDUMP_LINE_MAX];
    const int64_t stamp = stamp_of(frame);
    (void)number;
    ct_candump_format_file(frame, stamp > 0 ? stamp : 0, channel, true, line, sizeof line);
    add_line(w, line);
}

static void begin_asc(struct ct_log_writer *w)
{
    char date[CT_ASC_DATE_MAX];
    char line[CT_ASC_DATE_MAX + 32];
    if (ct_asc_format_date(w->start, date, sizeof date) == 0) {
        date[0] = '\0';
    }
    snprintf(line, sizeof line, "date %s", date);
    add_line(w, line);
    add_line(w, "base hex  timestamps absolute");
    add_line(w, "internal events logged");
    snprintf(line, sizeof line, "Begin Triggerblock %s", date);
    add_line(w, line);
    add_line(w, "   0.000000 Start of measurement");
}

static void put_asc(struct ct_log_writer *w, const struct ct_frame *frame, const char *channel, unsigned number)
{
    char line[CT_ASC_LINE_MAX];
    const int64_t offset = stamp_of(frame) - w->start;
    (void)channel;
    ct_asc_format(frame, offset > 0 ? offset : 0, number, line, sizeof line);
    add_line(w, line);
}

static void end_asc(struct ct_log_writer *w)
{
    add_line(w, "End TriggerBlock");
}

static void begin_blf(struct ct_log_writer *w)
{
    uint8_t header[CT_BLF_FILE_HEADER];
    w->summary =
        (struct ct_blf_summary){.file_size = sizeof header, .plain_size = sizeof header, .start_utc = w->start};
    ct_blf_put_file_header(&w->summary, header);
    write_all(w, header, sizeof header);
}

static void put_blf(struct ct_log_writer *w, const struct ct_frame *frame, const char *channel, unsigned number)
{
    const int64_t offset = stamp_of(frame) - w->start;
    (void)channel;
    w->len += ct_blf_put_object(frame, offset > 0 ? (uint64_t)offset : 0, number, w->plain + w->len);
}

static void begin_pcap(struct ct_log_writer *w)
{
    ct_pcap_put_header(w->plain);
    w->len = CT_PCAP_HEADER;
}

static void put_pcap(struct ct_log_writer *w, const struct ct_frame *frame, const char *channel, unsigned number)
{
    (void)channel;
    (void)number;
    w->len += ct_pcap_put_record(frame, stamp_of(frame), w->plain + w->len);
}

static void end_nothing(struct ct_log_writer *w)
{
    (void)w;
}

static const struct writer_format formats[] = {
    {"candump", {".log", ".txt"}, TEXT_FLUSH, begin_candump, put_candump, drain_text, end_nothing},
    {"asc", {".asc", ".asc"}, TEXT_FLUSH, begin_asc, put_asc, drain_text, end_asc},
    {"blf", {".blf", ".blf"}, PLAIN_SIZE - CT_BLF_OBJECT_MAX, begin_blf, put_blf, drain_blf, end_nothing},
    {"pcap", {".pcap", ".cap"}, TEXT_FLUSH, begin_pcap, put_pcap, drain_text, end_nothing},
};

static bool ends_in(const char *path, const char *extension)
{
    const size_t n = strlen(extension);
    const size_t len = strlen(path);
    return len > n && strcasecmp(path + len - n, extension) == 0;
}

static const struct writer_format *find_format(const char *path, const char *name)
{
    const char *wanted = name == NULL && strcmp(path, "-") == 0 ? "candump" : name;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct writer_format *f = &formats[i];
        if (wanted != NULL ? strcasecmp(wanted, f->name) == 0
                           : ends_in(path, f->extensions[0]) || ends_in(path, f->extensions[1])) {
            return f;
        }
    }
    return NULL;
}

bool ct_log_writer_knows(const char *path)
{
    return strcmp(path, "-") != 0 && find_format(path, NULL) != NULL;
}

static unsigned free_number(const struct ct_log_writer *w, unsigned wanted)
{
    unsigned number = wanted > 0 ? wanted : 1;
    for (size_t i = 0; i < w->channel_count;) {
        if (w->numbers[i] == number) {
            number = number % 255 + 1;
            i = 0;
        } else {
            i++;
        }
    }
    return number;
}

/* The number of a channel name; another name that asks for the same one gets the next. 0: too many names. */
static unsigned channel_number(struct ct_log_writer *w, const char *channel)
{
    for (size_t i = 0; i < w->channel_count; i++) {
        if (strcmp(w->channels[i], channel) == 0) {
            return w->numbers[i];
        }
    }
    if (w->channel_count == CHANNELS_MAX) {
        return 0;
    }
    const unsigned number = free_number(w, ct_log_channel_number(channel));
    snprintf(w->channels[w->channel_count], CT_LOG_CHANNEL_MAX, "%s", channel);
    w->numbers[w->channel_count++] = number;
    return number;
}

static void begin(struct ct_log_writer *w, int64_t stamp)
{
    const bool date = stamp >= YEAR_2000_UTC_S * CT_NS_PER_S;
    w->started = true;
    w->start = date ? stamp - stamp % CT_NS_PER_MS : 0;
    w->newest = w->start;
    w->format->begin(w);
}

static int refuse(struct ct_log_writer *w, int err)
{
    w->lost++;
    return err;
}

int ct_log_writer_write(struct ct_log_writer *writer, const struct ct_frame *frame, const char *channel)
{
    char name[CT_LOG_CHANNEL_MAX];
    snprintf(name, sizeof name, "%s", channel[0] != '\0' ? channel : "can0");
    const unsigned number = channel_number(writer, name);
    const int64_t stamp = stamp_of(frame);
    if (!writer->started) {
        begin(writer, stamp);
    }
    if (writer->err != CT_OK || number == 0) {
        return refuse(writer, writer->err != CT_OK ? writer->err : CT_ERR_FULL);
    }
    writer->newest = stamp > writer->newest && writer->start > 0 ? stamp : writer->newest;
    writer->format->put(writer, frame, name, number);
    writer->frames++;
    writer->buffered++;
    return writer->len > writer->format->flush_at ? drain(writer) : CT_OK;
}

int ct_log_writer_flush(struct ct_log_writer *writer)
{
    return drain(writer);
}

int ct_log_writer_open(const char *path, const char *format, struct ct_log_writer **out_writer, char *problem,
                       size_t problem_size)
{
    const struct writer_format *f = find_format(path, format);
    if (f == NULL) {
        snprintf(problem, problem_size, "%s: error: cannot tell the kind of log; name it .log, .asc, .blf or .pcap",
                 path);
        return CT_ERR_ARGUMENT;
    }
    struct ct_log_writer *w = calloc(1, sizeof *w);
    if (w == NULL) {
        snprintf(problem, problem_size, "%s: error: out of memory", path);
        return CT_ERR_NO_MEMORY;
    }
    const bool standard_output = strcmp(path, "-") == 0;
    w->fd = standard_output ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                            : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0) {
        const int err = ct_err_from_errno(errno);
        snprintf(problem, problem_size, "%s: error: cannot write the log: %s", path, strerror(errno));
        free(w);
        return err;
    }
    w->format = f;
    snprintf(w->name, sizeof w->name, "%s", standard_output ? "standard output" : path);
    *out_writer = w;
    return CT_OK;
}

int ct_log_writer_close(struct ct_log_writer *writer, char *problem, size_t problem_size)
{
    struct ct_log_writer *w = writer;
    if (!w->started) {
        begin(w, 0);
    }
    w->format->end(w);
    int err = drain(w);
    if (close(w->fd) < 0 && err == CT_OK) {
        fail(w, errno);
        err = w->err;
    }
    if (err != CT_OK) {
        snprintf(problem, problem_size, "%s", w->problem);
    }
    free(w);
    return err;
}

uint64_t ct_log_writer_frames(const struct ct_log_writer *writer)
{
    return writer->frames;
}

uint64_t ct_log_writer_lost(const struct ct_log_writer *writer)
{
    return writer->lost;
}

const char *ct_log_writer_problem(const struct ct_log_writer *writer)
{
    return writer->problem;
}
