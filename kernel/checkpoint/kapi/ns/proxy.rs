// SPDX-License-Identifier: GPL-2.0

//! Namespaces of tasks, pid namespaces aside.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*,
    time::NSEC_PER_SEC as NSEC, //
};

use crate::{
    image::ns::UTS_LEN,
    kapi::{
        fork::restoring::Restoring,
        ipc::namespace::IpcNs,
        net::namespace::{
            no_memory,
            NetNs, //
        },
        pid::namespace::PidNs,
        task::frozen::FrozenTask, //
    }, //
};

/// A name in a uts namespace, padded with NUL.
pub(crate) type UtsName = [u8; UTS_LEN];

/// A reference on a uts namespace.
///
/// # Invariants
///
/// The pointer is a valid `struct uts_namespace` on which this owns a reference.
pub(crate) struct Uts(NonNull<bindings::uts_namespace>);

// SAFETY: Any thread may use and drop a reference; the names are read and written under uts_sem.
unsafe impl Send for Uts {}
// SAFETY: The names are read and written under uts_sem, and a shared reference does not give ours
// up.
unsafe impl Sync for Uts {}

impl Uts {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is valid for the duration of the call.
    unsafe fn get(ns: *mut bindings::uts_namespace) -> Result<Self> {
        let ns = NonNull::new(ns).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise it is valid, with a count that is not zero.
        unsafe { bindings::get_uts_ns(ns.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Ok(Self(ns))
    }

    /// Returns that of the current task.
    pub(crate) fn of_current() -> Self {
        // SAFETY: The nsproxy of the running task is valid, and so is its namespace.
        unsafe {
            let ns = (*(*bindings::get_current()).nsproxy).uts_ns;
            bindings::get_uts_ns(ns);
            // INVARIANT: The reference was just taken.
            Self(NonNull::new_unchecked(ns))
        }
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the namespace, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::uts_namespace {
        self.0.as_ptr()
    }

    /// Returns the number of references on it, ours included: of nsproxies, open files, mounts.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference on the namespace, which keeps it valid.
        u64::from(unsafe { bindings::uts_ns_count(self.0.as_ptr()) }.unsigned_abs())
    }

    /// Returns the node name and domain name.
    pub(crate) fn names(&self) -> (UtsName, UtsName) {
        // SAFETY: We own a reference; names change under uts_sem.
        unsafe {
            bindings::down_read(&raw mut bindings::uts_sem);
            let name = &(*self.0.as_ptr()).name;
            let names = (padded(&name.nodename), padded(&name.domainname));
            bindings::up_read(&raw mut bindings::uts_sem);
            names
        }
    }

    fn set_names(&self, node: &UtsName, domain: &UtsName) {
        // SAFETY: We own a reference; names change under uts_sem. sethostname(2) and
        // setdomainname(2) want CAP_SYS_ADMIN over the namespace, which it took to make it, and a
        // length that was checked with the image. Nobody waits for a change of a new one.
        unsafe {
            bindings::down_write(&raw mut bindings::uts_sem);
            let name = &mut (*self.0.as_ptr()).name;
            name.nodename = padded(node);
            name.domainname = padded(domain);
            bindings::up_write(&raw mut bindings::uts_sem);
        }
    }
}

impl Clone for Uts {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::get_uts_ns(self.0.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for Uts {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::put_uts_ns(self.0.as_ptr()) };
    }
}

/// A reference on the set of namespaces that tasks share which have the same of all kinds.
///
/// # Invariants
///
/// The pointer is a valid `struct nsproxy` on which this owns a reference.
pub(crate) struct Proxy(NonNull<bindings::nsproxy>);

// SAFETY: Any thread may drop a reference; nothing in it changes.
unsafe impl Send for Proxy {}

// SAFETY: Nothing in it changes but its count, which is read atomically.
unsafe impl Sync for Proxy {}

impl Proxy {
    /// Returns that of `t`. ESRCH: it is exiting.
    pub(crate) fn of(t: &FrozenTask) -> Result<Self> {
        let t = t.as_ptr();
        // SAFETY: We own a reference on the task; its task_lock keeps its nsproxy.
        unsafe {
            bindings::task_lock(t);
            let proxy = NonNull::new((*t).nsproxy);
            if let Some(proxy) = proxy {
                bindings::nsproxy_get(proxy.as_ptr());
            }
            bindings::task_unlock(t);
            // INVARIANT: The reference was just taken.
            proxy.map(Self).ok_or(ESRCH)
        }
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Address of its uts namespace.
    pub(crate) fn uts_addr(&self) -> usize {
        // SAFETY: We own a reference on the nsproxy, which keeps it valid.
        unsafe { (*self.0.as_ptr()).uts_ns }.addr()
    }

    /// Address of its ipc namespace.
    pub(crate) fn ipc_addr(&self) -> usize {
        // SAFETY: We own a reference on the nsproxy, which keeps it valid.
        unsafe { (*self.0.as_ptr()).ipc_ns }.addr()
    }

    /// Address of its network namespace.
    pub(crate) fn net_addr(&self) -> usize {
        // SAFETY: We own a reference on the nsproxy, which keeps it valid.
        unsafe { (*self.0.as_ptr()).net_ns }.addr()
    }

    /// Returns the number of tasks that have it, and of other references, ours included.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference on the nsproxy, which keeps it valid.
        u64::from(unsafe { bindings::nsproxy_count(self.0.as_ptr()) }.unsigned_abs())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::nsproxy_put(self.0.as_ptr()) };
    }
}

/// Returns a name with NULs after its end.
fn padded(name: &UtsName) -> UtsName {
    let mut out = [0; UTS_LEN];
    for (to, from) in out.iter_mut().zip(name.iter().take(UTS_LEN - 1)) {
        if *from == 0 {
            break;
        }
        *to = *from;
    }
    out
}

/// Offsets of a time namespace in nanoseconds: monotonic, boottime.
pub(crate) type TimeOffsets = (i64, i64);

/// The namespaces of a task.
pub(crate) struct Namespaces {
    /// uts.
    pub(crate) uts: Uts,
    /// ipc.
    pub(crate) ipc: IpcNs,
    /// Network.
    pub(crate) net: NetNs,
    /// The pid namespace of its children to come.
    pub(crate) pid_for_children: PidNs,
    /// Address of its time namespace, to compare.
    pub(crate) time: usize,
    /// Address of the time namespace of its children to come, to compare.
    pub(crate) time_for_children: usize,
    /// Offsets of its time namespace.
    pub(crate) offsets: TimeOffsets,
    /// Name of the first namespace that it does not share with the caller, of those that it
    /// has to.
    pub(crate) foreign: Option<&'static str>,
}

fn nanoseconds(ts: &bindings::timespec64) -> i64 {
    ts.tv_sec
        .saturating_mul(NSEC)
        // CAST: Both have 64 bits.
        .saturating_add(ts.tv_nsec as i64)
}

fn timespec(ns: i64) -> bindings::timespec64 {
    bindings::timespec64 {
        tv_sec: ns.div_euclid(NSEC),
        // CAST: Both have 64 bits.
        tv_nsec: ns.rem_euclid(NSEC) as c_long,
    }
}

impl FrozenTask {
    /// Returns its namespaces. ESRCH: it is exiting.
    pub(crate) fn namespaces(&self) -> Result<Namespaces> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; its task_lock keeps its nsproxy. That of the
        // running task is valid.
        unsafe {
            bindings::task_lock(t);
            let theirs = (*t).nsproxy;
            let result = if theirs.is_null() {
                Err(ESRCH)
            } else {
                read(&*theirs, &*(*bindings::get_current()).nsproxy)
            };
            bindings::task_unlock(t);
            result
        }
    }
}

/// Returns the namespaces of a task, `theirs`, compared with `ours`.
///
/// # Safety
///
/// Both are valid for the duration of the call.
unsafe fn read(theirs: &bindings::nsproxy, ours: &bindings::nsproxy) -> Result<Namespaces> {
    let foreign = if theirs.mnt_ns != ours.mnt_ns {
        Some("mount")
    } else if theirs.cgroup_ns != ours.cgroup_ns {
        Some("cgroup")
    } else {
        None
    };
    // SAFETY: By the caller's promise the nsproxy, and so its namespaces, are valid.
    unsafe {
        let offsets = &(*theirs.time_ns).offsets;
        Ok(Namespaces {
            uts: Uts::get(theirs.uts_ns)?,
            ipc: IpcNs::get(theirs.ipc_ns)?,
            net: NetNs::get(theirs.net_ns)?,
            pid_for_children: PidNs::get(theirs.pid_ns_for_children)?,
            time: theirs.time_ns.addr(),
            time_for_children: theirs.time_ns_for_children.addr(),
            offsets: (
                nanoseconds(&offsets.monotonic),
                nanoseconds(&offsets.boottime),
            ),
            foreign,
        })
    }
}

/// Namespaces in the making for the current task.
///
/// # Invariants
///
/// unshare_nsproxy_namespaces() made them; nobody else knows them yet.
struct NewProxy(NonNull<bindings::nsproxy>);

impl NewProxy {
    /// Copies of those of the current task, new ones of the kinds in `flags`.
    fn unshare(flags: u32) -> Result<Self> {
        let mut new = core::ptr::null_mut();
        // SAFETY: For the running task; permissions are checked there.
        to_result(unsafe {
            bindings::unshare_nsproxy_namespaces(
                u32_as_usize(flags),
                &mut new,
                core::ptr::null_mut(),
                core::ptr::null_mut(),
            )
        })?;
        // INVARIANT: They were just made, and are ours.
        NonNull::new(new).map(Self).ok_or(EINVAL)
    }

    fn as_ptr(&self) -> *mut bindings::nsproxy {
        self.0.as_ptr()
    }

    /// Installs them.
    fn install(self) {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: They are complete, and ours: the task takes over the reference.
        unsafe { bindings::switch_task_namespaces(bindings::get_current(), this.as_ptr()) };
    }
}

impl Drop for NewProxy {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants nobody else uses them.
        unsafe { bindings::nsproxy_free(self.as_ptr()) };
    }
}

/// Makes a uts namespace with these names, which no task is in.
///
/// EPERM: the caller may not create one.
pub(crate) fn make_uts(node: &UtsName, domain: &UtsName) -> Result<Uts> {
    let new = NewProxy::unshare(bindings::CLONE_NEWUTS)?;
    // SAFETY: The new nsproxy is ours.
    let uts = unsafe { Uts::get((*new.as_ptr()).uts_ns)? };
    uts.set_names(node, domain);
    Ok(uts)
}

/// Makes a new ipc namespace. No task is in it.
///
/// EPERM: the caller may not create one.
pub(crate) fn new_ipc() -> Result<IpcNs> {
    let new = NewProxy::unshare(bindings::CLONE_NEWIPC)?;
    // SAFETY: The new nsproxy is ours, and has a reference on the namespace.
    unsafe { IpcNs::get((*new.as_ptr()).ipc_ns) }
}

/// Makes a new network namespace. No task is in it.
///
/// EPERM: the caller may not create one. ENOSPC: it has made as many as it may
/// (user.max_net_namespaces). EINVAL: the kernel has none.
pub(crate) fn new_net() -> Result<NetNs> {
    let new = NewProxy::unshare(bindings::CLONE_NEWNET).map_err(no_memory)?;
    // SAFETY: The new nsproxy is ours, and has a reference on the namespace.
    unsafe { NetNs::get((*new.as_ptr()).net_ns) }
}

/// Puts the current task, which has no System V objects of its own yet, into `uts`, `ipc` and
/// `net`, where they are given.
///
/// EPERM: the caller may not create a namespace, so neither enter one.
pub(crate) fn enter(
    _: &Restoring,
    uts: Option<&Uts>,
    ipc: Option<&IpcNs>,
    net: Option<&NetNs>,
) -> Result {
    // Whichever it is: a new uts namespace takes the same capability and is made in no time.
    let new = NewProxy::unshare(bindings::CLONE_NEWUTS)?;
    // SAFETY: The new nsproxy is ours, and so are its references; that of the running task is
    // valid. setns(2) wants CAP_SYS_ADMIN over both user namespaces: the one that owns `uts`, `ipc` and
    // `net` is the task's, unless it is in them already, and to make another nsproxy took that
    // capability just now. As setns(2) does, a
    // task that changes its ipc namespace gives up the list of adjustments that it was made with, and
    // shares with threads that may be elsewhere: exit_sem() of the last with it would look there for
    // the semaphores that it knows, for ever.
    unsafe {
        let uts = match uts {
            Some(uts) => uts.as_ptr(),
            None => (*(*bindings::get_current()).nsproxy).uts_ns,
        };
        bindings::get_uts_ns(uts);
        bindings::put_uts_ns(core::mem::replace(&mut (*new.as_ptr()).uts_ns, uts));
        if let Some(ipc) = ipc {
            bindings::get_ipc_ns(ipc.as_ptr());
            let old = core::mem::replace(&mut (*new.as_ptr()).ipc_ns, ipc.as_ptr());
            bindings::put_ipc_ns(old);
            bindings::exit_sem(bindings::get_current());
        }
        if let Some(net) = net {
            let old = core::mem::replace(&mut (*new.as_ptr()).net_ns, net.clone().into_raw());
            bindings::checkpoint_netns_put(old);
        }
    }
    new.install();
    Ok(())
}

/// Puts the current task, which has an address space of its own, into a new time namespace.
///
/// EPERM: the caller may not create one (CAP_SYS_ADMIN) or set its clocks (CAP_SYS_TIME). ERANGE:
/// the clocks would be out of range.
pub(crate) fn enter_time(_: &Restoring, offsets: TimeOffsets) -> Result {
    // SAFETY: They read clocks, and may be called anywhere.
    let (monotonic, boottime) =
        unsafe { (bindings::ktime_get(), bindings::ktime_get_boottime_ns()) };
    for (clock, offset) in [
        (monotonic, offsets.0),
        (i64::try_from(boottime)?, offsets.1),
    ] {
        // As for /proc/self/timens_offsets: half of the range must be left.
        let seen = clock.checked_add(offset).ok_or(ERANGE)?;
        if !(0..=i64::MAX / 2).contains(&seen) {
            return Err(ERANGE);
        }
    }
    // SAFETY: The user namespace of the running task, which will own the time namespace.
    if !unsafe {
        bindings::ns_capable(
            bindings::current_user_ns(),
            bindings::CAP_SYS_TIME.cast_signed(),
        )
    } {
        return Err(EPERM);
    }
    let new = NewProxy::unshare(bindings::CLONE_NEWTIME)?;
    // SAFETY: The new nsproxy and its time namespace for children are ours and nobody has joined
    // yet, so the offsets may change. The capability and the range were checked above, as
    // proc_timens_set_offset() checks them.
    unsafe {
        let ns = (*new.as_ptr()).time_ns_for_children;
        (*ns).offsets.monotonic = timespec(offsets.0);
        (*ns).offsets.boottime = timespec(offsets.1);
        bindings::timens_on_fork(new.as_ptr(), bindings::get_current());
    }
    new.install();
    Ok(())
}

/// Returns whether children of the current task would be in another time namespace than it is.
pub(crate) fn has_time_for_children() -> bool {
    // SAFETY: The nsproxy of the running task is valid; the pointers are compared only.
    unsafe {
        let ns = (*bindings::get_current()).nsproxy;
        (*ns).time_ns_for_children != (*ns).time_ns
    }
}

/// Offsets of the current task's time namespace.
pub(crate) fn time_offsets() -> TimeOffsets {
    // SAFETY: The nsproxy of the running task is valid, and so is its time namespace.
    unsafe {
        let offsets = &(*(*(*bindings::get_current()).nsproxy).time_ns).offsets;
        (
            nanoseconds(&offsets.monotonic),
            nanoseconds(&offsets.boottime),
        )
    }
}
