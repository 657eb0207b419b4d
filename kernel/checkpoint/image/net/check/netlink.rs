// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    net::{
        check::family,
        netlink::*,
        Socket, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Highest number of a group in an address.
const ADDRESS_GROUP_MAX: u32 = 32;

/// Number of the first family of generic netlink.
const GENERIC_MIN: u32 = 16;

/// Returns whether it is a name, with nothing but zeros after it.
fn is_name(name: &[u8; 16]) -> bool {
    name.iter()
        .position(|&b| b == 0)
        .is_some_and(|len| len > 0 && name.iter().skip(len).all(|&b| b == 0))
}

impl Walk<'_> {
    /// Checks that there is a socket of this family with reference `obj`.
    fn netlink(&self, raw: &Raw<'_>, obj: u32) -> Result<(), Fault> {
        let socket = self.refer::<Socket>(raw, obj)?;
        ensure(
            raw,
            family(socket) == FAMILY_NETLINK,
            "refers to a socket of another family",
        )
    }

    /// Checks what a netlink socket is to others.
    pub(in crate::image) fn netlink_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let socket: NetlinkSocket = raw.body()?;
        self.netlink(raw, socket.socket.get())?;
        self.link_once::<Socket>(raw, socket.socket.get(), "tells of the same socket twice")?;
        flags(raw, socket.flags.get().into(), NETLINK_ALL.into())?;
        boolean(raw, socket.connected.get())?;
        boolean(raw, socket.dump.get())?;
        let (to, group) = (socket.to.get(), socket.to_group.get());
        if socket.connected.get() != 0 {
            ensure(
                raw,
                socket.port.get() != 0 && group <= ADDRESS_GROUP_MAX,
                "can't be connected",
            )?;
        } else {
            zero(raw, to == 0 && group == 0)?;
        }
        ensure(
            raw,
            matches!(socket.error.get(), 0 | ERROR_MISSED),
            "impossible error of a socket",
        )?;
        zero(raw, socket.dump.get() != 0 || socket.dump_seq.get() == 0)?;
        let groups: &[U32] = raw.array(GROUPS_MAX)?;
        ensure(
            raw,
            u32::try_from(groups.len()).is_ok_and(|n| n == socket.groups.get()),
            "another number of groups than announced",
        )?;
        let mut last = 0;
        for group in groups {
            ensure(raw, group.get() > last, "groups not by ascending number")?;
            last = group.get();
        }
        Ok(())
    }

    /// Checks a message of a netlink socket.
    pub(in crate::image) fn netlink_message(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let message: NetlinkMessage = raw.body()?;
        self.netlink(raw, message.socket.get())?;
        flags(raw, message.flags.get().into(), NETLINK_MESSAGE_ALL.into())?;
        let told = message.flags.get() & NETLINK_MESSAGE_NSID != 0;
        zero(raw, told || message.nsid.get() == 0)?;
        let (uid, gid) = (message.uid.get(), message.gid.get());
        if message.port.get() == 0 {
            zero(raw, uid == 0 && gid == 0 && message.pid.get() == 0)?;
        }
        ids(raw, [uid, gid].into_iter())?;
        ensure(
            raw,
            !raw.payload.is_empty() && raw.payload.len() <= MESSAGE_MAX,
            "a message that is empty or too long",
        )
    }

    /// Checks a family of generic netlink.
    pub(in crate::image) fn generic_family(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let family: GenericFamily = raw.body()?;
        self.netlink(raw, family.socket.get())?;
        ensure(
            raw,
            (GENERIC_MIN..=u32::from(u16::MAX)).contains(&family.id.get())
                && family.group_id.get() <= i32::MAX as u32,
            "impossible number of a family or group",
        )?;
        boolean(raw, family.asked.get())?;
        let group = family.group_id.get() != 0;
        zero(raw, !group || family.asked.get() == 0)?;
        ensure(
            raw,
            is_name(&family.family)
                && if group {
                    is_name(&family.group)
                } else {
                    family.group == [0; 16]
                },
            "impossible name of a family or group",
        )?;
        no_payload(raw)
    }
}
