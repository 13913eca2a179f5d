/* Key files and peers.txt. */
#include "keys.h"
#include "testing.h"

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ZeroMQ's documentation of CURVE prints this pair (zmq_curve(7)). */
#define SERVER_PUBLIC "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define CLIENT_PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static int parse(const char *text, struct ct_zmq_peer **peers, size_t *count, char problem[256])
{
    return ct_peers_parse("peers.txt", text, strlen(text), peers, count, problem, 256);
}

static void test_peers_text_becomes_list(void **state)
{
    (void)state;
    struct ct_zmq_peer *peers = NULL;
    size_t count = 0;
    char problem[256] = "";
    const int err = parse("# who\n\nvehicle demo " SERVER_PUBLIC "  # mine\r\n"
                          "subscriber map " CLIENT_PUBLIC " demo/Vehicle. other/",
                          &peers, &count, problem);
    assert_int_equal(err, CT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(peers[0].name, "demo");
    assert_string_equal(peers[0].public_key, SERVER_PUBLIC);
    assert_int_equal(peers[0].is_subscriber, 0);
    assert_string_equal(peers[1].name, "map");
    assert_int_equal(peers[1].is_subscriber, 1);
    assert_string_equal(peers[1].topics, "demo/Vehicle. other/");
    free(peers);
}

static void test_peers_bad_line_is_located(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"\nvehicles demo " SERVER_PUBLIC, "peers.txt:2: error: a line begins with 'vehicle' or 'subscriber', not"},
        {"vehicle demo\n", "peers.txt:1: error: a line needs a name and a Z85 public key"},
        {"vehicle de/mo " SERVER_PUBLIC, "peers.txt:1: error: a name is 1 to 64"},
        {"vehicle demo short", "peers.txt:1: error: a public key is 40 characters"},
        {"vehicle demo rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"", "peers.txt:1: error: a public key is 40"},
        {"vehicle demo ##########"
         "##############################",
         "peers.txt:1: error: a line needs a name"},
        {"vehicle demo " SERVER_PUBLIC " demo/", "peers.txt:1: error: a vehicle has no topics; remove 'demo/'"},
        {"vehicle a " SERVER_PUBLIC "\nvehicle b " SERVER_PUBLIC "\n", "peers.txt: error: '"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_zmq_peer *peers = NULL;
        size_t count = 0;
        char problem[256] = "";
        assert_int_not_equal(parse(cases[i].text, &peers, &count, problem), CT_OK);
        assert_memory_equal(problem, cases[i].problem, strlen(cases[i].problem));
        assert_null(peers);
    }
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_key_files_read_and_faults_named(void **state)
{
    (void)state;
    char dir[] = "/tmp/ct_keys_XXXXXX";
    assert_non_null(mkdtemp(dir));
    char base[64], public_path[80], secret_path[80], hex_path[80], problem[256];
    snprintf(base, sizeof base, "%s/x.curve", dir);
    snprintf(public_path, sizeof public_path, "%s.pub", base);
    snprintf(secret_path, sizeof secret_path, "%s.key", base);
    snprintf(hex_path, sizeof hex_path, "%s/x.pub", dir);
    char public_key[41], secret_key[41], made_public[41], made_secret[41];
    assert_int_equal(ct_zmq_keypair(made_public, made_secret), CT_OK);

    assert_int_equal(ct_key_read_pair_z85(base, public_key, secret_key, problem, sizeof problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(problem, public_path));
    write_file(public_path, made_public, 0644);
    write_file(secret_path, made_secret, 0644);
    assert_int_equal(ct_key_read_pair_z85(base, public_key, secret_key, problem, sizeof problem), CT_ERR_PERMISSION);
    assert_non_null(strstr(problem, "chmod 600"));
    assert_int_equal(chmod(secret_path, 0600), 0);
    assert_int_equal(ct_key_read_pair_z85(base, public_key, secret_key, problem, sizeof problem), CT_OK);
    assert_string_equal(public_key, made_public);
    assert_string_equal(secret_key, made_secret);

    uint8_t bytes[2];
    write_file(hex_path, "beef\n", 0644);
    assert_int_equal(ct_key_read_hex(hex_path, bytes, 2, problem, sizeof problem), CT_OK);
    assert_memory_equal(bytes, "\xbe\xef", 2);
    write_file(hex_path, "beef00\n", 0644);
    assert_int_equal(ct_key_read_hex(hex_path, bytes, 2, problem, sizeof problem), CT_ERR_SYNTAX);
    write_file(hex_path, "beeg\n", 0644);
    assert_int_equal(ct_key_read_hex(hex_path, bytes, 2, problem, sizeof problem), CT_ERR_SYNTAX);
    assert_int_equal(ct_key_read_z85(hex_path, public_key, problem, sizeof problem), CT_ERR_SYNTAX);
    unlink(public_path);
    unlink(secret_path);
    unlink(hex_path);
    assert_int_equal(rmdir(dir), 0);
}

/* systemd.exec(5): credentials belong to root, and an ACL lets the service read them, whose mask shows as group bits.
 */
static void test_key_file_credential_may_show_group_bits(void **state)
{
    (void)state;
    char dir[] = "/tmp/keys-test-XXXXXX";
    char path[64];
    char problem[256] = "";
    uint8_t bytes[2];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/a.key", dir);
    write_file(path, "beef\n", 0440);

    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(ct_key_read_hex(path, bytes, 2, problem, sizeof problem), CT_ERR_PERMISSION);
    setenv("CREDENTIALS_DIRECTORY", "/tmp/keys-test", 1);
    assert_int_equal(ct_key_read_hex(path, bytes, 2, problem, sizeof problem), CT_ERR_PERMISSION);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_int_equal(ct_key_read_hex(path, bytes, 2, problem, sizeof problem), CT_OK);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(ct_key_read_hex(path, bytes, 2, problem, sizeof problem), CT_ERR_PERMISSION);

    unsetenv("CREDENTIALS_DIRECTORY");
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_text_becomes_list),
        cmocka_unit_test(test_peers_bad_line_is_located),
        cmocka_unit_test(test_key_files_read_and_faults_named),
        cmocka_unit_test(test_key_file_credential_may_show_group_bits),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
