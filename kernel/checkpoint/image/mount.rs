// SPDX-License-Identifier: GPL-2.0

//! Records of mounts.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    record,
    values, //
};

pub(super) mod check;

record! {
    /// A mount. Each path of an image is a reference of one and the path inside it, without symbolic
    /// links; what is mounted below that is crossed.
    #[record(Mount = 216, "mount", min = 16, check = mount, object)]
    pub struct Mount {
        /// Reference of this object.
        pub obj: U32,
        /// `MOUNT_*`.
        pub kind: U32,
        /// Zero.
        pub reserved: U64,
    }
}

values! {
    "Mount.kind": u32, MOUNT_KINDS;
    /// The root directory of the caller, with all that is mounted below it: paths are those that the
    /// caller of checkpoint(2) sees, and are looked up from the root directory of the caller of
    /// restart(2).
    MOUNT_CALLER_ROOT = 1,
}
