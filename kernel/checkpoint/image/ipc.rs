// SPDX-License-Identifier: GPL-2.0

//! Records of IPC and of its namespaces.
//!
//! User and group ids are those of the user namespace of the caller. Pids are those of the
//! container's pid namespace (for a subtree: of the root task's); 0 stands for none, or one outside.
//! Times are seconds since 1970, signed.

use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    structure,
    values, //
};

pub(super) mod check;

/// Kinds of objects of System V IPC: semaphores, message queues, shared memory.
pub const CLASSES: usize = 3;

record! {
    /// An ipc namespace. What is in it follows: each [`Segment`] with its `Inode` before it, each
    /// [`SemSet`], [`MsgQueue`] and [`PosixQueue`] with what belongs to it.
    #[record(IpcNs = 130, "ipc namespace", min = 136, check = ipc_ns, object)]
    pub struct IpcNs {
        /// Reference of this object.
        pub obj: U32,
        /// How many objects follow that are in it.
        pub inside: U32,
        /// As of /proc/sys/kernel/shmmax.
        pub shm_max: U64,
        /// As of /proc/sys/kernel/shmall.
        pub shm_all: U64,
        /// As of /proc/sys/kernel/shmmni.
        pub shm_mni: U32,
        /// As of /proc/sys/kernel/shm_rmid_forced.
        pub shm_rmid_forced: U32,
        /// As of /proc/sys/kernel/sem.
        pub sem: [I32; 4],
        /// As of /proc/sys/kernel/msgmax.
        pub msg_max: U32,
        /// As of /proc/sys/kernel/msgmnb.
        pub msg_mnb: U32,
        /// As of /proc/sys/kernel/msgmni.
        pub msg_mni: U32,
        /// As of the files in /proc/sys/fs/mqueue: queues_max, msg_max, msgsize_max, msg_default,
        /// msgsize_default.
        pub mq: [U32; 5],
        /// Bits of an id that are an index: the others are a sequence number.
        pub shift: U32,
        /// Sequence number of the next id of semaphores, of message queues, of shared memory.
        pub seq: [U32; CLASSES],
        /// The index that was given out last; -1: none.
        pub last_idx: [I32; CLASSES],
        /// The index from which the next free one is looked for.
        pub cursor: [U32; CLASSES],
        /// As of /proc/sys/kernel/sem_next_id and so on; -1: none.
        pub next_id: [I32; CLASSES],
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A segment of System V shared memory. Its size, and what it holds, is that of its inode. Of one that
    /// stays outside there is what tells it from others, and all else is zero.
    #[record(Segment = 176, "shared memory segment", min = 88, check = segment, object)]
    pub struct Segment {
        /// Reference of this object.
        pub obj: U32,
        /// The namespace that it is in, an [`IpcNs`]; 0: that of the caller.
        pub ns: U32,
        /// Its memory, an `Inode`; 0: it stays outside.
        pub inode: U32,
        /// `SEGMENT_*`.
        pub flags: U32,
        /// The id.
        pub id: U32,
        /// The key; 0: none.
        pub key: U32,
        /// The key that it was made with.
        pub named: U32,
        /// Permissions.
        pub mode: U32,
        /// Owner and its group.
        pub owner: [U32; 2],
        /// Creator and its group.
        pub creator: [U32; 2],
        /// Time of the last attach.
        pub atime: U64,
        /// Time of the last detach.
        pub dtime: U64,
        /// Time of the last change.
        pub ctime: U64,
        /// Process that has made it.
        pub cpid: U32,
        /// Process that attached or detached it last.
        pub lpid: U32,
        /// Thread that has made it; 0: that has exited.
        pub maker: U32,
        /// Zero.
        pub reserved: U32,
        /// Bytes of one that stays outside.
        pub size: U64,
    }
}

flags! {
    "Segment.flags": u32, SEGMENT_FLAG_LIST, SEGMENT_FLAGS;
    /// Was removed (IPC_RMID), and goes with its last mapping.
    SEGMENT_REMOVED = 1 << 0,
    /// Is locked in memory (SHM_LOCK).
    SEGMENT_LOCKED = 1 << 1,
    /// Is not in the image: the one with its id is attached that is there at the restart.
    SEGMENT_OUTSIDE = 1 << 2,
}

record! {
    /// A set of semaphores. Payload: a [`Semaphore`] for each. Adjustments of them follow.
    #[record(SemSet = 177, "semaphores", min = 64, check = sem_set, object)]
    pub struct SemSet {
        /// Reference of this object.
        pub obj: U32,
        /// The [`IpcNs`] that it is in.
        pub ns: U32,
        /// The id.
        pub id: U32,
        /// The key; 0: none.
        pub key: U32,
        /// Permissions.
        pub mode: U32,
        /// How many semaphores it has.
        pub nsems: U32,
        /// Owner and its group.
        pub owner: [U32; 2],
        /// Creator and its group.
        pub creator: [U32; 2],
        /// Number of [`SemUndo`] records that follow.
        pub undos: U32,
        /// Zero.
        pub reserved: U32,
        /// Time of the last semop(2).
        pub otime: U64,
        /// Time of the last change.
        pub ctime: U64,
    }
}

/// Highest value of a semaphore.
pub const SEM_VALUE_MAX: u32 = 32767;

structure! {
    /// A semaphore.
    pub struct Semaphore {
        /// Its value.
        pub value: U32,
        /// Process that has changed it last.
        pub pid: U32,
    }
}

record! {
    /// Adjustments of the [`SemSet`] before it that are to be made when the last task with `list`
    /// exits (SEM_UNDO). Payload: one for each semaphore, signed, of 16 bits.
    #[record(SemUndo = 178, "semaphore adjustments", min = 8, check = sem_undo)]
    pub struct SemUndo {
        /// An [`UndoList`], higher than in the record before.
        pub list: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// Who shares adjustments of semaphores (CLONE_SYSVSEM): tasks refer to it.
    #[record(UndoList = 179, "list of semaphore adjustments", min = 16, check = undo_list, object = undo_list_object)]
    pub struct UndoList {
        /// Reference of this object.
        pub obj: U32,
        /// The ipc namespace of all tasks that have it; 0: that of the caller.
        pub ns: U32,
        /// A live thread that has it.
        pub tid: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A message queue. What is in it follows.
    #[record(MsgQueue = 180, "message queue", min = 80, check = msg_queue, object)]
    pub struct MsgQueue {
        /// Reference of this object.
        pub obj: U32,
        /// The [`IpcNs`] that it is in.
        pub ns: U32,
        /// The id.
        pub id: U32,
        /// The key; 0: none.
        pub key: U32,
        /// Permissions.
        pub mode: U32,
        /// Number of [`Message`] records that follow.
        pub messages: U32,
        /// Owner and its group.
        pub owner: [U32; 2],
        /// Creator and its group.
        pub creator: [U32; 2],
        /// Process that has sent a message last.
        pub lspid: U32,
        /// Process that has received one last.
        pub lrpid: U32,
        /// Time of the last msgsnd(2).
        pub stime: U64,
        /// Time of the last msgrcv(2).
        pub rtime: U64,
        /// Time of the last change.
        pub ctime: U64,
        /// How many bytes it takes.
        pub qbytes: U64,
    }
}

record! {
    /// A message of the [`MsgQueue`] before it, the oldest first. Payload: its bytes.
    #[record(Message = 181, "message", min = 8, check = message)]
    pub struct Message {
        /// Its type.
        pub mtype: U64,
    }
}

/// Longest name of a POSIX message queue, in bytes.
pub const QUEUE_NAME_MAX: usize = 255;

record! {
    /// A POSIX message queue. Payload: its name. What is in it follows.
    #[record(PosixQueue = 182, "POSIX message queue", min = 88, check = posix_queue, object)]
    pub struct PosixQueue {
        /// Reference of this object.
        pub obj: U32,
        /// The [`IpcNs`] that it is in; 0: that of the caller.
        pub ns: U32,
        /// `QUEUE_*`.
        pub flags: U32,
        /// Permissions.
        pub mode: U32,
        /// Owner and its group.
        pub owner: [U32; 2],
        /// The user that it is accounted to.
        pub user: U32,
        /// Number of [`PosixMessage`] records that follow.
        pub messages: U32,
        /// How many messages it takes.
        pub max_messages: U32,
        /// How many bytes a message may have.
        pub max_bytes: U32,
        /// Whom it notifies of the next message (mq_notify(3)), the pid of a process; 0: nobody.
        pub process: U32,
        /// How: `QUEUE_NOTIFY_*`.
        pub notify: U32,
        /// By what signal.
        pub signal: U32,
        /// Zero.
        pub reserved: U32,
        /// With what value.
        pub value: U64,
        /// Time of last access.
        pub atime: U64,
        /// Time of the last modification.
        pub mtime: U64,
        /// Nanoseconds of the former.
        pub atime_nsec: U32,
        /// Nanoseconds of the latter.
        pub mtime_nsec: U32,
    }
}

flags! {
    "PosixQueue.flags": u32, QUEUE_FLAG_LIST, QUEUE_FLAGS;
    /// Its name was removed (mq_unlink(3)).
    QUEUE_REMOVED = 1 << 0,
    /// The process that is to be notified has executed another program since, and is not.
    QUEUE_EXECED = 1 << 1,
}

values! {
    "PosixQueue.notify": u32, QUEUE_NOTIFIES;
    /// By nothing (SIGEV_NONE), or nobody.
    QUEUE_NOTIFY_NONE = 0,
    /// By a signal (SIGEV_SIGNAL).
    QUEUE_NOTIFY_SIGNAL = 1,
}

/// Highest priority of a message.
pub const PRIORITY_MAX: u32 = 32767;

record! {
    /// A message of the [`PosixQueue`] before it, in the order in which they are received. Payload:
    /// its bytes.
    #[record(PosixMessage = 183, "POSIX message", min = 8, check = posix_message)]
    pub struct PosixMessage {
        /// Its priority.
        pub priority: U32,
        /// Zero.
        pub reserved: U32,
    }
}
