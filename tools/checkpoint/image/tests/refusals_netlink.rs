// SPDX-License-Identifier: GPL-2.0

//! Each check of netlink sockets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        netlink::*,
        *, //
    }, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

/// Changes the socket.
fn socket(s: &mut Sample, f: impl FnOnce(&mut Socket)) {
    s.netlink();
    s.edit(0, f);
}

/// Changes what it is to others.
fn link(s: &mut Sample, f: impl FnOnce(&mut NetlinkSocket)) {
    s.netlink();
    s.edit(0, f);
}

/// Changes its groups.
fn groups(s: &mut Sample, groups: &[u32]) {
    link(s, |l| l.groups.set(groups.len() as u32));
    let groups: Vec<U32> = groups.iter().map(|&g| U32::new(g)).collect();
    *s.payload(Kind::NetlinkSocket, 0) = groups.as_bytes().to_vec();
}

/// Changes the message that is `nth`: that of the kernel, that of a process.
fn message(s: &mut Sample, nth: usize, f: impl FnOnce(&mut NetlinkMessage)) {
    s.netlink();
    s.edit(nth, f);
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.netlink(),
        |s| socket(s, |k| k.kind.set(SOCKET_DGRAM)),
        |s| groups(s, &[]),
        |s| groups(s, &[u32::MAX]),
        |s| link(s, |l| l.to_group.set(32)),
    ]);
}

#[test]
fn sockets() {
    refused(&[
        ("unknown address family, type or protocol", |s| {
            socket(s, |k| k.kind.set(SOCKET_STREAM))
        }),
        // What the kernel keeps of a generic one nobody tells.
        ("unknown address family, type or protocol", |s| {
            socket(s, |k| k.protocol.set(12))
        }),
        ("a socket of a family that has none without a file", |s| {
            socket(s, |k| k.form.set(SOCKET_CLOSED))
        }),
        ("refers to a socket of another family", |s| {
            socket(s, |k| k.family.set(FAMILY_UNIX));
            s.edit(0, |k: &mut Socket| k.kind.set(SOCKET_STREAM))
        }),
        ("refers to an object of the wrong kind", |s| {
            link(s, |l| l.socket.set(obj::CRED))
        }),
        ("tells of the same socket twice", |s| {
            s.netlink();
            s.netlink_again();
        }),
        ("unknown flag", |s| link(s, |l| l.flags.set(1))),
        ("neither 0 nor 1", |s| link(s, |l| l.connected.set(2))),
        ("neither 0 nor 1", |s| link(s, |l| l.dump.set(2))),
        ("can't be connected", |s| link(s, |l| l.port.set(0))),
        ("can't be connected", |s| link(s, |l| l.to_group.set(33))),
        ("reserved or unused field is not zero", |s| {
            link(s, |l| l.connected.set(0))
        }),
        ("reserved or unused field is not zero", |s| {
            link(s, |l| l.dump.set(0))
        }),
        ("impossible error of a socket", |s| {
            link(s, |l| l.error.set(1))
        }),
        ("another number of groups than announced", |s| {
            link(s, |l| l.groups.set(3))
        }),
        ("groups not by ascending number", |s| groups(s, &[0])),
        ("groups not by ascending number", |s| groups(s, &[2, 2])),
    ]);
}

#[test]
fn messages() {
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            message(s, 0, |m| m.socket.set(obj::CRED))
        }),
        ("unknown flag", |s| message(s, 0, |m| m.flags.set(2))),
        ("reserved or unused field is not zero", |s| {
            message(s, 0, |m| m.flags.set(0))
        }),
        ("reserved or unused field is not zero", |s| {
            message(s, 0, |m| m.uid.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            message(s, 0, |m| m.pid.set(1))
        }),
        ("impossible user or group id", |s| {
            message(s, 1, |m| m.gid.set(u32::MAX))
        }),
        ("a message that is empty or too long", |s| {
            s.netlink();
            s.payload(Kind::NetlinkMessage, 1).clear()
        }),
    ]);
}

/// Changes the family.
fn generic(s: &mut Sample, f: impl FnOnce(&mut GenericFamily)) {
    s.generic();
    s.edit(0, f);
}

#[test]
fn families_are_well() {
    accepted(&[
        |s| s.generic(),
        |s| {
            generic(s, |f| {
                f.asked.set(1);
                f.group_id.set(0);
                f.group = [0; 16];
            })
        },
    ]);
}

#[test]
fn families() {
    const NUMBER: &str = "impossible number of a family or group";
    const NAME: &str = "impossible name of a family or group";
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            generic(s, |f| f.socket.set(obj::PIPE))
        }),
        (NUMBER, |s| generic(s, |f| f.id.set(15))),
        (NUMBER, |s| generic(s, |f| f.id.set(65536))),
        (NUMBER, |s| generic(s, |f| f.group_id.set(1 << 31))),
        ("neither 0 nor 1", |s| generic(s, |f| f.asked.set(2))),
        ("reserved or unused field is not zero", |s| {
            generic(s, |f| f.asked.set(1))
        }),
        (NAME, |s| generic(s, |f| f.family = [0; 16])),
        (NAME, |s| generic(s, |f| f.family = [b'f'; 16])),
        (NAME, |s| generic(s, |f| f.family[2] = b'f')),
        (NAME, |s| generic(s, |f| f.group = [0; 16])),
        (NAME, |s| generic(s, |f| f.group[15] = b'g')),
        (NAME, |s| generic(s, |f| f.group_id.set(0))),
        ("payload where none belongs", |s| {
            s.generic();
            s.payload(Kind::GenericFamily, 0).push(0);
        }),
    ]);
}
