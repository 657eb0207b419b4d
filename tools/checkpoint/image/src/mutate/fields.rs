// SPDX-License-Identifier: GPL-2.0

//! Where the fields of the format's structures are.

pub use crate::image::layout::Field;
use crate::image::{
    confinement::IdRange,
    files::Fd,
    huge::HugeRange,
    kinds::Kind,
    lists,
    mm::{
        AioEvent,
        Guard, //
    },
    task::{
        Action,
        Timer,
        SIGINFO_LEN, //
    },
    userfault::WatchedRun, //
};
use std::mem::size_of;
use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

/// Returns the fields of the structure with that name; none if there is no such structure.
pub fn structure(name: &str) -> &'static [Field] {
    lists::structure(name).map_or(&[], |s| s.fields)
}

/// Returns the fields of the body of records of this kind.
pub fn fields(kind: u16) -> &'static [Field] {
    Kind::from_number(kind).map_or(&[], |k| k.structure().fields)
}

/// A number in a payload that is nothing else.
const NUMBER: &[Field] = &[Field::of::<U32>("number", 0, &[])];

/// A pair of the auxiliary vector.
const AUXV: &[Field] = &[
    Field::of::<U64>("key", 0, &[]),
    Field::of::<U64>("value", 8, &[]),
];

/// What siginfo_t has on every architecture, and what follows in most of its forms.
const SIGINFO: &[Field] = &[
    Field::of::<U32>("si_signo", 0, &[]),
    Field::of::<U32>("si_errno", 4, &[]),
    Field::of::<U32>("si_code", 8, &[]),
    Field::of::<U32>("si_pid", 16, &[]),
    Field::of::<U32>("si_uid", 20, &[]),
    Field::of::<U64>("si_value", 24, &[]),
    Field::of::<U64>("tail", 120, &[]),
];

/// Returns the elements of the payload of records of this kind: their length and their fields.
/// Length 0: it does not consist of elements.
pub fn elements(kind: u16) -> (usize, &'static [Field]) {
    match Kind::from_number(kind) {
        Some(Kind::Task | Kind::DeadPid | Kind::Cred) => (4, NUMBER),
        Some(Kind::Sighand) => (size_of::<Action>(), structure("Action")),
        Some(Kind::Pending) => (SIGINFO_LEN, SIGINFO),
        Some(Kind::Timers) => (size_of::<Timer>(), structure("Timer")),
        Some(Kind::Mm) => (16, AUXV),
        Some(Kind::Guards) => (size_of::<Guard>(), structure("Guard")),
        Some(Kind::HugePages) => (size_of::<HugeRange>(), structure("HugeRange")),
        Some(Kind::Watched) => (size_of::<WatchedRun>(), structure("WatchedRun")),
        Some(Kind::Aio) => (size_of::<AioEvent>(), structure("AioEvent")),
        Some(Kind::Files) => (size_of::<Fd>(), structure("Fd")),
        Some(Kind::Confinement) => (size_of::<IdRange>(), structure("IdRange")),
        _ => (0, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that every byte of every body belongs to a field.
    #[test]
    fn complete() {
        let container = fields(Kind::Container.number());
        assert_eq!(container.first().map(|f| f.name), Some("flags"));
        for &kind in Kind::ALL {
            let mut at = 0;
            for field in fields(kind.number()) {
                assert_eq!(field.at, at, "{}: {}", kind.name(), field.name);
                at += field.width() * field.count();
            }
            assert!(at >= 8, "{} has no fields", kind.name());
            assert_eq!(at % 8, 0, "{}", kind.name());
        }
        assert_eq!(structure("Header").last().map(|f| f.at), Some(184));
        for name in [
            "Action", "Extent", "Fd", "Guard", "IdRange", "Note", "Timer",
        ] {
            assert!(!structure(name).is_empty(), "{name}");
        }
    }
}
