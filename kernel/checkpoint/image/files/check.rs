// SPDX-License-Identifier: GPL-2.0

//! Descriptor tables and open files.

use crate::image::{
    check::{
        fields::{
            absolute_path,
            boolean,
            ensure,
            flags,
            mask,
            no_payload,
            two_absolute_paths,
            zero,
            POS_MAX, //
        },
        pid,
        walk::Walk,
        Object, //
    },
    epoll::Epoll,
    files::uring::Uring,
    files::*,
    ipc::IpcNs,
    ipc::PosixQueue,
    ipc::Segment,
    net::{
        self,
        tun::TunQueue, //
    },
    notify::{
        Fanotify,
        Inotify, //
    },
    ns::{
        NetNs,
        Uts, //
    },
    record::{
        Body,
        Fault,
        Raw, //
    },
    task::Cred,
    userfault::Userfaultfd, //
};

/// Nanoseconds of a second.
pub(super) const NSEC: u32 = 1_000_000_000;

/// [`OpenFile::pos`] of those namespaces that an image has, and the highest one.
const NAMESPACE_IPC: u64 = 2;
const NAMESPACE_NET: u64 = 4;
const NAMESPACE_PID: u64 = 5;
const NAMESPACE_UTS: u64 = 8;
const NAMESPACE_MAX: u64 = 8;

/// S_IFMT: the bits of a mode that hold the file type.
pub(super) const TYPE: u32 = 0o170000;
/// Kernel objects without an inode of their own.
const TYPE_NONE: u32 = 0;
pub(super) const TYPE_FIFO: u32 = 0o010000;
pub(super) const TYPE_CHAR: u32 = 0o020000;
pub(super) const TYPE_BLOCK: u32 = 0o060000;
pub(super) const TYPE_LINK: u32 = 0o120000;
pub(in crate::image) const TYPE_SOCKET: u32 = 0o140000;
pub(super) const TYPE_DIRECTORY: u32 = 0o040000;
pub(super) const TYPE_REGULAR: u32 = 0o100000;

/// Flags that an open kernel object without an inode of its own can have.
const OBJECT_FLAGS: u32 = open::READ | open::WRITE | open::APPEND | open::NONBLOCK | open::NOATIME;

/// Flags that no open file of a namespace has.
const NOT_OF_NAMESPACE: u32 = open::DIRECT | open::DIRECTORY;

/// Why a kernel object is refused that two open files are.
const ONE_FILE: &str = "two open files are the same kernel object";

/// The flags of an open file in the detail of its object begin at this bit.
pub(super) const DETAIL_FLAGS: u32 = 8;

/// Returns the kind of the open file that is the object `file`.
pub(in crate::image) fn kind_of(file: &Object) -> u32 {
    file.detail & ((1 << DETAIL_FLAGS) - 1)
}

/// Returns whether the open file that is the object `file` can be the program of an address space.
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

/// Returns whether the open file that is the object `file` is open for reading.
pub(in crate::image) fn is_read(file: &Object) -> bool {
    let flags = file.detail >> DETAIL_FLAGS;
    flags & (open::READ | open::PATH) == open::READ
}

/// Returns an open file. Its detail is its kind and, from bit [`DETAIL_FLAGS`] on, its flags.
pub(super) fn file_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let file: OpenFile = raw.body()?;
    let detail = file.kind.get() | file.flags.get() << DETAIL_FLAGS;
    Ok((file.obj.get(), detail))
}

/// Details of inodes.
const INODE_OF_ANON: u32 = 0;
const INODE_OF_REMOVED: u32 = 1;
const INODE_OF_MEMFD: u32 = 2;
const INODE_OF_NAMED: u32 = 3;

/// Returns an inode. Its detail is what it is of.
pub(super) fn inode_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let inode: Inode = raw.body()?;
    let of = if inode.flags.get() & INODE_MEMFD != 0 {
        INODE_OF_MEMFD
    } else if inode.flags.get() & INODE_NAMED != 0 {
        INODE_OF_NAMED
    } else if raw.payload.is_empty() {
        INODE_OF_ANON
    } else {
        INODE_OF_REMOVED
    };
    Ok((inode.obj.get(), of))
}

/// Returns a pipe. Its detail is 1 if it has a name.
pub(super) fn pipe_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let pipe: Pipe = raw.body()?;
    Ok((pipe.obj.get(), pipe.named.get()))
}

/// Returns what was removed. Its detail is its type.
pub(super) fn removed_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let removed: Removed = raw.body()?;
    Ok((removed.obj.get(), removed.real_type()))
}

/// Checks the payload of an open file: its path, or the name of what stays outside; and that one without a
/// path has nothing that goes with one.
fn path_of(raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
    let kind = file.kind.get();
    match kind {
        FILE_DIRECTORY if file.inode.get() != 0 => {
            no_payload(raw)?;
            zero(raw, file.mount.get() == 0)?;
        }
        FILE_DEVICE if raw.payload.is_empty() => zero(raw, file.mount.get() == 0)?,
        FILE_PATH if raw.payload.is_empty() => zero(
            raw,
            file.mount.get() == 0
                && file.dev.get() == 0
                && file.ino.get() == 0
                && file.generation.get() == 0,
        )?,
        FILE_FIFO if raw.payload.contains(&0) => two_absolute_paths(raw)?,
        FILE_REGULAR
        | FILE_DIRECTORY
        | FILE_FIFO
        | FILE_DEVICE
        | FILE_PATH
        | FILE_PROC
        | FILE_CGROUP
        | FILE_REOPENED
        | FILE_CONTENTS
        | FILE_USERFAULTFD_DEVICE
        | FILE_TUN => {
            absolute_path(raw)?;
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
    Ok(())
}

impl Walk<'_> {
    /// Checks a descriptor table.
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
        self.hold(table.obj.get());
        self.summary.fds = self.summary.fds.saturating_add(fds.len() as u64);
        Ok(())
    }

    /// Checks an open file.
    pub(in crate::image) fn file(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let file: OpenFile = raw.body()?;
        self.open_flags(raw, &file)?;
        let file_type = match file.kind.get() {
            FILE_PIDFD
            | FILE_NAMESPACE
            | FILE_PROC
            | FILE_CGROUP
            | FILE_SYSV_SHM
            | FILE_MQUEUE
            | FILE_TUN
            | FILE_USERFAULTFD_DEVICE
            | FILE_SOCKET => self.type_in_kernel(raw, &file)?,
            FILE_EVENTFD | FILE_EVENTS | FILE_SIGNALFD | FILE_TIMERFD | FILE_IO_URING
            | FILE_INOTIFY | FILE_USERFAULTFD | FILE_FANOTIFY | FILE_EPOLL => {
                self.type_without_inode(raw, &file)?
            }
            _ => self.type_by_path(raw, &file)?,
        };
        let mode = file.mode.get();
        ensure(
            raw,
            mode <= 0o177777 && mode & TYPE == file_type,
            "mode does not fit the kind of file",
        )?;
        zero(raw, file.reserved.get() == 0)?;
        self.mount_of(raw, file.mount.get())?;
        path_of(raw, &file)?;
        self.hold(file.obj.get());
        self.summary.files = self.summary.files.saturating_add(1);
        Ok(())
    }

    /// Checks how a file was opened, and what of it is the same for all kinds.
    fn open_flags(&self, raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
        let kind = file.kind.get();
        flags(raw, u64::from(file.flags.get()), u64::from(open::ALL))?;
        ensure(
            raw,
            file.pos.get() <= POS_MAX
                && (file.size.get() <= POS_MAX
                    || matches!(kind, FILE_EVENTFD | FILE_SIGNALFD | FILE_EVENTS)),
            "impossible position or size",
        )?;
        self.refer_or_none::<Cred>(raw, file.cred.get())?;
        ensure(
            raw,
            file.flags.get() & (open::CREATED | open::QUIET) == 0
                || (FILE_MARKED.contains(&kind) && file.flags.get() & open::PATH == 0),
            "made by being opened, or quiet, but of another kind",
        )?;
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
        )
    }

    /// Checks what is special about an open file that has a path, or had one, or whose contents are in
    /// the image; returns its type.
    fn type_by_path(&mut self, raw: &Raw<'_>, file: &OpenFile) -> Result<u32, Fault> {
        let (kind, inode) = (file.kind.get(), file.inode.get());
        Ok(match kind {
            FILE_REGULAR | FILE_ALIAS => {
                zero(raw, inode == 0)?;
                TYPE_REGULAR
            }
            FILE_DIRECTORY => {
                if inode != 0 {
                    self.removed_of(raw, inode, TYPE_DIRECTORY, "directory that is none")?;
                }
                ensure(
                    raw,
                    inode == 0 || file.flags.get() & (open::WRITE | open::NO_ACCESS) == 0,
                    "directory that is open for writing",
                )?;
                TYPE_DIRECTORY
            }
            FILE_UNLINKED | FILE_SHARED_ANON | FILE_MEMFD | FILE_CONTENTS => {
                let of = self.refer::<Inode>(raw, inode)?.detail;
                let wants = match kind {
                    FILE_UNLINKED => INODE_OF_REMOVED,
                    FILE_MEMFD => INODE_OF_MEMFD,
                    FILE_CONTENTS => INODE_OF_NAMED,
                    _ => INODE_OF_ANON,
                };
                ensure(raw, of == wants, "file and inode do not fit together")?;
                if file.flags.get() & open::FIRST != 0 {
                    self.refer_once::<Inode>(raw, inode, "second that was made with a memfd")?;
                }
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
            FILE_DEVICE if raw.payload.is_empty() => {
                self.removed_of(raw, inode, TYPE_CHAR, "removed device that is none")?;
                TYPE_CHAR
            }
            FILE_DEVICE => {
                ensure(raw, inode != 0, "no device number")?;
                TYPE_CHAR
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
                if raw.payload.is_empty() {
                    self.removed_of(raw, inode, file_type, "removed, but of another type")?;
                } else {
                    zero(raw, device || inode == 0)?;
                }
                file_type
            }
            FILE_EXTERNAL => {
                zero(raw, inode == 0 && file.size.get() == 0)?;
                file.mode.get() & TYPE
            }
            FILE_REOPENED => {
                zero(raw, inode == 0 && file.size.get() == 0)?;
                let file_type = file.mode.get() & TYPE;
                let possible = [TYPE_REGULAR, TYPE_DIRECTORY, TYPE_CHAR, TYPE_BLOCK];
                ensure(
                    raw,
                    possible.contains(&file_type),
                    "of a type that is not opened anew",
                )?;
                file_type
            }
            _ => return Err(raw.fault("unknown kind of file")),
        })
    }

    /// Checks what is special about an open file of a filesystem in which the kernel shows objects of its
    /// own; returns its type.
    fn type_in_kernel(&mut self, raw: &Raw<'_>, file: &OpenFile) -> Result<u32, Fault> {
        let inode = file.inode.get();
        Ok(match file.kind.get() {
            FILE_PIDFD => {
                pidfd::check::open_file(self, raw, file)?;
                TYPE_REGULAR
            }
            FILE_NAMESPACE => {
                self.namespace(raw, file)?;
                TYPE_REGULAR
            }
            FILE_PROC => {
                proc::check::open_file(self, raw, file)?;
                match file.mode.get() & TYPE {
                    TYPE_DIRECTORY => TYPE_DIRECTORY,
                    TYPE_LINK if file.flags.get() & open::PATH != 0 => TYPE_LINK,
                    _ => TYPE_REGULAR,
                }
            }
            FILE_CGROUP => {
                cgroup::check::open_file(self, raw, file)?;
                match file.mode.get() & TYPE {
                    TYPE_DIRECTORY => TYPE_DIRECTORY,
                    _ => TYPE_REGULAR,
                }
            }
            FILE_SYSV_SHM => {
                self.refer::<Segment>(raw, inode)?;
                TYPE_REGULAR
            }
            FILE_MQUEUE => {
                self.refer::<PosixQueue>(raw, inode)?;
                ensure(
                    raw,
                    file.flags.get() & open::PATH == 0,
                    "message queue that is open for its path only",
                )?;
                zero(raw, file.size.get() == 0 && file.mtime.get() == 0)?;
                TYPE_REGULAR
            }
            FILE_TUN => {
                self.refer_once::<TunQueue>(raw, inode, ONE_FILE)?;
                zero(raw, file.pos.get() == 0 && file.size.get() == 0)?;
                TYPE_CHAR
            }
            FILE_USERFAULTFD_DEVICE => {
                zero(raw, inode == 0 && file.size.get() == 0)?;
                TYPE_CHAR
            }
            FILE_SOCKET => {
                net::check::open_file(self, raw, file)?;
                TYPE_SOCKET
            }
            _ => return Err(raw.fault("unknown kind of file")),
        })
    }

    /// Checks what is special about an open kernel object without an inode of its own; returns its type,
    /// which is none.
    fn type_without_inode(&mut self, raw: &Raw<'_>, file: &OpenFile) -> Result<u32, Fault> {
        let inode = file.inode.get();
        let mut known = OBJECT_FLAGS;
        match file.kind.get() {
            FILE_EVENTFD => {
                zero(raw, inode == 0 && file.pos.get() == 0)?;
                known |= open::SEMAPHORE;
            }
            FILE_EVENTS => {
                zero(raw, inode == 0 && file.pos.get() == 0)?;
                ensure(
                    raw,
                    file.flags.get() & open::WRITE == 0,
                    "file of events that is open for writing",
                )?;
            }
            FILE_SIGNALFD => {
                zero(raw, inode == 0 && file.pos.get() == 0)?;
                mask(raw, file.size.get())?;
            }
            FILE_TIMERFD => self.sole_file_of::<Timerfd>(raw, file)?,
            FILE_IO_URING => self.sole_file_of::<Uring>(raw, file)?,
            FILE_INOTIFY => self.sole_file_of::<Inotify>(raw, file)?,
            FILE_USERFAULTFD => self.sole_file_of::<Userfaultfd>(raw, file)?,
            FILE_FANOTIFY => self.sole_file_of::<Fanotify>(raw, file)?,
            FILE_EPOLL => self.sole_file_of::<Epoll>(raw, file)?,
            _ => return Err(raw.fault("unknown kind of file")),
        }
        flags(raw, u64::from(file.flags.get()), u64::from(known))?;
        Ok(TYPE_NONE)
    }

    /// Checks that the open file is the only one of its object, of which a record of the type `T` tells,
    /// and has no position.
    fn sole_file_of<T: Body>(&mut self, raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
        self.refer_once::<T>(raw, file.inode.get(), ONE_FILE)?;
        zero(raw, file.pos.get() == 0 && file.size.get() == 0)
    }

    /// Checks a reference on something of this type that was removed; `why`: it is something else.
    pub(in crate::image) fn removed_of(
        &self,
        raw: &Raw<'_>,
        obj: u32,
        file_type: u32,
        why: &'static str,
    ) -> Result<(), Fault> {
        ensure(
            raw,
            self.refer::<Removed>(raw, obj)?.detail == file_type,
            why,
        )
    }

    /// Checks what is special about an open file of a namespace.
    fn namespace(&self, raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
        let which = file.inode.get();
        match file.pos.get() {
            NAMESPACE_IPC => self.refer_or_none::<IpcNs>(raw, which)?,
            NAMESPACE_UTS => self.refer_or_none::<Uts>(raw, which)?,
            NAMESPACE_NET => self.refer_or_none::<NetNs>(raw, which)?,
            NAMESPACE_PID => ensure(
                raw,
                which == 0 || pid(self.pids, which).is_some_and(|p| p.is_task()),
                "is of no task of the image",
            )?,
            1..=NAMESPACE_MAX => zero(raw, which == 0)?,
            _ => return Err(raw.fault("unknown kind of namespace")),
        }
        ensure(
            raw,
            file.flags.get() & NOT_OF_NAMESPACE == 0,
            "flags that no file of a namespace has",
        )?;
        zero(raw, file.size.get() == 0 && file.mtime.get() == 0)
    }
}
