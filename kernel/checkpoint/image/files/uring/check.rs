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
            UringLeft,
            UringLinksLeft,
            Walk, //
        },
        Pid, //
    },
    epoll::epoll,
    files::{
        check::kind_of,
        uring::*,
        OpenFile,
        FILE_CONTENTS,
        FILE_DIRECTORY,
        FILE_EVENTFD,
        FILE_IO_URING,
        FILE_REGULAR,
        FILE_SHARED_ANON,
        FILE_SIGNALFD,
        FILE_UNLINKED,
        TIMERFD_CLOCK_BOOTTIME,
        TIMERFD_CLOCK_MONOTONIC,
        TIMERFD_CLOCK_REALTIME, //
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

/// Latest moment, in nanoseconds: the kernel's times are signed.
pub(super) const TIME_MAX: u64 = i64::MAX as u64;

/// Most bytes of a registered buffer.
const BUFFER_MAX: u64 = 1 << 40;

/// Bytes of a futex, by which its address is aligned.
const FUTEX_SIZE: u64 = 4;

/// Events that a request always waits for: EPOLLERR, EPOLLHUP, EPOLLNVAL, EPOLLRDHUP; and EPOLLET.
const POLL_ALWAYS: u32 = 0x2038 | epoll::ET;

/// All that it can wait for.
const POLL_EVENTS: u32 = 0xffff | epoll::EXCLUSIVE | epoll::ONESHOT | epoll::ET;

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
    /// An io_uring.
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
        self.uring_issuer(raw, &uring)?;
        self.uring_thread(raw, &uring)?;
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
                && (requests == 0 && ios == 0 || set_up & IDLE == 0),
            "too many requests, or of an io_uring that is not enabled, polls or has a thread",
        )?;
        ensure(
            raw,
            links == 0 || requests != 0 || ios != 0,
            "requests wait for others, and there are none",
        )?;
        zero(
            raw,
            requests != 0 || (uring.timeouts.get() == 0 && uring.timeouts_flushed.get() == 0),
        )?;
        self.follow = follow(UringLeft {
            slots: uring.slots.get(),
            files: (uring.files.get(), 0),
            personalities: (uring.personalities.get(), 1),
            buffer_slots: uring.buffer_slots.get(),
            buffers: (uring.buffers.get(), 0),
            requests,
            ios,
            links: UringLinksLeft {
                left: links,
                heads: requests.saturating_add(ios),
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

    /// Who alone may submit to an io_uring.
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

    /// The thread that submits for an io_uring.
    fn uring_thread(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let (set_up, of) = (uring.setup.get(), uring.thread_of.get());
        ensure(
            raw,
            (set_up & setup::SQPOLL != 0) == (of != 0) && (of == 0 || self.is_alive(of)),
            "io_uring whose thread is one of no living task, or that needs none",
        )?;
        zero(
            raw,
            (of != 0 || uring.thread_idle.get() == 0)
                && (set_up & setup::SQ_AFF != 0 || uring.thread_cpu.get() == 0),
        )?;
        self.uring_napi(raw, uring)?;
        ensure(
            raw,
            uring.thread_idle.get() <= i32::MAX as u32,
            "impossible time for which a thread waits",
        )?;
        let limits = [uring.workers_bounded.get(), uring.workers_unbounded.get()];
        let limited = uring.flags.get() & URING_LIMITED != 0;
        zero(raw, limited || limits == [0; 2])?;
        ensure(
            raw,
            !(limited && of != 0) && limits.iter().all(|&n| n <= WORKERS_MAX),
            "impossible number of workers, or workers of a thread that are limited",
        )
    }

    /// How an io_uring polls network devices.
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

    /// A task that uses an io_uring.
    pub(in crate::image) fn uring_user(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let user: UringUser = raw.body()?;
        let kind = kind_of(self.refer::<OpenFile>(raw, user.ring.get())?);
        ensure(raw, kind == FILE_IO_URING, "uses what is no io_uring")?;
        ensure(
            raw,
            self.is_alive(user.task.get()),
            "who uses an io_uring is no living task",
        )?;
        flags(raw, u64::from(user.places.get()), u64::from(USER_PLACES))?;
        zero(raw, user.reserved.get() == 0)?;
        ensure(
            raw,
            user.bounded.get() <= WORKERS_MAX && user.unbounded.get() <= WORKERS_MAX,
            "impossible number of workers",
        )?;
        ensure(
            raw,
            raw.payload.len() <= CPUS_MAX && raw.payload.last() != Some(&0),
            "set of CPUs that is too long",
        )
    }

    /// Returns whether `tid` is a living task.
    pub(super) fn is_alive(&self, tid: u32) -> bool {
        let lives = |p: &Pid| p.is_task() && p.state == TASK_LIVE;
        pid(self.pids, tid).is_some_and(lives)
    }

    /// Registered buffers, in the record of their io_uring.
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
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault("belongs to no io_uring, or that has fewer files"));
        };
        let (slots, (left, mut from)) = (missing.slots, missing.files);
        let files: &[UringFile] = raw.array(REGISTERED_MAX)?;
        ensure(
            raw,
            left != 0,
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
        ensure(raw, missing.files.0 == 0 && left != 0, NONE)?;
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

    /// Registered buffers of an io_uring.
    pub(in crate::image) fn uring_buffers(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer buffers";
        let record: UringBuffers = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let (left, mut from) = missing.buffers;
        let before = missing.files.0 == 0 && missing.personalities.0 == 0;
        ensure(raw, before && left != 0, NONE)?;
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

    /// Requests of an io_uring.
    pub(in crate::image) fn uring_requests(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer requests";
        let record: UringRequests = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let left = missing.requests;
        let before = [missing.files, missing.personalities, missing.buffers];
        ensure(raw, before.iter().all(|b| b.0 == 0) && left != 0, NONE)?;
        let all: &[UringRequest] = raw.array(REQUESTS_OF_RECORD_MAX)?;
        let n = counted(raw, all.len(), record.requests.get(), left)?;
        for request in all {
            self.uring_request(raw, request, &missing)?;
        }
        self.follow = follow(UringLeft {
            requests: left.saturating_sub(n),
            ..missing
        });
        Ok(())
    }

    /// A request of an io_uring, of which `missing` tells.
    fn uring_request(
        &self,
        raw: &Raw<'_>,
        request: &UringRequest,
        missing: &UringLeft,
    ) -> Result<(), Fault> {
        let (task, issuer) = (request.task.get(), missing.issuer);
        ensure(
            raw,
            self.is_alive(task) && (issuer == 0 || issuer == task),
            "who has submitted a request is no living task, or may not",
        )?;
        let all = request::ALL & !(request::SELECT | request::ARMED);
        flags(raw, u64::from(request.flags.get()), u64::from(all))?;
        zero(raw, request.reserved.get() == 0)?;
        match request.kind.get() {
            URING_REQUEST_POLL => self.uring_poll(raw, request, missing.slots),
            URING_REQUEST_TIMEOUT => uring_timeout(raw, request),
            URING_REQUEST_FUTEX => uring_futex(raw, request),
            _ => Err(raw.fault("unknown kind of request")),
        }
    }

    /// A request that waits for a file, of an io_uring with so many places for files.
    fn uring_poll(&self, raw: &Raw<'_>, request: &UringRequest, slots: u32) -> Result<(), Fault> {
        let has = |flag| request.flags.get() & flag != 0;
        let (file, index) = (request.file.get(), request.index.get());
        self.uring_waited(raw, file, index, has(request::FIXED).then_some(slots))?;
        uring_events(raw, request.events.get(), has(request::SKIP))?;
        let others = [
            request.clock,
            request.timeout,
            request.off,
            request.repeats,
            request.target,
        ];
        zero(
            raw,
            others.iter().all(|n| n.get() == 0)
                && request.expires.get() == 0
                && request.interval.get() == 0,
        )
    }

    /// The file that a request waits for: its reference, and where it is registered, if it goes by that,
    /// of so many places.
    pub(super) fn uring_waited(
        &self,
        raw: &Raw<'_>,
        file: u32,
        index: u32,
        slots: Option<u32>,
    ) -> Result<(), Fault> {
        let kind = kind_of(self.refer::<OpenFile>(raw, file)?);
        ensure(
            raw,
            !matches!(
                kind,
                FILE_REGULAR
                    | FILE_CONTENTS
                    | FILE_DIRECTORY
                    | FILE_UNLINKED
                    | FILE_SHARED_ANON
                    | FILE_IO_URING
                    | FILE_SIGNALFD
            ),
            "a request waits for a file that can't be waited for",
        )?;
        ensure(
            raw,
            slots.map_or(index == 0, |slots| index < slots),
            "a request waits for a file where there is no place",
        )
    }

    /// A mapping of an io_uring. That it is one of all its entries is up to the kernel.
    pub(in crate::image) fn mapped_uring(&self, raw: &Raw<'_>, vma: &Vma) -> Result<(), Fault> {
        ensure(
            raw,
            OFFSETS.contains(&vma.offset.get()) || is_group(vma.offset.get()),
            "maps a part of an io_uring",
        )
    }
}

/// Events that a request waits for, or is to wait for, whose completion may be skipped.
pub(super) fn uring_events(raw: &Raw<'_>, events: u32, skip: bool) -> Result<(), Fault> {
    ensure(
        raw,
        events & !POLL_EVENTS == 0
            && events & POLL_ALWAYS == POLL_ALWAYS
            && (events & epoll::ONESHOT != 0 || !skip),
        "events that no request waits for",
    )
}

/// The flags `set` of a timeout, and the clock of its timer.
pub(super) fn uring_timer(raw: &Raw<'_>, set: u32, clock: u32) -> Result<(), Fault> {
    flags(raw, u64::from(set), u64::from(timeout::ALL))?;
    let both = |a, b| set & (a | b) == a | b;
    ensure(
        raw,
        !both(timeout::BOOTTIME, timeout::REALTIME) && !both(timeout::MULTISHOT, timeout::ABS),
        "impossible timeout",
    )?;
    ensure(
        raw,
        matches!(
            clock,
            TIMERFD_CLOCK_REALTIME | TIMERFD_CLOCK_MONOTONIC | TIMERFD_CLOCK_BOOTTIME
        ),
        "unknown clock",
    )
}

/// A request that waits for a time.
fn uring_timeout(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let set = request.timeout.get();
    let multishot = set & timeout::MULTISHOT != 0;
    uring_timer(raw, set, request.clock.get())?;
    ensure(
        raw,
        request.expires.get() <= TIME_MAX && request.interval.get() <= TIME_MAX,
        "impossible time",
    )?;
    let only = request::ASYNC | request::SKIP | request::LINK | request::HARDLINK;
    zero(
        raw,
        request.flags.get() & !only == 0
            && request.file.get() == 0
            && request.index.get() == 0
            && request.events.get() == 0
            && (multishot || (request.interval.get() == 0 && request.repeats.get() == 0)),
    )
}

/// A request that waits for a futex.
fn uring_futex(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let mask = request.target.get();
    ensure(
        raw,
        request.expires.get() % FUTEX_SIZE == 0 && mask != 0,
        "impossible futex",
    )?;
    let others = [
        request.file,
        request.index,
        request.events,
        request.clock,
        request.timeout,
        request.repeats,
    ];
    let only = request::ASYNC | request::SKIP | request::LINK | request::HARDLINK;
    zero(
        raw,
        others.iter().all(|n| n.get() == 0)
            && request.interval.get() == 0
            && request.flags.get() & !only == 0,
    )
}

/// Returns how many elements a record has: as many as `announced`, at least one, and no more than the
/// `left` that are missing.
fn counted(raw: &Raw<'_>, len: usize, announced: u32, left: u32) -> Result<u32, Fault> {
    let n = u32::try_from(len)
        .ok()
        .filter(|&n| n != 0 && n == announced && n <= left);
    n.ok_or(raw.fault("another number than announced"))
}

/// What must come next if so much is missing.
pub(super) fn follow(missing: UringLeft) -> Follow {
    let counts = [missing.files.0, missing.personalities.0, missing.buffers.0];
    if counts.iter().all(|&n| n == 0)
        && missing.requests == 0
        && missing.ios == 0
        && missing.links.left == 0
        && missing.groups.0 == 0
    {
        return Follow::Any;
    }
    Follow::Uring(missing)
}
