// SPDX-License-Identifier: GPL-2.0

//! crc32c on the host.

/// A [`Crc`](crate::image::check::Crc): continues from the register `seed`, without inversion.
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    // The crate inverts at both ends, so that its results can be chained.
    !::crc32c::crc32c_append(!seed, bytes)
}

#[cfg(test)]
mod tests {
    use crate::image::check::sum;

    #[test]
    fn check_value() {
        assert_eq!(sum(super::crc32c, b"123456789"), 0xe306_9283);
    }
}
