// SPDX-License-Identifier: GPL-2.0
/*
 * A scenario whose machine is switched off between checkpoint and restart.
 * "make test" boots a guest for each part; the environment says which it is:
 *
 * CKPT_BOOT=save	Checkpoint with KILL, and leave the image and what the test
 *			knows of the scenario in CKPT_TMPDIR, on a disk.
 * CKPT_BOOT=refused	The image must be refused, as this CPU lacks the feature that
 *			CKPT_LACKS names.
 * CKPT_BOOT=other	As below, under another kernel, with another vDSO; the image stays.
 * CKPT_BOOT=restart	Restart the image, and let the scenario prove itself.
 */
#define CKPT_NO_HARNESS
#include "common_private.h"

#include <fcntl.h>
#include <sys/stat.h>

/* What the test knows of a scenario that was checkpointed. */
struct left {
	char board_path[256];
	struct ckpt_board saved;
	struct timespec saved_mtime;
	unsigned int generation;
};

static int open_left(const struct ckpt_scenario *sc, bool container, const char *what, int flags)
{
	const char *dir = getenv("CKPT_TMPDIR");
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.%s.%s.%s", dir ? dir : "/dev/shm",
		 program_invocation_short_name, container ? "container" : "subtree", sc->name, what);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		ckpt_diag("%s: %s", path, strerror(errno));
	return fd;
}

static int save(const struct ckpt_scenario *sc, bool container)
{
	int image = open_left(sc, container, "image", O_RDWR | O_CREAT | O_TRUNC);
	int fd = open_left(sc, container, "left", O_RDWR | O_CREAT | O_TRUNC);
	struct left left = { 0 };
	struct ckpt_run run;
	int ret;

	ret = ckpt_run_init(&run, sc, container);
	if (!ret)
		ret = ckpt_run_set_up(&run);
	if (!ret)
		ret = ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL);
	memcpy(left.board_path, run.board_path, sizeof(left.board_path));
	left.saved = run.saved;
	left.saved_mtime = run.saved_mtime;
	left.generation = run.generation;
	if (!ret && (write(fd, &left, sizeof(left)) != sizeof(left) || fsync(fd) || fsync(image)))
		ret = ckpt_complain(&run, "can't be left behind");
	ckpt_run_leave(&run);
	close(image);
	close(fd);
	return ret;
}

/* Looks up what was left behind, makes the run, and gives the image. */
static int find(struct ckpt_run *run, const struct ckpt_scenario *sc, bool container, int *image)
{
	int fd = open_left(sc, container, "left", O_RDONLY);
	struct left left;
	ssize_t n = read(fd, &left, sizeof(left));

	close(fd);
	*image = open_left(sc, container, "image", O_RDONLY);
	if (n != sizeof(left) || *image < 0)
		return -1;
	if (ckpt_run_init_at(run, sc, container, left.board_path))
		return -1;
	run->saved = left.saved;
	run->saved_mtime = left.saved_mtime;
	run->generation = left.generation;
	return 0;
}

/* With @other the kernel is not that of the checkpoint, and what was left behind stays. */
static int restart(const struct ckpt_scenario *sc, bool container, bool other)
{
	struct ckpt_run run;
	int image, ret;

	ret = find(&run, sc, container, &image);
	if (ret)
		return ret;
	ret = ckpt_run_restart(&run, image, 0);
	if (!ret && other && !ckpt_run_log_has(&run, "entry points lead into this kernel's")) {
		ckpt_run_print_log(&run);
		ret = ckpt_complain(&run, "the vDSO is the same");
	}
	if (!ret)
		ret = ckpt_run_go_and_finish(&run);
	if (other)
		ckpt_run_leave(&run);
	else
		ckpt_run_fini(&run);
	close(image);
	return ret;
}

static int refused(const struct ckpt_scenario *sc, bool container)
{
	const char *feature = getenv("CKPT_LACKS");
	struct restart_args args;
	struct ckpt_run run;
	int image, ret;
	long pid;

	ret = find(&run, sc, container, &image);
	if (ret)
		return ret;
	ckpt_take_board_back(&run);
	ckpt_run_restart_args(&run, &args, image, 0);
	pid = sys_restart(&args, sizeof(args));
	if (pid != -1 || errno != EOPNOTSUPP)
		ret = ckpt_complain(&run, "was not refused with EOPNOTSUPP");
	else if (!ckpt_run_log_has(&run, "this CPU lacks ") || !feature ||
		 !ckpt_run_log_has(&run, feature))
		ret = ckpt_complain(&run, "was refused for another reason");
	else if (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD)
		ret = ckpt_complain(&run, "a task is left");
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_leave(&run);
	close(image);
	return ret;
}

int ckpt_in_boot(const struct ckpt_scenario *sc, bool container, const char *boot)
{
	ckpt_phase(boot);
	if (!strcmp(boot, "save"))
		return save(sc, container);
	if (!strcmp(boot, "refused"))
		return refused(sc, container);
	if (!strcmp(boot, "restart"))
		return restart(sc, container, false);
	if (!strcmp(boot, "other"))
		return restart(sc, container, true);
	ckpt_diag("CKPT_BOOT: %s is no part", boot);
	return -1;
}
