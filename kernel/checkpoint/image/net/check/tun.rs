// SPDX-License-Identifier: GPL-2.0

//! Tun and tap devices.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            padded_name,
            zero, //
        },
        walk::Walk,
        Object, //
    },
    net::{
        filter::{
            FilterStep,
            FILTER_MAX, //
        },
        tun::*, //
    },
    ns::NetNs,
    record::{
        Fault,
        Raw, //
    }, //
};

/// Largest ARPHRD_*.
const ARPHRD_MAX: u32 = 0xffff;

/// VIRTIO_NET_HDR_F_DATA_VALID, or VIRTIO_NET_HDR_F_NEEDS_CSUM, which is 1, or none: all flags of the header
/// of a packet.
const HEADER_DATA_VALID: u8 = 2;

/// VIRTIO_NET_HDR_GSO_ECN, and the others but that of UFO, which the kernel has cut into pieces before.
const GSO_ECN: u8 = 0x80;
const GSO: [u8; 4] = [0, 1, 4, 5];

/// Bytes of `struct virtio_net_hdr`.
const HEADER_MIN: i32 = 10;

/// Returns an open file of tun and tap devices. Its detail is the number of its device.
pub(in crate::image) fn tun_queue_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let queue: TunQueue = raw.body()?;
    Ok((queue.obj.get(), queue.device.get()))
}

impl Walk<'_> {
    /// Checks a tun or tap device.
    pub(in crate::image) fn tun_device(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let tun: TunDevice = raw.body()?;
        let outside = self.refer::<NetNs>(raw, tun.net.get())?.detail;
        ensure(
            raw,
            outside == 0,
            "a device of a network namespace that is not in the image",
        )?;
        let kind = tun.flags.get() & !TUN_FLAGS;
        let tap = kind == TUN_TYPE_TAP;
        ensure(raw, tap || kind == TUN_TYPE_TUN, "neither tun nor tap")?;
        flags(raw, tun.has.get().into(), TUN_HAS_ALL.into())?;
        padded_name(raw, &tun.name)?;
        ensure(
            raw,
            tun.index.get() != 0
                && i32::try_from(tun.index.get()).is_ok()
                && tun.arphrd.get() <= ARPHRD_MAX
                && tun.vnet_hdr_sz.get() >= HEADER_MIN
                && tun.sndbuf.get() > 0,
            "impossible state of a tun device",
        )?;
        ensure(
            raw,
            tun.txflt_count.get() <= TUN_FILTER_MAX
                && tun.fprog_len.get() <= u32::from(u16::MAX)
                && (tap
                    || (tun.txflt_count.get() == 0
                        && tun.fprog_len.get() == 0
                        && tun.has.get() & TUN_HAS_FILTERS == 0)),
            "a filter that a tun device can't have",
        )?;
        let slots: &[TunSlot] = raw.array(TUN_QUEUES_MAX)?;
        let (queues, disabled) = (tun.queues.get(), tun.disabled.get());
        ensure(
            raw,
            queues
                .checked_add(disabled)
                .and_then(|all| usize::try_from(all).ok())
                == Some(slots.len()),
            "number of queues is not as announced",
        )?;
        let several = tun.flags.get() & TUN_MULTI_QUEUE != 0;
        ensure(
            raw,
            (several || (queues <= 1 && disabled == 0))
                && (tun.flags.get() & TUN_PERSIST != 0 || !slots.is_empty()),
            "queues that a tun device can't have",
        )?;
        for slot in slots {
            flags(raw, slot.flags.get().into(), TUN_NAPI.into())?;
        }
        Ok(())
    }

    /// Checks an open file of tun and tap devices.
    pub(in crate::image) fn tun_queue(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let queue: TunQueue = raw.body()?;
        flags(raw, queue.flags.get().into(), TUN_QUEUE_ALL.into())?;
        if queue.net.get() == 0 {
            zero(raw, queue.device.get() == 0 && queue.number.get() == 0)?;
        } else {
            let outside = self.refer::<NetNs>(raw, queue.net.get())?.detail;
            ensure(
                raw,
                outside == 0 && queue.device.get() != 0,
                "a queue of a device that is not in the image",
            )?;
            zero(raw, queue.ifindex.get() == 0 && queue.flags.get() == 0)?;
        }
        ensure(
            raw,
            queue.sndbuf.get() > 0 && i32::try_from(queue.ifindex.get()).is_ok(),
            "impossible state of a tun queue",
        )?;
        let steps: &[FilterStep] = raw.array(FILTER_MAX)?;
        ensure(
            raw,
            u32::try_from(steps.len()).is_ok_and(|n| n == queue.filter.get()),
            "another length of a filter than announced",
        )?;
        self.hold(queue.obj.get());
        Ok(())
    }

    /// Checks a packet that waits to be read. How its header fits its bytes is for the kernel to check.
    pub(in crate::image) fn tun_packet(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let packet: TunPacket = raw.body()?;
        let queue = packet.queue.get();
        self.follows(raw, queue, "does not follow the queue that it is in")?;
        let device = self.refer::<TunQueue>(raw, queue)?.detail;
        ensure(raw, device != 0, "a packet of a queue without a device")?;
        flags(raw, packet.flags.get().into(), TUN_PACKET_ALL.into())?;
        zero(
            raw,
            packet.flags.get() & TUN_PACKET_VLAN != 0
                || (packet.vlan_proto.get() == 0 && packet.vlan_tci.get() == 0),
        )?;
        ensure(
            raw,
            (1..=TUN_PACKET_MAX).contains(&raw.payload.len()),
            "impossible length of a packet",
        )?;
        let [said, gso, ..] = packet.header;
        ensure(
            raw,
            said <= HEADER_DATA_VALID && GSO.contains(&(gso & !GSO_ECN)),
            "a header that no device is given to send",
        )?;
        zero(raw, packet.reserved.iter().all(|&b| b == 0))
    }
}
