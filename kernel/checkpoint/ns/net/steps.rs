// SPDX-License-Identifier: GPL-2.0

//! What a new network namespace is waited for, between the requests that come when it has its settings.

use kernel::{
    prelude::*,
    str::CStr, //
};

use super::contents::{
    write,
    Settings, //
};
use crate::{
    image::ns::{
        REQUEST_DELADDR,
        REQUEST_NEWADDR,
        REQUEST_NEWLINK,
        REQUEST_SETLINK, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// How long, in nanoseconds, new devices and addresses may take to come to rest: nobody is asked for
/// these.
pub(super) const RESTING: u64 = 5_000_000_000;

/// The same where the kernel asks on the network: it begins within a second, and takes one.
pub(super) const LOOKING: u64 = 2_500_000_000;

/// How often, a millisecond apart, nothing is left to be done when it is at rest.
const RESTS: usize = 3;

/// While this is, new IPv6 addresses are not looked for on the network: they can be used at once, as they
/// could be at the checkpoint.
struct Quiet {
    /// The settings that were changed: of each path and text, each with a NUL.
    settings: KVVec<u8>,
}

impl Quiet {
    /// Begins.
    fn begin(ns: &NetNs) -> Result<Self> {
        let list = ns.settings()?;
        let mut settings = KVVec::new();
        for (path, text) in Settings(&list) {
            let name = path.to_bytes();
            let of_device = name.starts_with(b"net/ipv6/conf/") && name.ends_with(b"/accept_dad");
            let looks = !matches!(text.to_bytes().first(), None | Some(b'0' | b'-'));
            if !of_device || !looks {
                continue;
            }
            settings.extend_from_slice(path.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
            settings.extend_from_slice(text.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
            write(ns, (path, c"0"))?;
        }
        Ok(Self { settings })
    }

    /// Ends.
    fn end(self, ns: &NetNs) -> Result {
        Settings(&self.settings).try_for_each(|setting: (&CStr, &CStr)| write(ns, setting))
    }
}

/// What is done between the requests that come when a namespace has its settings.
pub(super) struct Steps<'a> {
    ns: &'a NetNs,
    /// Addresses are not looked for.
    quiet: Option<Quiet>,
    /// The request before.
    before: u32,
    /// The numbers of devices that had a carrier.
    carriers: KVVec<u32>,
}

impl<'a> Steps<'a> {
    /// Begins, before the first of them.
    pub(super) fn begin(ns: &'a NetNs) -> Result<Self> {
        Ok(Self {
            ns,
            quiet: Some(Quiet::begin(ns)?),
            before: 0,
            carriers: KVVec::new(),
        })
    }

    /// Returns it as one that waits for the carriers of these devices, when they were switched on: what is
    /// found of one takes its time, and the kernel gives it addresses only then.
    pub(super) fn awaiting(mut self, carriers: KVVec<u32>) -> Self {
        self.carriers = carriers;
        self
    }

    /// Waits until they have these, or will not get them soon, and for all that comes of that.
    fn rest(&mut self) -> Result {
        let end = wait::monotonic_ns().saturating_add(RESTING);
        for &index in &self.carriers {
            while self.ns.lacks_carrier(index)? && wait::monotonic_ns() < end {
                wait::go_on()?;
                wait::pause_ms(1);
            }
        }
        self.carriers.clear();
        settle(self.ns, RESTING)
    }

    /// Is called before each request, with its type, and whether it gives an address of which nobody
    /// knows yet whether it is free.
    pub(super) fn next(&mut self, kind: u32, tentative: bool) -> Result {
        let of_link = matches!(self.before, REQUEST_SETLINK | REQUEST_NEWLINK);
        if of_link && kind != self.before {
            self.rest()?;
        }
        self.before = kind;
        match kind {
            REQUEST_SETLINK | REQUEST_NEWLINK | REQUEST_DELADDR => Ok(()),
            REQUEST_NEWADDR if !tentative => Ok(()),
            _ => self.end_quiet(),
        }
    }

    /// Notes that all addresses that can be used are there: those that come are looked for.
    pub(super) fn end_quiet(&mut self) -> Result {
        let Some(quiet) = self.quiet.take() else {
            return Ok(());
        };
        self.rest()?;
        quiet.end(self.ns)
    }
}

/// Waits until `ns` knows what its links are, and has no address that is looked for; at most `most`
/// nanoseconds, as who set it up chooses how often is asked. EINTR: the caller was killed.
pub(super) fn settle(ns: &NetNs, most: u64) -> Result {
    let end = wait::monotonic_ns().saturating_add(most);
    let mut rests = 0;
    while rests < RESTS {
        wait::go_on()?;
        if ns.settle()? {
            rests += 1;
        } else if wait::monotonic_ns() < end {
            rests = 0;
        } else {
            break;
        }
        wait::pause_ms(1);
    }
    Ok(())
}
