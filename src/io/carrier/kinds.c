/* Which kinds there are. */
#include "io/carrier/kinds.h"

#include "base/text.h"
#include "io/carrier/amqp/connection.h"
#include "io/carrier/http/connection.h"
#include "io/carrier/xmpp/connection.h"
#include "io/carrier/zeromq/connection.h"

static const struct carrier_kind *const kinds[] = {&xmpp_kind, &http_kind, &amqp_kind,
                                                   &zeromq_kind};

const struct carrier_kind *carrier_kind_find(const char *name) {
    for (size_t i = 0; i < array_size(kinds); i++)
        if (text_equal(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

void carrier_prepare(void) {
    for (size_t i = 0; i < array_size(kinds); i++)
        if (kinds[i]->prepare)
            kinds[i]->prepare();
}
