// SPDX-License-Identifier: GPL-2.0

//! Addresses of sockets that are others at a restart, as its caller says.
//!
//! An address is one of the tasks if a socket of the image has it: then it is rewritten wherever it stands.
//! Others are those of who is outside, and stay what they are unless the caller says otherwise.

use core::net::{
    Ipv4Addr,
    Ipv6Addr, //
};

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    core::{
        addresses::Addresses,
        restore::Restore, //
    },
    image::{
        net::{
            inet::InetSocket,
            mptcp::MptcpSocket,
            tcp::TcpSocket,
            Socket,
            FAMILY_INET, //
        },
        Kind,
        ObjRef, //
    },
    kapi::time::wait, //
};

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

/// Returns the address family of another socket than one of TCP, by its reference.
fn family_of(r: &Restore, socket: u32) -> Result<u32> {
    let obj = ObjRef::new(socket).ok_or(EINVAL)?;
    let (socket, _) = r.object_body::<Socket>(obj)?;
    Ok(socket.family.get())
}

/// The addresses that sockets of the image have, in order.
pub(super) struct Own(KVVec<[u8; 16]>);

impl Own {
    /// Reads them, if any is another one now.
    pub(super) fn of(r: &Restore) -> Result<Self> {
        let mut all = KVVec::new();
        if r.policy.addresses.is_empty() {
            return Ok(Self(all));
        }
        for raw in r.links() {
            wait::go_on()?;
            let raw = raw.map_err(|f| r.fault(f))?;
            let (family, addr) = match raw.kind {
                Kind::TcpSocket => {
                    let tcp: TcpSocket = raw.body().map_err(|f| r.fault(f))?;
                    (tcp.family.get(), tcp.address)
                }
                Kind::InetSocket => {
                    let inet: InetSocket = raw.body().map_err(|f| r.fault(f))?;
                    (family_of(r, inet.socket.get())?, inet.addr)
                }
                Kind::MptcpSocket => {
                    let mptcp: MptcpSocket = raw.body().map_err(|f| r.fault(f))?;
                    (family_of(r, mptcp.socket.get())?, mptcp.address)
                }
                _ => continue,
            };
            let addr = Addresses::mapped(family == FAMILY_INET, &addr);
            all.push(addr, GFP_KERNEL_ACCOUNT)?;
        }
        all.sort_unstable();
        Ok(Self(all))
    }

    /// Rewrites `addr`, an address with a port of the family given, which the tasks have, or who is
    /// outside (`peer`).
    fn rewrite(
        &self,
        r: &Restore,
        family: u32,
        addr: &mut [u8; 16],
        port: u32,
        peer: bool,
    ) -> Result {
        if r.policy.addresses.is_empty() {
            return Ok(());
        }
        let is_v4 = family == FAMILY_INET;
        let known = Addresses::mapped(is_v4, addr);
        let peer = peer && self.0.binary_search(&known).is_err();
        *addr = r.policy.addresses.now(is_v4, addr, peer).map_err(|e| {
            if e != EADDRNOTAVAIL {
                return e;
            }
            let family = family.cast_signed();
            let shown = Address(*addr, family, u16::try_from(port).unwrap_or(0));
            r.told(
                e,
                fmt!("the address {} would be one that no socket has", shown),
            )
        })?;
        Ok(())
    }

    /// Rewrites those of a TCP socket; `inside`: the other end is in the image.
    pub(super) fn rewrite_tcp(&self, r: &Restore, tcp: &mut TcpSocket, inside: bool) -> Result {
        let family = tcp.family.get();
        self.rewrite(r, family, &mut tcp.address, tcp.port.get(), false)?;
        let port = tcp.peer_port.get();
        self.rewrite(r, family, &mut tcp.peer_address, port, !inside)
    }

    /// Rewrites one of the family given, with a port, that a socket has.
    pub(super) fn rewrite_own(
        &self,
        r: &Restore,
        family: u32,
        addr: &mut [u8; 16],
        port: u32,
    ) -> Result {
        self.rewrite(r, family, addr, port, false)
    }

    /// Rewrites one of the family given that another end has, or may have.
    pub(super) fn rewrite_peer(&self, r: &Restore, family: u32, addr: &mut [u8; 16]) -> Result {
        self.rewrite(r, family, addr, 0, true)
    }

    /// Rewrites those of a datagram that a socket has begun: where it goes to, and where it comes from.
    pub(super) fn rewrite_datagram(
        &self,
        r: &Restore,
        family: u32,
        [to, from]: [&mut [u8; 16]; 2],
    ) -> Result {
        self.rewrite(r, family, to, 0, true)?;
        self.rewrite(r, family, from, 0, false)
    }

    /// Rewrites those of another socket.
    pub(super) fn rewrite_inet(&self, r: &Restore, inet: &mut InetSocket) -> Result {
        let family = family_of(r, inet.socket.get())?;
        self.rewrite(r, family, &mut inet.addr, inet.port.get(), false)?;
        let port = inet.peer_port.get();
        self.rewrite(r, family, &mut inet.peer, port, true)
    }
}
