// SPDX-License-Identifier: GPL-2.0

//! What the areas have not landed yet.

#![allow(missing_docs)]

use crate::{
    capture::{
        sink::Sink,
        Capture, //
    },
    image::{
        check::Object,
        Header, //
    },
    kapi::file::FileRef,
    restart::{
        source::Source,
        Restore, //
    }, //
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
}
pub(crate) mod snapshot {
    use super::*;
    pub(crate) struct Snapshot;
    pub(crate) fn take(_: &mut Capture) -> Result<Snapshot> {
        Ok(Snapshot)
    }
    impl Snapshot {
        pub(crate) fn drain(&mut self, _: &mut Sink) -> Result {
            Ok(())
        }
    }
}
pub(crate) mod fill {
    use super::*;
    pub(crate) fn fill(_: &Restore, _: &mut Source, _: &Header, _: KVVec<Object>) -> Result {
        Ok(())
    }
}
