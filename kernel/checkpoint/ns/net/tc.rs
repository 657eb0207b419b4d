// SPDX-License-Identifier: GPL-2.0

//! Queueing disciplines of devices, and their classes: how they hang on each other.
//!
//! Those that a device has at first, or a class, have no handle: they are made with it. What they are is
//! compared.

use kernel::prelude::*;

use super::{
    allowed::has_only,
    dump::{
        Item,
        Table, //
    },
    message::{
        find,
        u32_at, //
    },
    queues::{
        after_header,
        class,
        has_table,
        kind_of,
        name_in,
        queue,
        BLOCKS,
        COUNTS,
        HEADER,
        OPTIONS,
        RATE,
        STAB,
        STATS2, //
    },
    rebuild::Rebuild,
    request::Request,
    tables::{
        PLAIN,
        QUEUES, //
    }, //
};
use crate::{
    image::ns::{
        REQUEST_NEWQDISC,
        REQUEST_NEWTCLASS, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// TC_H_ROOT and TC_H_INGRESS, as tcm_parent.
const ROOT: u32 = u32::MAX;
const INGRESS: u32 = 0xffff_fff1;

/// The bits of TC_H_MAJ.
pub(super) const MAJOR: u32 = 0xffff_0000;

/// Where filters hang on `clsact`: TC_H_MIN_INGRESS and TC_H_MIN_EGRESS.
const OF_CLSACT: [u32; 2] = [0xffff_fff2, 0xffff_fff3];

/// How deep they may hang on each other: each level is gone through all that are left. `htb` has 8, `hfsc` as
/// many as somebody makes.
const DEPTH: usize = 128;

/// A queueing discipline, or a class of one, as netlink tells of it.
struct Node<'a> {
    index: u32,
    handle: u32,
    parent: u32,
    kind: &'a [u8],
    is_class: bool,
    body: &'a [u8],
}

impl<'a> Node<'a> {
    fn of(body: &'a [u8], is_class: bool) -> Result<Self> {
        let number = |at| u32_at(body, at).ok_or(EIO);
        Ok(Self {
            index: number(4)?,
            handle: number(8)?,
            parent: number(12)?,
            kind: name_in(after_header(body)?)?,
            is_class,
            body,
        })
    }

    /// Tells whether there is what it hangs on: `known` has it. `classful` are those that have classes
    /// which are made by requests. Both are sorted, by the device and the handle.
    fn is_ready(&self, known: &[(u32, u32)], classful: &[(u32, u32)]) -> bool {
        let has = |list: &[(u32, u32)], handle| list.binary_search(&(self.index, handle)).is_ok();
        match self.parent {
            ROOT | INGRESS => !self.is_class || has(known, self.handle & MAJOR),
            parent if parent & !MAJOR != 0 && has(classful, parent & MAJOR) => has(known, parent),
            parent => has(known, parent & MAJOR),
        }
    }

    /// Returns the request for it. EOPNOTSUPP: there is none.
    fn request(&self, ns: &NetNs) -> Result<Request> {
        if self.is_class {
            let message = class(self.body)?;
            return Request::new(REQUEST_NEWTCLASS, 0, message);
        }
        let more = ns.queue_more(self.index, self.handle)?;
        Request::new(REQUEST_NEWQDISC, 0, queue(self.kind, self.body, &more)?)
    }
}

/// Returns the message that asks for what hangs on `parent` of a device.
pub(super) fn ask_for(index: u32, parent: u32) -> [u8; HEADER] {
    let mut body = [0; HEADER];
    for (at, number) in [(4, index), (12, parent)] {
        if let Some(bytes) = body.get_mut(at..at + 4) {
            bytes.copy_from_slice(&number.to_ne_bytes());
        }
    }
    body
}

/// Classes of one queueing discipline: RTM_GETTCLASS. They are asked for one by one, as a list of all of a
/// device ends at a `netem` that has no other one in it.
fn class_table(request: &[u8]) -> Table<'_> {
    Table {
        name: "classes of queueing disciplines",
        request: 42,
        body: request,
        header: HEADER,
        volatile: COUNTS,
        sorted: true,
        ..PLAIN
    }
}

/// Returns what has classes of its own in `queues`: device and handle.
fn classful(queues: &[Item]) -> Result<KVVec<(u32, u32)>> {
    let mut found = KVVec::new();
    for item in queues.iter().filter(|item| !item.body.is_empty()) {
        let node = Node::of(&item.body, false)?;
        if node.handle != 0 && kind_of(node.kind).is_some_and(|kind| kind.classes.is_some()) {
            found.push((node.index, node.handle), GFP_KERNEL_ACCOUNT)?;
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns the classes of these.
fn classes(ns: &NetNs, classful: &[(u32, u32)]) -> Result<KVVec<Item>> {
    let mut found = KVVec::new();
    for &(index, handle) in classful {
        wait::go_on()?;
        for item in class_table(&ask_for(index, handle)).of(ns)? {
            if !item.body.is_empty() {
                found.push(item, GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    Ok(found)
}

/// Gives a new namespace the queueing disciplines and classes of the other one: each after what it hangs
/// on, as `htb` takes a class whose parent is missing for one that has none.
pub(super) fn give(rebuild: &mut Rebuild<'_>) -> Result {
    let ns = rebuild.ns;
    let queues = QUEUES.of(ns)?;
    let classful = classful(&queues)?;
    let classes = classes(ns, &classful)?;
    let mut left = KVVec::new();
    for (items, is_class) in [(&queues, false), (&classes, true)] {
        for item in items.iter().filter(|item| !item.body.is_empty()) {
            let node = Node::of(&item.body, is_class)?;
            // Those of a device or class at first; the class that hfsc itself is.
            if node.handle != 0 && (!is_class || node.handle & !MAJOR != 0) {
                left.push(node, GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    let mut known = KVVec::new();
    // What is left at last differs.
    for _ in 0..DEPTH {
        known.sort_unstable();
        let mut made = KVVec::new();
        let mut again = KVVec::new();
        for node in left {
            wait::go_on()?;
            if !node.is_ready(&known, &classful) {
                again.push(node, GFP_KERNEL_ACCOUNT)?;
                continue;
            }
            let request = match node.request(ns) {
                Ok(request) => request,
                // It is refused by that.
                Err(EOPNOTSUPP) => continue,
                Err(e) => return Err(e),
            };
            if rebuild.send(request)?.is_none() {
                made.push((node.index, node.handle), GFP_KERNEL_ACCOUNT)?;
            }
        }
        if made.is_empty() {
            break;
        }
        for place in made {
            known.push(place, GFP_KERNEL_ACCOUNT)?;
        }
        left = again;
    }
    Ok(())
}

/// Returns where filters may hang in `ns`: the device, and what is their tcm_parent; sorted.
pub(super) fn blocks(ns: &NetNs) -> Result<KVVec<(u32, u32)>> {
    let queues = QUEUES.of(ns)?;
    let mut found = KVVec::new();
    for item in queues.iter().filter(|item| !item.body.is_empty()) {
        let node = Node::of(&item.body, false)?;
        match (node.kind, node.handle, node.parent) {
            (b"clsact", _, _) => {
                for parent in OF_CLSACT {
                    found.push((node.index, parent), GFP_KERNEL_ACCOUNT)?;
                }
            }
            // The one that a device has at first.
            (_, 0, parent) if parent != ROOT => (),
            (_, handle, _) => found.push((node.index, handle), GFP_KERNEL_ACCOUNT)?,
        }
    }
    for item in &classes(ns, &classful(&queues)?)? {
        let node = Node::of(&item.body, true)?;
        if node.handle & !MAJOR != 0 {
            found.push((node.index, node.handle), GFP_KERNEL_ACCOUNT)?;
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns whether something is estimated of what a message is about.
fn is_estimated(rest: &[u8]) -> Result<bool> {
    Ok(find(find(rest, STATS2)?.unwrap_or(&[]), RATE)?.is_some())
}

/// Says why there is no request for a queueing discipline of this kind, for messages.
fn keeps(kind: &[u8]) -> &'static str {
    match kind {
        b"red" => {
            "a queueing discipline that keeps what it does not tell (red that was told to adapt, and does not)"
        }
        b"tbf" => {
            "a queueing discipline that keeps what it does not tell (tbf with a burst that no request gives)"
        }
        _ => "a queueing discipline that keeps what it does not tell (netem with a distribution)",
    }
}

/// Returns what `ns` has that nothing tells.
pub(super) fn untold(ns: &NetNs) -> Result<Option<&'static str>> {
    let queues = QUEUES.of(ns)?;
    for item in queues.iter().filter(|item| !item.body.is_empty()) {
        let node = Node::of(&item.body, false)?;
        let rest = after_header(&item.body)?;
        if is_estimated(rest)? {
            return Ok(Some("estimators of rates (tc estimator)"));
        }
        for block in BLOCKS {
            if find(rest, block)?.is_some() {
                return Ok(Some("blocks of filters that several may share (tc block)"));
            }
        }
        // TCA_RED_EARLY_DROP_BLOCK and TCA_RED_MARK_BLOCK.
        if node.kind == b"red" && !has_only(find(rest, OPTIONS)?.unwrap_or(&[]), 0, &[1, 2, 3, 4])?
        {
            return Ok(Some("blocks of filters that several may share (tc block)"));
        }
        if find(rest, STAB)?.is_some_and(|stab| has_table(stab).unwrap_or(true)) {
            return Ok(Some("size tables of queueing disciplines (tc stab)"));
        }
        if node.handle != 0 {
            match ns.queue_more(node.index, node.handle) {
                Err(EOPNOTSUPP) => return Ok(Some(keeps(node.kind))),
                more => more.map(|_| ())?,
            }
        }
    }
    for item in &classes(ns, &classful(&queues)?)? {
        if is_estimated(after_header(&item.body)?)? {
            return Ok(Some("estimators of rates (tc estimator)"));
        }
    }
    Ok(None)
}

/// Returns of what kind `ns` has something that `fresh` has not, but what [`QUEUES`] tells.
pub(super) fn differs(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
    let queues = QUEUES.of(ns)?;
    for item in queues.iter().filter(|item| !item.body.is_empty()) {
        wait::go_on()?;
        let node = Node::of(&item.body, false)?;
        let more = |ns: &NetNs| ns.queue_more(node.index, node.handle);
        if node.handle != 0 && *more(ns)? != *more(fresh)? {
            return Ok(Some(QUEUES.name));
        }
    }
    for &(index, handle) in &classful(&queues)? {
        let request = ask_for(index, handle);
        let table = class_table(&request);
        if table.differs(ns, fresh)? {
            return Ok(Some(table.name));
        }
    }
    Ok(None)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_tc)]
mod tests {
    use super::*;

    /// Checks that each comes after what it hangs on: a class after its parent, a queueing discipline
    /// after its class.
    #[test]
    fn order() -> Result {
        let of = |parent: u32, is_class: bool, known: &[(u32, u32)]| {
            let message = ask_for(1, parent);
            let node = Node {
                handle: 0x1_0005,
                ..Node::of(&message, is_class)?
            };
            Ok::<_, Error>(node.is_ready(known, &[(1, 0x1_0000)]))
        };
        assert!(of(ROOT, false, &[])? && !of(ROOT, true, &[])?);
        assert!(of(ROOT, true, &[(1, 0x1_0000)])?);
        assert!(!of(0x1_0002, true, &[(1, 0x1_0000)])?);
        assert!(of(0x1_0002, true, &[(1, 0x1_0000), (1, 0x1_0002)])?);
        // Of another device; one whose classes are always there.
        assert!(!of(0x1_0002, false, &[(2, 0x1_0002)])?);
        assert!(of(0x2_0002, false, &[(1, 0x2_0000)])?);
        Ok(())
    }
}
