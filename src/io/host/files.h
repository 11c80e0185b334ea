/* The files of a host: the cache of unpacked images and one folder per VM.
 *
 *   <folder>/images/<digest>/         manifest.json, disk; complete as soon as it is there
 *   <folder>/images/<digest>.gone     on its way out (cache/cache.h)
 *   <folder>/images/<digest>.archive  (with .part) a download under way
 *   <folder>/vms/<vm id>/             disk.qcow2, seed.iso, console.log, agent.sock (where libvirt
 *                                     hears the guest's agent), nvram.fd (its UEFI variables),
 *                                     boot (the id of the host's own boot in which the VM was last
 *                                     started), copied (copy/kept.h), copy/ (while a copy is made)
 *
 * Everything is made under a temporary name, synced and renamed, so that any act can be repeated
 * after a kill. One act per image and one per VM at a time; the caller's lanes see to that. */
#pragma once

#include <pthread.h>
#include <sys/stat.h>

#include "core/effect.h"
#include "io/image/archive.h"
#include "io/image/download.h"

/* What the image that was asked for last is: so it stays while its disk is the same file. */
struct host_image {
    pthread_mutex_t lock; /* guards all below */
    char digest[limit_digest_size];
    struct stat disk;
    struct image_facts facts;
};

struct host_files {
    char *folder; /* absolute */
    struct host_image *image;
    struct image_source from; /* its reserve is that of the folder, for all */
    uint64_t most_bytes;                /* of an image's disk; 0: any */
};

enum { host_path_size = 4096 };

struct host_vm_paths {
    char folder[host_path_size], disk[host_path_size], seed[host_path_size];
    char console_log[host_path_size], agent_socket[host_path_size];
    char nvram[host_path_size];
};

/* Makes the folders and removes what an earlier process left half-made. */
int host_files_open(struct host_files *files, struct error *err);
void host_files_close(struct host_files *files);

void host_vm_paths(const struct host_files *files, const char *vm, struct host_vm_paths *out);

/* Is it in the cache, complete? One look at the file system. */
bool host_image_is_here(const struct host_files *files, const char *digest);

/* Downloads and unpacks unless it is there, for VMs with a disk of so much at the most.
 * CODE_NO_CAPACITY: the folder's disk has no room for it. */
enum code host_image_fetch(const struct host_files *files, const char *digest, uint32_t disk_gib,
                           struct error *err);

/* Is the image here, and does it fit into the definition's disk? Fills its facts. */
enum code host_image_find(const struct host_files *files, const struct definition *definition,
                          struct image_facts *out_facts, struct error *err);

/* Where an image's disk is. */
void host_image_disk(const struct host_files *files, const char *digest,
                     char out_path[host_path_size]);

/* Makes the VM's folder with a seed and a fresh disk (a qcow2 overlay on the image), which becomes
 * the VM's by host_disk_replace(). */
enum code host_vm_prepare(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err);

/* A fresh disk beside the VM's own, with a seed of the definition, or of the first-boot data that
 * the VM has; then it takes the own one's place. */
enum code host_disk_renew(const struct host_files *files, const struct effect_job *job,
                          const struct image_facts *facts, struct error *err);
enum code host_disk_replace(const struct host_files *files, const char *vm, struct error *err);

/* Where that disk is until then. */
void host_disk_unfinished(const struct host_files *files, const char *vm,
                          char out_path[host_path_size]);

/* Grows the disk of a VM that is off, if it is smaller. */
enum code host_disk_grow(const struct host_files *files, const char *vm, uint32_t gib,
                         struct error *err);

/* How large the VM's disk is, and the digest of the image that it is made from. False: unknown. */
bool host_disk_read(const struct host_files *files, const char *vm, uint32_t *out_gib,
                    char out_image[limit_digest_size]);

/* As host_disk_read, of a disk that may be anywhere. */
bool host_disk_read_at(const char *path, uint32_t *out_gib, char out_image[limit_digest_size]);

/* Notes that the VM was started in this boot of the host, and tells whether it was. What cannot
 * be noted or read was not: such a VM is started again rather than forgotten. */
void host_vm_note_boot(const struct host_files *files, const char *vm);
bool host_vm_is_of_this_boot(const struct host_files *files, const char *vm);

/* Removes the VM's folder; gone already: no harm. */
/* JOB_EVICT: all that there is of it goes to `salvage/VM-EPOCH`; JOB_REMOVE: is removed. Gone
 * already: no harm. */
struct effect_job;
int host_vm_end(const struct host_files *files, const struct effect_job *job, struct error *err);
int host_vm_remove(const struct host_files *files, const char *vm, struct error *err);
