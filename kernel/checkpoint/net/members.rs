// SPDX-License-Identifier: GPL-2.0

//! Memberships of UDP, ICMP and raw sockets in multicast groups, and anycast addresses.
//!
//! They are joined before a socket gets its address, with the rights of who has made it, in the order in
//! which they were: where a group is joined on several devices the last one comes first. What can be
//! joined can be left, so that a socket that is closed takes all back.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::restore::Restore,
    files::Named,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::member::{
            InetMember,
            MEMBERS_MAX,
            MEMBER_ANYCAST,
            MEMBER_EMPTIED,
            MEMBER_EXCLUDE,
            MEMBER_INCLUDE,
            SOURCES_MAX, //
        },
        Kind,
        Raw, //
    },
    kapi::{
        net::{
            members::{
                Hears,
                Member, //
            },
            socket::SockRef, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        inet,
        socket, //
    }, //
};

/// The memberships.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "memberships of sockets",
    save: save_links,
    link,
};

/// What a membership is, and its number.
const KINDS: &[(Hears, u32)] = &[
    (Hears::AllBut, MEMBER_EXCLUDE),
    (Hears::Emptied, MEMBER_EMPTIED),
    (Hears::Only, MEMBER_INCLUDE),
    (Hears::Anycast, MEMBER_ANYCAST),
];

/// Returns its memberships, if it has any: most have none, and are asked for no lock.
fn of(sk: &SockRef) -> Result<KVVec<Member>> {
    if sk.inet()?.special.is_member() {
        sk.memberships(MEMBERS_MAX, SOURCES_MAX)
    } else {
        Ok(KVVec::new())
    }
}

/// Looks at the memberships of `sk`. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    let (errno, why) = match of(sk) {
        Ok(members) if members.iter().any(|m| m.gone) => (
            EOPNOTSUPP,
            "is a member of a group on a device that is gone: have it leave that",
        ),
        Ok(_) => return Ok(true),
        Err(E2BIG) => (
            EOPNOTSUPP,
            "is a member of too many groups, or names too many sources: have it leave some",
        ),
        Err(EBUSY) => (EBUSY, "somebody outside uses it: try again"),
        Err(e) => return Err(e),
    };
    cap.refuse(errno, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Writes the memberships of all sockets.
fn save_links(cap: &mut Capture) -> Result {
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if !inet::is_datagram(socket::numbers(&plain.sk)) {
            continue;
        }
        for member in of(&plain.sk)? {
            let kind = KINDS
                .iter()
                .find(|(hears, _)| *hears == member.hears)
                .ok_or(EINVAL)?
                .1;
            let record = InetMember {
                socket: obj.get().into(),
                kind: kind.into(),
                v6: u32::from(member.v6).into(),
                device: u32::try_from(member.device)?.into(),
                sources: u32::try_from(member.sources.len())?.into(),
                group: member.group,
                local: member.local,
            };
            cap.meta.put(&record, member.sources.as_bytes())?;
        }
    }
    Ok(())
}

/// Has a socket join what it was a member of.
fn join(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: InetMember = raw.body().map_err(|f| r.fault(f))?;
    let made = socket::made(r, record.socket.get())?;
    let mut sources = KVVec::new();
    let named: &[[u8; 16]] = raw.array(SOURCES_MAX).map_err(|f| r.fault(f))?;
    sources.extend_from_slice(named, GFP_KERNEL_ACCOUNT)?;
    let member = Member {
        group: record.group,
        local: record.local,
        hears: KINDS
            .iter()
            .find(|(_, kind)| *kind == record.kind.get())
            .ok_or(EINVAL)?
            .0,
        device: i32::try_from(record.device.get())?,
        v6: record.v6.get() != 0,
        gone: false,
        sources,
    };
    made.opener
        .act(|| made.file.join_group(&member))
        .map_err(|e| {
            let why = match e {
                ENODEV => "there is no device with that number, or it is not set up for it",
                ENOBUFS | ENOMEM => {
                    "the machine allows for fewer (net.ipv4.igmp_max_memberships, \
                     net.ipv4.igmp_max_msf, net.ipv6.mld_max_msf, net.core.optmem_max)"
                }
                EPERM | EACCES => "who has made it may not (an anycast address: CAP_NET_ADMIN)",
                EADDRNOTAVAIL | EINVAL if member.hears == Hears::Anycast => {
                    "the device has no such prefix, or has the address itself"
                }
                _ => "the kernel does not take it",
            };
            let group = inet::Address {
                addr: &member.group,
                v6: member.v6,
            };
            r.told(
                e,
                fmt!(
                    "a socket can't join {} on device {}: {}",
                    group,
                    member.device,
                    why
                ),
            )
        })
}

/// Has all sockets join their groups: all files are there.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::InetMember {
            wait::go_on()?;
            join(r, &raw).map_err(|e| r.unless_told(e, "a socket can't join a group"))?;
        }
    }
    Ok(())
}
