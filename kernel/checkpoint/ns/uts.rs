// SPDX-License-Identifier: GPL-2.0

//! uts namespaces: host name and domain name.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::{
        ns::Uts as UtsRecord,
        record::ObjRef, //
    },
    kapi::{
        ns::proxy::{
            self,
            Uts, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    ns::other, //
};

/// The uts namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "uts namespace",
    collect,
    save,
    ..ThreadOps::NONE
};

/// A rebuilt uts namespace.
struct BuiltUts(Uts);

impl Rebuilt for BuiltUts {}

/// Returns the task's own uts namespace; `None` if it is that of the caller.
fn own(t: &FrozenTask) -> Result<Option<Uts>> {
    let uts = t.namespaces()?.uts;
    let shared = uts.addr() == Uts::of_current().addr();
    Ok((!shared).then_some(uts))
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(uts) = own(t)? else {
        return Ok(());
    };
    if cap.objects.count::<Names>(uts.addr())? {
        let who = t.display(&cap.pid_ns);
        cap.objects.keep(Names { uts, who })?;
    }
    Ok(())
}

/// A uts namespace.
struct Names {
    uts: Uts,
    /// Its first task.
    who: TaskName,
}

/// What starts a container is often in its uts namespace, and waits: so that is only reported. The
/// names that the tasks see are saved, and those outside do without theirs.
impl Shared<Found> for Names {
    fn addr(&self) -> usize {
        self.uts.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        if !cap.whole {
            return Outside::Nothing;
        }
        let addr = self.uts.addr();
        other::shared(cap, addr, self.uts.count(), 0, |proxy| {
            proxy.uts_addr() == addr
        })
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        other::tell(cap, &self.who, "uts namespace", outside)
    }
}

/// Returns the reference of the task's uts namespace in the image; 0 if it is shared with the
/// caller.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match own(t)? {
        Some(uts) => Ok(cap.objects.reference::<Names>(uts.addr())?.get()),
        None => Ok(0),
    }
}

/// Returns the reference of the uts namespace at `addr`; `None`: it is not in the image.
pub(crate) fn reference_at(cap: &Capture, addr: usize) -> Option<ObjRef> {
    cap.objects.reference::<Names>(addr).ok()
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(uts) = own(t)? else {
        return Ok(());
    };
    let (obj, Some(_)) = cap.objects.save::<Names>(uts.addr())? else {
        return Ok(());
    };
    let (nodename, domainname) = uts.names();
    let body = UtsRecord {
        obj: obj.get().into(),
        reserved: 0.into(),
        nodename,
        domainname,
        reserved2: [0; 6],
    };
    cap.meta.put(&body, &[])
}

/// Returns the uts namespace with reference `obj`, which is made when it is first wanted: by a task
/// that is to be in it, or has it open.
pub(crate) fn rebuild(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<Uts> {
    if let Some(uts) = r.with_built(obj, |uts: &BuiltUts| uts.0.clone()) {
        return Ok(uts);
    }
    let (body, _) = r.object_body::<UtsRecord>(obj)?;
    let uts = proxy::make_uts(&body.nodename, &body.domainname).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("can't make its uts namespace (CAP_SYS_ADMIN is needed)"),
        )
    })?;
    r.set_built(obj, BuiltUts(uts.clone()))?;
    Ok(uts)
}

/// Puts the caller's uts namespace in place of that of the root task, whose plan is `plan`: its
/// names stay as they are.
pub(crate) fn give(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    match ObjRef::new(plan.task.uts.get()) {
        Some(obj) => r.set_built(obj, BuiltUts(Uts::of_current())),
        // It is in the caller's in any case.
        None => Ok(()),
    }
}
