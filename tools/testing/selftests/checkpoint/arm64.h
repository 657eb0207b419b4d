/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of arm64 have in common: numbers that headers may lack, features, tags. */
#ifndef CKPT_ARM64_H
#define CKPT_ARM64_H

#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif
#ifndef PROT_MTE
#define PROT_MTE 0x20
#endif
#ifndef PR_MTE_STORE_ONLY
#define PR_MTE_STORE_ONLY (1ul << 19)
#endif
#ifndef SEGV_MTESERR
#define SEGV_MTESERR 9
#endif
#ifndef PR_PAC_SET_ENABLED_KEYS
#define PR_PAC_SET_ENABLED_KEYS 60
#define PR_PAC_GET_ENABLED_KEYS 61
#endif
#ifndef PR_SME_SET_VL
#define PR_SME_SET_VL 63
#define PR_SME_GET_VL 64
#endif
#ifndef PR_SET_TSC
#define PR_GET_TSC 25
#define PR_SET_TSC 26
#define PR_TSC_ENABLE 1
#define PR_TSC_SIGSEGV 2
#endif
#ifndef PR_SET_SHADOW_STACK_STATUS
#define PR_GET_SHADOW_STACK_STATUS 74
#define PR_SET_SHADOW_STACK_STATUS 75
#define PR_LOCK_SHADOW_STACK_STATUS 76
#define PR_SHADOW_STACK_ENABLE 1ul
#endif

#define CAP_SVE		(1ul << 22)
#define CAP_PACA	(1ul << 30)
#define CAP_GCS		(1ul << 32)
#define CAP2_BTI	(1ul << 17)
#define CAP2_MTE	(1ul << 18)
#define CAP2_POE	(1ul << 63)

static inline bool has_cap(unsigned long cap)
{
	return getauxval(AT_HWCAP) & cap;
}

static inline bool has_cap2(unsigned long cap)
{
	return getauxval(AT_HWCAP2) & cap;
}

static inline size_t page(void)
{
	return getpagesize();
}

static inline char *map(size_t pages, int prot, int flags)
{
	char *at = mmap(NULL, pages * page(), prot, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED, "mmap: %s", strerror(errno));
	return at;
}

#define GRANULE 16

static inline uint64_t tag_at(const char *p)
{
	uint64_t tagged = (uintptr_t)p;

	asm volatile(".arch armv8.5-a+memtag\n ldg %0, [%1]" : "+r" (tagged) : "r" (p));
	return tagged >> 56 & 0xf;
}

static inline void set_tag(char *p, uint64_t tag)
{
	uint64_t tagged = (uintptr_t)p | tag << 56;

	asm volatile(".arch armv8.5-a+memtag\n stg %0, [%0]" : : "r" (tagged) : "memory");
}

static inline char *with_tag(char *p, uint64_t tag)
{
	return (char *)((uintptr_t)p | tag << 56);
}

#endif /* CKPT_ARM64_H */
