// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for other requests, in chains, and the timeouts that requests have of
//! their own (IORING_OP_LINK_TIMEOUT).
//!
//! Only the head of a chain was issued, and waits for something else. What comes after it was prepared: it
//! gets its file, by its number, when it is its turn. A timeout of the head runs, and ends when it was to
//! end; all others begin with their request.

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};

use super::{
    ask,
    io::{
        from_record,
        memory_of,
        to_record, //
    },
    later::Later,
    requests::count, //
};
use crate::{
    core::restore::Restore,
    files::{
        kinds::timerfd::moved,
        name::Named, //
    },
    found::Capture,
    image::{
        files::uring::{
            request,
            timeout,
            UringLink, //
        },
        record::Raw, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_io::Io,
            uring_links::Link,
            uring_requests::Request, //
        },
        task::{
            frozen::FrozenTask,
            links::PidRef, //
        },
        time::wait, //
    }, //
};

/// Counts those of an io_uring that `t` is the first to have; returns how many there are. Who has submitted
/// them has submitted the heads of their chains. `None`: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    ring: &FileRef,
) -> Result<Option<usize>> {
    let all = ask(|| match Uring::of(ring)? {
        (uring, None) => uring.links(ring),
        _ => Err(EBUSY),
    });
    let all = match all {
        Ok(all) => all,
        Err(EBUSY) => {
            let why = "has requests that end at the moment: try again";
            cap.refuse(EBUSY, t, fmt!("{}: the io_uring {}", named, why));
            return Ok(None);
        }
        Err(EINVAL) => {
            let why = "has more requests in flight than can be saved: have it cancel some";
            cap.refuse(EOPNOTSUPP, t, fmt!("{}: the io_uring {}", named, why));
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    for (pid, _, _) in &all {
        wait::go_on()?;
        let tid = pid.number_in(&cap.pid_ns);
        count(cap, tid)?;
    }
    Ok(Some(all.len()))
}

/// Returns those of `file`, of which `uring` was read, each with the number of the head of its chain among
/// `requests` and then `ios`, in their order in the image. EBUSY: a request has ended since.
pub(super) fn of(
    uring: &Uring,
    file: &FileRef,
    requests: &[(PidRef, Request)],
    ios: &[(PidRef, Io)],
) -> Result<KVVec<(u32, Link)>> {
    if uring.links == 0 {
        return Ok(KVVec::new());
    }
    let mut heads = KVVec::with_capacity(
        requests.len().checked_add(ios.len()).ok_or(EINVAL)?,
        GFP_KERNEL_ACCOUNT,
    )?;
    let ids = Iterator::chain(
        requests.iter().map(|(_, request)| request.id),
        ios.iter().map(|(_, io)| io.id),
    );
    for (number, id) in (0u32..).zip(ids) {
        heads.push((id, number), GFP_KERNEL_ACCOUNT)?;
    }
    heads.sort_unstable();
    let mut all = KVVec::with_capacity(u32_as_usize(uring.links), GFP_KERNEL_ACCOUNT)?;
    for (_, id, link) in uring.links(file)? {
        wait::go_on()?;
        let at = heads.binary_search_by_key(&id, |&(id, _)| id);
        let &(_, head) = at.ok().and_then(|at| heads.get(at)).ok_or(EBUSY)?;
        let order = all.len();
        all.push((head, order, link), GFP_KERNEL_ACCOUNT)?;
    }
    all.sort_unstable_by_key(|&(head, order, _)| (head, order));
    let mut sorted = KVVec::with_capacity(all.len(), GFP_KERNEL_ACCOUNT)?;
    for (head, _, link) in all {
        sorted.push((head, link), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(sorted)
}

/// Returns whether the time of a link is a moment, and not how long it takes.
fn is_moment(armed: bool, flags: u32) -> bool {
    armed || flags & timeout::ABS != 0
}

/// Writes them, each with the number of the head of its chain.
pub(super) fn put(cap: &mut Capture, all: &[(u32, Link)]) -> Result {
    for (head, link) in all {
        wait::go_on()?;
        let bit = |on: bool, flag: u32| if on { flag } else { 0 };
        let flags = bit(link.fixed, request::FIXED) | bit(link.armed, request::ARMED);
        let clock = u32::try_from(link.clock)?;
        let offsets = (cap.monotonic_offset, cap.boottime_offset);
        let time = match is_moment(link.armed, link.timeout) {
            true => moved(link.time, clock, false, offsets),
            false => link.time,
        };
        let record = UringLink {
            time: time.cast_unsigned().into(),
            head: (*head).into(),
            fd: link.fd.cast_unsigned().into(),
            events: link.events.into(),
            clock: clock.into(),
            timeout: link.timeout.into(),
            off: link.off.into(),
            ..UringLink::of(&to_record(&link.op, flags)?)
        };
        cap.meta.put(&record, &memory_of(&link.op)?)?;
    }
    Ok(())
}

/// Reads one, and adds it to the chain of its head.
pub(super) fn read(r: &Restore, raw: &Raw<'_>, later: &mut Later) -> Result {
    wait::go_on()?;
    let from: UringLink = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| from.flags.get() & flag != 0;
    let back = |offset: i64| offset.saturating_neg();
    let offsets = (back(r.monotonic_offset), back(r.boottime_offset));
    let (clock, time) = (from.clock.get(), from.time.get().cast_signed());
    let armed = has(request::ARMED);
    let link = Link {
        op: from_record(&from.io(), raw)?,
        fixed: has(request::FIXED),
        fd: from.fd.get().cast_signed(),
        events: from.events.get(),
        time: match is_moment(armed, from.timeout.get()) {
            true => moved(time, clock, false, offsets),
            false => time,
        },
        clock: i32::try_from(clock)?,
        timeout: from.timeout.get(),
        off: from.off.get(),
        armed,
    };
    let head = u32_as_usize(from.head.get());
    let chain = match head.checked_sub(later.requests.len()) {
        None => later
            .requests
            .get_mut(head)
            .map(|(_, head)| &mut head.links),
        Some(head) => later.ios.get_mut(head).map(|(_, head)| &mut head.links),
    };
    Ok(chain.ok_or(EINVAL)?.push(link, GFP_KERNEL_ACCOUNT)?)
}
