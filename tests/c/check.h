/* check.h - what the C tests share.
 *
 *     TEST(squeeze_keeps_the_order_of_rows) { ... CHECK(a < b); ... }
 *     int main(void) { RUN(squeeze_keeps_the_order_of_rows); return 0; }
 *
 * The name of a test is the sentence that it proves. Every test starts with an arena that has no memory at all, and
 * after it the arena is looked over and emptied. A check that fails tells where, and ends the program.
 */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "arena.h"
#include "sweep.h"

#ifndef MG_TEST_ALLOC
#error "compile the tests and the engine with -DMG_TEST_ALLOC, as `make ctest` does"
#endif

#define TEST(name) static void name(void)
#define LENGTH(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* What a check that fails tells beside the place: the seed of a random test, the op of a walk over the table. */
static char check_context[200];
#define check_note(...) ((void)snprintf(check_context, sizeof check_context, __VA_ARGS__))

static inline void fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: failed: %s%s%s\n", file, line, what, *check_context ? ", " : "", check_context);
    exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : fail(__FILE__, __LINE__, #condition))

static inline void check_int(int64_t x, int64_t y, const char *file, int line, const char *what)
{
    if (x == y)
        return;
    fprintf(stderr, "%" PRId64 " is not %" PRId64 "\n", x, y);
    fail(file, line, what);
}

/* The same integer. */
#define CHECK_INT(x, y) check_int(x, y, __FILE__, __LINE__, #x " == " #y)

static inline void check_near(double x, double y, double tolerance, const char *file, int line,
                              const char *what)
{
    if (x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= tolerance)
        return;
    fprintf(stderr, "%.17g is not %.17g, they are %g apart\n", x, y, fabs(x - y));
    fail(file, line, what);
}

/* The same double, nan included; -0 is 0. */
#define CHECK_REAL(x, y) check_near(x, y, 0.0, __FILE__, __LINE__, #x " == " #y)
/* At most `tolerance` apart. */
#define CHECK_NEAR(x, y, tolerance) check_near(x, y, tolerance, __FILE__, __LINE__, #x " near " #y)

/* ---- random numbers, the same for the same seed on every machine ---- */

typedef struct {
    uint64_t state;
} rng;

static inline uint32_t random_bits(rng *r)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(r->state >> 33);
}

/* 0 .. n-1 */
static inline int32_t random_below(rng *r, int32_t n)
{
    return (int32_t)(random_bits(r) % (uint32_t)n);
}

/* -1 .. 1 */
static inline double random_real(rng *r)
{
    return random_bits(r) / 1073741824.0 - 1.0;
}

/* ---- the arena seen from outside ---- */

static inline mg_figures figures(void)
{
    mg_figures f;
    mg_stats(&f);
    return f;
}

/* A handle, checked: no error. */
static inline int32_t made(int64_t handle)
{
    CHECK(handle >= 0);
    return (int32_t)handle;
}

static inline int32_t leaf(double data)
{
    return made(mg_leaf(data));
}

static inline void drop(int32_t handle)
{
    mg_free(&handle, 1);
}

/* backward over a graph in which nothing waits for Python. */
static inline void backward(int32_t root)
{
    mg_pause pause;
    CHECK_INT(mg_backward(root, 1.0, &pause), MG_OK);
}

/* The status of a run that has gone on to its end: on a busy machine any run may pause, to hear of signals. */
static inline int32_t finished(int32_t status, mg_run **unfinished)
{
    while (status == 1)
        status = mg_program_resume(unfinished);
    CHECK(!*unfinished);
    return status;
}

static inline int32_t row_of(int32_t handle)
{
    int32_t row;
    CHECK_INT(mg_rows(&handle, 1, &row), MG_OK);
    return row;
}

static inline int32_t op_of(int32_t handle)
{
    mg_node node;
    CHECK_INT(mg_describe(handle, &node), MG_OK);
    return node.op;
}

/* ---- the arena seen from inside ---- */

/* Operands of a row: their rows in `out`, which has room for `most`; of an MG_DOT x, w, bias; of an MG_GIVEN the nodes
 * of its derivatives too. */
static inline int32_t operands_of(int64_t row, int32_t *out, int32_t most)
{
    const int32_t a = mg.a[row], b = mg.b[row];
    int32_t n = 0;
    int32_t lists[2], lengths[2], count = 0;

#define PUT(x) (CHECK(n < most), out[n++] = (x))
    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_NO_OPERAND:
        break;
    case MG_ONE:
    case MG_ONE_K:
        PUT(a);
        break;
    case MG_TWO:
        PUT(a);
        PUT(b);
        break;
    case MG_LIST:
        lists[count] = a;
        lengths[count++] = mg.pool[a];
        break;
    case MG_PAIRED:
        lists[count] = a;
        lengths[count++] = mg.pool[a];
        if (b >= 0) {
            lists[count] = b;
            lengths[count++] = mg.pool[a];
        }
        break;
    case MG_WEIGHTED:
        lists[count] = b;
        lengths[count++] = mg.pool[b];
        lists[count] = a + MG_DOT_HEAD;
        lengths[count++] = mg.pool[a + MG_DOT_HEAD];
        break;
    }
    for (int32_t l = 0; l < count; l++)
        for (int32_t i = 0; i < lengths[l]; i++)
            PUT(mg.pool[lists[l] + 1] >= 0 ? mg.pool[lists[l] + 1] + i
                                           : mg.pool[lists[l] + MG_LIST_HEAD + i]);
    if (mg_shape_of[mg.op[row] & ~MG_PYTHON] == MG_WEIGHTED && mg.pool[a + 1] != MG_NONE)
        PUT(mg.pool[a + 1]);
#undef PUT
    return n;
}

/* Where in the pool a row's part begins, and behind its end; `from` itself where it has none. */
static inline void pool_part(int64_t row, int64_t *from, int64_t *to)
{
    *to = *from;
    switch (mg_shape_of[mg.op[row] & ~MG_PYTHON]) {
    case MG_ONE_K:
        *from = mg.b[row];
        *to = *from + MG_K_INTS;
        break;
    case MG_LIST:
        *from = mg.a[row];
        *to = *from + mg_list_ints(*from);
        break;
    case MG_PAIRED:
        *from = mg.a[row];
        *to = *from + mg_list_ints(*from);
        if (mg.b[row] >= 0)
            CHECK(mg.b[row] >= *to);
        *to = mg.b[row] >= 0 ? mg.b[row] + mg_list_ints(mg.b[row]) : ~mg.b[row] + mg.pool[*from] * MG_K_INTS;
        break;
    case MG_WEIGHTED:
        CHECK(mg.b[row] + mg_list_ints(mg.b[row]) <= mg.a[row]);
        *from = mg.a[row];
        *to = *from + MG_DOT_HEAD + mg_list_ints(*from + MG_DOT_HEAD);
        break;
    default:
        break;
    }
}

/* All that arena.h says of the columns holds. */
static inline void check_arena(void)
{
    int64_t live = 0, free_handles = 0, end = 0;

    CHECK(mg.rows <= mg.limit && mg.limit <= mg.capacity);
    CHECK(mg.pool_used <= mg.pool_capacity);
    CHECK(mg.handles <= mg.handle_capacity && mg.handle_capacity >= mg.capacity);
    for (int64_t row = 0; row < mg.rows; row++) {
        if (mg.handle[row] != MG_DEAD) {
            CHECK_INT(mg.row_of[mg.handle[row]], row);
            live++;
        }
        int64_t from = end, to = end;
        pool_part(row, &from, &to);
        CHECK(from >= end || mg.pool_mixed); /* in the order of the rows */
        CHECK(from >= 0 && to >= from && to <= mg.pool_used);
        end = to;
        static int32_t operands[1 << 17];
        const int32_t n = operands_of(row, operands, LENGTH(operands));
        for (int32_t i = 0; i < n; i++)
            CHECK(operands[i] >= 0 && operands[i] < row);
    }
    CHECK_INT(mg.live, live);
    for (int32_t h = mg.free_handle; h != MG_NONE; h = mg_link(mg.row_of[h])) {
        CHECK(h >= 0 && h < mg.handles && mg.row_of[h] < 0);
        free_handles++;
    }
    CHECK_INT(mg.handles, live + free_handles);
    CHECK(mg_test_no_marks());
}

/* A number for all that is alive: nodes in their order, what they hold, which operands. The dead don't count. */
static inline uint64_t digest(void)
{
    uint64_t hash = 14695981039346656037u;

#define ADD(variable)                                                                                        \
    for (size_t byte = 0; byte < sizeof(variable); byte++)                                                   \
    hash = (hash ^ ((const unsigned char *)&(variable))[byte]) * 1099511628211u
    for (int64_t row = 0; row < mg.rows; row++) {
        if (mg.handle[row] == MG_DEAD)
            continue;
        static int32_t operands[1 << 17];
        const int32_t n = operands_of(row, operands, LENGTH(operands));
        mg_node node;
        mg_describe(mg.handle[row], &node);
        ADD(mg.handle[row]);
        ADD(mg.op[row]);
        ADD(node.activation);
        ADD(node.k);
        ADD(node.data);
        ADD(node.grad);
        for (int32_t i = 0; i < n; i++)
            ADD(mg.handle[operands[i]]);
    }
#undef ADD
    return hash;
}

/* Frees all that is alive, from the top down. */
static inline void drop_all(void)
{
    for (int64_t row = mg.rows - 1; row >= 0; row--)
        if (row < mg.rows && mg.handle[row] != MG_DEAD)
            drop(mg.handle[row]);
    mg_free(NULL, 0);
}

/* Lets the engine squeeze, as it does by itself when most rows are dead. */
static inline void squeeze_now(void)
{
    const int64_t before = figures().squeezes;
    const int32_t n = (int32_t)mg.rows + (1 << 13) + 2;
    int32_t *rubbish = malloc((size_t)n * sizeof *rubbish);

    for (int32_t i = 0; i < n; i++)
        rubbish[i] = leaf(0.0);
    const int32_t lid = leaf(0.0); /* or the rubbish would be taken off the top */
    mg_free(rubbish, n);
    free(rubbish);
    drop(leaf(0.0));
    drop(lid);
    CHECK_INT(figures().squeezes, before + 1);
}

/* An arena without any memory. */
static inline void fresh_arena(void)
{
    free(mg.op), free(mg.a), free(mg.b), free(mg.data), free(mg.grad);
    free(mg.handle), free(mg.row_of), free(mg.pool);
    mg = (mg_arena){.free_handle = MG_NONE};
}

/* `action` in a child of fork: its result, 0 .. 255; a check that fails in there gives 1. What the child has reached
 * counts too, where `make coverage` counts. */
static inline int32_t in_child(int32_t (*action)(void *), void *argument)
{
#ifdef _WIN32 /* has no fork, and RUN_FORK runs nothing */
    return action(argument);
#else
    int status;
    const pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        const int32_t result = action(argument);
#ifdef MG_COUNTED
        extern void __gcov_dump(void);
        __gcov_dump();
#endif
        _exit(result);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#endif
}

static inline void run_test(void (*test)(void), const char *name)
{
    printf("%s\n", name);
    fflush(stdout);
    check_context[0] = 0;
    fresh_arena();
    test();
    check_arena();
    drop_all();
    CHECK_INT(figures().live_nodes, 0);
    CHECK_INT(figures().rows, 0);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK_INT(mg.pool_used, 0);
    CHECK(mg_test_no_marks());
    fresh_arena();
}

#define RUN(name) run_test(name, #name)
#if defined(_WIN32) || defined(MG_TEST_NO_FORK)
#define RUN_FORK(name) ((void)(name))
#else
#define RUN_FORK(name) RUN(name)
#endif

#endif
