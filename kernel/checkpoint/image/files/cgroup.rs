// SPDX-License-Identifier: GPL-2.0

//! Records of files of cgroupfs.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::record;

pub(super) mod check;

record! {
    /// A file or directory of the cgroup of the tasks. That may have another path when they are
    /// restored.
    #[record(CgroupEntry = 184, "entry of a cgroup", min = 16, check = cgroup_entry, object = cgroup_object)]
    pub struct CgroupEntry {
        /// Reference of this object.
        pub obj: U32,
        /// Bytes of the path of the root of cgroupfs.
        pub root: U32,
        /// Bytes of the path of the directory of the cgroup: what comes then is nothing, or a slash
        /// and names.
        pub cgroup: U32,
        /// Zero.
        pub reserved: U32,
    }
}

/// Splits the path of a file of a cgroup into the path of the root of cgroupfs, without a slash at its
/// end, and what comes after the directory of the cgroup. `None`: it is not of that form.
pub fn split(path: &[u8], root: usize, cgroup: usize) -> Option<(&[u8], &[u8])> {
    let (dir, rest) = path.split_at_checked(cgroup)?;
    let (root, place) = dir.split_at_checked(root)?;
    let begins = |path: &[u8]| path.is_empty() || path.starts_with(b"/");
    (begins(place) && begins(rest)).then_some((root, rest))
}
