// SPDX-License-Identifier: GPL-2.0

//! TCP connections whose other end is outside.
//!
//! If the tasks are to be killed then these are held before the first socket is read, until the tasks are
//! dead: what arrives is not acknowledged, and the other end sends it again to whoever takes the
//! connection over. So are sockets that listen: nobody's handshake ends whom nobody knows of. That may be later (CHECKPOINT_KILL_ONLY); if they are thawed instead then they go
//! on. If the tasks run on then they are not held: nothing of the image is worth more than
//! what they go on with.
//!
//! What becomes of them at a restart is the caller's to say.

use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};

use crate::{
    core::{
        accept::Connections,
        objects::Shared,
        report::Errno,
        restore::{
            HeldEnd,
            Restore,
            Then, //
        }, //
    },
    found::Capture,
    image::net::{
        tcp::*,
        SOCKET_STREAM, //
    },
    kapi::{
        cgroup::group::HeldCgroup,
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
            tcp_outside::{
                Fin,
                HeldTcp,
                Queue,
                Wire, //
            }, //
        },
        time::wait, //
    },
    net::{
        address::Address,
        mptcp,
        tcp::{
            self,
            Sock, //
        },
        tcp_build::{
            self,
            Part, //
        },
        tcp_hints,
        tcp_keys,
        tcp_unseen, //
    }, //
};

/// Connections that are held.
pub(super) struct Holds {
    /// They are to be: the tasks will be killed.
    pub(super) wanted: bool,
    held: KVVec<Held>,
    /// Sockets that listen.
    listening: KVVec<Held>,
}

/// One of them.
struct Held {
    sk: SockRef,
    hold: HeldTcp,
    /// What of it is in the image.
    read: Option<(Tcp, Wire)>,
}

impl Holds {
    /// Returns none yet.
    pub(super) fn new() -> Self {
        Self {
            wanted: false,
            held: KVVec::new(),
            listening: KVVec::new(),
        }
    }
}

/// Holds all connections to the outside, if the tasks are to be killed. Returns when nothing is taken in
/// any more.
///
/// An older checkpoint that has left `cgroup` frozen may hold them: then it does not count any more, as
/// they go on before this one holds them.
pub(crate) fn hold(cap: &mut Capture, cgroup: Option<&HeldCgroup>) -> Result {
    if !cap.found.net.holds.wanted {
        return Ok(());
    }
    let mut held: KVVec<Held> = KVVec::new();
    let mut older = 0;
    let listening = hold_listening(cap, cgroup, &mut older)?;
    for (_, sock) in cap.objects.all::<Sock>() {
        wait::go_on()?;
        let tcp = sock.sk.tcp_now()?;
        if tcp.state != State::Connected || tcp::is_kept(cap, &sock.sk, &tcp)? {
            continue;
        }
        // One that is connected to itself is its own outside, and is not kept.
        if matches!(sock.sk.tcp_peer(), Peer::Open(peer) if peer.addr() == sock.addr()) {
            continue;
        }
        if hold_one(&mut held, &sock.sk, cgroup, &mut older)? {
            sock.held.store(held.len(), Relaxed);
        }
    }
    let (unseen, mut lost) = tcp_unseen::candidates(cap)?;
    for candidate in unseen {
        wait::go_on()?;
        let is_held = hold_one(&mut held, &candidate.sk, cgroup, &mut older)?;
        let place = is_held.then_some(held.len());
        tcp_unseen::note(cap, &mut lost, candidate, place)?;
    }
    if !held.is_empty() {
        HeldTcp::settle();
    }
    cap.found.net.holds.held = held;
    cap.found.net.holds.listening = listening;
    tcp_unseen::tell(cap, &lost)?;
    if older != 0 {
        cap.report.line(fmt!(
            "note: checkpoint {} has left the cgroup frozen, and does not count any more: its tasks can't \
             be killed for it",
            older
        ));
    }
    Ok(())
}

/// Holds all sockets that listen: who connects now is answered by nobody, until the tasks run again, or
/// the sockets are gone. Returns when nobody comes in any more: those who wait by then are all.
fn hold_listening(
    cap: &mut Capture,
    cgroup: Option<&HeldCgroup>,
    older: &mut u64,
) -> Result<KVVec<Held>> {
    let mut listening: KVVec<Held> = KVVec::new();
    let mut all = mptcp::listening(cap)?;
    for (_, sock) in cap.objects.all::<Sock>() {
        wait::go_on()?;
        if sock.sk.tcp_now()?.state == State::Listening {
            all.push(sock.sk.clone(), GFP_KERNEL_ACCOUNT)?;
        }
    }
    for sk in &all {
        wait::go_on()?;
        hold_one(&mut listening, sk, cgroup, older)?;
    }
    if !listening.is_empty() {
        HeldTcp::settle();
    }
    if listening.len() != all.len() {
        cap.report.line(fmt!(
            "note: sockets that listen, and that can't be held (CAP_NET_ADMIN over their network \
             namespace): {}: who connects to one now may be reset",
            all.len() - listening.len()
        ));
    }
    Ok(listening)
}

/// Holds `sk` as the last of `held`. False: it can't be kept, and ends as always. The log has told why,
/// or does when it is saved.
fn hold_one(
    held: &mut KVVec<Held>,
    sk: &SockRef,
    cgroup: Option<&HeldCgroup>,
    older: &mut u64,
) -> Result<bool> {
    held.reserve(1, GFP_KERNEL_ACCOUNT)?;
    let hold = match (HeldTcp::new(sk), cgroup) {
        (Err(EBUSY), Some(cgroup)) if cgroup.left_by() != 0 => {
            *older = cgroup.left_by();
            cgroup.forget_checkpoint();
            end_left(*older, false);
            HeldTcp::new(sk)
        }
        (hold, _) => hold,
    };
    let hold = match hold {
        Ok(hold) => hold,
        Err(EPERM | ENOTCONN | EBUSY) => return Ok(false),
        Err(e) => return Err(e),
    };
    let held_sk = Held {
        sk: sk.clone(),
        hold,
        read: None,
    };
    held.push(held_sk, GFP_KERNEL_ACCOUNT)?;
    Ok(true)
}

/// Returns whether the connection of `sock` may go on after a restart: that can't be if the tasks are to
/// be killed, and it is not held.
pub(super) fn may_keep(cap: &Capture, sock: &Sock) -> bool {
    !cap.found.net.holds.wanted || sock.held.load(Relaxed) != 0
}

/// Notes what goes into the image of the connection that is at the place `held` of those that are held; 0:
/// it is not.
pub(super) fn is_read(cap: &mut Capture, held: usize, tcp: &Tcp, wire: &Wire) {
    let at = held.checked_sub(1);
    if let Some(held) = at.and_then(|at| cap.found.net.holds.held.get_mut(at)) {
        held.read = Some((*tcp, *wire));
    }
}

/// Fails unless all connections that are held are as they are in the image: EAGAIN. A task outside that
/// has such a socket, too, may have used it.
pub(crate) fn check(cap: &mut Capture) -> Result {
    let Capture { found, report, .. } = cap;
    for held in &found.net.holds.held {
        wait::check_killed()?;
        let Some((tcp, wire)) = &held.read else {
            continue;
        };
        if !held.sk.is_tcp_still(tcp, wire)? {
            let family = held.sk.basics().family;
            report.line(fmt!(
                "error: the TCP connection of {} with {} has changed since it was saved: somebody else \
                 has it, too, or has ended it: try again [{}]",
                Address(tcp.addr, family, tcp.port),
                Address(tcp.peer_addr, family, tcp.peer_port),
                Errno(EAGAIN)
            ));
            return Err(EAGAIN);
        }
    }
    Ok(())
}

/// Fails unless all connections that checkpoint `id` has left held are as they are in its image: EBUSY.
/// May sleep; EINTR: the caller was killed.
pub(crate) fn check_left(cap: &mut Capture, id: u64) -> Result {
    let Some((tcp, family)) = HeldTcp::changed_since(id)? else {
        return Ok(());
    };
    cap.report.line(fmt!(
        "error: the TCP connection of {} with {} has changed since checkpoint {}: somebody else has it, \
         too, or has ended it: save the tasks again [{}]",
        Address(tcp.addr, family, tcp.port),
        Address(tcp.peer_addr, family, tcp.peer_port),
        id,
        Errno(EBUSY)
    ));
    Err(EBUSY)
}

/// Lets what is in the image of connections end without a segment: the tasks are about to be
/// killed.
pub(super) fn bury(cap: &mut Capture) {
    for held in core::mem::replace(&mut cap.found.net.holds.held, KVVec::new()) {
        if held.read.is_some() {
            held.hold.bury();
        }
    }
    for listening in core::mem::replace(&mut cap.found.net.holds.listening, KVVec::new()) {
        listening.hold.bury();
    }
}

/// Lets the connections of tasks that run on do so, too. May sleep.
pub(crate) fn let_go(cap: &mut Capture) {
    let holds = &mut cap.found.net.holds;
    for all in [&mut holds.held, &mut holds.listening] {
        drop(core::mem::replace(all, KVVec::new()));
    }
}

/// Keeps the connections of tasks that are left frozen, to be killed later, held for as long, for
/// checkpoint `id`.
pub(crate) fn leave(cap: &mut Capture, id: u64) {
    for held in core::mem::replace(&mut cap.found.net.holds.held, KVVec::new()) {
        if let Some((tcp, wire)) = &held.read {
            held.hold.leave(id, tcp, wire);
        }
    }
    for listening in core::mem::replace(&mut cap.found.net.holds.listening, KVVec::new()) {
        listening.hold.leave_listening(id);
    }
}

/// Ends the holds that checkpoint `id` has left; `bury`: the tasks are about to be killed. May sleep.
pub(crate) fn end_left(id: u64, bury: bool) {
    HeldTcp::end_left(id, bury);
}

/// Puts what a connection has agreed upon into its record; `killed`: it is held, and its tasks are
/// killed.
pub(super) fn note(record: &mut TcpSocket, wire: &Wire, killed: bool) {
    let mut flags = 0;
    for (is, flag) in [
        (killed, OUTSIDE_KILLED),
        (wire.has_sack, OUTSIDE_SACK),
        (wire.has_scales, OUTSIDE_SCALES),
        (wire.has_stamps, OUTSIDE_STAMPS),
        (wire.is_usec, OUTSIDE_STAMPS_US),
        (wire.has_ecn, OUTSIDE_ECN),
        (wire.fin == Fin::Sent, OUTSIDE_FIN_SENT),
        (wire.fin == Fin::Acked, OUTSIDE_FIN_ACKED),
        (wire.closing, OUTSIDE_CLOSING),
    ] {
        if is {
            flags |= flag;
        }
    }
    let [send_most, receive_most] = [wire.send_scale, wire.receive_scale]
        .map(|scale| WINDOW_MAX << u32::from(scale).min(SCALE_MAX));
    let send = wire.send_window.min(send_most);
    let receive = wire.receive_window.min(receive_most);
    record.outside.set(flags);
    record.send_first.set(wire.send_first);
    record.receive_next.set(wire.receive_next);
    record.in_flight.set(wire.in_flight);
    record.send_window.set(send);
    record
        .send_window_max
        .set(wire.send_window_max.clamp(send, send_most));
    record.receive_window.set(receive);
    record
        .receive_window_max
        .set(wire.receive_window_max.clamp(receive, receive_most));
    record.stamp.set(wire.stamp);
    record.stamp_recent.set(wire.stamp_recent);
    record.segment.set(u32::from(wire.mss.max(1)));
    record
        .send_scale
        .set(u32::from(wire.send_scale).min(SCALE_MAX));
    record
        .receive_scale
        .set(u32::from(wire.receive_scale).min(SCALE_MAX));
}

/// Returns what the connection of `record` had agreed upon.
fn wire(record: &TcpSocket) -> Result<Wire> {
    let has = |flag| record.outside.get() & flag != 0;
    Ok(Wire {
        send_first: record.send_first.get(),
        receive_next: record.receive_next.get(),
        in_flight: record.in_flight.get(),
        send_window: record.send_window.get(),
        send_window_max: record.send_window_max.get(),
        receive_window: record.receive_window.get(),
        receive_window_max: record.receive_window_max.get(),
        stamp: record.stamp.get(),
        stamp_recent: record.stamp_recent.get(),
        mss: u16::try_from(record.segment.get())?,
        send_scale: u8::try_from(record.send_scale.get())?,
        receive_scale: u8::try_from(record.receive_scale.get())?,
        has_scales: has(OUTSIDE_SCALES),
        has_sack: has(OUTSIDE_SACK),
        has_stamps: has(OUTSIDE_STAMPS),
        is_usec: has(OUTSIDE_STAMPS_US),
        has_ecn: has(OUTSIDE_ECN),
        fin: match record.flags.get() & TCP_SHUT_WRITE {
            0 => Fin::None,
            _ if has(OUTSIDE_FIN_ACKED) => Fin::Acked,
            _ if has(OUTSIDE_FIN_SENT) => Fin::Sent,
            _ => Fin::Queued,
        },
        closing: has(OUTSIDE_CLOSING),
    })
}

/// Makes a socket the other end of whose connection is outside, as the caller wants it.
pub(super) fn link(r: &Restore, part: &Part<'_>) -> Result {
    let tcp = part.tcp()?;
    let wire = wire(&part.record)?;
    let killed = part.record.outside.get() & OUTSIDE_KILLED != 0;
    let family = i32::try_from(part.record.family.get())?;
    let addr = Address(tcp.addr, family, tcp.port);
    let peer = Address(tcp.peer_addr, family, tcp.peer_port);
    let keep = match r.policy.connections {
        Connections::Keep => true,
        Connections::KeepKilled if killed => true,
        Connections::KeepKilled => {
            return Err(r.told(
                EBUSY,
                fmt!(
                    "the TCP connection of {} with {} can't be kept: its tasks were not killed when it \
                     was saved, and what they have sent since would be sent again as something else: \
                     have connections reset or closed (--tcp reset, --tcp close)",
                    addr,
                    peer
                ),
            ));
        }
        Connections::Reset | Connections::Close => false,
    };
    let closed = matches!(r.policy.connections, Connections::Close);
    if keep {
        rejoin(r, part, &tcp, &wire).inspect_err(|&e| {
            r.told(
                e,
                fmt!("the TCP connection of {} with {} can't be kept", addr, peer),
            );
        })?;
    } else {
        let over = Tcp {
            // As tcp_reset() has it.
            error: match (closed, tcp.done && !tcp.shut_write) {
                (true, _) => 0,
                (false, true) => EPIPE.to_errno().unsigned_abs(),
                (false, false) => ECONNRESET.to_errno().unsigned_abs(),
            },
            done: tcp.done || closed,
            shut_read: true,
            shut_write: true,
            ..tcp
        };
        // What no file shows is there no more.
        if part.is_seen(r)? {
            tcp_build::end_as(r, part, &over)?;
        }
        if killed {
            stand_in(r, part, family, &tcp, &wire)?;
        }
    }
    let what = match (keep, part.is_seen(r)?, closed) {
        (true, _, _) => "goes on",
        (false, false, _) => "is over: no task has it",
        (false, true, true) => "comes back closed",
        (false, true, false) => "comes back as after a reset",
    };
    r.with_report(|report| {
        report.line(fmt!(
            "the TCP connection of {} with {} {}",
            addr,
            peer,
            what
        ))
    });
    Ok(())
}

/// Lets the connection go on with the other end, without a segment until the tasks run.
fn rejoin(r: &Restore, part: &Part<'_>, tcp: &Tcp, wire: &Wire) -> Result {
    let end = part.end(r)?;
    let reuse = end.reuses()?;
    let room = end.sk.tcp_room(Some(&end.sk)).saturating_mul(2);
    if u64::from(tcp.received) > room
        || u64::from(tcp.sent) > room.saturating_add(tcp_build::BEYOND)
    {
        return Err(r.told(
            ENOBUFS,
            fmt!("more is in the queues of a connection than its buffers hold"),
        ));
    }
    hold_end(r, &end.sk, Then::Stays).map_err(|e| {
        r.told(
            e,
            fmt!(
                "a TCP connection can't be made: {}",
                tcp_build::address_error(e)
            ),
        )
    })?;
    tcp_hints::begin(r, part, &end.sk, wire)?;
    let received = part.received_bytes()?;
    end.sk
        .rejoin_tcp(tcp, wire, &received, reuse)
        .map_err(|e| match e {
            ENOMEM => r.told(
                e,
                fmt!("there is no memory for what a TCP connection has received"),
            ),
            _ => r.told(
                e,
                fmt!(
                    "a TCP connection can't be made: its address: {}",
                    tcp_build::address_error(e)
                ),
            ),
        })?;
    if let Some(ao) = &part.keys.ao {
        end.sk.agree_tcp_ao(ao).map_err(|e| {
            r.told(
                e,
                fmt!("a TCP connection can't be made: what TCP-AO signs with can't be set"),
            )
        })?;
    }
    if let Some(mark) = tcp.urgent.checked_sub(1) {
        end.sk.set_tcp_urgent(mark, tcp.urgent_read)?;
    }
    if tcp.urgent_sent != 0 {
        end.sk.set_tcp_urgent_next(tcp.urgent_sent)?;
    }
    let mut sent: KVVec<&[u8]> = KVVec::new();
    let mut unsent: KVVec<&[u8]> = KVVec::new();
    let mut left = wire.in_flight as usize;
    for &some in &part.sent {
        let (before, after) = some.split_at_checked(left).unwrap_or((some, &[]));
        left = left.saturating_sub(before.len());
        sent.push(before, GFP_KERNEL_ACCOUNT)?;
        unsent.push(after, GFP_KERNEL_ACCOUNT)?;
    }
    end.sk.set_tcp_queue(Queue::Sent)?;
    tcp_build::send(r, &end.sk, None, &sent)?;
    shut(r, &end.sk, wire, Fin::Sent)?;
    end.sk.set_tcp_queue(Queue::Unsent)?;
    let queued = tcp_build::send(r, &end.sk, None, &unsent)
        .and_then(|()| shut(r, &end.sk, wire, Fin::Queued));
    // Also if that has failed: one that no file shows is closed now, and tells nobody.
    let closed = end.sk.set_tcp_queue(Queue::Closed);
    queued.and(closed)?;
    tcp_hints::set(r, part, &end.sk)?;
    if tcp.shut_read && !tcp.done {
        end.sk.shut_tcp(true, false);
    }
    end.sk.set_tcp_connecting(tcp.connecting)?;
    end.finish(r, part)
}

/// Shuts `sk` down for writing, if what became of that is `fin`.
fn shut(r: &Restore, sk: &SockRef, wire: &Wire, fin: Fin) -> Result {
    if wire.fin != fin {
        return Ok(());
    }
    sk.finish_tcp(wire.closing).map_err(|e| {
        r.told(
            e,
            fmt!("there is no memory for the end of a TCP connection"),
        )
    })
}

/// Holds a socket until the restart has succeeded, or failed; what becomes of it then.
fn hold_end(r: &Restore, sk: &SockRef, then: Then) -> Result {
    let hold = HeldTcp::new(sk)?;
    r.hold_connection(HeldEnd { hold, then })
}

/// Makes a socket in `net` that tells the other end of a connection that it is over, when the restart has
/// succeeded.
/// That takes the right that keeping it would take: without that, the other end is told when it sends.
fn stand_in(r: &Restore, part: &Part<'_>, family: i32, tcp: &Tcp, wire: &Wire) -> Result {
    let (closing, sk) = Closing::make(&part.net(r)?, family, SOCKET_STREAM.cast_signed())
        .map_err(|e| r.told(e, fmt!("a socket can't be made")))?;
    // The other end believes what is signed only.
    tcp_keys::set(r, &sk, &part.keys)?;
    match hold_end(r, &sk, Then::Resets(closing)) {
        Ok(()) => (),
        Err(EPERM) => return Ok(()),
        Err(e) => return Err(e),
    }
    // The address may be none of this machine any more, say.
    let _ = sk.stand_in_tcp(tcp, wire, part.keys.ao.as_ref());
    Ok(())
}
