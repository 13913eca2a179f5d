/* Any bytes as a command journal, each slot's checksum made right: it opens or is refused, what it takes it knows
 * again, and the second opening says the same as the first. */
#include "bytes.h"
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT 64U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One folder for the whole run; libFuzzer has no end to hook into. */
static const char *folder(void)
{
    static char dir[64];
    if (dir[0] == '\0') {
        (void)snprintf(dir, sizeof dir, "%s/cantwin-fuzz-journal-%d",
                       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
    }
    return dir;
}

static void put(const uint8_t *data, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/commands.journal", folder());
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    close(fd);
}

static void use(void)
{
    static const uint8_t command_id[CT_COMMAND_ID_SIZE] = {0xF0, 0x0D};
    struct ct_journal *journal = NULL;
    struct ct_journal_stats stats;
    struct ct_journal_stats again;
    if (ct_journal_open(folder(), &journal) != CT_OK) {
        return;
    }
    ct_journal_stats_get(journal, &stats);
    if (stats.highest_seq != UINT64_MAX) {
        const int err = ct_journal_intent(journal, command_id, stats.highest_seq + 1, false, 1);
        /* refused because all places are owed: not taken; anything else: taken, now or before */
        if ((err == CT_ERR_FULL) == ct_journal_seen(journal, command_id, UINT64_MAX, false)) {
            abort();
        }
    }
    ct_journal_stats_get(journal, &stats);
    ct_journal_close(journal);
    if (ct_journal_open(folder(), &journal) != CT_OK) {
        abort();
    }
    ct_journal_stats_get(journal, &again);
    if (again.highest_seq != stats.highest_seq || again.kept != stats.kept || again.torn_bytes != 0) {
        abort();
    }
    ct_journal_close(journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_journal *journal = NULL;
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL || size > 65536) {
        free(copy);
        return 0;
    }
    if (ct_journal_open(folder(), &journal) == CT_OK) { /* makes the folder */
        ct_journal_close(journal);
    }
    memcpy(copy, data, size);
    for (size_t at = 0; size - at >= SLOT; at += SLOT) {
        memcpy(copy + at, "CTJ1", 4);
        copy[at + 4] &= 3;
        memset(copy + at + 5, 0, 3);
        ct_put_le32(copy + at + 60, ct_crc32c(0, copy + at, 60));
    }
    put(copy, size);
    use();
    free(copy);
    return 0;
}
