// SPDX-License-Identifier: GPL-2.0

//! Records of tun and tap devices, and of the open files that are their queues.

use zerocopy::byteorder::little_endian::{
    I32,
    U16,
    U32,
    U64, //
};

use super::check::tun as check;
use crate::image::layout::{
    flags,
    record,
    structure, //
};

/// Most queues of a device.
pub const TUN_QUEUES_MAX: usize = 256;

/// Most addresses that the filter of a device compares.
pub const TUN_FILTER_MAX: u32 = 8;

/// Most bytes of a packet.
pub const TUN_PACKET_MAX: usize = 0x20000;

/// [`TunDevice::flags`]: IFF_TUN and IFF_TAP.
pub const TUN_TYPE_TUN: u32 = 1;
/// See [`TUN_TYPE_TUN`].
pub const TUN_TYPE_TAP: u32 = 2;
/// IFF_NAPI and IFF_NAPI_FRAGS.
pub const TUN_NAPI: u32 = 0x30;
/// IFF_MULTI_QUEUE.
pub const TUN_MULTI_QUEUE: u32 = 0x100;
/// IFF_PERSIST.
pub const TUN_PERSIST: u32 = 0x800;
/// IFF_BACKPRESSURE, IFF_NO_PI, IFF_ONE_QUEUE, IFF_VNET_HDR.
const TUN_OTHERS: u32 = 0x80 | 0x1000 | 0x2000 | 0x4000;
/// TUN_VNET_LE and TUN_VNET_BE: the byte order that TUNSETVNETLE and TUNSETVNETBE give to headers.
const TUN_ENDIAN: u32 = 0xc000_0000;
/// All that [`TunDevice::flags`] may have besides the type.
pub const TUN_FLAGS: u32 = TUN_NAPI | TUN_MULTI_QUEUE | TUN_PERSIST | TUN_OTHERS | TUN_ENDIAN;

record! {
    /// A link: a tun or tap device of a network namespace, made before the requests of that. Payload: a
    /// [`TunSlot`] for each of its queues, those that are attached in their order, then those that were
    /// detached.
    #[record(TunDevice = 242, "tun device", min = 144, check = tun_device)]
    pub struct TunDevice {
        /// The `NetNs`.
        pub net: U32,
        /// Number of the device.
        pub index: U32,
        /// IFF_* of its type and of TUNSETIFF, and IFF_PERSIST; in bits 31 and 30 what TUNSETVNETLE and
        /// TUNSETVNETBE have set.
        pub flags: U32,
        /// ARPHRD_*, as of TUNSETLINK.
        pub arphrd: U32,
        /// User who may attach to it, as of TUNSETOWNER; -1: none.
        pub owner: U32,
        /// Group that may, as of TUNSETGROUP; -1: none.
        pub group: U32,
        /// TUN_F_*, as of TUNSETOFFLOAD.
        pub offload: U32,
        /// `TUN_HAS_*`.
        pub has: U32,
        /// Bytes of the header of a packet, as of TUNSETVNETHDRSZ.
        pub vnet_hdr_sz: I32,
        /// As of TUNSETSNDBUF.
        pub sndbuf: I32,
        /// Which messages it logs, as of TUNSETDEBUG.
        pub msg_enable: U32,
        /// How many packets it gathers, as of ETHTOOL_SCOALESCE.
        pub rx_batched: U32,
        /// Instructions of the filter that TUNGETFILTER tells of.
        pub fprog_len: U32,
        /// How many addresses the filter of TUNSETTXFILTER compares; 0: it lets all through.
        pub txflt_count: U32,
        /// Where the filter of `fprog_len` was in the memory of who has set it.
        pub fprog_filter: U64,
        /// What the filter of TUNSETTXFILTER has of more addresses.
        pub txflt_mask: [U32; 2],
        /// The addresses that it compares.
        pub txflt_addr: [u8; 48],
        /// Its name, padded with NUL.
        pub name: [u8; 16],
        /// Queues that are attached.
        pub queues: U32,
        /// Queues that were detached (TUNSETQUEUE).
        pub disabled: U32,
    }
}

flags! {
    "TunDevice.has": u32, TUN_HAS_LIST, TUN_HAS_ALL;
    /// It has a carrier.
    TUN_HAS_CARRIER = 1 << 0,
    /// TUNSETOFFLOAD was done.
    TUN_HAS_OFFLOAD = 1 << 1,
    /// TUNATTACHFILTER was done.
    TUN_HAS_FILTERS = 1 << 2,
}

structure! {
    /// How a queue was attached to a device.
    pub struct TunSlot {
        /// IFF_NAPI, IFF_NAPI_FRAGS.
        pub flags: U32,
    }
}

record! {
    /// What an open file of tun and tap devices is; payload: `FilterStep`s of the classic filter that it
    /// has. The packets that wait to be read follow it.
    #[record(TunQueue = 243, "tun queue", min = 32, check = tun_queue, object = tun_queue_object)]
    pub struct TunQueue {
        /// Reference of this object.
        pub obj: U32,
        /// The `NetNs` of its device; 0: it is attached to none.
        pub net: U32,
        /// Number of the device.
        pub device: U32,
        /// Which of its queues, as the device lists them.
        pub number: U32,
        /// Of one that is attached to none: number that its device will get; 0: any.
        pub ifindex: U32,
        /// As of TUNGETSNDBUF.
        pub sndbuf: I32,
        /// `TUN_QUEUE_*`.
        pub flags: U32,
        /// Instructions of its filter.
        pub filter: U32,
    }
}

flags! {
    "TunQueue.flags": u32, TUN_QUEUE_LIST, TUN_QUEUE_ALL;
    /// The device that it was attached to was deleted.
    TUN_QUEUE_SHUT = 1 << 0,
}

record! {
    /// A packet that waits to be read from an open file of tun and tap devices, the first one first;
    /// payload: its bytes.
    #[record(TunPacket = 244, "tun packet", min = 32, check = tun_packet)]
    pub struct TunPacket {
        /// The [`TunQueue`], which it follows.
        pub queue: U32,
        /// `TUN_PACKET_*`.
        pub flags: U32,
        /// ETH_P_*.
        pub protocol: U16,
        /// ETH_P_8021Q or ETH_P_8021AD.
        pub vlan_proto: U16,
        /// Its tag.
        pub vlan_tci: U16,
        /// `struct virtio_net_hdr` of it, in little endian.
        pub header: [u8; 10],
        /// Zero.
        pub reserved: [u8; 8],
    }
}

flags! {
    "TunPacket.flags": u32, TUN_PACKET_LIST, TUN_PACKET_ALL;
    /// It has a tag of a VLAN that is not among its bytes.
    TUN_PACKET_VLAN = 1 << 0,
}
