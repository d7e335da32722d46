/* memory.h - the one place that asks for memory. */
#ifndef MG_MEMORY_H
#define MG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one place that asks for memory: realloc(p, bytes), NULL where there is none. */
void *mg_allocate(void *p, size_t bytes);

#ifdef MG_TEST_ALLOC
/* Python's tests look them up by name. */
#define MG_VISIBLE __attribute__((visibility("default")))
MG_VISIBLE extern int64_t mg_test_allocations; /* allocations since mg_test_fail_at was set */
MG_VISIBLE extern int64_t mg_test_fail_at;     /* number of the one that fails, and all after it; -1: none */
#endif

#endif
