/* What a manager serves: images to its peers, and streams to them and to viewers. */
#pragma once

#include "main/init/setup.h"

/* Adds all that --set gives, then the place of images and its URL, with a certificate by an
 * authority of our own where it is not for this machine alone; and [streams] beside it. */
int serving_add(struct setup *setup, struct error *err);
