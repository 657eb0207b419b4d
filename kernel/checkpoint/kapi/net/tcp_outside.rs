// SPDX-License-Identifier: GPL-2.0

//! TCP connections whose other end is outside: they are held, and made again.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

use crate::kapi::net::{
    socket::SockRef,
    tcp::Tcp,
    tcp_keys::Ao, //
};

/// What an end of a connection has agreed upon with the other one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Wire {
    /// Number of the first byte that is to be sent.
    pub(crate) send_first: u32,
    /// Number of the next byte that is to arrive.
    pub(crate) receive_next: u32,
    /// How many of the bytes that are to be sent were sent already.
    pub(crate) in_flight: u32,
    /// Bytes that the other end takes, and the most that it has taken.
    pub(crate) send_window: u32,
    pub(crate) send_window_max: u32,
    /// Bytes that were offered to the other end, and the most that were.
    pub(crate) receive_window: u32,
    pub(crate) receive_window_max: u32,
    /// Its time stamp, and the last one of the other end.
    pub(crate) stamp: u32,
    pub(crate) stamp_recent: u32,
    /// Largest segment that the other end takes.
    pub(crate) mss: u16,
    /// Scale of the window of the other end, and of its own.
    pub(crate) send_scale: u8,
    pub(crate) receive_scale: u8,
    /// There are scales.
    pub(crate) has_scales: bool,
    /// With selective acknowledgment.
    pub(crate) has_sack: bool,
    /// With time stamps.
    pub(crate) has_stamps: bool,
    /// These count microseconds.
    pub(crate) is_usec: bool,
    /// With explicit congestion notification.
    pub(crate) has_ecn: bool,
    /// What became of the end of what is sent.
    pub(crate) fin: Fin,
    /// The other end has closed before it had got that.
    pub(crate) closing: bool,
}

/// What became of the end of what is sent.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fin {
    /// It was not shut down.
    #[default]
    None,
    /// The other end was not told.
    Queued,
    /// It was told, but may not have got it.
    Sent,
    /// It has got it.
    Acked,
}

impl Wire {
    /// Returns what the kernel has told; `Err`: why the connection can't be kept.
    pub(super) fn of(raw: &bindings::checkpoint_tcp_wire) -> Result<Self, &'static str> {
        match raw.why {
            0 => (),
            bindings::CHECKPOINT_TCP_WIRE_DENIED => {
                return Err("its numbers take CAP_NET_ADMIN over the network namespace")
            }
            bindings::CHECKPOINT_TCP_WIRE_OVER => return Err("it is over"),
            bindings::CHECKPOINT_TCP_WIRE_ACCECN => return Err("it has accurate ECN"),
            _ => return Err("its queue is not complete"),
        }
        Ok(Self {
            send_first: raw.snd_una,
            receive_next: raw.rcv_nxt,
            in_flight: raw.in_flight,
            send_window: raw.snd_wnd,
            send_window_max: raw.max_window,
            receive_window: raw.rcv_wnd,
            receive_window_max: raw.max_rcv_wnd,
            stamp: raw.stamp,
            stamp_recent: raw.stamp_recent,
            mss: raw.mss,
            send_scale: raw.snd_wscale,
            receive_scale: raw.rcv_wscale,
            has_scales: raw.wscale,
            has_sack: raw.sack,
            has_stamps: raw.stamps,
            is_usec: raw.usec,
            has_ecn: raw.ecn,
            fin: match u32::from(raw.fin) {
                bindings::CHECKPOINT_TCP_FIN_QUEUED => Fin::Queued,
                bindings::CHECKPOINT_TCP_FIN_SENT => Fin::Sent,
                bindings::CHECKPOINT_TCP_FIN_ACKED => Fin::Acked,
                _ => Fin::None,
            },
            closing: raw.closing,
        })
    }

    pub(super) fn raw(&self) -> bindings::checkpoint_tcp_wire {
        bindings::checkpoint_tcp_wire {
            why: 0,
            snd_una: self.send_first,
            rcv_nxt: self.receive_next,
            in_flight: self.in_flight,
            snd_wnd: self.send_window,
            max_window: self.send_window_max,
            rcv_wnd: self.receive_window,
            max_rcv_wnd: self.receive_window_max,
            stamp: self.stamp,
            stamp_recent: self.stamp_recent,
            mss: self.mss,
            snd_wscale: self.send_scale,
            rcv_wscale: self.receive_scale,
            wscale: self.has_scales,
            sack: self.has_sack,
            stamps: self.has_stamps,
            usec: self.is_usec,
            ecn: self.has_ecn,
            fin: match self.fin {
                Fin::None => bindings::CHECKPOINT_TCP_FIN_NONE as u8,
                Fin::Queued => bindings::CHECKPOINT_TCP_FIN_QUEUED as u8,
                Fin::Sent => bindings::CHECKPOINT_TCP_FIN_SENT as u8,
                Fin::Acked => bindings::CHECKPOINT_TCP_FIN_ACKED as u8,
            },
            closing: self.closing,
        }
    }
}

/// What is put into the queue of a connection that is held.
pub(crate) enum Queue {
    /// It was sent before.
    Sent,
    /// It was not.
    Unsent,
    /// No more.
    Closed,
}

/// The hold on a connection: what arrives is dropped, and nothing new is sent.
///
/// # Invariants
///
/// The pointer is what `checkpoint_tcp_hold()` has returned, which only we let go of.
pub(crate) struct HeldTcp(NonNull<bindings::checkpoint_tcp_hold>);

// SAFETY: By the type's invariants only we let go of it, which any thread may do: it is of no task.
unsafe impl Send for HeldTcp {}

// SAFETY: Nothing is done through a shared reference.
unsafe impl Sync for HeldTcp {}

impl HeldTcp {
    /// Holds `sk`, which is a TCP socket that is connected, listens, or is new.
    ///
    /// EPERM: the caller may not (CAP_NET_ADMIN). ENOTCONN: it is none of these. EBUSY: it is held, or
    /// under repair. EINTR: the caller was killed.
    pub(crate) fn new(sk: &SockRef) -> Result<Self> {
        // SAFETY: We own a reference on a TCP socket.
        let hold = from_err_ptr(unsafe { bindings::checkpoint_tcp_hold(sk.as_ptr()) })?;
        // INVARIANT: It was just returned.
        NonNull::new(hold).map(Self).ok_or(ENOMEM)
    }

    /// Waits until nothing more is taken in by those that are held. May sleep.
    pub(crate) fn settle() {
        // SAFETY: It takes nothing, and we may sleep.
        unsafe { bindings::checkpoint_tcp_hold_settle() }
    }

    /// Gives up the pointer.
    fn into_raw(self) -> *mut bindings::checkpoint_tcp_hold {
        let raw = self.0.as_ptr();
        core::mem::forget(self);
        raw
    }

    /// Lets the connection end without a segment when it is closed; for a minute, or until it is made
    /// again, nothing that arrives for it is answered.
    pub(crate) fn bury(self) {
        // SAFETY: By the type's invariants it is a hold, and we give it up.
        unsafe { bindings::checkpoint_tcp_bury(self.into_raw()) }
    }

    /// Keeps it for checkpoint `id`, which has `tcp` and `wire` of it in its image, until
    /// [`end_left`](Self::end_left), or until the tasks are thawed.
    pub(crate) fn leave(self, id: u64, tcp: &Tcp, wire: &Wire) {
        // One that is like nothing is not what it was.
        let mut raw = tcp.raw().unwrap_or_default();
        raw.wire = wire.raw();
        raw.sent = tcp.sent;
        // SAFETY: By the type's invariants it is a hold, and we give it up; the structure is only
        // read.
        unsafe { bindings::checkpoint_tcp_leave(self.into_raw(), id, &raw) }
    }

    /// Likewise, of a socket that listens.
    pub(crate) fn leave_listening(self, id: u64) {
        // SAFETY: By the type's invariants it is a hold, and we give it up.
        unsafe { bindings::checkpoint_tcp_leave(self.into_raw(), id, core::ptr::null()) }
    }

    /// Returns what one of those that checkpoint `id` has left was, and its address family, if it is not
    /// so any more. May sleep; EINTR: the caller was killed.
    pub(crate) fn changed_since(id: u64) -> Result<Option<(Tcp, i32)>> {
        let mut was = bindings::checkpoint_tcp::default();
        let mut family = 0;
        // SAFETY: There is room for both, and we may sleep.
        match unsafe { bindings::checkpoint_tcp_left_still(id, &mut was, &mut family) } {
            err if err < 0 => Err(to_result(err).err().unwrap_or(EIO)),
            0 => Ok(Some((Tcp::of(&was), family))),
            _ => Ok(None),
        }
    }

    /// Ends the holds that checkpoint `id` has left: as [`bury`](Self::bury), or the connections go on.
    /// May sleep.
    pub(crate) fn end_left(id: u64, bury: bool) {
        // SAFETY: Numbers only, and we may sleep.
        unsafe { bindings::checkpoint_tcp_end(id, bury) }
    }

    /// Lets the connection go on, before its socket, which no file shows, is closed. May sleep, but
    /// not for long.
    pub(crate) fn resume(self) {
        // SAFETY: By the type's invariants it is a hold, and we give it up.
        unsafe { bindings::checkpoint_tcp_resume_now(self.into_raw()) }
    }

    /// Resets the connection, which the other end is told.
    pub(crate) fn reset(self) {
        // SAFETY: By the type's invariants it is a hold, and we give it up.
        unsafe { bindings::checkpoint_tcp_reset(self.into_raw()) }
    }
}

impl Drop for HeldTcp {
    /// Lets the connection go on.
    fn drop(&mut self) {
        // SAFETY: By the type's invariants it is a hold, which nobody uses after this.
        unsafe { bindings::checkpoint_tcp_resume(self.0.as_ptr()) }
    }
}

impl SockRef {
    /// Returns whether it, which is held, is still what `tcp` and `wire` tell. EINTR: the caller was
    /// killed.
    pub(crate) fn is_tcp_still(&self, tcp: &Tcp, wire: &Wire) -> Result<bool> {
        let mut raw = tcp.raw()?;
        raw.wire = wire.raw();
        raw.sent = tcp.sent;
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        match unsafe { bindings::checkpoint_tcp_is_still(self.as_ptr(), &raw) } {
            err if err < 0 => Err(to_result(err).err().unwrap_or(EIO)),
            is => Ok(is > 0),
        }
    }

    /// Makes it, which is new and held, an end of the connection that `tcp` and `wire` tell of, without
    /// a segment; `reuse`: what SO_REUSEADDR of it is.
    ///
    /// Errors as of `connect_tcp`.
    pub(crate) fn rejoin_tcp(&self, tcp: &Tcp, wire: &Wire, data: &[u8], reuse: bool) -> Result {
        if data.len() != tcp.received as usize {
            return Err(EINVAL);
        }
        let mut raw = tcp.raw()?;
        raw.wire = wire.raw();
        // The end of what was received has a number, too.
        let first = wire
            .receive_next
            .wrapping_sub(tcp.received)
            .wrapping_sub(u32::from(tcp.done));
        // SAFETY: We own a reference on a TCP socket; structure and bytes, which have that length, are
        // only read.
        unsafe {
            to_result(bindings::checkpoint_tcp_connect(
                self.as_ptr(),
                &raw,
                wire.send_first,
                first,
            ))?;
            to_result(bindings::checkpoint_tcp_rejoin(
                self.as_ptr(),
                &raw,
                data.as_ptr().cast(),
                reuse,
            ))
        }
    }

    /// Makes it, which is new and held, an end that is only to be reset: with the numbers that the other
    /// end of the connection that `tcp` and `wire` tell of expects, and signed with `ao`, if it has that.
    pub(crate) fn stand_in_tcp(&self, tcp: &Tcp, wire: &Wire, ao: Option<&Ao>) -> Result {
        let raw = tcp.raw()?;
        let next = wire
            .send_first
            .wrapping_add(wire.in_flight)
            .wrapping_add(u32::from(wire.fin == Fin::Sent));
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe {
            bindings::checkpoint_tcp_connect(self.as_ptr(), &raw, next, wire.receive_next)
        })?;
        let Some(ao) = ao else {
            return Ok(());
        };
        // What was sent may have wrapped meanwhile.
        let wraps = ao
            .send_wraps
            .wrapping_add(u32::from(next < wire.send_first));
        self.agree_tcp_ao(&Ao {
            send_wraps: wraps,
            ..*ao
        })
    }

    /// Chooses what is put into its queue next: it is held. EINTR: the caller was killed.
    pub(crate) fn set_tcp_queue(&self, queue: Queue) -> Result {
        let queue = match queue {
            Queue::Sent => bindings::CHECKPOINT_TCP_QUEUE_SENT,
            Queue::Unsent => bindings::CHECKPOINT_TCP_QUEUE_UNSENT,
            Queue::Closed => bindings::CHECKPOINT_TCP_QUEUE_CLOSED,
        };
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_queue(self.as_ptr(), queue) })
    }

    /// Shuts it, which is held, down for writing: that comes after what is in the queue, as sent or not;
    /// `closing`: the other end has closed before it had got that. ENOMEM: there is no memory.
    pub(crate) fn finish_tcp(&self, closing: bool) -> Result {
        // SAFETY: We own a reference on a TCP socket.
        to_result(unsafe { bindings::checkpoint_tcp_finish(self.as_ptr(), closing) })
    }
}
