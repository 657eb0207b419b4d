// SPDX-License-Identifier: GPL-2.0

//! Each check of memberships has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        member::*,
        *, //
    }, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Changes the socket, and then the membership.
fn of(s: &mut Sample, f: impl FnOnce(&mut Socket), g: impl FnOnce(&mut InetMember)) {
    s.member();
    s.edit(0, f);
    s.edit(0, g);
    // They are those of the socket as it was.
    for kind in [Kind::InetSocket, Kind::InetMessage, Kind::SocketFilter] {
        let at = s.position(kind, 0);
        s.records.remove(at);
    }
    s.payload(Kind::Socket, 0).clear();
}

/// Changes the membership.
fn member(s: &mut Sample, f: impl FnOnce(&mut InetMember)) {
    s.member();
    s.edit(0, f);
}

/// Makes the socket one of IPv6.
fn v6(socket: &mut Socket) {
    socket.family.set(FAMILY_INET6);
}

/// Makes the membership one of IPv6.
fn group6(m: &mut InetMember) {
    m.v6.set(1);
    m.group[0] = 0xff;
    m.local = [0; 4];
}

/// Makes it an anycast address, with as many sources as announced.
fn anycast(s: &mut Sample, sources: u32) {
    of(s, v6, |m| {
        group6(m);
        m.group[0] = 0xfd;
        m.kind.set(MEMBER_ANYCAST);
        m.sources.set(sources);
    });
    if sources == 0 {
        s.payload(Kind::InetMember, 0).clear();
    }
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.member(),
        |s| member(s, |m| m.kind.set(MEMBER_EXCLUDE)),
        |s| of(s, v6, |_| ()),
        |s| of(s, v6, group6),
        |s| anycast(s, 0),
        |s| {
            member(s, |m| {
                m.kind.set(MEMBER_EMPTIED);
                m.sources.set(0);
            });
            s.payload(Kind::InetMember, 0).clear();
        },
    ]);
}

#[test]
fn members() {
    const NAMED: &str = "sources that it can't name";
    const ADDRESS: &str = "impossible address of a group";
    const DEVICE: &str = "impossible number of a device";
    refused(&[
        ("is of a socket that can't be a member", |s| {
            let tcp = |k: &mut Socket| {
                k.kind.set(SOCKET_STREAM);
                k.protocol.set(PROTOCOL_TCP);
            };
            of(s, tcp, |_| ())
        }),
        ("neither 0 nor 1", |s| member(s, |m| m.v6.set(2))),
        ("a group of another family", |s| member(s, group6)),
        ("a group of another family", |s| {
            let raw = |k: &mut Socket| {
                v6(k);
                k.kind.set(SOCKET_RAW);
            };
            of(s, raw, |_| ())
        }),
        ("unknown kind of membership", |s| {
            member(s, |m| m.kind.set(MEMBER_ANYCAST + 1))
        }),
        (ADDRESS, |s| member(s, |m| m.group[0] = 10)),
        (ADDRESS, |s| member(s, |m| m.group[4] = 1)),
        (ADDRESS, |s| member(s, |m| m.kind.set(MEMBER_ANYCAST))),
        (ADDRESS, |s| {
            of(s, v6, |m| {
                group6(m);
                m.group[0] = 0xfe;
            })
        }),
        (DEVICE, |s| member(s, |m| m.device.set(0))),
        (DEVICE, |s| member(s, |m| m.device.set(1 << 31))),
        ("reserved or unused field is not zero", |s| {
            of(s, v6, |m| {
                group6(m);
                m.local[0] = 1;
            })
        }),
        ("another number of sources than announced", |s| {
            member(s, |m| m.sources.set(2))
        }),
        ("payload of wrong length", |s| {
            s.member();
            s.payload(Kind::InetMember, 0).push(0);
        }),
        (NAMED, |s| {
            s.member();
            s.payload(Kind::InetMember, 0)[4] = 1;
        }),
        (NAMED, |s| member(s, |m| m.kind.set(MEMBER_EMPTIED))),
        (NAMED, |s| anycast(s, 1)),
    ]);
}
