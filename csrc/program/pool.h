/* pool.h - threads that help with a run. Private. */
#ifndef MG_POOL_H
#define MG_POOL_H

#include <stdint.h>

/* Calls task(argument) on this thread and on up to `helpers` others, and returns when all of them are through. */
void mg_pool_run(void (*task)(void *), void *argument, int32_t helpers);
/* Threads to use, the caller's included. */
int32_t mg_pool_threads(void);

#endif
