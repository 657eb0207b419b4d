// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: the records of one end of a connection.

use kernel::prelude::*;
use zerocopy::FromZeros;

use crate::{
    core::objects::Shared,
    found::Capture,
    image::{
        net::{
            tcp::{
                TcpData,
                TcpSocket,
                CONGESTION_MAX,
                DATA_MAX,
                ERROR_MAX,
                TCP_BOUND,
                TCP_CONNECTING,
                TCP_DONE,
                TCP_LISTENING,
                TCP_LOCK_ADDRESS,
                TCP_LOCK_PORT,
                TCP_OF_CALLER,
                TCP_OVER,
                TCP_SHUT_READ,
                TCP_SHUT_WRITE,
                TCP_TOLD,
                TCP_URGENT_READ,
                TCP_V6ONLY, //
            },
            FAMILY_INET, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        net::{
            namespace::NetNs,
            socket::SockRef,
            tcp::Tcp,
            tcp_hints::Hints,
            tcp_keys::Keys,
            tcp_outside::Wire, //
        },
        time::wait, //
    },
    net::{
        tcp::Sock,
        tcp_hints,
        tcp_keys,
        tcp_outside, //
    },
    ns, //
};

/// Who one end of a connection is.
pub(super) struct End {
    /// Its socket; `None`: it was closed.
    pub(super) obj: Option<ObjRef>,
    /// The one that listens, at which it waits, if no file shows it.
    pub(super) listener: Option<ObjRef>,
    pub(super) state: u32,
    pub(super) family: u32,
    /// Address of its network namespace, if no file shows it.
    pub(super) net: Option<usize>,
    /// What signs its segments.
    pub(super) keys: Keys,
}

impl End {
    /// Returns that of a socket of the tasks, which is about to be written.
    pub(super) fn of(cap: &Capture, sock: &Sock, state: u32) -> Result<Self> {
        sock.set_written();
        Ok(Self {
            obj: Some(cap.objects.reference::<Sock>(sock.addr())?),
            listener: None,
            state,
            family: sock.sk.basics().family.cast_unsigned(),
            net: None,
            keys: sock.sk.tcp_keys()?,
        })
    }

    /// Returns one that was closed, of the family and the network namespace of `of`: of itself, or
    /// of the other end. It had `keys`.
    pub(super) fn closed(of: &SockRef, state: u32, keys: Keys) -> Self {
        Self {
            obj: None,
            listener: None,
            state,
            family: of.basics().family.cast_unsigned(),
            net: Some(of.net_addr()),
            keys,
        }
    }

    /// Returns the reference of its network namespace, and what stands in its flags of that.
    fn place(&self, cap: &Capture) -> Result<(u32, u32)> {
        match self.net {
            Some(addr) if !ns::net::is_of_root(cap, addr) => {
                match ns::net::reference_at(cap, addr) {
                    Some(obj) => Ok((obj.get(), 0)),
                    None if addr == NetNs::of_current().addr() => Ok((0, TCP_OF_CALLER)),
                    None => Err(ENOENT),
                }
            }
            _ => Ok((0, 0)),
        }
    }

    /// Writes it.
    pub(super) fn put(
        &self,
        cap: &mut Capture,
        tcp: &Tcp,
        received: &[u8],
        sent: &[&[u8]],
    ) -> Result {
        self.put_with(cap, tcp, None, received, sent)
    }

    /// Does the same for one that has agreed upon `wire` with the other end, and knows `hints` of the
    /// way there.
    pub(super) fn put_with(
        &self,
        cap: &mut Capture,
        tcp: &Tcp,
        outside: Option<(&Wire, &Hints)>,
        received: &[u8],
        sent: &[&[u8]],
    ) -> Result {
        let (net, mut flags) = self.place(cap)?;
        for (is, flag) in [
            (tcp.shut_read, TCP_SHUT_READ),
            (tcp.shut_write, TCP_SHUT_WRITE),
            (tcp.done, TCP_DONE),
            (tcp.bound_addr, TCP_LOCK_ADDRESS),
            (tcp.bound_port, TCP_LOCK_PORT),
            (tcp.has_port, TCP_BOUND),
            (tcp.urgent_read, TCP_URGENT_READ),
            (tcp.connecting, TCP_CONNECTING),
            (tcp.was_connected, TCP_TOLD),
            (tcp.v6only, TCP_V6ONLY),
        ] {
            if is {
                flags |= flag;
            }
        }
        let sent_len: usize = sent.iter().map(|part| part.len()).sum();
        let is_ipv4 = self.family == FAMILY_INET;
        let mut record = TcpSocket {
            socket: ref_number(self.obj).into(),
            state: self.state.into(),
            flags: flags.into(),
            family: self.family.into(),
            backlog: match self.state {
                TCP_LISTENING => tcp.backlog.min(i32::MAX as u32),
                _ => 0,
            }
            .into(),
            error: match self.state {
                TCP_OVER => tcp.error.min(ERROR_MAX),
                _ => 0,
            }
            .into(),
            // One that was closed is only to send what it has left.
            mss: match self.obj {
                Some(_) => tcp.user_mss,
                None => 0,
            }
            .into(),
            port: u32::from(tcp.port).into(),
            peer_port: u32::from(tcp.peer_port).into(),
            received: u32::try_from(received.len())?.into(),
            sent: u32::try_from(sent_len)?.into(),
            urgent: tcp.urgent.into(),
            urgent_sent: tcp.urgent_sent.into(),
            listener: ref_number(self.listener).into(),
            address: only(tcp.addr, is_ipv4),
            peer_address: only(tcp.peer_addr, is_ipv4),
            net: net.into(),
            ..TcpSocket::new_zeroed()
        };
        if let Some((wire, _)) = outside {
            tcp_outside::note(&mut record, wire, cap.found.net.holds.wanted);
        }
        let end = tcp.congestion.iter().position(|&c| c == 0);
        let name = tcp
            .congestion
            .get(..end.unwrap_or(0).min(CONGESTION_MAX))
            .unwrap_or(&[]);
        cap.meta.put(&record, name)?;
        if let Some((_, hints)) = outside {
            tcp_hints::put(cap, hints)?;
        }
        tcp_keys::put(cap, &self.keys, outside.is_some())?;
        put_data(cap, received, 0)?;
        for part in sent {
            put_data(cap, part, 1)?;
        }
        Ok(())
    }
}

/// Returns the bytes of an address that count.
fn only(addr: [u8; 16], is_ipv4: bool) -> [u8; 16] {
    let [a, b, c, d, ..] = addr;
    if is_ipv4 {
        [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    } else {
        addr
    }
}

/// Writes bytes of a queue.
fn put_data(cap: &mut Capture, bytes: &[u8], sent: u32) -> Result {
    for some in bytes.chunks(DATA_MAX) {
        wait::go_on()?;
        let record = TcpData {
            len: u32::try_from(some.len())?.into(),
            sent: sent.into(),
        };
        cap.meta.put(&record, some)?;
    }
    Ok(())
}
