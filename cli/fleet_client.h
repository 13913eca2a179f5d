/* The fleet's REST API as commands reach it. Adapter (network). One thread. */
#ifndef CT_CLI_FLEET_CLIENT_H
#define CT_CLI_FLEET_CLIENT_H

#include "buf.h"

#define CT_FLEET_URL        "http://127.0.0.1:17680"
#define CT_FLEET_ANSWER_MAX (64U * 1024U * 1024U)

struct ct_fleet_client;

/* `url`: scheme and host, without the API's path; `token` may be NULL. NULL: no memory, or no http(s) URL. */
struct ct_fleet_client *ct_fleet_client_open(const char *url, const char *token);
void ct_fleet_client_close(struct ct_fleet_client *client); /* accepts NULL */

/* One call; `body` NULL: none. *out_answer (initialised by the caller) gets the answer's body, the HTTP status is
 * returned; 0: no answer, and the reason is the body. */
int ct_fleet_client_call(struct ct_fleet_client *client, const char *method, const char *path, const char *body,
                         struct ct_buf *out_answer);

#endif
