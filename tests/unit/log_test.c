/* base/log.h on a pipe whose reader stalls. */
#include "log.h"
#include "testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES 20000U

static size_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
    return len;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

/* Standard error becomes `fd` for the calls in between, as blocking as it was made. */
static void stall_and_recover(int write_fd, int read_fd)
{
    const size_t size = 4U << 20;
    char *text = malloc(size);
    const int kept = dup(STDERR_FILENO);
    assert_non_null(text);
    assert_int_equal(fcntl(read_fd, F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(write_fd, STDERR_FILENO) >= 0);
    for (unsigned i = 0; i < LINES; i++) {
        ct_log(CT_LOG_INFO, "flood %u", i); /* nobody reads: it must come back */
    }
    read_all(read_fd, text, size);
    const unsigned first = count_of(text, "log_test: flood ");
    ct_log(CT_LOG_INFO, "after");
    ct_log(CT_LOG_INFO, "later");
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_true(first > 0 && first < LINES);
    read_all(read_fd, text, size);
    const char *told = strstr(text, " lines of this log were dropped");
    assert_non_null(told);
    assert_int_equal(strtoul(text + strlen("log_test: warning: "), NULL, 10), LINES - first);
    assert_int_equal(count_of(text, "were dropped"), 1);
    assert_true(strstr(text, "log_test: after\n") > told);
    assert_non_null(strstr(text, "log_test: later\n"));
    free(text);
}

static void test_log_pipe_nobody_reads_drops_and_counts(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    stall_and_recover(fds[1], fds[0]);
    close(fds[0]);
    close(fds[1]);
}

static void test_log_socket_nobody_reads_drops_and_counts(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    stall_and_recover(fds[1], fds[0]);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    ct_log_open("log_test", CT_LOG_INFO);
    alarm(60); /* a write that blocks ends the test */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_pipe_nobody_reads_drops_and_counts),
        cmocka_unit_test(test_log_socket_nobody_reads_drops_and_counts),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
