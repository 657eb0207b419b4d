// SPDX-License-Identifier: GPL-2.0

//! Namespaces for what is restarted.

use anyhow::{
    bail,
    Context, //
};
use libcheckpoint::{
    process,
    signals::{
        self,
        Ended, //
    },
    tree, //
};
use rustix::{
    fs::{
        Mode,
        OFlags, //
    },
    mount::{
        mount,
        mount_change,
        MountFlags,
        MountPropagationFlags, //
    },
    process::{
        chroot,
        fchdir, //
    },
    thread::{
        move_into_link_name_space,
        move_into_thread_name_spaces,
        LinkNameSpaceType,
        ThreadNameSpaceType,
        UnshareFlags, //
    }, //
};
use std::{
    fs::File,
    io,
    os::fd::{
        BorrowedFd,
        OwnedFd, //
    },
    path::Path, //
};

fn unshare(flags: UnshareFlags, what: &str) -> anyhow::Result<()> {
    // SAFETY: this process has one thread, and neither flag unshares descriptors.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .with_context(|| format!("cannot make a new {what} namespace (needs CAP_SYS_ADMIN)"))
}

/// Has the next child of this process become init of a new pid namespace.
pub fn new_pids() -> anyhow::Result<()> {
    unshare(UnshareFlags::NEWPID, "pid")
}

/// Returns the pid namespace of this process.
pub fn own_pids() -> anyhow::Result<OwnedFd> {
    let file = File::open("/proc/self/ns/pid").context("cannot open /proc/self/ns/pid")?;
    Ok(file.into())
}

/// Has the next children of this process come into a pid namespace: that of [`own_pids`], after
/// [`new_pids`].
pub fn children_in(namespace: BorrowedFd<'_>) -> anyhow::Result<()> {
    enter(namespace, LinkNameSpaceType::ProcessID, "pid")
}

/// Puts this process into a new mount namespace whose mounts nobody else sees.
pub fn new_mounts() -> anyhow::Result<()> {
    unshare(UnshareFlags::NEWNS, "mount")?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )
    .context("cannot make the mounts private")
}

/// Mounts on /proc what shows the pid namespace of this process.
pub fn mount_proc() -> anyhow::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).context("cannot mount /proc")
}

/// Mounts on /proc what shows the pid namespace of the process `pidfd`.
pub fn mount_proc_of(pidfd: BorrowedFd<'_>) -> anyhow::Result<()> {
    // A process that only its children can enter: a child does it.
    let outer = signals::fork(|| {
        let entered = move_into_thread_name_spaces(pidfd, ThreadNameSpaceType::PROCESS_ID);
        if entered.is_err() {
            return 1;
        }
        let Ok(inner) = signals::fork(|| i32::from(mount_proc().is_err())) else {
            return 1;
        };
        match signals::reap(Some(inner.pid), true) {
            Ok(Some((_, ended))) => ended.status(),
            _ => 1,
        }
    })?;
    match signals::reap(Some(outer.pid), true)? {
        Some((_, Ended::Exited(0))) => Ok(()),
        _ => bail!("cannot mount a /proc that shows the processes' pid namespace"),
    }
}

/// Returns the pid here of the process that has pid `inner` in the pid namespace of its init
/// `init`.
pub fn outer_pid(init: i32, inner: i32) -> Option<i32> {
    let tree = tree::subtree(init).ok()?;
    tree.iter()
        .filter(|p| p.parent == init)
        .find(|p| {
            // The container's own namespace may be a level below.
            process::pids_by_namespace(p.pid).is_ok_and(|pids| pids.get(1) == Some(&inner))
        })
        .map(|p| p.pid)
}

/// Enters a uts namespace.
pub fn enter_uts(namespace: BorrowedFd<'_>) -> anyhow::Result<()> {
    enter(
        namespace,
        LinkNameSpaceType::HostNameAndNISDomainName,
        "uts",
    )
}

/// Enters an ipc namespace.
pub fn enter_ipc(namespace: BorrowedFd<'_>) -> anyhow::Result<()> {
    enter(
        namespace,
        LinkNameSpaceType::InterProcessCommunication,
        "ipc",
    )
}

/// Enters a network namespace.
pub fn enter_net(namespace: BorrowedFd<'_>) -> anyhow::Result<()> {
    enter(namespace, LinkNameSpaceType::Network, "network")
}

fn enter(namespace: BorrowedFd<'_>, kind: LinkNameSpaceType, name: &str) -> anyhow::Result<()> {
    move_into_link_name_space(namespace, Some(kind))
        .map_err(io::Error::from)
        .with_context(|| format!("cannot enter the {name} namespace (needs CAP_SYS_ADMIN)"))
}

/// Another root directory.
pub struct Root {
    inside: OwnedFd,
    outside: OwnedFd,
    /// The working directory before.
    home: OwnedFd,
}

impl Root {
    /// Opens that at `path`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty())
                .map_err(io::Error::from)
                .with_context(|| format!("cannot open the directory {}", path.display()))
        };
        Ok(Self {
            inside: open(path)?,
            outside: open(Path::new("/"))?,
            home: open(Path::new("."))?,
        })
    }

    /// Does `f` with it as the root directory of this process.
    pub fn inside<T>(&self, f: impl FnOnce() -> T) -> anyhow::Result<T> {
        let enter = |dir: &OwnedFd| {
            fchdir(dir)
                .and_then(|()| chroot("."))
                .map_err(io::Error::from)
        };
        enter(&self.inside).context("cannot change the root directory (needs CAP_SYS_CHROOT)")?;
        let result = f();
        enter(&self.outside)
            .and_then(|()| Ok(fchdir(&self.home)?))
            .context("cannot return to the root directory")?;
        Ok(result)
    }
}
