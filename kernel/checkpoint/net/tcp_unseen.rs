// SPDX-License-Identifier: GPL-2.0

//! TCP connections with others that no descriptor shows: those that nobody has accepted yet, and those
//! that were closed, and have something left to send or to hear of.
//!
//! The first are found by the socket that listens. The others belong to nobody any more, but to their
//! network namespace: so they are saved with those that nobody else is in. Of both only those
//! are saved that are held: if the tasks run on, or if they are killed in another way, these go on, or
//! end, without an image.

use kernel::prelude::*;

use crate::{
    core::{
        objects::Shared,
        report::Errno,
        restore::Restore, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        net::{
            tcp::TCP_OUTSIDE,
            Socket,
            OPTION_LINGER,
            PROTOCOL_TCP,
            SOCKET_CLOSED,
            SOCKET_OPEN,
            SOCKET_STREAM,
            SOCKET_WAITING, //
        },
        ObjRef, //
    },
    kapi::{
        net::{
            socket::{
                Closing,
                SockRef, //
            },
            tcp::{
                Peer,
                State,
                Tcp, //
            },
            tcp_unseen::Unseen as Rest, //
        },
        security::cred::CredRef,
        time::wait, //
    },
    net::{
        inet,
        options,
        socket,
        tcp::{
            self,
            Sock, //
        },
        tcp_build::{
            self,
            Part, //
        },
        tcp_end::End,
        tcp_options,
        tcp_outside, //
    },
    ns, //
};

/// A connection that is held, and that no descriptor shows.
pub(super) struct Unseen {
    pub(super) sk: SockRef,
    /// Address of the socket that listens, at which it waits; `None`: it was closed.
    listener: Option<usize>,
    /// Its place among those that are held.
    held: usize,
}

impl Shared<Found> for Unseen {
    fn addr(&self) -> usize {
        self.sk.addr()
    }
}

/// One that may be held.
pub(super) struct Candidate {
    pub(super) sk: SockRef,
    listener: Option<usize>,
}

/// What else there is of TCP that no descriptor shows, and is not saved.
#[derive(Default)]
pub(super) struct Lost {
    /// Connections that were closed.
    orphans: usize,
    /// Subflows of Multipath TCP.
    subflows: u32,
    /// Handshakes that are not over.
    requests: u32,
    /// Addresses in TIME_WAIT.
    waits: u32,
    /// Nobody knows whose all that is.
    shared: bool,
}

/// Returns whether `sk`, which no file shows, can be saved with all that it has.
fn is_simple(sk: &SockRef) -> Result<bool> {
    let basics = sk.basics();
    let inet = sk.inet()?;
    Ok(basics.filter == 0
        && !basics.program
        && !basics.classic
        && inet::refused(&inet).is_none()
        && sk.errors()?.is_empty()
        && sk.tcp_refused().is_none()
        && tcp_options::numbered(sk).is_none())
}

/// Returns whether the other end of `sk` is outside, and it can be kept.
fn is_candidate(cap: &Capture, sk: &SockRef) -> Result<bool> {
    let (tcp, wire) = sk.tcp_and_wire()?;
    Ok(tcp.state == State::Connected
        && wire.is_ok()
        && is_outside(cap, &tcp::peer_of(sk)?)
        && is_simple(sk)?)
}

/// Returns whether `peer` is outside.
fn is_outside(cap: &Capture, peer: &Peer) -> bool {
    match peer {
        Peer::Outside => true,
        Peer::Open(peer) => cap.objects.get::<Sock>(peer.addr()).is_none(),
        _ => false,
    }
}

/// Looks for all of them.
pub(super) fn candidates(cap: &Capture) -> Result<(KVVec<Candidate>, Lost)> {
    let mut all = KVVec::new();
    let mut lost = Lost::default();
    for (_, sock) in cap.objects.all::<Sock>() {
        wait::go_on()?;
        // Those of all others are none.
        for sk in sock.sk.tcp_waiting()? {
            wait::go_on()?;
            if is_candidate(cap, &sk)? {
                let listener = Some(sock.addr());
                all.push(Candidate { sk, listener }, GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    for (net, shared) in ns::net::with_others(cap)? {
        wait::go_on()?;
        let rest = Rest::of(&net)?;
        // In a namespace that others are in, too, nobody knows whose they are: theirs must not end.
        if shared {
            for sk in rest.orphans {
                if lost.shared {
                    break;
                }
                wait::go_on()?;
                // Those are not held: what can't be told of one that ends just now keeps nobody.
                lost.shared = match tcp::peer_of(&sk) {
                    Ok(peer) => is_outside(cap, &peer),
                    Err(_) => true,
                };
            }
            continue;
        }
        lost.requests = lost.requests.saturating_add(rest.requests);
        lost.waits = lost.waits.saturating_add(rest.waits);
        lost.subflows = lost.subflows.saturating_add(rest.subflows);
        for sk in rest.orphans {
            wait::go_on()?;
            if is_candidate(cap, &sk)? {
                let listener = None;
                all.push(Candidate { sk, listener }, GFP_KERNEL_ACCOUNT)?;
            } else if is_outside(cap, &tcp::peer_of(&sk)?) {
                lost.orphans += 1;
            }
        }
    }
    Ok((all, lost))
}

/// Notes one that is held, at the place `held` of those that are; or that it is not, `None`.
pub(super) fn note(
    cap: &mut Capture,
    lost: &mut Lost,
    candidate: Candidate,
    held: Option<usize>,
) -> Result {
    let Candidate { sk, listener } = candidate;
    match held {
        Some(held) if cap.objects.count::<Unseen>(sk.addr())? => {
            cap.objects.keep(Unseen { sk, listener, held })
        }
        Some(_) => Ok(()),
        None => {
            // Those that wait are told of with the socket that listens.
            lost.orphans += usize::from(listener.is_none());
            Ok(())
        }
    }
}

/// Tells of those that were closed, and of what is not saved. EBUSY: who is strict gets no image.
pub(super) fn tell(cap: &mut Capture, lost: &Lost) -> Result {
    let all = cap.objects.all::<Unseen>();
    let kept = all.filter(|(_, unseen)| unseen.listener.is_none()).count();
    let closed = kept + lost.orphans + lost.subflows as usize;
    if cap.strict && closed != 0 {
        cap.report.line(fmt!(
            "error: TCP connections with others that tasks have closed are not over: {}: wait for \
             that [{}]",
            closed,
            Errno(EBUSY)
        ));
        return Err(EBUSY);
    }
    if kept != 0 {
        cap.report.line(fmt!(
            "note: TCP connections with others that tasks have closed, and that are not over: {}: they \
             end unless the restart is to keep them (RESTART_TCP_KEEP)",
            kept
        ));
    }
    if lost.shared {
        cap.report.line(fmt!(
            "note: not in the image are TCP connections with others that were closed: a task outside \
             is in the network namespace, too, and they may be its own: they go on here"
        ));
    }
    for (count, what) in [
        (
            lost.orphans,
            "connections with others that tasks have closed, and that can't be held: they go on here",
        ),
        (
            lost.subflows as usize,
            "subflows of MPTCP whose sockets were closed, or wait to be accepted: they go on here",
        ),
        (
            lost.requests as usize,
            "handshakes that are not over: who connects begins anew",
        ),
        (
            lost.waits as usize,
            "addresses in TIME_WAIT: a restart may use them at once",
        ),
    ] {
        if count != 0 {
            cap.report
                .line(fmt!("note: not in the image are TCP {} ({})", what, count));
        }
    }
    Ok(())
}

/// Writes the sockets of all of them.
pub(super) fn save_objects(cap: &mut Capture) -> Result {
    let mut all: KVVec<(ObjRef, SockRef, bool)> = KVVec::new();
    for (obj, unseen) in cap.objects.all::<Unseen>() {
        let waits = unseen.listener.is_some();
        all.push((obj, unseen.sk.clone(), waits), GFP_KERNEL_ACCOUNT)?;
    }
    for (obj, sk, waits) in all {
        wait::go_on()?;
        let mut options = options::save(&sk, tcp_build::TABLES)?;
        // Nobody waits for it any more.
        if !waits {
            options.retain(|option| option.option.get() != OPTION_LINGER);
        }
        let form = if waits { SOCKET_WAITING } else { SOCKET_CLOSED };
        // Who accepts it has it then.
        socket::put(cap, obj, socket::numbers(&sk), (form, 0), [0; 2], &options)?;
    }
    Ok(())
}

/// Writes the connection that waits to be accepted with the socket at `addr`. False: it is not held, or
/// can't be kept any more.
pub(super) fn save_waiting(cap: &mut Capture, addr: usize) -> Result<bool> {
    match cap.objects.get::<Unseen>(addr) {
        Some(unseen) => save_one(cap, &unseen),
        None => Ok(false),
    }
}

/// Writes those that were closed.
pub(super) fn save_closed(cap: &mut Capture) -> Result {
    let mut all: KVVec<usize> = KVVec::new();
    for (_, unseen) in cap.objects.all::<Unseen>() {
        if unseen.listener.is_none() {
            all.push(unseen.addr(), GFP_KERNEL_ACCOUNT)?;
        }
    }
    for addr in all {
        wait::go_on()?;
        let unseen = cap.objects.get::<Unseen>(addr).ok_or(ENOENT)?;
        // One that is over by now needs nothing.
        save_one(cap, &unseen)?;
    }
    Ok(())
}

fn save_one(cap: &mut Capture, unseen: &Unseen) -> Result<bool> {
    let read = unseen.sk.tcp(None)?;
    let Ok(wire) = read.wire else {
        return Ok(false);
    };
    if read.this.state != State::Connected {
        return Ok(false);
    }
    let listener = match unseen.listener {
        Some(addr) => Some(cap.objects.reference::<Sock>(addr)?),
        None => None,
    };
    let tcp = Tcp {
        bound_addr: read.this.bound_addr && listener.is_some(),
        bound_port: false,
        ..read.this
    };
    // What was closed has nobody who reads.
    let received = match listener {
        Some(_) => read.received(),
        None => &[],
    };
    if received.len() != read.received().len() {
        return Ok(false);
    }
    tcp_outside::is_read(cap, unseen.held, &tcp, &wire);
    let end = End {
        obj: Some(cap.objects.reference::<Unseen>(unseen.addr())?),
        listener,
        state: TCP_OUTSIDE,
        family: unseen.sk.basics().family.cast_unsigned(),
        net: Some(unseen.sk.net_addr()),
        keys: unseen.sk.tcp_keys()?,
    };
    let hints = unseen.sk.tcp_hints()?;
    end.put_with(cap, &tcp, Some((&wire, &hints)), received, &[read.sent()])?;
    Ok(true)
}

/// A socket that no file shows, and comes back.
pub(super) struct Made {
    pub(super) sk: SockRef,
    pub(super) closing: Closing,
    /// Who has made the one that listens; of what was closed, the caller.
    pub(super) opener: CredRef,
}

/// Returns whether a file of the image shows the socket with reference `obj`.
pub(super) fn is_seen(r: &Restore, obj: ObjRef) -> Result<bool> {
    let (socket, _) = r.object_body::<Socket>(obj)?;
    Ok(socket.form.get() == SOCKET_OPEN)
}

/// Makes the socket of `part`, with its options.
pub(super) fn make(r: &Restore, part: &Part<'_>, obj: ObjRef) -> Result<Made> {
    let (socket, raw) = r.object_body::<Socket>(obj)?;
    if socket.protocol.get() != PROTOCOL_TCP {
        return Err(r.told(EINVAL, fmt!("a TCP socket is of another protocol")));
    }
    let listener = match socket.form.get() {
        SOCKET_WAITING => Some(socket::made(r, part.record.listener.get())?),
        _ => None,
    };
    let opener = match &listener {
        Some(listener) => listener.opener.clone(),
        None => CredRef::current()?,
    };
    let family = i32::try_from(socket.family.get())?;
    let net = part.net(r)?;
    // What security modules know of one that waits is what they know of the socket that listens.
    let (closing, sk) = opener
        .act(|| Closing::make(&net, family, SOCKET_STREAM.cast_signed()))
        .map_err(|e| r.told(e, fmt!("a socket can't be made")))?;
    if let Some(listener) = &listener {
        sk.set_tcp_unclaimed(&listener.sk);
    }
    options::restore(r, &raw, &closing, &sk, tcp_build::TABLES, &opener)?
        .map_err(|unset| r.told(unset.errno, fmt!("{}", unset)))?;
    Ok(Made {
        sk,
        closing,
        opener,
    })
}

/// Sets the options that depend on all else, and gives `made` to who has it from now on: the socket that
/// listens, or nobody.
pub(super) fn finish(r: &Restore, part: &Part<'_>, obj: ObjRef, made: Made) -> Result {
    let raw = r.object(obj)?;
    let Made {
        sk,
        closing,
        opener,
    } = made;
    options::restore_late(r, &raw, &closing, &sk, tcp_build::TABLES, &opener)?;
    if part.record.listener.get() == 0 {
        return r.close_connection(closing);
    }
    let listener = socket::made(r, part.record.listener.get())?;
    listener.sk.add_tcp_waiting(&closing).map_err(|e| {
        let why = match e {
            EAGAIN => "the socket that listens takes no more: raise net.core.somaxconn",
            ENOMEM => "there is no memory",
            _ => "the socket does not listen",
        };
        r.told(
            e,
            fmt!("a TCP connection can't wait to be accepted: {}", why),
        )
    })
}
