/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Security modules that label tasks: which one is active, and a small policy for it.
 */
#ifndef CKPT_TEST_LABELS_H
#define CKPT_TEST_LABELS_H

#include "common.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#ifndef RESTART_CALLER_CONFINEMENT
#define RESTART_CALLER_CONFINEMENT	(1ULL << 3)
#endif
#ifndef RESTART_KEEP_LSM
#define RESTART_KEEP_LSM		(1ULL << 9)
#endif

#define ATTR		"/proc/thread-self/attr/"
#define SMACK_CURRENT	ATTR "smack/current"
#define SMACKFS		"/sys/fs/smackfs/"
#define APPARMOR	ATTR "apparmor/"
#define APPARMORFS	"/sys/kernel/security/apparmor/"

/* Write @text to a file that is there: 0, or -1. */
static inline int label_write(const char *path, const void *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = -1;

	if (fd >= 0) {
		ret = write(fd, text, len) == (ssize_t)len ? 0 : -1;
		close(fd);
	}
	return ret;
}

static inline int label_put(const char *path, const char *text)
{
	return label_write(path, text, strlen(text));
}

/* What a file says, without a newline at its end. */
static inline char *label_get(const char *path, char *buf, size_t size)
{
	ckpt_read_file(path, buf, size);
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

static inline bool label_is(const char *path, const char *text)
{
	char buf[256];

	return !strcmp(label_get(path, buf, sizeof(buf)), text);
}

/* Is the filesystem of a module there?  It is mounted if need be. */
static inline bool label_fs(const char *type, const char *dir, const char *file)
{
	if (access(file, F_OK))
		mount(type, dir, type, 0, NULL);
	return !access(file, F_OK);
}

/* ---- AppArmor: the binary form of a profile, as policy_unpack.c reads it --- */

struct aa_bytes {
	unsigned char data[1024];
	size_t len;
};

enum { AA_U32 = 2, AA_NAME = 4, AA_STRING = 5, AA_STRUCT = 7, AA_STRUCTEND = 8 };

static inline void aa_byte(struct aa_bytes *to, unsigned int byte)
{
	to->data[to->len++] = byte;
}

static inline void aa_text(struct aa_bytes *to, unsigned int code, const char *text)
{
	size_t n = strlen(text) + 1;

	aa_byte(to, code);
	aa_byte(to, n & 0xff);
	aa_byte(to, n >> 8);
	memcpy(to->data + to->len, text, n);
	to->len += n;
}

static inline void aa_number(struct aa_bytes *to, uint32_t n)
{
	unsigned int i;

	aa_byte(to, AA_U32);
	for (i = 0; i < 4; i++)
		aa_byte(to, n >> 8 * i & 0xff);
}

static inline void aa_struct(struct aa_bytes *to, const char *name)
{
	aa_text(to, AA_NAME, name);
	aa_byte(to, AA_STRUCT);
}

/*
 * A profile that restricts nothing: mode "unconfined", no rules.  It is a label all
 * the same, which is not that of others.
 */
static inline int aa_load(const char *name)
{
	struct aa_bytes profile = { .len = 0 };
	unsigned int i;

	aa_text(&profile, AA_NAME, "version");
	aa_number(&profile, 5);
	aa_struct(&profile, "profile");
	aa_text(&profile, AA_STRING, name);
	aa_struct(&profile, "flags");
	aa_number(&profile, 0);		/* No hat. */
	aa_number(&profile, 3);		/* PACKED_MODE_UNCONFINED */
	aa_number(&profile, 0);		/* No audit of all. */
	aa_byte(&profile, AA_STRUCTEND);
	for (i = 0; i < 4; i++)		/* Capabilities: it is not restricted. */
		aa_number(&profile, 0);
	aa_byte(&profile, AA_STRUCTEND);
	return label_write(APPARMORFS ".replace", profile.data, profile.len);
}

static inline int aa_remove(const char *name)
{
	return label_write(APPARMORFS ".remove", name, strlen(name) + 1);
}

#endif /* CKPT_TEST_LABELS_H */
