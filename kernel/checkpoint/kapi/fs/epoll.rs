// SPDX-License-Identifier: GPL-2.0

//! Epoll instances.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    task::Task, //
};

use crate::kapi::{
    fs::file::FileRef,
    time::wait, //
};

/// Longest time to wait for an instance that somebody has locked, in milliseconds.
///
/// It is locked while events are copied to a task's memory, and that may be memory that user space
/// provides: the lock is held for as long as it wants.
const LOCK_MS: u64 = 10_000;

/// The same while the tasks of a restart are held, which SIGKILL does not end then.
const HELD_LOCK_MS: u64 = 1_000;

/// What is registered with an instance.
pub(crate) struct Item {
    /// The file.
    pub(crate) file: FileRef,
    /// The descriptor by which it was registered.
    pub(crate) fd: u32,
    /// EPOLL*.
    pub(crate) events: u32,
    /// What is reported with them.
    pub(crate) data: u64,
    /// It is on the ready list.
    pub(crate) listed: bool,
    /// It is not, though its file has something to report.
    pub(crate) passed: bool,
    /// Of a signalfd, the address of the signal actions of the process for whose signals it waits;
    /// of other files an address at which there are none.
    pub(crate) signals: usize,
}

/// How network devices are polled, as of EPIOCSPARAMS.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Params {
    /// Microseconds.
    pub(crate) usecs: u32,
    /// Packets at a time.
    pub(crate) budget: u16,
    /// It is preferred to interrupts.
    pub(crate) prefer: bool,
}

/// An epoll instance, by its open file: there is one of each.
///
/// # Invariants
///
/// It is the file of an epoll instance.
pub(crate) struct Epoll(FileRef);

impl Epoll {
    /// Returns the instance that `file` is, if it is one.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // INVARIANT: It was asked.
        file.is_epoll().then(|| Self(file.clone()))
    }

    /// Returns a new instance, whose items are charged to the user that the caller acts as.
    pub(crate) fn create() -> Result<Self> {
        // SAFETY: A running task has a user; a file that is returned comes with a reference.
        let file = unsafe { FileRef::from_owned(bindings::checkpoint_epoll_create()) };
        // INVARIANT: That is what is made.
        file.map(Self)
    }

    /// Returns its open file.
    pub(crate) fn file(&self) -> &FileRef {
        &self.0
    }

    /// Returns whether who made it may keep the machine from being suspended (EPOLLWAKEUP).
    pub(crate) fn may_block_suspend(&self) -> bool {
        // SAFETY: We own a reference; the first user namespace is always there.
        unsafe {
            bindings::file_ns_capable(
                self.0.as_ptr(),
                &raw mut bindings::init_user_ns,
                bindings::CAP_BLOCK_SUSPEND.cast_signed(),
            )
        }
    }

    /// Returns how network devices are polled.
    pub(crate) fn params(&self) -> Params {
        let mut raw = bindings::epoll_params::default();
        // SAFETY: By the type's invariants it is an epoll instance; there is room for the result.
        unsafe { bindings::checkpoint_epoll_get_params(self.0.as_ptr(), &mut raw) };
        Params {
            usecs: raw.busy_poll_usecs,
            budget: raw.busy_poll_budget,
            prefer: raw.prefer_busy_poll != 0,
        }
    }

    /// Sets how network devices are polled, with the rights that the caller acts with.
    ///
    /// EINVAL: it is impossible. EPERM: so many packets take CAP_NET_ADMIN. EOPNOTSUPP: this kernel
    /// can't.
    pub(crate) fn set_params(&self, params: &Params) -> Result {
        let raw = bindings::epoll_params {
            busy_poll_usecs: params.usecs,
            busy_poll_budget: params.budget,
            prefer_busy_poll: params.prefer.into(),
            ..bindings::epoll_params::default()
        };
        // SAFETY: By the type's invariants it is an epoll instance; the parameters are ours.
        to_result(unsafe { bindings::checkpoint_epoll_set_params(self.0.as_ptr(), &raw) })
    }

    /// Returns what is registered; first what is on the ready list, in its order. May sleep.
    ///
    /// EBUSY: somebody has locked it and does not let go. EINTR: the caller was killed.
    pub(crate) fn items(&self) -> Result<KVVec<Item>> {
        self.read(true, true)
    }

    /// Reads the same without waiting for the lock, and without a look at the files: all seem to
    /// have nothing to report.
    pub(crate) fn items_now(&self) -> Result<KVVec<Item>> {
        self.read(false, false)
    }

    fn read(&self, poll: bool, waits: bool) -> Result<KVVec<Item>> {
        let mut raw: KVVec<bindings::checkpoint_epoll_item> = KVVec::new();
        let mut items: KVVec<Item> = KVVec::new();
        loop {
            let max = raw.len();
            let read = || {
                // SAFETY: By the type's invariants it is an epoll instance; there is room for as many
                // items as is said.
                let n = unsafe {
                    bindings::checkpoint_epoll_items(self.0.as_ptr(), raw.as_mut_ptr(), max, poll)
                };
                usize::try_from(n).map_err(|_| EAGAIN)
            };
            let n = if waits {
                until_unlocked(read)
            } else {
                once(read)
            }?;
            let Some(read) = raw.get(..n) else {
                // The lock is the application's: nothing is allocated under it.
                raw.resize(
                    n,
                    bindings::checkpoint_epoll_item::default(),
                    GFP_KERNEL_ACCOUNT,
                )?;
                items.reserve(n, GFP_KERNEL_ACCOUNT)?;
                continue;
            };
            let offset = core::mem::offset_of!(bindings::sighand_struct, signalfd_wqh);
            for item in read {
                // SAFETY: Each item comes with a reference on its file, which is handed over.
                let file = unsafe { FileRef::from_owned(item.file) }?;
                // There is room, see above.
                items.push(
                    Item {
                        file,
                        fd: item.fd.cast_unsigned(),
                        events: item.events,
                        data: item.data,
                        listed: item.listed,
                        passed: item.passed,
                        signals: item.head.addr().wrapping_sub(offset),
                    },
                    GFP_KERNEL_ACCOUNT,
                )?;
            }
            return Ok(items);
        }
    }

    /// Registers `file` as descriptor `fd`, as epoll_ctl(2) does, with the rights that the caller
    /// acts with; returns the events that it was registered with. May sleep.
    ///
    /// EBUSY, EINTR: as [`Self::items`].
    pub(crate) fn add(&self, file: &FileRef, fd: u32, events: u32, data: u64) -> Result<u32> {
        let mut event = bindings::epoll_event { events, data };
        until_unlocked(|| {
            let mut key = key(file.addr(), fd)?;
            // SAFETY: We own references on both files; key and event are ours.
            to_result(unsafe {
                bindings::do_epoll_ctl_file(
                    self.0.as_ptr(),
                    bindings::EPOLL_CTL_ADD.cast_signed(),
                    &mut key,
                    &mut event,
                    true,
                )
            })
        })?;
        Ok(event.events)
    }

    /// Lets a signalfd that the caller has registered wait for the signals of `task` instead of the
    /// caller's. ESRCH: the task is dead.
    ///
    /// EBUSY, EINTR: as [`Self::items`].
    pub(crate) fn wait_for_signals(&self, file: &FileRef, fd: u32, task: &Task) -> Result {
        until_unlocked(|| {
            let mut key = key(file.addr(), fd)?;
            // SAFETY: By the type's invariants it is an epoll instance; we own references on the file
            // and on the task; the key is ours.
            to_result(unsafe {
                bindings::checkpoint_epoll_signals(self.0.as_ptr(), &mut key, task.as_ptr())
            })
        })
    }

    /// Brings what was registered, the file at `addr` as descriptor `fd`, into the state that it
    /// had: on the ready list, as the last, or not on it; disabled by EPOLLONESHOT or not. The
    /// tasks are held.
    ///
    /// ENOENT: it is not registered, as the file has been closed. EBUSY, EINTR: as [`Self::items`].
    pub(crate) fn settle(&self, addr: usize, fd: u32, listed: bool, disabled: bool) -> Result {
        unlocked_within(HELD_LOCK_MS, || {
            let mut key = key(addr, fd)?;
            // SAFETY: By the type's invariants it is an epoll instance; the key is ours, and the file
            // in it is only compared.
            to_result(unsafe {
                bindings::checkpoint_epoll_settle(self.0.as_ptr(), &mut key, listed, disabled)
            })
        })
    }
}

/// Returns what an item is found by. EINVAL: no descriptor has such a number.
fn key(addr: usize, fd: u32) -> Result<bindings::epoll_key> {
    Ok(bindings::epoll_key {
        file: core::ptr::with_exposed_provenance_mut(addr),
        fd: c_int::try_from(fd)?,
    })
}

/// Runs `f` once; that the instance is locked (EAGAIN) is EBUSY.
fn once<R>(f: impl FnOnce() -> Result<R>) -> Result<R> {
    f().map_err(|e| if e == EAGAIN { EBUSY } else { e })
}

/// Runs `f` until it does not fail because the instance is locked (EAGAIN).
///
/// EBUSY: somebody has it locked and does not let go. EINTR: the caller was killed.
fn until_unlocked<R>(f: impl FnMut() -> Result<R>) -> Result<R> {
    unlocked_within(LOCK_MS, f)
}

/// Does the same, with another time in milliseconds that is waited for at most.
fn unlocked_within<R>(ms: u64, mut f: impl FnMut() -> Result<R>) -> Result<R> {
    let end = wait::monotonic_ns().saturating_add(ms * 1_000_000);
    let mut pauses = wait::Pauses::new();
    loop {
        match f() {
            Err(EAGAIN) => (),
            result => return result,
        }
        wait::check_killed()?;
        if wait::monotonic_ns() >= end {
            return Err(EBUSY);
        }
        pauses.pause();
    }
}
