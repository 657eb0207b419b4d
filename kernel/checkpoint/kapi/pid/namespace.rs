// SPDX-License-Identifier: GPL-2.0

//! Pids and pid namespaces.

use kernel::{
    bindings,
    current,
    pid_namespace::PidNamespace,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    }, //
};

/// A reference on a pid namespace.
///
/// # Invariants
///
/// It owns a reference, by which the namespaces around it stay, too.
#[derive(Clone)]
pub(crate) struct PidNs(ARef<PidNamespace>);

impl PidNs {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is NULL, or a valid pid namespace for the duration of the call.
    pub(crate) unsafe fn get(ns: *mut bindings::pid_namespace) -> Result<Self> {
        if ns.is_null() {
            return Err(ESRCH);
        }
        // SAFETY: By the caller's promise `ns` is valid for as long as the `&PidNamespace` is used.
        Ok(Self(unsafe { PidNamespace::from_ptr(ns) }.into()))
    }

    /// Returns the namespace that `task` is in. ESRCH: it has been reaped.
    pub(crate) fn of(task: &kernel::task::Task) -> Result<Self> {
        task.get_pid_ns().map(Self).ok_or(ESRCH)
    }

    /// Returns the namespace of the caller.
    pub(crate) fn of_current() -> Result<Self> {
        current!()
            .active_pid_ns()
            .map(|ns| Self(ns.into()))
            .ok_or(ESRCH)
    }

    /// Returns the namespace, for this layer.
    pub(in crate::kapi) fn namespace(&self) -> &PidNamespace {
        &self.0
    }

    /// Returns its address.
    pub(crate) fn as_ptr(&self) -> *mut bindings::pid_namespace {
        self.0.as_ptr()
    }

    /// Returns whether a task, process group or session has the pid `number`, or had it and there
    /// is who remembers it.
    pub(crate) fn has(&self, number: u32) -> bool {
        let _rcu = rcu::read_lock();
        // SAFETY: We own a reference, and in RCU what is found may be compared.
        unsafe { !bindings::find_pid_ns(number.cast_signed(), self.as_ptr()).is_null() }
    }

    /// Returns how deep it is nested; 0 for the initial one.
    pub(crate) fn level(&self) -> u32 {
        // SAFETY: We own a reference; the field does not change.
        unsafe { (*self.0.as_ptr()).level }
    }

    /// Returns the namespace around it; `None` for the initial one.
    pub(crate) fn parent(&self) -> Option<Self> {
        // SAFETY: We own a reference, which keeps the parent alive.
        unsafe { Self::get((*self.0.as_ptr()).parent).ok() }
    }

    /// Returns the pid of its init in `ns`; 0 if that is not in there, or gone.
    pub(crate) fn init_in(&self, ns: &Self) -> u32 {
        let _rcu = rcu::read_lock();
        // SAFETY: We own references on both; RCU keeps the pid that is found, or NULL.
        unsafe { bindings::pid_nr_ns(bindings::find_pid_ns(1, self.as_ptr()), ns.as_ptr()) }
            .unsigned_abs()
    }

    /// Returns the number in `ns` of the pid that has `number` here; 0: there is none, or it has
    /// none there.
    pub(crate) fn number_in(&self, number: u32, ns: &PidNs) -> u32 {
        let _rcu = rcu::read_lock();
        // SAFETY: Both namespaces are valid; RCU, whose lock is held, keeps the pid.
        let nr = unsafe {
            let pid = bindings::find_pid_ns(number.cast_signed(), self.as_ptr());
            bindings::pid_nr_ns(pid, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Returns the number in it of the thread group that has `number` in the initial namespace; 0:
    /// there is none, or it is not in here.
    pub(crate) fn process(&self, number: i32) -> u32 {
        if number <= 0 {
            return 0;
        }
        let _rcu = rcu::read_lock();
        // SAFETY: We own a reference; the initial namespace is always there. RCU keeps the pid that
        // is found, or NULL; the head of its list is read once, and not followed.
        unsafe {
            let pid = bindings::find_pid_ns(number, &raw mut bindings::init_pid_ns);
            let leads = |pid: *mut bindings::pid| {
                let kind = bindings::pid_type_PIDTYPE_TGID as usize;
                !(&raw const (*pid).tasks[kind].first)
                    .read_volatile()
                    .is_null()
            };
            if pid.is_null() || !leads(pid) {
                return 0;
            }
            bindings::pid_nr_ns(pid, self.as_ptr()).unsigned_abs()
        }
    }

    /// Returns the number in the initial namespace of the pid that is `number` in this one; 0:
    /// there is none.
    pub(crate) fn outermost(&self, number: u32) -> i32 {
        let Ok(number) = i32::try_from(number) else {
            return 0;
        };
        let _rcu = rcu::read_lock();
        // SAFETY: We own a reference; the initial namespace is always there. RCU keeps the pid that
        // is found, or NULL.
        unsafe {
            let pid = bindings::find_pid_ns(number, self.as_ptr());
            bindings::pid_nr_ns(pid, &raw mut bindings::init_pid_ns)
        }
    }

    /// Returns the last pid that was given out in it.
    pub(crate) fn last_pid(&self) -> u32 {
        // SAFETY: We own a reference; the cursor is an integer that is read once.
        let next = unsafe { (&raw const (*self.0.as_ptr()).idr.idr_next).read_volatile() };
        next.saturating_sub(1)
    }

    /// Lets the next pid be the first free one after `last`.
    pub(crate) fn set_last_pid(&self, last: u32) {
        // SAFETY: We own a reference. The cursor is an integer that may have any value, as
        // idr_set_cursor() sets it for /proc/sys/kernel/ns_last_pid.
        unsafe {
            (&raw mut (*self.0.as_ptr()).idr.idr_next).write_volatile(last.saturating_add(1));
        }
    }

    /// Returns what its pids are below.
    pub(crate) fn pid_max(&self) -> u32 {
        // SAFETY: We own a reference; the integer is read once.
        unsafe { (&raw const (*self.0.as_ptr()).pid_max).read_volatile() }.unsigned_abs()
    }

    /// Sets what its pids are to be below, for those that are made from now on.
    ///
    /// EINVAL: fewer than the kernel wants to have, or more than it can.
    pub(crate) fn set_pid_max(&self, max: u32) -> Result {
        let n = i32::try_from(max)?;
        // Those that are reserved are given out once only.
        let least = bindings::RESERVED_PIDS.cast_signed() + 1;
        if !(least..=bindings::PID_MAX_LIMIT).contains(&n) {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference. The integer may have any value in these bounds, as sysctl
        // sets it.
        unsafe { (&raw mut (*self.0.as_ptr()).pid_max).write_volatile(n) };
        Ok(())
    }

    /// Returns what memfd_create(2) does in it without a flag about execution, as of
    /// /proc/sys/vm/memfd_noexec.
    pub(crate) fn memfd_noexec(&self) -> u32 {
        #[cfg(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE))]
        // SAFETY: We own a reference; the integer is read once.
        return unsafe { (&raw const (*self.0.as_ptr()).memfd_noexec_scope).read_volatile() }
            .unsigned_abs();
        #[cfg(not(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE)))]
        0
    }

    /// Sets that; what it inherited is not relaxed. EOPNOTSUPP: the kernel has no such setting.
    pub(crate) fn set_memfd_noexec(&self, scope: u32) -> Result {
        if scope <= self.memfd_noexec() {
            return Ok(());
        }
        #[cfg(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE))]
        {
            let scope = c_int::try_from(scope)?;
            // SAFETY: We own a reference; the integer is written once, as sysctl does.
            unsafe { (&raw mut (*self.0.as_ptr()).memfd_noexec_scope).write_volatile(scope) };
            Ok(())
        }
        #[cfg(not(all(CONFIG_SYSCTL, CONFIG_MEMFD_CREATE)))]
        Err(EOPNOTSUPP)
    }

    /// Returns whether tasks that exit in it are accounted for in a file (acct(2)).
    pub(crate) fn has_accounting(&self) -> bool {
        #[cfg(CONFIG_BSD_PROCESS_ACCT)]
        // SAFETY: We own a reference; the pointer is only compared.
        return !unsafe { (&raw const (*self.0.as_ptr()).bacct).read_volatile() }.is_null();
        #[cfg(not(CONFIG_BSD_PROCESS_ACCT))]
        false
    }
}

impl PartialEq for PidNs {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.as_ptr(), other.as_ptr())
    }
}
