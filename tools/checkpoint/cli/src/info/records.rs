// SPDX-License-Identifier: GPL-2.0

//! The records of metadata, one by one.

use super::{
    fields::{
        fields,
        printable, //
    },
    registers, //
};
use image::{
    file::META_AT,
    image::{
        confinement::IdRange,
        files::Fd,
        kinds::Kind,
        mm::{
            AioEvent,
            Guard, //
        },
        record::{
            Raw,
            Records, //
        },
        task::{
            signal_number,
            Action,
            Timer,
            NSIG,
            SIGINFO_LEN,
            TIMERS_MAX, //
        },
        userfault::WatchedRun, //
    }, //
};
use serde_json::{
    json,
    Map,
    Value, //
};
use std::io::Write;
use zerocopy::byteorder::little_endian::U32;

/// Bytes of a payload that are shown.
const SHOWN: usize = 64;

/// Returns the payload of a record, in the form that its kind has; `None`: there is none.
/// Registers are those of the architecture `machine`.
fn payload(raw: &Raw<'_>, machine: u32) -> Result<Option<Value>, image::Error> {
    if raw.payload.is_empty() {
        return Ok(None);
    }
    let value = match raw.kind {
        Kind::Task | Kind::DeadPid | Kind::Cred => {
            let numbers: &[U32] = raw.array(usize::MAX)?;
            numbers.iter().map(|n| n.get()).collect()
        }
        Kind::Regs => registers::notes(raw, machine)?.into(),
        Kind::Sighand => {
            let actions: &[Action] = raw.array(NSIG)?;
            let used = actions
                .iter()
                .enumerate()
                .filter(|(_, a)| a.handler.get() != 0);
            used.map(|(n, a)| {
                json!({
                    "signal": n + 1,
                    "handler": a.handler.get(),
                    "flags": a.flags.get(),
                    "mask": a.mask.get(),
                })
            })
            .collect()
        }
        Kind::Pending => {
            let infos: &[[u8; SIGINFO_LEN]] = raw.array(usize::MAX)?;
            let numbers = infos.iter().map(|info| signal_number(info, machine));
            numbers.collect()
        }
        Kind::Timers => {
            let timers: &[Timer] = raw.array(TIMERS_MAX)?;
            let shown = timers.iter().map(|t| {
                json!({
                    "id": t.id.get(),
                    "clock": t.clock.get(),
                    "notify": t.notify.get(),
                    "signal": t.signal.get(),
                    "target": t.target.get(),
                    "state": t.state.get(),
                    "flags": t.flags.get(),
                    "expires": t.expires.get(),
                    "interval": t.interval.get(),
                })
            });
            shown.collect()
        }
        Kind::Files => {
            let fds: &[Fd] = raw.array(usize::MAX)?;
            fds.iter()
                .map(|fd| {
                    json!({
                        "fd": fd.fd.get(),
                        "file": fd.file.get(),
                        "cloexec": fd.cloexec.get() != 0,
                    })
                })
                .collect()
        }
        Kind::Guards => {
            let guards: &[Guard] = raw.array(usize::MAX)?;
            guards
                .iter()
                .map(|g| json!([g.start.get(), g.end.get()]))
                .collect()
        }
        Kind::Watched => {
            let runs: &[WatchedRun] = raw.array(usize::MAX)?;
            runs.iter()
                .map(|run| json!([run.start.get(), run.pages.get(), run.state.get()]))
                .collect()
        }
        Kind::Aio => {
            let events: &[AioEvent] = raw.array(usize::MAX)?;
            events
                .iter()
                .map(|e| {
                    json!({
                        "data": e.data.get(),
                        "obj": e.obj.get(),
                        "res": e.res.get().cast_signed(),
                        "res2": e.res2.get().cast_signed(),
                    })
                })
                .collect()
        }
        Kind::Confinement => {
            let ranges: &[IdRange] = raw.array(usize::MAX)?;
            ranges
                .iter()
                .map(|r| json!([r.first.get(), r.host.get(), r.count.get()]))
                .collect()
        }
        Kind::Vma
        | Kind::File
        | Kind::Inode
        | Kind::Path
        | Kind::Label
        | Kind::CredLabel
        | Kind::TaskLabel => printable(raw.payload).into(),
        // What is shown is sent around: the secret is for who reads the image itself.
        Kind::TcpKey => "(secret)".into(),
        _ => {
            let shown = raw.payload.get(..SHOWN).unwrap_or(raw.payload);
            let digits: String = shown.iter().map(|b| format!("{b:02x}")).collect();
            let more = if shown.len() < raw.payload.len() {
                "..."
            } else {
                ""
            };
            format!("{digits}{more}").into()
        }
    };
    Ok(Some(value))
}

/// Returns all records as JSON.
pub fn to_json(meta: &[u8], machine: u32) -> Result<Vec<Value>, image::Error> {
    let mut all = Vec::new();
    for raw in Records::new(meta, META_AT) {
        let raw = raw?;
        let mut map = Map::new();
        map.insert("offset".to_owned(), raw.at.into());
        map.insert("kind".to_owned(), raw.kind.name().into());
        map.insert("body".to_owned(), fields(&raw).into());
        if let Some(payload) = payload(&raw, machine)? {
            map.insert("payload".to_owned(), payload);
        }
        all.push(map.into());
    }
    Ok(all)
}

/// Writes all records as text; with `verbose` also what is in them.
pub fn to_text(
    out: &mut impl Write,
    meta: &[u8],
    machine: u32,
    verbose: bool,
) -> Result<(), image::Error> {
    writeln!(
        out,
        "{:>10} {:<20} {:>6} {:>8}",
        "OFFSET", "KIND", "BODY", "PAYLOAD"
    )?;
    for raw in Records::new(meta, META_AT) {
        let raw = raw?;
        writeln!(
            out,
            "{:>10} {:<20} {:>6} {:>8}",
            raw.at,
            raw.kind.name(),
            raw.body.len(),
            raw.payload.len()
        )?;
        if !verbose {
            continue;
        }
        for (name, value) in fields(&raw) {
            writeln!(out, "           {name}: {value}")?;
        }
        match payload(&raw, machine)? {
            None => (),
            Some(Value::Array(items)) if raw.kind == Kind::Regs => {
                registers::to_text(out, &items, "           ")?;
            }
            Some(value) => writeln!(out, "           payload: {value}")?,
        }
    }
    Ok(())
}
