/* What of a tenant stands in the store, and what its API shows: never its token's digest, nor that
 * of anybody else. */
#include "message/records/tenant.h"

static const struct field tenant_permissions_fields[] = {
    {field_of(struct tenant_permissions, clusters), .number = 1,
     .about = "Clusters by name, a blank between them; absent: all.", .kind = FIELD_BLOB,
     .most = limit_permissions},
    {field_of(struct tenant_permissions, shapes), .number = 2,
     .about = "Shapes by name; absent: all.", .kind = FIELD_BLOB, .most = limit_permissions},
    {field_of(struct tenant_permissions, images), .number = 3,
     .about = "Images by name; absent: all.", .kind = FIELD_BLOB, .most = limit_permissions},
};
const struct table tenant_permissions_table = {
    "tenant-permissions", "Which clusters, shapes and images a tenant's new VMs may use.",
    sizeof(struct tenant_permissions), field_rows(tenant_permissions_fields)};

static const struct field ssh_key_fields[] = {
    {field_of(struct ssh_key, name), .number = 1, .about = "Your name for the key.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct ssh_key, public_key), .number = 2,
     .about = "The key: type, base64 and a comment, in one line.", .kind = FIELD_BLOB,
     .mask = FIELD_REQUIRED, .most = limit_ssh_key, .check = CHECK_SSH_KEYS},
    {field_of(struct ssh_key, created_ms), .number = 3, .about = "When it was added.",
     .kind = FIELD_U64},
};
const struct table ssh_key_table = {"ssh-key", "An SSH public key for VMs to be made with.",
                                    sizeof(struct ssh_key), field_rows(ssh_key_fields)};

static const struct field tenant_fields[] = {
    {field_of(struct tenant, name), .number = 1, .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct tenant, token_hash), .number = 2, .about = "SHA-256 of its first token.",
     .kind = FIELD_TEXT, .mask = FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
    {field_of(struct tenant, quota), .number = 3,
     .about = "What its VMs may have; 0: as much as there is.", .kind = FIELD_RECORD,
     .table = &amounts_table},
    {field_of(struct tenant, permissions), .number = 4, .about = "What its new VMs may use.",
     .kind = FIELD_RECORD, .table = &tenant_permissions_table},
    {field_of(struct tenant, created_ms), .number = 5, .about = "When it was made.",
     .kind = FIELD_U64},
    {field_list_of(struct tenant, ssh_keys, ssh_keys_count), .number = 6,
     .about = "SSH public keys that it keeps.", .kind = FIELD_LIST, .mask = FIELD_STORE,
     .most = limit_ssh_keys, .table = &ssh_key_table},
    {field_of(struct tenant, images_gib), .number = 7,
     .about = "GiB that images of its own may take; absent: it has none.", .kind = FIELD_U64,
     .most = limit_upload_gib * (uint64_t)limit_images},
    {field_of(struct tenant, salt), .number = 8,
     .about = "What its first token's digest was, which is revoked.", .kind = FIELD_TEXT,
     .mask = FIELD_STORE | FIELD_SECRET, .check = CHECK_DIGEST},
};
const struct table tenant_table = {"tenant", "Who asks for VMs.",
                                   sizeof(struct tenant), field_rows(tenant_fields)};

static const struct field account_fields[] = {
    {field_of(struct account, name), .about = "The tenant's name.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct account, quota), .about = "What its VMs may have; 0: as much as there is.",
     .kind = FIELD_RECORD, .table = &amounts_table},
    {field_of(struct account, used),
     .about = "What they have, from their creation to their true end.", .kind = FIELD_RECORD,
     .table = &amounts_table},
    {field_of(struct account, permissions), .about = "What its new VMs may use.",
     .kind = FIELD_RECORD, .table = &tenant_permissions_table},
    {field_of(struct account, created_ms), .about = "When it was made.", .kind = FIELD_U64},
    {field_of(struct account, images_gib),
     .about = "GiB that images of its own may take; absent: it has none.", .kind = FIELD_U64},
    {field_of(struct account, images_bytes), .about = "Bytes that they take.",
     .kind = FIELD_U64},
};
const struct table account_table = {"account", "A tenant, with what it may have and has.",
                                    sizeof(struct account), field_rows(account_fields)};
