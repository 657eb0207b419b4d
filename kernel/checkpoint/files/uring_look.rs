// SPDX-License-Identifier: GPL-2.0

//! Looking at io_urings that others look at, too, and whose requests come to their end.

use kernel::prelude::*;

use crate::{
    core::kind::Group,
    found::Capture,
    kapi::{
        cgroup::frozen::FrozenTasks,
        fs::{
            fdtable::FilesRef,
            file::FileRef,
            uring::{
                Uring,
                Why, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// How often, a millisecond apart, a ring is looked at that is in use or has something in flight.
const LOOKS: usize = 100;

/// Asks for something of an io_uring. Who has it for a moment, as a reader of its fdinfo does, is
/// waited for.
pub(super) fn ask<T>(mut what: impl FnMut() -> Result<T>) -> Result<T> {
    let mut seen = what();
    for _ in 0..LOOKS {
        if !matches!(seen, Err(EBUSY)) {
            break;
        }
        wait::check_killed()?;
        wait::pause_ms(1);
        seen = what();
    }
    seen
}

/// How often, likewise, before the tasks run for a moment; and for how long all are looked at more than once,
/// in nanoseconds.
const FIRST_LOOKS: usize = 10;
const FIRST_NS: u64 = 50_000_000;

/// Looks at an io_uring when it is in nobody's use, and what it does has ended: what a disk does may take
/// until `rest_by`, all else a moment.
pub(super) fn at(cap: &Capture, file: &FileRef) -> Result<Result<(Uring, Option<Why>)>> {
    look(file, LOOKS, cap.found.files.rest_by)
}

/// Returns whether no io_uring of the tasks has requests under way that do not end while they stand still: a
/// worker that is frozen does not begin with what it is handed, and what is for a task which alone may
/// submit is done when that runs. If the tasks run for a moment then these come to their end.
pub(in crate::files) fn is_settled(tasks: &FrozenTasks<'_>) -> Result<bool> {
    let end = wait::monotonic_ns().saturating_add(FIRST_NS);
    for group in Group::all(tasks) {
        let Some(files) = group.living().and_then(FilesRef::of) else {
            continue;
        };
        if !group.threads().iter().any(FrozenTask::uses_io_uring) {
            continue;
        }
        let mut from = 0;
        while let Some(d) = files.next(from) {
            wait::go_on()?;
            from = d.fd.saturating_add(1);
            if !d.file.is_io_uring() {
                continue;
            }
            tasks.check_hold()?;
            let most = match wait::monotonic_ns() < end {
                true => FIRST_LOOKS,
                false => 0,
            };
            if let Ok((Uring { busy: None, .. }, Some(Why::InFlight | Why::Turn))) =
                look(&d.file, most, 0)?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Looks at an io_uring, so often, a millisecond apart, and as long as something is under way until `rest_by`.
fn look(file: &FileRef, most: usize, rest_by: u64) -> Result<Result<(Uring, Option<Why>)>> {
    let (mut moments, mut looks) = (0, 0);
    let mut seen = Uring::of(file);
    loop {
        let again = match &seen {
            // What is kept of a task may be another request than the one that is on its way. Who ends
            // one has the ring, too.
            Err(EBUSY) | Ok((_, Some(Why::Turn))) => {
                moments += 1;
                moments <= most
            }
            Ok((uring, Some(Why::InFlight))) => {
                looks += 1;
                looks <= most || (uring.under_way && wait::monotonic_ns() < rest_by)
            }
            _ => false,
        };
        if !again {
            return Ok(seen);
        }
        wait::check_killed()?;
        wait::pause_ms(1);
        seen = Uring::of(file);
    }
}
