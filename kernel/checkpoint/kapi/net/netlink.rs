// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets: `net/netlink/checkpoint.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    net::{
        socket::SockRef,
        unix::Queued, //
    },
    security::cred, //
};

/// What a netlink socket is.
pub(crate) struct Netlink {
    /// Options of SOL_NETLINK that are on, as bits of the kernel's own numbers.
    pub(crate) flags: u32,
    /// Its port; 0: it has none yet.
    pub(crate) port: u32,
    /// The port and the group to which it sends; `None`: it is not connected.
    pub(crate) to: Option<[u32; 2]>,
    /// The pending error, as SO_ERROR returns it.
    pub(crate) err: i32,
    /// The sequence number of the request of a dump that is under way.
    pub(crate) dump: Option<u32>,
}

/// A message in the queue of a netlink socket.
pub(crate) struct NetlinkMessage {
    /// The port of who has sent it; 0: the kernel.
    pub(crate) port: u32,
    /// The group to which it was sent; 0: none.
    pub(crate) group: u32,
    /// The process that is sent with it, by the number that it had for itself.
    pub(crate) pid: u32,
    /// The user and the group that are sent with it; `None`: they have no numbers here.
    pub(crate) ids: Option<[u32; 2]>,
    /// The network namespace that is sent with it.
    pub(crate) nsid: Option<i32>,
    /// Bytes of it.
    pub(crate) len: u32,
}

impl SockRef {
    /// Returns what it is; it is a netlink socket. May sleep.
    ///
    /// EINTR: the caller was killed.
    pub(crate) fn netlink(&self) -> Result<Netlink> {
        let mut raw = bindings::checkpoint_netlink::default();
        // SAFETY: We own a reference on a netlink socket; there is room for the result.
        to_result(unsafe { bindings::checkpoint_netlink_get(self.as_ptr(), &mut raw) })?;
        Ok(Netlink {
            flags: raw.flags,
            port: raw.portid,
            to: raw.connected.then_some([raw.dst_portid, raw.dst_group]),
            err: raw.err,
            dump: raw.dump.then_some(raw.dump_seq),
        })
    }

    /// Returns the groups that it is in, in ascending order; it is a netlink socket.
    pub(crate) fn netlink_groups(&self) -> Result<KVVec<u32>> {
        let mut room = 0;
        loop {
            let mut groups: KVVec<u32> = KVVec::new();
            groups.resize(room, 0, GFP_KERNEL_ACCOUNT)?;
            let max = c_uint::try_from(room)?;
            // SAFETY: We own a reference on a netlink socket; there is room for so many numbers.
            let found = unsafe {
                bindings::checkpoint_netlink_groups(self.as_ptr(), groups.as_mut_ptr(), max)
            };
            if found <= max {
                groups.truncate(found as usize);
                return Ok(groups);
            }
            room = found as usize;
        }
    }

    /// Returns what is in its queue, oldest first; it is a netlink socket.
    pub(crate) fn netlink_queue(&self) -> Result<KVVec<Queued>> {
        Queued::all(|skbs, max| {
            // SAFETY: We own a reference on a netlink socket; there is room for so many pointers.
            unsafe { bindings::checkpoint_netlink_queue(self.as_ptr(), skbs, max) }
        })
    }

    /// Puts a message into its queue. What `message` has of ids of the kernel is not looked at.
    ///
    /// EPERM: the caller can't have such a message sent. ENOBUFS: there is no room for it.
    pub(crate) fn send_netlink(&self, message: &NetlinkMessage, data: &[u8]) -> Result {
        let (uid, gid) = match message.ids {
            Some([uid, gid]) if message.port != 0 => cred::may_claim(uid, gid)?,
            _ => cred::no_ids(),
        };
        let raw = bindings::checkpoint_netlink_message {
            portid: message.port,
            dst_group: message.group,
            pid: message.pid,
            uid,
            gid,
            nsid: message.nsid.unwrap_or(0),
            len: c_uint::try_from(data.len())?,
            nsid_is_set: message.nsid.is_some(),
        };
        // SAFETY: We own a reference on a netlink socket; the bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_netlink_send(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }

    /// Ends a dump that it has begun by request `seq`, as interrupted.
    pub(crate) fn interrupt_dump(&self, seq: u32, port: u32) -> Result {
        // SAFETY: We own a reference on a netlink socket.
        to_result(unsafe { bindings::checkpoint_netlink_interrupt(self.as_ptr(), seq, port) })
    }

    /// Sets its options, binds it, connects it and joins groups, with the rights that the caller
    /// acts with. A member of groups gets to know that it has missed events.
    ///
    /// EADDRINUSE: another socket has the port. Else as of setsockopt(2), bind(2) and connect(2).
    pub(crate) fn open_netlink(&self, state: &Netlink, groups: &[u32]) -> Result {
        let [dst_portid, dst_group] = state.to.unwrap_or([0, 0]);
        let raw = bindings::checkpoint_netlink {
            flags: state.flags,
            portid: state.port,
            dst_portid,
            dst_group,
            err: state.err,
            dump_seq: 0,
            connected: state.to.is_some(),
            dump: false,
        };
        let count = c_uint::try_from(groups.len())?;
        // SAFETY: We own a reference on a netlink socket; the numbers are only read.
        to_result(unsafe {
            bindings::checkpoint_netlink_open(self.as_ptr(), &raw, groups.as_ptr(), count)
        })
    }
}

impl Queued {
    /// Returns what it is, as a message of a netlink socket.
    ///
    /// EOPNOTSUPP: compat tasks receive another one.
    pub(crate) fn netlink(&self) -> Result<NetlinkMessage> {
        let mut raw = bindings::checkpoint_netlink_message::default();
        // SAFETY: We own a reference on a message of a netlink socket; there is room for the result.
        to_result(unsafe { bindings::checkpoint_netlink_message(self.as_ptr(), &mut raw) })?;
        Ok(NetlinkMessage {
            port: raw.portid,
            group: raw.dst_group,
            pid: raw.pid,
            ids: cred::uid_number(raw.uid)
                .and_then(|uid| Ok([uid, cred::gid_number(raw.gid)?]))
                .ok(),
            nsid: raw.nsid_is_set.then_some(raw.nsid),
            len: raw.len,
        })
    }
}
