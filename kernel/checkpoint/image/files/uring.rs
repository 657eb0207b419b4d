// SPDX-License-Identifier: GPL-2.0

//! Records of io_urings.

use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

use crate::image::layout::{
    flags,
    record,
    structure, //
};

pub(super) mod check;
mod check_io;
mod check_links;
mod check_requests;
mod check_thread;
pub(in crate::image) mod left;
mod requests;

pub use requests::*;

/// Most submission queue entries.
pub const SQ_ENTRIES_MAX: u32 = 1 << 15;

/// Most completion queue entries.
pub const CQ_ENTRIES_MAX: u32 = 1 << 16;

/// Most places for registered files.
pub const SLOTS_MAX: u32 = 1 << 20;

/// Highest number of a personality.
pub const PERSONALITY_MAX: u32 = 0xffff;

/// Most registered files, or personalities, of one record.
pub const REGISTERED_MAX: usize = 1 << 13;

/// Most places for registered buffers.
pub const BUFFER_SLOTS_MAX: u32 = 1 << 14;

/// Most registered buffers of one record.
pub const BUFFERS_MAX: usize = 1 << 12;

/// Highest number of a group of buffers, or of a buffer.
pub const GROUP_MAX: u32 = 0xffff;

/// Most buffers of a list.
pub const PROVIDED_MAX: usize = 1 << 16;

/// Most entries of a ring of buffers.
pub const GROUP_ENTRIES_MAX: u32 = 1 << 15;

/// Most CPUs that workers are bound to, in bytes of a set.
pub const CPUS_MAX: usize = 1 << 10;

/// A bit for each place at which a task registers io_urings for itself.
pub const USER_PLACES: u32 = 0xffff;

/// Most workers that may be asked for.
pub const WORKERS_MAX: u32 = i32::MAX as u32;

/// Most microseconds for which network devices are polled.
pub const NAPI_USECS_MAX: u32 = 10_000;

/// Bits of [`Uring::setup`], as of io_uring_setup(2).
pub mod setup {
    /// IORING_SETUP_IOPOLL: devices are polled for completions.
    pub const IOPOLL: u32 = 1 << 0;
    /// IORING_SETUP_SQPOLL: a thread of the kernel submits.
    pub const SQPOLL: u32 = 1 << 1;
    /// IORING_SETUP_SQ_AFF: on a CPU that was chosen.
    pub const SQ_AFF: u32 = 1 << 2;
    /// IORING_SETUP_CQSIZE.
    pub const CQSIZE: u32 = 1 << 3;
    /// IORING_SETUP_CLAMP.
    pub const CLAMP: u32 = 1 << 4;
    /// IORING_SETUP_ATTACH_WQ, without anything that it has in common with another.
    pub const ATTACH_WQ: u32 = 1 << 5;
    /// IORING_SETUP_R_DISABLED: it is not enabled yet.
    pub const R_DISABLED: u32 = 1 << 6;
    /// IORING_SETUP_SUBMIT_ALL.
    pub const SUBMIT_ALL: u32 = 1 << 7;
    /// IORING_SETUP_COOP_TASKRUN.
    pub const COOP_TASKRUN: u32 = 1 << 8;
    /// IORING_SETUP_TASKRUN_FLAG: with the one before, or DEFER_TASKRUN.
    pub const TASKRUN_FLAG: u32 = 1 << 9;
    /// IORING_SETUP_SQE128.
    pub const SQE128: u32 = 1 << 10;
    /// IORING_SETUP_CQE32.
    pub const CQE32: u32 = 1 << 11;
    /// IORING_SETUP_SINGLE_ISSUER: only one task may submit.
    pub const SINGLE_ISSUER: u32 = 1 << 12;
    /// IORING_SETUP_DEFER_TASKRUN: with the one before.
    pub const DEFER_TASKRUN: u32 = 1 << 13;
    /// IORING_SETUP_NO_SQARRAY.
    pub const NO_SQARRAY: u32 = 1 << 16;
    /// IORING_SETUP_HYBRID_IOPOLL: with IOPOLL.
    pub const HYBRID_IOPOLL: u32 = 1 << 17;
    /// IORING_SETUP_CQE_MIXED: not with CQE32.
    pub const CQE_MIXED: u32 = 1 << 18;
    /// IORING_SETUP_SQE_MIXED: not with SQE128.
    pub const SQE_MIXED: u32 = 1 << 19;
    /// IORING_SETUP_SQ_REWIND: with NO_SQARRAY, and without SQPOLL.
    pub const SQ_REWIND: u32 = 1 << 20;

    /// What an image can have.
    pub const ALL: u32 = IOPOLL
        | SQPOLL
        | SQ_AFF
        | CQSIZE
        | CLAMP
        | ATTACH_WQ
        | R_DISABLED
        | SUBMIT_ALL
        | COOP_TASKRUN
        | TASKRUN_FLAG
        | SQE128
        | CQE32
        | SINGLE_ISSUER
        | DEFER_TASKRUN
        | NO_SQARRAY
        | HYBRID_IOPOLL
        | CQE_MIXED
        | SQE_MIXED
        | SQ_REWIND;
}

flags! {
    "Uring.flags": u32, URING_FLAG_LIST, URING_FLAGS;
    /// IOSQE_CQE_SKIP_SUCCESS was used, so that IOSQE_IO_DRAIN can't be any more.
    URING_DRAIN_DISABLED = 1 << 0,
    /// The eventfd is signalled only for what workers complete (IORING_REGISTER_EVENTFD_ASYNC).
    URING_EVENTFD_ASYNC = 1 << 1,
    /// Only the requests of `ops` may be submitted.
    URING_OPS_RESTRICTED = 1 << 2,
    /// Only what is in `registers` may be registered.
    URING_REGISTERS_RESTRICTED = 1 << 3,
    /// Waits for completions go by CLOCK_BOOTTIME, and not CLOCK_MONOTONIC (IORING_REGISTER_CLOCK).
    URING_BOOTTIME = 1 << 4,
    /// How many workers its users may have is limited (IORING_REGISTER_IOWQ_MAX_WORKERS).
    URING_LIMITED = 1 << 5,
    /// It polls the network devices of its sockets (IORING_REGISTER_NAPI).
    URING_NAPI = 1 << 6,
    /// Interrupts are put off for that.
    URING_NAPI_PREFERRED = 1 << 7,
    /// How its thread is scheduled comes after it ([`UringThread`]).
    URING_THREAD = 1 << 8,
    /// IOSQE_IO_DRAIN was used: requests that are submitted wait until all before them have ended, if some
    /// wait so, or one that did has not ended.
    URING_DRAIN_ACTIVE = 1 << 9,
    /// The next request that is submitted is drained, as a chain had one in its midst.
    URING_DRAIN_NEXT = 1 << 10,
    /// Its eventfd was told of work that its task has still to do, and is told no more of that
    /// (IORING_SETUP_DEFER_TASKRUN).
    URING_TOLD = 1 << 11,
}

record! {
    /// An io_uring; payload: its rings and then its submission queue entries, whole pages each. Right after
    /// it come its thread ([`UringThread`]), registered files ([`UringFiles`]), personalities
    /// ([`UringPersonalities`]), registered buffers ([`UringBuffers`]), the requests that wait for a file,
    /// a time, a futex or a child ([`UringRequests`]), the futexes of those that wait for several
    /// ([`UringFutexes`]), those that wait to do something with a file ([`UringIo`]), those that were not
    /// issued yet ([`UringLink`]), and buffers that are provided ([`UringGroup`]).
    #[record(Uring = 191, "io_uring", min = 32, check = uring, object)]
    pub struct Uring {
        /// Reference of this object.
        pub obj: U32,
        /// IORING_SETUP_*, as of io_uring_setup(2).
        pub setup: U32,
        /// `URING_*`.
        pub flags: U32,
        /// Number of submission queue entries.
        pub sq_entries: U32,
        /// Number of completion queue entries.
        pub cq_entries: U32,
        /// Where the kernel reads the next submission.
        pub sq_head: U32,
        /// Where it writes the next completion.
        pub cq_tail: U32,
        /// Bytes of the rings.
        pub rings: U32,
        /// Places for registered files.
        pub slots: U32,
        /// Registered files.
        pub files: U32,
        /// The first place that the kernel chooses by itself.
        pub alloc_start: U32,
        /// The one after the last.
        pub alloc_end: U32,
        /// Where it begins to look.
        pub alloc_hint: U32,
        /// Personalities.
        pub personalities: U32,
        /// The number from which on the next one is looked for.
        pub next_personality: U32,
        /// The eventfd that is signalled for completions; 0: none.
        pub eventfd: U32,
        /// The task that alone may submit; 0: all may, or none yet.
        pub issuer: U32,
        /// IOSQE_* bits that requests may have, if those are restricted.
        pub sqe_flags_allowed: U32,
        /// IOSQE_* bits that they must have.
        pub sqe_flags_required: U32,
        /// Zero.
        pub reserved: U32,
        /// IORING_OP_* below 64 that may be submitted, a bit for each.
        pub ops_low: U64,
        /// Those from 64 on.
        pub ops_high: U64,
        /// IORING_REGISTER_* that may be registered, a bit for each.
        pub registers: U64,
        /// Places for registered buffers.
        pub buffer_slots: U32,
        /// Registered buffers.
        pub buffers: U32,
        /// A task whose memory they are; 0: there are none.
        pub buffers_of: U32,
        /// Requests that wait.
        pub requests: U32,
        /// How many timeouts have ended, modulo 2^32: completions that count for no other timeout.
        pub timeouts: U32,
        /// Up to which completion was looked for timeouts that wait for some.
        pub timeouts_flushed: U32,
        /// Requests that wait to do something with a file.
        pub ios: U32,
        /// Groups of buffers that are provided.
        pub groups: U32,
        /// A task whose memory rings of such buffers are; 0: there are none.
        pub groups_of: U32,
        /// Requests that were not issued yet.
        pub links: U32,
        /// A task of the process whose thread submits; 0: there is none.
        pub thread_of: U32,
        /// Milliseconds for which that waits before it sleeps.
        pub thread_idle: U32,
        /// Its CPU, if that was chosen.
        pub thread_cpu: U32,
        /// How many workers a new user gets for files that are bounded; 0: no limit was set.
        pub workers_bounded: U32,
        /// How many for others.
        pub workers_unbounded: U32,
        /// For how many microseconds the network devices of its sockets are polled.
        pub napi_usecs: U32,
    }
}

record! {
    /// How the thread is scheduled that submits for the io_uring before it; payload: bit n % 8 of byte n / 8
    /// for each CPU n that it may run on, if it is bound to some, but for the one that the io_uring was set
    /// up with.
    #[record(UringThread = 258, "io_uring thread", min = 24, check = uring_thread_record)]
    pub struct UringThread {
        /// Scheduling policy.
        pub policy: U32,
        /// Nice value.
        pub nice: I32,
        /// Real-time priority.
        pub rt_priority: U32,
        /// 1: it is reset on fork.
        pub reset_on_fork: U32,
        /// Time slice that was chosen, in nanoseconds; 0: the default.
        pub slice: U64,
    }
}

record! {
    /// Registered files of the io_uring before it; payload: [`UringFile`]s, by ascending place. There
    /// may be more than one for an io_uring.
    #[record(UringFiles = 185, "io_uring files", min = 8, check = uring_files)]
    pub struct UringFiles {
        /// How many.
        pub files: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A registered file of an io_uring.
    pub struct UringFile {
        /// What the kernel posts when it is unregistered; 0: nothing.
        pub tag: U64,
        /// The open file.
        pub file: U32,
        /// Its place.
        pub index: U32,
    }
}

record! {
    /// Personalities of the io_uring before it; payload: [`UringPersonality`]s, by ascending number.
    /// There may be more than one for an io_uring.
    #[record(UringPersonalities = 186, "io_uring personalities", min = 8, check = uring_personalities)]
    pub struct UringPersonalities {
        /// How many.
        pub personalities: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// Credentials that are registered with an io_uring, for requests to act with.
    pub struct UringPersonality {
        /// The number by which requests name it.
        pub id: U32,
        /// The credentials.
        pub cred: U32,
    }
}

record! {
    /// Registered buffers of the io_uring before it; payload: [`UringBuffer`]s, by ascending place. There
    /// may be more than one for an io_uring.
    #[record(UringBuffers = 201, "io_uring buffers", min = 8, check = uring_buffers)]
    pub struct UringBuffers {
        /// How many.
        pub buffers: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// Memory that is registered with an io_uring.
    pub struct UringBuffer {
        /// Its address.
        pub addr: U64,
        /// Its bytes.
        pub len: U64,
        /// What the kernel posts when it is unregistered; 0: nothing.
        pub tag: U64,
        /// Its place.
        pub index: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A group of buffers that are provided to the io_uring before it; payload: [`UringProvided`]s, in
    /// their order, if they are a list; the memory of a ring that is the kernel's, whole pages.
    #[record(UringGroup = 207, "io_uring group", min = 32, check = uring_group)]
    pub struct UringGroup {
        /// Address of their ring; 0: they are a list, or it is memory of the kernel.
        pub addr: U64,
        /// Its number.
        pub group: U32,
        /// Entries of the ring; 0: they are a list.
        pub entries: U32,
        /// Where the kernel takes the next buffer from the ring.
        pub head: U32,
        /// With fewer bytes than that left a buffer is used up; 0: when it has none.
        pub min_left: U32,
        /// Buffers of the list.
        pub buffers: U32,
        /// 1: buffers of the ring are used bit by bit (IOU_PBUF_RING_INC).
        pub incremental: U32,
    }
}

structure! {
    /// A buffer that is provided.
    pub struct UringProvided {
        /// Its address.
        pub addr: U64,
        /// Its bytes.
        pub len: U32,
        /// Its number.
        pub bid: U32,
    }
}

record! {
    /// A link: a task uses an io_uring; payload: bit n % 8 of byte n / 8 for each CPU n that its workers
    /// are bound to (IORING_REGISTER_IOWQ_AFF), if they are. What a task may have it may have by each
    /// io_uring that it uses.
    #[record(UringUser = 252, "io_uring user", min = 24, check = uring_user)]
    pub struct UringUser {
        /// The open file of the io_uring.
        pub ring: U32,
        /// The task.
        pub task: U32,
        /// A bit for each place at which the task has registered it for itself
        /// (IORING_REGISTER_RING_FDS).
        pub places: U32,
        /// How many workers the task may have for files that are bounded; 0: as many as others.
        pub bounded: U32,
        /// How many for others.
        pub unbounded: U32,
        /// Zero.
        pub reserved: U32,
    }
}
