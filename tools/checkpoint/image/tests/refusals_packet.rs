// SPDX-License-Identifier: GPL-2.0

//! Each check of packet sockets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        packet::*,
        *, //
    }, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Changes the socket.
fn socket(s: &mut Sample, f: impl FnOnce(&mut Socket)) {
    s.packet();
    s.edit(0, f);
}

/// Changes what it is.
fn link(s: &mut Sample, f: impl FnOnce(&mut PacketSocket)) {
    s.packet();
    s.edit(0, f);
}

/// Changes its membership.
fn member(s: &mut Sample, f: impl Fn(&mut PacketMember)) {
    s.packet();
    s.elements(Kind::PacketSocket, |all: &mut Vec<PacketMember>| {
        f(&mut all[0])
    });
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.packet(),
        |s| socket(s, |k| k.kind.set(SOCKET_DGRAM)),
        |s| link(s, |l| l.timestamp.set(u32::MAX)),
        |s| link(s, |l| l.copy_thresh.set(u32::MAX)),
        |s| member(s, |m| m.count.set(COUNT_MAX)),
        |s| member(s, |m| m.len.set(32)),
    ]);
}

#[test]
fn sockets() {
    const OPTION: &str = "impossible option of a packet socket";
    const SHARE: &str = "can't share packets";
    refused(&[
        ("unknown address family, type or protocol", |s| {
            socket(s, |k| k.kind.set(SOCKET_STREAM))
        }),
        ("unknown address family, type or protocol", |s| {
            socket(s, |k| k.protocol.set(3))
        }),
        ("a socket of a family that has none without a file", |s| {
            socket(s, |k| k.form.set(SOCKET_CLOSED))
        }),
        ("refers to a socket of another family", |s| {
            socket(s, |k| k.family.set(16))
        }),
        ("refers to an object of the wrong kind", |s| {
            link(s, |l| l.socket.set(obj::CRED))
        }),
        ("tells of the same socket twice", |s| {
            s.packet();
            s.packet_again();
        }),
        ("unknown flag", |s| link(s, |l| l.flags.set(0x40))),
        ("reserved or unused field is not zero", |s| {
            link(s, |l| l.reserved.set(1))
        }),
        (OPTION, |s| link(s, |l| l.num.set(0x10000))),
        (OPTION, |s| link(s, |l| l.device.set(u32::MAX))),
        (OPTION, |s| link(s, |l| l.reserve.set(u32::MAX))),
        (OPTION, |s| link(s, |l| l.version.set(3))),
        (OPTION, |s| link(s, |l| l.vnet_hdr.set(11))),
        ("reserved or unused field is not zero", |s| {
            link(s, |l| l.fanout_max.set(0))
        }),
        (SHARE, |s| link(s, |l| l.fanout_max.set(0x10001))),
        (SHARE, |s| link(s, |l| l.fanout_id.set(0x10000))),
        (SHARE, |s| link(s, |l| l.fanout_type.set(FANOUT_TYPES))),
        (SHARE, |s| link(s, |l| l.fanout_type.set(0x2000))),
        (SHARE, |s| link(s, |l| l.num.set(0))),
        ("impossible error of a socket", |s| {
            link(s, |l| l.error.set(1))
        }),
        ("impossible length of a queue", |s| {
            link(s, |l| l.queued.set(QUEUED_MAX + 1))
        }),
    ]);
}

#[test]
fn memberships() {
    const MEMBER: &str = "impossible membership";
    refused(&[
        ("another number of memberships than announced", |s| {
            link(s, |l| l.members.set(2))
        }),
        (MEMBER, |s| member(s, |m| m.count.set(0))),
        (MEMBER, |s| member(s, |m| m.count.set(COUNT_MAX + 1))),
        (MEMBER, |s| member(s, |m| m.kind.set(4))),
        (MEMBER, |s| member(s, |m| m.device.set(u32::MAX))),
        (MEMBER, |s| member(s, |m| m.len.set(33))),
        (MEMBER, |s| member(s, |m| m.len.set(5))),
    ]);
}

/// Changes a packet in its queue.
fn frame(s: &mut Sample, f: impl FnOnce(&mut PacketFrame)) {
    s.packet_frame();
    s.edit(0, f);
}

#[test]
fn queues() {
    const PACKET: &str = "impossible packet";
    const LONG: &str = "a packet that is too long, or has its header elsewhere";
    accepted(&[
        |s| s.packet_frame(),
        |s| {
            s.packet_frame();
            *s.payload(Kind::PacketFrame, 0) = vec![0; FRAME_MAX];
        },
        |s| {
            frame(s, |f| {
                f.flags.set(0);
                f.vlan_protocol.set(0);
                f.vlan_tag.set(0);
            })
        },
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            frame(s, |f| f.socket.set(obj::CRED))
        }),
        ("unknown flag", |s| frame(s, |f| f.flags.set(FRAME_ALL + 1))),
        (PACKET, |s| frame(s, |f| f.hardware.set(1 << 16))),
        (PACKET, |s| frame(s, |f| f.protocol.set(1 << 16))),
        (PACKET, |s| frame(s, |f| f.vlan_tag.set(1 << 16))),
        (PACKET, |s| frame(s, |f| f.kind.set(256))),
        (PACKET, |s| frame(s, |f| f.device.set(1 << 31))),
        (PACKET, |s| frame(s, |f| f.flags.set(FRAME_ALL))),
        ("reserved or unused field is not zero", |s| {
            frame(s, |f| f.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            frame(s, |f| f.flags.set(0))
        }),
        ("unknown tag of a VLAN", |s| {
            frame(s, |f| f.vlan_protocol.set(0x800))
        }),
        ("impossible address", |s| frame(s, |f| f.addr_len.set(33))),
        ("impossible address", |s| frame(s, |f| f.addr_len.set(31))),
        ("impossible time of a datagram", |s| {
            frame(s, |f| f.time.set(1 << 63))
        }),
        (LONG, |s| frame(s, |f| f.network.set(7))),
        (LONG, |s| {
            frame(s, |f| f.network.set(1 << 16));
            *s.payload(Kind::PacketFrame, 0) = vec![0; FRAME_MAX];
        }),
        (LONG, |s| {
            s.packet_frame();
            *s.payload(Kind::PacketFrame, 0) = vec![0; FRAME_MAX + 1];
        }),
    ]);
}
