/* arena.c - columns of nodes: append, free, squeeze, lock. */
#include "arena.h"
#include "posix.h"
#include "sweep.h"

#include <stdlib.h>

enum {
    FIRST_ROWS = 1024,      /* capacity of the first growth */
    KEEP_ROWS = 1 << 16,    /* a capacity up to here is never given back */
    SQUEEZE_SLACK = 1 << 13 /* dead rows that are not worth a squeeze */
};

mg_arena mg = {.free_handle = MG_NONE};

/* ---- lock ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *mg_single_threaded = &(const char){0}; /* until mg_init: unknown */

void mg_take_lock(void)
{
    pthread_mutex_lock(&lock);
}

void mg_give_lock(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- memory ---- */

static int32_t resize_handles(int64_t capacity)
{
    if (!mg_resize(&mg.row_of, capacity, sizeof *mg.row_of) ||
        (mg.owner && !mg_resize(&mg.owner, capacity, sizeof *mg.owner)))
        return MG_ENOMEM;
    mg.handle_capacity = capacity;
    return MG_OK;
}

/* All columns to `capacity` rows. If one cannot grow, others may be longer than mg.capacity says. That is safe. */
static int32_t resize(int64_t capacity)
{
    if (capacity > INT32_MAX)
        return MG_ENOMEM;
    if (!mg_resize(&mg.op, capacity, sizeof *mg.op) || !mg_resize(&mg.a, capacity, sizeof *mg.a) ||
        !mg_resize(&mg.b, capacity, sizeof *mg.b) || !mg_resize(&mg.data, capacity, sizeof *mg.data) ||
        !mg_resize(&mg.grad, capacity, sizeof *mg.grad) ||
        !mg_resize(&mg.handle, capacity, sizeof *mg.handle) ||
        (capacity > mg.handle_capacity && resize_handles(capacity) < 0))
        return MG_ENOMEM;
    mg.capacity = capacity;
    mg.limit = capacity;
    return MG_OK;
}

static int32_t resize_pool(int64_t ints)
{
    if (ints > INT32_MAX || !mg_resize(&mg.pool, ints, sizeof *mg.pool))
        return MG_ENOMEM;
    mg.pool_capacity = ints;
    return MG_OK;
}

/* What is worth keeping of a capacity of which `used` is in use. */
static int64_t shrunk(int64_t used, int64_t capacity)
{
    if (capacity <= KEEP_ROWS || used > capacity / 8)
        return capacity;
    return used * 2 > KEEP_ROWS ? used * 2 : KEEP_ROWS;
}

/* Gives memory back after most of it fell empty. */
static void shrink(void)
{
    const int64_t capacity = shrunk(mg.rows, mg.capacity), ints = shrunk(mg.pool_used, mg.pool_capacity);

    if (mg.live == 0) { /* every handle is free: start again from 0 */
        mg.handles = 0;
        mg.free_handle = MG_NONE;
        mg.moves = 0;
    }
    if (capacity < mg.capacity) {
        /* Lowered first: if one column cannot shrink, others may be shorter already. */
        mg.capacity = mg.limit = capacity;
        (void)resize(capacity);
        mg_trim_sweeps(mg.capacity);
    }
    if (mg.handles == 0 && mg.handle_capacity > mg.capacity) {
        mg.handle_capacity = mg.capacity; /* first, as above */
        (void)resize_handles(mg.capacity);
    }
    if (ints < mg.pool_capacity)
        (void)resize_pool(ints);
}

/* ---- squeeze ---- */

/* A squeeze on its way. */
typedef struct {
    const int32_t *to; /* row -> its new row, MG_NONE: dead */
    int32_t *pool;     /* where its parts go: down in the pool itself, or to another where they are mixed */
    int64_t end;       /* the first free int there */
    int32_t old_list;  /* the last list of inputs, where it was */
    int32_t new_list;  /* and where it is */
    bool list_alive;
} slide;

/* Slides n ints of the pool. Returns their new place. */
static int32_t slide_ints(int64_t at, int64_t n, slide *s)
{
    const int64_t end = s->end;

    memmove(s->pool + end, mg.pool + at, (size_t)n * sizeof *mg.pool);
    s->end += n;
    return (int32_t)end;
}

/* Slides the list at *at, its new place from now on, and renames its rows. False where one of them is dead. */
static bool slide_list(int32_t *at, slide *s)
{
    const int32_t *to = s->to;
    bool alive = true;

    *at = slide_ints(*at, mg_list_ints(*at), s);
    int32_t *list = s->pool + *at, *rows = list + MG_LIST_HEAD, n = list[0], first = list[1];
    if (first >= 0) {
        list[1] = n ? to[first] : 0;
        return n == 0 || (to[first] >= 0 && to[first + n - 1] == to[first] + n - 1);
    }
    for (int32_t i = 0; i < n; i++) {
        rows[i] = to[rows[i]];
        alive &= rows[i] >= 0;
    }
    return alive;
}

/* Renames the operands of `row`, which already stands in its new place. False where one of them is dead. */
static bool rename_operands(int64_t row, slide *s)
{
    const int32_t *to = s->to;
    int32_t *const a = &mg.a[row], *const b = &mg.b[row], n, weights;
    bool alive = true;

    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_NO_OPERAND:
        break;
    case MG_ONE_K:
        *b = slide_ints(*b, MG_K_INTS, s); /* fall through */
    case MG_ONE:
        *a = to[*a];
        return *a >= 0;
    case MG_TWO:
        *a = to[*a];
        *b = to[*b];
        return *a >= 0 && *b >= 0;
    case MG_LIST:
        return slide_list(a, s);
    case MG_PAIRED:
        n = mg.pool[*a];
        alive = slide_list(a, s);
        if (*b >= 0)
            return slide_list(b, s) && alive;
        *b = ~slide_ints(~*b, (int64_t)n * MG_K_INTS, s);
        break;
    case MG_WEIGHTED:
        if (*b != s->old_list) {
            s->old_list = s->new_list = *b;
            s->list_alive = slide_list(&s->new_list, s);
        }
        *b = s->new_list;
        weights = *a + MG_DOT_HEAD;
        *a = slide_ints(*a, MG_DOT_HEAD, s);
        int32_t *const bias = s->pool + *a + 1;
        if (*bias != MG_NONE)
            alive = (*bias = to[*bias]) >= 0;
        return slide_list(&weights, s) && alive && s->list_alive;
    }
    return alive;
}

/* Slides the live rows together, in their order. Returns false where there was no memory for it. */
static bool squeeze(void)
{
    int32_t *to = mg_allocate(NULL, (size_t)mg.rows * sizeof *to), *other = NULL;
    int64_t end = 0;

    if (mg.pool_mixed)
        other = mg_allocate(NULL, (size_t)mg.pool_capacity * sizeof *other);
    if (!to || (mg.pool_mixed && !other)) {
        free(to);
        free(other);
        return false;
    }
    slide s = {.to = to, .pool = other ? other : mg.pool, .old_list = -1};
    for (int64_t row = 0; row < mg.rows; row++) {
        const int32_t handle = mg.handle[row];
        if (handle == MG_DEAD) {
            to[row] = MG_NONE;
            continue;
        }
        to[row] = (int32_t)end;
        if (row != end) {
            mg.op[end] = mg.op[row];
            mg.a[end] = mg.a[row];
            mg.b[end] = mg.b[row];
            mg.data[end] = mg.data[row];
            mg.grad[end] = mg.grad[row];
            mg.handle[end] = handle;
            mg.row_of[handle] = (int32_t)end;
        }
        /* A reader outlives its operands only for a moment, inside Python's collector. Without operands it
         * becomes a leaf. */
        if (!rename_operands(end, &s))
            mg.op[end] = MG_LEAF | (mg.op[end] & MG_PYTHON);
        end++;
    }
    free(to);
    if (other) {
        free(mg.pool);
        mg.pool = other;
        mg.pool_mixed = false;
    }
    mg.rows = end;
    mg.pool_used = s.end;
    mg.squeezes++;
    return true;
}

/* The capacity to grow to: what is wanted, at least that of the first growth, at most what a row number can tell as
 * long as that is all that is needed. */
static int64_t grown(int64_t wanted, int64_t needed)
{
    if (wanted > INT32_MAX && needed <= INT32_MAX)
        return INT32_MAX;
    return wanted > FIRST_ROWS ? wanted : FIRST_ROWS;
}

static bool many_dead(void)
{
    return mg.rows - mg.live > mg.live + SQUEEZE_SLACK;
}

int32_t mg_make_room(int64_t rows, int64_t ints)
{
    const bool pool_short = mg.pool_used + ints > mg.pool_capacity;
    const bool pool_large = mg.pool_capacity > mg.rows / 4 + KEEP_ROWS;
    const bool worthwhile = many_dead() || (pool_short && pool_large && (mg.live < mg.rows || mg.pool_mixed));

    mg.limit = mg.capacity;
    if (worthwhile && mg_open_sweeps == 0 && squeeze())
        shrink();
    if (mg.rows + rows > mg.capacity && resize(grown(mg.rows + mg.rows / 2 + rows, mg.rows + rows)) < 0)
        return MG_ENOMEM;
    const int64_t needed = mg.pool_used + ints, pool = grown(needed + mg.pool_used, needed);
    if (needed > mg.pool_capacity / 2 && pool > mg.pool_capacity && resize_pool(pool) < 0 &&
        needed > mg.pool_capacity)
        return MG_ENOMEM;
    return MG_OK;
}

/* ---- append and free ---- */

int32_t mg_to_rows(const int32_t *handles, int32_t n, int32_t *rows)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg_row(handles[i]);
        if (row < 0)
            return MG_EHANDLE;
        if (rows)
            rows[i] = row;
    }
    return MG_OK;
}

bool mg_cut_pool(int64_t row)
{
    const enum mg_shape shape = mg_shape_of[mg.op[row] & ~MG_PYTHON];
    const int32_t a = mg.a[row], b = mg.b[row];

    if (mg.pool_mixed || shape <= MG_ONE || shape == MG_TWO)
        return false;
    if (shape == MG_WEIGHTED) /* the first one of a layer stands right behind the list of inputs */
        mg.pool_used = a == b + mg_list_ints(b) ? b : a;
    else
        mg.pool_used = shape == MG_ONE_K ? b : a;
    return true;
}

/* Takes dead rows off the top, and what only they had in the pool: all from the part of the lowest one up. */
static void pop_dead(void)
{
    const int64_t top = mg.rows;
    int64_t row = top;

    while (row > 0 && mg.handle[row - 1] == MG_DEAD)
        row--;
    mg.rows = row;
    while (row < top && !mg_cut_pool(row))
        row++;
    if (mg.rows == 0) { /* a reader that became a leaf left its part behind */
        mg.pool_used = 0;
        mg.pool_mixed = false;
    }
}

/* The handle goes to the free ones, its row is dead. */
static void release(int32_t handle, int64_t row)
{
    mg.handle[row] = MG_DEAD;
    mg.row_of[handle] = mg_link(mg.free_handle);
    mg.free_handle = handle;
    mg.live--;
}

void mg_discard(int64_t rows, int64_t pool_used)
{
    while (mg.rows > rows) {
        mg.rows--;
        release(mg.handle[mg.rows], mg.rows);
    }
    mg.pool_used = pool_used;
}

void mg_free(const int32_t *handles, int32_t n)
{
    mg_lock();
    for (int32_t i = 0; i < n; i++) {
        const int32_t handle = handles[i], row = mg_row(handle);
        if (row >= 0)
            release(handle, row);
    }
    if (mg_open_sweeps == 0) {
        pop_dead();
        if (mg.rows <= mg.capacity / 8)
            shrink();
        if (many_dead())
            mg.limit = mg.rows; /* the next append squeezes */
    }
    mg_unlock();
}

mg_list *mg_new_list(int32_t n)
{
    mg_list *list = mg_allocate(NULL, sizeof *list + (size_t)n * sizeof *list->handles);

    for (int32_t i = 0; list && i < n; i++)
        list->handles[i] = MG_NONE;
    if (list)
        list->n = n;
    return list;
}

void mg_free_list(mg_list *list)
{
    mg_free(list->handles, list->n);
    free(list);
}
