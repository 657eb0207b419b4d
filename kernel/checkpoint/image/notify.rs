// SPDX-License-Identifier: GPL-2.0

//! Records of what watches files.

use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    values, //
};

mod check;

/// Most watches of one instance.
pub const WATCHES_MAX: u32 = 1 << 20;

/// Most events in the queue of one instance.
pub const EVENTS_MAX: u32 = 1 << 20;

/// Most events in the queue of one fanotify group: they are copied under a lock.
pub const FANOTIFY_EVENTS_MAX: u32 = 1 << 17;

/// Most bytes of a file handle of an event, which has a multiple of four.
pub const HANDLE_MAX: usize = 128;

/// Longest name of an event, in bytes: what no path can have in it is longer.
pub const NAME_MAX: usize = 4095;

/// Bits of [`InotifyWatch::mask`] and [`InotifyEvent::mask`], as of inotify(7).
pub mod inotify {
    /// IN_ALL_EVENTS: what can be watched for.
    pub const ALL_EVENTS: u32 = 0xfff;
    /// IN_UNMOUNT.
    pub const UNMOUNT: u32 = 1 << 13;
    /// IN_Q_OVERFLOW.
    pub const OVERFLOW: u32 = 1 << 14;
    /// IN_IGNORED.
    pub const IGNORED: u32 = 1 << 15;
    /// IN_EXCL_UNLINK.
    pub const EXCL_UNLINK: u32 = 1 << 26;
    /// IN_ISDIR.
    pub const ISDIR: u32 = 1 << 30;
    /// IN_ONESHOT.
    pub const ONESHOT: u32 = 1 << 31;

    /// What a watch can have.
    pub const OF_WATCHES: u32 = ALL_EVENTS | EXCL_UNLINK | ONESHOT;
    /// What an event can have.
    pub const OF_EVENTS: u32 = ALL_EVENTS | UNMOUNT | OVERFLOW | IGNORED | ISDIR;
}

/// Bits of [`FanotifyMark::flags`], and of masks of marks and events, as of fanotify_mark(2).
pub mod fanotify {
    /// FAN_MARK_IGNORED_SURV_MODIFY: what is ignored stays so when the file is modified.
    pub const SURVIVES: u32 = 1 << 6;
    /// FAN_MARK_MOUNT: the mount is marked that has its root at the path.
    pub const MOUNT: u32 = 1 << 4;
    /// FAN_MARK_FILESYSTEM: the filesystem is marked, and not the inode.
    pub const FILESYSTEM: u32 = 1 << 8;
    /// FAN_MARK_EVICTABLE.
    pub const EVICTABLE: u32 = 1 << 9;
    /// FAN_MARK_IGNORE: what is ignored has flags of its own.
    pub const IGNORE: u32 = 1 << 10;

    /// What a mark can have.
    pub const OF_MARKS: u32 = SURVIVES | FILESYSTEM | EVICTABLE | IGNORE | MOUNT;

    /// Events that ask for permission, which no mark and no event of an image has.
    pub const PERMISSIONS: u32 = 0x17_0000;
    /// FAN_REPORT_PIDFD of fanotify_init(2).
    pub const REPORT_PIDFD: u32 = 1 << 7;
    /// FAN_Q_OVERFLOW: the queue was full.
    pub const OVERFLOW: u32 = 1 << 14;
    /// FAN_FS_ERROR.
    pub const ERROR: u32 = 1 << 15;
    /// FAN_RENAME.
    pub const RENAME: u32 = 1 << 28;
    /// FAN_ONDIR and FAN_EVENT_ON_CHILD.
    pub const ONLY_FLAGS: u32 = 1 << 30 | 1 << 27;

    /// Events of files.
    pub const OF_FILES: u32 = 0x1fff | RENAME;
    /// Bits of [`FanotifyFid::dir`](super::FanotifyFid::dir) and the like that are the type of the
    /// file handle.
    pub const HANDLE_TYPE: u32 = 0xff;
}

record! {
    /// A fanotify group.
    #[record(Fanotify = 187, "fanotify group", min = 24, check = fanotify, object)]
    pub struct Fanotify {
        /// Reference of this object.
        pub obj: U32,
        /// FAN_*, as of fanotify_init(2).
        pub flags: U32,
        /// O_* of files that it opens for events, as the architecture has them.
        pub event_flags: U32,
        /// `FANOTIFY_*`.
        pub how: U32,
        /// Number of [`FanotifyMark`] records that follow.
        pub marks: U32,
        /// Number of [`FanotifyEvent`] and [`FanotifyFid`] records that follow them.
        pub events: U32,
    }
}

flags! {
    "Fanotify.how": u32, FANOTIFY_HOW_LIST, FANOTIFY_HOW;
    /// Who has made it had no CAP_SYS_ADMIN: events tell neither pids nor descriptors.
    FANOTIFY_UNPRIVILEGED = 1 << 0,
}

record! {
    /// A mark of the [`Fanotify`] before it; payload: a path that leads to what is marked, or to the root
    /// of the filesystem or mount.
    #[record(FanotifyMark = 188, "fanotify mark", min = 40, check = fanotify_mark)]
    pub struct FanotifyMark {
        /// FAN_*: events.
        pub mask: U32,
        /// FAN_*: events that are ignored.
        pub ignored: U32,
        /// FAN_MARK_*.
        pub flags: U32,
        /// File type and permissions of what is at the path, as of stat(2).
        pub mode: U32,
        /// Generation of its inode.
        pub generation: U32,
        /// The mount that the path is on, as in `OpenFile`.
        pub mount: U32,
        /// Its device, as in `OpenFile`.
        pub dev: U64,
        /// Its inode number; 0: it has none that stays.
        pub ino: U64,
    }
}

record! {
    /// An event in the queue of a [`Fanotify`], oldest first, that opens a file, or that the queue was
    /// full; payload: the path of the file.
    #[record(FanotifyEvent = 265, "fanotify event", min = 40, check = fanotify_event)]
    pub struct FanotifyEvent {
        /// FAN_*, as of read(2).
        pub mask: U32,
        /// The pid of who has caused it in the root's pid namespace; 0: none.
        pub pid: U32,
        /// The `PidfdTarget` with that pid, of a group that reports pidfds; 0: none.
        pub target: U32,
        /// File type and permissions of what is at the path, as of stat(2).
        pub mode: U32,
        /// Generation of its inode.
        pub generation: U32,
        /// The mount that the path is on, as in `OpenFile`.
        pub mount: U32,
        /// Its device, as in `OpenFile`.
        pub dev: U64,
        /// Its inode number; 0: it has none that stays.
        pub ino: U64,
    }
}

record! {
    /// An event in the queue of a [`Fanotify`] that tells of a file by file handles; payload: these,
    /// those that there are, of the directory, the new directory and the object, then the two names
    /// without a NUL.
    #[record(FanotifyFid = 267, "fanotify handle event", min = 56, check = fanotify_fid)]
    pub struct FanotifyFid {
        /// FAN_*, as of read(2), and FAN_EVENT_ON_CHILD.
        pub mask: U32,
        /// The pid of who has caused it, as in [`FanotifyEvent`].
        pub pid: U32,
        /// The `PidfdTarget` with that pid, as there.
        pub target: U32,
        /// `FANOTIFY_BY_*`.
        pub kind: U32,
        /// The filesystem, as of statfs(2).
        pub fsid: U64,
        /// What a filesystem has reported, an error of Linux, with the sign that it tells it with.
        pub error: I32,
        /// How many errors it has had.
        pub errors: U32,
        /// Type of the file handle of the directory, and 256 times its bytes; 0: it has none.
        pub dir: U32,
        /// Likewise, of the directory that it was renamed to.
        pub dir2: U32,
        /// Likewise, of the file itself.
        pub object: U32,
        /// Bytes of the name in the directory.
        pub name: U32,
        /// Bytes of the name in the directory that it was renamed to.
        pub name2: U32,
        /// Zero.
        pub reserved: U32,
    }
}

values! {
    "FanotifyFid.kind": u32, FANOTIFY_FID_KINDS;
    /// By the file handle of one object.
    FANOTIFY_BY_OBJECT = 1,
    /// By several file handles, or names.
    FANOTIFY_BY_NAME = 2,
    /// By that of the object that has an error of its filesystem.
    FANOTIFY_BY_ERROR = 3,
}

record! {
    /// An inotify instance.
    #[record(Inotify = 114, "inotify instance", min = 16, check = inotify, object)]
    pub struct Inotify {
        /// Reference of this object.
        pub obj: U32,
        /// Number of [`InotifyWatch`] records that follow.
        pub watches: U32,
        /// Number of [`InotifyEvent`] records that follow them.
        pub events: U32,
        /// The watch descriptor from which on the next free one is looked for.
        pub next: U32,
    }
}

record! {
    /// A watch of the [`Inotify`] before it, by ascending watch descriptor; payload: its
    /// path, none with `inode`.
    #[record(InotifyWatch = 115, "inotify watch", min = 40, check = inotify_watch)]
    pub struct InotifyWatch {
        /// Its watch descriptor.
        pub wd: U32,
        /// IN_*, as of inotify_add_watch(2): events, IN_EXCL_UNLINK and IN_ONESHOT.
        pub mask: U32,
        /// The `Inode` that is watched, of a removed file; 0: what is at the path.
        pub inode: U32,
        /// File type and permissions of what is at the path, as of stat(2).
        pub mode: U32,
        /// Generation of its inode.
        pub generation: U32,
        /// The mount that the path is on, as in `OpenFile`.
        pub mount: U32,
        /// Its device, as in `OpenFile`.
        pub dev: U64,
        /// Its inode number; 0: it has none that stays.
        pub ino: U64,
    }
}

record! {
    /// An event in the queue of an [`Inotify`], oldest first; payload: the name that it tells,
    /// without a NUL.
    #[record(InotifyEvent = 116, "inotify event", min = 16, check = inotify_event)]
    pub struct InotifyEvent {
        /// Watch descriptor; -1: of none, as the queue was full.
        pub wd: I32,
        /// IN_*, as of read(2).
        pub mask: U32,
        /// What the two events of a rename have in common.
        pub cookie: U32,
        /// `INOTIFY_*`.
        pub flags: U32,
    }
}

flags! {
    "InotifyEvent.flags": u32, INOTIFY_EVENT_FLAG_LIST, INOTIFY_EVENT_FLAGS;
    /// It is about something in a directory that is watched. Of two events that are the same in
    /// this, too, the second one is dropped.
    INOTIFY_ON_CHILD = 1 << 0,
    /// A file was opened to be executed; likewise.
    INOTIFY_EXEC = 1 << 1,
}
