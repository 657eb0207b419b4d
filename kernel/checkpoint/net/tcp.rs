// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: they are found, and saved.
//!
//! A connection is saved whose two ends are in the network namespace: both in the tree, or one of them
//! closed by its owner, or not accepted yet at a socket of the tree. The other end of others goes on
//! without us: of these is saved what the two have agreed upon (`tcp_outside.rs`). If that can't be then
//! they come back as after a reset, which the log tells.

use core::net::{
    Ipv4Addr,
    Ipv6Addr, //
};

use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

use crate::{
    core::objects::{
        Outside,
        Shared, //
    },
    files::{
        Named,
        User, //
    },
    found::{
        Capture,
        Found,
        LinkOps, //
    },
    image::{
        net::{
            tcp::{
                TCP_CONNECTED,
                TCP_LISTENING,
                TCP_NEW,
                TCP_OUTSIDE,
                TCP_OVER,
                TCP_STARTED, //
            },
            FAMILY_INET,
            FAMILY_INET6,
            PROTOCOL_TCP,
            SOCKET_STREAM, //
        },
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            socket::SockRef,
            tcp::{
                Peer,
                Read,
                State,
                Tcp, //
            }, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    net::{
        errqueue,
        inet,
        socket,
        tcp_build,
        tcp_end::End,
        tcp_keys,
        tcp_options,
        tcp_outside,
        tcp_unseen,
        Family, //
    },
    ns, //
};

/// TCP over IPv4 and IPv6.
pub(super) const FAMILY: Family = Family {
    is: |[family, kind, protocol]| {
        matches!(family.cast_unsigned(), FAMILY_INET | FAMILY_INET6)
            && kind.cast_unsigned() == SOCKET_STREAM
            && protocol.cast_unsigned() == PROTOCOL_TCP
    },
    options: tcp_build::TABLES,
    collect,
    object,
    sk: socket::plain_sk,
    note: socket::note_plain,
};

/// What TCP sockets are, and what is in their queues.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "TCP sockets",
    save: save_links,
    link: tcp_build::link,
};

/// A TCP socket that a file of the tasks shows.
pub(super) struct Sock {
    pub(super) sk: SockRef,
    /// Who has it first, and as what.
    who: TaskName,
    user: User,
    name: KVec<u8>,
    /// It was written: what it is to another one has come before.
    written: Atomic<bool>,
    /// It is held: 1 more than its place among those that are.
    pub(super) held: Atomic<usize>,
}

impl Shared<Found> for Sock {
    fn addr(&self) -> usize {
        self.sk.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let Ok(tcp) = self.sk.tcp_now() else {
            return Outside::Nothing;
        };
        match tcp.state {
            State::Connected => match is_kept(cap, &self.sk, &tcp) {
                Ok(true) => Outside::Nothing,
                Ok(false) if !cap.strict => Outside::Noted,
                // What it fails with is told with it.
                _ => Outside::Refused,
            },
            State::Listening => match socket::shares_outside::<Self>(cap, &self.sk) {
                Ok(false) if !cap.strict => Outside::Nothing,
                Ok(false) if matches!(strangers(cap, &self.sk), Ok(0)) => Outside::Nothing,
                _ => Outside::Refused,
            },
            // It is not told of by others, but lost like what is.
            State::Over if tcp.has_port && cap.strict => Outside::Refused,
            State::Over if tcp.has_port => Outside::Noted,
            _ => Outside::Nothing,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        let (tcp, wire) = self.sk.tcp_and_wire()?;
        if tcp.state == State::Listening {
            if socket::shares_outside::<Self>(cap, &self.sk)? {
                socket::refuse_port(cap, &self.who, &named);
                return Ok(());
            }
            let lost = strangers(cap, &self.sk)?;
            self.tell_strangers(cap, lost);
            return Ok(());
        }
        if tcp.state == State::Over && tcp.has_port {
            lose(
                cap,
                EOPNOTSUPP,
                &self.who,
                fmt!(
                    "{}: has port {} still, though its connection is over: it comes back without",
                    named,
                    tcp.port
                ),
            );
            return Ok(());
        }
        let to = Address(tcp.peer_addr, self.sk.basics().family, tcp.peer_port);
        if let Err(e) = peer_of(&self.sk) {
            cap.report.refuse(
                e,
                &self.who,
                fmt!(
                    "{}: whether a filter changes an address of its connection with {} can't be told: \
                     try again",
                    named,
                    to
                ),
            );
            return Ok(());
        }
        if matches!(self.sk.tcp_peer(), Peer::Open(peer) if peer.addr() == self.addr()) {
            lose(
                cap,
                EOPNOTSUPP,
                &self.who,
                fmt!(
                    "{}: is connected to itself ({}), which can't be saved yet: it comes back as after \
                     a reset (ECONNRESET)",
                    named,
                    to
                ),
            );
        } else if outside == Outside::Refused {
            cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!(
                    "{}: the other end of its connection, {}, is outside: have it closed, or \
                     checkpoint what has that as well",
                    named,
                    to
                ),
            );
        } else if let Err(why) = wire {
            cap.report.note(
                &self.who,
                fmt!(
                    "{}: the other end of its connection, {}, is outside: it comes back as after a \
                     reset (ECONNRESET), as {}",
                    named,
                    to,
                    why
                ),
            );
        } else {
            let unless = match cap.found.net.holds.wanted {
                true => " unless the restart is to keep it (RESTART_TCP_KEEP)",
                false => ": its tasks run on with it, or may",
            };
            cap.report.note(
                &self.who,
                fmt!(
                    "{}: the other end of its connection, {}, is outside: it comes back as after a \
                     reset (ECONNRESET){}",
                    named,
                    to,
                    unless
                ),
            );
        }
        Ok(())
    }
}

impl Sock {
    /// Notes that it was written.
    pub(super) fn set_written(&self) {
        self.written.store(true, Relaxed);
    }

    /// Tells that so many connections are lost that wait here.
    fn tell_strangers(&self, cap: &mut Capture, lost: usize) {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        lose(
            cap,
            EBUSY,
            &self.who,
            fmt!(
                "{}: connections from outside that nobody has accepted: {}; they are not in the image",
                named,
                lost
            ),
        );
    }

    /// Tells that so many connections wait here that are in the image.
    fn tell_waiting(&self, cap: &mut Capture, kept: usize) {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        cap.report.note(
            &self.who,
            fmt!(
                "{}: connections from outside that nobody has accepted: {}; they end unless the restart \
                 is to keep them (RESTART_TCP_KEEP)",
                named,
                kept
            ),
        );
    }

    /// Tells that its connection is lost, as it is not held.
    fn tell_not_held(&self, cap: &mut Capture) {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        lose(
            cap,
            EBUSY,
            &self.who,
            fmt!(
                "{}: its connection with the outside can't be kept, as another checkpoint holds it, or as \
                 it has changed since: it comes back as after a reset (ECONNRESET)",
                named
            ),
        );
    }
}

/// An address and a port, for messages.
pub(super) struct Address(pub(super) [u8; 16], pub(super) i32, pub(super) u16);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(bytes, family, port) = self;
        let [a, b, c, d, ..] = bytes;
        if family.cast_unsigned() == FAMILY_INET {
            write!(f, "{}:{}", Ipv4Addr::new(a, b, c, d), port)
        } else {
            write!(f, "[{}]:{}", Ipv6Addr::from(bytes), port)
        }
    }
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let inet = sk.inet()?;
    let why = inet::refused(&inet)
        .or_else(|| sk.tcp_refused())
        .or_else(|| {
            (inet.special.is_member())
                .then_some("has an anycast address (IPV6_JOIN_ANYCAST): have it leave that")
        })
        .or_else(|| tcp_options::numbered(&sk));
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if !errqueue::collect(cap, t, named, &sk)? {
        return Ok(false);
    }
    if cap.objects.count::<Sock>(sk.addr())? {
        let who = t.display(&cap.pid_ns);
        for what in sk.tcp_lost(false) {
            lose(cap, EOPNOTSUPP, &who, fmt!("{}: {}", named, what));
        }
        let mut name = KVec::new();
        name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
        cap.objects.keep(Sock {
            sk,
            who,
            user: named.user,
            name,
            written: Atomic::new(false),
            held: Atomic::new(0),
        })?;
    }
    Ok(true)
}

/// Returns the reference of the socket at `addr`.
fn object(cap: &Capture, addr: usize) -> Result<ObjRef> {
    cap.objects.reference::<Sock>(addr)
}

/// Returns the socket at `addr`, if it is one of the tasks.
fn found(cap: &Capture, sk: &SockRef) -> Option<Arc<Sock>> {
    cap.objects.get::<Sock>(sk.addr())
}

/// Finds the other end of the connection of `sk`. Where a filter changes addresses nobody has the one that
/// `sk` knows, but the other end is not gone.
pub(super) fn peer_of(sk: &SockRef) -> Result<Peer> {
    Ok(match sk.tcp_peer() {
        Peer::Gone if is_changed(sk)? => Peer::Outside,
        peer => peer,
    })
}

/// Returns whether a filter changes an address of the connection of `sk`.
fn is_changed(sk: &SockRef) -> Result<bool> {
    const MAPPED: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    let (tcp, _) = sk.tcp_and_wire()?;
    let v4 = sk.basics().family.cast_unsigned() == FAMILY_INET;
    let [here, there] = [&tcp.addr, &tcp.peer_addr].map(|addr| match addr {
        [a @ .., _, _, _, _, _, _, _, _, _, _, _, _] if v4 => &a[..],
        addr => addr.strip_prefix(MAPPED).unwrap_or(addr),
    });
    ns::net::is_changed(&sk.net()?, [(here, tcp.port), (there, tcp.peer_port)])
}

/// Returns whether the connection of `sk`, which is `tcp`, is saved with its other end.
pub(super) fn is_kept(cap: &Capture, sk: &SockRef, tcp: &Tcp) -> Result<bool> {
    Ok(match peer_of(sk)? {
        Peer::Outside => false,
        Peer::Gone => tcp.done,
        Peer::Request(at) => found(cap, &at).is_some(),
        Peer::Closed(_) => true,
        // Where it waits is found when it is saved.
        Peer::Waiting => true,
        Peer::Open(peer) => peer.addr() != sk.addr() && found(cap, &peer).is_some(),
    })
}

/// Tells what of the task `who` is lost: who is strict gets no image then.
fn lose(cap: &mut Capture, errno: Error, who: &TaskName, what: fmt::Arguments<'_>) {
    if cap.strict {
        cap.report.refuse(errno, who, what);
    } else {
        cap.report.note(who, what);
    }
}

/// Tells what of a connection with another task is lost that else comes back.
fn tell_details(cap: &mut Capture, sock: &Sock) -> Result {
    let tcp = sock.sk.tcp_now()?;
    if tcp.state != State::Connected || !is_kept(cap, &sock.sk, &tcp)? {
        return Ok(());
    }
    let named = Named {
        user: sock.user,
        name: &sock.name,
    };
    for what in sock.sk.tcp_lost(true) {
        lose(cap, EOPNOTSUPP, &sock.who, fmt!("{}: {}", named, what));
    }
    Ok(())
}

/// Tells of a connection that is lost, which was not known when others were told of.
fn tell_lost(cap: &mut Capture, sock: &Sock) -> Result {
    let outside = if cap.strict {
        Outside::Refused
    } else {
        Outside::Noted
    };
    sock.tell(cap, 0, outside)
}

/// Writes what all sockets are.
fn save_links(cap: &mut Capture) -> Result {
    let mut all: KVVec<Arc<Sock>> = KVVec::new();
    let mut addrs: KVVec<usize> = KVVec::new();
    for (_, sock) in cap.objects.all::<Sock>() {
        addrs.push(sock.addr(), GFP_KERNEL_ACCOUNT)?;
    }
    for addr in addrs {
        all.push(
            cap.objects.get::<Sock>(addr).ok_or(ENOENT)?,
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    // Those that wait have their order.
    for sock in &all {
        wait::go_on()?;
        tell_details(cap, sock)?;
        let tcp = sock.sk.tcp_now()?;
        if tcp.state == State::Listening {
            End::of(cap, sock, TCP_LISTENING)?.put(cap, &tcp, &[], &[])?;
            save_waiting(cap, sock)?;
        }
    }
    for sock in &all {
        wait::go_on()?;
        if !sock.written.load(Relaxed) {
            save_one(cap, sock)?;
        }
    }
    tcp_unseen::save_closed(cap)
}

/// Returns what the other end of `tcp` is, of which nothing is left.
fn other_end(tcp: &Tcp) -> Tcp {
    Tcp {
        state: State::Connected,
        error: 0,
        shut_read: true,
        shut_write: true,
        backlog: 0,
        user_mss: 0,
        received: 0,
        sent: 0,
        urgent: 0,
        urgent_sent: 0,
        port: tcp.peer_port,
        peer_port: tcp.port,
        done: false,
        bound_addr: false,
        bound_port: false,
        has_port: true,
        urgent_read: false,
        connecting: false,
        was_connected: true,
        addr: tcp.peer_addr,
        peer_addr: tcp.addr,
        ..*tcp
    }
}

/// Returns how many of the connections that wait at `listener` are from outside.
fn strangers(cap: &Capture, listener: &SockRef) -> Result<usize> {
    let mut lost = 0;
    for child in listener.tcp_waiting()? {
        let is_saved = match peer_of(&child)? {
            Peer::Open(client) => found(cap, &client).is_some(),
            Peer::Closed(_) | Peer::Gone => true,
            _ => false,
        };
        lost += usize::from(!is_saved);
    }
    Ok(lost)
}

/// Writes the connections that wait at `listener`: each connects anew, and sends all again.
fn save_waiting(cap: &mut Capture, listener: &Sock) -> Result {
    let (mut kept, mut lost) = (0usize, 0usize);
    for child in listener.sk.tcp_waiting()? {
        wait::go_on()?;
        match peer_of(&child)? {
            Peer::Open(client) if found(cap, &client).is_some() => {
                let sock = found(cap, &client).ok_or(ENOENT)?;
                let read = client.tcp(Some(&child))?;
                let end = End::of(cap, &sock, TCP_STARTED)?;
                save_started(cap, &end, &read)?;
            }
            Peer::Closed(client) => {
                let read = client.tcp(Some(&child))?;
                let end = End::closed(&client, TCP_STARTED, client.tcp_keys()?);
                save_started(cap, &end, &read)?;
            }
            Peer::Gone => {
                let read = child.tcp(None)?;
                let tcp = Tcp {
                    urgent_sent: read.this.urgent,
                    ..other_end(&read.this)
                };
                let family = child.basics().family.cast_unsigned();
                let keys = tcp_keys::of_other_end(&child.tcp_keys()?, &read.this, family)?;
                let end = End::closed(&child, TCP_STARTED, keys);
                end.put(cap, &tcp, &[], &[read.received()])?;
            }
            _ if tcp_unseen::save_waiting(cap, child.addr())? => kept += 1,
            _ => lost += 1,
        }
    }
    if kept != 0 {
        listener.tell_waiting(cap, kept);
    }
    if lost != 0 {
        listener.tell_strangers(cap, lost);
    }
    Ok(())
}

/// Writes one that connects anew: what the end that waits has received is to be sent again.
fn save_started(cap: &mut Capture, end: &End, read: &Read) -> Result {
    let [received, _] = read.of_peer();
    let before = u32::try_from(received.len())?;
    let urgent_sent = match (read.this.urgent_sent, &read.peer) {
        (0, Some(peer)) => peer.urgent,
        (0, None) => 0,
        (mark, _) => mark.checked_add(before).ok_or(EOVERFLOW)?,
    };
    let tcp = Tcp {
        urgent_sent,
        urgent: 0,
        urgent_read: false,
        ..read.this
    };
    end.put(cap, &tcp, &[], &[received, read.sent()])
}

/// Writes a socket that was not written yet.
fn save_one(cap: &mut Capture, sock: &Sock) -> Result {
    let read = sock.sk.tcp(None)?;
    let tcp = read.this;
    match tcp.state {
        // Its connections that wait have come before.
        State::Listening => Ok(()),
        State::New => End::of(cap, sock, TCP_NEW)?.put(cap, &tcp, &[], &[]),
        State::Started => End::of(cap, sock, TCP_STARTED)?.put(cap, &tcp, &[], &[]),
        State::Over => End::of(cap, sock, TCP_OVER)?.put(cap, &tcp, read.received(), &[]),
        State::Connected => save_connected(cap, sock, &read),
    }
}

/// Writes a socket that is connected, and the other end.
fn save_connected(cap: &mut Capture, sock: &Sock, read: &Read) -> Result {
    let tcp = read.this;
    let (peer, other) = match peer_of(&sock.sk)? {
        Peer::Open(peer) if peer.addr() == sock.addr() => return save_reset(cap, sock, read),
        Peer::Open(peer) => match found(cap, &peer) {
            Some(other) => (peer, Some(other)),
            None => return save_outside(cap, sock, read),
        },
        Peer::Closed(peer) => (peer, None),
        Peer::Gone if tcp.done => {
            End::of(cap, sock, TCP_CONNECTED)?.put(cap, &tcp, read.received(), &[read.sent()])?;
            let family = sock.sk.basics().family.cast_unsigned();
            let keys = tcp_keys::of_other_end(&sock.sk.tcp_keys()?, &tcp, family)?;
            let end = End::closed(&sock.sk, TCP_CONNECTED, keys);
            return end.put(cap, &other_end(&tcp), &[], &[]);
        }
        Peer::Request(at) if found(cap, &at).is_some() => {
            let end = End::of(cap, sock, TCP_STARTED)?;
            return end.put(cap, &tcp, &[], &[read.sent()]);
        }
        Peer::Waiting => {
            // At a socket of others.
            tell_lost(cap, sock)?;
            return save_reset(cap, sock, read);
        }
        _ => return save_outside(cap, sock, read),
    };
    let both = match sock.sk.tcp(Some(&peer)) {
        Err(ESTALE) => {
            tell_lost(cap, sock)?;
            return save_reset(cap, sock, read);
        }
        both => both?,
    };
    let (this, that) = (both.this, both.peer.ok_or(EINVAL)?);
    if this.state != State::Connected || that.state != State::Connected {
        return save_reset(cap, sock, &both);
    }
    End::of(cap, sock, TCP_CONNECTED)?.put(cap, &this, both.received(), &[both.sent()])?;
    let [received, sent] = both.of_peer();
    match other {
        Some(other) => {
            for sk in [&sock.sk, &other.sk] {
                cap.found.net.joined.push(sk.clone(), GFP_KERNEL_ACCOUNT)?;
            }
            let end = End::of(cap, &other, TCP_CONNECTED)?;
            end.put(cap, &that, received, &[sent])
        }
        None => {
            let end = End::closed(&peer, TCP_CONNECTED, peer.tcp_keys()?);
            let that = Tcp {
                shut_read: true,
                shut_write: true,
                urgent: 0,
                ..that
            };
            end.put(cap, &that, &[], &[sent])
        }
    }
}

/// Lets connections end without a segment: the tasks are about to be killed.
pub(super) fn end_quietly(cap: &mut Capture) {
    tcp_outside::bury(cap);
    for sk in core::mem::replace(&mut cap.found.net.joined, KVVec::new()) {
        sk.end_tcp_quietly();
    }
}

/// Writes a socket the other end of which is outside.
fn save_outside(cap: &mut Capture, sock: &Sock, read: &Read) -> Result {
    let wire = match read.wire {
        Ok(wire) if tcp_outside::may_keep(cap, sock) => wire,
        Ok(_) => {
            sock.tell_not_held(cap);
            return save_reset(cap, sock, read);
        }
        Err(_) => return save_reset(cap, sock, read),
    };
    tcp_outside::is_read(cap, sock.held.load(Relaxed), &read.this, &wire);
    let end = End::of(cap, sock, TCP_OUTSIDE)?;
    let hints = sock.sk.tcp_hints()?;
    end.put_with(
        cap,
        &read.this,
        Some((&wire, &hints)),
        read.received(),
        &[read.sent()],
    )
}

/// Writes a socket whose connection is not saved, as after a reset.
fn save_reset(cap: &mut Capture, sock: &Sock, read: &Read) -> Result {
    let tcp = Tcp {
        state: State::Over,
        // As tcp_reset() has it.
        error: match read.this.state {
            State::Over => read.this.error,
            _ if read.this.done && !read.this.shut_write => EPIPE.to_errno().unsigned_abs(),
            _ => ECONNRESET.to_errno().unsigned_abs(),
        },
        shut_read: true,
        shut_write: true,
        urgent_sent: 0,
        has_port: false,
        ..read.this
    };
    End::of(cap, sock, TCP_OVER)?.put(cap, &tcp, read.received(), &[])
}
