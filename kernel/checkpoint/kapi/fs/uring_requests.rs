// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for a file, a time or a futex: `io_uring/poll.c`,
//! `io_uring/timeout.c`, `io_uring/futex.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::fs::{
    uring::LIST_MAX,
    uring_links::RawLinks, //
};
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring,
        uring_links::Link, //
    },
    task::{
        frozen::FrozenTask,
        links::PidRef, //
    }, //
};

/// A request that waits.
pub(crate) struct Request {
    /// What its completion has.
    pub(crate) user_data: u64,
    /// IOSQE_ASYNC.
    pub(crate) asynchronous: bool,
    /// IOSQE_CQE_SKIP_SUCCESS.
    pub(crate) skip: bool,
    /// IOSQE_IO_LINK, IOSQE_IO_HARDLINK.
    pub(crate) chain: u8,
    /// What it is; not used to make one.
    pub(crate) id: usize,
    /// For what.
    pub(crate) waits: Waits,
    /// What waits for it, to make one.
    pub(crate) links: KVVec<Link>,
}

/// For what a request waits.
pub(crate) enum Waits {
    /// For a file: IORING_OP_POLL_ADD.
    File {
        /// The file.
        file: FileRef,
        /// By what it refers to the file, if that is registered; 0: it is not. Not used to make one.
        node: usize,
        /// Where the file is registered, to make one.
        index: Option<u32>,
        /// EPOLL*.
        events: u32,
        /// It has something to report that nobody has looked at.
        pending: bool,
    },
    /// For a time: IORING_OP_TIMEOUT.
    Time {
        /// The clock.
        clock: i32,
        /// When it ends, in nanoseconds of the kernel's clock.
        expires: i64,
        /// Nanoseconds until it ends once more.
        interval: i64,
        /// IORING_TIMEOUT_*.
        flags: u32,
        /// Completions, or expiries, that it was to wait for.
        off: u32,
        /// Expiries that are left.
        repeats: u32,
        /// The completion that ends it.
        target: u32,
    },
    /// For a private futex: IORING_OP_FUTEX_WAIT.
    Futex {
        /// Its address.
        addr: u64,
        /// What it was to have when the request was submitted.
        value: u32,
        /// Bits of a wakeup that wake it.
        mask: u32,
    },
}

/// The operation of requests that wait for a file.
#[cfg(CONFIG_IO_URING)]
const POLL_ADD: u8 = bindings::io_uring_op_IORING_OP_POLL_ADD as u8;

/// That of requests that wait for a time.
#[cfg(CONFIG_IO_URING)]
const TIMEOUT: u8 = bindings::io_uring_op_IORING_OP_TIMEOUT as u8;

/// That of requests that wait for a futex.
#[cfg(CONFIG_IO_URING)]
const FUTEX_WAIT: u8 = bindings::io_uring_op_IORING_OP_FUTEX_WAIT as u8;

#[cfg(CONFIG_IO_URING)]
impl FrozenTask {
    /// Returns how many requests of io_urings the thread has in flight.
    pub(crate) fn uring_requests(&self) -> u64 {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        unsafe { bindings::checkpoint_uring_in_flight(self.as_ptr()) }
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl FrozenTask {
    /// Returns how many requests of io_urings the thread has in flight: there are none.
    pub(crate) fn uring_requests(&self) -> u64 {
        0
    }
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the requests of `file`, of which this was read, that wait, each with who has submitted
    /// it; those that wait for a time in their order. Reads the counters of these once more.
    ///
    /// EBUSY: somebody uses it, or a request has ended since. EINVAL: it is no io_uring.
    pub(crate) fn requests(&mut self, file: &FileRef) -> Result<KVVec<(PidRef, Request)>> {
        let nr = u32_as_usize(self.requests);
        if !file.is_io_uring() || nr > LIST_MAX {
            return Err(EINVAL);
        }
        let mut all = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        let mut raw: KVVec<bindings::checkpoint_uring_request> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..nr {
            raw.push(Default::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut state = self.to_raw();
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many as
        // the state tells, all of it zeroed.
        to_result(unsafe {
            bindings::checkpoint_uring_requests(file.as_ptr(), &mut state, raw.as_mut_ptr())
        })?;
        self.timeouts = [state.timeouts, state.timeouts_flushed];
        for request in &raw {
            // SAFETY: checkpoint_uring_requests() has taken the reference for us.
            let pid = unsafe { PidRef::from_owned(request.pid) };
            let waits = if request.opcode == POLL_ADD {
                // SAFETY: It has taken this reference for us, too.
                unsafe { FileRef::from_owned(request.file) }.map(|file| Waits::File {
                    file,
                    node: request.node.addr(),
                    index: None,
                    events: request.events,
                    pending: request.pending,
                })
            } else if request.opcode == FUTEX_WAIT {
                Ok(Waits::Futex {
                    addr: request.futex,
                    value: request.value,
                    mask: request.mask,
                })
            } else {
                Ok(Waits::Time {
                    clock: request.clockid,
                    expires: request.expires,
                    interval: request.interval,
                    flags: request.timeout_flags,
                    off: request.off,
                    repeats: request.repeats,
                    target: request.target,
                })
            };
            // One of a task that was reaped is about to end.
            let (Ok(pid), Ok(waits)) = (pid, waits) else {
                continue;
            };
            let request = Request {
                user_data: request.user_data,
                asynchronous: request.asynchronous,
                skip: request.skip,
                chain: request.chain,
                id: request.id.addr(),
                waits,
                links: KVVec::new(),
            };
            // There is room: this can't fail, so that no reference is left.
            all.push((pid, request), GFP_KERNEL_ACCOUNT)?;
        }
        if all.len() != nr {
            return Err(EBUSY);
        }
        Ok(all)
    }

    /// Sets what the timeouts of `ring` go by, which nobody uses yet and which has none.
    pub(crate) fn count_timeouts(&self, ring: &FileRef) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring.
        unsafe { bindings::checkpoint_uring_count_timeouts(ring.as_ptr(), &self.to_raw()) };
        Ok(())
    }

    /// Lets a request of `ring` wait, which nobody uses yet, as if the task with the pid `task` had
    /// submitted it, which does not run.
    ///
    /// ESRCH: there is no such task. EACCES: the ring may have none such. EEXIST: another task alone
    /// may submit. EBADF: the file is not registered there. EINVAL: the file, or
    /// futex, can't be waited for. EFAULT: the futex is in no memory of programs. EINTR: the caller was
    /// killed.
    pub(crate) fn add_request(ring: &FileRef, task: &PidRef, request: &Request) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = task.task().ok_or(ESRCH)?;
        let mut raw = bindings::checkpoint_uring_request {
            user_data: request.user_data,
            asynchronous: request.asynchronous,
            skip: request.skip,
            chain: request.chain,
            ..Default::default()
        };
        let links = RawLinks::new(&request.links)?;
        match &request.waits {
            Waits::File {
                file,
                node: _,
                index,
                events,
                pending,
            } => {
                raw.opcode = POLL_ADD;
                raw.file = file.as_ptr();
                raw.fixed = index.is_some();
                raw.index = index.unwrap_or(0);
                raw.events = *events;
                raw.pending = *pending;
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
                raw.opcode = TIMEOUT;
                raw.clockid = *clock;
                raw.expires = *expires;
                raw.interval = *interval;
                raw.timeout_flags = *flags;
                raw.off = *off;
                raw.repeats = *repeats;
                raw.target = *target;
            }
            Waits::Futex { addr, value, mask } => {
                raw.opcode = FUTEX_WAIT;
                raw.futex = *addr;
                raw.value = *value;
                raw.mask = *mask;
            }
        }
        // SAFETY: We own references on the file, which is an io_uring, on the task, which does not
        // run, and on the file that is waited for, if there is one. Clock and flags are those of a
        // timeout, as the image was checked. There are as many links as we say, during the call.
        to_result(unsafe {
            bindings::checkpoint_uring_add_request(
                ring.as_ptr(),
                task.as_ptr(),
                &raw,
                links.as_ptr(),
                links.len()?,
            )
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the requests of an io_uring: there is none.
    pub(crate) fn requests(&mut self, _: &FileRef) -> Result<KVVec<(PidRef, Request)>> {
        Err(EINVAL)
    }

    /// Sets what timeouts go by: this kernel can't.
    pub(crate) fn count_timeouts(&self, _: &FileRef) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Lets a request wait: this kernel can't.
    pub(crate) fn add_request(_: &FileRef, _: &PidRef, _: &Request) -> Result {
        Err(EOPNOTSUPP)
    }
}
