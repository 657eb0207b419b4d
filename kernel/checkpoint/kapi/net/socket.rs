// SPDX-License-Identifier: GPL-2.0

//! Sockets of all families: `net/socket.c`, `net/core/sock.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    net::namespace::NetNs, //
};

/// A socket, with a reference, which does not keep it from being closed.
///
/// # Invariants
///
/// The pointer is a valid `struct sock` on which this owns a reference.
pub(crate) struct SockRef(NonNull<bindings::sock>);

// SAFETY: References on a socket may be used and dropped by any thread.
unsafe impl Send for SockRef {}

// SAFETY: What is read or changed through a shared reference has the kernel's own locks.
unsafe impl Sync for SockRef {}

/// State of a socket that no option returns.
pub(crate) struct Basics {
    /// Address family.
    pub(crate) family: i32,
    /// SOCK_*.
    pub(crate) kind: i32,
    /// Protocol.
    pub(crate) protocol: i32,
    /// How many instructions the classic filter has that is attached to it.
    pub(crate) filter: u32,
    /// A program of BPF is attached to it, or to its group.
    pub(crate) program: bool,
    /// A classic program decides which of those with its port gets what comes, and none of BPF is attached.
    pub(crate) classic: bool,
    /// It has SO_INQ.
    pub(crate) inq: bool,
    /// It has SO_RIGHTS_NOTRUNC.
    pub(crate) notrunc: bool,
}

impl SockRef {
    /// Returns the socket that `file` shows, if it shows one.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference on the file; that on the socket, which is returned, is ours.
        unsafe { Self::from_owned(bindings::checkpoint_socket_of(file.as_ptr())) }
    }

    /// Takes over a reference that the caller owns.
    ///
    /// # Safety
    ///
    /// `sk` is NULL, or valid and with a reference that is handed over.
    pub(in crate::kapi) unsafe fn from_owned(sk: *mut bindings::sock) -> Option<Self> {
        // INVARIANT: By the caller's promise it is valid, and the reference is ours now.
        NonNull::new(sk).map(Self)
    }

    /// Returns the socket, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::sock {
        self.0.as_ptr()
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Address of the network namespace that it is of, to compare.
    pub(crate) fn net_addr(&self) -> usize {
        // SAFETY: We own a reference; only the address is of interest.
        unsafe { bindings::checkpoint_netns_of_socket(self.as_ptr()) }.addr()
    }

    /// Returns the network namespace that it, which a file shows, is of.
    pub(crate) fn net(&self) -> Result<NetNs> {
        // SAFETY: We own a reference; one that users have made has one on its namespace until it is freed.
        unsafe { NetNs::get(bindings::checkpoint_netns_of_socket(self.as_ptr())) }
    }

    /// Returns what no option returns.
    pub(crate) fn basics(&self) -> Basics {
        let mut raw = bindings::checkpoint_socket::default();
        // SAFETY: We own a reference; there is room for the result.
        unsafe { bindings::checkpoint_socket_get(self.as_ptr(), &mut raw) };
        Basics {
            family: raw.family,
            kind: raw.type_,
            protocol: raw.protocol,
            filter: raw.filter,
            program: raw.program,
            classic: raw.classic,
            inq: raw.inq,
            notrunc: raw.notrunc,
        }
    }

    /// Reads the option `name` of `level`, of one that a file shows, into `value`, whose length it has.
    ///
    /// EOPNOTSUPP, ENOPROTOOPT: it has none of that kind.
    pub(crate) fn option(&self, level: u32, name: u32, value: &mut [u8]) -> Result {
        let len = c_int::try_from(value.len())?;
        // SAFETY: We own a reference; the bytes are ours.
        to_result(unsafe {
            bindings::checkpoint_socket_option(
                self.as_ptr(),
                level.cast_signed(),
                name.cast_signed(),
                value.as_mut_ptr().cast(),
                len,
            )
        })
    }
}

/// An instruction of a classic filter: what it does, two jumps, and an operand.
pub(crate) type FilterStep = (u16, u8, u8, u32);

impl SockRef {
    /// Returns the classic filter that is attached to it; empty: none.
    pub(crate) fn filter(&self) -> Result<KVVec<FilterStep>> {
        let mut raw: KVVec<bindings::sock_filter> = KVVec::new();
        loop {
            let max = c_uint::try_from(raw.len())?;
            // SAFETY: We own a reference; there is room for so many instructions.
            let found =
                unsafe { bindings::checkpoint_socket_filter(self.as_ptr(), raw.as_mut_ptr(), max) };
            if found <= max {
                raw.truncate(found as usize);
                break;
            }
            raw.resize(found as usize, Default::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut steps = KVVec::with_capacity(raw.len(), GFP_KERNEL_ACCOUNT)?;
        for step in &raw {
            let step = (step.code, step.jt, step.jf, step.k);
            steps.push(step, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(steps)
    }

    /// Attaches a classic filter, as SO_ATTACH_FILTER; `lock`: and SO_LOCK_FILTER.
    ///
    /// EINVAL: it is none. ENOMEM: also if it is too long (net.core.optmem_max).
    pub(crate) fn attach_filter(&self, steps: &[FilterStep], lock: bool) -> Result {
        let mut raw: KVVec<bindings::sock_filter> =
            KVVec::with_capacity(steps.len(), GFP_KERNEL_ACCOUNT)?;
        for &(code, jt, jf, k) in steps {
            raw.push(
                bindings::sock_filter { code, jt, jf, k },
                GFP_KERNEL_ACCOUNT,
            )?;
        }
        let len = c_uint::try_from(raw.len())?;
        // SAFETY: We own a reference; so many instructions are read.
        to_result(unsafe {
            bindings::checkpoint_attach_filter(self.as_ptr(), raw.as_ptr(), len, lock)
        })
    }

    /// Returns the addresses of the sockets that share a port with it (SO_REUSEPORT), up to `max`,
    /// and how many there are; none: it shares none.
    pub(crate) fn group(&self, max: usize) -> Result<(KVVec<usize>, usize)> {
        let mut raw: KVVec<*const c_void> = KVVec::new();
        raw.resize(max, core::ptr::null(), GFP_KERNEL_ACCOUNT)?;
        let room = c_uint::try_from(max)?;
        // SAFETY: We own a reference; there is room for so many pointers.
        let found =
            unsafe { bindings::checkpoint_socket_group(self.as_ptr(), raw.as_mut_ptr(), room) }
                as usize;
        let mut group = KVVec::new();
        for member in raw.iter().take(found) {
            group.push(member.addr(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok((group, found))
    }
}

impl Clone for SockRef {
    fn clone(&self) -> Self {
        // SAFETY: We own a reference, so there may be another.
        unsafe { bindings::checkpoint_sock_hold(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for SockRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours.
        unsafe { bindings::checkpoint_sock_put(self.as_ptr()) };
    }
}

/// A socket that no file shows, and that is closed when this is dropped.
///
/// # Invariants
///
/// The pointer is a valid `struct socket` that nobody else releases.
pub(crate) struct Closing(NonNull<bindings::socket>);

// SAFETY: By the type's invariants nobody else releases it, and sock_release() is for any thread.
unsafe impl Send for Closing {}

// SAFETY: Nothing is done through a shared reference.
unsafe impl Sync for Closing {}

impl Closing {
    /// Makes one of the family and type given, in the network namespace `net`.
    pub(crate) fn make(net: &NetNs, family: i32, kind: i32) -> Result<(Self, SockRef)> {
        let mut socket = core::ptr::null_mut();
        // SAFETY: We have a reference on the namespace, and there is room for the pointer; what is
        // returned comes with a reference.
        let sk = from_err_ptr(unsafe {
            bindings::checkpoint_socket_closed(net.as_ptr(), family, kind, &mut socket)
        })?;
        // INVARIANT: It was just made.
        let this = NonNull::new(socket).map(Self).ok_or(ENOMEM)?;
        // SAFETY: It was just returned, with a reference that is ours.
        let sk = unsafe { SockRef::from_owned(sk) }.ok_or(ENOMEM)?;
        Ok((this, sk))
    }

    /// Returns the `struct socket`, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::socket {
        self.0.as_ptr()
    }
}

/// Something that shows a socket, whose options can be set.
pub(crate) trait SetOption {
    /// Sets the option `name` of `level`, with the rights that the caller acts with.
    fn set_socket_option(&self, level: u32, name: u32, value: &[u8]) -> Result;
}

impl SetOption for Closing {
    fn set_socket_option(&self, level: u32, name: u32, value: &[u8]) -> Result {
        let len = c_int::try_from(value.len())?;
        // SAFETY: By the type's invariants it is valid; the bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_socket_closed_option(
                self.as_ptr(),
                level.cast_signed(),
                name.cast_signed(),
                value.as_ptr().cast(),
                len,
            )
        })
    }
}

impl SetOption for FileRef {
    fn set_socket_option(&self, level: u32, name: u32, value: &[u8]) -> Result {
        FileRef::set_socket_option(self, level, name, value)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants it is ours to release.
        unsafe { bindings::checkpoint_socket_release(self.0.as_ptr()) };
    }
}

impl FileRef {
    /// Makes a socket in the caller's network namespace, as socket(2).
    pub(crate) fn make_socket(family: i32, kind: i32, protocol: i32) -> Result<Self> {
        // SAFETY: Numbers only; a file that is returned comes with a reference.
        unsafe { Self::from_owned(bindings::checkpoint_socket_make(family, kind, protocol)) }
    }

    /// Sets the option `name` of `level` of the socket that it shows, with the rights that the caller
    /// acts with.
    pub(crate) fn set_socket_option(&self, level: u32, name: u32, value: &[u8]) -> Result {
        let len = c_int::try_from(value.len())?;
        // SAFETY: We own a reference; the bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_socket_set_option(
                self.as_ptr(),
                level.cast_signed(),
                name.cast_signed(),
                value.as_ptr().cast(),
                len,
            )
        })
    }

    /// Returns the descriptor that signals of the socket that it shows name, if it has O_ASYNC.
    pub(crate) fn socket_async_fd(&self) -> Option<u32> {
        // SAFETY: We own a reference.
        u32::try_from(unsafe { bindings::checkpoint_socket_async_fd(self.as_ptr()) }).ok()
    }
}

/// Options of sockets, SO_*: this architecture's numbers.
pub(crate) mod so {
    use kernel::bindings as c;

    /// SOL_SOCKET.
    pub(crate) const SOCKET: u32 = c::SOL_SOCKET;
    /// SO_SNDBUF.
    pub(crate) const SNDBUF: u32 = c::SO_SNDBUF;
    /// SO_RCVBUF.
    pub(crate) const RCVBUF: u32 = c::SO_RCVBUF;
    /// SO_BUF_LOCK.
    pub(crate) const BUF_LOCK: u32 = c::SO_BUF_LOCK;
    /// SO_DEBUG.
    pub(crate) const DEBUG: u32 = c::SO_DEBUG;
    /// SO_REUSEADDR.
    pub(crate) const REUSEADDR: u32 = c::SO_REUSEADDR;
    /// SO_DONTROUTE.
    pub(crate) const DONTROUTE: u32 = c::SO_DONTROUTE;
    /// SO_BROADCAST.
    pub(crate) const BROADCAST: u32 = c::SO_BROADCAST;
    /// SO_KEEPALIVE.
    pub(crate) const KEEPALIVE: u32 = c::SO_KEEPALIVE;
    /// SO_OOBINLINE.
    pub(crate) const OOBINLINE: u32 = c::SO_OOBINLINE;
    /// SO_NO_CHECK.
    pub(crate) const NO_CHECK: u32 = c::SO_NO_CHECK;
    /// SO_PRIORITY.
    pub(crate) const PRIORITY: u32 = c::SO_PRIORITY;
    /// SO_LINGER.
    pub(crate) const LINGER: u32 = c::SO_LINGER;
    /// SO_PASSCRED.
    pub(crate) const PASSCRED: u32 = c::SO_PASSCRED;
    /// SO_PASSPIDFD.
    pub(crate) const PASSPIDFD: u32 = c::SO_PASSPIDFD;
    /// SO_PASSSEC.
    pub(crate) const PASSSEC: u32 = c::SO_PASSSEC;
    /// SO_PASSRIGHTS.
    pub(crate) const PASSRIGHTS: u32 = c::SO_PASSRIGHTS;
    /// SO_TIMESTAMP_OLD.
    pub(crate) const TIMESTAMP_OLD: u32 = c::SO_TIMESTAMP_OLD;
    /// SO_TIMESTAMPNS_OLD.
    pub(crate) const TIMESTAMPNS_OLD: u32 = c::SO_TIMESTAMPNS_OLD;
    /// SO_TIMESTAMP_NEW.
    pub(crate) const TIMESTAMP_NEW: u32 = c::SO_TIMESTAMP_NEW;
    /// SO_TIMESTAMPNS_NEW.
    pub(crate) const TIMESTAMPNS_NEW: u32 = c::SO_TIMESTAMPNS_NEW;
    /// SO_TIMESTAMPING_OLD.
    pub(crate) const TIMESTAMPING_OLD: u32 = c::SO_TIMESTAMPING_OLD;
    /// SO_TIMESTAMPING_NEW.
    pub(crate) const TIMESTAMPING_NEW: u32 = c::SO_TIMESTAMPING_NEW;
    /// SO_RCVTIMEO_NEW.
    pub(crate) const RCVTIMEO_NEW: u32 = c::SO_RCVTIMEO_NEW;
    /// SO_SNDTIMEO_NEW.
    pub(crate) const SNDTIMEO_NEW: u32 = c::SO_SNDTIMEO_NEW;
    /// SO_RCVLOWAT.
    pub(crate) const RCVLOWAT: u32 = c::SO_RCVLOWAT;
    /// SO_MARK.
    pub(crate) const MARK: u32 = c::SO_MARK;
    /// SO_RCVMARK.
    pub(crate) const RCVMARK: u32 = c::SO_RCVMARK;
    /// SO_RCVPRIORITY.
    pub(crate) const RCVPRIORITY: u32 = c::SO_RCVPRIORITY;
    /// SO_RXQ_OVFL.
    pub(crate) const RXQ_OVFL: u32 = c::SO_RXQ_OVFL;
    /// SO_WIFI_STATUS.
    pub(crate) const WIFI_STATUS: u32 = c::SO_WIFI_STATUS;
    /// SO_PEEK_OFF.
    pub(crate) const PEEK_OFF: u32 = c::SO_PEEK_OFF;
    /// SO_NOFCS.
    pub(crate) const NOFCS: u32 = c::SO_NOFCS;
    /// SO_SELECT_ERR_QUEUE.
    pub(crate) const SELECT_ERR_QUEUE: u32 = c::SO_SELECT_ERR_QUEUE;
    /// SO_BUSY_POLL.
    pub(crate) const BUSY_POLL: u32 = c::SO_BUSY_POLL;
    /// SO_PREFER_BUSY_POLL.
    pub(crate) const PREFER_BUSY_POLL: u32 = c::SO_PREFER_BUSY_POLL;
    /// SO_MAX_PACING_RATE.
    pub(crate) const MAX_PACING_RATE: u32 = c::SO_MAX_PACING_RATE;
    /// SO_BINDTOIFINDEX.
    pub(crate) const BINDTOIFINDEX: u32 = c::SO_BINDTOIFINDEX;
    /// SO_RESERVE_MEM.
    pub(crate) const RESERVE_MEM: u32 = c::SO_RESERVE_MEM;
    /// SO_INCOMING_CPU.
    pub(crate) const INCOMING_CPU: u32 = c::SO_INCOMING_CPU;
    /// SO_LOCK_FILTER.
    pub(crate) const LOCK_FILTER: u32 = c::SO_LOCK_FILTER;
    /// SO_INQ.
    pub(crate) const INQ: u32 = c::SO_INQ;
    /// SO_RIGHTS_NOTRUNC.
    pub(crate) const RIGHTS_NOTRUNC: u32 = c::SO_RIGHTS_NOTRUNC;
    /// SO_REUSEPORT.
    pub(crate) const REUSEPORT: u32 = c::SO_REUSEPORT;
    /// SO_ZEROCOPY.
    pub(crate) const ZEROCOPY: u32 = c::SO_ZEROCOPY;
    /// SO_TXTIME.
    pub(crate) const TXTIME: u32 = c::SO_TXTIME;
    /// SO_TXREHASH.
    pub(crate) const TXREHASH: u32 = c::SO_TXREHASH;
    /// SO_BUSY_POLL_BUDGET.
    pub(crate) const BUSY_POLL_BUDGET: u32 = c::SO_BUSY_POLL_BUDGET;
    /// What a socket has noted of packets that came: `sock_seen.c`.
    pub(crate) const SEEN: u32 = c::CHECKPOINT_SO_SEEN;
    /// SO_SNDBUFFORCE.
    pub(crate) const SNDBUFFORCE: u32 = c::SO_SNDBUFFORCE;
    /// SO_RCVBUFFORCE.
    pub(crate) const RCVBUFFORCE: u32 = c::SO_RCVBUFFORCE;
}
