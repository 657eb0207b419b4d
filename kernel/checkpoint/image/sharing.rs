// SPDX-License-Identifier: GPL-2.0

//! Records of what tasks share of scheduling: core scheduling cookies, autogroups.

use zerocopy::byteorder::little_endian::{
    I32,
    U32, //
};

use super::layout::record;

pub(super) mod check;

record! {
    /// That a thread has a core scheduling cookie (PR_SCHED_CORE).
    #[record(CoreCookie = 260, "core scheduling cookie", min = 8, check = core_cookie)]
    pub struct CoreCookie {
        /// The thread.
        pub tid: U32,
        /// The first thread in the image that has the same; the same as `tid`: it is that.
        pub first: U32,
    }
}

record! {
    /// That a process is in an autogroup that only processes of the image are in. It comes with the
    /// first of its threads that lives.
    #[record(Autogroup = 261, "autogroup", min = 16, check = autogroup)]
    pub struct Autogroup {
        /// The thread.
        pub tid: U32,
        /// The thread of the first process in the image that is in the same; the same as `tid`: it is
        /// of that.
        pub first: U32,
        /// Nice value of the autogroup; 0 of one that is not the first.
        pub nice: I32,
        /// Zero.
        pub reserved: U32,
    }
}
