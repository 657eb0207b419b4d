// SPDX-License-Identifier: GPL-2.0

//! Messages of netlink: their parts, and new ones.

use kernel::prelude::*;

/// Bytes of `struct nlmsghdr`.
pub(super) const HEADER: usize = 16;

/// Bytes of the header of an attribute.
pub(super) const ATTRIBUTE_HEADER: usize = 4;

/// NLM_F_REQUEST.
const REQUEST: u16 = 1;

/// NLM_F_DUMP_INTR: what was listed has changed meanwhile.
pub(super) const INTERRUPTED: u16 = 0x10;

/// NLMSG_ERROR.
const ERROR: u16 = 2;

/// NLMSG_DONE.
pub(super) const DONE: u16 = 3;

/// NLA_TYPE_MASK.
const ATTRIBUTE: u16 = 0x3fff;

/// NLA_F_NESTED.
const NESTED: u16 = 0x8000;

/// Returns the number of 16 bits at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

/// Returns the number of 32 bits at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Takes what begins with its length, of which `header` bytes are the least, off `bytes`; returns
/// it and what comes after its padding. `None`: it is not whole.
fn take(bytes: &[u8], len: usize, header: usize) -> Option<(&[u8], &[u8])> {
    let whole = bytes.get(..len).filter(|_| len >= header)?;
    let next = len.checked_add(3)? & !3;
    Some((whole, bytes.get(next..).unwrap_or(&[])))
}

/// Calls `f` for each attribute of `rest`: its type, and all of it.
pub(super) fn attributes<'a>(
    mut rest: &'a [u8],
    mut f: impl FnMut(u16, &'a [u8]) -> Result,
) -> Result {
    while !rest.is_empty() {
        let len = u16_at(rest, 0).ok_or(EIO)?;
        let kind = u16_at(rest, 2).ok_or(EIO)? & ATTRIBUTE;
        let (attribute, next) = take(rest, len.into(), ATTRIBUTE_HEADER).ok_or(EIO)?;
        f(kind, attribute)?;
        rest = next;
    }
    Ok(())
}

/// Calls `f` for what comes after the header of each message of `answers`; returns the errno with
/// which they end, if it is one, negative. EAGAIN: the list has changed meanwhile.
pub(super) fn messages<'a>(
    answers: &'a [u8],
    mut f: impl FnMut(&'a [u8]) -> Result,
) -> Result<Option<u32>> {
    let mut rest = answers;
    while !rest.is_empty() {
        let len = u32_at(rest, 0).ok_or(EIO)?;
        let kind = u16_at(rest, 4).ok_or(EIO)?;
        let flags = u16_at(rest, 6).ok_or(EIO)?;
        let (message, next) = take(rest, usize::try_from(len)?, HEADER).ok_or(EIO)?;
        let body = message.get(HEADER..).ok_or(EIO)?;
        if flags & INTERRUPTED != 0 {
            return Err(EAGAIN);
        }
        match kind {
            // A list that was cut short ends with an errno, too.
            DONE => return Ok(u32_at(body, 0).filter(|&errno| errno != 0)),
            // What the kernel does not have, no namespace has.
            ERROR => return Ok(Some(u32_at(body, 0).ok_or(EIO)?)),
            _ => f(body)?,
        }
        rest = next;
    }
    Ok(None)
}

/// Returns what is in the attribute `wanted` of `rest`, the last one if there are several.
pub(super) fn find(rest: &[u8], wanted: u16) -> Result<Option<&[u8]>> {
    let mut found = None;
    attributes(rest, |kind, attribute| {
        if kind == wanted {
            found = attribute.get(ATTRIBUTE_HEADER..);
        }
        Ok(())
    })?;
    Ok(found)
}

/// What comes after the header of a message in the making, or a whole one.
pub(super) struct Message(pub(super) KVVec<u8>);

impl Message {
    /// Begins with the header of a family.
    pub(super) fn new(header: &[u8]) -> Result<Self> {
        let mut message = Self(KVVec::new());
        message.put(header)?;
        Ok(message)
    }

    /// Begins a whole message: a request of type `kind` with these flags, NLM_F_REQUEST included.
    pub(super) fn whole(kind: u16, flags: u16, body: &[u8]) -> Result<Self> {
        let mut message = Self(KVVec::new());
        let len = u32::try_from(HEADER.checked_add(body.len()).ok_or(E2BIG)?)?;
        message.put(&len.to_ne_bytes())?;
        message.put(&kind.to_ne_bytes())?;
        message.put(&(flags | REQUEST).to_ne_bytes())?;
        // Sequence number, and who sends it: the kernel knows.
        message.put(&1u32.to_ne_bytes())?;
        message.put(&0u32.to_ne_bytes())?;
        message.put(body)?;
        Ok(message)
    }

    /// Adds bytes.
    fn put(&mut self, bytes: &[u8]) -> Result {
        Ok(self.0.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?)
    }

    /// Adds an attribute with this content.
    pub(super) fn add(&mut self, kind: u16, content: &[u8]) -> Result {
        let len = u16::try_from(ATTRIBUTE_HEADER.checked_add(content.len()).ok_or(E2BIG)?)?;
        self.put(&len.to_ne_bytes())?;
        self.put(&kind.to_ne_bytes())?;
        self.put(content)?;
        self.pad()
    }

    /// Adds zeros, so that what follows is aligned.
    pub(super) fn pad(&mut self) -> Result {
        while self.0.len() % 4 != 0 {
            self.put(&[0])?;
        }
        Ok(())
    }

    /// Adds an attribute that has what `fill` adds: a header and attributes.
    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self) -> Result) -> Result {
        let mut inner = Self(KVVec::new());
        fill(&mut inner)?;
        self.add(kind | NESTED, &inner.0)
    }

    /// Adds the header of a family to what is in an attribute.
    pub(super) fn header(&mut self, header: &[u8]) -> Result {
        self.put(header)
    }
}
