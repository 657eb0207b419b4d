// SPDX-License-Identifier: GPL-2.0

//! Files and credentials that are registered with io_urings.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use super::{
    ask,
    cannot,
    requests::Places, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Named,
        open::{
            self,
            Open, //
        }, //
    },
    found::Capture,
    image::{
        files::uring::{
            UringFile,
            UringFiles,
            UringPersonalities,
            UringPersonality,
            REGISTERED_MAX, //
        },
        record::Raw,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::{
                Slot,
                Uring, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    task, //
};

/// Notes the personalities of an io_uring that `t` is the first to have; returns their addresses. `None`:
/// refused.
pub(super) fn collect_personalities(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    creds: KVVec<(u32, CredRef)>,
) -> Result<Option<KVVec<usize>>> {
    let mut personalities = KVVec::with_capacity(creds.len(), GFP_KERNEL_ACCOUNT)?;
    for (_, cred) in creds {
        wait::go_on()?;
        task::collect_session(cap, t, &cred)?;
        let special = cred.has_own_keyrings() || cred.has_key_target() || cred.is_confined();
        let addr = match special {
            true => None,
            false => task::collect_cred(cap, cred)?,
        };
        let Some(addr) = addr else {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: the io_uring has a personality with another user namespace, unknown ids, \
                     keyrings of its own, or another confinement: have it unregister that",
                    named
                ),
            );
            return Ok(None);
        };
        personalities.push(addr, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(personalities))
}

/// Writes the files that are registered, and returns what tells of them, and their places.
pub(super) fn save_files(
    cap: &mut Capture,
    open: &Open,
    uring: &Uring,
) -> Result<(KVVec<UringFile>, Places)> {
    let slots = ask(|| uring.files(&open.file))?;
    let mut files = KVVec::with_capacity(slots.len(), GFP_KERNEL_ACCOUNT)?;
    for slot in &slots {
        wait::go_on()?;
        let file = UringFile {
            tag: slot.tag.into(),
            file: open::save(cap, slot.file.addr())?.get().into(),
            index: slot.index.into(),
        };
        files.push(file, GFP_KERNEL_ACCOUNT)?;
    }
    Ok((files, Places::new(&slots)?))
}

/// Writes the credentials that are registered, and returns what tells of them.
pub(super) fn save_personalities(
    cap: &mut Capture,
    open: &Open,
    uring: &Uring,
    collected: &[usize],
) -> Result<KVVec<UringPersonality>> {
    let creds = ask(|| uring.personalities(&open.file))?;
    let mut all = KVVec::with_capacity(creds.len(), GFP_KERNEL_ACCOUNT)?;
    if creds.len() != collected.len() {
        return Err(EBUSY);
    }
    for ((id, _), &addr) in creds.iter().zip(collected.iter()) {
        wait::go_on()?;
        let personality = UringPersonality {
            id: (*id).into(),
            cred: task::save_opener(cap, addr)?.get().into(),
        };
        all.push(personality, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Writes what tells of both.
pub(super) fn put(
    cap: &mut Capture,
    files: &[UringFile],
    personalities: &[UringPersonality],
) -> Result {
    for some in files.chunks(REGISTERED_MAX) {
        let record = UringFiles {
            files: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    for some in personalities.chunks(REGISTERED_MAX) {
        let record = UringPersonalities {
            personalities: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    Ok(())
}

/// Registers the files of a record with the new io_uring `ring`.
pub(super) fn read_files(
    r: &Restore,
    plan: &TaskRecords<'_>,
    raw: &Raw<'_>,
    uring: &Uring,
    ring: &FileRef,
) -> Result {
    let files: &[UringFile] = raw.array(REGISTERED_MAX).map_err(|f| r.fault(f))?;
    for file in files {
        wait::go_on()?;
        let obj = ObjRef::new(file.file.get()).ok_or(EINVAL)?;
        let slot = Slot {
            file: open::restore(r, plan, obj)?,
            tag: file.tag.get(),
            index: file.index.get(),
            node: 0,
        };
        uring
            .add_file(ring, &slot)
            .map_err(|e| cannot(r, plan, e, "a file"))?;
    }
    Ok(())
}

/// Registers the personalities of a record with the new io_uring `ring`.
pub(super) fn read_personalities(
    r: &Restore,
    plan: &TaskRecords<'_>,
    raw: &Raw<'_>,
    uring: &Uring,
    ring: &FileRef,
) -> Result {
    let all: &[UringPersonality] = raw.array(REGISTERED_MAX).map_err(|f| r.fault(f))?;
    for personality in all {
        wait::go_on()?;
        let obj = ObjRef::new(personality.cred.get()).ok_or(EINVAL)?;
        let cred = task::rebuild_cred(r, obj)?.map_err(|d| {
            r.fail(
                d.errno,
                plan,
                fmt!("a personality of an io_uring: {}", d.why),
            )
        })?;
        uring
            .add_personality(ring, personality.id.get(), &cred)
            .map_err(|e| cannot(r, plan, e, "a personality"))?;
    }
    Ok(())
}
