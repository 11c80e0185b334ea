/* The codec over every table: what goes out comes back the same through each face, and each wrong
 * value is refused by the name of its field, leaving nothing behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "message/limits.h"
#include "message/model.h"
#include "message/request.h"
#include "message/records/contact.h"
#include "message/stored.h"
#include "tables.h"

enum { rounds = 60 };

static void clean_text(struct text *text) { text_deinit(text); }

static int decode(const struct table *table, const char *json, unsigned face, void *out_data,
                  struct codec_fault *fault) {
    const struct codec_input input = {json, strlen(json), face, CODEC_REFUSE_UNKNOWN};
    *fault = (struct codec_fault){0};
    return codec_decode(table, &input, out_data, fault);
}

static void random_values_are_valid(void **state) {
    (void)state;
    struct prng prng;
    const struct table *table = NULL;
    prng_init(&prng, 1);
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t round = 0; round < rounds; round++) {
            struct codec_fault fault = {0};
            struct record record = tables_random(table, &prng);
            if (codec_check(table, record.data, &fault))
                fail_msg("%s: %s %s", table->name, fault.field, fault.text);
            record_deinit(&record);
        }
}

static void assert_round_trip(const struct table *table, enum field_mask face,
                              struct prng *prng) {
    struct record record = tables_random(table, prng);
    auto_clean(memory_clean) char *back = memory_new(1, table->size);
    auto_clean(clean_text) struct text json = {0};
    auto_clean(clean_text) struct text again = {0};
    struct codec_fault fault;
    codec_encode(table, record.data, face, &json);
    if (decode(table, text_data(&json), face, back, &fault))
        fail_msg("%s: %s %s\n%s", table->name, fault.field, fault.text, text_data(&json));
    tables_hide(table, record.data, face);
    if (!record_equal(table, record.data, back))
        fail_msg("%s came back as another one:\n%s", table->name, text_data(&json));
    codec_encode(table, back, face, &again);
    assert_string_equal(text_data(&again), text_data(&json));
    record_clear(table, back);
    record_deinit(&record);
}

static void every_record_comes_back_the_same_through_each_face(void **state) {
    (void)state;
    struct prng prng;
    const struct table *table = NULL;
    prng_init(&prng, 2);
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t face = 0; face < array_size(tables_faces); face++)
            for (size_t round = 0; round < rounds; round++)
                assert_round_trip(table, tables_faces[face], &prng);
}

static void stored_records_lose_nothing_in_the_store(void **state) {
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    for (size_t t = 0; t < stored_tables_count; t++)
        for (size_t round = 0; round < rounds; round++) {
            const struct table *table = stored_tables[t];
            struct record record = tables_random(table, &prng);
            auto_clean(memory_clean) char *back = memory_new(1, table->size);
            auto_clean(clean_text) struct text json = {0};
            struct codec_fault fault;
            if (table == &operation_table) /* that is worked out when somebody looks */
                record_clear(&waiting_table, &((struct operation *)record.data)->waits);
            if (table == &stored_vm_table) /* so are these */
                tables_drop(field_find(table, "interfaces"), record.data);
            if (table == &image_table)
                tables_drop(field_find(table, "clusters"), record.data);
            if (table == &contact_table)
                ((struct contact *)record.data)->waiting = 0;
            if (table == &node_table) { /* these too */
                struct node *node = record.data;
                node->conflict = CONFLICT_NONE;
                node->conflict_ms = node->unreadable = 0;
                node->overclaims = node->guarded = false;
                node->lease = LEASE_NONE;
                node->lease_ends_ms = node->owed = node->evictions = 0;
                tables_drop(field_find(table, "images"), node);
            }
            codec_encode(table, record.data, FIELD_STORE, &json);
            assert_int_equal(decode(table, text_data(&json), FIELD_STORE, back, &fault), 0);
            if (!record_equal(table, record.data, back)) /* nothing hidden beforehand */
                fail_msg("%s lost something: %s", table->name, text_data(&json));
            record_clear(table, back);
            record_deinit(&record);
        }
}

/* Adds `"name":value,` of each shown field of a random record but `without`. */
static void add_others(const struct table *table, const struct field *without,
                       const void *data, struct text *out) {
    for (size_t i = 0; i < table->fields_count; i++) {
        const struct field *field = &table->fields[i];
        const struct table only = {table->name, "", table->size, field, 1};
        auto_clean(clean_text) struct text json = {0};
        codec_encode(&only, data, 0, &json);
        if (field == without || json.length <= 2)
            continue;
        text_add_bytes(out, json.data + 1, json.length - 2);
        text_add(out, ",");
    }
}

/* Decodes a valid record whose `field` has the value `value` instead (NULL: it is left out). */
static void assert_refused(const struct table *table, const struct field *field,
                           const char *value) {
    struct prng prng;
    prng_init(&prng, 4);
    struct record record = tables_random(table, &prng);
    auto_clean(memory_clean) unsigned char *out = memory_new(1, table->size);
    auto_clean(clean_text) struct text json = {0};
    struct codec_fault fault;
    text_add(&json, "{");
    add_others(table, field, record.data, &json);
    if (value)
        text_addf(&json, "\"%s\":%s}", field->name, value);
    else if (json.length == 1)
        text_add(&json, "}");
    else
        json.data[json.length - 1] = '}';
    memset(out, 0xaa, table->size);
    if (decode(table, text_data(&json), 0, out, &fault) != -EINVAL)
        fail_msg("%s.%s took %.100s", table->name, field->name, value);
    if (!text_equal(fault.field, field->name) || !*fault.text)
        fail_msg("%s.%s was blamed on '%s' (%s)", table->name, field->name, fault.field,
                 fault.text);
    for (size_t i = 0; i < table->size; i++)
        assert_int_equal(out[i], 0);
    record_deinit(&record);
}

static void assert_texts_refused(const struct table *table, const struct field *field) {
    static const char *const names[] = {"\"\"", "\"Ab\"", "\"-a\"", "\"a-\"", "\"a_b\"",
                                        "\"a.b\"", "\"\xc3\xa9\""};
    static const char *const digests[] = {"\"\"", "\"0123\"", "\"zz\""};
    static const char *const labels[] = {"\"disk\"", "\"disk=\"", "\"=ssd\"", "\"a=b,\"",
                                         "\"a=b, c=d\"", "\"a=B\"", "\"a=b=c\"", "\"-a=b\""};
    static const char *const metadata[] = {"\"\"", "\"stage\"", "\"=test\"", "\"a=b,\"",
                                           "\"a=b,,c=d\"", "\"a=b\\nc\""};
    static const char *const name_patterns[] = {"\"\"", "\" a\"", "\"a \"", "\"a  b\"",
                                                "\"a,b\"", "\"A*\"", "\"a?\""};
    static const char *const networks[] = {"\"\"", "\"lan,\"", "\",lan\"", "\"a, b\"",
                                           "\"Lan\"", "\"a,b,c,d,e\""};
    static const char *const allow[] = {"\"\"", "\"tcp\"", "\"tcp:\"", "\"tcp:0\"",
        "\"tcp:65536\"", "\"tcp:9-8\"", "\"tcp:022\"", "\"icmp:8\"", "\"tcp:22,\"",
        "\"tcp:22, icmp\"", "\"icmp@192.0.2.0 \"", "\"icmp@192.0.2.1/24\"", "\"icmp@192.0.2/24\"",
        "\"icmp@192.0.2.0/33\"", "\"icmp@192.0.2.256\"", "\"none,icmp\"", "\"icmp@::1\"",
        "\"icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp,icmp\""};
    static const char *const ids[] = {"\"\"", "\"vm-1\"", "\"vm\""};
    size_t most = field->kind == FIELD_BLOB ? (size_t)field_most(field) : field->size - 1;
    auto_clean(memory_clean) char *large = memory_new(1, most + 4);
    memset(large, 'a', most + 3);
    large[0] = large[most + 2] = '"';
    assert_refused(table, field, large);
    bool is_name = field->check == CHECK_NAME || field->check == CHECK_NEW_NAME;
    if (field->check == CHECK_NEW_NAME)
        assert_refused(table, field, "\"vm-01m821b7h4frtcrkjpcdn262sj\"");
    for (size_t i = 0; is_name && i < array_size(names); i++)
        assert_refused(table, field, names[i]);
    for (size_t i = 0; field->check == CHECK_DIGEST && i < array_size(digests); i++)
        assert_refused(table, field, digests[i]);
    for (size_t i = 0; field->check == CHECK_ID && i < array_size(ids); i++)
        assert_refused(table, field, ids[i]);
    for (size_t i = 0; field->check == CHECK_LABELS && i < array_size(labels); i++)
        assert_refused(table, field, labels[i]);
    for (size_t i = 0; field->check == CHECK_METADATA && i < array_size(metadata); i++)
        assert_refused(table, field, metadata[i]);
    for (size_t i = 0; field->check == CHECK_PATTERNS && i < array_size(name_patterns); i++)
        assert_refused(table, field, name_patterns[i]);
    for (size_t i = 0; field->check == CHECK_NETWORKS && i < array_size(networks); i++)
        assert_refused(table, field, networks[i]);
    for (size_t i = 0; field->check == CHECK_ALLOW && i < array_size(allow); i++)
        assert_refused(table, field, allow[i]);
    assert_refused(table, field, "\"\\u0001\"");
    assert_refused(table, field, "\"\\u007f\"");
}

static void assert_numbers_refused(const struct table *table, const struct field *field) {
    char number[32];
    assert_refused(table, field, "-1");
    assert_refused(table, field, "1.5");
    assert_refused(table, field, "1.0");
    assert_refused(table, field, "1e3");
    assert_refused(table, field, "\"1\"");
    if (field->least) {
        text_format(number, sizeof(number), "%llu", (unsigned long long)field->least - 1);
        assert_refused(table, field, number);
    }
    if (field_most(field) < INT64_MAX) {
        text_format(number, sizeof(number), "%llu", (unsigned long long)field_most(field) + 1);
        assert_refused(table, field, number);
    }
}

static void assert_list_refused(const struct table *table, const struct field *field) {
    auto_clean(clean_text) struct text entries = {0};
    text_add(&entries, "[{}");
    for (uint64_t i = 0; i < field_most(field); i++)
        text_add(&entries, ",{}");
    text_add(&entries, "]");
    assert_refused(table, field, "{}");
    assert_refused(table, field, text_data(&entries));
}

static void assert_kinds_refused(const struct table *table, const struct field *field) {
    bool text = field->kind == FIELD_TEXT || field->kind == FIELD_BLOB;
    bool number = field->kind == FIELD_U32 || field->kind == FIELD_U64;
    assert_refused(table, field, "null");
    if (field->kind != FIELD_FLAG)
        assert_refused(table, field, "true");
    if (!number)
        assert_refused(table, field, "7");
    if (field->kind != FIELD_LIST)
        assert_refused(table, field, "[]");
    if (!text)
        assert_refused(table, field, "\"no-such-value\"");
    if (field->kind != FIELD_RECORD)
        assert_refused(table, field, "{}");
    if (field->mask & FIELD_REQUIRED)
        assert_refused(table, field, NULL);
    if (text)
        assert_texts_refused(table, field);
    else if (number)
        assert_numbers_refused(table, field);
    else if (field->kind == FIELD_LIST)
        assert_list_refused(table, field);
}

static void each_wrong_value_is_refused_by_its_field_and_leaves_nothing(void **state) {
    (void)state;
    const struct table *table = NULL;
    for (size_t t = 0; (table = tables_at(t)); t++)
        for (size_t i = 0; i < table->fields_count; i++)
            assert_kinds_refused(table, &table->fields[i]);
}

static void assert_blame(const struct table *table, const char *json, const char *field) {
    auto_clean(memory_clean) char *out = memory_new(1, table->size);
    struct codec_fault fault;
    assert_int_equal(decode(table, json, FIELD_STORE, out, &fault), -EINVAL);
    assert_string_equal(fault.field, field);
}

#define an_id "vm-01jd2q0c5v7k8m9n0p1q2r3s4t"

static void a_fault_inside_is_named_by_its_path(void **state) {
    (void)state;
    assert_blame(&shape_table, "{\"name\":\"a\",\"size\":{\"cpus\":0}}", "size.cpus");
    assert_blame(&shape_table, "{\"name\":\"a\",\"size\":{\"cpus\":1,\"memory_mib\":1}}",
                 "size.disk_gib");
    assert_blame(&shape_table, "{\"name\":\"a\",\"size\":{\"cups\":1}}", "size.cups");
    assert_blame(&operation_table,
                 "{\"id\":\"" an_id "\",\"vm\":\"" an_id "\",\"definition\":{\"name\":\"a\","
                 "\"size\":{\"cpus\":1,\"memory_mib\":1,\"disk_gib\":\"x\"}}}",
                 "definition.size.disk_gib");
    assert_blame(&operation_table,
                 "{\"id\":\"" an_id "\",\"vm\":\"" an_id "\",\"timeline\":"
                 "[{\"at_ms\":1,\"step\":\"placed\"},{\"at_ms\":1,\"step\":\"flying\"}]}",
                 "timeline.step");
}

static void unknown_fields_are_ignored_or_refused_as_asked(void **state) {
    (void)state;
    static const char json[] = "{\"name\":\"a\",\"colour\":{\"deep\":[1]}}";
    struct tenant_create out;
    struct codec_fault fault;
    struct codec_input input = {json, strlen(json), FIELD_API, CODEC_IGNORE_UNKNOWN};
    assert_int_equal(codec_decode(&tenant_create_table, &input, &out, &fault), 0);
    assert_string_equal(out.name, "a");
    input.unknown = CODEC_REFUSE_UNKNOWN;
    assert_int_equal(codec_decode(&tenant_create_table, &input, &out, &fault), -EINVAL);
    assert_string_equal(fault.field, "colour");
    assert_string_equal(out.name, "");
}

static void a_field_of_another_face_is_an_unknown_one(void **state) {
    (void)state;
    static const char json[] = "{\"name\":\"a\",\"token_hash\":\"not even one\"}";
    struct tenant out;
    struct codec_fault fault;
    struct codec_input input = {json, strlen(json), FIELD_API, CODEC_IGNORE_UNKNOWN};
    assert_int_equal(codec_decode(&tenant_table, &input, &out, &fault), 0);
    assert_string_equal(out.token_hash, "");
    input.unknown = CODEC_REFUSE_UNKNOWN;
    assert_int_equal(codec_decode(&tenant_table, &input, &out, &fault), -EINVAL);
    assert_string_equal(fault.field, "token_hash");
}

static void what_is_not_one_json_object_is_refused_as_a_whole(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", " ", "{", "}", "[]", "7", "null", "\"a\"", "{\"name\":\"a\"} {}", "{\"name\":\"a\"}x",
        "{\"name\":\"a\",}", "{'name':'a'}", "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"name\":\"a\",\"x\":{\"y\":1,\"y\":1}}", "{\"name\":\"a\\u0000b\"}",
        "{\"name\":\"\xff\"}", "{\"name\":\"\xc0\xaf\"}", "{\"name\":\"\xed\xa0\x80\"}",
        "{\"name\":\"\\ud800\"}", "{\"name\":\"\xc3\"}", "{\"name\":\"a\nb\"}",
        "{\"name\":\"a\",\"x\":99999999999999999999999}", "{\"name\":\"a\",\"x\":1e999}",
        "{\"na\\u0000me\":\"a\"}", "{\"name\":\"a\",\"x\":01}", "{\"name\":\"a\",\"x\":NaN}"};
    for (size_t i = 0; i < array_size(bad); i++) {
        struct tenant_create out;
        struct codec_fault fault = {"old", ""};
        struct codec_input input = {bad[i], strlen(bad[i]), FIELD_API, CODEC_IGNORE_UNKNOWN};
        memset(&out, 0xaa, sizeof(out));
        if (codec_decode(&tenant_create_table, &input, &out, &fault) != -EINVAL)
            fail_msg("was taken: %s", bad[i]);
        assert_string_equal(fault.field, "");
        assert_true(*fault.text);
        assert_int_equal(out.name[0], 0);
    }
    struct tenant_create out;
    struct codec_fault fault;
    struct codec_input input = {"{\"name\":\"a\"}\0", 13, FIELD_API, CODEC_IGNORE_UNKNOWN};
    assert_int_equal(codec_decode(&tenant_create_table, &input, &out, &fault), -EINVAL);
}

static void nesting_without_end_is_refused(void **state) {
    (void)state;
    enum { depth = 30000 };
    auto_clean(clean_text) struct text json = {0};
    struct tenant_create out;
    struct codec_fault fault;
    text_add(&json, "{\"name\":\"a\",\"x\":");
    for (size_t i = 0; i < depth; i++)
        text_add(&json, i % 2 ? "{\"x\":" : "[");
    assert_int_equal(decode(&tenant_create_table, text_data(&json), 0, &out, &fault), -EINVAL);
    assert_string_equal(fault.field, "");
}

static void a_checked_struct_is_held_to_the_same_limits(void **state) {
    (void)state;
    struct codec_fault fault;
    struct shape shape = {"small", {1, 1, 1}};
    assert_int_equal(codec_check(&shape_table, &shape, &fault), 0);
    shape.size.cpus = limit_cpus + 1;
    assert_int_equal(codec_check(&shape_table, &shape, &fault), -EINVAL);
    assert_string_equal(fault.field, "size.cpus");
    shape = (struct shape){"", {1, 1, 1}};
    assert_int_equal(codec_check(&shape_table, &shape, &fault), -EINVAL);
    assert_string_equal(fault.field, "name");
    struct vm vm = {.id = an_id, .state = VM_STATE_COUNT};
    assert_int_equal(codec_check(&vm_table, &vm, &fault), -EINVAL);
    assert_string_equal(fault.field, "state");
    struct operation op = {.id = an_id, .vm = an_id, .timeline_count = limit_timeline + 1};
    assert_int_equal(codec_check(&operation_table, &op, &fault), -EINVAL);
    assert_string_equal(fault.field, "timeline");
}

static const struct field *field_named(const struct table *table, const char *name) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (text_equal(table->fields[i].name, name))
            return &table->fields[i];
    fail_msg("%s has no field %s", table->name, name);
    return NULL;
}

static void a_value_from_plain_text_is_held_to_the_same_limits(void **state) {
    (void)state;
    static const char *const bad[] = {"", "0", "501", "-1", "+1", " 1", "1 ", "1x", "0x10",
                                      "1.5", "18446744073709551617", "\t1", "\n1"};
    const struct field *limit = field_named(&list_query_table, "limit");
    struct list_query query = {0};
    struct codec_fault fault;
    for (size_t i = 0; i < array_size(bad); i++) {
        if (!codec_field_from_text(limit, bad[i], &query, &fault))
            fail_msg("was taken as a number: '%s'", bad[i]);
        assert_string_equal(fault.field, "limit");
        assert_int_equal(query.limit, 0);
    }
    assert_int_equal(codec_field_from_text(limit, "500", &query, &fault), 0);
    assert_int_equal(query.limit, 500);
    const struct field *tenant = field_named(&list_query_table, "tenant");
    assert_int_equal(codec_field_from_text(tenant, "No", &query, &fault), -EINVAL);
    assert_int_equal(codec_field_from_text(tenant, "yes", &query, &fault), 0);
    assert_string_equal(query.tenant, "yes");
    struct vm_create create = {0};
    const struct field *start = field_named(&vm_create_table, "start");
    assert_int_equal(codec_field_from_text(start, "1", &create, &fault), -EINVAL);
    assert_int_equal(codec_field_from_text(start, "yes", &create, &fault), 0);
    assert_true(create.start);
    assert_int_equal(codec_field_from_text(start, "false", &create, &fault), 0);
    assert_false(create.start);
    struct vm vm = {0};
    const struct field *of_state = field_named(&vm_table, "state");
    assert_int_equal(codec_field_from_text(of_state, "running", &vm, &fault), 0);
    assert_int_equal(vm.state, VM_RUNNING);
    assert_int_equal(codec_field_from_text(of_state, "flying", &vm, &fault), -EINVAL);
    assert_non_null(strstr(fault.text, "pending, stopped"));
    assert_int_equal(codec_field_from_text(field_named(&vm_table, "size"), "1", &vm, &fault),
                     -EINVAL);
}

/* RFC 3629, table of section 4: at and beside each of its bounds. */
static void a_text_that_is_not_utf8_is_refused_whichever_way_it_comes(void **state) {
    (void)state;
    static const char *const good[] = {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                       "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xc2\xc0",
        "\xe0\x9f\xbf", "\xe1\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf1\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82z"};
    const struct field *field = field_named(&list_query_table, "after");
    struct list_query query = {0};
    struct codec_fault fault;
    for (size_t i = 0; i < array_size(good); i++)
        if (codec_field_from_text(field, good[i], &query, &fault) ||
            codec_check(&list_query_table, &query, &fault))
            fail_msg("good sequence %zu was refused", i);
    for (size_t i = 0; i < array_size(bad); i++) {
        if (!codec_field_from_text(field, bad[i], &query, &fault))
            fail_msg("bad sequence %zu was taken", i);
        text_set(query.after, bad[i]);
        assert_int_equal(codec_check(&list_query_table, &query, &fault), -EINVAL);
        assert_string_equal(fault.field, "after");
    }
}

static const char secret[] = "#cloud-config s3cr3t";

/* Not more of the secret than a word that one would write anyhow. */
static void assert_silent(const struct codec_fault *fault, const char *json) {
    if (strstr(fault->text, "s3c") || strstr(fault->field, "s3c"))
        fail_msg("%s %s\nis said of %s", fault->field, fault->text, json);
}

static void refuse_silently(const char *json) {
    struct vm_create create;
    struct codec_fault fault;
    if (!decode(&vm_create_table, json, FIELD_API, &create, &fault))
        record_clear(&vm_create_table, &create);
    assert_silent(&fault, json);
}

/* However the input is spoiled: cut anywhere, with any byte in the place of each. */
static void a_refusal_says_nothing_of_what_is_secret(void **state) {
    (void)state;
    char json[256];
    static const char *const forms[] = {
        "{\"name\":\"web\",\"user_data\":\"%s\"}",   "{\"user_data\":\"%s\",\"user_data\":\"\"}",
        "{\"user_data\":[\"%s\"]}",                    "{\"user_data\":{\"%s\":1}}",
        "{\"%s\":\"\"}",                                "{\"user_data_base64\":\"%s\"}",
        "\"%s\"",                                       "%s",
    };
    for (size_t form = 0; form < array_size(forms); form++) {
        size_t length = (size_t)snprintf(json, sizeof(json), forms[form], secret);
        refuse_silently(json);
        for (size_t at = 0; at < length; at++) {
            char was = json[at];
            for (int byte = 0; byte < 256; byte++) {
                json[at] = (char)byte; /* 0: it ends there */
                refuse_silently(json);
            }
            json[at] = was;
        }
    }
}

static void a_printed_record_keeps_its_secrets(void **state) {
    (void)state;
    auto_clean(clean_text) struct text line = {0};
    struct operation op = {.id = an_id, .vm = an_id, .verb = VERB_DEFINE};
    op.definition.user_data = (char *)(uintptr_t) "password: xyzzy";
    text_set(op.definition.name, "web");
    codec_print(&operation_table, &op, &line);
    assert_null(strstr(text_data(&line), "xyzzy"));
    assert_non_null(strstr(text_data(&line), "definition={name=web user_data=(secret)}"));
    assert_true(text_starts(text_data(&line), "id=" an_id " vm=" an_id " verb=define"));
}

static void strings_are_escaped_and_broken_utf8_is_replaced(void **state) {
    (void)state;
    auto_clean(clean_text) struct text json = {0};
    codec_add_string("a\"\\\n\x01\x7f/\xc3\xa9", &json);
    assert_string_equal(text_data(&json), "\"a\\\"\\\\\\n\\u0001\\u007f/\xc3\xa9\"");
    text_clear(&json);
    codec_add_string("\xff" "a\xc3", &json);
    assert_string_equal(text_data(&json), "\"\\ufffda\\ufffd\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_values_are_valid),
        cmocka_unit_test(every_record_comes_back_the_same_through_each_face),
        cmocka_unit_test(stored_records_lose_nothing_in_the_store),
        cmocka_unit_test(each_wrong_value_is_refused_by_its_field_and_leaves_nothing),
        cmocka_unit_test(a_fault_inside_is_named_by_its_path),
        cmocka_unit_test(unknown_fields_are_ignored_or_refused_as_asked),
        cmocka_unit_test(a_field_of_another_face_is_an_unknown_one),
        cmocka_unit_test(what_is_not_one_json_object_is_refused_as_a_whole),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(a_checked_struct_is_held_to_the_same_limits),
        cmocka_unit_test(a_value_from_plain_text_is_held_to_the_same_limits),
        cmocka_unit_test(a_text_that_is_not_utf8_is_refused_whichever_way_it_comes),
        cmocka_unit_test(a_refusal_says_nothing_of_what_is_secret),
        cmocka_unit_test(a_printed_record_keeps_its_secrets),
        cmocka_unit_test(strings_are_escaped_and_broken_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
