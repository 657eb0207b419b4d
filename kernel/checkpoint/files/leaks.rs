// SPDX-License-Identifier: GPL-2.0

//! Open files that tasks outside have as well.
//!
//! A file, a directory or a memory device is at its path for all who know it: that a struct file
//! is shared means a position and flags in common, no more. Whoever starts a container shares its
//! standard descriptors with it so. They are saved, and the log names them. What has no path, or
//! whose content is in the image, would be torn apart, and is refused.

use kernel::prelude::*;

use crate::{
    core::objects::{
        Outside,
        Shared, //
    },
    files::{
        name::{
            name_of,
            Named, //
        },
        open::Open,
        owner,
        pipe, //
    },
    found::{
        Capture,
        Found, //
    },
    image::files::FILE_EXTERNAL, //
};

impl Open {
    /// Returns whether a task outside has the open file itself.
    fn is_outside(&self, cap: &Capture, users: u64) -> bool {
        // An overlay's own file keeps a reference on the one below it, which mappings have. Nobody can
        // tell whether it is still there: if it was closed, a single mapping outside is taken for it.
        // What is missed so is a note: the file is at its path for both.
        let below = u64::from(self.file.is_backing());
        self.file.count() > users + cap.found.files.own_references(self) + below
    }

    /// Returns whether who gets its signals is outside.
    fn tells_outside(&self, cap: &Capture) -> bool {
        self.kind.number != FILE_EXTERNAL && owner::is_outside(cap, &self.file)
    }

    /// Returns what becomes of it if tasks outside have it, or what it shows, as well.
    fn shared(&self, cap: &Capture, users: u64) -> Outside {
        if self.kind.number == FILE_EXTERNAL {
            return Outside::Nothing;
        }
        let outside = self.is_outside(cap, users) || (self.kind.outside)(cap, self);
        if !outside {
            Outside::Nothing
        } else if cap.strict || !(self.kind.lossless)(self) {
            Outside::Refused
        } else {
            Outside::Noted
        }
    }
}

impl Shared<Found> for Open {
    fn addr(&self) -> usize {
        self.file.addr()
    }

    fn outside(&self, cap: &Capture, users: u64) -> Outside {
        if self.tells_outside(cap) {
            Outside::Refused
        } else {
            self.shared(cap, users)
        }
    }

    fn tell(&self, cap: &mut Capture, users: u64, _: Outside) -> Result {
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        if self.tells_outside(cap) {
            cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!(
                    "{}: who gets its signals (F_SETOWN) is outside: checkpoint that as well, or \
                     have others get them",
                    named
                ),
            );
        }
        let outside = self.shared(cap, users);
        if outside == Outside::Nothing || pipe::tell_instead(cap, &self.file)? {
            return Ok(());
        }
        let what = if self.is_outside(cap, users) {
            "a task outside shares it"
        } else {
            "a task outside has it open too"
        };
        if outside == Outside::Refused {
            cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!("{}: {}: {}", named, what, self.kind.advice),
            );
        } else {
            cap.report.note(
                &self.who,
                fmt!("{}: {}; after a restart it has one of its own", named, what),
            );
        }
        Ok(())
    }

    fn stays(&self) -> bool {
        self.is_synced()
    }
}
