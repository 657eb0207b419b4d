// SPDX-License-Identifier: GPL-2.0

//! Registered buffers of io_urings: memory of a program, which the kernel has pinned.
//!
//! They are saved by their addresses, which is right as long as what is pinned is mapped there. They are
//! pinned again when the memory has its contents.

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
            UringBuffer,
            UringBuffers,
            BUFFERS_MAX, //
        },
        record::Raw, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_buffers::{
                Buffer,
                BufferWhy, //
            }, //
        },
        mm::space::MmRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::Space, //
};

/// Looks whether the buffers of `uring` can be saved, which `t` is the first to have. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    file: &FileRef,
    uring: &Uring,
) -> Result<bool> {
    if uring.registered.buffers == 0 {
        return Ok(true);
    }
    let mm = MmRef::of(t).ok_or(ESRCH)?;
    let mut errno = EOPNOTSUPP;
    let why = if mm.addr() != uring.registered.mm {
        "has registered buffers, and was made by another process than this one, or before that has \
         executed its program: have it unregister them"
    } else {
        match ask(|| uring.buffers(file, &mm)) {
            Ok(Ok(_)) => return Ok(true),
            Ok(Err(BufferWhy::Moved)) => {
                "has a registered buffer that is not the memory any more that its process has there: \
                 have it unregister that"
            }
            Ok(Err(BufferWhy::Kernel)) => {
                "has a registered buffer of the kernel: have it unregister that"
            }
            Err(EBUSY) => {
                errno = EBUSY;
                "is in use: try again"
            }
            Err(e) => return Err(e),
        }
    };
    cap.refuse(errno, t, fmt!("{}: the io_uring {}", named, why));
    Ok(false)
}

/// Returns what tells of the buffers of `uring`, which is `open`.
pub(super) fn describe(cap: &Capture, open: &Open, uring: &Uring) -> Result<KVVec<UringBuffer>> {
    let mut all = KVVec::new();
    if uring.registered.buffers == 0 {
        return Ok(all);
    }
    let space = cap.objects.get::<Space>(uring.registered.mm).ok_or(EBUSY)?;
    let Ok(buffers) = ask(|| uring.buffers(&open.file, &space.mm))? else {
        return Err(EBUSY);
    };
    for buffer in &buffers {
        wait::go_on()?;
        let buffer = UringBuffer {
            addr: buffer.addr.into(),
            len: buffer.len.into(),
            tag: buffer.tag.into(),
            index: buffer.index.into(),
            reserved: 0.into(),
        };
        all.push(buffer, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Writes them.
pub(super) fn put(cap: &mut Capture, all: &[UringBuffer]) -> Result {
    for some in all.chunks(BUFFERS_MAX) {
        let record = UringBuffers {
            buffers: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    Ok(())
}

/// Reads a record of some.
pub(super) fn read(r: &Restore, raw: &Raw<'_>, to: &mut KVVec<Buffer>) -> Result {
    let some: &[UringBuffer] = raw.array(BUFFERS_MAX).map_err(|f| r.fault(f))?;
    for buffer in some {
        wait::go_on()?;
        let buffer = Buffer {
            addr: buffer.addr.get(),
            len: buffer.len.get(),
            tag: buffer.tag.get(),
            index: buffer.index.get(),
        };
        to.push(buffer, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Registers `all` with `ring`, which has so many places for them; they are the memory of the task
/// that is `of` in the image.
pub(super) fn register(r: &Restore, ring: &FileRef, slots: u32, of: u32, all: &[Buffer]) -> Result {
    let cannot = |e: Error| {
        let why = match e {
            ENOMEM => "no memory, or more than the caller may lock (RLIMIT_MEMLOCK)",
            EFAULT => "there is no memory that can be written",
            EACCES => "the caller may not register any",
            ESRCH => "the task whose memory it is was killed",
            _ => "the kernel does not take it",
        };
        r.told(
            e,
            fmt!("an io_uring: a buffer can't be registered: {}", why),
        )
    };
    if slots == 0 {
        return Ok(());
    }
    Uring::add_buffer_slots(ring, slots).map_err(cannot)?;
    if all.is_empty() {
        return Ok(());
    }
    let task = r.pid(of).map_err(cannot)?;
    for buffer in all {
        wait::go_on()?;
        Uring::add_buffer(ring, &task, buffer).map_err(cannot)?;
    }
    Ok(())
}
