/* cantwin diag trace. */
#include "diag_trace.h"

#include "diag_cmd.h"
#include "diag_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)64 << 20U)

static const char help[] =
    "usage: cantwin diag trace BUS|LOG [OPTION]...\n"
    "\n"
    "Follows the diagnostics of others on a bus, without sending anything: ISO-TP transfers are put together and\n"
    "each message is shown with its service, identifiers and refusal. The usual diagnostic ids are known (7DF,\n"
    "7E0..7EF, 18DAxxxx, 18DBxxxx, 18CExxxx, 18CDxxxx); other pairs are learnt from their first segmented message.\n"
    "\n"
    "  --pair REQUEST:RESPONSE  ids of a tester and an ECU, hex; more than 3 digits mean 29 bits. An address byte\n"
    "                           behind each id (6F1/12:612/F1) means extended addressing. May be repeated.\n"
    "  --only-pairs             nothing but these pairs\n"
    "  --pcap FILE              also write all frames of the bus into a capture for Wireshark, as they come\n"
    "  --count N                end after N messages\n"
    "  --full                   show all bytes of a message\n"
    "  --json                   one JSON object a message\n"
    "\n"
    "Marks: > request, < positive response, ! refused, x broken off.\n"
    "\n"
    "examples:\n"
    "  cantwin diag trace unix:can0.sock\n"
    "  cantwin diag trace can0 --pair 712:77C --pcap workshop.pcap\n"
    "  cantwin diag trace drive.blf --json | jq 'select(.kind==\"negative\")'\n"
    "  wireshark workshop.pcap      (Decode As: can.subdissector = iso15765, iso15765.subdissector = uds)\n"
    "\n"
    "exit codes: 0 done, 1 the bus went away or the log is damaged, 2 wrong usage, 3 no such bus or file\n";

/* --- arguments --- */

/* An id, with /BYTE behind it for extended addressing; the text after it, NULL when it is none. */
static const char *parse_id(const char *text, uint32_t *out_id, bool *out_extended, int *out_byte)
{
    char *end;
    const unsigned long id = strtoul(text, &end, 16);
    const size_t digits = (size_t)(end - text);
    *out_extended = digits > 3;
    *out_byte = -1;
    if (digits == 0 || digits > 8 || id > (*out_extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX)) {
        return NULL;
    }
    *out_id = (uint32_t)id;
    if (*end == '/') {
        const char *start = end + 1;
        const unsigned long byte = strtoul(start, &end, 16);
        if (end == start || byte > 0xFF) {
            return NULL;
        }
        *out_byte = (int)byte;
    }
    return end;
}

static int parse_pair(const char *text, struct ct_isotp_config *out_config)
{
    uint32_t tx;
    uint32_t rx;
    bool tx_extended;
    bool rx_extended;
    int tx_byte;
    int rx_byte;
    const char *rest = parse_id(text, &tx, &tx_extended, &tx_byte);
    if (rest == NULL || *rest != ':') {
        return CT_ERR_SYNTAX;
    }
    rest = parse_id(rest + 1, &rx, &rx_extended, &rx_byte);
    if (rest == NULL || *rest != '\0') {
        return CT_ERR_SYNTAX;
    }
    struct ct_isotp_config config = ct_isotp_config_usual(tx, rx);
    config.extended = tx_extended;
    config.rx_id_bits = rx_extended ? 29 : 11;
    config.tx_mode = tx_byte >= 0 ? CT_ISOTP_EXTENDED : CT_ISOTP_NORMAL;
    config.rx_mode = rx_byte >= 0 ? CT_ISOTP_EXTENDED : CT_ISOTP_NORMAL;
    config.tx_byte = (uint8_t)(tx_byte >= 0 ? tx_byte : 0);
    config.rx_byte = (uint8_t)(rx_byte >= 0 ? rx_byte : 0);
    *out_config = config;
    return CT_OK;
}

static int add_pair(struct ct_trace *t, const char *text)
{
    if (t->pair_count == CT_TRACE_PAIRS_MAX) {
        return ct_diag_fail(CT_EXIT_USAGE, "more than %u pairs", CT_TRACE_PAIRS_MAX);
    }
    if (parse_pair(text, &t->pairs[t->pair_count]) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no pair of ids, such as 712:77C", text);
    }
    t->pair_count++;
    return CT_EXIT_OK;
}

static int parse_value(struct ct_trace *t, const char *option, const char *value)
{
    if (strcmp(option, "--pair") == 0) {
        return add_pair(t, value);
    }
    if (strcmp(option, "--pcap") == 0) {
        t->pcap = value;
        return CT_EXIT_OK;
    }
    if (ct_diag_number(value, UINT32_MAX - 1, &t->left) != CT_OK || t->left == 0) {
        return ct_diag_fail(CT_EXIT_USAGE, "--count needs a number of messages from 1, not '%s'", value);
    }
    return CT_EXIT_OK;
}

static int parse_arguments(int argc, char **argv, struct ct_trace *t)
{
    int code = CT_EXIT_OK;
    for (int i = 1; i < argc && code == CT_EXIT_OK; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--json") == 0) {
            t->json = true;
        } else if (strcmp(word, "--full") == 0) {
            t->full = true;
        } else if (strcmp(word, "--only-pairs") == 0) {
            t->only_pairs = true;
        } else if (strcmp(word, "--pair") == 0 || strcmp(word, "--pcap") == 0 || strcmp(word, "--count") == 0) {
            code = i + 1 < argc ? parse_value(t, word, argv[i + 1])
                                : ct_diag_fail(CT_EXIT_USAGE, "%s needs a value; see cantwin diag trace --help", word);
            i++;
        } else if ((word[0] == '-' && word[1] != '\0') || t->name != NULL) {
            code = ct_diag_fail(CT_EXIT_USAGE, "unexpected argument '%s'; see cantwin diag trace --help", word);
        } else {
            t->name = word;
        }
    }
    if (code == CT_EXIT_OK && t->name == NULL) {
        code = ct_diag_fail(CT_EXIT_USAGE, "which bus? such as unix:can0.sock, can0 or drive.log");
    }
    return code;
}

int ct_diag_trace(int argc, char **argv)
{
    struct ct_trace *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "out of memory");
    }
    t->left = UINT32_MAX;
    ct_buf_init(&t->out, OUTPUT_MAX);
    int code = CT_EXIT_OK;
    if (ct_diag_wants_help(argc, argv)) {
        fputs(help, stdout);
    } else {
        code = parse_arguments(argc, argv, t);
        if (code == CT_EXIT_OK) {
            code = ct_trace_run(t);
        }
    }
    ct_buf_free(&t->out);
    free(t);
    return code;
}
