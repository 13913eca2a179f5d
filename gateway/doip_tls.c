#include "doip_tls.h"

#include <gnutls/gnutls.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* GnuTLS and what it needs take 2.4 MiB and milliseconds of every start: it is loaded where TLS is configured. */
#define FUNCTIONS(X)                    \
    X(certificate_allocate_credentials) \
    X(certificate_free_credentials)     \
    X(certificate_get_peers)            \
    X(certificate_server_set_request)   \
    X(certificate_set_x509_key_file)    \
    X(certificate_set_x509_trust_file)  \
    X(certificate_verify_peers2)        \
    X(bye)                              \
    X(credentials_set)                  \
    X(deinit)                           \
    X(error_is_fatal)                   \
    X(handshake)                        \
    X(init)                             \
    X(priority_deinit)                  \
    X(priority_init)                    \
    X(priority_set)                     \
    X(record_recv)                      \
    X(record_send)                      \
    X(strerror)                         \
    X(transport_set_int2)

struct gnutls {
    void *library;
#define MEMBER(name) __typeof__(gnutls_##name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

struct ct_tls_server {
    struct gnutls gnutls;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    bool asks; /* for the client's certificate */
};

struct ct_tls {
    const struct gnutls *gnutls; /* the server's */
    gnutls_session_t session;
    bool asks;
    bool blocked; /* the last write stopped half way */
};

static bool find(void *library, const char *name, void *out_function)
{
    void *const found = dlsym(library, name);
    memcpy(out_function, &found, sizeof found); /* POSIX has functions fit into void *, ISO C does not */
    return found != NULL;
}

static int load_gnutls(struct gnutls *gnutls, char *problem, size_t size)
{
    /* It stays in memory when it is closed: it cannot know what the process keeps of it. */
    gnutls->library = dlopen(CANTWIN_GNUTLS, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    bool complete = gnutls->library != NULL;
#define FIND(name) complete = complete && find(gnutls->library, "gnutls_" #name, &gnutls->name);
    FUNCTIONS(FIND)
#undef FIND
    if (!complete) {
        snprintf(problem, size, "doip.tls: error: GnuTLS cannot be loaded: %s", dlerror());
        return CT_ERR_NOT_FOUND;
    }
    return CT_OK;
}

static int load(struct ct_tls_server *server, const char *certificate, const char *key, const char *client_ca,
                char *problem, size_t size)
{
    const struct gnutls *gnutls = &server->gnutls;
    int result = gnutls->certificate_set_x509_key_file(server->credentials, certificate, key, GNUTLS_X509_FMT_PEM);
    if (result < 0) {
        snprintf(problem, size, "doip.tls: error: %s with %s: %s", certificate, key, gnutls->strerror(result));
        return CT_ERR_NOT_FOUND;
    }
    if (client_ca == NULL) {
        return CT_OK;
    }
    result = gnutls->certificate_set_x509_trust_file(server->credentials, client_ca, GNUTLS_X509_FMT_PEM);
    if (result <= 0) {
        snprintf(problem, size, "doip.tls: error: %s: %s", client_ca,
                 result < 0 ? gnutls->strerror(result) : "no certificate in it");
        return CT_ERR_NOT_FOUND;
    }
    server->asks = true;
    return CT_OK;
}

int ct_tls_server_open(const char *certificate, const char *key, const char *client_ca,
                       struct ct_tls_server **out_server, char *problem, size_t size)
{
    struct ct_tls_server *server = calloc(1, sizeof *server);
    int err = server != NULL ? load_gnutls(&server->gnutls, problem, size) : CT_ERR_NO_MEMORY;
    if (err == CT_OK && (server->gnutls.certificate_allocate_credentials(&server->credentials) < 0 ||
                         server->gnutls.priority_init(&server->priorities, PRIORITIES, NULL) < 0)) {
        err = CT_ERR_NO_MEMORY;
    }
    if (err == CT_ERR_NO_MEMORY) {
        snprintf(problem, size, "doip.tls: error: %s", ct_err_text(err));
    }
    err = err == CT_OK ? load(server, certificate, key, client_ca, problem, size) : err;
    if (err != CT_OK) {
        ct_tls_server_close(server);
        return err;
    }
    *out_server = server;
    return CT_OK;
}

void ct_tls_server_close(struct ct_tls_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->credentials != NULL) {
        server->gnutls.certificate_free_credentials(server->credentials);
    }
    if (server->priorities != NULL) {
        server->gnutls.priority_deinit(server->priorities);
    }
    if (server->gnutls.library != NULL) {
        dlclose(server->gnutls.library);
    }
    free(server);
}

int ct_tls_accept(struct ct_tls_server *server, int fd, struct ct_tls **out_tls)
{
    struct ct_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL || server->gnutls.init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
        free(tls);
        return CT_ERR_NO_MEMORY;
    }
    tls->gnutls = &server->gnutls;
    tls->asks = server->asks;
    server->gnutls.transport_set_int2(tls->session, fd, fd);
    if (server->gnutls.priority_set(tls->session, server->priorities) < 0 ||
        server->gnutls.credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, server->credentials) < 0) {
        ct_tls_close(tls);
        return CT_ERR_NO_MEMORY;
    }
    server->gnutls.certificate_server_set_request(tls->session,
                                                  server->asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
    *out_tls = tls;
    return CT_OK;
}

void ct_tls_close(struct ct_tls *tls)
{
    if (tls != NULL) {
        tls->gnutls->bye(tls->session, GNUTLS_SHUT_WR); /* non-blocking: what does not fit is not sent */
        tls->gnutls->deinit(tls->session);
        free(tls);
    }
}

/* Without a certificate it is a tester like any other; with a bad one it is none. */
static int check_client(struct ct_tls *tls, bool *out_authenticated)
{
    unsigned status = 0;
    unsigned count = 0;
    *out_authenticated = false;
    if (!tls->asks || tls->gnutls->certificate_get_peers(tls->session, &count) == NULL || count == 0) {
        return CT_OK;
    }
    if (tls->gnutls->certificate_verify_peers2(tls->session, &status) < 0 || status != 0) {
        return CT_ERR_PERMISSION;
    }
    *out_authenticated = true;
    return CT_OK;
}

static bool goes_on(long result)
{
    return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

int ct_tls_handshake(struct ct_tls *tls, bool *out_authenticated)
{
    int result = tls->gnutls->handshake(tls->session);
    while (result < 0 && !goes_on(result) && tls->gnutls->error_is_fatal(result) == 0) {
        result = tls->gnutls->handshake(tls->session); /* a warning alert */
    }
    if (result < 0) {
        return goes_on(result) ? CT_ERR_AGAIN : CT_ERR_CORRUPT;
    }
    return check_client(tls, out_authenticated);
}

int ct_tls_read(struct ct_tls *tls, uint8_t *out, size_t size, size_t *out_len)
{
    const ssize_t n = tls->gnutls->record_recv(tls->session, out, size);
    if (n <= 0) {
        return n < 0 && goes_on(n) ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}

int ct_tls_write(struct ct_tls *tls, const uint8_t *data, size_t len, size_t *out_len)
{
    const ssize_t n = tls->blocked ? tls->gnutls->record_send(tls->session, NULL, 0)
                                   : tls->gnutls->record_send(tls->session, data, len);
    tls->blocked = n < 0 && goes_on(n);
    if (n < 0) {
        return tls->blocked ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}
