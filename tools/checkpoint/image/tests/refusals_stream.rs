// SPDX-License-Identifier: GPL-2.0

//! Each check of the header, extents and the trailer has a case that fails without it.

mod sample;

use checkpoint_image::{
    image::{
        check::{
            sealed,
            Descriptor, //
        },
        contents::*,
        header::*,
        kinds::Kind,
        mm::*,
        record::*, //
    },
    xxh64, //
};
use sample::{
    accepted,
    header_for,
    obj,
    put,
    refused,
    seal_header,
    shared,
    verify,
    Sample,
    PAGE, //
};
use zerocopy::{
    FromBytes,
    IntoBytes, //
};

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
        (
            "image of format version 2, which is not read any more",
            |h| h.version.set(2),
        ),
        ("image of a format version that is not known", |h| {
            h.version.set(0)
        }),
        ("image of a format version that is not known", |h| {
            h.version.set(4)
        }),
        ("header of wrong length", |h| h.header_len.set(200)),
        (
            "image with incompatible features that this version does not know",
            |h| h.incompat.set(2),
        ),
        ("image whose tasks were killed, and were not", |h| {
            h.compat.set(COMPAT_ALL)
        }),
        ("reserved header field is not zero", |h| h.reserved.set(1)),
        ("reserved header field is not zero", |h| h.reserved2[23] = 1),
        ("image of an unknown architecture", |h| h.arch.set(9)),
        ("impossible page size", |h| h.page_size.set(5000)),
        ("impossible page size", |h| h.page_size.set(1 << 20)),
        ("impossible length of metadata", |h| h.meta_len.set(0)),
        ("impossible length of metadata", |h| {
            h.meta_len.set((1 << 31) - (1 << 20) + 8)
        }),
        ("impossible length of metadata", |h| h.meta_len.set(7)),
        ("the image is cut short", |h| h.meta_len.set(1 << 29)),
        ("parent image that is not named, or that is none", |h| {
            h.incompat.set(INCOMPAT_PARENT)
        }),
        ("parent image that is not named, or that is none", |h| {
            h.generation.set(1)
        }),
        ("parent image that is not named, or that is none", |h| {
            h.generation.set(1);
            h.parent_id.set(1)
        }),
        ("parent image that is not named, or that is none", |h| {
            h.parent_boot.set(1)
        }),
        ("belongs to another image", |h| h.id.set(77)),
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
    s.extents[1].extent.kind.set(EXTENT_TAGGED);
    s.extents[1].tags = vec![0x5a; PAGE as usize / TAGGED_BYTES];
}

/// Leaves out the shared extent.
fn unshare(s: &mut Sample) {
    s.extents.remove(2);
    s.breaks = vec![2];
}

/// Makes it an image with a parent, from which its third page is.
fn with_parent(s: &mut Sample) {
    s.header = |h| {
        h.incompat.set(INCOMPAT_PARENT);
        h.generation.set(1);
        h.parent_id.set(7);
        h.parent_boot.set(77);
    };
    let page = &mut s.extents[1];
    page.extent.kind.set(EXTENT_PARENT);
    page.extent.source.set(obj::MM);
    page.extent.from.set(0x13000);
    page.pages.clear();
}

#[test]
fn metadata() {
    let good = Sample::small().bytes();
    let end = HEADER_LEN + Sample::small().meta().len();
    let why = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut image = good.clone();
        change(&mut image);
        verify(&image).unwrap_err().why
    };
    assert_eq!(
        why(&|i| i[end - 1] ^= 1),
        "checksum of the metadata is wrong"
    );
    assert_eq!(
        why(&|i| i[end + RECORD_HEADER_LEN] ^= 1),
        "checksum of the checksums is wrong"
    );
    assert_eq!(
        why(&|i| i.truncate(end + RECORD_HEADER_LEN)),
        "the image is cut short"
    );
    // A header of the same length, and the rest of another image.
    let mut other = Sample::small();
    other.header = |h| h.id.set(77);
    assert_eq!(
        why(&|i| i[..HEADER_LEN].copy_from_slice(&other.bytes()[..HEADER_LEN])),
        "belongs to another image"
    );
}

#[test]
fn extents() {
    refused(&[
        ("no pages or too many", |s| s.extents[0].extent.pages.set(0)),
        ("no pages or too many", |s| {
            s.extents[0].extent.pages.set(4097)
        }),
        ("number of pages is not as announced", |s| {
            unshare(s);
            s.extents[0].extent.pages.set(1)
        }),
        ("address is not page-aligned", |s| {
            s.extents[0].extent.addr.set(0x10001)
        }),
        ("address out of range", |s| {
            s.extents[0].extent.addr.set(u64::MAX - PAGE + 1)
        }),
        ("unknown kind of extent", |s| {
            s.extents[0].extent.kind.set(5)
        }),
        ("number of pages is not as announced", |s| {
            s.edit(2, |v: &mut Vma| v.flags.set(vma::MTE));
            s.extents[1].extent.kind.set(EXTENT_TAGGED)
        }),
        ("number of pages is not as announced", |s| {
            with_tags(s);
            s.extents[1].extent.kind.set(EXTENT_MM)
        }),
        ("outside of what can have contents", |s| {
            with_tags(s);
            s.edit(2, |v: &mut Vma| v.flags.set(0))
        }),
        ("refers to no such address space or inode", |s| {
            with_tags(s);
            s.extents[1].extent.obj.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].extent.obj.set(0)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].extent.obj.set(99)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].extent.obj.set(obj::INODE)
        }),
        ("extents of an object overlap or are out of order", |s| {
            s.extents.swap(0, 1)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].extent.addr.set(0x11000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].extent.addr.set(0x16000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].extent.addr.set(0x20000)
        }),
        // A guard region, and what reaches into it.
        ("outside of what can have contents", |s| {
            s.extents[1].extent.addr.set(0x15000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].extent.addr.set(0x14000);
            s.extents[1].extent.pages.set(2);
            s.extents[1].pages.resize(2 * PAGE as usize, 0);
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].extent.addr.set(0xf000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[3].extent.addr.set(PAGE)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].extent.obj.set(obj::MM2)
        }),
        ("refers to pages elsewhere, and has its own", |s| {
            s.extents[0].extent.source.set(obj::MM)
        }),
        ("refers to pages elsewhere, and has its own", |s| {
            s.extents[0].extent.from.set(PAGE)
        }),
        ("extents of an object are not in one row", |s| {
            let more = s.extents[3].clone();
            unshare(s);
            s.extents.insert(0, more);
        }),
    ]);
    // An extent may reach over mappings that touch, and several may lie in one.
    accepted(&[
        with_tags,
        |s| s.extents.clear(),
        unshare,
        // Batch by batch, and all in one.
        |s| s.breaks = vec![1, 2, 3],
        |s| s.breaks.clear(),
        |s| {
            unshare(s);
            s.extents[1].extent.addr.set(0x14000);
        },
        |s| {
            unshare(s);
            s.edit(0, |g: &mut Guards| g.regions.set(0));
            s.payload(Kind::Guards, 0).clear();
            s.extents[1].extent.addr.set(0x15000);
        },
        |s| {
            let mut more = s.extents[1].clone();
            more.extent.addr.set(0x14000);
            s.extents[2] = more;
        },
    ]);
}

#[test]
fn parent() {
    refused(&[
        (
            "pages of a parent image, which this one does not have",
            |s| {
                with_parent(s);
                s.header = |_| ();
            },
        ),
        (
            "pages of a parent image, which this one does not have",
            |s| {
                with_parent(s);
                s.extents[1].extent.source.set(0);
            },
        ),
        ("address is not page-aligned", |s| {
            with_parent(s);
            s.extents[1].extent.from.set(1);
        }),
        ("number of pages is not as announced", |s| {
            with_parent(s);
            s.extents[1].pages.resize(PAGE as usize, 0);
        }),
    ]);
    accepted(&[
        with_parent,
        |s| {
            with_parent(s);
            // Contents of an inode.
            s.extents.swap(1, 3);
            s.extents[3].extent.obj.set(obj::INODE);
            s.extents[3].extent.addr.set(0);
            s.extents.swap(1, 2);
            s.extents.remove(2);
            s.breaks.clear();
        },
        // The parent is known, and not needed.
        |s| {
            s.header = |h| {
                h.generation.set(1);
                h.parent_id.set(7);
                h.parent_boot.set(77);
            }
        },
    ]);
}

#[test]
fn shared_extents() {
    refused(&[
        ("no pages or too many", |s| s.extents[2].extent.pages.set(0)),
        ("no pages or too many", |s| {
            s.extents[2].extent.pages.set(4097)
        }),
        ("address is not page-aligned", |s| {
            s.extents[2].extent.addr.set(0x14001)
        }),
        ("address is not page-aligned", |s| {
            s.extents[2].extent.from.set(0x11001)
        }),
        ("address out of range", |s| {
            s.extents[2].extent.addr.set(u64::MAX - PAGE + 1)
        }),
        ("address out of range", |s| {
            s.extents[2].extent.from.set(u64::MAX - PAGE + 1)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[2].extent.obj.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[2].extent.source.set(obj::INODE)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[2].extent.source.set(99)
        }),
        // No contents there; those of the other address space; more than there were; too early.
        ("its contents have not come before", |s| {
            s.extents[2].extent.from.set(0x12000)
        }),
        ("its contents have not come before", |s| {
            s.extents[2].extent.source.set(obj::MM2)
        }),
        ("its contents have not come before", |s| {
            s.extents[2].extent.pages.set(2)
        }),
        ("its contents have not come before", |s| {
            s.extents.swap(0, 2)
        }),
        // What is shared itself is no source.
        ("its contents have not come before", |s| {
            s.extents[2].extent.addr.set(0x13000);
            s.extents[1] = shared(obj::MM, 0x14000, obj::MM, 0x13000);
            s.extents.swap(1, 2);
        }),
        ("extents of an object overlap or are out of order", |s| {
            s.extents[2].extent.addr.set(0x13000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[2].extent.addr.set(0x15000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[2].extent.addr.set(0x16000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[2].extent.obj.set(obj::MM2)
        }),
    ]);
    accepted(&[
        |s| s.extents[2].extent.from.set(0x10000),
        // Extents that follow each other are one source.
        |s| {
            let page = PAGE as usize;
            let mut more = s.extents[0].clone();
            s.extents[0].extent.pages.set(1);
            s.extents[0].pages.truncate(page);
            more.extent.pages.set(1);
            more.extent.addr.set(0x11000);
            more.pages.truncate(page);
            s.extents[1] = more;
            s.extents[2].extent.addr.set(0x13000);
            s.extents[2].extent.pages.set(2);
            s.extents[2].extent.from.set(0x10000);
        },
    ]);
}

#[test]
fn one_row() {
    // MM, MM2, MM again.
    refused(&[("extents of an object are not in one row", |s| {
        second_space(s, 2);
        let mut more = s.extents[1].clone();
        more.extent.obj.set(obj::MM2);
        more.extent.addr.set(0x30000);
        s.extents.insert(1, more);
    })]);
    accepted(&[|s| {
        second_space(s, 2);
        s.extents.push(shared(obj::MM2, 0x30000, obj::MM, 0x11000));
        s.extents.push(shared(obj::MM2, 0x31000, obj::MM, 0x10000));
    }]);
}

/// Gives the second address space a mapping of so many pages.
fn second_space(s: &mut Sample, pages: u64) {
    s.edit(1, |m: &mut Mm| m.vmas.set(1));
    let mut mapping = s.records[s.position(Kind::Vma, 1)].clone();
    mapping.payload.clear();
    let place = s.position(Kind::Mm, 1) + 1;
    s.records.insert(place, mapping);
    s.edit(6, |v: &mut Vma| {
        v.start.set(0x30000);
        v.end.set(0x30000 + pages * PAGE);
    });
}

#[test]
fn batches() {
    refused(&[
        ("extents were left out or exchanged", |s| {
            s.batch = |b| b.number.set(7)
        }),
        ("does not lie where it says", |s| s.batch = |b| b.at.set(8)),
        ("belongs to another image", |s| {
            s.batch = |b| b.header.set(1)
        }),
        ("reserved field is not zero", |s| {
            s.batch = |b| b.reserved.set(1)
        }),
        ("no extents or too many, or too many pages", |s| {
            s.batch = |b| b.extents.set(0)
        }),
        ("no extents or too many, or too many pages", |s| {
            s.batch = |b| b.extents.set(u32::MAX)
        }),
        ("no extents or too many, or too many pages", |s| {
            s.batch = |b| b.pages.set(1025)
        }),
        ("no extents or too many, or too many pages", |s| {
            s.batch = |b| b.tagged.set(u32::MAX)
        }),
        ("payload of wrong length", |s| {
            s.batch = |b| b.extents.set(1)
        }),
        ("payload of wrong length", |s| s.batch = |b| b.tagged.set(1)),
        ("payload of wrong length", |s| s.batch = |b| b.pages.set(0)),
    ]);
    // What follows is found by the number of pages.
    let mut sample = Sample::small();
    sample.batch = |b| b.pages.set(b.pages.get() - 1);
    assert!(verify(&sample.bytes()).is_err());
}

/// Pages lie at multiples of their size, and nothing but zeros before them.
#[test]
fn alignment() {
    let sample = Sample::small();
    let image = sample.bytes();
    let page = PAGE as usize;
    let all: Vec<&[u8]> = image.chunks(page).collect();
    for own in sample.extents.iter().flat_map(|e| e.pages.chunks(page)) {
        assert!(all.contains(&own));
    }
    let last = all
        .iter()
        .position(|p| *p == &sample.extents[0].pages[..page]);
    let before = last.unwrap() * page - 1;
    let mut image = image.clone();
    assert_eq!(image[before], 0);
    image[before] = 1;
    assert_eq!(verify(&image).unwrap_err().why, "padding is not zero");
    let mut image = sample.bytes();
    image[before + 1] ^= 1;
    let fault = verify(&image).unwrap_err();
    assert_eq!(
        (fault.why, fault.at),
        ("checksum of the pages is wrong", before as u64 + 1)
    );
}

#[test]
fn index() {
    refused(&[
        (
            "blocks were left out or exchanged, or one is not full",
            |s| s.block = |i| i.number.set(1),
        ),
        ("does not lie where it says", |s| s.block = |i| i.at.set(8)),
        ("belongs to another image", |s| {
            s.block = |i| i.header.set(1)
        }),
        ("reserved field is not zero", |s| {
            s.block = |i| i.reserved.set(1)
        }),
        ("reserved field is not zero", |s| {
            s.block = |i| i.reserved2[1].set(1)
        }),
        ("entries are out of order", |s| {
            s.entries = |all| all.reverse()
        }),
        ("entries are out of order", |s| {
            s.entries = |all| all.push(all[all.len() - 1])
        }),
        ("extents are not where the index says", |s| {
            s.entries = |all| all.truncate(1)
        }),
        ("extents are not where the index says", |s| {
            s.entries = |all| all[0].at.set(8)
        }),
        ("extents are not where the index says", |s| {
            s.entries = |all| all[0].end.set(0x20000)
        }),
        ("extents are not where the index says", |s| {
            s.entries = |all| all[1].batch.set(7)
        }),
    ]);
    // A reader may do without.
    accepted(&[|s| s.entries = Vec::clear]);
}

/// The batch of the page at `addr` of `obj`, as a reader finds it that reads few blocks of a long
/// image: each is believed for its own checksum, and for that of the header.
fn look_up(image: &[u8], obj: u32, addr: u64) -> Option<(u64, usize)> {
    let header = Header::read_from_prefix(image).ok()?.0;
    let trailer = Trailer::read_from_suffix(image).ok()?.1;
    let block = |n: usize| {
        let start = trailer.index_at.get() as usize + n * INDEX_LEN;
        let (raw, _) = parse(image.get(start..)?, start as u64).ok()?;
        let index: Index = raw.body().ok()?;
        let right = sealed(xxh64, index.as_bytes(), &[raw.payload]) == index.sum.get();
        assert!(right && index.header == header.sum && index.at.get() == start as u64);
        Some(<[IndexEntry]>::ref_from_bytes(raw.payload).ok()?.to_vec())
    };
    let (mut low, mut high, mut reads) = (0, trailer.blocks.get() as usize, 0);
    while low < high {
        let middle = (low + high) / 2;
        let entries = block(middle)?;
        reads += 1;
        if entries.first()?.key() > (obj, addr) {
            high = middle;
        } else if entries.last().map(|e| (e.obj.get(), e.end.get()))? <= (obj, addr) {
            low = middle + 1;
        } else {
            let found = entries
                .iter()
                .find(|e| e.obj.get() == obj && e.start.get() <= addr && addr < e.end.get())?;
            return Some((found.at.get(), reads));
        }
    }
    None
}

#[test]
fn index_is_searched() {
    const PAGES: u64 = 1000;
    let mut sample = Sample::small();
    second_space(&mut sample, 2 * PAGES);
    for n in 0..PAGES {
        let mut page = sample.extents[1].clone();
        page.extent.obj.set(obj::MM2);
        page.extent.addr.set(0x30000 + 2 * n * PAGE);
        page.pages.fill(n as u8);
        sample.extents.push(page);
    }
    sample.breaks = (0..sample.extents.len()).collect();
    let image = sample.bytes();
    assert_eq!(verify(&image), Ok(()));
    for n in [0, 1, 77, 500, PAGES - 1] {
        let addr = 0x30000 + 2 * n * PAGE;
        let (at, reads) = look_up(&image, obj::MM2, addr).expect("it is there");
        assert!(reads <= 4, "{reads} blocks were read");
        // What is in a batch is known without what comes before.
        let len = (at + 1).next_multiple_of(PAGE) - at;
        let record = &image[at as usize..(at + len) as usize];
        let batch = Descriptor::parse(record, at, PAGE as u32).expect("it is one");
        assert_eq!(batch.extents[0].addr.get(), addr);
        assert_eq!(image[batch.pages_at as usize], n as u8);
        assert_eq!(look_up(&image, obj::MM2, addr + PAGE), None);
    }
    assert!(look_up(&image, obj::MM, 0x11000).is_some());
    assert_eq!(look_up(&image, obj::MM, 0x12000), None);
}

/// What is written besides the pages stays within what the format promises.
#[test]
fn size() {
    let mut sample = Sample::small();
    second_space(&mut sample, 2 * 4096);
    let empty = {
        let mut none = sample.clone();
        none.extents.clear();
        none.bytes().len()
    };
    // Many small extents.
    for n in 0..4096 {
        let mut page = sample.extents[1].clone();
        page.extent.obj.set(obj::MM2);
        page.extent.addr.set(0x30000 + 2 * n * PAGE);
        sample.extents.push(page);
    }
    sample.breaks = (0..5).map(|n| n * 1024).collect();
    let image = sample.bytes();
    assert_eq!(verify(&image), Ok(()));
    let unique: usize = sample.extents.iter().map(|e| e.pages.len()).sum();
    let most = unique + unique / 100 + (64 << 10) + empty;
    assert!(image.len() <= most, "{} bytes of {most}", image.len());
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
        ("number of extents or pages is not as announced", |t| {
            t.batches.set(1)
        }),
        ("the index is not where it is announced", |t| {
            t.index_at.set(8)
        }),
        ("the index is not where it is announced", |t| {
            t.blocks.set(0)
        }),
        ("belongs to another image", |t| t.header.set(2)),
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
    let sums = RECORD_HEADER_LEN + size_of::<MetaSums>() + 8;
    let end = HEADER_LEN + sample.meta().len() + sums;
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
    // A batch after the index.
    let trailer = image.len() - RECORD_HEADER_LEN - size_of::<Trailer>();
    let mut other = image[..trailer].to_vec();
    let first = end.next_multiple_of(PAGE as usize);
    other.extend(&image[end..first]);
    other.resize(other.len().next_multiple_of(PAGE as usize), 0);
    assert_eq!(verify(&other).unwrap_err().why, "extents after the index");
    assert_eq!(align_up(1), Some(8));
}
