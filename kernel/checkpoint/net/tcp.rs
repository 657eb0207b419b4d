// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: they are found, and what of them is lost is told; `tcp_save.rs` writes them.
//!
//! A connection is saved whose two ends are in the network namespace: both in the tree, or one of them
//! closed by its owner, or not accepted yet at a socket of the tree. The other end of others goes on
//! without us: of these is saved what the two have agreed upon (`tcp_outside.rs`). If that can't be then
//! they come back as after a reset, which the log tells.

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
                State,
                Tcp, //
            }, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    net::{
        address::Address,
        errqueue,
        inet,
        mptcp,
        socket,
        tcp_build,
        tcp_options,
        tcp_save,
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
    save: tcp_save::save_links,
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
    pub(super) written: Atomic<bool>,
    /// What is lost of it was told.
    told: Atomic<bool>,
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
        self.told.store(true, Relaxed);
        let named = self.named();
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
    /// Returns as what the task has it, for messages.
    fn named(&self) -> Named<'_> {
        Named {
            user: self.user,
            name: &self.name,
        }
    }

    /// Notes that it was written.
    pub(super) fn set_written(&self) {
        self.written.store(true, Relaxed);
    }

    /// Tells that so many connections are lost that wait here.
    pub(super) fn tell_strangers(&self, cap: &mut Capture, lost: usize) {
        let named = self.named();
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
    pub(super) fn tell_waiting(&self, cap: &mut Capture, kept: usize) {
        let named = self.named();
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

    /// Refuses it, as somebody else has made it a connection of Multipath TCP meanwhile.
    pub(super) fn refuse_busy(&self, cap: &mut Capture) {
        mptcp::refuse_busy(cap, &self.who, &self.named());
    }

    /// Tells that its connection is lost, as it did not stay what it was.
    pub(super) fn tell_unsettled(&self, cap: &mut Capture) {
        self.told.store(true, Relaxed);
        let named = self.named();
        lose(
            cap,
            EAGAIN,
            &self.who,
            fmt!(
                "{}: its connection kept changing while it was saved: it comes back as after a reset \
                 (ECONNRESET): try again",
                named
            ),
        );
    }

    /// Tells that its connection is lost, as it is not held.
    pub(super) fn tell_not_held(&self, cap: &mut Capture) {
        self.told.store(true, Relaxed);
        let named = self.named();
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

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    collect_sk(cap, t, named, SockRef::of(file).ok_or(ENOENT)?)
}

/// Does the same with `sk`, which is what `named` shows, or its only subflow.
pub(super) fn collect_sk(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: SockRef,
) -> Result<bool> {
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
            told: Atomic::new(false),
            held: Atomic::new(0),
        })?;
    }
    Ok(true)
}

/// Returns the reference of the socket at `addr`.
pub(super) fn object(cap: &Capture, addr: usize) -> Result<ObjRef> {
    cap.objects.reference::<Sock>(addr)
}

/// Returns the socket at `addr`, if it is one of the tasks.
pub(super) fn found(cap: &Capture, sk: &SockRef) -> Option<Arc<Sock>> {
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
pub(super) fn tell_details(cap: &mut Capture, sock: &Sock) -> Result {
    let tcp = sock.sk.tcp_now()?;
    if tcp.state != State::Connected || !is_kept(cap, &sock.sk, &tcp)? {
        return Ok(());
    }
    let named = sock.named();
    for what in sock.sk.tcp_lost(true) {
        lose(cap, EOPNOTSUPP, &sock.who, fmt!("{}: {}", named, what));
    }
    Ok(())
}

/// Tells of a connection that is lost, unless that was known when others were told of.
pub(super) fn tell_lost(cap: &mut Capture, sock: &Sock) -> Result {
    if sock.told.load(Relaxed) {
        return Ok(());
    }
    let outside = if cap.strict {
        Outside::Refused
    } else {
        Outside::Noted
    };
    sock.tell(cap, 0, outside)
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
