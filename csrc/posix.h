/* posix.h - POSIX threads, their locks and clocks. On Windows they are those of MinGW, which has neither fork nor masks
 * of signals: there is nothing to do about them. */
#ifndef MG_POSIX_H
#define MG_POSIX_H

#include <pthread.h>
#include <signal.h>
#include <time.h>

#ifdef _WIN32
#undef pthread_atfork
#undef pthread_sigmask
#define sigset_t _sigset_t
#define sigfillset(set) ((void)(set))
#define pthread_sigmask(how, set, before) ((void)(set), (void)(before))
#define pthread_atfork(before, in_parent, in_child) ((void)(before), (void)(in_parent), (void)(in_child), 0)
#endif

#endif
