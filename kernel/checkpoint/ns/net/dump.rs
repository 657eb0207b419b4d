// SPDX-License-Identifier: GPL-2.0

//! What netlink shows of a network namespace, to compare two.
//!
//! No message is looked into for what it says: all that two namespaces are asked for must be answered
//! alike, but for what counts time and uses, and what the kernel finds by itself.

use core::slice::from_ref;

use kernel::prelude::*;

use super::{
    classifiers,
    device,
    filters,
    message::{
        attributes,
        messages,
        u16_at,
        Message, //
    },
    nft,
    tables::{
        ACTIONS,
        ADDRESSES,
        FAMILIES,
        GENERIC,
        GENERIC_HEADER,
        GENERIC_KINDS,
        GENERIC_VALUES,
        LINKS,
        NEIGHBOURS,
        PLAIN,
        ROUTES,
        RULES,
        TABLES,
        TRACKING, //
    },
    tc, //
};
use crate::kapi::{
    net::namespace::{
        self,
        NetNs, //
    },
    time::wait, //
};

/// NLM_F_DUMP.
const DUMP: u16 = 0x300;

/// NLM_F_ACK: of what there is once the answer ends with an errno, which is 0.
const ACK: u16 = 4;

/// How often a list is asked for that changes meanwhile.
const TRIES: usize = 5;

/// CTRL_ATTR_FAMILY_ID and CTRL_ATTR_FAMILY_NAME.
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// What an item of a list tells: what counts of it, and the whole message.
pub(super) struct Item {
    /// What must be alike.
    pub(super) key: KVVec<u8>,
    /// What comes after the header of the message.
    pub(super) body: KVVec<u8>,
}

/// Adds something that a message has to what is compared.
pub(super) type AddTo = fn(&[u8], &mut KVVec<u8>) -> Result;

/// A kind of object.
pub(super) struct Table<'a> {
    /// What they are, for messages.
    pub(super) name: &'static str,
    /// NETLINK_*.
    pub(super) protocol: i32,
    /// Type of the request.
    pub(super) request: u16,
    /// The message that comes with it, the header of its family first. Zeros: all there are.
    pub(super) body: &'a [u8],
    /// Bytes of the header of the answers.
    pub(super) header: usize,
    /// Of these: where what only counts begins, and how many bytes that has.
    pub(super) counts: (usize, usize),
    /// Attributes that only count.
    pub(super) volatile: &'static [u16],
    /// Which of them are not of the kernel alone, by their headers.
    pub(super) such: fn(&[u8]) -> bool,
    /// Takes what does not count out of an attribute, with its type; 0: out of the header.
    pub(super) edit: fn(u16, &mut [u8]),
    /// Adds what counts of a message, in place of all that.
    pub(super) own: Option<AddTo>,
    /// Their order is not their own.
    pub(super) sorted: bool,
    /// A new namespace has none.
    pub(super) none_new: bool,
    /// There is one, and no list.
    pub(super) once: bool,
}

/// Returns the number of the family of generic netlink with this name, of `answers` to
/// [`FAMILIES`]. `None`: the kernel has none, or this namespace has not.
fn family(answers: &[u8], name: &[u8]) -> Result<Option<u16>> {
    let mut found = None;
    messages(answers, |body| {
        let (_, rest) = body.split_at_checked(GENERIC_HEADER).ok_or(EIO)?;
        let mut id = None;
        let mut is_it = false;
        attributes(rest, |kind, attribute| {
            let value = attribute.get(4..).unwrap_or(&[]);
            if kind == FAMILY_ID {
                id = u16_at(value, 0);
            } else if kind == FAMILY_NAME {
                is_it = value.strip_suffix(&[0]) == Some(name);
            }
            Ok(())
        })?;
        if is_it {
            found = id;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns the message that asks for actions of tc of a kind: struct tcamsg, and TCA_ACT_KIND in
/// the first action of TCA_ACT_TAB.
fn action_request(kind: &[u8]) -> Result<KVec<u8>> {
    let mut body = KVec::new();
    let mut add = |bytes: &[u8]| body.extend_from_slice(bytes, GFP_KERNEL);
    let len = 4 + kind.len() + 1;
    let whole = len.next_multiple_of(4);
    add(&[0; 4])?;
    for len in [8 + whole, 4 + whole, len] {
        add(&u16::try_from(len)?.to_ne_bytes())?;
        add(&1u16.to_ne_bytes())?;
    }
    add(kind)?;
    for _ in len - 1..whole {
        add(&[0])?;
    }
    Ok(body)
}

impl Table<'_> {
    /// Adds what counts of the message `body` to `out`.
    fn add(&self, body: &[u8], out: &mut KVVec<u8>) -> Result {
        if let Some(own) = self.own {
            return own(body, out);
        }
        let (header, rest) = body.split_at_checked(self.header).ok_or(EIO)?;
        let (from, len) = self.counts;
        for (at, &byte) in header.iter().enumerate() {
            let counts = at >= from && at - from < len;
            out.push(if counts { 0 } else { byte }, GFP_KERNEL_ACCOUNT)?;
        }
        (self.edit)(0, out);
        attributes(rest, |kind, attribute| {
            if !self.volatile.contains(&kind) {
                let at = out.len();
                out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
                (self.edit)(kind, out.get_mut(at..).unwrap_or(&mut []));
            }
            Ok(())
        })
    }

    /// Returns what counts of `answers`. EAGAIN: the list has changed meanwhile.
    fn normal(&self, answers: &[u8]) -> Result<KVVec<Item>> {
        let mut items = KVVec::new();
        let errno = messages(answers, |body| {
            if !(self.such)(body.get(..self.header).ok_or(EIO)?) {
                return Ok(());
            }
            let mut item = Item {
                key: KVVec::new(),
                body: KVVec::new(),
            };
            self.add(body, &mut item.key)?;
            item.body.extend_from_slice(body, GFP_KERNEL_ACCOUNT)?;
            if !item.key.is_empty() {
                items.push(item, GFP_KERNEL_ACCOUNT)?;
            }
            Ok(())
        })?;
        if let Some(errno) = errno {
            let mut item = Item {
                key: KVVec::new(),
                body: KVVec::new(),
            };
            item.key
                .extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
            items.push(item, GFP_KERNEL_ACCOUNT)?;
        }
        if self.sorted {
            items.sort_unstable_by(|a, b| a.key.as_slice().cmp(b.key.as_slice()));
        }
        Ok(items)
    }

    /// Asks `ns` for them. E2BIG: there are too many. EAGAIN: they keep changing.
    pub(super) fn of(&self, ns: &NetNs) -> Result<KVVec<Item>> {
        let flags = if self.once { ACK } else { DUMP };
        let mut message = Message::whole(self.request, flags, self.body)?;
        for _ in 0..TRIES {
            wait::go_on()?;
            match self.normal(&ns.ask(self.protocol, &mut message.0)?) {
                Err(EAGAIN) => (),
                done => return done,
            }
        }
        Err(EAGAIN)
    }

    /// Returns whether `ns` has other ones than `fresh`, or too many to tell.
    pub(super) fn differs(&self, ns: &NetNs, fresh: &NetNs) -> Result<bool> {
        match self.of(ns) {
            Err(E2BIG | EAGAIN) => Ok(true),
            Ok(items) if self.none_new && items.is_empty() => Ok(false),
            items => Ok(!alike(&items?, &self.of(fresh)?)),
        }
    }
}

/// Returns whether two lists tell the same.
pub(super) fn alike(a: &[Item], b: &[Item]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| *a.key == *b.key)
}

/// Returns whether `ns` has other devices than `fresh`, in which others stand in for those with the numbers
/// `moved`, which are sorted.
fn links_differ(ns: &NetNs, fresh: &NetNs, moved: &[u32]) -> Result<bool> {
    let both = LINKS.of(ns).and_then(|of| Ok((of, LINKS.of(fresh)?)));
    let (mut of, mut new) = match both {
        Err(E2BIG | EAGAIN) => return Ok(true),
        both => both?,
    };
    for item in Iterator::chain(of.iter_mut(), new.iter_mut()) {
        wait::go_on()?;
        if item.body.is_empty() || moved.is_empty() {
            continue;
        }
        let index = device::Device::of(&item.body)?.index();
        if moved.binary_search(&index).is_ok() {
            item.key = device::moved_key(&item.body)?;
        }
    }
    Ok(!alike(&of, &new))
}

/// Returns of what kind `ns` has something that `fresh`, a new namespace, has not, or the other way
/// round. `moved` are the numbers of devices for which others stand in there, sorted.
pub(super) fn differs(ns: &NetNs, fresh: &NetNs, moved: &[u32]) -> Result<Option<&'static str>> {
    if links_differ(ns, fresh, moved)? {
        return Ok(Some(LINKS.name));
    }
    // Where nothing tracks connections, there is nothing of that.
    let tracking: &[Table<'static>] = if namespace::tracks() { &TRACKING } else { &[] };
    let lists: [&[Table<'static>]; 7] = [
        from_ref(&ADDRESSES),
        from_ref(&RULES),
        &ROUTES,
        // Entries of bridges may be for VLANs, which are the reason.
        TABLES,
        &NEIGHBOURS,
        &nft::LISTS,
        tracking,
    ];
    for table in lists.into_iter().flatten() {
        if table.differs(ns, fresh)? {
            return Ok(Some(table.name));
        }
    }
    if nft::elements_differ(ns, fresh)? {
        return Ok(Some("elements of sets of nftables"));
    }
    if let Some(what) = tc::differs(ns, fresh)? {
        return Ok(Some(what));
    }
    if let Some(what) = filters::differ(ns, fresh)? {
        return Ok(Some(what));
    }
    for kind in ACTIONS {
        let body = action_request(kind)?;
        // RTM_GETACTION.
        let table = Table {
            name: "actions of tc",
            request: 50,
            body: &body,
            header: 4,
            own: Some(classifiers::actions_key),
            none_new: true,
            ..PLAIN
        };
        if table.differs(ns, fresh)? {
            return Ok(Some(table.name));
        }
    }
    let mut message = Message::whole(FAMILIES.request, DUMP, FAMILIES.body)?;
    let families = ns.ask(GENERIC, &mut message.0)?;
    for (kinds, once) in [(GENERIC_KINDS, false), (GENERIC_VALUES, true)] {
        for &(name, of, command) in kinds {
            let Some(request) = family(&families, of)? else {
                continue;
            };
            let body = [command, 1, 0, 0];
            let table = Table {
                name,
                protocol: GENERIC,
                request,
                body: &body,
                header: GENERIC_HEADER,
                none_new: !once,
                once,
                ..PLAIN
            };
            if table.differs(ns, fresh)? {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_dump)]
mod tests {
    use super::*;
    use crate::ns::net::{
        message::{
            DONE,
            INTERRUPTED, //
        },
        tables::permanent, //
    };

    /// Returns a message of kind 20 with the header of an address and two attributes.
    fn message(flags: u16, prefix: u8, cacheinfo: u8) -> Result<KVec<u8>> {
        let mut m = KVec::new();
        let mut add = |bytes: &[u8]| m.extend_from_slice(bytes, GFP_KERNEL);
        add(&40u32.to_ne_bytes())?;
        add(&20u16.to_ne_bytes())?;
        add(&flags.to_ne_bytes())?;
        add(&[1, 0, 0, 0, 9, 9, 9, 9])?;
        add(&[2, prefix, 0, 0, 1, 0, 0, 0])?;
        for (kind, value) in [(1u16, 127), (6u16, cacheinfo)] {
            add(&8u16.to_ne_bytes())?;
            add(&kind.to_ne_bytes())?;
            add(&[value, 0, 0, 1])?;
        }
        Ok(m)
    }

    /// Times don't count, all else does.
    #[test]
    fn what_counts() -> Result {
        let table = &ADDRESSES;
        let one = table.normal(&message(2, 8, 1)?)?;
        assert!(alike(&one, &table.normal(&message(2, 8, 2)?)?));
        assert!(!alike(&one, &table.normal(&message(2, 9, 1)?)?));
        assert!(!alike(&one, &table.normal(&[])?));
        assert!(matches!(
            table.normal(&message(INTERRUPTED, 8, 1)?),
            Err(EAGAIN)
        ));
        Ok(())
    }

    /// Checks that the state of a neighbour has 16 bits.
    #[test]
    fn states() {
        for (state, is) in [(0x80u16, true), (0x02, false), (0x8000, false)] {
            let [a, b] = state.to_ne_bytes();
            assert!(permanent(&[10, 0, 0, 0, 1, 0, 0, 0, a, b, 0, 0]) == is);
        }
    }

    /// Checks that what a program has learnt does not expire, and its state does not count; what the
    /// kernel has learnt goes.
    #[test]
    fn neighbours() -> Result {
        let key = |family: u8, state: u8, flags: u8| -> Result<KVVec<u8>> {
            let table = NEIGHBOURS
                .get(if family == 7 { 2 } else { 0 })
                .ok_or(EINVAL)?;
            let mut out = KVVec::new();
            let [a, b] = u16::from(state).to_ne_bytes();
            table.add(&[family, 0, 0, 0, 1, 0, 0, 0, a, b, flags, 0], &mut out)?;
            Ok(out)
        };
        for family in [2, 7, 10] {
            assert!(key(family, 2, 0)?.is_empty());
            assert!(!key(family, 0x80, 0)?.is_empty());
            assert!(*key(family, 2, 0x10)? == *key(family, 4, 0x10)?);
            assert!(*key(family, 0x80, 0x10)? != *key(family, 4, 0x10)?);
        }
        assert!(key(2, 0x40, 0)?.is_empty() && !key(7, 0x40, 0)?.is_empty());
        Ok(())
    }

    /// Checks that a list that was cut short is not the same as one that was not.
    #[test]
    fn cut_short() -> Result {
        let table = &ADDRESSES;
        let one = message(2, 8, 1)?;
        for (errno, same) in [(0i32, true), (-90, false)] {
            let mut list = KVec::new();
            list.extend_from_slice(&one, GFP_KERNEL)?;
            list.extend_from_slice(&20u32.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&DONE.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&[0; 10], GFP_KERNEL)?;
            list.extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL)?;
            assert!(alike(&table.normal(&list)?, &table.normal(&one)?) == same);
        }
        Ok(())
    }

    /// Checks that a family is found by its whole name.
    #[test]
    fn families() -> Result {
        let mut m = KVec::new();
        let mut add = |bytes: &[u8]| m.extend_from_slice(bytes, GFP_KERNEL);
        add(&36u32.to_ne_bytes())?;
        add(&0x10u16.to_ne_bytes())?;
        add(&[0; 10])?;
        add(&[1, 2, 0, 0])?;
        add(&8u16.to_ne_bytes())?;
        add(&FAMILY_NAME.to_ne_bytes())?;
        add(b"fou\0")?;
        add(&6u16.to_ne_bytes())?;
        add(&FAMILY_ID.to_ne_bytes())?;
        add(&31u16.to_ne_bytes())?;
        add(&[0; 2])?;
        assert!(family(&m, b"fou")? == Some(31));
        assert!(family(&m, b"f")?.is_none() && family(&m, b"l2tp")?.is_none());
        Ok(())
    }

    /// Checks that each attribute has its length, with what is in it.
    #[test]
    fn actions() -> Result {
        let request = action_request(b"gact")?;
        assert!(request.len() == 24);
        let mut whole = false;
        attributes(request.get(4..).ok_or(EINVAL)?, |kind, tab| {
            attributes(tab.get(4..).ok_or(EINVAL)?, |_, action| {
                attributes(action.get(4..).ok_or(EINVAL)?, |_, name| {
                    whole = kind == 1 && name.get(4..) == Some(&b"gact\0"[..]);
                    Ok(())
                })
            })
        })?;
        assert!(whole);
        Ok(())
    }

    /// Checks that a message that is cut off is none.
    #[test]
    fn cut_off() -> Result {
        let table = &ADDRESSES;
        let whole = message(2, 8, 1)?;
        for len in 1..whole.len() {
            assert!(table.normal(whole.get(..len).ok_or(EINVAL)?).is_err());
        }
        Ok(())
    }
}
