// SPDX-License-Identifier: GPL-2.0

//! Where files of cgroupfs and cgroups are to each other.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    cgroup::group::Cgroup,
    fs::path::PathRef, //
};

/// Longest path with its NUL, in bytes.
const PATH_MAX: usize = u32_as_usize(bindings::PATH_MAX);

/// Which of two is below the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The file is below the cgroup.
    Down,
    /// The cgroup is below the file, which is a directory.
    Up,
}

impl Cgroup {
    /// Returns where `path`, of a file or directory of cgroupfs (v2), is below the directory of this
    /// cgroup: nothing, or a slash before each name. `None`: it is not below that.
    ///
    /// ENODEV: it has gone with its cgroup. E2BIG: it is too far below.
    pub(crate) fn place_of(&self, path: &PathRef) -> Result<Option<KVec<u8>>> {
        self.place(path, Way::Down)
    }

    /// Returns where the directory of this cgroup is below `dir`, a directory of cgroupfs (v2), in the
    /// same form.
    pub(crate) fn place_below(&self, dir: &PathRef) -> Result<Option<KVec<u8>>> {
        self.place(dir, Way::Up)
    }

    fn place(&self, path: &PathRef, way: Way) -> Result<Option<KVec<u8>>> {
        let mut buf = KVec::from_elem(0u8, PATH_MAX, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own references on both; no more is written than as many bytes of the buffer as
        // are given.
        let n = unsafe {
            bindings::checkpoint_cgroup_path(
                self.as_ptr(),
                path.as_raw(),
                way == Way::Up,
                buf.as_mut_ptr().cast(),
                buf.len(),
            )
        };
        to_result(n)?;
        let len = buf.iter().position(|&b| b == 0).ok_or(E2BIG)?;
        if len != usize::try_from(n)? {
            return Err(E2BIG);
        }
        buf.truncate(len);
        if buf.as_slice() == b"/" {
            buf.clear();
        }
        let above = buf
            .strip_prefix(b"/..")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        Ok((!above).then_some(buf))
    }
}
