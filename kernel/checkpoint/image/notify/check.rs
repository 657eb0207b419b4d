// SPDX-License-Identifier: GPL-2.0

//! Watches and their events.

use crate::image::{
    check::{
        fields::{
            absolute_path,
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        }, //
    },
    files::{
        check::is_file_mode,
        Inode, //
    },
    notify::*,
    record::{
        Fault,
        Raw, //
    }, //
};

mod groups;

/// Highest watch descriptor.
const WD_MAX: u32 = i32::MAX as u32;

impl Walk<'_> {
    /// Checks an inotify instance.
    pub(in crate::image) fn inotify(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let inotify: Inotify = raw.body()?;
        let (watches, events) = (inotify.watches.get(), inotify.events.get());
        ensure(
            raw,
            watches <= WATCHES_MAX && events <= EVENTS_MAX,
            "too many watches or events",
        )?;
        ensure(
            raw,
            inotify.next.get() <= WD_MAX + 1,
            "impossible watch descriptor",
        )?;
        no_payload(raw)?;
        self.follow = follow(watches, events, 1, false);
        Ok(())
    }

    /// Checks a watch.
    pub(in crate::image) fn inotify_watch(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let watch: InotifyWatch = raw.body()?;
        let Follow::Watches { left, events, from } = self.follow else {
            return Err(raw.fault("belongs to no inotify instance, or that has fewer watches"));
        };
        let wd = watch.wd.get();
        ensure(raw, wd <= WD_MAX, "impossible watch descriptor")?;
        ensure(
            raw,
            wd >= from,
            "watch descriptors are out of order or twice there",
        )?;
        flags(
            raw,
            u64::from(watch.mask.get()),
            u64::from(inotify::OF_WATCHES),
        )?;
        if watch.inode.get() == 0 {
            ensure(raw, is_file_mode(watch.mode.get()), "impossible mode")?;
            self.mount_of(raw, watch.mount.get())?;
            absolute_path(raw)?;
        } else {
            let named = self.refer::<Inode>(raw, watch.inode.get())?.detail;
            ensure(
                raw,
                matches!(named, 1 | 2),
                "watch of memory, or by what has a path",
            )?;
            no_payload(raw)?;
            zero(
                raw,
                watch.mode.get() == 0
                    && watch.generation.get() == 0
                    && watch.dev.get() == 0
                    && watch.ino.get() == 0
                    && watch.mount.get() == 0,
            )?;
        }
        self.follow = follow(left.saturating_sub(1), events, wd.saturating_add(1), false);
        Ok(())
    }

    /// Checks an event.
    pub(in crate::image) fn inotify_event(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let event: InotifyEvent = raw.body()?;
        let Follow::Events { left, overflow } = self.follow else {
            return Err(raw.fault("belongs to no inotify instance, or that has fewer events"));
        };
        let (wd, mask) = (event.wd.get(), event.mask.get());
        flags(raw, u64::from(mask), u64::from(inotify::OF_EVENTS))?;
        flags(
            raw,
            u64::from(event.flags.get()),
            u64::from(INOTIFY_EVENT_FLAGS),
        )?;
        let overflows = mask & inotify::OVERFLOW != 0;
        if overflows {
            ensure(raw, !overflow, "the queue overflows twice")?;
            zero(
                raw,
                mask == inotify::OVERFLOW && event.cookie.get() == 0 && event.flags.get() == 0,
            )?;
            no_payload(raw)?;
        }
        ensure(
            raw,
            if overflows { wd == -1 } else { wd > 0 },
            "impossible watch descriptor",
        )?;
        ensure(
            raw,
            raw.payload.len() <= NAME_MAX
                && !raw.payload.contains(&0)
                && !raw.payload.contains(&b'/'),
            "impossible name of a file",
        )?;
        self.follow = follow(0, left.saturating_sub(1), 1, overflow || overflows);
        Ok(())
    }
}

/// Returns what must come next if so many watches and events are missing.
fn follow(watches: u32, events: u32, from: u32, overflow: bool) -> Follow {
    match (watches, events) {
        (0, 0) => Follow::Any,
        (0, left) => Follow::Events { left, overflow },
        (left, events) => Follow::Watches { left, events, from },
    }
}
