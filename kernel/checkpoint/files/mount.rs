// SPDX-License-Identifier: GPL-2.0

//! Mounts that paths are on.
//!
//! A path of an image is a mount and the path inside it. So far all are on one: the root directory of
//! the caller, from which a lookup crosses what is mounted below it. Mounts come before all else, so that
//! those of whole trees can follow, each after the one that it is mounted on.

use kernel::prelude::*;

use crate::{
    core::{
        objects::Shared,
        restore::Restore, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        mount::{
            Mount as Record,
            MOUNT_CALLER_ROOT, //
        },
        ObjRef, //
    },
    kapi::fs::path::PathRef, //
};

/// A mount, with the directory that paths on it start at.
struct Mount(PathRef);

impl Shared<Found> for Mount {
    fn addr(&self) -> usize {
        self.0.mount_addr()
    }
}

/// Notes the root directory of the caller. To be called before anything has a path.
pub(crate) fn collect(cap: &mut Capture) -> Result {
    let root = cap.found.files.root.clone();
    if cap.objects.count::<Mount>(root.mount_addr())? {
        cap.objects.keep(Mount(root))?;
    }
    Ok(())
}

/// Writes all mounts.
pub(crate) fn save(cap: &mut Capture) -> Result {
    let addr = cap.found.files.root.mount_addr();
    let (obj, Some(_)) = cap.objects.save::<Mount>(addr)? else {
        return Ok(());
    };
    let record = Record {
        obj: obj.get().into(),
        kind: MOUNT_CALLER_ROOT.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Returns the reference of the mount that the paths of the image are on.
pub(super) fn reference(cap: &Capture) -> Result<u32> {
    let addr = cap.found.files.root.mount_addr();
    Ok(cap.objects.reference::<Mount>(addr)?.get())
}

/// Returns the directory from which paths on the mount with reference `mount` are looked up; 0: that
/// of the caller, as in images without mounts.
pub(super) fn start(r: &Restore, mount: u32) -> Result<PathRef> {
    if let Some(obj) = ObjRef::new(mount) {
        let (record, _) = r.object_body::<Record>(obj)?;
        if record.kind.get() != MOUNT_CALLER_ROOT {
            return Err(EINVAL);
        }
    }
    Ok(r.root.clone())
}
