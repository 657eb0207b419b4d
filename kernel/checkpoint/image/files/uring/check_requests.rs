// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for a file, a time, a futex or a child.

use super::{
    check::{
        counted,
        follow, //
    },
    left::{
        UringLeft,
        UringLinksLeft,
        UringPart, //
    }, //
};
use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        }, //
    },
    epoll::epoll,
    files::{
        check::kind_of,
        uring::*,
        OpenFile,
        FILE_CONTENTS,
        FILE_DIRECTORY,
        FILE_IO_URING,
        FILE_REGULAR,
        FILE_SHARED_ANON,
        FILE_SIGNALFD,
        FILE_UNLINKED,
        TIMERFD_CLOCK_BOOTTIME,
        TIMERFD_CLOCK_MONOTONIC,
        TIMERFD_CLOCK_REALTIME, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Latest moment, in nanoseconds: the kernel's times are signed.
pub(super) const TIME_MAX: u64 = i64::MAX as u64;

/// Flags that any request may have.
const ANY: u32 = request::ASYNC
    | request::SKIP
    | request::LINK
    | request::HARDLINK
    | request::DRAIN
    | request::ALONE
    | request::CREDS;

/// Bytes of a futex, by which its address is aligned.
const FUTEX_SIZE: u64 = 4;

/// Events that a request always waits for: EPOLLERR, EPOLLHUP, EPOLLNVAL, EPOLLRDHUP; and EPOLLET.
const POLL_ALWAYS: u32 = 0x2038 | epoll::ET;

/// All that it can wait for.
const POLL_EVENTS: u32 = 0xffff | epoll::EXCLUSIVE | epoll::ONESHOT | epoll::ET;

/// WSTOPPED, WEXITED and WCONTINUED.
const WAIT_STATES: u32 = 0xe;

/// These, WNOWAIT, __WNOTHREAD, __WALL and __WCLONE.
const WAIT_OPTIONS: u32 = 0xe100_0000 | WAIT_STATES;

impl Walk<'_> {
    /// Requests of an io_uring.
    pub(in crate::image) fn uring_requests(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer requests";
        let record: UringRequests = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let left = missing.requests;
        ensure(raw, missing.is_next(UringPart::Requests), NONE)?;
        let all: &[UringRequest] = raw.array(REQUESTS_OF_RECORD_MAX)?;
        let n = counted(raw, all.len(), record.requests.get(), left)?;
        let (mut futexes, mut links) = (missing.futexes, missing.links);
        for request in all {
            self.uring_request(raw, request, &missing)?;
            links = uring_drained(raw, request.flags.get(), links)?;
            if request.kind.get() == URING_REQUEST_FUTEXES {
                futexes = futexes.saturating_add(request.off.get());
            }
        }
        ensure(
            raw,
            futexes <= REQUESTS_MAX,
            "requests wait for too many futexes",
        )?;
        self.follow = follow(UringLeft {
            requests: left.saturating_sub(n),
            futexes,
            links,
            ..missing
        });
        Ok(())
    }

    /// Checks a request of an io_uring, of which `missing` tells.
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
        let all = request::ALL & !(request::SELECT | request::ARMED | request::DEFERRED);
        flags(raw, u64::from(request.flags.get()), u64::from(all))?;
        zero(raw, request.reserved.get() == 0)?;
        match request.kind.get() {
            URING_REQUEST_POLL => self.uring_poll(raw, request, missing.slots),
            URING_REQUEST_TIMEOUT => uring_timeout(raw, request),
            URING_REQUEST_FUTEX => uring_futex(raw, request),
            URING_REQUEST_FUTEXES => uring_several(raw, request),
            URING_REQUEST_CHILD => uring_child(raw, request),
            URING_REQUEST_WOKEN | URING_REQUEST_WOKEN_BY => uring_woken(raw, request),
            _ => Err(raw.fault("unknown kind of request")),
        }
    }

    /// Checks a request that waits for a file, of an io_uring with so many places for files.
    fn uring_poll(&self, raw: &Raw<'_>, request: &UringRequest, slots: u32) -> Result<(), Fault> {
        let has = |flag| request.flags.get() & flag != 0;
        zero(raw, !has(request::SHARED))?;
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

    /// Checks the file that a request waits for: its reference, and where it is registered, if it
    /// goes by that, of so many places.
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

    /// Futexes of requests that wait for several.
    pub(in crate::image) fn uring_futexes(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that waits for fewer futexes";
        let record: UringFutexes = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let left = missing.futexes;
        ensure(raw, missing.is_next(UringPart::Futexes), NONE)?;
        let all: &[UringFutex] = raw.array(FUTEXES_OF_RECORD_MAX)?;
        let n = counted(raw, all.len(), record.futexes.get(), left)?;
        for futex in all {
            ensure(raw, futex.addr.get() % FUTEX_SIZE == 0, "impossible futex")?;
            flags(raw, u64::from(futex.shared.get()), 1)?;
        }
        self.follow = follow(UringLeft {
            futexes: left.saturating_sub(n),
            ..missing
        });
        Ok(())
    }
}

/// Checks the flags of a request that tell how it was drained; returns what is to come of chains.
pub(super) fn uring_drained(
    raw: &Raw<'_>,
    set: u32,
    chains: UringLinksLeft,
) -> Result<UringLinksLeft, Fault> {
    let alone = set & request::ALONE != 0;
    ensure(
        raw,
        !alone || set & request::DRAIN != 0 && chains.drains,
        "others wait for the end of a request that was not drained",
    )?;
    ensure(
        raw,
        !alone || !chains.alone,
        "others wait for the end of more than one drained request",
    )?;
    Ok(UringLinksLeft {
        alone: chains.alone || alone,
        ..chains
    })
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

/// Checks the flags `set` of a timeout, and the clock of its timer.
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

/// Checks a request that waits for a time.
fn uring_timeout(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let set = request.timeout.get();
    let multishot = set & timeout::MULTISHOT != 0;
    uring_timer(raw, set, request.clock.get())?;
    ensure(
        raw,
        request.expires.get() <= TIME_MAX && request.interval.get() <= TIME_MAX,
        "impossible time",
    )?;
    zero(
        raw,
        request.flags.get() & !ANY == 0
            && request.file.get() == 0
            && request.index.get() == 0
            && request.events.get() == 0
            && (multishot || (request.interval.get() == 0 && request.repeats.get() == 0)),
    )
}

/// Checks what all requests do not have that wait neither for a file nor for a time: whose flags
/// are those of all, and `flags`.
fn uring_no_file(raw: &Raw<'_>, request: &UringRequest, flags: u32) -> Result<(), Fault> {
    let others = [
        request.file,
        request.index,
        request.events,
        request.clock,
        request.timeout,
    ];
    zero(
        raw,
        others.iter().all(|n| n.get() == 0)
            && request.interval.get() == 0
            && request.flags.get() & !(ANY | flags) == 0,
    )
}

/// Checks a request that waits for a futex.
fn uring_futex(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let mask = request.target.get();
    ensure(
        raw,
        request.expires.get() % FUTEX_SIZE == 0 && mask != 0,
        "impossible futex",
    )?;
    zero(raw, request.repeats.get() == 0)?;
    uring_no_file(raw, request, request::SHARED)
}

/// Checks a request that waits for one of several futexes.
fn uring_several(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    ensure(
        raw,
        (1..=FUTEXES_MAX).contains(&request.off.get()),
        "a request waits for no futexes, or for too many",
    )?;
    uring_number(raw, request)
}

/// Checks what all requests do not have of which only a number is told.
fn uring_number(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    zero(
        raw,
        request.expires.get() == 0 && request.repeats.get() == 0 && request.target.get() == 0,
    )?;
    uring_no_file(raw, request, 0)
}

/// Checks a request that has waited for a futex, or for one of several.
fn uring_woken(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let several = request.kind.get() == URING_REQUEST_WOKEN_BY;
    ensure(
        raw,
        request.off.get() < if several { FUTEXES_MAX } else { 1 },
        "a request was woken by a futex that it has not waited for",
    )?;
    uring_number(raw, request)
}

/// Checks a request that waits for a child.
fn uring_child(raw: &Raw<'_>, request: &UringRequest) -> Result<(), Fault> {
    let (which, number) = (request.off.get(), request.target.get());
    let options = request.repeats.get();
    ensure(
        raw,
        match which {
            URING_CHILD_ANY => number == 0,
            URING_CHILD_PID | URING_CHILD_GROUP => (1..=i32::MAX as u32).contains(&number),
            _ => false,
        },
        "a request waits for an impossible child",
    )?;
    ensure(
        raw,
        options & !WAIT_OPTIONS == 0 && options & WAIT_STATES != 0,
        "unknown options of a wait for a child",
    )?;
    uring_no_file(raw, request, 0)
}
