// SPDX-License-Identifier: GPL-2.0

//! Each check of locks, owners and leases of files has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample,
    TO_THE_END, //
};

/// Changes the first lock of the `nth` record of locks: 0, of an open file; 1, of a table.
fn edit(s: &mut Sample, nth: usize, f: impl FnOnce(&mut Lock)) {
    use zerocopy::{
        FromBytes,
        IntoBytes, //
    };
    let payload = s.payload(Kind::Locks, nth);
    let (first, _) = payload.split_at_mut(size_of::<Lock>());
    let mut lock = Lock::read_from_bytes(first).expect("the sample has locks");
    f(&mut lock);
    first.copy_from_slice(lock.as_bytes());
}

#[test]
fn locks() {
    refused(&[
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Locks| l.reserved.set(1))
        }),
        (
            "does not follow the descriptor table or open file that owns it",
            |s| s.edit(0, |l: &mut Locks| l.owner.set(obj::EXE)),
        ),
        (
            "does not follow the descriptor table or open file that owns it",
            |s| s.edit(1, |l: &mut Locks| l.owner.set(obj::UNLINKED)),
        ),
        ("no locks", |s| s.payload(Kind::Locks, 0).clear()),
        ("payload of wrong length", |s| {
            s.payload(Kind::Locks, 0).push(0)
        }),
        ("neither 0 nor 1", |s| edit(s, 0, |l| l.exclusive.set(2))),
        ("impossible range of a lock", |s| {
            edit(s, 0, |l| l.start.set(200))
        }),
        ("impossible range of a lock", |s| {
            edit(s, 1, |l| l.end.set(TO_THE_END + 1))
        }),
        ("was taken by no process of the image", |s| {
            edit(s, 0, |l| l.pid.set(2))
        }),
        ("was taken by no process of the image", |s| {
            edit(s, 1, |l| l.pid.set(7))
        }),
        ("not a lock that a descriptor table can own", |s| {
            edit(s, 1, |l| l.kind.set(LOCK_OFD))
        }),
        ("not a lock that a descriptor table can own", |s| {
            edit(s, 1, |l| l.fd.set(FDS_MAX as u32))
        }),
        ("reserved or unused field is not zero", |s| {
            edit(s, 0, |l| l.fd.set(1))
        }),
        ("not a lock that an open file can own", |s| {
            edit(s, 0, |l| l.kind.set(LOCK_POSIX))
        }),
        ("not a lock that an open file can own", |s| {
            edit(s, 0, |l| l.kind.set(0))
        }),
        ("flock(2) of a range", |s| {
            edit(s, 0, |l| l.kind.set(LOCK_FLOCK))
        }),
        ("the open file is not open for what the lock wants", |s| {
            edit(s, 0, |l| l.exclusive.set(1))
        }),
        ("the open file is not open for what the lock wants", |s| {
            s.edit(2, |f: &mut OpenFile| f.flags.set(open::READ | open::PATH))
        }),
    ]);
    accepted(&[
        |s| edit(s, 0, |l| l.pid.set(0)),
        |s| edit(s, 1, |l| l.exclusive.set(1)),
        |s| edit(s, 0, |l| l.end.set(100)),
    ]);
}

/// Doubles the first record of this kind, with those after it up to the first of `last`.
fn again(s: &mut Sample, kind: Kind, last: Kind) {
    let (from, to) = (s.position(kind, 0), s.position(last, 0));
    let double: Vec<_> = s.records[from..=to].to_vec();
    s.records.splice(from..from, double);
}

/// What belongs to an open file comes once, and in one order: who reads it looks at no other.
#[test]
fn once() {
    refused(&[
        ("is there twice, or out of order", |s| {
            again(s, Kind::FileOwner, Kind::FileOwner)
        }),
        ("is there twice, or out of order", |s| {
            again(s, Kind::Lease, Kind::Lease)
        }),
        ("is there twice, or out of order", |s| {
            again(s, Kind::Locks, Kind::FileOwner)
        }),
        ("is there twice, or out of order", |s| {
            again(s, Kind::FileOwner, Kind::Lease)
        }),
    ]);
    accepted(&[|s| again(s, Kind::Locks, Kind::Locks)]);
}

#[test]
fn owners() {
    refused(&[
        ("does not follow the open file that it belongs to", |s| {
            s.edit(0, |o: &mut FileOwner| o.file.set(obj::EXE))
        }),
        ("unknown kind of owner", |s| {
            s.edit(0, |o: &mut FileOwner| o.kind.set(0))
        }),
        ("unknown kind of owner", |s| {
            s.edit(0, |o: &mut FileOwner| o.kind.set(OWNER_GROUP + 1))
        }),
        ("signals go to nobody in the image", |s| {
            s.edit(0, |o: &mut FileOwner| o.pid.set(99))
        }),
        ("signals go to nobody in the image", |s| {
            s.edit(0, |o: &mut FileOwner| o.kind.set(OWNER_PROCESS))
        }),
        ("impossible signal number", |s| {
            s.edit(0, |o: &mut FileOwner| o.signal.set(65))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |o: &mut FileOwner| o.user[1].set(u32::MAX))
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |o: &mut FileOwner| o.signals.set(2))
        }),
        ("descriptor too large", |s| {
            s.edit(0, |o: &mut FileOwner| o.fd.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |o: &mut FileOwner| o.signals.set(0))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::FileOwner, 0).push(1)
        }),
    ]);
    accepted(&[
        |s| s.edit(0, |o: &mut FileOwner| o.pid.set(0)),
        |s| {
            s.edit(0, |o: &mut FileOwner| {
                o.kind.set(OWNER_THREAD);
                o.pid.set(2);
            })
        },
    ]);
}

#[test]
fn leases() {
    refused(&[
        ("does not follow the open file that it belongs to", |s| {
            s.edit(0, |l: &mut Lease| l.file.set(obj::TABLE))
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |l: &mut Lease| l.delegation.set(2))
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |l: &mut Lease| l.exclusive.set(2))
        }),
        ("was taken by no process of the image", |s| {
            s.edit(0, |l: &mut Lease| l.pid.set(2))
        }),
        ("descriptor too large", |s| {
            s.edit(0, |l: &mut Lease| l.fd.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Lease| l.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Lease| l.unused.set(1))
        }),
        ("unknown flag", |s| {
            s.edit(0, |l: &mut Lease| l.broken.set(4))
        }),
        ("a lease for reading that is to become one", |s| {
            s.edit(0, |l: &mut Lease| {
                l.exclusive.set(0);
                l.broken.set(LEASE_DOWNGRADE);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Lease| l.downgrade.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Lease| l.unlock.set(LEASE_ENDLESS))
        }),
        ("a lease that is to be given up too late", |s| {
            s.edit(0, |l: &mut Lease| {
                l.broken.set(LEASE_UNLOCK);
                l.unlock.set(LEASE_LIMIT + 1);
            })
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::Lease, 0).push(1)
        }),
    ]);
    accepted(&[|s| {
        s.edit(0, |l: &mut Lease| {
            l.delegation.set(1);
            l.exclusive.set(1);
            l.broken.set(LEASE_DOWNGRADE | LEASE_UNLOCK);
            l.downgrade.set(LEASE_LIMIT);
            l.unlock.set(LEASE_ENDLESS);
        })
    }]);
}
