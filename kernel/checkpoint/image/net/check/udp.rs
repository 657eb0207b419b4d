// SPDX-License-Identifier: GPL-2.0

//! Datagrams that UDP sockets have begun.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
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
        udp::*,
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Largest flow label.
const LABEL_MAX: u32 = 0xfffff;

impl Walk<'_> {
    /// Checks a datagram that a UDP socket has begun.
    pub(in crate::image) fn udp_cork(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let cork: UdpCork = raw.body()?;
        let socket = self.inet(raw, cork.socket.get())?;
        let is_v6 = family(socket) == FAMILY_INET6;
        ensure(
            raw,
            kind(socket) == SOCKET_DGRAM && form(socket) == SOCKET_OPEN,
            "is of a socket that can't have it",
        )?;
        ensure(
            raw,
            self.corked == 0,
            "the socket of the datagram before it does not follow",
        )?;
        self.corked = cork.socket.get();
        flags(raw, cork.flags.get().into(), UDP_CORK_ALL.into())?;
        let v6 = cork.flags.get() & UDP_CORK_V6 != 0;
        ensure(raw, is_v6 || !v6, "a datagram of IPv6 of a socket of IPv4")?;
        let rest = |addr: &[u8; 16]| addr.iter().skip(4).any(|&b| b != 0);
        ensure(
            raw,
            v6 || !rest(&cork.to) && !rest(&cork.from),
            "impossible address",
        )?;
        ensure(
            raw,
            (1..=u32::from(u16::MAX)).contains(&cork.port.get()),
            "impossible port",
        )?;
        ensure(
            raw,
            cork.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        let byte = u32::from(u8::MAX);
        ensure(
            raw,
            cork.hops.get() <= byte
                && (cork.class.get() <= byte || !v6 && cork.class.get() == CLASS_OF_SOCKET)
                && cork.flow.get() <= if v6 { LABEL_MAX } else { 0 },
            "impossible header",
        )?;
        zero(raw, v6 || cork.flags.get() & UDP_CORK_WHOLE == 0)?;
        ensure(
            raw,
            raw.payload.len() <= CORK_MAX,
            "a datagram that is too long",
        )?;
        ensure(
            raw,
            cork.segment.get() <= u32::from(u16::MAX),
            "impossible size of the parts of a datagram",
        )
    }
}
