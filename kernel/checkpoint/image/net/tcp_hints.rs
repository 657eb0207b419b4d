// SPDX-License-Identifier: GPL-2.0

//! Records of what a TCP connection knows of the way to its other end.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::record;

/// Longest round-trip time, in eighths of a microsecond: as long as the longest timeout (TCP_RTO_MAX).
pub const ROUND_TRIP_MAX: u32 = 8 * 120_000_000;

/// Largest deviation of it, in quarters of a microsecond.
pub const DEVIATION_MAX: u32 = 4 * 120_000_000;

/// [`TcpHints::shortest`]: it was not measured.
pub const SHORTEST_NONE: u32 = u32::MAX;

/// Most segments: TCP_INFINITE_SSTHRESH.
pub const SEGMENTS_MAX: u32 = i32::MAX as u32;

/// Longest time, in milliseconds: half of what the kernel's clock of 32 bits tells apart.
pub const WAITED_MAX: u32 = 1 << 30;

/// Longest time for which it was sent again, in milliseconds: so that time stamps which count microseconds
/// tell it apart.
pub const RESENT_MAX: u32 = 2_000_000;

/// Most probes, or retransmissions, which are counted.
pub const PROBES_MAX: u32 = u8::MAX as u32;

/// Most often that the time between probes was doubled: TCP_RETR2.
pub const BACKOFF_MAX: u32 = 15;

record! {
    /// A link: what the TCP socket that was told last knows of the way to the other end, which is outside,
    /// and for how long it has waited for that. Times are in milliseconds.
    #[record(TcpHints = 277, "TCP hints", min = 64, check = tcp_hints)]
    pub struct TcpHints {
        /// Smoothed round-trip time, in eighths of a microsecond; 0: it was not measured.
        pub round_trip: U32,
        /// Mean deviation of it, in quarters of a microsecond.
        pub deviation: U32,
        /// The largest of late.
        pub deviation_max: U32,
        /// The deviation that timeouts go by.
        pub variation: U32,
        /// The shortest round-trip time of late, in microseconds; 0xffffffff: it was not measured.
        pub shortest: U32,
        /// Slow start threshold, in segments.
        pub threshold: U32,
        /// Congestion window, in segments.
        pub window: U32,
        /// Since the last acknowledgment has come.
        pub acknowledged: U32,
        /// Since the last data has come.
        pub received: U32,
        /// Until it is looked whether the other end is alive (SO_KEEPALIVE); 0: now, or never.
        pub keepalive: U32,
        /// 1 more than since the other end is asked for a window; 0: it is not.
        pub asked: U32,
        /// 1 more than since something was sent again first that was not acknowledged; 0: nothing was.
        pub resent: U32,
        /// Probes that were not answered.
        pub probes: U32,
        /// How often the time between those for a window was doubled.
        pub backoff: U32,
        /// How often it was sent again after a timeout.
        pub timeouts: U32,
        /// Zero.
        pub reserved: U32,
    }
}
