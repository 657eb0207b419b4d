// SPDX-License-Identifier: GPL-2.0

//! The ends of pairs that a restart makes outside: what they are called there, by the caller's advice, and
//! that they are not left there if it fails.

use kernel::prelude::*;

use super::{
    device::{
        Device,
        HEADER, //
    },
    message::Message,
    outside::name_for_rules,
    pairs,
    request::ACK, //
};
use crate::{
    core::{
        restore::Restore,
        rules::Rename, //
    },
    image::{
        ns::{
            NetRequest,
            NET_REQUEST_MAKE,
            REQUEST_NEWLINK, //
        },
        Kind, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// RTM_DELLINK.
const DELLINK: u16 = 17;

/// Removes the device with this number from `ns`, and its other end if it is one of a pair.
fn remove(ns: &NetNs, index: u32) -> Result {
    let mut header = [0; HEADER];
    Device::set_index(&mut header, index)?;
    let mut message = Message::whole(DELLINK, ACK, &header)?;
    ns.tell(&mut message.0)
}

/// Pairs that were made with an end outside: the namespace that has the other end, and its number there.
pub(super) struct Ends(KVVec<(NetNs, u32)>);

impl Ends {
    /// Returns none yet.
    pub(super) fn none() -> Self {
        Self(KVVec::new())
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has `make` send the request `body` to `ns`, which has the reference `net`, and notes the pair that it
    /// makes, if that is one with an end outside.
    pub(super) fn note(
        &mut self,
        names: &Names<'_>,
        (ns, net): (&NetNs, u32),
        body: &[u8],
        make: impl FnOnce() -> Result,
    ) -> Result {
        if !names.makes_end(net, body)? {
            return make();
        }
        let index = Device::of(body)?.peer_index()?;
        // Before it is there: that may fail.
        self.0.reserve(1, GFP_KERNEL_ACCOUNT)?;
        make()?;
        Ok(self.0.push((ns.clone(), index), GFP_KERNEL_ACCOUNT)?)
    }

    /// Removes the pairs: the restart has failed. Else they would go with the namespace inside, a moment
    /// later, and have their names until then. What can't be removed does.
    pub(super) fn remove(&self) {
        for (ns, index) in &self.0 {
            let _ = remove(ns, *index);
        }
    }
}

/// The names that the caller says for ends outside.
pub(super) struct Names<'a> {
    renames: &'a [Rename],
    /// The numbers that lead outside, sorted.
    numbers: KVVec<(u32, u32)>,
}

impl<'a> Names<'a> {
    /// Takes those that the caller says.
    pub(super) fn of(r: &'a Restore) -> Result<Self> {
        Ok(Self {
            renames: r.policy.changes.renames(),
            numbers: pairs::outside(r)?,
        })
    }

    /// Returns whether the request `body` of the namespace with reference `net` makes an end outside.
    fn makes_end(&self, net: u32, body: &[u8]) -> Result<bool> {
        if self.numbers.is_empty() {
            return Ok(false);
        }
        let number = Device::of(body)?.target()?;
        Ok(number.is_some_and(|number| self.numbers.binary_search(&(net, number)).is_ok()))
    }

    /// Finds the name for the end outside that the request `body` makes: its place, and what it is.
    /// `None`: it makes no such, or that keeps its name.
    fn find(&self, net: u32, body: &[u8]) -> Result<Option<(usize, &'a Rename)>> {
        if self.renames.is_empty() || !self.makes_end(net, body)? {
            return Ok(None);
        }
        let name = name_for_rules(Device::of(body)?.peer_name()?)?;
        let mut all = self.renames.iter().enumerate();
        Ok(all.find(|(_, rename)| rename.is_for(&name)))
    }

    /// Returns the request `body`, which makes a device, with the name that the caller says. `None`: it
    /// stays as it is.
    pub(super) fn give(&self, net: u32, body: &[u8]) -> Result<Option<KVVec<u8>>> {
        match self.find(net, body)? {
            Some((_, rename)) => Device::of(body)?.renamed(rename.name()).map(Some),
            None => Ok(None),
        }
    }
}

/// Checks that each name that the caller says is for a device whose other end is made outside.
///
/// EBADF: one is not. Requests may not have been checked yet: what is none makes nothing.
pub(super) fn check_names(r: &Restore) -> Result {
    let names = Names::of(r)?;
    if names.renames.is_empty() {
        return Ok(());
    }
    let mut used = KVVec::from_elem(false, names.renames.len(), GFP_KERNEL_ACCOUNT)?;
    for raw in r.links() {
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind != Kind::NetRequest {
            continue;
        }
        let request: NetRequest = raw.body().map_err(|fault| r.fault(fault))?;
        let makes = request.flags.get() & NET_REQUEST_MAKE != 0;
        if request.kind.get() != REQUEST_NEWLINK || !makes {
            continue;
        }
        let found = match names.find(request.net.get(), raw.payload) {
            Err(EIO) => None,
            found => found?,
        };
        if let Some(used) = found.and_then(|(at, _)| used.get_mut(at)) {
            *used = true;
        }
    }
    let mut all = names.renames.iter().zip(used.iter());
    match all.find(|(_, used)| !**used) {
        None => Ok(()),
        Some((rename, _)) => {
            let shown = kernel::str::BStr::from_bytes;
            Err(r.told(
                EBADF,
                fmt!(
                    "{} is to be the name of the other end of {}: no device with such a name leads outside",
                    shown(rename.name().to_bytes()),
                    shown(rename.pattern())
                ),
            ))
        }
    }
}
