// SPDX-License-Identifier: GPL-2.0

//! What is attached to all that UDP, ICMP and raw sockets send: options of IPv4, extension headers of
//! IPv6, and the address that they send from.
//!
//! It is set by setsockopt(2), with the rights of who has made the socket: most extension headers take
//! CAP_NET_RAW.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::header::{
            InetHeader,
            EXTENSION_MAX,
            HEADER_ADDRESS,
            HEADER_DST,
            HEADER_HOP,
            HEADER_OPTIONS,
            HEADER_ROUTE,
            HEADER_ROUTE_DST, //
        },
        Kind,
        Raw, //
    },
    kapi::{
        net::inet::{
            ip,
            ipv6,
            level, //
        },
        time::wait, //
    },
    net::{
        inet,
        socket, //
    }, //
};

/// What is attached.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "headers of sockets",
    save: save_links,
    link,
};

/// A kind: its number in the image, level and number of the option, and its name.
type Row = (u32, u32, u32, &'static str);

/// The kinds.
const KINDS: &[Row] = &[
    (HEADER_OPTIONS, level::IP, ip::OPTIONS, "IP_OPTIONS"),
    (HEADER_HOP, level::IPV6, ipv6::HOPOPTS, "IPV6_HOPOPTS"),
    (
        HEADER_ROUTE_DST,
        level::IPV6,
        ipv6::RTHDRDSTOPTS,
        "IPV6_RTHDRDSTOPTS",
    ),
    (HEADER_ROUTE, level::IPV6, ipv6::RTHDR, "IPV6_RTHDR"),
    (HEADER_DST, level::IPV6, ipv6::DSTOPTS, "IPV6_DSTOPTS"),
    (HEADER_ADDRESS, level::IPV6, ipv6::PKTINFO, "IPV6_PKTINFO"),
];

/// Bytes of an address of IPv6. The number of a device follows.
const ADDR_LEN: usize = 16;

/// Writes what is attached to what all sockets send.
fn save_links(cap: &mut Capture) -> Result {
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if !inet::is_datagram(socket::numbers(&plain.sk)) {
            continue;
        }
        for &(kind, level, option, _) in KINDS {
            let value = plain.sk.inet_header(level, option)?;
            if value.is_empty() {
                continue;
            }
            let (payload, device) = if kind == HEADER_ADDRESS {
                let (addr, device) = value.split_at_checked(ADDR_LEN).ok_or(EINVAL)?;
                let device = device.try_into().map_err(|_| EINVAL)?;
                (addr, u32::from_ne_bytes(device))
            } else {
                (value.as_slice(), 0)
            };
            let record = InetHeader {
                socket: obj.get().into(),
                kind: kind.into(),
                device: device.into(),
                reserved: 0.into(),
            };
            cap.meta.put(&record, payload)?;
        }
    }
    Ok(())
}

/// Attaches it.
fn attach(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: InetHeader = raw.body().map_err(|f| r.fault(f))?;
    let made = socket::made(r, record.socket.get())?;
    let &(kind, level, option, name) = KINDS
        .iter()
        .find(|row| row.0 == record.kind.get())
        .ok_or(EINVAL)?;
    if raw.payload.len() > EXTENSION_MAX {
        return Err(EINVAL);
    }
    let mut value: KVec<u8> = KVec::new();
    value.extend_from_slice(raw.payload, GFP_KERNEL)?;
    if kind == HEADER_ADDRESS {
        value.extend_from_slice(&record.device.get().to_ne_bytes(), GFP_KERNEL)?;
    }
    made.opener
        .act(|| made.file.set_socket_option(level, option, &value))
        .map_err(|e| {
            let why = match e {
                EPERM | EACCES => "who has made it may not (CAP_NET_RAW)",
                _ => "the kernel does not take it",
            };
            r.told(e, fmt!("a socket: {} can't be set: {}", name, why))
        })
}

/// Attaches all: all files are there.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::InetHeader {
            wait::go_on()?;
            attach(r, &raw).map_err(|e| r.unless_told(e, "a socket can't get its headers"))?;
        }
    }
    Ok(())
}
