// SPDX-License-Identifier: GPL-2.0

//! What is in the queues of UDP, ICMP and raw sockets.
//!
//! Of headers the image has only what recvmsg(2) tells. They are made anew, so that nothing has to be
//! checked of them.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    files::Named,
    found::Capture,
    image::{
        net::inet::{
            InetMessage,
            DATAGRAM_MAX, //
        },
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            inet::Datagram,
            socket::SockRef, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::socket, //
};

/// Looks at what is in the queue of `sk`. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    for queued in sk.inet_queue()? {
        wait::go_on()?;
        let why = match sk.datagram(&queued) {
            Ok(datagram) if datagram.len as usize <= DATAGRAM_MAX => continue,
            Err(ENOENT) => continue,
            Ok(_) => "a datagram in it is too long: have it received",
            Err(EOPNOTSUPP) => {
                "a datagram in it has options or extension headers that it is to be told of: have it \
                 received"
            }
            Err(e) => return Err(e),
        };
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    Ok(true)
}

/// Writes what is in the queue of `sk`, whose reference is `obj`.
///
/// What has come in since it was looked at comes after the checkpoint if it can't be saved.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef) -> Result {
    for queued in sk.inet_queue()? {
        wait::go_on()?;
        let datagram = match sk.datagram(&queued) {
            Err(EOPNOTSUPP) => return Ok(()),
            Err(ENOENT) => continue,
            datagram => datagram?,
        };
        if datagram.len as usize > DATAGRAM_MAX {
            return Ok(());
        }
        let mut data: KVVec<u8> = KVVec::new();
        queued.read(0, datagram.len, &mut data)?;
        let record = InetMessage {
            socket: obj.get().into(),
            v6: u32::from(datagram.v6).into(),
            from: datagram.from,
            to: datagram.to,
            spec_dst: datagram.spec_dst,
            from_port: u32::from(datagram.from_port).into(),
            to_port: u32::from(datagram.to_port).into(),
            device: u32::try_from(datagram.device).unwrap_or(0).into(),
            flow: datagram.flow.into(),
            ttl: datagram.ttl.into(),
            frag_size: datagram.frag_size.into(),
            gso_size: datagram.gso_size.into(),
            mark: datagram.mark.into(),
            priority: datagram.priority.into(),
            time: u64::try_from(datagram.time).unwrap_or(0).into(),
        };
        cap.meta.put(&record, &data)?;
    }
    Ok(())
}

/// Puts a datagram into the queue that it was in.
pub(super) fn restore(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: InetMessage = raw.body().map_err(|f| r.fault(f))?;
    let made = socket::made(r, record.socket.get())?;
    let datagram = Datagram {
        v6: record.v6.get() != 0,
        from: record.from,
        to: record.to,
        spec_dst: record.spec_dst,
        from_port: u16::try_from(record.from_port.get())?,
        to_port: u16::try_from(record.to_port.get())?,
        device: i32::try_from(record.device.get())?,
        flow: record.flow.get(),
        ttl: record.ttl.get(),
        frag_size: record.frag_size.get(),
        gso_size: record.gso_size.get(),
        mark: record.mark.get(),
        priority: record.priority.get(),
        time: i64::try_from(record.time.get())?,
        len: 0,
    };
    let put = || made.sk.put_datagram(&datagram, raw.payload);
    made.memcg.charge(put).map_err(|e| {
        let why = match e {
            ENOMEM => "there is no memory",
            _ => "it can't have been there",
        };
        r.told(
            e,
            fmt!("a datagram can't get into the queue of its socket: {}", why),
        )
    })
}
