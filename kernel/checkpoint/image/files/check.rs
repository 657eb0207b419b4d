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
            no_payload,
            zero,
            POS_MAX, //
        },
        pid,
        walk::{
            Follow,
            Walk, //
        },
        Object, //
    },
    files::*,
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
const NAMESPACE_PID: u64 = 5;
const NAMESPACE_UTS: u64 = 8;
const NAMESPACE_MAX: u64 = 8;

/// S_IFMT: the bits of a mode that hold the file type.
const TYPE: u32 = 0o170000;
const TYPE_FIFO: u32 = 0o010000;
const TYPE_CHAR: u32 = 0o020000;
const TYPE_DIRECTORY: u32 = 0o040000;
const TYPE_REGULAR: u32 = 0o100000;

/// The flags of an open file in the detail of its object begin at this bit.
const DETAIL_FLAGS: u32 = 8;

/// Kind of the open file that is the object `file`.
pub(in crate::image) fn kind_of(file: &Object) -> u32 {
    file.detail & ((1 << DETAIL_FLAGS) - 1)
}

/// The open file that is the object `file` can be the program of an address space.
pub(in crate::image) fn is_program(file: &Object) -> bool {
    let flags = file.detail >> DETAIL_FLAGS;
    kind_of(file) == FILE_REGULAR && flags & (open::READ | open::PATH) == open::READ
}

/// An open file. Its detail is its kind and, from bit [`DETAIL_FLAGS`] on, its flags.
pub(super) fn file_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let file: OpenFile = raw.body()?;
    let detail = file.kind.get() | file.flags.get() << DETAIL_FLAGS;
    Ok((file.obj.get(), detail))
}

/// An inode. Its detail is 1 if it has a directory.
pub(super) fn inode_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let inode: Inode = raw.body()?;
    Ok((inode.obj.get(), u32::from(!raw.payload.is_empty())))
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
            zero(raw, fd.reserved.get() == 0)?;
            let file = self.refer::<OpenFile>(raw, fd.file.get())?;
            ensure(
                raw,
                kind_of(file) != FILE_SHARED_ANON,
                "descriptor of anonymous memory",
            )?;
        }
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
            file.pos.get() <= POS_MAX && file.size.get() <= POS_MAX,
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
                || (kind == FILE_REGULAR
                    && file.flags.get() & (open::READ | open::WRITE | open::PATH) == open::READ),
            "opened by exec, but not a program",
        )?;
        let inode = file.inode.get();
        let file_type = match kind {
            FILE_REGULAR | FILE_DIRECTORY => {
                zero(raw, inode == 0)?;
                if kind == FILE_REGULAR {
                    TYPE_REGULAR
                } else {
                    TYPE_DIRECTORY
                }
            }
            FILE_UNLINKED | FILE_SHARED_ANON => {
                let named = self.refer::<Inode>(raw, inode)?.detail;
                ensure(
                    raw,
                    (named == 0) == (kind == FILE_SHARED_ANON),
                    "file and inode do not fit together",
                )?;
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
                    _ => TYPE_REGULAR,
                }
            }
            FILE_DEVICE => {
                ensure(raw, inode != 0, "no device number")?;
                TYPE_CHAR
            }
            _ => return Err(raw.fault("unknown kind of file")),
        };
        let mode = file.mode.get();
        ensure(
            raw,
            mode <= 0o177777 && mode & TYPE == file_type,
            "mode does not fit the kind of file",
        )?;
        match kind {
            FILE_REGULAR | FILE_DIRECTORY | FILE_FIFO | FILE_DEVICE | FILE_PROC => {
                absolute_path(raw)?
            }
            _ => {
                no_payload(raw)?;
                zero(
                    raw,
                    file.dev.get() == 0 && file.ino.get() == 0 && file.generation.get() == 0,
                )?;
            }
        }
        self.summary.files = self.summary.files.saturating_add(1);
        Ok(())
    }

    /// What is special about an open file that stands for a namespace.
    fn namespace(&self, raw: &Raw<'_>, file: &OpenFile) -> Result<(), Fault> {
        let which = file.inode.get();
        match file.pos.get() {
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
        let known = if raw.payload.is_empty() {
            INODE_NORESERVE
        } else {
            INODE_LINKABLE
        };
        flags(raw, u64::from(inode.flags.get()), u64::from(known))?;
        zero(raw, inode.reserved.get() == 0)?;
        if !raw.payload.is_empty() {
            absolute_path(raw)?;
        }
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
        self.refer::<Path>(raw, fs.pwd.get())?;
        no_payload(raw)
    }

    /// A directory.
    pub(in crate::image) fn path(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        raw.body::<Path>()?;
        absolute_path(raw)
    }
}
