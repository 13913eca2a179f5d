#include "recorder.h"

#include "candump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct ct_recorder {
    FILE *file;
};

int ct_recorder_open(const char *path, struct ct_recorder **out_recorder)
{
    struct ct_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    recorder->file = fopen(path, "we");
    if (recorder->file == NULL) {
        const int err = ct_err_from_errno(errno);
        free(recorder);
        return err;
    }
    *out_recorder = recorder;
    return CT_OK;
}

void ct_recorder_frame(struct ct_recorder *recorder, const struct ct_frame *frame, ct_ns stamp_utc, const char *bus,
                       bool sent)
{
    if (recorder == NULL) {
        return;
    }
    char line[CT_CANDUMP_LINE_MAX];
    struct ct_frame copy = *frame;
    copy.flags = (uint16_t)(sent ? copy.flags | CT_FRAME_SENT : copy.flags & ~CT_FRAME_SENT);
    const size_t len = ct_candump_format_file(&copy, stamp_utc, bus, true, line, sizeof line);
    if (len > 0) {
        (void)fwrite(line, 1, len, recorder->file);
        (void)fputc('\n', recorder->file);
    }
}

void ct_recorder_flush(struct ct_recorder *recorder)
{
    if (recorder != NULL) {
        (void)fflush(recorder->file);
    }
}

int ct_recorder_close(struct ct_recorder *recorder)
{
    if (recorder == NULL) {
        return CT_OK;
    }
    const bool failed = ferror(recorder->file) != 0;
    const bool open_failed = fclose(recorder->file) != 0;
    free(recorder);
    return failed || open_failed ? CT_ERR_IO : CT_OK;
}
