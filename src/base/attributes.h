/* Compiler attributes and the ownership marks that every room uses.
 *
 * auto_clean(f)  on an owning local, from its declaration: f(&local) runs when it leaves scope.
 * take(p)        hands the value of an owning local over and leaves NULL behind.
 * The cleaners for plain memory live in memory.h, those of a type beside the type. */
#pragma once

#define auto_clean(cleaner) __attribute__((cleanup(cleaner)))
#define format_checked(text, first) __attribute__((format(printf, text, first)))
#define must_check __attribute__((warn_unused_result))

#define take(pointer)                            \
    __extension__({                              \
        __typeof__(pointer) taken_ = (pointer);  \
        (pointer) = NULL;                        \
        taken_;                                  \
    })

#define array_size(array) (sizeof(array) / sizeof((array)[0]))
#define is_array(value) \
    (!__builtin_types_compatible_p(__typeof__(value), __typeof__(&(value)[0])))

#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))
