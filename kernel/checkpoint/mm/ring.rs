// SPDX-License-Identifier: GPL-2.0

//! Rings of packet sockets that are mapped: what is in them is saved with their sockets.

use kernel::prelude::*;

use crate::{
    found::Capture,
    image::net::packet::RING_MAPPINGS_MAX,
    kapi::{
        mm::{
            space::MmRef,
            vma::{
                self,
                bit,
                MapArgs,
                VmaInfo, //
            }, //
        },
        net::socket::SockRef, //
    }, //
};

/// Flags of such a mapping.
pub(super) const FLAGS: u64 = bit::MIXEDMAP;

/// Returns the packet socket whose rings `v` is a mapping of, if it is one.
fn socket(v: &VmaInfo) -> Option<SockRef> {
    let sk = SockRef::of(v.file.as_ref()?)?;
    sk.rings_len().map(|_| sk)
}

/// Returns whether `v` is a mapping of such rings.
pub(super) fn is(v: &VmaInfo) -> bool {
    socket(v).is_some()
}

/// Counts `v`, a mapping of `mm`, if it is one of rings. Returns why it can't be made again; `None`: it
/// can, or it is no mapping of rings, or was refused with one before.
///
/// EINTR: SIGKILL came.
pub(super) fn collect(cap: &mut Capture, mm: &MmRef, v: &VmaInfo) -> Result<Option<&'static str>> {
    let Some(sk) = socket(v) else {
        return Ok(None);
    };
    let before = cap.found.mm.ring_mappings;
    cap.found.mm.ring_mappings = before.saturating_add(1);
    if before >= RING_MAPPINGS_MAX {
        return Ok((before == RING_MAPPINGS_MAX).then_some(
            "rings of packet sockets are mapped more than 1024 times: have it unmap some",
        ));
    }
    let len = v.end.saturating_sub(v.start);
    Ok(match sk.maps_rings(mm, v.start, len, v.offset)? {
        true => None,
        false => Some(
            "is longer than the ring of its packet socket, or pages were taken out of it \
             (madvise): have it unmap that",
        ),
    })
}

/// Maps as [`vma::map()`] does. The kernel maps rings only as a whole: of a part that is left of such a
/// mapping the rest is unmapped.
///
/// EINVAL: or it is of a socket without rings.
pub(super) fn map(args: &MapArgs<'_>) -> Result {
    let Some((sk, offset)) = args
        .file
        .and_then(|(file, offset)| Some((SockRef::of(file)?, offset)))
    else {
        return vma::map(args);
    };
    match sk.rings_len() {
        None => Err(EINVAL),
        Some(whole) if offset == 0 && args.len == whole => vma::map(args),
        Some(whole) => vma::map_part(args, whole),
    }
}
