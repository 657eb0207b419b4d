// SPDX-License-Identifier: GPL-2.0

//! Each check of packet sockets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    mm::{
        Mm,
        Vma,
        VMA_FILE,
        VMA_SHARED, //
    },
    net::{
        packet::*,
        *, //
    }, //
};
use sample::{
    accepted,
    obj,
    refused,
    zeroed,
    Sample,
    PAGE, //
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

/// Changes its rings.
fn rings(s: &mut Sample, f: impl FnOnce(&mut PacketRings)) {
    s.packet_rings();
    s.edit(0, f);
}

/// Changes memory of a ring.
fn memory(s: &mut Sample, f: impl FnOnce(&mut PacketMemory)) {
    s.packet_rings();
    s.edit(0, f);
}

#[test]
fn rings_of_a_socket() {
    const RING: &str = "impossible ring";
    const OPTION: &str = "impossible option of a packet socket";
    const ZERO: &str = "reserved or unused field is not zero";
    const BLOCKS: &str = "blocks that are never given away, or have no room for packets";
    accepted(&[
        |s| s.packet_rings(),
        |s| {
            rings(s, |r| {
                r.rx_blocks.set(1 << 15);
                r.rx_frames.set(1 << 15);
            })
        },
        |s| {
            rings(s, |r| {
                r.tx_block_size.set(0);
                r.tx_blocks.set(0);
                r.tx_frame_size.set(0);
                r.tx_frames.set(0);
            })
        },
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            rings(s, |r| r.socket.set(obj::CRED))
        }),
        ("rings that do not follow their socket", |s| {
            s.packet_rings();
            let at = s.position(Kind::PacketRings, 0);
            s.records.swap(at, at + 1);
        }),
        ("is there twice, or out of order", |s| {
            s.packet_rings();
            let at = s.position(Kind::PacketRings, 0);
            let again = s.records[at].clone();
            s.records.insert(at, again);
        }),
        ("no link tells where its rings go on", |s| {
            s.packet_rings();
            let at = s.position(Kind::PacketSocket, 0);
            s.records.remove(at);
        }),
        ("unknown flag", |s| {
            rings(s, |r| r.flags.set(PACKET_AUXDATA))
        }),
        (OPTION, |s| rings(s, |r| r.version.set(3))),
        (OPTION, |s| rings(s, |r| r.reserve.set(1 << 31))),
        (OPTION, |s| rings(s, |r| r.vnet_hdr.set(1))),
        (ZERO, |s| rings(s, |r| r.reserved.set(1))),
        (ZERO, |s| rings(s, |r| r.version.set(1))),
        (ZERO, |s| rings(s, |r| r.rx_blocks.set(0))),
        (ZERO, |s| rings(s, |r| r.tx_blocks.set(0))),
        (BLOCKS, |s| rings(s, |r| r.retire.set(0))),
        (BLOCKS, |s| rings(s, |r| r.private.set(4096))),
        (RING, |s| rings(s, |r| r.rx_block_size.set(2048))),
        (RING, |s| rings(s, |r| r.rx_frame_size.set(0))),
        (RING, |s| rings(s, |r| r.rx_frame_size.set(8192))),
        (RING, |s| rings(s, |r| r.tx_frame_size.set(2040))),
        (RING, |s| rings(s, |r| r.tx_frames.set(3))),
        ("rings that are none", |s| {
            rings(s, |r| {
                *r = PacketRings {
                    socket: r.socket,
                    ..zerocopy::FromZeros::new_zeroed()
                }
            })
        }),
        ("rings that are too large", |s| {
            rings(s, |r| {
                r.rx_blocks.set(1 << 16);
                r.rx_frames.set(1 << 16);
            })
        }),
        ("its blocks are all in use, and it has none", |s| {
            link(s, |l| l.frozen.set(1))
        }),
        ("its blocks are all in use, and it has none", |s| {
            s.packet_rings();
            s.edit(0, |l: &mut PacketSocket| l.frozen.set(2))
        }),
    ]);
}

/// Has its file mapped.
fn mapped(s: &mut Sample, kind: u32) {
    s.packet_rings();
    s.edit(3, |v: &mut Vma| {
        v.file.set(sample::netlink::SOCKET + 1);
        v.kind.set(kind);
    });
}

/// Has it mapped so many times more, a page each.
fn often(s: &mut Sample, more: u32) {
    mapped(s, VMA_SHARED);
    s.edit(1, |m: &mut Mm| m.vmas.set(more));
    let at = s.position(Kind::Mm, 1) + 1;
    let end = s.records.len();
    for n in 1..=u64::from(more) {
        let mapping = zeroed(|v: &mut Vma| {
            v.start.set(n * PAGE);
            v.end.set((n + 1) * PAGE);
            v.kind.set(VMA_SHARED);
            v.file.set(sample::netlink::SOCKET + 1);
        });
        s.add(mapping, &[]);
    }
    let all = s.records.split_off(end);
    s.records.splice(at..at, all);
}

#[test]
fn mappings() {
    accepted(&[|s| mapped(s, VMA_SHARED)]);
    refused(&[
        ("maps a file that cannot be mapped so", |s| {
            mapped(s, VMA_FILE)
        }),
        ("rings of packet sockets are mapped too often", |s| {
            often(s, RING_MAPPINGS_MAX)
        }),
    ]);
    accepted(&[|s| often(s, RING_MAPPINGS_MAX - 1)]);
}

#[test]
fn memory_of_rings() {
    const MEMORY: &str = "impossible memory of a ring";
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            memory(s, |m| m.socket.set(obj::CRED))
        }),
        (MEMORY, |s| memory(s, |m| m.ring.set(2))),
        (MEMORY, |s| memory(s, |m| m.offset.set(RINGS_MAX))),
        (MEMORY, |s| {
            s.packet_rings();
            s.payload(Kind::PacketMemory, 0).clear();
        }),
        (MEMORY, |s| {
            s.packet_rings();
            *s.payload(Kind::PacketMemory, 0) = vec![0; MEMORY_MAX + 1];
        }),
    ]);
}
