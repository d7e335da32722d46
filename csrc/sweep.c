/* sweep.c - the memory of sweeps. All of it is used with the lock held. */
#include "sweep.h"

#include "engine.h"

#include <stdlib.h>
#include <string.h>

mg_sweep *mg_sweeps;
int32_t mg_sweep_count;
int32_t mg_open_sweeps;
static _Thread_local char thread; /* its address tells threads apart */

int32_t mg_idle_sweep(int64_t row)
{
    int32_t i = 0;

    while (i < mg_sweep_count && mg_sweeps[i].open)
        i++;
    if (i == mg_sweep_count) {
        if (!mg_resize(&mg_sweeps, i + 1, sizeof *mg_sweeps))
            return MG_ENOMEM;
        mg_sweeps[mg_sweep_count++] = (mg_sweep){0};
    }
    mg_sweep *s = &mg_sweeps[i];
    if (row >= s->capacity) {
        const int64_t supers = (row + row / 2 + (1 << MG_SUPER_BITS)) >> MG_SUPER_BITS;
        const int64_t capacity = supers << MG_SUPER_BITS, blocks = capacity >> MG_BLOCK_BITS;
        uint8_t *marks = mg_allocate(NULL, (size_t)(capacity + blocks + supers));
        if (!marks)
            return MG_ENOMEM;
        free(s->mark);
        *s = (mg_sweep){.mark = marks, .block = marks + capacity, .super = marks + capacity + blocks};
        s->capacity = capacity;
        s->bytes = capacity + blocks + supers;
        memset(marks, 0, (size_t)s->bytes);
    }
    s->owner = &thread;
    return i;
}

bool mg_passed_by(int64_t row)
{
    for (int32_t i = 0; i < mg_sweep_count && mg_open_sweeps > 0; i++)
        if (mg_sweeps[i].open && row >> MG_BLOCK_BITS <= mg_sweeps[i].row >> MG_BLOCK_BITS)
            return true;
    return false;
}

void mg_close_sweep(mg_sweep *s)
{
    memset(s->mark, 0, (size_t)s->bytes);
    s->open = false;
    mg_open_sweeps--;
}

void mg_forget_foreign_sweeps(void)
{
    for (int32_t i = 0; i < mg_sweep_count; i++)
        if (mg_sweeps[i].open && mg_sweeps[i].owner != &thread)
            mg_close_sweep(&mg_sweeps[i]);
}

void mg_trim_sweeps(int64_t capacity)
{
    for (int32_t i = 0; i < mg_sweep_count; i++)
        if (mg_sweeps[i].capacity > 2 * capacity) {
            free(mg_sweeps[i].mark);
            mg_sweeps[i] = (mg_sweep){0};
        }
}

#ifdef MG_TEST_ALLOC
bool mg_test_no_marks(void)
{
    for (int32_t i = 0; i < mg_sweep_count; i++)
        for (int64_t byte = 0; byte < mg_sweeps[i].bytes && !mg_sweeps[i].open; byte++)
            if (mg_sweeps[i].mark[byte])
                return false;
    return true;
}
#endif
