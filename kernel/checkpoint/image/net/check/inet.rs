// SPDX-License-Identifier: GPL-2.0

//! IPv4 and IPv6 sockets.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            zero,
            POS_MAX, //
        },
        walk::Walk,
        Object, //
    },
    net::{
        check::{
            family,
            form,
            kind, //
        },
        inet::*,
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Checks that `addr` is an address of the family of `socket`.
fn address(raw: &Raw<'_>, socket: &Object, addr: &[u8; 16]) -> Result<(), Fault> {
    let rest = addr.get(ADDR4_LEN..).unwrap_or(&[]);
    ensure(
        raw,
        family(socket) == FAMILY_INET6 || rest.iter().all(|&b| b == 0),
        "impossible address",
    )
}

impl Walk<'_> {
    /// Returns a socket of IPv4 or IPv6 with reference `obj`.
    pub(super) fn inet(&self, raw: &Raw<'_>, obj: u32) -> Result<&Object, Fault> {
        let socket = self.refer::<Socket>(raw, obj)?;
        ensure(
            raw,
            matches!(family(socket), FAMILY_INET | FAMILY_INET6),
            "refers to a socket of another family",
        )?;
        Ok(socket)
    }

    /// Checks the addresses of an IPv4 or IPv6 socket.
    pub(in crate::image) fn inet_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let inet: InetSocket = raw.body()?;
        let socket = self.inet(raw, inet.socket.get())?;
        let v6 = family(socket) == FAMILY_INET6;
        let (kind, form) = (kind(socket), form(socket));
        ensure(
            raw,
            kind != SOCKET_STREAM,
            "is of a socket with connections of its own",
        )?;
        address(raw, socket, &inet.addr)?;
        address(raw, socket, &inet.peer)?;
        self.link_once::<Socket>(raw, inet.socket.get(), "tells of the same socket twice")?;
        ensure(
            raw,
            self.corked == 0 || self.corked == inet.socket.get(),
            "is not the socket of the datagram that was begun",
        )?;
        self.corked = 0;
        ensure(
            raw,
            form == SOCKET_OPEN,
            "is of a socket that no file shows",
        )?;
        let state = inet.state.get();
        ensure(raw, state <= INET_CONNECTED, "unknown state of a socket")?;
        let port_max = u32::from(u16::MAX);
        ensure(
            raw,
            inet.port.get() <= port_max && inet.peer_port.get() <= port_max,
            "impossible port",
        )?;
        ensure(
            raw,
            inet.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        flags(raw, inet.locks.get().into(), INET_LOCK_ALL.into())?;
        flags(raw, inet.shutdown.get().into(), INET_SHUT_ALL.into())?;
        ensure(
            raw,
            inet.error.get() <= ERROR_MAX,
            "impossible error of a socket",
        )?;
        boolean(raw, inet.v6only.get())?;
        zero(
            raw,
            inet.flow.get() & !FLOW_ALL == 0 && (v6 || inet.flow.get() | inet.v6only.get() == 0),
        )?;
        zero(
            raw,
            state != INET_NEW
                || inet.addr == [0; 16] && (inet.port.get() == 0 || kind == SOCKET_RAW),
        )?;
        zero(
            raw,
            state == INET_CONNECTED || inet.peer == [0; 16] && inet.peer_port.get() == 0,
        )?;
        ensure(
            raw,
            raw.payload.is_empty()
                || v6 && kind == SOCKET_RAW && raw.payload.len() == ICMP6_FILTER_LEN,
            "a filter that it can't have",
        )
    }

    /// Checks a datagram of an IPv4 or IPv6 socket.
    pub(in crate::image) fn inet_message(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let message: InetMessage = raw.body()?;
        let socket = self.inet(raw, message.socket.get())?;
        let (dgram, v6) = (kind(socket) == SOCKET_DGRAM, family(socket) == FAMILY_INET6);
        ensure(
            raw,
            kind(socket) != SOCKET_STREAM,
            "is in the queue of a socket with connections of its own",
        )?;
        boolean(raw, message.v6.get())?;
        ensure(
            raw,
            message.v6.get() == 0 || v6,
            "a datagram of IPv6 in the queue of a socket of IPv4",
        )?;
        let is_v6 = message.v6.get() != 0;
        let rest = |addr: &[u8; 16]| {
            addr.get(ADDR4_LEN..)
                .is_some_and(|b| b.iter().any(|&b| b != 0))
        };
        ensure(
            raw,
            is_v6 && message.spec_dst == [0; 4]
                || !is_v6 && !rest(&message.from) && !rest(&message.to),
            "impossible address",
        )?;
        let port_max = u32::from(u16::MAX);
        ensure(
            raw,
            message.from_port.get() <= port_max && message.to_port.get() <= port_max,
            "impossible port",
        )?;
        ensure(
            raw,
            message.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        ensure(
            raw,
            message.ttl.get() <= u32::from(u8::MAX)
                && message.flow.get() <= if is_v6 { FLOW_ALL } else { u32::from(u8::MAX) }
                && message.frag_size.get() <= port_max,
            "impossible header",
        )?;
        ensure(
            raw,
            message.time.get() <= POS_MAX,
            "impossible time of a datagram",
        )?;
        let len = raw.payload.len();
        ensure(raw, len <= DATAGRAM_MAX, "a datagram that is too long")?;
        ensure(
            raw,
            message.gso_size.get() == 0 || dgram && (message.gso_size.get() as usize) < len,
            "impossible size of the parts of a datagram",
        )
    }
}
