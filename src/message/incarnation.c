/* The field tables of incarnations: as they are told, and as both ends keep them. */
#include "message/incarnation.h"

const char *const conflict_names[CONFLICT_COUNT] = {
    [CONFLICT_NONE] = "none", [CONFLICT_STORE] = "another-store",
    [CONFLICT_OLDER] = "older-store", [CONFLICT_MANAGER] = "later-manager",
    [CONFLICT_ADDRESS] = "address-taken",
};

static const struct field incarnation_fields[] = {
    {field_of(struct incarnation, store), .number = 1, .about = "A random number of the store.",
     .kind = FIELD_U64, .most = incarnation_term_most},
    {field_of(struct incarnation, term), .number = 2, .about = "How often it was started, or more.",
     .kind = FIELD_U64, .most = incarnation_term_most},
    {field_of(struct incarnation, run), .number = 3, .about = "A random number of this start.",
     .kind = FIELD_U64, .most = incarnation_term_most},
};
const struct table incarnation_table = {"incarnation", "Which start of which store speaks.",
                                        sizeof(struct incarnation),
                                        field_rows(incarnation_fields)};

static const struct field own_incarnation_fields[] = {
    {field_of(struct own_incarnation, key), .number = 1, .about = "The key.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_NAME},
    {field_of(struct own_incarnation, incarnation), .number = 2,
     .about = "Of this store, at its last start.", .kind = FIELD_RECORD,
     .table = &incarnation_table},
    {field_of(struct own_incarnation, later), .number = 3,
     .about = "The term of a later manager by this name; absent: none is known.",
     .kind = FIELD_U64},
    {field_of(struct own_incarnation, lease_ms), .number = 4,
     .about = "The longest lease that was ever given; absent: none was.", .kind = FIELD_U64,
     .most = limit_lease_ms},
};
const struct table own_incarnation_table = {"own-incarnation", "What this store is.",
                                            sizeof(struct own_incarnation),
                                            field_rows(own_incarnation_fields)};

static const struct field known_incarnation_fields[] = {
    {field_of(struct known_incarnation, peer), .number = 1, .about = "Whose it is.",
     .kind = FIELD_TEXT, .mask = FIELD_REQUIRED},
    {field_of(struct known_incarnation, incarnation), .number = 2,
     .about = "The newest that was believed.", .kind = FIELD_RECORD, .table = &incarnation_table},
};
const struct table known_incarnation_table = {"known-incarnation", "What a peer's store is.",
                                              sizeof(struct known_incarnation),
                                              field_rows(known_incarnation_fields)};
