// SPDX-License-Identifier: GPL-2.0

//! What the areas have not landed yet.

#![allow(missing_docs)]

use crate::{
    capture::Capture,
    kapi::file::FileRef, //
};
use kernel::prelude::*;

pub(crate) mod files {
    use super::*;
    pub(crate) fn reaches(_: &Capture, _: &FileRef) -> bool {
        false
    }
    pub(crate) fn sync(_: &mut Capture) -> Result {
        Ok(())
    }
    pub(crate) fn inodes(_: &crate::files::Collected) -> &[(crate::image::ObjRef, FileRef)] {
        &[]
    }
}
