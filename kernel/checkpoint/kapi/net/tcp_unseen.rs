// SPDX-License-Identifier: GPL-2.0

//! TCP connections that no file shows.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    net::{
        namespace::NetNs,
        socket::{
            Closing,
            SockRef, //
        },
        tcp::Tcp, //
    }, //
};

/// What a network namespace has of TCP that no file shows.
pub(crate) struct Unseen {
    /// Connections that were closed, and are not over.
    pub(crate) orphans: KVVec<SockRef>,
    /// How many subflows of Multipath TCP were closed and are not over, or wait to be accepted.
    pub(crate) subflows: u32,
    /// How many handshakes are not over.
    pub(crate) requests: u32,
    /// How many addresses are in TIME_WAIT.
    pub(crate) waits: u32,
}

/// Room that is made in advance for what comes while it is looked for.
const SPARE: usize = 16;

impl Unseen {
    /// Looks for all that in `net`. EINTR: the caller was killed.
    pub(crate) fn of(net: &NetNs) -> Result<Self> {
        let mut room = SPARE;
        loop {
            let mut raw: KVVec<*mut bindings::sock> = KVVec::new();
            raw.resize(room, core::ptr::null_mut(), GFP_KERNEL_ACCOUNT)?;
            let mut orphans = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
            let max = c_uint::try_from(room)?;
            let mut rest = bindings::checkpoint_tcp_rest::default();
            // SAFETY: We have a reference on the namespace; there is room for so many pointers.
            to_result(unsafe {
                bindings::checkpoint_tcp_unseen(net.as_ptr(), raw.as_mut_ptr(), max, &mut rest)
            })?;
            for &sk in &raw {
                // SAFETY: The function has taken a reference on each; the others are NULL.
                if let Some(sk) = unsafe { SockRef::from_owned(sk) } {
                    orphans.push(sk, GFP_KERNEL_ACCOUNT)?;
                }
            }
            if rest.orphans <= max {
                return Ok(Self {
                    orphans,
                    subflows: rest.subflows,
                    requests: rest.requests,
                    waits: rest.waits,
                });
            }
            room = (rest.orphans as usize).saturating_add(SPARE);
        }
    }
}

impl SockRef {
    /// Lets it, which is a new TCP socket that nobody else knows of, be nobody's until it is accepted from
    /// `listener`.
    pub(crate) fn set_tcp_unclaimed(&self, listener: &Self) {
        // SAFETY: We own references on both, and ours is a TCP socket.
        unsafe { bindings::checkpoint_tcp_unclaimed(self.as_ptr(), listener.as_ptr()) };
    }

    /// Lets the connection behind `waiting`, of [`set_tcp_unclaimed`](Self::set_tcp_unclaimed), wait here
    /// to be accepted: this listens.
    ///
    /// EAGAIN: no more may wait. EINVAL: it can't be accepted here. ENOMEM: there is no memory.
    pub(crate) fn add_tcp_waiting(&self, waiting: &Closing) -> Result {
        // SAFETY: We own a reference on a TCP socket; the other one is valid, and has a socket that is
        // taken out of it.
        to_result(unsafe { bindings::checkpoint_tcp_wait(self.as_ptr(), waiting.as_ptr()) })
    }
}

/// A socket that is about to connect, and where to.
///
/// # Invariants
///
/// `sk` is a TCP socket, which is that of `_file` and so is not closed.
pub(crate) struct Starting {
    sk: SockRef,
    /// Its file, which keeps it from being closed.
    _file: FileRef,
    raw: bindings::checkpoint_tcp,
}

impl Starting {
    /// Takes the socket of `file`, one of TCP that has got its address by `start_tcp_at`.
    pub(crate) fn new(file: &FileRef, tcp: &Tcp) -> Result<Self> {
        // INVARIANT: It is the socket of the file; the caller has made it one of TCP.
        Ok(Self {
            sk: SockRef::of(file).ok_or(EINVAL)?,
            _file: file.clone(),
            raw: tcp.raw()?,
        })
    }

    /// Lets it connect, so that connect(2) tells the outcome. What that fails with the socket tells, as if
    /// it had come later. May sleep, but not for long.
    pub(crate) fn start(self) {
        // SAFETY: By the invariants we own references on a TCP socket and on its file; the structure is
        // only read.
        unsafe { bindings::checkpoint_tcp_start_now(self.sk.as_ptr(), &self.raw) };
    }
}
