// SPDX-License-Identifier: GPL-2.0

//! CPU features: whether a machine has all that the programs of an image may use, and no registers
//! for which they have no room. This one, at a restart; the one that an image is for, at a
//! checkpoint.

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
            Obstacles,
            WORDS, //
        },
        task::Container, //
    },
    kapi::arch::Arch, //
};

/// Returns the features of this machine, as an image has them: those that have a name, and that
/// programs can use.
pub(crate) fn features() -> [u64; WORDS] {
    cpu::known(Native::ID, &Native::cpu_features())
}

/// Returns how many words of features an image of this machine has.
pub(crate) fn count() -> usize {
    cpu::count(Native::ID)
}

/// The names of features.
struct Names<'a>(&'a [u64; WORDS]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        let mut between = "";
        cpu::for_each(self.0, |word, bit| {
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

/// Refuses a checkpoint whose tasks can have seen more of this CPU than the one with the features
/// `there` has, on which the image must restart; all of them can, whatever they have used.
pub(crate) fn refuse_more(there: &[u64; WORDS], report: &mut Report) {
    let found = Obstacles::new(Native::ID, &features(), there);
    let mut refuse = |what: fmt::Arguments<'_>| report.refuse(EOPNOTSUPP, &"all tasks", what);
    if found.lacks != [0; WORDS] {
        refuse(fmt!(
            "they can have seen {}, which the CPU that the image is for lacks: run them where the CPU \
             has no more than that one",
            Names(&found.lacks)
        ));
    }
    if found.enabled != [0; WORDS] {
        refuse(fmt!(
            "they have no room for {}, which the kernel that the image is for has enabled: boot that \
             without",
            Names(&found.enabled)
        ));
    }
    if let Some((here, there)) = found.lens {
        refuse(fmt!(
            "their extended state has {} bytes, and that of the CPU that the image is for {}: another \
             vendor's, which can't take it",
            here,
            there
        ));
    }
}

/// Refuses an image whose programs may use what this machine lacks, or have no room for what it has.
///
/// EOPNOTSUPP, with a line that names each feature.
pub(crate) fn check(container: &Container, report: &mut Report) -> Result {
    let mut image = container.cpu.map(U64::get);
    for (n, word) in image.iter_mut().enumerate() {
        if cpu::is_by_task(Native::ID, n) {
            *word &= !cpu::named(Native::ID, n);
        }
    }
    let found = Obstacles::new(Native::ID, &image, &features());
    if found.lacks != [0; WORDS] {
        report.line(fmt!(
            "error: this CPU lacks {} [EOPNOTSUPP]",
            Names(&found.lacks)
        ));
    }
    if found.enabled != [0; WORDS] {
        report.line(fmt!(
            "error: this kernel has enabled {}, for which the programs have no room: boot it without \
             [EOPNOTSUPP]",
            Names(&found.enabled)
        ));
    }
    if let Some((then, now)) = found.lens {
        report.line(fmt!(
            "error: the extended state of the programs has {} bytes, and that of this CPU {}: another \
             vendor's, which can't take it [EOPNOTSUPP]",
            then,
            now
        ));
    }
    if found.is_empty() {
        Ok(())
    } else {
        Err(EOPNOTSUPP)
    }
}
