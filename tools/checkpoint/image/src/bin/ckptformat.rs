// SPDX-License-Identifier: GPL-2.0

//! Writes what is made from the definitions of the image format: the tables of
//! `Documentation/checkpoint/image-format.rst`, and
//! `tools/testing/selftests/checkpoint/format.h`.
//!
//! `cargo run -p checkpoint-image --bin ckptformat`, in any directory of `tools/checkpoint/`. The test `documents` finds out
//! when that has been forgotten.

use checkpoint_image::document;
use std::{
    error::Error,
    fs,
    path::Path, //
};

fn main() -> Result<(), Box<dyn Error>> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run it by cargo run")?;
    let top = Path::new(&here).join("../../..");
    let page = top.join("Documentation/checkpoint/image-format.rst");
    fs::write(&page, document::with_tables(&fs::read_to_string(&page)?)?)?;
    let header = top.join("tools/testing/selftests/checkpoint/format.h");
    Ok(fs::write(header, document::c_header())?)
}
