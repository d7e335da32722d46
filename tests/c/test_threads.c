/* Threads that build, sweep and free at the same time, and a fork in the midst of them. */
#include "check.h"

#include <math.h>
#include <pthread.h>

enum { THREADS = 8, ROUNDS = 60, NODES = 200 };

/* x, then NODES nodes over it in every shape; d/dx of the last is known: each adds 1 to the one before. */
static void build_sweep_free(rng *r)
{
    int32_t h[4 + 3 * NODES], n = 0;
    mg_pause pause;

    const int32_t x = h[n++] = leaf(2.0), one = h[n++] = leaf(1.0);
    int32_t z = h[n++] = made(mg_unary_k(MG_POW, x, 2.0)); /* dz/dx = 4 */
    for (int32_t i = 0; i < NODES; i++) {
        const int32_t pair[] = {z, one}, ones[] = {one, one};
        switch (random_below(r, 5)) {
        case 0:
            z = h[n++] = made(mg_binary(MG_ADD, z, one));
            break;
        case 1:
            z = h[n++] = made(mg_nary(MG_SUM, pair, 2));
            break;
        case 2:
            z = h[n++] = made(mg_dot(pair, ones, 2, MG_NONE, MG_RELU));
            break;
        case 3: {
            const int64_t both = mg_binary_number(MG_ADD, z, 1.0, 0);
            CHECK(both >= 0);
            h[n++] = (int32_t)(both >> 32);
            z = h[n++] = (int32_t)(both & 0xFFFFFFFF);
            break;
        }
        default: { /* made by hand, its closure is below */
            z = h[n++] = made(mg_restore(MG_CUSTOM, &z, 1, NAN, MG_NONE, mg_data(z) + 1.0, 0.0));
            CHECK(mg_set_python(z, 1) >= MG_OK); /* 1: beside a sweep of another thread */
            break;
        }
        }
    }
    CHECK_REAL(mg_data(z), 4.0 + NODES);
    for (int32_t round = 0; round < 2; round++) {
        int32_t status = mg_backward(z, 1.0, &pause);
        while (status == 1) {
            int32_t below = 0;
            while (h[below] != pause.node)
                below++;
            const int32_t operand = h[below - 1]; /* z of the round before always stands right before it */
            if (round == 0 && random_below(r, 8) == 0) { /* an exception in the closure */
                mg_sweep_close(&pause);
                break;
            }
            CHECK_INT(mg_set_grad(operand, mg_grad(operand) + mg_grad(pause.node)), MG_OK);
            status = mg_sweep_resume(&pause);
        }
        CHECK(status >= 0);
        if (round == 0)
            CHECK_INT(mg_zero_grad(z), MG_OK);
    }
    CHECK_REAL(mg_grad(x), 4.0);
    if (random_below(r, 2)) { /* in any order */
        for (int32_t i = n - 1; i > 0; i--) {
            const int32_t j = random_below(r, i + 1), t = h[i];
            h[i] = h[j], h[j] = t;
        }
        for (int32_t i = 0; i < n; i++)
            mg_free(&h[i], 1);
    } else {
        mg_free(h, n);
    }
}

static void *worker(void *seed)
{
    rng r = {*(uint64_t *)seed};

    for (int32_t round = 0; round < ROUNDS; round++)
        build_sweep_free(&r);
    return NULL;
}

TEST(threads_build_sweep_and_free_at_the_same_time)
{
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];

    for (int32_t i = 0; i < THREADS; i++) {
        seeds[i] = (uint64_t)i + 1;
        CHECK_INT(pthread_create(&threads[i], NULL, worker, &seeds[i]), 0);
    }
    for (int32_t i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(figures().live_nodes, 0);
}

/* What is refused while other threads may want the lock gives it back. */
static void *wrong(void *handle)
{
    const int32_t h = *(int32_t *)handle, live = leaf(1.0), pair[] = {live, h};
    const double slopes[2] = {0};
    const int8_t batched[1] = {0};
    double out[2], state[8] = {0}, options[8] = {0};
    int64_t steps = 0;
    int32_t status = 0, culprit = 0;
    mg_node node;
    mg_pause pause;

    CHECK_INT(mg_unary(MG_EXP, h), MG_EHANDLE);
    CHECK_INT(mg_unary_k(MG_POW, h, 2.0), MG_EHANDLE);
    CHECK_INT(mg_binary(MG_ADD, live, h), MG_EHANDLE);
    CHECK(mg_binary_number(MG_ADD, h, 1.0, 0) < 0);
    CHECK_INT(mg_nary(MG_SUM, pair, 2), MG_EHANDLE);
    CHECK_INT(mg_dot(pair, pair, 2, MG_NONE, MG_NONE), MG_EHANDLE);
    CHECK_INT(mg_restore(MG_ADD, pair, 2, 0.0, MG_NONE, 0.0, 0.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand(MG_NONE, pair, 2, slopes, NULL, 0.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand(h, pair, 1, slopes, NULL, 0.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand(MG_NONE, &live, 1, NULL, &h, 0.0), MG_EHANDLE);
    CHECK_INT(mg_by_hand_over(live, h, 0.0), MG_EHANDLE);
    CHECK_INT(mg_is_read(h), MG_EHANDLE);
    CHECK(isnan(mg_data(h)) && isnan(mg_grad(h)));
    CHECK_INT(mg_set_data(h, 0.0), MG_EHANDLE);
    CHECK_INT(mg_set_grad(h, 0.0), MG_EHANDLE);
    CHECK_INT(mg_set_grads(pair, 2, 0.0, NULL), MG_EHANDLE);
    CHECK_INT(mg_describe(h, &node), MG_EHANDLE);
    CHECK_INT(mg_rows(pair, 2, (int32_t[2]){0}), MG_EHANDLE);
    CHECK_INT(mg_backward(h, 1.0, &pause), MG_EHANDLE);
    CHECK_INT(mg_set_python(h, 1), MG_EHANDLE);
    CHECK_INT(mg_local_derivatives(h, out, 1), MG_EHANDLE);
    CHECK_INT(mg_backward_node(h), MG_EHANDLE);
    CHECK_INT(mg_zero_grad(h), MG_EHANDLE);
    CHECK_INT(mg_sgd(pair, 2, state, &steps, options), MG_EHANDLE);
    CHECK_INT(mg_adam(pair, 2, state, &steps, options), MG_EHANDLE);
    CHECK_INT(mg_rmsprop(pair, 2, state, &steps, options), MG_EHANDLE);
    CHECK(!mg_program_new(h, pair, batched, 1, &live, 1, &status, &culprit) && status == MG_EHANDLE);
    CHECK(!mg_program_new(live, pair, batched, 0, &h, 1, &status, &culprit) && status == MG_EHANDLE);
    CHECK(!mg_derive(h, &live, 1, 1, &status, &culprit) && status == MG_EHANDLE);
    CHECK(!mg_derive(live, &h, 1, 1, &status, &culprit) && status == MG_EHANDLE);
    mg_free(&live, 1);
    return NULL;
}

TEST(errors_beside_other_threads_give_the_lock_back)
{
    pthread_t threads[2];
    int32_t nobody = 1 << 30;

#ifndef _WIN32
    alarm(60); /* whoever keeps the lock lets all others wait for ever */
#endif
    for (int32_t i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, wrong, &nobody), 0);
    for (int32_t i = 0; i < 2; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
#ifndef _WIN32
    alarm(0);
#endif
    CHECK_INT(figures().live_nodes, 0);
}

/* ---- fork ---- */

static pthread_mutex_t baton = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t passed = PTHREAD_COND_INITIALIZER;
static int32_t turn;

static void wait_for_turn(int32_t mine)
{
    pthread_mutex_lock(&baton);
    while (turn < mine)
        pthread_cond_wait(&passed, &baton);
    pthread_mutex_unlock(&baton);
}

static void pass_turn(void)
{
    pthread_mutex_lock(&baton);
    turn++;
    pthread_cond_broadcast(&passed);
    pthread_mutex_unlock(&baton);
}

/* Opens a sweep, lets the main thread fork, and goes on. */
static void *paused_thread(void *handle)
{
    mg_pause pause;

    CHECK_INT(mg_backward(*(int32_t *)handle, 1.0, &pause), 1);
    pass_turn();
    wait_for_turn(2);
    CHECK_INT(mg_sweep_resume(&pause), MG_OK);
    return NULL;
}

static int32_t go_on_alone(void *own)
{
    rng r = {99};

    CHECK_INT(figures().open_sweeps, 1); /* its own; nobody will ever end the other one */
    CHECK_INT(mg_sweep_resume(own), MG_OK);
    CHECK_INT(figures().open_sweeps, 0);
    CHECK(mg_test_no_marks());
    squeeze_now();
    for (int32_t i = 0; i < 5; i++)
        build_sweep_free(&r);
    return 42;
}

TEST(a_child_of_fork_goes_on_without_the_sweeps_of_other_threads)
{
    const int32_t x = leaf(1.0);
    int32_t y = made(mg_unary(MG_NEG, x)), z = made(mg_unary(MG_NEG, y));
    pthread_t thread;
    mg_pause own;

    turn = 0;
    CHECK_INT(mg_set_python(y, 1), MG_OK);
    CHECK_INT(pthread_create(&thread, NULL, paused_thread, &z), 0);
    wait_for_turn(1);
    CHECK_INT(mg_backward(z, 1.0, &own), 1);
    CHECK_INT(figures().open_sweeps, 2);
    CHECK_INT(in_child(go_on_alone, &own), 42);
    CHECK_INT(figures().open_sweeps, 2); /* the parent lost none */
    pass_turn();
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(mg_sweep_resume(&own), MG_OK);
}

static int32_t work_alone(void *unused)
{
    rng r = {7};

    (void)unused;
    build_sweep_free(&r); /* the lock is free, the columns are whole */
    check_arena();
    return 42;
}

static void *worker_until_told(void *seed)
{
    rng r = {*(uint64_t *)seed};

    for (bool told = false; !told;) {
        build_sweep_free(&r);
        pthread_mutex_lock(&baton);
        told = turn > 0;
        pthread_mutex_unlock(&baton);
    }
    return NULL;
}

TEST(a_fork_while_other_threads_work_finds_the_arena_whole)
{
    pthread_t threads[3];
    uint64_t seeds[] = {1, 2, 3};

    turn = 0;
    for (int32_t i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, worker_until_told, &seeds[i]), 0);
    for (int32_t i = 0; i < 10; i++)
        CHECK_INT(in_child(work_alone, NULL), 42);
    pass_turn();
    for (int32_t i = 0; i < 3; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    CHECK_INT(mg_init(), MG_OK); /* a second time harms nobody */
    RUN(errors_beside_other_threads_give_the_lock_back);
    RUN(threads_build_sweep_and_free_at_the_same_time);
    RUN_FORK(a_child_of_fork_goes_on_without_the_sweeps_of_other_threads);
    RUN_FORK(a_fork_while_other_threads_work_finds_the_arena_whole);
    return 0;
}
