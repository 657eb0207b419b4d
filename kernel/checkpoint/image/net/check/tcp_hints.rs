// SPDX-License-Identifier: GPL-2.0

//! What a TCP connection knows of the way to its other end.

use crate::image::{
    check::{
        fields::{
            ensure,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    net::tcp_hints::*,
    record::{
        Fault,
        Raw, //
    }, //
};

/// Its numbers.
fn numbers(raw: &Raw<'_>, hints: &TcpHints) -> Result<(), Fault> {
    let deviations = [&hints.deviation, &hints.deviation_max, &hints.variation];
    ensure(
        raw,
        hints.round_trip.get() <= ROUND_TRIP_MAX
            && deviations.iter().all(|d| d.get() <= DEVIATION_MAX)
            && hints.shortest.get() != 0,
        "impossible round-trip time",
    )?;
    ensure(
        raw,
        (1..=SEGMENTS_MAX).contains(&hints.window.get()) && hints.threshold.get() <= SEGMENTS_MAX,
        "impossible congestion window",
    )?;
    let times = [
        (&hints.acknowledged, WAITED_MAX),
        (&hints.received, WAITED_MAX),
        (&hints.keepalive, WAITED_MAX),
        (&hints.asked, WAITED_MAX + 1),
        (&hints.resent, RESENT_MAX + 1),
    ];
    ensure(
        raw,
        times.iter().all(|(time, most)| time.get() <= *most),
        "has waited too long",
    )?;
    ensure(
        raw,
        hints.probes.get() <= PROBES_MAX
            && hints.backoff.get() <= BACKOFF_MAX
            && hints.timeouts.get() <= PROBES_MAX,
        "impossible number of attempts",
    )?;
    ensure(
        raw,
        (hints.timeouts.get() != 0) == (hints.resent.get() != 0)
            && (hints.backoff.get() == 0 || hints.asked.get() != 0),
        "has tried, and has not waited",
    )
}

impl Walk<'_> {
    /// Checks what a TCP socket knows of the way to the other end.
    pub(in crate::image) fn tcp_hints(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let hints: TcpHints = raw.body()?;
        no_payload(raw)?;
        ensure(
            raw,
            self.tcp_left.take_hints(),
            "does not come right after a TCP socket whose other end is outside",
        )?;
        numbers(raw, &hints)?;
        zero(raw, hints.reserved.get() == 0)
    }
}
