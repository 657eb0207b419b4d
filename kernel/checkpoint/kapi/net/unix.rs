// SPDX-License-Identifier: GPL-2.0

//! Unix sockets: `net/unix/checkpoint.c`.

use core::{
    mem::MaybeUninit,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        path::PathRef, //
    },
    net::socket::SockRef,
    security::cred::{
        self,
        CredRef, //
    },
    task::links::PidRef,
    time::wait, //
};

/// Longest time to wait for a socket from which somebody receives, in milliseconds: that may write
/// to memory that user space provides.
const LOCK_MS: u64 = 10_000;

/// The state of a Unix socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not connected.
    Closed,
    /// Connected, or a datagram socket that others are connected to.
    Connected,
    /// It listens.
    Listening,
}

/// What a Unix socket is.
pub(crate) struct Unix {
    /// The socket that it is connected to.
    pub(crate) peer: Option<SockRef>,
    /// Its open file; `None`: it has none, or that is being closed.
    pub(crate) file: Option<FileRef>,
    /// What SO_PEERCRED tells of the process.
    pub(crate) peer_pid: Option<PidRef>,
    /// What it tells of the credentials.
    pub(crate) peer_cred: Option<CredRef>,
    /// The path at which others find it.
    pub(crate) path: Option<PathRef>,
    /// Its state.
    pub(crate) state: State,
    /// It receives no more.
    pub(crate) shut_read: bool,
    /// It sends no more.
    pub(crate) shut_write: bool,
    /// What SO_ERROR tells.
    pub(crate) err: i32,
    /// How many connections or messages may wait.
    pub(crate) backlog: u32,
    /// `CHECKPOINT_SCM_*`.
    pub(crate) scm: u32,
    /// BPF has taken it over.
    pub(crate) foreign: bool,
    /// It was closed.
    pub(crate) dead: bool,
    /// It waits to be accepted.
    pub(crate) waits: bool,
    /// Others find it by its abstract address.
    pub(crate) named: bool,
    /// Its address.
    pub(crate) name: KVec<u8>,
}

/// A message in the queue of a socket.
pub(crate) struct Message {
    /// Who has sent it; `None`: nothing but its messages is left of that.
    pub(crate) from: Option<SockRef>,
    /// The address of that, which the message keeps, to compare.
    pub(crate) sender: usize,
    /// Its address as a socket.
    pub(crate) name: KVec<u8>,
    /// The process that is told with it.
    pub(crate) pid: Option<PidRef>,
    /// The user and the group that are told; `None`: they have no numbers here.
    pub(crate) ids: Option<[u32; 2]>,
    /// When it was sent, in nanoseconds since 1970; 0: that was not noted.
    pub(crate) time: i64,
    /// Bytes of it that were received.
    pub(crate) consumed: u32,
    /// Bytes of it that were not.
    pub(crate) len: u32,
    /// It is out-of-band, and was not received.
    pub(crate) oob: bool,
    /// The files that it carries.
    pub(crate) files: KVec<FileRef>,
}

/// A message to be sent.
pub(crate) struct New<'a> {
    /// Who sends it.
    pub(crate) from: &'a SockRef,
    /// The process that is told with it.
    pub(crate) pid: Option<&'a PidRef>,
    /// The user and the group that are told.
    pub(crate) ids: Option<[u32; 2]>,
    /// When it was sent, in nanoseconds since 1970.
    pub(crate) time: i64,
    /// It is out-of-band.
    pub(crate) oob: bool,
    /// The files that it carries.
    pub(crate) files: &'a [FileRef],
    /// Its bytes.
    pub(crate) data: &'a [u8],
}

/// What is in a queue: a message, or a connection that waits.
///
/// # Invariants
///
/// The pointer is a valid `struct sk_buff` on which this owns a reference.
pub(crate) struct Queued(NonNull<bindings::sk_buff>);

// SAFETY: References on a message may be used and dropped by any thread.
unsafe impl Send for Queued {}

impl Drop for Queued {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours.
        unsafe { bindings::checkpoint_skb_put(self.0.as_ptr()) };
    }
}

impl Queued {
    /// Returns all that `take` finds, which puts pointers where the first argument points to, of
    /// which there is room for as many as the second one tells, each with a reference, and returns
    /// how many there are.
    pub(in crate::kapi) fn all(
        mut take: impl FnMut(*mut *mut bindings::sk_buff, c_uint) -> c_uint,
    ) -> Result<KVVec<Self>> {
        let mut room = 0;
        loop {
            let mut raw: KVVec<*mut bindings::sk_buff> = KVVec::new();
            raw.resize(room, core::ptr::null_mut(), GFP_KERNEL_ACCOUNT)?;
            let mut queue = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
            let max = c_uint::try_from(room)?;
            let found = take(raw.as_mut_ptr(), max);
            for skb in raw.iter().filter_map(|&skb| NonNull::new(skb)) {
                // INVARIANT: A reference was taken on each.
                queue.push(Self(skb), GFP_KERNEL_ACCOUNT)?;
            }
            if found <= max {
                return Ok(queue);
            }
            room = found as usize;
        }
    }

    /// Returns the message, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Returns the connection that waits.
    pub(crate) fn sock(&self) -> Option<SockRef> {
        // SAFETY: We own a reference; the one on the socket that is returned is ours.
        unsafe { SockRef::from_owned(bindings::checkpoint_skb_sock(self.0.as_ptr())) }
    }

    /// Appends `len` bytes of it from `offset` on to `to`.
    pub(crate) fn read(&self, offset: u32, len: u32, to: &mut KVVec<u8>) -> Result {
        let at = to.len();
        to.resize(at + len as usize, 0, GFP_KERNEL_ACCOUNT)?;
        let bytes = to.get_mut(at..).ok_or(EINVAL)?;
        // SAFETY: We own a reference; there is room for so many bytes.
        to_result(unsafe {
            bindings::checkpoint_skb_read(self.0.as_ptr(), offset, bytes.as_mut_ptr().cast(), len)
        })
    }
}

/// Returns the user and group id as the caller's user namespace has them.
fn ids(uid: bindings::kuid_t, gid: bindings::kgid_t) -> Option<[u32; 2]> {
    Some([cred::uid_number(uid).ok()?, cred::gid_number(gid).ok()?])
}

impl SockRef {
    /// Returns what it is; it is a Unix socket.
    pub(crate) fn unix(&self) -> Result<Unix> {
        let mut raw = KBox::new(bindings::checkpoint_unix::default(), GFP_KERNEL)?;
        // SAFETY: We own a reference on a Unix socket; there is room for the result. All references in
        // that are ours.
        let (peer, file, peer_pid, peer_cred, path) = unsafe {
            bindings::checkpoint_unix_get(self.as_ptr(), &mut *raw);
            (
                Self::from_owned(raw.peer),
                NonNull::new(raw.file).and_then(|f| FileRef::from_owned(f.as_ptr()).ok()),
                PidRef::from_owned(raw.peer_pid).ok(),
                CredRef::from_owned(raw.peer_cred).ok(),
                (!raw.dentry.is_null()).then(|| {
                    PathRef::from_owned(bindings::path {
                        mnt: raw.mnt,
                        dentry: raw.dentry,
                    })
                }),
            )
        };
        let len = raw.name_len as usize;
        let mut name = KVec::new();
        name.extend_from_slice(raw.name.get(..len).ok_or(EINVAL)?, GFP_KERNEL_ACCOUNT)?;
        Ok(Unix {
            peer,
            file,
            peer_pid,
            peer_cred,
            path,
            state: match raw.state {
                bindings::CHECKPOINT_UNIX_LISTENING => State::Listening,
                bindings::CHECKPOINT_UNIX_CONNECTED => State::Connected,
                _ => State::Closed,
            },
            shut_read: raw.shutdown & bindings::CHECKPOINT_SHUT_READ != 0,
            shut_write: raw.shutdown & bindings::CHECKPOINT_SHUT_WRITE != 0,
            err: raw.err,
            backlog: raw.backlog,
            scm: raw.scm,
            foreign: raw.foreign,
            dead: raw.dead,
            waits: raw.embryo,
            named: raw.named,
            name,
        })
    }

    /// Returns what is in its queue, oldest first.
    pub(crate) fn queue(&self) -> Result<KVVec<Queued>> {
        Queued::all(|skbs, max| {
            // SAFETY: We own a reference; there is room for so many pointers.
            unsafe { bindings::checkpoint_unix_queue(self.as_ptr(), skbs, max) }
        })
    }

    /// Returns what a message in its queue is. May sleep.
    ///
    /// EBUSY: somebody receives, and does not end. EOPNOTSUPP: its security label is not that of
    /// its sender. EINTR: the caller was killed.
    pub(crate) fn message(&self, queued: &Queued) -> Result<Message> {
        let mut raw: KBox<MaybeUninit<bindings::checkpoint_unix_message>> =
            KBox::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let end = wait::monotonic_ns().saturating_add(LOCK_MS * 1_000_000);
        let mut pauses = wait::Pauses::new();
        let done = loop {
            // SAFETY: We own references on the socket, which is a Unix socket, and on what was in its
            // queue; the function initialises the structure.
            let err = unsafe {
                bindings::checkpoint_unix_message(
                    self.as_ptr(),
                    queued.0.as_ptr(),
                    raw.as_mut_ptr(),
                )
            };
            match to_result(err) {
                Err(EBUSY) if wait::monotonic_ns() < end => (),
                done => break done,
            }
            wait::check_killed()?;
            pauses.pause();
        };
        // SAFETY: It was initialised.
        let raw = unsafe { raw.assume_init() };
        // SAFETY: The reference is ours.
        let from = unsafe { SockRef::from_owned(raw.from) };
        // SAFETY: It is NULL, or comes with a reference that is ours.
        let pid = unsafe { PidRef::from_owned(raw.pid) }.ok();
        let mut files = KVec::new();
        let mut kept = Ok(());
        for &file in raw.files.iter().take(raw.nr_files as usize) {
            // SAFETY: Each that is counted comes with a reference that is ours.
            let file = unsafe { FileRef::from_owned(file) };
            kept = kept.and(file.and_then(|file| Ok(files.push(file, GFP_KERNEL_ACCOUNT)?)));
        }
        done?;
        kept?;
        let mut name = KVec::new();
        let bytes = raw.name.get(..raw.name_len as usize).ok_or(EINVAL)?;
        name.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
        Ok(Message {
            from,
            sender: raw.sender.addr(),
            name,
            pid,
            ids: ids(raw.uid, raw.gid),
            time: raw.time,
            consumed: raw.consumed,
            len: raw.len.saturating_sub(raw.consumed),
            oob: raw.oob,
            files,
        })
    }

    /// Gives it the address that it tells. Nobody finds it by that yet.
    pub(crate) fn set_unix_name(&self, name: &[u8]) -> Result {
        let len = c_int::try_from(name.len())?;
        // SAFETY: We own a reference on a Unix socket; the bytes are only read.
        to_result(unsafe {
            bindings::checkpoint_unix_set_name(self.as_ptr(), name.as_ptr().cast(), len)
        })
    }

    /// Lets others find it by its address: at `path`, or by the abstract name that it has.
    ///
    /// EADDRINUSE: another socket has it. Else as of bind(2), and of unlink(2) of what is there.
    pub(crate) fn bind_unix(&self, path: Option<&PathRef>) -> Result {
        let path = path.map_or(core::ptr::null(), |p| core::ptr::from_ref(p.as_raw()));
        // SAFETY: We own a reference on a Unix socket; the path is NULL or referenced.
        to_result(unsafe { bindings::checkpoint_unix_bind(self.as_ptr(), path, false) })
    }

    /// Lets who has `path` find it, which was made for that and removed.
    ///
    /// EADDRINUSE: another socket is there.
    pub(crate) fn bind_unix_removed(&self, path: &PathRef) -> Result {
        // SAFETY: We own a reference on a Unix socket; the path is referenced.
        to_result(unsafe { bindings::checkpoint_unix_bind(self.as_ptr(), path.as_raw(), true) })
    }

    /// Returns the Unix socket that others find at `path`.
    pub(crate) fn unix_at(path: &PathRef) -> Option<Self> {
        path.inode()?;
        // SAFETY: The path is referenced, and leads to an inode. The reference on a socket that is
        // returned is ours.
        unsafe { Self::from_owned(bindings::checkpoint_unix_at(path.as_raw())) }
    }

    /// Gives it its peer, and what SO_PEERCRED tells.
    pub(crate) fn connect_unix(
        &self,
        peer: Option<&SockRef>,
        pid: Option<&PidRef>,
        cred: Option<&CredRef>,
        connected: bool,
    ) -> Result {
        // SAFETY: We own references on all of them, or they are NULL.
        to_result(unsafe {
            bindings::checkpoint_unix_connect(
                self.as_ptr(),
                peer.map_or(core::ptr::null_mut(), |p| p.as_ptr()),
                pid.map_or(core::ptr::null_mut(), |p| p.as_ptr()),
                cred.map_or(core::ptr::null(), |c| c.as_ptr()),
                connected,
            )
        })
    }

    /// Returns the path that it is bound to, or that the one was that has accepted it.
    pub(crate) fn unix_place(&self) -> Option<PathRef> {
        let mut path = bindings::path::default();
        // SAFETY: We own a reference on a Unix socket; there is room for the path. The references on
        // one that is returned are ours.
        unsafe {
            bindings::checkpoint_unix_place(self.as_ptr(), &mut path);
            (!path.dentry.is_null()).then(|| PathRef::from_owned(path))
        }
    }

    /// Lets it, which nobody uses yet, be connected to nothing, after its queue was filled.
    pub(crate) fn disconnect_unix(&self) {
        // SAFETY: We own a reference on a Unix socket.
        unsafe { bindings::checkpoint_unix_disconnect(self.as_ptr()) }
    }

    /// Connects it, with the rights that the caller acts with, to the socket at `path`, or without
    /// one to that with the abstract address `name`. It does not wait.
    ///
    /// EAGAIN: as many wait there as may. ESTALE: something else was put there meanwhile. EBADF: it
    /// was closed. Else as of connect(2).
    pub(crate) fn reconnect_unix(&self, name: &[u8], path: Option<&PathRef>) -> Result {
        let len = c_int::try_from(name.len())?;
        let path = path.map_or(core::ptr::null(), |p| core::ptr::from_ref(p.as_raw()));
        // SAFETY: We own a reference on a Unix socket; the bytes are only read, the path is NULL or
        // referenced.
        to_result(unsafe {
            bindings::checkpoint_unix_reconnect(self.as_ptr(), name.as_ptr().cast(), len, path)
        })
    }

    /// Lets it listen, and notes what SO_PEERCRED tells who connects.
    pub(crate) fn listen_unix(
        &self,
        backlog: u32,
        pid: Option<&PidRef>,
        cred: Option<&CredRef>,
    ) -> Result {
        // SAFETY: We own references on all of them, or they are NULL.
        to_result(unsafe {
            bindings::checkpoint_unix_listen(
                self.as_ptr(),
                backlog,
                pid.map_or(core::ptr::null_mut(), |p| p.as_ptr()),
                cred.map_or(core::ptr::null(), |c| c.as_ptr()),
            )
        })
    }

    /// Makes a connection that waits at this socket, which listens, to be accepted.
    ///
    /// ENOBUFS: so many may not wait.
    pub(crate) fn make_waiting(&self, scm: u32) -> Result<SockRef> {
        // SAFETY: We own a reference; the one on the socket that is returned is ours.
        unsafe {
            let sk = from_err_ptr(bindings::checkpoint_unix_embryo(self.as_ptr(), scm))?;
            SockRef::from_owned(sk).ok_or(ENOMEM)
        }
    }

    /// Puts a message into its queue.
    ///
    /// EPERM: ids that the caller may not send. ENOBUFS: more than the sender may have sent.
    /// ETOOMANYREFS: too many files in flight.
    pub(crate) fn send_unix(&self, new: &New<'_>) -> Result {
        let ids = match new.ids {
            Some([uid, gid]) => cred::may_claim(uid, gid)?,
            None => cred::no_ids(),
        };
        let mut raw: KBox<bindings::checkpoint_unix_message> = KBox::new(
            bindings::checkpoint_unix_message::default(),
            GFP_KERNEL_ACCOUNT,
        )?;
        raw.from = new.from.as_ptr();
        raw.pid = new.pid.map_or(core::ptr::null_mut(), |p| p.as_ptr());
        (raw.uid, raw.gid) = ids;
        raw.time = new.time;
        raw.len = c_uint::try_from(new.data.len())?;
        raw.nr_files = c_uint::try_from(new.files.len())?;
        raw.oob = new.oob;
        if new.files.len() > raw.files.len() {
            return Err(EINVAL);
        }
        for (to, file) in raw.files.iter_mut().zip(new.files) {
            *to = file.as_ptr();
        }
        // SAFETY: We own references on a Unix socket and on all that the structure has, for the time
        // of the call; the bytes are only read. None of the files is an io_uring: an image has none.
        to_result(unsafe {
            bindings::checkpoint_unix_send(self.as_ptr(), &*raw, new.data.as_ptr().cast())
        })
    }

    /// Shuts it down as it was: it receives no more, sends no more, has ECONNRESET to tell.
    pub(crate) fn settle_unix(&self, read: bool, write: bool, reset: bool) {
        let mut how = 0;
        if read {
            how |= bindings::CHECKPOINT_SHUT_READ;
        }
        if write {
            how |= bindings::CHECKPOINT_SHUT_WRITE;
        }
        // SAFETY: We own a reference on a Unix socket.
        unsafe { bindings::checkpoint_unix_settle(self.as_ptr(), how, reset.into()) };
    }
}
