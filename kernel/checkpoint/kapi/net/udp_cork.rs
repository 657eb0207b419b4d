// SPDX-License-Identifier: GPL-2.0

//! Datagrams that UDP sockets have begun: `net/ipv4/udp.c`, `net/ipv6/udp.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::socket::SockRef;

/// A datagram that is not complete.
#[derive(Clone, Copy)]
pub(crate) struct Cork {
    /// Where it goes to, and the address that it comes from, in network order; of IPv4 four bytes.
    pub(crate) to: [u8; 16],
    pub(crate) from: [u8; 16],
    /// The port that it goes to.
    pub(crate) port: u16,
    /// It is one of IPv6.
    pub(crate) v6: bool,
    /// It is not to be cut into fragments.
    pub(crate) whole: bool,
    /// Number of the device by which it is sent; 0: that is not fixed.
    pub(crate) device: u32,
    /// Its flow label.
    pub(crate) flow: u32,
    /// SO_MARK and SO_PRIORITY of it.
    pub(crate) mark: u32,
    pub(crate) priority: u32,
    /// Its hops; of IPv4 0: as the route has it.
    pub(crate) hops: u8,
    /// Its traffic class; `None`: as the socket has it.
    pub(crate) class: Option<u8>,
    /// Bytes of each part in which it is sent; 0: in one.
    pub(crate) segment: u16,
}

/// How often one is read that has grown meanwhile.
const TRIES: usize = 16;

impl SockRef {
    /// Returns the datagram that it, a UDP socket, has begun, with its bytes, if there is one.
    ///
    /// EOPNOTSUPP: it can't be saved. EBUSY: somebody else has the lock of the socket. EAGAIN: it keeps
    /// growing.
    pub(crate) fn udp_cork(&self) -> Result<Option<(Cork, KVVec<u8>)>> {
        if !self.is_inet() {
            return Ok(None);
        }
        let mut raw = bindings::checkpoint_udp_cork::default();
        let mut bytes: KVVec<u8> = KVVec::new();
        for _ in 0..TRIES {
            // SAFETY: We own a reference, and it is of the family; others than those of UDP have none.
            // There is room for the structure and for so many bytes.
            let len = unsafe {
                bindings::checkpoint_udp_cork_get(
                    self.as_ptr(),
                    &mut raw,
                    bytes.as_mut_ptr().cast(),
                    bytes.len(),
                )
            };
            if len < 0 {
                return match to_result(i32::try_from(len)?) {
                    Err(ENOENT) => Ok(None),
                    Err(e) => Err(e),
                    Ok(()) => Err(EIO),
                };
            }
            let len = usize::try_from(len)?;
            if len <= bytes.len() {
                bytes.truncate(len);
                return Ok(Some((Cork::of(&raw), bytes)));
            }
            bytes.resize(len, 0, GFP_KERNEL_ACCOUNT)?;
        }
        Err(EAGAIN)
    }

    /// Has it, a UDP socket with its addresses, begin a datagram, with the rights that the caller acts with.
    ///
    /// EPERM: it may not choose the mark or the priority. EINVAL: the address that it comes from is none of
    /// this machine. EMSGSIZE: it is too long for the way that it goes now.
    pub(crate) fn put_udp_cork(&self, cork: &Cork, data: &[u8]) -> Result {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let raw = bindings::checkpoint_udp_cork {
            to: cork.to,
            from: cork.from,
            device: i32::try_from(cork.device)?,
            flow: cork.flow,
            mark: cork.mark,
            priority: cork.priority,
            len: u32::try_from(data.len())?,
            ttl: cork.hops.into(),
            tos: cork.class.map_or(-1, i16::from),
            to_port: cork.port,
            gso_size: cork.segment,
            v6: cork.v6,
            dontfrag: cork.whole,
        };
        // SAFETY: We own a reference, and it is of the family; others than those of UDP are refused. The
        // structure and as many bytes as it says are only read.
        to_result(unsafe {
            bindings::checkpoint_udp_cork_put(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }
}

impl Cork {
    fn of(raw: &bindings::checkpoint_udp_cork) -> Self {
        Self {
            to: raw.to,
            from: raw.from,
            port: raw.to_port,
            v6: raw.v6,
            whole: raw.dontfrag,
            device: raw.device.max(0).cast_unsigned(),
            flow: raw.flow,
            mark: raw.mark,
            priority: raw.priority,
            hops: u8::try_from(raw.ttl).unwrap_or(0),
            class: u8::try_from(raw.tos).ok(),
            segment: raw.gso_size,
        }
    }
}
