#include "top_twin.h"

#include "errors.h"
#include "json.h"
#include "twin_client.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 4096

int ct_top_twin_open(struct ct_top_twin *twin, const char *socket, const char *glob)
{
    *twin = (struct ct_top_twin){.glob = glob, .stream = ct_twin_connect(socket)};
    return twin->stream != NULL ? CT_EXIT_OK : CT_EXIT_ENVIRONMENT;
}

void ct_top_twin_close(struct ct_top_twin *twin)
{
    if (twin->stream != NULL) {
        fclose(twin->stream);
    }
    cJSON_Delete(twin->now);
    cJSON_Delete(twin->before);
}

static void ask(const struct ct_top_twin *twin)
{
    struct ct_buf line;
    struct ct_json json;
    ct_buf_init(&line, REQUEST_MAX);
    ct_json_init(&json, &line);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "get", "twin");
    ct_json_string(&json, "match", twin->glob);
    ct_json_object_end(&json);
    ct_buf_text(&line, "\n");
    (void)fseek(twin->stream, 0, SEEK_CUR); /* between reading and writing, ISO C 7.21.5.3 */
    fwrite(line.data, 1, line.len, twin->stream);
    fflush(twin->stream);
    ct_buf_free(&line);
}

/* Adds the row of a line; false at the end of the rows. */
static bool add_row(cJSON *rows, const char *line, int *out_code)
{
    cJSON *object = cJSON_Parse(line);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(object, "error");
    const bool end = object == NULL || cJSON_GetObjectItemCaseSensitive(object, "end") != NULL;
    if (cJSON_IsString(error)) {
        fprintf(stderr, "cantwin top: error: %s\n", error->valuestring);
        *out_code = CT_EXIT_FAILED;
    }
    if (end || cJSON_IsString(error) || cJSON_GetArraySize(rows) >= CT_TOP_TWIN_ROWS_MAX) {
        cJSON_Delete(object);
        return !end && !cJSON_IsString(error);
    }
    cJSON_AddItemToArray(rows, object);
    return true;
}

int ct_top_twin_refresh(struct ct_top_twin *twin)
{
    char *line = NULL;
    size_t size = 0;
    int code = CT_EXIT_OK;
    cJSON *rows = cJSON_CreateArray();
    ask(twin);
    do {
        if (getline(&line, &size, twin->stream) < 0) {
            fputs("cantwin top: error: the gateway ended the connection\n", stderr);
            code = CT_EXIT_FAILED;
            break;
        }
    } while (add_row(rows, line, &code));
    free(line);
    cJSON_Delete(twin->before);
    twin->before = twin->now;
    twin->now = rows;
    return code;
}

/* Rows come in the same order every time. */
static bool changed(const cJSON *entry, const cJSON *before)
{
    return before != NULL && strcmp(ct_twin_text(entry, "name"), ct_twin_text(before, "name")) == 0 &&
           !cJSON_Compare(cJSON_GetObjectItemCaseSensitive(entry, "value"),
                          cJSON_GetObjectItemCaseSensitive(before, "value"), 1);
}

static void show_row(const cJSON *entry, const cJSON *before, struct ct_screen *screen)
{
    char value[320];
    char quality[160];
    const cJSON *age_ms = cJSON_GetObjectItemCaseSensitive(entry, "age_ms");
    ct_twin_value_text(entry, value, sizeof value);
    ct_twin_quality_text(entry, quality, sizeof quality);
    ct_screen_put(screen, CT_STYLE_PLAIN, "%-52.52s ", ct_twin_text(entry, "name"));
    ct_screen_put(screen, changed(entry, before) ? CT_STYLE_CHANGED : CT_STYLE_PLAIN, "%18s ", value);
    ct_screen_put(screen, CT_STYLE_PLAIN, "%-8s ", ct_twin_text(entry, "unit"));
    if (cJSON_IsNumber(age_ms)) {
        ct_screen_put(screen, CT_STYLE_DIM, "%8.1f s  ", age_ms->valuedouble / 1000);
    } else {
        ct_screen_put(screen, CT_STYLE_DIM, "%8s    ", "-");
    }
    ct_screen_put(screen, strcmp(quality, "valid") == 0 ? CT_STYLE_PLAIN : CT_STYLE_BAD, "%s", quality);
    ct_screen_end_line(screen);
}

void ct_top_twin_show(const struct ct_top_twin *twin, struct ct_screen *screen)
{
    const cJSON *entry = NULL;
    const cJSON *before = twin->before != NULL ? twin->before->child : NULL;
    cJSON_ArrayForEach(entry, twin->now)
    {
        show_row(entry, before, screen);
        before = before != NULL ? before->next : NULL;
    }
}
