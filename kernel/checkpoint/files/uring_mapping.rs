// SPDX-License-Identifier: GPL-2.0

//! Memory of io_urings that is mapped.

use kernel::prelude::*;

use super::ask;
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    mm::{
        space::MmRef,
        vma::VmaInfo, //
    },
    task::frozen::FrozenTask, //
};

/// What an offset is of: IORING_OFF_MMAP_MASK.
const OFF_MASK: u64 = 0xf800_0000;

/// A ring of provided buffers, whose number follows: IORING_OFF_PBUF_RING.
const OFF_PBUF_RING: u64 = 0x8000_0000;

/// Why a mapping can't be looked at.
const IN_USE: &str = "is memory of an io_uring that is in use: try again";

/// Why one can't be made again that is shorter.
const PART: &str = "is a part of the memory of an io_uring: have it map all of that";

/// Returns why the mapping `v` of an io_uring in the memory of `t` can't be made again; `None`: it can, or
/// the io_uring is refused anyway.
pub(crate) fn refuses_mapping(t: &FrozenTask, file: &FileRef, v: &VmaInfo) -> Option<&'static str> {
    let entries = match v.offset {
        // IORING_OFF_SQ_RING and IORING_OFF_CQ_RING: as much as one likes.
        0 | 0x800_0000 => false,
        // IORING_OFF_SQES.
        0x1000_0000 => true,
        offset if offset & OFF_MASK == OFF_PBUF_RING => return refuses_ring(t, file, v),
        _ => return Some(PART),
    };
    let mm = MmRef::of(t)?;
    match ask(|| Uring::maps(file, entries, &mm, v.start)) {
        Ok(true) => {}
        Ok(false) => return Some(
            "is memory that an io_uring has not any more, as it was resized: have it unmap that",
        ),
        Err(EBUSY) => return Some(IN_USE),
        Err(_) => return None,
    }
    if !entries {
        return None;
    }
    match ask(|| Uring::of(file)) {
        Ok((uring, _)) if v.end.saturating_sub(v.start) == uring.sqes => None,
        Ok(_) => Some(PART),
        Err(EBUSY) => Some(IN_USE),
        Err(_) => None,
    }
}

/// Returns why the mapping `v` of a ring of provided buffers can't be made again.
fn refuses_ring(t: &FrozenTask, file: &FileRef, v: &VmaInfo) -> Option<&'static str> {
    let group = u32::try_from((v.offset & !OFF_MASK) >> 16).ok()?;
    let mm = MmRef::of(t)?;
    let len = v.end.saturating_sub(v.start);
    match ask(|| Uring::maps_ring(file, group, &mm, v.start, len)) {
        Ok(true) => None,
        Ok(false) => Some(
            "is no ring of provided buffers of an io_uring any more, or a part of one: have it unmap that",
        ),
        Err(EBUSY) => Some(IN_USE),
        Err(_) => None,
    }
}
