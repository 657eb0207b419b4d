// SPDX-License-Identifier: GPL-2.0

//! Each check of tun and tap devices, their queues and packets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    net::tun::*,
    ns::*,
    task::*, //
};
use sample::{
    accepted_all,
    obj,
    refused_all,
    zeroed,
    Sample, //
};

const NS: u32 = obj::LAST + 1;
const QUEUE: u32 = obj::LAST + 2;
const OPEN: u32 = obj::LAST + 3;

/// The sample, with a tap device that has a queue with a packet.
fn with_device() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(OPEN));
    s.edit(0, |t: &mut Task| t.net.set(NS));
    s.add(
        zeroed(|n: &mut NetNs| {
            n.obj.set(NS);
            n.lo_mtu.set(65536);
        }),
        &[],
    );
    s.add(
        zeroed(|q: &mut TunQueue| {
            q.obj.set(QUEUE);
            q.net.set(NS);
            q.device.set(2);
            q.sndbuf.set(i32::MAX);
            q.filter.set(1);
        }),
        &[6, 0, 0, 0, 255, 255, 0, 0],
    );
    s.add(
        zeroed(|p: &mut TunPacket| {
            p.queue.set(QUEUE);
            p.protocol.set(0x800);
        }),
        b"packet",
    );
    s.add(
        zeroed(|f: &mut OpenFile| {
            f.obj.set(OPEN);
            f.kind.set(FILE_TUN);
            f.flags.set(open::READ | open::WRITE);
            f.mode.set(0o020666);
            f.inode.set(QUEUE);
        }),
        b"/dev/net/tun",
    );
    s.add(
        zeroed(|d: &mut TunDevice| {
            d.net.set(NS);
            d.index.set(2);
            d.flags.set(TUN_TYPE_TAP);
            d.arphrd.set(1);
            d.owner.set(u32::MAX);
            d.group.set(u32::MAX);
            d.vnet_hdr_sz.set(10);
            d.sndbuf.set(i32::MAX);
            d.name[..2].copy_from_slice(b"t0");
            d.queues.set(1);
        }),
        &[0x30, 0, 0, 0],
    );
    s
}

/// Changes the device.
fn device(s: &mut Sample, change: fn(&mut TunDevice)) {
    s.edit(0, change);
}

/// Changes the queue.
fn queue(s: &mut Sample, change: fn(&mut TunQueue)) {
    s.edit(0, change);
}

/// Changes the packet.
fn packet(s: &mut Sample, change: fn(&mut TunPacket)) {
    s.edit(0, change);
}

/// Takes away the packet.
fn no_packet(s: &mut Sample) {
    let at = s.position(Kind::TunPacket, 0);
    s.records.remove(at);
}

fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(with_device, cases);
}

fn refused(cases: &[sample::Case]) {
    refused_all(with_device, cases);
}

const UNUSED: &str = "reserved or unused field is not zero";
const STATE: &str = "impossible state of a tun device";
const HEADER: &str = "a header that no device is given to send";
const QUEUES: &str = "queues that a tun device can't have";
const FILTER: &str = "a filter that a tun device can't have";

/// Makes the device one with `queues` and `disabled` queues.
fn several(s: &mut Sample, queues: u32, disabled: u32) {
    s.edit(0, |d: &mut TunDevice| {
        d.flags.set(TUN_TYPE_TAP | TUN_MULTI_QUEUE);
        d.queues.set(queues);
        d.disabled.set(disabled);
    });
    *s.payload(Kind::TunDevice, 0) = vec![0; 4 * (queues + disabled) as usize];
}

/// Leaves outside what is in the namespace, and takes the device away.
fn leave(s: &mut Sample) {
    s.edit(0, |n: &mut NetNs| {
        n.flags.set(NETNS_OUTSIDE);
        n.lo_mtu.set(0);
    });
}

#[test]
fn devices() {
    accepted(&[
        |_| (),
        |s| device(s, |d| d.flags.set(TUN_FLAGS | TUN_TYPE_TAP)),
        |s| device(s, |d| d.flags.set(TUN_TYPE_TUN)),
        |s| device(s, |d| d.has.set(TUN_HAS_ALL)),
        |s| device(s, |d| d.txflt_count.set(TUN_FILTER_MAX)),
        |s| several(s, 255, 1),
        |s| several(s, 0, 1),
        |s| {
            s.payload(Kind::TunDevice, 0).clear();
            device(s, |d| {
                d.queues.set(0);
                d.flags.set(TUN_TYPE_TUN | TUN_PERSIST);
            })
        },
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            device(s, |d| d.net.set(OPEN))
        }),
        (
            "a device of a network namespace that is not in the image",
            |s| {
                leave(s);
                no_packet(s);
                queue(s, |q| {
                    q.net.set(0);
                    q.device.set(0);
                })
            },
        ),
        ("neither tun nor tap", |s| device(s, |d| d.flags.set(3))),
        ("neither tun nor tap", |s| device(s, |d| d.flags.set(0))),
        ("neither tun nor tap", |s| {
            device(s, |d| d.flags.set(TUN_TYPE_TAP | 0x200))
        }),
        ("unknown flag", |s| {
            device(s, |d| d.has.set(TUN_HAS_ALL + 1))
        }),
        (STATE, |s| device(s, |d| d.index.set(0))),
        (STATE, |s| device(s, |d| d.index.set(1 << 31))),
        (STATE, |s| device(s, |d| d.arphrd.set(1 << 16))),
        (STATE, |s| device(s, |d| d.vnet_hdr_sz.set(9))),
        (STATE, |s| device(s, |d| d.sndbuf.set(0))),
        (FILTER, |s| {
            device(s, |d| d.txflt_count.set(TUN_FILTER_MAX + 1))
        }),
        (FILTER, |s| device(s, |d| d.fprog_len.set(1 << 16))),
        (FILTER, |s| {
            device(s, |d| {
                d.flags.set(TUN_TYPE_TUN);
                d.txflt_count.set(1);
            })
        }),
        (FILTER, |s| {
            device(s, |d| {
                d.flags.set(TUN_TYPE_TUN);
                d.fprog_len.set(1);
            })
        }),
        (FILTER, |s| {
            device(s, |d| {
                d.flags.set(TUN_TYPE_TUN);
                d.has.set(TUN_HAS_FILTERS);
            })
        }),
        ("number of queues is not as announced", |s| {
            device(s, |d| d.disabled.set(1))
        }),
        ("number of queues is not as announced", |s| {
            device(s, |d| d.disabled.set(u32::MAX))
        }),
        (QUEUES, |s| {
            several(s, 2, 0);
            device(s, |d| d.flags.set(TUN_TYPE_TAP))
        }),
        (QUEUES, |s| {
            several(s, 0, 1);
            device(s, |d| d.flags.set(TUN_TYPE_TAP))
        }),
        (QUEUES, |s| several(s, 0, 0)),
        ("unknown flag", |s| {
            *s.payload(Kind::TunDevice, 0) = vec![1, 0, 0, 0]
        }),
    ]);
}

#[test]
fn queues() {
    accepted(&[
        |s| queue(s, |q| q.number.set(u32::MAX)),
        |s| {
            no_packet(s);
            queue(s, |q| {
                q.net.set(0);
                q.device.set(0);
                q.ifindex.set(i32::MAX as u32);
                q.flags.set(TUN_QUEUE_SHUT);
            })
        },
        |s| {
            s.payload(Kind::TunQueue, 0).clear();
            queue(s, |q| q.filter.set(0))
        },
    ]);
    refused(&[
        ("unknown flag", |s| queue(s, |q| q.flags.set(2))),
        (UNUSED, |s| queue(s, |q| q.flags.set(TUN_QUEUE_SHUT))),
        (UNUSED, |s| queue(s, |q| q.ifindex.set(1))),
        (UNUSED, |s| queue(s, |q| q.net.set(0))),
        ("refers to an object of the wrong kind", |s| {
            queue(s, |q| q.net.set(OPEN))
        }),
        ("a queue of a device that is not in the image", |s| {
            queue(s, |q| q.device.set(0))
        }),
        ("a queue of a device that is not in the image", leave),
        ("impossible state of a tun queue", |s| {
            queue(s, |q| q.sndbuf.set(0))
        }),
        ("impossible state of a tun queue", |s| {
            no_packet(s);
            queue(s, |q| {
                q.net.set(0);
                q.device.set(0);
                q.ifindex.set(1 << 31);
            })
        }),
        ("another length of a filter than announced", |s| {
            queue(s, |q| q.filter.set(2))
        }),
    ]);
}

#[test]
fn packets() {
    accepted(&[
        |s| {
            packet(s, |p| {
                p.flags.set(TUN_PACKET_VLAN);
                p.vlan_proto.set(0x8100);
                p.vlan_tci.set(7);
            })
        },
        |s| s.payload(Kind::TunPacket, 0).resize(TUN_PACKET_MAX, 0),
        |s| packet(s, |p| p.header[..2].copy_from_slice(&[1, 0x81])),
        |s| packet(s, |p| p.header[..2].copy_from_slice(&[2, 5])),
        no_packet,
    ]);
    refused(&[
        ("does not follow the queue that it is in", |s| {
            packet(s, |p| p.queue.set(OPEN))
        }),
        ("a packet of a queue without a device", |s| {
            queue(s, |q| {
                q.net.set(0);
                q.device.set(0);
            })
        }),
        ("unknown flag", |s| packet(s, |p| p.flags.set(2))),
        (UNUSED, |s| packet(s, |p| p.vlan_proto.set(0x8100))),
        (UNUSED, |s| packet(s, |p| p.vlan_tci.set(7))),
        ("impossible length of a packet", |s| {
            s.payload(Kind::TunPacket, 0).clear()
        }),
        ("impossible length of a packet", |s| {
            s.payload(Kind::TunPacket, 0).resize(TUN_PACKET_MAX + 1, 0)
        }),
        (HEADER, |s| packet(s, |p| p.header[0] = 3)),
        (HEADER, |s| packet(s, |p| p.header[1] = 3)),
        (HEADER, |s| packet(s, |p| p.header[1] = 0x83)),
        (HEADER, |s| packet(s, |p| p.header[1] = 0x21)),
        (UNUSED, |s| packet(s, |p| p.reserved[7] = 1)),
    ]);
}

/// Changes the open file.
fn open_file(s: &mut Sample, change: fn(&mut OpenFile)) {
    let nth = s
        .records
        .iter()
        .filter(|record| record.kind == Kind::File.number())
        .count()
        - 1;
    s.edit(nth, change);
}

#[test]
fn files() {
    refused(&[
        (UNUSED, |s| open_file(s, |f| f.pos.set(1))),
        (UNUSED, |s| open_file(s, |f| f.size.set(1))),
        ("mode does not fit the kind of file", |s| {
            open_file(s, |f| f.mode.set(0o100666))
        }),
        ("refers to an object of the wrong kind", |s| {
            open_file(s, |f| f.inode.set(NS))
        }),
    ]);
}
