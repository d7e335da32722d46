/* plan.c - how the samples of a run are divided, and its memory. The division depends on the program and on n, never
 * on the number of threads. */
#include <stdlib.h>

#include "../arena.h"
#include "pool.h"
#include "run.h"

enum {
    CHUNK_BYTES = 1 << 19, /* columns of a chunk, to stay in the second-level cache */
    LEAST_LANES = 16,
    MOST_LANES = 256,
    NEAR_BYTES = 1 << 15, /* of the first-level cache, which values alone stay in where ... */
    NEAR_LANES = 64,      /* ... columns are so long at least */
    STRIP_BYTES = 4 << 20 /* gradients of all strips together, as long as there are two */
};

static int64_t round_up(int64_t x)
{
    return (x + MG_LINE - 1) / MG_LINE * MG_LINE;
}

void mg_plan_chunks(mg_run *run)
{
    const mg_code *code = run->code;
    const bool backward = run->goal != MG_VALUES;
    const int64_t column = 8 * (backward ? 2 : 1) * (int64_t)(code->v + code->scratch);
    int64_t lanes = CHUNK_BYTES / column / 8 * 8;
    if (!backward && NEAR_BYTES / column >= NEAR_LANES)
        lanes = NEAR_BYTES / column / 8 * 8;
    if (run->goal == MG_GRADIENT && lanes < NEAR_LANES && NEAR_LANES * column <= 4 * CHUNK_BYTES)
        lanes = NEAR_LANES; /* an instruction over a few lanes costs more than memory that is further away */
    /* Fewer lanes are not worth a thread. */
    int64_t least_lanes =
        round_up((int64_t)(MG_RUN_OPERATIONS / (code->operations * (backward ? 3 : 1) + 1)));

    lanes = lanes < LEAST_LANES ? LEAST_LANES : lanes > MOST_LANES ? MOST_LANES : lanes;
    least_lanes = least_lanes < 4 * LEAST_LANES ? 4 * LEAST_LANES : least_lanes;
    if (least_lanes < run->n / 4)
        least_lanes = round_up(run->n / 4);
    if (lanes > least_lanes)
        lanes = least_lanes;
    run->chunks = (run->n + lanes - 1) / lanes;
    if (run->chunks == 3) /* with three, one of two threads would be idle at the end */
        run->chunks = 4;
    run->lanes = run->chunks ? round_up((run->n + run->chunks - 1) / run->chunks) : 8;
    run->chunks = (run->n + run->lanes - 1) / run->lanes;

    const int64_t bytes = 8 * (int64_t)(code->u + code->packed) + 1;
    int64_t strips = backward ? STRIP_BYTES / bytes : MG_MOST_STRIPS;
    strips = strips < 2 ? 2 : strips > MG_MOST_STRIPS ? MG_MOST_STRIPS : strips;
    run->strip_count = (int32_t)(strips < run->chunks ? strips : run->chunks);
    for (int32_t i = 0; i < run->strip_count; i++) {
        run->strips[i] = (mg_strip){.next = run->chunks * i / run->strip_count,
                                    .end = run->chunks * (i + 1) / run->strip_count};
    }
}

int32_t mg_run_reserve(mg_run *run)
{
    const mg_code *code = run->code;
    const bool backward = run->goal != MG_VALUES;
    const double operations = (double)run->n * code->operations * (backward ? 3 : 1);
    const int64_t each = round_up(code->u + code->packed), strips = run->strip_count ? run->strip_count : 1;
    const int64_t uniform = each * (backward ? strips + 1 : 1) + MG_LINE;
    int32_t threads = operations < MG_RUN_OPERATIONS ? 1 : mg_pool_threads();

    threads = threads < strips ? threads : (int32_t)strips;
    run->column_size = run->lanes * (code->v * (backward ? 2 : 1) + code->scratch);
    if (!mg_grow(&run->memory, &run->memory_size, uniform + run->column_size, sizeof *run->memory))
        return MG_ENOMEM;
    run->threads =
        mg_grow(&run->memory, &run->memory_size, uniform + threads * run->column_size, sizeof *run->memory)
            ? threads
            : 1;
    run->u = run->memory + MG_LINE - (uintptr_t)run->memory / sizeof *run->memory % MG_LINE;
    run->packed = run->u + code->u;
    run->gu = run->u + each;
    run->gpacked = run->gu + code->u;
    for (int32_t i = 0; i < run->strip_count && backward; i++) {
        run->strips[i].gu = run->gu + i * each; /* those of the first strip become those of all */
        run->strips[i].gpacked = run->strips[i].gu + code->u;
    }
    run->columns = run->u + uniform - MG_LINE;
    return MG_OK;
}

mg_run *mg_run_take(mg_program *p)
{
    mg_lock();
    mg_run *run = p->idle;
    if (run)
        p->idle = run->next_idle;
    mg_unlock();
    if (run)
        return run;
    run = mg_allocate(NULL, sizeof *run);
    return run ? memset(run, 0, sizeof *run) : NULL;
}

void mg_run_give_back(mg_run *run)
{
    mg_program *p = run->program;

    mg_lock();
    run->next_idle = p->idle;
    p->idle = run;
    mg_unlock();
}

void mg_run_free_idle(mg_program *p)
{
    while (p->idle) {
        mg_run *run = p->idle;
        p->idle = run->next_idle;
        free(run->memory);
        free(run);
    }
}
