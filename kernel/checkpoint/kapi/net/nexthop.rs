// SPDX-License-Identifier: GPL-2.0

//! Buckets of resilient groups of nexthops: `net/ipv4/nexthop.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use super::namespace::{
    cut,
    NetNs, //
};

impl NetNs {
    /// Returns for how many milliseconds its resilient group `id` is not balanced, and the buckets of that,
    /// each a `struct checkpoint_nexthop_bucket`.
    ///
    /// E2BIG: they have more than `most` bytes. EAGAIN: one has no nexthop now. ENOENT, EINVAL: it is no such
    /// group. EINTR: the caller was killed.
    pub(crate) fn buckets(&self, id: u32, most: usize) -> Result<(u32, KVVec<u8>)> {
        let mut unbalanced = 0;
        let mut bytes = KVVec::from_elem(0u8, most, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference; there is room for so many bytes, and for the number.
        let len = unsafe {
            bindings::checkpoint_nexthop_buckets(
                self.as_ptr(),
                id,
                &mut unbalanced,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
            )
        };
        Ok((unbalanced, cut(bytes, len)?))
    }

    /// Gives its resilient group `id` these.
    ///
    /// EPERM: the caller may not set it up. ENOENT, EINVAL: it is no such group, or they are of another one.
    /// EINTR: the caller was killed.
    pub(crate) fn set_buckets(&self, id: u32, unbalanced: u32, buckets: &[u8]) -> Result {
        // SAFETY: We own a reference; so many bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_nexthop_set_buckets(
                self.as_ptr(),
                id,
                unbalanced,
                buckets.as_ptr().cast(),
                buckets.len(),
            )
        })
    }
}
