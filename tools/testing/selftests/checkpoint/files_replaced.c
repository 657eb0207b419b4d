// SPDX-License-Identifier: GPL-2.0
/*
 * What a program runs from is replaced on the disk while it runs, as an update does
 * it: its libraries, its loader, and its own file. After a restart it goes on as before.
 */
#include "fault.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>

/* Where the libraries are, what lies over them, and where in that their copies are. */
static char libs[PATH_MAX], top[64], copies[80];

/*
 * Calls @fn with the path of each shared object that is mapped here. Returns how many there
 * are, -1 if @fn did not return 0.
 */
static int each_object(int (*fn)(const char *path))
{
	char line[PATH_MAX + 128], last[PATH_MAX] = "", *path;
	FILE *maps = fopen("/proc/self/maps", "re");
	int count = 0;

	while (maps && count >= 0 && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		path = strchr(line, '/');
		if (!path || !strstr(path, ".so") || !strcmp(path, last))
			continue;
		snprintf(last, sizeof(last), "%s", path);
		count = fn(path) ? -1 : count + 1;
	}
	if (maps)
		fclose(maps);
	return count;
}

/* They must be in one directory, which is noted. */
static int note_directory(const char *path)
{
	char copy[PATH_MAX], *dir;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (*libs && strcmp(libs, dir))
		return -1;
	snprintf(libs, sizeof(libs), "%s", dir);
	return 0;
}

static int copy_file(const char *path, const char *to)
{
	char buf[65536];
	int in, out;
	ssize_t n;

	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		if (write(out, buf, n) != n)
			break;
	}
	close(in);
	close(out);
	return n;
}

static int copy_object(const char *path)
{
	char to[PATH_MAX];

	snprintf(to, sizeof(to), "%s/%s", copies, strrchr(path, '/') + 1);
	return copy_file(path, to);
}

/* What comes in its place has its size and time, but nothing in it to go on with. */
static int replace(const char *path)
{
	char other[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(other, sizeof(other), "%s.new", path) >= (int)sizeof(other) || stat(path, &st))
		return -1;
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0 || ftruncate(fd, st.st_size) || close(fd))
		return -1;
	ckpt_set_mtime(other, &st.st_mtim);
	return rename(other, path);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* After a restart it calls what it has not called before: the loader has to find that. */
CKPT_SCENARIO(linked)
{
	int all[] = { 3, 1, 2 };
	char buf[16384];

	ckpt_ready_wait();
	qsort(all, 3, sizeof(*all), compare);
	CHECK_EQ(1, all[0]);
	CHECK_EQ(3, all[2]);
	CHECK_EQ(0x1234, strtoul("1234", NULL, 16));
	CHECK(strstr(ckpt_read_file("/proc/self/maps", buf, sizeof(buf)), " (deleted)"),
	      "its libraries are files with names:\n%s", buf);
}

FIXTURE(replaced) { struct ckpt_run run; };
FIXTURE_VARIANT(replaced) { bool in_memory, overlay, container; };
FIXTURE_VARIANT_ADD(replaced, in_memory) { .in_memory = true };
FIXTURE_VARIANT_ADD(replaced, on_disk) { .in_memory = false };
/* As in the containers of most engines. */
FIXTURE_VARIANT_ADD(replaced, overlay) { .in_memory = true, .overlay = true };
FIXTURE_VARIANT_ADD(replaced, container) { .in_memory = true, .overlay = true, .container = true };

/* In a mount namespace of its own the test has copies of the libraries in their place. */
FIXTURE_SETUP(replaced)
{
	char path[96], options[400];
	int objects;

	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	objects = each_object(note_directory);
	if (!objects)
		SKIP(return, "it is linked statically here");
	if (objects < 0)
		SKIP(return, "its libraries are not in one directory here");
	snprintf(top, sizeof(top), "/var/tmp/ckpt-libs-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(top));
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (variant->in_memory)
		ASSERT_EQ(0, mount("libs", top, "tmpfs", 0, NULL));
	snprintf(copies, sizeof(copies), "%s/copies", top);
	ASSERT_EQ(0, mkdir(copies, 0755));
	ASSERT_EQ(objects, each_object(copy_object));
	if (!variant->overlay) {
		ASSERT_EQ(0, mount(copies, libs, NULL, MS_BIND, NULL));
		return;
	}
	snprintf(path, sizeof(path), "%s/upper", top);
	ASSERT_EQ(0, mkdir(path, 0755));
	snprintf(path, sizeof(path), "%s/work", top);
	ASSERT_EQ(0, mkdir(path, 0755));
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		 copies, top, top);
	if (mount("overlay", libs, "overlay", 0, options))
		SKIP(return, "no overlayfs: %s", strerror(errno));
}

FIXTURE_TEARDOWN(replaced)
{
	struct dirent *d;
	DIR *dir;

	if (self->run.board)
		ckpt_run_fini(&self->run);
	if (!*top)
		return;
	if (*copies)
		umount2(libs, MNT_DETACH);
	dir = opendir(copies);
	while (dir && (d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(copies);
	umount2(top, MNT_DETACH);
	rmdir(top);
}

/* What has started is checkpointed and restarted twice. */
static void two_generations(struct __test_metadata *_metadata, struct ckpt_run *run)
{
	int first = ckpt_image_new(), second = ckpt_image_new();

	ASSERT_EQ(0, ckpt_run_checkpoint(run, first, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(run, first, 0));
	ASSERT_EQ(0, ckpt_run_checkpoint(run, second, CHECKPOINT_KILL));
	ASSERT_EQ(0, ckpt_run_restart(run, second, 0));
	ckpt_run_go(run);
	EXPECT_EQ(0, ckpt_run_finish(run));
	close(first);
	close(second);
}

TEST_F_TIMEOUT(replaced, libraries, CKPT_TIMEOUT)
{
	struct ckpt_run *run = &self->run;

	ASSERT_EQ(0, ckpt_run_init(run, &linked, variant->container));
	ASSERT_EQ(0, ckpt_run_start(run));
	ASSERT_LT(0, each_object(replace));
	two_generations(_metadata, run);
}

/* A file that was made beside the libraries and removed. */
CKPT_SCENARIO(has_removed_one)
{
	char path[PATH_MAX + 16], buf[8] = "";
	struct stat st;
	int fd, reader;
	char *map;

	CHECK(each_object(note_directory) > 0, "no libraries");
	snprintf(path, sizeof(path), "%s/ckpt-XXXXXX", libs);
	fd = CHECK_SYS(mkstemp(path));
	reader = CHECK_SYS(open(path, O_RDONLY));
	CHECK_SYS(unlink(path));
	CHECK_EQ(7, write(fd, "removed", 7));
	CHECK_SYS(fchmod(fd, 0640));
	map = mmap(NULL, CKPT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
	ckpt_ready_wait();
	CHECK_EQ(7, pread(reader, buf, sizeof(buf), 0));
	CHECK_STREQ("removed", buf);
	CHECK(!memcmp(map, "removed", 7), "it is mapped as %.7s", map);
	map[0] = 'R';
	CHECK_EQ(1, pread(reader, buf, 1, 0));
	CHECK_EQ('R', buf[0]);
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(S_IFREG | 0640, st.st_mode);
	CHECK_EQ(7, lseek(fd, 0, SEEK_CUR));
}

TEST_F_TIMEOUT(replaced, file_beside_the_libraries, CKPT_TIMEOUT)
{
	struct ckpt_run *run = &self->run;

	ASSERT_EQ(0, ckpt_run_init(run, &has_removed_one, variant->container));
	ASSERT_EQ(0, ckpt_run_start(run));
	two_generations(_metadata, run);
}

/* ---- the program itself ------------------------------------------------ */

/* More than it has touched so far. */
static const char table[1 << 16] = { [0] = 'a', [4096] = 'b', [40000] = 'c', [65535] = 'd' };

/* It still is the program, has all of its file, and can be executed again. */
CKPT_SCENARIO(from_a_copy)
{
	char was[1100], is[PATH_MAX] = "", *argv[] = { "again", "-h", NULL };
	const volatile char *t = table;
	int status, fd;
	struct stat st;
	pid_t pid;

	ckpt_ready_wait();
	CHECK_SYS(readlink("/proc/self/exe", is, sizeof(is) - 1));
	snprintf(was, sizeof(was), "%s (deleted)", board->text);
	CHECK_STREQ(was, is);
	CHECK_SYS(stat("/proc/self/exe", &st));
	CHECK_EQ(0, st.st_nlink);
	CHECK_EQ(0755, st.st_mode & 07777);
	CHECK(t[0] == 'a' && t[4096] == 'b' && t[40000] == 'c' && t[65535] == 'd' && !t[5000],
	      "not all of the file is there");
	fd = open("/proc/self/exe", O_RDWR);
	CHECK(fd == -1 && errno == ETXTBSY, "the program can be written to: %d", fd);
	pid = CHECK_SYS(fork());
	if (!pid) {
		fd = open("/dev/null", O_WRONLY);
		dup2(fd, 1);
		dup2(fd, 2);
		execv("/proc/self/exe", argv);
		_exit(99);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 99, "it can't be executed: 0x%x", status);
}

/* Becomes the one above, from a file of its own. */
CKPT_SCENARIO(becomes_a_copy)
{
	char prog[320], path[320];

	CHECK_EQ(0, copy_file("/proc/self/exe", ckpt_path(prog, sizeof(prog), "prog")));
	snprintf(board->text, sizeof(board->text), "%s", prog);
	/* The name of the board is that of a file without its end. */
	ckpt_path(path, sizeof(path), "");
	path[strlen(path) - 1] = 0;
	execl(prog, prog, "--scenario", "from_a_copy", path, NULL);
	CHECK(false, "execl: %s", strerror(errno));
}

/* Of that program the libraries stay where they are, if it has any. */
FIXTURE(program) { struct ckpt_run run; };
FIXTURE_VARIANT(program) { bool on_disk, container; };
FIXTURE_VARIANT_ADD(program, container) { .container = true };
FIXTURE_VARIANT_ADD(program, container_on_disk) { .container = true, .on_disk = true };
FIXTURE_VARIANT_ADD(program, subtree) { .container = false };
FIXTURE_VARIANT_ADD(program, subtree_on_disk) { .on_disk = true };

FIXTURE_SETUP(program)
{
	CKPT_BEGIN();
	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	if (!variant->container && ckpt_containers_only())
		SKIP(return, "the same on all architectures: containers only here");
	if (variant->on_disk)
		ASSERT_EQ(0, setenv("CKPT_TMPDIR", "/var/tmp", 1));
}

FIXTURE_TEARDOWN(program)
{
	if (self->run.board)
		ckpt_run_fini(&self->run);
}

/* Where the program lies: replaced there, or removed. */
static void program_is_gone(struct __test_metadata *_metadata, struct ckpt_run *run, bool container,
			    bool replaced)
{
	char path[320];

	ASSERT_EQ(0, ckpt_run_init(run, &becomes_a_copy, container));
	ASSERT_EQ(0, ckpt_run_start(run));
	snprintf(path, sizeof(path), "%s.prog", run->board_path);
	ASSERT_EQ(0, replaced ? replace(path) : unlink(path));
	two_generations(_metadata, run);
}

TEST_F_TIMEOUT(program, replaced, CKPT_TIMEOUT)
{
	program_is_gone(_metadata, &self->run, variant->container, true);
}

TEST_F_TIMEOUT(program, without_a_name, CKPT_TIMEOUT)
{
	program_is_gone(_metadata, &self->run, variant->container, false);
}

TEST_HARNESS_MAIN
