// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: what is written of them, and of the other ends of their connections.

use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

use crate::{
    core::objects::Shared,
    found::Capture,
    image::net::tcp::{
        TCP_CONNECTED,
        TCP_LISTENING,
        TCP_NEW,
        TCP_OUTSIDE,
        TCP_OVER,
        TCP_STARTED, //
    },
    kapi::{
        net::tcp::{
            Peer,
            Read,
            State,
            Tcp, //
        },
        time::wait, //
    },
    net::{
        tcp::{
            found,
            peer_of,
            tell_details,
            tell_lost,
            Sock, //
        },
        tcp_end::End,
        tcp_keys,
        tcp_outside,
        tcp_unseen, //
    }, //
};

/// How often connections are looked at again that change meanwhile, a millisecond apart: all together.
const LOOKS: usize = 64;

/// Writes what all sockets are.
pub(super) fn save_links(cap: &mut Capture) -> Result {
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
    let mut looks = LOOKS;
    for sock in &all {
        wait::go_on()?;
        if !sock.written.load(Relaxed) {
            save_one(cap, sock, &mut looks)?;
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

/// Writes the connections that wait at `listener`: each connects anew, and sends all again.
fn save_waiting(cap: &mut Capture, listener: &Sock) -> Result {
    let (mut kept, mut lost) = (0usize, 0usize);
    for child in listener.sk.tcp_waiting()? {
        wait::go_on()?;
        match peer_of(&child)? {
            Peer::Open(client) if found(cap, &client).is_some() => {
                let sock = found(cap, &client).ok_or(ENOENT)?;
                let read = match client.tcp(Some(&child)) {
                    Err(EBUSY) => {
                        sock.refuse_busy(cap);
                        continue;
                    }
                    read => read?,
                };
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
///
/// An end that nobody has goes on by itself: what changes while we look is looked at again, as long as
/// there are `looks`.
fn save_one(cap: &mut Capture, sock: &Sock, looks: &mut usize) -> Result {
    loop {
        let read = match sock.sk.tcp(None) {
            // No image is made.
            Err(EBUSY) => {
                sock.refuse_busy(cap);
                return Ok(());
            }
            read => read?,
        };
        let tcp = read.this;
        match tcp.state {
            // Its connections that wait have come before.
            State::Listening => return Ok(()),
            State::New => return End::of(cap, sock, TCP_NEW)?.put(cap, &tcp, &[], &[]),
            State::Started => return End::of(cap, sock, TCP_STARTED)?.put(cap, &tcp, &[], &[]),
            State::Over => {
                return End::of(cap, sock, TCP_OVER)?.put(cap, &tcp, read.received(), &[])
            }
            State::Connected if save_connected(cap, sock, &read)? => return Ok(()),
            State::Connected if *looks == 0 => {
                sock.tell_unsettled(cap);
                return save_reset(cap, sock, &read);
            }
            State::Connected => (),
        }
        *looks -= 1;
        wait::check_killed()?;
        wait::pause_ms(1);
    }
}

/// Writes a socket that is connected, and the other end. False: nothing was written, as the connection
/// is not what it was any more.
fn save_connected(cap: &mut Capture, sock: &Sock, read: &Read) -> Result<bool> {
    let tcp = read.this;
    let (peer, other) = match peer_of(&sock.sk)? {
        Peer::Open(peer) if peer.addr() == sock.addr() => {
            save_reset(cap, sock, read)?;
            return Ok(true);
        }
        Peer::Open(peer) => match found(cap, &peer) {
            // Its address is none of this machine any more, say: it did not find this one.
            Some(other) if other.written.load(Relaxed) => {
                save_reset(cap, sock, read)?;
                return Ok(true);
            }
            Some(other) => (peer, Some(other)),
            None => {
                save_outside(cap, sock, read)?;
                return Ok(true);
            }
        },
        Peer::Closed(peer) => (peer, None),
        Peer::Gone if tcp.done => {
            End::of(cap, sock, TCP_CONNECTED)?.put(cap, &tcp, read.received(), &[read.sent()])?;
            let family = sock.sk.basics().family.cast_unsigned();
            let keys = tcp_keys::of_other_end(&sock.sk.tcp_keys()?, &tcp, family)?;
            let end = End::closed(&sock.sk, TCP_CONNECTED, keys);
            end.put(cap, &other_end(&tcp), &[], &[])?;
            return Ok(true);
        }
        Peer::Request(at) if found(cap, &at).is_some() => {
            let end = End::of(cap, sock, TCP_STARTED)?;
            end.put(cap, &tcp, &[], &[read.sent()])?;
            return Ok(true);
        }
        Peer::Waiting => {
            // At a socket of others.
            save_reset(cap, sock, read)?;
            return Ok(true);
        }
        peer => {
            let now = sock.sk.tcp_now()?;
            // What it has sent last, its end or a reset, came after we had read this one.
            if matches!(peer, Peer::Gone) && (now.done || now.state != State::Connected) {
                return Ok(false);
            }
            save_outside(cap, sock, read)?;
            return Ok(true);
        }
    };
    let both = match sock.sk.tcp(Some(&peer)) {
        Err(ESTALE) => return Ok(false),
        Err(EBUSY) => {
            sock.refuse_busy(cap);
            return Ok(true);
        }
        both => both?,
    };
    let (this, that) = (both.this, both.peer.ok_or(EINVAL)?);
    if this.state != State::Connected || that.state != State::Connected {
        return Ok(false);
    }
    End::of(cap, sock, TCP_CONNECTED)?.put(cap, &this, both.received(), &[both.sent()])?;
    let [received, sent] = both.of_peer();
    match other {
        Some(other) => {
            for sk in [&sock.sk, &other.sk] {
                cap.found.net.joined.push(sk.clone(), GFP_KERNEL_ACCOUNT)?;
            }
            let end = End::of(cap, &other, TCP_CONNECTED)?;
            end.put(cap, &that, received, &[sent])?;
        }
        None => {
            let end = End::closed(&peer, TCP_CONNECTED, peer.tcp_keys()?);
            let that = Tcp {
                shut_read: true,
                shut_write: true,
                urgent: 0,
                ..that
            };
            end.put(cap, &that, &[], &[sent])?;
        }
    }
    Ok(true)
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
        Ok(wire) if tcp_outside::may_keep(cap, sock) => {
            tell_lost(cap, sock)?;
            wire
        }
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
    tell_lost(cap, sock)?;
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
