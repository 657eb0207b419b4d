// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: `net/ipv4/tcp.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    str::CStr, //
};

use crate::kapi::net::{
    socket::SockRef,
    tcp_outside::Wire, //
};

/// What a TCP socket is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was never connected.
    New,
    /// It listens.
    Listening,
    /// Its handshake is not over.
    Started,
    /// It is connected.
    Connected,
    /// Its connection is over.
    Over,
}

/// What is known of a TCP socket.
#[derive(Clone, Copy)]
pub(crate) struct Tcp {
    pub(crate) state: State,
    /// What SO_ERROR tells.
    pub(crate) error: u32,
    /// It receives no more.
    pub(crate) shut_read: bool,
    /// It sends no more.
    pub(crate) shut_write: bool,
    /// How many connections may wait.
    pub(crate) backlog: u32,
    /// TCP_MAXSEG; 0: not set.
    pub(crate) user_mss: u32,
    /// Bytes that were received and not read.
    pub(crate) received: u32,
    /// Bytes that are to be sent.
    pub(crate) sent: u32,
    /// 1 more than what comes before the urgent byte of what was received; 0: there is none.
    pub(crate) urgent: u32,
    /// The same of what is to be sent.
    pub(crate) urgent_sent: u32,
    pub(crate) port: u16,
    pub(crate) peer_port: u16,
    /// The other end has closed, and that has come here.
    pub(crate) done: bool,
    /// bind(2) has set its address.
    pub(crate) bound_addr: bool,
    /// bind(2) has set its port.
    pub(crate) bound_port: bool,
    /// It has a port that is its own.
    pub(crate) has_port: bool,
    /// The urgent byte was read.
    pub(crate) urgent_read: bool,
    /// connect(2) has not told the outcome.
    pub(crate) connecting: bool,
    /// It has.
    pub(crate) was_connected: bool,
    /// It has IPV6_V6ONLY.
    pub(crate) v6only: bool,
    /// Its address, of which IPv4 has the first four bytes.
    pub(crate) addr: [u8; 16],
    /// The address that it is connected to.
    pub(crate) peer_addr: [u8; 16],
    /// Name of its congestion control, and NULs.
    pub(crate) congestion: [u8; 16],
}

impl Tcp {
    pub(super) fn of(raw: &bindings::checkpoint_tcp) -> Self {
        Self {
            state: match raw.state {
                bindings::CHECKPOINT_TCP_LISTENING => State::Listening,
                bindings::CHECKPOINT_TCP_STARTED => State::Started,
                bindings::CHECKPOINT_TCP_CONNECTED => State::Connected,
                bindings::CHECKPOINT_TCP_OVER => State::Over,
                _ => State::New,
            },
            error: raw.error.unsigned_abs(),
            shut_read: raw.shutdown & bindings::CHECKPOINT_SHUT_READ != 0,
            shut_write: raw.shutdown & bindings::CHECKPOINT_SHUT_WRITE != 0,
            backlog: raw.backlog,
            user_mss: raw.user_mss,
            received: raw.received,
            sent: raw.sent,
            urgent: raw.urgent,
            urgent_sent: raw.urgent_sent,
            port: raw.port,
            peer_port: raw.peer_port,
            done: raw.done,
            bound_addr: raw.bound_addr,
            bound_port: raw.bound_port,
            has_port: raw.has_port,
            urgent_read: raw.urgent_read,
            connecting: raw.connecting,
            was_connected: raw.was_connected,
            v6only: raw.v6only,
            addr: raw.addr,
            peer_addr: raw.peer_addr,
            congestion: raw.congestion,
        }
    }

    pub(super) fn raw(&self) -> Result<bindings::checkpoint_tcp> {
        let shut = |is: bool, bit| if is { bit } else { 0 };
        Ok(bindings::checkpoint_tcp {
            error: i32::try_from(self.error)?,
            shutdown: shut(self.shut_read, bindings::CHECKPOINT_SHUT_READ)
                | shut(self.shut_write, bindings::CHECKPOINT_SHUT_WRITE),
            received: self.received,
            port: self.port,
            peer_port: self.peer_port,
            done: self.done,
            bound_addr: self.bound_addr,
            bound_port: self.bound_port,
            connecting: self.connecting,
            was_connected: self.was_connected,
            v6only: self.v6only,
            addr: self.addr,
            peer_addr: self.peer_addr,
            ..Default::default()
        })
    }
}

/// The other end of a connection.
pub(crate) enum Peer {
    /// Not of this machine, or not of this network namespace.
    Outside,
    /// There is none any more.
    Gone,
    /// A handshake that is not over, with this socket that listens.
    Request(SockRef),
    /// One that its owner has closed.
    Closed(SockRef),
    /// One that waits to be accepted.
    Waiting,
    /// A socket that somebody has.
    Open(SockRef),
}

/// Both ends of a connection, or one socket, and what is in its queues.
pub(crate) struct Read {
    pub(crate) this: Tcp,
    /// What it has agreed upon with the other end, if that was not read; or why it can't be kept.
    pub(crate) wire: Result<Wire, &'static str>,
    /// The other end.
    pub(crate) peer: Option<Tcp>,
    bytes: KVVec<u8>,
}

impl Read {
    /// Returns the bytes of a queue, before which `skip` bytes of others come.
    fn queue(&self, skip: u32, len: u32) -> &[u8] {
        let skip = skip as usize;
        skip.checked_add(len as usize)
            .and_then(|end| self.bytes.get(skip..end))
            .unwrap_or(&[])
    }

    /// Returns what was received and not read.
    pub(crate) fn received(&self) -> &[u8] {
        self.queue(0, self.this.received)
    }

    /// Returns what is to be sent.
    pub(crate) fn sent(&self) -> &[u8] {
        self.queue(self.this.received, self.this.sent)
    }

    /// Returns what the other end has received, and what it is to send.
    pub(crate) fn of_peer(&self) -> [&[u8]; 2] {
        let at = self.this.received.saturating_add(self.this.sent);
        match &self.peer {
            Some(peer) => [
                self.queue(at, peer.received),
                self.queue(at.saturating_add(peer.received), peer.sent),
            ],
            None => [&[], &[]],
        }
    }
}

impl SockRef {
    /// Returns what of it, a TCP socket, is lost; `inside`: what is lost as its other end is of a task, too,
    /// or else what is lost in any case.
    pub(crate) fn tcp_lost(&self, inside: bool) -> impl Iterator<Item = &'static str> {
        const LOST: [(u32, &str); 3] = [
            (
                bindings::CHECKPOINT_TCP_LOST_SYN,
                "what TCP_SAVED_SYN tells is lost: have it read",
            ),
            (
                bindings::CHECKPOINT_TCP_LOST_HEADERS,
                "what IPV6_2292PKTOPTIONS tells of extension headers is lost",
            ),
            (
                bindings::CHECKPOINT_TCP_LOST_ECN,
                "its connection with a task goes on without ECN",
            ),
        ];
        // SAFETY: We own a reference on a TCP socket.
        let lost = unsafe { bindings::checkpoint_tcp_lost(self.as_ptr()) };
        let is_lost = move |&(bit, _): &(u32, &str)| {
            lost & bit != 0 && inside == (bit == bindings::CHECKPOINT_TCP_LOST_ECN)
        };
        LOST.into_iter().filter(is_lost).map(|(_, what)| what)
    }

    /// Returns why it can't be saved, if that is so; it is a TCP socket, as for all that follow.
    pub(crate) fn tcp_refused(&self) -> Option<&'static str> {
        // SAFETY: We own a reference on a TCP socket.
        let why = unsafe { bindings::checkpoint_tcp_refusal(self.as_ptr()) };
        Some(match why.cast_unsigned() {
            0 => return None,
            bindings::CHECKPOINT_TCP_ULP => {
                "an upper layer has taken it over (kTLS, PSP, espintcp or SMC): have it closed"
            }
            bindings::CHECKPOINT_TCP_MPTCP => "is part of an MPTCP connection: have it closed",
            bindings::CHECKPOINT_TCP_REPAIRED => "is under repair (TCP_REPAIR): have that ended",
            bindings::CHECKPOINT_TCP_FASTOPEN_KEY => {
                "has a key of its own for TCP Fast Open (TCP_FASTOPEN_KEY), which can't be saved yet"
            }
            bindings::CHECKPOINT_TCP_FASTOPEN_CONNECT => {
                "has TCP_FASTOPEN_CONNECT, which can't be saved yet: have it taken off"
            }
            bindings::CHECKPOINT_TCP_FASTOPEN => "TCP Fast Open is not over: try again",
            bindings::CHECKPOINT_TCP_KEYS => {
                "has keys of two kinds for one peer or connection (TCP_MD5SIG, TCP_AO_ADD_KEY): have \
                 those of one kind removed"
            }
            bindings::CHECKPOINT_TCP_KEYS_DENIED => {
                "has keys (TCP_MD5SIG), which only who has CAP_NET_ADMIN over its network namespace \
                 may read"
            }
            bindings::CHECKPOINT_TCP_POLICY => {
                "has a policy of IPsec (IP_XFRM_POLICY): have it make a new socket"
            }
            bindings::CHECKPOINT_TCP_BPF => "BPF watches it (sockops): have that ended",
            _ => "can't be saved",
        })
    }

    /// Looks for the other end of its connection.
    pub(crate) fn tcp_peer(&self) -> Peer {
        let mut what = 0;
        // SAFETY: We own a reference on a TCP socket; that on the one that is returned is ours.
        let found =
            unsafe { Self::from_owned(bindings::checkpoint_tcp_peer(self.as_ptr(), &mut what)) };
        match (found, what.cast_unsigned()) {
            (None, bindings::CHECKPOINT_TCP_PEER_GONE) => Peer::Gone,
            (Some(sk), bindings::CHECKPOINT_TCP_PEER_REQUEST) => Peer::Request(sk),
            (Some(sk), bindings::CHECKPOINT_TCP_PEER_CLOSED) => Peer::Closed(sk),
            (Some(_), bindings::CHECKPOINT_TCP_PEER_WAITING) => Peer::Waiting,
            (Some(sk), bindings::CHECKPOINT_TCP_PEER_OPEN) => Peer::Open(sk),
            _ => Peer::Outside,
        }
    }

    /// Returns the connections that wait to be accepted, oldest first.
    pub(crate) fn tcp_waiting(&self) -> Result<KVVec<SockRef>> {
        let mut room = 0;
        loop {
            let mut raw: KVVec<*mut bindings::sock> = KVVec::new();
            raw.resize(room, core::ptr::null_mut(), GFP_KERNEL_ACCOUNT)?;
            let mut waiting = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
            let max = c_uint::try_from(room)?;
            // SAFETY: We own a reference on a TCP socket; there is room for so many pointers.
            let found =
                unsafe { bindings::checkpoint_tcp_waiting(self.as_ptr(), raw.as_mut_ptr(), max) };
            for &sk in &raw {
                // SAFETY: The function has taken a reference on each; the others are NULL.
                if let Some(sk) = unsafe { Self::from_owned(sk) } {
                    waiting.push(sk, GFP_KERNEL_ACCOUNT)?;
                }
            }
            if found <= max {
                return Ok(waiting);
            }
            room = found as usize;
        }
    }

    /// Reads it and its queues; with those of `peer`, the other end, as of one moment.
    ///
    /// What `peer` has got already is not to be sent any more. ESTALE: they are not connected to each
    /// other. EOPNOTSUPP: bytes are in the memory of a device. EAGAIN: the queues keep growing.
    pub(crate) fn tcp(&self, peer: Option<&SockRef>) -> Result<Read> {
        let mut this = bindings::checkpoint_tcp::default();
        let mut other = bindings::checkpoint_tcp::default();
        let mut bytes: KVVec<u8> = KVVec::new();
        for _ in 0..TRIES {
            let peer_ptr = peer.map_or(core::ptr::null_mut(), SockRef::as_ptr);
            // SAFETY: We own references on TCP sockets; there is room for the structures and for so
            // many bytes.
            let len = unsafe {
                bindings::checkpoint_tcp_get(
                    self.as_ptr(),
                    peer_ptr,
                    &mut this,
                    &mut other,
                    bytes.as_mut_ptr().cast(),
                    bytes.len(),
                )
            };
            if len < 0 {
                return Err(to_result(i32::try_from(len)?).err().unwrap_or(EIO));
            }
            let len = usize::try_from(len)?;
            if len <= bytes.len() {
                return Ok(Read {
                    this: Tcp::of(&this),
                    wire: Wire::of(&this.wire),
                    peer: peer.map(|_| Tcp::of(&other)),
                    bytes,
                });
            }
            bytes.resize(len, 0, GFP_KERNEL_ACCOUNT)?;
        }
        Err(EAGAIN)
    }

    /// Returns what it is now, without its queues.
    pub(crate) fn tcp_now(&self) -> Result<Tcp> {
        Ok(self.tcp_and_wire()?.0)
    }

    /// Returns the same, with what it has agreed upon with the other end, or why it can't be kept.
    pub(crate) fn tcp_and_wire(&self) -> Result<(Tcp, Result<Wire, &'static str>)> {
        let mut this = bindings::checkpoint_tcp::default();
        let mut none = bindings::checkpoint_tcp::default();
        // SAFETY: We own a reference on a TCP socket; there is room for the structures, and the
        // function is told that there is none for bytes.
        let len = unsafe {
            bindings::checkpoint_tcp_get(
                self.as_ptr(),
                core::ptr::null_mut(),
                &mut this,
                &mut none,
                core::ptr::null_mut(),
                0,
            )
        };
        if len < 0 {
            return Err(to_result(i32::try_from(len)?).err().unwrap_or(EIO));
        }
        Ok((Tcp::of(&this), Wire::of(&this.wire)))
    }

    /// Lets its end send nothing when it is closed. The other end is closed likewise.
    pub(crate) fn end_tcp_quietly(&self) {
        // SAFETY: We own a reference on a TCP socket.
        unsafe { bindings::checkpoint_tcp_end_quietly(self.as_ptr()) };
    }

    /// Lets its end be told to the other one, as always. EINTR: the caller was killed.
    pub(crate) fn end_tcp_as_always(&self) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_go_on(self.as_ptr()) })
    }

    /// Gives it its address, with the rights that the caller acts with.
    pub(crate) fn bind_tcp(&self, tcp: &Tcp) -> Result {
        let raw = tcp.raw()?;
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_bind(self.as_ptr(), &raw) })
    }

    /// Sets TCP_MAXSEG.
    pub(crate) fn set_tcp_mss(&self, mss: u32) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_mss(self.as_ptr(), mss) })
    }

    /// Chooses its congestion control, with the rights that the caller acts with.
    pub(crate) fn set_tcp_congestion(&self, name: &CStr) -> Result {
        // SAFETY: We own a reference on a TCP socket; the string is only read.
        to_result(unsafe { bindings::checkpoint_tcp_congestion(self.as_ptr(), name.as_char_ptr()) })
    }

    /// Lets it listen.
    pub(crate) fn listen_tcp(&self, backlog: u32) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_listen(self.as_ptr(), backlog) })
    }

    /// Makes it and `peer`, which are new, the two ends of a connection; `reuse`: what SO_REUSEADDR of
    /// each is.
    ///
    /// EPERM: the caller may not (CAP_NET_ADMIN). EADDRNOTAVAIL: an address is none of this machine, or
    /// there is such a connection. EINTR: the caller was killed.
    pub(crate) fn connect_tcp(
        &self,
        tcp: &Tcp,
        peer: &SockRef,
        peer_tcp: &Tcp,
        reuse: [bool; 2],
    ) -> Result {
        let (raw, peer_raw) = (tcp.raw()?, peer_tcp.raw()?);
        // SAFETY: We own references on TCP sockets; the structures are only read.
        unsafe {
            let seq = bindings::checkpoint_tcp_seq();
            let peer_seq = bindings::checkpoint_tcp_seq();
            let err = bindings::checkpoint_tcp_connect(self.as_ptr(), &raw, seq, peer_seq);
            to_result(err)?;
            let err = bindings::checkpoint_tcp_connect(peer.as_ptr(), &peer_raw, peer_seq, seq);
            to_result(err)?;
            let err = bindings::checkpoint_tcp_ao_begin(self.as_ptr(), seq, peer_seq);
            to_result(err)?;
            let err = bindings::checkpoint_tcp_ao_begin(peer.as_ptr(), peer_seq, seq);
            to_result(err)?;
            let [own, other] = reuse;
            to_result(bindings::checkpoint_tcp_join(
                self.as_ptr(),
                peer.as_ptr(),
                own,
                other,
            ))
        }
    }

    /// Lets it begin to connect.
    pub(crate) fn start_tcp(&self, tcp: &Tcp) -> Result {
        let raw = tcp.raw()?;
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_start(self.as_ptr(), &raw) })
    }

    /// Gives it the address from which it is to connect:
    /// [`Starting::start`](super::tcp_unseen::Starting::start) does that.
    pub(crate) fn start_tcp_at(&self, tcp: &Tcp) -> Result {
        let raw = tcp.raw()?;
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_start_at(self.as_ptr(), &raw) })
    }

    /// Returns whether its handshake is over, or what it has failed with.
    pub(crate) fn is_tcp_connected(&self) -> Result<bool> {
        // SAFETY: We own a reference on a TCP socket.
        match unsafe { bindings::checkpoint_tcp_is_connected(self.as_ptr()) } {
            err if err < 0 => Err(to_result(err).err().unwrap_or(EIO)),
            done => Ok(done > 0),
        }
    }

    /// Sends `data`, with room for `limit` bytes besides what its buffer may hold. Does not wait.
    pub(crate) fn send_tcp(&self, data: &[u8], limit: u32) -> Result {
        // SAFETY: We own a reference on a TCP socket; the bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_tcp_send(self.as_ptr(), data.as_ptr().cast(), data.len(), limit)
        })
    }

    /// Returns how much may be in the queues of a connection from it to `peer`.
    pub(crate) fn tcp_room(&self, peer: Option<&SockRef>) -> u64 {
        let peer = peer.map_or(core::ptr::null_mut(), SockRef::as_ptr);
        // SAFETY: We own references on TCP sockets.
        unsafe { bindings::checkpoint_tcp_room(self.as_ptr(), peer) }
    }

    /// Returns how much it has received that was not read.
    pub(crate) fn tcp_queued(&self) -> u32 {
        // SAFETY: We own a reference on a TCP socket.
        unsafe { bindings::checkpoint_tcp_queued(self.as_ptr()) }
    }

    /// Marks the byte of what it has received as urgent that comes after `mark` others; `read`: that was
    /// read. EINVAL: so many were not received.
    pub(crate) fn set_tcp_urgent(&self, mark: u32, read: bool) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_urgent(self.as_ptr(), mark, read) })
    }

    /// Lets the last of the `ahead` bytes be urgent that are sent next. EINTR: the caller was killed.
    pub(crate) fn set_tcp_urgent_next(&self, ahead: u32) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_urgent_next(self.as_ptr(), ahead) })
    }

    /// Shuts it down for reading or writing.
    pub(crate) fn shut_tcp(&self, read: bool, write: bool) {
        let how = if read {
            bindings::CHECKPOINT_SHUT_READ
        } else {
            0
        } | if write {
            bindings::CHECKPOINT_SHUT_WRITE
        } else {
            0
        };
        // SAFETY: We own a reference on a TCP socket.
        unsafe { bindings::checkpoint_tcp_shut(self.as_ptr(), how) };
    }

    /// Sets whether connect(2) is still to tell the outcome. EINTR: the caller was killed.
    pub(crate) fn set_tcp_connecting(&self, connecting: bool) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_connecting(self.as_ptr(), connecting) })
    }

    /// Makes it one whose connection is over, with `data` that was not read.
    pub(crate) fn end_tcp(&self, tcp: &Tcp, data: &[u8]) -> Result {
        if data.len() != tcp.received as usize {
            return Err(EINVAL);
        }
        let raw = tcp.raw()?;
        // SAFETY: We own a reference on a TCP socket; structure and bytes, which have that length, are
        // only read.
        to_result(unsafe {
            bindings::checkpoint_tcp_over(self.as_ptr(), &raw, data.as_ptr().cast())
        })
    }
}

/// How often a queue is read that has grown meanwhile.
const TRIES: usize = 16;

/// Options of TCP.
pub(crate) mod opt {
    use kernel::bindings;

    /// Their level.
    pub(crate) const LEVEL: u32 = bindings::SOL_TCP;
    /// TCP_MAXSEG.
    pub(crate) const MAXSEG: u32 = bindings::TCP_MAXSEG;
    /// TCP_CONGESTION.
    pub(crate) const CONGESTION: u32 = bindings::TCP_CONGESTION;
    /// TCP_WINDOW_CLAMP.
    pub(crate) const WINDOW_CLAMP: u32 = bindings::TCP_WINDOW_CLAMP;
    /// TCP_QUICKACK.
    pub(crate) const QUICKACK: u32 = bindings::TCP_QUICKACK;
    /// TCP_NODELAY.
    pub(crate) const NODELAY: u32 = bindings::TCP_NODELAY;
    /// TCP_CORK.
    pub(crate) const CORK: u32 = bindings::TCP_CORK;
    /// TCP_KEEPIDLE.
    pub(crate) const KEEPIDLE: u32 = bindings::TCP_KEEPIDLE;
    /// TCP_KEEPINTVL.
    pub(crate) const KEEPINTVL: u32 = bindings::TCP_KEEPINTVL;
    /// TCP_KEEPCNT.
    pub(crate) const KEEPCNT: u32 = bindings::TCP_KEEPCNT;
    /// TCP_SYNCNT.
    pub(crate) const SYNCNT: u32 = bindings::TCP_SYNCNT;
    /// TCP_LINGER2.
    pub(crate) const LINGER2: u32 = bindings::TCP_LINGER2;
    /// TCP_DEFER_ACCEPT.
    pub(crate) const DEFER_ACCEPT: u32 = bindings::TCP_DEFER_ACCEPT;
    /// TCP_THIN_LINEAR_TIMEOUTS.
    pub(crate) const THIN_LINEAR: u32 = bindings::TCP_THIN_LINEAR_TIMEOUTS;
    /// TCP_USER_TIMEOUT.
    pub(crate) const USER_TIMEOUT: u32 = bindings::TCP_USER_TIMEOUT;
    /// TCP_FASTOPEN.
    pub(crate) const FASTOPEN: u32 = bindings::TCP_FASTOPEN;
    /// TCP_NOTSENT_LOWAT.
    pub(crate) const NOTSENT_LOWAT: u32 = bindings::TCP_NOTSENT_LOWAT;
    /// TCP_SAVE_SYN.
    pub(crate) const SAVE_SYN: u32 = bindings::TCP_SAVE_SYN;
    /// TCP_FASTOPEN_NO_COOKIE.
    pub(crate) const FASTOPEN_NO_COOKIE: u32 = bindings::TCP_FASTOPEN_NO_COOKIE;
    /// TCP_INQ.
    pub(crate) const INQ: u32 = bindings::TCP_INQ;
    /// TCP_TX_DELAY.
    pub(crate) const TX_DELAY: u32 = bindings::TCP_TX_DELAY;
    /// TCP_RTO_MAX_MS.
    pub(crate) const RTO_MAX_MS: u32 = bindings::TCP_RTO_MAX_MS;
    /// TCP_RTO_MIN_US.
    pub(crate) const RTO_MIN_US: u32 = bindings::TCP_RTO_MIN_US;
    /// TCP_DELACK_MAX_US.
    pub(crate) const DELACK_MAX_US: u32 = bindings::TCP_DELACK_MAX_US;
}
