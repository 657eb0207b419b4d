// SPDX-License-Identifier: GPL-2.0

//! TCP connections: what they know of the way to the other end.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::socket::SockRef;

/// What a connection knows of the way to the other end, and for how long it has waited for that. Times
/// are in milliseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hints {
    /// Smoothed round-trip time, in eighths of a microsecond; 0: it was not measured.
    pub(crate) round_trip: u32,
    /// Mean deviation of it, the largest of late, and that which timeouts go by, in quarters of a
    /// microsecond.
    pub(crate) deviation: u32,
    pub(crate) deviation_max: u32,
    pub(crate) variation: u32,
    /// The shortest of late, in microseconds; all ones: it was not measured.
    pub(crate) shortest: u32,
    /// Slow start threshold, in segments.
    pub(crate) threshold: u32,
    /// Congestion window, in segments; 0: that of a new connection.
    pub(crate) window: u32,
    /// Since the last acknowledgment has come.
    pub(crate) acknowledged: u32,
    /// Since the last data has come.
    pub(crate) received: u32,
    /// Until the keepalive timer.
    pub(crate) keepalive: u32,
    /// 1 more than since the other end is asked for a window; 0: it is not.
    pub(crate) asked: u32,
    /// 1 more than since something was sent again first; 0: nothing was.
    pub(crate) resent: u32,
    /// Probes that were not answered.
    pub(crate) probes: u8,
    /// How often the time between those for a window was doubled.
    pub(crate) backoff: u8,
    /// How often it was sent again after a timeout.
    pub(crate) timeouts: u8,
}

impl Hints {
    fn of(raw: &bindings::checkpoint_tcp_hints) -> Self {
        Self {
            round_trip: raw.srtt_us,
            deviation: raw.mdev_us,
            deviation_max: raw.mdev_max_us,
            variation: raw.rttvar_us,
            shortest: raw.rtt_min_us,
            threshold: raw.ssthresh,
            window: raw.cwnd,
            acknowledged: raw.ack_ms,
            received: raw.data_ms,
            keepalive: raw.keepalive_ms,
            asked: raw.window_ms,
            resent: raw.retrans_ms,
            probes: raw.probes,
            backoff: raw.backoff,
            timeouts: raw.retransmits,
        }
    }

    fn raw(&self) -> bindings::checkpoint_tcp_hints {
        bindings::checkpoint_tcp_hints {
            srtt_us: self.round_trip,
            mdev_us: self.deviation,
            mdev_max_us: self.deviation_max,
            rttvar_us: self.variation,
            rtt_min_us: self.shortest,
            ssthresh: self.threshold,
            cwnd: self.window,
            ack_ms: self.acknowledged,
            data_ms: self.received,
            keepalive_ms: self.keepalive,
            window_ms: self.asked,
            retrans_ms: self.resent,
            probes: self.probes,
            backoff: self.backoff,
            retransmits: self.timeouts,
        }
    }
}

impl SockRef {
    /// Returns what it, which is a TCP connection, knows of the way to the other end. EINTR: the caller was
    /// killed.
    pub(crate) fn tcp_hints(&self) -> Result<Hints> {
        let mut raw = bindings::checkpoint_tcp_hints::default();
        // SAFETY: We own a reference on a TCP socket, and there is room for the structure.
        to_result(unsafe { bindings::checkpoint_tcp_hints_get(self.as_ptr(), &mut raw) })?;
        Ok(Hints::of(&raw))
    }

    /// Lets it, which is a new TCP socket and held, know of the way to the other end before it is connected;
    /// `ecn`: with explicit congestion notification. EINTR: the caller was killed.
    pub(crate) fn begin_tcp_hints(&self, hints: &Hints, ecn: bool) -> Result {
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_hints_begin(self.as_ptr(), &hints.raw(), ecn) })
    }

    /// Lets it, which is connected and held, go on waiting where it was; its queues are complete. EINTR: the
    /// caller was killed.
    pub(crate) fn set_tcp_hints(&self, hints: &Hints) -> Result {
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_hints_set(self.as_ptr(), &hints.raw()) })
    }
}
