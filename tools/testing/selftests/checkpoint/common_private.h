/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of common code share among themselves. */
#ifndef CKPT_TEST_COMMON_PRIVATE_H
#define CKPT_TEST_COMMON_PRIVATE_H

#include "common.h"

#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#define SCENARIO_ARG	"--scenario"
/* Milliseconds between two looks at what cannot wake us. */
#define LOOK_AGAIN	50

static inline void ckpt_futex_wake(uint32_t *word)
{
	syscall(__NR_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline void ckpt_futex_wait(uint32_t *word, uint32_t val, const struct timespec *timeout)
{
	syscall(__NR_futex, word, FUTEX_WAIT, val, timeout, NULL, 0);
}

/* Remove a file, or a directory with all that is in it. */
int ckpt_remove(const char *path);

/* Map the board at @path; @flags are those of open(2). */
struct ckpt_board *ckpt_map_board(const char *path, int flags);

/* Open a file of the cgroup. */
int ckpt_cgroup_open(struct ckpt_cgroup *cg, const char *file, int flags);

/* Where a run is, for messages; print one about it and return -1. */
void ckpt_phase(const char *name);
int ckpt_complain(struct ckpt_run *run, const char *what);

/* Forget what the kernel has told so far. */
void ckpt_run_empty_log(struct ckpt_run *run);

/*
 * The scenario's files, in the directory of the board and with its name: remove
 * them; keep what is in them; forget that; write it there again.
 */
void ckpt_run_remove_files(struct ckpt_run *run);
void ckpt_run_save_files(struct ckpt_run *run);
void ckpt_run_forget_files(struct ckpt_run *run);
void ckpt_run_take_files_back(struct ckpt_run *run);

/* ckpt_run_init() with a board that may be there already. */
int ckpt_run_init_at(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container,
		     const char *board_path);
/* As ckpt_run_fini(), but board and files stay. */
void ckpt_run_leave(struct ckpt_run *run);
/* ckpt_run_start() and what the test sets up; to the end from where it waits. */
int ckpt_run_set_up(struct ckpt_run *run);
int ckpt_run_go_and_finish(struct ckpt_run *run);

/* A part of a life that goes over a power-off, see common_boots.c. */
int ckpt_in_boot(const struct ckpt_scenario *sc, bool container, const char *boot);

/* Make the vDSO of the image in @fd another one if CKPT_VDSO says so; see common_vdso.c. */
int ckpt_other_vdso(int fd);

#endif /* CKPT_TEST_COMMON_PRIVATE_H */
