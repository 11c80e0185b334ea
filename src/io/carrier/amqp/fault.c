/* The broker refuses account and password before it has let us in, and single rights after that; a
 * queue that is locked is another one's with our account. */
#include "io/carrier/amqp/fault.h"

#include <amqp.h>

enum carrier_cause_kind amqp_fault_of_code(uint16_t code, bool is_logged_in) {
    switch (code) {
    case AMQP_ACCESS_REFUSED:
        return is_logged_in ? CARRIER_CAUSE_PERMISSION : CARRIER_CAUSE_PASSWORD;
    case AMQP_NOT_ALLOWED:
        return CARRIER_CAUSE_PERMISSION;
    case AMQP_RESOURCE_LOCKED:
        return CARRIER_CAUSE_CONFLICT;
    case AMQP_RESOURCE_ERROR:
        return CARRIER_CAUSE_FULL;
    case AMQP_CONNECTION_FORCED:
        return CARRIER_CAUSE_SHUTDOWN;
    default:
        return CARRIER_CAUSE_LOST;
    }
}

enum carrier_cause_kind amqp_fault_of_status(int status, bool is_logged_in) {
    switch (status) {
    case AMQP_STATUS_TIMEOUT:
    case AMQP_STATUS_HEARTBEAT_TIMEOUT:
        return is_logged_in ? CARRIER_CAUSE_DEAD : CARRIER_CAUSE_SILENT;
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
        return CARRIER_CAUSE_CERTIFICATE;
    case AMQP_STATUS_SSL_ERROR:
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
        return is_logged_in ? CARRIER_CAUSE_LOST : CARRIER_CAUSE_TLS;
    case AMQP_STATUS_BAD_AMQP_DATA:
    case AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
        return CARRIER_CAUSE_STRANGER;
    default:
        return CARRIER_CAUSE_LOST;
    }
}
