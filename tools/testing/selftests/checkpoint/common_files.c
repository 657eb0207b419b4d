// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a scenario: as they were at the checkpoint, they are there at the
 * restart.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

void ckpt_get_mtime(const char *path, struct timespec *mtime)
{
	struct stat st;

	if (lstat(path, &st))
		ckpt_diag("%s: %s", path, strerror(errno));
	else
		*mtime = st.st_mtim;
}

void ckpt_set_mtime(const char *path, const struct timespec *mtime)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *mtime };

	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		ckpt_diag("%s: %s", path, strerror(errno));
}

void ckpt_run_forget_files(struct ckpt_run *run)
{
	while (run->nr_files)
		free(run->files[--run->nr_files].data);
}

/* The scenario's files, in the directory of the board and with its name. */
static void each_file(struct ckpt_run *run, void (*fn)(struct ckpt_run *run, const char *path))
{
	size_t len = strlen(run->board_path);
	char pattern[sizeof(run->board_path) + 2];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%.*s.*", (int)len, run->board_path);
	if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++)
			fn(run, found.gl_pathv[i]);
		globfree(&found);
	}
}

static void remove_file(struct ckpt_run *run, const char *path)
{
	if (ckpt_remove(path))
		ckpt_diag("%s: %s", path, strerror(errno));
}

static void save_file(struct ckpt_run *run, const char *path)
{
	struct ckpt_saved_file *file = &run->files[run->nr_files];
	struct stat st;
	int fd;

	if (lstat(path, &st) || !S_ISREG(st.st_mode) || run->nr_files == CKPT_MAX_FILES)
		return;
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->size = st.st_size;
	file->mtime = st.st_mtim;
	file->data = malloc(st.st_size + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(fd, file->data, file->size, 0) != (ssize_t)file->size)
		ckpt_diag("%s: %s", path, strerror(errno));
	close(fd);
	run->nr_files++;
}

void ckpt_run_remove_files(struct ckpt_run *run)
{
	each_file(run, remove_file);
}

void ckpt_run_save_files(struct ckpt_run *run)
{
	ckpt_run_forget_files(run);
	each_file(run, save_file);
}

void ckpt_run_take_files_back(struct ckpt_run *run)
{
	struct ckpt_saved_file *file;
	unsigned int i;
	int fd;

	for (i = 0; i < run->nr_files; i++) {
		file = &run->files[i];
		fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (pwrite(fd, file->data, file->size, 0) != (ssize_t)file->size ||
		    ftruncate(fd, file->size))
			ckpt_diag("%s: %s", file->path, strerror(errno));
		close(fd);
		ckpt_set_mtime(file->path, &file->mtime);
	}
}
