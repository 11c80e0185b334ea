/* How two rows are compared, and how a cursor says where a row stood: VALUE/ID. */
#include "message/query/order.h"

#include <stdlib.h>
#include <string.h>

bool order_make(struct order *out_order, const struct list_query *query,
                const struct table *table, struct codec_fault *fault) {
    static const char *const fields[SORT_COUNT] = {
        [SORT_NAME] = "name", [SORT_NAME_FALLING] = "name",
        [SORT_CHANGED] = "changed_ms", [SORT_CHANGED_FALLING] = "changed_ms"};
    *out_order = (struct order){
        .table = table,
        .field = fields[query->sort] ? field_find(table, fields[query->sort]) : NULL,
        .is_falling = query->sort == SORT_NEWEST || query->sort == SORT_NAME_FALLING ||
                      query->sort == SORT_CHANGED_FALLING,
        .has_after = query->after[0]};
    if (!out_order->field || !out_order->has_after)
        return true;
    const char *slash = strchr(query->after, '/');
    size_t length = slash ? (size_t)(slash - query->after) : 0;
    if (!slash || length >= limit_name_size ||
        !text_copy(out_order->after_id, limit_id_size, slash + 1)) {
        *fault = (struct codec_fault){"after", "is not of a list in this order: take `next` of the "
                                               "page before, or leave it out"};
        return false;
    }
    text_format(out_order->after_text, limit_name_size, "%.*s", (int)length, query->after);
    out_order->after_number = strtoull(query->after, NULL, 10);
    return true;
}

static struct place_in_order place_of(const struct order *order, const void *row) {
    struct place_in_order place = {.id = (const char *)row + order->table->fields[0].offset};
    if (order->field && order->field->kind == FIELD_U64)
        place.number = field_number(order->field, row);
    else
        place.text = order->field ? field_text(order->field, row) : "";
    return place;
}

static int compare(const struct order *order, const struct place_in_order *left,
                   const struct place_in_order *right) {
    int result = left->text ? strcmp(left->text, right->text)
                            : (left->number > right->number) - (left->number < right->number);
    result = result ? result : strcmp(left->id, right->id);
    return order->is_falling ? -result : result;
}

int order_compare(const struct order *order, const void *left, const void *right) {
    const struct place_in_order of_left = place_of(order, left), of_right = place_of(order, right);
    return compare(order, &of_left, &of_right);
}

bool order_is_behind(const struct order *order, const void *row) {
    const struct place_in_order own = place_of(order, row);
    const struct place_in_order after = {order->after_text, order->after_number, order->after_id};
    return !order->has_after || compare(order, &own, &after) > 0;
}

void order_cursor(const struct order *order, const void *row, char out[limit_cursor_size]) {
    const struct place_in_order own = place_of(order, row);
    if (!order->field)
        text_format(out, limit_cursor_size, "%s", own.id);
    else if (own.text)
        text_format(out, limit_cursor_size, "%s/%s", own.text, own.id);
    else
        text_format(out, limit_cursor_size, "%llu/%s", (unsigned long long)own.number, own.id);
}
