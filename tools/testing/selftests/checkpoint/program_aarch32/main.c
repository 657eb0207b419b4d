// SPDX-License-Identifier: GPL-2.0
/* A program for 32-bit ARM: "program SCENARIO BOARD [child]" runs a scenario, see aarch32.c. */
#include "aarch32.h"

static const uint32_t *aux;

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "registers_in_loop", registers_in_loop },
	{ "registers_in_thumb_loop", registers_in_thumb_loop },
	{ "registers_in_call", registers_in_call },
	{ "registers_in_handler", registers_in_handler },
	{ "sleep_with_remainder", sleep_with_remainder },
	{ "sleep_in_thumb", sleep_in_thumb },
	{ "poll_in_progress", poll_in_progress },
	{ "futex_in_progress", futex_in_progress },
	{ "waits_of_a_freeze", waits_of_a_freeze },
	{ "handler_on_stack", handler_on_stack },
	{ "thread_pointers", thread_pointers },
	{ "kernel_helpers", kernel_helpers },
	{ "vdso_calls", vdso_calls },
	{ "handler_returns_to_entry", handler_returns_to_entry },
	{ "robust_list", robust_list },
	{ "places", places },
	{ "pages_that_moved", pages_that_moved },
	{ "family", family },
};

/* ---- what a compiler expects of a libc -------------------------------- */

void *memcpy(void *to, const void *from, size_t len)
{
	char *t = to;
	const char *f = from;

	while (len--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	char *t = to;

	while (len--)
		*t++ = byte;
	return to;
}

void __aeabi_memcpy(void *to, const void *from, size_t len) { memcpy(to, from, len); }
void __aeabi_memcpy4(void *to, const void *from, size_t len) { memcpy(to, from, len); }
void __aeabi_memcpy8(void *to, const void *from, size_t len) { memcpy(to, from, len); }
void __aeabi_memset(void *to, size_t len, int byte) { memset(to, byte, len); }
void __aeabi_memset4(void *to, size_t len, int byte) { memset(to, byte, len); }
void __aeabi_memset8(void *to, size_t len, int byte) { memset(to, byte, len); }
void __aeabi_memclr(void *to, size_t len) { memset(to, 0, len); }
void __aeabi_memclr4(void *to, size_t len) { memset(to, 0, len); }
void __aeabi_memclr8(void *to, size_t len) { memset(to, 0, len); }

bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

uint32_t auxv(uint32_t type)
{
	const uint32_t *entry;

	for (entry = aux; entry[0]; entry += 2) {
		if (entry[0] == type)
			return entry[1];
	}
	return 0;
}

/* ---- the board --------------------------------------------------------- */

static char *put_text(char *to, const char *text)
{
	while (*text && to < board->msg + sizeof(board->msg) - 64)
		*to++ = *text++;
	return to;
}

static char *put_number(char *to, uint32_t n)
{
	int shift;

	to = put_text(to, "0x");
	for (shift = 28; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[n >> shift & 15];
	return to;
}

void fail(int line, const char *what, long seen, long want)
{
	uint32_t none = 0;
	char *to = board->msg;

	if (__atomic_compare_exchange_n(&board->failed, &none, 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST)) {
		to = put_number(put_text(to, "32-bit program, line "), line);
		to = put_text(put_text(to, ": "), what);
		to = put_number(put_text(to, " is "), seen);
		to = put_number(put_text(to, ", not "), want);
		*to = 0;
		__atomic_store_n(&board->failed, 2, __ATOMIC_SEQ_CST);
	}
	for (;;)
		CALL(NR_exit_group, 99);
}

asm(
"	.text\n"
"	.arm\n"
"	.globl call\n"
"	.type call, %function\n"
"call:	push {r4, r5, r7, lr}\n"
"	mov r7, r0\n"
"	mov r0, r1\n"
"	mov r1, r2\n"
"	mov r2, r3\n"
"	ldr r3, [sp, #16]\n"
"	ldr r4, [sp, #20]\n"
"	ldr r5, [sp, #24]\n"
"	svc #0\n"
"	pop {r4, r5, r7, pc}\n"
"	.thumb\n"
"	.globl call_thumb\n"
"	.type call_thumb, %function\n"
"	.thumb_func\n"
"call_thumb:\n"
"	push {r4, r5, r7, lr}\n"
"	mov r7, r0\n"
"	mov r0, r1\n"
"	mov r1, r2\n"
"	mov r2, r3\n"
"	ldr r3, [sp, #16]\n"
"	ldr r4, [sp, #20]\n"
"	ldr r5, [sp, #24]\n"
"	svc #0\n"
"	pop {r4, r5, r7, pc}\n"
"	.arm\n"
"	.globl _start\n"
"	.type _start, %function\n"
"_start: mov r0, sp\n"
"	bic sp, sp, #15\n"
"	bl begin\n"
);

/* Called with the arguments as execve(2) has put them. */
__attribute__((noreturn, used)) void begin(const uint32_t *stack)
{
	const char **argv = (const char **)stack + 1;
	unsigned int i, argc = stack[0];
	long fd, at;

	aux = stack + 1 + argc + 1;
	while (*aux)
		aux++;
	aux++;
	if (argc != 3 && argc != 4)
		CALL(NR_exit_group, 97);
	is_child = argc == 4;
	fd = CALL(NR_open, argv[2], O_RDWR);
	at = CALL(NR_mmap2, 0, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || (at < 0 && at > -4096))
		CALL(NR_exit_group, 98);
	board = (struct board *)at;
	CALL(NR_close, fd);
	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (same(scenarios[i].name, argv[1])) {
			scenarios[i].run();
			CALL(NR_exit_group, 0);
		}
	}
	fail(__LINE__, argv[1], -1, 0);
}
