// SPDX-License-Identifier: GPL-2.0

//! Memory of io_urings that is mapped.

use kernel::prelude::*;

use super::ask;
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    mm::vma::VmaInfo, //
};

/// Returns why the mapping `v` of an io_uring can't be made again; `None`: it can, or the io_uring is
/// refused anyway.
pub(crate) fn refuses_mapping(file: &FileRef, v: &VmaInfo) -> Option<&'static str> {
    // IORING_OFF_SQ_RING and IORING_OFF_CQ_RING: as much as one likes.
    if matches!(v.offset, 0 | 0x800_0000) {
        return None;
    }
    let uring = match ask(|| Uring::of(file)) {
        Ok((uring, _)) => uring,
        Err(EBUSY) => return Some("is memory of an io_uring that is in use: try again"),
        Err(_) => return None,
    };
    let len = v.end.saturating_sub(v.start);
    match v.offset {
        // IORING_OFF_SQES.
        0x1000_0000 if len == uring.sqes => None,
        _ => Some("is a part of the memory of an io_uring: have it map all of that"),
    }
}
