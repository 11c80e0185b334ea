/* What is typed goes to the VM, what it says to the terminal; ^] leaves. */
#include "cli/reach/console.h"

#include "cli/reach/talk.h"
#include "cli/reach/ticket.h"

int vm_console(const struct options *options) {
    const struct ticket_for to = {options->words[2], STREAM_TO_CONSOLE};
    struct stream_ticket ticket;
    int result = ticket_ask(options, &to, &ticket);
    return result == EXIT_DONE ? talk(options, &ticket, to.vm) : result;
}
