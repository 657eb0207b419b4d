// SPDX-License-Identifier: GPL-2.0
/*
 * Do the tests notice what is not restored? Each thing in common_losses.c is
 * taken out of the images of the test that looks at it: restart(2) has to take
 * what is left, and the test has to fail. "lose NAME" does it for one thing.
 */
#define CKPT_NO_HARNESS
#include "common.h"
#include "lose.h"

#include "kselftest.h"
#include <libgen.h>
#include <limits.h>

#define OUTPUT_MAX (256 * 1024)

/* What @loss's test prints without what is lost; its wait status. */
static int run_without(const struct loss *loss, char *out, size_t size)
{
	char path[PATH_MAX], dir[PATH_MAX], arg[128];
	int fds[2], status;
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	if (n < 0 || pipe(fds))
		return -1;
	dir[n] = 0;
	snprintf(path, sizeof(path), "%s/%s", dirname(dir), loss->program);
	snprintf(arg, sizeof(arg), "%s%s", strchr(loss->test, '.') ? "" : "cr.container.",
		 loss->test);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		setenv("CKPT_LOSE", loss->name, 1);
		execl(path, path, "-r", arg, NULL);
		perror(path);
		_exit(127);
	}
	close(fds[1]);
	while (got < size - 1 && (n = read(fds[0], out + got, size - 1 - got)) > 0)
		got += n;
	out[got] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

/* The test of @loss fails, and it is not restart(2) that refuses. */
static bool is_noticed(const struct loss *loss)
{
	static char out[OUTPUT_MAX];
	int status = run_without(loss, out, sizeof(out));
	const char *why = NULL;
	char *line;

	if (!strstr(out, "restarted without it"))
		why = "nothing was restarted";
	else if (strstr(out, "lost in 0 records"))
		why = "no image has it";
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
		why = "the test does not fail";
	if (!why)
		return true;
	ksft_print_msg("%s: %s (%s, %s)\n", loss->name, why, loss->program, loss->test);
	for (line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
		ksft_print_msg("  | %s\n", line);
	return false;
}

int main(int argc, char **argv)
{
	const struct loss *loss;
	unsigned int count = 0;

	ksft_print_header();
#ifndef __x86_64__
	ksft_exit_skip("what is tried here is the same on all architectures: done on x86_64\n");
#endif
	for (loss = losses; loss->name; loss++)
		count += argc < 2 || !strcmp(argv[1], loss->name);
	if (!count)
		ksft_exit_fail_msg("nothing is called so\n");
	ksft_set_plan(count);
	for (loss = losses; loss->name; loss++)
		if (argc < 2 || !strcmp(argv[1], loss->name))
			ksft_test_result(is_noticed(loss), "%s\n", loss->name);
	ksft_finished();
}
