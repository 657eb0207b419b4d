// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that were not issued yet.

use super::{
    check::follow,
    check_io::{
        uring_io_fields,
        uring_io_memory, //
    },
    check_requests::{
        uring_drained,
        uring_events,
        uring_timer,
        TIME_MAX, //
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
    files::uring::*,
    record::{
        Fault,
        Raw, //
    }, //
};

/// IORING_NOP_INJECT_RESULT.
const NOP_INJECT_RESULT: u32 = 1;

impl Walk<'_> {
    /// Checks a request of an io_uring that was not issued yet.
    pub(in crate::image) fn uring_link(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer requests in chains";
        let link: UringLink = raw.body()?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let chains = missing.links;
        ensure(raw, missing.is_next(UringPart::Links), NONE)?;
        let set = link.flags.get();
        let all = request::ALL & !request::PENDING;
        flags(raw, u64::from(set), u64::from(all))?;
        zero(raw, link.reserved.get() == 0)?;
        let chains = match link.task.get() {
            0 => uring_member(raw, &link, chains)?,
            _ => self.uring_head(raw, &link, &missing)?,
        };
        uring_link_fields(raw, &link, missing.slots)?;
        let several = link.op.get() == URING_LINK_FUTEXES;
        let own = if several { link.len.get() } else { 0 };
        let futexes = chains.futexes.saturating_add(own);
        ensure(
            raw,
            futexes <= REQUESTS_MAX,
            "requests wait for too many futexes",
        )?;
        self.follow = follow(UringLeft {
            links: UringLinksLeft {
                left: chains.left.saturating_sub(1),
                head: Some(link.head.get()),
                goes_on: set & (request::LINK | request::HARDLINK) != 0,
                is_timeout: link.op.get() == URING_LINK_LINK_TIMEOUT,
                futexes,
                ..chains
            },
            ..missing
        });
        Ok(())
    }

    /// Checks one at the head of its chain, of an io_uring of which `missing` tells; returns what is to come of
    /// chains.
    fn uring_head(
        &self,
        raw: &Raw<'_>,
        link: &UringLink,
        missing: &UringLeft,
    ) -> Result<UringLinksLeft, Fault> {
        let (task, issuer) = (link.task.get(), missing.issuer);
        let chains = missing.links;
        let set = link.flags.get();
        let deferred = set & request::DEFERRED != 0;
        ensure(
            raw,
            self.is_alive(task) && (issuer == 0 || issuer == task),
            "who has submitted a request is no living task, or may not",
        )?;
        ensure(
            raw,
            link.head.get() == chains.heads && (deferred || !chains.deferred),
            "heads of chains are out of order",
        )?;
        // The end of another one is what the kernel goes by.
        ensure(
            raw,
            !deferred || chains.drains && chains.heads != 0,
            "a request waits for all before it, and there is none, or it is not drained",
        )?;
        ensure(
            raw,
            link.op.get() != URING_LINK_LINK_TIMEOUT,
            "a timeout of no request",
        )?;
        zero(
            raw,
            set & request::ARMED == 0 && (!deferred || set & request::ALONE == 0),
        )?;
        Ok(UringLinksLeft {
            heads: chains.heads.saturating_add(1),
            deferred,
            length: 0,
            ..uring_drained(raw, set, chains)?
        })
    }
}

/// Checks one that waits for the one before it in a chain; returns what is to come of chains.
fn uring_member(
    raw: &Raw<'_>,
    link: &UringLink,
    chains: UringLinksLeft,
) -> Result<UringLinksLeft, Fault> {
    let (head, set) = (link.head.get(), link.flags.get());
    // What the head allows is up to the kernel, if that was issued.
    let first = chains.head != Some(head);
    ensure(
        raw,
        head < chains.heads
            && chains.head.is_none_or(|last| last <= head)
            && (first || chains.goes_on),
        "a request waits for none, or chains are out of order",
    )?;
    // All of a chain were submitted at once, its head, too. The kernel goes along it under spinlocks.
    let length = if first {
        1
    } else {
        chains.length.saturating_add(1)
    };
    ensure(
        raw,
        length < SQ_ENTRIES_MAX,
        "a chain is longer than any queue",
    )?;
    let is_timeout = link.op.get() == URING_LINK_LINK_TIMEOUT;
    ensure(
        raw,
        !is_timeout || first || !chains.is_timeout,
        "a timeout of a timeout",
    )?;
    // That of a request which waits already runs, and no other does.
    ensure(
        raw,
        (set & request::ARMED != 0) == (is_timeout && first),
        "a timeout runs before its request, or does not",
    )?;
    zero(raw, set & (request::ALONE | request::DEFERRED) == 0)?;
    Ok(UringLinksLeft { length, ..chains })
}

/// Checks what an operation has, of an io_uring with so many places for files.
fn uring_link_fields(raw: &Raw<'_>, link: &UringLink, slots: u32) -> Result<(), Fault> {
    let (op, set) = (link.op.get(), link.flags.get());
    let (nop, poll) = (op == URING_LINK_NOP, op == URING_LINK_POLL);
    let timer = matches!(op, URING_LINK_TIMEOUT | URING_LINK_LINK_TIMEOUT);
    let (child, futex) = (op == URING_LINK_CHILD, op == URING_LINK_FUTEX);
    let futexes = op == URING_LINK_FUTEXES;
    let io = link.io();
    if futexes {
        uring_link_futexes(raw, link.len.get())?;
    } else {
        uring_io_memory(raw, &io)?;
    }
    if !nop && !poll && !timer && !child && !futex && !futexes {
        uring_io_fields(raw, &io, slots)?;
        ensure(
            raw,
            op != URING_IO_CONNECT || link.io_flags.get() == 0,
            "a connection was begun by a request that was not issued",
        )?;
    } else {
        let wide = [link.addr2, link.control, link.control_len, link.pos];
        let others = [
            link.io_flags,
            link.slot,
            link.nofile,
            link.vecs,
            link.name,
            link.group,
            link.limit,
            link.total,
        ];
        zero(
            raw,
            wide.iter().all(|n| n.get() == 0)
                && others.iter().all(|n| n.get() == 0)
                && set & request::SELECT == 0
                && (child || futex || link.addr.get() == 0)
                && (nop || child || futex || futexes || link.len.get() == 0)
                && (nop || child || futex || link.op_flags.get() == 0),
        )?;
    }
    ensure(
        raw,
        !nop || link.op_flags.get() & !NOP_INJECT_RESULT == 0,
        "unknown flags of a request that does nothing",
    )?;
    if poll {
        uring_events(raw, link.events.get(), set & request::SKIP != 0)?;
    }
    if timer {
        uring_timer(raw, link.timeout.get(), link.clock.get())?;
        ensure(raw, link.time.get() <= TIME_MAX, "impossible time")?;
    }
    zero(
        raw,
        (poll || link.events.get() == 0)
            && (op == URING_LINK_TIMEOUT || link.off.get() == 0)
            && (timer || link.time.get() == 0 && link.clock.get() == 0 && link.timeout.get() == 0)
            && (!(nop || timer || futex || futexes) || link.fd.get() == 0)
            && (futex || set & request::SHARED == 0),
    )
}

/// Checks the futexes of a request that is to wait for so many.
fn uring_link_futexes(raw: &Raw<'_>, nr: u32) -> Result<(), Fault> {
    let all: &[UringFutex] = raw.array(FUTEXES_MAX as usize)?;
    ensure(
        raw,
        nr != 0 && all.len() == nr as usize,
        "a request waits for no futexes, or for other ones than announced",
    )?;
    for futex in all {
        flags(raw, u64::from(futex.shared.get()), 1)?;
    }
    Ok(())
}
