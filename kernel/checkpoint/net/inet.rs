// SPDX-License-Identifier: GPL-2.0

//! IPv4 and IPv6 sockets: what all of them have, and those without connections of their own, which are
//! UDP, ICMP and raw sockets.
//!
//! They get what was in their queues first, then their addresses, and then they are connected. So what
//! comes over the network from then on comes after what was there.

use core::net::{
    Ipv4Addr,
    Ipv6Addr, //
};

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    core::restore::Restore,
    files::Named,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::{
            inet::{
                InetSocket,
                ERROR_MAX,
                FLOW_ALL,
                ICMP6_FILTER_LEN,
                INET_BOUND,
                INET_CONNECTED,
                INET_LOCK_ALL,
                INET_NEW,
                INET_SHUT_ALL, //
            },
            Socket,
            FAMILY_INET,
            FAMILY_INET6,
            PROTOCOL_ICMP,
            PROTOCOL_ICMPV6,
            PROTOCOL_UDP,
            SOCKET_DGRAM,
            SOCKET_RAW, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            inet::{
                ipv6,
                level,
                raw,
                Inet, //
            },
            socket::SockRef, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        address::Own,
        errqueue,
        inet_options,
        inet_queue,
        members,
        options,
        socket::{
            self,
            Made, //
        },
        udp_cork,
        Family, //
    }, //
};

/// Sockets without connections of their own.
pub(super) const DATAGRAMS: Family = Family {
    is: is_datagram,
    options: TABLES,
    collect,
    object: socket::plain_object,
    sk: socket::plain_sk,
    note: socket::note_plain,
};

/// What these are, and what is in their queues.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "IPv4 and IPv6 sockets",
    save: save_links,
    link,
};

/// The options of all these: those that are of another protocol a socket does not have.
const TABLES: &[options::Table] = &[
    inet_options::IP,
    inet_options::IPV6,
    inet_options::RAW,
    inet_options::UDP,
];

/// Returns whether sockets with these numbers have no connections of their own.
pub(super) fn is_datagram([family, kind, protocol]: [i32; 3]) -> bool {
    let (family, kind) = (family.cast_unsigned(), kind.cast_unsigned());
    match (family, kind) {
        (FAMILY_INET, SOCKET_DGRAM) => {
            matches!(protocol.cast_unsigned(), PROTOCOL_UDP | PROTOCOL_ICMP)
        }
        (FAMILY_INET6, SOCKET_DGRAM) => {
            matches!(protocol.cast_unsigned(), PROTOCOL_UDP | PROTOCOL_ICMPV6)
        }
        (FAMILY_INET | FAMILY_INET6, SOCKET_RAW) => true,
        _ => false,
    }
}

/// Returns why a socket can't be saved, if that is so: for all of IPv4 and IPv6.
pub(super) fn refused(inet: &Inet) -> Option<&'static str> {
    if let Some(why) = inet.special.refused() {
        return Some(why);
    }
    (!(0..=ERROR_MAX.cast_signed()).contains(&inet.err))
        .then_some("has an impossible error to tell (SO_ERROR)")
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    if let Some(why) = refused(&sk.inet()?) {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if !members::collect(cap, t, named, &sk)?
        || !inet_queue::collect(cap, t, named, &sk)?
        || !errqueue::collect(cap, t, named, &sk)?
        || !udp_cork::collect(cap, t, named, &sk)?
    {
        return Ok(false);
    }
    socket::collect_plain(cap, t, named, &sk)?;
    Ok(true)
}

/// Returns what stands in the image of the socket `obj`; `connected`: it has a peer. `raw`: its port is
/// its protocol.
pub(super) fn record(obj: ObjRef, inet: &Inet, connected: bool, raw: bool) -> InetSocket {
    let bound = inet.addr != [0; 16] || inet.port != 0 && !raw;
    let state = match (connected, bound) {
        (true, _) => INET_CONNECTED,
        (false, true) => INET_BOUND,
        (false, false) => INET_NEW,
    };
    InetSocket {
        socket: obj.get().into(),
        state: state.into(),
        port: u32::from(inet.port).into(),
        peer_port: if connected { inet.peer_port.into() } else { 0 }.into(),
        device: inet.device.into(),
        flow: if connected { inet.flow & FLOW_ALL } else { 0 }.into(),
        locks: (inet.locks & INET_LOCK_ALL).into(),
        shutdown: (inet.shutdown & INET_SHUT_ALL).into(),
        error: inet.err.cast_unsigned().into(),
        stamp_key: inet.stamp_key.into(),
        zerocopy_key: inet.zerocopy_key.into(),
        v6only: u32::from(inet.v6only).into(),
        addr: inet.addr,
        peer: if connected { inet.peer } else { [0; 16] },
    }
}

/// Writes what all sockets are.
fn save_links(cap: &mut Capture) -> Result {
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        let numbers = socket::numbers(&plain.sk);
        if !is_datagram(numbers) {
            continue;
        }
        let inet = plain.sk.inet()?;
        let raw = numbers[1] == SOCKET_RAW.cast_signed();
        let record = record(obj, &inet, inet.connected, raw);
        let mut filter = [0; ICMP6_FILTER_LEN];
        let has_filter = plain
            .sk
            .option(level::ICMPV6, raw::ICMPV6_FILTER, &mut filter);
        udp_cork::save(cap, obj, &plain.sk)?;
        let payload: &[u8] = if has_filter.is_ok() { &filter } else { &[] };
        cap.meta.put(&record, payload)?;
        inet_queue::save(cap, obj, &plain.sk)?;
    }
    Ok(())
}

/// An address without a port, for messages.
pub(super) struct Address<'a> {
    /// In network order.
    pub(super) addr: &'a [u8; 16],
    /// It is one of IPv6.
    pub(super) v6: bool,
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.v6 {
            write!(f, "{}", Ipv6Addr::from(*self.addr))
        } else {
            let [a, b, c, d, ..] = *self.addr;
            write!(f, "{}", Ipv4Addr::new(a, b, c, d))
        }
    }
}

/// An address, for messages.
struct Shown<'a> {
    addr: &'a [u8; 16],
    v6: bool,
    port: u16,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (addr, v6) = (self.addr, self.v6);
        let (before, after) = if v6 { ("[", "]") } else { ("", "") };
        write!(f, "{before}")?;
        Address { addr, v6 }.fmt(f)?;
        write!(f, "{after}:{}", self.port)
    }
}

/// A socket that gets its address.
pub(super) struct Part {
    /// What stands in the image, for the kernel.
    pub(super) inet: Inet,
    /// It is one of IPv6.
    v6: bool,
    /// `INET_*`.
    pub(super) state: u32,
}

impl Part {
    /// Returns the one that `record` tells of.
    pub(super) fn of(r: &Restore, record: &InetSocket) -> Result<Self> {
        let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
        let (socket, _) = r.object_body::<Socket>(obj)?;
        Ok(Self {
            inet: Inet {
                addr: record.addr,
                peer: record.peer,
                port: u16::try_from(record.port.get())?,
                peer_port: u16::try_from(record.peer_port.get())?,
                device: record.device.get(),
                flow: record.flow.get(),
                locks: record.locks.get(),
                shutdown: record.shutdown.get(),
                err: i32::try_from(record.error.get())?,
                stamp_key: record.stamp_key.get(),
                zerocopy_key: record.zerocopy_key.get(),
                v6only: record.v6only.get() != 0,
                ..Inet::NONE
            },
            v6: socket.family.get() == FAMILY_INET6,
            state: record.state.get(),
        })
    }

    /// Sets what an address of the socket depends on, and binds it, if it was bound.
    pub(super) fn bind(&self, r: &Restore, made: &Made) -> Result {
        // Raw sockets can't have another one than new sockets, and it means nothing to them.
        let only = i32::from(self.inet.v6only);
        if self.v6 && made.sk.inet()?.v6only != self.inet.v6only {
            let set = made
                .file
                .set_socket_option(level::IPV6, ipv6::V6ONLY, &only.to_ne_bytes());
            if socket::numbers(&made.sk)[1] != SOCKET_RAW.cast_signed() {
                set.map_err(|e| r.told(e, fmt!("a socket: IPV6_V6ONLY can't be set")))?;
            }
        }
        if self.state == INET_NEW {
            return Ok(());
        }
        let bind = || made.file.bind_inet(&self.inet);
        made.opener.act(bind).map_err(|e| {
            let why = match e {
                EADDRINUSE => "another socket has it: end what has that, or restart elsewhere",
                EADDRNOTAVAIL => "this machine does not have it: give it the address first",
                EACCES | EPERM => "who has made it may not (CAP_NET_BIND_SERVICE)",
                ENODEV | EINVAL => "there is no such device: make it first",
                _ => "the kernel does not take it",
            };
            let shown = Shown {
                addr: &self.inet.addr,
                v6: self.v6,
                port: self.inet.port,
            };
            r.told(e, fmt!("a socket can't get its address {}: {}", shown, why))
        })
    }

    /// Connects it, if it was connected.
    fn connect(&self, r: &Restore, made: &Made) -> Result {
        if self.state != INET_CONNECTED {
            return Ok(());
        }
        let connect = || made.file.connect_inet(&self.inet);
        made.opener.act(connect).map_err(|e| {
            let why = match e {
                ENETUNREACH | EHOSTUNREACH => {
                    "there is no way to it: set addresses and routes first"
                }
                EADDRNOTAVAIL => "it is connected to another one: something rewrites addresses",
                ENODEV | EINVAL => "there is no such device, or it has another one",
                _ => "the kernel does not take it",
            };
            let shown = Shown {
                addr: &self.inet.peer,
                v6: self.v6,
                port: self.inet.peer_port,
            };
            r.told(e, fmt!("a socket can't be connected to {}: {}", shown, why))
        })
    }
}

/// Gives a socket its addresses, and what else it has; `cork`: what it has begun to send.
fn restore_link(r: &Restore, raw: &Raw<'_>, cork: Option<Raw<'_>>, own: &Own) -> Result {
    let mut record: InetSocket = raw.body().map_err(|f| r.fault(f))?;
    own.rewrite_inet(r, &mut record)?;
    let made = socket::made(r, record.socket.get())?;
    let part = Part::of(r, &record)?;
    if !raw.payload.is_empty() {
        made.file
            .set_socket_option(level::ICMPV6, raw::ICMPV6_FILTER, raw.payload)
            .map_err(|e| r.told(e, fmt!("a socket: ICMP6_FILTER can't be set")))?;
    }
    part.bind(r, &made)?;
    part.connect(r, &made)?;
    if let Some(cork) = cork {
        udp_cork::restore(r, &cork, &made, own)?;
    }
    made.sk.settle_inet(&part.inet)
}

/// Puts all sockets together: all files are there.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::InetMessage {
            wait::go_on()?;
            inet_queue::restore(r, &raw)
                .map_err(|e| r.unless_told(e, "a socket can't get what was in its queue"))?;
        }
    }
    let own = Own::of(r)?;
    let mut cork = None;
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            // Its socket follows.
            Kind::UdpCork => {
                cork = Some(raw);
                continue;
            }
            Kind::InetSocket => (),
            _ => continue,
        }
        wait::go_on()?;
        restore_link(r, &raw, cork.take(), &own)
            .map_err(|e| r.unless_told(e, "a socket can't get its address"))?;
    }
    Ok(())
}
