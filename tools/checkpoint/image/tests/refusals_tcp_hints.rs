// SPDX-License-Identifier: GPL-2.0

//! Each check of what TCP connections know of the way to their other ends, and of what the header tells of
//! their tasks, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    header::*,
    kinds::Kind,
    net::{
        tcp::*,
        tcp_hints::*, //
    }, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};

/// Changes the hints.
fn hints(s: &mut Sample, f: impl FnOnce(&mut TcpHints)) {
    s.tcp();
    s.edit(0, f);
}

/// Takes the record of hints from where it is to `to` records further on.
fn put_off(s: &mut Sample, to: usize) {
    let at = s.position(Kind::TcpHints, 0);
    let record = s.records.remove(at);
    s.records.insert(at + to, record);
}

/// Lets all connections with others be held, or none; `header`: what is told of that.
fn all(s: &mut Sample, killed: bool, header: fn(&mut Header)) {
    s.tcp();
    s.edit(3, |t: &mut TcpSocket| {
        let flags = OUTSIDE_SCALES | OUTSIDE_STAMPS;
        t.outside.set(match killed {
            true => flags | OUTSIDE_KILLED,
            false => flags,
        })
    });
    if !killed {
        // No file shows the others: these are held in any case.
        let at = s.position(Kind::TcpSocket, 4);
        s.records.truncate(at);
    }
    s.header = header;
}

#[test]
fn all_is_well() {
    accepted(&[
        |s| hints(s, |h| h.round_trip.set(0)),
        |s| hints(s, |h| h.shortest.set(1)),
        |s| hints(s, |h| h.window.set(1)),
        |s| hints(s, |h| h.threshold.set(0)),
        |s| hints(s, |h| h.backoff.set(0)),
        |s| {
            hints(s, |h| {
                h.timeouts.set(0);
                h.resent.set(0)
            })
        },
        |s| {
            s.tcp();
            let at = s.position(Kind::TcpHints, 0);
            s.records.remove(at);
        },
    ]);
}

/// Hints of which one field has another value: what the image is refused with, field and value.
macro_rules! changed {
    ($($why:literal: $field:ident = $value:expr,)*) => {
        [$(($why, |s| hints(s, |h| h.$field.set($value))),)*]
    };
}

#[test]
fn numbers() {
    refused(&changed! {
        "impossible round-trip time": round_trip = ROUND_TRIP_MAX + 1,
        "impossible round-trip time": deviation = DEVIATION_MAX + 1,
        "impossible round-trip time": deviation_max = DEVIATION_MAX + 1,
        "impossible round-trip time": variation = u32::MAX,
        "impossible round-trip time": shortest = 0,
        "impossible congestion window": window = 0,
        "impossible congestion window": window = SEGMENTS_MAX + 1,
        "impossible congestion window": threshold = SEGMENTS_MAX + 1,
        "has waited too long": acknowledged = WAITED_MAX + 1,
        "has waited too long": received = WAITED_MAX + 1,
        "has waited too long": keepalive = u32::MAX,
        "has waited too long": asked = WAITED_MAX + 2,
        "has waited too long": resent = RESENT_MAX + 2,
        "impossible number of attempts": probes = PROBES_MAX + 1,
        "impossible number of attempts": backoff = BACKOFF_MAX + 1,
        "impossible number of attempts": timeouts = PROBES_MAX + 1,
        "has tried, and has not waited": timeouts = 0,
        "has tried, and has not waited": resent = 0,
        "has tried, and has not waited": asked = 0,
        "reserved or unused field is not zero": reserved = 1,
    });
}

/// What is told to who puts it elsewhere.
const PLACE: &str = "does not come right after a TCP socket whose other end is outside";

#[test]
fn place() {
    refused(&[
        // After what is in the queues.
        (PLACE, |s| {
            s.tcp();
            put_off(s, 1)
        }),
        // Twice.
        (PLACE, |s| {
            s.tcp();
            let at = s.position(Kind::TcpHints, 0);
            let record = s.records[at].clone();
            s.records.insert(at, record);
        }),
        // Of one that is not connected to the outside.
        (PLACE, |s| {
            s.tcp();
            let at = s.position(Kind::TcpHints, 0);
            let record = s.records.remove(at);
            let first = s.position(Kind::TcpSocket, 0);
            s.records.insert(first + 1, record);
        }),
        // After its keys.
        (PLACE, |s| {
            s.tcp_keys();
            let from = s.position(Kind::TcpAo, 0);
            let ao = s.records.remove(from);
            let at = s.position(Kind::TcpHints, 0);
            s.records.insert(at, ao);
            for _ in 0..2 {
                let key = s.position(Kind::TcpKey, 0);
                s.records.remove(key);
            }
        }),
        (PLACE, |s| {
            s.tcp_keys();
            let from = s.position(Kind::TcpKey, 0);
            let key = s.records.remove(from);
            let at = s.position(Kind::TcpHints, 0);
            s.records.insert(at, key);
        }),
        ("payload where none belongs", |s| {
            s.tcp();
            s.payload(Kind::TcpHints, 0).push(0)
        }),
    ]);
}

/// What the header tells holds for all connections.
#[test]
fn tasks() {
    accepted(&[
        |s| all(s, true, |h| h.compat.set(COMPAT_KILLED)),
        |s| all(s, false, |h| h.compat.set(COMPAT_RAN_ON)),
        // What nobody knows yet is ignored.
        |s| all(s, false, |h| h.compat.set(COMPAT_ALL + 1)),
    ]);
    let other = "the header tells otherwise of whether its tasks were killed";
    let cases: [fn(&mut Sample); 3] = [
        |s| all(s, true, |h| h.compat.set(COMPAT_RAN_ON)),
        |s| all(s, false, |h| h.compat.set(COMPAT_KILLED)),
        |s| {
            s.tcp();
            s.header = |h| h.compat.set(COMPAT_KILLED)
        },
    ];
    for case in cases {
        refused(&[(other, case)]);
    }
}
