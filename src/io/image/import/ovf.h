/* The descriptor of an OVA (DMTF DSP0243): which of its files is the one disk. */
#pragma once

#include <stddef.h>

#include "base/error.h"

enum { ovf_name_size = 128 };

/* Is it a name that a file beside it may have: no path, no address? */
int ovf_name_judge(const char *name, struct error *err);

/* 0 with the disk's file; positive with `err`: refused. */
int ovf_read(const char *xml, size_t length, char out_name[ovf_name_size], struct error *err);
