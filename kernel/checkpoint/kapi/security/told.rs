// SPDX-License-Identifier: GPL-2.0

//! What others can learn of who has connected to them: SO_PEERCRED and SO_PEERGROUPS, as
//! `net/core/sock.c` reads them from credentials.

use kernel::bindings;

use crate::kapi::security::cred::CredRef;

impl CredRef {
    /// Returns whether a server that asks for them (SO_PEERCRED, SO_PEERGROUPS) takes them for those of
    /// the same user as `other`: with the same effective user and group, and the same groups.
    pub(crate) fn is_same_user(&self, other: &Self) -> bool {
        let (a, b) = (self.as_ptr(), other.as_ptr());
        // SAFETY: We own references, and the fields do not change. The credentials keep their lists,
        // each of `ngroups` groups, and neither these nor the pointers to them change.
        unsafe {
            let groups = |c: *const bindings::cred| {
                let info = (*c).group_info;
                (*info)
                    .gid
                    .as_slice(usize::try_from((*info).ngroups).unwrap_or(0))
            };
            let (of_a, of_b) = (groups(a), groups(b));
            (*a).euid.val == (*b).euid.val
                && (*a).egid.val == (*b).egid.val
                && of_a.len() == of_b.len()
                && of_a.iter().zip(of_b).all(|(a, b)| a.val == b.val)
        }
    }
}
