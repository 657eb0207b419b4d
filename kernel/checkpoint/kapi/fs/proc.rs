// SPDX-License-Identifier: GPL-2.0

//! Entries of procfs: `fs/proc/`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    str::CStr,
    task::Task, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        path::PathRef, //
    },
    pid::namespace::PidNs,
    task::{
        frozen::FrozenTask,
        links::PidRef, //
    }, //
};

/// Of which task an entry is.
pub(crate) struct ProcPids {
    /// The pid of /proc/PID; `None`: it is of no task.
    pub(crate) process: Option<PidRef>,
    /// The pid of /proc/PID/task/TID.
    pub(crate) thread: Option<PidRef>,
}

impl ProcPids {
    /// Returns the pids of its task: what is below the directory of a thread shows the thread.
    pub(crate) fn pids(&self) -> impl Iterator<Item = &PidRef> {
        [&self.process, &self.thread].into_iter().flatten()
    }

    /// Returns whether the task has been reaped, which has left the entry open.
    pub(crate) fn is_dead(&self) -> bool {
        self.pids().any(|pid| pid.task().is_none())
    }
}

/// Paths on procfs only.
impl PathRef {
    /// Returns of which task it is.
    pub(crate) fn proc_pids(&self) -> ProcPids {
        let mut pids = [core::ptr::null_mut(); 2];
        #[cfg(CONFIG_PROC_FS)]
        // SAFETY: We own references; the array has room for the two pids, each of which comes with a
        // reference or is NULL.
        unsafe {
            bindings::checkpoint_proc_pids(self.as_raw().dentry, pids.as_mut_ptr())
        };
        // SAFETY: Each is NULL, or comes with a reference that is ours.
        let [process, thread] = pids.map(|pid| unsafe { PidRef::from_owned(pid) }.ok());
        ProcPids { process, thread }
    }

    /// Returns the pid namespace whose numbers are names in its instance.
    pub(crate) fn proc_ns(&self) -> Result<PidNs> {
        // SAFETY: We own references; a dentry keeps its superblock, and that of procfs its
        // namespace.
        unsafe { PidNs::get(bindings::proc_pid_ns((*self.as_raw().dentry).d_sb)) }
    }

    /// Returns whether it is of no namespace, or of one that the task `t` is in: settings
    /// (/proc/sys), and what is in /proc/PID/net.
    pub(crate) fn is_of_namespaces(&self, t: &FrozenTask) -> bool {
        #[cfg(CONFIG_PROC_FS)]
        // SAFETY: We own references on the path, which keeps its inode, one of procfs, and on the task.
        return unsafe {
            bindings::checkpoint_proc_is_of((*self.as_raw().dentry).d_inode, t.as_ptr())
        };
        #[cfg(not(CONFIG_PROC_FS))]
        true
    }

    /// Returns the root of its mount; `None`: that is not the root of its filesystem.
    pub(crate) fn filesystem_root(&self) -> Option<PathRef> {
        let path = self.as_raw();
        // SAFETY: We own references, which keep mount and superblock, and these their roots.
        unsafe {
            let root = (*path.mnt).mnt_root;
            if (*(*path.dentry).d_sb).s_root != root {
                return None;
            }
            Some(PathRef::get(&bindings::path {
                mnt: path.mnt,
                dentry: root,
            }))
        }
    }

    /// Makes an entry like this one, which is of a task that lives, for one that was reaped: of
    /// `pid`, which has no task. `process` and `thread` are the numbers that it had; nobody finds
    /// it by them.
    ///
    /// EINVAL: it is not an entry of a task, or is not below a directory of a thread.
    pub(crate) fn proc_dead(
        &self,
        pid: &PidRef,
        process: &CStr,
        thread: Option<&CStr>,
    ) -> Result<PathRef> {
        #[cfg(CONFIG_PROC_FS)]
        {
            let mut path = bindings::path::default();
            let thread = thread.map_or(core::ptr::null(), |t| t.as_char_ptr());
            // SAFETY: We own references on all; the names are NUL-terminated or NULL. On success the
            // path comes with references, which are handed over.
            unsafe {
                to_result(bindings::checkpoint_proc_dead(
                    self.as_raw(),
                    pid.as_ptr(),
                    process.as_char_ptr(),
                    thread,
                    &mut path,
                ))?;
                Ok(PathRef::from_owned(path))
            }
        }
        #[cfg(not(CONFIG_PROC_FS))]
        {
            let _ = (pid, process, thread, to_result(0));
            Err(EINVAL)
        }
    }
}

/// Open files of a task on procfs only.
impl FileRef {
    /// Opens the memory of a task, `path` (/proc/PID/mem), without the question whether the caller may:
    /// that is for who asks it in another way. EINVAL: it is another entry; ESRCH: it has none.
    pub(crate) fn open_memory(path: &PathRef, flags: u32) -> Result<Self> {
        #[cfg(CONFIG_PROC_FS)]
        // SAFETY: The path is referenced, and on procfs; a file that is returned comes with a reference.
        return unsafe {
            Self::from_owned(bindings::checkpoint_proc_mem(
                path.as_raw(),
                flags.cast_signed(),
            ))
        };
        #[cfg(not(CONFIG_PROC_FS))]
        {
            let _ = (path, flags);
            Err(EINVAL)
        }
    }

    /// Returns whether this mem, environ, auxv or pagemap, or with `seq` maps or one like it, shows
    /// the address space that `t` has.
    pub(crate) fn shows_memory_of(&self, t: &Task, seq: bool) -> bool {
        #[cfg(CONFIG_PROC_FS)]
        // SAFETY: We own a reference on the file, and on the task; the addresses are compared only.
        unsafe {
            let mm = bindings::checkpoint_proc_mm(self.as_ptr(), seq);
            !mm.is_null() && core::ptr::eq(mm, (&raw const (*t.as_ptr()).mm).read_volatile())
        }
        #[cfg(not(CONFIG_PROC_FS))]
        {
            let _ = (t, seq);
            false
        }
    }

    /// Returns whether it is mounts, mountinfo or mountstats of a task, and shows the mounts of the
    /// caller's namespace as they are seen from `root`.
    pub(crate) fn shows_mounts_from(&self, root: &PathRef) -> bool {
        #[cfg(CONFIG_PROC_FS)]
        // SAFETY: We own references on both.
        unsafe {
            bindings::checkpoint_proc_mounts_from(self.as_ptr(), root.as_raw())
        }
        #[cfg(not(CONFIG_PROC_FS))]
        {
            let _ = root;
            false
        }
    }

    /// Sets the position without having anything read up to it: what a file of the kernel shows is
    /// made when it is read.
    pub(crate) fn set_pos(&self, pos: i64) -> Result {
        // SAFETY: We own a reference; it was just opened, so nobody else moves its position.
        let at = unsafe { bindings::vfs_setpos(self.as_ptr(), pos, i64::MAX) };
        if at == pos {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }
}
