/* News, as a relay that nobody trusts sends them, and as anybody with an account sends them to it:
 * the pieces in which they come change nothing. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "message/news.h"

/* What is understood, as news again, up to where it breaks. */
static enum news_read read_all(const char *bytes, size_t size, size_t piece, struct text *out) {
    struct news_reader reader = {0};
    struct news news;
    enum news_read read = NEWS_PART;
    for (size_t at = 0; at < size && read != NEWS_BROKEN; at += piece) {
        news_reader_add(&reader, bytes + at, size - at < piece ? size - at : piece);
        while ((read = news_reader_next(&reader, &news)) == NEWS_READ)
            news_add(out, &news);
    }
    text_deinit(&reader.held);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    auto_clean(text_deinit) struct text whole = {0}, pieces = {0};
    enum news_read read = read_all((const char *)bytes, size, size + 1, &whole);
    if (read_all((const char *)bytes, size, 3, &pieces) != read ||
        whole.length != pieces.length ||
        memcmp(text_data(&whole), text_data(&pieces), whole.length) != 0 ||
        whole.length > size || memcmp(text_data(&whole), bytes, whole.length) != 0)
        abort();
    return 0;
}
