// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for other requests, in chains: `io_uring/checkpoint_requests.c`,
//! `io_uring/timeout.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
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
        uring_io::Op, //
    },
    task::links::PidRef, //
};

/// A request that waits for the one before it, and was not issued yet.
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
}

/// Links as the kernel has them.
#[cfg(CONFIG_IO_URING)]
pub(super) struct RawLinks {
    links: KVVec<bindings::checkpoint_uring_link>,
    /// Their memory, to which they point.
    _vecs: KVVec<KVVec<bindings::iovec>>,
}

#[cfg(CONFIG_IO_URING)]
impl RawLinks {
    /// Makes those of a chain. EINTR: the caller was killed.
    pub(super) fn new(from: &[Link]) -> Result<Self> {
        let mut links = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        let mut all = KVVec::with_capacity(from.len(), GFP_KERNEL_ACCOUNT)?;
        for link in from {
            wait::go_on()?;
            let mut vecs = link.op.raw_vecs()?;
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
                ..Default::default()
            };
            links.push(raw, GFP_KERNEL_ACCOUNT)?;
            all.push(vecs, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self { links, _vecs: all })
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
    /// Returns the requests of `file`, of which this was read, that wait for others, each with who has
    /// submitted it and what the head of its chain is; those of a chain in their order.
    ///
    /// EBUSY: somebody uses it, or a request has ended since. EINVAL: it is no io_uring, or has too many.
    pub(crate) fn links(&self, file: &FileRef) -> Result<KVVec<(PidRef, usize, Link)>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let nr = u32_as_usize(self.links);
        let mut all = KVVec::with_capacity(nr.min(LIST_MAX), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many
        // requests, all of it zeroed, and pieces of memory as the state tells. All of these were written
        // if it returns 0.
        let (raw, vecs): (KVVec<bindings::checkpoint_uring_link>, _) = unsafe {
            read_list(self.links, self.link_vecs, |to, vecs| {
                bindings::checkpoint_uring_links(file.as_ptr(), &self.to_raw(), to, vecs)
            })
        }?;
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
            };
            // There is room: this can't fail, so that no reference is left.
            all.push((pid, link.head.addr(), to), GFP_KERNEL_ACCOUNT)?;
        }
        if all.len() != nr {
            return Err(EBUSY);
        }
        let mut left = &vecs[..];
        for (from, (_, _, to)) in raw.iter().zip(all.iter_mut()) {
            to.op.add_memory(&from.io, &mut left)?;
        }
        Ok(all)
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the requests of an io_uring that wait for others: there is none.
    pub(crate) fn links(&self, _: &FileRef) -> Result<KVVec<(PidRef, usize, Link)>> {
        Err(EINVAL)
    }
}
