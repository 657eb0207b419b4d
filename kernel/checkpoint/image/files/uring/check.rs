// SPDX-License-Identifier: GPL-2.0

//! io_urings.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        pid,
        walk::{
            Follow,
            Walk, //
        },
        Pid, //
    },
    files::{
        check::kind_of,
        uring::*,
        OpenFile,
        FILE_EVENTFD,
        FILE_IO_URING, //
    },
    mm::Vma,
    record::{
        Fault,
        Raw, //
    },
    task::{
        Cred,
        TASK_LIVE, //
    }, //
};

/// Offsets by which rings and submission queue entries are mapped: IORING_OFF_*.
const OFFSETS: [u64; 3] = [0, 0x800_0000, 0x1000_0000];

impl Walk<'_> {
    /// An io_uring.
    pub(in crate::image) fn uring(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let uring: Uring = raw.body()?;
        let set_up = uring.setup.get();
        flags(raw, u64::from(set_up), u64::from(setup::ALL))?;
        flags(raw, u64::from(uring.flags.get()), u64::from(URING_FLAGS))?;
        ensure(
            raw,
            (set_up & setup::TASKRUN_FLAG == 0
                || set_up & (setup::COOP_TASKRUN | setup::DEFER_TASKRUN) != 0)
                && (set_up & setup::DEFER_TASKRUN == 0 || set_up & setup::SINGLE_ISSUER != 0),
            "io_uring that was set up in an impossible way",
        )?;
        let (sq, cq) = (uring.sq_entries.get(), uring.cq_entries.get());
        ensure(
            raw,
            sq.is_power_of_two() && sq <= SQ_ENTRIES_MAX,
            "impossible number of submission queue entries",
        )?;
        ensure(
            raw,
            cq.is_power_of_two()
                && cq <= CQ_ENTRIES_MAX
                && cq >= sq
                && (set_up & setup::CQSIZE != 0 || Some(cq) == sq.checked_mul(2)),
            "impossible number of completion queue entries",
        )?;
        let (all, rings) = (raw.payload.len() as u64, u64::from(uring.rings.get()));
        ensure(
            raw,
            rings != 0 && rings < all && self.is_aligned(rings) && self.is_aligned(all),
            "memory of the io_uring is not as announced",
        )?;
        self.uring_issuer(raw, &uring)?;
        self.uring_registered(raw, &uring)?;
        let (slots, files) = (uring.slots.get(), uring.files.get());
        let personalities = uring.personalities.get();
        self.follow = follow(slots, (files, 0), (personalities, 1));
        Ok(())
    }

    /// Who alone may submit to an io_uring.
    fn uring_issuer(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let (set_up, issuer) = (uring.setup.get(), uring.issuer.get());
        let single = set_up & setup::SINGLE_ISSUER != 0 && set_up & setup::R_DISABLED == 0;
        let lives = |p: &Pid| p.is_task() && p.state == TASK_LIVE;
        ensure(
            raw,
            single == (issuer != 0),
            "io_uring to which one task may submit, and none does, or the other way round",
        )?;
        ensure(
            raw,
            issuer == 0 || pid(self.pids, issuer).is_some_and(lives),
            "who may submit to the io_uring is no living task",
        )
    }

    /// What is registered with an io_uring, in its own record.
    fn uring_registered(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let has = |flag| uring.flags.get() & flag != 0;
        let slots = uring.slots.get();
        ensure(
            raw,
            slots <= SLOTS_MAX && uring.files.get() <= slots,
            "too many registered files",
        )?;
        let (start, end) = (uring.alloc_start.get(), uring.alloc_end.get());
        ensure(
            raw,
            start <= end && end <= slots && uring.alloc_hint.get() <= slots,
            "places that the kernel may choose are none",
        )?;
        ensure(
            raw,
            uring.personalities.get() <= PERSONALITY_MAX
                && uring.next_personality.get() <= PERSONALITY_MAX + 1,
            "too many personalities",
        )?;
        let eventfd = uring.eventfd.get();
        if eventfd != 0 {
            let kind = kind_of(self.refer::<OpenFile>(raw, eventfd)?);
            ensure(raw, kind == FILE_EVENTFD, "tells what is no eventfd")?;
        }
        zero(raw, eventfd != 0 || !has(URING_EVENTFD_ASYNC))?;
        let may = [&uring.sqe_flags_allowed, &uring.sqe_flags_required];
        ensure(
            raw,
            may.iter().all(|f| f.get() <= u32::from(u8::MAX)),
            "impossible flags of requests",
        )?;
        zero(
            raw,
            has(URING_OPS_RESTRICTED)
                || (uring.ops_low.get() == 0
                    && uring.ops_high.get() == 0
                    && may.iter().all(|f| f.get() == 0)),
        )?;
        zero(
            raw,
            has(URING_REGISTERS_RESTRICTED) || uring.registers.get() == 0,
        )?;
        zero(raw, uring.reserved.get() == 0)
    }

    /// Registered files of an io_uring.
    pub(in crate::image) fn uring_files(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: UringFiles = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring {
            slots,
            files: (left, mut from),
            personalities,
        } = self.follow
        else {
            return Err(raw.fault("belongs to no io_uring, or that has fewer files"));
        };
        let files: &[UringFile] = raw.array(REGISTERED_MAX)?;
        let n = counted(raw, files.len(), record.files.get(), left)?;
        for file in files {
            let index = file.index.get();
            ensure(
                raw,
                index >= from && index < slots,
                "registered files are out of order, or where there is no place",
            )?;
            from = index.saturating_add(1);
            let kind = kind_of(self.refer::<OpenFile>(raw, file.file.get())?);
            ensure(
                raw,
                kind != FILE_IO_URING,
                "an io_uring is registered with one",
            )?;
        }
        self.follow = follow(slots, (left.saturating_sub(n), from), personalities);
        Ok(())
    }

    /// Personalities of an io_uring.
    pub(in crate::image) fn uring_personalities(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: UringPersonalities = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring {
            slots,
            files: (0, place),
            personalities: (left, mut from),
        } = self.follow
        else {
            return Err(raw.fault("belongs to no io_uring, or that has fewer personalities"));
        };
        let all: &[UringPersonality] = raw.array(REGISTERED_MAX)?;
        let n = counted(raw, all.len(), record.personalities.get(), left)?;
        for personality in all {
            let id = personality.id.get();
            ensure(
                raw,
                id >= from && id <= PERSONALITY_MAX,
                "impossible personalities, or out of order",
            )?;
            from = id.saturating_add(1);
            self.refer::<Cred>(raw, personality.cred.get())?;
        }
        self.follow = follow(slots, (0, place), (left.saturating_sub(n), from));
        Ok(())
    }

    /// A mapping of an io_uring. That it is one of all its entries is up to the kernel.
    pub(in crate::image) fn mapped_uring(&self, raw: &Raw<'_>, vma: &Vma) -> Result<(), Fault> {
        ensure(
            raw,
            OFFSETS.contains(&vma.offset.get()),
            "maps a part of an io_uring",
        )
    }
}

/// Returns how many elements a record has: as many as `announced`, at least one, and no more than the
/// `left` that are missing.
fn counted(raw: &Raw<'_>, len: usize, announced: u32, left: u32) -> Result<u32, Fault> {
    let n = u32::try_from(len)
        .ok()
        .filter(|&n| n != 0 && n == announced && n <= left);
    n.ok_or(raw.fault("another number than announced"))
}

/// What must come next if so many files and personalities are missing, each with the lowest place or
/// number that the next one may have.
fn follow(slots: u32, files: (u32, u32), personalities: (u32, u32)) -> Follow {
    if files.0 == 0 && personalities.0 == 0 {
        return Follow::Any;
    }
    Follow::Uring {
        slots,
        files,
        personalities,
    }
}
