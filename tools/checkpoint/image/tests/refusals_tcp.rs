// SPDX-License-Identifier: GPL-2.0

//! Each check of TCP sockets has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    net::{
        tcp::*,
        *, //
    }, //
};
use sample::{
    accepted,
    refused,
    tcp::{
        LISTENER,
        OUTSIDE,
        WAITING, //
    },
    Sample, //
};

/// Changes the `nth` TCP socket: that which listens, is connected, was closed, is connected to the
/// outside.
fn tcp(s: &mut Sample, nth: usize, f: impl FnOnce(&mut TcpSocket)) {
    s.tcp();
    s.edit(nth, f);
}

/// Changes the `nth` data.
fn data(s: &mut Sample, nth: usize, f: impl FnOnce(&mut TcpData)) {
    s.tcp();
    s.edit(nth, f);
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| s.tcp(),
        |s| tcp(s, 0, |t| t.backlog.set(i32::MAX as u32)),
        |s| tcp(s, 1, |t| t.mss.set(0)),
        |s| tcp(s, 1, |t| t.urgent.set(0)),
        |s| tcp(s, 1, |t| t.peer_address[0] = 240),
        |s| tcp(s, 2, |t| t.flags.set(TCP_OF_CALLER)),
        |s| {
            tcp(s, 1, |t| {
                t.state.set(TCP_OVER);
                t.flags.set(TCP_TOLD)
            });
            s.edit(2, |t: &mut TcpSocket| t.state.set(TCP_STARTED));
        },
    ]);
}

#[test]
fn whose_it_is() {
    refused(&[
        ("unknown state of a socket", |s| {
            tcp(s, 0, |t| t.state.set(TCP_OUTSIDE + 1))
        }),
        ("unknown address family", |s| {
            tcp(s, 2, |t| t.family.set(FAMILY_UNIX))
        }),
        ("refers to a socket of another family or type", |s| {
            tcp(s, 0, |t| t.family.set(FAMILY_INET6))
        }),
        ("tells of the same socket twice", |s| {
            tcp(s, 1, |t| t.socket.set(LISTENER))
        }),
        ("refers to an object of the wrong kind", |s| {
            tcp(s, 1, |t| t.socket.set(OUTSIDE + 1))
        }),
        ("was closed, and is not connected", |s| {
            tcp(s, 0, |t| t.socket.set(0))
        }),
        ("was closed, and is not connected", |s| {
            tcp(s, 1, |t| t.socket.set(0))
        }),
        ("was closed, and is not connected", |s| {
            tcp(s, 2, |t| t.mss.set(MSS_MIN))
        }),
        ("impossible name of a congestion control", |s| {
            s.tcp();
            s.payload(Kind::TcpSocket, 0)[0] = 0
        }),
        ("impossible name of a congestion control", |s| {
            s.tcp();
            s.payload(Kind::TcpSocket, 0)
                .extend_from_slice(b"and much more")
        }),
    ]);
}

#[test]
fn numbers() {
    refused(&[
        ("unknown flag", |s| {
            tcp(s, 0, |t| t.flags.set(TCP_FLAGS_ALL + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            tcp(s, 0, |t| t.listener.set(LISTENER))
        }),
        ("reserved or unused field is not zero", |s| {
            tcp(s, 2, |t| t.listener.set(LISTENER))
        }),
        ("impossible port", |s| tcp(s, 0, |t| t.port.set(0x10000))),
        ("impossible port", |s| {
            tcp(s, 1, |t| t.peer_port.set(0x10000))
        }),
        ("impossible address", |s| tcp(s, 0, |t| t.address[4] = 1)),
        ("impossible address", |s| {
            tcp(s, 0, |t| t.peer_address[15] = 1)
        }),
        ("impossible length of a segment", |s| {
            tcp(s, 1, |t| t.mss.set(MSS_MIN - 1))
        }),
        ("impossible length of a segment", |s| {
            tcp(s, 1, |t| t.mss.set(MSS_MAX + 1))
        }),
        ("impossible length of a queue", |s| {
            tcp(s, 0, |t| t.backlog.set(1 << 31))
        }),
        ("impossible length of a queue", |s| {
            tcp(s, 1, |t| t.backlog.set(1))
        }),
        ("impossible error of a socket", |s| {
            tcp(s, 1, |t| t.error.set(104))
        }),
        ("impossible error of a socket", |s| {
            tcp(s, 1, |t| {
                t.state.set(TCP_OVER);
                t.error.set(ERROR_MAX + 1)
            })
        }),
        ("a queue that is too long", |s| {
            tcp(s, 1, |t| t.received.set(QUEUE_MAX + 1))
        }),
        ("a queue that is too long", |s| {
            tcp(s, 1, |t| t.sent.set(QUEUE_MAX + 1))
        }),
        ("an urgent byte that is not there", |s| {
            tcp(s, 1, |t| t.urgent.set(5))
        }),
        ("an urgent byte that is not there", |s| {
            tcp(s, 2, |t| t.urgent_sent.set(3))
        }),
        ("was never connected", |s| tcp(s, 0, |t| t.received.set(1))),
        ("can't send any more", |s| {
            tcp(s, 1, |t| {
                t.state.set(TCP_OVER);
                t.sent.set(1)
            })
        }),
        ("has received before it is connected", |s| {
            tcp(s, 1, |t| t.state.set(TCP_STARTED))
        }),
        ("has received before it is connected", |s| {
            tcp(s, 1, |t| t.state.set(TCP_OVER))
        }),
    ]);
}

#[test]
fn addresses() {
    refused(&[
        ("an address that no connection has", |s| {
            tcp(s, 1, |t| t.port.set(0))
        }),
        ("an address that no connection has", |s| {
            tcp(s, 1, |t| t.peer_port.set(0))
        }),
        ("an address that no connection has", |s| {
            tcp(s, 1, |t| t.address = [0; 16])
        }),
        ("an address that no connection has", |s| {
            tcp(s, 1, |t| t.peer_address[0] = 224)
        }),
        ("an address that no connection has", |s| {
            tcp(s, 2, |t| t.address[..4].fill(255))
        }),
    ]);
}

#[test]
fn where_it_is() {
    refused(&[
        ("is of two network namespaces", |s| {
            tcp(s, 1, |t| t.flags.set(TCP_OF_CALLER))
        }),
        ("refers to an object of the wrong kind", |s| {
            tcp(s, 2, |t| t.net.set(LISTENER))
        }),
        ("refers to an object that is not in the image", |s| {
            tcp(s, 2, |t| t.net.set(u32::MAX))
        }),
    ]);
}

#[test]
fn outside() {
    refused(&[
        ("has agreed upon something with nobody", |s| {
            tcp(s, 1, |t| t.receive_next.set(1))
        }),
        ("unknown flag", |s| {
            tcp(s, 3, |t| t.outside.set(OUTSIDE_FLAGS_ALL + 1))
        }),
        ("has told of an end, and is not shut down", |s| {
            tcp(s, 3, |t| {
                t.outside
                    .set(OUTSIDE_SCALES | OUTSIDE_STAMPS | OUTSIDE_FIN_SENT)
            })
        }),
        ("has told of its end before all was sent", |s| {
            tcp(s, 5, |t| t.in_flight.set(1))
        }),
        ("has something to send after its end, or is over", |s| {
            tcp(s, 5, |t| {
                t.flags.set(TCP_SHUT_WRITE);
                t.outside.set(OUTSIDE_KILLED | OUTSIDE_FIN_ACKED)
            })
        }),
        ("is closing, and the other end has not closed", |s| {
            tcp(s, 5, |t| t.flags.set(TCP_SHUT_WRITE))
        }),
        ("has sent more than it was to send", |s| {
            tcp(s, 3, |t| t.in_flight.set(3))
        }),
        ("impossible scale of a window", |s| {
            tcp(s, 3, |t| t.receive_scale.set(SCALE_MAX + 1))
        }),
        ("impossible scale of a window", |s| {
            tcp(s, 3, |t| t.outside.set(OUTSIDE_STAMPS))
        }),
        ("impossible window", |s| {
            tcp(s, 3, |t| t.send_window_max.set((WINDOW_MAX << 7) + 1))
        }),
        ("impossible window", |s| {
            tcp(s, 3, |t| t.send_window_max.set(0))
        }),
        ("impossible window", |s| {
            tcp(s, 3, |t| t.receive_window_max.set(u32::MAX))
        }),
        ("impossible window", |s| {
            tcp(s, 3, |t| t.receive_window_max.set(0))
        }),
        ("impossible length of a segment", |s| {
            tcp(s, 3, |t| t.segment.set(0))
        }),
        ("impossible length of a segment", |s| {
            tcp(s, 3, |t| t.segment.set(0x10000))
        }),
        ("has time stamps that were not agreed upon", |s| {
            tcp(s, 3, |t| t.outside.set(OUTSIDE_SCALES))
        }),
        ("an address that no connection has", |s| {
            tcp(s, 3, |t| t.peer_port.set(0))
        }),
        ("was closed, and is not connected", |s| {
            tcp(s, 3, |t| t.socket.set(0))
        }),
    ]);
}

#[test]
fn unseen() {
    accepted(&[
        |s| tcp(s, 3, |t| t.flags.set(TCP_SHUT_WRITE)),
        |s| {
            tcp(s, 4, |t| {
                t.flags.set(TCP_SHUT_READ | TCP_DONE | TCP_LOCK_ADDRESS)
            })
        },
    ]);
    refused(&[
        ("was not held, and no file shows it", |s| {
            tcp(s, 4, |t| t.outside.set(0))
        }),
        (
            "was bound or connected by somebody who does not have it",
            |s| tcp(s, 4, |t| t.flags.set(TCP_LOCK_PORT)),
        ),
        (
            "was bound or connected by somebody who does not have it",
            |s| {
                tcp(s, 5, |t| {
                    t.flags.set(TCP_SHUT_WRITE | TCP_DONE | TCP_CONNECTING)
                })
            },
        ),
        ("was used, and waits to be accepted", |s| {
            tcp(s, 4, |t| t.flags.set(TCP_SHUT_WRITE))
        }),
        ("was used, and waits to be accepted", |s| {
            tcp(s, 4, |t| t.flags.set(TCP_SHUT_READ))
        }),
        ("was closed, and is used", |s| {
            tcp(s, 5, |t| t.received.set(1))
        }),
        ("was closed, and is used", |s| {
            tcp(s, 5, |t| {
                t.flags.set(TCP_DONE);
                t.outside.set(OUTSIDE_KILLED)
            })
        }),
        ("can't wait there to be accepted", |s| {
            tcp(s, 4, |t| t.listener.set(WAITING))
        }),
        ("refers to an object that is not in the image", |s| {
            tcp(s, 4, |t| t.listener.set(0))
        }),
        ("reserved or unused field is not zero", |s| {
            tcp(s, 5, |t| t.listener.set(LISTENER))
        }),
    ]);
}

#[test]
fn queues() {
    refused(&[
        ("neither 0 nor 1", |s| data(s, 0, |d| d.sent.set(2))),
        ("another number of bytes than announced", |s| {
            data(s, 0, |d| d.len.set(3))
        }),
        ("another number of bytes than announced", |s| {
            s.tcp();
            s.payload(Kind::TcpData, 1).push(0)
        }),
        ("payload where none belongs", |s| {
            data(s, 0, |d| d.len.set(0))
        }),
        ("more bytes in a queue than its socket has", |s| {
            data(s, 0, |d| d.sent.set(1))
        }),
        ("more bytes in a queue than its socket has", |s| {
            tcp(s, 2, |t| t.sent.set(1));
        }),
        ("the TCP socket before it lacks bytes in its queues", |s| {
            tcp(s, 1, |t| t.received.set(5))
        }),
        ("bytes in the queues of a TCP socket are missing", |s| {
            tcp(s, 5, |t| {
                t.sent.set(3);
                t.in_flight.set(3)
            })
        }),
        ("a TCP connection has one end only", |s| {
            tcp(s, 2, |t| t.state.set(TCP_STARTED))
        }),
    ]);
}
