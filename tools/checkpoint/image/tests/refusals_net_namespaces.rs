// SPDX-License-Identifier: GPL-2.0

//! Each check of a network namespace has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
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
const OPEN: u32 = obj::LAST + 2;

const SETTINGS: &[u8] = b"net/core/somaxconn\x0077\0net/ipv4/ping_group_range\x000\t100\0";

/// The sample, with a task in a network namespace, and a file of that.
fn with_namespace() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(OPEN));
    s.edit(0, |t: &mut Task| t.net.set(NS));
    s.add(
        zeroed(|n: &mut NetNs| {
            n.obj.set(NS);
            n.flags.set(NETNS_LO_UP);
            n.lo_mtu.set(65536);
            n.settings.set(2);
        }),
        SETTINGS,
    );
    s.add(
        zeroed(|f: &mut OpenFile| {
            f.obj.set(OPEN);
            f.kind.set(FILE_NAMESPACE);
            f.flags.set(open::READ);
            f.mode.set(0o100444);
            f.inode.set(NS);
            f.pos.set(4);
        }),
        &[],
    );
    s.add(
        zeroed(|r: &mut NetRequest| {
            r.net.set(NS);
            r.kind.set(REQUEST_NEWADDR);
            r.flags.set(NET_REQUEST_LATE);
        }),
        &[2, 32, 0, 0, 1, 0, 0, 0],
    );
    s
}

/// Changes the request.
fn request(s: &mut Sample, change: fn(&mut NetRequest)) {
    s.edit(0, change);
}

/// Gives the namespace `count` settings.
fn set(s: &mut Sample, count: u32, settings: &[u8]) {
    s.edit(0, |n: &mut NetNs| n.settings.set(count));
    *s.payload(Kind::NetNs, 0) = settings.to_vec();
}

/// Leaves outside what is in the namespace.
fn leave(s: &mut Sample) {
    s.edit(0, |n: &mut NetNs| {
        n.flags.set(NETNS_OUTSIDE);
        n.lo_mtu.set(0);
    });
    set(s, 0, b"");
    let at = s.position(Kind::NetRequest, 0);
    s.records.remove(at);
}

fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(with_namespace, cases);
}

fn refused(cases: &[sample::Case]) {
    refused_all(with_namespace, cases);
}

#[test]
fn namespaces() {
    accepted(&[
        |_| (),
        leave,
        |s| s.edit(0, |n: &mut NetNs| n.flags.set(NETNS_LO_WAS_UP)),
        |s| s.edit(0, |n: &mut NetNs| n.flags.set(0)),
        |s| s.edit(0, |n: &mut NetNs| n.lo_mtu.set(i32::MAX as u32)),
        |s| set(s, 0, b""),
        // Names of devices may have almost any bytes.
        |s| set(s, 1, b"net/ipv4/conf/a .b/forwarding\0\0"),
    ]);
    const ZERO: &str = "reserved or unused field is not zero";
    const STATE: &str = "impossible state of a loopback device";
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |n: &mut NetNs| n.flags.set(1 << 3))
        }),
        (STATE, |s| s.edit(0, |n: &mut NetNs| n.flags.set(6))),
        (STATE, |s| s.edit(0, |n: &mut NetNs| n.lo_mtu.set(1 << 31))),
        (ZERO, |s| {
            leave(s);
            s.edit(0, |n: &mut NetNs| n.lo_mtu.set(1));
        }),
        (ZERO, |s| {
            leave(s);
            s.edit(0, |n: &mut NetNs| n.settings.set(1));
        }),
        (ZERO, |s| {
            leave(s);
            s.edit(0, |n: &mut NetNs| n.flags.set(NETNS_OUTSIDE | NETNS_LO_UP));
        }),
        ("payload where none belongs", |s| {
            leave(s);
            s.payload(Kind::NetNs, 0).push(0);
        }),
        (ZERO, |s| s.edit(0, |t: &mut Task| t.reserved.set(1))),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |t: &mut Task| t.net.set(obj::UTS))
        }),
    ]);
}

#[test]
fn settings() {
    const CUT: &str = "a setting is cut off";
    const NONE: &str = "a setting that is none of a network namespace";
    refused(&[
        ("too many settings", |s| {
            s.edit(0, |n: &mut NetNs| n.settings.set(SETTINGS_MAX + 1))
        }),
        (CUT, |s| s.edit(0, |n: &mut NetNs| n.settings.set(3))),
        ("more than the settings", |s| {
            s.edit(0, |n: &mut NetNs| n.settings.set(1))
        }),
        (CUT, |s| set(s, 1, b"net/core/somaxconn")),
        (CUT, |s| set(s, 1, b"net/core/somaxconn\x0077")),
        (CUT, |s| {
            let mut long = b"net/".to_vec();
            long.resize(SETTING_PATH_MAX, b'x');
            long.extend(b"\0\0");
            set(s, 1, &long);
        }),
        (CUT, |s| {
            let mut long = b"net/x\0".to_vec();
            long.resize(6 + SETTING_TEXT_MAX, b'1');
            long.push(0);
            set(s, 1, &long);
        }),
        (NONE, |s| set(s, 1, b"kernel/pid_max\x001\0")),
        (NONE, |s| set(s, 1, b"/net/core/somaxconn\x001\0")),
        (NONE, |s| set(s, 1, b"net//somaxconn\x001\0")),
        (NONE, |s| set(s, 1, b"net/\x001\0")),
        (NONE, |s| set(s, 1, b"net/../kernel/pid_max\x001\0")),
        (NONE, |s| set(s, 1, b"net/./core/somaxconn\x001\0")),
    ]);
}

#[test]
fn requests() {
    const MAKES: &str = "makes what is no device, or too late";
    accepted(&[
        |s| request(s, |r| r.kind.set(REQUEST_DELRULE)),
        |s| request(s, |r| r.kind.set(REQUEST_NEWTCLASS)),
        |s| request(s, |r| r.kind.set(REQUEST_NEWTFILTER)),
        |s| request(s, |r| r.kind.set(REQUEST_NEWRULE_NFT)),
        |s| request(s, |r| r.kind.set(REQUEST_CONNECTION)),
        |s| request(s, |r| r.kind.set(REQUEST_EXPECTATION)),
        |s| {
            request(s, |r| {
                r.kind.set(REQUEST_NEWLINK);
                r.flags.set(NET_REQUEST_MAKE);
            })
        },
        |s| s.payload(Kind::NetRequest, 0).resize(REQUEST_MAX, 0),
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            request(s, |r| r.net.set(OPEN))
        }),
        (
            "a request of a network namespace that is not in the image",
            |s| {
                s.edit(0, |n: &mut NetNs| {
                    n.flags.set(NETNS_OUTSIDE);
                    n.lo_mtu.set(0);
                });
                set(s, 0, b"");
            },
        ),
        // RTM_DELLINK, and nothing.
        ("unknown kind of request", |s| {
            request(s, |r| r.kind.set(17))
        }),
        ("unknown kind of request", |s| request(s, |r| r.kind.set(0))),
        ("unknown kind of request", |s| {
            request(s, |r| r.kind.set(52))
        }),
        ("unknown flag", |s| request(s, |r| r.flags.set(4))),
        // NFT_MSG_DELRULE.
        ("unknown kind of request", |s| {
            request(s, |r| r.kind.set(2568))
        }),
        ("filters before there is what is filtered", |s| {
            request(s, |r| {
                r.kind.set(REQUEST_NEWRULE_NFT);
                r.flags.set(0)
            })
        }),
        ("filters before there is what is filtered", |s| {
            request(s, |r| {
                r.kind.set(REQUEST_CONNECTION);
                r.flags.set(0)
            })
        }),
        (MAKES, |s| request(s, |r| r.flags.set(NET_REQUEST_MAKE))),
        (MAKES, |s| {
            request(s, |r| {
                r.kind.set(REQUEST_NEWLINK);
                r.flags.set(NET_REQUEST_MAKE | NET_REQUEST_LATE);
            })
        }),
        ("request too long", |s| {
            s.payload(Kind::NetRequest, 0).resize(REQUEST_MAX + 1, 0)
        }),
        ("reserved or unused field is not zero", |s| {
            request(s, |r| r.reserved.set(1))
        }),
    ]);
}

/// Has the number, which `change` changes.
fn peer(s: &mut Sample, change: fn(&mut NetPeer)) {
    s.add(
        zeroed(|p: &mut NetPeer| {
            p.net.set(NS);
            p.peer.set(NS);
            p.number.set(i32::MAX as u32);
        }),
        &[],
    );
    s.edit(0, change);
}

/// Has a number for what stays outside, where a device of that name leads.
fn outside(s: &mut Sample, device: &[u8]) {
    peer(s, |p| p.peer.set(0));
    *s.payload(Kind::NetPeer, 0) = device.to_vec();
}

#[test]
fn peers() {
    accepted(&[
        |s| peer(s, |_| ()),
        |s| peer(s, |p| p.number.set(0)),
        |s| outside(s, b"e"),
        |s| outside(s, b"a device of old"),
    ]);
    let name = "impossible name of a device that leads outside";
    refused(&[
        (name, |s| outside(s, b"")),
        (name, |s| outside(s, b"a device of olde")),
        (name, |s| outside(s, b"e\0")),
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            peer(s, |p| p.net.set(OPEN))
        }),
        ("refers to an object of the wrong kind", |s| {
            peer(s, |p| p.peer.set(OPEN))
        }),
        (
            "a number of a network namespace that is not in the image",
            |s| {
                leave(s);
                peer(s, |_| ())
            },
        ),
        ("impossible number of a network namespace", |s| {
            peer(s, |p| p.number.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            peer(s, |p| p.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            peer(s, |_| ());
            s.payload(Kind::NetPeer, 0).push(0)
        }),
    ]);
}

/// Has a device that was left to the caller, which `change` changes.
fn left(s: &mut Sample, name: &[u8], change: fn(&mut NetMoved)) {
    s.add(
        zeroed(|m: &mut NetMoved| {
            m.net.set(NS);
            m.index.set(2);
        }),
        name,
    );
    s.edit(0, change);
}

#[test]
fn left_to_the_caller() {
    accepted(&[
        |s| left(s, b"eth0", |m| m.flags.set(MOVED_CARRIER)),
        |s| left(s, b"a device of old", |m| m.index.set(i32::MAX as u32)),
    ]);
    let name = "impossible name of a device";
    let number = "impossible number of a device";
    refused(&[
        (name, |s| left(s, b"", |_| ())),
        (name, |s| left(s, b"a device of olde", |_| ())),
        (name, |s| left(s, b"eth0\0", |_| ())),
        (name, |s| left(s, b"eth%d", |_| ())),
        (number, |s| left(s, b"eth0", |m| m.index.set(0))),
        (number, |s| left(s, b"eth0", |m| m.index.set(1))),
        (number, |s| left(s, b"eth0", |m| m.index.set(1 << 31))),
        ("unknown flag", |s| {
            left(s, b"eth0", |m| m.flags.set(MOVED_FLAGS + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            left(s, b"eth0", |m| m.reserved.set(1))
        }),
        ("refers to an object of the wrong kind", |s| {
            left(s, b"eth0", |m| m.net.set(OPEN))
        }),
        (
            "a device of a network namespace that is not in the image",
            |s| {
                leave(s);
                left(s, b"eth0", |_| ())
            },
        ),
    ]);
}

/// Has a device that each namespace has, which `change` changes.
fn fallback(s: &mut Sample, name: &[u8], change: fn(&mut NetFallback)) {
    s.add(
        zeroed(|f: &mut NetFallback| {
            f.net.set(NS);
            f.index.set(2);
        }),
        name,
    );
    s.edit(0, change);
}

#[test]
fn fallbacks() {
    accepted(&[
        |s| fallback(s, b"tunl0", |_| ()),
        |s| fallback(s, b"a device of old", |f| f.index.set(i32::MAX as u32)),
    ]);
    let name = "impossible name of a device";
    let number = "impossible number of a device";
    refused(&[
        (name, |s| fallback(s, b"", |_| ())),
        (name, |s| fallback(s, b"a device of olde", |_| ())),
        (name, |s| fallback(s, b"tunl0\0", |_| ())),
        (number, |s| fallback(s, b"tunl0", |f| f.index.set(0))),
        (number, |s| fallback(s, b"tunl0", |f| f.index.set(1))),
        (number, |s| fallback(s, b"tunl0", |f| f.index.set(1 << 31))),
        ("refers to an object of the wrong kind", |s| {
            fallback(s, b"tunl0", |f| f.net.set(OPEN))
        }),
        (
            "a device of a network namespace that is not in the image",
            |s| {
                leave(s);
                fallback(s, b"tunl0", |_| ())
            },
        ),
    ]);
}
