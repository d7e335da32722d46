/* reserve.c - the memory of runs. */
#include <stdlib.h>

#include "../memory.h"
#include "pool.h"
#include "run.h"

static bool reserve_columns(mg_run *run, int32_t threads)
{
    const mg_code *code = &run->program->code;
    const int64_t size = run->lanes * (code->v * (run->goal == MG_VALUES ? 1 : 2) + code->scratch);

    if (size > run->column_size) {
        while (run->threads > 0)
            free(run->columns[--run->threads]);
        run->column_size = size;
    }
    if (!mg_grow(&run->columns, &run->column_capacity, threads, sizeof *run->columns))
        return false;
    for (; run->threads < threads; run->threads++) {
        double *columns = mg_allocate(NULL, (size_t)run->column_size * sizeof *columns);
        if (!columns)
            return false;
        run->columns[run->threads] = columns;
    }
    return true;
}

int32_t mg_run_reserve(mg_run *run, int32_t threads)
{
    const mg_code *code = &run->program->code;
    const bool backward = run->goal != MG_VALUES;
    const int64_t each = code->u + code->packed, strips = run->strip_count ? run->strip_count : 1;

    if (!mg_grow(&run->memory, &run->memory_size, each * (backward ? strips + 1 : 1) + 1,
                 sizeof *run->memory))
        return MG_ENOMEM;
    run->u = run->memory;
    run->packed = run->u + code->u;
    run->gu = run->u + each;
    run->gpacked = run->gu + code->u;
    for (int32_t i = 0; i < run->strip_count && backward; i++) {
        run->strips[i].gu = run->gu + i * each; /* those of the first strip become those of all */
        run->strips[i].gpacked = run->strips[i].gu + code->u;
    }
    return reserve_columns(run, threads) ? MG_OK : MG_ENOMEM;
}

mg_run *mg_run_take(mg_program *p)
{
    mg_programs_lock();
    mg_run *run = p->idle;
    if (run)
        p->idle = run->next_idle;
    mg_programs_unlock();
    if (!run) {
        run = mg_allocate(NULL, sizeof *run);
        if (run)
            memset(run, 0, sizeof *run);
    }
    return run;
}

void mg_run_give_back(mg_run *run)
{
    mg_program *p = run->program;

    mg_programs_lock();
    run->next_idle = p->idle;
    p->idle = run;
    mg_programs_unlock();
}

void mg_run_free_idle(mg_program *p)
{
    while (p->idle) {
        mg_run *run = p->idle;
        p->idle = run->next_idle;
        while (run->threads > 0)
            free(run->columns[--run->threads]);
        free(run->columns);
        free(run->memory);
        free(run);
    }
}
