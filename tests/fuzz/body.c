/* Bodies of the other HTTP requests, as they come from tenants, operators and owners. The first
 * byte chooses the table. */
#include "fuzz.h"
#include "message/owner.h"
#include "message/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const struct table *const tables[] = {&tenant_create_table, &list_query_table,
                                                 &host_decision_table, &lending_decision_table,
                                                 &amounts_table, &permissions_table,
                                                 &revocation_table,   &vm_rename_table,
                                                 &vm_edit_table,      &tenant_permissions_table,
                                                 &vm_title_table};
    if (!size)
        return 0;
    const struct codec_input input = {(const char *)bytes + 1, size - 1, FIELD_API,
                                      CODEC_REFUSE_UNKNOWN};
    fuzz_decode(tables[bytes[0] % array_size(tables)], &input);
    return 0;
}
