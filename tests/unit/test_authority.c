/* An authority of one's own: what it issues is proven by it, for its names, and by no other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/x509.h>

#include "io/keys/authority.h"

static gnutls_x509_crt_t certificate_of(const struct credentials *credentials) {
    const gnutls_datum_t pem = {(unsigned char *)credentials->certificate.data,
                                (unsigned)credentials->certificate.length};
    gnutls_x509_crt_t certificate;
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    assert_int_equal(gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM), 0);
    return certificate;
}

/* What a client of this name finds that trusts this authority alone; 0: it is proven. */
static unsigned proven(const struct credentials *authority, const struct credentials *server,
                       const char *name) {
    unsigned status = 0;
    gnutls_typed_vdata_st wanted[] = {
        {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)(uintptr_t)name, 0},
        {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER, 0}};
    gnutls_x509_crt_t trusted = certificate_of(authority), shown = certificate_of(server);
    gnutls_x509_trust_list_t list;
    assert_int_equal(gnutls_x509_trust_list_init(&list, 0), 0);
    assert_int_equal(gnutls_x509_trust_list_add_cas(list, &trusted, 1, 0), 1);
    assert_int_equal(gnutls_x509_trust_list_verify_crt2(list, &shown, 1, wanted, 2, 0, &status,
                                                        NULL), 0);
    gnutls_x509_trust_list_deinit(list, 1);
    gnutls_x509_crt_deinit(shown);
    return status;
}

static void what_it_issues_is_proven_for_each_of_its_names(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(credentials_clean) struct credentials authority = {0}, server = {0};
    assert_int_equal(authority_make("an authority", &authority, &err), 0);
    assert_int_equal(authority_issue(&authority, "cloud.example,localhost,127.0.0.1,::1", &server,
                                     &err), 0);
    assert_int_equal(proven(&authority, &server, "cloud.example"), 0);
    assert_int_equal(proven(&authority, &server, "localhost"), 0);
    assert_int_equal(proven(&authority, &server, "127.0.0.1"), 0);
    assert_int_equal(proven(&authority, &server, "::1"), 0);
    assert_true(proven(&authority, &server, "other.example") & GNUTLS_CERT_UNEXPECTED_OWNER);
}

static void another_of_the_same_name_proves_nothing(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(credentials_clean) struct credentials one = {0}, other = {0}, server = {0};
    assert_int_equal(authority_make("an authority", &one, &err), 0);
    assert_int_equal(authority_make("an authority", &other, &err), 0);
    assert_int_equal(authority_issue(&one, "cloud.example", &server, &err), 0);
    assert_true(proven(&other, &server, "cloud.example") & GNUTLS_CERT_INVALID);
}

static void a_server_is_no_authority(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(credentials_clean) struct credentials authority = {0}, server = {0}, third = {0};
    assert_int_equal(authority_make("an authority", &authority, &err), 0);
    assert_int_equal(authority_issue(&authority, "a.example", &server, &err), 0);
    assert_int_equal(authority_issue(&server, "b.example", &third, &err), 0);
    assert_true(proven(&server, &third, "b.example"));
}

static void what_is_no_authority_is_refused(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(credentials_clean) struct credentials none = {0}, server = {0};
    text_add(&none.certificate, "-----BEGIN CERTIFICATE-----\nMII=\n");
    text_add(&none.key, "nothing");
    assert_int_equal(authority_issue(&none, "a.example", &server, &err), -EINVAL);
    assert_non_null(strstr(err.text, "read the authority"));
}

static void a_name_that_is_none_is_refused(void **state) {
    (void)state;
    struct error err = {0};
    auto_clean(credentials_clean) struct credentials authority = {0}, server = {0};
    assert_int_equal(authority_make("an authority", &authority, &err), 0);
    assert_int_equal(authority_issue(&authority, "a.example,,b.example", &server, &err), -EINVAL);
    assert_int_equal(authority_issue(&authority, "", &server, &err), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_issues_is_proven_for_each_of_its_names),
        cmocka_unit_test(another_of_the_same_name_proves_nothing),
        cmocka_unit_test(a_server_is_no_authority),
        cmocka_unit_test(what_is_no_authority_is_refused),
        cmocka_unit_test(a_name_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
