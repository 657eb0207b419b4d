// SPDX-License-Identifier: GPL-2.0

//! Mutations at random: numbers, records, references, elements, names.

use super::{
    fields::{
        elements,
        fields,
        structure,
        Field, //
    },
    parts::{
        number,
        set_number,
        Derived,
        Parts,
        Rec, //
    },
    spots::{
        value,
        VALUES, //
    },
    Random, //
};
use crate::image::{
    huge::{
        HugePages,
        HugeRange, //
    },
    kinds::Kind,
    mm::Mm,
    task::{
        Container,
        Task, //
    },
    userfault::{
        Watched,
        WatchedRun, //
    }, //
};
use std::mem::offset_of;
use zerocopy::IntoBytes;

/// Most records of an image that grows.
const RECORDS_MAX: usize = 1000;

/// Names for files and directories that are none of the image's own.
const NAMES: &[&str] = &[
    "/",
    "//",
    "/..",
    "/dev/null",
    "/dev/full",
    "/dev/fd/0",
    "/proc/self/exe",
    "/proc/self/mem",
    "/proc/1/root/etc/passwd",
    "/sys/kernel",
    "/tmp",
    "/nowhere",
    "etc/passwd",
    "",
];

/// Changes the image once or a few times; tells what was done.
pub fn mutate(random: &mut Random, parts: &mut Parts) -> String {
    let mut told = Vec::new();
    let times = match random.below(8) {
        0..=4 => 1,
        5 | 6 => 2,
        _ => 3,
    };
    for _ in 0..times {
        told.extend(once(random, parts));
    }
    // What only counts the rest would hide most of it.
    if !random.once_in(8) {
        count(parts);
    }
    told.join("; ")
}

fn once(random: &mut Random, parts: &mut Parts) -> Option<String> {
    match random.below(24) {
        0..=4 => body(random, parts),
        5 | 6 => retarget(random, parts),
        7..=9 => family(random, parts),
        10..=12 => element(random, parts),
        13 => name(random, parts),
        14 => derived(random, parts),
        15 => remove(random, parts),
        16 => swap(random, parts),
        17 => double(random, parts),
        18 => double_process(random, parts),
        19 => same_as_another(random, parts),
        20 => length(random, parts),
        _ => extent(random, parts),
    }
}

/// Returns the name of a record's kind.
fn kind_name(rec: &Rec) -> &'static str {
    Kind::from_number(rec.kind).map_or("unknown", Kind::name)
}

/// Returns a field of a record's body, and the offset of one of its numbers.
fn some_field(random: &mut Random, kind: u16) -> Option<(&'static Field, usize)> {
    let field = random.pick(fields(kind))?;
    Some((
        field,
        field.at + random.below(field.count()) * field.width(),
    ))
}

/// Returns something for a number: one of its extremes, or a small one.
fn some_value(random: &mut Random, old: u64, width: usize) -> u64 {
    match random.below(4) {
        0 => random.below(80) as u64,
        1 => old ^ (1 << random.below(width * 8)),
        _ => value(random.below(VALUES), old, width),
    }
}

/// Changes a number of a body.
fn body(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    let rec = parts.meta.get_mut(n)?;
    let (field, at) = some_field(random, rec.kind)?;
    let new = some_value(random, rec.get(at, field.width()), field.width());
    rec.put(at, field.width(), new);
    Some(format!("{} {n}: {} = {new:#x}", kind_name(rec), field.name))
}

/// Has a reference or a pid become another one that the image has.
fn retarget(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let objects: Vec<u64> = parts.meta.iter().filter_map(object).collect();
    let pids: Vec<u64> = parts.meta.iter().filter_map(pid).collect();
    for _ in 0..64 {
        let n = random.below(parts.meta.len());
        let rec = parts.meta.get_mut(n)?;
        let Some((field, at)) = some_field(random, rec.kind) else {
            continue;
        };
        let old = rec.get(at, field.width());
        let all = if pids.contains(&old) { &pids } else { &objects };
        if field.width() != 4 || field.name == "obj" || !all.contains(&old) {
            continue;
        }
        let new = *random.pick(all)?;
        rec.put(at, 4, new);
        return Some(format!("{} {n}: {} -> {new}", kind_name(rec), field.name));
    }
    None
}

/// Returns the object that a record defines.
fn object(rec: &Rec) -> Option<u64> {
    let obj = fields(rec.kind).iter().find(|f| f.name == "obj")?;
    Some(rec.get(obj.at, 4))
}

/// Returns the pid that a record is the one of.
fn pid(rec: &Rec) -> Option<u64> {
    let (kind, name) = (Kind::from_number(rec.kind)?, fields(rec.kind));
    let field = match kind {
        Kind::Task => "tid",
        Kind::DeadPid => "pid",
        _ => return None,
    };
    Some(rec.get(name.iter().find(|f| f.name == field)?.at, 4))
}

/// Changes numbers that belong together: those that are added up, compared or used together have
/// names that end alike: some of them get extremes, in all records or in those of a neighbourhood.
fn family(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    let (field, _) = some_field(random, parts.meta.get(n)?.kind)?;
    let ending = field.name.get(field.name.len().saturating_sub(4)..)?;
    let reach = if random.once_in(3) {
        parts.meta.len()
    } else {
        6
    };
    let few = [0, 1 << 63, (1 << 63) + 1, i64::MAX as u64, u64::MAX];
    let mut told = Vec::new();
    for (i, rec) in parts.meta.iter_mut().enumerate() {
        if i.abs_diff(n) > reach {
            continue;
        }
        for other in fields(rec.kind).iter().filter(|f| f.name.ends_with(ending)) {
            if random.once_in(3) {
                continue;
            }
            let mut new = *random.pick(&few)?;
            if other.width() == 4 {
                new = new >> 32 | new & 1;
            }
            rec.put(other.at, other.width(), new);
            told.push(format!("{} {i}: {} = {new:#x}", kind_name(rec), other.name));
        }
    }
    Some(told.join(", "))
}

/// Changes an element of a payload: a number in it, or it is removed, doubled or exchanged.
fn element(random: &mut Random, parts: &mut Parts) -> Option<String> {
    for _ in 0..64 {
        let n = random.below(parts.meta.len());
        let rec = parts.meta.get_mut(n)?;
        let (len, list) = elements(rec.kind);
        if len == 0 || rec.payload.len() < len {
            continue;
        }
        let count = rec.payload.len() / len;
        let (a, b) = (random.below(count) * len, random.below(count) * len);
        let kind = kind_name(rec);
        let what = match random.below(8) {
            0 => {
                rec.payload.drain(a..a + len);
                "removed".to_owned()
            }
            1 => {
                let copy = rec.payload.get(a..a + len)?.to_vec();
                rec.payload.splice(b..b, copy);
                "doubled".to_owned()
            }
            2 => {
                for i in 0..len {
                    rec.payload.swap(a + i, b + i);
                }
                format!("exchanged with {}", b / len)
            }
            _ => {
                let field = random.pick(list)?;
                let at = a + field.at;
                let new = some_value(
                    random,
                    number(&rec.payload, at, field.width()),
                    field.width(),
                );
                set_number(&mut rec.payload, at, field.width(), new);
                format!("{} = {new:#x}", field.name)
            }
        };
        return Some(format!("{kind} {n}, element {}: {what}", a / len));
    }
    None
}

/// Has a name become another one.
fn name(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let named = |r: &Rec| {
        [Kind::File, Kind::Path, Kind::Inode, Kind::Vma]
            .iter()
            .any(|&k| r.is(k))
            && !r.payload.is_empty()
    };
    let all: Vec<usize> = (0..parts.meta.len())
        .filter(|&n| parts.meta.get(n).is_some_and(named))
        .collect();
    let n = *random.pick(&all)?;
    let other = parts.meta.get(*random.pick(&all)?)?.payload.clone();
    let rec = parts.meta.get_mut(n)?;
    rec.payload = match random.below(6) {
        0 => other,
        1 => [rec.payload.as_slice(), b"/"].concat(),
        2 => vec![b'/'; 4095],
        3 => {
            let at = random.below(rec.payload.len());
            let mut changed = rec.payload.clone();
            *changed.get_mut(at)? ^= 1 << random.below(8);
            changed
        }
        _ => random.pick(NAMES)?.as_bytes().to_vec(),
    };
    let shown: String = String::from_utf8_lossy(&rec.payload)
        .chars()
        .take(40)
        .collect();
    Some(format!("{} {n}: name {shown:?}", kind_name(rec)))
}

/// Changes a number of what follows from the rest.
fn derived(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let (batch, block) = (random.below(2), 0);
    let (of, name) = match random.below(4) {
        0 => (Derived::Header, "Header"),
        1 => (Derived::Batch(batch), "Batch"),
        2 => (Derived::Index(block), "Index"),
        _ => (Derived::Trailer, "Trailer"),
    };
    let field = random.pick(structure(name))?;
    let old = random.below(100) as u64;
    let new = some_value(random, old, field.width());
    parts.wrong.push((of, field.at, field.width(), new));
    Some(format!("{name}: {} = {new:#x}", field.name))
}

fn remove(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    if parts.meta.len() < 3 {
        return None;
    }
    let rec = parts.meta.remove(n);
    Some(format!("{} {n}: removed", kind_name(&rec)))
}

fn swap(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let a = random.below(parts.meta.len());
    let b = if random.once_in(2) {
        a + 1
    } else {
        random.below(parts.meta.len())
    };
    if a >= parts.meta.len() || b >= parts.meta.len() {
        return None;
    }
    parts.meta.swap(a, b);
    let names = (kind_name(parts.meta.get(b)?), kind_name(parts.meta.get(a)?));
    Some(format!("{} {a} and {} {b}: exchanged", names.0, names.1))
}

/// Adds a second one of a record, sometimes as an object of its own.
fn double(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    if parts.meta.len() >= RECORDS_MAX {
        return None;
    }
    let mut copy = parts.meta.get(n)?.clone();
    let mut fresh = "";
    if let Some(obj) = fields(copy.kind).iter().find(|f| f.name == "obj") {
        if !random.once_in(4) {
            copy.put(
                obj.at,
                4,
                1 + parts.meta.iter().filter_map(object).max().unwrap_or(0),
            );
            fresh = " as another object";
        }
    }
    let at = if random.once_in(2) {
        n + 1
    } else {
        random.below(parts.meta.len())
    };
    let told = format!("{} {n}: doubled at {at}{fresh}", kind_name(&copy));
    parts.meta.insert(at, copy);
    Some(told)
}

/// Adds a second one of a process, with pids of its own.
fn double_process(random: &mut Random, parts: &mut Parts) -> Option<String> {
    if parts.meta.len() >= RECORDS_MAX {
        return None;
    }
    let ends: Vec<usize> = (0..parts.meta.len())
        .filter(|&n| parts.meta.get(n).is_some_and(|r| r.is(Kind::Process)))
        .collect();
    let end = *random.pick(&ends)?;
    let start = parts.meta.get(..end)?.iter().rposition(|r| {
        r.is(Kind::Task) && r.get(offset_of!(Task, tid), 4) == r.get(offset_of!(Task, tgid), 4)
    })?;
    let mut copy = parts.meta.get(start..=end)?.to_vec();
    let highest = parts.meta.iter().filter_map(pid).max()?;
    let old: Vec<u64> = copy.iter().filter_map(pid).collect();
    let new = |n: u64| {
        let i = old.iter().position(|&o| o == n)?;
        Some(highest + 1 + i as u64)
    };
    for rec in &mut copy {
        for field in fields(rec.kind) {
            if ["tid", "tgid", "pgid", "sid"].contains(&field.name) {
                if let Some(n) = new(rec.get(field.at, 4)) {
                    rec.put(field.at, 4, n);
                }
            }
        }
        if rec.is(Kind::Task) {
            for at in (0..rec.payload.len()).step_by(4) {
                if let Some(n) = new(number(&rec.payload, at, 4)) {
                    set_number(&mut rec.payload, at, 4, n);
                }
            }
        }
    }
    parts.meta.splice(end + 1..end + 1, copy);
    Some(format!("task {start} to process {end}: doubled"))
}

/// Gives a record a number of another one of its kind.
fn same_as_another(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    let kind = parts.meta.get(n)?.kind;
    let others: Vec<usize> = (0..parts.meta.len())
        .filter(|&i| i != n && parts.meta.get(i).is_some_and(|r| r.kind == kind))
        .collect();
    let other = *random.pick(&others)?;
    let (field, at) = some_field(random, kind)?;
    let new = parts.meta.get(other)?.get(at, field.width());
    let rec = parts.meta.get_mut(n)?;
    rec.put(at, field.width(), new);
    Some(format!(
        "{} {n}: {} as that of {other}",
        kind_name(rec),
        field.name
    ))
}

/// Makes a body or payload longer or shorter.
fn length(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let n = random.below(parts.meta.len());
    let fill = random.next() as u8;
    let rec = parts.meta.get_mut(n)?;
    let bytes = if random.once_in(2) {
        &mut rec.body
    } else {
        &mut rec.payload
    };
    let len = match random.below(5) {
        0 => bytes.len() + 8,
        1 => bytes.len().saturating_sub(8),
        2 => bytes.len() + random.below(64),
        3 => random.below(bytes.len() + 1),
        _ => 0,
    };
    bytes.resize(len, if random.once_in(2) { 0 } else { fill });
    Some(format!(
        "{} {n}: {} and {} bytes",
        kind_name(rec),
        rec.body.len(),
        rec.payload.len()
    ))
}

/// Contents of memory: a number, or an extent that is removed, doubled, exchanged or cut, or put into
/// another batch.
fn extent(random: &mut Random, parts: &mut Parts) -> Option<String> {
    let objects: Vec<u64> = parts.meta.iter().filter_map(object).collect();
    let (m, last) = (random.below(parts.batches.len()), parts.batches.len());
    let batch = parts.batches.get_mut(m)?;
    let len = batch.len();
    // An earlier change may have taken all of them.
    if len == 0 {
        return None;
    }
    let (a, b) = (random.below(len), random.below(len));
    let what = match random.below(9) {
        0 => {
            batch.remove(a);
            "removed".to_owned()
        }
        1 if len < RECORDS_MAX => {
            let copy = batch.get(a)?.clone();
            batch.insert(b, copy);
            format!("doubled at {b}")
        }
        2 => {
            batch.swap(a, b);
            format!("exchanged with {b}")
        }
        3 => {
            let pages = random.below(3);
            batch.get_mut(a)?.pages.resize(pages * 4096, 0x5a);
            format!("{pages} pages")
        }
        4 => {
            let new = *random.pick(&objects)?;
            batch.get_mut(a)?.extent.obj.set(new as u32);
            format!("of object {new}")
        }
        5 if last < 4 => {
            let rest = batch.split_off(a);
            parts.batches.insert(m + 1, rest);
            "begins a batch".to_owned()
        }
        _ => {
            let extent = &mut batch.get_mut(a)?.extent;
            let field = random.pick(structure("Extent"))?;
            let bytes = extent.as_mut_bytes();
            let new = some_value(
                random,
                number(bytes, field.at, field.width()),
                field.width(),
            );
            set_number(bytes, field.at, field.width(), new);
            format!("{} = {new:#x}", field.name)
        }
    };
    Some(format!("extent {m}.{a}: {what}"))
}

/// Makes the numbers right that only count what follows.
fn count(parts: &mut Parts) {
    let is = |r: &Rec, kind| r.is(kind);
    let tasks = parts.meta.iter().filter(|r| is(r, Kind::Task)).count() as u64;
    let objects = parts.meta.iter().filter_map(object).max().unwrap_or(0);
    let mut counter: Option<(usize, usize)> = None;
    for n in 0..parts.meta.len() {
        let Some(rec) = parts.meta.get_mut(n) else {
            return;
        };
        match Kind::from_number(rec.kind) {
            Some(Kind::Container) => {
                rec.put(offset_of!(Container, tasks), 4, tasks);
                // One that is too high is for others to make.
                rec.put(offset_of!(Container, objects), 4, objects);
            }
            Some(Kind::Mm) => {
                rec.put(offset_of!(Mm, vmas), 4, 0);
                counter = Some((n, offset_of!(Mm, vmas)));
            }
            Some(Kind::Vma) => {
                if let Some((owner, at)) = counter {
                    if let Some(mm) = parts.meta.get_mut(owner) {
                        let so_far = mm.get(at, 4);
                        mm.put(at, 4, so_far + 1);
                    }
                }
            }
            Some(Kind::LeftOut) => (),
            Some(Kind::Guards) => {
                let regions = (rec.payload.len() / 16) as u64;
                rec.put(0, 4, regions);
            }
            Some(Kind::Watched) => {
                let runs = (rec.payload.len() / size_of::<WatchedRun>()) as u64;
                rec.put(offset_of!(Watched, runs), 4, runs);
            }
            Some(Kind::HugePages) => {
                let ranges = (rec.payload.len() / size_of::<HugeRange>()) as u64;
                rec.put(offset_of!(HugePages, ranges), 4, ranges);
            }
            // It belongs to the mapping before it.
            Some(Kind::Aio) => (),
            _ => counter = None,
        }
    }
}
