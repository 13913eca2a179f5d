#include "diag_key.h"

#include "bytes.h"
#include "diag_cmd.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED_TEXT_MAX 1024

/* What a shared object for --key-library has: fills key, returns its length, or a negative number. */
typedef int key_function(unsigned level, const unsigned char *seed, size_t seed_len, unsigned char *key,
                         size_t key_size);

static int prove_fixed(void *user, uint8_t level, struct ct_uds_bytes seed, uint8_t *out, size_t size, size_t *out_len)
{
    (void)level;
    (void)seed;
    const struct ct_diag_options *options = user;
    return ct_diag_hex(options->key, out, size, out_len);
}

static int prove_library(void *user, uint8_t level, struct ct_uds_bytes seed, uint8_t *out, size_t size,
                         size_t *out_len)
{
    const struct ct_diag_options *options = user;
    void *library = dlopen(options->key_library, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        (void)ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s", dlerror());
        return CT_ERR_NOT_FOUND;
    }
    key_function *make_key;
    void *symbol = dlsym(library, "ct_key");
    memcpy(&make_key, &symbol, sizeof make_key); /* POSIX: a function's address fits a void * */
    int len = -1;
    if (make_key == NULL) {
        (void)ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s: has no function ct_key", options->key_library);
    } else {
        len = make_key(level, seed.data, seed.len, out, size);
    }
    (void)dlclose(library);
    if (len < 0 || (size_t)len > size) {
        return CT_ERR_UNSUPPORTED;
    }
    *out_len = (size_t)len;
    return CT_OK;
}

static _Noreturn void become_program(const char *program, const int pipe_ends[2], unsigned level, const char *seed)
{
    char level_text[8];
    (void)snprintf(level_text, sizeof level_text, "%u", level);
    (void)dup2(pipe_ends[1], STDOUT_FILENO);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
    execlp(program, program, level_text, seed, (char *)NULL);
    _exit(127);
}

static size_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len + 1 < size && (n = read(fd, out + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == '\r' || out[len - 1] == ' ')) {
        len--;
    }
    out[len] = '\0';
    return len;
}

static int prove_program(void *user, uint8_t level, struct ct_uds_bytes seed, uint8_t *out, size_t size,
                         size_t *out_len)
{
    const struct ct_diag_options *options = user;
    char seed_text[SEED_TEXT_MAX], key_text[2 * CT_UDS_PROOF_MAX + 8];
    int ends[2];
    if (2 * seed.len + 1 > sizeof seed_text || pipe(ends) != 0) {
        return CT_ERR_TOO_LARGE;
    }
    ct_hex_encode(seed_text, seed.data, seed.len);
    const pid_t child = fork();
    if (child == 0) {
        become_program(options->key_program, ends, level, seed_text);
    }
    (void)close(ends[1]);
    const size_t key_len = child > 0 ? read_all(ends[0], key_text, sizeof key_text) : 0;
    (void)close(ends[0]);
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || key_len == 0) {
        (void)ct_diag_fail(CT_EXIT_ENVIRONMENT, "%s gave no key", options->key_program);
        return CT_ERR_NOT_FOUND;
    }
    return ct_diag_hex(key_text, out, size, out_len);
}

int ct_diag_prover(const struct ct_diag_options *options, struct ct_uds_prover *out_prover)
{
    *out_prover = (struct ct_uds_prover){.user = (void *)(uintptr_t)options}; /* only read through it */
    if (options->key != NULL) {
        out_prover->prove = prove_fixed;
    } else if (options->key_program != NULL) {
        out_prover->prove = prove_program;
    } else if (options->key_library != NULL) {
        out_prover->prove = prove_library;
    }
    return out_prover->prove != NULL ? CT_OK : CT_ERR_NOT_FOUND;
}

static _Noreturn void become_judge(const char *program, char text[4][2 * CT_UDS_MESSAGE_MAX + 1])
{
    execlp(program, program, text[0], text[1], text[2], text[3], (char *)NULL);
    _exit(127);
}

static bool judge_by_program(void *user, const struct ct_uds_ecu_proof *proof)
{
    const struct ct_diag_options *options = user;
    const struct ct_uds_bytes parts[] = {proof->challenge, proof->ecu_challenge, proof->certificate, proof->proof};
    char text[4][2 * CT_UDS_MESSAGE_MAX + 1];
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].len > CT_UDS_MESSAGE_MAX) {
            return false;
        }
        (void)snprintf(text[i], sizeof text[i], "-");
        if (parts[i].len > 0) {
            ct_hex_encode(text[i], parts[i].data, parts[i].len);
        }
    }
    const pid_t child = fork();
    if (child == 0) {
        become_judge(options->verify_program, text);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

struct ct_uds_verifier ct_diag_verifier(const struct ct_diag_options *options)
{
    return (struct ct_uds_verifier){.verify = options->verify_program != NULL ? judge_by_program : NULL,
                                    .user = (void *)(uintptr_t)options}; /* only read through it */
}
