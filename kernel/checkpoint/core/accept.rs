// SPDX-License-Identifier: GPL-2.0

//! What the caller of restart(2) accepts: patterns of paths, whose files may differ.

use kernel::{
    prelude::*,
    str::CStr,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::{
    core::{
        addresses::Addresses,
        rules::{
            Changes,
            Maps, //
        }, //
    },
    kapi::{
        fs::path::PathName,
        time::wait, //
    }, //
};

/// Most bytes of patterns, their NULs included.
const BYTES_MAX: usize = 1 << 16;

/// Patterns with their NULs, one after the other.
pub(crate) struct Patterns(KVVec<u8>);

impl Patterns {
    /// Makes an empty list: nothing is accepted.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn none() -> Self {
        Self(KVVec::new())
    }

    /// Returns all of them; none are left.
    pub(crate) fn take(&mut self) -> Self {
        Self(core::mem::replace(&mut self.0, KVVec::new()))
    }

    /// Reads `len` bytes of the caller at `addr`.
    ///
    /// E2BIG: too many bytes. EINVAL: the last byte is no NUL, or a pattern is empty. EFAULT: they
    /// are not readable.
    pub(crate) fn read(addr: usize, len: usize) -> Result<Self> {
        if len > BYTES_MAX {
            return Err(E2BIG);
        }
        let mut bytes = KVVec::from_elem(0u8, len, GFP_KERNEL_ACCOUNT)?;
        if len > 0 {
            UserSlice::new(UserPtr::from_addr(addr), len)
                .reader()
                .read_slice(&mut bytes)?;
        }
        Self::new(bytes)
    }

    fn new(bytes: KVVec<u8>) -> Result<Self> {
        let ended = bytes.last().is_none_or(|&b| b == 0);
        let empty = bytes.split_inclusive(|&b| b == 0).any(|p| p.len() < 2);
        if !ended || empty {
            return Err(EINVAL);
        }
        Ok(Self(bytes))
    }

    /// Returns whether one of them matches `path`. EINTR: the caller was killed.
    pub(crate) fn matches(&self, path: &PathName) -> Result<bool> {
        for pattern in self.0.split_inclusive(|&b| b == 0) {
            wait::go_on()?;
            let pattern = CStr::from_bytes_with_nul(pattern).map_err(|_| EINVAL)?;
            if path.fits(pattern) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What the caller of restart(2) says about files that differ, and what can be compared.
pub(crate) struct Policy {
    /// What becomes of files that differ, before `accept` is asked.
    pub(crate) changes: Changes,
    /// Paths that are others now.
    pub(crate) maps: Maps,
    /// Compare all that the image has.
    pub(crate) strict: bool,
    /// Paths whose differences are accepted.
    pub(crate) accept: Patterns,
    /// The image was made since this machine was booted.
    pub(crate) same_boot: bool,
    /// What becomes of connections with others.
    pub(crate) connections: Connections,
    /// Addresses of sockets that are others now.
    pub(crate) addresses: Addresses,
    /// What becomes of labels of security modules.
    pub(crate) labels: Labels,
    /// Memory that fork() wipes is wiped.
    pub(crate) wipes: bool,
}

/// What becomes of labels that are not the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    /// The restart is refused.
    Compare,
    /// What had them has those of the caller from now on.
    Caller,
    /// They are given again, where the modules let the caller do that.
    Keep,
}

/// What becomes of TCP connections whose other end is outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// They come back as after a reset.
    Reset,
    /// They come back as if the other end had closed them.
    Close,
    /// They go on, if the tasks were killed when they were saved.
    KeepKilled,
    /// They go on in any case.
    Keep,
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_accept)]
mod tests {
    use super::*;

    fn patterns(bytes: &[u8]) -> Result<Patterns> {
        let mut copy = KVVec::new();
        copy.extend_from_slice(bytes, GFP_KERNEL)?;
        Patterns::new(copy)
    }

    #[test]
    fn form() {
        assert!(patterns(b"").is_ok());
        assert!(patterns(b"/a\0/b\0").is_ok());
        assert!(patterns(b"/a\0/b").is_err());
        assert!(patterns(b"/a\0\0").is_err());
        assert!(patterns(b"\0").is_err());
    }

    #[test]
    fn matching() -> Result {
        let p = patterns(b"/var/log/*\0/tmp/x[0-9]\0")?;
        for (path, fits) in [
            (&b"/var/log/a/b.log"[..], true),
            (b"/var/log", false),
            (b"/tmp/x7", true),
            (b"/tmp/x77", false),
            (b"/", false),
        ] {
            assert_eq!(p.matches(&PathName::new(path)?)?, fits);
        }
        assert!(!patterns(b"")?.matches(&PathName::new(b"/")?)?);
        Ok(())
    }
}
