/* handmade.c - nodes that users make: new ones, and nodes that become something else while they keep their handle.
 *
 * A node that gets operands later stays in its row where all of them stand below it. Otherwise it moves to the top,
 * so it must not be read yet: its reader would stand below it. */
#include "arena.h"

/* ---- who reads a row ---- */

typedef struct {
    int64_t row;
    bool found;
} search;

static void look_for(void *context, int32_t first, int32_t n)
{
    search *s = context;
    s->found |= s->row >= first && s->row < first + n;
}

static bool is_read(int64_t row)
{
    search s = {row, false};

    for (int64_t reader = row + 1; reader < mg.rows && !s.found; reader++) {
        if (mg.handle[reader] == MG_DEAD)
            continue;
        mg_each_operand(reader, &s, look_for);
        if (mg_shape_of[mg.op[reader] & ~MG_PYTHON] == MG_PAIRED && mg.b[reader] >= 0)
            mg_each_in_list(mg.pool + mg.b[reader], mg.pool[mg.b[reader]], &s, look_for);
    }
    return s.found;
}

int32_t mg_is_read(int32_t handle)
{
    mg_lock();
    const int32_t row = mg_row(handle);
    TRY(row);
    const bool read = is_read(row);
    mg_unlock();
    return read;
}

/* ---- nodes made by hand ---- */

/* Looks up n operands that `row` is to get: *top is the highest row so far. MG_EHANDLE; MG_EORDER: it is one itself. */
static int32_t look_up(const int32_t *handles, int32_t n, int64_t row, int64_t *top)
{
    int32_t status = MG_OK;

    for (int32_t i = 0; i < n; i++) {
        const int32_t operand = mg_row(handles[i]);
        if (operand < 0)
            return MG_EHANDLE;
        if (operand == row)
            status = MG_EORDER;
        *top = operand > *top ? operand : *top;
    }
    return status;
}

int32_t mg_by_hand(int32_t handle, const int32_t *x, int32_t n, const double *slopes, const int32_t *nodes,
                   double data)
{
    if (n < 0)
        return MG_EARGUMENT;
    mg_lock();
    TRY(mg_reserve(1, n == 0 ? 0 : 2 * MG_LIST_HEAD + (int64_t)n * (1 + MG_K_INTS)));
    int64_t row = handle < 0 ? mg.rows : mg_row(handle), top = -1;
    TRY(row);
    TRY(look_up(x, n, row, &top));
    TRY(nodes ? look_up(nodes, n, row, &top) : MG_OK);
    const bool move = handle >= 0 && top > row;
    TRY(move && is_read(row) ? MG_EORDER : MG_OK);
    if (handle < 0) {
        handle = mg_append(MG_LEAF, 0, 0, data);
    } else if (move) {
        mg.op[mg.rows] = mg.op[row];
        mg.grad[mg.rows] = mg.grad[row];
        mg.handle[row] = MG_DEAD;
        row = mg.rows++;
        mg.handle[row] = handle;
        mg.row_of[handle] = (int32_t)row;
        mg.moves++;
    } else if (row == mg.rows - 1) { /* else it would take more at each call, with nothing dead to squeeze */
        mg_cut_pool(row);
    }
    mg.data[row] = data;
    mg.op[row] &= MG_PYTHON;
    mg.op[row] |= n == 0 ? MG_LEAF : slopes || nodes ? MG_GIVEN : MG_CUSTOM;
    mg.a[row] = mg.b[row] = 0;
    if (n > 0) {
        mg.pool_mixed |= row < mg.rows - 1;
        mg.a[row] = mg_append_list(x, n);
        if (slopes) {
            mg.b[row] = mg_append_slopes(slopes, n);
        } else if (nodes) {
            mg.b[row] = mg_append_list(nodes, n);
        }
    }
    mg_unlock();
    return handle;
}

int32_t mg_by_hand_over(int32_t x, int32_t y, double data)
{
    const int32_t operands[] = {x, y};

    mg_lock();
    const int32_t handle = mg_make_by_hand(operands, y < 0 ? 1 : 2, NULL, data);
    mg_unlock();
    return handle;
}
