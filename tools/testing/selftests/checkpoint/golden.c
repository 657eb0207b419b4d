// SPDX-License-Identifier: GPL-2.0
/*
 * The golden images, which an earlier version wrote, one for each architecture: restart(2) of this
 * kernel reads them. Those of another architecture, or of another size of pages, are refused for that
 * and nothing else. The one that is of this machine passes all checks of the image and of the CPU, and
 * is refused as its tasks were confined as the caller is not: in other ranges of ids, and with labels
 * of security modules.
 */
#include "fault.h"

/* The symbols golden_NAME and golden_NAME_len: a file, and how many bytes it has. */
#define GOLDEN(name)							\
	__asm__(".section .rodata\n"					\
		".globl golden_" #name ", golden_" #name "_len\n"	\
		".balign 8\n"						\
		"golden_" #name ": .incbin \"" GOLDEN_DIR "/" #name ".ckpt\"\n" \
		"golden_" #name "_end:\n"				\
		".balign 8\n"						\
		"golden_" #name "_len: .quad golden_" #name "_end - golden_" #name "\n" \
		".previous\n");						\
	extern const unsigned char golden_##name[];			\
	extern const uint64_t golden_##name##_len

GOLDEN(x86_64);
GOLDEN(arm64);
GOLDEN(ppc64le);
GOLDEN(s390x);

#if defined(__x86_64__)
#define HERE IMAGE_ARCH_X86_64
#elif defined(__aarch64__)
#define HERE IMAGE_ARCH_ARM64
#elif defined(__powerpc64__)
#define HERE IMAGE_ARCH_PPC64LE
#elif defined(__s390x__)
#define HERE IMAGE_ARCH_S390X
#endif

static struct ckpt_run run;
static int lowest;

CKPT_SCENARIO(nothing)
{
	ckpt_ready_wait();
}

FIXTURE(golden) { int unused; };

FIXTURE_VARIANT(golden)
{
	uint32_t arch;
	const unsigned char *data;
	const uint64_t *len;
};

FIXTURE_VARIANT_ADD(golden, x86_64)
{
	.arch = IMAGE_ARCH_X86_64, .data = golden_x86_64, .len = &golden_x86_64_len,
};

FIXTURE_VARIANT_ADD(golden, arm64)
{
	.arch = IMAGE_ARCH_ARM64, .data = golden_arm64, .len = &golden_arm64_len,
};

FIXTURE_VARIANT_ADD(golden, ppc64le)
{
	.arch = IMAGE_ARCH_PPC64LE, .data = golden_ppc64le, .len = &golden_ppc64le_len,
};

FIXTURE_VARIANT_ADD(golden, s390x)
{
	.arch = IMAGE_ARCH_S390X, .data = golden_s390x, .len = &golden_s390x_len,
};

FIXTURE_SETUP(golden)
{
	CKPT_BEGIN();
	ASSERT_EQ(0, ckpt_run_init(&run, &nothing, false));
}

FIXTURE_TEARDOWN(golden)
{
	if (run.board)
		ckpt_run_fini(&run);
}

TEST_F_TIMEOUT(golden, is_read, CKPT_TIMEOUT)
{
	struct image im = { .data = (unsigned char *)variant->data, .size = *variant->len };
	int image = ckpt_image_new(), error = EINVAL, seen;
	const char *why;

	ASSERT_LT((size_t)HEADER_LEN, im.size);
	ASSERT_EQ(variant->arch, image_get(&im, IMAGE_AT(header, arch), 4));
	ASSERT_EQ((ssize_t)im.size, write(image, im.data, im.size));
	lowest = lowest_free(&run);
	ASSERT_EQ(-1, image_restart(&run, image));
	seen = errno;
	if (variant->arch != HERE) {
		why = "image of another architecture [EINVAL]";
	} else if (image_get(&im, IMAGE_AT(header, page_size), 4) != ckpt_page()) {
		why = "image of another page size [EINVAL]";
	} else {
		why = "error: the tasks would be confined as the caller is, and not as they were";
		error = EACCES;
	}
	EXPECT_EQ(error, seen);
	EXPECT_TRUE(ckpt_run_log_has(&run, why)) {
		ckpt_run_print_log(&run);
	}
	EXPECT_EQ(error == EACCES, !ckpt_run_log_has(&run, "image: ")) {
		ckpt_run_print_log(&run);
	}
	ASSERT_EQ(0, nothing_left(&run, lowest));
}

TEST_HARNESS_MAIN
