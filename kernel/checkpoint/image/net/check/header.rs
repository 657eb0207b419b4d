// SPDX-License-Identifier: GPL-2.0

//! What is attached to all that a socket sends.

use crate::image::{
    check::{
        fields::{
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
        header::*,
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Checks what is attached to all that a socket sends.
    pub(in crate::image) fn inet_header(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let header: InetHeader = raw.body()?;
        let socket = self.inet(raw, header.socket.get())?;
        let v6 = family(socket) == FAMILY_INET6;
        ensure(
            raw,
            kind(socket) != SOCKET_STREAM && form(socket) == SOCKET_OPEN,
            "is of a socket that can't have it",
        )?;
        let len = raw.payload.len();
        let possible = match header.kind.get() {
            HEADER_OPTIONS => {
                (1..=OPTIONS4_MAX).contains(&len) && !(v6 && kind(socket) == SOCKET_RAW)
            }
            HEADER_HOP..=HEADER_DST => v6 && (8..=EXTENSION_MAX).contains(&len) && len % 8 == 0,
            HEADER_ADDRESS => v6 && len == 16,
            _ => false,
        };
        ensure(raw, possible, "unknown header, or of an impossible length")?;
        ensure(
            raw,
            header.device.get() <= i32::MAX as u32,
            "impossible number of a device",
        )?;
        zero(
            raw,
            header.reserved.get() == 0
                && (header.device.get() == 0 || header.kind.get() == HEADER_ADDRESS),
        )
    }
}
