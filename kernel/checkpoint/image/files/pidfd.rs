// SPDX-License-Identifier: GPL-2.0

//! Records of pidfds.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::record;

pub(super) mod check;

/// [`OpenFile::pos`](super::OpenFile::pos) of a pidfd: PIDFD_THREAD.
pub const PIDFD_THREAD: u64 = 1 << 0;
/// The same: its process would have been killed when it was closed (CLONE_PIDFD_AUTOKILL), had it not
/// been reaped before.
pub const PIDFD_AUTOKILL: u64 = 1 << 1;

record! {
    /// The process or thread that pidfds are of, or that a socket or message came from.
    #[record(PidfdTarget = 118, "target of a pidfd", min = 32, check = pidfd_target, object = pidfd_object)]
    pub struct PidfdTarget {
        /// Reference of this object.
        pub obj: U32,
        /// Its pid, that of a task; 0: it has been reaped.
        pub pid: U32,
        /// Of one that has been reaped: the pid of the init of its pid namespace, which is below
        /// the root's; 0: the root's.
        pub init: U32,
        /// Of one that has been reaped: its exit code, as of wait(2).
        pub exit_code: U32,
        /// Has it dumped core: `PIDFD_COREDUMP*` of Linux; 0: no.
        pub coredump: U32,
        /// The signal for which it has.
        pub signal: U32,
        /// The code of that signal, as `si_code`.
        pub code: U32,
        /// Of one that has been reaped: its pid, which others may have by now; 0: any.
        pub number: U32,
    }
}
