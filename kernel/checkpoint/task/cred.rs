// SPDX-License-Identifier: GPL-2.0

//! Credentials.

use kernel::prelude::*;
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

use crate::{
    capture::{
        context::{
            no_leaks,
            KindOps, //
        },
        Capture, //
    },
    image::{
        record::ObjRef,
        task::{
            Cred,
            GROUPS_MAX, //
        }, //
    },
    kapi::{
        cred::{
            self,
            CredRef,
            Ids, //
        },
        limits,
        task::FrozenTask, //
    },
    objects::Class,
    restart::{
        context::Built,
        Plan,
        Restore, //
    }, //
};

/// Credentials.
pub(super) const KIND: KindOps = KindOps {
    name: "credentials",
    collect,
    leaks: no_leaks,
    save,
    restore: |_, _| Ok(()),
};

/// Rebuilt credentials.
pub(crate) struct BuiltCred(CredRef);

/// Address of a task's credentials, to look them up.
pub(super) fn addr(t: &FrozenTask) -> Result<usize> {
    Ok(CredRef::of(t)?.addr())
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if t.has_overridden_cred() {
        cap.refuse(
            EBUSY,
            t,
            fmt!("acts with other credentials than its own for a moment"),
        );
    }
    let cred = CredRef::of(t)?;
    let (_, first) = cap.objects.collect(Class::Cred, cred.addr())?;
    if !first {
        return Ok(());
    }
    if !cred.is_in_current_user_ns() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("is in another user namespace than the caller"),
        );
    } else if cred.ids().is_err() || cred.groups().is_err() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("has ids that the caller's user namespace does not map"),
        );
    } else if t.is_live() && t.has_foreign_exec_ns() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("runs a program of another user namespace than the caller's"),
        );
    }
    if cred.has_keyrings() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("has a thread, process or session keyring of its own"),
        );
    }
    if cred.has_key_target() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("has chosen a keyring for the keys that it requests (keyctl)"),
        );
    }
    cap.task.creds.push(cred, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let cred = CredRef::of(t)?;
    let (obj, first) = cap.objects.save(Class::Cred, cred.addr())?;
    if !first {
        return Ok(());
    }
    let ids = cred.ids()?;
    let mut groups: KVVec<U32> = KVVec::new();
    for &group in &cred.groups()? {
        groups.push(group.into(), GFP_KERNEL_ACCOUNT)?;
    }
    let body = Cred {
        obj: obj.get().into(),
        securebits: ids.securebits.into(),
        uid: ids.uid.map(Into::into),
        gid: ids.gid.map(Into::into),
        inheritable: ids.inheritable.into(),
        permitted: ids.permitted.into(),
        effective: ids.effective.into(),
        bounding: ids.bounding.into(),
        ambient: ids.ambient.into(),
    };
    cap.meta.put(&body, groups.as_bytes())
}

/// Switches the current task to its credentials; what depends on them comes after.
///
/// Every process comes here with the credentials of the caller of restart(2), so what the first
/// user of an object was allowed, all are.
pub(super) fn finish(r: &Restore, plan: &Plan<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return Ok(());
    };
    let built = r.with_built(obj, |built| match built {
        Built::Cred(cred) => Some(cred.0.clone()),
        _ => None,
    });
    if let Some(cred) = built.flatten() {
        cred.share();
    } else {
        let (body, raw) = r.object_body::<Cred>(obj)?;
        let numbers: &[U32] = raw.array(GROUPS_MAX).map_err(|f| r.fault(f))?;
        let mut groups = KVVec::new();
        for number in numbers {
            groups.push(number.get(), GFP_KERNEL_ACCOUNT)?;
        }
        let ids = Ids {
            uid: body.uid.map(|id| id.get()),
            gid: body.gid.map(|id| id.get()),
            securebits: body.securebits.get(),
            inheritable: body.inheritable.get(),
            permitted: body.permitted.get(),
            effective: body.effective.get(),
            bounding: body.bounding.get(),
            ambient: body.ambient.get(),
        };
        cred::switch(&ids, &groups)
            .map_err(|d| r.fail(d.errno, plan, fmt!("credentials: {}", d.why)))?;
        r.set_built(obj, Built::Cred(BuiltCred(CredRef::current()?)))?;
    }
    dumpable(r, plan)
}

/// Sets the dumpability, which a change of credentials takes away.
fn dumpable(r: &Restore, plan: &Plan<'_>) -> Result {
    if plan.task.mm.get() == 0 {
        return Ok(());
    }
    let process = plan.process().map_err(|f| r.fault(f))?;
    limits::set_dumpable(process.dumpable.get())
        .map_err(|e| r.fail(e, plan, fmt!("impossible dumpability")))
}
