/* memory.h - the one place that asks for memory. */
#ifndef MG_MEMORY_H
#define MG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* realloc(p, bytes), NULL where there is no memory. */
void *mg_allocate(void *p, size_t bytes);

/* Gives an array, the address of whose pointer is `array`, room for so many items of `size` bytes. Without memory it
 * returns false, and the array stays as it is. */
bool mg_resize(void *array, int64_t items, size_t size);

/* Makes room for `needed` items in an array that has room for *capacity: for twice as many as before, at least. */
bool mg_grow(void *array, int64_t *capacity, int64_t needed, size_t size);

#ifdef MG_TEST_ALLOC
/* Python's tests look them up by name. */
#define MG_VISIBLE __attribute__((visibility("default")))
MG_VISIBLE extern int64_t mg_test_allocations; /* allocations since mg_test_fail_at was set */
MG_VISIBLE extern int64_t mg_test_fail_at;     /* number of the one that fails, and all after it; -1: none */
#endif

#endif
