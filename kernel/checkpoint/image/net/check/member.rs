// SPDX-License-Identifier: GPL-2.0

//! Memberships of IPv4 and IPv6 sockets.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            zero, //
        },
        walk::Walk, //
    },
    net::{
        check::{
            family,
            form,
            kind, //
        },
        inet::ADDR4_LEN,
        member::*,
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Returns whether it is of IPv4: there is nothing behind an address.
fn is_v4(addr: &[u8; 16]) -> bool {
    addr.get(ADDR4_LEN..)
        .is_some_and(|rest| rest.iter().all(|&b| b == 0))
}

/// Returns whether it is the address of a group.
fn is_group(addr: &[u8; 16], v6: bool) -> bool {
    if v6 {
        addr[0] == 0xff
    } else {
        addr[0] & 0xf0 == 0xe0 && is_v4(addr)
    }
}

impl Walk<'_> {
    /// Checks a membership of an IPv4 or IPv6 socket.
    pub(in crate::image) fn inet_member(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let member: InetMember = raw.body()?;
        let socket = self.inet(raw, member.socket.get())?;
        let of = (family(socket), kind(socket));
        ensure(
            raw,
            of.1 != SOCKET_STREAM && form(socket) == SOCKET_OPEN,
            "is of a socket that can't be a member",
        )?;
        boolean(raw, member.v6.get())?;
        let v6 = member.v6.get() != 0;
        ensure(
            raw,
            if v6 {
                of.0 == FAMILY_INET6
            } else {
                of != (FAMILY_INET6, SOCKET_RAW)
            },
            "a group of another family",
        )?;
        let kind = member.kind.get();
        ensure(raw, kind <= MEMBER_ANYCAST, "unknown kind of membership")?;
        let anycast = kind == MEMBER_ANYCAST;
        ensure(
            raw,
            if anycast {
                v6 && !is_group(&member.group, true)
            } else {
                is_group(&member.group, v6)
            },
            "impossible address of a group",
        )?;
        ensure(
            raw,
            (1..=i32::MAX as u32).contains(&member.device.get()),
            "impossible number of a device",
        )?;
        zero(raw, !v6 || member.local == [0; 4])?;
        let sources: &[[u8; 16]] = raw.array(SOURCES_MAX)?;
        ensure(
            raw,
            u32::try_from(sources.len()).is_ok_and(|n| n == member.sources.get()),
            "another number of sources than announced",
        )?;
        ensure(
            raw,
            match kind {
                MEMBER_EMPTIED => !v6 && sources.is_empty(),
                MEMBER_ANYCAST => sources.is_empty(),
                _ => v6 || sources.iter().all(is_v4),
            },
            "sources that it can't name",
        )
    }
}
