// SPDX-License-Identifier: GPL-2.0

//! Rings of packet sockets (PACKET_RX_RING, PACKET_TX_RING).
//!
//! They are made with the socket, as mappings of it come before links. What was in them, and where
//! they go on, is in links: it is put back before the socket is bound.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    files::Named,
    found::Capture,
    image::{
        net::packet::*,
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            packet_ring::{
                Position,
                Ring,
                Rings, //
            },
            socket::SockRef, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        packet,
        socket, //
    }, //
};

/// How long frames that are being sent are waited for, those of all sockets, in milliseconds.
const SENDING_MS: u64 = 100;

/// What is left out of an image where it is zero: so many bytes.
const PART: usize = 4096;

/// Looks at the rings of a socket. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    let (errno, why) = match sk.rings() {
        Ok(rings) => {
            let all = cap.found.net.rings.saturating_add(rings.bytes());
            cap.found.net.rings = all;
            if all > RINGS_MAX {
                (
                    EOPNOTSUPP,
                    "all rings together have more than 256 MiB (PACKET_RX_RING, PACKET_TX_RING): \
                     have it make smaller ones",
                )
            } else if is_still_sending(cap, sk)? {
                (
                    EBUSY,
                    "frames of its ring wait to be sent (PACKET_TX_RING): try again",
                )
            } else {
                return Ok(true);
            }
        }
        Err(EOPNOTSUPP) => (
            EOPNOTSUPP,
            "has a ring (PACKET_RX_RING, PACKET_TX_RING), and packet sockets are a module of this \
             kernel (CONFIG_PACKET=m): have it closed",
        ),
        Err(e) => return Err(e),
    };
    cap.refuse(errno, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Returns whether frames are on their way for longer than it takes to send them: its tasks send no more.
fn is_still_sending(cap: &mut Capture, sk: &SockRef) -> Result<bool> {
    while sk.is_sending() {
        let end = *cap
            .found
            .net
            .sending_until
            .get_or_insert_with(|| wait::monotonic_ns().saturating_add(SENDING_MS * 1_000_000));
        wait::go_on()?;
        if wait::monotonic_ns() >= end {
            return Ok(true);
        }
        wait::pause_ms(1);
    }
    Ok(false)
}

/// Writes what rings the socket `obj`, whose record is the last one, has.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef) -> Result {
    if !sk.packet()?.ring {
        return Ok(());
    }
    let rings = sk.rings()?;
    let mut flags = 0;
    if rings.has_off {
        flags |= PACKET_TX_HAS_OFF;
    }
    if rings.loss {
        flags |= PACKET_LOSS;
    }
    let record = PacketRings {
        socket: obj.get().into(),
        flags: flags.into(),
        version: rings.version.into(),
        reserve: rings.reserve.into(),
        vnet_hdr: rings.vnet_hdr.into(),
        retire: rings.retire.into(),
        private: rings.private.into(),
        features: rings.features.into(),
        rx_block_size: rings.rx.block_size.into(),
        rx_blocks: rings.rx.blocks.into(),
        rx_frame_size: rings.rx.frame_size.into(),
        rx_frames: rings.rx.frames.into(),
        tx_block_size: rings.tx.block_size.into(),
        tx_blocks: rings.tx.blocks.into(),
        tx_frame_size: rings.tx.frame_size.into(),
        tx_frames: rings.tx.frames.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Writes what the rings of the socket `obj` had when it was at `position`.
pub(super) fn save_memory(
    cap: &mut Capture,
    obj: ObjRef,
    sk: &SockRef,
    position: &Position,
) -> Result {
    let rings = sk.rings()?;
    let mut bytes: KVVec<u8> = KVVec::new();
    bytes.resize(MEMORY_MAX, 0, GFP_KERNEL_ACCOUNT)?;
    for (ring, size) in [rings.rx.bytes(), rings.tx.bytes()].into_iter().enumerate() {
        let mut offset: u64 = 0;
        while offset < size {
            wait::go_on()?;
            let len = usize::try_from(size - offset)?.min(MEMORY_MAX);
            let read = bytes.get_mut(..len).ok_or(EINVAL)?;
            sk.read_ring(position, ring != 0, offset, read)?;
            let record = PacketMemory {
                socket: obj.get().into(),
                ring: u32::try_from(ring)?.into(),
                offset: offset.into(),
            };
            put_used(cap, &record, read)?;
            offset = offset.saturating_add(u64::try_from(len)?);
        }
    }
    Ok(())
}

/// Writes what is not zero of `bytes`, which `first` tells the place of.
fn put_used(cap: &mut Capture, first: &PacketMemory, bytes: &[u8]) -> Result {
    let is_used = |part: &[u8]| part.iter().any(|&b| b != 0);
    let mut offset = first.offset.get();
    let mut left = bytes;
    while let Some(used) = left.chunks(PART).next().map(is_used) {
        let run = left.chunks(PART).take_while(|part| is_used(part) == used);
        let len = run.map(|part| part.len()).sum();
        let (now, later) = left.split_at_checked(len).ok_or(EINVAL)?;
        if used {
            let record = PacketMemory {
                socket: first.socket,
                ring: first.ring,
                offset: offset.into(),
            };
            cap.meta.put(&record, now)?;
        }
        offset = offset.saturating_add(u64::try_from(len)?);
        left = later;
    }
    Ok(())
}

/// Gives the new socket `obj` its rings, if it had some.
pub(super) fn make(r: &Restore, obj: ObjRef, made: &socket::Made) -> Result {
    let Some(raw) = r.records_after(obj)?.next() else {
        return Ok(());
    };
    let raw = raw.map_err(|f| r.fault(f))?;
    if raw.kind != Kind::PacketRings {
        return Ok(());
    }
    let record: PacketRings = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| record.flags.get() & flag != 0;
    let rings = Rings {
        rx: Ring {
            block_size: record.rx_block_size.get(),
            blocks: record.rx_blocks.get(),
            frame_size: record.rx_frame_size.get(),
            frames: record.rx_frames.get(),
        },
        tx: Ring {
            block_size: record.tx_block_size.get(),
            blocks: record.tx_blocks.get(),
            frame_size: record.tx_frame_size.get(),
            frames: record.tx_frames.get(),
        },
        retire: record.retire.get(),
        private: record.private.get(),
        features: record.features.get(),
        version: record.version.get(),
        reserve: record.reserve.get(),
        vnet_hdr: record.vnet_hdr.get(),
        has_off: has(PACKET_TX_HAS_OFF),
        loss: has(PACKET_LOSS),
    };
    made.opener.act(|| made.sk.make_rings(&rings)).map_err(|e| {
        let why = match e {
            ENOMEM => "there is no memory",
            EOPNOTSUPP => "packet sockets are a module of this kernel (CONFIG_PACKET=m)",
            _ => "the kernel makes none like that",
        };
        r.told(e, fmt!("a packet socket can't get its rings: {}", why))
    })
}

/// Puts back what was in a ring.
pub(super) fn restore(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: PacketMemory = raw.body().map_err(|f| r.fault(f))?;
    let sk = packet::sk(r, record.socket.get())?;
    sk.write_ring(record.ring.get() != 0, record.offset.get(), raw.payload)
        .map_err(|e| {
            let why = match e {
                EINVAL => "its ring is shorter",
                _ => "it can't be written",
            };
            r.told(e, fmt!("memory of a packet socket: {}", why))
        })
}
