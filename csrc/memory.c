/* memory.c - the one place that asks for memory. */
#include "memory.h"

#include <stdlib.h>

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
