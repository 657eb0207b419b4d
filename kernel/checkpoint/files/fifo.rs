// SPDX-License-Identifier: GPL-2.0

//! Named pipes, by path. What is in them is saved as that of other pipes is.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
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
        pipe::{
            self,
            BuiltPipe, //
        }, //
    },
    found::Capture,
    image::{
        self,
        files::{
            open,
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
            path::PathRef,
            pipe::Pipe, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// "Position" of an end of a named pipe that nobody had open for writing since it was opened.
const UNWRITTEN: i64 = 1;

/// Ends of named pipes.
pub(super) const OPS: FileOps = FileOps {
    name: "a named pipe",
    number: FILE_FIFO,
    matches: |f| f.is(ftype::FIFO),
    by_path: true,
    count: pipe::count,
    collect,
    advice: pipe::ADVICE,
    save,
    restore,
    ..FileOps::NONE
};

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

/// Notes the path, and looks at the pipe with its first end. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    Ok(path::collect(cap, t, named, open)? && pipe::collect(cap, t, named, open)?)
}

/// Writes the pipe of an end.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    Ok(Saved {
        inode: pipe::save_pipe(cap, &open.file, true)?.get(),
        stat: path::identity(cap, open)?,
        pos: pos(&open.file)?,
        ..Saved::of(&open.file)
    })
}

/// What stands in the image for the position of an end of a named pipe.
fn pos(file: &FileRef) -> Result<i64> {
    match Pipe::of(file) {
        Some(pipe) if file.is_readable() && pipe.is_unwritten()? => Ok(UNWRITTEN),
        _ => Ok(0),
    }
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
            EBUSY => pipe::LOCKED,
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

/// Opens an end as it was; the pipe is made ready with its first one.
fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, source, &opener)?;
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
    let flags = pipe::plain(source.flags);
    let file = path::open_found(r, plan, source, &opener, &found, flags)?;
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
