#include "twin_client.h"

#include "errors.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

FILE *ct_twin_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "cantwin: error: %s: a socket path has at most %zu characters\n", path,
                sizeof address.sun_path - 1);
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fprintf(stderr, "cantwin: error: %s: no gateway answers there (%s); give its status_socket by --socket\n", path,
                ct_err_text(ct_err_from_errno(errno)));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    FILE *stream = fdopen(fd, "r+");
    if (stream == NULL) {
        close(fd);
    }
    return stream;
}

const char *ct_twin_text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

void ct_twin_value_text(const cJSON *entry, char *out, size_t size)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(entry, "value");
    const char *text = ct_twin_text(entry, "text");
    if (cJSON_IsBool(value)) {
        snprintf(out, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
    } else if (cJSON_IsNumber(value)) {
        snprintf(out, size, "%.10g", value->valuedouble);
    } else {
        snprintf(out, size, "%s", cJSON_IsString(value) ? value->valuestring : "-");
    }
    if (text[0] != '\0') {
        const size_t len = strlen(out);
        snprintf(out + len, size - len, " %s", text);
    }
}

void ct_twin_quality_text(const cJSON *entry, char *out, size_t size)
{
    const cJSON *flag = NULL;
    out[0] = '\0';
    cJSON_ArrayForEach(flag, cJSON_GetObjectItemCaseSensitive(entry, "quality"))
    {
        const size_t len = strlen(out);
        snprintf(out + len, size - len, "%s%s", len > 0 ? "," : "", flag->valuestring);
    }
}
