/* sweep.c - the memory of sweeps. */
#include "sweep.h"

#include "engine.h"

#include <stdlib.h>
#include <string.h>

mg_sweep **mg_sweeps;
int32_t mg_sweep_count;
int64_t mg_sweep_bytes;

/* Room for marks of the rows 0 .. row. They are all 0 before and after. */
static int32_t reserve_marks(mg_sweep *s, int64_t row)
{
    if (row < s->capacity)
        return MG_OK;

    const int64_t supers = (row + row / 2 + (1 << MG_SUPER_BITS)) >> MG_SUPER_BITS;
    const int64_t capacity = supers << MG_SUPER_BITS, bytes = capacity + (capacity >> MG_BLOCK_BITS) + supers;
    uint8_t *marks = mg_allocate(NULL, (size_t)bytes);
    if (!marks)
        return MG_ENOMEM;
    memset(marks, 0, (size_t)bytes);
    free(s->mark);
    mg_sweep_bytes += bytes - s->bytes;
    s->bytes = bytes;
    s->mark = marks;
    s->block = marks + capacity;
    s->super = s->block + (capacity >> MG_BLOCK_BITS);
    s->capacity = capacity;
    return MG_OK;
}

void mg_trim_sweeps(int64_t capacity)
{
    for (int32_t i = 0; i < mg_sweep_count; i++)
        if (mg_sweeps[i]->capacity > 2 * capacity) {
            mg_sweep_bytes -= mg_sweeps[i]->bytes;
            free(mg_sweeps[i]->mark);
            memset(mg_sweeps[i], 0, sizeof *mg_sweeps[i]);
        }
}

/* The number of a sweep that is not open, with marks for the rows 0 .. row; or MG_ENOMEM. */
int32_t mg_idle_sweep(int64_t row)
{
    int32_t i = 0;

    while (i < mg_sweep_count && mg_sweeps[i]->open)
        i++;
    if (i == mg_sweep_count) {
        if (!mg_resize(&mg_sweeps, i + 1, sizeof *mg_sweeps))
            return MG_ENOMEM;
        mg_sweeps[i] = mg_allocate(NULL, sizeof **mg_sweeps);
        if (!mg_sweeps[i])
            return MG_ENOMEM;
        memset(mg_sweeps[i], 0, sizeof **mg_sweeps);
        mg_sweep_count++;
    }
    return reserve_marks(mg_sweeps[i], row) < 0 ? MG_ENOMEM : i;
}

#ifdef MG_TEST_ALLOC
bool mg_test_no_marks(void)
{
    for (int32_t i = 0; i < mg_sweep_count; i++)
        for (int64_t byte = 0; byte < mg_sweeps[i]->bytes && !mg_sweeps[i]->open; byte++)
            if (mg_sweeps[i]->mark[byte]) /* all levels: they are one piece of memory */
                return false;
    return true;
}
#endif
