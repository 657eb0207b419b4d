// SPDX-License-Identifier: GPL-2.0
/* Tasks in the wrong place: other namespaces, cgroups, and company from outside. */
#include "pid_namespaces.h"
#include "refuse.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <linux/sched.h>

REFUSE_FIXTURE

static int waits(void *arg)
{
	ckpt_step(0);
	ckpt_wait_go();
	return 0;
}

/* ---- namespaces ------------------------------------------------------ */

static void own_namespace(int flag, const char *name)
{
	CHECK_HERE(unshare(flag));
	expect_refusal(getpid(), UNSUPPORTED, "is in another %s namespace than the caller: call checkpoint(2) in that namespace", name);
	expect_more();
	ckpt_ready_wait();
	CHECK_SYS(getpid());
}

REFUSE(mount_namespace)
{
	own_namespace(CLONE_NEWNS, "mount");
}

REFUSE(mount_namespace_of_container, .flags = SC_CONTAINER)
{
	own_namespace(CLONE_NEWNS, "mount");
}

REFUSE(cgroup_namespace)
{
	own_namespace(CLONE_NEWCGROUP, "cgroup");
}

REFUSE(user_namespace)
{
	own_namespace(CLONE_NEWUSER, "user");
}

REFUSE(pid_namespace_for_children)
{
	CHECK_SYS(unshare(CLONE_NEWPID));
	expect_refusal(getpid(), UNSUPPORTED,
		       "its children would be in another pid namespace (CLONE_NEWPID): start it with unshare --fork");
	ckpt_ready_wait();
	CHECK_SYS(getpid());
}

REFUSE(time_namespace_for_children)
{
	CHECK_HERE(unshare(CLONE_NEWTIME));
	expect_refusal(getpid(), UNSUPPORTED,
		       "its children would be in another time namespace (CLONE_NEWTIME): start it with unshare --fork");
	ckpt_ready_wait();
	CHECK_SYS(getpid());
}

/* Parent and child in different ones. */
REFUSE(two_time_namespaces)
{
	int own = CHECK_HERE(open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC));
	pid_t kid;

	CHECK_SYS(unshare(CLONE_NEWTIME));
	kid = ckpt_fork(waits, NULL);
	/* The children to come are in ours again. */
	CHECK_SYS(setns(own, CLONE_NEWTIME));
	CHECK_SYS(close(own));
	ckpt_step_wait(0, 1);
	expect_refusal(kid, UNSUPPORTED, "is in another time namespace than the root task: checkpoint it by itself");
	expect_more();
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- cgroups --------------------------------------------------------- */

static pid_t guest;
static int guest_status;

/* A process of the test, in the cgroup of the run, that waits for its pipe to end. */
static int guest_pipe[2];

static int start_guest(struct ckpt_run *run, bool into_cgroup)
{
	struct clone_args args = {
		.flags = into_cgroup ? CLONE_INTO_CGROUP : 0, .exit_signal = SIGCHLD,
		.cgroup = run->cg.fd,
	};
	char c;

	if (pipe2(guest_pipe, O_CLOEXEC))
		return -1;
	guest = syscall(__NR_clone3, &args, sizeof(args));
	if (!guest) {
		close(guest_pipe[1]);
		_exit(read(guest_pipe[0], &c, 1));
	}
	close(guest_pipe[0]);
	return guest < 0 ? -1 : 0;
}

/* It has been left alone, too. */
static int end_guest(void *arg)
{
	close(guest_pipe[1]);
	if (waitpid(guest, &guest_status, 0) != guest || guest_status) {
		ckpt_diag("the task from outside: status 0x%x", guest_status);
		return -1;
	}
	return 0;
}

/* The line names a task that the scenario does not know. */
static void expect_from_test(struct ckpt_run *run, pid_t pid, const char *what)
{
	char comm[32];

	ckpt_read_file("/proc/self/comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = 0;
	snprintf(run->board->text, sizeof(run->board->text), "refused: pid %d (%s): %s [EBUSY]\n",
		 pid, comm, what);
	run->board->value[REFUSE_LINES] = 1;
}

static int foreign_task(void *arg)
{
	struct ckpt_run *run = arg;

	if (start_guest(run, true))
		return -1;
	/* In a container's pid namespace it has no number. */
	expect_from_test(run, run->container ? 0 : guest,
			 "is in the cgroup but not in the tree of the root task");
	return 0;
}

REFUSE(foreign_task_in_cgroup, .before = foreign_task, .after = end_guest)
{
	ckpt_ready_wait();
}

REFUSE(foreign_task_in_cgroup_of_container, .before = foreign_task, .after = end_guest,
       .flags = SC_CONTAINER)
{
	ckpt_ready_wait();
}

/* A process that came into the pid namespace from outside. */
static int visitor(void *arg)
{
	struct ckpt_run *run = arg;
	char path[64];
	int own, ns, ret;

	own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", run->pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || ns < 0 || setns(ns, CLONE_NEWPID))
		return -1;
	ret = start_guest(run, false);
	if (setns(own, CLONE_NEWPID))
		return -1;
	close(own);
	close(ns);
	if (ret)
		return ret;
	expect_from_test(run, run->board->value[0] + 1,
			 "is in the pid namespace but not in the tree of its init");
	return 0;
}

REFUSE(visitor_in_pid_namespace, .before = visitor, .after = end_guest, .flags = SC_CONTAINER)
{
	board->value[0] = getpid();
	ckpt_ready_wait();
}

/* A child of the scenario in another cgroup. */
static struct ckpt_cgroup other;

static int move_away(void *arg)
{
	struct ckpt_run *run = arg;

	if (ckpt_cgroup_new(&other) || ckpt_cgroup_move(&other, run->board->value[0]))
		return -1;
	return 0;
}

static int move_back(void *arg)
{
	struct ckpt_run *run = arg;

	if (ckpt_cgroup_frozen(&other) || ckpt_cgroup_move(&run->cg, run->board->value[0]))
		return -1;
	ckpt_cgroup_del(&other);
	return 0;
}

REFUSE(child_in_other_cgroup, .before = move_away, .after = move_back)
{
	pid_t kid = ckpt_fork(waits, NULL);

	ckpt_step_wait(0, 1);
	board->value[0] = kid;
	expect_refusal(kid, "EBUSY", "is not in the cgroup that is frozen");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* A child in a pid namespace whose init is a sibling of the root, in another cgroup. */
REFUSE(init_outside_of_tree, .before = move_away, .after = move_back)
{
	struct clone_args args = { .flags = CLONE_PARENT | CLONE_NEWPID };
	pid_t inner = CHECK_SYS(syscall(__NR_clone3, &args, sizeof(args)));
	pid_t kid;

	if (!inner) {
		ckpt_step_wait(1, 1);
		_exit(0);
	}
	set_pid_namespace(inner);
	kid = ckpt_fork(waits, NULL);
	set_pid_namespace(getpid());
	ckpt_step_wait(0, 1);
	board->value[0] = inner;
	expect_refusal(kid, "EBUSY", "is in a pid namespace whose init is outside of the tree: checkpoint it with that, or end it");
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
	ckpt_step(1);
}

/* A cgroup in the cgroup, with a task of the tree in it. */
static char below[300];

static int move_below(void *arg)
{
	struct ckpt_run *run = arg;
	char text[16], path[320];
	int fd, ret;

	snprintf(below, sizeof(below), "%s/below", run->cg.path);
	snprintf(path, sizeof(path), "%s/cgroup.procs", below);
	snprintf(text, sizeof(text), "%d", (int)run->board->value[0]);
	if (mkdir(below, 0755))
		return -1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ret = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	snprintf(run->board->text, sizeof(run->board->text),
		 "refused: the cgroup has child cgroups with tasks in them [EOPNOTSUPP]\n");
	run->board->value[REFUSE_LINES] = 1;
	run->board->value[REFUSE_MORE] = 1;
	return ret;
}

static int move_up(void *arg)
{
	struct ckpt_run *run = arg;

	if (ckpt_cgroup_move(&run->cg, run->board->value[0]))
		return -1;
	while (rmdir(below)) {
		if (errno != EBUSY)
			return -1;
		poll(NULL, 0, 1);
	}
	return 0;
}

REFUSE(child_cgroups, .before = move_below, .after = move_up)
{
	pid_t kid = ckpt_fork(waits, NULL);

	ckpt_step_wait(0, 1);
	board->value[0] = kid;
	ckpt_ready_wait();
	ckpt_wait_exit(kid, 0);
}

/* ---- what is shared with tasks outside --------------------------------- */

REFUSE(context_shared_outside, .flags = SC_CONTAINER, .clone_flags = CLONE_FS)
{
	expect_refusal(getpid(), "EBUSY",
		       "root and working directory: a task outside shares them (CLONE_FS): "
		       "checkpoint that as well, or end it");
	ckpt_ready_wait();
}

TEST_HARNESS_MAIN
