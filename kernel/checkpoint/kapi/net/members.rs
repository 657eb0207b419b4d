// SPDX-License-Identifier: GPL-2.0

//! Memberships of IPv4 and IPv6 sockets: `net/ipv4/igmp.c`, `net/ipv6/mcast.c`, `net/ipv6/anycast.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    net::socket::SockRef, //
};

/// What a membership is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    /// It hears all sources but those that it names.
    AllBut,
    /// It hears all, and has named some before, which keeps it from naming those that it hears.
    Emptied,
    /// It hears only those that it names.
    Only,
    /// It is an anycast address.
    Anycast,
}

/// A membership of an IPv4 or IPv6 socket.
pub(crate) struct Member {
    /// The address of the group, in network order; of IPv4 four bytes.
    pub(crate) group: [u8; 16],
    /// The address of the device by which the group was joined, of IPv4.
    pub(crate) local: [u8; 4],
    /// What it is.
    pub(crate) hears: Hears,
    /// Number of the device.
    pub(crate) device: i32,
    /// It is one of IPv6.
    pub(crate) v6: bool,
    /// There is no such device any more.
    pub(crate) gone: bool,
    /// The addresses of the sources that it names.
    pub(crate) sources: KVVec<[u8; 16]>,
}

/// Memberships as the kernel returns them, and the sources of all, one after the other.
struct Found {
    members: KVVec<bindings::checkpoint_inet_member>,
    sources: KVVec<[u8; 16]>,
}

impl SockRef {
    /// Returns its memberships, the first one first.
    ///
    /// EINVAL: it is none of IPv4 or IPv6. EBUSY: somebody else has its lock. E2BIG: there are more
    /// than `max`, or they name more sources than `sources_max`.
    pub(crate) fn memberships(&self, max: usize, sources_max: usize) -> Result<KVVec<Member>> {
        let found = self.read_memberships(max, sources_max)?;
        let mut members = KVVec::new();
        let mut rest = found.sources.as_slice();
        for raw in &found.members {
            let (own, after) = rest.split_at_checked(raw.sources as usize).ok_or(EINVAL)?;
            rest = after;
            let mut sources = KVVec::new();
            sources.extend_from_slice(own, GFP_KERNEL_ACCOUNT)?;
            let member = Member {
                group: raw.group,
                local: raw.local,
                hears: match raw.kind {
                    bindings::CHECKPOINT_MEMBER_INCLUDE => Hears::Only,
                    bindings::CHECKPOINT_MEMBER_EMPTIED => Hears::Emptied,
                    bindings::CHECKPOINT_MEMBER_ANYCAST => Hears::Anycast,
                    _ => Hears::AllBut,
                },
                device: raw.device,
                v6: raw.v6,
                gone: raw.gone,
                sources,
            };
            members.push(member, GFP_KERNEL_ACCOUNT)?;
        }
        members.reverse();
        Ok(members)
    }

    /// Reads all, as often as it takes to have room: the tasks, which alone join groups, are
    /// frozen.
    fn read_memberships(&self, max: usize, sources_max: usize) -> Result<Found> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let mut found = Found {
            members: KVVec::new(),
            sources: KVVec::new(),
        };
        loop {
            let mut raw = bindings::checkpoint_inet_members {
                members: found.members.as_mut_ptr(),
                sources: found.sources.as_mut_ptr(),
                max: u32::try_from(found.members.len())?,
                len: 0,
                sources_max: u32::try_from(found.sources.len())?,
                sources_len: 0,
            };
            // SAFETY: We own a reference, and it is of the family; there is room for as many as the
            // length says.
            to_result(unsafe { bindings::checkpoint_inet_members(self.as_ptr(), &mut raw) })?;
            let (len, sources) = (raw.len as usize, raw.sources_len as usize);
            if len > max || sources > sources_max {
                return Err(E2BIG);
            }
            if len <= found.members.len() && sources <= found.sources.len() {
                found.members.truncate(len);
                found.sources.truncate(sources);
                return Ok(found);
            }
            found
                .members
                .resize(len, Default::default(), GFP_KERNEL_ACCOUNT)?;
            found.sources.resize(sources, [0; 16], GFP_KERNEL_ACCOUNT)?;
        }
    }
}

impl FileRef {
    /// Has the IPv4 or IPv6 socket that it shows join a group, as setsockopt(2), with the rights
    /// that the caller acts with.
    ///
    /// EADDRINUSE: it is a member already. ENODEV: there is no such device. ENOBUFS: the machine
    /// allows for fewer.
    pub(crate) fn join_group(&self, member: &Member) -> Result {
        let raw = bindings::checkpoint_inet_member {
            group: member.group,
            local: member.local,
            kind: match member.hears {
                Hears::AllBut => bindings::CHECKPOINT_MEMBER_EXCLUDE,
                Hears::Emptied => bindings::CHECKPOINT_MEMBER_EMPTIED,
                Hears::Only => bindings::CHECKPOINT_MEMBER_INCLUDE,
                Hears::Anycast => bindings::CHECKPOINT_MEMBER_ANYCAST,
            },
            device: member.device,
            sources: u32::try_from(member.sources.len())?,
            v6: member.v6,
            ..Default::default()
        };
        // SAFETY: We own a reference; other sockets are refused. No more sources are read than the
        // number says.
        to_result(unsafe {
            bindings::checkpoint_inet_join(self.as_ptr(), &raw, member.sources.as_ptr())
        })
    }
}
