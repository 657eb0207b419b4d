// SPDX-License-Identifier: GPL-2.0

//! Userfaultfds, and the memory that they watch.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::Walk,
        Object, //
    },
    mm::Mm,
    record::{
        Fault,
        Raw, //
    },
    userfault::*, //
};

/// Returns a userfaultfd. Its detail is the address space that it is of.
pub(super) fn userfaultfd_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let uffd: Userfaultfd = raw.body()?;
    Ok((uffd.obj.get(), uffd.mm.get()))
}

/// A mapping that a userfaultfd may watch.
#[derive(Clone, Copy)]
pub(in crate::image) struct Watchable {
    /// Its first address.
    pub(in crate::image) start: u64,
    /// The address after its last.
    pub(in crate::image) end: u64,
    /// Where the record of its address space is in the metadata.
    pub(in crate::image) space: u64,
}

impl Walk<'_> {
    /// Checks a userfaultfd. What features there are is up to the kernel.
    pub(in crate::image) fn userfaultfd(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let uffd: Userfaultfd = raw.body()?;
        self.refer_or_none::<Mm>(raw, uffd.mm.get())?;
        flags(raw, u64::from(uffd.flags.get()), u64::from(USERFAULT_FLAGS))?;
        zero(
            raw,
            uffd.flags.get() & USERFAULT_INITIALIZED != 0 || uffd.features.get() == 0,
        )?;
        no_payload(raw)
    }

    /// Checks what a userfaultfd watches of the mapping before it.
    pub(in crate::image) fn watched(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Watched = raw.body()?;
        let Watchable { start, end, space } = self
            .watchable
            .take()
            .ok_or(raw.fault("userfaultfd that watches no mapping, or one twice"))?;
        let of = self.refer::<Userfaultfd>(raw, body.uffd.get())?.detail;
        let here = of != 0 && self.refer::<Mm>(raw, of)?.offset() == space;
        ensure(raw, here, "userfaultfd of another address space")?;
        let modes = body.modes.get();
        flags(raw, u64::from(modes), u64::from(WATCH_ALL))?;
        let both = WATCH_WP | WATCH_RWP;
        ensure(
            raw,
            modes != 0 && modes & both != both,
            "watched for nothing, or for what does not go together",
        )?;
        zero(raw, body.reserved.get() == 0)?;
        let runs: &[WatchedRun] = raw.array(WATCHED_RUNS_MAX)?;
        ensure(
            raw,
            usize::try_from(body.runs.get()) == Ok(runs.len()),
            "number of runs is not as announced",
        )?;
        let mut from = start;
        for run in runs {
            let (first, state) = (run.start.get(), run.state.get());
            flags(raw, u64::from(state), u64::from(PAGES_ALL))?;
            ensure(
                raw,
                state != 0 && (state & PAGES_POISONED == 0 || state == PAGES_POISONED),
                "pages in no state, or in an impossible one",
            )?;
            ensure(
                raw,
                state & PAGES_PROTECTED == 0 || modes & both != 0,
                "pages that are protected, but not watched for that",
            )?;
            let last = u64::from(run.pages.get())
                .checked_mul(self.page_size)
                .and_then(|len| first.checked_add(len))
                .ok_or(raw.fault("impossible number of pages"))?;
            ensure(
                raw,
                self.is_aligned(first) && from <= first && first < last && last <= end,
                "runs overlap, are out of order, or lie outside of the mapping",
            )?;
            from = last;
        }
        Ok(())
    }
}
