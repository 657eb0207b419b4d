// SPDX-License-Identifier: GPL-2.0

//! Waits that end with EINTR because the task is to be frozen.
//!
//! The freezer wakes tasks as a signal does. Most system calls then return a code that has them
//! made again if no handler runs. Some return EINTR, since a signal's handler was the only reason
//! to wake that they knew: a task that nobody but the freezer has woken would see an error for no
//! reason. For them the code is put in here, by the task itself, before it looks for signals: it
//! is frozen, saved and thawed with it, and the code that decides after a signal decides.
//!
//! A call is made again only if it has had no effect whenever it returns EINTR, and if that does
//! not make it wait longer than was asked for. Calls of sockets note how much is left of their time
//! (`sock_intr_errno()`), and go on with that by restart_syscall(2). Which calls these are is in
//! [`EVERYWHERE`], and in `arch/*/checkpoint/call.rs` what an architecture has besides; how each of
//! them waits is known by [`Wait`], with the reason why nothing was done.

use kernel::{
    bindings,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::arch::call;

/// How a system call waits.
// No architecture has all of them.
#[allow(dead_code)]
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// epoll_wait(2), epoll_pwait(2), with the limit in milliseconds. Events that were found are
    /// returned, whatever has woken the task (`ep_poll()`).
    Epoll,
    /// A call with a relative limit in memory: epoll_pwait2(2), as [`Self::Epoll`];
    /// rt_sigtimedwait(2), which returns a signal that it has taken (`do_sigtimedwait()`);
    /// io_getevents(2), which returns events that it has taken (`read_events()`); semtimedop(2), as
    /// [`Self::Semop`].
    Timed {
        /// Which argument is its address.
        limit: usize,
        /// How it is stored.
        time: Time,
    },
    /// semop(2): the operations are done all or none, and its place in the queue is given up
    /// (`__do_semtimedop()`).
    Semop,
    /// Calls of System V IPC by ipc(2), of which [`Self::Semop`] and its timed variant may wait so.
    Ipc {
        /// Which argument is the address of the limit.
        limit: usize,
        /// How it is stored.
        time: Time,
    },
    /// io_uring_enter(2): what was submitted is returned, and so is that there are completions
    /// (`io_cqring_wait()`).
    Ring,
    /// A call of the socket that is its first argument, with the limit that the socket has: what was
    /// sent or received in part is returned. It goes on (`sock_wait.c`).
    Socket,
    /// socketcall(2), by which all calls of [`Self::Socket`] may be made.
    Socketcall {
        /// Its arguments are of 32 bits.
        narrow: bool,
    },
    /// fallocate(2): it does not wait, but looks for signals (`hugetlbfs_fallocate()`). What was
    /// allocated is found allocated.
    Allocate,
}

/// A time in user memory.
// Only 32-bit calls have narrow ones.
#[allow(dead_code)]
#[derive(Clone, Copy)]
pub(crate) enum Time {
    /// `struct __kernel_timespec`.
    Wide,
    /// `struct old_timespec32`.
    Narrow,
}

/// A system call: its number, and how it waits.
pub(crate) type Call = (u32, Wait);

/// Native calls of all architectures.
pub(crate) const EVERYWHERE: &[Call] = &[
    (bindings::__NR_epoll_pwait, Wait::Epoll),
    (bindings::__NR_epoll_pwait2, Wait::timed(3, Time::Wide)),
    (bindings::__NR_rt_sigtimedwait, Wait::timed(2, Time::Wide)),
    (bindings::__NR_io_getevents, Wait::timed(4, Time::Wide)),
    (bindings::__NR_semtimedop, Wait::timed(3, Time::Wide)),
    (bindings::__NR_io_uring_enter, Wait::Ring),
    (bindings::__NR_fallocate, Wait::Allocate),
    (bindings::__NR_read, Wait::Socket),
    (bindings::__NR_write, Wait::Socket),
    (bindings::__NR_readv, Wait::Socket),
    (bindings::__NR_writev, Wait::Socket),
    (bindings::__NR_connect, Wait::Socket),
    (bindings::__NR_accept4, Wait::Socket),
    (bindings::__NR_recvfrom, Wait::Socket),
    (bindings::__NR_recvmsg, Wait::Socket),
    (bindings::__NR_recvmmsg, Wait::Socket),
    (bindings::__NR_sendto, Wait::Socket),
    (bindings::__NR_sendmsg, Wait::Socket),
    (bindings::__NR_sendmmsg, Wait::Socket),
];

/// The arguments of a system call.
pub(crate) type Args = [c_ulong; 6];

/// Flags of io_uring_enter(2): to wait; the last arguments are not a signal mask but a `struct
/// io_uring_getevents_arg`, which is in memory of the ring; the limit is absolute.
const GETEVENTS: c_ulong = 1 << 0;
const EXT_ARG: c_ulong = 1 << 3;
const ABS_TIMER: c_ulong = 1 << 5;
const EXT_ARG_REG: c_ulong = 1 << 6;

/// Calls of ipc(2).
const SEMOP: c_ulong = 1;
const SEMTIMEDOP: c_ulong = 4;

/// Calls of socketcall(2) that wait: connect, accept, send, recv, sendto, recvfrom, sendmsg,
/// recvmsg, accept4, recvmmsg, sendmmsg.
const SOCKET_CALLS: [u32; 11] = [3, 5, 9, 10, 11, 12, 16, 17, 18, 19, 20];

impl Wait {
    /// Returns [`Self::Timed`], for tables.
    pub(crate) const fn timed(limit: usize, time: Time) -> Self {
        Self::Timed { limit, time }
    }

    /// [`Self::Ipc`], for tables.
    // Not all architectures have ipc(2).
    #[allow(dead_code)]
    pub(crate) const fn ipc(limit: usize, time: Time) -> Self {
        Self::Ipc { limit, time }
    }

    /// Returns whether the call with these arguments, which has returned EINTR, may be made again:
    /// it has had no effect, and has no limit, or one that is not moved by that.
    ///
    /// May sleep. The limit is looked at where the call found it: it may have been changed since,
    /// by another thread that then gets what it asked for.
    fn may_begin_again(self, args: &Args) -> bool {
        let &[first, _, _, fourth, fifth, _] = args;
        match self {
            // It is an `int`.
            Self::Epoll => (fourth as i32) < 0,
            Self::Timed { limit, time } => time.is_none_or_zero(args.get(limit)),
            Self::Semop => true,
            // The upper half is a version.
            Self::Ipc { limit, time } => match first & 0xffff {
                SEMOP => true,
                SEMTIMEDOP => time.is_none_or_zero(args.get(limit)),
                _ => false,
            },
            Self::Ring if fourth & GETEVENTS == 0 || fourth & EXT_ARG_REG != 0 => false,
            Self::Ring if fourth & EXT_ARG == 0 => true,
            Self::Ring => {
                read_words(fifth).is_some_and(|[_, _, _, least, limit @ ..]: [u32; 6]| {
                    // `least` is for how long to wait for more than one event.
                    least == 0 && (limit == [0, 0] || fourth & ABS_TIMER != 0)
                })
            }
            // They have a limit: it is the socket's.
            Self::Socket | Self::Socketcall { .. } => false,
            // FALLOC_FL_KEEP_SIZE or nothing: the other modes do more than to allocate.
            Self::Allocate => matches!(args.get(1), Some(0 | 1)),
        }
    }

    /// Returns the descriptor of the socket that a call with these arguments waits for.
    ///
    /// May sleep.
    fn socket(self, args: &Args) -> Option<i32> {
        let &[first, second, ..] = args;
        match self {
            // It is an `int`.
            Self::Socket => Some(first as i32),
            Self::Socketcall { .. } if !SOCKET_CALLS.contains(&(first as u32)) => None,
            Self::Socketcall { narrow: true } => {
                read_words(second).map(|[fd]: [u32; 1]| fd.cast_signed())
            }
            Self::Socketcall { narrow: false } => {
                let len = size_of::<u64>();
                let mut reader = UserSlice::new(UserPtr::from_addr(second), len).reader();
                reader.read().ok().map(|fd: u64| fd as i32)
            }
            _ => None,
        }
    }
}

impl Time {
    /// Returns whether the limit at `addr` is none, or zero: the call then only looks.
    fn is_none_or_zero(self, addr: Option<&c_ulong>) -> bool {
        match (addr, self) {
            (None, _) => false,
            (Some(0), _) => true,
            (Some(&addr), Self::Wide) => read_words(addr) == Some([0; 4]),
            (Some(&addr), Self::Narrow) => read_words(addr) == Some([0; 2]),
        }
    }
}

/// Words of user memory; `None`: they can't be read.
fn read_words<const N: usize>(addr: c_ulong) -> Option<[u32; N]> {
    let len = N * size_of::<u32>();
    let mut reader = UserSlice::new(UserPtr::from_addr(addr), len).reader();
    let mut words = [0; N];
    for word in &mut words {
        *word = reader.read().ok()?;
    }
    Some(words)
}

/// Returns how the system call `nr` of the running task waits; `None`: it is not made again.
fn wait_of(nr: u32) -> Option<Wait> {
    let mut calls = call::tables().into_iter().flatten();
    calls.find(|(n, _)| *n == nr).map(|(_, wait)| *wait)
}

/// Returns the number of the system call that the running task returns from with EINTR, and how it
/// waits; `None`: it is not made again.
fn interrupted() -> Option<Call> {
    // SAFETY: The registers are those of the running task.
    let (nr, error) = unsafe {
        let t = bindings::get_current();
        (
            bindings::task_syscall_nr(t),
            bindings::task_syscall_error(t),
        )
    };
    let nr = u32::try_from(nr).ok()?;
    if error != EINTR.to_errno() as c_long {
        return None;
    }
    wait_of(nr).map(|wait| (nr, wait))
}

/// Returns whether the system call `nr` of the running task is one that may go on as a wait of a
/// socket.
///
/// # Safety
///
/// Only in process context.
#[export]
pub unsafe extern "C" fn checkpoint_is_socket_call(nr: u32) -> bool {
    matches!(wait_of(nr), Some(Wait::Socket | Wait::Socketcall { .. }))
}

/// Has an interrupted call made again. Called by the running task on its way to user mode, when the
/// freezer has woken it.
///
/// # Safety
///
/// Only in process context, with interrupts enabled and no lock held, by a task with user
/// registers that has not yet looked for signals.
#[export]
pub unsafe extern "C" fn checkpoint_call_again() {
    let Some((nr, wait)) = interrupted() else {
        return;
    };
    // SAFETY: It looks at the signals of the running task, under their lock.
    if !unsafe { bindings::task_woken_by_freezer() } {
        return;
    }
    let mut args: Args = [0; 6];
    // SAFETY: The registers are those of the running task. There is room for the six arguments of
    // a system call.
    unsafe { bindings::task_syscall_args(bindings::get_current(), args.as_mut_ptr()) };
    if wait.may_begin_again(&args) {
        call::fail_with(bindings::ERESTARTNOHAND);
        return;
    }
    let Some(fd) = wait.socket(&args) else {
        return;
    };
    let [first, ..] = args;
    // SAFETY: It sets the restart block of the running task, which is on its way out of a system
    // call; it may sleep.
    if unsafe { bindings::checkpoint_sock_keep(nr, first, fd) } {
        call::fail_with(bindings::ERESTART_RESTARTBLOCK);
    }
}
