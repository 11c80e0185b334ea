/* How a webhook is asked and a mail is given to its server, where a connection may go, and what
 * each answer means. */
#include "io/deliver/deliver.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/deliver/mail.h"
#include "io/deliver/words.h"
#include "io/os/cidr.h"

enum { answer_most = 65536, whole_ms = 10000, connect_ms = 5000, idle_ms = 60000 };
enum { mail_ms = 15000, mails_most = 16, farewell_seconds = 1 };

struct deliverer {
    struct shell *shell;
    char *private_addresses, *ca_file;
    char *mail_url, *mail_from, *mail_user, *mail_password, *mail_ca_file;
    bool mail_is_plain;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    struct list queue; /* guarded, like the next */
    bool is_ending;
    struct list sending; /* of the thread alone, like the next */
    struct list mails;   /* that wait until fewer are under way */
    uint32_t mails_under_way;
};

struct sending {
    struct list node;
    struct deliverer *deliverer;
    struct record contact, delivery;
    uint64_t wall_ms;
    CURL *curl;
    struct curl_slist *headers; /* of a mail: its recipient */
    struct text body, answer;
    size_t sent; /* bytes of a mail's body */
    bool is_refused; /* its address is one where it may not go */
};

static const struct contact *contact_of(const struct sending *sending) {
    return sending->contact.data;
}

static const struct delivery *delivery_of(const struct sending *sending) {
    return sending->delivery.data;
}

static void free_sending(struct sending *sending) {
    list_remove(&sending->node);
    curl_easy_cleanup(sending->curl);
    curl_slist_free_all(sending->headers);
    record_deinit(&sending->contact);
    record_deinit(&sending->delivery);
    text_deinit(&sending->body);
    text_deinit(&sending->answer);
    memory_free(sending);
}

static void tell(const struct sending *sending, enum delivered outcome, const char *why) {
    struct event event = {.kind = EVENT_DELIVERED, .delivered = {.outcome = outcome}};
    text_set(event.delivered.delivery, delivery_of(sending)->id);
    text_format(event.delivered.why, sizeof(event.delivered.why), "%s", why);
    shell_put(sending->deliverer->shell, &event);
}

/* Mail goes to the operator's server. A tenant's webhook may go to the public Internet, by TLS, and
 * to where the operator lets it. */
static bool may_connect(const struct sending *sending, const struct sockaddr *address) {
    const struct contact *contact = contact_of(sending);
    bool is_tls = text_starts(contact->address, "https://");
    return contact->kind == CONTACT_MAIL || !*contact->tenant ||
           cidr_have(sending->deliverer->private_addresses, address) ||
           (is_tls && cidr_is_public(address));
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    struct sending *sending = context;
    (void)purpose;
    if (!may_connect(sending, &address->addr)) {
        sending->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_answer(char *bytes, size_t one, size_t count, void *context) {
    struct sending *sending = context;
    text_add_bytes(&sending->answer, bytes, one * count);
    return sending->answer.full ? 0 : one * count;
}

static void add_header(struct sending *sending, const char *name, const char *value) {
    auto_clean(text_deinit) struct text line = {0};
    text_addf(&line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(sending->headers, text_data(&line));
    sending->headers = longer ? longer : sending->headers;
}

static void add_headers(struct sending *sending) {
    const char *id = delivery_of(sending)->id;
    char seconds[24];
    auto_clean(text_deinit) struct text signature = {0}, whole = {0};
    text_format(seconds, sizeof(seconds), "%llu", (unsigned long long)sending->wall_ms / 1000);
    text_addf(&whole, "%s.%s.%s", id, seconds, text_data(&sending->body));
    words_sign(contact_of(sending), &whole, &signature);
    add_header(sending, "Content-Type", "application/json");
    add_header(sending, "webhook-id", id);
    add_header(sending, "webhook-timestamp", seconds);
    add_header(sending, "webhook-signature", text_data(&signature));
}

static void set_up(struct sending *sending, const char *ca_file) {
    CURL *curl = sending->curl;
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, sending);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L); /* each is judged anew */
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sending);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, sending);
    if (!ca_file)
        return;
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
}

static void set_up_webhook(struct sending *sending) {
    CURL *curl = sending->curl;
    words_print(contact_of(sending), delivery_of(sending), &sending->body);
    add_headers(sending);
    set_up(sending, sending->deliverer->ca_file);
    curl_easy_setopt(curl, CURLOPT_URL, contact_of(sending)->address);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "isthmus/" ISTHMUS_VERSION);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)whole_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sending->headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text_data(&sending->body));
}

static size_t on_mail_read(char *out_bytes, size_t one, size_t count, void *context) {
    struct sending *sending = context;
    size_t left = sending->body.length - sending->sent;
    size_t length = left < one * count ? left : one * count;
    memcpy(out_bytes, text_data(&sending->body) + sending->sent, length);
    sending->sent += length;
    return length;
}

/* Once the server has the whole mail libcurl takes its leave, and the thread waits for the answer
 * to that. */
static size_t on_mail_line(char *bytes, size_t one, size_t count, void *context) {
    struct sending *sending = context;
    (void)bytes;
    if (sending->sent == sending->body.length)
        curl_easy_setopt(sending->curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)farewell_seconds);
    return one * count;
}

static void set_up_mail(struct sending *sending) {
    const struct deliverer *deliverer = sending->deliverer;
    CURL *curl = sending->curl;
    auto_clean(text_deinit) struct text url = {0};
    mail_print(contact_of(sending), delivery_of(sending), deliverer->mail_from, &sending->body);
    text_addf(&url, "%s/%s", deliverer->mail_url, strchr(deliverer->mail_from, '@') + 1);
    sending->headers = curl_slist_append(NULL, contact_of(sending)->address);
    set_up(sending, deliverer->mail_ca_file);
    curl_easy_setopt(curl, CURLOPT_URL, text_data(&url)); /* and by which name we greet it */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtps,smtp");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)mail_ms);
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     (long)(deliverer->mail_is_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_USERNAME, deliverer->mail_user);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, deliverer->mail_password);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, deliverer->mail_from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, sending->headers);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_mail_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, sending);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_mail_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, sending);
}

static void tell_journal(struct sending *sending) {
    words_print(contact_of(sending), delivery_of(sending), &sending->body);
    shell_log(sending->deliverer->shell, LOG_INFO, "notification", "contact=%s body=%s",
              contact_of(sending)->name, text_data(&sending->body));
    tell(sending, DELIVERED_DONE, "");
    free_sending(sending);
}

static void begin(struct deliverer *deliverer, struct sending *sending) {
    bool is_mail = contact_of(sending)->kind == CONTACT_MAIL;
    list_remove(&sending->node);
    if (contact_of(sending)->kind == CONTACT_JOURNAL) {
        tell_journal(sending);
        return;
    }
    if (is_mail && deliverer->mails_under_way == mails_most) {
        list_add(&deliverer->mails, &sending->node);
        return;
    }
    list_add(&deliverer->sending, &sending->node);
    sending->answer.limit = answer_most;
    bool is_possible = !is_mail || deliverer->mail_url;
    sending->curl = is_possible ? curl_easy_init() : NULL;
    if (sending->curl && is_mail)
        set_up_mail(sending);
    else if (sending->curl)
        set_up_webhook(sending);
    if (sending->curl && !curl_multi_add_handle(deliverer->multi, sending->curl)) {
        deliverer->mails_under_way += is_mail;
        return;
    }
    tell(sending, DELIVERED_FAILED, is_possible ? "libcurl refuses it"
                                                : "this cloud sends no mail any more");
    free_sending(sending);
}

/* In words that tell a tenant nothing of where it may not go. */
static const char *why_of(const struct sending *sending, CURLcode code) {
    if (sending->is_refused)
        return "its address is not public, or its URL no https: only the operator can let that be";
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "its host's name is not known";
    case CURLE_COULDNT_CONNECT:
        return "nobody answers there";
    case CURLE_OPERATION_TIMEDOUT:
        return "it did not answer in time";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
        return "its certificate is not to be trusted, or it speaks no TLS";
    case CURLE_URL_MALFORMAT:
        return "its address is no URL";
    case CURLE_WRITE_ERROR:
        return "its answer has more than 64 KiB";
    case CURLE_LOGIN_DENIED:
        return "it refuses the user or the password";
    default:
        return "the connection broke off";
    }
}

/* The server's answer, also where it refused the mail. */
static void end_mail(struct sending *sending, CURLcode code, long status) {
    struct deliverer *deliverer = sending->deliverer;
    char why[limit_text_size];
    bool is_refusal = code != CURLE_LOGIN_DENIED && status >= 400;
    text_format(why, sizeof(why), "the mail server answered %ld", status);
    if (!is_refusal)
        text_format(why, sizeof(why), "the mail server: %s", why_of(sending, code));
    if (code == CURLE_OK)
        tell(sending, DELIVERED_DONE, "");
    else
        tell(sending, DELIVERED_FAILED, why);
    curl_multi_remove_handle(deliverer->multi, sending->curl);
    free_sending(sending);
    deliverer->mails_under_way--;
    while (!list_is_empty(&deliverer->mails) && deliverer->mails_under_way < mails_most)
        begin(deliverer, container_of(deliverer->mails.next, struct sending, node));
}

static void end_webhook(struct sending *sending, CURLcode code, long status) {
    const struct contact *contact = contact_of(sending);
    bool is_proof = !delivery_of(sending)->notices_count;
    char why[limit_text_size];
    text_format(why, sizeof(why), "it answered %ld", status);
    if (code != CURLE_OK)
        tell(sending, DELIVERED_FAILED, why_of(sending, code));
    else if (status == 410)
        tell(sending, DELIVERED_GONE, why);
    else if (status < 200 || status > 299)
        tell(sending, DELIVERED_FAILED, why);
    else if (is_proof && !strstr(text_data(&sending->answer), contact->challenge))
        tell(sending, DELIVERED_FAILED, "it did not send back the challenge");
    else
        tell(sending, DELIVERED_DONE, "");
    curl_multi_remove_handle(sending->deliverer->multi, sending->curl);
    free_sending(sending);
}

static void end(struct sending *sending, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(sending->curl, CURLINFO_RESPONSE_CODE, &status);
    if (contact_of(sending)->kind == CONTACT_MAIL)
        end_mail(sending, code, status);
    else
        end_webhook(sending, code, status);
}

static bool take_queue(struct deliverer *deliverer) {
    struct list taken;
    list_init(&taken);
    pthread_mutex_lock(&deliverer->lock);
    bool goes_on = !deliverer->is_ending;
    list_for(struct sending, sending, &deliverer->queue, node) {
        list_remove(&sending->node);
        list_add(&taken, &sending->node);
    }
    pthread_mutex_unlock(&deliverer->lock);
    list_for(struct sending, sending, &taken, node)
        begin(deliverer, sending);
    return goes_on;
}

static void *deliverer_run(void *argument) {
    struct deliverer *deliverer = argument;
    while (take_queue(deliverer)) {
        int running = 0, left = 0;
        CURLMsg *message;
        curl_multi_perform(deliverer->multi, &running);
        while ((message = curl_multi_info_read(deliverer->multi, &left))) {
            struct sending *sending = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&sending);
            end(sending, message->data.result);
        }
        shell_serve(deliverer->shell);
        curl_multi_poll(deliverer->multi, NULL, 0, running ? 1000 : idle_ms, NULL);
    }
    return NULL;
}

static void deliverer_free(struct deliverer *deliverer) {
    list_for(struct sending, sending, &deliverer->sending, node) {
        curl_multi_remove_handle(deliverer->multi, sending->curl);
        free_sending(sending);
    }
    list_for(struct sending, waiting, &deliverer->queue, node)
        free_sending(waiting);
    list_for(struct sending, mail, &deliverer->mails, node)
        free_sending(mail);
    curl_multi_cleanup(deliverer->multi);
    curl_global_cleanup();
    pthread_mutex_destroy(&deliverer->lock);
    memory_free(deliverer->private_addresses);
    memory_free(deliverer->ca_file);
    memory_free(deliverer->mail_url);
    memory_free(deliverer->mail_from);
    memory_free(deliverer->mail_user);
    memory_free(deliverer->mail_password);
    memory_free(deliverer->mail_ca_file);
    memory_free(deliverer);
}

struct deliverer *deliverer_start(const struct deliver_settings *settings, struct shell *shell,
                                  struct error *err) {
    struct deliverer *deliverer = memory_new(1, sizeof(*deliverer));
    deliverer->shell = shell;
    deliverer->private_addresses = memory_text(settings->private_addresses);
    deliverer->ca_file = memory_text(settings->ca_file);
    deliverer->mail_url = memory_text(settings->mail.url);
    deliverer->mail_from = memory_text(settings->mail.from);
    deliverer->mail_user = memory_text(settings->mail.user);
    deliverer->mail_password = memory_text(settings->mail.password);
    deliverer->mail_ca_file = memory_text(settings->mail.ca_file);
    deliverer->mail_is_plain = settings->mail.is_plain;
    list_init(&deliverer->queue);
    list_init(&deliverer->mails);
    list_init(&deliverer->sending);
    pthread_mutex_init(&deliverer->lock, NULL);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    deliverer->multi = curl_multi_init();
    int code = deliverer->multi ? pthread_create(&deliverer->thread, NULL, deliverer_run, deliverer)
                                : ENOMEM;
    if (!code)
        return deliverer;
    (void)error_set(err, -code, "start a thread for notifications: %s", strerror(code));
    deliverer_free(deliverer);
    return NULL;
}

void deliverer_stop(struct deliverer *deliverer) {
    if (!deliverer)
        return;
    pthread_mutex_lock(&deliverer->lock);
    deliverer->is_ending = true;
    pthread_mutex_unlock(&deliverer->lock);
    curl_multi_wakeup(deliverer->multi);
    pthread_join(deliverer->thread, NULL);
    deliverer_free(deliverer);
}

void deliverer_send(struct deliverer *deliverer, const struct effect_deliver *effect) {
    struct sending *sending = memory_new(1, sizeof(*sending));
    sending->deliverer = deliverer;
    sending->wall_ms = effect->wall_ms;
    sending->contact = record_copy(effect->contact.table, effect->contact.data);
    sending->delivery = record_copy(effect->delivery.table, effect->delivery.data);
    pthread_mutex_lock(&deliverer->lock);
    list_add(&deliverer->queue, &sending->node);
    pthread_mutex_unlock(&deliverer->lock);
    curl_multi_wakeup(deliverer->multi);
}
