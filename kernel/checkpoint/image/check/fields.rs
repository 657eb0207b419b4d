// SPDX-License-Identifier: GPL-2.0

//! Checks of single fields.

use crate::image::{
    record::{
        Fault,
        Raw, //
    },
    task::NSIG, //
};

/// Most user and group ids, and file positions: what the kernel can hold in a signed number.
pub(in crate::image) const POS_MAX: u64 = i64::MAX as u64;

/// Mask bits of SIGKILL and SIGSTOP, which nothing can block.
const UNBLOCKABLE: u64 = 1 << (9 - 1) | 1 << (19 - 1);

/// Refuses bits of `value` that are not in `known`.
pub(in crate::image) fn flags(raw: &Raw<'_>, value: u64, known: u64) -> Result<(), Fault> {
    if value & !known != 0 {
        return Err(raw.fault("unknown flag"));
    }
    Ok(())
}

/// Refuses a reserved field that is not zero.
pub(in crate::image) fn zero(raw: &Raw<'_>, is_zero: bool) -> Result<(), Fault> {
    if !is_zero {
        return Err(raw.fault("reserved or unused field is not zero"));
    }
    Ok(())
}

/// Refuses with `why` unless `holds`.
pub(in crate::image) fn ensure(raw: &Raw<'_>, holds: bool, why: &'static str) -> Result<(), Fault> {
    if !holds {
        return Err(raw.fault(why));
    }
    Ok(())
}

/// Refuses a payload.
pub(in crate::image) fn no_payload(raw: &Raw<'_>) -> Result<(), Fault> {
    ensure(raw, raw.payload.is_empty(), "payload where none belongs")
}

/// Refuses what is neither 0 nor 1.
pub(in crate::image) fn boolean(raw: &Raw<'_>, value: u32) -> Result<(), Fault> {
    ensure(raw, value <= 1, "neither 0 nor 1")
}

/// Refuses a number that is no signal; 0 is none.
pub(in crate::image) fn signal(raw: &Raw<'_>, value: u32) -> Result<(), Fault> {
    ensure(
        raw,
        usize::try_from(value).is_ok_and(|n| n <= NSIG),
        "impossible signal number",
    )
}

/// Refuses a mask that blocks what cannot be blocked.
pub(in crate::image) fn mask(raw: &Raw<'_>, value: u64) -> Result<(), Fault> {
    ensure(
        raw,
        value & UNBLOCKABLE == 0,
        "signal mask with SIGKILL or SIGSTOP",
    )
}

/// Refuses a name that is not padded with at least one NUL.
pub(in crate::image) fn padded_name(raw: &Raw<'_>, name: &[u8]) -> Result<(), Fault> {
    let mut rest = name.iter().skip_while(|&&b| b != 0).peekable();
    ensure(
        raw,
        rest.peek().is_some() && rest.all(|&b| b == 0),
        "name is not padded with NUL",
    )
}

/// Refuses a payload that is no absolute path, or not the shortest form of one.
pub(in crate::image) fn absolute_path(raw: &Raw<'_>) -> Result<(), Fault> {
    canonical(raw, raw.path()?)
}

/// Refuses a payload that is not two such paths with a NUL between them.
pub(in crate::image) fn two_absolute_paths(raw: &Raw<'_>) -> Result<(), Fault> {
    let mut paths = raw.payload.splitn(2, |&b| b == 0);
    for _ in 0..2 {
        let payload = paths.next().ok_or(raw.fault("one path where two belong"))?;
        canonical(raw, Raw { payload, ..*raw }.path()?)?;
    }
    Ok(())
}

fn canonical(raw: &Raw<'_>, path: &[u8]) -> Result<(), Fault> {
    let names = path
        .strip_prefix(b"/")
        .ok_or(raw.fault("path is not absolute"))?;
    let detour = |name: &[u8]| matches!(name, b"" | b"." | b"..");
    ensure(
        raw,
        names.is_empty() || !names.split(|&b| b == b'/').any(detour),
        "path is not canonical",
    )
}

/// Refuses ids that stand for none.
pub(in crate::image) fn ids(
    raw: &Raw<'_>,
    mut ids: impl Iterator<Item = u32>,
) -> Result<(), Fault> {
    ensure(
        raw,
        ids.all(|id| id != u32::MAX),
        "impossible user or group id",
    )
}
