// SPDX-License-Identifier: GPL-2.0

//! Looking at io_urings that others look at, too, and whose requests come to their end.

use kernel::prelude::*;

use crate::{
    found::Capture,
    kapi::{
        fs::{
            file::FileRef,
            uring::{
                Uring,
                Why, //
            }, //
        },
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

/// Looks at an io_uring when it is in nobody's use, and what it does has ended: what a disk does may take
/// until `rest_by`, all else a moment.
pub(super) fn at(cap: &Capture, file: &FileRef) -> Result<Result<(Uring, Option<Why>)>> {
    let (mut moments, mut looks) = (0, 0);
    let mut seen = Uring::of(file);
    loop {
        let again = match &seen {
            // What is kept of a task may be another request than the one that is on its way. Who ends
            // one has the ring, too.
            Err(EBUSY) | Ok((_, Some(Why::Turn))) => {
                moments += 1;
                moments <= LOOKS
            }
            Ok((uring, Some(Why::InFlight))) => {
                looks += 1;
                looks <= LOOKS
                    || (uring.under_way && wait::monotonic_ns() < cap.found.files.rest_by)
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
