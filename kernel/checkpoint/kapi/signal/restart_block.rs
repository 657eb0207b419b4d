// SPDX-License-Identifier: GPL-2.0

//! Restart blocks: what an interrupted system call needs to go on where it was.

use kernel::{
    bindings,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    time::NSEC_PER_SEC as NSEC, //
};

use crate::{
    arch::Native,
    kapi::{
        arch::ArchRegs,
        fork::restoring::Restoring,
        task::frozen::FrozenTask, //
    }, //
};

/// A restart function.
type RestartFn = unsafe extern "C" fn(*mut bindings::restart_block) -> c_long;

/// FLAGS_SIZE_32 of kernel/futex/futex.h.
const FUTEX_SIZE_32: u32 = 0x02;
/// FLAGS_SHARED of kernel/futex/futex.h.
const FUTEX_SHARED: u32 = 0x10;
/// FLAGS_CLOCKRT of kernel/futex/futex.h.
const FUTEX_CLOCKRT: u32 = 0x20;
/// FLAGS_HAS_TIMEOUT of kernel/futex/futex.h.
const FUTEX_HAS_TIMEOUT: u32 = 0x40;

/// The clocks that one can sleep on without being woken from suspend.
const SLEEP_CLOCKS: [u32; 4] = [
    bindings::CLOCK_REALTIME,
    bindings::CLOCK_MONOTONIC,
    bindings::CLOCK_BOOTTIME,
    bindings::CLOCK_TAI,
];

/// Bits of a negative clock id that say of what it is a clock, and what they are for a file.
const CLOCK_KIND: i32 = bindings::CPUCLOCK_CLOCK_MASK.cast_signed();
const CLOCK_OF_FILE: i32 = bindings::CLOCKFD.cast_signed();

/// The system call that is to be restarted. Times are on the kernel's clocks.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    /// None.
    None,
    /// nanosleep, clock_nanosleep.
    Nanosleep {
        /// The clock.
        clock: i32,
        /// Address for the time that remains, 0 for none.
        remaining: u64,
        /// The time that remains is written as 32-bit calls have it.
        narrow: bool,
        /// Expiry on that clock.
        expires: i64,
    },
    /// poll.
    Poll {
        /// Address of the pollfds.
        fds: u64,
        /// Their number.
        nr: u32,
        /// End, CLOCK_MONOTONIC.
        end: Option<i64>,
    },
    /// futex wait with a timeout.
    Futex {
        /// Address of the futex.
        addr: u64,
        /// Expected value.
        value: u32,
        /// It is shared between address spaces.
        shared: bool,
        /// The expiry is on CLOCK_REALTIME.
        realtime: bool,
        /// Bits to wait for.
        bitset: u32,
        /// Expiry.
        expires: i64,
    },
    /// A call of a socket that waits with a limit. Its other arguments are in the registers.
    Socket {
        /// Number of the call.
        nr: u32,
        /// Its first argument.
        first: u64,
        /// End, CLOCK_MONOTONIC.
        end: i64,
    },
    /// One that can't be saved: its name.
    Other(&'static str),
}

fn is(f: RestartFn, g: RestartFn) -> bool {
    // CAST: A pointer to a function is a number but by a cast.
    f as usize == g as usize
}

/// Returns whether the registers of `t` say that it was interrupted in a system call that goes on
/// by its restart block.
pub(crate) fn error_asks_for_block(t: &FrozenTask) -> bool {
    // SAFETY: The task does not run, so its registers are stable.
    unsafe {
        bindings::task_syscall_nr(t.as_ptr()) != -1
            && bindings::task_syscall_error(t.as_ptr())
                == -(u32_as_usize(bindings::ERESTART_RESTARTBLOCK).cast_signed())
    }
}

impl FrozenTask {
    /// Returns whether it was interrupted in a system call that goes on by its restart block.
    pub(crate) fn is_in_restart_block(&self) -> bool {
        Native::in_restart_block(self)
    }

    /// Returns the system call in its restart block, and the architecture's part.
    ///
    /// It is state of the task whether or not its registers ask for it: a task that is to make
    /// restart_syscall(2), and was frozen again before, looks like any other. A call that can't be
    /// saved is reported only if the registers say that it will go on.
    pub(crate) fn restart_block(&self) -> (Call, u64) {
        let t = self.as_ptr();
        // SAFETY: The task does not run, or is the caller, so its registers and its restart block
        // are stable. The function determines which member of the union is valid.
        unsafe {
            let block = &(*t).restart_block;
            let arch = usize_as_u64(block.arch_data);
            let Some(f) = block.fn_ else {
                return (Call::None, arch);
            };
            let call = if is(f, bindings::do_no_restart_syscall) {
                Call::None
            } else if is(f, bindings::hrtimer_nanosleep_restart) {
                nanosleep(&block.__bindgen_anon_1.nanosleep, None)
            } else if is(f, bindings::do_restart_poll) {
                poll(&block.__bindgen_anon_1.poll)
            } else if is(f, bindings::futex_wait_restart) {
                futex(&block.__bindgen_anon_1.futex)
            } else if is(f, bindings::posix_cpu_nsleep_restart) {
                nanosleep(&block.__bindgen_anon_1.nanosleep, None)
            } else if is(f, bindings::alarm_timer_nsleep_restart) {
                let sleep = &block.__bindgen_anon_1.nanosleep;
                nanosleep(sleep, Some(alarm_clock(sleep.clockid)))
            } else if is(f, bindings::checkpoint_sock_go_on) {
                let sock = &block.__bindgen_anon_1.sock;
                Call::Socket {
                    nr: sock.nr,
                    first: usize_as_u64(sock.first),
                    end: sock.end,
                }
            } else {
                Call::Other("an unknown system call with a restart block")
            };
            let call = match call {
                Call::Nanosleep { clock, .. } if is_alarm(clock) && !self.may_wake_machine() => {
                    Call::Other(
                        "a sleep on an alarm clock, for which it has no capability any more \
                         (CAP_WAKE_ALARM)",
                    )
                }
                call => call,
            };
            if matches!(call, Call::Other(_)) && !Native::in_restart_block(self) {
                return (Call::None, arch);
            }
            (call, arch)
        }
    }
}

/// Returns whether the clock wakes the machine.
fn is_alarm(clock: i32) -> bool {
    matches!(
        clock.cast_unsigned(),
        bindings::CLOCK_REALTIME_ALARM | bindings::CLOCK_BOOTTIME_ALARM
    )
}

/// Returns the clock of an alarm timer: its restart block has the kernel's own number of it.
fn alarm_clock(alarm: i32) -> i32 {
    let clock = if alarm.cast_unsigned() == bindings::alarmtimer_type_ALARM_REALTIME {
        bindings::CLOCK_REALTIME_ALARM
    } else {
        bindings::CLOCK_BOOTTIME_ALARM
    };
    clock.cast_signed()
}

/// Returns a sleep; `clock`: on another clock than the block says.
fn nanosleep(
    block: &bindings::restart_block__bindgen_ty_1__bindgen_ty_2,
    clock: Option<i32>,
) -> Call {
    let wanted = block.type_ != bindings::timespec_type_TT_NONE;
    Call::Nanosleep {
        clock: clock.unwrap_or(block.clockid),
        remaining: if wanted {
            // SAFETY: Both members of the union are pointers; it is only looked at as a number.
            usize_as_u64(unsafe { block.__bindgen_anon_1.rmtp }.addr())
        } else {
            0
        },
        narrow: block.type_ == bindings::timespec_type_TT_COMPAT,
        expires: block.expires,
    }
}

fn poll(block: &bindings::restart_block__bindgen_ty_1__bindgen_ty_3) -> Call {
    let end = block
        .end_time
        .tv_sec
        .saturating_mul(NSEC)
        // CAST: Both have 64 bits.
        .saturating_add(block.end_time.tv_nsec as i64);
    Call::Poll {
        fds: usize_as_u64(block.ufds.addr()),
        nr: block.nfds.cast_unsigned(),
        end: (block.has_timeout != 0).then_some(end),
    }
}

fn futex(block: &bindings::restart_block__bindgen_ty_1__bindgen_ty_1) -> Call {
    let known = FUTEX_SIZE_32 | FUTEX_SHARED | FUTEX_CLOCKRT | FUTEX_HAS_TIMEOUT;
    let always = FUTEX_SIZE_32 | FUTEX_HAS_TIMEOUT;
    if block.flags & !known != 0 || block.flags & always != always {
        return Call::Other("a futex wait with unknown flags");
    }
    Call::Futex {
        addr: usize_as_u64(block.uaddr.addr()),
        value: block.val,
        shared: block.flags & FUTEX_SHARED != 0,
        realtime: block.flags & FUTEX_CLOCKRT != 0,
        bitset: block.bitset,
        expires: block.time,
    }
}

/// Returns a pointer to user memory.
fn user<T>(addr: u64) -> *mut T {
    core::ptr::without_provenance_mut(u64_as_usize(addr))
}

/// Returns an expiry as timers take it. One before the clock began, which system calls never have,
/// is over like any other that has passed: the clocks of the machine may have begun after the
/// tasks'.
fn expiry(time: i64) -> i64 {
    time.max(0)
}

/// Returns what restarts a sleep on `clock`, and how it names that.
///
/// EINVAL: there is no such clock. EPERM: it takes CAP_WAKE_ALARM. EOPNOTSUPP: the machine has no
/// alarm clock.
fn sleep_on(clock: i32) -> Result<(RestartFn, i32)> {
    let alarm = match clock.cast_unsigned() {
        n if SLEEP_CLOCKS.contains(&n) => return Ok((bindings::hrtimer_nanosleep_restart, clock)),
        // The task is looked for again.
        _ if clock < 0 && clock & CLOCK_KIND != CLOCK_OF_FILE => {
            return Ok((bindings::posix_cpu_nsleep_restart, clock));
        }
        bindings::CLOCK_REALTIME_ALARM => bindings::alarmtimer_type_ALARM_REALTIME,
        bindings::CLOCK_BOOTTIME_ALARM => bindings::alarmtimer_type_ALARM_BOOTTIME,
        _ => return Err(EINVAL),
    };
    // SAFETY: It looks for a device, and at the credentials of the running task, as
    // alarm_timer_nsleep() does.
    unsafe {
        if !bindings::checkpoint_has_alarm_clock() {
            return Err(EOPNOTSUPP);
        }
        if !bindings::capable(bindings::CAP_WAKE_ALARM.cast_signed()) {
            return Err(EPERM);
        }
    }
    Ok((bindings::alarm_timer_nsleep_restart, alarm.cast_signed()))
}

/// Gives the current task a restart block with `call` and the architecture's part.
///
/// EINVAL: there is no such clock, or too many pollfds. EPERM: the clock takes CAP_WAKE_ALARM.
/// EOPNOTSUPP: the call can't be restored.
pub(crate) fn set_restart_block(_: &Restoring, call: &Call, arch: u64) -> Result {
    let mut block: bindings::restart_block = pin_init::zeroed();
    block.arch_data = usize::try_from(arch)?;
    match *call {
        Call::None => block.fn_ = Some(bindings::do_no_restart_syscall),
        Call::Nanosleep {
            clock,
            remaining,
            narrow,
            expires,
        } => {
            if narrow && !cfg!(CONFIG_COMPAT_32BIT_TIME) {
                return Err(EOPNOTSUPP);
            }
            let (sleep_on, clockid) = sleep_on(clock)?;
            block.fn_ = Some(sleep_on);
            let mut sleep = bindings::restart_block__bindgen_ty_1__bindgen_ty_2 {
                clockid,
                type_: bindings::timespec_type_TT_NONE,
                expires: expiry(expires),
                ..Default::default()
            };
            if remaining != 0 {
                sleep.type_ = if narrow {
                    bindings::timespec_type_TT_COMPAT
                } else {
                    bindings::timespec_type_TT_NATIVE
                };
                sleep.__bindgen_anon_1.rmtp = user(remaining);
            }
            block.__bindgen_anon_1.nanosleep = sleep;
        }
        Call::Poll { fds, nr, end } => {
            block.fn_ = Some(bindings::do_restart_poll);
            let mut poll = bindings::restart_block__bindgen_ty_1__bindgen_ty_3 {
                ufds: user(fds),
                nfds: c_int::try_from(nr)?,
                has_timeout: c_int::from(end.is_some()),
                ..Default::default()
            };
            if let Some(end) = end.map(expiry) {
                poll.end_time.tv_sec = end.div_euclid(NSEC);
                // CAST: Both have 64 bits.
                poll.end_time.tv_nsec = end.rem_euclid(NSEC) as c_long;
            }
            block.__bindgen_anon_1.poll = poll;
        }
        Call::Futex {
            addr,
            value,
            shared,
            realtime,
            bitset,
            expires,
        } => {
            block.fn_ = Some(bindings::futex_wait_restart);
            let bit = |on: bool, flag: u32| if on { flag } else { 0 };
            block.__bindgen_anon_1.futex = bindings::restart_block__bindgen_ty_1__bindgen_ty_1 {
                uaddr: user(addr),
                val: value,
                flags: FUTEX_SIZE_32
                    | FUTEX_HAS_TIMEOUT
                    | bit(shared, FUTEX_SHARED)
                    | bit(realtime, FUTEX_CLOCKRT),
                bitset,
                time: expiry(expires),
                ..Default::default()
            };
        }
        Call::Socket { nr, first, end } => {
            // Which call it may be depends on the registers, which the task does not have yet: it is
            // asked by the function.
            block.fn_ = Some(bindings::checkpoint_sock_go_on);
            block.__bindgen_anon_1.sock = bindings::restart_block__bindgen_ty_1__bindgen_ty_4 {
                nr,
                first: usize::try_from(first)?,
                // Zero is for none.
                end: expiry(end).max(1),
            };
        }
        Call::Other(_) => return Err(EOPNOTSUPP),
    }
    // SAFETY: The field belongs to the running task; the system calls that set it check clocks and
    // times (timespec64_valid()) as it was done here. All pointers in it are user addresses that
    // the restart functions use with the checks of user access only.
    unsafe { (*bindings::get_current()).restart_block = block };
    Ok(())
}
