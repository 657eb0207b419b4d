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
    time::wait, //
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
    let scope = KBox::pin_init(
        pin_init!(Scope {
            work,
            // SAFETY: init_completion() initialises all of it.
            done <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
        }),
        GFP_KERNEL_ACCOUNT,
    );
    let helpers = KVec::with_capacity(most, GFP_KERNEL_ACCOUNT);
    let (Ok(scope), Ok(mut helpers)) = (scope, helpers) else {
        return work();
    };
    for _ in 0..most {
        // SAFETY: The scope is kept until all helpers are through, below.
        match unsafe { start(scope.as_ref()) } {
            // There is room.
            Ok(task) => drop(helpers.push_within_capacity(task)),
            Err(_) => break,
        }
    }
    work();
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
        while !park::is_gone(task) && !wait::killed() {
            wait::pause_ms(1);
        }
    }
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
    // SAFETY: By the caller's promise.
    unsafe {
        let scope = arg.cast::<Scope<'_, F>>();
        ((*scope).work)();
        bindings::complete((*scope).done.get());
        // Nothing that needs dropping is alive here.
        bindings::do_exit(0)
    }
}
