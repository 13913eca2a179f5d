/* cantwin diag flash. */
#include "diag_cmd.h"

#include "clock.h"
#include "diag_tester.h"
#include "diag_values.h"
#include "files.h"
#include "uds_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_MAX (256U << 20U)

static const char help[] =
    "usage: cantwin diag flash (--ecu NAME | --tx ID --rx ID) (--address A | --file NAME) [OPTION]... FILE\n"
    "       cantwin diag flash (--ecu NAME | --tx ID --rx ID) (--address A | --file NAME) --read SIZE [OPTION]... "
    "FILE\n"
    "\n"
    "Writes FILE into the ECU's memory (34, 36, 37), or reads memory into it (35). Use --session 2 and\n"
    "--level where the ECU wants them. A block whose answer is lost is sent again; a refused one ends it.\n"
    "\n"
    "  --address A           0x.. or decimal\n"
    "  --file NAME           a file of the ECU instead of memory (38); --read SIZE is then the most that is taken\n"
    "  --resume              go on where the ECU says a file was broken off\n"
    "  --read SIZE           read so many bytes\n"
    "  --format HEX          compression and encryption (default: 00, none)\n"
    "  --block N             bytes of one block at most (default: what the ECU takes)\n"
    "  --erase ROUTINE       first start this routine, with address and size as its parameters\n"
    "  --check ROUTINE       start this routine when all is written\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag flash --ecu engine --session 2 --level 1 --key-program ./key --address 0x10000 app.bin\n"
    "  cantwin diag flash --ecu engine --session 2 --address 0x10000 --read 4096 dump.bin\n"
    "\n"
    "exit codes: 0 done, 1 refused, no answer or broken off, 2 wrong usage, 3 no such bus or file\n";

struct job {
    struct ct_diag_tester *tester;
    struct ct_diag_options options;
    const char *address, *read, *format, *block, *erase, *check, *remote;
    bool resume;
    uint32_t start, size, block_max;
    uint8_t *image;
    const char *file;
};

static int give(void *user, uint64_t offset, uint8_t *out, size_t len)
{
    const struct job *job = user;
    memcpy(out, job->image + offset, len);
    return CT_OK;
}

static int take(void *user, uint64_t offset, const uint8_t *data, size_t len)
{
    struct job *job = user;
    memcpy(job->image + offset, data, len);
    return CT_OK;
}

static int start_routine(struct job *job, const char *text, bool with_range)
{
    const struct ct_ecu_description *ecu = ct_diag_tester_ecu(job->tester);
    const struct ct_ecu_routine *routine = ct_ecu_routine_named(ecu, text);
    const struct ct_ecu_did *unused;
    uint16_t id = routine != NULL ? routine->id : 0;
    if (routine == NULL && ct_diag_did_of(ecu, text, &id, &unused) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no routine", text);
    }
    uint8_t range[9] = {0x44};
    for (unsigned i = 0; i < 4; i++) {
        range[1 + i] = (uint8_t)(job->start >> (24 - 8 * i));
        range[5 + i] = (uint8_t)(job->size >> (24 - 8 * i));
    }
    const struct ct_uds_message request = {.service = CT_UDS_ROUTINE_CONTROL,
                                           .subfunction = CT_UDS_ROUTINE_START,
                                           .ids = {id},
                                           .data = {range, with_range ? sizeof range : 0}};
    struct ct_uds_message response;
    return ct_diag_do(job->tester, &request, text, &response);
}

static int transfer(struct job *job, uint8_t format, struct ct_uds_transfer *out_transfer)
{
    const bool upload = job->read != NULL;
    const size_t most = CT_UDS_MESSAGE_MAX;
    const struct ct_uds_transfer_config config = {
        .upload = upload,
        .file = job->remote,
        .file_mode = upload        ? CT_UDS_FILE_READ
                     : job->resume ? CT_UDS_FILE_RESUME
                                   : CT_UDS_FILE_REPLACE,
        .format = format,
        .address = job->start,
        .size = job->size,
        .block_max = job->block_max != 0 && job->block_max < most ? job->block_max : most,
        .read = upload ? NULL : give,
        .write = upload ? take : NULL,
        .user = job};
    uint8_t request[CT_UDS_MESSAGE_MAX];
    size_t len;
    enum ct_uds_step step;
    if (ct_uds_transfer_init(out_transfer, &config) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "there is nothing to transfer");
    }
    while ((step = ct_uds_transfer_next(out_transfer, request, &len)) == CT_UDS_STEP_ASK) {
        struct ct_uds_result result;
        const int code = ct_diag_ask(job->tester, request, len, &result);
        if (code != CT_EXIT_OK) {
            return code;
        }
        ct_uds_transfer_take(out_transfer, &result);
        ct_diag_progress(&job->options, upload ? "read" : "write", out_transfer->done, job->size);
    }
    if (step == CT_UDS_STEP_DONE) {
        job->size = (uint32_t)out_transfer->done; /* of a file it was only the most */
        return CT_EXIT_OK;
    }
    if (out_transfer->nrc != 0) {
        return ct_diag_fail(CT_EXIT_FAILED, "broken off after %llu of %u bytes: %s (0x%02X)",
                            (unsigned long long)out_transfer->done, (unsigned)job->size, out_transfer->why,
                            out_transfer->nrc);
    }
    return ct_diag_fail(CT_EXIT_FAILED, "broken off after %llu of %u bytes: %s", (unsigned long long)out_transfer->done,
                        (unsigned)job->size, out_transfer->why);
}

static void report(const struct job *job, const struct ct_uds_transfer *transfer, double seconds)
{
    const double rate = seconds > 0 ? job->size / seconds : 0;
    if (job->options.json) {
        printf("{\"bytes\":%u,\"seconds\":%.3f,\"bytes_per_s\":%.0f,\"blocks_repeated\":%u}\n", (unsigned)job->size,
               seconds, rate, (unsigned)transfer->repeats);
    } else {
        printf("%u bytes %s in %.2f s, %.1f kB/s, %u blocks repeated\n", (unsigned)job->size,
               job->read != NULL ? "read" : "written", seconds, rate / 1000, (unsigned)transfer->repeats);
    }
}

static int run(struct job *job)
{
    uint8_t format = 0;
    size_t len = 1;
    struct ct_uds_transfer state = {0};
    if (job->format != NULL && (ct_diag_hex(job->format, &format, 1, &len) != CT_OK || len != 1)) {
        return ct_diag_fail(CT_EXIT_USAGE, "--format needs two hex digits");
    }
    int code = ct_diag_tester_open(&job->options, &job->tester);
    if (code != CT_EXIT_OK) {
        return code;
    }
    code = job->erase != NULL ? start_routine(job, job->erase, true) : code;
    const ct_ns begun = ct_clock_now();
    code = code == CT_EXIT_OK ? transfer(job, format, &state) : code;
    const double seconds = (double)(ct_clock_now() - begun) / (double)CT_NS_PER_S;
    code = code == CT_EXIT_OK && job->check != NULL ? start_routine(job, job->check, false) : code;
    if (code == CT_EXIT_OK && job->read != NULL && ct_file_write(job->file, job->image, job->size, 0644) != CT_OK) {
        code = ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s: cannot be written", job->file);
    }
    if (code == CT_EXIT_OK) {
        report(job, &state, seconds);
    }
    ct_diag_tester_close(job->tester);
    return code;
}

static int prepare(struct job *job)
{
    size_t len = 0;
    if (job->remote == NULL && job->address == NULL) {
        return ct_diag_fail(CT_EXIT_USAGE, "where? give --address A or --file NAME");
    }
    if (job->address != NULL && ct_diag_number(job->address, UINT32_MAX, &job->start) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "--address needs a number, 0x.. or decimal");
    }
    if (job->block != NULL &&
        (ct_diag_number(job->block, CT_UDS_MESSAGE_MAX, &job->block_max) != CT_OK || job->block_max < 3)) {
        return ct_diag_fail(CT_EXIT_USAGE, "--block needs 3 to %d bytes", CT_UDS_MESSAGE_MAX);
    }
    if (job->read != NULL) {
        if (ct_diag_number(job->read, IMAGE_MAX, &job->size) != CT_OK || job->size == 0) {
            return ct_diag_fail(CT_EXIT_USAGE, "--read needs a number of bytes up to %u", IMAGE_MAX);
        }
        job->image = calloc(1, job->size);
        return job->image != NULL ? CT_EXIT_OK : ct_diag_fail(CT_EXIT_ENVIRONMENT, "out of memory");
    }
    const int err = ct_file_read(job->file, IMAGE_MAX, &job->image, &len);
    if (err != CT_OK || len == 0) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s: %s", job->file, err != CT_OK ? ct_err_text(err) : "is empty");
    }
    job->size = (uint32_t)len;
    return CT_EXIT_OK;
}

int ct_diag_flash(int argc, char **argv)
{
    struct job job = {0};
    const struct ct_diag_extra extras[] = {
        {"--address", &job.address, NULL}, {"--read", &job.read, NULL},     {"--format", &job.format, NULL},
        {"--block", &job.block, NULL},     {"--erase", &job.erase, NULL},   {"--check", &job.check, NULL},
        {"--file", &job.remote, NULL},     {"--resume", NULL, &job.resume}, {NULL, NULL, NULL}};
    int words, code;
    if (!ct_diag_arguments(argc, argv, help, extras, &job.options, &words, &code)) {
        return code;
    }
    if (words != 1) {
        return ct_diag_fail(CT_EXIT_USAGE, "which FILE? see cantwin diag flash --help");
    }
    job.file = argv[0];
    code = prepare(&job);
    code = code == CT_EXIT_OK ? run(&job) : code;
    free(job.image);
    return code;
}
