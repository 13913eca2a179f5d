/* cantwin top: a live view of a bus or of the twin on board. */
#include "bus_cmd.h"
#include "clock.h"
#include "commands.h"
#include "dbc_files.h"
#include "protection.h"
#include "top_bus.h"
#include "top_twin.h"
#include "twin_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define DATABASES_MAX 8U
#define REFRESH_NS    (CT_NS_PER_S / 5)
#define PAGE          10U
#define PAGE_MAX      ((size_t)4 << 20U)

static const char help[] =
    "usage: cantwin top BUS [--dbc FILE]... [--protection FILE] [--once [--seconds N]]\n"
    "       cantwin top --twin [GLOB] [--socket PATH] [--once]\n"
    "\n"
    "Of a bus: every id with its count, rate and newest data; bytes that changed within a second stand out, with "
    "--dbc\n"
    "the signals' values follow, and an id that stopped is marked silent. Of the twin: name, value, unit, age and\n"
    "quality of every entry that fits GLOB, over the gateway's status socket.\n"
    "\n"
    "  --dbc FILE     decode by it; may be repeated, the first that knows an id counts\n"
    "  --protection FILE\n"
    "                 rules for counters and checksums; rules in a DBC file count without it. Messages that have one\n"
    "                 show `checked`, or how many frames were refused, and the values of a refused one its fault\n"
    "  --once         print one page as plain text and end (also when the output is no terminal)\n"
    "  --seconds N    of a bus, look for so long before that (default 2)\n"
    "\n"
    "keys: q quit, b show bits, space pause, arrows or j k page up page down scroll\n"
    "\n"
    "examples:\n"
    "  cantwin top unix:can0.sock --dbc powertrain.dbc\n"
    "  cantwin top unix:can0.sock --dbc powertrain.dbc --protection protection.yaml\n"
    "  cantwin top can0\n"
    "  cantwin top --twin 'Vehicle.*' --socket gateway.sock\n"
    "\n"
    "exit codes: 0 done, 1 the bus or the gateway went away, 2 wrong usage, 3 no such bus, gateway or file\n";

struct top {
    const char *name; /* bus, or the glob of the twin */
    const char *socket;
    bool twin, once;
    double seconds;
    struct ct_cli_dbc files[DATABASES_MAX];
    const struct ct_codec *codecs[DATABASES_MAX];
    size_t file_count;
    const char *protection_file; /* NULL: none */
    struct ct_cli_protection *protection;
    struct ct_port *port;
    struct ct_top_bus bus;
    struct ct_top_twin twin_rows;
    struct ct_screen screen;
    struct ct_buf page;
    bool bits, paused, quit;
    ct_ns next_refresh, end;
};

static int fail(int code, const char *text, const char *what)
{
    fprintf(stderr, "cantwin top: error: %s%s\n", text, what);
    return code;
}

/* --- arguments --- */

static int parse_value(struct top *t, const char *option, const char *value)
{
    if (strcmp(option, "--socket") == 0) {
        t->socket = value;
        return CT_EXIT_OK;
    }
    if (strcmp(option, "--protection") == 0) {
        t->protection_file = value;
        return CT_EXIT_OK;
    }
    if (strcmp(option, "--seconds") == 0) {
        return ct_bus_number(value, 0, &t->seconds) == CT_OK
                   ? CT_EXIT_OK
                   : fail(CT_EXIT_USAGE, "--seconds needs a number, not ", value);
    }
    if (t->file_count == DATABASES_MAX) {
        return fail(CT_EXIT_USAGE, "too many databases: ", value);
    }
    const int code = ct_cli_dbc_open(value, &t->files[t->file_count]);
    t->codecs[t->file_count] = t->files[t->file_count].codec;
    t->file_count += code == CT_EXIT_OK;
    return code;
}

static bool takes_value(const char *word)
{
    return strcmp(word, "--dbc") == 0 || strcmp(word, "--protection") == 0 || strcmp(word, "--socket") == 0 ||
           strcmp(word, "--seconds") == 0;
}

static int parse_word(struct top *t, const char *word)
{
    if (strcmp(word, "--twin") == 0) {
        t->twin = true;
    } else if (strcmp(word, "--once") == 0) {
        t->once = true;
    } else if (word[0] == '-' || t->name != NULL) {
        return fail(CT_EXIT_USAGE, "unexpected argument, see cantwin top --help: ", word);
    } else {
        t->name = word;
    }
    return CT_EXIT_OK;
}

static int parse_arguments(int argc, char **argv, struct top *t)
{
    int code = CT_EXIT_OK;
    for (int i = 1; i < argc && code == CT_EXIT_OK; i++) {
        if (!takes_value(argv[i])) {
            code = parse_word(t, argv[i]);
        } else if (i + 1 < argc) {
            code = parse_value(t, argv[i], argv[i + 1]);
            i++;
        } else {
            code = fail(CT_EXIT_USAGE, "a value is missing behind ", argv[i]);
        }
    }
    if (code == CT_EXIT_OK && t->name == NULL && !t->twin) {
        code = fail(CT_EXIT_USAGE, "which bus? such as unix:can0.sock or can0; or --twin", "");
    }
    return code;
}

/* --- the page --- */

static struct ct_top_shown shown_of(const struct top *t)
{
    return (struct ct_top_shown){.bits = t->bits, .codecs = t->codecs, .codec_count = t->file_count};
}

static void show_page(struct top *t, ct_ns now)
{
    struct winsize size = {0};
    const bool live = !t->once;
    if (live && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) {
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    }
    ct_buf_clear(&t->page);
    ct_screen_begin(&t->screen, &t->page, live ? size.ws_col : 0, live ? size.ws_row : 0, live);
    if (t->twin) {
        ct_screen_head(&t->screen, "%-52s %18s %-8s %8s    %s", "name", "value", "unit", "age", "quality");
        ct_top_twin_show(&t->twin_rows, &t->screen);
    } else {
        const struct ct_top_shown shown = shown_of(t);
        ct_screen_head(&t->screen, "%8s %8s %9s %-3s %s", "id", "count", "rate", "len", "data");
        ct_top_bus_show(&t->bus, &shown, now, &t->screen);
    }
    ct_screen_finish(&t->screen);
    fwrite(t->page.data, 1, t->page.len, stdout);
    fflush(stdout);
}

/* --- keys --- */

static void scroll(struct top *t, bool down, unsigned lines)
{
    const unsigned last = t->screen.line > 0 ? t->screen.line - 1 : 0;
    unsigned skip = t->screen.skip;
    if (down) {
        skip = skip + lines < last ? skip + lines : last;
    } else {
        skip = skip > lines ? skip - lines : 0;
    }
    t->screen.skip = skip;
}

static const struct {
    const char *keys;
    bool down;
    unsigned lines;
} moves[] = {{"\x1b[A", false, 1}, {"k", false, 1},          {"\x1b[B", true, 1},
             {"j", true, 1},       {"\x1b[5~", false, PAGE}, {"\x1b[6~", true, PAGE}};

/* Takes the first key and returns its length. */
static size_t take_key(struct top *t, const char *keys)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const size_t len = strlen(moves[i].keys);
        if (strncmp(keys, moves[i].keys, len) == 0) {
            scroll(t, moves[i].down, moves[i].lines);
            return len;
        }
    }
    t->quit = t->quit || keys[0] == 'q' || keys[0] == 'Q';
    t->bits = keys[0] == 'b' ? !t->bits : t->bits;
    t->paused = keys[0] == ' ' ? !t->paused : t->paused;
    return 1;
}

static void read_keys(struct top *t)
{
    char keys[64];
    const ssize_t n = read(STDIN_FILENO, keys, sizeof keys - 1);
    if (n <= 0) {
        t->quit = true; /* the terminal is gone */
        return;
    }
    keys[n] = '\0';
    for (size_t at = 0; at < (size_t)n;) {
        at += take_key(t, keys + at);
    }
    t->next_refresh = 0;
}

/* --- the loop --- */

static void take_frame(struct top *t, const struct ct_frame *frame)
{
    enum ct_protect_fault fault;
    ct_top_bus_frame(&t->bus, frame, frame->t_ns);
    const struct ct_top_shown shown = shown_of(t);
    const struct ct_codec_message *message = ct_top_message_of(&shown, frame);
    if (message != NULL && ct_cli_protection_check(t->protection, ct_codec_model(message), t->name, frame, &fault)) {
        ct_top_bus_checked(&t->bus, frame, fault);
    }
}

static int read_bus(struct top *t)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n = 0;
    const int err = ct_port_read(t->port, frames, CT_BUS_BATCH, &n);
    for (size_t i = 0; i < n; i++) {
        take_frame(t, &frames[i]);
    }
    if (err == CT_OK || err == CT_ERR_AGAIN) {
        return CT_EXIT_OK;
    }
    t->quit = true;
    return err == CT_ERR_END ? CT_EXIT_OK : fail(CT_EXIT_FAILED, "the bus went away: ", t->name);
}

static int refresh(struct top *t, ct_ns now)
{
    int code = CT_EXIT_OK;
    if (t->twin) {
        code = ct_top_twin_refresh(&t->twin_rows);
    } else {
        ct_top_bus_tick(&t->bus, now);
    }
    if (code == CT_EXIT_OK && (!t->once || now >= t->end) && !t->paused) {
        show_page(t, now);
    }
    t->quit = t->quit || code != CT_EXIT_OK || (t->once && now >= t->end);
    t->next_refresh = now + (t->twin ? CT_NS_PER_S : REFRESH_NS);
    return code;
}

static int loop(struct top *t, int stop_fd)
{
    int code = CT_EXIT_OK;
    while (!t->quit && code == CT_EXIT_OK) {
        const ct_ns now = ct_clock_now();
        ct_ns deadline = t->once ? ct_ns_min(t->next_refresh, t->end) : t->next_refresh;
        if (t->port != NULL) {
            deadline = ct_ns_min(deadline, ct_port_tick(t->port, now));
        }
        struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN},
                               {.fd = t->once ? -1 : STDIN_FILENO, .events = POLLIN},
                               {.fd = t->port != NULL ? t->port->fd : -1, .events = POLLIN}};
        poll(fds, 3, ct_ns_wait_ms(now, deadline));
        t->quit = fds[0].revents != 0;
        if (fds[1].revents != 0) {
            read_keys(t);
        }
        if (t->port != NULL) {
            code = read_bus(t);
        }
        const ct_ns then = ct_clock_now();
        if (code == CT_EXIT_OK && !t->quit && (then >= t->next_refresh || (t->once && then >= t->end))) {
            code = refresh(t, then);
        }
    }
    return code;
}

/* The terminal shows another page and gives keys one by one while `run` runs; then all is as before. */
static int on_terminal(struct top *t, int stop_fd)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) < 0) {
        return fail(CT_EXIT_ENVIRONMENT, "the input is no terminal; use --once", "");
    }
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    fputs("\x1b[?1049h\x1b[?25l", stdout);
    const int code = loop(t, stop_fd);
    fputs("\x1b[?25h\x1b[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    return code;
}

static int open_protection(struct top *t)
{
    const struct ct_dbc *dbcs[DATABASES_MAX];
    for (size_t i = 0; i < t->file_count; i++) {
        dbcs[i] = t->files[i].dbc;
    }
    return ct_cli_protection_open(t->protection_file, dbcs, t->file_count, &t->protection);
}

static int open_source(struct top *t)
{
    const ct_ns now = ct_clock_now();
    if (t->twin) {
        t->end = now;
        return ct_top_twin_open(&t->twin_rows, t->socket, t->name != NULL ? t->name : "*");
    }
    t->end = now + (ct_ns)(t->seconds * (double)CT_NS_PER_S);
    if (ct_top_bus_init(&t->bus, now) != CT_OK) {
        return fail(CT_EXIT_ENVIRONMENT, "out of memory", "");
    }
    const int code = open_protection(t);
    return code != CT_EXIT_OK ? code : ct_bus_open(t->name, true, &t->port);
}

static int run(struct top *t)
{
    t->once = t->once || isatty(STDOUT_FILENO) == 0;
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: ", ct_err_text(stop_fd));
    }
    int code = open_source(t);
    if (code == CT_EXIT_OK) {
        code = t->once ? loop(t, stop_fd) : on_terminal(t, stop_fd);
    }
    close(stop_fd);
    return code;
}

static void close_all(struct top *t)
{
    ct_port_close(t->port);
    ct_top_bus_free(&t->bus);
    ct_top_twin_close(&t->twin_rows);
    ct_cli_protection_close(t->protection);
    for (size_t i = 0; i < t->file_count; i++) {
        ct_cli_dbc_close(&t->files[i]);
    }
    ct_buf_free(&t->page);
}

int ct_cli_top(int argc, char **argv)
{
    const char *socket = getenv("CANTWIN_SOCKET");
    struct top t = {.socket = socket != NULL ? socket : CT_TWIN_DEFAULT_SOCKET, .seconds = 2};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return CT_EXIT_OK;
        }
    }
    ct_buf_init(&t.page, PAGE_MAX);
    int code = parse_arguments(argc, argv, &t);
    if (code == CT_EXIT_OK) {
        code = run(&t);
    }
    close_all(&t);
    return code;
}
