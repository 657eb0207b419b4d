// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for a file, a time, a futex or a child.
//!
//! They are made anew when all that they wait for is as it was: what a pipe or an eventfd had to report
//! that a request has reported already is no event for it. Timers go on by the clocks of the tasks, as those
//! of timerfds. For its children a task looks itself when it runs: they are as they were.
//!
//! The value of a futex was compared when its request was submitted, and may be another one since, without a
//! wakeup. So it is not compared again: the request is queued before any task runs, and whoever would have
//! woken it still does. If the task that submitted it did that, as a system call does, the wakeup of another
//! task could come before, and be lost. A futex that other address spaces may have is known by what is mapped
//! at its address.

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};
use zerocopy::IntoBytes;

use super::{
    ask,
    later::Later, //
};
use crate::{
    core::{
        kind::Group,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        kinds::{
            self,
            timerfd::moved, //
        },
        name::{
            Named,
            User, //
        },
        open, //
    },
    found::Capture,
    image::{
        files::{
            uring::{
                request,
                UringFutex,
                UringFutexes,
                UringRequest,
                UringRequests,
                FUTEXES_OF_RECORD_MAX,
                REQUESTS_OF_RECORD_MAX,
                URING_REQUEST_CHILD,
                URING_REQUEST_FUTEX,
                URING_REQUEST_FUTEXES,
                URING_REQUEST_POLL,
                URING_REQUEST_TIMEOUT,
                URING_REQUEST_WOKEN,
                URING_REQUEST_WOKEN_BY, //
            },
            FILE_CONTENTS,
            FILE_DIRECTORY,
            FILE_EVENTFD,
            FILE_FIFO,
            FILE_PIPE,
            FILE_REGULAR,
            FILE_SHARED_ANON,
            FILE_SIGNALFD,
            FILE_UNLINKED, //
        },
        record::{
            ref_number,
            Raw, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::{
                Slot,
                Uring, //
            },
            uring_requests::{
                Child,
                Drained,
                Futex,
                Request,
                Waits, //
            }, //
        },
        task::{
            frozen::FrozenTask,
            links::PidRef, //
        },
        time::wait, //
    }, //
};

/// Refuses threads that have requests which were not found: of an io_uring that no task has open, or that
/// is refused.
pub(super) fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    for t in group.threads().iter().filter(|t| t.is_live()) {
        let tid = t.tid_in(&cap.pid_ns);
        let found = cap.found.files.uring_requests.get(&tid).copied();
        let (found, has) = (found.unwrap_or(0), t.uring_requests());
        if has > found {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("has requests of io_uring in flight: have it wait for them, or cancel them"),
            );
        } else if has < found {
            cap.refuse(
                EBUSY,
                t,
                fmt!("had requests of io_uring in flight that have just ended: try again"),
            );
        }
    }
    Ok(())
}

/// The places of registered files by what requests refer to, sorted.
pub(super) struct Places(KVVec<(usize, u32)>);

impl Places {
    /// Notes those of `slots`.
    pub(super) fn new(slots: &[Slot]) -> Result<Self> {
        let mut all = KVVec::with_capacity(slots.len(), GFP_KERNEL_ACCOUNT)?;
        for slot in slots {
            all.push((slot.node, slot.index), GFP_KERNEL_ACCOUNT)?;
        }
        all.sort_unstable();
        Ok(Self(all))
    }

    /// Returns the place of `node`; `None`: it is not registered any more.
    pub(super) fn find(&self, node: usize) -> Option<u32> {
        let at = self.0.binary_search_by_key(&node, |&(node, _)| node).ok()?;
        self.0.get(at).map(|&(_, index)| index)
    }
}

/// Reads the requests of `ring` that wait. EBUSY: it has others as well, or some end at the moment.
fn waiting(ring: &FileRef) -> Result<KVVec<(PidRef, Request)>> {
    ask(|| match Uring::of(ring)? {
        (mut uring, None) => uring.requests(ring),
        _ => Err(EBUSY),
    })
}

/// Notes the requests of an io_uring that `t` is the first to have; returns how many there are, and who
/// has submitted them. `None`: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    ring: &FileRef,
    places: &Places,
) -> Result<Option<(usize, KVVec<u32>)>> {
    let mut tasks: KVVec<u32> = KVVec::new();
    let Some(requests) = listed(cap, t, named, waiting(ring))? else {
        return Ok(None);
    };
    for (pid, request) in &requests {
        wait::go_on()?;
        count(cap, pid, &mut tasks)?;
        let Waits::File { file, node, .. } = &request.waits else {
            continue;
        };
        if !collect_file(cap, t, named, (file, *node), request.user_data, places)? {
            return Ok(None);
        }
    }
    tasks.sort_unstable();
    Ok(Some((requests.len(), tasks)))
}

/// Notes the file that the request with `user_data` waits for, and by what it refers to that if it is
/// registered. False: refused.
pub(super) fn collect_file(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    (file, node): (&FileRef, usize),
    user_data: u64,
    places: &Places,
) -> Result<bool> {
    let kind = kinds::of(file).number;
    let why = if kind == FILE_SIGNALFD {
        // It would be asked for the signals of another task.
        Some("a signalfd")
    } else if file.is_served() {
        // It would be asked what it has to report, and may be one of the tasks.
        Some("a file of a FUSE server")
    } else if is_contents(kind) {
        // Few filesystems have something to report of them.
        Some("a file or directory that its filesystem reports on")
    } else if node != 0 && places.find(node).is_none() {
        Some("a file that was registered and is not any more")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the io_uring has a request in flight, user_data {:#x}, that waits for {}: have it \
                 cancel that",
                named,
                user_data,
                why
            ),
        );
        return Ok(false);
    }
    if node == 0 {
        open::collect(cap, t, User::Registered, file)?;
    }
    Ok(true)
}

/// IOSQE_IO_LINK, by its bit among the flags of a request.
const IO_LINK: u8 = 1 << 2;

/// IOSQE_IO_HARDLINK.
const IO_HARDLINK: u8 = 1 << 3;

/// Returns how a request is linked with the one after it, in the image.
pub(super) fn chain_flags(chain: u8) -> u32 {
    let bit = |on: u8, flag: u32| if chain & on != 0 { flag } else { 0 };
    bit(IO_LINK, request::LINK) | bit(IO_HARDLINK, request::HARDLINK)
}

/// Returns the same for the kernel.
pub(super) fn chain_of(flags: u32) -> u8 {
    let bit = |on: u32, flag: u8| if flags & on != 0 { flag } else { 0 };
    bit(request::LINK, IO_LINK) | bit(request::HARDLINK, IO_HARDLINK)
}

/// Returns how a request was drained, in the image.
pub(super) fn drained_flags(drained: Drained) -> u32 {
    let bit = |on: bool, flag: u32| if on { flag } else { 0 };
    bit(drained.drain, request::DRAIN)
        | bit(drained.alone, request::ALONE)
        | bit(drained.creds, request::CREDS)
}

/// Returns the same for the kernel.
pub(super) fn drained_of(flags: u32) -> Drained {
    Drained {
        drain: flags & request::DRAIN != 0,
        alone: flags & request::ALONE != 0,
        creds: flags & request::CREDS != 0,
    }
}

/// Returns whether an image can have no request that waits for a file of this kind.
fn is_contents(kind: u32) -> bool {
    matches!(
        kind,
        FILE_REGULAR | FILE_CONTENTS | FILE_DIRECTORY | FILE_UNLINKED | FILE_SHARED_ANON
    )
}

/// Returns requests that were read of an io_uring that `t` is the first to have. `None`: refused.
pub(super) fn listed<T>(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    requests: Result<T>,
) -> Result<Option<T>> {
    let (errno, why) = match requests {
        Err(EBUSY) => (EBUSY, "has requests that end at the moment: try again"),
        Err(EINVAL) => (
            EOPNOTSUPP,
            "has more requests in flight than can be saved: have it cancel some",
        ),
        requests => return requests.map(Some),
    };
    cap.refuse(errno, t, fmt!("{}: the io_uring {}", named, why));
    Ok(None)
}

/// Counts a request of the thread with the pid `pid`, and notes that in `submitters`, once for those that
/// come one after the other.
pub(super) fn count(cap: &mut Capture, pid: &PidRef, submitters: &mut KVVec<u32>) -> Result {
    let tid = pid.number_in(&cap.pid_ns);
    let all = &mut cap.found.files.uring_requests;
    match all.get_mut(&tid) {
        Some(n) => *n += 1,
        None => {
            all.try_create_and_insert(tid, 1, GFP_KERNEL_ACCOUNT)?;
        }
    }
    if submitters.last() != Some(&tid) {
        submitters.push(tid, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Writes the files that requests of `ring` wait for.
///
/// Before the requests are read: what a file has to report in the image its request was told of by then.
/// The other way round a multishot request might never be.
pub(super) fn save_files(cap: &mut Capture, ring: &FileRef) -> Result {
    for (_, request) in &waiting(ring)? {
        wait::go_on()?;
        if let Waits::File { file, .. } = &request.waits {
            open::save(cap, file.addr())?;
        }
    }
    Ok(())
}

/// Returns what tells of `requests`, and of the futexes of those that wait for several; the files that they
/// wait for were written.
pub(super) fn describe(
    cap: &mut Capture,
    requests: &[(PidRef, Request)],
    places: &Places,
) -> Result<(KVVec<UringRequest>, KVVec<UringFutex>)> {
    let mut all = KVVec::with_capacity(requests.len(), GFP_KERNEL_ACCOUNT)?;
    let mut several = KVVec::new();
    for (pid, request) in requests {
        wait::go_on()?;
        all.push(to_image(cap, pid, request, places)?, GFP_KERNEL_ACCOUNT)?;
        if let Waits::Futexes(futexes) = &request.waits {
            for futex in futexes {
                several.push(futex_record(futex), GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    Ok((all, several))
}

/// Returns a futex as the image has it, of a request that waits for several.
pub(super) fn futex_record(futex: &Futex) -> UringFutex {
    UringFutex {
        addr: futex.addr.into(),
        value: futex.value.into(),
        shared: u32::from(futex.shared).into(),
    }
}

/// Returns the same for the kernel.
pub(super) fn futex_of(from: &UringFutex) -> Futex {
    Futex {
        addr: from.addr.get(),
        value: from.value.get(),
        shared: from.shared.get() != 0,
    }
}

/// Returns whether `file` has the same to report after a restart as when its request was read.
///
/// Others bring more: messages may come in as long as their queue was not saved, which is after that; a
/// connection has ended, a clock has leapt; what is left outside is whatever the caller of restart(2)
/// says. A request that is told of the same twice is no harm, one that is not told is.
fn is_as_it_was(cap: &Capture, file: &FileRef) -> bool {
    let files = &cap.found.files;
    matches!(kinds::of(file).number, FILE_PIPE | FILE_FIFO | FILE_EVENTFD)
        && !files.is_left_outside(file)
        && !files.is_reopened(file)
}

fn to_image(
    cap: &mut Capture,
    pid: &PidRef,
    from: &Request,
    places: &Places,
) -> Result<UringRequest> {
    let bit = |on: bool, flag: u32| if on { flag } else { 0 };
    let mut flags = bit(from.asynchronous, request::ASYNC)
        | bit(from.skip, request::SKIP)
        | chain_flags(from.chain)
        | drained_flags(from.drained);
    let mut to = UringRequest {
        user_data: from.user_data.into(),
        expires: 0.into(),
        interval: 0.into(),
        task: pid.number_in(&cap.pid_ns).into(),
        kind: URING_REQUEST_POLL.into(),
        flags: 0.into(),
        file: 0.into(),
        index: 0.into(),
        events: 0.into(),
        clock: 0.into(),
        timeout: 0.into(),
        off: 0.into(),
        repeats: 0.into(),
        target: 0.into(),
        reserved: 0.into(),
    };
    match &from.waits {
        Waits::File {
            file,
            node,
            events,
            pending,
            ..
        } => {
            let pending = *pending || !is_as_it_was(cap, file);
            flags |= bit(pending, request::PENDING) | bit(*node != 0, request::FIXED);
            to.file.set(ref_number(Some(open::save(cap, file.addr())?)));
            if *node != 0 {
                to.index.set(places.find(*node).ok_or(EBUSY)?);
            }
            to.events.set(*events);
        }
        Waits::Time {
            clock,
            expires,
            interval,
            flags,
            off,
            repeats,
            target,
        } => {
            let clock = u32::try_from(*clock)?;
            let offsets = (cap.monotonic_offset, cap.boottime_offset);
            to.kind.set(URING_REQUEST_TIMEOUT);
            to.expires
                .set(moved(*expires, clock, false, offsets).cast_unsigned());
            to.interval.set(interval.cast_unsigned());
            to.clock.set(clock);
            to.timeout.set(*flags);
            to.off.set(*off);
            to.repeats.set(*repeats);
            to.target.set(*target);
        }
        Waits::Futex { futex, mask } => {
            flags |= bit(futex.shared, request::SHARED);
            to.kind.set(URING_REQUEST_FUTEX);
            to.expires.set(futex.addr);
            to.off.set(futex.value);
            to.target.set(*mask);
        }
        Waits::Futexes(all) => {
            to.kind.set(URING_REQUEST_FUTEXES);
            to.off.set(u32::try_from(all.len())?);
        }
        Waits::Woken(place) => {
            to.kind
                .set(place.map_or(URING_REQUEST_WOKEN, |_| URING_REQUEST_WOKEN_BY));
            to.off.set(place.unwrap_or(0));
        }
        Waits::Child(child) => {
            to.kind.set(URING_REQUEST_CHILD);
            to.expires.set(child.info);
            to.off.set(child.which.cast_unsigned());
            to.repeats.set(child.options);
            to.target.set(child.number.cast_unsigned());
        }
    }
    to.flags.set(flags);
    Ok(to)
}

/// Writes them.
pub(super) fn put(
    cap: &mut Capture,
    (all, several): &(KVVec<UringRequest>, KVVec<UringFutex>),
) -> Result {
    for some in all.chunks(REQUESTS_OF_RECORD_MAX) {
        let record = UringRequests {
            requests: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    for some in several.chunks(FUTEXES_OF_RECORD_MAX) {
        let record = UringFutexes {
            futexes: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    Ok(())
}

/// Reads a record of some, each with the number of who has submitted it; opens the files that they
/// wait for.
pub(super) fn read(
    r: &Restore,
    plan: &TaskRecords<'_>,
    raw: &Raw<'_>,
    later: &mut Later,
) -> Result {
    let some: &[UringRequest] = raw.array(REQUESTS_OF_RECORD_MAX).map_err(|f| r.fault(f))?;
    for from in some {
        wait::go_on()?;
        let has = |flag| from.flags.get() & flag != 0;
        let kind = from.kind.get();
        let waits = if kind == URING_REQUEST_FUTEX {
            Waits::Futex {
                futex: Futex {
                    addr: from.expires.get(),
                    value: from.off.get(),
                    shared: has(request::SHARED),
                },
                mask: from.target.get(),
            }
        } else if kind == URING_REQUEST_FUTEXES {
            let several = (later.requests.len(), u32_as_usize(from.off.get()));
            later.several.push(several, GFP_KERNEL_ACCOUNT)?;
            Waits::Futexes(KVVec::new())
        } else if matches!(kind, URING_REQUEST_WOKEN | URING_REQUEST_WOKEN_BY) {
            Waits::Woken((kind == URING_REQUEST_WOKEN_BY).then_some(from.off.get()))
        } else if kind == URING_REQUEST_CHILD {
            Waits::Child(Child {
                which: from.off.get().cast_signed(),
                number: from.target.get().cast_signed(),
                options: from.repeats.get(),
                info: from.expires.get(),
            })
        } else if kind == URING_REQUEST_POLL {
            let obj = ObjRef::new(from.file.get()).ok_or(EINVAL)?;
            Waits::File {
                file: open::restore(r, plan, obj)?,
                node: 0,
                index: has(request::FIXED).then_some(from.index.get()),
                events: from.events.get(),
                pending: has(request::PENDING),
            }
        } else {
            let back = |offset: i64| offset.saturating_neg();
            let offsets = (back(r.monotonic_offset), back(r.boottime_offset));
            let clock = from.clock.get();
            Waits::Time {
                clock: i32::try_from(clock)?,
                expires: moved(from.expires.get().cast_signed(), clock, false, offsets),
                interval: from.interval.get().cast_signed(),
                flags: from.timeout.get(),
                off: from.off.get(),
                repeats: from.repeats.get(),
                target: from.target.get(),
            }
        };
        let request = Request {
            user_data: from.user_data.get(),
            asynchronous: has(request::ASYNC),
            skip: has(request::SKIP),
            chain: chain_of(from.flags.get()),
            drained: drained_of(from.flags.get()),
            id: 0,
            waits,
            links: KVVec::new(),
        };
        let request = (from.task.get(), request);
        later.requests.push(request, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Reads a record of futexes, for requests that wait for several.
pub(super) fn read_futexes(r: &Restore, raw: &Raw<'_>, later: &mut Later) -> Result {
    let some: &[UringFutex] = raw.array(FUTEXES_OF_RECORD_MAX).map_err(|f| r.fault(f))?;
    for from in some {
        later.futexes.push(futex_of(from), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Gives the requests that wait for several futexes those that were read.
pub(super) fn give_futexes(later: &mut Later) -> Result {
    let mut left = &later.futexes[..];
    for &(index, nr) in &later.several {
        wait::go_on()?;
        let (own, rest) = left.split_at_checked(nr).ok_or(EINVAL)?;
        let request = later.requests.get_mut(index).map(|(_, to)| &mut to.waits);
        if let Some(Waits::Futexes(to)) = request {
            to.extend_from_slice(own, GFP_KERNEL_ACCOUNT)?;
        }
        left = rest;
    }
    Ok(())
}

/// Lets the requests `all` wait, of `ring`, of which `uring` tells.
pub(super) fn resume(r: &Restore, ring: &FileRef, uring: &Uring, all: &[(u32, Request)]) -> Result {
    if all.is_empty() {
        return Ok(());
    }
    uring.count_timeouts(ring)?;
    // The one that was submitted last is found first by its name; timeouts are in order. Of those that
    // wait for the same futex the one that was submitted first is woken first.
    let times = |(_, request): &&(u32, Request)| matches!(request.waits, Waits::Time { .. });
    let order = Iterator::chain(
        all.iter().rev().filter(|r| !times(r)),
        all.iter().filter(times),
    );
    for (task, request) in order {
        wait::go_on()?;
        r.pid(*task)
            .and_then(|task| Uring::add_request(ring, &task, request))
            .map_err(|e| {
                let why = match e {
                    EINTR => return e,
                    ENOMEM => "no memory",
                    EACCES => "the caller, or the io_uring, is restricted to others",
                    EBADF => {
                        "it waits for a file that is not registered there, for an io_uring, or for what \
                         was opened with O_PATH"
                    }
                    EINVAL => "it waits for a file, a futex or a child that can't be waited for",
                    EFAULT => "it waits for a futex that is in no memory of the task",
                    _ => "the kernel does not take it",
                };
                r.told(
                    e,
                    fmt!(
                        "an io_uring: the request with user_data {:#x} can't be made: {}",
                        request.user_data,
                        why
                    ),
                )
            })?;
    }
    Ok(())
}
