// SPDX-License-Identifier: GPL-2.0

//! Tun and tap devices, and the open files that are their queues: `drivers/net/tun.c`, if that is not a
//! module.

use kernel::prelude::*;

#[cfg(CONFIG_TUN = "y")]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_TUN = "y")]
use crate::image::net::tun::{
    TunSlot,
    TUN_HAS_CARRIER,
    TUN_HAS_FILTERS,
    TUN_HAS_OFFLOAD,
    TUN_PACKET_VLAN,
    TUN_QUEUES_MAX,
    TUN_QUEUE_SHUT, //
};
use crate::{
    image::net::tun::{
        TunDevice,
        TunPacket,
        TunQueue, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            namespace::NetNs,
            socket::SockRef, //
        }, //
    }, //
};

/// A device, as it was found.
pub(crate) struct Device {
    /// What it is, but for its namespace.
    pub(crate) record: TunDevice,
    /// Its queues: what each is known by, and IFF_NAPI and IFF_NAPI_FRAGS of it.
    pub(crate) queues: KVVec<(usize, u32)>,
    /// What it has that can't be saved.
    pub(crate) wrong: Option<&'static str>,
}

/// What an open file is, as it was found.
pub(crate) struct State {
    /// What it is known by.
    pub(crate) queue: usize,
    /// Address of the network namespace that it was opened in, to compare.
    pub(crate) net: usize,
    /// That of its device; 0: it is attached to none.
    pub(crate) dev_net: usize,
    /// Number of the device.
    pub(crate) device: u32,
    /// Which of its queues.
    pub(crate) number: u32,
    /// Number that the device of one that is attached to none will get.
    pub(crate) ifindex: u32,
    /// As of TUNGETSNDBUF.
    pub(crate) sndbuf: i32,
    /// Its device was deleted.
    pub(crate) shut: bool,
    /// It has packets, or errors, that nobody has got.
    pub(crate) busy: bool,
}

/// An open file of tun and tap devices.
///
/// # Invariants
///
/// The operations of the file are those of `drivers/net/tun.c`.
#[derive(Clone)]
pub(crate) struct TunFile(FileRef);

#[cfg(CONFIG_TUN = "y")]
impl Device {
    /// Makes one of what was read, and of its queues.
    fn of(raw: &bindings::checkpoint_tun, queues: KVVec<(usize, u32)>) -> Result<Self> {
        let has = |bit: u32| raw.has & bit != 0;
        let bit = |on: bool, flag: u32| if on { flag } else { 0 };
        let disabled = queues.len().checked_sub(u32_as_usize(raw.queues));
        let record = TunDevice {
            net: 0.into(),
            index: raw.index.into(),
            flags: raw.flags.into(),
            arphrd: raw.type_.into(),
            owner: raw.owner.into(),
            group: raw.group.into(),
            offload: raw.offload.into(),
            has: (bit(has(bindings::CHECKPOINT_TUN_CARRIER), TUN_HAS_CARRIER)
                | bit(has(bindings::CHECKPOINT_TUN_OFFLOAD), TUN_HAS_OFFLOAD)
                | bit(has(bindings::CHECKPOINT_TUN_FILTERS), TUN_HAS_FILTERS))
            .into(),
            vnet_hdr_sz: raw.vnet_hdr_sz.into(),
            sndbuf: raw.sndbuf.into(),
            msg_enable: raw.msg_enable.into(),
            rx_batched: raw.rx_batched.into(),
            fprog_len: raw.fprog_len.into(),
            txflt_count: raw.txflt_count.into(),
            fprog_filter: raw.fprog_filter.into(),
            txflt_mask: raw.txflt_mask.map(Into::into),
            txflt_addr: raw.txflt_addr,
            name: raw.name,
            queues: raw.queues.into(),
            // Queues come and go in between if others have the device, too.
            disabled: u32::try_from(disabled.ok_or(EAGAIN)?)?.into(),
        };
        let wrong = if has(bindings::CHECKPOINT_TUN_PROGRAM) {
            Some("with a program of BPF that chooses its queue, or filters (TUNSETSTEERINGEBPF)")
        } else if has(bindings::CHECKPOINT_TUN_LINK) {
            Some("with another speed or duplex than a new one has (ethtool -s)")
        } else if has(bindings::CHECKPOINT_TUN_STRANGER) {
            Some("with an owner or group that the caller's user namespace does not have")
        } else {
            None
        };
        Ok(Self {
            record,
            queues,
            wrong,
        })
    }
}

/// Returns what is made of a record.
#[cfg(CONFIG_TUN = "y")]
fn raw_device(record: &TunDevice) -> bindings::checkpoint_tun {
    let has = |flag: u32, bit: u32| {
        if record.has.get() & flag != 0 {
            bit
        } else {
            0
        }
    };
    bindings::checkpoint_tun {
        index: record.index.get(),
        flags: record.flags.get(),
        name: record.name,
        type_: record.arphrd.get(),
        owner: record.owner.get(),
        group: record.group.get(),
        offload: record.offload.get(),
        has: has(TUN_HAS_CARRIER, bindings::CHECKPOINT_TUN_CARRIER)
            | has(TUN_HAS_OFFLOAD, bindings::CHECKPOINT_TUN_OFFLOAD)
            | has(TUN_HAS_FILTERS, bindings::CHECKPOINT_TUN_FILTERS),
        vnet_hdr_sz: record.vnet_hdr_sz.get(),
        sndbuf: record.sndbuf.get(),
        msg_enable: record.msg_enable.get(),
        rx_batched: record.rx_batched.get(),
        fprog_len: record.fprog_len.get(),
        fprog_filter: record.fprog_filter.get(),
        txflt_count: record.txflt_count.get(),
        txflt_mask: record.txflt_mask.map(|mask| mask.get()),
        txflt_addr: record.txflt_addr,
        queues: record.queues.get(),
        disabled: record.disabled.get(),
    }
}

#[cfg(CONFIG_TUN = "y")]
impl NetNs {
    /// Returns its first tun or tap device, of those whose number is `from` or higher.
    ///
    /// EAGAIN: others attach queues to it, or detach some. EINTR: the caller was killed.
    pub(crate) fn tun(&self, from: u32) -> Result<Option<Device>> {
        let mut raw = bindings::checkpoint_tun::default();
        // SAFETY: We own a reference; there is room for the result.
        let found = unsafe { bindings::checkpoint_tun_next(self.as_ptr(), from, &mut raw) };
        to_result(found)?;
        if found == 0 {
            return Ok(None);
        }
        let mut slots: KVVec<bindings::checkpoint_tun_slot> = KVVec::new();
        slots.resize(TUN_QUEUES_MAX, Default::default(), GFP_KERNEL_ACCOUNT)?;
        let max = u32::try_from(slots.len())?;
        // SAFETY: We own a reference; there is room for so many queues.
        let count = unsafe {
            bindings::checkpoint_tun_slots(self.as_ptr(), raw.index, slots.as_mut_ptr(), max)
        };
        to_result(count)?;
        let mut queues = KVVec::new();
        for slot in slots.iter().take(usize::try_from(count)?) {
            queues.push((slot.queue.addr(), slot.flags), GFP_KERNEL_ACCOUNT)?;
        }
        Device::of(&raw, queues).map(Some)
    }

    /// Makes a tun or tap device in it; returns an open file for each of its queues, which have `slots`.
    ///
    /// EPERM: the caller may not. EEXIST: there is one with this name, or number. EINVAL: there is none
    /// like this. EINTR: the caller was killed.
    pub(crate) fn make_tun(&self, record: &TunDevice, slots: &[TunSlot]) -> Result<KVVec<TunFile>> {
        let raw = raw_device(record);
        let count = raw.queues.checked_add(raw.disabled).ok_or(EINVAL)?;
        if u32_as_usize(count) != slots.len() || slots.len() > TUN_QUEUES_MAX {
            return Err(EINVAL);
        }
        let mut queues: KVVec<bindings::checkpoint_tun_slot> = KVVec::new();
        let mut raw_files: KVVec<*mut bindings::file> = KVVec::new();
        for slot in slots {
            let queue = bindings::checkpoint_tun_slot {
                flags: slot.flags.get(),
                ..Default::default()
            };
            queues.push(queue, GFP_KERNEL_ACCOUNT)?;
            raw_files.push(core::ptr::null_mut(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut files = KVVec::with_capacity(slots.len(), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference; there are as many slots, and as much room for files, as `raw` says.
        to_result(unsafe {
            bindings::checkpoint_tun_make(
                self.as_ptr(),
                &raw,
                queues.as_ptr(),
                raw_files.as_mut_ptr(),
            )
        })?;
        for file in raw_files {
            // SAFETY: It comes with a reference, which is ours.
            let file = unsafe { FileRef::from_owned(file) }?;
            // INVARIANT: The driver has made it.
            files.push(TunFile(file), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(files)
    }
}

#[cfg(CONFIG_TUN = "y")]
impl TunFile {
    /// Returns `file`, if it is one of tun and tap devices.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference; only its operations are looked at.
        let is = unsafe { bindings::checkpoint_tun_is(file.as_ptr()) };
        // INVARIANT: As was asked.
        is.then(|| Self(file.clone()))
    }

    /// Reads what it is. EINTR: the caller was killed.
    pub(crate) fn state(&self) -> Result<State> {
        let mut raw = bindings::checkpoint_tun_queue::default();
        // SAFETY: It is a file of the driver, on which we own a reference; there is room for the result.
        to_result(unsafe { bindings::checkpoint_tun_get(self.0.as_ptr(), &mut raw) })?;
        Ok(State {
            queue: raw.queue.addr(),
            net: raw.net.addr(),
            dev_net: raw.dev_net.addr(),
            device: raw.index,
            number: raw.number,
            ifindex: raw.ifindex,
            sndbuf: raw.sndbuf,
            shut: raw.has & bindings::CHECKPOINT_TUN_SHUT != 0,
            busy: raw.has & bindings::CHECKPOINT_TUN_BUSY != 0,
        })
    }

    /// Returns the socket that it is, which filters are attached to.
    pub(crate) fn sk(&self) -> Option<SockRef> {
        // SAFETY: It is a file of the driver, on which we own a reference: the socket stays meanwhile.
        // The reference on it that is taken is handed over.
        unsafe {
            let sk = bindings::checkpoint_tun_sock(self.0.as_ptr());
            bindings::checkpoint_sock_hold(sk);
            SockRef::from_owned(sk)
        }
    }

    /// Returns the descriptor that its signals name.
    pub(crate) fn async_fd(&self) -> Option<u32> {
        // SAFETY: It is a file of the driver, on which we own a reference.
        u32::try_from(unsafe { bindings::checkpoint_tun_async_fd(self.0.as_ptr()) }).ok()
    }

    /// Makes it, which was just opened, and which nobody else has, what `made` is, or one that is attached
    /// to nothing; sets what of `record` a file has by itself. Packets that have come so far are dropped,
    /// later ones wait until it is [started](Self::start).
    ///
    /// EINVAL: `made` is no queue of the device of `record`, or the record can't be. EINTR: the caller was
    /// killed. Else what a security module returns.
    pub(crate) fn become_of(&self, made: Option<&Self>, record: &TunQueue) -> Result {
        let made = made.map_or(core::ptr::null_mut(), |made| made.0.as_ptr());
        let raw = bindings::checkpoint_tun_queue {
            index: record.device.get(),
            ifindex: record.ifindex.get(),
            sndbuf: record.sndbuf.get(),
            has: if record.flags.get() & TUN_QUEUE_SHUT != 0 {
                bindings::CHECKPOINT_TUN_SHUT
            } else {
                0
            },
            ..Default::default()
        };
        // SAFETY: Both are files of the driver, on which we own references, or the second one is NULL; the
        // state is only read.
        to_result(unsafe { bindings::checkpoint_tun_adopt(self.0.as_ptr(), made, &raw) })
    }

    /// Lets its device send to it: it has its filter, and the packets that were to be read. EINTR: the
    /// caller was killed.
    pub(crate) fn start(&self) -> Result {
        // SAFETY: It is a file of the driver, on which we own a reference.
        to_result(unsafe { bindings::checkpoint_tun_start(self.0.as_ptr()) })
    }

    /// Reads the packet that `n` others come before, if there is one: what it is, but for its queue, and
    /// how many bytes of `buf` its contents are.
    ///
    /// EOPNOTSUPP: it can't be made again. E2BIG: there is no room.
    pub(crate) fn packet(&self, n: u32, buf: &mut [u8]) -> Result<Option<(TunPacket, usize)>> {
        let mut raw = bindings::checkpoint_tun_packet::default();
        // SAFETY: It is a file of the driver, on which we own a reference; there is room for the result,
        // and for so many bytes.
        let found = unsafe {
            bindings::checkpoint_tun_peek(
                self.0.as_ptr(),
                n,
                &mut raw,
                buf.as_mut_ptr().cast(),
                buf.len(),
            )
        };
        to_result(found)?;
        let record = TunPacket {
            queue: 0.into(),
            flags: if raw.has_vlan != 0 {
                TUN_PACKET_VLAN
            } else {
                0
            }
            .into(),
            protocol: raw.protocol.into(),
            vlan_proto: raw.vlan_proto.into(),
            vlan_tci: raw.vlan_tci.into(),
            header: raw.header,
            reserved: [0; 8],
        };
        Ok((found != 0).then_some((record, u32_as_usize(raw.len))))
    }

    /// Puts a packet behind those that wait to be read from it.
    ///
    /// EINVAL: it is none. ENOSPC: there is no room. EBADFD: it is attached to no device. EINTR: the caller
    /// was killed.
    pub(crate) fn put(&self, packet: &TunPacket, contents: &[u8]) -> Result {
        let raw = bindings::checkpoint_tun_packet {
            len: u32::try_from(contents.len())?,
            protocol: packet.protocol.get(),
            has_vlan: u16::from(packet.flags.get() & TUN_PACKET_VLAN != 0),
            vlan_proto: packet.vlan_proto.get(),
            vlan_tci: packet.vlan_tci.get(),
            header: packet.header,
        };
        // SAFETY: It is a file of the driver, on which we own a reference; so many bytes are read.
        to_result(unsafe {
            bindings::checkpoint_tun_put(self.0.as_ptr(), &raw, contents.as_ptr().cast())
        })
    }
}

/// Without such devices.
#[cfg(not(CONFIG_TUN = "y"))]
impl NetNs {
    /// Returns that there is none: those of a module are devices of a kind that is not known.
    pub(crate) fn tun(&self, _: u32) -> Result<Option<Device>> {
        Ok(None)
    }

    /// Returns EOPNOTSUPP.
    pub(crate) fn make_tun(
        &self,
        _: &TunDevice,
        _: &[crate::image::net::tun::TunSlot],
    ) -> Result<KVVec<TunFile>> {
        Err(EOPNOTSUPP)
    }
}

/// Without such devices.
#[cfg(not(CONFIG_TUN = "y"))]
impl TunFile {
    /// Returns that it is none.
    pub(crate) fn of(_: &FileRef) -> Option<Self> {
        None
    }

    /// Returns EOPNOTSUPP: there is none.
    pub(crate) fn state(&self) -> Result<State> {
        let _ = &self.0;
        Err(EOPNOTSUPP)
    }

    /// Returns nothing: there is none.
    pub(crate) fn sk(&self) -> Option<SockRef> {
        None
    }

    /// Returns nothing: there is none.
    pub(crate) fn async_fd(&self) -> Option<u32> {
        None
    }

    /// Returns EOPNOTSUPP: there is none.
    pub(crate) fn become_of(&self, _: Option<&Self>, _: &TunQueue) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Returns EOPNOTSUPP: there is none.
    pub(crate) fn start(&self) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Returns EOPNOTSUPP: there is none.
    pub(crate) fn packet(&self, _: u32, _: &mut [u8]) -> Result<Option<(TunPacket, usize)>> {
        Err(EOPNOTSUPP)
    }

    /// Returns EOPNOTSUPP: there is none.
    pub(crate) fn put(&self, _: &TunPacket, _: &[u8]) -> Result {
        Err(EOPNOTSUPP)
    }
}
