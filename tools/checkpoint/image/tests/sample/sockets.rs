// SPDX-License-Identifier: GPL-2.0

//! Sockets, for those who ask for them: links come last.

use super::{
    l,
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
        errqueue::*,
        filter::*,
        header::*,
        inet::*,
        member::*,
        mptcp::*,
        options::*,
        udp::*,
        unix::*,
        *, //
    },
    task::Container, //
};
use zerocopy::IntoBytes;

/// A socket that listens, one that is connected to what waits there, what waits, and one that was
/// closed.
pub const LISTENER: u32 = obj::LAST + 1;
pub const CLIENT: u32 = obj::LAST + 2;
pub const WAITING: u32 = obj::LAST + 3;
pub const CLOSED: u32 = obj::LAST + 4;

impl Sample {
    fn socket(&mut self, n: u32, form: u32, options: &[SocketOption]) {
        let socket = zeroed(|s: &mut Socket| {
            s.obj = u(n);
            s.family = u(FAMILY_UNIX);
            s.kind = u(SOCKET_STREAM);
            s.form = u(form);
        });
        self.add(socket, options.as_bytes());
    }

    /// Appends sockets, with a message that carries a file and one that has been sent by the closed
    /// one: the records that come last.
    pub fn sockets(&mut self) {
        let files = [CLOSED + 1, CLOSED + 2];
        self.edit(0, |c: &mut Container| c.objects.set(files[1]));
        let option = |option, value| SocketOption {
            option: u(option),
            reserved: u(0),
            value: l(value),
            second: l(0),
        };
        let options = [option(OPTION_SNDBUF, 4608), option(OPTION_PASSCRED, 1)];
        self.socket(LISTENER, SOCKET_OPEN, &options);
        self.socket(CLIENT, SOCKET_OPEN, &[]);
        self.socket(WAITING, SOCKET_WAITING, &[]);
        self.socket(CLOSED, SOCKET_CLOSED, &[]);
        for (file, socket) in files.into_iter().zip([LISTENER, CLIENT]) {
            let file = zeroed(|f: &mut OpenFile| {
                f.obj = u(file);
                f.kind = u(FILE_SOCKET);
                f.flags = u(open::READ | open::WRITE);
                f.inode = u(socket);
                f.mode = u(0o140777);
                f.cred = u(obj::CRED);
            });
            self.add(file, b"");
        }
        let flight = [u(files[0]), u(obj::NULL)];
        self.add(zeroed(|f: &mut InFlight| f.files = u(2)), flight.as_bytes());
        let mut name = b"\x01\0/tmp/s\0".to_vec();
        let listener = zeroed(|s: &mut UnixSocket| {
            s.socket = u(LISTENER);
            s.state = u(UNIX_LISTENING);
            s.backlog = u(5);
            s.name = u(name.len() as u32);
            s.bound = u(1);
            s.peer_cred = u(obj::CRED);
        });
        name.extend_from_slice(b"/tmp/s");
        self.add(listener, &name);
        let waiting = zeroed(|s: &mut UnixSocket| {
            s.socket = u(WAITING);
            s.state = u(UNIX_CONNECTED);
            s.peer = u(CLIENT);
            s.listener = u(LISTENER);
            s.scm = u(SCM_CREDENTIALS);
        });
        self.add(waiting, b"");
        let client = zeroed(|s: &mut UnixSocket| {
            s.socket = u(CLIENT);
            s.state = u(UNIX_CONNECTED);
            s.peer = u(WAITING);
            s.shutdown = u(UNIX_SHUT_WRITE);
            s.error = u(ERROR_RESET);
        });
        self.add(client, b"");
        let closed = zeroed(|s: &mut UnixSocket| {
            s.socket = u(CLOSED);
            s.name = u(4);
        });
        self.add(closed, b"\x01\0\0a");
        let message = zeroed(|m: &mut UnixMessage| {
            m.to = u(WAITING);
            m.from = u(CLIENT);
            m.flags = u(MESSAGE_IDS);
            m.files = u(2);
        });
        let mut payload = flight.as_bytes().to_vec();
        payload.extend_from_slice(b"data");
        self.add(message, &payload);
        let oob = zeroed(|m: &mut UnixMessage| {
            m.to = u(WAITING);
            m.from = u(CLOSED);
            m.flags = u(MESSAGE_OOB);
        });
        self.add(oob, b"o");
    }

    /// Appends the same, and that the connected one connects again to a path.
    pub fn reconnects(&mut self) {
        self.sockets();
        let name = b"\x01\0/run/s\0";
        let again = zeroed(|a: &mut UnixReconnect| {
            a.socket = u(CLIENT);
            a.name = u(name.len() as u32);
        });
        self.add(again, &[&name[..], b"/run/s"].concat());
    }

    /// Appends a connected UDP socket of IPv4 with a filter and a datagram, in place of those.
    pub fn datagrams(&mut self) {
        let (socket, file) = (obj::LAST + 1, obj::LAST + 2);
        self.edit(0, |c: &mut Container| c.objects.set(file));
        let ttl = SocketOption {
            option: u(OPTION_IP_TTL),
            reserved: u(0),
            value: l(7),
            second: l(0),
        };
        let udp = zeroed(|s: &mut Socket| {
            s.obj = u(socket);
            s.family = u(FAMILY_INET);
            s.kind = u(SOCKET_DGRAM);
            s.protocol = u(PROTOCOL_UDP);
            s.form = u(SOCKET_OPEN);
        });
        self.add(udp, [ttl].as_bytes());
        let open = zeroed(|f: &mut OpenFile| {
            f.obj = u(file);
            f.kind = u(FILE_SOCKET);
            f.flags = u(open::READ | open::WRITE);
            f.inode = u(socket);
            f.mode = u(0o140777);
            f.cred = u(obj::CRED);
        });
        self.add(open, b"");
        let step = zeroed(|s: &mut FilterStep| s.code = 6.into());
        let filter = zeroed(|f: &mut SocketFilter| {
            f.socket = u(socket);
            f.len = u(1);
        });
        self.add(filter, [step].as_bytes());
        let inet = zeroed(|i: &mut InetSocket| {
            i.socket = u(socket);
            i.state = u(INET_CONNECTED);
            i.port = u(1234);
            i.peer_port = u(53);
            i.addr[0] = 127;
            i.peer[0] = 127;
        });
        self.add(inet, b"");
        let message = zeroed(|m: &mut InetMessage| {
            m.socket = u(socket);
            m.from[0] = 127;
            m.to[0] = 127;
            m.from_port = u(53);
            m.to_port = u(1234);
            m.ttl = u(64);
        });
        self.add(message, b"data");
    }

    /// Appends these, and a datagram that the socket has begun.
    pub fn cork(&mut self) {
        self.datagrams();
        let cork = zeroed(|c: &mut UdpCork| {
            c.socket = u(obj::LAST + 1);
            c.port = u(53);
            c.hops = u(64);
            c.class = u(CLASS_OF_SOCKET);
            c.to[0] = 127;
            c.from[0] = 127;
        });
        let at = self.position(Kind::InetSocket, 0);
        self.add(cork, b"begun");
        if let Some(record) = self.records.pop() {
            self.records.insert(at, record);
        }
    }

    /// Appends a socket of MPTCP that listens.
    pub fn mptcp(&mut self) {
        let (socket, file) = (obj::LAST + 1, obj::LAST + 2);
        self.edit(0, |c: &mut Container| c.objects.set(file));
        let mptcp = zeroed(|s: &mut Socket| {
            s.obj = u(socket);
            s.family = u(FAMILY_INET6);
            s.kind = u(SOCKET_STREAM);
            s.protocol = u(PROTOCOL_MPTCP);
            s.form = u(SOCKET_OPEN);
        });
        self.add(mptcp, b"");
        let open = zeroed(|f: &mut OpenFile| {
            f.obj = u(file);
            f.kind = u(FILE_SOCKET);
            f.flags = u(open::READ | open::WRITE);
            f.inode = u(socket);
            f.mode = u(0o140777);
            f.cred = u(obj::CRED);
        });
        self.add(open, b"");
        let listens = zeroed(|m: &mut MptcpSocket| {
            m.socket = u(socket);
            m.state = u(MPTCP_LISTENING);
            m.backlog = u(4096);
            m.port = u(80);
            m.locks = u(INET_LOCK_ALL);
            m.address[15] = 1;
        });
        self.add(listens, b"cubic");
    }

    /// Appends these, and options of IPv4.
    pub fn header(&mut self) {
        self.datagrams();
        let header = zeroed(|h: &mut InetHeader| h.socket = u(obj::LAST + 1));
        self.add(header, &[7, 7, 4, 0, 0, 0, 0, 0]);
    }

    /// Appends these, and an error.
    pub fn error(&mut self) {
        self.datagrams();
        let error = zeroed(|e: &mut SocketError| {
            e.socket = u(obj::LAST + 1);
            e.error = u(111);
            e.origin = u(ERROR_ICMP);
            e.kind = u(3);
            e.code = u(3);
            e.port = u(53);
            e.device = u(1);
            e.flow = u(0xc0);
            e.ttl = u(64);
            e.transport = u(1);
            e.from[0] = 127;
            e.to[0] = 127;
            e.about[0] = 10;
        });
        self.add(error, b"data");
    }

    /// Appends these, and a membership that names a source.
    pub fn member(&mut self) {
        self.datagrams();
        let member = zeroed(|m: &mut InetMember| {
            m.socket = u(obj::LAST + 1);
            m.kind = u(MEMBER_INCLUDE);
            m.device = u(1);
            m.sources = u(1);
            m.group[0] = 224;
            m.group[3] = 9;
            m.local[0] = 127;
        });
        let mut source = [0; 16];
        source[0] = 10;
        self.add(member, &source);
    }
}
