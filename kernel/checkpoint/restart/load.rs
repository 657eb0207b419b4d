// SPDX-License-Identifier: GPL-2.0

//! Reading an image's header and metadata, and checking them before anything is made.

use kernel::{
    num::casts::usize_as_u64,
    prelude::*, //
};

use crate::{
    arch::Native,
    core::report::{
        Errno,
        Report, //
    },
    image::{
        check::{
            self,
            Object,
            Pid, //
        },
        header::{
            Header,
            Reader,
            HEADER_LEN,
            MAGIC, //
        },
        task::Container,
        Fault, //
    },
    kapi::{
        arch::Arch,
        fs::io,
        mm::held::Held,
        time::wait, //
    },
    restart::source::{
        self,
        Source, //
    }, //
};

/// Bytes of metadata that are read, and so allocated, at a time: an image that lies about its
/// length costs no more than it has.
const CHUNK: usize = 1 << 20;

/// Bytes that are needed for an object besides its metadata: here, and in what finds it again.
const OBJECT_BYTES: usize = size_of::<Object>() + size_of::<u32>();

/// The checked metadata of an image.
pub(crate) struct Loaded {
    /// The header.
    pub(crate) header: Header,
    /// What was checkpointed.
    pub(crate) container: Container,
    /// The metadata.
    pub(crate) meta: KVVec<u8>,
    /// The objects, by reference number less one.
    pub(crate) objects: KVVec<Object>,
    /// Counts metadata and objects as memory of the caller.
    pub(crate) _held: Held,
}

/// Reports a fault of the image, unless the caller was killed; the error to return.
fn fault(report: &mut Report, fault: Fault) -> Error {
    match wait::check_killed() {
        Err(e) => e,
        Ok(()) => report.fault(fault),
    }
}

/// Reports that the image could not be read, from about its byte `at` on.
fn unreadable(report: &mut Report, at: u64, e: Error) -> Error {
    report.line(fmt!(
        "error: the image can't be read beyond byte {}: {} [{}]",
        at,
        source::why(e),
        Errno(e)
    ));
    e
}

/// Reads and checks header and metadata.
///
/// EINVAL: something is wrong with the image, and `report` tells what and where.
pub(crate) fn load(source: &mut Source, report: &mut Report) -> Result<Loaded> {
    let mut bytes = [0u8; HEADER_LEN];
    if !source
        .read_exact(&mut bytes)
        .map_err(|e| unreadable(report, 0, e))?
    {
        let why = if bytes.starts_with(&MAGIC) {
            "the image ends in its header"
        } else {
            "not a checkpoint image (shorter than a header)"
        };
        return Err(fault(report, Fault::framing(0, why)));
    }
    let reader = Reader {
        arch: Some(Native::ID),
        page_size: Some(u32::try_from(kernel::page::PAGE_SIZE)?),
        parent: false,
    };
    let header = check::header(io::xxh64, &bytes, &reader).map_err(|f| fault(report, f))?;
    let mut held = Held::new();
    let meta = read_meta(source, &header, report, &mut held)?;
    let at = usize_as_u64(HEADER_LEN);
    let counts = check::counts(&meta, at, &wait::goes_on).map_err(|f| fault(report, f))?;
    held.add(counts.objects.saturating_mul(OBJECT_BYTES));
    let mut objects = KVVec::from_elem(Object::default(), counts.objects, GFP_KERNEL_ACCOUNT)?;
    let mut pids = KVVec::from_elem(Pid::default(), counts.pids, GFP_KERNEL_ACCOUNT)?;
    check::metadata(&meta, at, &header, &mut objects, &mut pids, &wait::goes_on)
        .map_err(|f| fault(report, f))?;
    let container = check::container(&meta, at).map_err(|f| fault(report, f))?;
    Ok(Loaded {
        header,
        container,
        meta,
        objects,
        _held: held,
    })
}

/// Reads the metadata and checks its checksums.
fn read_meta(
    source: &mut Source,
    header: &Header,
    report: &mut Report,
    held: &mut Held,
) -> Result<KVVec<u8>> {
    let len = usize::try_from(header.meta_len.get())?;
    let mut meta: KVVec<u8> = KVVec::new();
    while meta.len() < len {
        let old = meta.len();
        let n = core::cmp::min(CHUNK, len - old);
        if meta.capacity() - old < n {
            // A vector that grows by itself doubles: this one ends with the metadata.
            let room = meta.capacity().saturating_mul(2).clamp(old + n, len);
            held.set(meta.capacity().saturating_add(room));
            let mut larger = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
            for some in meta.chunks(CHUNK) {
                wait::go_on()?;
                larger.extend_from_slice(some, GFP_KERNEL_ACCOUNT)?;
            }
            meta = larger;
        }
        meta.resize(old + n, 0u8, GFP_KERNEL_ACCOUNT)?;
        held.set(meta.capacity());
        let part = meta.get_mut(old..).ok_or(EINVAL)?;
        let at = usize_as_u64(HEADER_LEN + old);
        if !source
            .read_exact(part)
            .map_err(|e| unreadable(report, at, e))?
        {
            return Err(fault(
                report,
                Fault::framing(at, "the image ends in its metadata"),
            ));
        }
    }
    // Not more than the metadata has brought.
    let mut sums = KVVec::from_elem(0u8, usize::try_from(header.sums_len())?, GFP_KERNEL_ACCOUNT)?;
    let at = header.meta_end();
    if !source
        .read_exact(&mut sums)
        .map_err(|e| unreadable(report, at, e))?
    {
        return Err(fault(
            report,
            Fault::framing(at, "the image ends in the checksums of its metadata"),
        ));
    }
    check::meta_sums(io::xxh64, &sums, &meta, header, &wait::goes_on)
        .map_err(|f| fault(report, f))?;
    Ok(meta)
}
