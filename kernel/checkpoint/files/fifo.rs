// SPDX-License-Identifier: GPL-2.0

//! Named pipes, by path. What is in them is saved as that of other pipes is.

use core::pin::Pin;

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    }, //
};

use crate::{
    core::{
        built::Rebuilt,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        former,
        inode,
        mount,
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        path,
        pipe,
        removed, //
    },
    found::Capture,
    image::{
        self,
        files::{
            open,
            Removed,
            FILE_FIFO, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            open::oflag,
            path::{
                PathName,
                PathRef, //
            },
            pipe::Pipe,
            stat::Stat, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// "Position" of an end of a named pipe that nobody had open for writing since it was opened.
const UNWRITTEN: i64 = 1;

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// Ends of named pipes.
pub(super) const OPS: FileOps = FileOps {
    name: "a named pipe",
    number: FILE_FIFO,
    matches: |f| f.is(ftype::FIFO),
    by_path: true,
    count: pipe::count,
    collect,
    advice: pipe::ADVICE,
    async_fd: pipe::async_fd,
    save,
    restore,
    ..FileOps::NONE
};

/// Ends of a named pipe that tasks have got, and whether nobody had it open for writing since they
/// were opened.
type Ends = KVec<(FileRef, bool)>;

/// A rebuilt named pipe.
struct BuiltFifo {
    /// Open for both, for nobody: with it nothing waits for the other end.
    both: FileRef,
    ends: Pin<KBox<Mutex<Ends>>>,
    /// What will be in it, until then in a pipe that nobody else has: both ends of that.
    contents: Option<(FileRef, FileRef)>,
    /// Not 0: what was in it has been put into it.
    delivered: Atomic<u32>,
}

/// Notes the path, and looks at the pipe with its first end. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let found = if is_removed(&open.file) {
        collect_removed(cap, t, named, open)?
    } else {
        path::collect(cap, t, named, open)?
    };
    Ok(found && pipe::collect(cap, t, named, open)?)
}

/// Returns whether nobody can open it any more.
fn is_removed(file: &FileRef) -> bool {
    file.is_unlinked() && file.links() == 0
}

/// Notes the directory that it was in, and its path. False: refused.
fn collect_removed(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
) -> Result<bool> {
    let path = open.file.path();
    open.former = former::of(cap, &open.file)?;
    let why = if open.former.is_empty() {
        "was removed, and its path can't be reached: call from where it can"
    } else if path.is_of_server() {
        "was removed, and is kept by the server of its filesystem: have it closed"
    } else if open.file.owner().is_none() {
        "was removed, and its owner is not known in this user namespace: call from outside"
    } else if open.file.hides_xattrs()? {
        inode::HIDDEN
    } else if !open.file.xattrs()?.is_empty() {
        "was removed, and has extended attributes: have them removed"
    } else {
        return path::lead(cap, t, named, open, &former::above(&path));
    };
    cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Writes the pipe of an end.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let stat = if open.former.is_empty() {
        path::identity(cap, open)?
    } else {
        Stat::default()
    };
    Ok(Saved {
        inode: pipe::save_pipe(cap, &open.file, true)?.get(),
        stat,
        pos: pos(&open.file)?,
        ..Saved::of(&open.file)
    })
}

/// Returns the position of an end of a named pipe in the image.
fn pos(file: &FileRef) -> Result<i64> {
    match Pipe::of(file) {
        Some(pipe) if file.is_readable() && pipe.is_unwritten()? => Ok(UNWRITTEN),
        _ => Ok(0),
    }
}

/// Returns its path for messages.
fn shown(source: &Source) -> Text<'_> {
    let former = source.former.as_bytes();
    Text(if former.is_empty() {
        source.path.as_bytes()
    } else {
        former
    })
}

/// Makes the named pipe `obj`, which was found at the path of `source`, ready to be opened. What
/// was in it goes into another pipe first: it must not be seen outside if the restart fails.
fn make_named(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    obj: ObjRef,
    found: &PathRef,
) -> Result {
    let name = shown(source);
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
        // It is closed when the tasks run, who may watch the pipe.
        both.set_quiet();
        pipe::resize(&record, &both)?;
        let contents = if record.buffers.get() != 0 {
            let (read, write) = Pipe::create()?;
            pipe::fill(r, obj, &write)?;
            Some((read, write))
        } else {
            None
        };
        Ok(BuiltFifo {
            both,
            ends: KBox::pin_init(new_mutex!(KVec::new(), "checkpoint fifo ends"), GFP_KERNEL)?,
            contents,
            delivered: Atomic::new(0),
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
            EBUSY => pipe::LOCKED,
            _ => "the named pipe can't be looked at",
        };
        r.fail(e, plan, fmt!("{}: {}", name, why))
    })?;
    if status.files != 1 || status.used != 0 {
        return Err(in_use());
    }
    r.set_built(obj, fifo)
}

/// Checks that `opener` may open the named pipe `found` as it was open. Asked before it is made
/// ready to be opened, which others can feel who wait for an end of it. EACCES if not.
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

/// Returns the path of the removed pipe `obj`, which is made for its first end.
fn find_removed(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    obj: ObjRef,
    opener: &CredRef,
) -> Result<PathRef> {
    if let Some(path) = r.with_built(obj, |fifo: &BuiltFifo| fifo.both.path()) {
        return Ok(path);
    }
    let (record, _) = r.object_body::<image::files::Pipe>(obj)?;
    // Somebody has it by its path as well, which may be another one of those that it had.
    if let Some(obj) = ObjRef::new(record.removed.get()) {
        let path = removed::restore(r, plan, obj)?;
        let (_, raw) = r.object_body::<Removed>(obj)?;
        let name = raw.payload.splitn(2, |&b| b == 0).nth(1);
        return match name == Some(source.former.as_bytes()) {
            true => Ok(path),
            false => former::give(r, plan, source, path),
        };
    }
    let (_, name) = former::split(source.former.as_bytes())?.ok_or(EINVAL)?;
    let start = mount::start(r, source.record.mount.get())?;
    let make = || {
        let dir = PathRef::lookup_dir(&start, source.path.as_c_str())?;
        former::make(&dir, &name, ftype::FIFO, 0, &PathName::new(&[])?)
    };
    // Who has it open need not have made it.
    let mut made = opener.act(make);
    if matches!(made, Err(EACCES | EPERM)) {
        made = make();
    }
    let prepare = |path: PathRef| {
        let file = FileRef::open_unchecked(&path, oflag::PLACE)?;
        file.remove_xattrs()?;
        let owner = record.owner.map(|id| id.get());
        if file.owner() != Some(owner) {
            file.chown(owner)?;
        }
        file.chmod((source.record.mode.get() & PERMISSIONS) as u16)?;
        Ok(path)
    };
    made.and_then(prepare).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "removed named pipe {}: can't be made in {}: {}",
                shown(source),
                Text(source.path.as_bytes()),
                Errno(e)
            ),
        )
    })
}

/// Opens an end as it was; the pipe is made ready with its first one.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = if source.former.as_bytes().is_empty() {
        path::find(r, plan, source, &opener)?
    } else {
        find_removed(r, plan, source, obj, &opener)?
    };
    if !r.is_built(obj) {
        may_open(source, &opener, &found).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "{}: can't be opened with the rights of who had opened it",
                    shown(source)
                ),
            )
        })?;
        make_named(r, plan, source, obj, &found)?;
    }
    // With both ends open nothing waits for the other.
    let flags = pipe::plain(source.flags);
    let file = path::open_found(r, plan, source, &opener, &found, flags)?;
    file.set_flags(oflag::DIRECT | oflag::NONBLOCK, source.flags)?;
    let unwritten = source.record.pos.get() == UNWRITTEN as u64;
    let fifo = r
        .built::<BuiltFifo>(obj)
        .filter(|fifo| fifo.both.inode_addr() == file.inode_addr())
        .ok_or_else(|| {
            r.fail(
                ESTALE,
                plan,
                fmt!(
                    "{}: two ends of one pipe have different paths",
                    shown(source)
                ),
            )
        })?;
    fifo.ends
        .lock()
        .push((file.clone(), unwritten), GFP_KERNEL_ACCOUNT)?;
    Ok(file)
}

impl BuiltFifo {
    /// Puts what was in it into it, if nobody else has opened it meanwhile (EBUSY).
    fn deliver(&self) -> Result {
        let ends = self.ends.lock();
        let pipe = Pipe::of(&self.both).ok_or(EINVAL)?;
        if let Some((read, _)) = &self.contents {
            let from = Pipe::of(read).ok_or(EINVAL)?;
            pipe.take_contents(&from, files(&ends)?)?;
        }
        self.delivered.store(1, Relaxed);
        for (file, unwritten) in ends.iter() {
            if let Some(end) = Pipe::of(file).filter(|_| *unwritten) {
                // Who has locked it has it open, and so it is not as it was.
                let _ = end.set_unwritten();
            }
        }
        Ok(())
    }
}

/// Returns how many open files of a named pipe are ours.
fn files(ends: &Ends) -> Result<u32> {
    Ok(u32::try_from(ends.len())?.saturating_add(1))
}

impl Rebuilt for BuiltFifo {
    fn stays(&self) -> bool {
        true
    }

    /// Puts into it what was in it: from here on, who opens it finds that. EBUSY: somebody else has
    /// it open.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        self.deliver().inspect_err(|&e| {
            r.with_report(|report| {
                report.line(fmt!(
                    "error: the named pipe {} was opened by somebody else during the restart: end \
                     that [{}]",
                    Text(self.both.entry_name().as_bytes()),
                    Errno(e)
                ));
            });
        })
    }

    /// Takes out of it what was put into it. What somebody else has open by now keeps it.
    fn undo(&self, _: &Restore) {
        let pipe = Pipe::of(&self.both).filter(|_| self.delivered.load(Relaxed) != 0);
        if let (Some(pipe), Ok(files)) = (pipe, files(&self.ends.lock())) {
            let _ = pipe.drop_contents(files);
        }
    }
}
