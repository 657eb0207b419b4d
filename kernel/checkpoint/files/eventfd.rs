// SPDX-License-Identifier: GPL-2.0

//! Eventfds: the counter, and how it is read. Who waits for it does so in a system call.
//!
//! The kernel signals some for somebody. io_urings of the tasks are saved, and count themselves; of
//! others it is not known whose they are.

use kernel::prelude::*;

use crate::{
    core::{
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
            name_of,
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::files::{
        open,
        FILE_EVENTFD, //
    },
    kapi::{
        fs::{
            eventfd::Eventfd,
            file::FileRef, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// Eventfds.
pub(super) const OPS: FileOps = FileOps {
    name: "an eventfd",
    number: FILE_EVENTFD,
    matches: |f| Eventfd::of(f.file).is_some(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// What the kernel signals of an eventfd. Its users are the file and the io_urings of the tasks.
pub(super) struct Context {
    addr: usize,
    /// The open file.
    file: FileRef,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
}

impl Context {
    /// Counts an io_uring that signals the one at `addr`.
    pub(super) fn count(cap: &mut Capture, addr: usize) -> Result {
        cap.objects.count_only::<Self>(addr)?;
        Ok(())
    }

    /// Returns the address of the open file of the one at `addr`; `None`: no task has it.
    pub(super) fn file(cap: &Capture, addr: usize) -> Option<usize> {
        Some(cap.objects.get::<Self>(addr)?.file.addr())
    }
}

impl Shared<Found> for Context {
    fn addr(&self) -> usize {
        self.addr
    }

    fn outside(&self, _: &Capture, users: u64) -> Outside {
        match Eventfd::of(&self.file) {
            Some(e) if e.references > users => Outside::Refused,
            _ => Outside::Nothing,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        cap.report.refuse(
            EOPNOTSUPP,
            &self.who,
            fmt!(
                "{}: the kernel signals it for somebody: end what it was registered with \
                 (io_uring, AIO, KVM)",
                named
            ),
        );
        Ok(())
    }
}

/// Notes what the kernel signals of it.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let addr = Eventfd::of(&open.file).ok_or(EIO)?.context;
    cap.objects.count_only::<Context>(addr)?;
    cap.objects.keep(Context {
        addr,
        file: open.file.clone(),
        who: t.display(&cap.pid_ns),
        user: named.user,
    })?;
    open.ours += 1;
    Ok(true)
}

/// Writes no records of its own: the counter is in that of the file.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    let eventfd = Eventfd::of(&open.file).ok_or(EIO)?;
    let saved = Saved::of(&open.file);
    let semaphore = if eventfd.semaphore {
        open::SEMAPHORE
    } else {
        0
    };
    Ok(Saved {
        flags: saved.flags | semaphore,
        size: eventfd.count,
        ..saved
    })
}

/// Makes one with that counter.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let record = &source.record;
    let semaphore = record.flags.get() & open::SEMAPHORE != 0;
    opener::make_object(r, plan, source, opener::NOATIME, || {
        Eventfd::make(record.size.get(), semaphore)
    })
}
