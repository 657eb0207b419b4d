// SPDX-License-Identifier: GPL-2.0

//! Records of what security modules have noted of credentials, threads and files.
//!
//! What is not there is as the [`Label`](super::confinement::Label) records tell: the label of the
//! root task.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    record,
    values, //
};

pub(super) mod check;

/// Highest number of a security module.
pub const MODULE_MAX: u32 = 4095;

values! {
    "CredLabel.attr": u32, LABEL_ATTRS;
    /// The label with which it acts.
    LABEL_CURRENT = 100,
    /// That for the next program (execve(2)).
    LABEL_EXEC = 101,
    /// That for new files.
    LABEL_FSCREATE = 102,
    /// That for new keys.
    LABEL_KEYCREATE = 103,
    /// That to which it goes back from the present one.
    LABEL_PREV = 104,
    /// That for new sockets.
    LABEL_SOCKCREATE = 105,
}

record! {
    /// A label in the credentials right before it; payload: the label. Modules and attributes of
    /// one object are in ascending order.
    #[record(CredLabel = 233, "label of credentials", min = 16, check = cred_label)]
    pub struct CredLabel {
        /// The credentials.
        pub cred: U32,
        /// Number of the module: `LSM_ID_*`.
        pub module: U32,
        /// `LABEL_*`.
        pub attr: U32,
        /// A thread that has these credentials; 0: none, only files were opened with them.
        pub tid: U32,
    }
}

record! {
    /// A label that a thread has noted beside its credentials; payload: the label. Modules and
    /// attributes of one thread are in ascending order.
    #[record(TaskLabel = 234, "label of a thread", min = 24, check = task_label)]
    pub struct TaskLabel {
        /// The thread.
        pub tid: U32,
        /// Number of the module: `LSM_ID_*`.
        pub module: U32,
        /// `LABEL_EXEC` or `LABEL_PREV`.
        pub attr: U32,
        /// Zero.
        pub reserved: U32,
        /// What the module has noted with it. AppArmor: with `LABEL_PREV` the number by which the
        /// thread goes back to it, with `LABEL_EXEC` whether it is stacked on the one it has.
        pub token: U64,
    }
}

record! {
    /// The label of the open file before it, where that is not what who opened it gives: of a socket,
    /// a message queue or an end of a removed FIFO. Payload: the name of the extended attribute, a NUL, its value.
    #[record(FileLabel = 235, "label of a file", min = 8, check = file_label)]
    pub struct FileLabel {
        /// The open file.
        pub file: U32,
        /// Zero.
        pub reserved: U32,
    }
}
