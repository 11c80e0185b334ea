/* Where a manager's peers fetch images. */
#pragma once

#include "main/init/setup.h"

/* Adds all that --set gives, then the place and its URL, and a certificate for it by an authority
 * of our own, where it is not for this machine alone and --set gives none. */
int serving_add(struct setup *setup, struct error *err);
