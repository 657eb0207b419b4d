// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for other requests.

use super::{
    check::follow,
    check_io::{
        uring_io_fields,
        uring_io_memory, //
    },
    check_requests::{
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
    /// Checks a request of an io_uring that waits for the one before it in a chain.
    pub(in crate::image) fn uring_link(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer requests in chains";
        let link: UringLink = raw.body()?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let chains = missing.links;
        ensure(raw, missing.is_next(UringPart::Links), NONE)?;
        let head = link.head.get();
        // What the head allows is up to the kernel.
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
        let set = link.flags.get();
        let all = request::ALL & !(request::PENDING | request::SHARED);
        flags(raw, u64::from(set), u64::from(all))?;
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
        uring_link_fields(raw, &link, missing.slots)?;
        self.follow = follow(UringLeft {
            links: UringLinksLeft {
                left: chains.left.saturating_sub(1),
                head: Some(head),
                length,
                goes_on: set & (request::LINK | request::HARDLINK) != 0,
                is_timeout,
                ..chains
            },
            ..missing
        });
        Ok(())
    }
}

/// Checks what an operation has, of an io_uring with so many places for files.
fn uring_link_fields(raw: &Raw<'_>, link: &UringLink, slots: u32) -> Result<(), Fault> {
    let (op, set) = (link.op.get(), link.flags.get());
    let (nop, poll) = (op == URING_LINK_NOP, op == URING_LINK_POLL);
    let timer = matches!(op, URING_LINK_TIMEOUT | URING_LINK_LINK_TIMEOUT);
    let io = link.io();
    uring_io_memory(raw, &io)?;
    if !nop && !poll && !timer {
        uring_io_fields(raw, &io, slots)?;
        ensure(
            raw,
            op != URING_IO_CONNECT || link.io_flags.get() == 0,
            "a connection was begun by a request that was not issued",
        )?;
    } else {
        let wide = [
            link.addr,
            link.addr2,
            link.control,
            link.control_len,
            link.pos,
        ];
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
                && (nop || link.len.get() == 0 && link.op_flags.get() == 0),
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
            && (!(nop || timer) || link.fd.get() == 0),
    )
}
