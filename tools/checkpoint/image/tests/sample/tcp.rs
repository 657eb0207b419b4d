// SPDX-License-Identifier: GPL-2.0

//! TCP sockets, for those who ask for them: links come last.

use super::{
    obj,
    u,
    zeroed,
    Sample, //
};
use checkpoint_image::image::{
    files::{
        open,
        OpenFile,
        FILE_SOCKET, //
    },
    kinds::Kind,
    net::{
        tcp::*,
        tcp_hints::*,
        tcp_key::*,
        *, //
    },
    task::Container, //
};

/// A socket that listens, one that is connected to one that was closed, and one that is connected to
/// the outside; then two of the latter that no file shows: one waits to be accepted, one was closed.
pub const LISTENER: u32 = obj::LAST + 1;
pub const CLIENT: u32 = obj::LAST + 2;
pub const OUTSIDE: u32 = obj::LAST + 3;
pub const WAITING: u32 = obj::LAST + 7;
pub const CLOSED: u32 = obj::LAST + 8;

/// 127.0.0.1.
const LOOPBACK: [u8; 16] = [127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl Sample {
    /// Appends TCP sockets, with what is in their queues: the records that come last.
    pub fn tcp(&mut self) {
        let files = [OUTSIDE + 1, OUTSIDE + 2, OUTSIDE + 3];
        self.edit(0, |c: &mut Container| c.objects.set(CLOSED));
        for (file, n) in files.into_iter().zip([LISTENER, CLIENT, OUTSIDE]) {
            let socket = zeroed(|s: &mut Socket| {
                s.obj = u(n);
                s.family = u(FAMILY_INET);
                s.kind = u(SOCKET_STREAM);
                s.protocol = u(PROTOCOL_TCP);
            });
            self.add(socket, b"");
            let file = zeroed(|f: &mut OpenFile| {
                f.obj = u(file);
                f.kind = u(FILE_SOCKET);
                f.flags = u(open::READ | open::WRITE);
                f.inode = u(n);
                f.mode = u(0o140777);
                f.cred = u(obj::CRED);
            });
            self.add(file, b"");
        }
        for (n, form) in [(WAITING, SOCKET_WAITING), (CLOSED, SOCKET_CLOSED)] {
            let socket = zeroed(|s: &mut Socket| {
                s.obj = u(n);
                s.family = u(FAMILY_INET);
                s.kind = u(SOCKET_STREAM);
                s.protocol = u(PROTOCOL_TCP);
                s.form = u(form);
            });
            self.add(socket, b"");
        }
        let flight = files.map(u);
        self.add(
            zeroed(|f: &mut InFlight| f.files = u(3)),
            zerocopy::IntoBytes::as_bytes(&flight),
        );
        let listener = zeroed(|s: &mut TcpSocket| {
            s.socket = u(LISTENER);
            s.state = u(TCP_LISTENING);
            s.flags = u(TCP_BOUND | TCP_LOCK_PORT);
            s.family = u(FAMILY_INET);
            s.backlog = u(5);
            s.port = u(80);
        });
        self.add(listener, b"cubic");
        let client = zeroed(|s: &mut TcpSocket| {
            s.socket = u(CLIENT);
            s.state = u(TCP_CONNECTED);
            s.family = u(FAMILY_INET);
            s.mss = u(1000);
            s.port = u(40000);
            s.peer_port = u(80);
            s.received = u(4);
            s.urgent = u(4);
            s.address = LOOPBACK;
            s.peer_address = LOOPBACK;
        });
        self.add(client, b"");
        self.add(zeroed(|d: &mut TcpData| d.len = u(4)), b"data");
        let closed = zeroed(|s: &mut TcpSocket| {
            s.state = u(TCP_CONNECTED);
            s.family = u(FAMILY_INET);
            s.port = u(80);
            s.peer_port = u(40000);
            s.sent = u(2);
            s.address = LOOPBACK;
            s.peer_address = LOOPBACK;
        });
        self.add(closed, b"");
        let sent = zeroed(|d: &mut TcpData| {
            d.len = u(2);
            d.sent = u(1);
        });
        self.add(sent, b"go");
        let outside = zeroed(|s: &mut TcpSocket| {
            s.socket = u(OUTSIDE);
            s.state = u(TCP_OUTSIDE);
            s.family = u(FAMILY_INET);
            s.port = u(80);
            s.peer_port = u(40001);
            s.sent = u(2);
            s.address = LOOPBACK;
            s.peer_address = LOOPBACK;
            s.outside = u(OUTSIDE_SCALES | OUTSIDE_STAMPS);
            s.in_flight = u(2);
            s.send_window = u(WINDOW_MAX << 7);
            s.send_window_max = u(WINDOW_MAX << 7);
            s.receive_window = u(WINDOW_MAX << 14);
            s.receive_window_max = u(WINDOW_MAX << 14);
            s.stamp = u(1);
            s.segment = u(1);
            s.send_scale = u(7);
            s.receive_scale = u(SCALE_MAX);
        });
        self.add(outside, b"");
        let hints = zeroed(|h: &mut TcpHints| {
            h.round_trip = u(ROUND_TRIP_MAX);
            h.deviation = u(DEVIATION_MAX);
            h.deviation_max = u(DEVIATION_MAX);
            h.variation = u(DEVIATION_MAX);
            h.shortest = u(SHORTEST_NONE);
            h.threshold = u(SEGMENTS_MAX);
            h.window = u(SEGMENTS_MAX);
            h.acknowledged = u(WAITED_MAX);
            h.received = u(WAITED_MAX);
            h.keepalive = u(WAITED_MAX);
            h.asked = u(WAITED_MAX + 1);
            h.resent = u(RESENT_MAX + 1);
            h.probes = u(PROBES_MAX);
            h.backoff = u(BACKOFF_MAX);
            h.timeouts = u(PROBES_MAX);
        });
        self.add(hints, b"");
        let sent = zeroed(|d: &mut TcpData| {
            d.len = u(2);
            d.sent = u(1);
        });
        self.add(sent, b"on");
        self.unseen();
    }

    /// Appends these; the one that listens has TCP-AO, a key of TCP_MD5SIG and one of TCP-AO.
    pub fn tcp_keys(&mut self) {
        self.tcp();
        let at = self.position(Kind::TcpSocket, 0) + 1;
        let ao = zeroed(|a: &mut TcpAo| a.flags = u(TCP_AO_ALL));
        let md5 = zeroed(|k: &mut TcpKey| {
            k.family = u(FAMILY_INET);
            k.prefix = u(8);
            k.address[0] = 127;
        });
        let key = zeroed(|k: &mut TcpKey| {
            k.kind = u(TCP_KEY_AO);
            k.flags = u(TCP_KEY_ALL);
            k.family = u(FAMILY_INET);
            k.prefix = u(32);
            k.device = u(7);
            k.send_id = u(255);
            k.mac = u(12);
            k.algorithm = u(TCP_KEY_AES_128_CMAC);
            k.address = LOOPBACK;
        });
        self.add(ao, b"");
        self.add(md5, b"secret");
        self.add(key, b"");
        for n in 0..3 {
            let last = self.records.len() - 3 + n;
            let record = self.records.remove(last);
            self.records.insert(at + n, record);
        }
    }

    /// Those that no file shows, with what is in their queues.
    fn unseen(&mut self) {
        let unseen = zeroed(|s: &mut TcpSocket| {
            s.state = u(TCP_OUTSIDE);
            s.family = u(FAMILY_INET);
            s.port = u(80);
            s.address = LOOPBACK;
            s.peer_address = LOOPBACK;
            s.segment = u(1);
        });
        let waiting = TcpSocket {
            socket: u(WAITING),
            listener: u(LISTENER),
            peer_port: u(40002),
            received: u(2),
            outside: u(OUTSIDE_KILLED),
            ..unseen
        };
        self.add(waiting, b"");
        self.add(zeroed(|d: &mut TcpData| d.len = u(2)), b"hi");
        let closed = TcpSocket {
            socket: u(CLOSED),
            peer_port: u(40003),
            sent: u(2),
            in_flight: u(2),
            flags: u(TCP_SHUT_WRITE | TCP_SHUT_READ | TCP_DONE),
            outside: u(OUTSIDE_KILLED | OUTSIDE_FIN_SENT | OUTSIDE_CLOSING),
            ..unseen
        };
        self.add(closed, b"");
        let sent = zeroed(|d: &mut TcpData| {
            d.len = u(2);
            d.sent = u(1);
        });
        self.add(sent, b"by");
    }
}
