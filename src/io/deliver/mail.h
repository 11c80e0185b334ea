/* What a mail to a contact says: the whole message, its head too, by RFC 5322, lines ended by CRLF.
 * Names stand in it that others chose, so it holds nothing but printable ASCII and line ends of its
 * own making. It is the same bytes however often it is sent, with the delivery's id. */
#pragma once

#include "base/text.h"
#include "message/records/contact.h"

void mail_print(const struct contact *contact, const struct delivery *delivery, const char *from,
                struct text *out);
