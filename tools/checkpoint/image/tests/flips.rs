// SPDX-License-Identifier: GPL-2.0

//! Every truncation and every single-bit flip of a small image is refused.

mod sample;

use checkpoint_image::image::{
    contents::MetaSums,
    header::HEADER_LEN,
    record::RECORD_HEADER_LEN, //
};
use sample::{
    verify,
    Sample, //
};

#[test]
fn sample_is_valid() {
    assert_eq!(verify(&Sample::small().bytes()), Ok(()));
}

#[test]
fn every_truncation() {
    let image = Sample::small().bytes();
    for len in 0..image.len() {
        assert!(verify(&image[..len]).is_err(), "accepted {len} bytes");
    }
}

#[test]
fn every_bit() {
    let mut image = Sample::small().bytes();
    for bit in 0..image.len() * 8 {
        image[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&image).is_err(), "accepted a flip of bit {bit}");
        image[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn bytes_after_the_end() {
    let mut image = Sample::small().bytes();
    image.push(0);
    assert_eq!(verify(&image).unwrap_err().why, "bytes after the trailer");
}

#[test]
fn batches_exchanged() {
    // Two batches change places, each with its number and place made to fit.
    let mut sample = Sample::small();
    sample.extents.rotate_right(1);
    sample.breaks = vec![1];
    let mut image = sample.bytes();
    assert_eq!(verify(&image), Ok(()));
    // One is that of another image.
    sample.header = |h| h.id.set(7);
    let other = sample.bytes();
    let start = HEADER_LEN + sample.meta().len();
    let sums = start + RECORD_HEADER_LEN + size_of::<MetaSums>() + 8;
    image[sums..].copy_from_slice(&other[sums..]);
    assert_eq!(verify(&image).unwrap_err().why, "belongs to another image");
}
