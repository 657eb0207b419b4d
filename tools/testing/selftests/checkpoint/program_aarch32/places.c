// SPDX-License-Identifier: GPL-2.0
/* The address space of 32-bit programs: the vDSO, pages of the kernel, where mappings go. */
#include "aarch32.h"

#define AT_SYSINFO_EHDR	33
#define VECTORS		0xffff0000

/* ---- the vDSO ---------------------------------------------------------- */

struct head {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum;
};

struct segment {
	uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

struct symbol {
	uint32_t name, value, size;
	uint8_t info, other;
	uint16_t section;
};

typedef int (*clock_fn)(int id, struct time64 *time);

static const char *vdso(void)
{
	return (const char *)auxv(AT_SYSINFO_EHDR);
}

static const struct symbol *find_symbol(const char *name)
{
	const char *base = vdso(), *strings = NULL;
	const struct head *head = (const void *)base;
	const struct symbol *symbols = NULL;
	const struct segment *segment;
	const uint32_t *dyn = NULL;
	uint32_t i;

	CHECK(base);
	segment = (const void *)(base + head->phoff);
	for (i = 0; i < head->phnum; i++) {
		if (segment[i].type == 2 /* PT_DYNAMIC */)
			dyn = (const void *)(base + segment[i].offset);
	}
	CHECK(dyn);
	for (; dyn[0]; dyn += 2) {
		if (dyn[0] == 6 /* DT_SYMTAB */)
			symbols = (const void *)(base + dyn[1]);
		else if (dyn[0] == 5 /* DT_STRTAB */)
			strings = base + dyn[1];
	}
	CHECK(symbols && strings);
	/* The strings follow the symbols, and what belongs to these. */
	for (i = 0; (const char *)&symbols[i + 1] <= strings; i++) {
		if (symbols[i].name < PAGE && same(strings + symbols[i].name, name))
			return &symbols[i];
	}
	fail(__LINE__, name, -1, 0);
}

/* The address of a function of the vDSO. */
static void *vdso_symbol(const char *name)
{
	return (void *)(vdso() + find_symbol(name)->value);
}

static bool is_before(const struct time64 *a, const struct time64 *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec <= b->nsec);
}

void vdso_calls(void)
{
	clock_fn get = (clock_fn)vdso_symbol("__vdso_clock_gettime64");
	struct time64 before, by_call, by_vdso;

	CHECK_EQ(0, get(CLOCK_MONOTONIC, &before));
	/* For the test: where the function is, and where in the vDSO that is said. */
	board->value[0] = (uint32_t)get;
	board->value[1] = (const char *)&find_symbol("__vdso_clock_gettime64")->value - vdso();
	ready();
	wait_go();
	CHECK_EQ(get, vdso_symbol("__vdso_clock_gettime64"));
	CHECK_CALL(NR_clock_gettime, CLOCK_MONOTONIC, &by_call);
	CHECK_EQ(0, get(CLOCK_MONOTONIC, &by_vdso));
	CHECK(is_before(&before, &by_call));
	CHECK(is_before(&by_call, &by_vdso));
	CHECK(by_vdso.sec - by_call.sec < 3600);
}

/* Behind the first two bytes of a function: the middle of a jump of Thumb code. */
static void within_entry(int sig, void *info, uint32_t *context)
{
	uint32_t pc = context[UC_PC], cpsr = context[UC_CPSR];

	context[UC_PC] = ((uint32_t)vdso_symbol("__vdso_clock_gettime64") & ~1u) + 2;
	context[UC_CPSR] |= CPSR_THUMB;
	ready();
	wait_go();
	context[UC_PC] = pc;
	context[UC_CPSR] = cpsr;
}

/* It is in no register, only on the stack. */
void handler_returns_to_entry(void)
{
	set_action(SIGUSR1, within_entry, WITH_INFO);
	CHECK_CALL(NR_tgkill, CALL(NR_getpid), CALL(NR_gettid), SIGUSR1);
}

/* ---- places ------------------------------------------------------------ */

static char *map(void)
{
	long at = CALL(NR_mmap2, 0, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

	CHECK(at < -4096 || at > PAGE);
	return (char *)at;
}

/* What the kernel tells of the auxiliary vector; returns how many bytes. */
static long read_auxv(char *to, unsigned int room)
{
	long fd = CHECK_CALL(NR_open, "/proc/self/auxv", 0), len = CHECK_CALL(NR_read, fd, to, room);

	CHECK(len > 0 && len < (long)room);
	CALL(NR_close, fd);
	return len;
}

/* The next mapping, and more heap, come to lie where they would have; the auxiliary vector. */
void places(void)
{
	static char before[1024], after[1024];
	long len = read_auxv(before, sizeof(before));
	long brk = CALL(NR_brk, 0), personality = CALL(NR_personality, -1);
	char *kept = map(), *next = map();
	int i;

	CHECK_EQ(brk + PAGE, CALL(NR_brk, brk + PAGE));
	for (i = 0; i < PAGE; i++) {
		kept[i] = i * 7;
		((char *)brk)[i] = i * 11;
	}
	CHECK_CALL(NR_munmap, next, PAGE);
	ready();
	wait_go();
	for (i = 0; i < PAGE; i++) {
		CHECK_EQ((char)(i * 7), kept[i]);
		CHECK_EQ((char)(i * 11), ((char *)brk)[i]);
	}
	CHECK_EQ(next, map());
	CHECK_EQ(brk + PAGE, CALL(NR_brk, 0));
	CHECK_EQ(brk + 2 * PAGE, CALL(NR_brk, brk + 2 * PAGE));
	CHECK_EQ(personality, CALL(NR_personality, -1));
	CHECK_EQ(len, read_auxv(after, sizeof(after)));
	for (i = 0; i < len; i++)
		CHECK_EQ(before[i], after[i]);
}

static unsigned int handled;

static void count(int sig)
{
	handled++;
}

/* Where the page lies by which handlers return: the handler returns to it. */
static volatile uint32_t *returns_to;

static void find(int sig)
{
	returns_to = (uint32_t *)((uint32_t)__builtin_return_address(0) & -PAGE);
	handled++;
}

/* That page elsewhere, and no helpers. */
void pages_that_moved(void)
{
	long pid = CALL(NR_getpid);
	char *to = map();
	uint32_t code;

	set_action(SIGUSR1, find, 0);
	set_action(SIGUSR2, count, 0);
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR1);
	code = *returns_to;
	CHECK_EQ(to, CALL(NR_mremap, returns_to, PAGE, PAGE, 3 /* MAYMOVE, FIXED */, to));
	CHECK_CALL(NR_munmap, VECTORS, PAGE);
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR1);
	CHECK_EQ(to, returns_to);
	ready();
	wait_go();
	returns_to = NULL;
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR1);
	CHECK_CALL(NR_tgkill, pid, pid, SIGUSR2);
	CHECK_EQ(to, returns_to);
	CHECK_EQ(code, *returns_to);
	CHECK_EQ(4, handled);
	/* There is still nothing. */
	CHECK_EQ(VECTORS, CALL(NR_mmap2, VECTORS, PAGE, PROT_READ, ANONYMOUS | 0x100000 /* NOREPLACE */,
			       -1, 0));
}
