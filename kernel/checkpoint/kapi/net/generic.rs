// SPDX-License-Identifier: GPL-2.0

//! Families of generic netlink: `net/netlink/genetlink.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::socket::SockRef;

/// NETLINK_GENERIC.
const PROTOCOL: i32 = bindings::NETLINK_GENERIC.cast_signed();

/// Bytes of a name, of which the last one is zero.
pub(crate) const NAME_LEN: usize = 16;

/// A family, and perhaps one of its multicast groups; names have zeros after them.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    /// Name of the family.
    pub(crate) family: [u8; NAME_LEN],
    /// Name of the group; zeros: none is meant.
    pub(crate) group: [u8; NAME_LEN],
    /// Number of the family.
    pub(crate) id: u32,
    /// Number of the group; 0: none is meant.
    pub(crate) group_id: u32,
}

/// Which families a socket has asked.
pub(crate) struct Asked {
    /// Their numbers; `None`: there are too many.
    pub(crate) ids: Option<KVec<u32>>,
    /// A family keeps something for it.
    pub(crate) keeps: bool,
}

impl Name {
    /// Returns the family with the number `id`. ENOENT: there is none. EINTR: the caller was
    /// killed.
    pub(crate) fn of_family(id: u32) -> Result<Self> {
        Self::complete(id, 0)
    }

    /// Returns the group with the number `group_id`, and the family whose it is. Errors as above.
    pub(crate) fn of_group(group_id: u32) -> Result<Self> {
        Self::complete(0, group_id)
    }

    fn complete(id: u32, group_id: u32) -> Result<Self> {
        let mut raw = bindings::checkpoint_genl_name {
            id,
            group_id,
            ..Default::default()
        };
        // SAFETY: There is room for what is filled in.
        to_result(unsafe { bindings::checkpoint_genl_name(&mut raw) })?;
        Ok(Self {
            family: raw.family,
            group: raw.group,
            id: raw.id,
            group_id: raw.group_id,
        })
    }

    /// Looks for family and group by their names.
    ///
    /// ENOENT: there is none. ESTALE: it has another number. EINVAL: a name has no end. EINTR: the
    /// caller was killed.
    pub(crate) fn find(&self) -> Result {
        if self.family.last() != Some(&0) || self.group.last() != Some(&0) {
            return Err(EINVAL);
        }
        let raw = bindings::checkpoint_genl_name {
            family: self.family,
            group: self.group,
            id: self.id,
            group_id: self.group_id,
        };
        // SAFETY: It is only read, and both names have an end.
        to_result(unsafe { bindings::checkpoint_genl_find(&raw) })
    }
}

impl SockRef {
    /// Returns whether it is one of generic netlink.
    pub(crate) fn is_generic(&self) -> bool {
        let basics = self.basics();
        basics.family.cast_unsigned() == bindings::AF_NETLINK && basics.protocol == PROTOCOL
    }

    /// Returns which families it has asked. EINVAL: it is none of generic netlink. EINTR: the
    /// caller was killed.
    pub(crate) fn asked(&self) -> Result<Asked> {
        if !self.is_generic() {
            return Err(EINVAL);
        }
        let mut raw = [0; bindings::CHECKPOINT_GENL_ASKED as usize];
        let mut keeps = false;
        // SAFETY: We own a reference on one of netlink; there is room for as many.
        let found =
            unsafe { bindings::checkpoint_genl_asked(self.as_ptr(), raw.as_mut_ptr(), &mut keeps) };
        let ids = match to_result(found.min(0)) {
            Err(E2BIG) => None,
            Err(e) => return Err(e),
            Ok(()) => {
                let mut ids = KVec::new();
                ids.extend_from_slice(
                    raw.get(..usize::try_from(found)?).ok_or(EINVAL)?,
                    GFP_KERNEL,
                )?;
                Some(ids)
            }
        };
        Ok(Asked { ids, keeps })
    }

    /// Notes that it has asked the family with the number `id`. EINVAL: it is none of generic
    /// netlink.
    pub(crate) fn note_asked(&self, id: u32) -> Result {
        if !self.is_generic() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on one of netlink.
        unsafe { bindings::checkpoint_genl_note(self.as_ptr(), id) };
        Ok(())
    }
}
