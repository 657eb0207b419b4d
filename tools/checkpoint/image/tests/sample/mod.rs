// SPDX-License-Identifier: GPL-2.0

//! A small image that has every kind of record, to be spoiled by the tests.

#![allow(dead_code, unused_imports)]

use checkpoint_image::{
    image::{
        contents::*,
        header::*,
        kinds::Kind,
        record::*,
        task::*, //
    },
    mutate::Contents,
    Error,
    File, //
};
use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    FromBytes,
    FromZeros,
    Immutable,
    IntoBytes, //
};

mod bytes;
mod epoll;
pub mod netlink;
mod records;
pub mod sockets;
pub mod tcp;
mod timers;
pub mod uring;

pub use bytes::{
    header_for,
    put,
    seal_header, //
};
pub use records::{
    note,
    shared,
    task, //
};

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// A record, apart from its header.
#[derive(Clone)]
pub struct Rec {
    /// Number of its kind.
    pub kind: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// An image in parts.
#[derive(Clone)]
pub struct Sample {
    /// Architecture, as in the header.
    pub machine: u32,
    /// Records of metadata.
    pub records: Vec<Rec>,
    /// Extents; their checksums are made by [`Self::bytes`].
    pub extents: Vec<Contents>,
    /// Numbers of the extents that begin a new batch.
    pub breaks: Vec<usize>,
    /// Changes the header, before its checksum is made.
    pub header: fn(&mut Header),
    /// Changes each batch, before its checksum is made.
    pub batch: fn(&mut Batch),
    /// Changes what the index has.
    pub entries: fn(&mut Vec<IndexEntry>),
    /// Changes each block of the index, before its checksum is made.
    pub block: fn(&mut Index),
}

/// Last byte of a lock that has no end.
pub const TO_THE_END: u64 = i64::MAX as u64;

/// References of the sample's objects.
pub mod obj {
    pub const PID_NS: u32 = 1;
    pub const UTS: u32 = 2;
    pub const CRED: u32 = 3;
    pub const SIGHAND: u32 = 4;
    pub const EXE: u32 = 5;
    pub const INODE: u32 = 6;
    pub const UNLINKED: u32 = 7;
    pub const PIPE: u32 = 8;
    pub const PIPE_READ: u32 = 9;
    pub const ANON: u32 = 10;
    pub const SHARED: u32 = 11;
    pub const NULL: u32 = 12;
    pub const PATH: u32 = 13;
    pub const FS: u32 = 14;
    pub const TABLE: u32 = 15;
    pub const MM: u32 = 16;
    pub const MM2: u32 = 17;
    pub const DIRECTORY: u32 = 18;
    pub const LAST: u32 = 18;
}

fn u(n: u32) -> U32 {
    U32::new(n)
}

fn l(n: u64) -> U64 {
    U64::new(n)
}

pub fn zeroed<T: FromZeros>(f: impl FnOnce(&mut T)) -> T {
    let mut t = T::new_zeroed();
    f(&mut t);
    t
}

/// A name padded to its field.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut name = [0; N];
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

impl Sample {
    /// The sample, which is valid.
    pub fn small() -> Self {
        Self::of(arch::X86_64)
    }

    /// The sample as an architecture would write it.
    pub fn of(machine: u32) -> Self {
        let mut s = Self {
            machine,
            records: Vec::new(),
            extents: Vec::new(),
            breaks: vec![3],
            header: |_| (),
            batch: |_| (),
            entries: |_| (),
            block: |_| (),
        };
        s.add(
            zeroed(|c: &mut Container| {
                c.flags = l(CONTAINER_WHOLE);
                c.root = u(1);
                c.tasks = u(4);
                c.objects = u(obj::LAST);
            }),
            &[],
        );
        s.confinement();
        s.shared_objects();
        s.files();
        s.memory();
        s.tasks();
        s.extent(obj::MM, EXTENT_MM, 0x10000, 2);
        s.extent(obj::MM, EXTENT_MM, 0x13000, 1);
        s.extents.push(shared(obj::MM, 0x14000, obj::MM, 0x11000));
        s.extent(obj::INODE, EXTENT_INODE, 0, 1);
        s
    }

    /// Appends a record.
    pub fn add<T: Body>(&mut self, body: T, payload: &[u8]) {
        self.records.push(Rec {
            kind: T::KIND.number(),
            body: body.as_bytes().to_vec(),
            payload: payload.to_vec(),
        });
    }

    /// Appends a record of one more object, which `fill` gives the reference that it gets.
    pub fn add_object<T: Body>(&mut self, fill: impl FnOnce(&mut T, u32)) {
        let obj = obj::LAST + 1;
        self.edit(0, |c: &mut Container| c.objects.set(obj));
        self.add(zeroed(|t: &mut T| fill(t, obj)), &[]);
    }

    fn nth(&mut self, kind: Kind, nth: usize) -> &mut Rec {
        self.records
            .iter_mut()
            .filter(|r| r.kind == kind.number())
            .nth(nth)
            .expect("the sample has such a record")
    }

    /// Changes the body of the `nth` record of kind `T`.
    pub fn edit<T: Body>(&mut self, nth: usize, f: impl FnOnce(&mut T)) {
        let record = self.nth(T::KIND, nth);
        let mut body = T::read_from_bytes(&record.body).expect("the body is whole");
        f(&mut body);
        record.body = body.as_bytes().to_vec();
    }

    /// The payload of the `nth` record of this kind.
    pub fn payload(&mut self, kind: Kind, nth: usize) -> &mut Vec<u8> {
        &mut self.nth(kind, nth).payload
    }

    /// Changes the elements of the payload of the first record of this kind.
    pub fn elements<T: FromBytes + IntoBytes + Immutable + Copy>(
        &mut self,
        kind: Kind,
        f: impl FnOnce(&mut Vec<T>),
    ) {
        let payload = self.payload(kind, 0);
        let mut all: Vec<T> = payload
            .chunks_exact(size_of::<T>())
            .map(|bytes| T::read_from_bytes(bytes).expect("the size is right"))
            .collect();
        f(&mut all);
        *payload = all.as_slice().as_bytes().to_vec();
    }

    /// Index of the `nth` record of this kind.
    pub fn position(&self, kind: Kind, nth: usize) -> usize {
        let mut all = (0..self.records.len()).filter(|&n| self.records[n].kind == kind.number());
        all.nth(nth).expect("the sample has such a record")
    }
}

/// Checks a whole image.
pub fn verify(image: &[u8]) -> Result<(), Fault> {
    let fault = |e| match e {
        Error::Fault(fault) => fault,
        Error::Io(e) => panic!("reading from memory failed: {e}"),
    };
    let mut file = File::open(image).map_err(fault)?;
    file.verify(|_, _| ()).map_err(fault)
}

/// A message, and what brings it about.
pub type Case = (&'static str, fn(&mut Sample));

/// As [`accepted`], of what `make` makes.
pub fn accepted_all(make: fn() -> Sample, cases: &[fn(&mut Sample)]) {
    for (n, change) in cases.iter().enumerate() {
        let mut s = make();
        change(&mut s);
        assert_eq!(verify(&s.bytes()), Ok(()), "case {n}");
    }
}

/// As [`refused`], of what `make` makes.
pub fn refused_all(make: fn() -> Sample, cases: &[Case]) {
    for (n, (why, spoil)) in cases.iter().enumerate() {
        let mut s = make();
        spoil(&mut s);
        match verify(&s.bytes()) {
            Err(fault) => assert_eq!(fault.why, *why, "case {n}"),
            Ok(()) => panic!("case {n} accepted: {why}"),
        }
    }
}

/// Spoils the sample in each way, and expects the message.
pub fn refused(cases: &[Case]) {
    refused_all(Sample::small, cases);
}

/// Changes the sample in each way, and expects it to stay valid.
pub fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(Sample::small, cases);
}
