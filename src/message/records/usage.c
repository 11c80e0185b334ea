/* The field tables of what VMs use: on the links, and for tenants. */
#include "message/records/usage.h"

#include "message/codec.h"

static const struct field usage_fields[] = {
    {field_of(struct usage, cpu_permille), .number = 1,
     .about = "Of one processor, in thousandths: two that are busy are 2000.", .kind = FIELD_U32},
    {field_of(struct usage, memory_mib), .number = 2,
     .about = "Memory that its host has given it by now, in MiB.", .kind = FIELD_U32},
    {field_of(struct usage, disk_read), .number = 3,
     .about = "Bytes a second that are read from its disk.", .kind = FIELD_U32},
    {field_of(struct usage, disk_written), .number = 4,
     .about = "Bytes a second that are written to it.", .kind = FIELD_U32},
    {field_of(struct usage, net_received), .number = 5,
     .about = "Bytes a second that come to it by its networks.", .kind = FIELD_U32},
    {field_of(struct usage, net_sent), .number = 6, .about = "Bytes a second that it sends.",
     .kind = FIELD_U32},
};
static const struct table usage_table = {"usage", "What a VM uses, on average.",
                                         sizeof(struct usage), field_rows(usage_fields)};

static const struct field vm_usage_fields[] = {
    {field_of(struct vm_usage, vm), .number = 1, .about = "Id of the VM.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct vm_usage, epoch), .number = 2, .about = "Of the VM.", .kind = FIELD_U32,
     .mask = FIELD_REQUIRED, .least = 1},
    {field_of(struct vm_usage, usage), .number = 3, .about = "Since it was told last.",
     .kind = FIELD_RECORD, .table = &usage_table},
};
static const struct table vm_usage_table = {"vm-usage", "What a VM uses.",
                                            sizeof(struct vm_usage), field_rows(vm_usage_fields)};

static const struct field usages_fields[] = {
    {field_list_of(struct usages, vms, vms_count), .number = 1,
     .about = "VMs that run.", .kind = FIELD_LIST, .most = limit_usage_chunk,
     .table = &vm_usage_table},
};
const struct table usages_table = {"usages", "What VMs use, for who has asked.",
                                   sizeof(struct usages), field_rows(usages_fields)};

static const struct field usage_mark_fields[] = {
    {field_of(struct usage_mark, at_ms), .about = "When it was so, or until then.",
     .kind = FIELD_U64, .mask = FIELD_REQUIRED},
    {field_of(struct usage_mark, usage), .about = "On average since the mark before.",
     .kind = FIELD_RECORD, .table = &usage_table},
};
static const struct table usage_mark_table = {"usage-mark", "One mark of a graph.",
                                              sizeof(struct usage_mark),
                                              field_rows(usage_mark_fields)};

static const struct field usage_graph_fields[] = {
    {field_of(struct usage_graph, vm), .about = "The VM's id.", .kind = FIELD_TEXT,
     .mask = FIELD_REQUIRED, .check = CHECK_ID},
    {field_of(struct usage_graph, every_seconds),
     .about = "Between the newest two marks; absent: this manager does not ask for it.",
     .kind = FIELD_U32},
    {field_list_of(struct usage_graph, marks, marks_count),
     .about = "The oldest first; those of the last hour are closer than those before. Absent: "
              "nothing was told of it, or the manager has begun since.",
     .kind = FIELD_LIST, .most = limit_usage_marks, .table = &usage_mark_table},
};
const struct table usage_graph_table = {"usage-graph", "What a VM has used, for a graph.",
                                        sizeof(struct usage_graph),
                                        field_rows(usage_graph_fields)};
