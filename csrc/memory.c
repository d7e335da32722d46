/* memory.c - the one place that asks for memory. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#ifdef MG_TEST_ALLOC
int64_t mg_test_allocations;
int64_t mg_test_fail_at = -1;
#endif

void *mg_allocate(void *p, size_t bytes)
{
#ifdef MG_TEST_ALLOC
    if (mg_test_fail_at >= 0 && mg_test_allocations++ >= mg_test_fail_at)
        return NULL;
#endif
    return realloc(p, bytes ? bytes : 1);
}

bool mg_resize(void *array, int64_t items, size_t size)
{
    void *p;

    memcpy(&p, array, sizeof p); /* any pointer to an object looks like this one */
    p = mg_allocate(p, (size_t)items * size);
    if (p)
        memcpy(array, &p, sizeof p);
    return p != NULL;
}

bool mg_grow(void *array, int64_t *capacity, int64_t needed, size_t size)
{
    const int64_t grown = needed > 2 * *capacity ? needed : 2 * *capacity;

    if (needed <= *capacity)
        return true;
    if (!mg_resize(array, grown, size))
        return false;
    *capacity = grown;
    return true;
}
