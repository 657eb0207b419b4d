// SPDX-License-Identifier: GPL-2.0

//! Records of files.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    structure,
    values, //
};

pub mod cgroup;
pub(super) mod check;
mod check_inodes;
mod check_locks;
pub mod pidfd;
pub mod proc;
pub mod uring;

/// Most descriptors of one table.
pub const FDS_MAX: usize = 1 << 20;

record! {
    /// A descriptor table; payload: [`Fd`]s by ascending number.
    #[record(Files = 96, "descriptor table", min = 8, check = table, object)]
    pub struct Table {
        /// Reference of this object.
        pub obj: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A descriptor.
    pub struct Fd {
        /// Its number.
        pub fd: U32,
        /// The open file.
        pub file: U32,
        /// 1: close-on-exec.
        pub cloexec: U32,
        /// What the directory is watched for by this descriptor (F_NOTIFY), `NOTIFY_*`; 0: it is
        /// not.
        pub notify: U32,
    }
}

flags! {
    "Fd.notify": u32, NOTIFY_LIST, NOTIFY_ALL;
    /// DN_ACCESS.
    NOTIFY_ACCESS = 1 << 0,
    /// DN_MODIFY.
    NOTIFY_MODIFY = 1 << 1,
    /// DN_CREATE.
    NOTIFY_CREATE = 1 << 2,
    /// DN_DELETE.
    NOTIFY_DELETE = 1 << 3,
    /// DN_RENAME.
    NOTIFY_RENAME = 1 << 4,
    /// DN_ATTRIB.
    NOTIFY_ATTRIB = 1 << 5,
    /// DN_MULTISHOT: until that is taken back, not only once.
    NOTIFY_MULTISHOT = 1 << 31,
}

values! {
    "OpenFile.kind": u32, FILE_KINDS;
    /// Regular file, by path.
    FILE_REGULAR = 1,
    /// Directory, by path, or a removed one, which is `inode`.
    FILE_DIRECTORY = 2,
    /// Regular file without a name; `inode` holds it.
    FILE_UNLINKED = 3,
    /// End of an anonymous pipe; `inode` is the [`Pipe`].
    FILE_PIPE = 4,
    /// End of a named pipe, by path; `inode` is the [`Pipe`]. Payload of a removed one: the path of
    /// the directory that it was in, or of the next one above that still is there, a NUL, and its
    /// own path.
    FILE_FIFO = 5,
    /// One of the memory devices, by path; `inode` is the device number. Of one that was removed there is
    /// no path, and `inode` is the [`Removed`].
    FILE_DEVICE = 6,
    /// Anonymous memory shared between tasks; `inode` holds it. Has no
    /// descriptor, only mappings.
    FILE_SHARED_ANON = 7,
    /// Eventfd; `size` is its counter.
    FILE_EVENTFD = 8,
    /// Timerfd; `inode` is the [`Timerfd`].
    FILE_TIMERFD = 9,
    /// Signalfd; `size` is the mask of the signals that it takes.
    FILE_SIGNALFD = 10,
    /// An epoll instance; `inode` is its record.
    FILE_EPOLL = 11,
    /// A memfd; `inode` holds it.
    FILE_MEMFD = 12,
    /// Regular file, by another path than that by which it was opened, which was removed. Payload:
    /// that path, a NUL, the removed one.
    FILE_ALIAS = 13,
    /// Neither file nor directory, by path, opened with O_PATH; `inode` is the number of a device. Of what
    /// was removed there is no path, and `inode` is the [`Removed`].
    FILE_PATH = 14,
    /// An inotify instance; `inode` is the `Inotify`.
    FILE_INOTIFY = 15,
    /// Attach of System V shared memory; `inode` is the `Segment`. Has no
    /// descriptor, only mappings.
    FILE_SYSV_SHM = 17,
    /// POSIX message queue; `inode` is the `PosixQueue`.
    FILE_MQUEUE = 18,
    /// Pidfd; `inode` is the `PidfdTarget`.
    FILE_PIDFD = 19,
    /// Namespace, as of /proc/PID/ns; `inode` is the `Uts`,
    /// `IpcNs` or `NetNs`, or the pid of the init of a pid namespace below the root's; 0:
    /// the caller's, of pids and clocks the root's.
    FILE_NAMESPACE = 20,
    /// File or directory of procfs or sysfs, by path; `inode` is the
    /// `ProcEntry` of one that is of a task.
    FILE_PROC = 21,
    /// Open file that stays outside, by the name that it had; whatever it is, only
    /// how it was open is known.
    FILE_EXTERNAL = 22,
    /// File or directory of cgroupfs (v2), by path; `inode` is the `CgroupEntry` of one of the
    /// cgroup of the tasks.
    FILE_CGROUP = 23,
    /// An io_uring; `inode` is the `Uring`.
    FILE_IO_URING = 24,
    /// File, directory or device, by path: what is there at the restart is opened, as
    /// long as it is of the same type.
    FILE_REOPENED = 120,
    /// Regular file with a name whose contents are in the image, by path; `inode` is the `Inode`.
    FILE_CONTENTS = 28,
    /// Socket; `inode` is the `Socket`.
    FILE_SOCKET = 25,
    /// A fanotify group; `inode` is the `Fanotify`.
    FILE_FANOTIFY = 26,
    /// What tells of checkpoint and restart (PR_CHECKPOINT_EVENTS). `size`: how many times it was
    /// restarted, in the low 32 bits, and how many events were not read, in the high ones.
    FILE_EVENTS = 30,
    /// A userfaultfd; `inode` is the `Userfaultfd`.
    FILE_USERFAULTFD = 27,
    /// /dev/userfaultfd, by path.
    FILE_USERFAULTFD_DEVICE = 203,
    /// /dev/net/tun, by path; `inode` is the `TunQueue`.
    FILE_TUN = 243,
}

/// Kinds whose files may have [`open::CREATED`] and [`open::QUIET`]: they are opened at what has or had a
/// path, and by the tasks. Of others the kernel decides.
pub const FILE_MARKED: [u32; 12] = [
    FILE_REGULAR,
    FILE_ALIAS,
    FILE_CONTENTS,
    FILE_UNLINKED,
    FILE_DIRECTORY,
    FILE_FIFO,
    FILE_DEVICE,
    FILE_PROC,
    FILE_CGROUP,
    FILE_REOPENED,
    FILE_USERFAULTFD_DEVICE,
    FILE_TUN,
];

/// Bits of [`OpenFile::flags`].
pub mod open {
    use super::flags;

    flags! {
        "OpenFile.flags": u32, LIST, ALL;
        /// Readable.
        READ = 1 << 0,
        /// Writable.
        WRITE = 1 << 1,
        /// O_APPEND.
        APPEND = 1 << 2,
        /// O_NONBLOCK.
        NONBLOCK = 1 << 3,
        /// O_DSYNC.
        DSYNC = 1 << 4,
        /// O_SYNC.
        SYNC = 1 << 5,
        /// O_DIRECT.
        DIRECT = 1 << 6,
        /// O_NOATIME.
        NOATIME = 1 << 7,
        /// O_PATH.
        PATH = 1 << 8,
        /// O_LARGEFILE.
        LARGEFILE = 1 << 9,
        /// O_DIRECTORY.
        DIRECTORY = 1 << 10,
        /// O_NOFOLLOW.
        NOFOLLOW = 1 << 11,
        /// POSIX_FADV_RANDOM.
        RANDOM = 1 << 12,
        /// POSIX_FADV_SEQUENTIAL.
        SEQUENTIAL = 1 << 13,
        /// POSIX_FADV_NOREUSE.
        NOREUSE = 1 << 14,
        /// Opened by exec(2): may be executed, but maybe not read.
        EXEC = 1 << 15,
        /// EFD_SEMAPHORE: each read of the eventfd takes one.
        SEMAPHORE = 1 << 16,
        /// Is what memfd_create(2) has returned: the only one that is open for writing and does not
        /// keep the memfd from being executed.
        FIRST = 1 << 20,
        /// Opened with access mode 3: the right to read and to write was wanted, for neither.
        NO_ACCESS = 1 << 21,
        /// O_ASYNC, given to open(2) of a file that sends no signals.
        ASYNC = 1 << 22,
        /// It was made by being opened (F_CREATED_QUERY).
        CREATED = 1 << 23,
        /// What is done with it is no event for who watches files: an event of fanotify gave it.
        QUIET = 1 << 24,
    }
}

/// Most bytes of the name of an open file that stays outside.
pub const EXTERNAL_NAME_MAX: usize = 4095;

/// [`OpenFile::size`] of a file that was still growing.
pub const SIZE_UNKNOWN: u64 = i64::MAX as u64;

/// [`OpenFile::mtime_nsec`] of a file whose time of modification was not known.
pub const NSEC_UNKNOWN: u32 = u32::MAX;

record! {
    /// An open file; payload: its path, where `kind` wants one. That of a removed file is what it
    /// was.
    #[record(File = 97, "open file", min = 72, check = file, object = file_object)]
    pub struct OpenFile {
        /// Reference of this object.
        pub obj: U32,
        /// `FILE_*`.
        pub kind: U32,
        /// `open::*`.
        pub flags: U32,
        /// Meaning depends on `kind`; 0: none.
        pub inode: U32,
        /// File position in bytes. Of an end of a named pipe: 1 if nobody had the pipe open for
        /// writing since this end was opened. Of a pidfd: bit 0 is PIDFD_THREAD, bit 1 that it was
        /// made with CLONE_PIDFD_AUTOKILL. Of a namespace its kind: 1 cgroup, 2 ipc, 3 mount, 4
        /// network, 5 pid, 6 time, 7 user, 8 uts.
        pub pos: U64,
        /// Size of a regular file in bytes; 2^63 - 1: not known, as it was still growing. The
        /// counter of an eventfd, the mask of a signalfd.
        pub size: U64,
        /// Credentials that the file was opened with; 0: those of the task that has it first.
        pub cred: U32,
        /// File type and permissions, as of stat(2).
        pub mode: U32,
        /// Time of last modification of a regular file: seconds since 1970, signed.
        pub mtime: U64,
        /// Nanoseconds of it; 2^32 - 1: not known, as its server has not got all data.
        pub mtime_nsec: U32,
        /// Generation of the inode of a file with a path.
        pub generation: U32,
        /// Device of a file with a path: major number in the high half, minor number in the low
        /// one.
        pub dev: U64,
        /// Inode number of a file with a path; 0: it has none that stays.
        pub ino: U64,
        /// The `Mount` that the path is on; 0: there is no path, or it starts at the root directory
        /// of the caller.
        pub mount: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// An inode that has no name, or whose contents were asked for; payload: the path of a
    /// directory on its filesystem, none for anonymous memory, its name for a memfd, its own path
    /// if it has a name. Its contents are in extents; what no extent holds is a hole.
    #[record(Inode = 98, "inode", min = 56, check = inode, object = inode_object)]
    pub struct Inode {
        /// Reference of this object.
        pub obj: U32,
        /// Permissions, as of stat(2).
        pub mode: U32,
        /// Size in bytes.
        pub size: U64,
        /// Owner and group, in the user namespace of the caller.
        pub owner: [U32; 2],
        /// Time of last access of a removed file or a memfd: seconds since 1970, signed.
        pub atime: U64,
        /// Time of its last modification, likewise.
        pub mtime: U64,
        /// Nanoseconds of the former.
        pub atime_nsec: U32,
        /// Nanoseconds of the latter.
        pub mtime_nsec: U32,
        /// `INODE_*`.
        pub flags: U32,
        /// Seals of a memfd: `seal::*`.
        pub seals: U32,
        /// Number of [`Xattr`] records that follow.
        pub xattrs: U32,
        /// Zero.
        pub reserved: U32,
        /// The mount that the path is on, as in [`OpenFile`].
        pub mount: U32,
        /// Zero.
        pub reserved2: U32,
    }
}

/// Longest name of an extended attribute, in bytes.
pub const XATTR_NAME_MAX: usize = 255;

/// Most bytes of its value.
pub const XATTR_SIZE_MAX: usize = 1 << 16;

record! {
    /// An extended attribute of the [`Inode`] or [`Removed`] before it, as of getxattr(2). Payload: its
    /// name, a NUL, its value.
    #[record(Xattr = 111, "extended attribute", min = 8, check = xattr)]
    pub struct Xattr {
        /// Bytes of the value.
        pub size: U32,
        /// Zero.
        pub reserved: U32,
    }
}

flags! {
    "Inode.flags": u32, INODE_FLAG_LIST, INODE_FLAGS;
    /// Was made without a name, and may be given one (linkat).
    INODE_LINKABLE = 1 << 0,
    /// Anonymous memory for which nothing is set aside in advance (MAP_NORESERVE).
    INODE_NORESERVE = 1 << 1,
    /// A memfd.
    INODE_MEMFD = 1 << 2,
    /// A regular file with a name: the payload is its path.
    INODE_NAMED = 1 << 3,
}

/// Longest name of a memfd, in bytes.
pub const MEMFD_NAME_MAX: usize = 249;

/// Bits of [`Inode::seals`].
pub mod seal {
    use super::flags;

    flags! {
        "Inode.seals": u32, LIST, ALL;
        /// F_SEAL_SEAL: no seals can be added.
        SEAL = 1 << 0,
        /// F_SEAL_SHRINK.
        SHRINK = 1 << 1,
        /// F_SEAL_GROW.
        GROW = 1 << 2,
        /// F_SEAL_WRITE.
        WRITE = 1 << 3,
        /// F_SEAL_FUTURE_WRITE.
        FUTURE_WRITE = 1 << 4,
        /// F_SEAL_EXEC: what may execute it can't be changed.
        EXEC = 1 << 5,
    }
}

/// Returns the name and value in the payload of an [`Xattr`].
pub fn name_and_value(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let nul = payload.iter().position(|&b| b == 0)?;
    Some((payload.get(..nul)?, payload.get(nul + 1..)?))
}

record! {
    /// A pipe.
    #[record(Pipe = 100, "pipe", min = 24, check = pipe, object = pipe_object)]
    pub struct Pipe {
        /// Reference of this object.
        pub obj: U32,
        /// Number of [`PipeBuffer`] records that follow.
        pub buffers: U32,
        /// Size in bytes, as of F_GETPIPE_SZ.
        pub size: U32,
        /// 1: a named one.
        pub named: U32,
        /// Owner and group of one without a name, or that was removed, in the user namespace of the
        /// caller.
        pub owner: [U32; 2],
        /// A named one that was removed, and that somebody has by its path, too (O_PATH): a
        /// [`Removed`]; 0: nobody.
        pub removed: U32,
        /// Zero.
        pub reserved: U32,
    }
}

/// Largest size of a pipe, in bytes.
pub const PIPE_MAX: u32 = 1 << 30;

record! {
    /// A buffer of the [`Pipe`] before it; payload: bytes, oldest buffer first.
    #[record(PipeBuffer = 101, "pipe buffer", min = 8, check = pipe_buffer)]
    pub struct PipeBuffer {
        /// 1: a packet, as written with O_DIRECT.
        pub packet: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// Root, working directory and umask.
    #[record(Fs = 102, "filesystem context", min = 16, check = fs, object)]
    pub struct Fs {
        /// Reference of this object.
        pub obj: U32,
        /// The umask.
        pub umask: U32,
        /// Root directory, a [`Path`]; 0: the caller's.
        pub root: U32,
        /// Working directory, a [`Path`]; 0: `removed`.
        pub pwd: U32,
        /// Working directory that was removed, a [`Removed`]; 0: `pwd`.
        pub removed: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// What was removed and is no regular file; payload: the path of the directory that it was in, or of
    /// the next one above that still is there, a NUL, and its own path; of a symbolic link another NUL,
    /// and where it leads.
    #[record(Removed = 112, "removed inode", min = 48, check = removed, object = removed_object)]
    pub struct Removed {
        /// Reference of this object.
        pub obj: U32,
        /// Permissions, as of stat(2).
        pub mode: U32,
        /// Owner and group, in the user namespace of the caller.
        pub owner: [U32; 2],
        /// Time of last access: seconds since 1970, signed.
        pub atime: U64,
        /// Time of its last modification, likewise.
        pub mtime: U64,
        /// Nanoseconds of the former.
        pub atime_nsec: U32,
        /// Nanoseconds of the latter.
        pub mtime_nsec: U32,
        /// The mount that both paths are on, as in [`OpenFile`].
        pub mount: U32,
        /// Number of a device, as in `OpenFile.inode`; 0: it is none.
        pub device: U32,
        /// File type, as of stat(2); 0: a device that has characters, or a directory if that has no number.
        pub file_type: U32,
        /// Number of [`Xattr`] records that follow: its labels.
        pub xattrs: U32,
    }
}

impl Removed {
    /// Returns its file type, as of stat(2).
    pub fn real_type(&self) -> u32 {
        match (self.file_type.get(), self.device.get()) {
            (0, 0) => check::TYPE_DIRECTORY,
            (0, _) => check::TYPE_CHAR,
            (file_type, _) => file_type,
        }
    }
}

/// Returns the two paths in the payload of a [`Removed`] that is a symbolic link, as in that of others,
/// and where it leads.
pub fn paths_and_target(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = payload.iter().position(|&b| b == 0)?;
    let after = payload.get(first + 1..)?;
    let nul = first + 1 + after.iter().position(|&b| b == 0)?;
    Some((payload.get(..nul)?, payload.get(nul + 1..)?))
}

/// Most bytes of where a symbolic link leads.
pub const LINK_MAX: usize = 4095;

record! {
    /// A directory; payload: its path.
    #[record(Path = 103, "path", min = 24, check = path, object)]
    pub struct Path {
        /// Reference of this object.
        pub obj: U32,
        /// Generation of its inode.
        pub generation: U32,
        /// Its device, as in [`OpenFile`].
        pub dev: U64,
        /// Its inode number; 0: it has none that stays.
        pub ino: U64,
        /// The mount that the path is on, as in [`OpenFile`].
        pub mount: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// The timer of a timerfd, as timerfd_gettime(2) would leave it.
    #[record(Timerfd = 104, "timerfd", min = 40, check = timerfd, object)]
    pub struct Timerfd {
        /// Reference of this object.
        pub obj: U32,
        /// `TIMERFD_CLOCK_*`.
        pub clock: U32,
        /// `timerfd::*`.
        pub flags: U32,
        /// Zero.
        pub reserved: U32,
        /// When it expires next, on its clock as the tasks see it. If it is not armed: what
        /// timerfd_gettime(2) takes for that.
        pub expires: U64,
        /// Time between two expiries; 0: there is one only.
        pub interval: U64,
        /// How often it has expired since that was read.
        pub ticks: U64,
    }
}

values! {
    "Timerfd.clock": u32, TIMERFD_CLOCKS;
    /// CLOCK_REALTIME.
    TIMERFD_CLOCK_REALTIME = 0,
    /// CLOCK_MONOTONIC.
    TIMERFD_CLOCK_MONOTONIC = 1,
    /// CLOCK_BOOTTIME.
    TIMERFD_CLOCK_BOOTTIME = 7,
    /// CLOCK_REALTIME_ALARM.
    TIMERFD_CLOCK_REALTIME_ALARM = 8,
    /// CLOCK_BOOTTIME_ALARM.
    TIMERFD_CLOCK_BOOTTIME_ALARM = 9,
}

/// Bits of [`Timerfd::flags`].
pub mod timerfd {
    use super::flags;

    flags! {
        "Timerfd.flags": u32, LIST, ALL;
        /// It will expire.
        ARMED = 1 << 0,
        /// Of CLOCK_REALTIME: it was armed by a relative time, and `expires` is on CLOCK_MONOTONIC.
        RELATIVE = 1 << 1,
        /// It is cancelled when its clock is set.
        CANCEL_ON_SET = 1 << 2,
        /// Its clock was set, and no read has reported it yet.
        CANCELED = 1 << 3,
        /// It was set with TFD_TIMER_ABSTIME.
        SET_ABSTIME = 1 << 4,
        /// It was set with TFD_TIMER_CANCEL_ON_SET.
        SET_CANCEL_ON_SET = 1 << 5,
    }
}

record! {
    /// Locks of the [`Table`] or [`OpenFile`] right before it; payload: [`Lock`]s.
    #[record(Locks = 108, "file locks", min = 8, check = locks)]
    pub struct Locks {
        /// That object.
        pub owner: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A lock of a file.
    pub struct Lock {
        /// First byte.
        pub start: U64,
        /// Last byte; 2^63 - 1: however long the file becomes.
        pub end: U64,
        /// `LOCK_*`.
        pub kind: U32,
        /// 1: keeps all others out; 0: is shared with others of its kind.
        pub exclusive: U32,
        /// The process that has taken it; 0: none that is in the image.
        pub pid: U32,
        /// Descriptor of the file in the table that owns it; 0 if that is an open file.
        pub fd: U32,
    }
}

values! {
    "Lock.kind": u32, LOCK_KINDS;
    /// F_SETLK; a [`Table`] owns it.
    LOCK_POSIX = 1,
    /// F_OFD_SETLK; an [`OpenFile`] owns it.
    LOCK_OFD = 2,
    /// flock(2); an [`OpenFile`] owns it.
    LOCK_FLOCK = 3,
}

/// Most locks of one record.
pub const LOCKS_MAX: usize = 1 << 18;

record! {
    /// Who gets the signals of the [`OpenFile`] before it.
    #[record(FileOwner = 109, "owner of a file", min = 32, check = file_owner)]
    pub struct FileOwner {
        /// That file.
        pub file: U32,
        /// `OWNER_*`.
        pub kind: U32,
        /// Who; 0: nobody.
        pub pid: U32,
        /// Signal, as of F_SETSIG; 0: SIGIO.
        pub signal: U32,
        /// Real and effective user id of who has chosen it, in the user namespace of the caller.
        pub user: [U32; 2],
        /// 1: O_ASYNC is set, and so the file sends signals.
        pub signals: U32,
        /// Descriptor that these name.
        pub fd: U32,
    }
}

values! {
    "FileOwner.kind": u32, OWNER_KINDS;
    /// `pid` is that of a thread.
    OWNER_THREAD = 1,
    /// `pid` is that of a process.
    OWNER_PROCESS = 2,
    /// `pid` is that of a process group.
    OWNER_GROUP = 3,
}

record! {
    /// A lease or delegation of the [`OpenFile`] before it.
    #[record(Lease = 110, "lease", min = 24, check = lease)]
    pub struct Lease {
        /// That file.
        pub file: U32,
        /// 1: a delegation (F_SETDELEG); 0: a lease (F_SETLEASE).
        pub delegation: U32,
        /// 1: for writing; 0: for reading.
        pub exclusive: U32,
        /// The process that has taken it; 0: none that is in the image.
        pub pid: U32,
        /// Descriptor that the signal names when it is to be given up.
        pub fd: U32,
        /// Zero.
        pub reserved: U32,
        /// `LEASE_*`: what its holder was asked to make of it, as somebody wants to open the file.
        pub broken: U32,
        /// Zero.
        pub unused: U32,
        /// Nanoseconds until the kernel makes it one for reading; all bits: it does not.
        pub downgrade: U64,
        /// Nanoseconds until the kernel takes it away; all bits: it does not.
        pub unlock: U64,
    }
}

flags! {
    "Lease.broken": u32, LEASE_LIST, LEASE_ALL;
    /// To be one for reading.
    LEASE_DOWNGRADE = 1 << 0,
    /// To be given up.
    LEASE_UNLOCK = 1 << 1,
}

/// Longest time that is left of a break, in nanoseconds: the seconds of `fs.lease-break-time` are an int.
pub const LEASE_LIMIT: u64 = (1 << 31) * 1_000_000_000;

/// Stands for a break that does not end by itself.
pub const LEASE_ENDLESS: u64 = u64::MAX;
