/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Application checkpoint/restart: the arguments of checkpoint(2) and restart(2).
 *
 * See Documentation/checkpoint/abi.rst.
 */
#ifndef _UAPI_LINUX_CHECKPOINT_H
#define _UAPI_LINUX_CHECKPOINT_H

#include <linux/types.h>

/*
 * checkpoint_args.flags
 *
 * Without CHECKPOINT_SUBTREE the root task must be the init process of a pid
 * namespace, and what the tasks share is checked to be shared by nobody else.
 */
#define CHECKPOINT_SUBTREE	(1ULL << 0) /* Root need not be a pid namespace's init. */
#define CHECKPOINT_KILL		(1ULL << 1) /* After success: kill the tasks. */
#define CHECKPOINT_FROZEN	(1ULL << 2) /* After success: leave the cgroup frozen. */
#define CHECKPOINT_DRY_RUN	(1ULL << 3) /* Report what would be refused, write nothing. */
#define CHECKPOINT_STRICT	(1ULL << 4) /* Refuse files that are shared with others, too. */
#define CHECKPOINT_KILL_ONLY	(1ULL << 5) /* Kill what was left frozen, write nothing. */
#define CHECKPOINT_DROP_KEYS	(1ULL << 6) /* Leave out keyrings of threads and processes. */
#define CHECKPOINT_NET_OUTSIDE	(1ULL << 7) /* What is in their network namespace isn't saved. */

/**
 * struct checkpoint_fd - a descriptor of a task that is to be saved
 * @pid: The process, as the caller sees it; 0 for that of the root task.
 * @fd: The descriptor.
 */
struct checkpoint_fd {
	__s32 pid;
	__s32 fd;
};

/*
 * checkpoint_rule.action
 */
#define CHECKPOINT_RULE_KEEP		1 /* Saved as it is without a rule. */
#define CHECKPOINT_RULE_REFUSE		2 /* The checkpoint is refused. */
#define CHECKPOINT_RULE_CLOSE		3 /* The descriptor is left out of the image. */
#define CHECKPOINT_RULE_EXTERNAL	4 /* The open file stays outside. */
#define CHECKPOINT_RULE_REOPEN		5 /* What then lies at its path is opened. */
#define CHECKPOINT_RULE_DISCONNECT	6 /* Its connection to the outside is cut. */
#define CHECKPOINT_RULE_CONTENTS	7 /* The contents of the file are saved, too. */
#define CHECKPOINT_RULE_RECONNECT	8 /* It connects again to the address outside. */
#define CHECKPOINT_RULE_MOVE		9 /* A network device is left to who restarts it. */

/**
 * struct checkpoint_rule - what becomes of descriptors
 * @pattern: Address of a pattern of names, a string; 0: the rule is for one descriptor.
 * @pid: Without @pattern: the process, as the caller sees it; 0 for that of the root task.
 *       Else 0.
 * @fd: Without @pattern: the descriptor. Else 0.
 * @action: CHECKPOINT_RULE_*.
 * @reserved: Must be zero.
 */
struct checkpoint_rule {
	__aligned_u64 pattern;
	__s32 pid;
	__s32 fd;
	__u32 action;
	__u32 reserved;
};

/**
 * struct checkpoint_range - memory whose contents are left out
 * @pid: The process, as the caller sees it; 0 for that of the root task.
 * @reserved: Must be zero.
 * @start: First address, at the start of a page.
 * @end: Address after the last, at the start of a page.
 */
struct checkpoint_range {
	__s32 pid;
	__u32 reserved;
	__aligned_u64 start;
	__aligned_u64 end;
};

/**
 * struct checkpoint_args - the extensible argument of checkpoint(2)
 * @flags: CHECKPOINT_* flags.
 * @pidfd: The root task, or -1 for the calling process.
 * @cgroup_fd: Directory of the cgroup (v2) to freeze, or -1 for the root task's own.
 * @image_fd: Where the image goes; -1 is allowed with CHECKPOINT_DRY_RUN, and needed with
 *            CHECKPOINT_KILL_ONLY.
 * @log_fd: Where messages go, one line each, or -1.
 * @timeout_ms: Milliseconds within which all tasks must have frozen, 0 for 10 seconds.
 * @reserved: Must be zero.
 * @id: With CHECKPOINT_KILL_ONLY: the checkpoint that has left the tasks frozen. Else zero.
 * @external: Array of struct checkpoint_fd: open files that stay outside. Only that they are
 *            open is saved; restart(2) wants others in their place.
 * @external_count: How many there are in @external.
 * @reserved2: Must be zero.
 * @rules: Array of struct checkpoint_rule: what becomes of descriptors. The first one that is
 *         for a descriptor, or whose pattern its name matches, counts.
 * @ranges: Array of struct checkpoint_range: memory that comes back as zeros.
 * @rules_count: How many there are in @rules.
 * @ranges_count: How many there are in @ranges.
 * @cpu: Array of __u64: the features of the CPU on which the image must restart, in the words of
 *       the image format. Tasks that can have seen more are refused.
 * @cpu_words: How many there are in @cpu; 0: nothing is compared.
 * @cpu_arch: Its architecture, by its number in the image format; 0 without @cpu_words.
 */
struct checkpoint_args {
	__aligned_u64 flags;
	__s32 pidfd;
	__s32 cgroup_fd;
	__s32 image_fd;
	__s32 log_fd;
	__u32 timeout_ms;
	__u32 reserved;
	__aligned_u64 id;
	__aligned_u64 external;
	__u32 external_count;
	__u32 reserved2;
	__aligned_u64 rules;
	__aligned_u64 ranges;
	__u32 rules_count;
	__u32 ranges_count;
	__aligned_u64 cpu;
	__u32 cpu_words;
	__u32 cpu_arch;
};

#define CHECKPOINT_ARGS_SIZE_VER0	40 /* sizeof the first published struct */
#define CHECKPOINT_ARGS_SIZE_VER1	56 /* external, external_count */
#define CHECKPOINT_ARGS_SIZE_VER2	80 /* rules, ranges */
#define CHECKPOINT_ARGS_SIZE_VER3	96 /* cpu */

/*
 * restart_args.flags
 */
#define RESTART_FROZEN		(1ULL << 0) /* Leave the restarted tasks' cgroup frozen. */
#define RESTART_SIBLING		(1ULL << 1) /* The root becomes a sibling of the caller. */
#define RESTART_STRICT		(1ULL << 2) /* Files must be the same in all that is known. */
#define RESTART_CALLER_CONFINEMENT (1ULL << 3) /* Labels, user namespace: as the caller's. */
#define RESTART_CALLER_UTS	(1ULL << 4) /* The root's uts namespace is the caller's. */
#define RESTART_CALLER_IPC	(1ULL << 5) /* The root's ipc namespace is the caller's. */
#define RESTART_CALLER_NET	(1ULL << 6) /* The network namespace is the caller's. */
/*
 * TCP connections whose other end is not in the image: without any they come back as
 * after a reset; _KEEP: they go on, if the tasks were killed when they were saved; _CLOSE:
 * as if the other end had closed them; both: they go on in any case, also next to what the
 * original has sent since, which spoils what the other end receives.
 */
#define RESTART_TCP_KEEP	(1ULL << 7)
#define RESTART_TCP_CLOSE	(1ULL << 8)
#define RESTART_KEEP_LSM	(1ULL << 9) /* Security labels are given again. */
#define RESTART_WIPE_ON_FORK	(1ULL << 10) /* Memory that fork() wipes is zero. */

/* restart_fd.flags */
#define RESTART_FD_OPTIONAL	(1U << 0) /* No such descriptor in the image: nothing is done. */

/**
 * struct restart_fd - a file of the caller's in place of one of the image
 * @pid: The process of the image, by its number there; 0 for that of the root task.
 * @fd: Its descriptor. Whoever has the same open file gets the other one, too.
 * @own_fd: The caller's descriptor.
 * @flags: RESTART_FD_* flags.
 */
struct restart_fd {
	__s32 pid;
	__s32 fd;
	__s32 own_fd;
	__u32 flags;
};

/*
 * restart_rule.action
 */
#define RESTART_RULE_REFUSE	1 /* The restart is refused. */
#define RESTART_RULE_ACCEPT	2 /* The file is taken as it is. */
#define RESTART_RULE_TRUNCATE	3 /* What was added to the file is cut off. */
#define RESTART_RULE_GIVE	4 /* What was open is a file of the caller's now. */
#define RESTART_RULE_DISCONNECT	5 /* What can't be connected to it again is cut off. */
#define RESTART_RULE_RENAME	6 /* The other end of a device, outside, has another name. */
#define RESTART_RULE_MOVE	7 /* A device of the caller's is moved to where one was. */

/**
 * struct restart_rule - what becomes of files that differ from those that were saved
 * @pattern: Address of a pattern of paths, as they stand in the image: a string. With
 *           RESTART_RULE_GIVE also of names that have no path; with
 *           RESTART_RULE_DISCONNECT of addresses of Unix sockets: paths, or abstract
 *           names with an @ for their NUL; with RESTART_RULE_RENAME of names of
 *           devices (netdev:NAME), and then a colon and the new name; with
 *           RESTART_RULE_MOVE likewise, and the name of a device of the caller's.
 * @action: RESTART_RULE_*.
 * @own_fd: With RESTART_RULE_GIVE: the caller's descriptor. With RESTART_RULE_MOVE: one of
 *          the network namespace where the device is, or -1: it is in the caller's. Else
 *          zero.
 */
struct restart_rule {
	__aligned_u64 pattern;
	__u32 action;
	__s32 own_fd;
};

/**
 * struct restart_map - a directory or file that has another path now
 * @from: Address of the path in the image: a string that begins with a slash.
 * @to: Address of the path where it is, from the caller's root directory: likewise.
 */
struct restart_map {
	__aligned_u64 from;
	__aligned_u64 to;
};

/* restart_address.flags */
#define RESTART_ADDRESS_PEERS	(1U << 0) /* Addresses of other ends outside, too. */

/**
 * struct restart_address - addresses of sockets that are others now
 * @from: What addresses in the image begin with, in network order: of IPv4 the first four bytes,
 *        and zeros.
 * @to: What they begin with now, likewise.
 * @family: AF_INET, also for addresses that are mapped to IPv6, or AF_INET6.
 * @prefix: Bits of @from and @to that count; all others must be zero. The rest of an address
 *          stays what it was.
 * @flags: RESTART_ADDRESS_* flags.
 * @reserved: Must be zero.
 */
struct restart_address {
	__u8 from[16];
	__u8 to[16];
	__u32 family;
	__u32 prefix;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct restart_args - the extensible argument of restart(2)
 * @flags: RESTART_* flags.
 * @image_fd: Where the image is read from, from its current position.
 * @log_fd: Where messages go, one line each, or -1.
 * @cgroup_fd: Directory of the cgroup (v2) to restart into, or -1 for the caller's.
 * @pidfd: Out: a pidfd of the restarted root task, close-on-exec.
 * @accept: Patterns of paths whose files may differ from those that were saved: strings
 *          with a NUL each, one after the other.
 * @accept_len: Bytes of @accept, NULs included; 0 for no patterns.
 * @reserved: Must be zero.
 * @fds: Array of struct restart_fd: files of the caller's in place of those of the image.
 * @fds_count: How many there are in @fds.
 * @reserved2: Must be zero.
 * @rules: Array of struct restart_rule: what becomes of files that differ. The first one whose
 *         pattern the path matches counts, and all of them before @accept.
 * @maps: Array of struct restart_map: the first one that a path is, or is below, counts.
 * @rules_count: How many there are in @rules.
 * @maps_count: How many there are in @maps.
 * @environment: Address of what the tasks are told by struct checkpoint_event: strings NAME=VALUE
 *               with a NUL each, one after the other.
 * @addresses: Array of struct restart_address: the first one that fits an address of a socket
 *             counts.
 * @environment_len: Bytes of @environment, NULs included; 0 for none.
 * @addresses_count: How many there are in @addresses.
 */
struct restart_args {
	__aligned_u64 flags;
	__s32 image_fd;
	__s32 log_fd;
	__s32 cgroup_fd;
	__s32 pidfd;
	__aligned_u64 accept;
	__u32 accept_len;
	__u32 reserved;
	__aligned_u64 fds;
	__u32 fds_count;
	__u32 reserved2;
	__aligned_u64 rules;
	__aligned_u64 maps;
	__u32 rules_count;
	__u32 maps_count;
	__aligned_u64 environment;
	__aligned_u64 addresses;
	__u32 environment_len;
	__u32 addresses_count;
};

#define RESTART_ARGS_SIZE_VER0		40 /* sizeof the first published struct */
#define RESTART_ARGS_SIZE_VER1		56 /* fds, fds_count */
#define RESTART_ARGS_SIZE_VER2		80 /* rules, maps */
#define RESTART_ARGS_SIZE_VER3		104 /* environment, addresses */

/* Most bytes of restart_args.environment. */
#define RESTART_ENVIRONMENT_MAX		(64 * 1024)

/*
 * checkpoint_event.type
 */
#define CHECKPOINT_EVENT_SAVED		1 /* An image is complete; the tasks run on. */
#define CHECKPOINT_EVENT_RESTORED	2 /* The tasks come from an image. */

/**
 * struct checkpoint_event - what read(2) of a descriptor of prctl(PR_CHECKPOINT_EVENTS) returns
 * @size: Bytes of this structure.
 * @type: CHECKPOINT_EVENT_*.
 * @generation: How many times what had the descriptor has been restarted since it was made.
 * @missed: How many events came before this one and were not read.
 * @id: The checkpoint, as its header tells it.
 * @created_ns: Its time by the wall clock, in nanoseconds since 1970.
 * @environment_len: Bytes that follow: the environment of the restart, as the caller of
 *                   restart(2) gave it.
 * @reserved: Zero.
 */
struct checkpoint_event {
	__u32 size;
	__u32 type;
	__u32 generation;
	__u32 missed;
	__aligned_u64 id;
	__aligned_u64 created_ns;
	__u32 environment_len;
	__u32 reserved;
};

#endif /* _UAPI_LINUX_CHECKPOINT_H */
