// SPDX-License-Identifier: GPL-2.0

//! Each check of the header, extents and the trailer has a case that fails without it.

mod rows;
mod sample;

use checkpoint_image::image::{
    header::*,
    kinds::Kind,
    mm::*,
    record::align_up, //
};
use sample::{
    accepted,
    header_for,
    obj,
    put,
    refused,
    seal_header,
    verify,
    Sample,
    PAGE, //
};
use zerocopy::IntoBytes;

/// A message, and what brings it about.
type Change<T> = (&'static str, fn(&mut T));

#[test]
fn header() {
    let cases: &[Change<Header>] = &[
        ("not a checkpoint image (wrong magic)", |h| h.magic[0] = 0),
        (
            "image of format version 1, which is not read any more",
            |h| h.version.set(1),
        ),
        ("image of a format version that is not known", |h| {
            h.version.set(0)
        }),
        ("image of a format version that is not known", |h| {
            h.version.set(3)
        }),
        ("header of wrong length", |h| h.header_len.set(200)),
        (
            "image with incompatible features that this version does not know",
            |h| h.incompat.set(1),
        ),
        ("reserved header field is not zero", |h| h.reserved.set(1)),
        ("reserved header field is not zero", |h| h.reserved2[43] = 1),
        ("image of an unknown architecture", |h| h.arch.set(9)),
        ("impossible page size", |h| h.page_size.set(5000)),
        ("impossible page size", |h| h.page_size.set(1 << 20)),
        ("impossible length of metadata", |h| h.meta_len.set(0)),
        ("impossible length of metadata", |h| h.meta_len.set(1 << 31)),
        ("impossible length of metadata", |h| h.meta_len.set(7)),
        ("the image is cut short", |h| h.meta_len.set(1 << 29)),
        ("checksum of the metadata is wrong", |h| h.meta_crc.set(1)),
    ];
    let good = Sample::small().bytes();
    for (why, change) in cases {
        let mut header = header_for(&Sample::small().meta());
        change(&mut header);
        seal_header(&mut header);
        let mut image = good.clone();
        image[..HEADER_LEN].copy_from_slice(header.as_bytes());
        assert_eq!(verify(&image).unwrap_err().why, *why);
    }
    let mut image = good;
    image[100] ^= 1;
    assert_eq!(verify(&image).unwrap_err().why, "header checksum is wrong");
}

/// Gives a mapping memory tags, and the extent that lies in it its own.
fn with_tags(s: &mut Sample) {
    s.edit(2, |v: &mut Vma| v.flags.set(vma::MTE));
    let (extent, bytes) = &mut s.extents[1];
    extent.space.set(EXTENT_TAGGED);
    bytes.extend([0x5a; PAGE as usize / TAGGED_BYTES]);
}

#[test]
fn extents() {
    refused(&[
        ("no pages or too many", |s| s.extents[0].0.pages.set(0)),
        ("no pages or too many", |s| s.extents[0].0.pages.set(1025)),
        ("payload of wrong length", |s| s.extents[0].0.pages.set(1)),
        ("address is not page-aligned", |s| {
            s.extents[0].0.addr.set(0x10001)
        }),
        ("address out of range", |s| {
            s.extents[0].0.addr.set(u64::MAX - PAGE + 1)
        }),
        ("unknown kind of space", |s| s.extents[0].0.space.set(3)),
        ("payload of wrong length", |s| {
            s.edit(2, |v: &mut Vma| v.flags.set(vma::MTE));
            s.extents[1].0.space.set(EXTENT_TAGGED)
        }),
        ("payload of wrong length", |s| {
            with_tags(s);
            s.extents[1].0.space.set(EXTENT_MM)
        }),
        ("outside of what can have contents", |s| {
            with_tags(s);
            s.edit(2, |v: &mut Vma| v.flags.set(0))
        }),
        ("refers to no such address space or inode", |s| {
            with_tags(s);
            s.extents[1].0.obj.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(0)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(99)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(obj::INODE)
        }),
        ("extents of an object overlap or are out of order", |s| {
            s.extents.swap(0, 1)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.addr.set(0x11000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x16000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x20000)
        }),
        // A guard region, and what reaches into it.
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x15000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x14000);
            s.extents[1].0.pages.set(2);
            s.extents[1].1.resize(2 * PAGE as usize, 0);
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.addr.set(0xf000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[2].0.addr.set(PAGE)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.obj.set(obj::MM2)
        }),
        ("reserved field is not zero", |s| {
            s.extents[0].0.reserved.set(1)
        }),
    ]);
    // An extent may reach over mappings that touch, and several may lie in one.
    accepted(&[
        with_tags,
        |s| {
            s.extents.clear();
            s.shared.clear();
        },
        |s| {
            s.extents[1].0.addr.set(0x14000);
            s.shared.clear();
        },
        |s| {
            s.shared.clear();
            s.edit(0, |g: &mut Guards| g.regions.set(0));
            s.payload(Kind::Guards, 0).clear();
            s.extents[1].0.addr.set(0x15000);
        },
        |s| {
            let mut more = s.extents[1].clone();
            more.0.addr.set(0x14000);
            s.shared.clear();
            s.extents.insert(2, more);
        },
    ]);
}

#[test]
fn shared() {
    refused(&[
        ("no pages or too many", |s| s.shared[0].1.pages.set(0)),
        ("no pages or too many", |s| s.shared[0].1.pages.set(1025)),
        ("address is not page-aligned", |s| {
            s.shared[0].1.addr.set(0x14001)
        }),
        ("address is not page-aligned", |s| {
            s.shared[0].1.from.set(0x11001)
        }),
        ("address out of range", |s| {
            s.shared[0].1.addr.set(u64::MAX - PAGE + 1)
        }),
        ("address out of range", |s| {
            s.shared[0].1.from.set(u64::MAX - PAGE + 1)
        }),
        ("reserved field is not zero", |s| {
            s.shared[0].1.reserved.set(1)
        }),
        ("reserved field is not zero", |s| {
            s.shared[0].1.reserved2.set(1)
        }),
        ("refers to no such address space or inode", |s| {
            s.shared[0].1.obj.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.shared[0].1.source.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.shared[0].1.source.set(99)
        }),
        // No contents there; those of the other address space; more than there were; too early.
        ("its contents have not come before", |s| {
            s.shared[0].1.from.set(0x12000)
        }),
        ("its contents have not come before", |s| {
            s.shared[0].1.source.set(obj::MM2)
        }),
        ("its contents have not come before", |s| {
            s.shared[0].1.pages.set(2)
        }),
        ("its contents have not come before", |s| s.shared[0].0 = 0),
        // What is shared itself is no source.
        ("its contents have not come before", |s| {
            let mut more = s.shared[0];
            s.shared[0].1.addr.set(0x13000);
            s.extents.remove(1);
            s.shared[0].0 = 1;
            more.0 = 1;
            more.1.from.set(0x13000);
            s.shared.push(more);
        }),
        ("extents of an object overlap or are out of order", |s| {
            s.shared[0].1.addr.set(0x13000)
        }),
        ("outside of what can have contents", |s| {
            s.shared[0].1.addr.set(0x15000)
        }),
        ("outside of what can have contents", |s| {
            s.shared[0].1.addr.set(0x16000)
        }),
        ("outside of what can have contents", |s| {
            s.shared[0].1.obj.set(obj::MM2)
        }),
    ]);
    accepted(&[
        |s| s.shared[0].1.from.set(0x10000),
        // Extents that follow each other are one source.
        |s| {
            let mut more = s.extents[0].clone();
            s.extents[0].0.pages.set(1);
            s.extents[0].1.truncate(PAGE as usize);
            more.0.pages.set(1);
            more.0.addr.set(0x11000);
            more.1.truncate(PAGE as usize);
            s.extents.insert(1, more);
            s.extents.remove(2);
            s.shared[0].1.addr.set(0x13000);
            s.shared[0].1.pages.set(2);
            s.shared[0].1.from.set(0x10000);
        },
    ]);
}

#[test]
fn one_row() {
    // MM, MM2, MM again.
    refused(&[("extents of an object are not in one row", |s| {
        second_space(s);
        let mut more = s.extents[1].clone();
        more.0.obj.set(obj::MM2);
        more.0.addr.set(0x30000);
        s.extents.insert(1, more);
    })]);
    accepted(&[|s| {
        second_space(s);
        let mut more = s.shared[0];
        more.1.obj.set(obj::MM2);
        more.1.addr.set(0x30000);
        s.shared.push(more);
        more.1.addr.set(0x31000);
        more.1.from.set(0x10000);
        s.shared.push(more);
    }]);
}

/// Gives the second address space a mapping of two pages.
fn second_space(s: &mut Sample) {
    s.edit(1, |m: &mut Mm| m.vmas.set(1));
    let mut mapping = s.records[s.position(Kind::Vma, 1)].clone();
    mapping.payload.clear();
    let place = s.position(Kind::Mm, 1) + 1;
    s.records.insert(place, mapping);
    s.edit(6, |v: &mut Vma| {
        v.start.set(0x30000);
        v.end.set(0x32000);
    });
}

#[test]
fn trailer() {
    let cases: &[Change<Trailer>] = &[
        ("the image has another length than announced", |t| {
            t.total_len.set(8)
        }),
        ("number of extents or pages is not as announced", |t| {
            t.extents.set(2)
        }),
        ("number of extents or pages is not as announced", |t| {
            t.pages.set(2)
        }),
        ("extents were changed, left out or exchanged", |t| {
            t.chain.set(2)
        }),
    ];
    for (why, change) in cases {
        let image = Sample::small().bytes_with(change);
        assert_eq!(verify(&image).unwrap_err().why, *why);
    }
}

#[test]
fn records_after_the_metadata() {
    let sample = Sample::small();
    let image = sample.bytes();
    let end = HEADER_LEN + sample.meta().len();
    let mut other = image[..end].to_vec();
    let cred = &sample.records[3];
    put(&mut other, cred.kind, &cred.body, &cred.payload);
    assert_eq!(
        verify(&other).unwrap_err().why,
        "record of metadata after the metadata"
    );
    let fault = verify(&image[..end]).unwrap_err();
    assert_eq!(
        (fault.why, fault.at),
        ("the image is cut short", end as u64)
    );
    assert_eq!(align_up(1), Some(8));
}

/// Changes one of the rows of a sample.
fn change_row(s: &mut Sample, n: usize, change: impl FnOnce(&mut Row)) {
    let mut rows = s.rows();
    change(&mut rows[n]);
    s.rows = Some(rows);
}

#[test]
fn rows_of_extents() {
    refused(&[
        ("reserved field is not zero", |s| {
            change_row(s, 0, |r| r.reserved.set(1))
        }),
        ("refers to no such address space or inode", |s| {
            change_row(s, 0, |r| r.obj.set(0))
        }),
        ("refers to no such address space or inode", |s| {
            change_row(s, 0, |r| r.obj.set(99))
        }),
        ("refers to no such address space or inode", |s| {
            change_row(s, 0, |r| r.obj.set(obj::TABLE))
        }),
        // An object without extents, another one, another place, another number.
        ("extents are not where their row says", |s| {
            change_row(s, 0, |r| r.obj.set(obj::MM2))
        }),
        ("extents are not where their row says", |s| {
            change_row(s, 0, |r| r.obj.set(obj::INODE))
        }),
        ("extents are not where their row says", |s| {
            change_row(s, 0, |r| r.at.set(8))
        }),
        ("extents are not where their row says", |s| {
            change_row(s, 1, |r| r.at.set(u64::MAX - 7))
        }),
        ("extents are not where their row says", |s| {
            change_row(s, 0, |r| r.extents.set(2))
        }),
        ("row out of order, or of nothing", |s| {
            change_row(s, 0, |r| r.number.set(1))
        }),
        ("row out of order, or of nothing", |s| {
            change_row(s, 1, |r| r.number.set(u32::MAX))
        }),
        ("row out of order, or of nothing", |s| {
            let mut rows = s.rows();
            rows.swap(0, 1);
            rows[0].number.set(0);
            rows[1].number.set(1);
            s.rows = Some(rows);
        }),
        ("row out of order, or of nothing", |s| {
            let mut rows = s.rows();
            rows[1] = rows[0];
            rows[1].number.set(1);
            s.rows = Some(rows);
        }),
        ("row out of order, or of nothing", |s| {
            let mut rows = s.rows();
            rows.push(rows[1]);
            rows[2].number.set(2);
            s.rows = Some(rows);
        }),
        ("row out of order, or of nothing", |s| {
            s.rows = Some(s.rows());
            s.extents.clear();
            s.shared.clear();
        }),
        ("rows of extents are missing", |s| {
            let mut rows = s.rows();
            rows.pop();
            s.rows = Some(rows);
        }),
        ("extents of an object are not in one row", |s| {
            let more = s.extents[2].clone();
            s.shared.clear();
            s.extents.insert(0, more);
        }),
    ]);
    accepted(&[
        // Written before there were rows.
        |s| s.rows = Some(Vec::new()),
        |s| {
            s.shared.clear();
            s.extents.truncate(1);
        },
        |s| {
            s.extents.clear();
            s.shared.clear();
        },
    ]);
}

/// Extents come before the rows; a row has no payload, and its checksum is right.
#[test]
fn records_of_rows() {
    let good = Sample::small().bytes();
    let (row, len) = (good.len() - 96, 48);
    let mut image = good.clone();
    image[row + 20] ^= 1;
    assert_eq!(
        verify(&image).unwrap_err().why,
        "checksum of the row is wrong"
    );
    let mut image = good.clone();
    image[row + 8] = 8;
    assert_eq!(
        verify(&image).unwrap_err().why,
        "payload where none belongs"
    );
    let extents = HEADER_LEN + Sample::small().meta().len();
    let mut image = good[..row].to_vec();
    image.extend(&good[extents..extents + len]);
    assert_eq!(
        verify(&image).unwrap_err().why,
        "extent after the rows of extents"
    );
}

/// Row by row, in any order, is the same as from front to back.
#[test]
fn row_by_row() {
    let mut sample = Sample::small();
    assert_eq!(rows::verify(&sample.bytes()), Some(Ok(())));
    // A second address space shares with the first one.
    second_space(&mut sample);
    let mut more = sample.shared[0];
    more.0 = sample.extents.len();
    more.1.obj.set(obj::MM2);
    more.1.addr.set(0x30000);
    sample.shared.push(more);
    assert_eq!(sample.rows().len(), 3);
    assert_eq!(verify(&sample.bytes()), Ok(()));
    assert_eq!(rows::verify(&sample.bytes()), Some(Ok(())));
    // Not what does not come before.
    type Spoil = fn(&mut Sample);
    let cases: &[Spoil] = &[
        |s| s.shared[0].1.from.set(0x14000),
        |s| s.shared[1].1.source.set(obj::MM2),
        |s| s.shared[1].1.from.set(0x12000),
        |s| {
            // The other way round: the second space first.
            s.shared.swap(0, 1);
            s.shared[0].0 = 0;
        },
    ];
    for (n, spoil) in cases.iter().enumerate() {
        let mut bad = sample.clone();
        spoil(&mut bad);
        let why = "its contents have not come before";
        let image = bad.bytes();
        assert_eq!(verify(&image).unwrap_err().why, why, "case {n}");
        let by_row = rows::verify(&image).expect("it has rows");
        assert_eq!(by_row.unwrap_err().why, why, "case {n}");
    }
    // Without rows there is nothing to read by.
    sample.rows = Some(Vec::new());
    assert_eq!(rows::verify(&sample.bytes()), None);
}

/// Every flip in the rows and the trailer is found by both readers.
#[test]
fn flipped_rows() {
    let sample = Sample::small();
    let mut image = sample.bytes();
    let first = image.len() - 3 * 48;
    for bit in first * 8..image.len() * 8 {
        image[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&image).is_err(), "accepted a flip of bit {bit}");
        if let Some(result) = rows::verify(&image) {
            assert!(result.is_err(), "accepted a flip of bit {bit}");
        }
        image[bit / 8] ^= 1 << (bit % 8);
    }
}
