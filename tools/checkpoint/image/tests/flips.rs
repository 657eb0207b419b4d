// SPDX-License-Identifier: GPL-2.0

//! Every truncation and every single-bit flip of a small image is refused.

mod sample;

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
fn extents_exchanged() {
    let mut sample = Sample::small();
    sample.shared.clear();
    let good = sample.bytes();
    // The extents of two objects change places: each is right, and in order.
    sample.extents.rotate_right(1);
    let mut image = sample.bytes();
    assert_eq!(verify(&image), Ok(()));
    let trailer = image.len() - 48;
    image[trailer..].copy_from_slice(&good[trailer..]);
    assert_eq!(
        verify(&image).unwrap_err().why,
        "extents were changed, left out or exchanged"
    );
}
