// SPDX-License-Identifier: GPL-2.0

//! Each check of headers of sockets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        header::*,
        *, //
    }, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Changes the header.
fn header(s: &mut Sample, kind: u32, len: usize) {
    s.header();
    s.edit(0, |h: &mut InetHeader| h.kind.set(kind));
    *s.payload(Kind::InetHeader, 0) = vec![0; len];
}

/// The same of a socket that is changed.
fn of(s: &mut Sample, f: impl FnOnce(&mut Socket), kind: u32, len: usize) {
    header(s, kind, len);
    s.edit(0, f);
    // They are those of the socket as it was.
    for kind in [Kind::InetSocket, Kind::InetMessage, Kind::SocketFilter] {
        let at = s.position(kind, 0);
        s.records.remove(at);
    }
    s.payload(Kind::Socket, 0).clear();
}

/// Makes the socket one of IPv6.
fn v6(socket: &mut Socket) {
    socket.family.set(FAMILY_INET6);
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| header(s, HEADER_OPTIONS, 1),
        |s| header(s, HEADER_OPTIONS, OPTIONS4_MAX),
        |s| of(s, v6, HEADER_OPTIONS, 8),
        |s| of(s, v6, HEADER_HOP, 8),
        |s| of(s, v6, HEADER_DST, EXTENSION_MAX),
        |s| of(s, v6, HEADER_ADDRESS, 16),
        |s| {
            of(s, v6, HEADER_ADDRESS, 16);
            s.edit(0, |h: &mut InetHeader| h.device.set(1));
        },
    ]);
}

#[test]
fn headers() {
    const LEN: &str = "unknown header, or of an impossible length";
    refused(&[
        ("is of a socket that can't have it", |s| {
            let tcp = |k: &mut Socket| {
                k.kind.set(SOCKET_STREAM);
                k.protocol.set(PROTOCOL_TCP);
            };
            of(s, tcp, HEADER_OPTIONS, 8)
        }),
        (LEN, |s| header(s, HEADER_OPTIONS, 0)),
        (LEN, |s| header(s, HEADER_OPTIONS, OPTIONS4_MAX + 1)),
        (LEN, |s| header(s, HEADER_HOP, 8)),
        (LEN, |s| header(s, HEADER_ADDRESS, 16)),
        (LEN, |s| {
            let raw = |k: &mut Socket| {
                v6(k);
                k.kind.set(SOCKET_RAW);
            };
            of(s, raw, HEADER_OPTIONS, 8)
        }),
        (LEN, |s| of(s, v6, HEADER_HOP, 0)),
        (LEN, |s| of(s, v6, HEADER_ROUTE, 12)),
        (LEN, |s| of(s, v6, HEADER_DST, EXTENSION_MAX + 8)),
        (LEN, |s| of(s, v6, HEADER_ADDRESS, 20)),
        (LEN, |s| of(s, v6, HEADER_ADDRESS + 1, 16)),
        ("impossible number of a device", |s| {
            of(s, v6, HEADER_ADDRESS, 16);
            s.edit(0, |h: &mut InetHeader| h.device.set(1 << 31));
        }),
        ("reserved or unused field is not zero", |s| {
            header(s, HEADER_OPTIONS, 8);
            s.edit(0, |h: &mut InetHeader| h.device.set(1));
        }),
        ("reserved or unused field is not zero", |s| {
            header(s, HEADER_OPTIONS, 8);
            s.edit(0, |h: &mut InetHeader| h.reserved.set(1));
        }),
    ]);
}
