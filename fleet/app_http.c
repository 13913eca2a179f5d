#include "app_private.h"

#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#define TOKENS_FILE_MAX (256U * 1024U)
#define PEM_FILE_MAX    (256U * 1024U)

/* The file's text, NULL when none is named; the caller frees it. */
static int read_text(const char *path, size_t limit, char **out_text, size_t *out_len, char *problem,
                     size_t problem_size)
{
    uint8_t *data = NULL;
    *out_text = NULL;
    if (path == NULL) {
        return CT_OK;
    }
    const int err = ct_file_read(path, limit, &data, out_len);
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: cannot be read: %s", path, ct_err_text(err));
        return err;
    }
    *out_text = (char *)data;
    return CT_OK;
}

static int read_tokens(const struct ct_fleet_app *app, struct ct_tokens **out_tokens, char *problem,
                       size_t problem_size)
{
    char *text = NULL;
    size_t len = 0;
    const char *path = app->settings.http.tokens;
    *out_tokens = NULL;
    int err = read_text(path, TOKENS_FILE_MAX, &text, &len, problem, problem_size);
    if (err == CT_OK && text != NULL) {
        err = ct_tokens_parse(path, text, len, out_tokens, problem, problem_size);
    }
    free(text);
    return err;
}

int ct_fleet_app_open_http(struct ct_fleet_app *app, char *problem, size_t problem_size)
{
    const struct ct_fleet_http_settings *settings = &app->settings.http;
    struct ct_http_config config = {
        .address = settings->address, .port = settings->port, .allow_origin = settings->allow_origin};
    size_t len = 0;
    if ((settings->tls_certificate == NULL) != (settings->tls_key == NULL)) {
        (void)snprintf(problem, problem_size, "http: error: tls_certificate and tls_key go together");
        return CT_ERR_ARGUMENT;
    }
    int err = read_text(settings->tls_certificate, PEM_FILE_MAX, &app->tls_certificate, &len, problem, problem_size);
    err = err == CT_OK ? read_text(settings->tls_key, PEM_FILE_MAX, &app->tls_key, &len, problem, problem_size) : err;
    err = err == CT_OK ? read_tokens(app, &config.tokens, problem, problem_size) : err;
    if (err != CT_OK) {
        return err;
    }
    struct ct_http_ops ops = ct_http_thread_ops;
    ops.user = app;
    config.tls_certificate = app->tls_certificate;
    config.tls_key = app->tls_key;
    return ct_http_open(&config, &ops, &app->http, problem, problem_size);
}

int ct_fleet_app_reload_tokens(struct ct_fleet_app *app, char *problem, size_t problem_size)
{
    struct ct_tokens *tokens = NULL;
    const int err = read_tokens(app, &tokens, problem, problem_size);
    if (err == CT_OK && tokens != NULL) {
        ct_http_use_tokens(app->http, tokens);
        ct_fleet_wake(app->wake_http);
    }
    return err;
}
