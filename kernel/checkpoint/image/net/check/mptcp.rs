// SPDX-License-Identifier: GPL-2.0

//! Sockets of Multipath TCP.

use crate::image::{
    check::{
        fields::{
            boolean,
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
        inet::INET_LOCK_ALL,
        mptcp::*,
        tcp::{
            CONGESTION_MAX,
            MSS_MAX,
            MSS_MIN, //
        },
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Checks a socket of Multipath TCP.
    pub(in crate::image) fn mptcp_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let mptcp: MptcpSocket = raw.body()?;
        let socket = self.inet(raw, mptcp.socket.get())?;
        let v6 = family(socket) == FAMILY_INET6;
        ensure(
            raw,
            kind(socket) == SOCKET_STREAM && form(socket) == SOCKET_OPEN,
            "is of a socket that can't be it",
        )?;
        self.link_once::<Socket>(raw, mptcp.socket.get(), "tells of the same socket twice")?;
        let state = mptcp.state.get();
        ensure(raw, state <= MPTCP_LISTENING, "unknown state of a socket")?;
        ensure(
            raw,
            v6 || mptcp.address.iter().skip(4).all(|&b| b == 0),
            "impossible address",
        )?;
        ensure(
            raw,
            mptcp.port.get() <= u32::from(u16::MAX),
            "impossible port",
        )?;
        ensure(
            raw,
            mptcp.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        zero(
            raw,
            state != MPTCP_NEW || mptcp.address == [0; 16] && mptcp.port.get() == 0,
        )?;
        flags(raw, mptcp.locks.get().into(), INET_LOCK_ALL.into())?;
        boolean(raw, mptcp.v6only.get())?;
        zero(raw, v6 || mptcp.v6only.get() == 0)?;
        ensure(
            raw,
            mptcp.backlog.get() <= i32::MAX as u32
                && (state == MPTCP_LISTENING || mptcp.backlog.get() == 0),
            "impossible length of a queue",
        )?;
        ensure(
            raw,
            mptcp.mss.get() == 0 || (MSS_MIN..=MSS_MAX).contains(&mptcp.mss.get()),
            "impossible length of a segment",
        )?;
        ensure(
            raw,
            raw.payload.len() <= CONGESTION_MAX && raw.payload.iter().all(|c| c.is_ascii_graphic()),
            "impossible name of a congestion control",
        )
    }
}
