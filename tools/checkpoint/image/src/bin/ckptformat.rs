// SPDX-License-Identifier: GPL-2.0

//! Writes what is made from the definitions of the image format: the tables of
//! `Documentation/checkpoint/image-format.rst`, and
//! `tools/testing/selftests/checkpoint/format.h`.
//!
//! `ckptformat`, in any directory of the source tree's checkout. The test `documents` finds out
//! when that has been forgotten.

use checkpoint_image::document;
use std::{
    error::Error,
    fs,
    path::Path, //
};

fn main() -> Result<(), Box<dyn Error>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let page = top.join("Documentation/checkpoint/image-format.rst");
    fs::write(&page, document::with_tables(&fs::read_to_string(&page)?)?)?;
    let header = top.join("tools/testing/selftests/checkpoint/format.h");
    Ok(fs::write(header, document::c_header())?)
}
