// SPDX-License-Identifier: GPL-2.0

//! Packet sockets.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero,
            POS_MAX, //
        },
        walk::Walk, //
    },
    net::{
        check::family,
        packet::*,
        Socket, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Largest TPACKET_*.
const VERSION_MAX: u32 = 2;

/// Largest PACKET_MR_*.
const MEMBER_KIND_MAX: u32 = 3;

/// ETH_P_8021Q, ETH_P_8021AD.
const VLAN_PROTOCOLS: [u32; 2] = [0x8100, 0x88a8];

/// Farthest place of a network header: that has sixteen bits.
const NETWORK_MAX: usize = 0xffff;

/// TPACKET_ALIGNMENT.
const FRAME_ALIGN: u32 = 16;

/// Most sockets of a group.
const FANOUT_MAX: u32 = 1 << 16;

/// Flags of a group: PACKET_FANOUT_FLAG_*, but PACKET_FANOUT_FLAG_UNIQUEID.
const FANOUT_FLAGS: u32 = 0xd000;

impl Walk<'_> {
    /// Checks what a packet socket is.
    pub(in crate::image) fn packet_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let packet: PacketSocket = raw.body()?;
        let socket = self.refer::<Socket>(raw, packet.socket.get())?;
        ensure(
            raw,
            family(socket) == FAMILY_PACKET,
            "refers to a socket of another family",
        )?;
        self.link_once::<Socket>(raw, packet.socket.get(), "tells of the same socket twice")?;
        flags(raw, packet.flags.get().into(), PACKET_ALL.into())?;
        zero(raw, packet.reserved.get() == 0)?;
        let numbers = [packet.device, packet.reserve];
        ensure(
            raw,
            packet.num.get() <= u32::from(u16::MAX)
                && numbers.iter().all(|n| n.get() <= i32::MAX as u32)
                && packet.version.get() <= VERSION_MAX
                && matches!(packet.vnet_hdr.get(), 0 | 10 | 12),
            "impossible option of a packet socket",
        )?;
        let kind = packet.fanout_type.get();
        if packet.fanout_max.get() == 0 {
            zero(raw, packet.fanout_id.get() == 0 && kind == 0)?;
        } else {
            ensure(
                raw,
                packet.fanout_max.get() <= FANOUT_MAX
                    && packet.fanout_id.get() <= u32::from(u16::MAX)
                    && kind & 0xff < FANOUT_TYPES
                    && kind & !0xff & !FANOUT_FLAGS == 0
                    && packet.num.get() != 0,
                "can't share packets",
            )?;
        }
        ensure(
            raw,
            matches!(packet.error.get(), 0 | ERROR_DOWN),
            "impossible error of a socket",
        )?;
        ensure(
            raw,
            packet.queued.get() <= QUEUED_MAX,
            "impossible length of a queue",
        )?;
        ensure(
            raw,
            packet.frozen.get() <= u32::from(packet.sequence.get() != 0),
            "its blocks are all in use, and it has none",
        )?;
        let members: &[PacketMember] = raw.array(MEMBERS_MAX)?;
        ensure(
            raw,
            u32::try_from(members.len()).is_ok_and(|n| n == packet.members.get()),
            "another number of memberships than announced",
        )?;
        for member in members {
            let len = member.len.get() as usize;
            ensure(
                raw,
                (1..=COUNT_MAX).contains(&member.count.get())
                    && member.kind.get() <= MEMBER_KIND_MAX
                    && member.device.get() <= i32::MAX as u32
                    && member
                        .addr
                        .get(len..)
                        .is_some_and(|rest| rest.iter().all(|&b| b == 0)),
                "impossible membership",
            )?;
        }
        Ok(())
    }

    /// Checks the rings of the packet socket right before.
    pub(in crate::image) fn packet_rings(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let rings: PacketRings = raw.body()?;
        let socket = self.refer::<Socket>(raw, rings.socket.get())?;
        ensure(
            raw,
            family(socket) == FAMILY_PACKET,
            "refers to a socket of another family",
        )?;
        self.follows(
            raw,
            rings.socket.get(),
            "rings that do not follow their socket",
        )?;
        // It lets them go on: the timer of blocks stands still until then.
        self.owe_link::<Socket>(raw, rings.socket.get(), "has rings twice")?;
        flags(
            raw,
            rings.flags.get().into(),
            (PACKET_TX_HAS_OFF | PACKET_LOSS).into(),
        )?;
        no_payload(raw)?;
        ensure(
            raw,
            rings.version.get() <= VERSION_MAX
                && rings.reserve.get() <= i32::MAX as u32
                && matches!(rings.vnet_hdr.get(), 0 | 10 | 12),
            "impossible option of a packet socket",
        )?;
        let rx = [
            rings.rx_block_size.get(),
            rings.rx_blocks.get(),
            rings.rx_frame_size.get(),
            rings.rx_frames.get(),
        ];
        let tx = [
            rings.tx_block_size.get(),
            rings.tx_blocks.get(),
            rings.tx_frame_size.get(),
            rings.tx_frames.get(),
        ];
        let bytes = self
            .packet_ring(raw, rx)?
            .saturating_add(self.packet_ring(raw, tx)?);
        ensure(raw, bytes != 0, "rings that are none")?;
        self.rings.bytes = self
            .rings
            .bytes
            .checked_sub(bytes)
            .ok_or(raw.fault("rings that are too large"))?;
        let blocks = rings.version.get() == VERSION_MAX && rings.rx_blocks.get() != 0;
        let of_blocks = [rings.retire, rings.private, rings.features];
        zero(
            raw,
            rings.reserved.get() == 0 && (blocks || of_blocks.iter().all(|n| n.get() == 0)),
        )?;
        ensure(
            raw,
            !blocks || rings.retire.get() != 0 && rings.private.get() < rings.rx_block_size.get(),
            "blocks that are never given away, or have no room for packets",
        )
    }

    /// Checks a ring, and returns how many bytes it has. `ring`: bytes and number of its blocks, and of
    /// its frames.
    fn packet_ring(&self, raw: &Raw<'_>, ring: [u32; 4]) -> Result<u64, Fault> {
        let [block_size, blocks, frame_size, frames] = ring;
        if blocks == 0 {
            zero(raw, ring == [0; 4])?;
            return Ok(0);
        }
        let in_block = block_size.checked_div(frame_size).unwrap_or(0);
        ensure(
            raw,
            self.is_aligned(block_size.into())
                && frame_size % FRAME_ALIGN == 0
                && in_block != 0
                && u64::from(in_block).saturating_mul(blocks.into()) == u64::from(frames),
            "impossible ring",
        )?;
        Ok(u64::from(block_size).saturating_mul(blocks.into()))
    }

    /// Checks memory of a ring.
    pub(in crate::image) fn packet_memory(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let memory: PacketMemory = raw.body()?;
        let socket = self.refer::<Socket>(raw, memory.socket.get())?;
        ensure(
            raw,
            family(socket) == FAMILY_PACKET,
            "refers to a socket of another family",
        )?;
        let len = raw.payload.len();
        ensure(
            raw,
            memory.ring.get() <= 1
                && (1..=MEMORY_MAX).contains(&len)
                && memory.offset.get() < RINGS_MAX,
            "impossible memory of a ring",
        )
    }

    /// Checks a packet in the queue of a packet socket.
    pub(in crate::image) fn packet_frame(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let frame: PacketFrame = raw.body()?;
        let socket = self.refer::<Socket>(raw, frame.socket.get())?;
        ensure(
            raw,
            family(socket) == FAMILY_PACKET,
            "refers to a socket of another family",
        )?;
        flags(raw, frame.flags.get().into(), FRAME_ALL.into())?;
        let has = |flag| frame.flags.get() & flag != 0;
        let numbers = [
            frame.hardware,
            frame.protocol,
            frame.vlan_protocol,
            frame.vlan_tag,
        ];
        ensure(
            raw,
            numbers.iter().all(|n| n.get() <= u32::from(u16::MAX))
                && frame.kind.get() <= u32::from(u8::MAX)
                && frame.device.get() <= i32::MAX as u32
                && !(has(FRAME_VALID) && has(FRAME_UNSUMMED)),
            "impossible packet",
        )?;
        zero(
            raw,
            frame.reserved.get() == 0
                && (has(FRAME_VLAN) || frame.vlan_protocol.get() | frame.vlan_tag.get() == 0),
        )?;
        ensure(
            raw,
            !has(FRAME_VLAN) || VLAN_PROTOCOLS.contains(&frame.vlan_protocol.get()),
            "unknown tag of a VLAN",
        )?;
        let len = frame.addr_len.get() as usize;
        ensure(
            raw,
            frame
                .addr
                .get(len..)
                .is_some_and(|rest| rest.iter().all(|&b| b == 0)),
            "impossible address",
        )?;
        ensure(
            raw,
            frame.time.get() <= POS_MAX,
            "impossible time of a datagram",
        )?;
        ensure(
            raw,
            raw.payload.len() <= FRAME_MAX
                && frame.network.get() as usize <= raw.payload.len().min(NETWORK_MAX),
            "a packet that is too long, or has its header elsewhere",
        )
    }
}
