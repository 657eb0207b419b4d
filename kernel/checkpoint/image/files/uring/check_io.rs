// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait to do something with a file, and buffers that are provided for them.

use super::{
    check::follow,
    check_requests::uring_drained,
    left::{
        UringLeft,
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

/// Bytes of an entry of a ring of buffers.
const ENTRY: u64 = 16;

/// Most bytes that are read or written at once.
const IO_MAX: u64 = i32::MAX as u64;

impl Walk<'_> {
    /// Checks a request of an io_uring that waits to do something with a file.
    pub(in crate::image) fn uring_io(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer requests";
        let io: UringIo = raw.body()?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        ensure(raw, missing.is_next(UringPart::Ios), NONE)?;
        let (task, issuer) = (io.task.get(), missing.issuer);
        ensure(
            raw,
            self.is_alive(task) && (issuer == 0 || issuer == task),
            "who has submitted a request is no living task, or may not",
        )?;
        let set = io.flags.get();
        let others = request::PENDING | request::ARMED | request::SHARED | request::DEFERRED;
        flags(raw, u64::from(set), u64::from(request::ALL & !others))?;
        let links = uring_drained(raw, set, missing.links)?;
        let slots = (set & request::FIXED != 0).then_some(missing.slots);
        self.uring_waited(raw, io.file.get(), io.index.get(), slots)?;
        uring_io_memory(raw, &io)?;
        uring_io_fields(raw, &io, missing.slots)?;
        self.follow = follow(UringLeft {
            ios: missing.ios.saturating_sub(1),
            links,
            ..missing
        });
        Ok(())
    }

    /// Checks a group of buffers that are provided to an io_uring.
    pub(in crate::image) fn uring_group(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has fewer groups of buffers";
        let group: UringGroup = raw.body()?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        let (left, from) = missing.groups;
        ensure(raw, missing.is_next(UringPart::Groups), NONE)?;
        let number = group.group.get();
        ensure(
            raw,
            number >= from && number <= GROUP_MAX,
            "impossible groups of buffers, or out of order",
        )?;
        let (addr, entries, head) = (group.addr.get(), group.entries.get(), group.head.get());
        let of_kernel = addr == 0 && entries != 0;
        let buffers: &[UringProvided] = match of_kernel {
            true => &[],
            false => raw.array(PROVIDED_MAX)?,
        };
        ensure(
            raw,
            buffers.len() == group.buffers.get() as usize,
            "another number than announced",
        )?;
        for buffer in buffers {
            let (addr, len) = (buffer.addr.get(), buffer.len.get());
            ensure(
                raw,
                len != 0
                    && u64::from(len) <= IO_MAX
                    && addr.checked_add(u64::from(len)).is_some()
                    && buffer.bid.get() <= GROUP_MAX,
                "impossible buffer",
            )?;
        }
        let (min_left, incremental) = (group.min_left.get(), group.incremental.get());
        ensure(
            raw,
            (addr == 0 && entries == 0)
                || (of_kernel || missing.groups_of != 0)
                    && buffers.is_empty()
                    && self.is_aligned(addr)
                    && entries.is_power_of_two()
                    && entries <= GROUP_ENTRIES_MAX
                    && head <= GROUP_MAX
                    && incremental <= 1
                    && (min_left == 0 || incremental == 1),
            "impossible ring of buffers",
        )?;
        zero(raw, entries != 0 || [head, min_left, incremental] == [0; 3])?;
        let needed = u64::from(entries).saturating_mul(ENTRY);
        ensure(
            raw,
            !of_kernel || self.is_rounded(raw.payload.len() as u64, needed),
            "memory of a ring of buffers is not as announced",
        )?;
        self.follow = follow(UringLeft {
            groups: (left.saturating_sub(1), number.saturating_add(1)),
            ..missing
        });
        Ok(())
    }
}

/// Checks the memory of a request that waits to do something with a file, and the address of a
/// peer.
pub(super) fn uring_io_memory(raw: &Raw<'_>, io: &UringIo) -> Result<(), Fault> {
    const IMPOSSIBLE: &str = "memory of a request is not as announced";
    let (vecs, name) = (io.vecs.get() as usize, io.name.get() as usize);
    ensure(raw, vecs <= VECS_MAX && name <= NAME_MAX, IMPOSSIBLE)?;
    let (vecs, names) = io_parts(raw, io.vecs.get()).ok_or(raw.fault(IMPOSSIBLE))?;
    ensure(raw, names.len() == name, IMPOSSIBLE)?;
    let mut total: u64 = 0;
    for v in vecs {
        let (addr, len) = (v.addr.get(), v.len.get());
        ensure(raw, addr.checked_add(len).is_some(), IMPOSSIBLE)?;
        total = total.saturating_add(len);
    }
    ensure(raw, total <= IO_MAX, IMPOSSIBLE)
}

/// Checks what an operation has, of an io_uring with so many places for files.
pub(super) fn uring_io_fields(raw: &Raw<'_>, io: &UringIo, slots: u32) -> Result<(), Fault> {
    let op = io.op.get();
    let (rw, msg) = (
        matches!(
            op,
            URING_IO_READ
                | URING_IO_READV
                | URING_IO_READ_MULTISHOT
                | URING_IO_WRITE
                | URING_IO_WRITEV
        ),
        matches!(
            op,
            URING_IO_SEND | URING_IO_SENDMSG | URING_IO_RECV | URING_IO_RECVMSG
        ),
    );
    let (accept, connect) = (op == URING_IO_ACCEPT, op == URING_IO_CONNECT);
    ensure(
        raw,
        rw || msg || accept || connect,
        "unknown operation of a request",
    )?;
    let with_control = matches!(op, URING_IO_SENDMSG | URING_IO_RECVMSG);
    let sends = matches!(op, URING_IO_SEND | URING_IO_SENDMSG);
    let signed = |n: u32| n <= i32::MAX as u32;
    ensure(
        raw,
        (!msg || signed(io.len.get()) && signed(io.done.get()))
            && io.control_len.get() <= u64::from(i32::MAX as u32),
        "impossible length of a request",
    )?;
    // SOCK_CLOEXEC and SOCK_NONBLOCK; IORING_ACCEPT_MULTISHOT and IORING_ACCEPT_POLL_FIRST.
    ensure(
        raw,
        !accept
            || io.op_flags.get() & !0x8_0800 == 0
                && io.io_flags.get() & !0x5 == 0
                && (io.slot.get() <= slots || io.slot.get() == u32::MAX),
        "impossible accept(2)",
    )?;
    ensure(
        raw,
        !connect || io.io_flags.get() & !connect::ALL == 0,
        "impossible connect(2)",
    )?;
    // Who gets a buffer, and that it does something many times, goes together.
    let select = io.flags.get() & request::SELECT != 0;
    let receives = matches!(op, URING_IO_RECV | URING_IO_RECVMSG);
    ensure(
        raw,
        (op != URING_IO_READ_MULTISHOT || select)
            && (!select
                || (receives
                    || matches!(op, URING_IO_READ | URING_IO_READV | URING_IO_READ_MULTISHOT))
                    && io.group.get() <= GROUP_MAX
                    && io.vecs.get() == 0
                    && io.done.get() == 0),
        "a request can't get a buffer, or must",
    )?;
    // MSG_DONTWAIT, MSG_CMSG_COMPAT; IORING_RECVSEND_POLL_FIRST, IORING_SEND_VECTORIZED, or
    // IORING_RECV_MULTISHOT, IORING_RECVSEND_BUNDLE and that the total is limited.
    let may = match (sends, select) {
        (true, _) => 0x21,
        (false, true) => 0x1013,
        (false, false) => 0x1,
    };
    ensure(
        raw,
        !msg || io.op_flags.get() & 0x8000_0040 == 0 && io.io_flags.get() & !may == 0,
        "impossible message",
    )?;
    ensure(
        raw,
        !rw || io.io_flags.get() <= u32::from(u16::MAX) && io.slot.get() <= u32::from(u8::MAX),
        "impossible priority or write stream",
    )?;
    zero(
        raw,
        (rw || io.pos.get() == 0)
            && (with_control || io.control.get() == 0 && io.control_len.get() == 0)
            && (accept || op == URING_IO_RECVMSG || io.addr2.get() == 0)
            && (sends || connect || io.name.get() == 0)
            && (rw || msg || io.len.get() == 0 && io.vecs.get() == 0)
            && (rw || accept || io.slot.get() == 0)
            && (msg || io.done.get() == 0)
            && (accept || io.nofile.get() == 0)
            && (select || io.group.get() == 0)
            && (select && receives || io.limit.get() == 0 && io.total.get() == 0)
            && (!connect || io.op_flags.get() == 0),
    )
}
