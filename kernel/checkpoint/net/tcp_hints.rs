// SPDX-License-Identifier: GPL-2.0

//! TCP connections with the outside: what they know of the way to the other end, and for how long they
//! have waited for that.
//!
//! A connection begins with what was measured before, and its congestion control with that; but its window
//! is no larger than after a long idle time. The time from the checkpoint until the tasks run is none for
//! it: what it waits for ends as late as it would have. An older image has no such record: then all of it
//! is that of a new connection.

use kernel::prelude::*;

use crate::{
    core::restore::Restore,
    found::Capture,
    image::{
        net::tcp_hints::*,
        Raw, //
    },
    kapi::net::{
        socket::SockRef,
        tcp_hints::Hints,
        tcp_outside::Wire, //
    },
    net::tcp_build::Part, //
};

/// Writes what the socket that was written last knows. What no image may have is cut off.
pub(super) fn put(cap: &mut Capture, hints: &Hints) -> Result {
    let later = |time: u32, most: u32| time.min(most + 1);
    let resent = match hints.timeouts {
        0 => 0,
        _ => later(hints.resent, RESENT_MAX),
    };
    let asked = later(hints.asked, WAITED_MAX);
    let record = TcpHints {
        round_trip: hints.round_trip.min(ROUND_TRIP_MAX).into(),
        deviation: hints.deviation.min(DEVIATION_MAX).into(),
        deviation_max: hints.deviation_max.min(DEVIATION_MAX).into(),
        variation: hints.variation.min(DEVIATION_MAX).into(),
        shortest: hints.shortest.max(1).into(),
        threshold: hints.threshold.min(SEGMENTS_MAX).into(),
        window: hints.window.clamp(1, SEGMENTS_MAX).into(),
        acknowledged: hints.acknowledged.min(WAITED_MAX).into(),
        received: hints.received.min(WAITED_MAX).into(),
        keepalive: hints.keepalive.min(WAITED_MAX).into(),
        asked: asked.into(),
        resent: resent.into(),
        probes: u32::from(hints.probes).into(),
        backoff: match asked {
            0 => 0,
            _ => u32::from(hints.backoff).min(BACKOFF_MAX),
        }
        .into(),
        timeouts: match resent {
            0 => 0,
            _ => u32::from(hints.timeouts),
        }
        .into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Returns what a record of them has.
pub(super) fn of(r: &Restore, raw: &Raw<'_>) -> Result<Hints> {
    let record: TcpHints = raw.body().map_err(|f| r.fault(f))?;
    Ok(Hints {
        round_trip: record.round_trip.get(),
        deviation: record.deviation.get(),
        deviation_max: record.deviation_max.get(),
        variation: record.variation.get(),
        shortest: record.shortest.get(),
        threshold: record.threshold.get(),
        window: record.window.get(),
        acknowledged: record.acknowledged.get(),
        received: record.received.get(),
        keepalive: record.keepalive.get(),
        asked: record.asked.get(),
        resent: record.resent.get(),
        probes: u8::try_from(record.probes.get())?,
        backoff: u8::try_from(record.backoff.get())?,
        timeouts: u8::try_from(record.timeouts.get())?,
    })
}

/// Lets `sk`, which is new and held, know of the way before it is connected as `wire` tells.
pub(super) fn begin(r: &Restore, part: &Part<'_>, sk: &SockRef, wire: &Wire) -> Result {
    let hints = part.hints.unwrap_or_default();
    sk.begin_tcp_hints(&hints, wire.has_ecn)
        .map_err(|e| failed(r, e))
}

/// Lets `sk`, which is connected and held, and has its queues, go on waiting where it was.
pub(super) fn set(r: &Restore, part: &Part<'_>, sk: &SockRef) -> Result {
    match &part.hints {
        Some(hints) => sk.set_tcp_hints(hints).map_err(|e| failed(r, e)),
        None => Ok(()),
    }
}

fn failed(r: &Restore, e: Error) -> Error {
    r.told(
        e,
        fmt!("a TCP connection can't be made: what it knows of the way to the other end can't be set"),
    )
}
