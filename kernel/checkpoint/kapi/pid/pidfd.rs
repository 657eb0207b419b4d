// SPDX-License-Identifier: GPL-2.0

//! Pidfds: `fs/pidfs.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        open::oflag, //
    },
    task::links::PidRef, //
};

/// PIDFD_THREAD: the pidfd is one of a thread.
const THREAD: u32 = bindings::O_EXCL;

/// PIDFD_AUTOKILL: closing it kills the process.
const AUTOKILL: u32 = bindings::O_TRUNC;

/// Flags that a pidfd has if pidfd_open(2), clone3(2) or a socket has made it, and those that
/// fcntl(2) sets.
const FLAGS: u32 = bindings::O_RDWR | THREAD | AUTOKILL | oflag::SETFL;

/// How a task has dumped core, as of PIDFD_GET_INFO.
#[derive(Clone, Copy, Default)]
pub(crate) struct Coredump {
    /// PIDFD_COREDUMP*; 0: it has not.
    pub(crate) mask: u32,
    /// The signal that it has got.
    pub(crate) signal: u32,
    /// The code of that.
    pub(crate) code: u32,
}

/// What a pid keeps of its task.
#[derive(Clone, Copy, Default)]
pub(crate) struct Past {
    /// The exit code, if it was reaped.
    pub(crate) exit_code: Option<u32>,
    /// Its core dump.
    pub(crate) coredump: Coredump,
}

impl PidRef {
    /// Returns the pid that a pidfd is of; `None`: `file` is none. It may be open with O_PATH.
    pub(crate) fn of_pidfd(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference on the file, which keeps the pid.
        unsafe { Self::get(bindings::checkpoint_pidfd_pid(file.as_ptr())) }.ok()
    }

    /// Returns what it keeps of its task. EOPNOTSUPP: it has extended attributes.
    pub(crate) fn past(&self) -> Result<Past> {
        let mut info = bindings::pidfd_info::default();
        // SAFETY: We own a reference; the structure is valid.
        to_result(unsafe { bindings::checkpoint_pidfd_get(self.as_ptr(), &mut info) })?;
        let dump = &info.__bindgen_anon_1;
        Ok(Past {
            exit_code: (info.mask & u64::from(bindings::PIDFD_INFO_EXIT) != 0)
                .then_some(info.exit_code.cast_unsigned()),
            coredump: Coredump {
                mask: dump.coredump_mask,
                signal: dump.coredump_signal,
                code: dump.coredump_code,
            },
        })
    }

    /// Lets it keep what another pid has kept: an exit code only if it never had a task.
    ///
    /// EBUSY: it has one.
    pub(crate) fn set_past(&self, past: &Past) -> Result {
        let mut info = bindings::pidfd_info::default();
        if let Some(code) = past.exit_code {
            info.mask |= u64::from(bindings::PIDFD_INFO_EXIT);
            info.exit_code = code.cast_signed();
        }
        if past.coredump.mask != 0 {
            info.mask |= u64::from(bindings::PIDFD_INFO_COREDUMP);
            let dump = &mut info.__bindgen_anon_1;
            dump.coredump_mask = past.coredump.mask;
            dump.coredump_signal = past.coredump.signal;
            dump.coredump_code = past.coredump.code;
        }
        // SAFETY: We own a reference; the structure is valid.
        to_result(unsafe { bindings::checkpoint_pidfd_set(self.as_ptr(), &info) })
    }

    /// Opens a pidfd of it, with the credentials that the caller has or
    /// [acts](crate::kapi::security::cred::CredRef::act) with; `thread`: PIDFD_THREAD.
    ///
    /// ESRCH: its task was reaped, and it keeps nothing of that.
    pub(crate) fn open_pidfd(&self, thread: bool, autokill: bool) -> Result<FileRef> {
        let mut flags = bindings::O_RDWR;
        if thread {
            flags |= THREAD;
        }
        if autokill {
            flags |= AUTOKILL;
        }
        // SAFETY: We own a reference; a file that is returned comes with one.
        unsafe { FileRef::from_owned(bindings::pidfs_alloc_file(self.as_ptr(), flags)) }
    }
}

impl FileRef {
    /// Returns whether this pidfd has PIDFD_THREAD.
    pub(crate) fn is_of_thread(&self) -> bool {
        !self.is_path_only() && self.flags() & THREAD != 0
    }

    /// Returns whether closing this pidfd kills its process (CLONE_PIDFD_AUTOKILL).
    pub(crate) fn kills_process(&self) -> bool {
        !self.is_path_only() && self.flags() & AUTOKILL != 0
    }

    /// Returns whether this pidfd was opened again, through /proc/PID/fd.
    pub(crate) fn is_reopened_pidfd(&self) -> bool {
        let access = bindings::O_ACCMODE;
        !self.is_path_only()
            && (self.flags() & !FLAGS != 0 || self.flags() & access != bindings::O_RDWR)
    }
}
