/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of memory have in common: patterns, faults, the layout as text. */
#ifndef CKPT_TEST_MEMORY_H
#define CKPT_TEST_MEMORY_H

#include "common.h"

#include <setjmp.h>
#include <signal.h>

#define PAGE	CKPT_PAGE
#define MIB	(1ul << 20)
#define RW	(PROT_READ | PROT_WRITE)

__attribute__((unused)) static void *map_anon(size_t size, int prot, int flags)
{
	void *map = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	CHECK(map != MAP_FAILED, "mmap of %zu: %s", size, strerror(errno));
	return map;
}

/* Fill @size bytes with what depends on @seed, or check that they still have it. */
__attribute__((unused)) static void fill(void *at, size_t size, uint64_t seed)
{
	uint64_t *word = at;
	size_t i;

	for (i = 0; i < size / 8; i++)
		word[i] = (seed + i) * 0x9e3779b97f4a7c15ull;
}

__attribute__((unused)) static void check_fill(const void *at, size_t size, uint64_t seed)
{
	const uint64_t *word = at;
	size_t i;

	for (i = 0; i < size / 8; i++)
		CHECK(word[i] == (seed + i) * 0x9e3779b97f4a7c15ull,
		      "offset %zu of %p has 0x%llx, not 0x%llx", i * 8, at,
		      (unsigned long long)word[i],
		      (unsigned long long)((seed + i) * 0x9e3779b97f4a7c15ull));
}

__attribute__((unused)) static void check_zero(const void *at, size_t size)
{
	const uint64_t *word = at;
	size_t i;

	for (i = 0; i < size / 8; i++)
		CHECK(!word[i], "offset %zu of %p has 0x%llx, not 0", i * 8, at,
		      (unsigned long long)word[i]);
}

static sigjmp_buf fault_jump;
static volatile int fault_code;

__attribute__((unused)) static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_code = info->si_code;
	siglongjmp(fault_jump, 1);
}

__attribute__((unused)) static void catch_faults(void)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	CHECK_SYS(sigaction(SIGSEGV, &act, NULL));
	CHECK_SYS(sigaction(SIGBUS, &act, NULL));
}

/* The si_code of the fault that touching @at gives, 0 for none. */
__attribute__((unused)) static int touch(volatile char *at, bool write)
{
	fault_code = 0;
	if (!sigsetjmp(fault_jump, 1)) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	return fault_code;
}

/* The line of a mapping; of a memfd, which is made again, without the number of its inode. */
__attribute__((unused)) static int mapping_of(char *out, size_t size, const char *line)
{
	const char *path = strstr(line, "/memfd:"), *inode = line;
	int i;

	if (!path)
		return snprintf(out, size, "\n%s", line);
	/* After the addresses, the permissions, the offset and the device. */
	for (i = 0; i < 4; i++)
		inode = strchr(inode, ' ') + 1;
	return snprintf(out, size, "\n%.*s%s", (int)(inode - line), line, path);
}

/* Text of /proc/self/smaps that must not change, one line for each mapping. */
static char layout_buf[2][1 << 20];

__attribute__((unused)) static void layout(char *out, size_t size)
{
	static char smaps[2 << 20];
	char *line, *save, *flag, *flag_save;
	size_t used = 0;

	ckpt_read_file("/proc/self/smaps", smaps, sizeof(smaps));
	for (line = strtok_r(smaps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "VmFlags:", 8)) {
			for (flag = strtok_r(line + 8, " ", &flag_save); flag;
			     flag = strtok_r(NULL, " ", &flag_save)) {
				/* Soft-dirty tells of writes, not of the mapping. */
				if (strcmp(flag, "sd"))
					used += snprintf(out + used, size - used, " %s", flag);
			}
		} else if (strspn(line, "0123456789abcdef") >= 8) {
			used += mapping_of(out + used, size - used, line);
		}
	}
}

/* Show the first line that differs. */
__attribute__((unused)) static void compare_layouts(const char *before, const char *after)
{
	size_t i = 0, line = 0;

	while (before[i] && before[i] == after[i]) {
		if (before[i++] == '\n')
			line = i;
	}
	CHECK(before[i] == after[i], "mapping was\n%.*s\nis\n%.*s",
	      (int)strcspn(before + line, "\n"), before + line,
	      (int)strcspn(after + line, "\n"), after + line);
}

__attribute__((unused)) static void same_layout(void)
{
	/* Once before, so that the stack has grown to what this needs. */
	layout(layout_buf[0], sizeof(layout_buf[0]));
	layout(layout_buf[1], sizeof(layout_buf[1]));
	layout(layout_buf[0], sizeof(layout_buf[0]));
	CHECK(layout_buf[0][0], "smaps cannot be read");
	ckpt_ready_wait();
	layout(layout_buf[1], sizeof(layout_buf[1]));
	compare_layouts(layout_buf[0], layout_buf[1]);
}

#endif /* CKPT_TEST_MEMORY_H */
