// SPDX-License-Identifier: GPL-2.0

//! Who gets the signals of an open file: F_SETOWN, F_SETSIG, O_ASYNC.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    security::cred,
    task::links::PidRef, //
};

/// What an owner's pid is the pid of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnerKind {
    /// F_OWNER_TID.
    Thread,
    /// F_OWNER_PID, of any thread of the process.
    Process,
    /// F_OWNER_PGRP.
    Group,
}

impl OwnerKind {
    /// Returns it as `enum pid_type` has it.
    fn pid_type(self) -> bindings::pid_type {
        match self {
            Self::Thread => bindings::pid_type_PIDTYPE_PID,
            Self::Process => bindings::pid_type_PIDTYPE_TGID,
            Self::Group => bindings::pid_type_PIDTYPE_PGID,
        }
    }
}

/// Who gets the signals of an open file.
pub(crate) struct Owner {
    /// What `pid` is the pid of.
    pub(crate) kind: OwnerKind,
    /// Who; `None`: nobody.
    pub(crate) pid: Option<PidRef>,
    /// Signal; 0: SIGIO, without any data about the file.
    pub(crate) signal: u32,
    /// Real and effective user id of who has chosen it, in the user namespace of the caller;
    /// `None`: one has no number there.
    pub(crate) user: Option<[u32; 2]>,
}

impl FileRef {
    /// Returns who gets its signals, if that was ever set.
    pub(crate) fn signal_owner(&self) -> Option<Owner> {
        let mut fown = bindings::checkpoint_fown::default();
        // SAFETY: We own a reference; the structure is ours.
        if !unsafe { bindings::checkpoint_get_fown(self.as_ptr(), &mut fown) } {
            return None;
        }
        // SAFETY: The pid is NULL, or comes with a reference.
        let pid = unsafe { PidRef::from_owned(fown.pid) }.ok();
        let kind = match fown.type_ {
            bindings::pid_type_PIDTYPE_PID => OwnerKind::Thread,
            bindings::pid_type_PIDTYPE_PGID => OwnerKind::Group,
            _ => OwnerKind::Process,
        };
        let user =
            cred::uid_number(fown.uid).and_then(|uid| Ok([uid, cred::uid_number(fown.euid)?]));
        Some(Owner {
            kind,
            pid,
            signal: fown.signum.unsigned_abs(),
            user: user.ok(),
        })
    }

    /// Sets who gets its signals: `pid`, which is one of `kind`, or nobody; and with what. User ids
    /// are those that the caller [acts](crate::kapi::security::cred::CredRef::act) with.
    ///
    /// EINVAL: there is no such signal.
    pub(crate) fn set_signal_owner(
        &self,
        pid: Option<&PidRef>,
        kind: OwnerKind,
        signal: u32,
    ) -> Result {
        let pid = pid.map_or(core::ptr::null_mut(), PidRef::as_ptr);
        let signal = signal.cast_signed();
        // SAFETY: We own references on the file and on the pid; it takes one of its own on the pid.
        to_result(unsafe {
            bindings::checkpoint_set_fown(self.as_ptr(), pid, kind.pid_type(), signal)
        })
    }

    /// Returns whether it is of a kind that sends signals. Where O_ASYNC is set, somebody is to get
    /// them; of others it is a flag of open(2) without a meaning.
    pub(crate) fn sends_signals(&self) -> bool {
        // SAFETY: We own a reference; its operations do not change.
        unsafe { (*(*self.as_ptr()).f_op).fasync.is_some() }
    }

    /// Sets O_ASYNC, as fcntl(F_SETFL) does by the descriptor `fd`, which its signals name.
    pub(crate) fn set_async(&self, fd: u32) -> Result {
        let flags = self.flags() | bindings::FASYNC;
        // SAFETY: We own a reference; the number is one for messages only.
        to_result(unsafe {
            bindings::checkpoint_set_status_flags(self.as_ptr(), fd.cast_signed(), flags)
        })
    }
}
