/* A row for each mark of the graph, the oldest first. */
#include "cli/usage.h"

#include <stdio.h>

#include "cli/call.h"
#include "message/records/usage.h"

static struct words a_second(uint32_t bytes) {
    struct words words;
    text_format(words.text, sizeof(words.text), "%s/s", words_bytes(bytes).text);
    return words;
}

static void print(const struct usage_graph *graph) {
    struct sheet sheet = {0};
    sheet_heads(&sheet, "TIME CPU MEMORY READS WRITES RECEIVES SENDS");
    for (uint32_t i = 0; i < graph->marks_count; i++) {
        const struct usage *usage = &graph->marks[i].usage;
        sheet_add(&sheet, "%s", words_date(graph->marks[i].at_ms).text);
        sheet_add(&sheet, "%u.%u %%", usage->cpu_permille / 10, usage->cpu_permille % 10);
        sheet_add(&sheet, "%s", words_mib(usage->memory_mib).text);
        sheet_add(&sheet, "%s", a_second(usage->disk_read).text);
        sheet_add(&sheet, "%s", a_second(usage->disk_written).text);
        sheet_add(&sheet, "%s", a_second(usage->net_received).text);
        sheet_add(&sheet, "%s", a_second(usage->net_sent).text);
    }
    sheet_print(&sheet);
    sheet_deinit(&sheet);
}

int vm_usage(const struct options *options) {
    struct usage_graph graph;
    struct call call;
    call_init(&call, options, "GET", "/v1/vms");
    call_add_segment(&call, options->words[2]);
    call_add_segment(&call, "usage");
    int result = call_run(&call);
    if (result == EXIT_DONE)
        result = call_decode(&call, &usage_graph_table, &graph);
    if (result == EXIT_DONE && options->output == OUTPUT_JSON)
        puts(text_data(&call.http.answer));
    else if (result == EXIT_DONE && graph.marks_count)
        print(&graph);
    else if (result == EXIT_DONE)
        say(graph.every_seconds ? "nothing has been told of it yet: it is while it runs, a few "
                                  "minutes later, where its cluster's owner lets it be seen"
                                : "this manager does not ask what VMs use");
    if (result == EXIT_DONE)
        record_clear(&usage_graph_table, &graph);
    call_deinit(&call);
    return result;
}
