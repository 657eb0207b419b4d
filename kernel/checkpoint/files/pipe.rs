// SPDX-License-Identifier: GPL-2.0

//! Pipes, with and without a name, and what is in them.

use core::cell::Cell;

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    capture::Capture,
    files::{
        collected::{
            Open,
            OpenPipe, //
        },
        open::Source,
        refuse::{
            Named,
            Text, //
        },
        regular, //
    },
    image::{
        self,
        files::{
            open,
            PipeBuffer,
            FILE_FIFO,
            PIPE_MAX, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        file::{
            oflag,
            FileRef, //
        },
        pipe::Pipe,
        task::FrozenTask, //
    },
    objects::Class,
    report::Errno,
    restart::{
        context::Built,
        Plan,
        Restore, //
    },
};

/// "Position" of an end of a named pipe that nobody had open for writing since it was opened.
const UNWRITTEN: i64 = 1;

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// A rebuilt pipe: what keeps both ends open until all tasks have theirs.
pub(crate) enum BuiltPipe {
    /// An anonymous one: its first two ends, and which of them a task has got.
    Anonymous {
        /// For reading.
        read: FileRef,
        /// For writing.
        write: FileRef,
        /// A task has `read`.
        read_taken: Cell<bool>,
        /// A task has `write`.
        write_taken: Cell<bool>,
    },
    /// A named one: open for both, for nobody.
    Named(FileRef),
}

/// Counts an open file of the pipe. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
) -> Result<bool> {
    let Some(pipe) = Pipe::of(&open.file) else {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: is not an open pipe", named));
        return Ok(false);
    };
    let addr = pipe.addr();
    let (_, first) = cap.objects.collect(Class::Pipe, addr)?;
    if !first {
        return Ok(true);
    }
    let status = pipe.status();
    let nameless = open.file.is_internal();
    let why = if nameless && open.file.owner().is_none() {
        Some("its owner is not known in this user namespace")
    } else if status.watch_queue {
        Some("a notification queue can't be saved yet")
    } else if status.unready {
        Some("a page of a file in it is still being read")
    } else if status.needed > u64::from(status.pages) {
        Some("holds more than it has room for")
    } else if bytes(status.pages).is_none() {
        Some("is too large")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    let found = OpenPipe {
        pipe,
        who: t.display(&cap.pid_ns),
        user: named.user,
    };
    open.ours += 1;
    cap.files
        .pipes
        .try_create_and_insert(addr, found, GFP_KERNEL_ACCOUNT)?;
    Ok(true)
}

/// Counts an end that was refused for what it is: it is not outside.
pub(super) fn count_refused(cap: &mut Capture, file: &FileRef) -> Result {
    if let Some(pipe) = Pipe::of(file) {
        cap.objects.collect(Class::Pipe, pipe.addr())?;
    }
    Ok(())
}

/// Lists pipes of which tasks outside have an end.
pub(super) fn leaks(cap: &mut Capture) -> Result {
    for (addr, found) in cap.files.pipes.iter() {
        let ends = cap.objects.get(Class::Pipe, *addr).map_or(0, |e| e.users);
        if u64::from(found.pipe.status().files) > ends {
            let name = found.pipe.name();
            let name: &[u8] = match name.as_bytes() {
                [] => b"pipe",
                name => name,
            };
            let named = Named {
                user: found.user,
                name,
            };
            cap.report.refuse(
                EBUSY,
                &found.who,
                fmt!("{}: the pipe's other end is outside", named),
            );
        }
    }
    Ok(())
}

/// What is written to `file` goes into a pipe that the tasks have an end of.
pub(super) fn reaches(cap: &Capture, file: &FileRef) -> bool {
    Pipe::of(file).is_some_and(|p| cap.objects.get(Class::Pipe, p.addr()).is_some())
}

/// Size in bytes of a pipe of `pages` pages, if an image can have it.
fn bytes(pages: u32) -> Option<u32> {
    let size = pages.checked_mul(u32::try_from(PAGE_SIZE).ok()?)?;
    (size.is_power_of_two() && size <= PIPE_MAX).then_some(size)
}

/// Reference of the pipe of `file`; writes its records the first time.
pub(super) fn save(cap: &mut Capture, file: &FileRef, named: bool) -> Result<ObjRef> {
    let pipe = Pipe::of(file).ok_or(ENOENT)?;
    let (obj, first) = cap.objects.save(Class::Pipe, pipe.addr())?;
    if !first {
        return Ok(obj);
    }
    let (pieces, contents) = pipe.contents()?;
    let owner = if named { None } else { file.owner() };
    let record = image::files::Pipe {
        obj: obj.get().into(),
        buffers: u32::try_from(pieces.len()).map_err(|_| E2BIG)?.into(),
        size: bytes(pipe.status().pages).ok_or(E2BIG)?.into(),
        named: u32::from(named).into(),
        owner: owner.unwrap_or([0, 0]).map(Into::into),
    };
    cap.meta.put(&record, &[])?;
    let mut rest = contents.as_slice();
    for piece in pieces.iter() {
        let (bytes, after) = rest.split_at_checked(piece.len).ok_or(EIO)?;
        rest = after;
        let buffer = PipeBuffer {
            packet: u32::from(piece.packet).into(),
            reserved: 0.into(),
        };
        cap.meta.put(&buffer, bytes)?;
    }
    Ok(obj)
}

/// What stands in the image for the position of an end of a named pipe.
pub(super) fn pos(file: &FileRef) -> i64 {
    match Pipe::of(file) {
        Some(pipe) if file.is_readable() && pipe.is_unwritten() => UNWRITTEN,
        _ => 0,
    }
}

/// Sets the size of a new pipe and fills it through `write`, which is open for writing.
fn fill(r: &Restore, obj: ObjRef, write: &FileRef) -> Result {
    let (record, _) = r.object_body::<image::files::Pipe>(obj)?;
    let pipe = Pipe::of(write).ok_or(EINVAL)?;
    let size = record.size.get();
    if bytes(pipe.status().pages) != Some(size) {
        pipe.resize(size)?;
    }
    for raw in r.records_after(obj)?.take(record.buffers.get() as usize) {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::PipeBuffer {
            return Err(EINVAL);
        }
        let buffer: PipeBuffer = raw.body().map_err(|f| r.fault(f))?;
        let packet = if buffer.packet.get() != 0 {
            oflag::DIRECT
        } else {
            0
        };
        write.set_flags(oflag::DIRECT | oflag::NONBLOCK, packet | oflag::NONBLOCK);
        write.write_stream(raw.payload)?;
    }
    write.set_flags(oflag::DIRECT | oflag::NONBLOCK, 0);
    Ok(())
}

/// Flags to open an end with without waiting. Packets are asked for later: open(2) knows of none.
fn plain(flags: u32) -> u32 {
    (flags & !oflag::DIRECT) | oflag::NONBLOCK
}

/// An open end as it was; the pipe is rebuilt with its first one.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    if source.record.kind.get() == FILE_FIFO {
        return restore_named(r, plan, source, obj);
    }
    restore_anonymous(r, source, obj)
        .map_err(|e| r.fail(e, plan, fmt!("a pipe can't be rebuilt: {}", Errno(e))))
}

fn restore_anonymous(r: &Restore, source: &Source, obj: ObjRef) -> Result<FileRef> {
    if r.with_built(obj, |_| ()).is_none() {
        let (read, write) = Pipe::create()?;
        fill(r, obj, &write)?;
        let (record, _) = r.object_body::<image::files::Pipe>(obj)?;
        let owner = record.owner.map(|id| id.get());
        if read.owner() != Some(owner) {
            read.chown(owner)?;
        }
        let mode = source.record.mode.get() & PERMISSIONS;
        if read.mode() & PERMISSIONS != mode {
            read.chmod(mode as u16)?;
        }
        let pipe = BuiltPipe::Anonymous {
            read,
            write,
            read_taken: Cell::new(false),
            write_taken: Cell::new(false),
        };
        r.set_built(obj, Built::Pipe(pipe))?;
    }
    let flags = source.record.flags.get();
    let (reads, writes) = (flags & open::READ != 0, flags & open::WRITE != 0);
    // The first reader and writer get what pipe(2) makes; others are made as open(2) of
    // /proc/self/fd/N makes them.
    let (file, new) = r
        .with_built(obj, |b| match b {
            Built::Pipe(BuiltPipe::Anonymous {
                read,
                write,
                read_taken,
                write_taken,
            }) => Some(match (reads, writes) {
                (true, false) => (read.clone(), !read_taken.replace(true)),
                (false, true) => (write.clone(), !write_taken.replace(true)),
                _ => (read.clone(), false),
            }),
            _ => None,
        })
        .flatten()
        .ok_or(EINVAL)?;
    let file = if new {
        file
    } else {
        file.reopen(plain(source.flags))?
    };
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags);
    Ok(file)
}

fn restore_named(r: &Restore, plan: &Plan<'_>, source: &Source, obj: ObjRef) -> Result<FileRef> {
    let path = source.path.as_bytes();
    if r.with_built(obj, |_| ()).is_none() {
        let both = regular::open_path(r, plan, source, oflag::BOTH_ENDS)?;
        let status = Pipe::of(&both).ok_or(EINVAL)?.status();
        if status.files != 1 || status.used != 0 {
            return Err(r.fail(
                EBUSY,
                plan,
                fmt!("{}: the named pipe is in use", Text(path)),
            ));
        }
        fill(r, obj, &both).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "{}: the named pipe can't be filled: {}",
                    Text(path),
                    Errno(e)
                ),
            )
        })?;
        r.set_built(obj, Built::Pipe(BuiltPipe::Named(both)))?;
    }
    // With both ends open nothing waits for the other.
    let file = regular::open_path(r, plan, source, plain(source.flags))?;
    let same = r
        .with_built(obj, |b| match b {
            Built::Pipe(BuiltPipe::Named(both)) => both.inode_addr() == file.inode_addr(),
            _ => false,
        })
        .unwrap_or(false);
    if !same {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!("{}: two ends of one pipe have different paths", Text(path)),
        ));
    }
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags);
    if source.record.pos.get() == UNWRITTEN as u64 {
        if let Some(pipe) = Pipe::of(&file) {
            pipe.set_unwritten();
        }
    }
    Ok(file)
}
