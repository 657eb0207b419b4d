// SPDX-License-Identifier: GPL-2.0
/* What can be lost, where it is in the image, and which test notices. */
#include "format.h"
#include "lose.h"

#define SIZE(type, field)	sizeof(((struct image_##type *)NULL)->field)
/* A field of a structure: of a body, or of the elements of a payload. */
#define FIELD(name, kind, how, type, field, value, program, test)		\
	{ name, IMAGE_KIND_##kind, LOSE_##how, offsetof(struct image_##type, field), \
	  SIZE(type, field), value, program, test }
/* Fields that follow each other. */
#define FIELDS(name, kind, how, type, first, last, value, program, test)	\
	{ name, IMAGE_KIND_##kind, LOSE_##how, offsetof(struct image_##type, first), \
	  offsetof(struct image_##type, last) + SIZE(type, last) -		\
	  offsetof(struct image_##type, first), value, program, test }
/* Some bytes of a field. */
#define PART(name, kind, how, type, field, at, len, value, program, test)	\
	{ name, IMAGE_KIND_##kind, LOSE_##how,					\
	  offsetof(struct image_##type, field) + (at), len, value, program, test }

/* A field of open files of one kind. */
#define FILE_FIELD(name, file_kind, how, field, value, program, test)		\
	{ name, IMAGE_KIND_FILE | IMAGE_FILE_##file_kind << 16, LOSE_##how,	\
	  offsetof(struct image_file, field), SIZE(file, field), value, program, test }

/* clang-format off */
const struct loss losses[] = {
	FIELD("comm", TASK, BYTES, task, comm, 0, "attributes", "comm"),
	FIELD("personality", TASK, BYTES, task, personality, 0, "attributes", "persona"),
	FIELD("exit_signal", TASK, SET, task, exit_signal, 0x11, "attributes", "exit_signal"),
	FIELD("parent has executed", TASK, BITS, task, flags, IMAGE_TASK_PARENT_EXECED,
	      "attributes", "exit_signal_after_exec"),
	FIELD("pdeath_signal", TASK, BYTES, task, pdeath_signal, 0, "attributes", "pdeath_signal"),
	FIELD("no_new_privs", TASK, BITS, task, flags, IMAGE_TASK_NO_NEW_PRIVS,
	      "attributes", "no_new_privs"),
	FIELD("nice", TASK, BYTES, task, nice, 0, "attributes", "nice_values"),
	FIELDS("policy", TASK, BYTES, task, policy, rt_priority, 0, "attributes", "policy"),
	{ "affinity", IMAGE_KIND_AFFINITY, LOSE_RECORD, 0, 0, 0, "attributes", "affinity" },
	FIELD("timer_slack", TASK, SET, task, timer_slack, 0xc350, "attributes", "timer_slack"),
	FIELD("clear_child_tid", TASK, BYTES, task, clear_child_tid, 0,
	      "attributes", "clear_child_tid"),
	FIELD("robust_list", TASK, BYTES, task, robust_list, 0, "attributes", "robust_list"),
	PART("limits", PROCESS, SET, process, rlimits, 112, 8, 60, "attributes", "limits"),
	FIELD("dumpable", PROCESS, SET, process, dumpable, 0x1, "attributes", "dumpable"),
	FIELD("oom_score_adj", PROCESS, BYTES, process, oom_score_adj, 0,
	      "attributes", "oom_score_adj"),
	FIELD("subreaper", PROCESS, BITS, process, flags, IMAGE_PROCESS_SUBREAPER,
	      "tree", "sub_reaper"),
	FIELD("last_pid", PID_NS, SET, pid_ns, last_pid, 0x12c, "namespaces", "next_pid_is_new"),
	FIELD("hostname", UTS, BYTES, uts, nodename, 0, "namespaces", "hostname"),
	FIELD("monotonic clock", CONTAINER, SET, container, monotonic_ns, 0x3b9aca00,
	      "clocks", "continue_in_root"),
	FIELD("boottime clock", CONTAINER, SET, container, boottime_ns, 0x3b9aca00,
	      "clocks", "continue_in_root"),
	FIELDS("restart block", TASK, BYTES, task, restart_kind, restart, 0,
	       "syscalls", "remaining_time"),
	FIELD("blocked signals", TASK, BYTES, task, blocked, 0, "signals", "masks"),
	FIELD("saved mask", TASK, BITS, task, flags, IMAGE_TASK_RESTORE_SIGMASK,
	      "syscalls", "sigsuspend_forever"),
	{ "pending signals", IMAGE_KIND_PENDING, LOSE_RECORD, 0, 0, 0, "signals", "queues" },
	FIELD("signal handlers", SIGHAND, EACH, action, handler, sizeof(struct image_action),
	      "signals", "actions"),
	FIELD("signal flags", SIGHAND, EACH, action, flags, sizeof(struct image_action),
	      "signals", "actions"),
	FIELD("signal masks", SIGHAND, EACH, action, mask, sizeof(struct image_action),
	      "signals", "actions"),
	FIELDS("alternate stack", TASK, BYTES, task, altstack, altstack_flags, 0,
	       "signals", "alternate_stacks"),
	FIELD("group stop", PROCESS, BITS, process, flags,
	      IMAGE_PROCESS_STOPPED | IMAGE_PROCESS_STOP_UNREPORTED,
	      "stopped", "reported"),
	FIELD("stop not reported yet", PROCESS, BITS, process, flags, IMAGE_PROCESS_STOP_UNREPORTED,
	      "stopped", "unreported_sigstop"),
	FIELD("exit code of zombies", TASK, BYTES, task, exit_code, 0, "zombies", "statuses"),
	FIELDS("times of children", PROCESS, BYTES, process, cutime, cstime, 0,
	       "clocks", "cpu_times"),
	FIELDS("times of tasks", TASK, BYTES, task, utime, stime, 0, "clocks", "cpu_times"),
	{ "supplementary groups", IMAGE_KIND_CRED, LOSE_EACH, 0, 4, 0x4,
	       "credentials", "ids_and_groups" },
	FIELD("securebits", CRED, BYTES, cred, securebits, 0, "credentials", "securebits"),
	FIELD("user ids", CRED, BYTES, cred, uid, 0, "credentials", "ids_and_groups"),
	FIELD("group ids", CRED, BYTES, cred, gid, 0, "credentials", "ids_and_groups"),
	/* Not CAP_CHOWN, which is ambient too. */
	FIELD("inheritable capabilities", CRED, BITS, cred, inheritable, 1 << 6,
	      "credentials", "capabilities"),
	FIELD("effective capabilities", CRED, BYTES, cred, effective, 0,
	      "credentials", "capabilities"),
	FIELD("bounding set", CRED, SET, cred, bounding, 0x1ffffffffff,
	      "credentials", "capabilities"),
	FIELD("ambient capabilities", CRED, BYTES, cred, ambient, 0, "credentials", "capabilities"),
	{ "pages of anonymous memory", IMAGE_KIND_EXTENT, LOSE_PAGES, 0, 0, 0,
	       "memory", "patterns" },
	PART("start of arguments", MM, BITS, mm, args, 0, 8, 0xfff, "memory", "layout_fields"),
	PART("start of environment", MM, BITS, mm, env, 0, 8, 0xfff, "memory", "layout_fields"),
	{ "auxiliary vector", IMAGE_KIND_MM, LOSE_EACH, 0, 8, 0x8, "memory", "layout_fields" },
	FIELD("coredump filter", MM, BYTES, mm, dump_filter, 0, "memory", "coredump_filter"),
	FIELD("flags of the address space", MM, BITS, mm, flags, 0x101, "memory", "process_flags"),
	FIELD("memory locking to come", MM, BITS, mm, flags,
	      IMAGE_MM_LOCK_FUTURE | IMAGE_MM_LOCK_ONFAULT,
	      "memory", "future_mappings_locked"),
	FIELD("advice on mappings", VMA, BITS, vma, flags, 0x1fc0, "memory", "advice"),
	FIELD("locked mappings", VMA, BITS, vma, flags, IMAGE_VMA_LOCKED | IMAGE_VMA_LOCKONFAULT,
	      "memory", "locked"),
	FIELD("sealed mappings", VMA, BITS, vma, flags, IMAGE_VMA_SEALED, "memory", "sealed"),
	FIELD("growing down", VMA, BITS, vma, flags, IMAGE_VMA_GROWSDOWN, "memory", "growing_down"),
	PART("allocated protection keys", MM, BYTES, mm, context, 0, 8, 0, "pkeys", "next_key"),
	PART("execute-only key", MM, BYTES, mm, context, 8, 8, 0, "pkeys", "execute_only"),
	FIELD("protection keys of mappings", VMA, BYTES, vma, pkey, 0, "pkeys", "keys_of_mappings"),
	FIELD("robust list of 32-bit calls", TASK, BYTES, task, compat_robust_list, 0,
	      "ia32", "robust_list"),
	PART("times of 32-bit sleeps", TASK, BYTES, task, restart, 24, 8, 0,
	     "ia32", "sleep_of_older_call"),
	PART("frames of 32-bit handlers", SIGHAND, EACH, action, flags, 3, 1,
	     sizeof(struct image_action), "ia32", "sleep_with_remainder"),
	PART("where 32-bit calls map", MM, SET, mm, context, 24, 8, 0xf0000000, "ia32", "places"),
	FIELD("close-on-exec", FILES, EACH, fd, cloexec, sizeof(struct image_fd),
	      "files_table", "close_on_exec"),
	FIELD("offsets", FILE, BYTES, file, pos, 0, "files_regular", "positions"),
	FIELD("append mode", FILE, BITS, file, flags, IMAGE_OPEN_APPEND,
	      "files_regular", "status_flags"),
	FIELD("non-blocking mode", FILE, BITS, file, flags, IMAGE_OPEN_NONBLOCK,
	      "files_pipes", "flags_of_ends"),
	{ "contents of unlinked files", IMAGE_KIND_EXTENT, LOSE_PAGES, 0, 0, 0,
	       "files_unlinked", "removed_on_disk" },
	FIELD("mode of unlinked files", INODE, SET, inode, mode, 0x8180,
	      "files_unlinked", "mode_and_owner"),
	FIELD("owner of unlinked files", INODE, BYTES, inode, owner, 0,
	      "files_unlinked", "mode_and_owner"),
	{ "contents of pipes", IMAGE_KIND_PIPE_BUFFER, LOSE_EACH, 0, 1, 1,
	       "files_pipes", "in_flight" },
	FIELD("packets of pipes", PIPE_BUFFER, BYTES, pipe_buffer, packet, 0,
	      "files_pipes", "packets"),
	FIELD("umask", FS, BYTES, fs, umask, 0, "files_context", "umask_kept"),
	{ "shared memory", IMAGE_KIND_EXTENT, LOSE_PAGES, 0, 0, 0, "shared_memory", "anonymous" },
	FIELD("time slice", TASK, BYTES, task, slice, 0, "attributes", "time_slices"),
	FIELD("domain name", UTS, BYTES, uts, domainname, 0, "namespaces", "hostname"),
	FIELD("largest pid", PID_NS, SET, pid_ns, pid_max, 32768,
	      "namespaces", "settings_of_pid_namespace"),
	FIELD("executable", MM, BYTES, mm, exe, 0, "memory", "layout_fields"),
	FIELD("membarrier registrations", MM, BITS, mm, flags, 0xf00, "memory", "process_flags"),
	FIELD("size of pipes", PIPE, SET, pipe, size, 65536, "files_pipes", "larger_and_empty"),
	FIELD("owner of pipes", PIPE, BYTES, pipe, owner, 0, "files_pipes", "owner_and_mode"),
	FIELDS("times of unlinked files", INODE, BYTES, inode, atime, mtime_nsec, 0,
	       "files_unlinked", "mode_and_times_on_disk"),
	FIELD("files that may be named", INODE, BITS, inode, flags, IMAGE_INODE_LINKABLE,
	      "files_unlinked", "may_be_named"),
	FILE_FIELD("counters of eventfds", EVENTFD, BYTES, size, 0, "files_eventfd", "counter"),
	FILE_FIELD("eventfds as semaphores", EVENTFD, BITS, flags, IMAGE_OPEN_SEMAPHORE,
		   "files_eventfd", "semaphore"),
	/* In the notes of a task, which here have one order and size. */
	{ "gs base", IMAGE_KIND_REGS, LOSE_EACH, 192, 8, 1 << 20, "registers", "segment_bases" },
	{ "vector registers", IMAGE_KIND_REGS, LOSE_EACH, 408, 256, 1 << 20,
	       "registers", "in_loop" },
	{ "upper halves of vector registers", IMAGE_KIND_REGS, LOSE_EACH, 824, 256, 1 << 20,
	       "registers", "in_loop" },
	{ }
};
