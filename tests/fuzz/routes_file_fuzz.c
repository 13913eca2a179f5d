/* A routes file: whatever it says, the rules that come of it forward only what one of them names. The first byte
 * chooses the frame that is offered to them. */
#include "routes_file.h"

#include <stdlib.h>
#include <string.h>

static const char database[] = "BO_ 291 SPEED: 8 X\n SG_ KMH : 16|16@1+ (0.01,0) [0|0] \"\" X\n"
                               " SG_ MODE M : 32|8@1+ (1,0) [0|0] \"\" X\n SG_ T m1 : 40|8@1- (1,0) [0|0] \"\" X\n";
static struct ct_dbc *dbc;
static struct ct_codec *codec;

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static const struct ct_codec_message *by_name(void *user, const char *bus, const char *name)
{
    (void)user;
    return strcmp(bus, "a") == 0 ? ct_codec_by_name(codec, name) : NULL;
}

static const struct ct_codec_message *by_id(void *user, const char *bus, uint32_t id, bool extended)
{
    (void)user;
    return strcmp(bus, "a") == 0 ? ct_codec_find(codec, id, extended) : NULL;
}

static const struct ct_protect_rule *protection(void *user, const char *bus, const struct ct_codec_message *message)
{
    (void)user;
    (void)bus;
    (void)message;
    return NULL;
}

struct offer {
    const struct ct_routes *routes;
    const struct ct_frame *frame;
};

static enum ct_route_result take(void *user, const struct ct_frame *frame, ct_ns now)
{
    const struct offer *offer = user;
    bool named = false;
    (void)now;
    for (size_t i = 0; i < ct_routes_count(offer->routes); i++) {
        const struct ct_route_rule *rule = ct_routes_rule(offer->routes, i);
        named = named || (rule->from == offer->frame->bus && rule->to == frame->bus && !rule->extended &&
                          (rule->id & rule->mask) == (frame->id & rule->mask));
    }
    if (!named || frame->id != offer->frame->id || frame->len != offer->frame->len) {
        abort();
    }
    return CT_ROUTE_FORWARDED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* called by libFuzzer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ct_message_lookup lookup = {NULL, by_name, by_id, protection};
    static const struct ct_routes_world world = {
        .names = {"a", "b"}, .ports = {"x", "y"}, .fd = {false, true}, .count = 2, .lookup = &lookup};
    char problem[300];
    struct ct_routes *routes = NULL;
    if (codec == NULL && (ct_dbc_parse("f", database, strlen(database), ignore, NULL, &dbc) != CT_OK ||
                          ct_codec_compile(dbc, &codec) != CT_OK)) {
        abort();
    }
    if (size < 1 ||
        ct_routes_load_text("f", (const char *)data + 1, size - 1, &world, &routes, problem, sizeof problem) != CT_OK) {
        return 0;
    }
    const struct ct_frame frame = {
        .bus = data[0] & 1, .id = 286U + (data[0] >> 1) % 8U, .len = 8, .data = {1, 2, 3, 4}};
    struct offer offer = {routes, &frame};
    ct_routes_frame(routes, &frame, 0, take, &offer);
    ct_routes_free(routes);
    return 0;
}
