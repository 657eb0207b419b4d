// SPDX-License-Identifier: GPL-2.0

//! Epoll instances, and what is registered with them.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    epoll::*,
    files::{
        check::kind_of,
        OpenFile,
        FILE_CONTENTS,
        FILE_DIRECTORY,
        FILE_EPOLL,
        FILE_REGULAR,
        FILE_SHARED_ANON,
        FILE_SIGNALFD,
        FILE_UNLINKED, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::Sighand, //
};

/// Highest number of a descriptor.
const FD_MAX: u32 = i32::MAX as u32;

impl Walk<'_> {
    /// Checks an epoll instance.
    pub(in crate::image) fn epoll(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let epoll: Epoll = raw.body()?;
        ensure(
            raw,
            epoll.busy_poll_usecs.get() <= i32::MAX as u32
                && epoll.busy_poll_budget.get() <= u32::from(u16::MAX),
            "impossible parameters",
        )?;
        boolean(raw, epoll.prefer_busy_poll.get())?;
        no_payload(raw)
    }

    /// Checks what is registered with an epoll instance.
    pub(in crate::image) fn epoll_items(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let items: EpollItems = raw.body()?;
        self.refer::<Epoll>(raw, items.epoll.get())?;
        zero(raw, items.reserved.get() == 0)?;
        for item in raw.array::<EpollItem>(ITEMS_MAX)? {
            self.epoll_item(raw, item)?;
        }
        Ok(())
    }

    /// Checks an item of the record `raw`.
    fn epoll_item(&self, raw: &Raw<'_>, item: &EpollItem) -> Result<(), Fault> {
        let kind = kind_of(self.refer::<OpenFile>(raw, item.file.get())?);
        ensure(
            raw,
            !matches!(
                kind,
                FILE_REGULAR | FILE_CONTENTS | FILE_DIRECTORY | FILE_UNLINKED | FILE_SHARED_ANON
            ),
            "a file that can't be waited for",
        )?;
        let events = item.events.get();
        ensure(
            raw,
            events & epoll::EXCLUSIVE == 0
                || (events & !epoll::WITH_EXCLUSIVE == 0 && kind != FILE_EPOLL),
            "events that can't be waited for exclusively",
        )?;
        // epoll_ctl(2) adds the two, and they go with all others only.
        let both = epoll::ERR | epoll::HUP;
        ensure(
            raw,
            events & both == both || (events & !epoll::HOW == 0 && events & epoll::ONESHOT != 0),
            "neither waits for errors nor is disabled",
        )?;
        ensure(raw, item.fd.get() <= FD_MAX, "descriptor too large")?;
        ensure(
            raw,
            item.state.get() <= EPOLL_REPORTED,
            "unknown state of an item",
        )?;
        self.refer_or_none::<Sighand>(raw, item.signals.get())?;
        ensure(
            raw,
            (item.signals.get() != 0) == (kind == FILE_SIGNALFD),
            "a signalfd that waits for nobody's signals, or another file that waits for some",
        )?;
        zero(raw, item.reserved.get() == 0)
    }
}
