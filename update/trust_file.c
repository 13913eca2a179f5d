#include "trust_file.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 280

static void path_of(const struct ct_trust_file *file, uint64_t generation, char out_path[PATH_SIZE])
{
    (void)snprintf(out_path, PATH_SIZE, "%s/trust.%u", file->dir, (unsigned)(generation % 2));
}

static int read_slot(const struct ct_trust_file *file, uint64_t slot, struct ct_trust *trust, uint64_t *generation)
{
    char path[PATH_SIZE];
    uint8_t *data;
    size_t len;
    path_of(file, slot, path);
    int err = ct_file_read(path, CT_TRUST_BYTES_MAX, &data, &len);
    if (err != CT_OK) {
        return err == CT_ERR_TOO_LARGE ? CT_ERR_CORRUPT : err;
    }
    err = ct_trust_decode(data, len, trust, generation);
    free(data);
    err = err == CT_OK && *generation % 2 != slot ? CT_ERR_CORRUPT : err; /* a copy of the other */
    return err == CT_ERR_TRUNCATED ? CT_ERR_CORRUPT : err;
}

int ct_trust_file_open(struct ct_trust_file *file, const char *dir, struct ct_trust *out_trust)
{
    struct ct_trust *other = malloc(sizeof *other);
    uint64_t generations[2] = {0, 0};
    memset(file, 0, sizeof *file);
    (void)snprintf(file->dir, sizeof file->dir, "%s", dir);
    if (other == NULL || strlen(dir) >= sizeof file->dir) {
        free(other);
        return other == NULL ? CT_ERR_NO_MEMORY : CT_ERR_TOO_LARGE;
    }
    const int first = read_slot(file, 0, out_trust, &generations[0]);
    const int second = read_slot(file, 1, other, &generations[1]);
    file->damaged = (first == CT_ERR_CORRUPT ? 1U : 0U) + (second == CT_ERR_CORRUPT ? 1U : 0U);
    if (second == CT_OK && (first != CT_OK || generations[1] > generations[0])) {
        *out_trust = *other;
    }
    free(other);
    file->generation = first == CT_OK && (second != CT_OK || generations[0] > generations[1]) ? generations[0]
                       : second == CT_OK                                                      ? generations[1]
                                                                                              : 0;
    if (first == CT_OK || second == CT_OK) {
        const int worse = first == CT_OK ? second : first; /* one that cannot be read might be the newer */
        return worse == CT_OK || worse == CT_ERR_NOT_FOUND || worse == CT_ERR_CORRUPT ? CT_OK : worse;
    }
    return first == CT_ERR_NOT_FOUND ? second : first;
}

int ct_trust_file_write(struct ct_trust_file *file, const struct ct_trust *trust)
{
    char path[PATH_SIZE];
    size_t len;
    uint8_t *bytes = malloc(CT_TRUST_BYTES_MAX);
    if (bytes == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = ct_trust_encode(trust, file->generation + 1, bytes, &len);
    if (err == CT_OK) {
        path_of(file, file->generation + 1, path);
        err = ct_file_write(path, bytes, len, 0600);
    }
    file->generation += err == CT_OK ? 1U : 0U;
    free(bytes);
    return err;
}
