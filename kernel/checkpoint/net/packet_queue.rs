// SPDX-License-Identifier: GPL-2.0

//! What is in the queues of packet sockets.
//!
//! It is put back before a socket is bound, so that what comes from then on comes after it.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    found::Capture,
    image::{
        net::packet::*,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            packet_queue::Frame,
            socket::SockRef, //
        },
        time::wait, //
    },
    net::packet, //
};

/// Returns how many of the packets in the queue of `sk` are not saved.
pub(super) fn lost(sk: &SockRef) -> Result<u32> {
    let mut lost = 0;
    for queued in sk.packet_queue()? {
        wait::go_on()?;
        match sk.frame(&queued) {
            Ok(frame) if frame.len as usize <= FRAME_MAX => (),
            Ok(_) | Err(EOPNOTSUPP) => lost += 1,
            Err(e) => return Err(e),
        }
    }
    Ok(lost)
}

/// Writes what is in the queue of `sk`, whose reference is `obj`: the first `count` packets. Returns how
/// many of them are not saved.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef, count: usize) -> Result<u32> {
    let mut lost = 0;
    for queued in sk.packet_queue()?.iter().take(count) {
        wait::go_on()?;
        let frame = match sk.frame(queued) {
            Ok(frame) if frame.len as usize <= FRAME_MAX => frame,
            Ok(_) | Err(EOPNOTSUPP) => {
                lost += 1;
                continue;
            }
            Err(e) => return Err(e),
        };
        let mut data: KVVec<u8> = KVVec::new();
        queued.read(0, frame.len, &mut data)?;
        let mut flags = 0;
        for (is, flag) in [
            (frame.vlan.is_some(), FRAME_VLAN),
            (frame.tcp, FRAME_TCP),
            (frame.valid, FRAME_VALID),
            (frame.unsummed, FRAME_UNSUMMED),
        ] {
            if is {
                flags |= flag;
            }
        }
        let (vlan_protocol, vlan_tag) = frame.vlan.unwrap_or((0, 0));
        let record = PacketFrame {
            socket: obj.get().into(),
            flags: flags.into(),
            device: frame.device.into(),
            hardware: u32::from(frame.hardware).into(),
            kind: u32::from(frame.kind).into(),
            protocol: u32::from(frame.protocol).into(),
            original: frame.original.into(),
            network: frame.network.into(),
            vlan_protocol: u32::from(vlan_protocol).into(),
            vlan_tag: u32::from(vlan_tag).into(),
            mark: frame.mark.into(),
            priority: frame.priority.into(),
            time: u64::try_from(frame.time).unwrap_or(0).into(),
            addr_len: u32::from(frame.addr_len).into(),
            reserved: 0.into(),
            addr: frame.addr,
        };
        cap.meta.put(&record, &data)?;
    }
    Ok(lost)
}

/// Puts a packet into the queue that it was in.
pub(super) fn restore(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: PacketFrame = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| record.flags.get() & flag != 0;
    let short = |n: u32| u16::try_from(n);
    let vlan = match has(FRAME_VLAN) {
        true => Some((
            short(record.vlan_protocol.get())?,
            short(record.vlan_tag.get())?,
        )),
        false => None,
    };
    let frame = Frame {
        device: record.device.get(),
        hardware: short(record.hardware.get())?,
        kind: u8::try_from(record.kind.get())?,
        addr: record.addr,
        addr_len: u8::try_from(record.addr_len.get())?,
        protocol: short(record.protocol.get())?,
        original: record.original.get(),
        len: u32::try_from(raw.payload.len())?,
        network: record.network.get(),
        vlan,
        tcp: has(FRAME_TCP),
        valid: has(FRAME_VALID),
        unsummed: has(FRAME_UNSUMMED),
        mark: record.mark.get(),
        priority: record.priority.get(),
        time: i64::try_from(record.time.get())?,
    };
    packet::put_frame(r, record.socket.get(), &frame, raw.payload).map_err(|e| {
        let why = match e {
            ENOMEM => "there is no memory",
            _ => "it can't have been there",
        };
        r.told(
            e,
            fmt!("a packet can't get into the queue of its socket: {}", why),
        )
    })
}
