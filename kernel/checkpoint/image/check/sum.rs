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
