// SPDX-License-Identifier: GPL-2.0

//! xxh64, as an image has it.

/// xxh64 of `bytes`: what the kernel's `xxh64()` computes.
///
/// A checksum of parts that do not lie together is made part by part, each with the checksum of
/// those before as its seed; the first seed is 0.
pub type Hash = fn(seed: u64, bytes: &[u8]) -> u64;

/// Returns the checksum of the structure `bytes`, the last field of which it is, and of what
/// follows it.
pub fn sealed(hash: Hash, bytes: &[u8], rest: &[&[u8]]) -> u64 {
    let covered = bytes
        .get(..bytes.len().saturating_sub(size_of::<u64>()))
        .unwrap_or(&[]);
    rest.iter()
        .fold(hash(0, covered), |seed, bytes| hash(seed, bytes))
}
