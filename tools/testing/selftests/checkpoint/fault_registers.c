// SPDX-License-Identifier: GPL-2.0
/*
 * Damaged and hostile register notes: refused with a line that names the note,
 * or harmless.  No task runs of an image that is refused, and nothing is left.
 *
 * Values that must be refused are in hostile_ARCH.h: struct hostile hostile[].
 * CKPT_FAULTS=n tries n times as many bits of notes besides the general registers.
 */
#include "fault.h"

#include <elf.h>
#include <pthread.h>
#include <sys/resource.h>

#define REGISTERS	IMAGE_KIND_REGS
#define NOTES		IMAGE_AT(regs, notes)
#define NOTE_TYPE	IMAGE_AT(note, note_type)
#define NOTE_BYTES	IMAGE_AT(note, len)
#define NOTE_LEN	((int)sizeof(struct image_note))
#define MAX_NOTES	32

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE	0x202
#endif
#ifndef NT_ARM_SVE
#define NT_ARM_SVE	0x405
#endif

/* Bits to flip of a note that is not that of the general registers. */
#define SAMPLE		64
/*
 * One bit of so many of the general registers, each if CKPT_FAULTS is set: KASAN
 * takes its time. Odd, so that it comes to each bit of a byte.
 */
#ifdef __x86_64__
#define GENERAL_STEP	7
#else
#define GENERAL_STEP	1
#endif
/* Threads whose registers are damaged at a time, each in another bit. */
#define CROWD		16

struct note {
	size_t at;		/* Of its header in the image. */
	size_t bytes;		/* Of it without header and padding. */
	uint32_t type;
};

/* A value that no task may be given. */
struct hostile {
	uint32_t note;		/* Type of the note. */
	uint32_t at;		/* Offset in it. */
	uint32_t len;		/* Bytes, at most 8. */
	uint64_t value;		/* In the machine's byte order. */
	const char *what;	/* The line of the log has this after the note's name. */
};

#if defined(__x86_64__)
#include "hostile_x86.h"
#elif defined(__aarch64__) && __has_include("hostile_arm64.h")
#include "hostile_arm64.h"
#elif defined(__powerpc64__) && __has_include("hostile_powerpc.h")
#include "hostile_powerpc.h"
#elif defined(__s390x__) && __has_include("hostile_s390.h")
#include "hostile_s390.h"
#else
static const struct hostile hostile[1];
#endif

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;
static size_t record;		/* The registers of the last task. */
static struct note notes[MAX_NOTES];
static unsigned int nr_notes;

/* Two tasks; each would be seen if it ran. */
static int counts(void *arg)
{
	ckpt_step(1);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&board->value[1], 1, __ATOMIC_SEQ_CST);
	return 0;
}

CKPT_SCENARIO(counting)
{
	struct rlimit none = { 0 };
	pid_t kid;

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	kid = ckpt_fork(counts, NULL);
	ckpt_step_wait(1, 1);
	ckpt_ready();
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&board->value[0], 1, __ATOMIC_SEQ_CST);
	ckpt_wait_exit(kid, 0);
}

/* The notes of the record at @at, into @found: how many there are. */
static unsigned int notes_of(size_t at, struct note *found)
{
	size_t end = at + record_len(&im, at);
	unsigned int n;

	at += RECORD_LEN + image_get(&im, at + 4, 4);
	for (n = 0; at < end && n < MAX_NOTES; n++) {
		found[n].at = at;
		found[n].type = image_get(&im, at + NOTE_TYPE, 4);
		found[n].bytes = image_get(&im, at + NOTE_BYTES, 4);
		at += NOTE_LEN + ((found[n].bytes + 7) & ~7ull);
	}
	return n;
}

/* The next record of registers at or after @at, 0 if there is none. */
static size_t next_registers(size_t at)
{
	for (; at < im.meta_end && record_len(&im, at); at += record_len(&im, at)) {
		if (image_get(&im, at, 2) == REGISTERS)
			return at;
	}
	return 0;
}

static void find_notes(void)
{
	size_t at = HEADER_LEN;

	while ((at = next_registers(at))) {
		record = at;
		at += record_len(&im, at);
	}
	nr_notes = notes_of(record, notes);
}

FIXTURE(notes) { int unused; };

FIXTURE_SETUP(notes)
{
	const char *why = ckpt_missing();

	if (why)
		SKIP(return, "%s", why);
	ckpt_watchdog();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &counting, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	find_notes();
	ASSERT_LT(0u, nr_notes);
	ASSERT_EQ((uint32_t)NT_PRSTATUS, notes[0].type);
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(notes)
{
	if (run.board)
		ckpt_run_fini(&run);
}

/* ---- flipped bits ---------------------------------------------------- */

/* Bit of the general registers that is not flipped: none. */
#ifndef NOT_FLIPPED
#define NOT_FLIPPED	((size_t)-1)
#endif

static struct {
	uint32_t tid;
	struct note notes[MAX_NOTES];
	size_t bit;		/* That is flipped, */
	bool flipped;		/* if one is. */
} crowd[CROWD];
static unsigned int nr_crowd;

static void *spins(void *arg)
{
	ckpt_step(1);
	while (!__atomic_load_n(&board->go, __ATOMIC_SEQ_CST))
		;
	return NULL;
}

CKPT_SCENARIO(spinning)
{
	struct rlimit none = { 0 };
	pthread_t thread[CROWD];
	int i;

	CHECK_SYS(setrlimit(RLIMIT_CORE, &none));
	for (i = 0; i < CROWD; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, spins, NULL));
	ckpt_step_wait(1, CROWD);
	ckpt_ready_wait();
	for (i = 0; i < CROWD; i++)
		CHECK_EQ(0, pthread_join(thread[i], NULL));
}

FIXTURE(flips) { int unused; };

/* The threads whose notes look like those of the last one. */
FIXTURE_SETUP(flips)
{
	unsigned int n, i;
	size_t at;

	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &spinning, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	find_notes();
	nr_crowd = 0;
	for (at = HEADER_LEN; (at = next_registers(at)) && nr_crowd < CROWD;
	     at += record_len(&im, at)) {
		n = notes_of(at, crowd[nr_crowd].notes);
		for (i = 0; i < n && n == nr_notes; i++) {
			if (crowd[nr_crowd].notes[i].type != notes[i].type ||
			    crowd[nr_crowd].notes[i].bytes != notes[i].bytes)
				break;
		}
		crowd[nr_crowd].tid = image_get(&im, at + RECORD_LEN, 4);
		nr_crowd += i == nr_notes;
	}
	ASSERT_LT(1u, nr_crowd);
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(flips)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static void flip(unsigned int who, unsigned int note)
{
	size_t bit = crowd[who].bit;

	im.data[crowd[who].notes[note].at + NOTE_LEN + bit / 8] ^= 1 << bit % 8;
	crowd[who].flipped = !crowd[who].flipped;
}

/* Takes back the bits of those whose notes the log names: how many. */
static unsigned int take_back_named(unsigned int note)
{
	unsigned int who, count = 0;
	char text[64];

	for (who = 0; who < nr_crowd; who++) {
		snprintf(text, sizeof(text), "refused: pid %u (", crowd[who].tid);
		if (!crowd[who].flipped || !ckpt_run_log_has(&run, text) ||
		    !ckpt_run_log_has(&run, ": register note NT_"))
			continue;
		flip(who, note);
		count++;
	}
	return count;
}

/*
 * With the bits flipped as they are: tasks with strange registers, which can be
 * killed, or a refusal that names some of them.  Those are left out then, and the
 * rest is tried again.
 */
static int try_flipped(unsigned int note)
{
	unsigned int left = 0, named, who;
	int err, ret = 0;
	long pid;

	for (who = 0; who < nr_crowd; who++)
		left += crowd[who].flipped;
	while (left && !ret) {
		image_fix(&im);
		pwrite(image, im.data, im.size, 0);
		pid = image_restart(&run, image);
		err = errno;
		if (pid > 0) {
			ret = image_end(&run, pid);
			left = 0;
		} else {
			named = err == EINVAL ? take_back_named(note) : 0;
			left -= named;
			if (!named) {
				ckpt_diag("restart(2) gave errno %d, and no line with a note", err);
				ret = -1;
			}
		}
		if (!ret)
			ret = nothing_left(&run, lowest);
	}
	for (who = 0; who < nr_crowd; who++) {
		if (!crowd[who].flipped)
			continue;
		if (ret)
			ckpt_diag("  pid %u, note 0x%x, bit %zu of byte %zu", crowd[who].tid,
				  notes[note].type, crowd[who].bit % 8, crowd[who].bit / 8);
		flip(who, note);
	}
	image_fix(&im);
	if (ret)
		ckpt_run_print_log(&run);
	return ret;
}

/* Every bit of the note, or one of each @step. */
static int flip_note(unsigned int note, size_t step)
{
	unsigned int who = 0;
	size_t bit;

	for (bit = 0; bit < notes[note].bytes * 8; bit += step) {
		crowd[who].bit = bit;
		if (note || bit != NOT_FLIPPED)
			flip(who++, note);
		if (who < nr_crowd && bit + step < notes[note].bytes * 8)
			continue;
		if (try_flipped(note))
			return -1;
		who = 0;
	}
	return 0;
}

TEST_F_TIMEOUT(flips, general, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, flip_note(0, getenv("CKPT_FAULTS") ? 1 : GENERAL_STEP));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(flips, others, CKPT_TIMEOUT)
{
	const char *more = getenv("CKPT_FAULTS");
	size_t sample = SAMPLE * (more && atoi(more) > 0 ? atoi(more) : 1);
	unsigned int n;

	/* Odd, so that it comes to each bit of a byte. */
	for (n = 1; n < nr_notes; n++)
		ASSERT_EQ(0, flip_note(n, (notes[n].bytes * 8 / sample) | 1));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* ---- notes that do not fit ------------------------------------------- */

/* The line of the log that names a note. */
static const char *named(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{ NT_PRSTATUS, "NT_PRSTATUS:" }, { NT_PRFPREG, "NT_PRFPREG:" },
		{ NT_X86_XSTATE, "NT_X86_XSTATE:" }, { NT_ARM_SVE, "NT_ARM_SVE:" },
#ifdef __aarch64__
		{ HOSTILE_PAC_MASK, "NT_ARM_PAC_MASK:" },
		{ HOSTILE_TAGGED_ADDR, "NT_ARM_TAGGED_ADDR_CTRL:" },
		{ HOSTILE_ENABLED_KEYS, "NT_ARM_PAC_ENABLED_KEYS:" },
		{ HOSTILE_SSVE, "NT_ARM_SSVE:" }, { HOSTILE_ZA, "NT_ARM_ZA:" },
		{ HOSTILE_GCS, "NT_ARM_GCS:" },
#elif defined(__s390x__)
		{ HOSTILE_SYSTEM_CALL, "NT_S390_SYSTEM_CALL:" },
#elif defined(__powerpc64__)
		{ NT_PPC_PPR, "NT_PPC_PPR:" }, { NT_PPC_DEXCR, "NT_PPC_DEXCR:" },
		{ NT_CKPT_PPC_PRCTL, "NT_CKPT_PPC_PRCTL:" },
#endif
	};
	static char text[64];
	const char *name = "NT_";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].type == type)
			name = names[i].name;
	}
	snprintf(text, sizeof(text), "register note %s", name);
	return text;
}

/* Refused with @text in the log; neither task has run. */
static int refused(const char *what, const char *text)
{
	uint64_t value[2];
	long pid;

	ckpt_take_board_back(&run);
	memcpy(value, run.board->value, sizeof(value));
	pid = image_restart(&run, image);
	if (pid != -1 || errno != EINVAL || !ckpt_run_log_has(&run, text)) {
		ckpt_diag("%s: restart(2) gave %ld, errno %d, no line with \"%s\"", what, pid,
			  errno, text);
		ckpt_run_print_log(&run);
		if (pid > 0)
			image_end(&run, pid);
		return -1;
	}
	if (nothing_left(&run, lowest)) {
		ckpt_diag("%s", what);
		return -1;
	}
	if (memcmp(value, run.board->value, sizeof(value))) {
		ckpt_diag("%s: a task has run", what);
		return -1;
	}
	return 0;
}

/* Notes in the making. */
struct payload {
	unsigned char *data;
	size_t len;
	uint32_t count;
};

/* Appends note @n, of @bytes bytes; what goes beyond it is 0. */
static void put(struct payload *p, unsigned int n, size_t bytes)
{
	size_t padded = NOTE_LEN + ((bytes + 7) & ~7ull);
	size_t some = bytes < notes[n].bytes ? bytes : notes[n].bytes;
	uint32_t len = htole32(bytes);

	p->data = realloc(p->data, p->len + padded);
	memset(p->data + p->len, 0, padded);
	memcpy(p->data + p->len, im.data + notes[n].at, NOTE_LEN + some);
	memcpy(p->data + p->len + NOTE_BYTES, &len, 4);
	p->len += padded;
	p->count++;
}

static void put_rest(struct payload *p, unsigned int from)
{
	for (; from < nr_notes; from++)
		put(p, from, notes[from].bytes);
}

/* Writes the image with @p as the notes of the last task, with right checksums. */
static void write_with(struct payload *p)
{
	size_t body = RECORD_LEN + image_get(&im, record + 4, 4);
	size_t after = record + record_len(&im, record);
	size_t grown = record + body + p->len;
	struct image bad = im, new;

	bad.data = malloc(grown + im.meta_end - after);
	memcpy(bad.data, im.data, record + body);
	memcpy(bad.data + record + body, p->data, p->len);
	memcpy(bad.data + grown, im.data + after, im.meta_end - after);
	image_put64(&bad, record + IMAGE_AT(record_header, payload_len), p->len);
	image_put32(&bad, record + RECORD_LEN + NOTES, p->count);
	new = image_with_meta(&im, bad.data + HEADER_LEN, grown + im.meta_end - after - HEADER_LEN);
	free(bad.data);
	if (pwrite(image, new.data, new.size, 0) != (ssize_t)new.size ||
	    ftruncate(image, new.size))
		ckpt_diag("the image can't be written: %s", strerror(errno));
	free(new.data);
	free(p->data);
	memset(p, 0, sizeof(*p));
}

/* The way in which images are made here does no harm by itself. */
TEST_F_TIMEOUT(notes, unchanged, CKPT_TIMEOUT)
{
	struct payload p = { 0 };

	put_rest(&p, 0);
	write_with(&p);
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ckpt_run_go(&run);
	ASSERT_EQ(0, ckpt_run_finish(&run));
}

TEST_F_TIMEOUT(notes, missing, CKPT_TIMEOUT)
{
	struct payload p = { 0 };

	if (nr_notes < 2)
		SKIP(return, "a task has one register note only");
	put_rest(&p, 1);
	write_with(&p);
	ASSERT_EQ(0, refused("no general registers", "register note NT_PRSTATUS:"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(notes, twice, CKPT_TIMEOUT)
{
	struct payload p = { 0 };

	put(&p, 0, notes[0].bytes);
	put_rest(&p, 0);
	write_with(&p);
	ASSERT_EQ(0, refused("twice", "two register notes NT_PRSTATUS"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(notes, other_order, CKPT_TIMEOUT)
{
	struct payload p = { 0 };

	if (nr_notes < 2)
		SKIP(return, "a task has one register note only");
	put(&p, 1, notes[1].bytes);
	put(&p, 0, notes[0].bytes);
	put_rest(&p, 2);
	write_with(&p);
	ASSERT_EQ(0, refused("order", "register note NT_PRSTATUS: note out of order"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(notes, other_size, CKPT_TIMEOUT)
{
	struct payload p = { 0 };
	unsigned int n, i;

	for (n = 0; n < nr_notes; n++) {
		size_t sizes[] = { 1, 4, notes[n].bytes / 2, notes[n].bytes - 4,
				   notes[n].bytes + 4, notes[n].bytes + 64 };

		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			if (!sizes[i] || sizes[i] == notes[n].bytes || sizes[i] > 1 << 20)
				continue;
			for (unsigned int k = 0; k < nr_notes; k++)
				put(&p, k, k == n ? sizes[i] : notes[k].bytes);
			write_with(&p);
			ASSERT_EQ(0, refused("size", named(notes[n].type)));
		}
	}
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* A note with another type or owner, in the place of the last. */
static int other_head(size_t at, uint32_t value, const char *text)
{
	struct payload p = { 0 };
	size_t head;

	put_rest(&p, 0);
	head = notes[nr_notes - 1].at - notes[0].at;
	value = htole32(value);
	memcpy(p.data + head + at, &value, 4);
	write_with(&p);
	return refused(text, text);
}

TEST_F_TIMEOUT(notes, other_type, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, other_head(NOTE_TYPE, 0x7777, "register note 0x7777: unknown register set"));
#ifdef __aarch64__
	ASSERT_EQ(0, other_head(NOTE_TYPE, NT_X86_XSTATE, "register note NT_X86_XSTATE:"));
#else
	ASSERT_EQ(0, other_head(NOTE_TYPE, NT_ARM_SVE, "register note NT_ARM_SVE:"));
#endif
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_F_TIMEOUT(notes, other_owner, CKPT_TIMEOUT)
{
	struct payload p = { 0 };

	put_rest(&p, 0);
	memcpy(p.data, "LINUX\0\0", 8);
	write_with(&p);
	ASSERT_EQ(0, refused("owner", "register note NT_PRSTATUS: note of another owner"));
	ASSERT_EQ(0, image_works(&run, &im, image));
}

/* ---- values that no task may have ------------------------------------ */

TEST_F_TIMEOUT(notes, hostile_values, CKPT_TIMEOUT)
{
	unsigned int i, n, tried = 0;
	struct payload p = { 0 };
	char text[256];
	size_t at;

	for (i = 0; i < ARRAY_SIZE(hostile); i++) {
		for (n = 0; n < nr_notes && notes[n].type != hostile[i].note; n++)
			;
		/* Not on this CPU. */
		if (n == nr_notes || !hostile[i].what)
			continue;
		put_rest(&p, 0);
		at = notes[n].at - notes[0].at + NOTE_LEN + hostile[i].at;
		ASSERT_LE((size_t)hostile[i].at + hostile[i].len, notes[n].bytes);
		if (__BYTE_ORDER == __BIG_ENDIAN)
			memcpy(p.data + at, (const char *)&hostile[i].value + 8 - hostile[i].len,
			       hostile[i].len);
		else
			memcpy(p.data + at, &hostile[i].value, hostile[i].len);
		write_with(&p);
		snprintf(text, sizeof(text), "%s %s", named(hostile[i].note), hostile[i].what);
		ASSERT_EQ(0, refused(text, text));
		tried++;
	}
	if (!tried)
		SKIP(return, "no hostile values for this architecture");
	ASSERT_EQ(0, image_works(&run, &im, image));
}

TEST_HARNESS_MAIN
