/* Who may import an image, and what is left on the disk at whichever point an upload ends: its
 * stages, and the thread that checks the archive, or has one made of a disk in a sandbox. A file
 * whose digest is said is kept when it breaks off (part.h). */
#include "io/rest/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/image/archive.h"
#include "io/image/import/sandbox.h"
#include "io/image/import/wrap.h"
#include "io/image/signature.h"
#include "io/os/disk.h"
#include "io/os/folder.h"
#include "io/rest/answer.h"
#include "io/rest/hashing.h"
#include "io/rest/part.h"
#include "message/codec.h"

/* UPLOAD_ADMITTING  asked the role whether it may come, or is there
 * UPLOAD_TAKING     the file goes into a temporary one, or behind what is there of it
 * UPLOAD_CHECKING   a thread of its own makes or reads the archive and puts it into its place; one
 *                   upload at a time is from here to its end (rest->publishing), so that what an
 *                   upload removes after a refusal cannot be what another has just added
 * UPLOAD_ADDING     asked the role to record the image */
enum upload_stage { UPLOAD_ADMITTING, UPLOAD_TAKING, UPLOAD_CHECKING, UPLOAD_ADDING };

enum { most_parts = 16 /* that broke off */, most_of_tenant = 2 };

struct rest_upload {
    struct rest *rest;
    struct rest_call *call; /* NULL: its client went away; guarded, like all below from the check */
    enum upload_stage stage;
    int fd;
    struct list node;          /* in rest->uploads */
    char part[part_name_size]; /* the file's name where it may go on; "": it may not */
    struct image_sent sent;
    struct upload progress;    /* guarded */
    char *path;   /* of the file */
    char *folder; /* where its archive is made; NULL: it is one */
    uint64_t bytes;
    uint64_t declared_bytes; /* 0: it does not say */
    struct disk_guard guard;
    atomic_bool cancel; /* its client went away, or we stop: the check is given up */
    bool checked;    /* the thread is done */
    bool publishing; /* it is this upload's turn */
    bool is_new, is_signed; /* the archive, which was not there before, so far */
    bool refused;    /* with `problem` */
    struct problem problem;
    struct image_facts facts;
    struct image said; /* of it, by parameters; a zero: nothing */
    char token_hash[limit_digest_size], tenant[limit_name_size];
};

static const uint64_t gib = UINT64_C(1) << 30;

void rest_upload_sweep(const char *folder) { part_sweep(folder, PART_SWEEP_AT_START); }

static char *blob_path(const struct rest_upload *upload) {
    struct text path = {0};
    text_addf(&path, "%s/%s", upload->rest->image_folder, upload->facts.digest);
    return path.data;
}

/* What is not to be an image leaves nothing. */
static void take_back(struct rest_upload *upload) {
    char *path auto_clean(memory_clean) = blob_path(upload);
    if (upload->is_signed)
        signature_take_back(path);
    if (upload->is_new)
        (void)unlink(path);
    upload->is_new = upload->is_signed = false;
}

/* Called with rest->lock held. */
static void upload_free(struct rest_upload *upload) {
    struct rest *rest = upload->rest;
    if (upload->publishing)
        rest->publishing = false;
    rest->uploads_count--;
    list_remove(&upload->node);
    pthread_cond_broadcast(&rest->uploads_changed);
    if (upload->path && (!upload->part[0] || !upload->bytes))
        (void)unlink(upload->path);
    if (upload->folder)
        (void)folder_remove(upload->folder, NULL);
    fd_clean(&upload->fd);
    memory_free(upload->path);
    memory_free(upload->folder);
    memory_free(upload);
}

void rest_upload_close(struct rest_call *call) {
    struct rest_upload *upload = take(call->upload);
    if (!upload)
        return;
    if (upload->stage == UPLOAD_CHECKING && !upload->checked) {
        upload->call = NULL; /* the thread frees it */
        atomic_store(&upload->cancel, true);
        return;
    }
    /* In UPLOAD_ADDING the role may have recorded it: what cannot be known is kept. */
    if (upload->stage == UPLOAD_CHECKING)
        take_back(upload);
    upload_free(upload);
}

static char *made_path(const struct rest_upload *upload) {
    struct text path = {0};
    text_addf(&path, "%s%s", upload->folder ? upload->folder : upload->path,
              upload->folder ? "/archive" : "");
    return path.data;
}

/* What came is of no use any more, whatever became of it. */
static void drop_file(struct rest_upload *upload) {
    if (upload->path)
        (void)unlink(upload->path);
    memory_free(take(upload->path));
    if (upload->folder)
        (void)folder_remove(upload->folder, NULL);
    memory_free(take(upload->folder));
}

/* Puts the checked archive into its place, when it is this upload's turn. */
static void publish(struct rest_upload *upload) {
    struct rest *rest = upload->rest;
    struct error err;
    pthread_mutex_lock(&rest->lock);
    while (rest->publishing)
        pthread_cond_wait(&rest->uploads_changed, &rest->lock);
    rest->publishing = upload->publishing = true;
    pthread_mutex_unlock(&rest->lock);
    char *path auto_clean(memory_clean) = blob_path(upload);
    char *made auto_clean(memory_clean) = made_path(upload);
    upload->is_new = access(path, F_OK) != 0;
    int fault = folder_commit(made, path, &err);
    upload->is_new = upload->is_new && !fault;
    if (!fault && rest->image_key)
        fault = signature_add(rest->image_key, path, upload->said.name, &err);
    upload->is_signed = !fault && rest->image_key;
    if (!fault) {
        drop_file(upload);
        return;
    }
    upload->refused = true;
    problem_set(&upload->problem, CODE_INTERNAL, NULL, "The archive could not be put into its "
                "place; the log tells why");
    shell_log(rest->shell, LOG_ERROR, "upload-failed", "%s", err.text);
}

/* The words of a refusal, without our temporary names, which tell nothing to who sent it. */
static void refuse_file(struct rest_upload *upload, const struct error *err) {
    const char *path = upload->path ? strstr(err->text, upload->path) : NULL;
    bool is_broken = err->code > 0 || err->code == -EINVAL;
    upload->refused = true;
    if (!is_broken)
        shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "%s", err->text);
    if (err->code == -ENOSPC || err->code == -EDQUOT) {
        problem_set(&upload->problem, CODE_FULL, NULL, "The disk with the image folder has no room "
                    "for what comes out of it");
        return; /* what came stays, if it may go on */
    } else if (!is_broken) {
        problem_set(&upload->problem, CODE_INTERNAL, NULL, "The file could not be checked; the log "
                    "tells why");
        return;
    } else if (upload->folder) {
        problem_set(&upload->problem, CODE_IMAGE_BROKEN, NULL, "The file%s%s",
                    path ? "" : ": ", path ? path + strlen(upload->path) : err->text);
        problem_set_status(&upload->problem, upload->problem.status,
                           "do what is said of the file, and import that");
    } else {
        problem_set(&upload->problem, CODE_IMAGE_BROKEN, NULL, "The archive%s%s",
                    path ? "" : ": ", path ? path + strlen(upload->path) : err->text);
        problem_set_status(&upload->problem, upload->problem.status,
                           "make the archive again as the guide says, and import that");
    }
    drop_file(upload); /* before the answer, which says that nothing was kept */
}

static void on_stage(void *context, const char *stage, uint64_t done, uint64_t all) {
    struct rest_upload *upload = context;
    pthread_mutex_lock(&upload->rest->lock);
    text_format(upload->progress.stage, sizeof(upload->progress.stage), "%s", stage);
    upload->progress.done = done;
    upload->progress.all = all;
    pthread_mutex_unlock(&upload->rest->lock);
}

/* What is no archive is taken for a disk, and an archive made of it. */
static int make_archive(struct rest_upload *upload, struct error *err) {
    enum wrap wrap;
    struct rest *rest = upload->rest;
    int fault = wrap_find(upload->path, &wrap, err);
    if (fault || wrap == WRAP_ARCHIVE)
        return fault;
    struct text folder = {0};
    text_addf(&folder, "%s/upload-XXXXXX", rest->image_folder);
    if (!mkdtemp(folder.data)) {
        error_set(err, -errno, "make %s: %s", folder.data, strerror(errno));
        text_deinit(&folder);
        return err->code;
    }
    upload->folder = folder.data;
    const struct sandbox sandbox = {.converter = rest->image_converter,
                                    .file = upload->path,
                                    .folder = upload->folder,
                                    .architecture = upload->said.architecture,
                                    .most_bytes = rest->max_image_bytes,
                                    .reserve_bytes = rest->image_reserve_bytes,
                                    .cancel = &upload->cancel,
                                    .on_stage = on_stage,
                                    .context = upload};
    return sandbox_convert(&sandbox, err);
}

/* The digest that was said, or what it is. */
static int check_source(struct rest_upload *upload, struct hashing *hashing, struct error *err) {
    int fault = hashing_end(hashing, upload->said.source, err);
    if (fault || !*upload->sent.digest || text_equal(upload->sent.digest, upload->said.source))
        return fault;
    return error_set(err, -EINVAL, "%s has the digest %s, not the one that was said; send it again",
                     upload->path, upload->said.source);
}

static void *check_run(void *argument) {
    struct rest_upload *upload = argument;
    struct rest *rest = upload->rest;
    struct error err = {0};
    const struct image_bounds bounds = {.most_bytes = rest->max_image_bytes,
                                        .cancel = &upload->cancel};
    on_stage(upload, "checking", 0, 0);
    struct hashing hashing;
    struct error of_hash = {0};
    hashing_begin(&hashing, upload->path);
    int fault = make_archive(upload, &err);
    int other = check_source(upload, &hashing, &of_hash);
    if (other) { /* what came is not what was sent: that explains the rest */
        fault = other;
        err = of_hash;
    }
    char *made auto_clean(memory_clean) = made_path(upload);
    if (!fault)
        on_stage(upload, "checking", 0, 0);
    if (!fault)
        fault = image_archive_check(made, &bounds, &upload->facts, &err);
    if (!fault)
        publish(upload);
    else if (!atomic_load(&upload->cancel)) /* or nobody is there to be told */
        refuse_file(upload, &err);
    pthread_mutex_lock(&rest->lock);
    upload->checked = true;
    if (upload->call) {
        http_resume(&upload->call->http);
    } else {
        take_back(upload);
        upload_free(upload);
    }
    pthread_mutex_unlock(&rest->lock);
    return NULL;
}

static enum http_next refuse(struct rest_call *call, enum code code, const char *detail) {
    struct problem problem;
    problem_set(&problem, code, NULL, "%s", detail);
    return rest_refuse(call, &problem);
}

static const struct field *field_named(const struct table *table, const char *name) {
    for (size_t i = 0; i < table->fields_count; i++)
        if (text_equal(table->fields[i].name, name) && !text_equal(name, "name"))
            return &table->fields[i];
    return NULL;
}

/* The name, what is said of the image, and which part of its file comes. False: `problem`. */
static bool take_words(const struct rest_call *call, struct image *image,
                       struct image_sent *sent, struct problem *problem) {
    struct codec_fault fault;
    if (codec_field_from_text(&image_add_table.fields[0], call->key, image, &fault)) {
        problem_set(problem, CODE_INVALID, "name", "The image's name %s", fault.text);
        return false;
    }
    for (size_t i = 0; i < call->http.parameters_count; i++) {
        const struct http_pair *pair = &call->http.parameters[i];
        const struct field *field = field_named(&image_add_table, pair->name);
        const struct field *of_sent = field_named(&image_sent_table, pair->name);
        if (!field && !of_sent)
            problem_set(problem, CODE_INVALID, pair->name, "%.60s is not a parameter of this "
                        "route; /v1/openapi.json tells which are", pair->name);
        else if (codec_field_from_text(field ? field : of_sent, pair->value,
                                       field ? (void *)image : (void *)sent, &fault))
            problem_set(problem, CODE_INVALID, fault.field, "%s %s", fault.field, fault.text);
        else
            continue;
        return false;
    }
    if (call->http.parameters_full || (sent->offset && !*sent->digest)) {
        problem_set(problem, CODE_INVALID, "offset", "offset needs a digest beside it, and there "
                    "may be so many parameters");
        return false;
    }
    return true;
}

/* Takes its place among those under way. False: `problem`. Under the lock. */
static bool enter(struct rest *rest, struct rest_upload *upload, struct problem *problem) {
    bool is_open = false;
    list_for(const struct rest_upload, it, &rest->uploads, node) {
        is_open |= upload->part[0] && text_equal(it->part, upload->part);
    }
    if (is_open) {
        problem_set(problem, CODE_BUSY, NULL, "You are sending the same file already");
        problem_set_status(problem, problem->status, "wait for the end of that upload");
    } else if (rest->uploads_count == limit_uploads) {
        problem_set(problem, CODE_FULL, NULL, "%d other images are being imported",
                    limit_uploads);
        problem_set_status(problem, problem->status, "try again when one of them has ended");
    } else {
        rest->uploads_count++;
        list_add(&rest->uploads, &upload->node);
        return true;
    }
    return false;
}

enum http_next rest_upload_begin(struct rest *rest, struct rest_call *call) {
    struct problem problem;
    struct image said = {0};
    struct image_sent sent = {0};
    const char *length = http_header(&call->http, "Content-Length");
    uint64_t declared = length ? strtoull(length, NULL, 10) : 0;
    if (!take_words(call, &said, &sent, &problem)) {
        return rest_refuse(call, &problem);
    } else if (declared > limit_upload_gib * gib) {
        problem_set(&problem, CODE_TOO_LARGE, NULL, "An image's file may have %d GiB",
                    limit_upload_gib);
        return rest_refuse(call, &problem);
    }
    struct rest_upload *upload = memory_new(1, sizeof(*upload));
    upload->rest = rest;
    upload->call = call;
    upload->fd = -1;
    upload->said = said;
    upload->sent = sent;
    upload->declared_bytes = declared;
    text_set(upload->token_hash, call->token_hash);
    if (*sent.digest)
        part_name(upload->token_hash, sent.digest, upload->part);
    pthread_mutex_lock(&rest->lock);
    bool entered = enter(rest, upload, &problem);
    if (entered)
        call->upload = upload;
    pthread_mutex_unlock(&rest->lock);
    if (!entered) {
        memory_free(upload);
        return rest_refuse(call, &problem);
    }
    struct request request = {.kind = REQUEST_IMAGE_ADMIT, .image = said};
    text_set(request.image.source, sent.digest);
    request.image.archive_bytes = declared + sent.offset; /* of the file, so far */
    text_set(request.token_hash, upload->token_hash);
    text_set(request.key, said.name);
    rest_ask(rest, call, &request);
    return HTTP_HOLD;
}

static enum http_next refuse_write(struct rest_upload *upload, const struct error *err) {
    shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "%s", err->text);
    return err->code == -ENOSPC || err->code == -EDQUOT
               ? refuse(upload->call, CODE_FULL, "The disk with the image folder has no room "
                        "for it")
               : refuse(upload->call, CODE_INTERNAL, "The file could not be written; the log "
                        "tells why");
}

static enum http_next take_room(struct rest_upload *upload, struct disk_guard *guard,
                                uint64_t bytes) {
    struct error err;
    return disk_guard_take(guard, bytes, &err) ? refuse_write(upload, &err) : HTTP_READ;
}

static int open_file(struct rest_upload *upload, struct error *err) {
    struct text path = {0};
    text_addf(&path, "%s/%s", upload->rest->image_folder,
              upload->part[0] ? upload->part : "upload-XXXXXX");
    upload->path = path.data;
    upload->fd = upload->part[0] ? open(path.data, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)
                                 : mkostemp(path.data, O_CLOEXEC);
    struct stat facts = {0};
    if (upload->fd < 0 || fstat(upload->fd, &facts) < 0)
        return error_set(err, -errno, "make %s: %s", path.data, strerror(errno));
    upload->bytes = upload->sent.offset;
    if (upload->sent.offset > (uint64_t)facts.st_size)
        return error_set(err, -ERANGE, "%llu bytes", (unsigned long long)facts.st_size);
    if (ftruncate(upload->fd, (off_t)upload->bytes) < 0 ||
        lseek(upload->fd, (off_t)upload->bytes, SEEK_SET) < 0)
        return error_set(err, -errno, "cut %s: %s", path.data, strerror(errno));
    return 0;
}

static unsigned uploads_of(struct rest *rest, const char *tenant) {
    unsigned count = 0;
    pthread_mutex_lock(&rest->lock);
    list_for(const struct rest_upload, it, &rest->uploads, node) {
        count += text_equal(it->tenant, tenant);
    }
    pthread_mutex_unlock(&rest->lock);
    return count;
}

/* The archive was there, and has one more name by now, it may be: it is signed for that, too. */
static void sign_again(struct rest_upload *upload, const struct image *image) {
    struct error err;
    text_set(upload->facts.digest, image->digest);
    char *path auto_clean(memory_clean) = blob_path(upload);
    const struct minisign_secret *key = upload->rest->image_key;
    if (key && signature_add_name(key, path, image->name, &err))
        shell_log(upload->rest->shell, LOG_WARNING, "image-not-signed", "image=%s why=%s",
                  image->name, err.text);
}

/* The role let it come, unless the image is there already, which it has answered. */
static enum http_next admit(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    struct reply *reply = &call->reply;
    struct error err;
    if (reply->kind != REPLY_PROBLEM && reply->record.table == &image_table)
        sign_again(upload, reply->record.data);
    if (reply->kind == REPLY_PROBLEM || reply->record.table == &image_table) {
        rest_answer_reply(upload->rest, call);
        return HTTP_DONE;
    }
    text_set(upload->tenant, ((const struct whoami *)reply->record.data)->tenant);
    reply_clear(reply);
    if (*upload->tenant && !upload->declared_bytes && !upload->sent.offset)
        return refuse(call, CODE_INVALID, "A tenant's file comes with its Content-Length");
    if (*upload->tenant && uploads_of(upload->rest, upload->tenant) > most_of_tenant)
        return refuse(call, CODE_FULL, "You are importing other images: wait for their end");
    part_sweep(upload->rest->image_folder, PART_SWEEP_OLD);
    if (upload->part[0] && !upload->sent.offset &&
        part_count(upload->rest->image_folder) >= most_parts)
        upload->part[0] = 0; /* too many broke off: this one then begins anew */
    int fault = open_file(upload, &err);
    if (fault == -ERANGE)
        return refuse(call, CODE_CONFLICT, "Of this file less is here than it is to go on from; "
                      "/v1/uploads/ tells how much");
    if (fault) {
        shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "%s", err.text);
        return refuse(call, CODE_INTERNAL, "No file could be made in the image folder");
    }
    upload->guard = (struct disk_guard){.fd = upload->fd,
                                        .reserve_bytes = upload->rest->image_reserve_bytes};
    upload->stage = UPLOAD_TAKING;
    struct disk_guard all = upload->guard;
    return take_room(upload, &all, upload->declared_bytes);
}

enum http_next rest_upload_piece(struct rest_call *call, const char *bytes, size_t length) {
    struct rest_upload *upload = call->upload;
    struct error err;
    upload->bytes += length;
    if (upload->bytes > limit_upload_gib * gib)
        return refuse(call, CODE_TOO_LARGE, "The file is over the limit");
    enum http_next next = take_room(upload, &upload->guard, length);
    if (next != HTTP_READ)
        return next;
    int result = file_write(upload->fd, bytes, length, upload->path, &err);
    return result == 0 ? HTTP_READ : refuse_write(upload, &err);
}

enum http_next rest_upload_complete(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    pthread_t thread;
    upload->stage = UPLOAD_CHECKING;
    http_hold(&call->http);
    int result = pthread_create(&thread, NULL, check_run, upload);
    if (result == 0) {
        (void)pthread_detach(thread); /* rest_stop waits by uploads_count */
        return HTTP_HOLD;
    }
    upload->checked = upload->refused = true;
    problem_set(&upload->problem, CODE_INTERNAL, NULL, "No thread could be started to check the "
                "file: %s", strerror(result));
    http_resume(&call->http);
    return HTTP_HOLD;
}

/* What is said of it, and what its archive tells where nothing is. */
static void describe(const struct rest_upload *upload, struct image *out) {
    const struct image_facts *facts = &upload->facts;
    uint32_t disk_gib = (uint32_t)((facts->disk_bytes + gib - 1) / gib);
    *out = upload->said;
    text_set(out->digest, facts->digest);
    text_set(out->architecture, facts->architecture);
    out->archive_bytes = facts->archive_bytes;
    if (out->disk_gib < disk_gib)
        out->disk_gib = disk_gib;
    machine_complete(&out->machine, &facts->machine);
    if (!out->cloud_init)
        out->cloud_init = facts->cloud_init;
    if (!out->guest_agent)
        out->guest_agent = facts->guest_agent;
}

enum http_next rest_upload_ask(struct rest *rest, struct rest_call *call) {
    struct request request = {.kind = REQUEST_WHOAMI};
    text_set(request.token_hash, call->token_hash);
    rest_ask(rest, call, &request);
    return HTTP_HOLD;
}

enum http_next rest_upload_show(struct rest *rest, struct rest_call *call) {
    if (call->reply.kind == REPLY_PROBLEM) {
        rest_answer_reply(rest, call);
        return HTTP_DONE;
    }
    reply_clear(&call->reply);
    struct upload shown = {0};
    struct stat facts;
    char name[part_name_size], path[4096];
    part_name(call->token_hash, call->key, name);
    text_format(path, sizeof(path), "%s/%s", rest->image_folder, name);
    bool is_there = strlen(call->key) == limit_digest_size - 1 && stat(path, &facts) == 0;
    if (!is_there)
        return refuse(call, CODE_NOT_FOUND, "Nothing of a file with this digest has come from you, "
                      "or it has become an image");
    text_set(shown.stage, "broken-off");
    pthread_mutex_lock(&rest->lock);
    list_for(const struct rest_upload, it, &rest->uploads, node) {
        if (text_equal(it->part, name))
            shown = it->progress;
    }
    pthread_mutex_unlock(&rest->lock);
    if (!*shown.stage)
        text_set(shown.stage, "receiving");
    text_set(shown.digest, call->key);
    shown.bytes = (uint64_t)facts.st_size;
    rest_answer_record(call, 200, &upload_table, &shown);
    return HTTP_DONE;
}

static enum http_next add(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    const struct image_facts *facts = &upload->facts;
    const char *said = upload->said.architecture;
    if (!upload->refused && *said && !text_equal(said, facts->architecture)) {
        upload->refused = true;
        problem_set(&upload->problem, CODE_IMAGE_BROKEN, "architecture", "The archive's manifest "
                    "says %s", facts->architecture);
    }
    if (upload->refused) {
        take_back(upload);
        return rest_refuse(call, &upload->problem);
    }
    struct request request = {.kind = REQUEST_IMAGE_ADD};
    text_set(request.token_hash, upload->token_hash);
    text_set(request.key, upload->said.name);
    describe(upload, &request.image);
    upload->stage = UPLOAD_ADDING;
    rest_ask(upload->rest, call, &request);
    return HTTP_HOLD;
}

static enum http_next finish(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    const struct reply *reply = &call->reply;
    bool is_unknown = reply->code == CODE_SHUTTING_DOWN || reply->code == CODE_INTERNAL;
    if (reply->kind == REPLY_PROBLEM && !is_unknown)
        take_back(upload);
    rest_answer_reply(upload->rest, call);
    return HTTP_DONE;
}

enum http_next rest_upload_resumed(struct rest_call *call) {
    switch (call->upload->stage) {
    case UPLOAD_ADMITTING:
        return admit(call);
    case UPLOAD_CHECKING:
        return add(call);
    case UPLOAD_ADDING:
        return finish(call);
    case UPLOAD_TAKING:
        break;
    }
    return HTTP_DONE;
}
