// SPDX-License-Identifier: GPL-2.0

//! Threads that help the caller of a system call.
//!
//! They are threads of its own process: what they do is done with its credentials, is charged to
//! its cgroup, and ends when it is killed. They never get to user mode.

use core::{
    ffi::{
        c_int,
        c_void, //
    },
    pin::Pin,
};

use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::aref::ARef,
    task::Task,
    types::Opaque, //
};

use crate::kapi::{
    fork::park::{
        self,
        clone_flags, //
    },
    signal::sighand,
    time::wait::{
        self,
        Pauses, //
    }, //
};

/// What the helpers of one call share.
///
/// # Invariants
///
/// `done` was initialised, and is pinned.
#[pin_data]
struct Scope<'a, F> {
    work: &'a F,
    #[pin]
    done: Opaque<bindings::completion>,
}

/// A number of things that one thread has for another, which waits for each.
///
/// # Invariants
///
/// The completion was initialised, and is pinned.
#[pin_data]
pub(crate) struct Tokens {
    #[pin]
    given: Opaque<bindings::completion>,
}

// SAFETY: A completion has a lock of its own, and belongs to no thread.
unsafe impl Send for Tokens {}

// SAFETY: All that is done by way of a shared reference takes that lock.
unsafe impl Sync for Tokens {}

impl Tokens {
    /// Makes one that has nothing.
    pub(crate) fn new() -> impl PinInit<Self> {
        // INVARIANT: init_completion() initialises all of it.
        pin_init!(Self {
            // SAFETY: It is for memory of that type, which need not hold anything.
            given <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
        })
    }

    /// Adds one.
    pub(crate) fn give(&self) {
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.given.get()) };
    }

    /// Waits for one, and takes it. May sleep. EINTR: the caller was killed.
    pub(crate) fn take(&self) -> Result {
        // SAFETY: It was initialised; process context.
        match unsafe { bindings::wait_for_completion_killable(self.given.get()) } {
            0 => Ok(()),
            _ => Err(EINTR),
        }
    }
}

/// Returns the number of CPUs that are at work, or a little more or less.
pub(crate) fn online_cpus() -> usize {
    #[cfg(CONFIG_SMP)]
    // SAFETY: The counter is always there; it is read once.
    return unsafe { (&raw const bindings::__num_online_cpus.counter).read_volatile() }
        .unsigned_abs() as usize;
    #[cfg(not(CONFIG_SMP))]
    1
}

/// Runs `work` in the caller, and at the same time in as many as `most` threads of its process; in
/// fewer if threads can't be made. Returns when all of them have exited or, if the caller was
/// killed, when all have finished `work`. May sleep.
///
/// `work` looks by itself whether it was killed.
pub(crate) fn run_on_threads<F: Fn() + Sync>(most: usize, work: &F) {
    run_beside(work, |start| {
        for _ in 0..most {
            if !start() {
                break;
            }
        }
        work();
    });
}

/// Runs `own` in the caller; each call of the function that it gets starts a thread of the caller's
/// process that runs `work` beside it, and returns whether there is one more. Returns what `own`
/// returns, when all threads have exited or, if the caller was killed, when all have finished
/// `work`. May sleep.
///
/// `own` sees to it that `work` ends; both look by themselves whether they were killed.
pub(crate) fn run_beside<F: Fn() + Sync, R>(
    work: &F,
    own: impl FnOnce(&mut dyn FnMut() -> bool) -> R,
) -> R {
    let Ok(scope) = KBox::pin_init(
        pin_init!(Scope {
            work,
            // SAFETY: init_completion() initialises all of it.
            done <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
        }),
        GFP_KERNEL_ACCOUNT,
    ) else {
        return own(&mut || false);
    };
    let mut helpers = KVec::new();
    let result = own(&mut || {
        if helpers.reserve(1, GFP_KERNEL_ACCOUNT).is_err() {
            return false;
        }
        // SAFETY: The scope is kept until all helpers are through, below: each is in `helpers`, as
        // there is room.
        match unsafe { start(scope.as_ref()) } {
            Ok(task) => helpers.push_within_capacity(task).is_ok(),
            Err(_) => false,
        }
    });
    for _ in &helpers {
        // SAFETY: It was initialised. Who was killed waits for helpers that were killed as well.
        unsafe {
            if bindings::wait_for_completion_killable(scope.done.get()) != 0 {
                bindings::wait_for_completion(scope.done.get());
            }
        }
    }
    // Some system calls want a caller that is the only thread. Helpers stay if their process dumps
    // core, until the caller ends, too: it was killed then.
    for task in &helpers {
        let mut pauses = Pauses::new();
        while !park::is_gone(task) && !wait::killed() {
            pauses.pause();
        }
    }
    result
}

/// Starts a helper.
///
/// # Safety
///
/// The scope is kept until `done` was completed by it.
unsafe fn start<F: Fn() + Sync>(scope: Pin<&Scope<'_, F>>) -> Result<ARef<Task>> {
    let mut args: bindings::kernel_clone_args = pin_init::zeroed();
    args.flags = clone_flags::THREAD_ALL | u64::from(bindings::CLONE_VM | bindings::CLONE_UNTRACED);
    args.fn_ = Some(first::<F>);
    args.fn_arg = (&raw const *scope).cast_mut().cast();
    // SAFETY: `args` is valid; `first` gets a scope that is kept for it.
    let t = from_err_ptr(unsafe {
        bindings::copy_process(core::ptr::null_mut(), 0, bindings::NUMA_NO_NODE, &mut args)
    })?;
    // SAFETY: It was just made by copy_process() and does not run, so it is valid.
    unsafe {
        let task: ARef<Task> = (&*t.cast::<Task>()).into();
        bindings::wake_up_new_task(t);
        Ok(task)
    }
}

/// Does what a helper is for.
///
/// # Safety
///
/// `arg` is a scope with work of type `F`, which is kept until its `done` was completed.
unsafe extern "C" fn first<F: Fn() + Sync>(arg: *mut c_void) -> c_int {
    // Signals are for those that get to user mode.
    sighand::block_all();
    // SAFETY: By the caller's promise `arg` is a scope that stays until its `done` is completed,
    // which is the last that is done with it.
    unsafe {
        let scope = arg.cast::<Scope<'_, F>>();
        ((*scope).work)();
        bindings::complete((*scope).done.get());
        // Nothing that needs dropping is alive here.
        bindings::do_exit(0)
    }
}
