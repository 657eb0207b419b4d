// SPDX-License-Identifier: GPL-2.0
/* The address space of 32-bit programs: the vDSO, where mappings go. */
#include "ia32.h"

#include <elf.h>
#include <sys/auxv.h>

#define PAGE		4096
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)

typedef int (*clock_fn)(int id, struct time64 *time);

/* The address of a function of the vDSO. */
static void *vdso_symbol(const char *name)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf32_Ehdr *head = (const void *)base;
	const Elf32_Phdr *phdr = (const void *)(base + head->e_phoff);
	const Elf32_Dyn *dyn = NULL;
	const Elf32_Sym *symbols = NULL;
	const char *strings = NULL;
	const uint32_t *hash = NULL;
	uint32_t i, count = 0;

	CHECK(base);
	for (i = 0; i < head->e_phnum; i++) {
		if (phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(base + phdr[i].p_offset);
	}
	CHECK(dyn);
	for (; dyn->d_tag; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			symbols = (const void *)(base + dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_STRTAB)
			strings = base + dyn->d_un.d_ptr;
		else if (dyn->d_tag == DT_HASH)
			hash = (const void *)(base + dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_STRSZ)
			count = dyn->d_un.d_val;
	}
	CHECK(symbols && strings);
	/* The strings follow the symbols where there is no hash table of the old kind. */
	count = hash ? hash[1] : ((const char *)strings - (const char *)symbols) / sizeof(*symbols);
	for (i = 0; i < count; i++) {
		if (!strcmp(strings + symbols[i].st_name, name))
			return (void *)(base + symbols[i].st_value);
	}
	fail(__LINE__, name, -1, 0);
}

void vdso_calls(void)
{
	clock_fn get = (clock_fn)vdso_symbol("__vdso_clock_gettime64");
	struct time64 before, by_call, by_vdso;

	CHECK_EQ(0, get(CLOCK_MONOTONIC, &before));
	ready();
	wait_go();
	CHECK_EQ(get, vdso_symbol("__vdso_clock_gettime64"));
	CHECK_CALL(NR_clock_gettime, CLOCK_MONOTONIC, &by_call);
	CHECK_EQ(0, get(CLOCK_MONOTONIC, &by_vdso));
	CHECK(by_call.sec > before.sec || (by_call.sec == before.sec && by_call.nsec > before.nsec));
	CHECK(by_vdso.sec > by_call.sec ||
	      (by_vdso.sec == by_call.sec && by_vdso.nsec >= by_call.nsec));
	CHECK(by_vdso.sec - by_call.sec < 3600);
}

static char *map(void)
{
	long at = CALL(__NR_mmap2, 0, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);

	CHECK(at < 0 || at > 4096);
	return (char *)at;
}

/* The next mapping, and more heap, come to lie where they would have. */
void places(void)
{
	long brk = CALL(__NR_brk, 0), personality = CALL(__NR_personality, -1);
	char *kept = map(), *next = map();
	int i;

	CHECK_EQ(brk + PAGE, CALL(__NR_brk, brk + PAGE));
	for (i = 0; i < PAGE; i++) {
		kept[i] = i * 7;
		((char *)brk)[i] = i * 11;
	}
	CHECK_CALL(__NR_munmap, next, PAGE);
	ready();
	wait_go();
	for (i = 0; i < PAGE; i++) {
		CHECK_EQ((char)(i * 7), kept[i]);
		CHECK_EQ((char)(i * 11), ((char *)brk)[i]);
	}
	CHECK_EQ(next, map());
	CHECK_EQ(brk + PAGE, CALL(__NR_brk, 0));
	CHECK_EQ(brk + 2 * PAGE, CALL(__NR_brk, brk + 2 * PAGE));
	CHECK_EQ(personality, CALL(__NR_personality, -1));
	/* All but a page of four GiB is its own. */
	CHECK_EQ(-ENOMEM, CALL(__NR_mmap2, 0xfffff000, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1,
			       0));
}
