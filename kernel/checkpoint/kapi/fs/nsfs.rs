// SPDX-License-Identifier: GPL-2.0

//! Files that refer to namespaces: `fs/nsfs.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    task::Task, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        magic::NSFS_MAGIC,
        path::PathRef, //
    },
    ipc::namespace::IpcNs,
    net::namespace::NetNs,
    ns::proxy::Uts,
    pid::namespace::PidNs, //
};

/// A kind of namespace. The numbers are those of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum NsKind {
    /// Control groups.
    Cgroup = 1,
    /// System V IPC and message queues.
    Ipc = 2,
    /// Mounts.
    Mount = 3,
    /// Network.
    Net = 4,
    /// Pids.
    Pid = 5,
    /// Clocks.
    Time = 6,
    /// User and group ids.
    User = 7,
    /// Host name.
    Uts = 8,
}

/// All kinds, with their names and numbers (CLONE_NEW*).
const KINDS: &[(NsKind, &str, u32)] = &[
    (NsKind::Cgroup, "cgroup", bindings::CLONE_NEWCGROUP),
    (NsKind::Ipc, "ipc", bindings::CLONE_NEWIPC),
    (NsKind::Mount, "mount", bindings::CLONE_NEWNS),
    (NsKind::Net, "network", bindings::CLONE_NEWNET),
    (NsKind::Pid, "pid", bindings::CLONE_NEWPID),
    (NsKind::Time, "time", bindings::CLONE_NEWTIME),
    (NsKind::User, "user", bindings::CLONE_NEWUSER),
    (NsKind::Uts, "uts", bindings::CLONE_NEWUTS),
];

impl NsKind {
    /// Returns the kind with this number in an image.
    pub(crate) fn from_image(n: u64) -> Option<Self> {
        KINDS
            .iter()
            .map(|(kind, _, _)| *kind)
            .find(|kind| u64::from(*kind as u32) == n)
    }

    /// Returns its name, for messages.
    pub(crate) fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(kind, _, _)| *kind == self)
            .map_or("", |(_, name, _)| *name)
    }

    /// Returns what finds the namespace of this kind of a task; `None`: the kernel has no such.
    fn operations(self) -> Option<*const bindings::proc_ns_operations> {
        match self {
            #[cfg(CONFIG_CGROUPS)]
            Self::Cgroup => Some(&raw const bindings::cgroupns_operations),
            #[cfg(CONFIG_IPC_NS)]
            Self::Ipc => Some(&raw const bindings::ipcns_operations),
            Self::Mount => Some(&raw const bindings::mntns_operations),
            #[cfg(CONFIG_NET_NS)]
            Self::Net => Some(&raw const bindings::netns_operations),
            #[cfg(CONFIG_PID_NS)]
            Self::Pid => Some(&raw const bindings::pidns_operations),
            #[cfg(CONFIG_TIME_NS)]
            Self::Time => Some(&raw const bindings::timens_operations),
            #[cfg(CONFIG_USER_NS)]
            Self::User => Some(&raw const bindings::userns_operations),
            #[cfg(CONFIG_UTS_NS)]
            Self::Uts => Some(&raw const bindings::utsns_operations),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }
}

/// The namespace of an nsfs file.
///
/// # Invariants
///
/// The pointer is what the inode of `file` has of its namespace, which the file keeps.
pub(crate) struct NsFile<'a> {
    file: &'a FileRef,
    ns: NonNull<bindings::ns_common>,
}

impl<'a> NsFile<'a> {
    /// Returns that of `file`; `None`: it has none. The file may be open with O_PATH.
    pub(crate) fn of(file: &'a FileRef) -> Option<Self> {
        if file.fs_magic() != u64::from(NSFS_MAGIC) {
            return None;
        }
        // SAFETY: The file keeps its inode; that of a namespace has it in there, that of the root of
        // nsfs nothing.
        let ns = NonNull::new(unsafe { (*file.inode()).i_private }.cast())?;
        // INVARIANT: It was read from there, and is not NULL.
        Some(Self { file, ns })
    }

    /// Returns its kind; `None`: an unknown one.
    pub(crate) fn kind(&self) -> Option<NsKind> {
        // SAFETY: The file keeps the namespace; the field does not change.
        let flag = unsafe { (*self.ns.as_ptr()).ns_type };
        KINDS
            .iter()
            .find(|(_, _, f)| *f == flag)
            .map(|(kind, _, _)| *kind)
    }

    /// Returns whether the caller is in it.
    pub(crate) fn is_of_current(&self) -> bool {
        // SAFETY: The file keeps the namespace.
        unsafe { bindings::is_current_namespace(self.ns.as_ptr()) }
    }

    /// Returns the pid namespace that it is.
    pub(crate) fn pid_ns(&self) -> Result<PidNs> {
        if self.kind() != Some(NsKind::Pid) {
            return Err(EINVAL);
        }
        // SAFETY: It is the member of a pid namespace, by its kind, and the file keeps that.
        unsafe {
            PidNs::get(kernel::container_of!(
                self.ns.as_ptr(),
                bindings::pid_namespace,
                ns
            ))
        }
    }

    /// Returns the network namespace that it is; `None`: it is another one.
    pub(crate) fn net(&self) -> Option<NetNs> {
        if self.kind() != Some(NsKind::Net) {
            return None;
        }
        // SAFETY: It is the member of a network namespace, by its kind, and the file keeps that.
        unsafe { NetNs::get(bindings::checkpoint_netns_of_common(self.ns.as_ptr())) }.ok()
    }

    /// Address of the namespace itself, if it is one of ipc, network, uts or time: to be compared.
    pub(crate) fn addr(&self) -> usize {
        let ns = self.ns.as_ptr();
        match self.kind() {
            // SAFETY: It is the member of one, by its kind; only the address is of interest.
            Some(NsKind::Ipc) => unsafe {
                kernel::container_of!(ns, bindings::ipc_namespace, ns).addr()
            },
            // SAFETY: It is the member of one, by its kind; only the address is of interest.
            Some(NsKind::Uts) => unsafe {
                kernel::container_of!(ns, bindings::uts_namespace, ns).addr()
            },
            // SAFETY: It is the member of one, by its kind; only the address is of interest.
            Some(NsKind::Time) => unsafe {
                kernel::container_of!(ns, bindings::time_namespace, ns).addr()
            },
            // SAFETY: It is the member of one, by its kind; only the address is of interest.
            Some(NsKind::Net) => unsafe { bindings::checkpoint_netns_of_common(ns) }.addr(),
            _ => ns.addr(),
        }
    }

    /// Returns a reference on the file.
    pub(crate) fn file(&self) -> FileRef {
        self.file.clone()
    }
}

impl PathRef {
    /// Opens the namespace of `kind` that `task` is in, as /proc/PID/ns does.
    ///
    /// EOPNOTSUPP: the kernel has no such. ENOENT: the task is exiting.
    pub(crate) fn of_namespace(kind: NsKind, task: &Task) -> Result<Self> {
        let operations = kind.operations().ok_or(EOPNOTSUPP)?;
        let mut path = bindings::path::default();
        // SAFETY: We have a reference on the task; on success the path comes with references, which
        // are handed over.
        unsafe {
            to_result(bindings::ns_get_path(&mut path, task.as_ptr(), operations))?;
            Ok(Self::from_owned(path))
        }
    }

    /// Opens the uts namespace `ns`.
    pub(crate) fn of_uts(ns: &Uts) -> Result<Self> {
        /// Takes a reference for the caller.
        ///
        /// # Safety
        ///
        /// `ns` is a valid uts namespace.
        unsafe extern "C" fn get(ns: *mut c_void) -> *mut bindings::ns_common {
            let ns: *mut bindings::uts_namespace = ns.cast();
            // SAFETY: By the caller's promise it is a valid uts namespace, on which a reference may
            // be taken.
            unsafe {
                bindings::get_uts_ns(ns);
                &raw mut (*ns).ns
            }
        }
        // SAFETY: The function takes a uts namespace, on which we have a reference.
        unsafe { Self::of_common(get, ns.as_ptr().cast()) }
    }

    /// Opens the ipc namespace `ns`.
    pub(crate) fn of_ipc(ns: &IpcNs) -> Result<Self> {
        /// Takes a reference for the caller.
        ///
        /// # Safety
        ///
        /// `ns` is a valid ipc namespace.
        unsafe extern "C" fn get(ns: *mut c_void) -> *mut bindings::ns_common {
            let ns: *mut bindings::ipc_namespace = ns.cast();
            // SAFETY: By the caller's promise it is a valid ipc namespace, on which a reference may
            // be taken.
            unsafe {
                bindings::get_ipc_ns(ns);
                &raw mut (*ns).ns
            }
        }
        // SAFETY: The function takes an ipc namespace, on which we have a reference.
        unsafe { Self::of_common(get, ns.as_ptr().cast()) }
    }

    /// Opens the network namespace `ns`.
    pub(crate) fn of_net(ns: &NetNs) -> Result<Self> {
        /// Takes a reference for the caller.
        ///
        /// # Safety
        ///
        /// `ns` is a valid network namespace.
        unsafe extern "C" fn get(ns: *mut c_void) -> *mut bindings::ns_common {
            // SAFETY: By the caller's promise it is a valid network namespace, on which a reference
            // may be taken.
            unsafe { bindings::checkpoint_netns_common(bindings::checkpoint_netns_get(ns.cast())) }
        }
        // SAFETY: The function takes a network namespace, on which we have a reference.
        unsafe { Self::of_common(get, ns.as_ptr().cast()) }
    }

    /// Opens a namespace, on which `get` takes a reference.
    ///
    /// # Safety
    ///
    /// `get` may be called with `ns`.
    unsafe fn of_common(
        get: unsafe extern "C" fn(*mut c_void) -> *mut bindings::ns_common,
        ns: *mut c_void,
    ) -> Result<Self> {
        let mut path = bindings::path::default();
        // SAFETY: By the caller's promise; on success the path comes with references, which are
        // handed over.
        unsafe {
            to_result(bindings::ns_get_path_cb(&mut path, Some(get), ns))?;
            Ok(Self::from_owned(path))
        }
    }
}
