// SPDX-License-Identifier: GPL-2.0

//! The place of one task in a restart, and where it waits there.
//!
//! A task that has restored itself waits in its place until it is released. So long as the image
//! is read, which takes as long as who gives it wants, SIGKILL ends that wait. When all is there
//! the coordinator *holds* the task: it sleeps in a state (`TASK_PARKED`) that nothing but the
//! coordinator ends, no signal and no stray wake-up, until it is let go or released. So it does
//! not run and does not die while its registers and signals are written, and there are no locks
//! to take for that. What the coordinator does meanwhile never waits for user space.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc,
        Mutex, //
    },
    task::Task,
    types::Opaque, //
};

use crate::kapi::{
    fork::{
        park::{
            self,
            RestoreOps, //
        },
        vfork::VforkWait, //
    },
    task::links,
    time::wait, //
};

/// Where a task is: values of [`Slot::seat`].
mod seat {
    /// Not in its place yet, or not made.
    pub(super) const AWAY: u32 = 0;
    /// In its place; SIGKILL makes it leave.
    pub(super) const PARKED: u32 = 1;
    /// In its place, until the coordinator says otherwise.
    pub(super) const HELD: u32 = 2;
    /// Goes on.
    pub(super) const RELEASED: u32 = 3;
    /// It was killed and has left.
    pub(super) const LEFT: u32 = 4;
    /// In its place, and has something to do there.
    pub(super) const CALLED: u32 = 5;
}

/// Addresses that the kernel writes to, or walks, when a thread exits.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExitAddrs {
    /// Address of clear_child_tid.
    pub(crate) clear_child_tid: u64,
    /// Robust futex list.
    pub(crate) robust_list: u64,
    /// Robust futex list of 32-bit calls.
    pub(crate) compat_robust_list: u64,
}

/// What a task takes along when it is released.
#[derive(Default)]
pub(super) struct Luggage {
    /// For its exit.
    pub(in crate::kapi) exit: ExitAddrs,
    /// The child that it waits for in vfork().
    pub(in crate::kapi) vfork: Option<Pin<KBox<VforkWait>>>,
}

/// The place of one task in a restart.
///
/// # Invariants
///
/// - All completions were initialised; they and `work` are pinned.
/// - `task` and `pid` are NULL, or a task and its pid, with a reference on each.
/// - `job` is NULL, or came from `Arc::into_raw()` of the one type of job that the task is made for.
#[pin_data(PinnedDrop)]
pub(crate) struct Slot {
    #[pin]
    pub(super) work: Opaque<bindings::callback_head>,
    /// Coordinator to task: look at `seat`.
    #[pin]
    call: Opaque<bindings::completion>,
    /// Task to coordinator: it sleeps, or is about to, until it is let go.
    #[pin]
    seated: Opaque<bindings::completion>,
    /// To the task: it is its turn to restore itself.
    #[pin]
    turn: Opaque<bindings::completion>,
    seat: Atomic<u32>,
    #[pin]
    luggage: Mutex<Luggage>,
    /// The task, with a reference, once it was made.
    task: Atomic<*mut bindings::task_struct>,
    /// Its pid, with a reference, from then on.
    pid: Atomic<*mut bindings::pid>,
    /// SIGKILL was sent to its thread group.
    killed: Atomic<bool>,
    /// The job's `Arc`, owned by the task until it is through.
    job: Atomic<*mut c_void>,
    index: Atomic<u32>,
}

// SAFETY: The work item is used by the task only after it was made, completions are made to be
// used by several threads, and all else is atomic or under a mutex. What the pointers point to may
// be used, and dropped, by any thread.
unsafe impl Send for Slot {}
// SAFETY: What threads share of it is atomic, under a mutex, or made to be shared, as is said
// there.
unsafe impl Sync for Slot {}

impl Slot {
    /// Returns an empty slot.
    pub(crate) fn new() -> impl PinInit<Self> {
        fn completion() -> impl PinInit<Opaque<bindings::completion>> {
            // SAFETY: init_completion() initialises all of it.
            Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) })
        }
        pin_init!(Self {
            work: Opaque::zeroed(),
            call <- completion(),
            seated <- completion(),
            turn <- completion(),
            seat: Atomic::new(seat::AWAY),
            luggage <- new_mutex!(Luggage::default(), "checkpoint luggage"),
            task: Atomic::new(core::ptr::null_mut()),
            pid: Atomic::new(core::ptr::null_mut()),
            killed: Atomic::new(false),
            job: Atomic::new(core::ptr::null_mut()),
            index: Atomic::new(0),
        })
    }

    /// Returns which of the tasks it is of.
    pub(in crate::kapi) fn index(&self) -> usize {
        self.index.load(Relaxed) as usize
    }

    /// Says which of the tasks it is of, before that is made.
    pub(super) fn set_index(&self, index: usize) -> Result {
        self.index.store(u32::try_from(index)?, Relaxed);
        Ok(())
    }

    /// Returns the task, if it was made.
    pub(crate) fn task(&self) -> Option<ARef<Task>> {
        let t = NonNull::new(self.task.load(Acquire))?;
        // SAFETY: The slot owns a reference until it is dropped.
        Some(unsafe { &*t.as_ptr().cast::<Task>() }.into())
    }

    /// Notes the task that was made. It is called once.
    ///
    /// # Safety
    ///
    /// `t` is valid and does not run yet; one reference on it is handed over.
    pub(super) unsafe fn set_task(&self, t: *mut bindings::task_struct) {
        // SAFETY: A task that was just made has its pid.
        let pid = unsafe { bindings::get_task_pid(t, bindings::pid_type_PIDTYPE_PID) };
        self.pid.store(pid, Relaxed);
        self.task.store(t, Release);
    }

    /// Returns whether the task, if one was made, has been reaped and its pid is free.
    pub(crate) fn is_gone(&self) -> bool {
        let Some(task) = self.task() else {
            return true;
        };
        let pid = NonNull::new(self.pid.load(Relaxed));
        // SAFETY: The slot owns a reference on the pid until it is dropped.
        park::is_gone(&task) && !pid.is_some_and(|pid| unsafe { links::is_leaving(pid) })
    }

    /// Puts a reference on the job into the slot: the job, and so the slot, lives until it is
    /// taken.
    pub(super) fn give_job<J: RestoreOps>(&self, job: Arc<J>) {
        self.job
            .store(Arc::into_raw(job).cast_mut().cast(), Release);
    }

    /// Takes the job's reference out of the slot; for the task itself, or if none was made.
    pub(super) fn take_job<J: RestoreOps>(&self) -> Option<Arc<J>> {
        let p = self.job.xchg(core::ptr::null_mut(), Full);
        // SAFETY: A non-null pointer came from `Arc::into_raw` of the same `J`, and is taken once.
        NonNull::new(p).map(|p| unsafe { Arc::from_raw(p.as_ptr().cast::<J>()) })
    }

    /// Kills the thread group of its task, if there is one and that was not done before.
    ///
    /// Nobody has to wait for it: it is reaped by the kernel until it was adopted.
    pub(crate) fn kill(&self) {
        if let Some(task) = self.task() {
            if !self.killed.xchg(true, Relaxed) {
                wait::kill_group(&task);
            }
        }
    }

    /// Gives the task its turn, once.
    pub(crate) fn give_turn(&self) {
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.turn.get()) };
    }

    /// Waits for its turn. To be called by the task itself, which holds no lock. May sleep.
    ///
    /// EINTR: it was killed.
    pub(crate) fn wait_turn(&self) -> Result {
        // SAFETY: By the type's invariants it was initialised.
        unsafe { wait_killable(&self.turn) }
    }

    /// Notes that the task is in its place from now on. To be called by itself.
    pub(super) fn sit_down(&self) {
        self.seat.store(seat::PARKED, Release);
    }

    /// Waits to be released; false: it was killed before. To be called by the task itself, which
    /// holds no lock. May sleep. `errand` is what it does when it is called.
    pub(super) fn wait_released(&self, mut errand: impl FnMut()) -> bool {
        loop {
            let state = bindings::TASK_KILLABLE | bindings::TASK_FREEZABLE;
            // SAFETY: It was initialised.
            let killed =
                unsafe { bindings::wait_for_completion_state(self.call.get(), state) } != 0;
            match self.seat.load(Acquire) {
                seat::RELEASED => return true,
                // SAFETY: Seat and completion live as long as the slot.
                seat::HELD => unsafe {
                    bindings::checkpoint_sit(self.seat.as_ptr(), seat::HELD, self.seated.get());
                },
                seat::CALLED => {
                    errand();
                    self.seat.store(seat::PARKED, Release);
                    // SAFETY: It was initialised.
                    unsafe { bindings::complete(self.seated.get()) };
                }
                _ if killed && self.seat.cmpxchg(seat::PARKED, seat::LEFT, Full).is_ok() => {
                    return false;
                }
                _ => (),
            }
        }
    }

    /// Returns what it is given for the time after its release.
    pub(super) fn luggage(&self) -> Luggage {
        core::mem::take(&mut *self.luggage.lock())
    }

    /// Gives it the addresses that count when it exits, which may lie in memory that others share:
    /// it takes them when it is released, and not before.
    pub(crate) fn set_exit_addrs(&self, addrs: ExitAddrs) {
        self.luggage.lock().exit = addrs;
    }

    /// Makes it wait in vfork() when it is released.
    pub(super) fn set_vfork(&self, wait: Pin<KBox<VforkWait>>) {
        let old = self.luggage.lock().vfork.replace(wait);
        drop(old);
    }

    /// Returns whether it is held.
    pub(super) fn is_held(&self) -> bool {
        self.seat.load(Acquire) == seat::HELD
    }

    /// Asks the task to stay. ESRCH: it is not in its place, as it was killed.
    pub(in crate::kapi) fn hold(&self) -> Result {
        self.seat
            .cmpxchg(seat::PARKED, seat::HELD, Full)
            .map_err(|_| ESRCH)?;
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.call.get()) };
        Ok(())
    }

    /// Has the task run its errand, and waits until it has. To be called by the coordinator when it is
    /// parked. May sleep; what the errand waits for must end when the task is killed.
    ///
    /// ESRCH: it was killed before. EINTR: the caller was killed: then it is not asked again.
    pub(crate) fn call(&self) -> Result {
        self.seat
            .cmpxchg(seat::PARKED, seat::CALLED, Full)
            .map_err(|_| ESRCH)?;
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.call.get()) };
        // SAFETY: By the type's invariants it was initialised.
        unsafe { wait_killable(&self.seated) }
    }

    /// Waits until a task that is held sleeps, off its CPU. May sleep.
    ///
    /// EINTR: the caller was killed.
    pub(super) fn wait_seated(&self) -> Result {
        let task = self.task().ok_or(ESRCH)?;
        // SAFETY: By the type's invariants it was initialised.
        unsafe { wait_killable(&self.seated)? };
        // SAFETY: We own a reference. It is about to sleep in this state, and only we wake it.
        if unsafe { bindings::wait_task_inactive(task.as_ptr(), bindings::TASK_PARKED) } == 0 {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// Lets go a task that is held: SIGKILL ends it again. Of any other nothing changes.
    pub(super) fn let_go(&self) {
        if self.seat.cmpxchg(seat::HELD, seat::PARKED, Full).is_ok() {
            self.wake();
        }
    }

    /// Lets a task that is held go on for good.
    pub(in crate::kapi) fn release(&self) {
        if self.seat.cmpxchg(seat::HELD, seat::RELEASED, Full).is_ok() {
            // SAFETY: It was initialised.
            unsafe { bindings::complete(self.call.get()) };
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(task) = self.task() {
            // SAFETY: We own a reference. It is the only one that sleeps in this state, and asks
            // again for `seat` after it has set it.
            unsafe { bindings::wake_up_state(task.as_ptr(), bindings::TASK_PARKED) };
        }
    }
}

/// Waits for a completion; the machine may be suspended meanwhile. The caller holds no lock. May
/// sleep. EINTR: it was killed.
///
/// # Safety
///
/// `completion` was initialised, and is pinned.
pub(super) unsafe fn wait_killable(completion: &Opaque<bindings::completion>) -> Result {
    let state = bindings::TASK_KILLABLE | bindings::TASK_FREEZABLE;
    // SAFETY: By the caller's promise it was initialised; we may sleep.
    to_result(unsafe { bindings::wait_for_completion_state(completion.get(), state) })
        .map_err(|_| EINTR)
}

#[pinned_drop]
impl PinnedDrop for Slot {
    fn drop(self: Pin<&mut Self>) {
        let t = self.task.load(Acquire);
        if !t.is_null() {
            // SAFETY: The slot owns a reference on each.
            unsafe {
                bindings::put_pid(self.pid.load(Relaxed));
                bindings::put_task_struct(t);
            }
        }
    }
}
