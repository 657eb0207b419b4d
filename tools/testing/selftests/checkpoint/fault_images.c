// SPDX-License-Identifier: GPL-2.0
/*
 * Damaged and hostile images: refused, or harmless; nothing is left behind.
 *
 * Positions are spread evenly, and the same in each run.  CKPT_FAULTS=n tries
 * n times as many.
 */
#include "fault.h"

#include <elf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#ifdef __x86_64__
#include <sys/reg.h>
#endif

static struct ckpt_run run;
static struct image im;
static int image = -1;
static int lowest;

/* Small, and with something of each kind. */
CKPT_SCENARIO(small)
{
	char path[320];
	int fd[2];

	CHECK_SYS(pipe(fd));
	CHECK_EQ(5, write(fd[1], "small", 5));
	CHECK_SYS(open(ckpt_path(path, sizeof(path), "f"), O_RDWR | O_CREAT, 0600));
	ckpt_ready_wait();
}

FIXTURE(fault) { int unused; };

FIXTURE_SETUP(fault)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, ckpt_run_init(&run, &small, false));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));
	ASSERT_EQ(0, image_load(&im, image));
	lowest = lowest_free(&run);
}

FIXTURE_TEARDOWN(fault)
{
	if (run.board)
		ckpt_run_fini(&run);
}

static unsigned int times(void)
{
	const char *n = getenv("CKPT_FAULTS");

	return n && atoi(n) > 0 ? atoi(n) : 1;
}

static long restart(void)
{
	return image_restart(&run, image);
}

/* It must be refused, with a line that tells why. */
static int refused(const char *what, size_t at)
{
	long pid = restart();

	if (pid != -1) {
		ckpt_diag("%s at %zu: restart(2) gave %ld", what, at, pid);
		kill(pid, SIGKILL);
		return -1;
	}
	if (errno != EINVAL || !ckpt_run_log_has(&run, "at offset ")) {
		ckpt_diag("%s at %zu: errno %d", what, at, errno);
		ckpt_run_print_log(&run);
		return -1;
	}
	if (nothing_left(&run, lowest)) {
		ckpt_diag("%s at %zu", what, at);
		return -1;
	}
	return 0;
}

static int works(void)
{
	return image_works(&run, &im, image);
}

static int cut(size_t len)
{
	return ftruncate(image, len) ? -1 : refused("cut", len);
}

/* From the end to the start, so that each needs but one call. */
TEST_F_TIMEOUT(fault, truncated, CKPT_TIMEOUT)
{
	size_t *at = calloc(im.size / RECORD_LEN + 2, sizeof(*at));
	size_t pos, len;
	unsigned int n = 0;

	for (pos = HEADER_LEN; pos < im.size && (len = record_len(&im, pos)); pos += len)
		at[n++] = pos;
	ASSERT_EQ(im.size, pos);
	ASSERT_EQ(0, cut(im.size - 1));
	while (n--) {
		len = record_len(&im, at[n]);
		ASSERT_EQ(0, cut(at[n] + len - 8));
		ASSERT_EQ(0, cut(at[n] + len / 2));
		ASSERT_EQ(0, cut(at[n] + RECORD_LEN));
		ASSERT_EQ(0, cut(at[n] + 1));
		ASSERT_EQ(0, cut(at[n]));
	}
	for (pos = HEADER_LEN; pos-- > 0; )
		ASSERT_EQ(0, cut(pos));
	free(at);
	ASSERT_EQ(0, works());
}

static int flipped(size_t at, unsigned int bit)
{
	unsigned char c = im.data[at] ^ 1 << bit;
	int ret;

	pwrite(image, &c, 1, at);
	ret = refused("flip", at);
	pwrite(image, &im.data[at], 1, at);
	return ret;
}

TEST_F_TIMEOUT(fault, flipped_in_header, CKPT_TIMEOUT)
{
	size_t at;

	for (at = 0; at < HEADER_LEN * 8; at++)
		ASSERT_EQ(0, flipped(at / 8, at % 8));
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(fault, flipped_in_metadata, CKPT_TIMEOUT)
{
	size_t step = (im.meta_end - HEADER_LEN) / (1000 * times()) + 1;
	size_t at, n = 0;

	for (at = HEADER_LEN; at < im.meta_end; at += step)
		ASSERT_EQ(0, flipped(at, n++ % 8));
	ASSERT_EQ(0, works());
}

/* Here the tasks have been made already. */
TEST_F_TIMEOUT(fault, flipped_in_memory, CKPT_TIMEOUT)
{
	size_t step = (im.size - im.meta_end) / (50 * times()) + 1;
	size_t at, n = 0;

	for (at = im.meta_end; at < im.size; at += step)
		ASSERT_EQ(0, flipped(at, n++ % 8));
	/* Every byte of the first batch but its pages, and of the trailer. */
	for (at = im.meta_end; at < image_payload(&im, im.rest) + EXTENT_LEN + 8; at++)
		ASSERT_EQ(0, flipped(at, n++ % 8));
	for (at = im.trailer - RECORD_LEN; at < im.size; at++)
		ASSERT_EQ(0, flipped(at, n++ % 8));
	ASSERT_EQ(0, works());
}

/* Records in another order than they were written, doubled and left out. */
TEST_F_TIMEOUT(fault, other_order, CKPT_TIMEOUT)
{
	size_t at, len, next, meta = im.meta_end - HEADER_LEN;
	struct image bad = im;
	unsigned int n = 0;

	bad.data = malloc(im.size);
	/* Two neighbours change places; where the format allows it, that is harmless. */
	for (at = HEADER_LEN; at < im.meta_end; at += len) {
		len = record_len(&im, at);
		next = at + len < im.meta_end ? record_len(&im, at + len) : 0;
		if (!next || ++n % 4)
			continue;
		memcpy(bad.data, im.data, im.size);
		memcpy(bad.data + at, im.data + at + len, next);
		memcpy(bad.data + at + next, im.data + at, len);
		image_fix(&bad);
		pwrite(image, bad.data, bad.size, 0);
		if (restart() > 0)
			ckpt_run_kill(&run);
		ASSERT_EQ(0, nothing_left(&run, lowest));
	}
	free(bad.data);
	/* All of it but the first record left out. */
	ASSERT_LT(0u, meta);
	bad = image_with_meta(&im, im.data + HEADER_LEN, record_len(&im, HEADER_LEN));
	pwrite(image, bad.data, bad.size, 0);
	ASSERT_EQ(0, refused("only the first record", 0));
	free(bad.data);
	ASSERT_EQ(0, works());
}

/* ---- of another machine ---------------------------------------------- */

#define ARCH		IMAGE_AT(header, arch)
#define PAGE_SIZE	IMAGE_AT(header, page_size)
#define CONTAINER	IMAGE_KIND_CONTAINER
#define CPU_WORDS	IMAGE_AT(container, cpu_words)	/* How many there are. */
#define CPU		IMAGE_AT(container, cpu)
#define VERSION		IMAGE_AT(container, version)
#define BUILD_ID	IMAGE_AT(container, build_id)
#define MM		IMAGE_KIND_MM
#define VDSO_CRC	IMAGE_AT(mm, vdso_crc)

/* With @bits changed in the 4 bytes at @at: errno, 0 if it is accepted. */
static int changed(size_t at, uint32_t bits)
{
	uint32_t old = image_get(&im, at, 4);
	long pid;
	int err;

	image_put32(&im, at, old ^ bits);
	image_fix(&im);
	pwrite(image, im.data, im.size, 0);
	pid = restart();
	err = pid > 0 ? 0 : errno;
	if (pid > 0)
		image_end(&run, pid);
	image_put32(&im, at, old);
	image_fix(&im);
	return nothing_left(&run, lowest) ? -1 : err;
}

TEST_F_TIMEOUT(fault, other_architecture, CKPT_TIMEOUT)
{
	uint32_t arch = image_get(&im, ARCH, 4);

	ASSERT_EQ(EINVAL, changed(ARCH, arch ^ (arch % 4 + 1)));
	ASSERT_TRUE(ckpt_run_log_has(&run, "image of another architecture"));
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(fault, other_page_size, CKPT_TIMEOUT)
{
	ASSERT_EQ((uint64_t)sysconf(_SC_PAGESIZE), image_get(&im, PAGE_SIZE, 4));
	ASSERT_EQ(EINVAL, changed(PAGE_SIZE, 4096 ^ 65536));
	ASSERT_TRUE(ckpt_run_log_has(&run, "image of another page size"));
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(fault, other_vdso, CKPT_TIMEOUT)
{
	size_t mm = image_body(&im, MM), vdso = image_body(&im, IMAGE_KIND_VDSO);
	size_t code = mm + IMAGE_AT(mm, vdso_code), len = mm + IMAGE_AT(mm, vdso_len);
	uint32_t obj = image_get(&im, code, 4), crc = image_get(&im, mm + VDSO_CRC, 4);

	ASSERT_GT(im.meta_end, vdso);
	ASSERT_EQ(obj, image_get(&im, vdso + IMAGE_AT(vdso, obj), 4));
	/* Its entry points lead into this kernel's. */
	ASSERT_EQ(0, changed(mm + VDSO_CRC, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "entry points lead into this kernel's"));
	/* As in an older image, which has no code of it. */
	ASSERT_EQ(0, changed(code, obj));
	ASSERT_FALSE(ckpt_run_log_has(&run, "entry points lead into this kernel's"));
	image_put32(&im, mm + VDSO_CRC, crc ^ 1);
	ASSERT_EQ(EOPNOTSUPP, changed(code, obj));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its vDSO differs"));
	/* What is no vDSO; more code than was mapped. */
	ASSERT_EQ(EINVAL, changed(code, obj ^ image_get(&im, mm + IMAGE_AT(mm, obj), 4)));
	ASSERT_TRUE(ckpt_run_log_has(&run, "refers to an object of the wrong kind"));
	ASSERT_EQ(EINVAL, changed(len, image_get(&im, len, 4) ^ image_page_size(&im)));
	ASSERT_TRUE(ckpt_run_log_has(&run, "vDSO is mapped in part only"));
	image_put32(&im, mm + VDSO_CRC, crc);
	image_fix(&im);
	ASSERT_EQ(0, works());
}

/* Changes the first letter of @name wherever it stands in the image; how often that is. */
static unsigned int rename_in(size_t at, size_t end, const char *name)
{
	unsigned int count = 0;

	for (; at + strlen(name) <= end; at++) {
		if (memcmp(im.data + at, name, strlen(name)))
			continue;
		im.data[at] ^= 1;
		count++;
	}
	return count;
}

/* A vDSO whose entry points this kernel's has not, or that is for other programs. */
TEST_F_TIMEOUT(fault, strange_vdso, CKPT_TIMEOUT)
{
	size_t vdso = image_body(&im, IMAGE_KIND_VDSO), mm = image_body(&im, MM), end;
	uint32_t crc = image_get(&im, mm + VDSO_CRC, 4);
	size_t elf;

	ASSERT_GT(im.meta_end, vdso);
	elf = vdso + sizeof(struct image_vdso) + image_get(&im, vdso + IMAGE_AT(vdso, data_len), 4);
	end = elf + image_get(&im, vdso + IMAGE_AT(vdso, code_len), 4);
	ASSERT_EQ(0, memcmp(im.data + elf, "\177ELF", 4));
	image_put32(&im, mm + VDSO_CRC, crc ^ 1);
	/* e_machine. */
	ASSERT_EQ(EOPNOTSUPP, changed(elf + 16, 1u << 16));
	ASSERT_TRUE(ckpt_run_log_has(&run, "its vDSO differs"));
	ASSERT_EQ(EINVAL, changed(elf, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "code without entry points"));
	ASSERT_EQ(EINVAL, changed(vdso + IMAGE_AT(vdso, code_len), 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "impossible size of data or code"));
	ASSERT_LT(0u, rename_in(elf, end, "clock_getres"));
	ASSERT_EQ(EOPNOTSUPP, changed(elf, 0));
	ASSERT_TRUE(ckpt_run_log_has(&run, "is not in this kernel's"));
	ASSERT_LT(0u, rename_in(elf, end, "block_getres"));
	image_put32(&im, mm + VDSO_CRC, crc);
	image_fix(&im);
	ASSERT_EQ(0, works());
}

#ifdef __x86_64__

/* Where the symbol @nr of the vDSO at @elf is in the image; 0: there are no more. */
static size_t vdso_symbol(size_t elf, unsigned int nr)
{
	const Elf64_Ehdr *head = (void *)(im.data + elf);
	const Elf64_Phdr *part = (void *)(im.data + elf + head->e_phoff);
	size_t symbols = 0, strings = 0;
	const Elf64_Dyn *entry;
	int i;

	for (i = 0; i < head->e_phnum && part[i].p_type != PT_DYNAMIC; i++)
		;
	if (i == head->e_phnum)
		return 0;
	for (entry = (void *)(im.data + elf + part[i].p_offset); entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			symbols = entry->d_un.d_ptr;
		if (entry->d_tag == DT_STRTAB)
			strings = entry->d_un.d_ptr;
	}
	/* All linkers have the names right behind them. */
	symbols += nr * sizeof(Elf64_Sym);
	return symbols + sizeof(Elf64_Sym) <= strings ? elf + symbols : 0;
}

/* Tasks whose code of the vDSO is no longer what they were in, and code that can't be left. */
TEST_F_TIMEOUT(fault, within_a_jump, CKPT_TIMEOUT)
{
	size_t vdso = image_body(&im, IMAGE_KIND_VDSO), mm = image_body(&im, MM);
	size_t len = image_get(&im, vdso + IMAGE_AT(vdso, code_len), 4);
	size_t elf = vdso + sizeof(struct image_vdso) +
		     image_get(&im, vdso + IMAGE_AT(vdso, data_len), 4);
	size_t regs = image_find_note(&im, NT_PRSTATUS), rip, at, size, entry = 0;
	uint32_t crc = image_get(&im, mm + VDSO_CRC, 4);
	unsigned int nr, cut = 0;
	uint64_t code;

	ASSERT_GT(im.meta_end, vdso);
	ASSERT_NE(0u, regs);
	rip = regs + RIP * 8;
	code = image_get(&im, mm + IMAGE_AT(mm, vdso), 8) +
	       image_get(&im, mm + IMAGE_AT(mm, vdso_len), 8) - len;
	image_put32(&im, mm + VDSO_CRC, ~crc);
	for (nr = 1; (at = vdso_symbol(elf, nr)); nr++) {
		const Elf64_Sym *symbol = (void *)(im.data + at);

		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_value)
			entry = symbol->st_value;
	}
	ASSERT_NE(0u, entry);
	/* In the midst of what is a jump now, at both its ends. */
	ASSERT_EQ(0, image_hostile(&run, &im, image, rip, code + entry + 1, 8,
				   "was interrupted at "));
	ASSERT_EQ(0, image_hostile(&run, &im, image, rip, code + entry + 4, 8,
				   "was interrupted at "));
	/* Each by itself has too few bytes. */
	for (nr = 1; (at = vdso_symbol(elf, nr)); nr++) {
		size = at + offsetof(Elf64_Sym, st_size);
		if (image_get(&im, size, 8) < 5 || ELF64_ST_TYPE(im.data[at + 4]) != STT_FUNC)
			continue;
		cut++;
		image_put64(&im, size, 4);
	}
	ASSERT_LT(0u, cut);
	ASSERT_EQ(0, image_hostile(&run, &im, image, mm + VDSO_CRC, ~crc, 4,
				   "has no room for a jump to this kernel's"));
	/* They go on with the vDSO that they had. */
	image_put32(&im, mm + VDSO_CRC, crc);
	ASSERT_EQ(0, works());
}

#endif /* __x86_64__ */

/* Another build of the kernel may restart the image, and tells both. */
TEST_F_TIMEOUT(fault, other_build, CKPT_TIMEOUT)
{
	size_t body = image_body(&im, CONTAINER);

	ASSERT_NE(0, im.data[body + VERSION]);
	ASSERT_EQ(0, changed(body + VERSION, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "note: kernel: the image was written by"));
	ASSERT_EQ(0, changed(body + BUILD_ID, 1));
	ASSERT_TRUE(ckpt_run_log_has(&run, "note: kernel: the image was written by"));
	ASSERT_EQ(0, changed(body + VERSION, 0));
	ASSERT_FALSE(ckpt_run_log_has(&run, "note: kernel: the image was written by"));
	ASSERT_EQ(0, works());
}

/* What has a path says on which mount, and that is one. */
TEST_F_TIMEOUT(fault, other_mount, CKPT_TIMEOUT)
{
	size_t path = image_body(&im, IMAGE_KIND_PATH), mount = image_body(&im, IMAGE_KIND_MOUNT);
	uint32_t obj;

	ASSERT_GT(im.meta_end, path);
	ASSERT_GT(im.meta_end, mount);
	obj = image_get(&im, mount + IMAGE_AT(mount, obj), 4);
	ASSERT_EQ(obj, image_get(&im, path + IMAGE_AT(path, mount), 4));
	/* As in an older image. */
	ASSERT_EQ(0, changed(path + IMAGE_AT(path, mount), obj));
	ASSERT_EQ(EINVAL, changed(path + IMAGE_AT(path, mount),
				  obj ^ image_get(&im, path + IMAGE_AT(path, obj), 4)));
	ASSERT_TRUE(ckpt_run_log_has(&run, "refers to an object of the wrong kind"));
	ASSERT_EQ(EINVAL, changed(mount + IMAGE_AT(mount, kind), 1u << 31));
	ASSERT_TRUE(ckpt_run_log_has(&run, "unknown kind of mount"));
	ASSERT_EQ(0, works());
}

/*
 * Features that no program can have used: without their registers; and vector
 * lengths, of which each task's own is compared.
 */
static bool is_nothing(size_t word)
{
#if defined(__x86_64__)
	return word <= 4 || word == 7;
#elif defined(__aarch64__)
	return word == 4 || word == 5;
#else
	return false;
#endif
}

/* Each feature that this CPU lacks. What is none is refused too. */
TEST_F_TIMEOUT(fault, other_cpu, CKPT_TIMEOUT)
{
	size_t body = image_body(&im, CONTAINER), lacking = 0, bit;

	ASSERT_LT(0u, image_get(&im, body + CPU_WORDS, 4));
	for (bit = 0; bit < image_get(&im, body + CPU_WORDS, 4) * 64; bit++) {
		size_t at = body + CPU + bit / 32 * 4;

		if (image_get(&im, at, 4) & 1u << bit % 32)
			continue;
		switch (changed(at, 1u << bit % 32)) {
		case EOPNOTSUPP:
			ASSERT_TRUE(ckpt_run_log_has(&run, "error: this CPU lacks ") ||
				    ckpt_run_log_has(&run, "error: the extended state of the "));
			lacking++;
			break;
		case 0:
			ASSERT_TRUE(is_nothing(bit / 64));
			break;
		case EINVAL:
			break;
		default:
			ckpt_diag("feature %zu.%zu", bit / 64, bit % 64);
			ASSERT_TRUE(false);
		}
	}
	ASSERT_LT(0u, lacking);
	ASSERT_EQ(0, works());
}

/* What must be the same here: components of the extended state, and their bytes. */
static bool is_exact(size_t word)
{
#if defined(__x86_64__)
	return word == 5 || word == 6;
#else
	return false;
#endif
}

/* Each feature that this CPU has, and an image does not tell of: a CPU with more accepts. */
TEST_F_TIMEOUT(fault, smaller_cpu, CKPT_TIMEOUT)
{
	size_t body = image_body(&im, CONTAINER), more = 0, bit;

	for (bit = 0; bit < image_get(&im, body + CPU_WORDS, 4) * 64; bit++) {
		size_t at = body + CPU + bit / 32 * 4;

		if (is_exact(bit / 64) || !(image_get(&im, at, 4) & 1u << bit % 32))
			continue;
		ASSERT_EQ(0, changed(at, 1u << bit % 32)) TH_LOG("feature %zu.%zu", bit / 64, bit % 64);
		more++;
	}
	ASSERT_LT(0u, more);
	ASSERT_EQ(0, works());
}

/* ---- right checksums ------------------------------------------------- */

static int hostile(size_t at, unsigned int bit)
{
	unsigned char old = im.data[at];
	long pid;
	int ret;

	im.data[at] ^= 1 << bit;
	image_fix(&im);
	pwrite(image, im.data, im.size, 0);
	pid = restart();
	ret = pid > 0 ? image_end(&run, pid) : 0;
	if (!ret)
		ret = nothing_left(&run, lowest);
	if (ret)
		ckpt_diag("byte %zu, bit %u: restart(2) gave %ld", at, bit, pid);
	im.data[at] = old;
	image_fix(&im);
	return ret;
}

static int hostile_part(size_t from, size_t to, size_t count)
{
	size_t step = (to - from) / (count * times()) + 1;
	size_t at, n = 0;

	/* A step that shares nothing with the size of records. */
	step |= 1;
	for (at = from; at < to; at += step, n++) {
		if (hostile(at, (n * 5) % 8))
			return -1;
	}
	return 0;
}

TEST_F_TIMEOUT(fault, hostile_header, CKPT_TIMEOUT)
{
	size_t at;

	/* Fields that are checked, and those that only tell something. */
	for (at = 0; at < HEADER_SUM; at++)
		ASSERT_EQ(0, hostile(at, at % 8));
	ASSERT_EQ(0, works());
}

TEST_F_TIMEOUT(fault, hostile_metadata, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, hostile_part(HEADER_LEN, im.meta_end, 300));
	ASSERT_EQ(0, works());
}

/* The headers of all records: kinds and lengths. */
TEST_F_TIMEOUT(fault, hostile_framing, CKPT_TIMEOUT)
{
	size_t at, len, n = 0;

	for (at = HEADER_LEN; at < im.meta_end; at += len) {
		len = record_len(&im, at);
		ASSERT_EQ(0, hostile(at + n % RECORD_LEN, n % 8));
		n += 3;
	}
	ASSERT_EQ(0, works());
}

TEST_HARNESS_MAIN
