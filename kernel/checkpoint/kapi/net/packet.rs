// SPDX-License-Identifier: GPL-2.0

//! Packet sockets: `net/packet/af_packet.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::{
    packet_ring::Position,
    socket::SockRef, //
};

/// What a packet socket is.
pub(crate) struct Packet {
    /// The protocol that it receives; 0: none.
    pub(crate) num: u32,
    /// The device that it is bound to; 0: all; -1: it is gone.
    pub(crate) device: i32,
    /// TPACKET_*.
    pub(crate) version: u32,
    /// PACKET_RESERVE.
    pub(crate) reserve: u32,
    /// Bytes of the header for virtio; 0: none.
    pub(crate) vnet_hdr: u32,
    /// PACKET_COPY_THRESH.
    pub(crate) copy_thresh: i32,
    /// PACKET_TIMESTAMP.
    pub(crate) timestamp: i32,
    /// Options of SOL_PACKET that are on.
    pub(crate) flags: u32,
    /// The group of sockets that share what comes.
    pub(crate) fanout: Option<Fanout>,
    /// The pending error, as SO_ERROR returns it.
    pub(crate) err: i32,
    /// How many memberships it has.
    pub(crate) members: u32,
    /// Packets of its queue that are not saved.
    pub(crate) lost: u32,
    /// It has a ring.
    pub(crate) ring: bool,
}

/// A group of packet sockets that share what comes.
#[derive(Clone, Copy)]
pub(crate) struct Fanout {
    /// Its number.
    pub(crate) id: u32,
    /// Its type and flags, as of PACKET_FANOUT.
    pub(crate) kind: u32,
    /// How many may be in it.
    pub(crate) max: u32,
}

/// A membership of a packet socket.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    /// The device.
    pub(crate) device: i32,
    /// How often it was added.
    pub(crate) count: u32,
    /// PACKET_MR_*.
    pub(crate) kind: u32,
    /// Bytes of the address.
    pub(crate) len: u32,
    /// The address.
    pub(crate) addr: [u8; 32],
}

impl SockRef {
    /// Returns what it is; it is a packet socket that a file shows. May sleep.
    ///
    /// EINTR: the caller was killed.
    pub(crate) fn packet(&self) -> Result<Packet> {
        let mut raw = bindings::checkpoint_packet::default();
        // SAFETY: We own a reference on a packet socket; there is room for the result.
        to_result(unsafe { bindings::checkpoint_packet_get(self.as_ptr(), &mut raw) })?;
        Ok(Packet {
            num: raw.num,
            device: raw.ifindex,
            version: raw.version.cast_unsigned(),
            reserve: raw.reserve,
            vnet_hdr: raw.vnet_hdr,
            copy_thresh: raw.copy_thresh,
            timestamp: raw.timestamp,
            flags: raw.flags,
            fanout: raw.fanout.then_some(Fanout {
                id: raw.fanout_id,
                kind: raw.fanout_type,
                max: raw.fanout_max,
            }),
            err: raw.err,
            members: raw.members,
            lost: raw.lost,
            ring: raw.ring,
        })
    }

    /// Returns its memberships, `max` at most; it is a packet socket. May sleep.
    ///
    /// EINTR: the caller was killed.
    pub(crate) fn packet_members(&self, max: u32) -> Result<KVVec<Member>> {
        let mut raw: KVVec<bindings::checkpoint_packet_member> = KVVec::new();
        raw.resize(max as usize, Default::default(), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on a packet socket; there is room for so many.
        let found =
            unsafe { bindings::checkpoint_packet_members(self.as_ptr(), raw.as_mut_ptr(), max) };
        to_result(found.min(0))?;
        let mut members = KVVec::new();
        for m in raw.iter().take(usize::try_from(found)?) {
            let member = Member {
                device: m.ifindex,
                count: m.count,
                kind: m.type_,
                len: m.alen,
                addr: m.addr,
            };
            members.push(member, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(members)
    }

    /// Sets its options, adds memberships, lets it go on at `position`, binds it and puts it into its
    /// group, with the rights that the caller acts with. What of its queue was not saved counts as dropped.
    ///
    /// Errors as of setsockopt(2) and bind(2). ENODEV: there is no such device. EINVAL: or its rings
    /// have no such position.
    pub(crate) fn open_packet(
        &self,
        state: &Packet,
        members: &[Member],
        position: &Position,
    ) -> Result {
        let mut raw: KVVec<bindings::checkpoint_packet_member> = KVVec::new();
        for m in members {
            let member = bindings::checkpoint_packet_member {
                ifindex: m.device,
                count: m.count,
                type_: m.kind,
                alen: m.len,
                addr: m.addr,
            };
            raw.push(member, GFP_KERNEL)?;
        }
        let fanout = state.fanout.unwrap_or(Fanout {
            id: 0,
            kind: 0,
            max: 0,
        });
        let packet = bindings::checkpoint_packet {
            num: state.num,
            ifindex: state.device,
            version: state.version.cast_signed(),
            reserve: state.reserve,
            vnet_hdr: state.vnet_hdr,
            copy_thresh: state.copy_thresh,
            timestamp: state.timestamp,
            flags: state.flags,
            fanout_id: fanout.id,
            fanout_type: fanout.kind,
            fanout_max: fanout.max,
            err: state.err,
            members: u32::try_from(raw.len())?,
            lost: state.lost,
            ring: false,
            fanout: state.fanout.is_some(),
        };
        // SAFETY: We own a reference on a packet socket; there are as many memberships as the structure
        // says, and all is only read.
        to_result(unsafe {
            bindings::checkpoint_packet_open(
                self.as_ptr(),
                &packet,
                raw.as_ptr(),
                position.as_ptr(),
            )
        })
    }
}
