// SPDX-License-Identifier: GPL-2.0

//! State of queueing disciplines and filters that netlink does not show: `net/sched/`.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use super::namespace::{
    cut,
    NetNs, //
};

/// How the filters of two namespaces compare that are at the same place, and look the same by netlink.
pub(crate) enum Filters {
    /// Alike.
    Same,
    /// Not so.
    Differ,
    /// One is in a chain that was made by itself.
    InChain,
    /// Alike, but actions lead to chains of other places; or some that did are not gone yet.
    Lead,
}

impl NetNs {
    /// Returns the attributes that the options of a queueing discipline, that with `handle` of the device
    /// with the number `index`, lack.
    ///
    /// EOPNOTSUPP: there are none for what it keeps. ENOENT: there is no such one. EINTR: the caller was
    /// killed.
    pub(crate) fn queue_more(&self, index: u32, handle: u32) -> Result<KVVec<u8>> {
        let room = u32_as_usize(bindings::CHECKPOINT_TC_MORE);
        let mut bytes = KVVec::from_elem(0u8, room, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference; there is room for so many bytes, which kvmalloc() has aligned.
        let len = unsafe {
            bindings::checkpoint_tc_more(
                self.as_ptr(),
                index,
                handle,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
            )
        };
        cut(bytes, len)
    }

    /// Compares the filters that hang on `parent` of the device with the number `index` with those of
    /// `fresh`, a new namespace that nobody is in. EINTR: the caller was killed.
    pub(crate) fn compare_filters(&self, fresh: &Self, index: u32, parent: u32) -> Result<Filters> {
        // SAFETY: We own references on both.
        let found = unsafe {
            bindings::checkpoint_tc_compare(self.as_ptr(), fresh.as_ptr(), index, parent)
        };
        to_result(found)?;
        Ok(match found.cast_unsigned() {
            bindings::CHECKPOINT_TC_SAME => Filters::Same,
            bindings::CHECKPOINT_TC_CHAIN => Filters::InChain,
            bindings::CHECKPOINT_TC_LEADS => Filters::Lead,
            _ => Filters::Differ,
        })
    }
}
