// SPDX-License-Identifier: GPL-2.0

//! UDP sockets: a datagram that is not complete.
//!
//! It is begun anew, with all its bytes at once, when the socket has its addresses: the way that it goes is
//! looked for then, and what it was begun with is told by control messages.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    files::Named,
    found::Capture,
    image::{
        net::{
            udp::*,
            FAMILY_INET,
            FAMILY_INET6, //
        },
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            socket::SockRef,
            udp_cork::Cork, //
        },
        task::frozen::FrozenTask, //
    },
    net::{
        address::Own,
        socket::Made, //
    }, //
};

/// Looks at what `sk` has begun to send. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    let (errno, why) = match sk.udp_cork() {
        Ok(Some((_, data))) if data.len() > CORK_MAX => {
            (EOPNOTSUPP, "the datagram that it has begun is too long")
        }
        Ok(_) => return Ok(true),
        Err(EOPNOTSUPP) => (
            EOPNOTSUPP,
            "has begun a datagram (UDP_CORK, MSG_MORE) that has options, or pages or a time that others \
             know of: have it sent",
        ),
        Err(EBUSY | EAGAIN) => (
            EBUSY,
            "has begun a datagram (UDP_CORK, MSG_MORE) that somebody else writes to: try again",
        ),
        Err(e) => return Err(e),
    };
    cap.refuse(errno, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Writes what `sk`, whose reference is `obj`, has begun to send: its own record follows.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef) -> Result {
    let Some((cork, data)) = sk.udp_cork()? else {
        return Ok(());
    };
    let mut flags = 0;
    for (is, flag) in [(cork.v6, UDP_CORK_V6), (cork.whole, UDP_CORK_WHOLE)] {
        if is {
            flags |= flag;
        }
    }
    let record = UdpCork {
        socket: obj.get().into(),
        flags: flags.into(),
        port: u32::from(cork.port).into(),
        device: cork.device.into(),
        flow: cork.flow.into(),
        mark: cork.mark.into(),
        priority: cork.priority.into(),
        hops: u32::from(cork.hops).into(),
        class: cork.class.map_or(CLASS_OF_SOCKET, u32::from).into(),
        segment: u32::from(cork.segment).into(),
        to: cork.to,
        from: cork.from,
    };
    cap.meta.put(&record, &data)
}

/// Begins the datagram of `raw` anew: its socket is bound and connected.
pub(super) fn restore(r: &Restore, raw: &Raw<'_>, made: &Made, own: &Own) -> Result {
    let mut record: UdpCork = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| record.flags.get() & flag != 0;
    let (v6, whole) = (has(UDP_CORK_V6), has(UDP_CORK_WHOLE));
    let family = if v6 { FAMILY_INET6 } else { FAMILY_INET };
    own.rewrite_datagram(r, family, [&mut record.to, &mut record.from])?;
    let cork = Cork {
        to: record.to,
        from: record.from,
        port: u16::try_from(record.port.get())?,
        v6,
        whole,
        device: record.device.get(),
        flow: record.flow.get(),
        mark: record.mark.get(),
        priority: record.priority.get(),
        hops: u8::try_from(record.hops.get())?,
        class: u8::try_from(record.class.get()).ok(),
        segment: u16::try_from(record.segment.get())?,
    };
    let put = || made.sk.put_udp_cork(&cork, raw.payload);
    made.opener.act(|| made.memcg.charge(put)).map_err(|e| {
        let why = match e {
            ENETUNREACH | EHOSTUNREACH => "there is no way to it: set addresses and routes first",
            EINVAL | EADDRNOTAVAIL | ENODEV => {
                "the address or the device that it comes from is none of this machine"
            }
            EPERM => "who has made it may not choose its mark or its priority (CAP_NET_ADMIN)",
            EMSGSIZE => "it is too long for the way that it would go",
            EACCES => "it may not go there",
            ENOMEM | ENOBUFS | EAGAIN => "there is no memory",
            _ => "the kernel does not take it",
        };
        r.told(
            e,
            fmt!("a datagram that a socket has begun can't be: {}", why),
        )
    })
}
