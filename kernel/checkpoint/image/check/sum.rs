// SPDX-License-Identifier: GPL-2.0

//! crc32c, as an image has it.

/// crc32c of `bytes` continued from the register `seed`, without inversion at either end: what
/// the kernel's `crc32c()` computes.
pub type Crc = fn(seed: u32, bytes: &[u8]) -> u32;

/// A checksum in the making.
///
/// An image's checksums start from all ones and are inverted at the end, as in iSCSI and ext4:
/// that of `"123456789"` is `0xe3069283`.
#[derive(Clone, Copy)]
pub struct Sum {
    crc: Crc,
    register: u32,
}

impl Sum {
    /// The checksum of nothing.
    pub fn new(crc: Crc) -> Self {
        Self { crc, register: !0 }
    }

    /// Adds `bytes`.
    pub fn add(&mut self, bytes: &[u8]) {
        self.register = (self.crc)(self.register, bytes);
    }

    /// Adds the bytes that `add` continues a register by: for memory that others may write to.
    pub fn add_by(&mut self, add: impl FnOnce(u32) -> u32) {
        self.register = add(self.register);
    }

    /// The register after bytes alone: to be given to [`Self::join`].
    pub fn part(crc: Crc) -> Self {
        Self { crc, register: 0 }
    }

    /// Adds as many as `len` bytes that `part`, which began as [`Self::part`], was made of.
    pub fn join(&mut self, part: &Self, len: u64) {
        self.register = after_zeros(self.register, len) ^ part.register;
    }

    /// The checksum of all that was added.
    pub fn value(&self) -> u32 {
        !self.register
    }
}

/// The checksum of `bytes`.
pub fn sum(crc: Crc, bytes: &[u8]) -> u32 {
    let mut sum = Sum::new(crc);
    sum.add(bytes);
    sum.value()
}

/// The polynomial, the coefficient of the highest power in the lowest bit.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The register `register` after `len` more bytes of zeros.
///
/// Each bit multiplies it by x, modulo the polynomial: so many by a power of x.
fn after_zeros(register: u32, len: u64) -> u32 {
    let mut power = 1 << (31 - 8);
    let mut product = register;
    let mut left = len;
    while left != 0 {
        if left & 1 != 0 {
            product = multiply(product, power);
        }
        power = multiply(power, power);
        left >>= 1;
    }
    product
}

/// The product of two polynomials, modulo the polynomial.
fn multiply(a: u32, b: u32) -> u32 {
    let mut product = 0;
    let mut shifted = b;
    for n in 0..32 {
        if a & (1 << (31 - n)) != 0 {
            product ^= shifted;
        }
        let carry = shifted & 1 != 0;
        shifted >>= 1;
        if carry {
            shifted ^= POLYNOMIAL;
        }
    }
    product
}
