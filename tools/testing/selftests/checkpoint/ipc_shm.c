// SPDX-License-Identifier: GPL-2.0
/* System V shared memory: in an ipc namespace of its own, and in the caller's. */
#include "common.h"
#include "userfault.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

CKPT_FIXTURE

#define KEY	0x434b5054
#define INDEX	0x7fff		/* Of an id. */

static int segment(key_t key, size_t size, int mode)
{
	return CHECK_SYS(shmget(key, size, IPC_CREAT | IPC_EXCL | mode));
}

static char *attach(int id, void *at, int flags)
{
	char *p = shmat(id, at, flags);

	CHECK(p != (void *)-1, "shmat of %d: %s", id, strerror(errno));
	return p;
}

static void stat_of(int id, struct shmid_ds *ds)
{
	memset(ds, 0, sizeof(*ds));
	CHECK_SYS(shmctl(id, IPC_STAT, ds));
}

/* Nothing of what shmctl(2) tells has changed. */
static void same(int id, const struct shmid_ds *before)
{
	struct shmid_ds now;

	stat_of(id, &now);
	CHECK_EQ(before->shm_perm.__key, now.shm_perm.__key);
	CHECK_EQ(before->shm_perm.uid, now.shm_perm.uid);
	CHECK_EQ(before->shm_perm.gid, now.shm_perm.gid);
	CHECK_EQ(before->shm_perm.cuid, now.shm_perm.cuid);
	CHECK_EQ(before->shm_perm.cgid, now.shm_perm.cgid);
	CHECK_EQ(before->shm_perm.mode, now.shm_perm.mode);
	CHECK_EQ(before->shm_perm.__seq, now.shm_perm.__seq);
	CHECK_EQ(before->shm_segsz, now.shm_segsz);
	CHECK_EQ(before->shm_atime, now.shm_atime);
	CHECK_EQ(before->shm_dtime, now.shm_dtime);
	CHECK_EQ(before->shm_ctime, now.shm_ctime);
	CHECK_EQ(before->shm_cpid, now.shm_cpid);
	CHECK_EQ(before->shm_lpid, now.shm_lpid);
	CHECK_EQ(before->shm_nattch, now.shm_nattch);
}

static void no_such(int id)
{
	struct shmid_ds ds;

	CHECK(shmctl(id, IPC_STAT, &ds) == -1 && (errno == EINVAL || errno == EIDRM),
	      "segment %d is there: %s", id, strerror(errno));
}

static void set_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ(strlen(value), write(fd, value, strlen(value)));
	CHECK_SYS(close(fd));
}

static void is_sysctl(const char *name, const char *value)
{
	char path[128], text[128];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	ckpt_read_file(path, text, sizeof(text));
	text[strcspn(text, "\n")] = 0;
	CHECK_STREQ(value, text);
}

/* ---- in any namespace ------------------------------------------------- */

static int changes_it(void *arg)
{
	char *p = arg;

	ckpt_step(0);
	ckpt_step_wait(1, 1);
	CHECK_EQ('r', p[0]);
	p[1] = 'c';
	ckpt_step(2);
	return 0;
}

/* Removed, and attached by two: it is the same memory for both, and goes with the last. */
CKPT_CYCLE(removed)
{
	int id = segment(IPC_PRIVATE, 3 * CKPT_PAGE + 5, 0640);
	char *p = attach(id, NULL, 0);
	struct shmid_ds before;
	pid_t kid;

	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	p[0] = 'r';
	p[3 * CKPT_PAGE + 4] = 'e';
	kid = ckpt_fork(changes_it, p);
	ckpt_step_wait(0, 1);
	stat_of(id, &before);
	CHECK_EQ(2, before.shm_nattch);
	ckpt_ready_wait();
	same(id, &before);
	CHECK_EQ('r', p[0]);
	CHECK_EQ(0, p[2 * CKPT_PAGE]);
	CHECK_EQ('e', p[3 * CKPT_PAGE + 4]);
	ckpt_step(1);
	ckpt_step_wait(2, 1);
	CHECK_EQ('c', p[1]);
	ckpt_wait_exit(kid, 0);
	CHECK_SYS(shmdt(p));
	no_such(id);
}

/* Read-only, executable, in pieces with different access, moved, twice: the file of each attach. */
CKPT_CYCLE(attaches)
{
	int id = segment(IPC_PRIVATE, 8 * CKPT_PAGE, 0700);
	char *rw = attach(id, NULL, 0), *ro = attach(id, NULL, SHM_RDONLY);
	char *exec = attach(id, NULL, SHM_EXEC), *moved = attach(id, NULL, 0);
	struct shmid_ds before;
	char *to;

	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	memset(rw, 'm', 8 * CKPT_PAGE);
	CHECK_SYS(mprotect(rw + 2 * CKPT_PAGE, CKPT_PAGE, PROT_READ));
	to = mmap(NULL, 16 * CKPT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(to != MAP_FAILED, "mmap: %s", strerror(errno));
	moved = mremap(moved, 8 * CKPT_PAGE, 8 * CKPT_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	CHECK(moved == to, "mremap: %s", strerror(errno));
	CHECK_SYS(munmap(exec + 4 * CKPT_PAGE, 2 * CKPT_PAGE));
	stat_of(id, &before);
	/* Three pieces, one, two, one. */
	CHECK_EQ(7, before.shm_nattch);
	ckpt_ready_wait();
	same(id, &before);
	CHECK(mprotect(ro, CKPT_PAGE, PROT_READ | PROT_WRITE) == -1 && errno == EACCES,
	      "it is read-only: %s", strerror(errno));
	rw[5 * CKPT_PAGE] = '5';
	CHECK_EQ('5', ro[5 * CKPT_PAGE]);
	CHECK_EQ('5', moved[5 * CKPT_PAGE]);
	CHECK_EQ('m', exec[7 * CKPT_PAGE]);
	CHECK_SYS(mprotect(exec, CKPT_PAGE, PROT_READ | PROT_EXEC));
	/* All pieces of an attach at once; the page that was just protected is one more. */
	CHECK_SYS(shmdt(rw));
	stat_of(id, &before);
	CHECK_EQ(5, before.shm_nattch);
	CHECK_SYS(shmdt(ro));
	CHECK_SYS(shmdt(exec));
	CHECK_SYS(shmdt(moved));
	no_such(id);
}

/* ---- in a namespace of its own ----------------------------------------- */

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWIPC

/* Not attached, with holes, with owners; the next id, and by key. */
CKPT_CYCLE(unattached, OWN)
{
	int first = segment(KEY, 100 * CKPT_PAGE, 0600), gone = segment(KEY + 1, 5, 0600);
	int owned = segment(KEY + 2, CKPT_PAGE, 0123), last = segment(IPC_PRIVATE, 1, 0);
	struct shmid_ds ds, before[3];
	char *p;

	p = attach(first, NULL, 0);
	p[7] = 'f';
	p[99 * CKPT_PAGE] = 'h';
	CHECK_SYS(shmdt(p));
	CHECK_SYS(shmctl(gone, IPC_RMID, NULL));
	stat_of(owned, &ds);
	ds.shm_perm.uid = 1234;
	ds.shm_perm.gid = 4321;
	CHECK_SYS(shmctl(owned, IPC_SET, &ds));
	CHECK_SYS(setresgid(77, 77, 0));
	CHECK_SYS(setresuid(66, 66, 0));
	gone = segment(KEY + 3, CKPT_PAGE, 0606);
	CHECK_SYS(setresuid(0, 0, 0));
	CHECK_SYS(setresgid(0, 0, 0));
	stat_of(first, &before[0]);
	stat_of(owned, &before[1]);
	stat_of(gone, &before[2]);
	CHECK_EQ(66, before[2].shm_perm.cuid);
	CHECK_EQ(77, before[2].shm_perm.cgid);
	CHECK_EQ(0, before[0].shm_nattch);
	ckpt_ready_wait();
	same(first, &before[0]);
	same(owned, &before[1]);
	same(gone, &before[2]);
	CHECK_EQ(first, shmget(KEY, 0, 0));
	CHECK_EQ(owned, shmget(KEY + 2, 0, 0));
	CHECK_EQ(gone, shmget(KEY + 3, 0, 0));
	CHECK(shmget(KEY + 1, 0, 0) == -1 && errno == ENOENT, "%s", strerror(errno));
	p = attach(first, NULL, 0);
	CHECK_EQ('f', p[7]);
	CHECK_EQ(0, p[50 * CKPT_PAGE]);
	CHECK_EQ('h', p[99 * CKPT_PAGE]);
	CHECK_EQ((gone & INDEX) + 1, segment(IPC_PRIVATE, 1, 0600) & INDEX);
	CHECK_EQ((gone & INDEX) - 1, last & INDEX);
}

/* One that was removed, and another with its key. */
CKPT_CYCLE(same_key, OWN)
{
	int old = segment(KEY, CKPT_PAGE, 0600), new;
	char *p = attach(old, NULL, 0), *q;

	strcpy(p, "old");
	CHECK_SYS(shmctl(old, IPC_RMID, NULL));
	new = segment(KEY, CKPT_PAGE, 0600);
	q = attach(new, NULL, 0);
	strcpy(q, "new");
	ckpt_ready_wait();
	CHECK_STREQ("old", p);
	CHECK_STREQ("new", q);
	CHECK_EQ(new, shmget(KEY, 0, 0));
	CHECK_SYS(shmdt(p));
	no_such(old);
	CHECK_EQ(new, shmget(KEY, 0, 0));
}


CKPT_CYCLE(locked, OWN)
{
	int id = segment(IPC_PRIVATE, 64 * CKPT_PAGE, 0600);
	struct shmid_ds before;
	char *p = attach(id, NULL, 0);

	CHECK_SYS(shmctl(id, SHM_LOCK, NULL));
	memset(p, 'l', 64 * CKPT_PAGE);
	stat_of(id, &before);
	CHECK(before.shm_perm.mode & SHM_LOCKED, "it is locked");
	ckpt_ready_wait();
	same(id, &before);
	CHECK_EQ('l', p[63 * CKPT_PAGE]);
	CHECK_SYS(shmctl(id, SHM_UNLOCK, NULL));
	stat_of(id, &before);
	CHECK(!(before.shm_perm.mode & SHM_LOCKED), "mode %o", before.shm_perm.mode);
}

CKPT_CYCLE(settings, OWN)
{
	int id;

	set_sysctl("kernel/shmmax", "1000000");
	id = segment(IPC_PRIVATE, 1000000, 0600);
	/* Less than what is there. */
	set_sysctl("kernel/shmmax", "5000");
	set_sysctl("kernel/shmall", "77777");
	set_sysctl("kernel/shmmni", "3");
	set_sysctl("kernel/sem", "251\t32001\t501\t129");
	set_sysctl("kernel/msgmax", "8193");
	set_sysctl("kernel/msgmnb", "16385");
	set_sysctl("kernel/msgmni", "33");
	set_sysctl("fs/mqueue/queues_max", "257");
	set_sysctl("fs/mqueue/msg_max", "11");
	ckpt_ready_wait();
	is_sysctl("kernel/shmmax", "5000");
	is_sysctl("kernel/shmall", "77777");
	is_sysctl("kernel/shmmni", "3");
	is_sysctl("kernel/shm_rmid_forced", "0");
	is_sysctl("kernel/sem", "251\t32001\t501\t129");
	is_sysctl("kernel/msgmax", "8193");
	is_sysctl("kernel/msgmnb", "16385");
	is_sysctl("kernel/msgmni", "33");
	is_sysctl("fs/mqueue/queues_max", "257");
	is_sysctl("fs/mqueue/msg_max", "11");
	CHECK(shmget(IPC_PRIVATE, 5001, 0600) == -1 && errno == EINVAL, "%s", strerror(errno));
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
}

static int makes_one(void *arg)
{
	board->value[0] = segment(KEY, CKPT_PAGE, 0600);
	ckpt_step(0);
	ckpt_step_wait(1, 1);
	return 0;
}

/* With shm_rmid_forced, segments that nobody has attached go with who has made them. */
CKPT_CYCLE(maker, OWN)
{
	struct shmid_ds before;
	pid_t kid;

	set_sysctl("kernel/shm_rmid_forced", "1");
	kid = ckpt_fork(makes_one, NULL);
	ckpt_step_wait(0, 1);
	stat_of(board->value[0], &before);
	CHECK_EQ(kid, before.shm_cpid);
	ckpt_ready_wait();
	is_sysctl("kernel/shm_rmid_forced", "1");
	same(board->value[0], &before);
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
	no_such(board->value[0]);
}

/* Who has made it has exited: its pid is still known. */
CKPT_CYCLE(maker_gone, OWN)
{
	struct shmid_ds before;
	pid_t kid;

	kid = ckpt_fork(makes_one, NULL);
	ckpt_step(1);
	ckpt_wait_exit(kid, 0);
	stat_of(board->value[0], &before);
	CHECK_EQ(kid, before.shm_cpid);
	ckpt_ready_wait();
	same(board->value[0], &before);
}

#define MANY	300

CKPT_CYCLE(many, OWN)
{
	int id[MANY], n;
	char *p;

	for (n = 0; n < MANY; n++) {
		id[n] = segment(KEY + n, CKPT_PAGE, 0600);
		p = attach(id[n], NULL, 0);
		memcpy(p, &n, sizeof(n));
		CHECK_SYS(shmdt(p));
	}
	for (n = 0; n < MANY; n += 3)
		CHECK_SYS(shmctl(id[n], IPC_RMID, NULL));
	ckpt_ready_wait();
	for (n = 0; n < MANY; n++) {
		if (n % 3 == 0) {
			no_such(id[n]);
			continue;
		}
		CHECK_EQ(id[n], shmget(KEY + n, 0, 0));
		p = attach(id[n], NULL, SHM_RDONLY);
		CHECK_EQ(n, *(int *)p);
		CHECK_SYS(shmdt(p));
	}
}

static int in_its_own(void *arg)
{
	int id;
	char *p;

	CHECK_SYS(unshare(CLONE_NEWIPC));
	id = segment(KEY, CKPT_PAGE, 0600);
	p = attach(id, NULL, 0);
	strcpy(p, arg);
	ckpt_step(0);
	ckpt_wait_go();
	CHECK_STREQ(arg, p);
	CHECK_EQ(id, shmget(KEY, 0, 0));
	return 0;
}

/* Several namespaces; a segment of one that is attached in another. */
CKPT_CYCLE(several_namespaces, .clone_flags = CLONE_NEWIPC)
{
	pid_t one = ckpt_fork(in_its_own, "one"), two = ckpt_fork(in_its_own, "two");
	int id = segment(IPC_PRIVATE, CKPT_PAGE, 0600);
	char *p = attach(id, NULL, 0);

	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
	strcpy(p, "root");
	ckpt_step_wait(0, 2);
	ckpt_ready_wait();
	CHECK_STREQ("root", p);
	ckpt_wait_exit(one, 0);
	ckpt_wait_exit(two, 0);
}

/* ---- what others have --------------------------------------------------- */

CKPT_SCENARIO(has_a_segment)
{
	int id = segment(IPC_PRIVATE, CKPT_PAGE, 0600);
	char *p = attach(id, NULL, 0);

	strcpy(p, "mine");
	board->value[0] = id;
	ckpt_ready_wait();
	CHECK_STREQ("mine", p);
	CHECK_SYS(shmctl(id, IPC_RMID, NULL));
}

/* In the caller's namespace: attached outside, too, it is refused; left there, it is in the way. */
TEST_F_TIMEOUT(cr, outside, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), id;
	struct restart_args args;
	struct ckpt_run run;
	char line[128];
	void *p;

	ASSERT_LE(0, image);
	ASSERT_EQ(0, ckpt_run_init(&run, &has_a_segment, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	id = run.board->value[0];
	p = shmat(id, NULL, 0);
	ASSERT_NE((void *)-1, p);
	EXPECT_EQ(-1, ckpt_run_call(&run, image, CHECKPOINT_KILL));
	EXPECT_EQ(EBUSY, errno);
	snprintf(line, sizeof(line), "System V shared memory %d: a task outside has it attached, too", id);
	EXPECT_TRUE(ckpt_run_log_has(&run, line));
	ASSERT_EQ(0, shmdt(p));
	ASSERT_EQ(0, ckpt_run_checkpoint(&run, image, CHECKPOINT_KILL));

	ckpt_run_restart_args(&run, &args, image, 0);
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	EXPECT_EQ(-1, sys_restart(&args, sizeof(args)));
	EXPECT_EQ(EEXIST, errno);
	snprintf(line, sizeof(line), "System V shared memory %d of", id);
	EXPECT_TRUE(ckpt_run_log_has(&run, line));
	EXPECT_TRUE(ckpt_run_log_has(&run, "its id or its key is in use: remove what has it (ipcrm)"));
	ASSERT_EQ(0, shmctl(id, IPC_RMID, NULL));
	ASSERT_EQ(0, lseek(image, 0, SEEK_SET));
	ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	close(image);
}

/* A segment of the test, in which both leave their words. */
CKPT_SCENARIO(uses_anothers)
{
	int id = atoi(getenv("CKPT_SEGMENT"));
	char *p = attach(id, NULL, 0), *again;
	struct shmid_ds ds;

	strcpy(p, "before");
	ckpt_ready_wait();
	/* What there is now, and not what there was. */
	CHECK_STREQ("outside", p);
	strcpy(p, "after");
	CHECK_SYS(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(2, ds.shm_nattch);
	again = attach(id, NULL, 0);
	CHECK_STREQ("after", again);
	CHECK_SYS(shmdt(again));
	CHECK_SYS(shmdt(p));
}

/* checkpoint(2) with KILL, and a rule for the segment @id; 0, or the errno. */
static int leave(struct ckpt_run *run, int image, uint64_t flags, int id, uint32_t action)
{
	char name[32];
	struct checkpoint_rule rule = { .pattern = (uintptr_t)name, .action = action };
	struct checkpoint_args args;

	snprintf(name, sizeof(name), "sysvshm:%d", id);
	ckpt_run_args(run, &args, image, flags);
	args.rules = (uintptr_t)&rule;
	args.rules_count = 1;
	if (lseek(image, 0, SEEK_SET) || ftruncate(image, 0))
		return -1;
	return sys_checkpoint(&args, sizeof(args)) > 0 ? 0 : errno;
}

static int fails_to_restart(struct ckpt_run *run, int image)
{
	struct restart_args args;

	ckpt_take_board_back(run);
	ckpt_run_restart_args(run, &args, image, 0);
	if (lseek(image, 0, SEEK_SET))
		return -1;
	return sys_restart(&args, sizeof(args)) < 0 ? errno : 0;
}

/* One that others have attached, too, stays outside by the caller's advice, twice. */
TEST_F_TIMEOUT(cr, left_outside, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), id, other, i;
	struct ckpt_run run;
	char text[64], *p;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_LE(0, image);
	id = shmget(KEY, 3 * CKPT_PAGE, IPC_CREAT | IPC_EXCL | 0600);
	ASSERT_LE(0, id);
	p = shmat(id, NULL, 0);
	ASSERT_NE((void *)-1, p);
	snprintf(text, sizeof(text), "%d", id);
	ASSERT_EQ(0, setenv("CKPT_SEGMENT", text, 1));
	ASSERT_EQ(0, ckpt_run_init(&run, &uses_anothers, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	ASSERT_STREQ("before", p);
	EXPECT_EQ(EBUSY, leave(&run, image, 0, id, CHECKPOINT_RULE_KEEP));
	EXPECT_EQ(EBUSY, leave(&run, image, 0, id + 1, CHECKPOINT_RULE_EXTERNAL));
	EXPECT_EQ(0, leave(&run, image, CHECKPOINT_DRY_RUN, id, CHECKPOINT_RULE_EXTERNAL));
	snprintf(text, sizeof(text), "sysvshm:%d: a segment of System V shared memory", id);
	EXPECT_TRUE(ckpt_run_log_has(&run, text));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ckpt_run_killed(&run, leave(&run, image, CHECKPOINT_KILL, id,
							 CHECKPOINT_RULE_EXTERNAL)));
		snprintf(text, sizeof(text), "System V shared memory %d: stays outside", id);
		EXPECT_TRUE(ckpt_run_log_has(&run, text));
		strcpy(p, "outside");
		ASSERT_EQ(0, ckpt_run_restart(&run, image, 0));
		EXPECT_STREQ("outside", p);
	}
	ASSERT_EQ(0, ckpt_run_go(&run));
	ASSERT_EQ(0, ckpt_run_finish(&run));
	EXPECT_STREQ("after", p);

	/* It is gone, and another one has its key. */
	ASSERT_EQ(0, shmdt(p));
	ASSERT_EQ(0, shmctl(id, IPC_RMID, NULL));
	EXPECT_EQ(ENOENT, fails_to_restart(&run, image));
	snprintf(text, sizeof(text), "System V shared memory %d, which was left outside: is missing", id);
	EXPECT_TRUE(ckpt_run_log_has(&run, text));
	other = shmget(KEY, 3 * CKPT_PAGE, IPC_CREAT | IPC_EXCL | 0600);
	ASSERT_LE(0, other);
	EXPECT_NE(0, fails_to_restart(&run, image));
	ASSERT_EQ(0, shmctl(other, IPC_RMID, NULL));
	ckpt_run_fini(&run);
	close(image);
}

#define NOT_WATCHED	1	/* Of the board: the kernel does not watch such memory. */

CKPT_SCENARIO(watches_anothers)
{
	char *p = attach(atoi(getenv("CKPT_SEGMENT")), NULL, 0);
	int fd = new_uffd(0, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);

	if (fd < 0)
		board->value[NOT_WATCHED] = 1;
	else
		watch(fd, p, 3 * CKPT_PAGE, UFFDIO_REGISTER_MODE_WP);
	ckpt_ready_wait();
	p[0]++;
}

/* Of memory that is not in the image it could not be told again which pages are protected. */
TEST_F_TIMEOUT(cr, left_outside_and_watched, CKPT_TIMEOUT)
{
	int image = ckpt_image_new(), id;
	struct ckpt_run run;
	char text[64];
	bool none;

	if (getenv("CKPT_BASELINE"))
		SKIP(return, "needs checkpoint(2)");
	ASSERT_LE(0, image);
	id = shmget(IPC_PRIVATE, 3 * CKPT_PAGE, 0600);
	ASSERT_LE(0, id);
	snprintf(text, sizeof(text), "%d", id);
	ASSERT_EQ(0, setenv("CKPT_SEGMENT", text, 1));
	ASSERT_EQ(0, ckpt_run_init(&run, &watches_anothers, variant->container));
	ASSERT_EQ(0, ckpt_run_start(&run));
	none = run.board->value[NOT_WATCHED];
	if (!none) {
		EXPECT_EQ(EOPNOTSUPP, leave(&run, image, CHECKPOINT_DRY_RUN, id,
					    CHECKPOINT_RULE_EXTERNAL));
		EXPECT_TRUE(ckpt_run_log_has(&run, "System V shared memory that stays outside, and a "
					     "userfaultfd watches it: have it unregister that"));
	}
	ASSERT_EQ(0, ckpt_run_go(&run));
	EXPECT_EQ(0, ckpt_run_finish(&run));
	ckpt_run_fini(&run);
	ASSERT_EQ(0, shmctl(id, IPC_RMID, NULL));
	close(image);
	if (none)
		SKIP(return, "the kernel does not watch such memory");
}

TEST_HARNESS_MAIN
