// SPDX-License-Identifier: GPL-2.0
/* What a scenario calls: it runs in a process of its own, with the board. */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <time.h>

struct ckpt_board *board;

static const char *board_path;
static struct ckpt_scenario *scenarios;

uint64_t ckpt_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int ckpt_remove(const char *path)
{
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

char *ckpt_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s.%s", board_path, name);
	return buf;
}

char *ckpt_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd >= 0) {
		while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
			len += n;
		close(fd);
	}
	buf[len] = 0;
	return buf;
}

pid_t ckpt_proc_number(pid_t pid)
{
	int fd = CHECK_SYS(sys_pidfd_open(pid)), nr = -1;
	char path[64], text[512], *line;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	line = strstr(ckpt_read_file(path, text, sizeof(text)), "Pid:");
	CHECK(line && sscanf(line, "Pid: %d", &nr) == 1 && nr > 0, "%s", text);
	CHECK_SYS(close(fd));
	return nr;
}

int ckpt_pipe(int fd[2], int flags)
{
	if (pipe2(fd, flags))
		return -1;
	return fcntl(fd[1], F_SETPIPE_SZ, CKPT_PIPE_SIZE) == CKPT_PIPE_SIZE ? 0 : -1;
}

void ckpt_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	uint32_t none = 0;
	va_list ap;
	int len;

	/* The first failure is the one that tells; 1 while it is written. */
	if (__atomic_compare_exchange_n(&board->failed, &none, 1, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		len = snprintf(board->msg, sizeof(board->msg), "%s:%d: ",
			       base ? base + 1 : file, line);
		va_start(ap, fmt);
		vsnprintf(board->msg + len, sizeof(board->msg) - len, fmt, ap);
		va_end(ap);
		__atomic_store_n(&board->failed, 2, __ATOMIC_SEQ_CST);
	}
	_exit(99);
}

void ckpt_ready(void)
{
	__atomic_store_n(&board->ready, 1, __ATOMIC_SEQ_CST);
	ckpt_futex_wake(&board->ready);
}

void ckpt_wait_go(void)
{
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		ckpt_futex_wait(&board->go, 0, NULL);
}

void ckpt_ready_wait(void)
{
	ckpt_ready();
	ckpt_wait_go();
}

void ckpt_not_here(void)
{
	board->not_here = 1;
	ckpt_ready_wait();
	_exit(0);
}

void ckpt_step(unsigned int step)
{
	__atomic_add_fetch(&board->step[step], 1, __ATOMIC_SEQ_CST);
	ckpt_futex_wake(&board->step[step]);
}

void ckpt_step_wait(unsigned int step, uint32_t count)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(&board->step[step], __ATOMIC_SEQ_CST)) < count)
		ckpt_futex_wait(&board->step[step], seen, NULL);
}

pid_t ckpt_fork(int (*fn)(void *arg), void *arg)
{
	pid_t pid = CHECK_SYS(fork());

	if (!pid)
		_exit(fn(arg));
	return pid;
}

int ckpt_child_waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

void ckpt_wait_exit(pid_t pid, int code)
{
	int status;
	pid_t got;

	do {
		got = waitpid(pid, &status, __WALL);
	} while (got < 0 && errno == EINTR);
	CHECK(got == pid, "waitpid(%d) gave %d: %s", pid, got, strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code,
	      "status of %d is 0x%x, not exit code %d", pid, status, code);
}

char ckpt_leader_state(void)
{
	char buf[512];
	char *at = strrchr(ckpt_read_file("/proc/self/stat", buf, sizeof(buf)), ')');

	return at ? at[2] : '?';
}

void ckpt_register(struct ckpt_scenario *sc)
{
	sc->next = scenarios;
	scenarios = sc;
}

struct ckpt_board *ckpt_map_board(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && (!(flags & O_CREAT) || !ftruncate(fd, sizeof(*board))))
		map = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/*
 * "prog --scenario name board" runs the scenario in a process that holds
 * nothing of the test.  It is done in a constructor so that the harness's own,
 * which map memory, never run.
 */
__attribute__((constructor(300)))
static void scenario_main(int argc, char **argv)
{
	const struct ckpt_scenario *sc;

	if (argc != 4 || strcmp(argv[1], SCENARIO_ARG))
		return;
	board_path = argv[3];
	board = ckpt_map_board(board_path, O_RDWR);
	if (!board)
		_exit(98);
	for (sc = scenarios; sc; sc = sc->next) {
		if (!strcmp(sc->name, argv[2])) {
			sc->run();
			_exit(0);
		}
	}
	ckpt_fail(__FILE__, __LINE__, "no scenario %s", argv[2]);
}
