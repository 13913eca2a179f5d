#include "uds_data.h"

#include "bytes.h"

/* Where the identifier of a service stands. */
struct layout {
    uint8_t service;
    uint8_t offset;
    uint8_t size;
    bool list; /* goes on to the end of the request */
};

static const struct layout layouts[] = {
    {0x10, 1, 1, false}, /* DiagnosticSessionControl: sub-function */
    {0x11, 1, 1, false}, /* ECUReset */
    {0x19, 1, 1, false}, /* ReadDTCInformation */
    {0x22, 1, 2, true},  /* ReadDataByIdentifier: DIDs */
    {0x24, 1, 2, false}, /* ReadScalingDataByIdentifier */
    {0x27, 1, 1, false}, /* SecurityAccess */
    {0x28, 1, 1, false}, /* CommunicationControl */
    {0x2E, 1, 2, false}, /* WriteDataByIdentifier */
    {0x2F, 1, 2, false}, /* InputOutputControlByIdentifier */
    {0x31, 2, 2, false}, /* RoutineControl: routine id behind the sub-function */
    {0x3E, 1, 1, false}, /* TesterPresent */
    {0x85, 1, 1, false}, /* ControlDTCSetting */
};

static const struct layout *layout_of(uint8_t service)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].service == service) {
            return &layouts[i];
        }
    }
    return NULL;
}

/* Bit 7 of a sub-function only asks for silence. */
static uint32_t identifier(const struct layout *layout, const uint8_t *at)
{
    return layout->size == 1 ? at[0] & 0x7FU : ct_be16(at);
}

bool ct_uds_data_complete(const uint8_t *request, size_t len)
{
    const struct layout *layout = len == 0 ? NULL : layout_of(request[0]);
    if (layout == NULL) {
        return len > 0;
    }
    const size_t head = (size_t)layout->offset + layout->size;
    return len >= head && (!layout->list || (len - head) % layout->size == 0);
}

bool ct_uds_data_inside(const uint8_t *request, size_t len, uint32_t first, uint32_t last)
{
    const struct layout *layout = layout_of(request[0]);
    if (layout == NULL) {
        return first == 0 && last >= 0xFFFF;
    }
    size_t at = layout->offset;
    do {
        const uint32_t id = identifier(layout, request + at);
        if (id < first || id > last) {
            return false;
        }
        at += layout->size;
    } while (layout->list && at < len);
    return true;
}
