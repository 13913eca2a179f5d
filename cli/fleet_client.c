#include "fleet_client.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000L
#define URL_MAX    1024

struct ct_fleet_client {
    CURL *curl;
    struct curl_slist *headers;
    char url[URL_MAX];
};

static size_t keep(char *data, size_t size, size_t count, void *user)
{
    struct ct_buf *answer = user;
    ct_buf_append(answer, data, size * count);
    return ct_buf_error(answer) == CT_OK ? size * count : 0;
}

static bool set_up(struct ct_fleet_client *client, const char *token)
{
    char authorization[1024];
    client->curl = curl_easy_init();
    client->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (token != NULL && client->headers != NULL) {
        const int n = snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", token);
        if (n < 0 || (size_t)n >= sizeof authorization || curl_slist_append(client->headers, authorization) == NULL) {
            return false;
        }
    }
    CURL *curl = client->curl;
    return curl != NULL && client->headers != NULL &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "cantwin/" CANTWIN_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK;
}

struct ct_fleet_client *ct_fleet_client_open(const char *url, const char *token)
{
    struct ct_fleet_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    const int n = snprintf(client->url, sizeof client->url, "%s", url);
    if (n < 0 || (size_t)n >= sizeof client->url || !set_up(client, token)) {
        ct_fleet_client_close(client);
        return NULL;
    }
    return client;
}

void ct_fleet_client_close(struct ct_fleet_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        curl_slist_free_all(client->headers);
        free(client);
    }
}

int ct_fleet_client_call(struct ct_fleet_client *client, const char *method, const char *path, const char *body,
                         struct ct_buf *out_answer)
{
    char url[URL_MAX + 256];
    long status = 0;
    CURL *curl = client->curl;
    ct_buf_clear(out_answer);
    (void)snprintf(url, sizeof url, "%s/api/v1/%s", client->url, path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, out_answer);
    if (body == NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    } else {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        ct_buf_clear(out_answer);
        ct_buf_text(out_answer, curl_easy_strerror(code));
        return 0;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}
