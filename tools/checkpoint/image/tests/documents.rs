// SPDX-License-Identifier: GPL-2.0

//! Agrees what is written down of the format with its definitions?

use checkpoint_image::document;
use std::{
    fs,
    path::Path, //
};

/// A file of the source tree.
fn file(name: &str) -> String {
    // Asked at run time: checkouts share what is built.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let path = Path::new(&here).join("../../..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The first line in which the texts differ.
fn difference(old: &str, new: &str) -> Option<String> {
    let pairs = old.lines().zip(new.lines());
    let first = pairs.clone().position(|(a, b)| a != b);
    (old != new).then(|| {
        let n = first.unwrap_or(pairs.count());
        let line = |text: &str| text.lines().nth(n).unwrap_or("(end)").to_owned();
        format!(
            "line {}: {:?}, should be {:?}: run ckptformat",
            n + 1,
            line(old),
            line(new)
        )
    })
}

#[test]
fn tables_of_the_document() {
    let page = file("Documentation/checkpoint/image-format.rst");
    let new = document::with_tables(&page).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(difference(&page, &new), None);
    assert_eq!(document::missing(&page), Vec::<String>::new());
}

#[test]
fn header_of_the_selftests() {
    let old = file("tools/testing/selftests/checkpoint/format.h");
    assert_eq!(difference(&old, &document::c_header()), None);
}
