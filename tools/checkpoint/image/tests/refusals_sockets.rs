// SPDX-License-Identifier: GPL-2.0

//! Each check of sockets, and of the links between them, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    net::{
        filter::*,
        inet::*,
        unix::*,
        *, //
    },
    task::Container, //
};
use sample::{
    accepted,
    obj,
    refused,
    sockets::{
        CLIENT,
        CLOSED,
        LISTENER,
        WAITING, //
    },
    zeroed,
    Sample, //
};

/// Changes the `nth` socket.
fn socket(s: &mut Sample, nth: usize, f: impl FnOnce(&mut Socket)) {
    s.sockets();
    s.edit(nth, f);
}

/// The open file of the last socket.
fn last_file(s: &Sample) -> usize {
    let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
    files.count() - 1
}

/// Changes the link of the `nth` one: that which listens, waits, is connected, was closed.
fn link(s: &mut Sample, nth: usize, f: impl FnOnce(&mut UnixSocket)) {
    s.sockets();
    s.edit(nth, f);
}

/// Changes the message that is `nth`.
fn message(s: &mut Sample, nth: usize, f: impl FnOnce(&mut UnixMessage)) {
    s.sockets();
    s.edit(nth, f);
}

/// Changes the address of the `nth` socket and its path.
fn address(s: &mut Sample, nth: usize, name: &[u8], path: &[u8]) {
    let len = name.len() as u32;
    link(s, nth, |l| l.name.set(len));
    *s.payload(Kind::UnixSocket, nth) = [name, path].concat();
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.sockets(),
        |s| link(s, 0, |l| l.backlog.set(i32::MAX as u32)),
        |s| address(s, 0, b"\x01\0\0abstract", b""),
        |s| message(s, 0, |m| m.time.set(i64::MAX as u64)),
    ]);
}

#[test]
fn sockets() {
    refused(&[
        ("unknown address family, type or protocol", |s| {
            socket(s, 0, |k| k.family.set(3))
        }),
        ("unknown address family, type or protocol", |s| {
            socket(s, 0, |k| k.kind.set(3))
        }),
        ("unknown address family, type or protocol", |s| {
            socket(s, 0, |k| k.protocol.set(2))
        }),
        ("a socket of a family that has none without a file", |s| {
            s.datagrams();
            s.edit(0, |k: &mut Socket| k.form.set(SOCKET_CLOSED))
        }),
        ("unknown form of a socket", |s| {
            socket(s, 3, |k| k.form.set(3))
        }),
        ("is of the network namespace of who makes it", |s| {
            socket(s, 0, |k| k.net.set(1))
        }),
        ("impossible user or group id", |s| {
            socket(s, 0, |k| k.owner[1].set(u32::MAX))
        }),
        ("is of a socket that no file shows", |s| {
            socket(s, 1, |k| k.form.set(SOCKET_CLOSED))
        }),
        ("a socket is opened twice", |s| {
            s.sockets();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.inode.set(LISTENER))
        }),
        (
            "options that are unknown, or not by ascending number",
            |s| {
                s.sockets();
                s.elements(Kind::Socket, |all: &mut Vec<SocketOption>| {
                    all[1].option.set(OPTION_LAST + 1)
                })
            },
        ),
        (
            "options that are unknown, or not by ascending number",
            |s| {
                s.sockets();
                s.elements(Kind::Socket, |all: &mut Vec<SocketOption>| {
                    all[1].option.set(OPTION_SNDBUF)
                })
            },
        ),
        ("reserved or unused field is not zero", |s| {
            s.sockets();
            s.elements(Kind::Socket, |all: &mut Vec<SocketOption>| {
                all[1].reserved.set(1)
            })
        }),
    ]);
}

#[test]
fn in_flight() {
    refused(&[
        ("another number of files than announced", |s| {
            s.sockets();
            s.edit(0, |f: &mut InFlight| f.files.set(3))
        }),
        ("reserved or unused field is not zero", |s| {
            s.sockets();
            s.edit(0, |f: &mut InFlight| f.reserved.set(1))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.sockets();
            s.payload(Kind::InFlight, 0)[0] = LISTENER as u8
        }),
    ]);
}

#[test]
fn links() {
    refused(&[
        ("unknown state of a socket", |s| {
            link(s, 0, |l| l.state.set(3))
        }),
        ("unknown flag", |s| link(s, 2, |l| l.shutdown.set(4))),
        ("unknown flag", |s| link(s, 1, |l| l.scm.set(1 << 5))),
        ("neither 0 nor 1", |s| link(s, 0, |l| l.bound.set(2))),
        ("impossible error of a socket", |s| {
            link(s, 2, |l| l.error.set(5))
        }),
        ("refers to an object of the wrong kind", |s| {
            link(s, 2, |l| l.peer_pid.set(obj::CRED))
        }),
        ("refers to an object of the wrong kind", |s| {
            link(s, 0, |l| l.peer_cred.set(obj::PIPE))
        }),
        ("refers to an object of the wrong kind", |s| {
            link(s, 0, |l| l.socket.set(obj::PIPE))
        }),
        ("tells of the same socket twice", |s| {
            link(s, 2, |l| l.socket.set(LISTENER))
        }),
        ("impossible length of a queue", |s| {
            link(s, 0, |l| l.backlog.set(1 << 31))
        }),
        (
            "is connected to a socket of another type, or not connected at all",
            |s| link(s, 0, |l| l.peer.set(CLIENT)),
        ),
        ("is connected to nothing", |s| link(s, 2, |l| l.peer.set(0))),
        ("can't listen", |s| {
            link(s, 2, |l| {
                l.peer.set(0);
                l.state.set(UNIX_LISTENING);
            })
        }),
        ("is found, and no file shows it", |s| {
            link(s, 3, |l| l.bound.set(1))
        }),
        ("was closed, and is connected", |s| {
            link(s, 3, |l| l.error.set(ERROR_RESET))
        }),
        ("can't wait there to be accepted", |s| {
            link(s, 1, |l| l.listener.set(CLOSED))
        }),
        ("reserved or unused field is not zero", |s| {
            link(s, 2, |l| l.listener.set(LISTENER))
        }),
        ("reserved or unused field is not zero", |s| {
            link(s, 2, |l| l.bound.set(1))
        }),
        ("its address is missing", |s| {
            link(s, 0, |l| l.name.set(100))
        }),
        ("impossible address", |s| {
            address(s, 0, b"\x02\0/a\0", b"/a")
        }),
        ("impossible address", |s| address(s, 0, b"\x01\0", b"/a")),
        ("impossible address", |s| address(s, 0, b"\x01\0/a", b"/a")),
        ("impossible address", |s| {
            address(s, 0, b"\x01\0/a\0b\0", b"/a")
        }),
        ("impossible address", |s| {
            address(s, 0, &[&[1, 0][..], &[0; 109]].concat(), b"")
        }),
        ("path is not absolute", |s| {
            address(s, 0, b"\x01\0a\0", b"a")
        }),
        ("a path that nothing is bound to", |s| {
            address(s, 0, b"\x01\0\0a", b"/a")
        }),
        ("payload where none belongs", |s| {
            s.sockets();
            s.payload(Kind::UnixSocket, 2).push(0)
        }),
    ]);
}

/// Binds the `nth` socket to the file of one that was removed.
fn removed(s: &mut Sample, nth: usize, file_type: u32, bound: u32) {
    s.sockets();
    let mut obj = 0;
    s.edit(0, |c: &mut Container| {
        obj = c.objects.get() + 1;
        c.objects.set(obj);
    });
    s.add(
        zeroed(|r: &mut Removed| {
            r.obj.set(obj);
            r.file_type.set(file_type);
        }),
        b"/tmp\0/tmp/gone",
    );
    let record = s.records.pop().expect("it was added");
    let at = s.position(Kind::File, 0);
    s.records.insert(at, record);
    if nth == 0 && bound == 0 {
        s.payload(Kind::UnixSocket, 0).truncate(b"../tmp/s\0".len());
    }
    s.edit(nth, |l: &mut UnixSocket| {
        l.removed.set(obj);
        l.bound.set(bound);
    });
}

#[test]
fn removed_files() {
    accepted(&[|s| removed(s, 0, 0o140000, 0)]);
    refused(&[
        ("removed, but no file of a socket", |s| {
            removed(s, 0, 0o010000, 0)
        }),
        (
            "is bound to what was removed, and has no address, or another one",
            |s| removed(s, 0, 0o140000, 1),
        ),
        (
            "is bound to what was removed, and has no address, or another one",
            |s| removed(s, 2, 0o140000, 0),
        ),
        ("reserved or unused field is not zero", |s| {
            link(s, 0, |l| l.reserved.set(1))
        }),
    ]);
}

#[test]
fn messages() {
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            message(s, 0, |m| m.to.set(obj::PIPE))
        }),
        ("is from another type of socket", |s| {
            message(s, 0, |_| ());
            s.edit(3, |k: &mut Socket| k.kind.set(SOCKET_DGRAM))
        }),
        ("is in the queue of a socket that was closed", |s| {
            message(s, 0, |m| m.to.set(CLOSED))
        }),
        ("unknown flag", |s| message(s, 0, |m| m.flags.set(4))),
        ("reserved or unused field is not zero", |s| {
            message(s, 0, |m| m.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            message(s, 1, |m| m.uid.set(1))
        }),
        ("impossible user or group id", |s| {
            message(s, 0, |m| m.gid.set(u32::MAX))
        }),
        ("refers to an object of the wrong kind", |s| {
            message(s, 0, |m| m.pid.set(obj::CRED))
        }),
        ("impossible time of a message", |s| {
            message(s, 0, |m| m.time.set(1 << 63))
        }),
        ("a message with too many files", |s| {
            message(s, 0, |m| m.files.set(MESSAGE_FILES_MAX + 1))
        }),
        ("files are missing", |s| message(s, 0, |m| m.files.set(4))),
        ("refers to an object of the wrong kind", |s| {
            s.sockets();
            s.payload(Kind::UnixMessage, 0)[0] = WAITING as u8
        }),
        ("can't be out-of-band", |s| {
            s.sockets();
            s.payload(Kind::UnixMessage, 1).push(0)
        }),
    ]);
}

/// Changes where the connected socket connects again.
fn again(s: &mut Sample, f: impl FnOnce(&mut UnixReconnect)) {
    s.reconnects();
    s.edit(0, f);
}

/// Changes the address and the path of that.
fn again_to(s: &mut Sample, name: &[u8], path: &[u8]) {
    let len = name.len() as u32;
    again(s, |a| a.name.set(len));
    *s.payload(Kind::UnixReconnect, 0) = [name, path].concat();
}

#[test]
fn reconnections() {
    accepted(&[
        |s| s.reconnects(),
        |s| again_to(s, b"\x01\0\0name", b""),
        |s| again_to(s, b"\x01\0relative\0", b"/run/s"),
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            again(s, |a| a.socket.set(obj::PIPE))
        }),
        ("refers to a socket of another family", |s| {
            again(s, |_| ());
            s.edit(1, |k: &mut Socket| {
                k.family.set(FAMILY_INET);
                k.protocol.set(PROTOCOL_TCP);
            })
        }),
        ("is of a socket that no file shows", |s| {
            again(s, |a| a.socket.set(WAITING))
        }),
        ("an address is missing", |s| again(s, |a| a.name.set(0))),
        ("its address is missing", |s| again(s, |a| a.name.set(100))),
        ("impossible address", |s| again_to(s, b"\x02\0/a\0", b"/a")),
        ("impossible address", |s| again_to(s, b"\x01\0/a", b"/a")),
        ("impossible address", |s| {
            again_to(s, &[&[1, 0][..], &[0; 109]].concat(), b"")
        }),
        ("path empty or too long", |s| {
            again_to(s, b"\x01\0/a\0", b"")
        }),
        ("path is not absolute", |s| again_to(s, b"\x01\0/a\0", b"a")),
        ("a path that nothing is bound to", |s| {
            again_to(s, b"\x01\0\0a", b"/a")
        }),
    ]);
}

/// Changes the last open file, that of the socket which is connected.
fn file(s: &mut Sample, f: impl FnOnce(&mut OpenFile)) {
    s.sockets();
    let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
    let last = files.count() - 1;
    s.edit(last, f);
}

#[test]
fn files() {
    refused(&[
        ("reserved or unused field is not zero", |s| {
            file(s, |f| f.pos.set(1))
        }),
        ("flags that no socket has", |s| {
            file(s, |f| f.flags.set(open::READ))
        }),
        ("refers to an object of the wrong kind", |s| {
            file(s, |f| f.inode.set(obj::PIPE))
        }),
        ("mode does not fit the kind of file", |s| {
            file(s, |f| f.mode.set(0o100600))
        }),
    ]);
}

/// Changes the link of the socket of IPv4 or IPv6.
fn inet(s: &mut Sample, f: impl FnOnce(&mut InetSocket)) {
    s.datagrams();
    s.edit(0, f);
}

/// Changes the datagram.
fn datagram(s: &mut Sample, f: impl FnOnce(&mut InetMessage)) {
    s.datagrams();
    s.edit(0, f);
}

/// Makes the socket of these one of TCP.
fn stream(s: &mut Sample) {
    s.datagrams();
    s.edit(0, |socket: &mut Socket| {
        socket.kind.set(SOCKET_STREAM);
        socket.protocol.set(PROTOCOL_TCP);
    });
}

/// Changes the filter.
fn filter(s: &mut Sample, f: impl FnOnce(&mut SocketFilter)) {
    s.datagrams();
    s.edit(0, f);
}

#[test]
fn datagrams_are_well() {
    accepted(&[
        |s| s.datagrams(),
        |s| inet(s, |i| i.port.set(65535)),
        |s| datagram(s, |m| m.gso_size.set(3)),
        |s| datagram(s, |m| m.time.set(i64::MAX as u64)),
    ]);
}

#[test]
fn inet_sockets() {
    refused(&[
        ("is of a socket with connections of its own", stream),
        ("unknown state of a socket", |s| {
            inet(s, |i| i.state.set(INET_CONNECTED + 1))
        }),
        ("impossible port", |s| inet(s, |i| i.port.set(65536))),
        ("impossible port", |s| inet(s, |i| i.peer_port.set(65536))),
        ("impossible number of a device", |s| {
            inet(s, |i| i.device.set(1 << 31))
        }),
        ("unknown flag", |s| inet(s, |i| i.locks.set(1))),
        ("unknown flag", |s| inet(s, |i| i.shutdown.set(4))),
        ("impossible error of a socket", |s| {
            inet(s, |i| i.error.set(ERROR_MAX + 1))
        }),
        ("impossible address", |s| inet(s, |i| i.addr[4] = 1)),
        ("impossible address", |s| inet(s, |i| i.peer[15] = 1)),
        ("reserved or unused field is not zero", |s| {
            inet(s, |i| i.flow.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            inet(s, |i| i.state.set(INET_BOUND))
        }),
        ("reserved or unused field is not zero", |s| {
            inet(s, |i| i.state.set(INET_NEW))
        }),
        ("a filter that it can't have", |s| {
            s.datagrams();
            *s.payload(Kind::InetSocket, 0) = vec![0; ICMP6_FILTER_LEN];
        }),
        (
            "options that are unknown, or not by ascending number",
            |s| {
                s.datagrams();
                s.elements(Kind::Socket, |all: &mut Vec<SocketOption>| {
                    all[0].option.set(options::OPTION_IPV6_TCLASS)
                })
            },
        ),
    ]);
}

#[test]
fn datagrams() {
    refused(&[
        (
            "is in the queue of a socket with connections of its own",
            |s| {
                stream(s);
                let link = s.position(Kind::InetSocket, 0);
                s.records.remove(link);
            },
        ),
        ("a datagram of IPv6 in the queue of a socket of IPv4", |s| {
            datagram(s, |m| m.v6.set(1))
        }),
        ("impossible address", |s| datagram(s, |m| m.from[4] = 1)),
        ("impossible address", |s| datagram(s, |m| m.to[15] = 1)),
        ("impossible port", |s| {
            datagram(s, |m| m.from_port.set(65536))
        }),
        ("impossible port", |s| datagram(s, |m| m.to_port.set(65536))),
        ("impossible number of a device", |s| {
            datagram(s, |m| m.device.set(1 << 31))
        }),
        ("impossible header", |s| datagram(s, |m| m.ttl.set(256))),
        ("impossible header", |s| datagram(s, |m| m.flow.set(256))),
        ("impossible header", |s| {
            datagram(s, |m| m.frag_size.set(65536))
        }),
        ("impossible time of a datagram", |s| {
            datagram(s, |m| m.time.set(1 << 63))
        }),
        ("impossible size of the parts of a datagram", |s| {
            datagram(s, |m| m.gso_size.set(4))
        }),
        ("a datagram that is too long", |s| {
            s.datagrams();
            *s.payload(Kind::InetMessage, 0) = vec![0; DATAGRAM_MAX + 1];
        }),
    ]);
}

#[test]
fn filters() {
    refused(&[
        ("another length than announced", |s| {
            filter(s, |f| f.len.set(2))
        }),
        ("another length than announced", |s| {
            filter(s, |f| f.len.set(0));
            s.payload(Kind::SocketFilter, 0).clear();
        }),
        ("reserved or unused field is not zero", |s| {
            filter(s, |f| f.reserved.set(1))
        }),
    ]);
}
