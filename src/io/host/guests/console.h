/* The logs of VMs' serial consoles, which nobody but their guests bounds. */
#pragma once

/* Gives back what they take of the disk beyond their newest part; `vms` is the folder of VMs. */
void host_consoles_trim(const char *vms);
