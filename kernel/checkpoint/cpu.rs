// SPDX-License-Identifier: GPL-2.0

//! CPU features: whether this machine has all that the programs of an image may use.

use kernel::{
    fmt,
    prelude::*, //
};
use zerocopy::byteorder::little_endian::U64;

use crate::{
    arch::Native,
    core::report::Report,
    image::{
        cpu::{
            self,
            WORDS, //
        },
        task::Container, //
    },
    kapi::arch::Arch, //
};

/// Returns the features of this machine, as an image has them: those that have a name.
pub(crate) fn features() -> [u64; WORDS] {
    let mut words = Native::cpu_features();
    for (n, word) in words.iter_mut().enumerate() {
        *word &= cpu::named(Native::ID, n);
    }
    words
}

/// Returns how many words of features an image of this machine has.
pub(crate) fn count() -> usize {
    cpu::count(Native::ID)
}

/// The names of the features that `have` has and `lack` has not.
struct Missing {
    have: [u64; WORDS],
    lack: [u64; WORDS],
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        let mut between = "";
        cpu::for_each(&self.have, &self.lack, |word, bit| {
            if result.is_err() {
                return;
            }
            result = match cpu::name(Native::ID, word, bit) {
                Some(name) => write!(f, "{between}{name}"),
                None => write!(f, "{between}feature {word}.{bit}"),
            };
            between = ", ";
        });
        result
    }
}

/// Refuses an image whose programs may use what this machine lacks.
///
/// EOPNOTSUPP, with a line that names each feature.
pub(crate) fn check(container: &Container, report: &mut Report) -> Result {
    let have = container.cpu.map(U64::get);
    let lack = features();
    let mut missing = false;
    cpu::for_each(&have, &lack, |_, _| missing = true);
    if missing {
        report.line(fmt!(
            "error: this CPU lacks {} [EOPNOTSUPP]",
            Missing { have, lack }
        ));
        return Err(EOPNOTSUPP);
    }
    Ok(())
}
