// SPDX-License-Identifier: GPL-2.0

//! Tasks that are being restored: made, parked, released.
//!
//! A new task first runs a kernel function (`fn` of `kernel_clone_args`) in which it restores
//! itself. It must not get its registers there: what returns from a fork forces the result
//! register afterwards. So it queues a task_work, which runs on the way to user mode, and waits
//! in it. Off its CPU, its registers are written by the coordinator. Once released, it looks as
//! if a signal was pending, so that the existing code decides what becomes of an interrupted
//! system call.

use core::{
    ptr::NonNull,
    sync::atomic::{
        AtomicPtr,
        AtomicU32,
        Ordering, //
    },
};

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    task::Task,
    types::Opaque, //
};

use crate::kapi::wait;

/// What the new tasks do; implemented by the restart pipeline.
pub(crate) trait Job: Send + Sync + Sized + 'static {
    /// Restores the current task, the `index`th of the image. An error fails the restart.
    fn run(self: &Arc<Self>, index: usize) -> Result<Next>;

    /// The gate that the tasks wait at.
    fn gate(&self) -> &Gate;

    /// The slot of the `index`th task.
    fn slot(&self, index: usize) -> Option<&Slot>;

    /// Called once for each task: it is parked, or it ended before. May be called by a task that
    /// is exiting.
    fn arrived(&self, index: usize, result: Result);
}

/// What a task does after it has restored itself.
pub(crate) enum Next {
    /// It waits for its registers.
    Park,
    /// It exits with this code: it was dead at the checkpoint.
    Exit(u32),
}

/// Where the restored tasks wait for each other.
#[pin_data]
pub(crate) struct Gate {
    #[pin]
    go: Opaque<bindings::completion>,
    #[pin]
    stopped: Opaque<bindings::completion>,
    #[pin]
    turn: Opaque<bindings::completion>,
    #[pin]
    news: Opaque<bindings::completion>,
}

// SAFETY: A completion is made to be used by several threads.
unsafe impl Send for Gate {}
// SAFETY: As above.
unsafe impl Sync for Gate {}

impl Gate {
    /// A closed gate, with the turn free.
    pub(crate) fn new() -> impl PinInit<Self> {
        fn completion() -> impl PinInit<Opaque<bindings::completion>> {
            // SAFETY: init_completion() initialises all of it.
            Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) })
        }
        pin_init!(Self {
            go <- completion(),
            stopped <- completion(),
            turn <- completion(),
            news <- completion(),
        })
    }

    /// Opens the gate for good; at first only for those that stop at once ([`is_to_stop`]).
    pub(crate) fn open_for_stopping(&self) {
        // SAFETY: It was initialised; complete_all() may be called from any context.
        unsafe { bindings::complete_all(self.go.get()) };
    }

    /// Opens it for all others.
    pub(crate) fn open(&self) {
        // SAFETY: It was initialised; complete_all() may be called from any context.
        unsafe { bindings::complete_all(self.stopped.get()) };
    }

    /// Tells the coordinator that a task has arrived.
    pub(crate) fn notify(&self) {
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.news.get()) };
    }

    /// Waits for a task to arrive. EINTR: the caller was killed.
    pub(crate) fn wait_news(&self) -> Result {
        // SAFETY: It was initialised. We may sleep.
        to_result(unsafe { bindings::wait_for_completion_killable(self.news.get()) })
            .map_err(|_| EINTR)
    }

    /// Makes the turn free, for the first time.
    pub(crate) fn free_turn(&self) {
        // SAFETY: It was initialised.
        unsafe { bindings::complete(self.turn.get()) };
    }

    /// Runs `f` while no other task does. EINTR: the caller was killed while it waited.
    pub(crate) fn with_turn<R>(&self, f: impl FnOnce() -> Result<R>) -> Result<R> {
        // SAFETY: It was initialised. We may sleep.
        to_result(unsafe { bindings::wait_for_completion_killable(self.turn.get()) })
            .map_err(|_| EINTR)?;
        let result = f();
        self.free_turn();
        result
    }
}

/// The place of one task in a restart.
#[pin_data(PinnedDrop)]
pub(crate) struct Slot {
    #[pin]
    work: Opaque<bindings::callback_head>,
    #[pin]
    vfork: Opaque<bindings::completion>,
    /// The child that it waits for in vfork(), with a reference; null for none.
    vfork_child: AtomicPtr<bindings::task_struct>,
    /// The task, with a reference, once it was made.
    task: AtomicPtr<bindings::task_struct>,
    /// The job's `Arc`, owned by the task until it is through.
    job: AtomicPtr<c_void>,
    index: AtomicU32,
}

// SAFETY: The work item and the completion are used by the task only after it was made; all else
// is atomic.
unsafe impl Send for Slot {}
// SAFETY: As above.
unsafe impl Sync for Slot {}

impl Slot {
    /// An empty slot.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            work: Opaque::zeroed(),
            // SAFETY: init_completion() initialises all of it.
            vfork <- Opaque::ffi_init(|c| unsafe { bindings::init_completion(c) }),
            vfork_child: AtomicPtr::new(core::ptr::null_mut()),
            task: AtomicPtr::new(core::ptr::null_mut()),
            job: AtomicPtr::new(core::ptr::null_mut()),
            index: AtomicU32::new(0),
        })
    }

    /// Its task will go on to wait in vfork().
    pub(crate) fn is_in_vfork(&self) -> bool {
        !self.vfork_child.load(Ordering::Acquire).is_null()
    }

    /// The task, if it was made.
    pub(crate) fn task(&self) -> Option<ARef<Task>> {
        let t = NonNull::new(self.task.load(Ordering::Acquire))?;
        // SAFETY: The slot owns a reference until it is dropped.
        Some(unsafe { &*t.as_ptr().cast::<Task>() }.into())
    }
}

#[pinned_drop]
impl PinnedDrop for Slot {
    fn drop(self: core::pin::Pin<&mut Self>) {
        for t in [&self.task, &self.vfork_child] {
            let t = t.load(Ordering::Acquire);
            if !t.is_null() {
                // SAFETY: The slot owns a reference.
                unsafe { bindings::put_task_struct(t) };
            }
        }
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
    /// The cgroup directory to make it in, as a descriptor of the caller.
    pub(crate) cgroup_fd: Option<i32>,
}

/// Makes the `index`th task of `job` as a child (or thread) of the current task.
///
/// It runs at once. Errors as of clone3(2): EEXIST a pid is in use, EPERM it may not be chosen.
pub(crate) fn spawn<J: Job>(job: &Arc<J>, index: usize, new: NewTask<'_>) -> Result<ARef<Task>> {
    let slot = job.slot(index).ok_or(EINVAL)?;
    let mut args: bindings::kernel_clone_args = pin_init::zeroed();
    args.flags = new.flags | u64::from(bindings::CLONE_VM | bindings::CLONE_UNTRACED);
    args.exit_signal = new.exit_signal;
    args.set_tid = new.pids.as_mut_ptr();
    args.set_tid_size = new.pids.len();
    args.fn_ = Some(first::<J>);
    args.fn_arg = (&raw const *slot).cast_mut().cast();
    // A thread shares its leader's descriptors; a process gets those of the image.
    if new.flags & u64::from(bindings::CLONE_THREAD) == 0 {
        args.set_no_files(1);
    }
    if let Some(fd) = new.cgroup_fd {
        args.flags |= bindings::CLONE_INTO_CGROUP;
        args.cgroup = fd;
    }
    slot.index.store(u32::try_from(index)?, Ordering::Relaxed);
    give_job(slot, job.clone());
    // SAFETY: `args` is valid; `first` gets a slot that the job's `Arc`, stored in it, keeps.
    let made = from_err_ptr(unsafe {
        bindings::copy_process(core::ptr::null_mut(), 0, bindings::NUMA_NO_NODE, &mut args)
    });
    let t = match made {
        Ok(t) => t,
        Err(e) => {
            drop(take_job::<J>(slot));
            return Err(e);
        }
    };
    // SAFETY: The new task does not run yet, so it is valid; one reference is for the slot.
    let task: ARef<Task> = unsafe {
        bindings::get_task_struct(t);
        (&*t.cast::<Task>()).into()
    };
    slot.task.store(t, Ordering::Release);
    // SAFETY: It was just made by copy_process() and does not run. Until all is well a process
    // that dies needs nobody who waits for it.
    unsafe {
        if (*t).pid == (*t).tgid {
            set_autoreap(t, true);
            // It has the caller's memory until it has its own: if there is too little of it, it
            // is refused, and nobody is killed who has the same.
            (*(*t).signal).oom_score_adj = bindings::OOM_SCORE_ADJ_MIN as i16;
        }
        bindings::wake_up_new_task(t);
    }
    Ok(task)
}

/// Puts a reference on the job into a slot: the job, and so the slot, lives until it is taken.
fn give_job<J: Job>(slot: &Slot, job: Arc<J>) {
    slot.job
        .store(Arc::into_raw(job).cast_mut().cast(), Ordering::Release);
}

/// Takes the job's reference out of a slot; for the task itself, or if none was made.
fn take_job<J: Job>(slot: &Slot) -> Option<Arc<J>> {
    let p = slot.job.swap(core::ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: A non-null pointer came from `Arc::into_raw` of the same `J`, and is taken once.
    NonNull::new(p).map(|p| unsafe { Arc::from_raw(p.as_ptr().cast::<J>()) })
}

/// First thing that a new task does.
///
/// # Safety
///
/// `arg` is a slot of a job of type `J`, whose `Arc` is in the slot.
unsafe extern "C" fn first<J: Job>(arg: *mut c_void) -> c_int {
    // SAFETY: The slot lives as long as the job, of which it holds a reference until it is taken.
    let slot = unsafe { &*arg.cast::<Slot>() };
    let index = slot.index.load(Ordering::Relaxed) as usize;
    let Some(job) = take_job::<J>(slot) else {
        return 0;
    };
    match job.run(index) {
        Ok(Next::Park) => {
            give_job(slot, job);
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
                if let Some(job) = take_job::<J>(slot) {
                    job.arrived(index, Err(EINTR));
                }
            }
            0
        }
        Ok(Next::Exit(code)) => {
            job.arrived(index, Ok(()));
            drop(job);
            // SAFETY: Nothing that needs dropping is alive here. It is to be waited for.
            unsafe {
                set_autoreap(bindings::get_current(), false);
                bindings::do_exit(code as c_long)
            }
        }
        Err(e) => {
            kill_current();
            job.arrived(index, Err(e));
            0
        }
    }
}

/// Ends the current thread group before it reaches user mode.
fn kill_current() {
    // SAFETY: Sending a signal to oneself.
    unsafe { bindings::send_sig(bindings::SIGKILL.cast_signed(), bindings::get_current(), 1) };
}

/// Runs on the way to user mode, or when the task exits before it got there.
///
/// # Safety
///
/// `head` is the work item of a slot whose `Arc` is in the slot.
unsafe extern "C" fn park<J: Job>(head: *mut bindings::callback_head) {
    // SAFETY: `head` is the field `work` of a slot.
    let slot = unsafe { &*kernel::container_of!(Opaque::cast_from(head), Slot, work) };
    let index = slot.index.load(Ordering::Relaxed) as usize;
    let Some(job) = take_job::<J>(slot) else {
        return;
    };
    // SAFETY: Reading one's own flags.
    let exiting = unsafe { (*bindings::get_current()).flags } & bindings::PF_EXITING != 0;
    job.arrived(index, if exiting { Err(EINTR) } else { Ok(()) });
    if exiting {
        return;
    }
    // SAFETY: The job is alive. Killed while waiting, the task dies on its way to user mode.
    if unsafe { bindings::wait_for_completion_killable(job.gate().go.get()) } != 0 {
        return;
    }
    // SAFETY: The current task is valid.
    let stops = is_to_stop(unsafe { &*bindings::get_current().cast::<Task>() });
    // SAFETY: As above.
    if !stops && unsafe { bindings::wait_for_completion_killable(job.gate().stopped.get()) } != 0 {
        return;
    }
    let child = slot
        .vfork_child
        .swap(core::ptr::null_mut(), Ordering::AcqRel);
    if !child.is_null() {
        // SAFETY: We own a reference on the child, which wait_for_vfork_done() drops; the
        // completion lives until then, as the child forgets it if we are killed.
        unsafe { bindings::wait_for_vfork_done(child, slot.vfork.get()) };
    }
    // SAFETY: The task is about to return to user mode with its memory restored. A pending signal
    // is pretended: what looks for it decides about the interrupted system call.
    unsafe {
        bindings::current_rseq_renew();
        bindings::set_tif_sigpending(bindings::get_current());
    }
}

/// A restored task that is parked: off its CPU, until the gate opens or it is killed.
pub(crate) struct ParkedTask {
    task: ARef<Task>,
}

impl ParkedTask {
    /// The task in `slot`. May sleep.
    ///
    /// ESRCH: it was not made, or was killed in the meantime.
    pub(crate) fn get(slot: &Slot) -> Result<Self> {
        let task = slot.task().ok_or(ESRCH)?;
        loop {
            // SAFETY: We own a reference. 0 means that it is not in the killable wait of
            // `park()`: not yet, as it says so before, or not any more, as it was killed.
            unsafe {
                let t = task.as_ptr();
                if bindings::wait_task_inactive(t, bindings::TASK_UNINTERRUPTIBLE) != 0 {
                    return Ok(Self { task });
                }
                if bindings::fatal_signal_pending(t) || (*t).flags & bindings::PF_EXITING != 0 {
                    return Err(ESRCH);
                }
            }
            wait::check_killed()?;
            wait::pause_ms(1);
        }
    }

    /// The task, for this layer and the architectures.
    pub(crate) fn as_ptr(&self) -> *mut bindings::task_struct {
        self.task.as_ptr()
    }

    /// From now on its parent waits for it when it dies.
    pub(crate) fn needs_parent(&self) {
        // SAFETY: We own a reference.
        unsafe { set_autoreap(self.as_ptr(), false) };
    }

    /// Makes this task, once released, wait for `child` as vfork() does.
    pub(crate) fn wait_for_vfork(&self, slot: &Slot, child: &ParkedTask) {
        // SAFETY: Both are parked; task_lock orders with the child's exit and exec. The reference
        // is dropped by wait_for_vfork_done() or with the slot.
        unsafe {
            bindings::task_lock(child.as_ptr());
            (*child.as_ptr()).vfork_done = slot.vfork.get();
            bindings::task_unlock(child.as_ptr());
            bindings::get_task_struct(child.as_ptr());
        }
        slot.vfork_child.store(child.as_ptr(), Ordering::Release);
    }
}

/// Makes the death of a process need nobody who waits for it, or makes it need that again.
///
/// # Safety
///
/// `t` is a valid task.
unsafe fn set_autoreap(t: *mut bindings::task_struct, on: bool) {
    // SAFETY: The signal_struct lives as long as the task_struct; the field is read under
    // tasklist_lock.
    unsafe {
        bindings::tasklist_write_lock();
        (*(*t).signal).set_autoreap(on.into());
        bindings::tasklist_write_unlock();
    }
}

/// Kills a task and everything in its thread group; nobody has to wait for it.
pub(crate) fn kill(task: &Task) {
    // SAFETY: We own a reference on the task.
    unsafe { set_autoreap(task.as_ptr(), true) };
    wait::kill_group(task);
}

/// `task` has exited, and waits to be waited for.
pub(crate) fn is_zombie(task: &Task) -> bool {
    // SAFETY: We own a reference; the field is read once.
    let state = unsafe { (&raw const (*task.as_ptr()).exit_state).read_volatile() };
    state.cast_unsigned() & bindings::EXIT_ZOMBIE != 0
}

/// `task` has been reaped: its pid is free.
pub(crate) fn is_gone(task: &Task) -> bool {
    // SAFETY: We own a reference; the pointer is read once and not followed.
    unsafe { (&raw const (*task.as_ptr()).thread_pid).read_volatile() }.is_null()
}

/// `task` will stop on its way to user mode, and has not yet.
pub(crate) fn is_to_stop(task: &Task) -> bool {
    // SAFETY: We own a reference; the word is read once.
    let jobctl = unsafe { (&raw const (*task.as_ptr()).jobctl).read_volatile() };
    jobctl & bindings::JOBCTL_STOP_PENDING as c_ulong != 0
}

/// `task` is frozen by its cgroup.
pub(crate) fn is_frozen(task: &Task) -> bool {
    // SAFETY: We own a reference; it reads a flag.
    unsafe { bindings::cgroup_task_frozen(task.as_ptr()) }
}
