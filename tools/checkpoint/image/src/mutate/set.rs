// SPDX-License-Identifier: GPL-2.0

//! Changes of an image that are asked for by name: `process.dumpable=2`.

use super::{
    fields::{
        fields,
        Field, //
    },
    parts::{
        Parts,
        Rec, //
    },
};
use crate::image::kinds::Kind;

/// Finds a record of the kind with this name: the first, the one with this number, the `last`, or
/// `@PATH`: the one that has that path.
fn record<'a>(
    parts: &'a mut Parts,
    name: &str,
    which: Option<&str>,
) -> Result<&'a mut Rec, String> {
    let kind = Kind::ALL
        .iter()
        .find(|k| k.name() == name)
        .ok_or(format!("there is no kind of record called {name:?}"))?;
    let which = which.unwrap_or("0");
    let path = which.strip_prefix('@');
    let mut found = parts
        .meta
        .iter_mut()
        .filter(|r| r.is(*kind) && path.is_none_or(|p| r.payload == p.as_bytes()));
    match which {
        "last" => found.next_back(),
        _ if path.is_some() => found.next(),
        _ => found.nth(
            which
                .parse()
                .map_err(|_| format!("{which:?} is no number"))?,
        ),
    }
    .ok_or(format!("the image has no {name} {which}"))
}

/// Returns a number, or `@PATH`: the number of the object that has that path.
fn number(parts: &Parts, text: &str) -> Result<u64, String> {
    if let Some(path) = text.strip_prefix('@') {
        return parts
            .meta
            .iter()
            .filter(|r| r.payload == path.as_bytes())
            .find_map(|r| {
                let obj = fields(r.kind).iter().find(|f| f.name == "obj")?;
                Some(r.get(obj.at, 4))
            })
            .ok_or(format!("no object has the path {path:?}"));
    }
    let (digits, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let n = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let n = n.map_err(|_| format!("{text:?} is no number"))?;
    Ok(if negative { n.wrapping_neg() } else { n })
}

/// Returns the numbers of a field that `index` names: all, if it names none.
fn places(field: &Field, index: Option<usize>) -> impl Iterator<Item = usize> {
    let (from, to) = index.map_or((0, field.count()), |n| (n, (n + 1).min(field.count())));
    let (at, width) = (field.at, field.width());
    (from..to).map(move |n| at + n * width)
}

/// Splits `NAME[WHICH]`.
fn indexed(text: &str) -> (&str, Option<&str>) {
    match text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        Some((name, which)) => (name, Some(which)),
        None => (text, None),
    }
}

/// Makes one change: `KIND[N].FIELD[I]=VALUE`, where N and I may be left out: the first record, all
/// numbers of the field. N may also be `last`, or `@PATH`: the record that has that path. A VALUE is a
/// number, or `@PATH` for the reference of the object that has it. With `|=` and `&=~` its bits are added or
/// taken away. `KIND.path=TEXT` and `KIND.numbers=A,B,C` replace the payload.
pub fn set(parts: &mut Parts, change: &str) -> Result<(), String> {
    let (place, value) = change
        .split_once('=')
        .ok_or(format!("{change:?} has no ="))?;
    let (place, how): (_, fn(u64, u64) -> u64) = match (place, value.strip_prefix('~')) {
        (place, Some(_)) if place.ends_with('&') => (place, |old, new| old & !new),
        (place, _) if place.ends_with('|') => (place, |old, new| old | new),
        _ => (place, |_, new| new),
    };
    let place = place.trim_end_matches(['&', '|']);
    let value = value.strip_prefix('~').unwrap_or(value);
    let (kind, field) = place
        .rsplit_once('.')
        .ok_or(format!("{place:?} names no field"))?;
    let (kind, which) = indexed(kind);
    match field {
        "path" => record(parts, kind, which)?.payload = value.as_bytes().to_vec(),
        "numbers" => {
            let mut payload = Vec::new();
            for n in value.split(',').filter(|n| !n.is_empty()) {
                payload.extend((number(parts, n)? as u32).to_le_bytes());
            }
            record(parts, kind, which)?.payload = payload;
        }
        _ => {
            let value = number(parts, value)?;
            let (name, index) = indexed(field);
            let index = index.and_then(|n| n.parse().ok());
            let rec = record(parts, kind, which)?;
            let field = fields(rec.kind)
                .iter()
                .find(|f| f.name == name)
                .ok_or(format!("{kind} has no field {name:?}"))?;
            for at in places(field, index) {
                let old = rec.get(at, field.width());
                rec.put(at, field.width(), how(old, value));
            }
        }
    }
    Ok(())
}
