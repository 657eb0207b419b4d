// SPDX-License-Identifier: GPL-2.0

//! Framing: a record is a [`RecordHeader`], a body of fixed layout, and a payload.
//!
//! Bodies are append-only. A body that is shorter than this version knows was written by an older
//! one and is extended with zeros; a longer one is accepted if what is not known is zero.

use zerocopy::{
    byteorder::little_endian::{
        U16,
        U32,
        U64, //
    },
    FromBytes,
    Immutable,
    IntoBytes, //
};

use super::{
    kinds::Kind,
    layout::{
        structure,
        Defined, //
    }, //
};

/// Every record, body and payload starts at a multiple of this many bytes.
pub const ALIGN: usize = 8;

/// Longest body of any record, in bytes.
pub const BODY_MAX: usize = 1024;

/// Longest payload of a metadata record, in bytes.
pub const PAYLOAD_MAX: usize = 16 << 20;

structure! {
    /// Start of every record.
    pub struct RecordHeader {
        /// A [`Kind`] number.
        pub kind: U16,
        /// Version of the kind; 0 so far. A reader refuses a version that it does not know.
        pub version: U16,
        /// Bytes of the body that follows; a multiple of 8.
        pub body_len: U32,
        /// Bytes of the payload that follows the body; padded with zeros to a multiple of 8.
        pub payload_len: U64,
    }
}

/// Bytes of a [`RecordHeader`].
pub const RECORD_HEADER_LEN: usize = size_of::<RecordHeader>();

/// What is wrong with an image, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset of the record, in bytes from the start of the image.
    pub at: u64,
    /// Number of the record's kind, 0 for header, trailer and framing.
    pub kind: u16,
    /// What is wrong.
    pub why: &'static str,
}

impl Fault {
    /// Returns a fault of the framing at `at`.
    pub const fn framing(at: u64, why: &'static str) -> Self {
        Self { at, kind: 0, why }
    }

    /// Returns the name of the record's kind.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            0 => "framing",
            n => Kind::from_number(n).map_or("unknown", |k| k.name()),
        }
    }
}

/// Reference to an object of the image: a non-zero number, unique in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjRef(core::num::NonZeroU32);

impl ObjRef {
    /// Returns the reference with number `n`; `None` for 0.
    pub fn new(n: u32) -> Option<Self> {
        core::num::NonZeroU32::new(n).map(Self)
    }

    /// Returns the number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// Returns the number of an optional reference, 0 for none.
pub fn ref_number(r: Option<ObjRef>) -> u32 {
    r.map_or(0, ObjRef::get)
}

/// A record's body: fixed layout, no padding, little-endian.
pub trait Body: Defined + FromBytes + IntoBytes + Immutable {
    /// Kind of the records with this body.
    const KIND: Kind;

    /// Number of this kind.
    const NUMBER: u16;

    /// Name of this kind for messages.
    const TEXT: &'static str;

    /// Bytes of the first published layout; a shorter body is refused.
    const LEN_MIN: usize;
}

/// Checks what the format promises of a body.
pub(super) const fn assert_layout<T: Body>() {
    assert!(size_of::<T>() % ALIGN == 0 && size_of::<T>() <= BODY_MAX);
    // Those of older writers are shorter.
    assert!(size_of::<T>() >= T::LEN_MIN && T::LEN_MIN % ALIGN == 0);
}

/// A record in memory: its kind, body bytes and payload.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    /// Offset in the image, for messages.
    pub at: u64,
    /// The kind.
    pub kind: Kind,
    /// The body's bytes, as written.
    pub body: &'a [u8],
    /// The payload without its padding.
    pub payload: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Returns a fault of this record.
    pub fn fault(&self, why: &'static str) -> Fault {
        Fault {
            at: self.at,
            kind: self.kind.number(),
            why,
        }
    }

    /// Reads the body as a `T`, whatever version of it was written.
    pub fn body<T: Body>(&self) -> Result<T, Fault> {
        if self.kind != T::KIND {
            return Err(self.fault("is not of the kind expected here"));
        }
        if self.body.len() < T::LEN_MIN {
            return Err(self.fault("body too short"));
        }
        let mut t = T::new_zeroed();
        let n = core::cmp::min(self.body.len(), size_of::<T>());
        match (t.as_mut_bytes().get_mut(..n), self.body.get(..n)) {
            (Some(to), Some(from)) => to.copy_from_slice(from),
            _ => return Err(self.fault("body too short")),
        }
        if self.body.get(n..).unwrap_or(&[]).iter().any(|&b| b != 0) {
            return Err(self.fault("body has fields that this version does not know"));
        }
        Ok(t)
    }

    /// Reads the payload as consecutive `T`s, at most `max` of them.
    pub fn array<T: FromBytes + Immutable + zerocopy::KnownLayout + zerocopy::Unaligned>(
        &self,
        max: usize,
    ) -> Result<&'a [T], Fault> {
        let n = self.payload.len() / size_of::<T>();
        if n > max {
            return Err(self.fault("too many elements"));
        }
        <[T]>::ref_from_bytes(self.payload).map_err(|_| self.fault("payload of wrong length"))
    }

    /// Reads the payload as a path: not empty, no NUL, at most 4095 bytes.
    pub fn path(&self) -> Result<&'a [u8], Fault> {
        if self.payload.is_empty() || self.payload.len() > 4095 {
            return Err(self.fault("path empty or too long"));
        }
        if self.payload.contains(&0) {
            return Err(self.fault("path with a NUL byte"));
        }
        Ok(self.payload)
    }
}

/// Returns `n` rounded up to [`ALIGN`].
pub fn align_up(n: usize) -> Option<usize> {
    n.checked_next_multiple_of(ALIGN)
}

/// Parses the record at the start of `bytes`, which lies `at` bytes into the image.
///
/// Returns the record and the bytes that it takes.
pub fn parse(bytes: &[u8], at: u64) -> Result<(Raw<'_>, usize), Fault> {
    let bad = |why| Fault::framing(at, why);
    let (header, rest) =
        RecordHeader::read_from_prefix(bytes).map_err(|_| bad("record header cut short"))?;
    let number = header.kind.get();
    let kind = Kind::from_number(number).ok_or(Fault {
        at,
        kind: number,
        why: "unknown kind of record",
    })?;
    let fault = |why| Fault {
        at,
        kind: number,
        why,
    };
    if header.version.get() != 0 {
        return Err(fault("unknown version of the record"));
    }
    let body_len = header.body_len.get() as usize;
    if body_len > BODY_MAX || body_len % ALIGN != 0 {
        return Err(fault("body of impossible length"));
    }
    let payload_len =
        usize::try_from(header.payload_len.get()).map_err(|_| fault("payload too long"))?;
    if payload_len > PAYLOAD_MAX {
        return Err(fault("payload too long"));
    }
    let padded = align_up(payload_len).ok_or(fault("payload too long"))?;
    let (body, rest) = rest
        .split_at_checked(body_len)
        .ok_or(fault("body cut short"))?;
    let stored = rest.get(..padded).ok_or(fault("payload cut short"))?;
    let (payload, padding) = stored
        .split_at_checked(payload_len)
        .ok_or(fault("payload cut short"))?;
    if padding.iter().any(|&b| b != 0) {
        return Err(fault("padding is not zero"));
    }
    let len = RECORD_HEADER_LEN
        .checked_add(body_len)
        .and_then(|n| n.checked_add(padded))
        .ok_or(fault("payload too long"))?;
    Ok((
        Raw {
            at,
            kind,
            body,
            payload,
        },
        len,
    ))
}

/// What is asked now and then by what takes long: is it to go on? The kernel does nothing more for
/// a caller that was killed.
pub type GoOn<'a> = &'a dyn Fn() -> bool;

/// Goes on, always.
pub fn always() -> bool {
    true
}

/// Records after which it is asked whether to go on.
const ASK_RECORDS: u32 = 1024;

/// Iterator over the records of a buffer.
///
/// Ends after the first fault.
pub struct Records<'a> {
    rest: &'a [u8],
    at: u64,
    go_on: GoOn<'a>,
    /// Records until it is asked.
    left: u32,
}

impl<'a> Records<'a> {
    /// Returns the records in `bytes`, which lie `at` bytes into the image.
    pub fn new(bytes: &'a [u8], at: u64) -> Self {
        Self::asking(bytes, at, &always)
    }

    /// Makes the same; where `go_on` says no, there is a fault.
    pub fn asking(bytes: &'a [u8], at: u64, go_on: GoOn<'a>) -> Self {
        Self {
            rest: bytes,
            at,
            go_on,
            left: ASK_RECORDS,
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Raw<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None if (self.go_on)() => ASK_RECORDS,
            None => {
                self.rest = &[];
                return Some(Err(Fault::framing(self.at, "reading was interrupted")));
            }
        };
        match parse(self.rest, self.at) {
            Ok((raw, len)) => {
                self.rest = self.rest.get(len..).unwrap_or(&[]);
                self.at = self.at.saturating_add(len as u64);
                Some(Ok(raw))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(fault))
            }
        }
    }
}

/// Returns the header of a record with body `T` and a payload of `payload_len` bytes.
pub fn header_of<T: Body>(payload_len: usize) -> RecordHeader {
    RecordHeader {
        kind: U16::new(T::KIND.number()),
        version: U16::new(0),
        body_len: U32::new(size_of::<T>() as u32),
        payload_len: U64::new(payload_len as u64),
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_image)]
mod tests {
    use super::*;
    use crate::image::{
        files::Path,
        task::TASK_FLAGS, //
    };
    use kernel::prelude::*;

    /// Bytes of the body of a path record.
    const PATH: u32 = size_of::<Path>() as u32;

    /// Returns a path record, as bytes.
    fn record(body_len: u32, payload: &[u8]) -> Result<KVec<u8>> {
        let header = RecordHeader {
            kind: U16::new(Kind::Path.number()),
            version: U16::new(0),
            body_len: U32::new(body_len),
            payload_len: U64::new(payload.len() as u64),
        };
        let mut bytes = KVec::new();
        bytes.extend_from_slice(header.as_bytes(), GFP_KERNEL)?;
        bytes.extend_from_slice(&[7, 0, 0, 0], GFP_KERNEL)?;
        bytes.resize(RECORD_HEADER_LEN + body_len as usize, 0, GFP_KERNEL)?;
        bytes.extend_from_slice(payload, GFP_KERNEL)?;
        let padded = align_up(bytes.len()).ok_or(EINVAL)?;
        bytes.resize(padded, 0, GFP_KERNEL)?;
        Ok(bytes)
    }

    #[test]
    fn round_trip() -> Result {
        let bytes = record(PATH, b"/home")?;
        let (raw, len) = parse(&bytes, 192).map_err(|_| EINVAL)?;
        assert_eq!(len, bytes.len());
        assert_eq!(raw.at, 192);
        assert!(raw.kind == Kind::Path);
        assert_eq!(raw.body::<Path>().map_err(|_| EINVAL)?.obj.get(), 7);
        assert!(raw.path().is_ok_and(|p| p == b"/home"));
        Ok(())
    }

    #[test]
    fn longer_body() -> Result {
        let mut bytes = record(PATH + 8, b"/")?;
        assert!(parse(&bytes, 0).is_ok_and(|(raw, _)| raw.body::<Path>().is_ok()));
        if let Some(unknown) = bytes.get_mut(RECORD_HEADER_LEN + PATH as usize) {
            *unknown = 1;
        }
        assert!(parse(&bytes, 0).is_ok_and(|(raw, _)| raw.body::<Path>().is_err()));
        Ok(())
    }

    #[test]
    fn truncations() -> Result {
        let bytes = record(PATH, b"/home")?;
        for len in 0..bytes.len() {
            assert!(parse(bytes.get(..len).unwrap_or(&[]), 0).is_err());
        }
        Ok(())
    }

    #[test]
    fn padding() -> Result {
        let mut bytes = record(PATH, b"/home")?;
        if let Some(last) = bytes.last_mut() {
            *last = 1;
        }
        assert!(parse(&bytes, 0).is_err_and(|f| f.why == "padding is not zero"));
        Ok(())
    }

    #[test]
    fn kinds() {
        for &kind in Kind::ALL {
            assert!(Kind::from_number(kind.number()) == Some(kind));
        }
        assert!(Kind::from_number(0).is_none());
        assert_eq!(TASK_FLAGS & (TASK_FLAGS + 1), 0);
    }
}
