/* One TLS connection of the DoIP gateway (GnuTLS, TLS 1.2 and 1.3, server side), non-blocking. Adapter target
 * gateway_app. Belongs to the bus thread. */
#ifndef CT_GATEWAY_DOIP_TLS_H
#define CT_GATEWAY_DOIP_TLS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_tls_server;
struct ct_tls;

/* `client_ca` may be NULL: then nobody is asked for a certificate. `problem` gets one line. */
int ct_tls_server_open(const char *certificate, const char *key, const char *client_ca,
                       struct ct_tls_server **out_server, char *problem, size_t size) CT_MUST_CHECK;
void ct_tls_server_close(struct ct_tls_server *server); /* accepts NULL */

int ct_tls_accept(struct ct_tls_server *server, int fd, struct ct_tls **out_tls) CT_MUST_CHECK;
void ct_tls_close(struct ct_tls *tls); /* not the descriptor; accepts NULL */
/* CT_OK: done, *out_authenticated says whether a certificate of client_ca was shown. CT_ERR_AGAIN: go on when the
 * descriptor is ready. Anything else: close. */
int ct_tls_handshake(struct ct_tls *tls, bool *out_authenticated) CT_MUST_CHECK;
/* *out_len bytes were read; CT_ERR_AGAIN, CT_ERR_END. Call until AGAIN. */
int ct_tls_read(struct ct_tls *tls, uint8_t *out, size_t size, size_t *out_len) CT_MUST_CHECK;
/* *out_len of them were written; after AGAIN the same bytes must come first again. */
int ct_tls_write(struct ct_tls *tls, const uint8_t *data, size_t len, size_t *out_len) CT_MUST_CHECK;

#endif
