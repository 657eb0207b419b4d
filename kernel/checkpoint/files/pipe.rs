// SPDX-License-Identifier: GPL-2.0

//! Pipes, with and without a name, and what is in them.

use core::cell::Cell;

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    core::{
        objects::Class,
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        collected::{
            Open,
            OpenPipe, //
        },
        open::Source,
        opener,
        refuse::{
            Named,
            Text, //
        },
        regular, //
    },
    found::Capture,
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
        fs::{
            file::FileRef,
            open::oflag,
            path::PathRef,
            pipe::Pipe, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// "Position" of an end of a named pipe that nobody had open for writing since it was opened.
const UNWRITTEN: i64 = 1;

/// Why a pipe can't be looked at.
const LOCKED: &str = "is locked by a writer or reader outside that does not go on";

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
    /// A named one.
    Named(BuiltFifo),
}

/// A rebuilt named pipe.
pub(crate) struct BuiltFifo {
    /// Open for both, for nobody: with it nothing waits for the other end.
    both: FileRef,
    /// Ends that tasks have got, and of them those that nobody had open for writing since they were
    /// opened.
    ends: KVec<(FileRef, bool)>,
    /// What will be in it, until then in a pipe that nobody else has: both ends of that.
    contents: Option<(FileRef, FileRef)>,
    /// What was in it has been put into it.
    delivered: bool,
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
    // Waited for once: the tasks stand still meanwhile.
    let status = if cap.found.files.pipe_locked {
        pipe.status_now()
    } else {
        pipe.status()
    };
    let status = match status {
        Err(EBUSY) => {
            cap.found.files.pipe_locked = true;
            cap.refuse(EBUSY, t, fmt!("{}: {}", named, LOCKED));
            return Ok(false);
        }
        status => status?,
    };
    let nameless = open.file.is_internal();
    let why = if nameless && open.file.owner().is_none() {
        Some("its owner is not known in this user namespace: call from outside")
    } else if status.watch_queue {
        Some("a notification queue can't be saved yet")
    } else if status.unready {
        Some("a page of a file in it is still being read: try again")
    } else if status.needed > u64::from(status.pages) {
        Some("holds more than it has room for: have it read")
    } else if bytes(status.pages).is_none() {
        Some("is too large: make it smaller (F_SETPIPE_SZ)")
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
        refused: false,
    };
    open.ours += 1;
    cap.found
        .files
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
    for (addr, found) in cap.found.files.pipes.iter_mut() {
        let ends = cap.objects.get(Class::Pipe, *addr).map_or(0, |e| e.users);
        if u64::from(found.pipe.files()) > ends {
            let name = found.pipe.name();
            let name: &[u8] = match name.as_bytes() {
                [] => b"pipe",
                name => name,
            };
            let named = Named {
                user: found.user,
                name,
            };
            found.refused = true;
            cap.report.refuse(
                EBUSY,
                &found.who,
                fmt!(
                    "{}: the pipe's other end is outside: start the tasks with a file instead, or \
                     checkpoint what has that end as well",
                    named
                ),
            );
        }
    }
    Ok(())
}

/// `file` is an end of a pipe that was refused, as another end is outside.
pub(super) fn is_refused(cap: &Capture, file: &FileRef) -> bool {
    Pipe::of(file)
        .and_then(|p| cap.found.files.pipes.get(&p.addr()))
        .is_some_and(|found| found.refused)
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
        size: bytes(pipe.status()?.pages).ok_or(E2BIG)?.into(),
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
pub(super) fn pos(file: &FileRef) -> Result<i64> {
    match Pipe::of(file) {
        Some(pipe) if file.is_readable() && pipe.is_unwritten()? => Ok(UNWRITTEN),
        _ => Ok(0),
    }
}

/// Gives a new pipe the size that it had.
fn resize(record: &image::files::Pipe, end: &FileRef) -> Result {
    let pipe = Pipe::of(end).ok_or(EINVAL)?;
    let size = record.size.get();
    if bytes(pipe.status()?.pages) != Some(size) {
        pipe.resize(size)?;
    }
    Ok(())
}

/// Sets the size of a new pipe and fills it through `write`, which is open for writing.
fn fill(r: &Restore, obj: ObjRef, write: &FileRef) -> Result {
    let (record, _) = r.object_body::<image::files::Pipe>(obj)?;
    resize(&record, write)?;
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
        write.set_flags(oflag::DIRECT | oflag::NONBLOCK, packet | oflag::NONBLOCK)?;
        write.write_stream(raw.payload)?;
    }
    write.set_flags(oflag::DIRECT | oflag::NONBLOCK, 0)
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
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    restore_anonymous(r, source, obj, &opener).map_err(|e| {
        let why = match e {
            EPERM => "it is larger than the caller may make one (fs.pipe-max-size)",
            ENFILE => "too many files are open (fs.file-max), or pipes (fs.pipe-user-pages-hard)",
            ENOMEM => "no memory",
            _ => "it can't be made",
        };
        r.fail(e, plan, fmt!("a pipe can't be rebuilt: {}", why))
    })
}

fn restore_anonymous(
    r: &Restore,
    source: &Source,
    obj: ObjRef,
    opener: &CredRef,
) -> Result<FileRef> {
    if !r.is_built(obj) {
        let (read, write) = opener.act(Pipe::create)?;
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
        r.set_built(obj, pipe)?;
    }
    let flags = source.record.flags.get();
    let (reads, writes) = (flags & open::READ != 0, flags & open::WRITE != 0);
    // The first reader and writer get what pipe(2) makes; others are made as open(2) of
    // /proc/self/fd/N makes them.
    let (file, new) = r
        .with_built(obj, |b| match b {
            BuiltPipe::Anonymous {
                read,
                write,
                read_taken,
                write_taken,
            } => Some(match (reads, writes) {
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
        opener.act(|| file.reopen(plain(source.flags)))?
    };
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags)?;
    Ok(file)
}

/// Makes the named pipe `obj`, which was found at the path of `source`, ready to be opened. What was
/// in it goes into another pipe first: it must not be seen outside if the restart fails.
fn make_named(
    r: &Restore,
    plan: &Plan<'_>,
    source: &Source,
    obj: ObjRef,
    found: &PathRef,
) -> Result {
    let name = Text(source.path.as_bytes());
    let in_use = || {
        r.fail(
            EBUSY,
            plan,
            fmt!(
                "{}: the named pipe is in use: end what has it open, or restart elsewhere",
                name
            ),
        )
    };
    // Whoever waits for its other end would be woken by ours.
    if found.is_open_pipe() {
        return Err(in_use());
    }
    let (record, _) = r.object_body::<image::files::Pipe>(obj)?;
    if record.buffers.get() != 0 && found.may_write().is_err() {
        return Err(r.fail(
            EACCES,
            plan,
            fmt!(
                "{}: something was in the named pipe, and the caller may not write to it",
                name
            ),
        ));
    }
    let make = || {
        // Nobody gets this one, so nobody's rights matter. Who may only read gets an end to read.
        let both = FileRef::open_unchecked(found, oflag::BOTH_ENDS)?;
        resize(&record, &both)?;
        let contents = if record.buffers.get() != 0 {
            let (read, write) = Pipe::create()?;
            fill(r, obj, &write)?;
            Some((read, write))
        } else {
            None
        };
        Ok(BuiltFifo {
            both,
            ends: KVec::new(),
            contents,
            delivered: false,
        })
    };
    let fifo = make().map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("{}: the named pipe can't be filled: {}", name, Errno(e)),
        )
    })?;
    let status = Pipe::of(&fifo.both).ok_or(EINVAL)?.status().map_err(|e| {
        let why = match e {
            EBUSY => LOCKED,
            _ => "the named pipe can't be looked at",
        };
        r.fail(e, plan, fmt!("{}: {}", name, why))
    })?;
    if status.files != 1 || status.used != 0 {
        return Err(in_use());
    }
    r.set_built(obj, BuiltPipe::Named(fifo))
}

/// `opener` may open the named pipe `found` as it was open. Asked before it is made ready to be
/// opened, which others can feel who wait for an end of it. EACCES if not.
fn may_open(source: &Source, opener: &CredRef, found: &PathRef) -> Result {
    let has = |flag| source.record.flags.get() & flag != 0;
    opener.act(|| -> Result {
        if has(open::READ) || !has(open::WRITE) {
            found.may_read()?;
        }
        if has(open::WRITE) {
            found.may_write()?;
        }
        Ok(())
    })
}

fn restore_named(r: &Restore, plan: &Plan<'_>, source: &Source, obj: ObjRef) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = regular::find(r, plan, source, &opener)?;
    if !r.is_built(obj) {
        may_open(source, &opener, &found).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "{}: can't be opened with the rights of who had opened it",
                    Text(source.path.as_bytes())
                ),
            )
        })?;
        make_named(r, plan, source, obj, &found)?;
    }
    // With both ends open nothing waits for the other.
    let flags = plain(source.flags);
    let file = regular::open_found(r, plan, source, &opener, &found, flags)?;
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags)?;
    let unwritten = source.record.pos.get() == UNWRITTEN as u64;
    let ends = r.with_built_mut(obj, |b| match b {
        BuiltPipe::Named(fifo) if fifo.both.inode_addr() == file.inode_addr() => {
            Some(core::mem::take(&mut fifo.ends))
        }
        _ => None,
    });
    let mut ends = ends.flatten().ok_or_else(|| {
        r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: two ends of one pipe have different paths",
                Text(source.path.as_bytes())
            ),
        )
    })?;
    ends.push((file.clone(), unwritten), GFP_KERNEL_ACCOUNT)?;
    r.with_built_mut(obj, |b| {
        if let BuiltPipe::Named(fifo) = b {
            fifo.ends = ends;
        }
    });
    Ok(file)
}

impl BuiltFifo {
    /// Open files of it that are ours.
    fn files(&self) -> Result<u32> {
        Ok(u32::try_from(self.ends.len())?.saturating_add(1))
    }

    /// Puts what was in it into it, if nobody else has opened it meanwhile (EBUSY).
    fn deliver(&mut self) -> Result {
        let pipe = Pipe::of(&self.both).ok_or(EINVAL)?;
        if let Some((read, _)) = &self.contents {
            let from = Pipe::of(read).ok_or(EINVAL)?;
            pipe.take_contents(&from, self.files()?)?;
        }
        self.delivered = true;
        for (file, unwritten) in &self.ends {
            if let Some(end) = Pipe::of(file).filter(|_| *unwritten) {
                // Who has locked it has it open, and so it is not as it was.
                let _ = end.set_unwritten();
            }
        }
        Ok(())
    }
}

/// It is a named one: [`deliver`] and [`take_back`] look for it.
pub(crate) fn is_named(pipe: &BuiltPipe) -> bool {
    matches!(pipe, BuiltPipe::Named(_))
}

/// Puts into the named pipes what was in them. To be called as the last of all that can fail: from
/// here on, who opens one finds it.
///
/// EBUSY: somebody else has one of them open.
pub(crate) fn deliver(r: &Restore) -> Result {
    r.for_each_built(|built: &mut BuiltPipe| match built {
        BuiltPipe::Named(fifo) => fifo.deliver().map_err(|e| {
            let name = fifo.both.entry_name();
            (e, name)
        }),
        _ => Ok(()),
    })
    .map_err(|(e, name)| {
        r.with_report(|report| {
            report.line(fmt!(
                "error: the named pipe {} was opened by somebody else during the restart: end \
                 that [{}]",
                Text(name.as_bytes()),
                Errno(e)
            ));
        });
        e
    })
}

/// Takes out of the named pipes what [`deliver`] has put into them: the restart has failed. What
/// somebody else has open by now keeps it.
pub(crate) fn take_back(r: &Restore) {
    let _ = r.for_each_built(|built: &mut BuiltPipe| {
        if let BuiltPipe::Named(fifo) = built {
            let pipe = Pipe::of(&fifo.both).filter(|_| fifo.delivered);
            if let (Some(pipe), Ok(files)) = (pipe, fifo.files()) {
                let _ = pipe.drop_contents(files);
            }
        }
        Ok::<(), Error>(())
    });
}
