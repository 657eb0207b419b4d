// SPDX-License-Identifier: GPL-2.0

//! Network devices that are moved to a new namespace, and back: `net/core/dev.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr, //
};

use crate::kapi::net::namespace::NetNs;

/// A device that was moved. Dropping it leaves the device where it is.
///
/// # Invariants
///
/// The pointer is what `checkpoint_netns_move()` has returned, and is ours.
pub(crate) struct MovedDevice(NonNull<bindings::checkpoint_moved>);

// SAFETY: Any thread may give the device back, which takes locks, and forget it.
unsafe impl Send for MovedDevice {}
// SAFETY: What changes it holds the RTNL.
unsafe impl Sync for MovedDevice {}

impl MovedDevice {
    /// Moves the device `name` of `from` to `to`, a new namespace, where it is called `new_name` and has the
    /// number `index`. With the rights of the caller; of what nobody uses.
    ///
    /// EPERM: the caller may not. ENODEV: there is no such device. EBUSY: it is used, or the number is.
    /// EINVAL: it can't be moved. EOPNOTSUPP: it is none of Ethernet. EEXIST: a name is in use. EINTR: the
    /// caller was killed.
    pub(crate) fn new(
        from: &NetNs,
        name: &CStr,
        to: &NetNs,
        new_name: &CStr,
        index: u32,
    ) -> Result<Self> {
        // SAFETY: We own references on both; both names are strings.
        let moved = from_err_ptr(unsafe {
            bindings::checkpoint_netns_move(
                from.as_ptr(),
                name.as_char_ptr(),
                to.as_ptr(),
                new_name.as_char_ptr(),
                index,
            )
        })?;
        // INVARIANT: It was just returned.
        NonNull::new(moved).map(Self).ok_or(ENOMEM)
    }

    /// Moves it back to where it was, as it was; once. What is gone from where it was moved to stays so.
    pub(crate) fn give_back(&self) {
        // SAFETY: By the type's invariants.
        unsafe { bindings::checkpoint_netns_give_back(self.0.as_ptr()) };
    }
}

impl Drop for MovedDevice {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants it is ours, and nobody uses it after this.
        unsafe { bindings::checkpoint_netns_moved_free(self.0.as_ptr()) };
    }
}

impl NetNs {
    /// Has its device with the number `index`, a dummy that is off, be like the one of `other`, for what is
    /// made on it. It is a namespace that nobody is in.
    ///
    /// ENODEV: one of both is not there. EINVAL: it has less queues. EINTR: the caller was killed.
    pub(crate) fn stand_in(&self, index: u32, other: &Self) -> Result {
        // SAFETY: We own references on both.
        to_result(unsafe {
            bindings::checkpoint_netns_stand_in(other.as_ptr(), self.as_ptr(), index)
        })
    }

    /// Returns whether its device with the number `index` is on, but has no carrier. EINTR: the caller was
    /// killed.
    pub(crate) fn lacks_carrier(&self, index: u32) -> Result<bool> {
        // SAFETY: We own a reference.
        let lacks = unsafe { bindings::checkpoint_netns_no_carrier(self.as_ptr(), index) };
        to_result(lacks)?;
        Ok(lacks != 0)
    }
}
