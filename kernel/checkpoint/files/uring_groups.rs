// SPDX-License-Identifier: GPL-2.0

//! Buffers that are provided to io_urings, from which requests get one when there is something for it.
//!
//! Lists are the kernel's, and so is the memory of rings that are mapped (IOU_PBUF_RING_MMAP), which are
//! saved with what is in them. Another ring is memory of a program, which the kernel has pinned: it is saved by its
//! address, which is right as long as what is pinned is mapped there, and pinned again when the memory
//! has its contents. Requests that wait hold no buffer, and frozen tasks take none.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use super::ask;
use crate::{
    core::restore::Restore,
    files::{
        name::Named,
        open::Open, //
    },
    found::Capture,
    image::{
        files::uring::{
            UringGroup,
            UringProvided,
            PROVIDED_MAX, //
        },
        record::Raw, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_groups::{
                Group,
                GroupKind,
                Provided, //
            }, //
        },
        mm::space::MmRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::Space, //
};

/// Looks whether the buffers that are provided to an io_uring can be saved, which `t` is the first to
/// have; returns the address of the address space whose memory rings of them are. `None`: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    file: &FileRef,
    uring: &Uring,
) -> Result<Option<usize>> {
    if uring.registered.groups == 0 {
        return Ok(Some(0));
    }
    let mm = MmRef::of(t).ok_or(ESRCH)?;
    let (errno, why) = match ask(|| uring.groups(file, &mm)) {
        Ok(Some(_)) => return Ok(Some(mm.addr())),
        Ok(None) => (
            EOPNOTSUPP,
            "has a ring of provided buffers that is not the memory any more that its process has \
             there: have it unregister that",
        ),
        Err(EBUSY) => (EBUSY, "is in use: try again"),
        Err(EINVAL) => (
            EOPNOTSUPP,
            "has more provided buffers than can be saved: have it take some away",
        ),
        Err(e) => return Err(e),
    };
    cap.refuse(errno, t, fmt!("{}: the io_uring {}", named, why));
    Ok(None)
}

/// Returns the groups of `uring`, which is `open`; rings are memory of the address space at `mm`.
pub(super) fn describe(
    cap: &Capture,
    open: &Open,
    uring: &Uring,
    mm: usize,
) -> Result<KVVec<Group>> {
    if uring.registered.groups == 0 {
        return Ok(KVVec::new());
    }
    let space = cap.objects.get::<Space>(mm).ok_or(EBUSY)?;
    ask(|| uring.groups(&open.file, &space.mm))?.ok_or(EBUSY)
}

/// Writes them.
pub(super) fn put(cap: &mut Capture, all: &[Group]) -> Result {
    for group in all {
        wait::go_on()?;
        let mut record = UringGroup {
            addr: 0.into(),
            group: group.group.into(),
            entries: 0.into(),
            head: 0.into(),
            min_left: 0.into(),
            buffers: 0.into(),
            incremental: 0.into(),
        };
        let mut payload: KVVec<u8> = KVVec::new();
        match &group.kind {
            GroupKind::List(list) => {
                record.buffers.set(u32::try_from(list.len())?);
                for buffer in list {
                    let buffer = UringProvided {
                        addr: buffer.addr.into(),
                        len: buffer.len.into(),
                        bid: u32::from(buffer.bid).into(),
                    };
                    payload.extend_from_slice(buffer.as_bytes(), GFP_KERNEL_ACCOUNT)?;
                }
            }
            GroupKind::Ring {
                addr,
                memory,
                entries,
                head,
                min_left,
                incremental,
            } => {
                payload.extend_from_slice(memory, GFP_KERNEL_ACCOUNT)?;
                record.addr.set(*addr);
                record.entries.set(*entries);
                record.head.set(*head);
                record.min_left.set(*min_left);
                record.incremental.set(u32::from(*incremental));
            }
        }
        cap.meta.put(&record, &payload)?;
    }
    Ok(())
}

/// Reads one of `ring`. A ring of buffers in memory of the kernel is made, as that may be mapped.
pub(super) fn read(r: &Restore, raw: &Raw<'_>, ring: &FileRef, to: &mut KVVec<Group>) -> Result {
    wait::go_on()?;
    let from: UringGroup = raw.body().map_err(|f| r.fault(f))?;
    let kind = if from.entries.get() != 0 {
        let mut memory = KVVec::new();
        memory.extend_from_slice(raw.payload, GFP_KERNEL_ACCOUNT)?;
        GroupKind::Ring {
            addr: from.addr.get(),
            memory,
            entries: from.entries.get(),
            head: from.head.get(),
            min_left: from.min_left.get(),
            incremental: from.incremental.get() != 0,
        }
    } else {
        let buffers: &[UringProvided] = raw.array(PROVIDED_MAX).map_err(|f| r.fault(f))?;
        let mut list = KVVec::with_capacity(buffers.len(), GFP_KERNEL_ACCOUNT)?;
        for buffer in buffers {
            let buffer = Provided {
                addr: buffer.addr.get(),
                len: buffer.len.get(),
                bid: u16::try_from(buffer.bid.get())?,
            };
            list.push(buffer, GFP_KERNEL_ACCOUNT)?;
        }
        GroupKind::List(list)
    };
    let group = Group {
        group: from.group.get(),
        kind,
    };
    if from.entries.get() != 0 && from.addr.get() == 0 {
        return Uring::add_group(ring, None, &group).map_err(|e| cannot(r, e));
    }
    Ok(to.push(group, GFP_KERNEL_ACCOUNT)?)
}

/// Tells that buffers can't be provided; returns the error.
fn cannot(r: &Restore, e: Error) -> Error {
    let why = match e {
        ENOMEM => "no memory",
        EFAULT => "there is no memory that can be written",
        EACCES => "the caller may not provide any",
        ESRCH => "the task whose memory they are was killed",
        _ => "the kernel does not take them",
    };
    r.told(e, fmt!("an io_uring: buffers can't be provided: {}", why))
}

/// Provides the buffers of `all` to `ring`; rings are memory of the task that is `of` in the image.
pub(super) fn provide(r: &Restore, ring: &FileRef, of: u32, all: &[Group]) -> Result {
    let cannot = |e: Error| cannot(r, e);
    let task = match of {
        0 => None,
        of => Some(r.pid(of).map_err(cannot)?),
    };
    for group in all {
        wait::go_on()?;
        Uring::add_group(ring, task.as_ref(), group).map_err(cannot)?;
    }
    Ok(())
}
