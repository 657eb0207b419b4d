// SPDX-License-Identifier: GPL-2.0

//! Tasks that are being restored: made, parked, released.
//!
//! A new task first runs a kernel function (`fn` of `kernel_clone_args`) in which it restores
//! itself. It must not get its registers there: what returns from a fork forces the result
//! register afterwards. So it queues a task_work, which runs on the way to user mode, and waits
//! in it ([`Slot`]). Off its CPU, its registers are written by the coordinator. Once released, it
//! looks as if a signal was pending, so that the existing code decides what becomes of an
//! interrupted system call.

use kernel::{
    bindings,
    error::from_err_ptr,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    task::Task,
    types::Opaque, //
};

use crate::kapi::{
    cgroup::group::CgroupDir,
    fork::{
        restoring::Restoring,
        slot::{
            wait_killable,
            ExitAddrs,
            Slot, //
        },
        vfork, //
    },
    mm::oom,
    signal::{
        parked,
        sighand, //
    },
    task::trace,
    time::wait, //
};

/// What the new tasks do; implemented by the restart pipeline.
pub(crate) trait RestoreOps: Send + Sync + Sized + 'static {
    /// Restores the current task, the `index`th of the image. An error fails the restart.
    fn run(self: &Arc<Self>, index: usize, restoring: &Restoring) -> Result<Next>;

    /// Returns the slot of the `index`th task.
    fn slot(&self, index: usize) -> Option<&Slot>;

    /// Does what the coordinator has called the `index`th task for, which is the current one and is
    /// parked.
    fn errand(&self, index: usize);

    /// Notes that a task is parked, or will not be: called once for each task that was made. May be
    /// called by a task that is exiting.
    fn arrived(&self, index: usize, how: Arrival);
}

/// What a task does after it has restored itself.
pub(crate) enum Next {
    /// It waits for its registers.
    Park,
    /// It exits once it is released: it was dead at the checkpoint.
    Exit {
        /// With this code.
        code: u32,
        /// It has no memory of its own, but the caller's.
        borrows: bool,
    },
}

/// How far a task has got.
pub(crate) enum Arrival {
    /// It waits in its place.
    Parked,
    /// It could not restore itself.
    Failed(Error),
    /// It was killed while it did.
    Killed,
}

/// Where the coordinator waits for the tasks.
///
/// # Invariants
///
/// The completion was initialised, and is pinned.
#[pin_data]
pub(crate) struct Barrier {
    #[pin]
    notified: Opaque<bindings::completion>,
}

// SAFETY: A completion is made to be used by several threads.
unsafe impl Send for Barrier {}
// SAFETY: A completion has a lock: several threads may complete and wait for it by shared
// references.
unsafe impl Sync for Barrier {}

impl Barrier {
    /// Returns one of which nobody was notified yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            // SAFETY: init_completion() initialises all of it.
            notified <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
        })
    }

    /// Tells the coordinator that all tasks have come so far, or that it need not wait for that.
    pub(crate) fn notify(&self) {
        // SAFETY: By the type's invariants it was initialised.
        unsafe { bindings::complete(self.notified.get()) };
    }

    /// Waits until [`Self::notify`] is called. EINTR: the caller was killed.
    pub(crate) fn wait(&self) -> Result {
        // SAFETY: By the type's invariants it was initialised.
        unsafe { wait_killable(&self.notified) }
    }
}

/// What [`NewTask`] may ask for.
pub(crate) mod clone_flags {
    use kernel::bindings;

    /// A thread of the current thread group.
    pub(crate) const THREAD_ALL: u64 = (bindings::CLONE_THREAD
        | bindings::CLONE_SIGHAND
        | bindings::CLONE_FS
        | bindings::CLONE_FILES
        | bindings::CLONE_SYSVSEM) as u64;
    /// With the signal actions of the current task.
    pub(crate) const SIGHAND: u64 = bindings::CLONE_SIGHAND as u64;
    /// The init of a new pid namespace.
    pub(crate) const NEWPID: u64 = bindings::CLONE_NEWPID as u64;
    /// A sibling of the current task.
    pub(crate) const PARENT: u64 = bindings::CLONE_PARENT as u64;
    /// The usual signal for the parent at exit.
    pub(crate) const SIGCHLD: i32 = bindings::SIGCHLD as i32;
}

/// How a task is to be made.
pub(crate) struct NewTask<'a> {
    /// CLONE_* flags besides CLONE_VM and CLONE_UNTRACED.
    pub(crate) flags: u64,
    /// Signal for the parent at exit.
    pub(crate) exit_signal: i32,
    /// Its pid in each namespace, innermost first.
    pub(crate) pids: &'a mut [i32],
    /// The cgroup to make it in; `None`: that of the current task.
    pub(crate) cgroup: Option<&'a CgroupDir>,
}

/// Makes the `index`th task of `job` as a child (or thread) of the current task.
///
/// It runs at once. Errors as of clone3(2): EEXIST a pid is in use, EPERM it may not be chosen,
/// EBUSY the cgroup is held frozen, or its descriptor was made to mean another one.
pub(crate) fn spawn<J: RestoreOps>(
    job: &Arc<J>,
    index: usize,
    new: NewTask<'_>,
) -> Result<ARef<Task>> {
    let slot = job.slot(index).ok_or(EINVAL)?;
    let mut args: bindings::kernel_clone_args = pin_init::zeroed();
    args.flags = new.flags | u64::from(bindings::CLONE_VM | bindings::CLONE_UNTRACED);
    args.exit_signal = new.exit_signal;
    args.set_tid = new.pids.as_mut_ptr();
    args.set_tid_size = new.pids.len();
    args.fn_ = Some(first::<J>);
    args.fn_arg = (&raw const *slot).cast_mut().cast();
    // A thread shares its leader's descriptors; a process gets those of the image. It will leave
    // the caller's memory, as after vfork(): so no shadow stack is made for it there, and nothing
    // is noted of a memory that others share.
    if new.flags & u64::from(bindings::CLONE_THREAD) == 0 {
        args.set_no_files(1);
        args.flags |= u64::from(bindings::CLONE_VFORK);
    }
    if let Some(dir) = new.cgroup {
        args.flags |= bindings::CLONE_INTO_CGROUP;
        args.cgroup = dir.fd();
    }
    slot.set_index(index)?;
    slot.give_job(job.clone());
    let mut trap = wait::LaterTrap::new();
    let made = loop {
        // SAFETY: `args` is valid; `first` gets a slot that the job's `Arc`, stored in it, keeps.
        let made = from_err_ptr(unsafe {
            bindings::copy_process(core::ptr::null_mut(), 0, bindings::NUMA_NO_NODE, &mut args)
        });
        // A task that is to stop, or to freeze, makes no others until that is over.
        match made {
            Err(e) if wait::asks_for_restart(e.to_errno() as isize) => {
                match let_pass(index, &mut trap) {
                    Ok(()) => continue,
                    Err(e) => break Err(e),
                }
            }
            made => break made,
        }
    };
    let t = match made {
        Ok(t) => t,
        Err(e) => {
            drop(slot.take_job::<J>());
            return Err(wait::without_restart(e));
        }
    };
    // SAFETY: It was just made by copy_process() and does not run yet, so it is valid; one
    // reference is for the slot.
    let task: ARef<Task> = unsafe {
        bindings::get_task_struct(t);
        slot.set_task(t);
        (&*t.cast::<Task>()).into()
    };
    // The descriptor may have got another meaning: then the task does nothing but exit.
    let elsewhere = new.cgroup.is_some_and(|dir| !dir.cgroup().contains(&task));
    if elsewhere {
        job.arrived(index, Arrival::Failed(EBUSY));
    }
    // SAFETY: As above. Until it is adopted a process that dies needs nobody who waits for it. It
    // borrows its maker's memory until it has its own.
    unsafe {
        if (*t).pid == (*t).tgid {
            set_autoreap(t, true);
            oom::exempt(t);
        }
        bindings::wake_up_new_task(t);
    }
    if elsewhere {
        return Err(EBUSY);
    }
    Ok(task)
}

/// Waits until what keeps the current task from making the `index`th is over.
///
/// EINTR: it was killed, or is the caller of restart(2) and has a signal to handle.
fn let_pass(index: usize, trap: &mut wait::LaterTrap) -> Result {
    if index == 0 {
        return wait::let_pass(trap);
    }
    // Signals for a task that is being restored are dropped, SIGSTOP too.
    wait::let_pass_without(trap, parked::drop_own)
}

/// Runs as the first thing that a new task does.
///
/// # Safety
///
/// `arg` is a slot of a job of type `J`, whose `Arc` is in the slot.
unsafe extern "C" fn first<J: RestoreOps>(arg: *mut c_void) -> c_int {
    // SAFETY: The slot lives as long as the job, and holds a reference on it until it is taken.
    let slot = unsafe { &*arg.cast::<Slot>() };
    let index = slot.index();
    let Some(job) = slot.take_job::<J>() else {
        return 0;
    };
    sighand::block_all();
    // SAFETY: This is the function of a task that was made by `spawn()`, and ends later.
    let restoring = unsafe { Restoring::new() };
    match job.run(index, &restoring) {
        Ok(Next::Park) => {
            slot.give_job(job);
            // SAFETY: The work item is the slot's own and is queued once; the callback takes the
            // reference on the job that keeps the slot.
            let queued = unsafe {
                bindings::init_task_work(slot.work.get(), Some(park::<J>));
                bindings::task_work_add(
                    bindings::get_current(),
                    slot.work.get(),
                    bindings::task_work_notify_mode_TWA_RESUME,
                )
            };
            if queued != 0 {
                kill_current();
                if let Some(job) = slot.take_job::<J>() {
                    job.arrived(index, Arrival::Killed);
                }
            }
        }
        Ok(Next::Exit { code, borrows }) => {
            let adj = oom::current();
            if borrows {
                oom::exempt_current(&restoring);
            }
            slot.sit_down();
            job.arrived(index, Arrival::Parked);
            if slot.wait_released(|| job.errand(index)) {
                if borrows {
                    oom::set_current(&restoring, adj);
                }
                drop(job);
                // SAFETY: Nothing that needs dropping is alive here.
                unsafe { bindings::do_exit(code as c_long) }
            }
            kill_current();
        }
        Err(e) => {
            let how = if wait::killed() {
                Arrival::Killed
            } else {
                Arrival::Failed(wait::without_restart(e))
            };
            // First the reason: the other threads, which die of it, could only report that.
            job.arrived(index, how);
            kill_current();
        }
    }
    0
}

/// Ends the current thread group before it reaches user mode.
fn kill_current() {
    // SAFETY: The running task is valid, and has its signal handlers until it has exited.
    unsafe { bindings::send_sig(bindings::SIGKILL.cast_signed(), bindings::get_current(), 1) };
}

/// Runs on the way to user mode, or when the task exits before it got there.
///
/// # Safety
///
/// `head` is the work item of a slot whose `Arc` is in the slot.
unsafe extern "C" fn park<J: RestoreOps>(head: *mut bindings::callback_head) {
    // SAFETY: By the caller's promise `head` is the field `work` of a slot, which the job in it
    // keeps until it is taken out.
    let slot = unsafe { &*kernel::container_of!(Opaque::cast_from(head), Slot, work) };
    let index = slot.index();
    let Some(job) = slot.take_job::<J>() else {
        return;
    };
    // SAFETY: The running task is valid, and nobody else changes its flags.
    if unsafe { (*bindings::get_current()).flags } & bindings::PF_EXITING != 0 {
        job.arrived(index, Arrival::Killed);
        return;
    }
    slot.sit_down();
    job.arrived(index, Arrival::Parked);
    if !slot.wait_released(|| job.errand(index)) {
        // Killed while it waited: it dies on its way to user mode.
        forget_rseq();
        trace::die_at_once();
        return;
    }
    let luggage = slot.luggage();
    // A wait in vfork() may take hours: nothing of the restart is kept for that long.
    drop(job);
    set_exit_addrs(&luggage.exit);
    vfork::resume(luggage.vfork);
    // SAFETY: The task is about to return to user mode with its memory restored, and holds no lock: it
    // may stop for its tracer. A pending signal is pretended: what looks for it has it stop elsewhere,
    // and decides about the interrupted system call.
    unsafe {
        bindings::current_rseq_renew();
        bindings::checkpoint_stop_in_call();
        bindings::set_tif_sigpending(bindings::get_current());
    }
}

/// Takes its rseq area from the current task, which is to die.
///
/// It may lie in memory that others share, and an architecture without the generic entry code
/// writes to it once more when the task_work is done, before it looks for SIGKILL.
fn forget_rseq() {
    #[cfg(CONFIG_RSEQ)]
    // SAFETY: The field belongs to the running task. As rseq_reset(), of which this is what counts:
    // nothing is written for a task without `has_rseq`. It is one store: an interrupt finds either.
    unsafe {
        let event = &raw mut (*bindings::get_current()).rseq.event.__bindgen_anon_1.all;
        event.write_volatile(0);
    }
}

/// Sets the addresses that the kernel writes to, or walks, when the current thread exits.
///
/// As set_tid_address(2) and set_robust_list(2), which look at the length of a structure only.
fn set_exit_addrs(addrs: &ExitAddrs) {
    // SAFETY: The fields belong to the running task; the addresses are used with the checks of user
    // access only.
    unsafe {
        let t = bindings::get_current();
        (*t).clear_child_tid = addrs.clear_child_tid as *mut c_int;
        (*t).futex.robust_list = addrs.robust_list as *mut bindings::robust_list_head;
        bindings::checkpoint_set_compat_robust(t, addrs.compat_robust_list);
    }
}

/// Closes the files on which the current task has put the last reference: fput() leaves that for its
/// way to user mode. The caller holds no lock. May sleep.
pub(crate) fn close_files() {
    // SAFETY: Process context, no lock held, as in get_signal().
    unsafe { bindings::task_work_run() };
}

/// Makes the death of a process need nobody who waits for it, or makes it need that again.
///
/// # Safety
///
/// `t` is a valid task.
pub(super) unsafe fn set_autoreap(t: *mut bindings::task_struct, on: bool) {
    // SAFETY: The signal_struct lives as long as the task_struct; the field is read under
    // tasklist_lock, and its neighbour in the word is written by the task itself, which does not
    // run in user mode.
    unsafe {
        bindings::tasklist_write_lock();
        (*(*t).signal).set_autoreap(on.into());
        bindings::tasklist_write_unlock();
    }
}

/// Returns whether `task` has exited, or is so far on its way that its parent can wait for it.
pub(crate) fn has_exited(task: &Task) -> bool {
    // SAFETY: We own a reference; the field is read once.
    unsafe { (&raw const (*task.as_ptr()).exit_state).read_volatile() != 0 }
}

/// Returns whether `task` has been reaped: its pid is free.
pub(crate) fn is_gone(task: &Task) -> bool {
    // SAFETY: We own a reference; the pointer is read once and not followed.
    unsafe { (&raw const (*task.as_ptr()).thread_pid).read_volatile() }.is_null()
}

/// Returns whether a debugger has `task`: it may stop as it exits, and stays until the debugger has
/// waited for it.
pub(crate) fn is_traced(task: &Task) -> bool {
    // SAFETY: We own a reference; the integer is read once.
    unsafe { (&raw const (*task.as_ptr()).ptrace).read_volatile() != 0 }
}

/// Returns whether a debugger has `task`, and nothing ends that debugger: if it dies it lets go
/// what it traces.
pub(crate) fn is_kept(task: &Task) -> bool {
    let t = task.as_ptr();
    // SAFETY: We own a reference on the task; under tasklist_lock its tracer is a task that has not been
    // released, and so has its signal_struct.
    unsafe {
        bindings::tasklist_read_lock();
        let kept = (*t).ptrace != 0
            && (&raw const (*(*(*t).parent).signal).flags).read_volatile()
                & bindings::SIGNAL_GROUP_EXIT
                == 0;
        bindings::tasklist_read_unlock();
        kept
    }
}

/// Returns whether `task` will stop on its way to user mode, and has not yet.
pub(crate) fn is_to_stop(task: &Task) -> bool {
    let t = task.as_ptr();
    // SAFETY: We own a reference; each word is read once.
    let (jobctl, to_stop) = unsafe {
        (
            (&raw const (*t).jobctl).read_volatile(),
            bindings::checkpoint_is_to_stop(t),
        )
    };
    // One that is traced stops for its tracer only.
    to_stop || (jobctl & bindings::JOBCTL_STOP_PENDING as c_ulong != 0 && !is_traced(task))
}

/// Returns whether `task` is frozen by its cgroup.
pub(crate) fn is_frozen(task: &Task) -> bool {
    // SAFETY: We own a reference; it reads a flag.
    unsafe { bindings::cgroup_task_frozen(task.as_ptr()) }
}
