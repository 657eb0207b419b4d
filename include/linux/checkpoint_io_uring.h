/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: rings of io_uring.
 */
#ifndef _LINUX_CHECKPOINT_IO_URING_H
#define _LINUX_CHECKPOINT_IO_URING_H

#include <linux/types.h>

struct cpumask;
struct cred;
struct file;
struct iovec;
struct mm_struct;
struct pid;
struct sched_attr;
struct task_struct;

/**
 * struct checkpoint_uring - an io_uring
 * @rings_size: bytes of its rings
 * @sqes_size: bytes of its submission queue entries
 * @setup: IORING_SETUP_*
 * @sq_entries: number of submission queue entries
 * @cq_entries: number of completion queue entries
 * @sq_head: where the kernel reads the next submission
 * @cq_tail: where it writes the next completion
 * @drain_disabled: IOSQE_IO_DRAIN can't be used any more
 * @drain_active: requests wait until all before them have ended, or the next one does
 * @drain_next: the next one is drained, as a chain had one in its midst
 * @boottime: waits for completions go by CLOCK_BOOTTIME
 * @ops_restricted: only the requests of @ops may be submitted, with the flags below
 * @registers_restricted: only what is in @registers may be registered
 * @sqe_flags_allowed: IOSQE_* bits that they may have
 * @sqe_flags_required: IOSQE_* bits that they must have
 * @ops: IORING_OP_*, a bit for each
 * @registers: IORING_REGISTER_*, a bit for each
 * @slots: places for registered files
 * @files: registered files
 * @alloc_start: first place that the kernel chooses by itself
 * @alloc_end: the one after the last
 * @alloc_hint: where it begins to look
 * @personalities: registered credentials
 * @next_personality: number from which on the next one is looked for
 * @eventfd: context of the eventfd that tells of completions; %NULL: none does
 * @eventfd_async: only of those of workers
 * @buffer_slots: places for registered buffers
 * @buffers: registered buffers
 * @mm: address space of who has made it, to compare
 * @requests: requests that wait for a file, a time, a futex or a child
 * @futexes: futexes of those that wait for several, all together
 * @timeouts: timeouts that have ended, modulo 2^32
 * @timeouts_flushed: up to which completion was looked for timeouts that wait for some
 * @ios: requests that wait to do something with a file
 * @vecs: pieces of memory that these have, all together
 * @links: requests that were not issued yet: they wait for one of both, or for each other, in
 *	chains, or are to be issued when their task runs, or when all before them have ended
 * @link_vecs: pieces of memory that these have, all together
 * @link_futexes: futexes that those are to wait for which wait for several, all together
 * @groups: groups of buffers that are provided
 * @group_rings: how many of these are rings
 * @provided: buffers of the others, all together
 * @thread: the thread that submits (IORING_SETUP_SQPOLL), to compare
 * @thread_idle: milliseconds for which that waits for something before it sleeps
 * @thread_cpu: its CPU, if that was chosen (IORING_SETUP_SQ_AFF)
 * @other_work: there is something to do for who alone may submit that is for none of these
 * @told: its eventfd was told that there is something for that to do, or is just being told
 * @told_at: when that was seen, for checkpoint_uring_settle()
 * @under_way: some are being done, as by a disk, and end by themselves
 * @busy_name: operation of a request that is not among these; %NULL: of none
 * @busy_data: its user_data
 */
struct checkpoint_uring {
	size_t rings_size;
	size_t sqes_size;
	unsigned int setup;
	unsigned int sq_entries;
	unsigned int cq_entries;
	unsigned int sq_head;
	unsigned int cq_tail;
	bool drain_disabled;
	bool drain_active;
	bool drain_next;
	bool boottime;
	bool ops_restricted;
	bool registers_restricted;
	u8 sqe_flags_allowed;
	u8 sqe_flags_required;
	u64 ops[2];
	u64 registers;
	unsigned int slots;
	unsigned int files;
	unsigned int alloc_start;
	unsigned int alloc_end;
	unsigned int alloc_hint;
	unsigned int personalities;
	unsigned int next_personality;
	const void *eventfd;
	bool eventfd_async;
	unsigned int buffer_slots;
	unsigned int buffers;
	const void *mm;
	unsigned int requests;
	unsigned int futexes;
	unsigned int timeouts;
	unsigned int timeouts_flushed;
	unsigned int ios;
	unsigned int vecs;
	unsigned int links;
	unsigned int link_vecs;
	unsigned int link_futexes;
	unsigned int groups;
	unsigned int group_rings;
	unsigned int provided;
	const void *thread;
	unsigned int thread_idle;
	unsigned int thread_cpu;
	bool other_work;
	bool told;
	unsigned long told_at;
	bool under_way;
	const char *busy_name;
	u64 busy_data;
};

/**
 * struct checkpoint_uring_slot - a registered file of an io_uring
 * @file: the file
 * @node: what requests refer to, to compare
 * @tag: what the kernel posts when it is unregistered, or 0
 * @index: its place
 */
struct checkpoint_uring_slot {
	struct file *file;
	const void *node;
	u64 tag;
	unsigned int index;
};

/**
 * struct checkpoint_uring_buffer - a registered buffer of an io_uring
 * @addr: its address
 * @len: its bytes
 * @tag: what the kernel posts when it is unregistered, or 0
 * @index: its place
 */
struct checkpoint_uring_buffer {
	u64 addr;
	u64 len;
	u64 tag;
	unsigned int index;
};

/**
 * struct checkpoint_uring_futex - a futex that a request of an io_uring waits for
 * @addr: its address
 * @value: what it was to have
 * @shared: other address spaces may have it, too
 */
struct checkpoint_uring_futex {
	u64 addr;
	u32 value;
	bool shared;
};

/**
 * struct checkpoint_uring_request - a request of an io_uring that waits
 * @user_data: what its completion has
 * @id: what it is, to compare
 * @file: what it waits for, IORING_OP_POLL_ADD
 * @node: of a file that is registered, to compare
 * @pid: who has submitted it
 * @expires: when it ends, IORING_OP_TIMEOUT, in nanoseconds of the kernel's @clockid
 * @interval: nanoseconds until it ends once more
 * @clockid: clock of its timer
 * @events: EPOLL*, IORING_OP_POLL_ADD
 * @timeout_flags: IORING_TIMEOUT_*
 * @futexes: those that it waits for, IORING_OP_FUTEX_WAITV
 * @nr_futexes: how many
 * @futex: the one that it waits for, IORING_OP_FUTEX_WAIT
 * @place: which of its futexes has woken it, if that is so
 * @mask: bits of a wakeup that wake it
 * @info: address of what is to be told of a child, IORING_OP_WAITID
 * @which: P_ALL, P_PID or P_PGID
 * @upid: number of the child, or of its process group, as the task knows it
 * @options: of waitid(2)
 * @off: completions, or expiries, that it was to wait for
 * @repeats: expiries that are left
 * @target: the completion that ends it
 * @index: place of the file, if it is registered; not read
 * @opcode: IORING_OP_POLL_ADD, IORING_OP_TIMEOUT, or one of the above
 * @fixed: IOSQE_FIXED_FILE: the file is the one that is registered at @index
 * @asynchronous: IOSQE_ASYNC
 * @skip: IOSQE_CQE_SKIP_SUCCESS
 * @chain: IOSQE_IO_LINK, IOSQE_IO_HARDLINK
 * @drain: IOSQE_IO_DRAIN
 * @alone: it was drained, and what comes after it is issued when it has ended
 * @creds: it has the credentials of its task, and keeps them if that gets others
 * @pending: its file has something to report that was not looked at yet
 * @woken: it has waited for a futex, and its task was not told yet that this was woken
 */
struct checkpoint_uring_request {
	u64 user_data;
	const void *id;
	struct file *file;
	const void *node;
	struct pid *pid;
	s64 expires;
	s64 interval;
	struct checkpoint_uring_futex *futexes;
	unsigned int nr_futexes;
	struct checkpoint_uring_futex futex;
	unsigned int place;
	u32 mask;
	u64 info;
	int which;
	int upid;
	u32 options;
	int clockid;
	u32 events;
	u32 timeout_flags;
	u32 off;
	u32 repeats;
	u32 target;
	unsigned int index;
	u8 opcode;
	u8 chain;
	bool fixed;
	bool asynchronous;
	bool skip;
	bool drain;
	bool alone;
	bool creds;
	bool pending;
	bool woken;
};

/**
 * struct checkpoint_uring_io - a request of an io_uring that waits to do something with a file
 * @user_data: what its completion has
 * @id: what it is, to compare
 * @file: the file
 * @node: of a file that is registered, to compare
 * @pid: who has submitted it
 * @vecs: pieces of memory that are left to be read or written
 * @addr: address of the memory, the message, or where the address of a peer goes
 * @addr2: where the length of that goes (IORING_OP_ACCEPT), or the name (IORING_OP_RECVMSG)
 * @control: address of control messages
 * @control_len: bytes of them
 * @pos: position; -1: the file's own
 * @nr_vecs: how many pieces
 * @len: length, as it was asked for, or pieces of memory then
 * @op_flags: ACCEPT_*, MSG_*, or RWF_*
 * @io_flags: IORING_ACCEPT_*, IORING_RECVSEND_*, a priority, or CHECKPOINT_URING_* of connect(2)
 * @slot: where it is to be registered, as of the SQE (IORING_OP_ACCEPT); the write stream
 * @done: bytes that were sent or received
 * @nofile: descriptors are below that (IORING_OP_ACCEPT)
 * @name_len: bytes of @name
 * @group: group from which it gets a buffer
 * @limit: bytes at a time, of IORING_OP_RECV many times; or of a name, of IORING_OP_RECVMSG
 * @total: bytes that are left to be received, if that is limited
 * @index: place of the file, if it is registered; not read
 * @name: address of a peer, IORING_OP_CONNECT, or to send to
 * @opcode: IORING_OP_*
 * @fixed: IOSQE_FIXED_FILE: the file is the one that is registered at @index
 * @asynchronous: IOSQE_ASYNC
 * @chain: IOSQE_IO_LINK, IOSQE_IO_HARDLINK
 * @skip: IOSQE_CQE_SKIP_SUCCESS
 * @drain: IOSQE_IO_DRAIN
 * @alone: it was drained, and what comes after it is issued when it has ended
 * @creds: it has the credentials of its task, and keeps them if that gets others
 * @select: IOSQE_BUFFER_SELECT
 */
struct checkpoint_uring_io {
	u64 user_data;
	const void *id;
	struct file *file;
	const void *node;
	struct pid *pid;
	struct iovec *vecs;
	u64 addr;
	u64 addr2;
	u64 control;
	u64 control_len;
	s64 pos;
	unsigned int nr_vecs;
	u32 len;
	u32 op_flags;
	u32 io_flags;
	u32 slot;
	u32 done;
	u32 nofile;
	u32 name_len;
	u32 group;
	u32 limit;
	u32 total;
	unsigned int index;
	u8 name[128];
	u8 opcode;
	u8 chain;
	bool fixed;
	bool asynchronous;
	bool skip;
	bool drain;
	bool alone;
	bool creds;
	bool select;
};

/**
 * struct checkpoint_uring_link - a request of an io_uring that was not issued yet
 * @io: what it has in common with one that does something with a file, without a file;
 *	IORING_OP_FUTEX_WAIT has its address in @addr, the value in @len and bits of a wakeup in
 *	@op_flags; IORING_OP_WAITID has where it tells of a child in @addr, P_* in @len and the
 *	options in @op_flags
 * @head: the first one of its chain, for which it waits, or which is itself the one that waits to
 *	be issued, to compare
 * @time: when it ends, or for how long it waits, IORING_OP_TIMEOUT and
 *	IORING_OP_LINK_TIMEOUT, in nanoseconds of the kernel's @clockid
 * @clockid: clock of its timer
 * @fd: descriptor that it is for, or place of a registered file; number of IORING_OP_WAITID
 * @futexes: those that it is to wait for, IORING_OP_FUTEX_WAITV
 * @nr_futexes: how many
 * @events: EPOLL*, IORING_OP_POLL_ADD
 * @timeout_flags: IORING_TIMEOUT_*
 * @off: completions, or expiries, that it is to wait for
 * @armed: its timer runs, IORING_OP_LINK_TIMEOUT after a first one of a chain that was issued
 * @shared: other address spaces may have the futex, too, IORING_OP_FUTEX_WAIT
 * @deferred: it is issued with its chain when all before it have ended (IOSQE_IO_DRAIN), and not
 *	when its task runs; of the first one of a chain
 */
struct checkpoint_uring_link {
	struct checkpoint_uring_io io;
	const void *head;
	s64 time;
	int clockid;
	int fd;
	struct checkpoint_uring_futex *futexes;
	unsigned int nr_futexes;
	u32 events;
	u32 timeout_flags;
	u32 off;
	bool armed;
	bool shared;
	bool deferred;
};

/* @io_flags of IORING_OP_CONNECT. */
#define CHECKPOINT_URING_CONNECTS	1	/* It was begun. */
#define CHECKPOINT_URING_ABORTED	2	/* It was aborted once. */

/**
 * struct checkpoint_uring_personality - registered credentials of an io_uring
 * @cred: the credentials
 * @id: the number by which requests name them
 */
struct checkpoint_uring_personality {
	const struct cred *cred;
	unsigned int id;
};

/**
 * struct checkpoint_uring_group - buffers that are provided to an io_uring
 * @addr: address of their ring; 0: they are a list, or that is memory of the kernel
 * @group: number of the group
 * @entries: how many the ring has; 0: it is none
 * @head: where the kernel takes the next one
 * @min_left: with less than that a buffer is used up, if they are used bit by bit; or 0
 * @buffers: how many the list has
 * @incremental: they are used bit by bit
 */
struct checkpoint_uring_group {
	u64 addr;
	unsigned int group;
	unsigned int entries;
	unsigned int head;
	unsigned int min_left;
	unsigned int buffers;
	bool incremental;
};

/**
 * struct checkpoint_uring_provided - a buffer of such a list
 * @addr: its address
 * @len: its bytes
 * @bid: its number
 */
struct checkpoint_uring_provided {
	u64 addr;
	u32 len;
	u16 bid;
};

/**
 * struct checkpoint_uring_user - a task that uses an io_uring
 * @pid: its pid
 * @limits: how many workers it may have
 * @bound: these are bound to CPUs
 */
struct checkpoint_uring_user {
	struct pid *pid;
	unsigned int limits[2];
	bool bound;
};

/* What an io_uring, or its user, has that is not in that. */
#define CHECKPOINT_URING_FLAGS		1	/* It was set up in another way. */
#define CHECKPOINT_URING_COMPAT		2	/* By a 32-bit program. */
#define CHECKPOINT_URING_IN_FLIGHT	3	/* Requests that do not just wait. */
#define CHECKPOINT_URING_OVERFLOW	4	/* Completions without room. */
#define CHECKPOINT_URING_RESTRICTED	6	/* Restrictions that it has of a task. */
#define CHECKPOINT_URING_WORKERS	7	/* Settings of workers. */
#define CHECKPOINT_URING_ISSUER		9	/* Who alone may submit has exited. */
#define CHECKPOINT_URING_REGION		10	/* Registered waits, a memory region. */
#define CHECKPOINT_URING_QUEUES		11	/* Queues of a network device. */
#define CHECKPOINT_URING_BPF		12	/* A BPF program. */
#define CHECKPOINT_URING_NAPI		13	/* Busy polling. */
#define CHECKPOINT_URING_OTHER		14
#define CHECKPOINT_URING_THREAD		15	/* A thread that has ended, or serves others too. */
#define CHECKPOINT_URING_TURN		16	/* A request that is tried again. */

/* Of io_uring/checkpoint.c, checkpoint_requests.c, checkpoint_links.c, checkpoint_resume.c. */
int checkpoint_uring_get(struct file *file, struct checkpoint_uring *state);
int checkpoint_uring_read(struct file *file, const struct checkpoint_uring *state,
			  void *rings, void *sqes);
struct pid *checkpoint_uring_issuer(struct file *file);
int checkpoint_uring_files(struct file *file, struct checkpoint_uring_slot *slots,
			   unsigned int nr);
int checkpoint_uring_personalities(struct file *file, struct checkpoint_uring_personality *to,
				   unsigned int nr);
struct file *checkpoint_uring_make(const struct checkpoint_uring *state, const void *rings,
				   const void *sqes);
int checkpoint_uring_add_file(struct file *ring, unsigned int index, struct file *file, u64 tag);
int checkpoint_uring_add_personality(struct file *ring, unsigned int id, const struct cred *cred);
int checkpoint_uring_finish(struct file *ring, const struct checkpoint_uring *state,
			    struct file *eventfd);
int checkpoint_uring_set_issuer(struct file *ring, struct task_struct *task);
int checkpoint_uring_hush(struct file *ring, bool on);
void checkpoint_uring_settle(unsigned long told_at);
int checkpoint_uring_requests(struct file *file, struct checkpoint_uring *state,
			      struct checkpoint_uring_request *to,
			      struct checkpoint_uring_futex *futexes);
void checkpoint_uring_count_timeouts(struct file *ring, const struct checkpoint_uring *state);
int checkpoint_uring_add_request(struct file *ring, struct task_struct *task,
				 const struct checkpoint_uring_request *from,
				 const struct checkpoint_uring_link *links, unsigned int nr);
int checkpoint_uring_ios(struct file *file, const struct checkpoint_uring *state,
			 struct checkpoint_uring_io *to, struct iovec *vecs);
int checkpoint_uring_add_io(struct file *ring, struct task_struct *task,
			    const struct checkpoint_uring_io *from,
			    const struct checkpoint_uring_link *links, unsigned int nr);
int checkpoint_uring_add_chain(struct file *ring, struct task_struct *task,
			       const struct checkpoint_uring_link *links, unsigned int nr);
int checkpoint_uring_links(struct file *file, const struct checkpoint_uring *state,
			   struct checkpoint_uring_link *to, struct iovec *vecs,
			   struct checkpoint_uring_futex *futexes);
void checkpoint_uring_place(struct file *file, bool on);
u64 checkpoint_uring_in_flight(struct task_struct *task);

/* Of kernel/checkpoint/uring.c. */
int checkpoint_uring_ring_memory(struct file *file, unsigned int group, void *to, size_t size);
int checkpoint_uring_maps(struct file *file, bool entries, struct mm_struct *mm,
			  unsigned long start);
int checkpoint_uring_maps_ring(struct file *file, unsigned int group, struct mm_struct *mm,
			       unsigned long start, unsigned long len);
int checkpoint_uring_shares(struct file *file, struct task_struct *task);
bool checkpoint_uring_is_thread(struct task_struct *task);
int checkpoint_uring_add_thread(struct file *ring, const struct checkpoint_uring *state,
				unsigned int signal);
int checkpoint_uring_schedule(struct file *ring, const struct sched_attr *attr);
int checkpoint_uring_bind(struct file *ring, const struct cpumask *cpus);
void checkpoint_uring_start(struct file *ring, bool enabled);
bool checkpoint_uring_limits(struct file *file, unsigned int *limits);
int checkpoint_uring_set_limits(struct file *ring, const unsigned int *limits);
int checkpoint_uring_users(struct file *file, struct checkpoint_uring_user *to, unsigned int nr);
int checkpoint_uring_cpus(struct file *file, struct task_struct *task, struct cpumask *to);
bool checkpoint_uring_napi(struct file *file, unsigned int *usecs, bool *prefer);
int checkpoint_uring_set_napi(struct file *ring, unsigned int usecs, bool prefer);
struct file *checkpoint_uring_of_task(struct task_struct *task, unsigned int place);
int checkpoint_uring_add_user(struct file *ring, struct task_struct *task,
			      const unsigned int *limits, const struct cpumask *cpus,
			      unsigned long places);

/* Of io_uring/checkpoint_kbuf.c. */
int checkpoint_uring_groups(struct file *file, const struct checkpoint_uring *state,
			    struct mm_struct *mm, struct checkpoint_uring_group *to,
			    struct checkpoint_uring_provided *buffers);
int checkpoint_uring_add_group(struct file *ring, struct task_struct *task,
			       const struct checkpoint_uring_group *group,
			       const struct checkpoint_uring_provided *buffers, const void *memory);

/* Of io_uring/checkpoint_rsrc.c. */
int checkpoint_uring_buffers(struct file *file, struct mm_struct *mm,
			     struct checkpoint_uring_buffer *to, unsigned int nr);
int checkpoint_uring_add_buffers(struct file *ring, unsigned int nr);
int checkpoint_uring_add_buffer(struct file *ring, struct task_struct *task,
				const struct checkpoint_uring_buffer *buffer);

#endif /* _LINUX_CHECKPOINT_IO_URING_H */
