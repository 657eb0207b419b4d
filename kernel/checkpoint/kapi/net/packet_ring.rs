// SPDX-License-Identifier: GPL-2.0

//! Rings of packet sockets: `net/packet/checkpoint.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    mm::space::MmRef,
    net::socket::SockRef, //
};

/// A ring, as it is asked for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ring {
    /// Bytes of a block.
    pub(crate) block_size: u32,
    /// How many there are; 0: there is no such ring.
    pub(crate) blocks: u32,
    /// Bytes of a frame.
    pub(crate) frame_size: u32,
    /// How many there are.
    pub(crate) frames: u32,
}

/// The rings of a socket, and what is set before them.
#[derive(Clone, Copy)]
pub(crate) struct Rings {
    /// For receiving.
    pub(crate) rx: Ring,
    /// For sending.
    pub(crate) tx: Ring,
    /// Milliseconds after which a block of TPACKET_V3 is given away.
    pub(crate) retire: u32,
    /// Bytes that such a block has for its tasks.
    pub(crate) private: u32,
    /// TP_FT_REQ_*.
    pub(crate) features: u32,
    /// TPACKET_*.
    pub(crate) version: u32,
    /// PACKET_RESERVE.
    pub(crate) reserve: u32,
    /// Bytes of the header for virtio; 0: none.
    pub(crate) vnet_hdr: u32,
    /// PACKET_TX_HAS_OFF.
    pub(crate) has_off: bool,
    /// PACKET_LOSS.
    pub(crate) loss: bool,
}

/// Where a socket is, at one moment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Position(bindings::checkpoint_packet_at);

impl Position {
    /// Makes one that goes on from there: see [`PacketSocket`](crate::image::net::packet::PacketSocket).
    pub(crate) fn of(
        [packets, drops, freezes]: [u32; 3],
        [rx, tx]: [u32; 2],
        frozen: bool,
        sequence: u64,
    ) -> Self {
        Self(bindings::checkpoint_packet_at {
            sequence,
            rx,
            tx,
            packets,
            drops,
            freezes,
            frozen,
            ..Default::default()
        })
    }

    /// Packets received, packets dropped, and how often blocks have run out.
    pub(crate) fn statistics(&self) -> [u32; 3] {
        [self.0.packets, self.0.drops, self.0.freezes]
    }

    /// Returns the frame, or block, that is filled next; the frame that is sent next.
    pub(crate) fn positions(&self) -> [u32; 2] {
        [self.0.rx, self.0.tx]
    }

    /// Tells whether blocks of TPACKET_V3 are all in use.
    pub(crate) fn frozen(&self) -> bool {
        self.0.frozen
    }

    /// Returns the number of the block of TPACKET_V3 that is opened next; 0: there are none.
    pub(crate) fn sequence(&self) -> u64 {
        self.0.sequence
    }

    /// Packets in its queue.
    pub(crate) fn queued(&self) -> usize {
        self.0.queued as usize
    }

    /// Returns the C structure, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *const bindings::checkpoint_packet_at {
        &self.0
    }
}

/// Waits until what sockets were receiving when they were brought to rest is in their rings. May sleep.
pub(crate) fn settled() {
    // SAFETY: It may be called wherever one may sleep.
    unsafe { bindings::checkpoint_packet_settled() };
}

impl Ring {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.block_size).saturating_mul(self.blocks.into())
    }

    fn of(raw: &bindings::checkpoint_packet_ring) -> Self {
        Self {
            block_size: raw.block_size,
            blocks: raw.block_nr,
            frame_size: raw.frame_size,
            frames: raw.frame_nr,
        }
    }

    fn raw(&self) -> bindings::checkpoint_packet_ring {
        bindings::checkpoint_packet_ring {
            block_size: self.block_size,
            block_nr: self.blocks,
            frame_size: self.frame_size,
            frame_nr: self.frames,
        }
    }
}

impl Rings {
    /// Bytes of both.
    pub(crate) fn bytes(&self) -> u64 {
        self.rx.bytes().saturating_add(self.tx.bytes())
    }
}

impl SockRef {
    /// Returns what rings it has: it is a packet socket, as for all that follow. May sleep.
    ///
    /// EOPNOTSUPP: packet sockets are a module of this kernel. EINTR: the caller was killed.
    pub(crate) fn rings(&self) -> Result<Rings> {
        let mut raw = bindings::checkpoint_packet_rings::default();
        // SAFETY: We own a reference on a packet socket; there is room for the result.
        to_result(unsafe { bindings::checkpoint_packet_ring_get(self.as_ptr(), &mut raw) })?;
        Ok(Rings {
            rx: Ring::of(&raw.rx),
            tx: Ring::of(&raw.tx),
            retire: raw.retire,
            private: raw.priv_,
            features: raw.features,
            version: raw.version,
            reserve: raw.reserve,
            vnet_hdr: raw.vnet_hdr,
            has_off: raw.has_off,
            loss: raw.loss,
        })
    }

    /// Returns how long a mapping of all its rings is; `None`: it is no packet socket with rings. May
    /// sleep.
    pub(crate) fn rings_len(&self) -> Option<usize> {
        // AF_PACKET.
        if self.basics().family.cast_unsigned() != bindings::AF_PACKET {
            return None;
        }
        // SAFETY: We own a reference on a packet socket.
        let len = unsafe { bindings::checkpoint_packet_ring_size(self.as_ptr()) };
        usize::try_from(len).ok().filter(|&len| len != 0)
    }

    /// Returns whether frames that it has sent from its ring are on their way.
    pub(crate) fn is_sending(&self) -> bool {
        // SAFETY: We own a reference on a packet socket.
        unsafe { bindings::checkpoint_packet_ring_pending(self.as_ptr()) }
    }

    /// Returns where it is. A block of TPACKET_V3 that has packets is given to its tasks.
    pub(crate) fn rest(&self) -> Position {
        let mut position = Position::default();
        // SAFETY: We own a reference on a packet socket; there is room for the result.
        unsafe { bindings::checkpoint_packet_rest(self.as_ptr(), &mut position.0) };
        position
    }

    /// Reads what its ring, the one that sends (`tx`) or receives, had from the byte `offset` on when it
    /// was at `position`, after [`settled()`]. Offset and length are multiples of the size of a page.
    ///
    /// EINVAL: it is not so long. EINTR: the caller was killed.
    pub(crate) fn read_ring(
        &self,
        position: &Position,
        tx: bool,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result {
        // SAFETY: We own a reference on a packet socket; the bytes are ours.
        to_result(unsafe {
            bindings::checkpoint_packet_ring_read(
                self.as_ptr(),
                position.as_ptr(),
                tx,
                offset,
                bytes.as_mut_ptr().cast(),
                bytes.len() as u64,
            )
        })
    }

    /// Writes to its ring. It is not bound yet.
    ///
    /// EINVAL: it is not so long, or has none. EINTR: the caller was killed.
    pub(crate) fn write_ring(&self, tx: bool, offset: u64, bytes: &[u8]) -> Result {
        // SAFETY: We own a reference; sockets of other families are refused. The bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_packet_ring_write(
                self.as_ptr(),
                tx,
                offset,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
            )
        })
    }

    /// Gives it, which is new, its rings, with the rights that the caller acts with. May sleep.
    ///
    /// EINVAL: there can't be such. ENOMEM: there is no memory. EOPNOTSUPP: packet sockets are a module.
    pub(crate) fn make_rings(&self, rings: &Rings) -> Result {
        let raw = bindings::checkpoint_packet_rings {
            rx: rings.rx.raw(),
            tx: rings.tx.raw(),
            retire: rings.retire,
            priv_: rings.private,
            features: rings.features,
            version: rings.version,
            reserve: rings.reserve,
            vnet_hdr: rings.vnet_hdr,
            has_off: rings.has_off,
            loss: rings.loss,
        };
        // SAFETY: We own a reference on a packet socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_packet_make_rings(self.as_ptr(), &raw) })
    }

    /// Returns whether all of the mapping of `len` bytes at `start` of `mm` is memory of its rings, from
    /// the byte `offset` on. May sleep. EINTR: SIGKILL came.
    pub(crate) fn maps_rings(
        &self,
        mm: &MmRef,
        start: usize,
        len: usize,
        offset: u64,
    ) -> Result<bool> {
        // SAFETY: We own references on a packet socket and on an address space with users.
        let found = unsafe {
            bindings::checkpoint_packet_ring_maps(self.as_ptr(), mm.as_ptr(), start, len, offset)
        };
        to_result(found.min(0))?;
        Ok(found != 0)
    }
}
