/* Who may import an image, and what is left on the disk at whichever point an upload ends: its
 * stages, and the thread that checks the archive. */
#include "io/rest/upload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/image/archive.h"
#include "io/os/folder.h"
#include "io/rest/answer.h"
#include "message/codec.h"

/* UPLOAD_ADMITTING  asked the role whose token it is
 * UPLOAD_TAKING     the archive goes into a temporary file
 * UPLOAD_CHECKING   a thread of its own reads the archive and puts it into its place; only one
 *                   upload at a time is from here to its end (rest->publishing), so that what an
 *                   upload removes after a refusal cannot be what another has just added
 * UPLOAD_ADDING     asked the role to record the image */
enum upload_stage { UPLOAD_ADMITTING, UPLOAD_TAKING, UPLOAD_CHECKING, UPLOAD_ADDING };

struct rest_upload {
    struct rest *rest;
    struct rest_call *call; /* NULL: its client went away; guarded, like all below from the check */
    enum upload_stage stage;
    int fd;
    char *path; /* temporary name */
    uint64_t bytes;
    bool checked;    /* the thread is done */
    bool publishing; /* it is this upload's turn */
    bool is_new;     /* the archive was not there before */
    bool refused;    /* with `problem` */
    struct problem problem;
    struct image_facts facts;
    char token_hash[limit_digest_size];
};

static const char temporary[] = "upload-";
static const uint64_t gib = UINT64_C(1) << 30;

void rest_upload_sweep(const char *folder) {
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream)))
        if (text_starts(entry->d_name, temporary))
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        closedir(stream);
}

static char *blob_path(const struct rest_upload *upload) {
    struct text path = {0};
    text_addf(&path, "%s/%s", upload->rest->image_folder, upload->facts.digest);
    return path.data;
}

static void remove_blob(const struct rest_upload *upload) {
    char *path auto_clean(memory_clean) = blob_path(upload);
    (void)unlink(path);
}

/* Called with rest->lock held. */
static void upload_free(struct rest_upload *upload) {
    struct rest *rest = upload->rest;
    if (upload->publishing)
        rest->publishing = false;
    rest->uploads_count--;
    pthread_cond_broadcast(&rest->uploads_changed);
    if (upload->path)
        (void)unlink(upload->path);
    fd_clean(&upload->fd);
    memory_free(upload->path);
    memory_free(upload);
}

void rest_upload_close(struct rest_call *call) {
    struct rest_upload *upload = take(call->upload);
    if (!upload)
        return;
    if (upload->stage == UPLOAD_CHECKING && !upload->checked) {
        upload->call = NULL; /* the thread frees it */
        return;
    }
    /* In UPLOAD_ADDING the role may have recorded it: what cannot be known is kept. */
    if (upload->stage == UPLOAD_CHECKING && upload->is_new)
        remove_blob(upload);
    upload_free(upload);
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
    upload->is_new = access(path, F_OK) != 0;
    if (folder_commit(upload->path, path, &err) == 0) {
        memory_free(take(upload->path));
        return;
    }
    upload->is_new = false;
    upload->refused = true;
    problem_set(&upload->problem, CODE_INTERNAL, NULL, "The archive could not be put into its "
                "place; the log tells why");
    shell_log(rest->shell, LOG_ERROR, "upload-failed", "%s", err.text);
}

static void refuse_archive(struct rest_upload *upload, const struct error *err) {
    const char *path = strstr(err->text, upload->path);
    upload->refused = true;
    if (err->code != -EINVAL) {
        shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "%s", err->text);
        problem_set(&upload->problem, CODE_INTERNAL, NULL, "The archive could not be checked; "
                    "the log tells why");
    } else { /* its temporary name here tells nothing to who sent it */
        problem_set(&upload->problem, CODE_IMAGE_BROKEN, NULL, "The archive%s%s",
                    path ? "" : ": ", path ? path + strlen(upload->path) : err->text);
        problem_set_status(&upload->problem, upload->problem.status,
                           "make the archive again as the guide says, and import that");
    }
    (void)unlink(upload->path); /* before the answer, which says that nothing was kept */
    memory_free(take(upload->path));
}

static void *check_run(void *argument) {
    struct rest_upload *upload = argument;
    struct rest *rest = upload->rest;
    struct error err = {0};
    int result = image_archive_check(upload->path, &upload->facts, &err);
    if (result == 0)
        publish(upload);
    else
        refuse_archive(upload, &err);
    pthread_mutex_lock(&rest->lock);
    upload->checked = true;
    if (upload->call) {
        http_resume(&upload->call->http);
    } else {
        if (upload->is_new)
            remove_blob(upload);
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

static bool image_name_is_valid(const char *name, struct codec_fault *fault) {
    struct image image = {0};
    return codec_field_from_text(&image_table.fields[0], name, &image, fault) == 0;
}

enum http_next rest_upload_begin(struct rest *rest, struct rest_call *call) {
    struct problem problem;
    struct codec_fault fault;
    const char *length = http_header(&call->http, "Content-Length");
    if (call->http.parameters_count) {
        return refuse(call, CODE_INVALID, "This route takes no parameters");
    } else if (!image_name_is_valid(call->key, &fault)) {
        problem_set(&problem, CODE_INVALID, "name", "The image's name %s", fault.text);
        return rest_refuse(call, &problem);
    } else if (length && strtoull(length, NULL, 10) > limit_upload_gib * gib) {
        problem_set(&problem, CODE_TOO_LARGE, NULL, "An archive may have %d GiB",
                    limit_upload_gib);
        return rest_refuse(call, &problem);
    }
    struct rest_upload *upload = memory_new(1, sizeof(*upload));
    upload->rest = rest;
    upload->call = call;
    upload->fd = -1;
    http_token_hash(&call->http, upload->token_hash);
    pthread_mutex_lock(&rest->lock);
    bool full = rest->uploads_count == limit_uploads;
    if (!full) {
        rest->uploads_count++;
        call->upload = upload;
    }
    pthread_mutex_unlock(&rest->lock);
    if (full) {
        memory_free(upload);
        problem_set(&problem, CODE_FULL, NULL, "%d other images are being imported",
                    limit_uploads);
        problem_set_status(&problem, problem.status, "try again when one of them has ended");
        return rest_refuse(call, &problem);
    }
    struct request request = {.kind = REQUEST_WHOAMI};
    text_set(request.token_hash, upload->token_hash);
    rest_ask(rest, call, &request);
    return HTTP_HOLD;
}

/* The role said who it is: only an operator's archive is taken. */
static enum http_next admit(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    struct reply *reply = &call->reply;
    if (reply->kind == REPLY_PROBLEM) {
        rest_answer_reply(upload->rest, call);
        return HTTP_DONE;
    }
    const struct whoami *whoami = reply->record.data;
    bool is_operator = reply->record.table == &whoami_table && text_equal(whoami->role, "operator");
    reply_clear(reply);
    if (!is_operator)
        return refuse(call, CODE_FORBIDDEN, "Images are imported by operators");
    struct text path = {0};
    text_addf(&path, "%s/%sXXXXXX", upload->rest->image_folder, temporary);
    upload->fd = mkostemp(path.data, O_CLOEXEC);
    if (upload->fd < 0) {
        shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "make %s: %s", path.data,
                  strerror(errno));
        text_deinit(&path);
        return refuse(call, CODE_INTERNAL, "No file could be made in the image folder");
    }
    upload->path = path.data;
    upload->stage = UPLOAD_TAKING;
    return HTTP_READ;
}

enum http_next rest_upload_piece(struct rest_call *call, const char *bytes, size_t length) {
    struct rest_upload *upload = call->upload;
    struct error err;
    upload->bytes += length;
    if (upload->bytes > limit_upload_gib * gib)
        return refuse(call, CODE_TOO_LARGE, "The archive is over the limit");
    int result = file_write(upload->fd, bytes, length, upload->path, &err);
    if (result == 0)
        return HTTP_READ;
    shell_log(upload->rest->shell, LOG_ERROR, "upload-failed", "%s", err.text);
    return result == -ENOSPC || result == -EDQUOT
               ? refuse(call, CODE_FULL, "The disk with the image folder is full")
               : refuse(call, CODE_INTERNAL, "The archive could not be written; the log tells why");
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
                "archive: %s", strerror(result));
    http_resume(&call->http);
    return HTTP_HOLD;
}

static enum http_next add(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    const struct image_facts *facts = &upload->facts;
    if (upload->refused)
        return rest_refuse(call, &upload->problem);
    struct request request = {.kind = REQUEST_IMAGE_ADD};
    struct image *image = &request.image;
    const char *name = call->key; /* a valid one since rest_upload_begin() */
    text_set(request.token_hash, upload->token_hash);
    text_set(request.key, name);
    text_set(image->name, name);
    text_set(image->digest, facts->digest);
    text_set(image->architecture, facts->architecture);
    image->archive_bytes = facts->archive_bytes;
    image->disk_gib = (uint32_t)((facts->disk_bytes + gib - 1) / gib);
    upload->stage = UPLOAD_ADDING;
    rest_ask(upload->rest, call, &request);
    return HTTP_HOLD;
}

static enum http_next finish(struct rest_call *call) {
    struct rest_upload *upload = call->upload;
    const struct reply *reply = &call->reply;
    bool is_unknown = reply->code == CODE_SHUTTING_DOWN || reply->code == CODE_INTERNAL;
    if (reply->kind == REPLY_PROBLEM && !is_unknown && upload->is_new)
        remove_blob(upload);
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
