#include "doip_tls.h"

#include <gnutls/gnutls.h>

#include <stdio.h>
#include <stdlib.h>

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct ct_tls_server {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    bool asks; /* for the client's certificate */
};

struct ct_tls {
    gnutls_session_t session;
    bool asks;
    bool blocked; /* the last write stopped half way */
};

static int load(struct ct_tls_server *server, const char *certificate, const char *key, const char *client_ca,
                char *problem, size_t size)
{
    int result = gnutls_certificate_set_x509_key_file(server->credentials, certificate, key, GNUTLS_X509_FMT_PEM);
    if (result < 0) {
        snprintf(problem, size, "doip.tls: error: %s with %s: %s", certificate, key, gnutls_strerror(result));
        return CT_ERR_NOT_FOUND;
    }
    if (client_ca == NULL) {
        return CT_OK;
    }
    result = gnutls_certificate_set_x509_trust_file(server->credentials, client_ca, GNUTLS_X509_FMT_PEM);
    if (result <= 0) {
        snprintf(problem, size, "doip.tls: error: %s: %s", client_ca,
                 result < 0 ? gnutls_strerror(result) : "no certificate in it");
        return CT_ERR_NOT_FOUND;
    }
    server->asks = true;
    return CT_OK;
}

int ct_tls_server_open(const char *certificate, const char *key, const char *client_ca,
                       struct ct_tls_server **out_server, char *problem, size_t size)
{
    struct ct_tls_server *server = calloc(1, sizeof *server);
    if (server == NULL || gnutls_certificate_allocate_credentials(&server->credentials) < 0 ||
        gnutls_priority_init(&server->priorities, PRIORITIES, NULL) < 0) {
        snprintf(problem, size, "doip.tls: error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        ct_tls_server_close(server);
        return CT_ERR_NO_MEMORY;
    }
    const int err = load(server, certificate, key, client_ca, problem, size);
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
        gnutls_certificate_free_credentials(server->credentials);
    }
    if (server->priorities != NULL) {
        gnutls_priority_deinit(server->priorities);
    }
    free(server);
}

int ct_tls_accept(struct ct_tls_server *server, int fd, struct ct_tls **out_tls)
{
    struct ct_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL || gnutls_init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
        free(tls);
        return CT_ERR_NO_MEMORY;
    }
    tls->asks = server->asks;
    gnutls_transport_set_int(tls->session, fd);
    if (gnutls_priority_set(tls->session, server->priorities) < 0 ||
        gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, server->credentials) < 0) {
        ct_tls_close(tls);
        return CT_ERR_NO_MEMORY;
    }
    gnutls_certificate_server_set_request(tls->session, server->asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
    *out_tls = tls;
    return CT_OK;
}

void ct_tls_close(struct ct_tls *tls)
{
    if (tls != NULL) {
        gnutls_bye(tls->session, GNUTLS_SHUT_WR); /* non-blocking: what does not fit is not sent */
        gnutls_deinit(tls->session);
        free(tls);
    }
}

/* Without a certificate it is a tester like any other; with a bad one it is none. */
static int check_client(struct ct_tls *tls, bool *out_authenticated)
{
    unsigned status = 0;
    unsigned count = 0;
    *out_authenticated = false;
    if (!tls->asks || gnutls_certificate_get_peers(tls->session, &count) == NULL || count == 0) {
        return CT_OK;
    }
    if (gnutls_certificate_verify_peers2(tls->session, &status) < 0 || status != 0) {
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
    int result = gnutls_handshake(tls->session);
    while (result < 0 && !goes_on(result) && gnutls_error_is_fatal(result) == 0) {
        result = gnutls_handshake(tls->session); /* a warning alert */
    }
    if (result < 0) {
        return goes_on(result) ? CT_ERR_AGAIN : CT_ERR_CORRUPT;
    }
    return check_client(tls, out_authenticated);
}

int ct_tls_read(struct ct_tls *tls, uint8_t *out, size_t size, size_t *out_len)
{
    const ssize_t n = gnutls_record_recv(tls->session, out, size);
    if (n <= 0) {
        return n < 0 && goes_on(n) ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}

int ct_tls_write(struct ct_tls *tls, const uint8_t *data, size_t len, size_t *out_len)
{
    const ssize_t n =
        tls->blocked ? gnutls_record_send(tls->session, NULL, 0) : gnutls_record_send(tls->session, data, len);
    tls->blocked = n < 0 && goes_on(n);
    if (n < 0) {
        return tls->blocked ? CT_ERR_AGAIN : CT_ERR_END;
    }
    *out_len = (size_t)n;
    return CT_OK;
}
