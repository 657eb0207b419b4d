// SPDX-License-Identifier: GPL-2.0

//! Sockets of Multipath TCP: `net/mptcp/`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::socket::SockRef;

/// What one is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was never connected.
    New,
    /// It listens.
    Listening,
    /// It has a connection with subflows.
    Connected,
    /// It has one of TCP, and never had another.
    FellBack,
    /// It had one.
    Over,
}

/// What is known of one.
pub(crate) struct Mptcp {
    pub(crate) state: State,
    /// How many connections may wait, and how many do.
    pub(crate) backlog: u32,
    pub(crate) waiting: u32,
    /// TCP_MAXSEG; 0: not set.
    pub(crate) mss: u32,
    /// `INET_LOCK_*`.
    pub(crate) locks: u32,
    pub(crate) port: u16,
    /// It has something of TCP Fast Open.
    pub(crate) fast_open: bool,
    /// It shares its port.
    pub(crate) shared: bool,
    /// It has IPV6_V6ONLY.
    pub(crate) v6only: bool,
    /// Its address, in network order; of IPv4 four bytes.
    pub(crate) addr: [u8; 16],
    /// Name of its congestion control, and NULs.
    pub(crate) congestion: [u8; 16],
}

impl SockRef {
    /// Returns what it is. EINVAL: it is none of Multipath TCP. EBUSY: somebody else has its lock.
    pub(crate) fn mptcp(&self) -> Result<Mptcp> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        let mut raw = bindings::checkpoint_mptcp::default();
        // SAFETY: We own a reference, and it is of the family; others than those of Multipath TCP are
        // refused. There is room for the structure.
        to_result(unsafe { bindings::checkpoint_mptcp_get(self.as_ptr(), &mut raw) })?;
        let special = u32::from(raw.special);
        Ok(Mptcp {
            state: match raw.state.into() {
                bindings::CHECKPOINT_MPTCP_NEW => State::New,
                bindings::CHECKPOINT_MPTCP_LISTENING => State::Listening,
                bindings::CHECKPOINT_MPTCP_FELL_BACK => State::FellBack,
                bindings::CHECKPOINT_MPTCP_OVER => State::Over,
                _ => State::Connected,
            },
            backlog: raw.backlog,
            waiting: raw.waiting,
            mss: raw.mss,
            locks: raw.locks,
            port: raw.port,
            fast_open: special & bindings::CHECKPOINT_MPTCP_FASTOPEN != 0,
            shared: special & bindings::CHECKPOINT_MPTCP_SHARED != 0,
            v6only: raw.v6only,
            addr: raw.addr,
            congestion: raw.congestion,
        })
    }

    /// Returns the subflow of a connection that has fallen back to TCP, or that of one that listens, which
    /// is a TCP socket. EBUSY: it is none such any more, or somebody else has its lock.
    pub(crate) fn mptcp_first(&self) -> Result<SockRef> {
        if !self.is_inet() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference, and it is of the family; others than those of Multipath TCP are
        // refused. That on the one that is returned is ours.
        unsafe { Self::from_owned(bindings::checkpoint_mptcp_first(self.as_ptr())) }.ok_or(EBUSY)
    }

    /// Lets it listen. EINVAL: it is none of Multipath TCP, or can't.
    pub(crate) fn listen_mptcp(&self, backlog: u32) -> Result {
        // SAFETY: We own a reference; others are refused.
        to_result(unsafe { bindings::checkpoint_mptcp_listen(self.as_ptr(), backlog) })
    }

    /// Sets who has chosen its address, which it has. EINTR: the caller was killed.
    pub(crate) fn settle_mptcp(&self, locks: u32) -> Result {
        // SAFETY: We own a reference; others are refused.
        to_result(unsafe { bindings::checkpoint_mptcp_settle(self.as_ptr(), locks) })
    }
}
