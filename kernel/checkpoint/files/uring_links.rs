// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that were prepared and not issued yet, and the timeouts that requests have of
//! their own (IORING_OP_LINK_TIMEOUT).
//!
//! They come after another one in a chain. Of most chains the head was issued, and waits for something else.
//! If it was not, its turn has come while its task was frozen, or it was drained (IOSQE_IO_DRAIN), or
//! comes after one that was: then it waits until all have ended that were submitted before it. Each gets its
//! file, by its number, when it is its turn. A timeout of a head that was issued runs, and ends when it was
//! to end; all others begin with their request.
//!
//! The kernel counts what has not ended, and goes by nothing else; so drained requests keep their order if
//! they are added in that, after all others.

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};
use zerocopy::IntoBytes;

use super::{
    ask,
    io::{
        from_record,
        memory_of,
        to_record,
        why_not, //
    },
    later::Later,
    requests::{
        count,
        futex_of,
        futex_record,
        listed, //
    }, //
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
            UringFutex,
            UringLink,
            FUTEXES_MAX,
            URING_LINK_FUTEXES, //
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

/// Counts those of an io_uring that `t` is the first to have, and notes in `submitters` who has submitted
/// them; returns how many there are. `None`: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    ring: &FileRef,
    submitters: &mut KVVec<u32>,
) -> Result<Option<usize>> {
    let all = ask(|| match Uring::of(ring)? {
        (uring, None) => uring.links(ring),
        _ => Err(EBUSY),
    });
    let Some(all) = listed(cap, t, named, all)? else {
        return Ok(None);
    };
    for (pid, _, _) in &all {
        wait::go_on()?;
        count(cap, pid, submitters)?;
    }
    submitters.sort_unstable();
    Ok(Some(all.len()))
}

/// Returns those of `file`, of which `uring` was read, each with who has submitted it and the number of the
/// head of its chain among `requests`, then `ios`, and then those that lead a chain, in their order in the
/// image. EBUSY: a request has ended since.
pub(super) fn of(
    uring: &Uring,
    file: &FileRef,
    requests: &[(PidRef, Request)],
    ios: &[(PidRef, Io)],
) -> Result<KVVec<(u32, PidRef, Link)>> {
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
    let mut next = u32::try_from(heads.len())?;
    let mut led = None;
    let mut all = KVVec::with_capacity(u32_as_usize(uring.links), GFP_KERNEL_ACCOUNT)?;
    for (pid, id, link) in uring.links(file)? {
        wait::go_on()?;
        if link.leads {
            led = Some((id, next));
            next = next.checked_add(1).ok_or(EINVAL)?;
        }
        let head = match led {
            Some((leader, number)) if leader == id => number,
            _ => {
                let at = heads.binary_search_by_key(&id, |&(id, _)| id);
                let found = at.ok().and_then(|at| heads.get(at));
                found.map(|&(_, number)| number).ok_or(EBUSY)?
            }
        };
        let order = all.len();
        all.push((head, order, pid, link), GFP_KERNEL_ACCOUNT)?;
    }
    all.sort_unstable_by_key(|&(head, order, ..)| (head, order));
    let mut sorted = KVVec::with_capacity(all.len(), GFP_KERNEL_ACCOUNT)?;
    for (head, _, pid, link) in all {
        sorted.push((head, pid, link), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(sorted)
}

/// Returns whether the time of a link is a moment, and not how long it takes.
fn is_moment(armed: bool, flags: u32) -> bool {
    armed || flags & timeout::ABS != 0
}

/// Writes them, each with the number of the head of its chain.
pub(super) fn put(cap: &mut Capture, all: &[(u32, PidRef, Link)]) -> Result {
    for (head, pid, link) in all {
        wait::go_on()?;
        let bit = |on: bool, flag: u32| if on { flag } else { 0 };
        let flags = bit(link.fixed, request::FIXED)
            | bit(link.armed, request::ARMED)
            | bit(link.shared, request::SHARED)
            | bit(link.deferred, request::DEFERRED);
        let task = match link.leads {
            true => pid.number_in(&cap.pid_ns),
            false => 0,
        };
        let clock = u32::try_from(link.clock)?;
        let offsets = (cap.monotonic_offset, cap.boottime_offset);
        let time = match is_moment(link.armed, link.timeout) {
            true => moved(link.time, clock, false, offsets),
            false => link.time,
        };
        let mut record = UringLink {
            time: time.cast_unsigned().into(),
            head: (*head).into(),
            fd: link.fd.cast_unsigned().into(),
            events: link.events.into(),
            clock: clock.into(),
            timeout: link.timeout.into(),
            off: link.off.into(),
            task: task.into(),
            ..UringLink::of(&to_record(&link.op, flags)?)
        };
        let payload = if link.futexes.is_empty() {
            memory_of(&link.op)?
        } else {
            record.len.set(u32::try_from(link.futexes.len())?);
            futexes_of(link)?
        };
        cap.meta.put(&record, &payload)?;
    }
    Ok(())
}

/// Returns the futexes of one that is to wait for several, as a payload.
fn futexes_of(link: &Link) -> Result<KVVec<u8>> {
    let mut payload = KVVec::new();
    for futex in &link.futexes {
        payload.extend_from_slice(futex_record(futex).as_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(payload)
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
    let task = from.task.get();
    let mut futexes = KVVec::new();
    if from.op.get() == URING_LINK_FUTEXES {
        let some: &[UringFutex] = raw
            .array(u32_as_usize(FUTEXES_MAX))
            .map_err(|f| r.fault(f))?;
        for futex in some {
            futexes.push(futex_of(futex), GFP_KERNEL_ACCOUNT)?;
        }
    }
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
        futexes,
        shared: has(request::SHARED),
        leads: task != 0,
        deferred: has(request::DEFERRED),
    };
    if task != 0 {
        later
            .chains
            .push((task, KVVec::new()), GFP_KERNEL_ACCOUNT)?;
    }
    let head = u32_as_usize(from.head.get());
    let (requests, ios) = (later.requests.len(), later.ios.len());
    let chain = if let Some((_, head)) = later.requests.get_mut(head) {
        Some(&mut head.links)
    } else {
        let head = head.checked_sub(requests).ok_or(EINVAL)?;
        match head.checked_sub(ios) {
            None => later.ios.get_mut(head).map(|(_, head)| &mut head.links),
            Some(head) => later.chains.get_mut(head).map(|(_, links)| links),
        }
    };
    Ok(chain.ok_or(EINVAL)?.push(link, GFP_KERNEL_ACCOUNT)?)
}

/// Lets the chains `all` of `ring` be issued, each with who has submitted it; all that they wait for is
/// there.
pub(super) fn resume(r: &Restore, ring: &FileRef, all: &[(u32, KVVec<Link>)]) -> Result {
    for (task, links) in all {
        wait::go_on()?;
        r.pid(*task)
            .and_then(|task| Uring::add_chain(ring, &task, links))
            .map_err(|e| {
                if e == EINTR {
                    return e;
                }
                let user_data = links.first().map_or(0, |link| link.op.user_data);
                r.told(
                    e,
                    fmt!(
                        "an io_uring: the request with user_data {:#x}, or what comes after it, can't be \
                         made: {}",
                        user_data,
                        why_not(e)
                    ),
                )
            })?;
    }
    Ok(())
}
