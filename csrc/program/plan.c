/* plan.c - how the samples of a run are divided. It depends on the program and on n, never on the number of threads. */
#include "pool.h"
#include "run.h"

enum {
    CHUNK_BYTES = 1 << 19, /* columns of a chunk, to stay in the second-level cache */
    LEAST_LANES = 16,
    MOST_LANES = 256,
    STRIP_BYTES = 4 << 20 /* gradients of all strips together, as long as there are two */
};

static int64_t round_up(int64_t x)
{
    return (x + 7) / 8 * 8;
}

void mg_plan_chunks(mg_run *run)
{
    const mg_code *code = &run->program->code;
    const bool backward = run->goal != MG_VALUES;
    const int64_t column = 8 * (backward ? 2 : 1) * (int64_t)(code->v + code->scratch);
    int64_t lanes = CHUNK_BYTES / column / 8 * 8;
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

int32_t mg_plan_helpers(const mg_run *run)
{
    const double operations =
        (double)run->n * run->program->code.operations * (run->goal == MG_VALUES ? 1 : 3);
    const int32_t threads = operations < MG_RUN_OPERATIONS ? 1 : mg_pool_threads();

    return (threads < run->strip_count ? threads : run->strip_count > 0 ? run->strip_count : 1) - 1;
}
