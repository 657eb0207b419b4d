// SPDX-License-Identifier: GPL-2.0

//! Error queues of sockets: `sock_queue_err_skb()`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::{
    socket::SockRef,
    unix::Queued, //
};

/// SO_EE_ORIGIN_ZEROCOPY.
pub(crate) const ZEROCOPY: u8 = 5;
/// SO_EE_CODE_ZEROCOPY_COPIED.
const COPIED: u8 = 1;

/// What is in an error queue; numbers are as of struct sock_extended_err.
pub(crate) struct SockError {
    /// Who has reported it, in network order; of IPv4 four bytes.
    pub(crate) from: [u8; 16],
    /// Whom that was sent to.
    pub(crate) to: [u8; 16],
    /// Where what was sent went to that it is about.
    pub(crate) about: [u8; 16],
    /// Of IPv4, as IP_PKTINFO shows it.
    pub(crate) spec_dst: [u8; 4],
    /// The port of `about`.
    pub(crate) port: u16,
    /// SO_EE_ORIGIN_*.
    pub(crate) origin: u8,
    /// Type of ICMP.
    pub(crate) kind: u8,
    /// Code of ICMP.
    pub(crate) code: u8,
    /// The error.
    pub(crate) err: i32,
    /// What depends on the origin.
    pub(crate) info: u32,
    /// Likewise.
    pub(crate) data: u32,
    /// The device that it came from.
    pub(crate) device: i32,
    /// Traffic class and flow label; of IPv4 its type of service.
    pub(crate) flow: u32,
    /// The same of what it is about, of IPv6.
    pub(crate) about_flow: u32,
    /// How many hops were left.
    pub(crate) ttl: u32,
    /// Size of its largest fragment.
    pub(crate) frag_size: u32,
    /// Where in its contents the header with the ports is.
    pub(crate) transport: u32,
    /// In nanoseconds since 1970; 0: that was not noted.
    pub(crate) time: i64,
    /// The same by the clock of the device.
    pub(crate) device_time: i64,
    /// Bytes of its contents.
    pub(crate) len: u32,
    /// It is about IPv6.
    pub(crate) v6: bool,
    /// Its contents are those of SCM_TIMESTAMPING_OPT_STATS.
    pub(crate) opt_stats: bool,
}

impl SockError {
    /// Returns the notification that all calls from `first` to `last` are done, and were copied.
    pub(crate) fn copied([first, last]: [u32; 2]) -> Self {
        Self {
            from: [0; 16],
            to: [0; 16],
            about: [0; 16],
            spec_dst: [0; 4],
            port: 0,
            origin: ZEROCOPY,
            kind: 0,
            code: COPIED,
            err: 0,
            info: first,
            data: last,
            device: 0,
            flow: 0,
            about_flow: 0,
            ttl: 0,
            frag_size: 0,
            transport: 0,
            time: 0,
            device_time: 0,
            len: 0,
            v6: false,
            opt_stats: false,
        }
    }

    /// Returns whether it tells of the call with MSG_ZEROCOPY that has the number `last`.
    pub(crate) fn tells_of(&self, last: u32) -> bool {
        let len = self.data.wrapping_sub(self.info);
        self.origin == ZEROCOPY && last.wrapping_sub(self.info) <= len
    }
}

impl SockRef {
    /// Returns whether its error queue is one that [`SockError`] tells of.
    fn has_errors(&self) -> bool {
        self.is_inet() || self.basics().family.cast_unsigned() == bindings::AF_PACKET
    }

    /// Returns what is in the error queue of a socket of IPv4, IPv6 or a packet socket, oldest
    /// first. EINVAL: it is none.
    pub(crate) fn errors(&self) -> Result<KVVec<Queued>> {
        if !self.has_errors() {
            return Err(EINVAL);
        }
        Queued::all(|skbs, max| {
            // SAFETY: We own a reference; there is room for so many pointers.
            unsafe { bindings::checkpoint_errors_queue(self.as_ptr(), skbs, max) }
        })
    }

    /// Returns the first and the last number of each notification that it, a TCP socket, is to get of what
    /// it has sent with MSG_ZEROCOPY, and that is in its queues. EBUSY: a device has some of that still.
    /// EOPNOTSUPP: whether one has is not known.
    pub(crate) fn zerocopy_due(&self) -> Result<KVVec<[u32; 2]>> {
        let mut room = 16;
        loop {
            let mut raw: KVVec<bindings::checkpoint_tcp_due> = KVVec::new();
            raw.resize(room, Default::default(), GFP_KERNEL_ACCOUNT)?;
            let max = c_uint::try_from(room)?;
            // SAFETY: We own a reference on a TCP socket; there is room for so many.
            let found =
                unsafe { bindings::checkpoint_tcp_due(self.as_ptr(), raw.as_mut_ptr(), max) };
            to_result(found.min(0))?;
            let found = usize::try_from(found)?;
            if found <= room {
                let mut due = KVVec::new();
                for one in raw.iter().take(found) {
                    due.push([one.first, one.last], GFP_KERNEL_ACCOUNT)?;
                }
                return Ok(due);
            }
            room = found.saturating_add(16);
        }
    }

    /// Returns what that is which was in its error queue. EOPNOTSUPP: something of it can't be
    /// saved.
    pub(crate) fn error(&self, queued: &Queued) -> Result<SockError> {
        if !self.has_errors() {
            return Err(EINVAL);
        }
        let mut raw = bindings::checkpoint_sock_error::default();
        // SAFETY: We own references on both; what was in an error queue is an error.
        to_result(unsafe {
            bindings::checkpoint_error_get(self.as_ptr(), queued.as_ptr(), &mut raw)
        })?;
        Ok(SockError {
            from: raw.from,
            to: raw.to,
            about: raw.about,
            spec_dst: raw.spec_dst,
            port: raw.port,
            origin: raw.origin,
            kind: raw.type_,
            code: raw.code,
            err: raw.err,
            info: raw.info,
            data: raw.data,
            device: raw.device,
            flow: raw.flow,
            about_flow: raw.about_flow,
            ttl: raw.ttl,
            frag_size: raw.frag_size,
            transport: raw.transport,
            time: raw.time,
            device_time: raw.device_time,
            len: raw.len,
            v6: raw.v6,
            opt_stats: raw.opt_stats,
        })
    }

    /// Puts something with the contents `data` into its error queue.
    ///
    /// EINVAL: it can't be there. ENOMEM: there is no memory.
    pub(crate) fn put_error(&self, new: &SockError, data: &[u8]) -> Result {
        if !self.has_errors() {
            return Err(EINVAL);
        }
        let raw = bindings::checkpoint_sock_error {
            from: new.from,
            to: new.to,
            about: new.about,
            spec_dst: new.spec_dst,
            port: new.port,
            origin: new.origin,
            type_: new.kind,
            code: new.code,
            err: new.err,
            info: new.info,
            data: new.data,
            device: new.device,
            flow: new.flow,
            about_flow: new.about_flow,
            ttl: new.ttl,
            frag_size: new.frag_size,
            transport: new.transport,
            time: new.time,
            device_time: new.device_time,
            len: c_uint::try_from(data.len())?,
            v6: new.v6,
            opt_stats: new.opt_stats,
        };
        // SAFETY: We own a reference; no more bytes are read than the length says.
        to_result(unsafe {
            bindings::checkpoint_error_put(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }
}
