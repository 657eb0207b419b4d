// SPDX-License-Identifier: GPL-2.0

//! Records of what watches files.

use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

use super::layout::{
    flags,
    record, //
};

mod check;

/// Most watches of one instance.
pub const WATCHES_MAX: u32 = 1 << 20;

/// Most events in the queue of one instance.
pub const EVENTS_MAX: u32 = 1 << 20;

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

/// Bits of [`FanotifyMark::flags`] and of its masks, as of fanotify_mark(2).
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

    /// Events that ask for permission, which no mark of an image has.
    pub const PERMISSIONS: u32 = 0x17_0000;
}

record! {
    /// A fanotify group all of whose events were read.
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
        /// Zero.
        pub reserved: U32,
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
        /// File type and permissions of what lies at the path, as of stat(2).
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
        /// The `Inode` that is watched, of a removed file; 0: what lies at the path.
        pub inode: U32,
        /// File type and permissions of what lies at the path, as of stat(2).
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
    /// It is about what lies in a directory that is watched. Of two events that are the same in
    /// this, too, the second one is dropped.
    INOTIFY_ON_CHILD = 1 << 0,
    /// A file was opened to be executed; likewise.
    INOTIFY_EXEC = 1 << 1,
}
