// SPDX-License-Identifier: GPL-2.0

//! Records of packet sockets.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::image::layout::{
    flags,
    record,
    structure, //
};

/// `Socket.family`: AF_PACKET.
pub const FAMILY_PACKET: u32 = 17;

/// Most memberships of one socket.
pub const MEMBERS_MAX: usize = 256;

/// How often a membership may have been added.
pub const COUNT_MAX: u32 = 64;

/// Most packets that are counted as dropped.
pub const QUEUED_MAX: u32 = 1 << 24;

/// [`PacketSocket::error`]: ENETDOWN.
pub const ERROR_DOWN: u32 = 100;

/// Types of [`PacketSocket::fanout_type`], without its flags, that no program decides about.
pub const FANOUT_TYPES: u32 = 6;

record! {
    /// A link: what a packet socket is; payload: [`PacketMember`]s, the last one first.
    #[record(PacketSocket = 239, "packet socket", min = 64, check = packet_socket)]
    pub struct PacketSocket {
        /// The `Socket`.
        pub socket: U32,
        /// `PACKET_*`: options of SOL_PACKET that are on.
        pub flags: U32,
        /// The protocol that it receives, ETH_P_*; 0: none.
        pub num: U32,
        /// Number of the device that it is bound to; 0: all.
        pub device: U32,
        /// TPACKET_*.
        pub version: U32,
        /// PACKET_RESERVE.
        pub reserve: U32,
        /// PACKET_VNET_HDR_SZ.
        pub vnet_hdr: U32,
        /// PACKET_COPY_THRESH, signed.
        pub copy_thresh: U32,
        /// PACKET_TIMESTAMP.
        pub timestamp: U32,
        /// How many sockets may be in the group that it shares packets with (PACKET_FANOUT); 0: it is
        /// in none.
        pub fanout_max: U32,
        /// Number of that group.
        pub fanout_id: U32,
        /// Its type and flags.
        pub fanout_type: U32,
        /// What SO_ERROR tells: 0, or 100 for ENETDOWN.
        pub error: U32,
        /// Packets that were in its queue and are not saved: they count as dropped.
        pub queued: U32,
        /// How many memberships it has.
        pub members: U32,
        /// Zero.
        pub reserved: U32,
    }
}

flags! {
    "PacketSocket.flags": u32, PACKET_LIST, PACKET_ALL;
    /// PACKET_ORIGDEV.
    PACKET_ORIGDEV = 1 << 0,
    /// PACKET_AUXDATA.
    PACKET_AUXDATA = 1 << 1,
    /// PACKET_TX_HAS_OFF.
    PACKET_TX_HAS_OFF = 1 << 2,
    /// PACKET_LOSS.
    PACKET_LOSS = 1 << 3,
    /// PACKET_QDISC_BYPASS.
    PACKET_QDISC_BYPASS = 1 << 4,
    /// PACKET_IGNORE_OUTGOING.
    PACKET_IGNORE_OUTGOING = 1 << 5,
}

/// Most bytes of a packet in a queue.
pub const FRAME_MAX: usize = 1 << 18;

record! {
    /// A link: a packet in the queue of a packet socket, oldest first; payload: its bytes, as the socket is
    /// to receive them.
    #[record(PacketFrame = 257, "packet in a queue", min = 96, check = packet_frame)]
    pub struct PacketFrame {
        /// The `Socket`.
        pub socket: U32,
        /// `FRAME_*`.
        pub flags: U32,
        /// Number of the device by which it has come.
        pub device: U32,
        /// Type of that, ARPHRD_*.
        pub hardware: U32,
        /// To whom it has come, PACKET_*.
        pub kind: U32,
        /// ETH_P_*.
        pub protocol: U32,
        /// Bytes that it had before a filter has cut it.
        pub original: U32,
        /// Where its network header is.
        pub network: U32,
        /// ETH_P_* of the tag of its VLAN.
        pub vlan_protocol: U32,
        /// That tag.
        pub vlan_tag: U32,
        /// Its mark.
        pub mark: U32,
        /// Its priority.
        pub priority: U32,
        /// When it has come, in nanoseconds since 1970; 0: that is not known.
        pub time: U64,
        /// Bytes of the address that it has come from.
        pub addr_len: U32,
        /// Zero.
        pub reserved: U32,
        /// That address, with zeros after it.
        pub addr: [u8; 32],
    }
}

flags! {
    "PacketFrame.flags": u32, FRAME_LIST, FRAME_ALL;
    /// It has the tag of a VLAN.
    FRAME_VLAN = 1 << 0,
    /// It is one of TCP that a device is to segment.
    FRAME_TCP = 1 << 1,
    /// Its check sum is valid.
    FRAME_VALID = 1 << 2,
    /// Its check sum is a device's to make.
    FRAME_UNSUMMED = 1 << 3,
}

structure! {
    /// A membership of a packet socket (PACKET_ADD_MEMBERSHIP).
    pub struct PacketMember {
        /// Number of the device.
        pub device: U32,
        /// How often it was added.
        pub count: U32,
        /// PACKET_MR_*.
        pub kind: U32,
        /// Bytes of the address.
        pub len: U32,
        /// The address, with zeros after it.
        pub addr: [u8; 32],
    }
}
