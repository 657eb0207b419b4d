// SPDX-License-Identifier: GPL-2.0

//! Which build of the kernel an image is of.
//!
//! Another one may restart it: what matters to programs is compared by itself, as CPU features and the
//! code of the vDSO are. But then it is told, as it is the first thing to ask if something is different.

use kernel::{
    fmt,
    prelude::*,
    str::BStr, //
};

use crate::{
    core::report::Report,
    image::{
        task::{
            Container,
            BUILD_ID_LEN,
            VERSION_LEN, //
        },
        Header, //
    },
    kapi::fs::io, //
};

/// A build of the kernel.
#[derive(PartialEq, Eq)]
struct Build {
    release: [u8; 64],
    version: [u8; VERSION_LEN],
    id: [u8; BUILD_ID_LEN],
}

/// Returns the bytes before the first NUL.
fn text(name: &[u8]) -> &BStr {
    BStr::from_bytes(name.split(|&b| b == 0).next().unwrap_or(&[]))
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text(&self.release).fmt(f)?;
        f.write_str(" ")?;
        text(&self.version).fmt(f)?;
        if self.id != [0; BUILD_ID_LEN] {
            f.write_str(" (build id ")?;
            for byte in self.id {
                write!(f, "{byte:02x}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Adds a note if the image was written by another build of the kernel than this one.
pub(crate) fn tell(header: &Header, container: &Container, report: &mut Report) {
    let then = Build {
        release: header.release,
        version: container.version,
        id: container.build_id,
    };
    let now = Build {
        release: io::kernel_release(),
        version: io::kernel_version(),
        id: io::kernel_build_id(),
    };
    // Images once had no more than the release.
    let known = !text(&then.version).is_empty();
    if then.release != now.release || (known && then != now) {
        report.note(
            &"kernel",
            fmt!("the image was written by {}, this is {}", then, now),
        );
    }
}
