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
        /// Packets that were received since it was asked for its statistics.
        pub packets: U32,
        /// Packets that were dropped since then, without those in `queued`.
        pub drops: U32,
        /// How often the blocks of TPACKET_V3 were all in use since then.
        pub freezes: U32,
        /// The frame that is filled next, or the block of TPACKET_V3; 0 without a ring.
        pub rx: U32,
        /// The frame that is sent next; 0 without a ring.
        pub tx: U32,
        /// 1: the blocks of TPACKET_V3 are all in use.
        pub frozen: U32,
        /// Number that the block of TPACKET_V3 gets which is opened next; 0: it has no blocks.
        pub sequence: U64,
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

/// Most bytes of all rings in an image.
pub const RINGS_MAX: u64 = 1 << 28;

/// Most mappings of such rings in an image: for each the kernel maps all rings of a socket, of which it may
/// keep a page.
pub const RING_MAPPINGS_MAX: u32 = 1024;

/// What rings that are still to come in an image may have.
pub(in crate::image) struct RingsLeft {
    /// Bytes.
    pub(in crate::image) bytes: u64,
    /// Mappings.
    pub(in crate::image) mappings: u32,
}

impl Default for RingsLeft {
    fn default() -> Self {
        Self {
            bytes: RINGS_MAX,
            mappings: RING_MAPPINGS_MAX,
        }
    }
}

/// Most bytes of a [`PacketMemory`].
pub const MEMORY_MAX: usize = 1 << 16;

record! {
    /// The rings of a packet socket, whose record is right before, with what is set before them.
    #[record(PacketRings = 278, "rings of a packet socket", min = 72, check = packet_rings)]
    pub struct PacketRings {
        /// The `Socket`.
        pub socket: U32,
        /// PACKET_TX_HAS_OFF and PACKET_LOSS of `PacketSocket.flags`.
        pub flags: U32,
        /// TPACKET_*.
        pub version: U32,
        /// PACKET_RESERVE.
        pub reserve: U32,
        /// PACKET_VNET_HDR_SZ.
        pub vnet_hdr: U32,
        /// Milliseconds after which a block of TPACKET_V3 is given away.
        pub retire: U32,
        /// Bytes that such a block has for the tasks.
        pub private: U32,
        /// TP_FT_REQ_*.
        pub features: U32,
        /// Bytes of a block of the ring that receives (PACKET_RX_RING).
        pub rx_block_size: U32,
        /// How many there are; 0: it has no such ring.
        pub rx_blocks: U32,
        /// Bytes of a frame in it.
        pub rx_frame_size: U32,
        /// How many there are.
        pub rx_frames: U32,
        /// Bytes of a block of the ring that sends (PACKET_TX_RING).
        pub tx_block_size: U32,
        /// How many there are; 0: it has no such ring.
        pub tx_blocks: U32,
        /// Bytes of a frame in it.
        pub tx_frame_size: U32,
        /// How many there are.
        pub tx_frames: U32,
        /// Zero.
        pub reserved: U64,
    }
}

record! {
    /// A link: memory of a ring that is not zero; payload: its bytes.
    #[record(PacketMemory = 279, "memory of a ring", min = 16, check = packet_memory)]
    pub struct PacketMemory {
        /// The `Socket`.
        pub socket: U32,
        /// 0: of the ring that receives; 1: of that which sends.
        pub ring: U32,
        /// Where it is in the ring, in bytes.
        pub offset: U64,
    }
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
        /// Number of the device that received it.
        pub device: U32,
        /// Type of that, ARPHRD_*.
        pub hardware: U32,
        /// Whom it was for, PACKET_*.
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
