// SPDX-License-Identifier: GPL-2.0

//! Changes valid images on purpose, for the fuzzer on the host and for restart(2) in a guest.
//!
//! [`Parts`] is an image taken apart; put together again its checksums, lengths and counts are
//! right, so that what was changed gets past them. [`Mutator`] numbers the mutations of an image:
//! number and seed tell one, whenever it is asked for.

mod change;
mod fields;
mod parts;
mod set;
mod spots;

pub use change::mutate;
pub use fields::{
    elements,
    fields,
    structure,
    Field, //
};
pub use parts::{
    put,
    put_batch,
    put_sums,
    seal,
    Contents,
    Parts,
    Rec, //
};
pub use set::set;
pub use spots::Mutator;

/// Random numbers (xorshift64*): the same for the same seed.
pub struct Random(u64);

impl Random {
    /// Begins with `seed`.
    pub fn new(seed: u64) -> Self {
        // Neighbours must not resemble each other, and zero is no state.
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random.next();
        random
    }

    /// Returns the next number.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `n`, 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 16) as usize % n.max(1)
    }

    /// Returns true once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns one of those, `None` if there are none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}
