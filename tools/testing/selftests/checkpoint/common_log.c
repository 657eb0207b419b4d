// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel tells of a run.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <string.h>
#include <unistd.h>

void ckpt_run_empty_log(struct ckpt_run *run)
{
	ftruncate(run->log_fd, 0);
	lseek(run->log_fd, 0, SEEK_SET);
}

const char *ckpt_run_log(struct ckpt_run *run)
{
	static char log[CKPT_LOG_MAX];
	ssize_t n = pread(run->log_fd, log, sizeof(log) - 1, 0);

	log[n > 0 ? n : 0] = 0;
	return log;
}

bool ckpt_run_log_has(struct ckpt_run *run, const char *text)
{
	return strstr(ckpt_run_log(run), text);
}

void ckpt_log_without_names(char *log)
{
	char *line = log, *next;

	while (*line) {
		next = strchrnul(line, '\n');
		next += *next == '\n';
		if (!strncmp(line, "has: ", 5))
			memmove(line, next, strlen(next) + 1);
		else
			line = next;
	}
}

void ckpt_run_print_log(struct ckpt_run *run)
{
	static char copy[CKPT_LOG_MAX];
	char *at, *save;

	snprintf(copy, sizeof(copy), "%s", ckpt_run_log(run));
	for (at = strtok_r(copy, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		/* There may be thousands of names of what the tasks have. */
		if (strncmp(at, "has: ", 5))
			ckpt_diag("  log: %s", at);
	}
}
