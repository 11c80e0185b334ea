/* The tables of the REST face: routes, parameters, problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/http/problem.h"
#include "io/rest/routes_owner.h"
#include "message/codec.h"

static void every_refusal_has_a_status_of_its_own_kind(void **state) {
    (void)state;
    assert_int_equal(problem_status(CODE_OK), 200);
    for (enum code code = CODE_OK + 1; code < CODE_COUNT; code++) {
        struct problem problem;
        struct codec_fault fault;
        problem_set(&problem, code, "name", "%d wrong", 1);
        assert_in_range(problem.status, 400, 599);
        assert_string_equal(problem.code, code_names[code]);
        assert_string_equal(problem.title, code_title(code)); /* nothing was cut */
        assert_string_equal(problem.remedy, code_remedy(code));
        assert_string_equal(problem.detail, "1 wrong");
        assert_int_equal(codec_check(&problem_table, &problem, &fault), 0);
    }
}

static void a_problem_comes_back_from_its_own_json(void **state) {
    (void)state;
    struct problem problem, again;
    struct codec_fault fault;
    struct text json = {0};
    problem_set(&problem, CODE_FULL, NULL, "\"%s\"", "quotes");
    problem_set_status(&problem, 507, "another remedy");
    codec_encode(&problem_table, &problem, FIELD_API, &json);
    assert_int_equal(codec_decode(&problem_table,
                                  &(struct codec_input){json.data, json.length, FIELD_API,
                                                        CODEC_REFUSE_UNKNOWN},
                                  &again, &fault), 0);
    assert_true(record_equal(&problem_table, &problem, &again));
    text_deinit(&json);
}

static void each_route_finds_itself(const struct rest_face *face) {
    for (size_t i = 0; i < face->routes_count; i++) {
        const struct rest_route *route = &face->routes[i];
        char key[limit_digest_size], allow[64];
        struct text path = {0};
        const char *variable = strchr(route->path, '{');
        text_add_bytes(&path, route->path, strcspn(route->path, "{"));
        if (variable)
            text_addf(&path, "some-key%s", strchr(variable, '}') + 1);
        assert_ptr_equal(rest_route_find(face, route->method, path.data, key, allow), route);
        assert_string_equal(key, variable ? "some-key" : "");
        text_add(&path, "/");
        assert_null(rest_route_find(face, route->method, path.data, key, allow));
        assert_string_equal(allow, "");
        text_deinit(&path);
    }
}

static void each_route_finds_itself_and_no_other(void **state) {
    (void)state;
    each_route_finds_itself(&rest_upstream_face);
    each_route_finds_itself(&rest_owner_face);
}

static void head_is_get_and_other_methods_are_told_apart(void **state) {
    (void)state;
    char key[limit_digest_size], allow[64];
    assert_non_null(rest_route_find(&rest_upstream_face, "HEAD", "/v1/vms", key, allow));
    assert_null(rest_route_find(&rest_upstream_face, "HEAD", "/v1/vms/a/start", key, allow));
    assert_string_equal(allow, "POST");
    assert_null(rest_route_find(&rest_upstream_face, "get", "/v1/vms", key, allow));
    assert_string_equal(allow, "POST, GET, HEAD");
    assert_null(rest_route_find(&rest_upstream_face, "PUT", "/v1/vms/a", key, allow));
    assert_string_equal(allow, "GET, HEAD, DELETE");
}

static void a_key_in_the_path_is_bounded(void **state) {
    (void)state;
    char key[limit_digest_size], allow[64], path[200] = "/v1/blobs/";
    memset(path + strlen(path), 'a', 64);
    assert_non_null(rest_route_find(&rest_upstream_face, "GET", path, key, allow));
    assert_int_equal(strlen(key), 64);
    path[strlen(path)] = 'a';
    assert_null(rest_route_find(&rest_upstream_face, "GET", path, key, allow));
}

static void each_parameter_fits(const struct rest_face *face) {
    for (size_t i = 0; i < face->routes_count; i++)
        for (size_t at = 0; at < array_size(face->routes[i].parameters); at++) {
            const char *name = face->routes[i].parameters[at];
            enum rest_holder holder;
            if (!name)
                break;
            const struct field *field = rest_route_parameter(&face->routes[i], name, &holder);
            assert_non_null(field);
            assert_string_equal(field->name, name);
            assert_in_range(field->offset + field->size, 1,
                            holder == REST_TIMING ? sizeof(struct rest_timing)
                                                  : sizeof(struct list_query));
        }
}

static void every_parameter_of_a_route_is_a_field_that_fits(void **state) {
    (void)state;
    enum rest_holder holder;
    each_parameter_fits(&rest_upstream_face);
    each_parameter_fits(&rest_owner_face);
    assert_null(rest_route_parameter(&rest_upstream_face.routes[0], "limit", &holder));
    assert_null(rest_route_parameter(&rest_upstream_face.routes[0], "", &holder));
}

static void whom_a_face_trusts_decides_what_it_refuses(void **state) {
    (void)state;
    const uint64_t of_tokens = UINT64_C(1) << CODE_UNAUTHENTICATED | UINT64_C(1) << CODE_FORBIDDEN;
    for (size_t i = 0; i < rest_owner_face.routes_count; i++) {
        const struct rest_route *route = &rest_owner_face.routes[i];
        bool is_browsers = route->action == REST_LOGIN || route->action == REST_LOGOUT;
        assert_int_equal(rest_route_is_open(&rest_owner_face, route), is_browsers);
        if (!is_browsers && route->action != REST_TICKET)
            assert_int_equal(rest_route_problems(&rest_owner_face, route) & of_tokens, 0);
    }
    const struct rest_route *vms = &rest_upstream_face.routes[0];
    assert_false(rest_route_is_open(&rest_upstream_face, vms));
    assert_true((rest_route_problems(&rest_upstream_face, vms) & of_tokens) == of_tokens);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_has_a_status_of_its_own_kind),
        cmocka_unit_test(a_problem_comes_back_from_its_own_json),
        cmocka_unit_test(each_route_finds_itself_and_no_other),
        cmocka_unit_test(head_is_get_and_other_methods_are_told_apart),
        cmocka_unit_test(a_key_in_the_path_is_bounded),
        cmocka_unit_test(every_parameter_of_a_route_is_a_field_that_fits),
        cmocka_unit_test(whom_a_face_trusts_decides_what_it_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
