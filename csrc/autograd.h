/* autograd.h - what engine.c needs of the sweep. */
#ifndef MG_AUTOGRAD_H
#define MG_AUTOGRAD_H

/* What a child of fork() starts with: no sweep of the parent's other threads. Called with the lock held. */
void mg_forget_foreign_sweeps(void);

#endif
