// SPDX-License-Identifier: GPL-2.0

//! Open files that tasks outside have as well.
//!
//! A file, a directory or a memory device lies at its path for all who know it: that a struct file
//! is shared means a position and flags in common, no more. Whoever starts a container shares its
//! standard descriptors with it so. They are saved, and the log names them. What has no path, or
//! whose content is in the image, would be torn apart, and is refused.

use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

use crate::{
    core::objects::Class,
    files::{
        collected::Open,
        name::{
            name_of,
            Named, //
        },
        pipe, //
    },
    found::Capture,
    kapi::time::wait::check_killed, //
};

/// How often, a millisecond apart, what would be refused is counted again: who looks at
/// /proc/PID/fd has a reference for a moment.
pub(super) const RECOUNTS: usize = 50;

/// What tasks outside have of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// Nothing.
    Nothing,
    /// The open file itself.
    Open,
    /// Another open file of the inode, which is a removed one.
    Inode,
}

/// Who else has `open`, as of now.
fn outside(cap: &Capture, open: &Open) -> Outside {
    let users = cap
        .objects
        .get(Class::File, open.file.addr())
        .map_or(0, |entry| entry.users);
    // An overlay's own file keeps a reference on the one below it, which mappings have.
    let below = u64::from(open.file.is_backing());
    if open.file.count() > users + cap.found.files.own_references(open) + below {
        return Outside::Open;
    }
    if (open.kind.outside)(cap, open) {
        return Outside::Inode;
    }
    Outside::Nothing
}

/// Lists open files that tasks outside have too.
pub(super) fn check(cap: &mut Capture) -> Result {
    let mut shared: KVVec<usize> = KVVec::new();
    for open in cap.found.files.open.values() {
        check_killed()?;
        if outside(cap, open) != Outside::Nothing {
            shared.push(open.file.addr(), GFP_KERNEL_ACCOUNT)?;
        }
    }
    let strict = cap.strict;
    let is_still = |cap: &Capture, addr: &usize| {
        let open = cap.found.files.open.get(addr)?;
        let outside = outside(cap, open);
        (outside != Outside::Nothing).then_some((outside, strict || !(open.kind.lossless)(open)))
    };
    for _ in 0..RECOUNTS {
        // For a line of the log nobody has to stand still.
        let refused = |addr| is_still(cap, addr).is_some_and(|(_, refused)| refused);
        if !shared.iter().any(refused) {
            break;
        }
        check_killed()?;
        fsleep(Delta::from_millis(1));
    }
    for addr in &shared {
        let Some((outside, refused)) = is_still(cap, addr) else {
            continue;
        };
        let Some(open) = cap.found.files.open.get(addr) else {
            continue;
        };
        if pipe::is_refused(cap, &open.file) {
            continue;
        }
        let name = name_of(cap, &open.file)?;
        let named = Named {
            user: open.user,
            name: &name,
        };
        let what = match outside {
            Outside::Inode => "a task outside has it open too",
            _ => "a task outside shares it",
        };
        if refused {
            cap.report.refuse(
                EBUSY,
                &open.who,
                fmt!("{}: {}: {}", named, what, open.kind.advice),
            );
        } else {
            cap.report.note(
                &open.who,
                fmt!("{}: {}; after a restart it has one of its own", named, what),
            );
        }
    }
    Ok(())
}
