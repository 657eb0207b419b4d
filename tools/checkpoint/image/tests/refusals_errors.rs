// SPDX-License-Identifier: GPL-2.0

//! Each check of error queues has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        errqueue::*,
        inet::*,
        *, //
    }, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Changes the error.
fn error(s: &mut Sample, f: impl FnOnce(&mut SocketError)) {
    s.error();
    s.edit(0, f);
}

/// Makes it a time stamp of a TCP socket with statistics, and changes it.
fn stats(s: &mut Sample, f: impl FnOnce(&mut SocketError)) {
    s.error();
    s.edit(0, |socket: &mut Socket| {
        socket.kind.set(SOCKET_STREAM);
        socket.protocol.set(PROTOCOL_TCP);
    });
    s.edit(0, |e: &mut SocketError| {
        e.origin.set(ERROR_STAMP);
        e.flags.set(ERROR_OPT_STATS);
        f(e);
    });
    for kind in [Kind::InetSocket, Kind::InetMessage, Kind::SocketFilter] {
        let at = s.position(kind, 0);
        s.records.remove(at);
    }
    s.payload(Kind::Socket, 0).clear();
}

/// Makes it one of IPv6, and changes it.
fn error6(s: &mut Sample, f: impl FnOnce(&mut SocketError)) {
    s.error();
    s.edit(0, |socket: &mut Socket| socket.family.set(FAMILY_INET6));
    s.edit(0, |e: &mut SocketError| {
        e.flags.set(ERROR_V6);
        f(e);
    });
    // They are those of the socket as it was.
    for kind in [Kind::InetSocket, Kind::InetMessage, Kind::SocketFilter] {
        let at = s.position(kind, 0);
        s.records.remove(at);
    }
    s.payload(Kind::Socket, 0).clear();
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.error(),
        |s| error(s, |e| e.error.set(ERROR_MAX)),
        |s| error(s, |e| e.origin.set(ERROR_TXTIME)),
        |s| stats(s, |_| ()),
        |s| {
            stats(s, |_| ());
            *s.payload(Kind::SocketError, 0) = vec![0; ERROR_STATS_MAX];
        },
        |s| {
            error(s, |e| e.transport.set(ERROR_TRANSPORT_MAX));
            *s.payload(Kind::SocketError, 0) = vec![0; ERROR_DATA_MAX];
        },
        |s| error(s, |e| e.transport.set(4)),
        |s| error(s, |e| e.info.set(u32::MAX)),
        |s| error6(s, |e| e.about[15] = 1),
        |s| error6(s, |e| e.about_flow.set(FLOW_ALL)),
    ]);
}

#[test]
fn errors() {
    const HEADER: &str = "impossible header";
    const ADDRESS: &str = "impossible address";
    const ORIGIN: &str = "unknown origin of an error";
    const STATS: &str = "impossible statistics with a time stamp";
    const TIME: &str = "impossible time of an error";
    refused(&[
        ("is of a socket that has no error queue", |s| {
            s.error();
            s.edit(0, |k: &mut Socket| {
                k.family.set(FAMILY_UNIX);
                k.protocol.set(0);
            });
            for kind in [Kind::InetSocket, Kind::InetMessage, Kind::SocketFilter] {
                let at = s.position(kind, 0);
                s.records.remove(at);
            }
            s.payload(Kind::Socket, 0).clear();
        }),
        ("unknown flag", |s| error(s, |e| e.flags.set(4))),
        ("an error of IPv6 of another socket", |s| {
            error(s, |e| e.flags.set(ERROR_V6))
        }),
        ("impossible error of a socket", |s| {
            error(s, |e| e.error.set(ERROR_MAX + 1))
        }),
        (ORIGIN, |s| error(s, |e| e.origin.set(0))),
        (ORIGIN, |s| error(s, |e| e.origin.set(ERROR_TXTIME + 1))),
        (ORIGIN, |s| error(s, |e| e.kind.set(256))),
        (ORIGIN, |s| error(s, |e| e.code.set(256))),
        ("impossible port", |s| error(s, |e| e.port.set(65536))),
        ("impossible number of a device", |s| {
            error(s, |e| e.device.set(1 << 31))
        }),
        (HEADER, |s| error(s, |e| e.ttl.set(256))),
        (HEADER, |s| error(s, |e| e.flow.set(256))),
        (HEADER, |s| error6(s, |e| e.flow.set(FLOW_ALL + 1))),
        (HEADER, |s| error(s, |e| e.about_flow.set(1))),
        (HEADER, |s| error6(s, |e| e.about_flow.set(FLOW_ALL + 1))),
        (HEADER, |s| error(s, |e| e.frag_size.set(65536))),
        (HEADER, |s| error(s, |e| e.transport.set(5))),
        (HEADER, |s| {
            error(s, |e| e.transport.set(ERROR_TRANSPORT_MAX + 1));
            *s.payload(Kind::SocketError, 0) = vec![0; ERROR_DATA_MAX];
        }),
        (STATS, |s| {
            error(s, |e| {
                e.origin.set(ERROR_STAMP);
                e.flags.set(ERROR_OPT_STATS);
            })
        }),
        (STATS, |s| stats(s, |e| e.origin.set(ERROR_ICMP))),
        (STATS, |s| {
            stats(s, |_| ());
            *s.payload(Kind::SocketError, 0) = vec![0; ERROR_STATS_MAX + 1];
        }),
        (ADDRESS, |s| error(s, |e| e.from[4] = 1)),
        (ADDRESS, |s| error(s, |e| e.to[15] = 1)),
        (ADDRESS, |s| error(s, |e| e.about[4] = 1)),
        (ADDRESS, |s| error6(s, |e| e.spec_dst[0] = 1)),
        (TIME, |s| error(s, |e| e.time.set(1 << 63))),
        (TIME, |s| error(s, |e| e.device_time.set(1 << 63))),
        ("reserved or unused field is not zero", |s| {
            error(s, |e| e.reserved.set(1))
        }),
        ("an error that is too long", |s| {
            s.error();
            *s.payload(Kind::SocketError, 0) = vec![0; ERROR_DATA_MAX + 1];
        }),
    ]);
}
