// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that were not issued yet: `io_uring/checkpoint_links.c`, `io_uring/timeout.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::{
    fs::uring::{
        read_list,
        LIST_MAX, //
    },
    time::wait, //
};
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring,
        uring_io::Op,
        uring_requests::Futex, //
    },
    task::links::PidRef, //
};

/// A request that was not issued yet: it waits for the one before it, or is to be issued.
pub(crate) struct Link {
    /// What it is to do.
    pub(crate) op: Op,
    /// Its file is a registered one.
    pub(crate) fixed: bool,
    /// Which descriptor, or place, that is.
    pub(crate) fd: i32,
    /// Events that it is to wait for, EPOLL*.
    pub(crate) events: u32,
    /// When its timer ends, or for how long it runs, in nanoseconds of the kernel's clock.
    pub(crate) time: i64,
    /// The clock of that.
    pub(crate) clock: i32,
    /// IORING_TIMEOUT_*.
    pub(crate) timeout: u32,
    /// Completions, or expiries, that it is to wait for.
    pub(crate) off: u32,
    /// The timer runs: it is the timeout of a request that waits.
    pub(crate) armed: bool,
    /// Futexes that it is to wait for, if these are several.
    pub(crate) futexes: KVVec<Futex>,
    /// Other address spaces may have the futex, too, that it is to wait for.
    pub(crate) shared: bool,
    /// It is the first one of its chain. Not used to make one.
    pub(crate) leads: bool,
    /// As such it is issued when all before it have ended, and not when its task runs.
    pub(crate) deferred: bool,
}

/// Links as the kernel has them.
///
/// # Invariants
///
/// What a link points to, pieces of memory and futexes, is in the vectors beside, which are not changed.
#[cfg(CONFIG_IO_URING)]
pub(super) struct RawLinks {
    links: KVVec<bindings::checkpoint_uring_link>,
    /// Their memory, to which they point.
    _vecs: KVVec<KVVec<bindings::iovec>>,
    /// Their futexes, likewise.
    _futexes: KVVec<KVVec<bindings::checkpoint_uring_futex>>,
}

#[cfg(CONFIG_IO_URING)]
impl RawLinks {
    /// Makes those of a chain. EINTR: the caller was killed.
    pub(super) fn new(from: &[Link]) -> Result<Self> {
        let mut links = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        let mut all = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        let mut all_futexes = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        for link in from {
            wait::go_on()?;
            let mut vecs = link.op.raw_vecs()?;
            let mut futexes = KVVec::with_capacity(link.futexes.len(), GFP_KERNEL_ACCOUNT)?;
            for futex in &link.futexes {
                futexes.push(futex.to_raw(), GFP_KERNEL_ACCOUNT)?;
            }
            let raw = bindings::checkpoint_uring_link {
                io: bindings::checkpoint_uring_io {
                    fixed: link.fixed,
                    ..link.op.to_raw(&mut vecs)?
                },
                time: link.time,
                clockid: link.clock,
                fd: link.fd,
                events: link.events,
                timeout_flags: link.timeout,
                off: link.off,
                armed: link.armed,
                futexes: futexes.as_mut_ptr(),
                nr_futexes: u32::try_from(futexes.len())?,
                shared: link.shared,
                deferred: link.deferred,
                ..Default::default()
            };
            links.push(raw, GFP_KERNEL_ACCOUNT)?;
            all.push(vecs, GFP_KERNEL_ACCOUNT)?;
            all_futexes.push(futexes, GFP_KERNEL_ACCOUNT)?;
        }
        // INVARIANT: Vectors stay where their contents are when they are moved.
        Ok(Self {
            links,
            _vecs: all,
            _futexes: all_futexes,
        })
    }

    /// Returns where they are.
    pub(super) fn as_ptr(&self) -> *const bindings::checkpoint_uring_link {
        self.links.as_ptr()
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> Result<u32> {
        Ok(u32::try_from(self.links.len())?)
    }
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the requests of `file`, of which this was read, that were not issued, each with who has
    /// submitted it and what the head of its chain is; those of a chain in their order, right after each
    /// other, and heads in theirs.
    ///
    /// EBUSY: somebody uses it, or a request has ended since. EINVAL: it is no io_uring, or has too many.
    pub(crate) fn links(&self, file: &FileRef) -> Result<KVVec<(PidRef, usize, Link)>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let nr = u32_as_usize(self.links);
        let nr_futexes = u32_as_usize(self.link_futexes);
        if nr_futexes > LIST_MAX {
            return Err(EINVAL);
        }
        let mut all = KVVec::with_capacity(nr.min(LIST_MAX), GFP_KERNEL_ACCOUNT)?;
        let mut futexes: KVVec<bindings::checkpoint_uring_futex> =
            KVVec::with_capacity(nr_futexes, GFP_KERNEL_ACCOUNT)?;
        let to_futexes = futexes.as_mut_ptr();
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many
        // requests, all of it zeroed, pieces of memory and futexes as the state tells. All of these were
        // written if it returns 0.
        let (raw, vecs): (KVVec<bindings::checkpoint_uring_link>, _) = unsafe {
            read_list(self.links, self.link_vecs, |to, vecs| {
                let state = self.to_raw();
                bindings::checkpoint_uring_links(file.as_ptr(), &state, to, vecs, to_futexes)
            })
        }?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { futexes.inc_len(nr_futexes) };
        // References first: none is left if there is no memory for the rest.
        for link in &raw {
            // SAFETY: checkpoint_uring_links() has taken the reference for us.
            let Ok(pid) = (unsafe { PidRef::from_owned(link.io.pid) }) else {
                // One of a task that was reaped is about to end.
                continue;
            };
            let to = Link {
                op: Op::from_raw(&link.io),
                fixed: link.io.fixed,
                fd: link.fd,
                events: link.events,
                time: link.time,
                clock: link.clockid,
                timeout: link.timeout_flags,
                off: link.off,
                armed: link.armed,
                futexes: KVVec::new(),
                shared: link.shared,
                leads: link.head.addr() == link.io.id.addr(),
                deferred: link.deferred,
            };
            // There is room: this can't fail, so that no reference is left.
            all.push((pid, link.head.addr(), to), GFP_KERNEL_ACCOUNT)?;
        }
        if all.len() != nr {
            return Err(EBUSY);
        }
        let (mut left, mut left_futexes) = (&vecs[..], &futexes[..]);
        for (from, (_, _, to)) in raw.iter().zip(all.iter_mut()) {
            to.op.add_memory(&from.io, &mut left)?;
            let own = u32_as_usize(from.nr_futexes);
            let (own, rest) = left_futexes.split_at_checked(own).ok_or(EINVAL)?;
            for futex in own {
                to.futexes
                    .push(Futex::from_raw(futex), GFP_KERNEL_ACCOUNT)?;
            }
            left_futexes = rest;
        }
        Ok(all)
    }

    /// Lets the chain `links` of `ring` be issued, which nobody uses yet, as if the task with the pid `task`
    /// had submitted it, which does not run.
    ///
    /// ESRCH: there is no such task. EACCES: the ring may have none such. EEXIST: another task alone may
    /// submit. EBUSY: it waits for what is before it, and there is nothing. EFAULT: its memory is none of
    /// programs. EINVAL: there is no such request. EINTR: the caller was killed.
    pub(crate) fn add_chain(ring: &FileRef, task: &PidRef, links: &[Link]) -> Result {
        if !ring.is_io_uring() || links.is_empty() {
            return Err(EINVAL);
        }
        let task = task.task().ok_or(ESRCH)?;
        let links = RawLinks::new(links)?;
        // SAFETY: We own references on the file, which is an io_uring, and on the task, which does not run.
        // There are as many links as we say, at least one, during the call: they are copied. Clocks and
        // flags are those of timeouts, as the image was checked.
        to_result(unsafe {
            bindings::checkpoint_uring_add_chain(
                ring.as_ptr(),
                task.as_ptr(),
                links.as_ptr(),
                links.len()?,
            )
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the requests of an io_uring that were not issued: there is none.
    pub(crate) fn links(&self, _: &FileRef) -> Result<KVVec<(PidRef, usize, Link)>> {
        Err(EINVAL)
    }

    /// Lets a chain be issued: this kernel can't.
    pub(crate) fn add_chain(_: &FileRef, _: &PidRef, _: &[Link]) -> Result {
        Err(EOPNOTSUPP)
    }
}
