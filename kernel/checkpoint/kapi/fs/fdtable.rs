// SPDX-License-Identifier: GPL-2.0

//! Descriptor tables.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    fs::file::FileRef,
    task::frozen::FrozenTask, //
};

const _: () = {
    use crate::image::files::*;
    assert!(NOTIFY_ACCESS == bindings::DN_ACCESS);
    assert!(NOTIFY_MODIFY == bindings::DN_MODIFY);
    assert!(NOTIFY_CREATE == bindings::DN_CREATE);
    assert!(NOTIFY_DELETE == bindings::DN_DELETE);
    assert!(NOTIFY_RENAME == bindings::DN_RENAME);
    assert!(NOTIFY_ATTRIB == bindings::DN_ATTRIB);
    assert!(NOTIFY_MULTISHOT == bindings::DN_MULTISHOT);
};

/// A counted reference on a descriptor table.
///
/// # Invariants
///
/// The pointer is a valid `struct files_struct` on which this owns a reference.
pub(crate) struct FilesRef(NonNull<bindings::files_struct>);

// SAFETY: A reference on a table may be used and dropped by any thread.
unsafe impl Send for FilesRef {}

// SAFETY: The descriptors are read under the lock of the table, and the count atomically.
unsafe impl Sync for FilesRef {}

/// A descriptor of a table.
pub(crate) struct Descriptor {
    /// Its number.
    pub(crate) fd: u32,
    /// It is closed by exec.
    pub(crate) cloexec: bool,
    /// The open file.
    pub(crate) file: FileRef,
}

impl FilesRef {
    /// Returns the table of `t`; `None` if the task has exited.
    pub(crate) fn of(t: &FrozenTask) -> Option<Self> {
        let task = t.as_ptr();
        // SAFETY: The task is valid; under its lock it keeps its table.
        unsafe {
            bindings::task_lock(task);
            let files = NonNull::new((*task).files);
            if let Some(files) = files {
                bindings::atomic_inc(&raw mut (*files.as_ptr()).count);
            }
            bindings::task_unlock(task);
            // INVARIANT: The reference was just taken.
            files.map(Self)
        }
    }

    /// Returns a new table. It has those of the first few descriptors that kernel threads opened:
    /// hardly ever any.
    pub(crate) fn new() -> Result<Self> {
        // All are left out that dup_fd() can leave out: it copies the smallest table that there is.
        let mut all = bindings::fd_range {
            from: 0,
            to: u32::MAX,
        };
        // SAFETY: The table of the kernel's threads is always there; the range is ours.
        let files = unsafe { bindings::dup_fd(&raw mut bindings::init_files, &mut all) };
        // INVARIANT: A new table comes with one reference, which is ours.
        NonNull::new(from_err_ptr(files)?).ok_or(ENOMEM).map(Self)
    }

    /// Returns the table, for this layer.
    pub(super) fn as_ptr(&self) -> *mut bindings::files_struct {
        self.0.as_ptr()
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the number of references on it, ours included.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference on the table, which keeps it valid.
        let n = unsafe { bindings::atomic_read(&raw const (*self.0.as_ptr()).count) };
        u64::from(n.unsigned_abs())
    }

    /// Returns what the directory `file` is watched for by a descriptor of this table (F_NOTIFY):
    /// that descriptor, and `NOTIFY_*` of an image.
    pub(crate) fn directory_watch(&self, file: &FileRef) -> Option<(u32, u32)> {
        #[cfg(CONFIG_DNOTIFY)]
        {
            let mut fd = 0;
            // SAFETY: We own references on both; the table is compared only.
            let what = unsafe {
                bindings::checkpoint_dnotify_get(self.0.as_ptr(), file.as_ptr(), &mut fd)
            };
            (what != 0).then_some((u32::try_from(fd).unwrap_or(u32::MAX), what))
        }
        #[cfg(not(CONFIG_DNOTIFY))]
        {
            let _ = file;
            None
        }
    }

    /// Watches the directory `file` by its descriptor `fd` in this table for `what` (`NOTIFY_*`),
    /// as F_NOTIFY does. Who gets the signals is left as it is. None of its tasks may run.
    ///
    /// EINVAL: that is switched off (fs.dir-notify-enable). EBADF: it is open for its path only.
    pub(crate) fn watch_directory(&self, fd: u32, file: &FileRef, what: u32) -> Result {
        #[cfg(CONFIG_DNOTIFY)]
        {
            // That would stay when the file is closed, and follow it when something happens then.
            if file.is_path_only() {
                return Err(EBADF);
            }
            let fd = i32::try_from(fd)?;
            // SAFETY: We own references on both, and the file has this descriptor in the table, and is
            // no O_PATH one. As no task that has the table runs, nobody closes it.
            to_result(unsafe {
                bindings::checkpoint_dnotify_add(self.0.as_ptr(), file.as_ptr(), fd, what)
            })
        }
        #[cfg(not(CONFIG_DNOTIFY))]
        {
            let _ = (fd, file, what);
            Err(EINVAL)
        }
    }

    /// Returns the first descriptor whose number is not below `from`.
    pub(crate) fn next(&self, from: u32) -> Option<Descriptor> {
        let files = self.0.as_ptr();
        // SAFETY: We own a reference. Under the lock the current array is stable, has `max_fds`
        // elements and bits, and the files in it have references.
        unsafe {
            bindings::spin_lock(&raw mut (*files).file_lock);
            let table = (*files).fdt;
            let max = (*table).max_fds;
            let mut fd = from;
            let mut found = None;
            while fd < max {
                let word = (*table).open_fds.add(u32_as_usize(fd / usize::BITS)).read();
                let rest = word >> (fd % usize::BITS);
                if rest == 0 {
                    fd = (fd / usize::BITS + 1) * usize::BITS;
                    continue;
                }
                fd += rest.trailing_zeros();
                if fd >= max {
                    break;
                }
                let file = (*table).fd.add(u32_as_usize(fd)).read();
                if let Ok(file) = FileRef::get(file) {
                    found = Some(Descriptor {
                        fd,
                        cloexec: bindings::close_on_exec(fd, files),
                        file,
                    });
                    break;
                }
                fd += 1;
            }
            bindings::spin_unlock(&raw mut (*files).file_lock);
            found
        }
    }

    /// Returns the file at descriptor `fd`, if there is one.
    pub(crate) fn file(&self, fd: u32) -> Option<FileRef> {
        self.next(fd).filter(|d| d.fd == fd).map(|d| d.file)
    }

    /// Returns whether it is the caller's.
    pub(crate) fn is_current(&self) -> bool {
        // SAFETY: Only the task itself changes its table while it runs.
        unsafe { (*bindings::get_current()).files == self.0.as_ptr() }
    }

    /// Makes it the caller's, in place of its own, if it has one.
    pub(crate) fn install(self, _: &Restoring) {
        // The reference goes to the task.
        let new = core::mem::ManuallyDrop::new(self).0.as_ptr();
        // SAFETY: We owned a reference; the old table's reference was the task's. This is the store
        // of ksys_unshare(), under the same lock; what that checks is that no thread shares what
        // may not be shared, and of the threads of a restarted process each installs its own. It
        // has no io_uring, whose requests exec(2) would end here.
        unsafe {
            let task = bindings::get_current();
            bindings::task_lock(task);
            let old = core::mem::replace(&mut (*task).files, new);
            bindings::task_unlock(task);
            if !old.is_null() {
                bindings::put_files_struct(old);
            }
        }
    }
}

/// Closes all descriptors of the caller, whose table is `files`.
pub(crate) fn close_all(_: &Restoring, files: &FilesRef) {
    let mut from = 0;
    while let Some(d) = files.next(from) {
        from = d.fd.saturating_add(1);
        // SAFETY: Takes a file out of the caller's own table.
        unsafe { bindings::close_fd(d.fd) };
    }
}

/// Puts `file` at descriptor `fd` of the caller.
///
/// EBADF: above the limit; EMFILE: above that of the system.
pub(crate) fn set_descriptor(_: &Restoring, fd: u32, cloexec: bool, file: &FileRef) -> Result {
    let flags = if cloexec { bindings::O_CLOEXEC } else { 0 };
    // SAFETY: The file is valid, the table takes a reference of its own; the caller has a table.
    to_result(unsafe { bindings::replace_fd(fd, file.as_ptr(), flags) })
}

/// Raises the caller's limit of descriptors to `n`, where it is lower.
///
/// EPERM: it may not.
pub(crate) fn allow_descriptors(_: &Restoring, n: usize) -> Result {
    let mut limit = bindings::rlimit::default();
    // SAFETY: The limits of a running task may be asked for and set by itself.
    unsafe {
        let task = bindings::get_current();
        to_result(bindings::do_prlimit(
            task,
            bindings::RLIMIT_NOFILE,
            core::ptr::null_mut(),
            &mut limit,
        ))?;
        if limit.rlim_cur >= n {
            return Ok(());
        }
        limit.rlim_cur = n;
        limit.rlim_max = core::cmp::max(limit.rlim_max, n);
        to_result(bindings::do_prlimit(
            task,
            bindings::RLIMIT_NOFILE,
            &mut limit,
            core::ptr::null_mut(),
        ))
    }
}

impl Clone for FilesRef {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::atomic_inc(&raw mut (*self.0.as_ptr()).count) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for FilesRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::put_files_struct(self.0.as_ptr()) };
    }
}
