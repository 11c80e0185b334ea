/* What is typed goes to the VM, what it says to the terminal; ^] leaves. */
#include "cli/reach/console.h"

#include "cli/reach/talk.h"
#include "cli/reach/ticket.h"

int vm_console(const struct options *options) {
    const char *vm = options->words[2];
    struct stream_ticket ticket;
    int result = ticket_ask(options, vm, 0, &ticket);
    return result == EXIT_DONE ? talk(options, &ticket, vm) : result;
}
