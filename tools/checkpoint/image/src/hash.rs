// SPDX-License-Identifier: GPL-2.0

//! xxh64 on the host.

/// Computes a [`Hash`](crate::image::check::Hash).
pub fn xxh64(seed: u64, bytes: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, seed)
}

#[cfg(test)]
mod tests {
    use super::xxh64;

    /// Values that xxhsum prints.
    #[test]
    fn check_values() {
        assert_eq!(xxh64(0, b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(0, b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_ne!(xxh64(1, b"abc"), 0x44bc_2cf5_ad77_0999);
    }
}
