/* Threads that help. */
#include "check.h"
#include "program/pool.h"

#include <stdatomic.h>

static atomic_int calls, inner_calls;

static void count(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

/* A task that asks for helpers itself: all of them are taken. */
static void ask_again(void *argument)
{
    count(argument);
    mg_pool_run(count, &inner_calls, 3);
}

TEST(a_task_runs_on_the_callers_thread_and_on_no_more_than_were_asked_for)
{
    for (int32_t helpers = 0; helpers < 4; helpers++)
        for (int32_t i = 0; i < 200; i++) {
            atomic_store(&calls, 0);
            mg_pool_run(count, &calls, helpers);
            CHECK(atomic_load(&calls) >= 1 && atomic_load(&calls) <= helpers + 1);
        }
}

TEST(a_task_within_a_task_runs_on_one_thread)
{
    atomic_store(&calls, 0);
    atomic_store(&inner_calls, 0);
    mg_pool_run(ask_again, &calls, 2);
    CHECK_INT(atomic_load(&inner_calls), atomic_load(&calls));
}

TEST(there_is_one_thread_at_least)
{
    CHECK_INT(mg_set_threads(0), MG_EARGUMENT);
    CHECK_INT(mg_pool_threads(), 1);
    CHECK_INT(mg_set_threads(1 << 16), MG_OK);
    CHECK(mg_pool_threads() >= 1);
    CHECK_INT(mg_set_threads(1), MG_OK);
    CHECK_INT(mg_pool_threads(), 1);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(there_is_one_thread_at_least);
    RUN(a_task_runs_on_the_callers_thread_and_on_no_more_than_were_asked_for);
    RUN(a_task_within_a_task_runs_on_one_thread);
    return 0;
}
