/* engine.c - the start of the engine, and what Python reads and writes of a node. */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include "arena.h"
#include "posix.h"
#include "sweep.h"

#ifdef __GLIBC__
#include <dlfcn.h>
#endif

/* The thread that called fork() holds the lock. */
static void go_on_in_child(void)
{
    mg_forget_foreign_sweeps();
    mg_give_lock();
}

int32_t mg_init(void)
{
    static bool done;
    int failed = 0;

    mg_lock();
    if (!done)
        failed = pthread_atfork(mg_take_lock, mg_give_lock, go_on_in_child);
    done = !failed;
    mg_unlock();
#ifdef __GLIBC__ /* from 2.32 on glibc says it, before the first thread starts */
    const char *known = dlsym(RTLD_DEFAULT, "__libc_single_threaded");
    if (known)
        mg_single_threaded = known;
#endif
    return failed ? MG_ENOMEM : MG_OK;
}

const void *mg_engine_of(void)
{
    static mg_engine engine = {&mg,     NULL,   mg_take_lock, mg_give_lock, mg_make_room,    mg_free,
                               mg_nary, mg_dot, mg_layers,    mg_backward,  mg_sweep_resume, mg_sweep_close};

    engine.single_threaded = mg_single_threaded;
    mg_lock();
    if (!mg.owner && mg_resize(&mg.owner, mg.handle_capacity, sizeof *mg.owner))
        memset(mg.owner, 0, (size_t)mg.handle_capacity * sizeof *mg.owner);
    const bool ready = mg.owner != NULL;
    mg_unlock();
    return ready ? &engine : NULL;
}

/* ---- reading and writing ---- */

/* The number of a node in one of the columns, which grow under the lock alone. */
static double number_in(double *const *column, int32_t handle)
{
    mg_lock();
    const int32_t row = mg_row(handle);
    const double number = row < 0 ? NAN : (*column)[row];
    mg_unlock();
    return number;
}

double mg_data(int32_t handle)
{
    return number_in(&mg.data, handle);
}

double mg_grad(int32_t handle)
{
    return number_in(&mg.grad, handle);
}

int32_t mg_set_data(int32_t handle, double data)
{
    AT(handle, mg.data[row] = data);
}

int32_t mg_set_grad(int32_t handle, double grad)
{
    AT(handle, mg.grad[row] = grad);
}

int32_t mg_set_python(int32_t handle, int32_t on)
{
    mg_lock();
    const int32_t row = mg_row(handle);
    TRY(row);
    const int32_t passed = on && !(mg.op[row] & MG_PYTHON) && mg_passed_by(row);
    mg.op[row] = (uint8_t)((mg.op[row] & ~MG_PYTHON) | (on ? MG_PYTHON : 0));
    mg_unlock();
    return passed;
}

int32_t mg_set_grads(const int32_t *handles, int32_t n, double grad, int8_t *consecutive)
{
    mg_lock();
    double *const grads = mg.grad;
    const bool noted = n > 0 && consecutive && *consecutive && mg.moves == 0;
    const int32_t first = noted ? mg_row(handles[0]) : MG_EHANDLE;
    if (first >= 0 && mg_row(handles[n - 1]) == first + n - 1) {
        double *const run = grads + first; /* no vector code adds first + i, which may wrap around */
        for (int32_t i = 0; i < n; i++)
            run[i] = grad;
    } else {
        bool side_by_side = true;
        TRY(mg_to_rows(handles, n, NULL));
        for (int32_t i = 0; i < n; i++) {
            const int32_t row = mg.row_of[handles[i]];
            side_by_side &= row == mg.row_of[handles[0]] + i;
            grads[row] = grad;
        }
        if (consecutive)
            *consecutive = side_by_side;
    }
    mg_unlock();
    return MG_OK;
}

int32_t mg_same_items(const uintptr_t *lists)
{
    const uintptr_t *items = (const uintptr_t *)((const uintptr_t *)*lists)[3];

    for (lists++; *lists; lists += 2) {
        const uintptr_t *const list = (const uintptr_t *)lists[0], n = lists[1];
        if (list[2] != n || (n > 0 && memcmp((const void *)list[3], items, n * sizeof *items) != 0))
            return false;
        items += n;
    }
    return true;
}

int32_t mg_rows(const int32_t *handles, int32_t n, int32_t *rows)
{
    if (n < 0)
        return MG_EARGUMENT;
    mg_lock();
    const int32_t status = mg_to_rows(handles, n, rows);
    mg_unlock();
    return status;
}

int32_t mg_op_of(int32_t handle)
{
    mg_lock();
    const int32_t row = mg_row(handle);
    TRY(row);
    const int32_t op = mg.op[row] & ~MG_PYTHON;
    mg_unlock();
    return op;
}

static void count_operands(void *count, int32_t first, int32_t n)
{
    (void)first;
    *(int32_t *)count += n;
}

static void describe(int32_t row, mg_node *out)
{
    const enum mg_shape shape = mg_shape_of[mg.op[row] & ~MG_PYTHON];

    out->op = mg.op[row] & ~MG_PYTHON;
    out->activation = shape == MG_WEIGHTED ? mg.pool[mg.a[row]] : MG_NONE;
    out->k = shape == MG_ONE_K ? mg_row_k(row) : NAN;
    out->data = mg.data[row];
    out->grad = mg.grad[row];
    out->operands = 0;
    mg_each_operand(row, &out->operands, count_operands);
}

int32_t mg_describe(int32_t handle, mg_node *out)
{
    AT(handle, describe(row, out));
}

void mg_stats(mg_figures *out)
{
    mg_lock();
    const int64_t a_handle = sizeof *mg.row_of + (mg.owner ? sizeof *mg.owner : 0);
    out->live_nodes = mg.live;
    out->rows = mg.rows;
    out->capacity = mg.capacity;
    out->bytes_in_use = mg.capacity * (int64_t)(sizeof *mg.op + sizeof *mg.a + sizeof *mg.b +
                                                sizeof *mg.data + sizeof *mg.grad + sizeof *mg.handle) +
                        mg.handle_capacity * a_handle + mg.pool_capacity * (int64_t)sizeof *mg.pool;
    for (int32_t i = 0; i < mg_sweep_count; i++)
        out->bytes_in_use += mg_sweeps[i].bytes;
    out->squeezes = mg.squeezes;
    out->open_sweeps = mg_open_sweeps;
    mg_unlock();
}
