// SPDX-License-Identifier: GPL-2.0

//! IPv4 and IPv6 sockets: `net/ipv4/`, `net/ipv6/`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    net::{
        socket::SockRef,
        unix::Queued, //
    }, //
};

/// Bytes of the longest header that is attached to all that a socket sends.
const HEADER_MAX: usize = bindings::CHECKPOINT_INET_HEADER_MAX as usize;

/// What an IPv4 or IPv6 socket is.
pub(crate) struct Inet {
    /// The address at which it receives, in network order; of IPv4 four bytes.
    pub(crate) addr: [u8; 16],
    /// The address that it is connected to.
    pub(crate) peer: [u8; 16],
    /// Its port; of a raw socket its protocol.
    pub(crate) port: u16,
    /// That of its peer.
    pub(crate) peer_port: u16,
    /// The device that it is bound to.
    pub(crate) device: u32,
    /// Traffic class and flow label that it sends with.
    pub(crate) flow: u32,
    /// It is connected; one with a connection of its own is in another state.
    pub(crate) connected: bool,
    /// `INET_LOCK_*`.
    pub(crate) locks: u32,
    /// `INET_SHUT_*`.
    pub(crate) shutdown: u32,
    /// The pending error, as SO_ERROR returns it.
    pub(crate) err: i32,
    /// How many time stamps it has numbered.
    pub(crate) stamp_key: u32,
    /// How many transmissions without a copy.
    pub(crate) zerocopy_key: u32,
    /// What it has that is not in this.
    pub(crate) special: Special,
    /// It has IPV6_V6ONLY.
    pub(crate) v6only: bool,
}

/// What an IPv4 or IPv6 socket has that is not in [`Inet`].
#[derive(Clone, Copy)]
pub(crate) struct Special(u32);

impl Special {
    /// Returns whether it is a member of groups, or has an anycast address.
    pub(crate) fn is_member(self) -> bool {
        self.0 & bindings::CHECKPOINT_INET_MEMBER != 0
    }

    /// Names what can't be saved of it, and what to do.
    pub(crate) fn refused(self) -> Option<&'static str> {
        const WHY: &[(u32, &str)] = &[
            (
                bindings::CHECKPOINT_INET_IP_OPTIONS,
                "has IP options that can't be saved (IP_OPTIONS of TCP, CIPSO): have them removed",
            ),
            (
                bindings::CHECKPOINT_INET_STICKY,
                "has extension headers or a source address for all it sends that can't be saved \
                 (IPV6_HOPOPTS, IPV6_PKTINFO and others of TCP): have them removed",
            ),
            (
                bindings::CHECKPOINT_INET_FLOW_LABEL,
                "has a flow label, or reflects those of others (IPV6_FLOWLABEL_MGR): have it given back",
            ),
            (
                bindings::CHECKPOINT_INET_PATH_MTU,
                "has a message about the path MTU (IPV6_RECVPATHMTU): have it read",
            ),
            (
                bindings::CHECKPOINT_INET_POLICY,
                "has an IPsec policy (IP_XFRM_POLICY): have it removed",
            ),
            (
                bindings::CHECKPOINT_INET_FLIGHT,
                "has sent with MSG_ZEROCOPY what was not taken yet: try again",
            ),
            (
                bindings::CHECKPOINT_INET_ENCAP,
                "is the end of a tunnel (UDP_ENCAP): have that taken down",
            ),
            (
                bindings::CHECKPOINT_INET_CORKED,
                "has part of a datagram to send (MSG_MORE): have it send all",
            ),
            (
                bindings::CHECKPOINT_INET_ROUTES,
                "is that of a multicast router (MRT_INIT, MRT6_INIT): have that ended",
            ),
            (
                bindings::CHECKPOINT_INET_ROUTE_TABLE,
                "has chosen a table of multicast routes (MRT_TABLE, MRT6_TABLE): have it closed",
            ),
            (
                bindings::CHECKPOINT_INET_ALERT,
                "is told of router alerts (IPV6_ROUTER_ALERT): have that switched off",
            ),
        ];
        WHY.iter()
            .find(|(bit, _)| self.0 & bit != 0)
            .map(|&(_, why)| why)
    }
}

impl Inet {
    /// One that has nothing.
    pub(crate) const NONE: Self = Self {
        addr: [0; 16],
        peer: [0; 16],
        port: 0,
        peer_port: 0,
        device: 0,
        flow: 0,
        connected: false,
        locks: 0,
        shutdown: 0,
        err: 0,
        stamp_key: 0,
        zerocopy_key: 0,
        special: Special(0),
        v6only: false,
    };

    /// Returns it as the kernel's own.
    fn raw(&self) -> bindings::checkpoint_inet {
        bindings::checkpoint_inet {
            addr: self.addr,
            peer: self.peer,
            port: self.port,
            peer_port: self.peer_port,
            device: self.device,
            flow: self.flow,
            locks: self.locks,
            shutdown: self.shutdown,
            err: self.err,
            stamp_key: self.stamp_key,
            zerocopy_key: self.zerocopy_key,
            v6only: self.v6only,
            ..Default::default()
        }
    }
}

/// A datagram in the queue of a socket.
pub(crate) struct Datagram {
    /// It is one of IPv6.
    pub(crate) v6: bool,
    /// Who has sent it, in network order; of IPv4 four bytes.
    pub(crate) from: [u8; 16],
    /// Whom it was sent to.
    pub(crate) to: [u8; 16],
    /// The address of its receiver, of IPv4.
    pub(crate) spec_dst: [u8; 4],
    /// The port of who has sent it.
    pub(crate) from_port: u16,
    /// The port that it was sent to.
    pub(crate) to_port: u16,
    /// The device that it came from.
    pub(crate) device: i32,
    /// Traffic class and flow label; of IPv4 its type of service.
    pub(crate) flow: u32,
    /// How many hops it had left.
    pub(crate) ttl: u32,
    /// Size of its largest fragment.
    pub(crate) frag_size: u32,
    /// Of several that were put together, how long each is.
    pub(crate) gso_size: u32,
    /// As of SO_RCVMARK.
    pub(crate) mark: u32,
    /// As of SO_RCVPRIORITY.
    pub(crate) priority: u32,
    /// When it was received, in nanoseconds since 1970; 0: that was not noted.
    pub(crate) time: i64,
    /// Bytes of its contents.
    pub(crate) len: u32,
}

impl SockRef {
    /// Returns what is in the queue of an IPv4 or IPv6 datagram socket, oldest first. EINVAL: it is
    /// none.
    pub(crate) fn inet_queue(&self) -> Result<KVVec<Queued>> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        Queued::all(|skbs, max| {
            // SAFETY: We own a reference, and it is of the family; there is room for so many pointers.
            unsafe { bindings::checkpoint_inet_queue(self.as_ptr(), skbs, max) }
        })
    }

    /// Returns what a datagram that was in its queue is. EOPNOTSUPP: it has headers that can't be
    /// saved. ENOENT: it is broken, and nobody will receive it.
    pub(crate) fn datagram(&self, queued: &Queued) -> Result<Datagram> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let mut raw = bindings::checkpoint_inet_message::default();
        // SAFETY: We own references on both; what was in the queue of one of the family is a datagram.
        to_result(unsafe {
            bindings::checkpoint_inet_message(self.as_ptr(), queued.as_ptr(), &mut raw)
        })?;
        Ok(Datagram {
            v6: raw.v6,
            from: raw.from,
            to: raw.to,
            spec_dst: raw.spec_dst,
            from_port: raw.from_port,
            to_port: raw.to_port,
            device: raw.device,
            flow: raw.flow,
            ttl: raw.ttl,
            frag_size: raw.frag_size,
            gso_size: raw.gso_size,
            mark: raw.mark,
            priority: raw.priority,
            time: raw.time,
            len: raw.len,
        })
    }

    /// Puts a datagram with the contents `data` into its queue.
    ///
    /// EINVAL: it is impossible. ENOMEM: there is no memory.
    pub(crate) fn put_datagram(&self, new: &Datagram, data: &[u8]) -> Result {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let raw = bindings::checkpoint_inet_message {
            v6: new.v6,
            from: new.from,
            to: new.to,
            spec_dst: new.spec_dst,
            from_port: new.from_port,
            to_port: new.to_port,
            device: new.device,
            flow: new.flow,
            ttl: new.ttl,
            frag_size: new.frag_size,
            gso_size: new.gso_size,
            mark: new.mark,
            priority: new.priority,
            time: new.time,
            len: c_uint::try_from(data.len())?,
        };
        // SAFETY: We own a reference, and it is of the family; no more bytes are read than the
        // length says.
        to_result(unsafe {
            bindings::checkpoint_inet_send(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }

    /// Returns what is attached to all that an IPv4 or IPv6 socket sends, by the option `name` of
    /// `level` that sets it; empty: nothing. EINVAL: it is no such socket.
    pub(crate) fn inet_header(&self, level: u32, name: u32) -> Result<KVec<u8>> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let mut value = KVec::new();
        value.resize(HEADER_MAX, 0, GFP_KERNEL)?;
        // SAFETY: We own a reference, and it is of the family; there is room for as many bytes.
        let len = unsafe {
            bindings::checkpoint_inet_header(
                self.as_ptr(),
                level.cast_signed(),
                name.cast_signed(),
                value.as_mut_ptr().cast(),
                c_uint::try_from(value.len())?,
            )
        };
        to_result(len.min(0))?;
        value.truncate(usize::try_from(len)?);
        Ok(value)
    }

    /// Returns whether it is one of IPv4 or IPv6.
    pub(in crate::kapi) fn is_inet(&self) -> bool {
        let family = self.basics().family.cast_unsigned();
        family == bindings::AF_INET || family == bindings::AF_INET6
    }

    /// Returns what an IPv4 or IPv6 socket is. EINVAL: it is neither.
    pub(crate) fn inet(&self) -> Result<Inet> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let mut raw = bindings::checkpoint_inet::default();
        // SAFETY: We own a reference, and it is of the family; there is room for the result.
        unsafe { bindings::checkpoint_inet_get(self.as_ptr(), &mut raw) };
        Ok(Inet {
            addr: raw.addr,
            peer: raw.peer,
            port: raw.port,
            peer_port: raw.peer_port,
            device: raw.device,
            flow: raw.flow,
            connected: raw.state == bindings::CHECKPOINT_INET_CONNECTED,
            locks: raw.locks,
            shutdown: raw.shutdown,
            err: raw.err,
            stamp_key: raw.stamp_key,
            zerocopy_key: raw.zerocopy_key,
            special: Special(raw.special),
            v6only: raw.v6only,
        })
    }

    /// Sets what is left of an IPv4 or IPv6 datagram socket: who has chosen its address, shutdown, error
    /// and counters. EINVAL: it is none. EINTR: the caller was killed.
    pub(crate) fn settle_inet(&self, inet: &Inet) -> Result {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference, and it is of the family; what is set is only read.
        to_result(unsafe { bindings::checkpoint_inet_settle(self.as_ptr(), &inet.raw()) })
    }
}

impl FileRef {
    /// Binds the IPv4 or IPv6 socket that it shows, as bind(2), with the rights that the caller acts
    /// with.
    pub(crate) fn bind_inet(&self, inet: &Inet) -> Result {
        // SAFETY: We own a reference; the address is only read. Other sockets are refused.
        to_result(unsafe { bindings::checkpoint_inet_bind(self.as_ptr(), &inet.raw()) })
    }

    /// Connects the datagram socket of IPv4 or IPv6 that it shows, as connect(2).
    pub(crate) fn connect_inet(&self, inet: &Inet) -> Result {
        // SAFETY: We own a reference; the address is only read. Other sockets are refused.
        to_result(unsafe { bindings::checkpoint_inet_connect(self.as_ptr(), &inet.raw()) })
    }
}

/// Levels of options, SOL_*.
pub(crate) mod level {
    use kernel::bindings;

    /// SOL_IP.
    pub(crate) const IP: u32 = bindings::SOL_IP;
    /// SOL_IPV6.
    pub(crate) const IPV6: u32 = bindings::SOL_IPV6;
    /// SOL_RAW.
    pub(crate) const RAW: u32 = bindings::SOL_RAW;
    /// SOL_ICMPV6.
    pub(crate) const ICMPV6: u32 = bindings::SOL_ICMPV6;
    /// SOL_UDP.
    pub(crate) const UDP: u32 = bindings::SOL_UDP;
}

/// Options of IPv4, IP_*.
pub(crate) mod ip {
    use kernel::bindings;

    /// IP_OPTIONS.
    pub(crate) const OPTIONS: u32 = bindings::IP_OPTIONS;
    /// IP_TOS.
    pub(crate) const TOS: u32 = bindings::IP_TOS;
    /// IP_TTL.
    pub(crate) const TTL: u32 = bindings::IP_TTL;
    /// IP_HDRINCL.
    pub(crate) const HDRINCL: u32 = bindings::IP_HDRINCL;
    /// IP_ROUTER_ALERT.
    pub(crate) const ROUTER_ALERT: u32 = bindings::IP_ROUTER_ALERT;
    /// IP_RECVOPTS.
    pub(crate) const RECVOPTS: u32 = bindings::IP_RECVOPTS;
    /// IP_RETOPTS.
    pub(crate) const RETOPTS: u32 = bindings::IP_RETOPTS;
    /// IP_PKTINFO.
    pub(crate) const PKTINFO: u32 = bindings::IP_PKTINFO;
    /// IP_MTU_DISCOVER.
    pub(crate) const MTU_DISCOVER: u32 = bindings::IP_MTU_DISCOVER;
    /// IP_RECVERR.
    pub(crate) const RECVERR: u32 = bindings::IP_RECVERR;
    /// IP_RECVTTL.
    pub(crate) const RECVTTL: u32 = bindings::IP_RECVTTL;
    /// IP_RECVTOS.
    pub(crate) const RECVTOS: u32 = bindings::IP_RECVTOS;
    /// IP_FREEBIND.
    pub(crate) const FREEBIND: u32 = bindings::IP_FREEBIND;
    /// IP_PASSSEC.
    pub(crate) const PASSSEC: u32 = bindings::IP_PASSSEC;
    /// IP_TRANSPARENT.
    pub(crate) const TRANSPARENT: u32 = bindings::IP_TRANSPARENT;
    /// IP_RECVORIGDSTADDR.
    pub(crate) const RECVORIGDSTADDR: u32 = bindings::IP_RECVORIGDSTADDR;
    /// IP_MINTTL.
    pub(crate) const MINTTL: u32 = bindings::IP_MINTTL;
    /// IP_NODEFRAG.
    pub(crate) const NODEFRAG: u32 = bindings::IP_NODEFRAG;
    /// IP_CHECKSUM.
    pub(crate) const CHECKSUM: u32 = bindings::IP_CHECKSUM;
    /// IP_BIND_ADDRESS_NO_PORT.
    pub(crate) const BIND_ADDRESS_NO_PORT: u32 = bindings::IP_BIND_ADDRESS_NO_PORT;
    /// IP_RECVFRAGSIZE.
    pub(crate) const RECVFRAGSIZE: u32 = bindings::IP_RECVFRAGSIZE;
    /// IP_RECVERR_RFC4884.
    pub(crate) const RECVERR_RFC4884: u32 = bindings::IP_RECVERR_RFC4884;
    /// IP_MULTICAST_TTL.
    pub(crate) const MULTICAST_TTL: u32 = bindings::IP_MULTICAST_TTL;
    /// IP_MULTICAST_LOOP.
    pub(crate) const MULTICAST_LOOP: u32 = bindings::IP_MULTICAST_LOOP;
    /// IP_MULTICAST_ALL.
    pub(crate) const MULTICAST_ALL: u32 = bindings::IP_MULTICAST_ALL;
    /// IP_UNICAST_IF.
    pub(crate) const UNICAST_IF: u32 = bindings::IP_UNICAST_IF;
    /// IP_MULTICAST_IF.
    pub(crate) const MULTICAST_IF: u32 = bindings::IP_MULTICAST_IF;
    /// IP_LOCAL_PORT_RANGE.
    pub(crate) const LOCAL_PORT_RANGE: u32 = bindings::IP_LOCAL_PORT_RANGE;
}

/// Options of IPv6, IPV6_*.
pub(crate) mod ipv6 {
    use kernel::bindings;

    /// IPV6_HOPOPTS.
    pub(crate) const HOPOPTS: u32 = bindings::IPV6_HOPOPTS;
    /// IPV6_RTHDRDSTOPTS.
    pub(crate) const RTHDRDSTOPTS: u32 = bindings::IPV6_RTHDRDSTOPTS;
    /// IPV6_RTHDR.
    pub(crate) const RTHDR: u32 = bindings::IPV6_RTHDR;
    /// IPV6_DSTOPTS.
    pub(crate) const DSTOPTS: u32 = bindings::IPV6_DSTOPTS;
    /// IPV6_PKTINFO.
    pub(crate) const PKTINFO: u32 = bindings::IPV6_PKTINFO;
    /// IPV6_V6ONLY.
    pub(crate) const V6ONLY: u32 = bindings::IPV6_V6ONLY;
    /// IPV6_UNICAST_HOPS.
    pub(crate) const UNICAST_HOPS: u32 = bindings::IPV6_UNICAST_HOPS;
    /// IPV6_MULTICAST_IF.
    pub(crate) const MULTICAST_IF: u32 = bindings::IPV6_MULTICAST_IF;
    /// IPV6_MULTICAST_HOPS.
    pub(crate) const MULTICAST_HOPS: u32 = bindings::IPV6_MULTICAST_HOPS;
    /// IPV6_MULTICAST_LOOP.
    pub(crate) const MULTICAST_LOOP: u32 = bindings::IPV6_MULTICAST_LOOP;
    /// IPV6_MULTICAST_ALL.
    pub(crate) const MULTICAST_ALL: u32 = bindings::IPV6_MULTICAST_ALL;
    /// IPV6_MTU_DISCOVER.
    pub(crate) const MTU_DISCOVER: u32 = bindings::IPV6_MTU_DISCOVER;
    /// IPV6_MTU.
    pub(crate) const MTU: u32 = bindings::IPV6_MTU;
    /// IPV6_RECVERR.
    pub(crate) const RECVERR: u32 = bindings::IPV6_RECVERR;
    /// IPV6_RECVERR_RFC4884.
    pub(crate) const RECVERR_RFC4884: u32 = bindings::IPV6_RECVERR_RFC4884;
    /// IPV6_FLOWINFO_SEND.
    pub(crate) const FLOWINFO_SEND: u32 = bindings::IPV6_FLOWINFO_SEND;
    /// IPV6_RECVPKTINFO.
    pub(crate) const RECVPKTINFO: u32 = bindings::IPV6_RECVPKTINFO;
    /// IPV6_2292PKTINFO.
    pub(crate) const OLD_PKTINFO: u32 = bindings::IPV6_2292PKTINFO;
    /// IPV6_RECVHOPLIMIT.
    pub(crate) const RECVHOPLIMIT: u32 = bindings::IPV6_RECVHOPLIMIT;
    /// IPV6_2292HOPLIMIT.
    pub(crate) const OLD_HOPLIMIT: u32 = bindings::IPV6_2292HOPLIMIT;
    /// IPV6_RECVRTHDR.
    pub(crate) const RECVRTHDR: u32 = bindings::IPV6_RECVRTHDR;
    /// IPV6_2292RTHDR.
    pub(crate) const OLD_RTHDR: u32 = bindings::IPV6_2292RTHDR;
    /// IPV6_RECVHOPOPTS.
    pub(crate) const RECVHOPOPTS: u32 = bindings::IPV6_RECVHOPOPTS;
    /// IPV6_2292HOPOPTS.
    pub(crate) const OLD_HOPOPTS: u32 = bindings::IPV6_2292HOPOPTS;
    /// IPV6_RECVDSTOPTS.
    pub(crate) const RECVDSTOPTS: u32 = bindings::IPV6_RECVDSTOPTS;
    /// IPV6_2292DSTOPTS.
    pub(crate) const OLD_DSTOPTS: u32 = bindings::IPV6_2292DSTOPTS;
    /// IPV6_TCLASS.
    pub(crate) const TCLASS: u32 = bindings::IPV6_TCLASS;
    /// IPV6_RECVTCLASS.
    pub(crate) const RECVTCLASS: u32 = bindings::IPV6_RECVTCLASS;
    /// IPV6_FLOWINFO.
    pub(crate) const FLOWINFO: u32 = bindings::IPV6_FLOWINFO;
    /// IPV6_RECVPATHMTU.
    pub(crate) const RECVPATHMTU: u32 = bindings::IPV6_RECVPATHMTU;
    /// IPV6_DONTFRAG.
    pub(crate) const DONTFRAG: u32 = bindings::IPV6_DONTFRAG;
    /// IPV6_FREEBIND.
    pub(crate) const FREEBIND: u32 = bindings::IPV6_FREEBIND;
    /// IPV6_TRANSPARENT.
    pub(crate) const TRANSPARENT: u32 = bindings::IPV6_TRANSPARENT;
    /// IPV6_RECVORIGDSTADDR.
    pub(crate) const RECVORIGDSTADDR: u32 = bindings::IPV6_RECVORIGDSTADDR;
    /// IPV6_RECVFRAGSIZE.
    pub(crate) const RECVFRAGSIZE: u32 = bindings::IPV6_RECVFRAGSIZE;
    /// IPV6_MINHOPCOUNT.
    pub(crate) const MINHOPCOUNT: u32 = bindings::IPV6_MINHOPCOUNT;
    /// IPV6_AUTOFLOWLABEL.
    pub(crate) const AUTOFLOWLABEL: u32 = bindings::IPV6_AUTOFLOWLABEL;
    /// IPV6_ADDR_PREFERENCES.
    pub(crate) const ADDR_PREFERENCES: u32 = bindings::IPV6_ADDR_PREFERENCES;
    /// IPV6_UNICAST_IF.
    pub(crate) const UNICAST_IF: u32 = bindings::IPV6_UNICAST_IF;
    /// IPV6_ROUTER_ALERT_ISOLATE.
    pub(crate) const ROUTER_ALERT_ISOLATE: u32 = bindings::IPV6_ROUTER_ALERT_ISOLATE;
}

/// Options of raw sockets, at SOL_RAW.
pub(crate) mod raw {
    use kernel::bindings;

    /// ICMP_FILTER.
    pub(crate) const ICMP_FILTER: u32 = bindings::ICMP_FILTER;
    /// IPV6_HDRINCL.
    pub(crate) const V6_HDRINCL: u32 = bindings::IPV6_HDRINCL;
    /// IPV6_CHECKSUM.
    pub(crate) const V6_CHECKSUM: u32 = bindings::IPV6_CHECKSUM;
    /// ICMPV6_FILTER.
    pub(crate) const ICMPV6_FILTER: u32 = bindings::ICMPV6_FILTER;
}

/// Options of UDP, UDP_*.
pub(crate) mod udp {
    use kernel::bindings;

    /// UDP_CORK.
    pub(crate) const CORK: u32 = bindings::UDP_CORK;
    /// UDP_NO_CHECK6_TX.
    pub(crate) const NO_CHECK6_TX: u32 = bindings::UDP_NO_CHECK6_TX;
    /// UDP_NO_CHECK6_RX.
    pub(crate) const NO_CHECK6_RX: u32 = bindings::UDP_NO_CHECK6_RX;
    /// UDP_SEGMENT.
    pub(crate) const SEGMENT: u32 = bindings::UDP_SEGMENT;
    /// UDP_GRO.
    pub(crate) const GRO: u32 = bindings::UDP_GRO;
}
