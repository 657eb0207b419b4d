// SPDX-License-Identifier: GPL-2.0

//! Each check of keys of TCP, of datagrams that were begun and of sockets of MPTCP has a case that
//! fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        mptcp::*,
        tcp_key::*,
        udp::*,
        *, //
    }, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Changes what there is of TCP-AO.
fn ao(s: &mut Sample, f: impl FnOnce(&mut TcpAo)) {
    s.tcp_keys();
    s.edit(0, f);
}

/// Changes the `nth` key: of TCP_MD5SIG, of TCP-AO.
fn key(s: &mut Sample, nth: usize, f: impl FnOnce(&mut TcpKey)) {
    s.tcp_keys();
    s.edit(nth, f);
}

/// Gives the `nth` key so many bytes.
fn secret(s: &mut Sample, nth: usize, len: usize) {
    s.tcp_keys();
    *s.payload(Kind::TcpKey, nth) = vec![1; len];
}

/// Changes the datagram that was begun.
fn cork(s: &mut Sample, f: impl FnOnce(&mut UdpCork)) {
    s.cork();
    s.edit(0, f);
}

/// Changes the socket of MPTCP.
fn mptcp(s: &mut Sample, f: impl FnOnce(&mut MptcpSocket)) {
    s.mptcp();
    s.edit(0, f);
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.tcp_keys(),
        |s| secret(s, 0, KEY_MAX),
        |s| secret(s, 1, KEY_MAX),
        |s| s.cork(),
        |s| cork(s, |c| c.class.set(255)),
        |s| s.mptcp(),
        |s| {
            mptcp(s, |m| {
                m.state.set(MPTCP_BOUND);
                m.backlog.set(0)
            })
        },
    ]);
}

#[test]
fn keys() {
    refused(&[
        ("does not come right after a TCP socket", |s| {
            s.tcp_keys();
            let at = s.position(Kind::TcpAo, 0);
            s.records.swap(at, at + 1);
        }),
        ("does not come right after a TCP socket", |s| {
            s.tcp_keys();
            let at = s.position(Kind::TcpAo, 0);
            let record = s.records.remove(at);
            s.records.drain(at..at + 2);
            s.records.push(record);
        }),
        ("payload where none belongs", |s| {
            s.tcp_keys();
            s.payload(Kind::TcpAo, 0).push(0)
        }),
        ("unknown flag", |s| ao(s, |a| a.flags.set(TCP_AO_ALL + 1))),
        ("reserved or unused field is not zero", |s| {
            ao(s, |a| a.send_first.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            ao(s, |a| a.receive_wraps.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            ao(s, |a| a.reserved.set(1))
        }),
        ("is of no TCP socket, or one of too many", |s| {
            s.tcp_keys();
            let at = s.position(Kind::TcpKey, 0);
            let record = s.records.remove(at);
            s.records.push(record);
        }),
        ("is for peers of another family", |s| {
            key(s, 0, |k| k.family.set(FAMILY_INET6))
        }),
        ("is for peers of another family", |s| {
            key(s, 0, |k| k.family.set(FAMILY_UNIX))
        }),
        ("impossible address", |s| key(s, 0, |k| k.prefix.set(33))),
        ("impossible address", |s| key(s, 0, |k| k.address[4] = 1)),
        ("unknown flag", |s| {
            key(s, 1, |k| k.flags.set(TCP_KEY_ALL + 1))
        }),
        ("impossible number of a device", |s| {
            key(s, 0, |k| k.device.set(1))
        }),
        ("impossible number of a device", |s| {
            key(s, 1, |k| k.device.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            key(s, 0, |k| k.reserved.set(1))
        }),
        ("unknown kind of key", |s| {
            key(s, 0, |k| k.kind.set(TCP_KEY_AO + 1))
        }),
        ("is of a socket without TCP-AO", |s| {
            s.tcp_keys();
            let at = s.position(Kind::TcpAo, 0);
            s.records.remove(at);
        }),
        ("one key is to be used, and there are two", |s| {
            s.tcp_keys();
            let at = s.position(Kind::TcpKey, 0);
            s.records.remove(at);
            s.edit(0, |k: &mut TcpKey| {
                k.flags.set(TCP_KEY_NEXT | TCP_KEY_DEVICE)
            });
            let body = s.records[at].body.clone();
            let payload = s.records[at].payload.clone();
            let kind = s.records[at].kind;
            s.records.insert(
                at,
                sample::Rec {
                    kind,
                    body,
                    payload,
                },
            );
        }),
        ("impossible length of a key", |s| secret(s, 0, 0)),
        ("impossible length of a key", |s| secret(s, 0, KEY_MAX + 1)),
        ("impossible length of a key", |s| secret(s, 1, KEY_MAX + 1)),
        ("reserved or unused field is not zero", |s| {
            key(s, 0, |k| k.flags.set(TCP_KEY_CURRENT))
        }),
        ("reserved or unused field is not zero", |s| {
            key(s, 0, |k| k.mac.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            key(s, 0, |k| k.good.set(1))
        }),
        ("unknown algorithm of a key", |s| {
            key(s, 1, |k| k.algorithm.set(0))
        }),
        ("unknown algorithm of a key", |s| {
            key(s, 1, |k| k.algorithm.set(TCP_KEY_AES_128_CMAC + 1))
        }),
        ("impossible number of a key", |s| {
            key(s, 1, |k| k.mac.set(0))
        }),
        ("impossible number of a key", |s| {
            key(s, 1, |k| k.send_id.set(256))
        }),
    ]);
}

#[test]
fn begun_datagrams() {
    refused(&[
        ("is of a socket that can't have it", |s| {
            s.cork();
            s.edit(0, |k: &mut Socket| k.kind.set(SOCKET_RAW))
        }),
        (
            "the socket of the datagram before it does not follow",
            |s| {
                s.cork();
                let at = s.position(Kind::UdpCork, 0);
                let body = s.records[at].body.clone();
                let kind = s.records[at].kind;
                s.records.insert(
                    at,
                    sample::Rec {
                        kind,
                        body,
                        payload: Vec::new(),
                    },
                );
            },
        ),
        ("the socket of a begun datagram is missing", |s| {
            s.cork();
            let at = s.position(Kind::UdpCork, 0);
            let record = s.records.remove(at);
            s.records.push(record);
        }),
        ("unknown flag", |s| {
            cork(s, |c| c.flags.set(UDP_CORK_ALL + 1))
        }),
        ("a datagram of IPv6 of a socket of IPv4", |s| {
            cork(s, |c| c.flags.set(UDP_CORK_V6))
        }),
        ("impossible address", |s| cork(s, |c| c.to[4] = 1)),
        ("impossible address", |s| cork(s, |c| c.from[15] = 1)),
        ("impossible port", |s| cork(s, |c| c.port.set(0))),
        ("impossible port", |s| cork(s, |c| c.port.set(1 << 16))),
        ("impossible number of a device", |s| {
            cork(s, |c| c.device.set(1 << 31))
        }),
        ("impossible header", |s| cork(s, |c| c.hops.set(256))),
        ("impossible header", |s| cork(s, |c| c.class.set(256))),
        ("impossible header", |s| cork(s, |c| c.flow.set(1))),
        ("reserved or unused field is not zero", |s| {
            cork(s, |c| c.flags.set(UDP_CORK_WHOLE))
        }),
        ("a datagram that is too long", |s| {
            s.cork();
            *s.payload(Kind::UdpCork, 0) = vec![0; CORK_MAX + 1];
        }),
        ("impossible size of the parts of a datagram", |s| {
            cork(s, |c| c.segment.set(1 << 16))
        }),
    ]);
}

#[test]
fn mptcp_sockets() {
    refused(&[
        ("is of a socket that can't be it", |s| {
            s.mptcp();
            s.edit(0, |k: &mut Socket| {
                k.kind.set(SOCKET_DGRAM);
                k.protocol.set(PROTOCOL_UDP)
            })
        }),
        ("a socket of a family that has none without a file", |s| {
            s.mptcp();
            s.edit(0, |k: &mut Socket| k.form.set(SOCKET_CLOSED))
        }),
        ("tells of the same socket twice", |s| {
            s.mptcp();
            let at = s.position(Kind::MptcpSocket, 0);
            let body = s.records[at].body.clone();
            let kind = s.records[at].kind;
            s.records.insert(
                at,
                sample::Rec {
                    kind,
                    body,
                    payload: Vec::new(),
                },
            );
        }),
        ("unknown state of a socket", |s| {
            mptcp(s, |m| m.state.set(MPTCP_LISTENING + 1))
        }),
        ("impossible address", |s| {
            mptcp(s, |m| m.v6only.set(0));
            s.edit(0, |k: &mut Socket| k.family.set(FAMILY_INET))
        }),
        ("impossible port", |s| mptcp(s, |m| m.port.set(1 << 16))),
        ("impossible number of a device", |s| {
            mptcp(s, |m| m.device.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            mptcp(s, |m| {
                m.state.set(MPTCP_NEW);
                m.backlog.set(0)
            })
        }),
        ("unknown flag", |s| mptcp(s, |m| m.locks.set(u32::MAX))),
        ("neither 0 nor 1", |s| mptcp(s, |m| m.v6only.set(2))),
        ("reserved or unused field is not zero", |s| {
            mptcp(s, |m| {
                m.v6only.set(1);
                m.address = [0; 16]
            });
            s.edit(0, |k: &mut Socket| k.family.set(FAMILY_INET))
        }),
        ("impossible length of a queue", |s| {
            mptcp(s, |m| m.state.set(MPTCP_BOUND))
        }),
        ("impossible length of a queue", |s| {
            mptcp(s, |m| m.backlog.set(1 << 31))
        }),
        ("impossible length of a segment", |s| {
            mptcp(s, |m| m.mss.set(1))
        }),
        ("impossible name of a congestion control", |s| {
            s.mptcp();
            s.payload(Kind::MptcpSocket, 0).push(0)
        }),
    ]);
}
