// SPDX-License-Identifier: GPL-2.0

//! Error queues of sockets.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero,
            POS_MAX, //
        },
        walk::Walk, //
    },
    net::{
        check::{
            family,
            form,
            kind, //
        },
        errqueue::*,
        inet::{
            ADDR4_LEN,
            ERROR_MAX,
            FLOW_ALL, //
        },
        packet::FAMILY_PACKET,
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Checks what is in the error queue of a socket.
    pub(in crate::image) fn socket_error(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let error: SocketError = raw.body()?;
        let socket = self.refer::<Socket>(raw, error.socket.get())?;
        let family = family(socket);
        ensure(
            raw,
            matches!(family, FAMILY_INET | FAMILY_INET6 | FAMILY_PACKET)
                && form(socket) == SOCKET_OPEN,
            "is of a socket that has no error queue",
        )?;
        flags(raw, error.flags.get().into(), ERROR_FLAGS_ALL.into())?;
        let v6 = error.flags.get() & ERROR_V6 != 0;
        ensure(
            raw,
            !v6 || family == FAMILY_INET6,
            "an error of IPv6 of another socket",
        )?;
        ensure(
            raw,
            error.error.get() <= ERROR_MAX,
            "impossible error of a socket",
        )?;
        ensure(
            raw,
            (ERROR_LOCAL..=ERROR_TXTIME).contains(&error.origin.get())
                && error.kind.get() <= u32::from(u8::MAX)
                && error.code.get() <= u32::from(u8::MAX),
            "unknown origin of an error",
        )?;
        let port_max = u32::from(u16::MAX);
        ensure(raw, error.port.get() <= port_max, "impossible port")?;
        ensure(
            raw,
            error.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        ensure(
            raw,
            error.ttl.get() <= u32::from(u8::MAX)
                && error.flow.get() <= if v6 { FLOW_ALL } else { u32::from(u8::MAX) }
                && error.about_flow.get() <= if v6 { FLOW_ALL } else { 0 }
                && error.frag_size.get() <= port_max,
            "impossible header",
        )?;
        let rest = |addr: &[u8; 16]| {
            addr.get(ADDR4_LEN..)
                .is_some_and(|b| b.iter().any(|&b| b != 0))
        };
        ensure(
            raw,
            if v6 {
                error.spec_dst == [0; 4]
            } else {
                !rest(&error.from) && !rest(&error.to) && !rest(&error.about)
            },
            "impossible address",
        )?;
        ensure(
            raw,
            error.time.get() <= POS_MAX && error.device_time.get() <= POS_MAX,
            "impossible time of an error",
        )?;
        zero(raw, error.reserved.get() == 0)?;
        let len = raw.payload.len();
        ensure(raw, len <= ERROR_DATA_MAX, "an error that is too long")?;
        ensure(
            raw,
            error.transport.get() as usize <= len && error.transport.get() <= ERROR_TRANSPORT_MAX,
            "impossible header",
        )?;
        // The kernel takes them to lie in one piece.
        ensure(
            raw,
            error.flags.get() & ERROR_OPT_STATS == 0
                || kind(socket) == SOCKET_STREAM
                    && error.origin.get() == ERROR_STAMP
                    && len <= ERROR_STATS_MAX,
            "impossible statistics with a time stamp",
        )
    }
}
