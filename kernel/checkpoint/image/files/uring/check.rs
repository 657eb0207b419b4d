// SPDX-License-Identifier: GPL-2.0

//! io_urings.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags, //
        },
        walk::Walk, //
    },
    files::uring::*,
    mm::Vma,
    record::{
        Fault,
        Raw, //
    }, //
};

/// Offsets by which rings and submission queue entries are mapped: IORING_OFF_*.
const OFFSETS: [u64; 3] = [0, 0x800_0000, 0x1000_0000];

impl Walk<'_> {
    /// An io_uring.
    pub(in crate::image) fn uring(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let uring: Uring = raw.body()?;
        let set_up = uring.setup.get();
        flags(raw, u64::from(set_up), u64::from(setup::ALL))?;
        flags(raw, u64::from(uring.flags.get()), u64::from(URING_FLAGS))?;
        ensure(
            raw,
            set_up & setup::TASKRUN_FLAG == 0 || set_up & setup::COOP_TASKRUN != 0,
            "io_uring that was set up in an impossible way",
        )?;
        let (sq, cq) = (uring.sq_entries.get(), uring.cq_entries.get());
        ensure(
            raw,
            sq.is_power_of_two() && sq <= SQ_ENTRIES_MAX,
            "impossible number of submission queue entries",
        )?;
        ensure(
            raw,
            cq.is_power_of_two()
                && cq <= CQ_ENTRIES_MAX
                && cq >= sq
                && (set_up & setup::CQSIZE != 0 || Some(cq) == sq.checked_mul(2)),
            "impossible number of completion queue entries",
        )?;
        let (all, rings) = (raw.payload.len() as u64, u64::from(uring.rings.get()));
        ensure(
            raw,
            rings != 0 && rings < all && self.is_aligned(rings) && self.is_aligned(all),
            "memory of the io_uring is not as announced",
        )
    }

    /// A mapping of an io_uring. That it is one of all its entries is up to the kernel.
    pub(in crate::image) fn mapped_uring(&self, raw: &Raw<'_>, vma: &Vma) -> Result<(), Fault> {
        ensure(
            raw,
            OFFSETS.contains(&vma.offset.get()),
            "maps a part of an io_uring",
        )
    }
}
