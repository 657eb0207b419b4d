// SPDX-License-Identifier: GPL-2.0

//! The numbers of an image, one by one, and what each of them is set to.

use super::{
    change::mutate,
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
    Random, //
};
use crate::image::kinds::Kind;
use std::collections::BTreeMap;
use zerocopy::IntoBytes;

/// Numbers that matter to whoever reads them as a size, an address, an index or a signed number.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    9,
    64,
    65,
    4095,
    (1 << 20) + 1,
    1 << 22,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    (1 << 47) - 4096,
    1 << 47,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 4095,
    u64::MAX - 1,
    u64::MAX,
];

/// How many values there are for a number, see [`value`].
pub(super) const VALUES: usize = NUMBERS.len() + 10;

/// Returns the `n`th value for a number of `width` bytes that was `old`: extremes, neighbours, and
/// what is not aligned any more.
pub(super) fn value(n: usize, old: u64, width: usize) -> u64 {
    let sign = 1 << (width * 8 - 1);
    match n.checked_sub(NUMBERS.len()) {
        None => NUMBERS.get(n).copied().unwrap_or(0),
        Some(0) => old.wrapping_add(1),
        Some(1) => old.wrapping_sub(1),
        Some(2) => old ^ sign,
        Some(3) => sign.wrapping_sub(1),
        Some(4) => !old,
        Some(5) => old.wrapping_add(4096),
        Some(6) => old.wrapping_sub(4096),
        Some(7) => old ^ 8,
        Some(8) => old.wrapping_mul(2),
        _ => old ^ old.wrapping_sub(1).wrapping_shr(1),
    }
}

/// Where a number of an image is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Body of a record of metadata, and offset.
    Body(usize, usize),
    /// Payload of a record of metadata, and offset.
    Payload(usize, usize),
    /// An extent of a batch, and offset.
    Extent(usize, usize, usize),
    /// What follows from the rest.
    Derived(Derived, usize),
}

impl Place {
    /// Sets the number; `choose` tells to what.
    fn set(self, parts: &mut Parts, width: usize, choose: impl Fn(u64) -> u64) -> u64 {
        let change = |bytes: Option<&mut [u8]>, at| {
            let Some(bytes) = bytes else { return 0 };
            let new = choose(number(bytes, at, width));
            set_number(bytes, at, width, new);
            new
        };
        match self {
            Self::Body(n, at) => change(parts.meta.get_mut(n).map(|r| &mut r.body[..]), at),
            Self::Payload(n, at) => change(parts.meta.get_mut(n).map(|r| &mut r.payload[..]), at),
            Self::Extent(batch, n, at) => {
                let extent = parts.batches.get_mut(batch).and_then(|b| b.get_mut(n));
                change(extent.map(|c| c.extent.as_mut_bytes()), at)
            }
            Self::Derived(of, at) => {
                let old = match of {
                    Derived::Header => number(parts.header.as_bytes(), at, width),
                    _ => 1,
                };
                let new = choose(old);
                parts.wrong.push((of, at, width, new));
                new
            }
        }
    }
}

/// A number that many records have: the same field of records of one kind.
struct Spot {
    width: usize,
    places: Vec<Place>,
}

/// Returns whether the `n`th number of a field is to be looked at: of names the ends are enough.
fn counts(field: &Field, n: usize) -> bool {
    field.width() > 1 || n < 2 || n + 1 == field.count()
}

/// Finds all spots of an image, by name.
fn spots(parts: &Parts) -> BTreeMap<String, Spot> {
    let mut found: BTreeMap<String, Spot> = BTreeMap::new();
    let mut add = |kind: &str, list: &[Field], place: &dyn Fn(usize) -> Place| {
        for field in list {
            for n in (0..field.count()).filter(|&n| counts(field, n)) {
                let name = match field.count() {
                    1 => format!("{kind}.{}", field.name),
                    _ => format!("{kind}.{}[{n}]", field.name),
                };
                let spot = found.entry(name).or_insert(Spot {
                    width: field.width(),
                    places: Vec::new(),
                });
                spot.places.push(place(field.at + n * field.width()));
            }
        }
    };
    let name = |rec: &Rec| Kind::from_number(rec.kind).map_or("unknown", Kind::name);
    for (n, rec) in parts.meta.iter().enumerate() {
        add(name(rec), fields(rec.kind), &|at| Place::Body(n, at));
        let (len, list) = elements(rec.kind);
        for start in (0..rec.payload.len()).step_by(len.max(1)) {
            if len != 0 {
                let kind = format!("{} payload", name(rec));
                add(&kind, list, &|at| Place::Payload(n, start + at));
            }
        }
    }
    for (batch, all) in parts.batches.iter().enumerate() {
        for n in 0..all.len() {
            add("extent", structure("Extent"), &|at| {
                Place::Extent(batch, n, at)
            });
        }
        add("batch", structure("Batch"), &|at| {
            Place::Derived(Derived::Batch(batch), at)
        });
    }
    add("header", structure("Header"), &|at| {
        Place::Derived(Derived::Header, at)
    });
    add("trailer", structure("Trailer"), &|at| {
        Place::Derived(Derived::Trailer, at)
    });
    if parts.index {
        add("index", structure("Index"), &|at| {
            Place::Derived(Derived::Index(0), at)
        });
    }
    found
}

/// The mutations of an image, by number.
pub struct Mutator {
    base: Parts,
    spots: Vec<(String, Spot)>,
}

impl Mutator {
    /// Takes a valid image.
    pub fn new(base: Parts) -> Self {
        let spots = spots(&base).into_iter().collect();
        Self { base, spots }
    }

    /// Returns of how many mutations each field is set to each of its values.
    pub fn whole_turn(&self) -> u64 {
        2 * (self.spots.len() * VALUES) as u64
    }

    /// Returns the image with the mutation number `n` of those that begin with `seed`, and what it
    /// is.
    ///
    /// Every other one goes through all fields and all their values, in an order that is nothing
    /// like theirs; the rest is what chance brings.
    pub fn nth(&self, seed: u64, n: u64) -> (Vec<u8>, String) {
        let mut random = Random::new(seed ^ n.rotate_left(32) ^ n);
        let mut parts = self.base.clone();
        let what = if n % 2 == 1 || self.spots.is_empty() {
            mutate(&mut random, &mut parts)
        } else {
            self.field(&mut random, &mut parts, seed.wrapping_add(n / 2))
        };
        (parts.bytes(), what)
    }

    /// Sets the field that is the `turn`th to be looked at.
    fn field(&self, random: &mut Random, parts: &mut Parts, turn: u64) -> String {
        let total = (self.spots.len() * VALUES) as u64;
        // Prime, and larger than any image has of them: all are met before one is met again.
        let n = (u128::from(turn) * 1_000_003 % u128::from(total)) as usize;
        let (spot, value_nr) = (n / VALUES, n % VALUES);
        let Some((name, spot)) = self.spots.get(spot) else {
            return String::new();
        };
        let Some(place) = random.pick(&spot.places) else {
            return String::new();
        };
        let new = place.set(parts, spot.width, |old| value(value_nr, old, spot.width));
        format!("{name} = {new:#x} ({place:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        assert!((0..VALUES).any(|n| value(n, 5, 8) == 1 << 63));
        assert!((0..VALUES).any(|n| value(n, 5, 4) as u32 == 0x8000_0005));
        assert!((0..VALUES).any(|n| value(n, 5, 4) == 4));
    }
}
