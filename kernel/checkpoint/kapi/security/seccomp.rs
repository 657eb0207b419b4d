// SPDX-License-Identifier: GPL-2.0

//! Restricted system calls: `kernel/seccomp.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    task::frozen::FrozenTask, //
};

/// SECCOMP_MODE_DEAD of `kernel/seccomp.c`: what a filter has killed.
const DEAD: u32 = bindings::SECCOMP_MODE_FILTER + 1;

/// Which system calls a task may make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All.
    Any,
    /// read, write, exit and sigreturn.
    Strict,
    /// What its filters allow.
    Filtered,
    /// None: it is being killed.
    Dead,
}

impl Mode {
    /// Returns the mode of a task.
    ///
    /// # Safety
    ///
    /// `t` is valid.
    unsafe fn of(t: *const bindings::task_struct) -> Self {
        // SAFETY: By the caller's promise; the field is read once.
        #[cfg(CONFIG_SECCOMP)]
        let mode = unsafe { (&raw const (*t).seccomp.mode).read_volatile() }.cast_unsigned();
        #[cfg(not(CONFIG_SECCOMP))]
        let mode = {
            let _ = t;
            0
        };
        match mode {
            bindings::SECCOMP_MODE_STRICT => Self::Strict,
            bindings::SECCOMP_MODE_FILTER => Self::Filtered,
            DEAD => Self::Dead,
            _ => Self::Any,
        }
    }

    /// Returns that of the calling task.
    pub(crate) fn current() -> Self {
        // SAFETY: `current` is valid.
        unsafe { Self::of(bindings::get_current()) }
    }
}

impl FrozenTask {
    /// Returns which system calls it may make.
    pub(crate) fn seccomp_mode(&self) -> Mode {
        // SAFETY: We own a reference on the task.
        unsafe { Mode::of(self.as_ptr()) }
    }

    /// Returns its newest filter; `None`: it has none, or has exited.
    pub(crate) fn seccomp_filter(&self) -> Option<Filter> {
        // SAFETY: We own a reference on the task.
        unsafe { Filter::of_task(self.as_ptr()) }
    }
}

/// Returns whether the caller may read filters, as PTRACE_SECCOMP_GET_FILTER has it: it has
/// CAP_SYS_ADMIN in the initial user namespace, and no filters itself.
pub(crate) fn may_read() -> bool {
    // SAFETY: It asks about the running task.
    let capable = unsafe { bindings::capable(bindings::CAP_SYS_ADMIN.cast_signed()) };
    capable && Mode::current() == Mode::Any
}

/// A reference on a filter, which does not change any more.
///
/// # Invariants
///
/// The filter is valid, and one of its references is ours.
pub(crate) struct Filter(NonNull<bindings::seccomp_filter>);

// SAFETY: A filter is made to be shared by tasks; its count is atomic.
unsafe impl Send for Filter {}
// SAFETY: What is read of it does not change, and a shared reference does not give ours up.
unsafe impl Sync for Filter {}

impl Filter {
    /// Returns the newest filter of a task; `None`: it has none.
    ///
    /// # Safety
    ///
    /// `t` is valid.
    unsafe fn of_task(t: *mut bindings::task_struct) -> Option<Self> {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        // INVARIANT: It comes with a reference, which is ours.
        // SAFETY: By the caller's promise the task is valid; the function locks what it follows.
        return NonNull::new(unsafe { bindings::checkpoint_seccomp_get(t) }).map(Self);
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        {
            let _ = t;
            None
        }
    }

    /// Returns the newest one of the calling task.
    pub(crate) fn of_current() -> Option<Self> {
        // SAFETY: `current` is valid.
        unsafe { Self::of_task(bindings::get_current()) }
    }

    /// Returns the filter that was there before it.
    pub(crate) fn before(&self) -> Option<Self> {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        // INVARIANT: It comes with a reference, which is ours.
        // SAFETY: By the type's invariants.
        return NonNull::new(unsafe { bindings::checkpoint_seccomp_prev(self.0.as_ptr()) })
            .map(Self);
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        None
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    #[cfg(CONFIG_SECCOMP_FILTER)]
    fn view(&self) -> bindings::checkpoint_seccomp {
        let mut view = bindings::checkpoint_seccomp::default();
        // SAFETY: By the type's invariants; it is written to our own memory.
        unsafe { bindings::checkpoint_seccomp_view(self.0.as_ptr(), &mut view) };
        view
    }

    /// Returns whether all its actions but SECCOMP_RET_ALLOW are logged.
    pub(crate) fn is_logged(&self) -> bool {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        return self.view().log;
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        false
    }

    /// Returns whether somebody listens to it by a descriptor (SECCOMP_FILTER_FLAG_NEW_LISTENER).
    pub(crate) fn has_listener(&self) -> bool {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        return self.view().listened;
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        false
    }

    /// Returns its program; empty: it is not known.
    pub(crate) fn program(&self) -> &[bindings::sock_filter] {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        {
            let view = self.view();
            if view.insns.is_null() {
                return &[];
            }
            // SAFETY: By the type's invariants the filter is valid as long as `self`; it keeps its
            // program, of as many instructions, which does not change.
            unsafe { core::slice::from_raw_parts(view.insns, u32_as_usize(view.len)) }
        }
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        &[]
    }

    /// Puts the current task below it.
    ///
    /// EACCES: the task may not add filters. EINVAL: it is in strict mode, or has filters that this
    /// one was not added to.
    pub(crate) fn join(&self, _: &Restoring) -> Result {
        // From the caller of restart(2): it takes no rights to keep that.
        if Self::of_current().is_some_and(|own| own.addr() == self.addr()) {
            return Ok(());
        }
        #[cfg(CONFIG_SECCOMP_FILTER)]
        // SAFETY: By the type's invariants. It is for the running task, with the checks of
        // seccomp(2).
        return to_result(unsafe { bindings::checkpoint_seccomp_join(self.0.as_ptr()) });
        #[cfg(not(CONFIG_SECCOMP_FILTER))]
        Err(EINVAL)
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        #[cfg(CONFIG_SECCOMP_FILTER)]
        // SAFETY: By the type's invariants the reference is ours.
        unsafe {
            bindings::checkpoint_seccomp_put(self.0.as_ptr());
        }
    }
}

/// Returns an instruction of a filter.
pub(crate) fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> bindings::sock_filter {
    bindings::sock_filter { code, jt, jf, k }
}

/// Adds a filter to those of the current task, with the checks of seccomp(2); returns it.
///
/// EACCES: the task has neither no_new_privs nor CAP_SYS_ADMIN. EINVAL: the program is not valid,
/// the task is in strict mode, or the kernel has no filters. ENOMEM also: there are too many
/// instructions.
pub(crate) fn add(
    _: &Restoring,
    program: &mut [bindings::sock_filter],
    log: bool,
) -> Result<Filter> {
    #[cfg(CONFIG_SECCOMP_FILTER)]
    {
        let len = u16::try_from(program.len())?;
        // SAFETY: There are so many instructions, which are copied. It is for the running task.
        to_result(unsafe { bindings::checkpoint_seccomp_add(program.as_mut_ptr(), len, log) })?;
        Filter::of_current().ok_or(ESRCH)
    }
    #[cfg(not(CONFIG_SECCOMP_FILTER))]
    {
        let _ = (program, log);
        Err(EINVAL)
    }
}

/// Puts the current task into strict mode, with the checks of prctl(PR_SET_SECCOMP).
///
/// EINVAL: it has filters, or the kernel has no such mode.
pub(crate) fn set_strict(_: &Restoring) -> Result {
    #[cfg(CONFIG_SECCOMP)]
    {
        // SAFETY: It is for the running task; there is no second argument in this mode.
        let ret = unsafe {
            bindings::prctl_set_seccomp(
                u32_as_usize(bindings::SECCOMP_MODE_STRICT),
                core::ptr::null_mut(),
            )
        };
        to_result(c_int::try_from(ret)?)
    }
    #[cfg(not(CONFIG_SECCOMP))]
    Err(EINVAL)
}
