/* Which cause of a lost connection librabbitmq and the broker mean by their numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "io/carrier/cause.h"

/* The broker's reply code, by which it closes a connection or a channel. */
enum carrier_cause_kind amqp_fault_of_code(uint16_t code, bool is_logged_in);

/* The library's status. */
enum carrier_cause_kind amqp_fault_of_status(int status, bool is_logged_in);
