// SPDX-License-Identifier: GPL-2.0

//! io_urings.

use super::left::{
    UringLeft,
    UringLinksLeft,
    UringPart, //
};
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

/// Most bytes of a registered buffer.
const BUFFER_MAX: u64 = 1 << 40;

/// Offsets by which rings and submission queue entries are mapped: IORING_OFF_*.
const OFFSETS: [u64; 3] = [0, 0x800_0000, 0x1000_0000];

/// Returns whether a ring of provided buffers is mapped by `offset`: IORING_OFF_PBUF_RING, and its number.
fn is_group(offset: u64) -> bool {
    offset & !0x7ff_0000 == 0x8000_0000
}

/// How an io_uring is set up that has no requests in an image.
const IDLE: u32 = setup::R_DISABLED | setup::SQPOLL | setup::IOPOLL;

/// Returns whether io_uring_setup(2) takes these flags together.
fn is_possible(set_up: u32) -> bool {
    let needs = |flag, others: u32| set_up & flag == 0 || set_up & others != 0;
    let excludes = |flag, others: u32| set_up & flag == 0 || set_up & others == 0;
    let deferred = setup::COOP_TASKRUN | setup::TASKRUN_FLAG | setup::DEFER_TASKRUN;
    needs(
        setup::TASKRUN_FLAG,
        setup::COOP_TASKRUN | setup::DEFER_TASKRUN,
    ) && needs(setup::DEFER_TASKRUN, setup::SINGLE_ISSUER)
        && needs(setup::SQ_AFF, setup::SQPOLL)
        && excludes(setup::SQPOLL, deferred | setup::SQ_REWIND)
        && needs(setup::SQ_REWIND, setup::NO_SQARRAY)
        && needs(setup::HYBRID_IOPOLL, setup::IOPOLL)
        && excludes(setup::CQE32, setup::CQE_MIXED)
        && excludes(setup::SQE128, setup::SQE_MIXED)
}

impl Walk<'_> {
    /// Checks an io_uring.
    pub(in crate::image) fn uring(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let uring: Uring = raw.body()?;
        let set_up = uring.setup.get();
        flags(raw, u64::from(set_up), u64::from(setup::ALL))?;
        flags(raw, u64::from(uring.flags.get()), u64::from(URING_FLAGS))?;
        ensure(
            raw,
            is_possible(set_up),
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
        ensure(
            raw,
            uring.flags.get() & URING_TOLD == 0
                || (uring.eventfd.get() != 0 && set_up & setup::DEFER_TASKRUN != 0),
            "work that an io_uring can have told of to no eventfd",
        )?;
        self.uring_issuer(raw, &uring)?;
        self.uring_thread(raw, &uring)?;
        self.uring_napi(raw, &uring)?;
        self.uring_registered(raw, &uring)?;
        self.uring_buffers_of(raw, &uring)?;
        let (requests, ios) = (uring.requests.get(), uring.ios.get());
        let links = uring.links.get();
        let (groups, of) = (uring.groups.get(), uring.groups_of.get());
        ensure(
            raw,
            groups <= GROUP_MAX + 1 && (of == 0 || groups != 0 && self.is_alive(of)),
            "too many groups of buffers, or rings that are the memory of no living task",
        )?;
        ensure(
            raw,
            requests <= REQUESTS_MAX
                && ios <= REQUESTS_MAX
                && links <= REQUESTS_MAX
                && (requests == 0 && ios == 0 && links == 0 || set_up & IDLE == 0),
            "too many requests, or of an io_uring that is not enabled, polls or has a thread",
        )?;
        zero(
            raw,
            requests != 0 || (uring.timeouts.get() == 0 && uring.timeouts_flushed.get() == 0),
        )?;
        self.follow = follow(UringLeft {
            thread: uring.flags.get() & URING_THREAD != 0,
            slots: uring.slots.get(),
            files: (uring.files.get(), 0),
            personalities: (uring.personalities.get(), 1),
            buffer_slots: uring.buffer_slots.get(),
            buffers: (uring.buffers.get(), 0),
            requests,
            futexes: 0,
            ios,
            links: UringLinksLeft {
                left: links,
                heads: requests.saturating_add(ios),
                drains: uring.flags.get() & URING_DRAIN_ACTIVE != 0,
                deferred: false,
                alone: false,
                futexes: 0,
                head: None,
                length: 0,
                goes_on: false,
                is_timeout: false,
            },
            groups: (groups, 0),
            groups_of: of,
            issuer: uring.issuer.get(),
        });
        Ok(())
    }

    /// Checks who alone may submit to an io_uring.
    fn uring_issuer(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let (set_up, issuer) = (uring.setup.get(), uring.issuer.get());
        let single = set_up & setup::SINGLE_ISSUER != 0 && set_up & setup::R_DISABLED == 0;
        ensure(
            raw,
            single == (issuer != 0),
            "io_uring to which one task may submit, and none does, or the other way round",
        )?;
        ensure(
            raw,
            issuer == 0 || self.is_alive(issuer),
            "who may submit to the io_uring is no living task",
        )
    }

    /// Checks how an io_uring polls network devices.
    fn uring_napi(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let has = |flag| uring.flags.get() & flag != 0;
        let usecs = uring.napi_usecs.get();
        zero(
            raw,
            has(URING_NAPI) || (usecs == 0 && !has(URING_NAPI_PREFERRED)),
        )?;
        ensure(
            raw,
            usecs <= NAPI_USECS_MAX && !(has(URING_NAPI) && uring.setup.get() & setup::IOPOLL != 0),
            "impossible way to poll network devices",
        )
    }

    /// Returns whether `tid` is a living task.
    pub(super) fn is_alive(&self, tid: u32) -> bool {
        let lives = |p: &Pid| p.is_task() && p.state == TASK_LIVE;
        pid(self.pids, tid).is_some_and(lives)
    }

    /// Checks registered buffers, in the record of their io_uring.
    fn uring_buffers_of(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let (slots, buffers) = (uring.buffer_slots.get(), uring.buffers.get());
        ensure(
            raw,
            slots <= BUFFER_SLOTS_MAX && buffers <= slots,
            "too many registered buffers",
        )?;
        let of = uring.buffers_of.get();
        ensure(
            raw,
            (buffers != 0) == (of != 0) && (of == 0 || self.is_alive(of)),
            "registered buffers are the memory of no living task",
        )
    }

    /// Checks what is registered with an io_uring, in its own record.
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

    /// Checks registered files of an io_uring.
    pub(in crate::image) fn uring_files(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: UringFiles = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault("belongs to no io_uring, or that has fewer files"));
        };
        let (slots, (left, mut from)) = (missing.slots, missing.files);
        let files: &[UringFile] = raw.array(REGISTERED_MAX)?;
        ensure(
            raw,
            missing.is_next(UringPart::Files),
            "belongs to no io_uring, or that has fewer files",
        )?;
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
        self.follow = follow(UringLeft {
            files: (left.saturating_sub(n), from),
            ..missing
        });
        Ok(())
    }

    /// Personalities of an io_uring.
    pub(in crate::image) fn uring_personalities(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: UringPersonalities = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        const NONE: &str = "belongs to no io_uring, or that has fewer personalities";
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let (left, mut from) = missing.personalities;
        ensure(raw, missing.is_next(UringPart::Personalities), NONE)?;
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
        self.follow = follow(UringLeft {
            personalities: (left.saturating_sub(n), from),
            ..missing
        });
        Ok(())
    }

    /// Checks registered buffers of an io_uring.
    pub(in crate::image) fn uring_buffers(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer buffers";
        let record: UringBuffers = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let (left, mut from) = missing.buffers;
        ensure(raw, missing.is_next(UringPart::Buffers), NONE)?;
        let all: &[UringBuffer] = raw.array(BUFFERS_MAX)?;
        let n = counted(raw, all.len(), record.buffers.get(), left)?;
        for buffer in all {
            let index = buffer.index.get();
            ensure(
                raw,
                index >= from && index < missing.buffer_slots,
                "registered buffers are out of order, or where there is no place",
            )?;
            from = index.saturating_add(1);
            let (addr, len) = (buffer.addr.get(), buffer.len.get());
            ensure(
                raw,
                addr != 0 && len != 0 && len <= BUFFER_MAX && addr.checked_add(len).is_some(),
                "impossible buffer",
            )?;
            zero(raw, buffer.reserved.get() == 0)?;
        }
        self.follow = follow(UringLeft {
            buffers: (left.saturating_sub(n), from),
            ..missing
        });
        Ok(())
    }

    /// Checks a mapping of an io_uring. That it is one of all its entries is up to the kernel.
    pub(in crate::image) fn mapped_uring(&self, raw: &Raw<'_>, vma: &Vma) -> Result<(), Fault> {
        ensure(
            raw,
            OFFSETS.contains(&vma.offset.get()) || is_group(vma.offset.get()),
            "maps a part of an io_uring",
        )
    }
}

/// Returns how many elements a record has: as many as `announced`, at least one, and no more than the
/// `left` that are missing.
pub(super) fn counted(raw: &Raw<'_>, len: usize, announced: u32, left: u32) -> Result<u32, Fault> {
    let n = u32::try_from(len)
        .ok()
        .filter(|&n| n != 0 && n == announced && n <= left);
    n.ok_or(raw.fault("another number than announced"))
}

/// Returns what must come next if so much is missing.
pub(super) fn follow(missing: UringLeft) -> Follow {
    if missing.is_complete() {
        return Follow::Any;
    }
    Follow::Uring(missing)
}
