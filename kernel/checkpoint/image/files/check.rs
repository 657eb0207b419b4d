// SPDX-License-Identifier: GPL-2.0

//! Descriptor tables, open files, inodes, pipes and directories.

use crate::image::{
    check::{
        fields::{
            absolute_path,
            boolean,
            ensure,
            flags,
            ids,
            mask,
            no_payload,
            signal,
            two_absolute_paths,
            zero,
            POS_MAX, //
        },
        pid,
        walk::{
            refer,
            Follow,
            Walk, //
        },
        Object,
        Pid, //
    },
    epoll::Epoll,
    files::*,
    ipc::IpcNs,
    ipc::Segment,
    notify::Inotify,
    ns::Uts,
    record::{
        Fault,
        Raw, //
    },
    task::Cred, //
};

/// Nanoseconds of a second.
const NSEC: u32 = 1_000_000_000;

/// [`OpenFile::pos`] of those namespaces that an image has, and the highest one.
const NAMESPACE_IPC: u64 = 2;
const NAMESPACE_PID: u64 = 5;
const NAMESPACE_UTS: u64 = 8;
const NAMESPACE_MAX: u64 = 8;

/// Latest time of a timer, and its longest interval, in nanoseconds: never.
const TIME_MAX: u64 = i64::MAX as u64;

/// S_IFMT: the bits of a mode that hold the file type.
const TYPE: u32 = 0o170000;
/// Kernel objects without an inode of their own.
const TYPE_NONE: u32 = 0;
const TYPE_FIFO: u32 = 0o010000;
const TYPE_CHAR: u32 = 0o020000;
const TYPE_BLOCK: u32 = 0o060000;
const TYPE_LINK: u32 = 0o120000;
const TYPE_SOCKET: u32 = 0o140000;
const TYPE_DIRECTORY: u32 = 0o040000;
const TYPE_REGULAR: u32 = 0o100000;

/// Flags that an open kernel object without an inode of its own can have.
const OBJECT_FLAGS: u32 = open::READ | open::WRITE | open::APPEND | open::NONBLOCK | open::NOATIME;

/// The flags of an open file in the detail of its object begin at this bit.
const DETAIL_FLAGS: u32 = 8;

/// Kind of the open file that is the object `file`.
pub(in crate::image) fn kind_of(file: &Object) -> u32 {
    file.detail & ((1 << DETAIL_FLAGS) - 1)
}

/// The open file that is the object `file` can be the program of an address space.
pub(in crate::image) fn is_program(file: &Object) -> bool {
    let flags = file.detail >> DETAIL_FLAGS;
    let kind = kind_of(file);
    matches!(kind, FILE_REGULAR | FILE_UNLINKED | FILE_MEMFD | FILE_ALIAS)
        && flags & (open::READ | open::PATH) == open::READ
}

/// Returns whether `mode` is that of a file with a path, as of stat(2).
pub(in crate::image) fn is_file_mode(mode: u32) -> bool {
    mode <= 0o177777
        && matches!(
            mode & TYPE,
            TYPE_FIFO | TYPE_CHAR | TYPE_DIRECTORY | 0o060000 | TYPE_REGULAR | 0o120000 | 0o140000
        )
}

/// The open file that is the object `file` is open for reading.
pub(in crate::image) fn is_read(file: &Object) -> bool {
    let flags = file.detail >> DETAIL_FLAGS;
    flags & (open::READ | open::PATH) == open::READ
}

/// An open file. Its detail is its kind and, from bit [`DETAIL_FLAGS`] on, its flags.
pub(super) fn file_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let file: OpenFile = raw.body()?;
    let detail = file.kind.get() | file.flags.get() << DETAIL_FLAGS;
    Ok((file.obj.get(), detail))
}

/// Details of inodes.
const INODE_OF_ANON: u32 = 0;
const INODE_OF_REMOVED: u32 = 1;
const INODE_OF_MEMFD: u32 = 2;

/// An inode. Its detail is what it is of.
pub(super) fn inode_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let inode: Inode = raw.body()?;
    let of = if inode.flags.get() & INODE_MEMFD != 0 {
        INODE_OF_MEMFD
    } else if raw.payload.is_empty() {
        INODE_OF_ANON
    } else {
        INODE_OF_REMOVED
    };
    Ok((inode.obj.get(), of))
}

/// A pipe. Its detail is 1 if it has a name.
pub(super) fn pipe_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let pipe: Pipe = raw.body()?;
    Ok((pipe.obj.get(), pipe.named.get()))
}

impl Walk<'_> {
    /// A descriptor table.
    pub(in crate::image) fn table(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let table: Table = raw.body()?;
        zero(raw, table.reserved.get() == 0)?;
        let fds: &[Fd] = raw.array(FDS_MAX)?;
        let mut next = 0;
        for fd in fds {
            let number = fd.fd.get();
            ensure(
                raw,
                number >= next,
                "descriptors are out of order or twice there",
            )?;
            ensure(
                raw,
                usize::try_from(number).is_ok_and(|n| n < FDS_MAX),
                "descriptor too large",
            )?;
            next = number.saturating_add(1);
            boolean(raw, fd.cloexec.get())?;
            flags(raw, u64::from(fd.notify.get()), u64::from(NOTIFY_ALL))?;
            let file = self.refer::<OpenFile>(raw, fd.file.get())?;
            ensure(
                raw,
                !matches!(kind_of(file), FILE_SHARED_ANON | FILE_SYSV_SHM),
                "descriptor of anonymous memory",
            )?;
            ensure(
                raw,
                fd.notify.get() == 0 || (fd.notify.get() != NOTIFY_MULTISHOT && is_read(file)),
                "watches nothing, or by what is not open for reading",
            )?;
        }
        self.holder = Some(table.obj.get());
        self.summary.fds = self.summary.fds.saturating_add(fds.len() as u64);
        Ok(())
    }

    /// An open file.
    pub(in crate::image) fn file(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let file: OpenFile = raw.body()?;
        let kind = file.kind.get();
        flags(raw, u64::from(file.flags.get()), u64::from(open::ALL))?;
        ensure(
            raw,
            file.pos.get() <= POS_MAX
                && (file.size.get() <= POS_MAX || matches!(kind, FILE_EVENTFD | FILE_SIGNALFD)),
            "impossible position or size",
        )?;
        self.refer_or_none::<Cred>(raw, file.cred.get())?;
        let nsec = file.mtime_nsec.get();
        ensure(
            raw,
            nsec < NSEC || (nsec == NSEC_UNKNOWN && file.mtime.get() == 0),
            "impossible time",
        )?;
        ensure(
            raw,
            file.flags.get() & open::EXEC == 0
                || (matches!(kind, FILE_REGULAR | FILE_ALIAS)
                    && file.flags.get() & (open::READ | open::WRITE | open::PATH) == open::READ),
            "opened by exec, but not a program",
        )?;
        ensure(
            raw,
            file.flags.get() & open::SEMAPHORE == 0 || kind == FILE_EVENTFD,
            "semaphore that is no eventfd",
        )?;
        let both = open::READ | open::WRITE;
        ensure(
            raw,
            file.flags.get() & open::FIRST == 0
                || (kind == FILE_MEMFD && file.flags.get() & (both | open::PATH) == both),
            "made with a memfd, but not an open file of one",
        )?;
        ensure(
            raw,
            file.flags.get() & open::NO_ACCESS == 0
                || file.flags.get() & (both | open::PATH | open::EXEC) == 0,
            "access modes that do not go together",
        )?;
        let inode = file.inode.get();
        let file_type = match kind {
            FILE_REGULAR | FILE_ALIAS => {
                zero(raw, inode == 0)?;
                TYPE_REGULAR
            }
            FILE_DIRECTORY => {
                self.refer_or_none::<RemovedDir>(raw, inode)?;
                ensure(
                    raw,
                    inode == 0 || file.flags.get() & (open::WRITE | open::NO_ACCESS) == 0,
                    "directory that is open for writing",
                )?;
                TYPE_DIRECTORY
            }
            FILE_UNLINKED | FILE_SHARED_ANON | FILE_MEMFD => {
                let of = self.refer::<Inode>(raw, inode)?.detail;
                let wants = match kind {
                    FILE_UNLINKED => INODE_OF_REMOVED,
                    FILE_MEMFD => INODE_OF_MEMFD,
                    _ => INODE_OF_ANON,
                };
                ensure(raw, of == wants, "file and inode do not fit together")?;
                TYPE_REGULAR
            }
            FILE_PIPE | FILE_FIFO => {
                let named = self.refer::<Pipe>(raw, inode)?.detail;
                ensure(
                    raw,
                    (named == 0) == (kind == FILE_PIPE),
                    "file and pipe do not fit together",
                )?;
                TYPE_FIFO
            }
            FILE_PIDFD => {
                pidfd::check::open_file(self, raw, &file)?;
                TYPE_REGULAR
            }
            FILE_NAMESPACE => {
                self.namespace(raw, &file)?;
                TYPE_REGULAR
            }
            FILE_PROC => {
                proc::check::open_file(self, raw, &file)?;
                match file.mode.get() & TYPE {
                    TYPE_DIRECTORY => TYPE_DIRECTORY,
                    TYPE_LINK if file.flags.get() & open::PATH != 0 => TYPE_LINK,
                    _ => TYPE_REGULAR,
                }
            }
            FILE_SYSV_SHM => {
                self.refer::<Segment>(raw, inode)?;
                TYPE_REGULAR
            }
            FILE_DEVICE => {
                ensure(raw, inode != 0, "no device number")?;
                TYPE_CHAR
            }
            FILE_EVENTFD => {
                zero(raw, inode == 0 && file.pos.get() == 0)?;
                flags(
                    raw,
                    u64::from(file.flags.get()),
                    u64::from(OBJECT_FLAGS | open::SEMAPHORE),
                )?;
                TYPE_NONE
            }
            FILE_SIGNALFD => {
                zero(raw, inode == 0 && file.pos.get() == 0)?;
                flags(raw, u64::from(file.flags.get()), u64::from(OBJECT_FLAGS))?;
                mask(raw, file.size.get())?;
                TYPE_NONE
            }
            FILE_TIMERFD => {
                self.refer::<Timerfd>(raw, inode)?;
                zero(raw, file.pos.get() == 0 && file.size.get() == 0)?;
                flags(raw, u64::from(file.flags.get()), u64::from(OBJECT_FLAGS))?;
                TYPE_NONE
            }
            FILE_INOTIFY => {
                self.refer::<Inotify>(raw, inode)?;
                TYPE_NONE
            }
            FILE_PATH => {
                let file_type = file.mode.get() & TYPE;
                let device = matches!(file_type, TYPE_CHAR | TYPE_BLOCK);
                let others = [TYPE_FIFO, TYPE_LINK, TYPE_SOCKET];
                ensure(
                    raw,
                    file.flags.get() & open::PATH != 0 && (device || others.contains(&file_type)),
                    "opened for its path, but of another kind",
                )?;
                zero(raw, device || inode == 0)?;
                file_type
            }
            FILE_EPOLL => {
                self.refer::<Epoll>(raw, inode)?;
                zero(raw, file.pos.get() == 0 && file.size.get() == 0)?;
                flags(raw, u64::from(file.flags.get()), u64::from(OBJECT_FLAGS))?;
                TYPE_NONE
            }
            FILE_EXTERNAL => {
                zero(raw, inode == 0 && file.size.get() == 0)?;
                file.mode.get() & TYPE
            }
            _ => return Err(raw.fault("unknown kind of file")),
        };
        let mode = file.mode.get();
        ensure(
            raw,
            mode <= 0o177777 && mode & TYPE == file_type,
            "mode does not fit the kind of file",
        )?;
        zero(raw, file.reserved.get() == 0)?;
        self.mount_of(raw, file.mount.get())?;
        match kind {
            FILE_DIRECTORY if inode != 0 => {
                no_payload(raw)?;
                zero(raw, file.mount.get() == 0)?;
            }
            FILE_FIFO if raw.payload.contains(&0) => two_absolute_paths(raw)?,
            FILE_REGULAR | FILE_DIRECTORY | FILE_FIFO | FILE_DEVICE | FILE_PATH | FILE_PROC => {
                absolute_path(raw)?
            }
            FILE_ALIAS => two_absolute_paths(raw)?,
            FILE_EXTERNAL => {
                let name = raw.payload;
                ensure(
                    raw,
                    (1..=EXTERNAL_NAME_MAX).contains(&name.len()) && !name.contains(&0),
                    "impossible name of what stays outside",
                )?;
                zero(raw, file.mount.get() == 0)?;
            }
            _ => {
                if kind == FILE_UNLINKED && !raw.payload.is_empty() {
                    absolute_path(raw)?;
                } else {
                    no_payload(raw)?;
                    zero(raw, file.mount.get() == 0)?;
                }
                zero(
                    raw,
                    file.dev.get() == 0 && file.ino.get() == 0 && file.generation.get() == 0,
                )?;
            }
        }
        self.holder = Some(file.obj.get());
        self.summary.files = self.summary.files.saturating_add(1);
        Ok(())
    }

    /// What is special about an open file that stands for a namespace.
    fn namespace(&self, raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
        let which = file.inode.get();
        match file.pos.get() {
            NAMESPACE_IPC => self.refer_or_none::<IpcNs>(raw, which)?,
            NAMESPACE_UTS => self.refer_or_none::<Uts>(raw, which)?,
            NAMESPACE_PID => ensure(
                raw,
                which == 0 || pid(self.pids, which).is_some_and(|p| p.is_task()),
                "is of no task of the image",
            )?,
            1..=NAMESPACE_MAX => zero(raw, which == 0)?,
            _ => return Err(raw.fault("unknown kind of namespace")),
        }
        zero(raw, file.size.get() == 0 && file.mtime.get() == 0)
    }

    /// Locks of files.
    pub(in crate::image) fn locks(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let locks: Locks = raw.body()?;
        zero(raw, locks.reserved.get() == 0)?;
        ensure(
            raw,
            self.holder == Some(locks.owner.get()),
            "does not follow the descriptor table or open file that owns it",
        )?;
        let file = refer::<OpenFile>(self.objects, raw, locks.owner.get()).ok();
        let list: &[Lock] = raw.array(LOCKS_MAX)?;
        ensure(raw, !list.is_empty(), "no locks")?;
        for lock in list {
            self.lock(raw, lock, file)?;
        }
        Ok(())
    }

    /// A lock of an open file, or of a descriptor table.
    fn lock(&self, raw: &Raw<'_>, lock: &Lock, file: Option<&Object>) -> Result<(), Fault> {
        let (kind, exclusive) = (lock.kind.get(), lock.exclusive.get());
        let (start, end) = (lock.start.get(), lock.end.get());
        boolean(raw, exclusive)?;
        ensure(
            raw,
            start <= end && end <= POS_MAX,
            "impossible range of a lock",
        )?;
        self.taken_by(raw, lock.pid.get())?;
        let Some(file) = file else {
            return ensure(
                raw,
                kind == LOCK_POSIX && usize::try_from(lock.fd.get()).is_ok_and(|n| n < FDS_MAX),
                "not a lock that a descriptor table can own",
            );
        };
        zero(raw, lock.fd.get() == 0)?;
        let flags = file.detail >> DETAIL_FLAGS;
        let access = match (kind, exclusive) {
            (LOCK_FLOCK, _) => {
                ensure(raw, start == 0 && end == POS_MAX, "flock(2) of a range")?;
                open::READ | open::WRITE
            }
            (LOCK_OFD, 0) => open::READ,
            (LOCK_OFD, _) => open::WRITE,
            _ => return Err(raw.fault("not a lock that an open file can own")),
        };
        ensure(
            raw,
            flags & access != 0 && flags & open::PATH == 0,
            "the open file is not open for what the lock wants",
        )
    }

    /// The open file right before, if that is `file`.
    fn file_before(&self, raw: &Raw<'_>, file: u32) -> Result<&Object, Fault> {
        ensure(
            raw,
            self.holder == Some(file),
            "does not follow the open file that it belongs to",
        )?;
        let file = self.refer::<OpenFile>(raw, file)?;
        ensure(
            raw,
            file.detail >> DETAIL_FLAGS & open::PATH == 0,
            "belongs to a file that is open for its path only",
        )?;
        Ok(file)
    }

    /// Who gets the signals of an open file.
    pub(in crate::image) fn file_owner(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let owner: FileOwner = raw.body()?;
        self.file_before(raw, owner.file.get())?;
        let (kind, number) = (owner.kind.get(), owner.pid.get());
        ensure(
            raw,
            matches!(kind, OWNER_THREAD | OWNER_PROCESS | OWNER_GROUP),
            "unknown kind of owner",
        )?;
        if number != 0 {
            let pid = pid(self.pids, number);
            ensure(
                raw,
                pid.is_some_and(|pid| kind == OWNER_GROUP || pid.is_task()),
                "signals go to nobody in the image",
            )?;
        }
        signal(raw, owner.signal.get())?;
        ids(raw, owner.user.iter().map(|id| id.get()))?;
        boolean(raw, owner.signals.get())?;
        ensure(
            raw,
            i32::try_from(owner.fd.get()).is_ok(),
            "descriptor too large",
        )?;
        zero(raw, owner.signals.get() != 0 || owner.fd.get() == 0)?;
        no_payload(raw)
    }

    /// A lease or delegation of an open file.
    pub(in crate::image) fn lease(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let lease: Lease = raw.body()?;
        let file = kind_of(self.file_before(raw, lease.file.get())?);
        boolean(raw, lease.delegation.get())?;
        boolean(raw, lease.exclusive.get())?;
        ensure(
            raw,
            match file {
                FILE_REGULAR | FILE_UNLINKED | FILE_MEMFD | FILE_ALIAS => true,
                FILE_DIRECTORY => lease.delegation.get() == 1 && lease.exclusive.get() == 0,
                _ => false,
            },
            "a lease that the file can't have",
        )?;
        self.taken_by(raw, lease.pid.get())?;
        ensure(
            raw,
            i32::try_from(lease.fd.get()).is_ok(),
            "descriptor too large",
        )?;
        zero(raw, lease.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Refuses who has taken a lock, if it is no process of the image; 0: none is known.
    fn taken_by(&self, raw: &Raw<'_>, process: u32) -> Result<(), Fault> {
        ensure(
            raw,
            process == 0 || pid(self.pids, process).is_some_and(Pid::is_leader),
            "was taken by no process of the image",
        )
    }

    /// An inode whose contents are in the image.
    pub(in crate::image) fn inode(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let inode: Inode = raw.body()?;
        let mode = inode.mode.get();
        ensure(
            raw,
            mode <= 0o177777 && matches!(mode & TYPE, 0 | TYPE_REGULAR),
            "impossible mode",
        )?;
        ensure(raw, inode.size.get() <= POS_MAX, "impossible size")?;
        ids(raw, inode.owner.iter().map(|id| id.get()))?;
        ensure(
            raw,
            inode.atime_nsec.get() < NSEC && inode.mtime_nsec.get() < NSEC,
            "impossible time",
        )?;
        let memfd = inode.flags.get() & INODE_MEMFD != 0;
        let known = if memfd {
            INODE_MEMFD
        } else if raw.payload.is_empty() {
            INODE_NORESERVE
        } else {
            INODE_LINKABLE
        };
        flags(raw, u64::from(inode.flags.get()), u64::from(known))?;
        if memfd {
            flags(raw, u64::from(inode.seals.get()), u64::from(seal::ALL))?;
            ensure(
                raw,
                raw.payload.len() <= MEMFD_NAME_MAX && !raw.payload.contains(&0),
                "impossible name",
            )?;
        } else {
            zero(raw, inode.seals.get() == 0)?;
        }
        zero(raw, inode.reserved.get() == 0 && inode.reserved2.get() == 0)?;
        let left = inode.xattrs.get();
        if raw.payload.is_empty() && !memfd {
            return zero(raw, left == 0 && inode.mount.get() == 0);
        }
        if memfd {
            zero(raw, inode.mount.get() == 0)?;
        } else {
            self.mount_of(raw, inode.mount.get())?;
            absolute_path(raw)?;
        }
        if left != 0 {
            ensure(
                raw,
                matches!(self.follow, Follow::Any),
                "stands in an ipc namespace, and has extended attributes",
            )?;
            self.follow = Follow::Xattrs { left };
        }
        Ok(())
    }

    /// An extended attribute of the inode before it.
    pub(in crate::image) fn xattr(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let xattr: Xattr = raw.body()?;
        let Follow::Xattrs { left } = self.follow else {
            return Err(raw.fault("belongs to no inode, or that has fewer extended attributes"));
        };
        zero(raw, xattr.reserved.get() == 0)?;
        let (name, value) =
            name_and_value(raw.payload).ok_or(raw.fault("extended attribute without a name"))?;
        ensure(
            raw,
            !name.is_empty() && name.len() <= XATTR_NAME_MAX,
            "impossible name",
        )?;
        ensure(
            raw,
            value.len() <= XATTR_SIZE_MAX && usize::try_from(xattr.size.get()) == Ok(value.len()),
            "impossible size",
        )?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Xattrs { left },
        };
        Ok(())
    }

    /// A pipe.
    pub(in crate::image) fn pipe(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let pipe: Pipe = raw.body()?;
        let size = pipe.size.get();
        boolean(raw, pipe.named.get())?;
        ensure(
            raw,
            size.is_power_of_two() && size <= PIPE_MAX && u64::from(size) >= self.page_size,
            "impossible size of a pipe",
        )?;
        ids(raw, pipe.owner.iter().map(|id| id.get()))?;
        let left = pipe.buffers.get();
        ensure(
            raw,
            u64::from(left).saturating_mul(self.page_size) <= u64::from(size),
            "more buffers than the pipe has room for",
        )?;
        no_payload(raw)?;
        if left != 0 {
            self.follow = Follow::Buffers {
                left,
                room: u64::from(size),
            };
        }
        self.summary.pipes = self.summary.pipes.saturating_add(1);
        Ok(())
    }

    /// A timer behind a descriptor.
    pub(in crate::image) fn timerfd(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let timer: Timerfd = raw.body()?;
        let (clock, set) = (timer.clock.get(), timer.flags.get());
        flags(raw, u64::from(set), u64::from(timerfd::ALL))?;
        zero(raw, timer.reserved.get() == 0)?;
        let real = match clock {
            TIMERFD_CLOCK_REALTIME | TIMERFD_CLOCK_REALTIME_ALARM => true,
            TIMERFD_CLOCK_MONOTONIC | TIMERFD_CLOCK_BOOTTIME | TIMERFD_CLOCK_BOOTTIME_ALARM => {
                false
            }
            _ => return Err(raw.fault("unknown clock")),
        };
        ensure(
            raw,
            set & timerfd::RELATIVE == 0 || clock == TIMERFD_CLOCK_REALTIME,
            "relative time on a clock that has none",
        )?;
        ensure(
            raw,
            set & timerfd::CANCEL_ON_SET == 0 || real,
            "clock that is never set",
        )?;
        ensure(
            raw,
            set & timerfd::CANCELED == 0 || set & timerfd::CANCEL_ON_SET != 0,
            "cancelled though it can't be",
        )?;
        ensure(
            raw,
            timer.expires.get() <= TIME_MAX && timer.interval.get() <= TIME_MAX,
            "impossible time",
        )?;
        no_payload(raw)
    }

    /// A buffer of a pipe.
    pub(in crate::image) fn pipe_buffer(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let buffer: PipeBuffer = raw.body()?;
        boolean(raw, buffer.packet.get())?;
        zero(raw, buffer.reserved.get() == 0)?;
        let Follow::Buffers { left, room } = self.follow else {
            return Err(raw.fault("belongs to no pipe, or that has fewer buffers"));
        };
        ensure(raw, !raw.payload.is_empty(), "empty buffer of a pipe")?;
        let len = raw.payload.len() as u64;
        let room = room
            .checked_sub(len)
            .ok_or(raw.fault("more bytes than the pipe has room for"))?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Buffers { left, room },
        };
        self.summary.pipe_bytes = self.summary.pipe_bytes.saturating_add(len);
        Ok(())
    }

    /// Root, working directory and umask.
    pub(in crate::image) fn fs(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let fs: Fs = raw.body()?;
        flags(raw, u64::from(fs.umask.get()), 0o777)?;
        self.refer_or_none::<Path>(raw, fs.root.get())?;
        if fs.removed.get() == 0 {
            self.refer::<Path>(raw, fs.pwd.get())?;
        } else {
            zero(raw, fs.pwd.get() == 0)?;
            self.refer::<RemovedDir>(raw, fs.removed.get())?;
        }
        zero(raw, fs.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// A directory that was removed.
    pub(in crate::image) fn removed_dir(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let dir: RemovedDir = raw.body()?;
        flags(raw, u64::from(dir.mode.get()), 0o7777)?;
        ids(raw, dir.owner.iter().map(|id| id.get()))?;
        ensure(
            raw,
            dir.atime_nsec.get() < NSEC && dir.mtime_nsec.get() < NSEC,
            "impossible time",
        )?;
        zero(raw, dir.reserved.get() == 0)?;
        self.mount_of(raw, dir.mount.get())?;
        two_absolute_paths(raw)
    }

    /// A directory.
    pub(in crate::image) fn path(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let path: Path = raw.body()?;
        zero(raw, path.reserved.get() == 0)?;
        self.mount_of(raw, path.mount.get())?;
        absolute_path(raw)
    }
}
