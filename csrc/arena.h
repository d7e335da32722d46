/* arena.h - the columns of nodes, and what every part of the engine does with a row. Private to csrc/.
 *
 *   row        0        1        2        3      ...      operands stand below their readers:
 *   op         LEAF     LEAF     MUL      ADD             row order is a topological order
 *   a, b       -, -     -, -     0, 1     2, 1
 *   data       2.0      -3.0     -6.0     -9.0
 *   grad       ...
 *   handle     5        0        2        1               row_of[handle[r]] == r, or handle[r] == MG_DEAD
 *
 * Rows are only ever appended. A freed row is dead until `squeeze` slides the live ones together, in order.
 * What does not fit into a and b (lists of operands, a double) stands in the pool, in the order of the rows. Where a
 * row gets operands later, see mg_by_hand, the order is lost until the next squeeze.
 */
#ifndef MG_ARENA_H
#define MG_ARENA_H

#include "memory.h"
#include "table.h"

#define MG_PYTHON 0x80 /* bit of the op column: backward of this node is a Python closure */
#define MG_DEAD (-1)   /* in the handle column */

_Static_assert(MG_OPS < MG_PYTHON, "op codes and MG_PYTHON share a byte");
_Static_assert(sizeof(double) == 2 * sizeof(int32_t), "a k fills two places of the pool");

/* A list of operands in the pool: {n, first} for consecutive rows first .. first+n-1,
 * {n, -1, row, row, ...} for any others.
 * OPN, MG_CUSTOM      a: list
 * MG_GIVEN            a: list, b: list of the nodes whose data are the derivatives; or ~b: as many doubles
 * MG_DOT              a: record {activation, bias, list of weights}, b: list of as many inputs; the neurons of
 *                     a layer share it
 * ops that take k     a: operand, b: the double in the pool */
enum { MG_LIST_HEAD = 2, MG_DOT_HEAD = 2, MG_K_INTS = 2 };

typedef struct {
    uint8_t *op;     /* an mg_op, and MG_PYTHON */
    int32_t *a;      /* row of the first operand, or see above */
    int32_t *b;      /* row of the second operand, or see above */
    double *data;    /* value */
    double *grad;    /* d root / d this node, summed over the backward calls so far */
    int32_t *handle; /* who owns the row, MG_DEAD: nobody */
    int32_t *row_of; /* handle -> row; of a free handle: mg_link to the next free one, negative */
    void **owner;    /* handle -> its Value of the native core, NULL: none; NULL without such a core */
    int32_t *pool;   /* lists and doubles */
    int64_t rows;    /* rows in use */
    int64_t limit;   /* rows below it are appended without mg_make_room; <= capacity */
    int64_t capacity;
    int64_t live;            /* rows with a handle */
    int64_t pool_used;       /* ints */
    int64_t pool_capacity;   /* ints */
    bool pool_mixed;         /* the parts of the pool are not in the order of the rows */
    int64_t handles;         /* handles given out so far, free ones too */
    int64_t handle_capacity; /* handles that row_of and owner have memory for, >= capacity */
    int32_t free_handle;     /* head of the list of free ones, MG_NONE: empty */
    int64_t squeezes;
    int64_t moves; /* rows that were given up for one on top, see mg_by_hand */
} mg_arena;

/* What the native core of Value needs of the engine: it is a module of its own, and shares the one arena. */
typedef struct {
    mg_arena *arena;
    /* Not 0: there is one thread in the process. It needs no lock, and no second thread starts while it would
     * hold one. */
    const char *single_threaded;
    void (*lock)(void);
    void (*unlock)(void);
    int32_t (*make_room)(int64_t rows, int64_t ints);
    void (*free)(const int32_t *handles, int32_t n);
    int32_t (*nary)(int32_t op, const int32_t *x, int32_t n);
    int32_t (*dot)(const int32_t *w, const int32_t *x, int32_t n, int32_t bias, int32_t activation);
    int32_t (*layers)(const mg_layer *layers, int32_t n, const int32_t *x, int32_t inputs, int32_t *out);
    int32_t (*backward)(int32_t root, double seed, mg_pause *pause);
    int32_t (*resume)(mg_pause *pause);
    void (*close)(mg_pause *pause);
} mg_engine;

#ifdef MG_NATIVE_CORE
#ifndef _WIN32
__attribute__((visibility("hidden")))
#endif
extern const mg_engine *mg_shared;
#define mg (*mg_shared->arena)
#define mg_lock() (*mg_shared->single_threaded ? (void)0 : mg_shared->lock())
#define mg_unlock() (*mg_shared->single_threaded ? (void)0 : mg_shared->unlock())
#define mg_make_room(rows, ints) mg_shared->make_room(rows, ints)
#else
extern mg_arena mg; /* the one arena */

/* A negative status becomes the result of the function around; the lock is given back. */
#define TRY(status)                                                                                          \
    do {                                                                                                     \
        const int32_t status_ = (status);                                                                    \
        if (status_ < 0) {                                                                                   \
            mg_unlock();                                                                                     \
            return status_;                                                                                  \
        }                                                                                                    \
    } while (0)

/* The body of a function that does `action` at the row of `handle`, under the lock. MG_OK, or MG_EHANDLE. */
#define AT(handle, action)                                                                                   \
    do {                                                                                                     \
        mg_lock();                                                                                           \
        const int32_t row = mg_row(handle);                                                                  \
        TRY(row);                                                                                            \
        action;                                                                                              \
        mg_unlock();                                                                                         \
        return MG_OK;                                                                                        \
    } while (0)

extern const char *mg_single_threaded; /* see mg_engine */
void mg_take_lock(void);
void mg_give_lock(void);
#define mg_lock() (*mg_single_threaded ? (void)0 : mg_take_lock())
#define mg_unlock() (*mg_single_threaded ? (void)0 : mg_give_lock())

/* The slow half of mg_reserve. */
int32_t mg_make_room(int64_t rows, int64_t ints);
#endif

/* Room for so many rows and ints of the pool, so that the appends that follow can't fail. May squeeze: look
 * rows up after it. */
static inline int32_t mg_reserve(int64_t rows, int64_t ints)
{
    if (mg.rows + rows <= mg.limit && mg.pool_used + ints <= mg.pool_capacity)
        return MG_OK;
    return mg_make_room(rows, ints);
}

/* The row of a handle, MG_EHANDLE. */
static inline int32_t mg_row(int32_t handle)
{
    if (handle < 0 || handle >= mg.handles || mg.row_of[handle] < 0)
        return MG_EHANDLE;
    return mg.row_of[handle];
}

/* Takes back the pool from the part of this row up, where no row that stays has one there. False: it has none, or the
 * order is lost. */
bool mg_cut_pool(int64_t row);

/* Undoes the appends since the arena had so many rows and so much of the pool was used. */
void mg_discard(int64_t rows, int64_t pool_used);

/* The entry of a free handle in row_of, and back: its own inverse. */
static inline int32_t mg_link(int32_t next)
{
    return -2 - next;
}

/* A new row on top, after mg_reserve. Returns its handle. */
static inline int32_t mg_append(int op, int32_t a, int32_t b, double data)
{
    const int64_t row = mg.rows++;
    int32_t handle = mg.free_handle;

    if (handle != MG_NONE)
        mg.free_handle = mg_link(mg.row_of[handle]);
    else
        handle = (int32_t)mg.handles++;
    mg.a[row] = a;
    mg.b[row] = b;
    mg.data[row] = data;
    mg.grad[row] = 0.0;
    mg.handle[row] = handle;
    mg.row_of[handle] = (int32_t)row;
#ifndef MG_NATIVE_CORE /* which writes the owner itself */
    if (mg.owner)
        mg.owner[handle] = NULL;
#endif
    mg.live++;
    mg.op[row] = (uint8_t)op; /* last: to the compiler a byte may be a part of mg, which is read again */
    return handle;
}

/* Puts k into the pool, after mg_reserve(.., MG_K_INTS). Returns its place. */
static inline int32_t mg_append_k(double k)
{
    const int64_t at = mg.pool_used;

    memcpy(mg.pool + at, &k, sizeof k);
    mg.pool_used += MG_K_INTS;
    return (int32_t)at;
}

/* Ints that the list at `at` fills. */
static inline int64_t mg_list_ints(int64_t at)
{
    return MG_LIST_HEAD + (mg.pool[at + 1] < 0 ? mg.pool[at] : 0);
}

/* Row number i of a list. */
static inline int32_t mg_item(const int32_t *list, int32_t i)
{
    return list[1] >= 0 ? list[1] + i : list[MG_LIST_HEAD + i];
}

/* The rows of n handles, MG_EHANDLE. `rows` may be NULL. */
int32_t mg_to_rows(const int32_t *handles, int32_t n, int32_t *rows);

/* A list of the rows of n handles at the end of the pool, after mg_reserve(.., MG_LIST_HEAD + n). Returns its place;
 * or MG_EHANDLE, nothing was done then. All n rows stand behind its head until the next append, consecutive ones too. */
static inline int32_t mg_append_list(const int32_t *handles, int32_t n)
{
    const int64_t at = mg.pool_used;
    int32_t *const list = mg.pool + at, *const rows = list + MG_LIST_HEAD;
    bool consecutive = true;

    for (int32_t i = 0; i < n; i++) {
        const int32_t row = mg_row(handles[i]);
        if (row < 0)
            return MG_EHANDLE;
        rows[i] = row;
        consecutive &= row == rows[0] + i;
    }
    list[0] = n;
    list[1] = n == 0 ? 0 : consecutive ? rows[0] : -1;
    mg.pool_used = at + MG_LIST_HEAD + (consecutive ? 0 : n);
    return (int32_t)at;
}

/* Puts n >= 1 derivatives into the pool, after mg_reserve(.., n * MG_K_INTS). Returns the b of an MG_GIVEN. */
static inline int32_t mg_append_slopes(const double *slopes, int32_t n)
{
    const int64_t at = mg.pool_used;
    int32_t *const to = mg.pool + at;

    memcpy(to, slopes, sizeof *slopes);
    if (n > 1)
        memcpy(to + MG_K_INTS, slopes + 1, sizeof *slopes);
    if (n > 2) /* a loop would become an instruction that takes longer to start than two derivatives do */
        memcpy(to + 2 * MG_K_INTS, slopes + 2, (size_t)(n - 2) * sizeof *slopes);
    mg.pool_used = at + (int64_t)n * MG_K_INTS;
    return (int32_t)~at;
}

/* Derivative i of an MG_GIVEN. */
static inline double mg_row_slope(int64_t row, int32_t i)
{
    const int32_t b = mg.b[row];
    double slope;

    if (b >= 0)
        return mg.data[mg_item(mg.pool + b, i)];
    memcpy(&slope, mg.pool + ~b + (int64_t)i * MG_K_INTS, sizeof slope);
    return slope;
}

/* The k of a row whose op takes one. */
static inline double mg_row_k(int64_t row)
{
    double k;
    memcpy(&k, mg.pool + mg.b[row], sizeof k);
    return k;
}

/* What is done with n consecutive operands of a row. */
typedef void mg_on_operands(void *context, int32_t first, int32_t n);

static inline void mg_each_in_list(const int32_t *list, int32_t n, void *context, mg_on_operands *then)
{
    if (list[1] >= 0)
        then(context, list[1], n);
    else
        for (int32_t i = 0; i < n; i++)
            then(context, list[MG_LIST_HEAD + i], 1);
}

/* Those of a row that get gradients from it. */
static inline void mg_each_operand(int64_t row, void *context, mg_on_operands *then)
{
    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_NO_OPERAND:
        break;
    case MG_TWO:
        then(context, mg.b[row], 1); /* fall through */
    case MG_ONE:
    case MG_ONE_K:
        then(context, mg.a[row], 1);
        break;
    case MG_LIST:
    case MG_PAIRED:
        mg_each_in_list(mg.pool + mg.a[row], mg.pool[mg.a[row]], context, then);
        break;
    case MG_WEIGHTED: {
        const int32_t *record = mg.pool + mg.a[row], *weights = record + MG_DOT_HEAD;
        if (record[1] != MG_NONE)
            then(context, record[1], 1);
        mg_each_in_list(weights, weights[0], context, then);
        mg_each_in_list(mg.pool + mg.b[row], weights[0], context, then);
        break;
    }
    }
}

/* ---- nodes of ops: each of these reserves, looks up, evaluates, and commits last ---- */

/* z = op(x), op(x; k) or op(x, y) by the shape of the op; computed where it is not `given`. The handle of z, or a
 * status. */
static inline int32_t mg_make(int op, int32_t x, int32_t y, double k, const double *given)
{
    const enum mg_shape shape = mg_shape_of[op];
    double z = given ? *given : 0.0;
    int32_t status = mg_reserve(1, shape == MG_ONE_K ? MG_K_INTS : 0);
    const int32_t a = mg_row(x), b = shape == MG_TWO ? mg_row(y) : 0;

    if (status >= 0)
        status = a < 0 || b < 0 ? MG_EHANDLE : given ? MG_OK : mg_evaluate(op, mg.data[a], mg.data[b], k, &z);
    if (status < 0)
        return status;
    return mg_append(op, a, shape == MG_ONE_K ? mg_append_k(k) : b, z);
}

/* z = op(x, c), with `left` op(c, x), and a new constant c: its handle in `leaf`. */
static inline int32_t mg_make_with_number(int op, int32_t x, double c, bool left, int32_t *leaf)
{
    double z;
    int32_t status = mg_reserve(2, 0);
    const int32_t a = mg_row(x), b = (int32_t)mg.rows;

    if (status >= 0)
        status = a < 0  ? a
                 : left ? mg_evaluate(op, c, mg.data[a], 0.0, &z)
                        : mg_evaluate(op, mg.data[a], c, 0.0, &z);
    if (status < 0)
        return status;
    *leaf = mg_append(MG_CONSTANT, 0, 0, c);
    return left ? mg_append(op, b, a, z) : mg_append(op, a, b, z);
}

/* A new node made by hand over n >= 1 operands; slopes as in mg_by_hand. Its handle, or a status. */
static inline int32_t mg_make_by_hand(const int32_t *x, int32_t n, const double *slopes, double data)
{
    const int32_t status = mg_reserve(1, MG_LIST_HEAD + (int64_t)n * (1 + MG_K_INTS)),
                  a = status < 0 ? status : mg_append_list(x, n);

    return a < 0
               ? a
               : mg_append(slopes ? MG_GIVEN : MG_CUSTOM, a, slopes ? mg_append_slopes(slopes, n) : 0, data);
}

#endif
