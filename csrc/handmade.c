/* handmade.c - nodes that users make: new ones, and nodes that become something else while they keep their handle.
 *
 * A node that gets operands later stays in its row where all of them stand below it: its part of the pool is put in
 * between, where the order of the rows wants it. Otherwise it moves to the top, which nobody may notice: so it must
 * not be read yet. */
#include "operands.h"

/* ---- who reads a row ---- */

typedef struct {
    int32_t row;
    bool found;
} search;

static void look_for(void *context, int32_t first, int32_t n)
{
    search *s = context;
    s->found |= s->row >= first && s->row < first + n;
}

static bool is_read(int32_t row)
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

/* Where in the pool the parts of `row` belong: in front of those of all rows above. MG_NONE: in the midst of neurons
 * that share a list there is no such place. */
static int64_t part_of(int64_t row)
{
    for (int64_t above = row + 1; above < mg.rows; above++)
        switch (mg_shape_of[mg.op[above] & ~MG_PYTHON]) {
        case MG_ONE_K:
            return mg.b[above];
        case MG_LIST:
        case MG_PAIRED:
            return mg.a[above];
        case MG_WEIGHTED:
            return mg.a[above] == mg.b[above] + mg_list_ints(mg.b[above]) ? mg.b[above] : MG_NONE;
        default:
            break;
        }
    return mg.pool_used;
}

/* Makes room for the parts of `row` at part_of(row), after mg_reserve. */
static void open_gap(int64_t row, int64_t at, int64_t ints)
{
    for (int64_t above = row + 1; above < mg.rows; above++) {
        const enum mg_shape shape = mg_shape_of[mg.op[above] & ~MG_PYTHON];
        if (shape == MG_LIST || shape == MG_PAIRED || shape == MG_WEIGHTED)
            mg.a[above] += (int32_t)ints;
        if (shape == MG_ONE_K || shape == MG_WEIGHTED || shape == MG_PAIRED)
            mg.b[above] += (int32_t)(mg.b[above] < 0 ? -ints : ints);
    }
    memmove(mg.pool + at + ints, mg.pool + at, (size_t)(mg.pool_used - at) * sizeof *mg.pool);
    mg.pool_used += ints;
}

/* Writes a list of n rows at `at`. Returns the ints that it fills. */
static int64_t put_list(int64_t at, const int32_t *handles, int32_t n)
{
    const int64_t end = mg.pool_used;

    mg.pool_used = at;
    (void)mg_append_list(handles, n); /* they have been looked up once already */
    const int64_t ints = mg.pool_used - at;
    mg.pool_used = end;
    return ints;
}

/* The highest of n rows, -1 where n is 0; or MG_EHANDLE. */
static int64_t highest(const int32_t *handles, int32_t n)
{
    int64_t top = -1;

    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg_row(handles[i]);
        if (row < 0)
            return MG_EHANDLE;
        top = row > top ? row : top;
    }
    return top;
}

static bool is_among(int32_t handle, const int32_t *handles, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (handles[i] == handle)
            return true;
    return false;
}

int32_t mg_by_hand(int32_t handle, const int32_t *x, int32_t n, const double *slopes, const int32_t *nodes,
                   double data)
{
    if (n < 0)
        return MG_EARGUMENT;
    mg_lock();
    /* Two lists at the most, and what put_list writes behind the head of a list that is shorter in the end. */
    const int64_t ints = n == 0 ? 0
                                : MG_LIST_HEAD + n +
                                      (slopes  ? (int64_t)n * MG_K_INTS
                                       : nodes ? MG_LIST_HEAD + n
                                               : 0);
    TRY(mg_reserve(1, ints));
    int64_t row = handle < 0 ? mg.rows : mg_row(handle);
    const int64_t top = highest(x, n), top_node = nodes ? highest(nodes, n) : -1;
    TRY(row < 0 || top == MG_EHANDLE || top_node == MG_EHANDLE ? MG_EHANDLE : MG_OK);

    int64_t at = n == 0 ? 0 : part_of(row);
    const bool move = handle >= 0 && (top >= row || top_node >= row || at < 0);
    const bool circle = is_among(handle, x, n) || (nodes && is_among(handle, nodes, n));
    TRY(move && (circle || is_read((int32_t)row)) ? MG_EORDER : MG_OK);
    if (handle < 0) {
        handle = mg_append(MG_LEAF, 0, 0, data);
    } else if (move) {
        const double grad = mg.grad[row];
        const uint8_t python = mg.op[row] & MG_PYTHON;
        mg.handle[row] = MG_DEAD;
        row = mg.rows++;
        mg.handle[row] = handle;
        mg.row_of[handle] = (int32_t)row;
        mg.op[row] = MG_LEAF | python;
        mg.grad[row] = grad;
        mg.moves++;
        at = mg.pool_used;
    }
    mg.data[row] = data;
    const uint8_t op = n == 0 ? MG_LEAF : slopes || nodes ? MG_GIVEN : MG_CUSTOM;
    if (n > 0)
        open_gap(row, at, ints);
    mg.op[row] = op | (mg.op[row] & MG_PYTHON);
    mg.a[row] = (int32_t)at;
    mg.b[row] = 0;
    if (n > 0)
        at += put_list(at, x, n);
    if (slopes) {
        mg.b[row] = (int32_t)~at;
        memcpy(mg.pool + at, slopes, (size_t)n * sizeof *slopes);
        at += (int64_t)n * MG_K_INTS;
    } else if (nodes) {
        mg.b[row] = (int32_t)at;
        at += put_list(at, nodes, n);
    }
    if (row == mg.rows - 1 && n > 0)
        mg.pool_used = at; /* lists of consecutive rows are shorter */
    mg_unlock();
    return handle;
}

int32_t mg_by_hand_over(int32_t x, int32_t y, double data)
{
    const int32_t operands[] = {x, y};

    return mg_by_hand(MG_NONE, operands, y < 0 ? 1 : 2, NULL, NULL, data);
}
