// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait for a file, a time, a futex or a child: `io_uring/poll.c`,
//! `io_uring/timeout.c`, `io_uring/futex.c`, `io_uring/waitid.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::fs::{
    uring::{
        read_list,
        LIST_MAX, //
    },
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

/// How a request was drained (IOSQE_IO_DRAIN).
#[derive(Clone, Copy)]
pub(crate) struct Drained {
    /// It was, or one that comes after it in its chain.
    pub(crate) drain: bool,
    /// What comes after it is issued when it has ended.
    pub(crate) alone: bool,
    /// It keeps the credentials that its task has: it has waited for others, or went to a worker.
    pub(crate) creds: bool,
}

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
    /// How it was drained.
    pub(crate) drained: Drained,
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
    /// For a futex: IORING_OP_FUTEX_WAIT.
    Futex {
        /// Which.
        futex: Futex,
        /// Bits of a wakeup that wake it.
        mask: u32,
    },
    /// For one of several: IORING_OP_FUTEX_WAITV.
    Futexes(KVVec<Futex>),
    /// For nothing any more, as a futex was woken; its task is still to be told. Which one, if it has waited
    /// for several.
    Woken(Option<u32>),
    /// For a child: IORING_OP_WAITID.
    Child(Child),
}

/// A futex that a request waits for.
#[derive(Clone, Copy)]
pub(crate) struct Futex {
    /// Its address.
    pub(crate) addr: u64,
    /// What it was to have when the request was submitted.
    pub(crate) value: u32,
    /// Other address spaces may have it, too.
    pub(crate) shared: bool,
}

/// A child that a request waits for, as of waitid(2).
#[derive(Clone, Copy)]
pub(crate) struct Child {
    /// P_ALL, P_PID or P_PGID.
    pub(crate) which: i32,
    /// The number of that, as the task knows it.
    pub(crate) number: i32,
    /// WEXITED and the like.
    pub(crate) options: u32,
    /// Address of what is told of it.
    pub(crate) info: u64,
}

#[cfg(CONFIG_IO_URING)]
impl Futex {
    pub(super) fn from_raw(from: &bindings::checkpoint_uring_futex) -> Self {
        Self {
            addr: from.addr,
            value: from.value,
            shared: from.shared,
        }
    }

    pub(super) fn to_raw(self) -> bindings::checkpoint_uring_futex {
        bindings::checkpoint_uring_futex {
            addr: self.addr,
            value: self.value,
            shared: self.shared,
        }
    }
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

/// That of requests that wait for one of several.
#[cfg(CONFIG_IO_URING)]
const FUTEX_WAITV: u8 = bindings::io_uring_op_IORING_OP_FUTEX_WAITV as u8;

/// That of requests that wait for a child.
#[cfg(CONFIG_IO_URING)]
const WAITID: u8 = bindings::io_uring_op_IORING_OP_WAITID as u8;

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
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let nr = u32_as_usize(self.requests);
        let mut all = KVVec::with_capacity(nr.min(LIST_MAX), GFP_KERNEL_ACCOUNT)?;
        let mut state = self.to_raw();
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many requests,
        // all of it zeroed, and futexes as the state tells. All of these were written if it returns 0.
        let (raw, futexes): (KVVec<bindings::checkpoint_uring_request>, _) = unsafe {
            read_list(self.requests, self.futexes, |to, futexes| {
                bindings::checkpoint_uring_requests(file.as_ptr(), &mut state, to, futexes)
            })
        }?;
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
            } else if request.woken {
                Ok(Waits::Woken(
                    (request.opcode == FUTEX_WAITV).then_some(request.place),
                ))
            } else if request.opcode == FUTEX_WAIT {
                Ok(Waits::Futex {
                    futex: Futex::from_raw(&request.futex),
                    mask: request.mask,
                })
            } else if request.opcode == FUTEX_WAITV {
                // They come when no reference is left.
                Ok(Waits::Futexes(KVVec::new()))
            } else if request.opcode == WAITID {
                Ok(Waits::Child(Child {
                    which: request.which,
                    number: request.upid,
                    options: request.options,
                    info: request.info,
                }))
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
                drained: Drained {
                    drain: request.drain,
                    alone: request.alone,
                    creds: request.creds,
                },
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
        let mut left = &futexes[..];
        for (from, (_, to)) in raw.iter().zip(all.iter_mut()) {
            if let Waits::Futexes(to) = &mut to.waits {
                let own = u32_as_usize(from.nr_futexes);
                let (own, rest) = left.split_at_checked(own).ok_or(EINVAL)?;
                to.reserve(own.len(), GFP_KERNEL_ACCOUNT)?;
                for futex in own {
                    to.push(Futex::from_raw(futex), GFP_KERNEL_ACCOUNT)?;
                }
                left = rest;
            }
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
            drain: request.drained.drain,
            alone: request.drained.alone,
            creds: request.drained.creds,
            ..Default::default()
        };
        let links = RawLinks::new(&request.links)?;
        let mut futexes: KVVec<bindings::checkpoint_uring_futex> = KVVec::new();
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
            Waits::Futex { futex, mask } => {
                raw.opcode = FUTEX_WAIT;
                raw.futex = futex.to_raw();
                raw.mask = *mask;
            }
            Waits::Futexes(all) => {
                for futex in all {
                    futexes.push(futex.to_raw(), GFP_KERNEL_ACCOUNT)?;
                }
                raw.opcode = FUTEX_WAITV;
                raw.futexes = futexes.as_mut_ptr();
                raw.nr_futexes = u32::try_from(futexes.len())?;
            }
            Waits::Woken(place) => {
                raw.opcode = place.map_or(FUTEX_WAIT, |_| FUTEX_WAITV);
                raw.woken = true;
                raw.place = place.unwrap_or(0);
            }
            Waits::Child(child) => {
                raw.opcode = WAITID;
                raw.which = child.which;
                raw.upid = child.number;
                raw.options = child.options;
                raw.info = child.info;
            }
        }
        // SAFETY: We own references on the file, which is an io_uring, on the task, which does not
        // run, and on the file that is waited for, if there is one. Clock and flags are those of a
        // timeout, as the image was checked. There are as many links, and futexes, as we say, during the
        // call.
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
