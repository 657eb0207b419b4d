// SPDX-License-Identifier: GPL-2.0

//! Anonymous pipes, and what all pipes have in common: what is in them.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        name::{
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        removed, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        self,
        files::{
            open,
            PipeBuffer,
            FILE_PIPE,
            PIPE_MAX, //
        },
        record::ref_number,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            open::oflag,
            pipe::Pipe, //
        },
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// What to do about an end that a task outside has, too.
pub(super) const ADVICE: &str =
    "leave it outside (--external), start the tasks with a file instead, or checkpoint what has the \
     pipe as well";

/// Ends of anonymous pipes.
pub(super) const OPS: FileOps = FileOps {
    name: "a pipe",
    number: FILE_PIPE,
    matches: |f| f.is(ftype::FIFO) && f.internal,
    count,
    collect,
    advice: ADVICE,
    async_fd,
    save,
    restore,
    ..FileOps::NONE
};

/// Why a pipe can't be looked at.
pub(super) const LOCKED: &str = "is locked by a writer or reader outside that does not go on";

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// A pipe.
struct OpenPipe {
    /// The pipe, by its first end.
    pipe: Pipe,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    /// Not 0: the report says that an end of it is outside.
    told: Atomic<u32>,
}

/// A rebuilt pipe: what keeps both ends open until all tasks have theirs.
struct BuiltPipe {
    /// Its first end for reading.
    read: FileRef,
    /// Its first end for writing.
    write: FileRef,
    /// Not 0: a task has `read`.
    read_taken: Atomic<u32>,
    /// The same of `write`.
    write_taken: Atomic<u32>,
}

impl Rebuilt for BuiltPipe {}

/// Counts an end of the pipe: also one that can't be saved is not outside.
pub(super) fn count(cap: &mut Capture, file: &FileRef) -> Result {
    if let Some(pipe) = Pipe::of(file) {
        cap.objects.count::<OpenPipe>(pipe.addr())?;
    }
    Ok(())
}

/// Looks at the pipe when its first end is collected. False: refused.
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
    if cap.objects.users::<OpenPipe>(addr) > 1 {
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
    } else if !nameless
        && status.used != 0
        && !open.file.is_readable()
        && open.file.may_read().is_err()
    {
        Some("holds what the caller may not read, and is not open for that: call as who may")
    } else if bytes(status.pages).is_none() {
        Some("is too large: make it smaller (F_SETPIPE_SZ)")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    cap.objects.keep(OpenPipe {
        pipe,
        who: t.display(&cap.pid_ns),
        user: named.user,
        told: Atomic::new(0),
    })?;
    open.ours += 1;
    Ok(true)
}

impl Shared<Found> for OpenPipe {
    fn addr(&self) -> usize {
        self.pipe.addr()
    }

    fn outside(&self, cap: &Capture, users: u64) -> Outside {
        let users = users + cap.found.files.left_out.ends(self.pipe.addr());
        if u64::from(self.pipe.files()) > users {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        if self.told.xchg(1, Relaxed) != 0 {
            return Ok(());
        }
        let name = self.pipe.name();
        let name: &[u8] = match name.as_bytes() {
            [] => b"pipe",
            name => name,
        };
        let named = Named {
            user: self.user,
            name,
        };
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "{}: the pipe's other end is outside: leave this one outside, too (--external), \
                 start the tasks with a file instead, or checkpoint what has that end as well",
                named
            ),
        );
        Ok(())
    }
}

/// Tells of the pipe that `file` is an end of, if another end of it is outside; returns whether
/// that is so. Nothing need be reported about the end itself then.
pub(super) fn tell_instead(cap: &mut Capture, file: &FileRef) -> Result<bool> {
    let Some(addr) = Pipe::of(file).map(|p| p.addr()) else {
        return Ok(false);
    };
    let users = cap.objects.users::<OpenPipe>(addr);
    let Some(pipe) = cap.objects.get::<OpenPipe>(addr) else {
        return Ok(false);
    };
    if pipe.told.load(Relaxed) == 0 && pipe.outside(cap, users) == Outside::Nothing {
        return Ok(false);
    }
    pipe.tell(cap, users, Outside::Refused)?;
    Ok(true)
}

/// Returns the descriptor that signals of the end `file` name, if it is to send any.
pub(super) fn async_fd(file: &FileRef) -> Option<u32> {
    Pipe::of(file)?.async_fd()
}

/// Returns whether the tasks have an end of the pipe at `addr`.
pub(super) fn is_known(cap: &Capture, addr: usize) -> bool {
    cap.objects.users::<OpenPipe>(addr) > 0
}

/// Returns whether what is written to `file` goes into a pipe that the tasks have an end of.
pub(super) fn image_would_deadlock(cap: &Capture, file: &FileRef) -> bool {
    let has =
        |addr| cap.objects.users::<OpenPipe>(addr) > 0 || cap.found.files.left_out.ends(addr) > 0;
    Pipe::of(file).is_some_and(|p| has(p.addr()))
}

/// Returns the size in bytes of a pipe of `pages` pages, if an image can have it.
fn bytes(pages: u32) -> Option<u32> {
    let size = pages.checked_mul(u32::try_from(PAGE_SIZE).ok()?)?;
    (size.is_power_of_two() && size <= PIPE_MAX).then_some(size)
}

/// Writes the pipe of an end.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: save_pipe(cap, &open.file, false)?.get(),
        pos: 0,
        ..Saved::of(&open.file)
    })
}

/// Returns the reference of the pipe of `file`; writes its records the first time.
pub(super) fn save_pipe(cap: &mut Capture, file: &FileRef, named: bool) -> Result<ObjRef> {
    let pipe = Pipe::of(file).ok_or(ENOENT)?;
    let (obj, Some(_)) = cap.objects.save::<OpenPipe>(pipe.addr())? else {
        return cap.objects.reference::<OpenPipe>(pipe.addr());
    };
    let (pieces, contents) = pipe.contents()?;
    let owner = if named && file.links() != 0 {
        None
    } else {
        file.owner()
    };
    let removed = if named {
        removed::save_known(cap, &file.path())?
    } else {
        None
    };
    let record = image::files::Pipe {
        obj: obj.get().into(),
        buffers: u32::try_from(pieces.len()).map_err(|_| E2BIG)?.into(),
        size: bytes(pipe.status()?.pages).ok_or(E2BIG)?.into(),
        named: u32::from(named).into(),
        owner: owner.unwrap_or([0, 0]).map(Into::into),
        removed: ref_number(removed).into(),
        reserved: 0.into(),
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

/// Gives a new pipe the size that it had.
pub(super) fn resize(record: &image::files::Pipe, end: &FileRef) -> Result {
    let pipe = Pipe::of(end).ok_or(EINVAL)?;
    let size = record.size.get();
    if bytes(pipe.status()?.pages) != Some(size) {
        pipe.resize(size)?;
    }
    Ok(())
}

/// Sets the size of a new pipe and fills it through `write`, which is open for writing.
pub(super) fn fill(r: &Restore, obj: ObjRef, write: &FileRef) -> Result {
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

/// Returns the flags to open an end with without waiting. Packets are asked for later: open(2)
/// knows of none.
pub(super) fn plain(flags: u32) -> u32 {
    (flags & !oflag::DIRECT) | oflag::NONBLOCK
}

/// Opens an end as it was; the pipe is rebuilt with its first one.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
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
        let pipe = BuiltPipe {
            read,
            write,
            read_taken: Atomic::new(0),
            write_taken: Atomic::new(0),
        };
        r.set_built(obj, pipe)?;
    }
    let flags = source.record.flags.get();
    let (reads, writes) = (flags & open::READ != 0, flags & open::WRITE != 0);
    // The first reader and writer get what pipe(2) makes; others are made as open(2) of
    // /proc/self/fd/N makes them.
    let pipe = r.built::<BuiltPipe>(obj).ok_or(EINVAL)?;
    let (file, new) = match (reads, writes) {
        (true, false) => (pipe.read.clone(), pipe.read_taken.xchg(1, Relaxed) == 0),
        (false, true) => (pipe.write.clone(), pipe.write_taken.xchg(1, Relaxed) == 0),
        _ => (pipe.read.clone(), false),
    };
    let file = if new {
        file
    } else {
        opener.act(|| file.reopen(plain(source.flags)))?
    };
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags)?;
    Ok(file)
}
