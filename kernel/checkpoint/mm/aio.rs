// SPDX-License-Identifier: GPL-2.0

//! AIO contexts (io_setup(2)): their rings, and what has come of requests that was not read.
//!
//! A context is known by the address of its ring, which is a mapping like others but for who makes
//! it ([`vma`](super::vma)). Requests in flight are brought to rest before anything is read: they
//! write to memory, and signal eventfds.

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize, //
    },
    prelude::*, //
};

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    core::{
        kind::Group,
        restore::Restore, //
    },
    found::Capture,
    image::{
        mm::{
            Aio,
            AioEvent,
            Vma,
            AIO_EVENTS_MAX, //
        },
        record::Raw, //
    },
    kapi::{
        cgroup::frozen::FrozenTasks,
        fs::{
            fdtable::FilesRef,
            file::FileRef, //
        },
        mm::{
            aio::{
                self,
                Context,
                Event,
                InFlight, //
            },
            space::MmRef,
            vma::{
                bit,
                VmaInfo, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// How long a request that waits for something may take to end, in milliseconds: it was woken
/// before the tasks were frozen.
const WOKEN_MS: u64 = 100;

/// Brings to rest what `tasks` have in flight, for which all of them together have `timeout_ms`.
/// What can't be is refused. May sleep.
///
/// EINTR: the caller was killed. ECANCELED: the hold was broken.
pub(crate) fn settle(cap: &mut Capture, tasks: &FrozenTasks<'_>, timeout_ms: u32) -> Result {
    let end = after(u64::from(timeout_ms));
    let mut any = false;
    for group in Group::all(tasks) {
        let Some(t) = group.living() else {
            continue;
        };
        let Some(mm) = MmRef::of(t) else {
            continue;
        };
        for index in 0..aio::max(&mm) {
            any = true;
            settle_one(cap, tasks, t, &mm, index, end)?;
        }
    }
    if any {
        aio::settled();
    }
    Ok(())
}

/// Returns the moment in so many milliseconds.
fn after(ms: u64) -> u64 {
    wait::monotonic_ns().saturating_add(ms * 1_000_000)
}

/// Waits until nothing is in flight of one context of `mm`, until `end`.
fn settle_one(
    cap: &mut Capture,
    tasks: &FrozenTasks<'_>,
    t: &FrozenTask,
    mm: &MmRef,
    index: u32,
    end: u64,
) -> Result {
    let mut woken = None;
    loop {
        wait::go_on()?;
        tasks.check_hold()?;
        let InFlight { count, waiting } = aio::in_flight(mm, index);
        if count == 0 {
            return Ok(());
        }
        let now = wait::monotonic_ns();
        if let Some(waiting) = waiting {
            if now >= *woken.get_or_insert_with(|| after(WOKEN_MS)) {
                let what = if waiting.poll {
                    "poll request"
                } else {
                    "request"
                };
                let fd = descriptor_of(t, &waiting.file)?;
                match fd {
                    Some(fd) => cap.refuse(
                        EOPNOTSUPP,
                        t,
                        fmt!(
                            "AIO {} in flight, iocb {:x}, of descriptor {}: it may wait for ever: \
                             have it end that (io_cancel)",
                            what,
                            waiting.iocb,
                            fd
                        ),
                    ),
                    None => cap.refuse(
                        EOPNOTSUPP,
                        t,
                        fmt!(
                            "AIO {} in flight, iocb {:x}, of a file that has no descriptor: it may \
                             wait for ever: have it end that (io_cancel)",
                            what,
                            waiting.iocb
                        ),
                    ),
                }
                return Ok(());
            }
        }
        if now >= end {
            cap.refuse(
                ETIMEDOUT,
                t,
                fmt!(
                    "{} AIO requests in flight did not end in time: try again, or look why its \
                     disk is slow",
                    count
                ),
            );
            return Ok(());
        }
        aio::pause();
    }
}

/// Returns the first descriptor of `file` that `t` has.
fn descriptor_of(t: &FrozenTask, file: &FileRef) -> Result<Option<u32>> {
    let Some(files) = FilesRef::of(t) else {
        return Ok(None);
    };
    let mut from = 0;
    while let Some(d) = files.next(from) {
        wait::go_on()?;
        if d.file.as_ptr() == file.as_ptr() {
            return Ok(Some(d.fd));
        }
        from = d.fd.saturating_add(1);
    }
    Ok(None)
}

/// Lists which contexts of `mm` can't be saved, and which rings among its mappings, `all`, are of
/// none.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, mm: &MmRef, all: &[VmaInfo]) -> Result {
    let contexts = aio::contexts(mm)?;
    for c in &contexts {
        wait::go_on()?;
        let mut refuse = |why: &str| {
            cap.refuse(EOPNOTSUPP, t, fmt!("AIO context {:x}: {}", c.addr, why));
        };
        let ring = all
            .binary_search_by_key(&c.addr, |v| v.start)
            .ok()
            .and_then(|n| all.get(n))
            .filter(|v| v.end.checked_sub(v.start) == Some(c.size) && v.offset == 0)
            .filter(|v| v.flags & bit::DONTCOPY != 0)
            .filter(|v| v.file.as_ref().is_some_and(|f| c.has_ring(f)));
        if ring.is_none() {
            refuse(
                "its ring is not mapped as io_setup(2) has done that: have it destroy the context \
                 (io_destroy)",
            );
        }
        if !c.intact {
            refuse(
                "what the kernel has written at the start of its ring was changed: have it leave \
                 that alone",
            );
        }
        if u32_as_usize(c.events) > AIO_EVENTS_MAX {
            refuse("has more events than can be saved: have it read some (io_getevents)");
        }
    }
    for v in all {
        let Some(file) = v.file.as_ref().filter(|f| f.is_aio_ring()) else {
            continue;
        };
        let own = contexts
            .binary_search_by_key(&v.start, |c| c.addr)
            .ok()
            .and_then(|n| contexts.get(n))
            .is_some_and(|c| c.has_ring(file));
        if !own {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "mapping {:x}-{:x}: ring of an AIO context that it has not, or a part of one: \
                     have it unmap that",
                    v.start,
                    v.end
                ),
            );
        }
    }
    Ok(())
}

/// Writes the record of the context among `contexts`, those of `mm`, whose ring is at `addr`.
pub(super) fn save(cap: &mut Capture, mm: &MmRef, contexts: &[Context], addr: usize) -> Result {
    let context = contexts
        .binary_search_by_key(&addr, |c| c.addr)
        .ok()
        .and_then(|n| contexts.get(n))
        .ok_or(EBUSY)?;
    let mut events = KVVec::new();
    for event in aio::events(mm, context)? {
        let [data, obj, res, res2] = event.map(U64::new);
        let event = AioEvent {
            data,
            obj,
            res,
            res2,
        };
        events.push(event, GFP_KERNEL_ACCOUNT)?;
    }
    let body = Aio {
        max_reqs: U32::new(context.max_reqs),
        head: U32::new(context.head),
        tail: U32::new(context.tail),
        completed: U32::new(context.completed),
    };
    cap.meta.put(&body, events.as_bytes())
}

/// Makes a context with its ring, which is the mapping `v`, in the caller's new address space.
/// `raw` is its record.
pub(super) fn make(r: &Restore, v: &Vma, raw: &Raw<'_>) -> Result {
    let body: Aio = raw.body().map_err(|f| r.fault(f))?;
    let saved: &[AioEvent] = raw.array(AIO_EVENTS_MAX).map_err(|f| r.fault(f))?;
    let mut events: KVVec<Event> = KVVec::with_capacity(saved.len(), GFP_KERNEL_ACCOUNT)?;
    for e in saved {
        let event = [e.data, e.obj, e.res, e.res2].map(|n| n.get());
        events.push(event, GFP_KERNEL_ACCOUNT)?;
    }
    let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
    aio::make(
        start,
        end.checked_sub(start).ok_or(EINVAL)?,
        body.max_reqs.get(),
        [body.head, body.tail, body.completed].map(|n| n.get()),
        &events,
    )
}
