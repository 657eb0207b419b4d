// SPDX-License-Identifier: GPL-2.0

//! AIO contexts: `fs/aio.c`.

use kernel::prelude::*;

#[cfg(CONFIG_AIO)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    sync::rcu,
    time::{
        delay::fsleep,
        Delta, //
    },
};

use crate::kapi::{
    fs::file::FileRef,
    mm::space::MmRef, //
};

/// What has come of a request, as `struct io_event` has it: data, iocb and both results.
pub(crate) type Event = [u64; 4];

/// An AIO context.
pub(crate) struct Context {
    /// Where its ring is mapped: its id.
    pub(crate) addr: usize,
    /// Bytes of that.
    pub(crate) size: usize,
    /// How many requests it counts for, as of io_setup(2).
    pub(crate) max_reqs: u32,
    /// The first event that was not read, as the program has written it.
    pub(crate) head: u32,
    /// Where the next event is written to.
    pub(crate) tail: u32,
    /// Number of events that were not read.
    pub(crate) events: u32,
    /// How many of them take the place of a request.
    pub(crate) completed: u32,
    /// Nobody has written to the head of the ring, which the kernel fills.
    pub(crate) intact: bool,
    /// Its index in the address space.
    index: u32,
    /// Address of its file, to compare.
    ring: usize,
}

impl Context {
    /// Returns whether its ring is `file`.
    pub(crate) fn has_ring(&self, file: &FileRef) -> bool {
        file.as_ptr().addr() == self.ring
    }
}

/// What an AIO context has in flight.
pub(crate) struct InFlight {
    /// How many requests.
    pub(crate) count: usize,
    /// One that may never end by itself.
    pub(crate) waiting: Option<Waiting>,
}

/// A request that waits for something.
pub(crate) struct Waiting {
    /// Its file.
    pub(crate) file: FileRef,
    /// Address of its iocb.
    pub(crate) iocb: u64,
    /// It waits until something can be done with the file (IOCB_CMD_POLL).
    pub(crate) poll: bool,
}

impl FileRef {
    /// Returns whether it is the ring of an AIO context.
    pub(crate) fn is_aio_ring(&self) -> bool {
        #[cfg(CONFIG_AIO)]
        // SAFETY: We own a reference; only its operations are looked at.
        return unsafe { bindings::checkpoint_is_aio_ring(self.as_ptr()) };
        #[cfg(not(CONFIG_AIO))]
        false
    }
}

/// Returns a number that is above the index of each context of `mm`.
pub(crate) fn max(mm: &MmRef) -> u32 {
    #[cfg(CONFIG_AIO)]
    // SAFETY: We own a reference as a user.
    return unsafe { bindings::checkpoint_aio_max(mm.as_ptr()) };
    #[cfg(not(CONFIG_AIO))]
    {
        let _ = mm;
        0
    }
}

/// Returns all contexts of `mm`, whose tasks do not run, by ascending address. May sleep.
#[cfg(CONFIG_AIO)]
pub(crate) fn contexts(mm: &MmRef) -> Result<KVVec<Context>> {
    let mut all = KVVec::new();
    for index in 0..max(mm) {
        let mut state = bindings::checkpoint_aio::default();
        // SAFETY: We own a reference as a user, and its tasks do not run; the state is written to
        // our own memory.
        if unsafe { bindings::checkpoint_aio_get(mm.as_ptr(), index, &mut state) } != 0 {
            continue;
        }
        let context = Context {
            addr: state.addr,
            size: state.size,
            max_reqs: state.max_reqs,
            head: state.head,
            tail: state.tail,
            events: state.events,
            completed: state.completed,
            intact: state.intact,
            index,
            ring: state.ring.addr(),
        };
        all.push(context, GFP_KERNEL_ACCOUNT)?;
    }
    all.sort_unstable_by_key(|c| c.addr);
    Ok(all)
}

/// Returns all contexts of `mm`: this kernel has none.
#[cfg(not(CONFIG_AIO))]
pub(crate) fn contexts(_: &MmRef) -> Result<KVVec<Context>> {
    Ok(KVVec::new())
}

/// Returns the events of `context`, one of `mm`, that were not read, oldest first. May sleep.
///
/// EAGAIN: it has changed since it was looked at. ENOENT: it is gone.
#[cfg(CONFIG_AIO)]
pub(crate) fn events(mm: &MmRef, context: &Context) -> Result<KVVec<Event>> {
    let len = u32_as_usize(context.events);
    let mut events: KVVec<Event> = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
    let state = bindings::checkpoint_aio {
        head: context.head,
        tail: context.tail,
        events: context.events,
        ..Default::default()
    };
    // SAFETY: We own a reference as a user; there is room for so many events, which have the layout
    // of these four numbers.
    to_result(unsafe {
        bindings::checkpoint_aio_events(
            mm.as_ptr(),
            context.index,
            &state,
            events.as_mut_ptr().cast(),
        )
    })?;
    // SAFETY: All of them were written, and there is room for them.
    unsafe { events.inc_len(len) };
    Ok(events)
}

/// Returns the events of a context: there is none.
#[cfg(not(CONFIG_AIO))]
pub(crate) fn events(_: &MmRef, _: &Context) -> Result<KVVec<Event>> {
    Err(ENOENT)
}

#[cfg(CONFIG_AIO)]
const _: () = assert!(size_of::<bindings::io_event>() == size_of::<Event>());

/// Returns what the context of `mm` with that index has in flight: nothing, if there is none. The
/// tasks that have the address space do not run.
#[cfg(CONFIG_AIO)]
pub(crate) fn in_flight(mm: &MmRef, index: u32) -> InFlight {
    let mut req = bindings::checkpoint_aio_req::default();
    // SAFETY: We own a reference as a user; the request is written to our own memory.
    let count = unsafe { bindings::checkpoint_aio_in_flight(mm.as_ptr(), index, &mut req) };
    // SAFETY: It is NULL, or comes with a reference, which is ours.
    let file = unsafe { FileRef::from_owned(req.file) }.ok();
    InFlight {
        count,
        waiting: file.map(|file| Waiting {
            file,
            iocb: req.iocb,
            poll: req.poll,
        }),
    }
}

/// Returns what a context has in flight: there is none.
#[cfg(not(CONFIG_AIO))]
pub(crate) fn in_flight(_: &MmRef, _: u32) -> InFlight {
    InFlight {
        count: 0,
        waiting: None,
    }
}

/// Makes sure that all that was done for requests that are not in flight any more can be seen. May
/// sleep.
pub(crate) fn settled() {
    // The last that is done for one is to put a reference under RCU.
    #[cfg(CONFIG_AIO)]
    rcu::synchronize_rcu();
}

/// Sleeps for a moment in which a request may end.
pub(crate) fn pause() {
    #[cfg(CONFIG_AIO)]
    fsleep(Delta::from_millis(1));
}

/// Makes a context in the caller's address space, of which no other task runs, with its ring at
/// `addr`, and `events` that were not read. `head` may be any number; `tail` is in the ring, and
/// there are as many events as between the two, of which `completed` take the place of a request.
/// May sleep.
///
/// EAGAIN: there may not be so many requests (fs.aio-max-nr). ENOMEM: no memory, or something is
/// mapped there. EINVAL: the ring is larger than any.
#[cfg(CONFIG_AIO)]
pub(crate) fn make(
    addr: usize,
    size: usize,
    max_reqs: u32,
    [head, tail, completed]: [u32; 3],
    events: &[Event],
) -> Result {
    let slots = (size / size_of::<Event>()).checked_sub(1).ok_or(EINVAL)?;
    if size % kernel::page::PAGE_SIZE != 0
        || addr == 0
        || usize_as_u64(slots) > u64::from(u32::MAX)
        || u32_as_usize(tail) >= slots
        || events.len() >= slots
        || u32_as_usize(completed) > events.len()
    {
        return Err(EINVAL);
    }
    let state = bindings::checkpoint_aio {
        addr,
        size,
        max_reqs,
        head,
        tail,
        events: u32::try_from(events.len())?,
        completed,
        ..Default::default()
    };
    // SAFETY: The caller is a task with an address space, in which nobody else runs; so many events
    // are there, and they have the layout of these four numbers. That the tail is in the ring and
    // that there are no more events than it has room for was checked.
    to_result(unsafe { bindings::checkpoint_aio_make(&state, events.as_ptr().cast()) })
}

/// Makes a context: this kernel can't.
///
/// EOPNOTSUPP: always.
#[cfg(not(CONFIG_AIO))]
pub(crate) fn make(_: usize, _: usize, _: u32, _: [u32; 3], _: &[Event]) -> Result {
    Err(EOPNOTSUPP)
}
