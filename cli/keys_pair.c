#include "keys_pair.h"

#include "bytes.h"
#include "commands.h"
#include "envelope.h"
#include "files.h"
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int ct_keys_complain(const char *path, const char *what, int exit_code)
{
    fprintf(stderr, "cantwin: %s: error: %s\n", path, what);
    return exit_code;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

void ct_keys_path(char path[CT_KEYS_PATH_SIZE], const char *dir, const char *name, const char *suffix)
{
    const int len = snprintf(path, CT_KEYS_PATH_SIZE, "%s/%s%s", dir, name, suffix);
    if (len < 0 || len >= CT_KEYS_PATH_SIZE) {
        path[0] = 0;
    }
}

static int make_texts(enum ct_key_pair pair, char public_text[256], char secret_text[256])
{
    if (pair == CT_PAIR_CURVE) {
        return ct_zmq_keypair(public_text, secret_text);
    }
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE];
    uint8_t secret_key[CT_SIGN_SECRET_SIZE];
    const int err = ct_sign_keypair(public_key, secret_key);
    if (err == CT_OK) {
        ct_hex_encode(public_text, public_key, sizeof public_key);
        ct_hex_encode(secret_text, secret_key, sizeof secret_key);
    }
    return err;
}

static int write_line(const char *path, char text[257], unsigned mode)
{
    const size_t len = strlen(text);
    text[len] = '\n';
    const int err = ct_file_write(path, text, len + 1, mode);
    if (err != CT_OK) {
        return ct_keys_complain(path, ct_err_text(err), CT_EXIT_ENVIRONMENT);
    }
    printf("made %s\n", path);
    return CT_EXIT_OK;
}

int ct_keys_pair(const char *dir, const char *name, enum ct_key_pair pair)
{
    char public_path[CT_KEYS_PATH_SIZE];
    char secret_path[CT_KEYS_PATH_SIZE];
    ct_keys_path(public_path, dir, name, ".pub");
    ct_keys_path(secret_path, dir, name, ".key");
    const bool has_public = exists(public_path);
    const bool has_secret = exists(secret_path);
    if (has_public && has_secret) {
        printf("kept %s\n", secret_path);
        return CT_EXIT_OK;
    }
    if (has_public || has_secret) {
        return ct_keys_complain(has_public ? public_path : secret_path,
                                "its other half is missing; restore it or remove this", CT_EXIT_FAILED);
    }
    char public_text[257] = {0};
    char secret_text[257] = {0};
    const int err = make_texts(pair, public_text, secret_text);
    if (err != CT_OK) {
        return ct_keys_complain(secret_path, "cannot make a key pair", CT_EXIT_ENVIRONMENT);
    }
    const int code = write_line(secret_path, secret_text, 0600);
    return code != CT_EXIT_OK ? code : write_line(public_path, public_text, 0644);
}

int ct_keys_lock(const char *dir)
{
    char path[CT_KEYS_PATH_SIZE];
    ct_keys_path(path, dir, ".lock", "");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            const int err = ct_err_from_errno(errno);
            (void)close(fd);
            return err;
        }
    }
    return fd;
}

void ct_keys_unlock(int lock)
{
    if (lock >= 0) {
        (void)close(lock);
    }
}
