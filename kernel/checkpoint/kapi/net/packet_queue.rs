// SPDX-License-Identifier: GPL-2.0

//! What is in the queues of packet sockets: `net/packet/af_packet.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::{
    socket::SockRef,
    unix::Queued, //
};

/// A packet in a queue.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Number of the device by which it has come, and its type.
    pub(crate) device: u32,
    pub(crate) hardware: u16,
    /// To whom it has come, PACKET_*.
    pub(crate) kind: u8,
    /// The address that it has come from, and how many bytes of it count.
    pub(crate) addr: [u8; 32],
    pub(crate) addr_len: u8,
    /// ETH_P_*.
    pub(crate) protocol: u16,
    /// Bytes that it had before a filter has cut it; that it has.
    pub(crate) original: u32,
    pub(crate) len: u32,
    /// Where its network header is.
    pub(crate) network: u32,
    /// ETH_P_* of the tag of its VLAN, and the tag.
    pub(crate) vlan: Option<(u16, u16)>,
    /// It is one of TCP that a device is to segment.
    pub(crate) tcp: bool,
    /// Its check sum is valid; is a device's to make.
    pub(crate) valid: bool,
    pub(crate) unsummed: bool,
    pub(crate) mark: u32,
    pub(crate) priority: u32,
    /// When it has come, in nanoseconds; 0: that is not known.
    pub(crate) time: i64,
}

impl SockRef {
    /// Returns what is in its queue, oldest first: it is a packet socket, as for all that follow.
    pub(crate) fn packet_queue(&self) -> Result<KVVec<Queued>> {
        Queued::all(|skbs, max| {
            // SAFETY: We own a reference on a packet socket; there is room for so many pointers.
            unsafe { bindings::checkpoint_packet_queue(self.as_ptr(), skbs, max) }
        })
    }

    /// Returns what a packet that was in its queue is. EOPNOTSUPP: it has something that can't be
    /// saved.
    pub(crate) fn frame(&self, queued: &Queued) -> Result<Frame> {
        let mut raw = bindings::checkpoint_packet_message::default();
        // SAFETY: We own references on both; what was in the queue of a packet socket is a packet.
        to_result(unsafe {
            bindings::checkpoint_packet_message(self.as_ptr(), queued.as_ptr(), &mut raw)
        })?;
        Ok(Frame {
            device: raw.device.max(0).cast_unsigned(),
            hardware: raw.hatype,
            kind: raw.kind,
            addr: raw.addr,
            addr_len: raw.halen,
            protocol: raw.protocol,
            original: raw.original,
            len: raw.len,
            network: raw.network,
            vlan: raw.vlan.then_some((raw.vlan_protocol, raw.vlan_tag)),
            tcp: raw.tcp,
            valid: raw.valid,
            unsummed: raw.unsummed,
            mark: raw.mark,
            priority: raw.priority,
            time: raw.time,
        })
    }

    /// Puts a packet with the bytes `data` into its queue: it is not bound yet.
    ///
    /// EINVAL: it can't be there. ENOMEM: there is no memory. EINTR: the caller was killed.
    pub(crate) fn put_frame(&self, frame: &Frame, data: &[u8]) -> Result {
        let (vlan_protocol, vlan_tag) = frame.vlan.unwrap_or((0, 0));
        let raw = bindings::checkpoint_packet_message {
            time: frame.time,
            len: u32::try_from(data.len())?,
            original: frame.original,
            device: i32::try_from(frame.device)?,
            network: frame.network,
            mark: frame.mark,
            priority: frame.priority,
            hatype: frame.hardware,
            protocol: frame.protocol,
            vlan_protocol,
            vlan_tag,
            kind: frame.kind,
            halen: frame.addr_len,
            vlan: frame.vlan.is_some(),
            tcp: frame.tcp,
            valid: frame.valid,
            unsummed: frame.unsummed,
            addr: frame.addr,
        };
        // SAFETY: We own a reference; sockets of other families are refused. The structure and as many
        // bytes as it says are only read.
        to_result(unsafe {
            bindings::checkpoint_packet_put(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }
}
