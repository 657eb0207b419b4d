// SPDX-License-Identifier: GPL-2.0

//! What filters match packets by beside what they are themselves (ematches): a list of matches with what
//! holds them together. Numbers are those of the netlink ABI.

use kernel::prelude::*;

use super::message::{
    attributes,
    find,
    u16_at,
    ATTRIBUTE_HEADER, //
};

/// TCA_EMATCH_TREE_HDR and TCA_EMATCH_TREE_LIST.
const HEADER: u16 = 1;
const LIST: u16 = 2;

/// TCF_EM_CONTAINER, TCF_EM_CMP, TCF_EM_NBYTE, TCF_EM_U32 and TCF_EM_META: the packet, and what is known of
/// it. Not TCF_EM_CANID; nor TCF_EM_IPSET and TCF_EM_IPT, which lead to what others have made.
const KINDS: &[u16] = &[0, 1, 2, 3, 4];

/// TCF_EM_TEXT, the bytes of its `struct tcf_ematch_hdr` and of the name of an algorithm behind that, and
/// which names these are: they are looked for as modules.
const TEXT: u16 = 5;
const MATCH_HEADER: usize = 8;
const ALGORITHM: usize = 16;
const ALGORITHMS: &[&[u8]] = &[b"kmp", b"bm", b"fsm"];

/// Returns whether a match, as after the header of its attribute, is of a kind that is saved.
fn is_saved(one: &[u8]) -> bool {
    match u16_at(one, 2) {
        Some(TEXT) => {
            let name = one.get(MATCH_HEADER..MATCH_HEADER + ALGORITHM);
            let mut parts = name.unwrap_or(&[]).split(|&byte| byte == 0);
            parts.next().is_some_and(|name| ALGORITHMS.contains(&name))
        }
        Some(kind) => KINDS.contains(&kind),
        None => false,
    }
}

/// Returns whether all matches of `tree` are of kinds that are saved.
pub(super) fn are_saved(tree: &[u8]) -> Result<bool> {
    let mut are = true;
    attributes(tree, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match kind {
            HEADER => Ok(()),
            LIST => attributes(content, |_, one| {
                are &= is_saved(one.get(ATTRIBUTE_HEADER..).unwrap_or(&[]));
                Ok(())
            }),
            _ => {
                are = false;
                Ok(())
            }
        }
    })?;
    Ok(are)
}

/// Returns whether `tree` has a match.
pub(super) fn has_some(tree: &[u8]) -> bool {
    !matches!(find(tree, LIST), Ok(None | Some([])))
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_ematches)]
mod tests {
    use super::*;
    use crate::ns::net::message::Message;

    /// Returns a tree with a match of this kind, and what it has.
    fn tree(kind: u16, has: &[u8]) -> Result<Message> {
        let [a, b] = kind.to_ne_bytes();
        let mut tree = Message::new(&[])?;
        tree.add(HEADER, &[1, 0, 0, 0])?;
        tree.nest(LIST, |list| {
            list.nest(1, |one| {
                one.header(&[0, 0, a, b, 0, 0, 0, 0])?;
                one.header(has)
            })
        })?;
        Ok(tree)
    }

    /// None leads to what others have made; no module is asked for by a name of somebody's choice.
    #[test]
    fn kinds() -> Result {
        for kind in 0..5 {
            assert!(are_saved(&tree(kind, &[])?.0)?);
        }
        for kind in [6, 7, 8, 9, 0xffff] {
            assert!(!are_saved(&tree(kind, &[0; 24])?.0)?);
        }
        for (name, is) in [(&b"kmp"[..], true), (b"fsm\0x", true), (b"kmpx", false)] {
            let mut text = [0; 24];
            for (to, from) in text.iter_mut().zip(name) {
                *to = *from;
            }
            assert!(are_saved(&tree(TEXT, &text)?.0)? == is);
        }
        assert!(!are_saved(&tree(TEXT, b"kmp")?.0)?);
        let mut other = Message::new(&[])?;
        other.add(3, &[])?;
        assert!(!are_saved(&other.0)?);
        Ok(())
    }

    /// A list without a match has none.
    #[test]
    fn none() -> Result {
        assert!(has_some(&tree(1, &[0; 12])?.0) && !has_some(&[]));
        let mut empty = Message::new(&[])?;
        empty.add(LIST, &[])?;
        assert!(!has_some(&empty.0));
        Ok(())
    }
}
