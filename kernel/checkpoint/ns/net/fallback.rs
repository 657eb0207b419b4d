// SPDX-License-Identifier: GPL-2.0

//! Devices that each new network namespace has but the loopback device: drivers of tunnels make one, which
//! takes what no other tunnel takes (`tunl0`, `sit0`, `gre0`), unless `net.core.fb_tunnels_only_for_init_net`
//! says otherwise.
//!
//! They can't be made, and can't have other numbers than they get. So a new namespace must have the same
//! ones, at a checkpoint (`compare.rs`) and at a restart, where the drivers may be others.

use kernel::{
    prelude::*,
    str::BStr, //
};

use super::{
    rebuild::{
        copy,
        devices, //
    },
    tables::LINKS, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::{
        ns::NetFallback,
        Kind,
        ObjRef, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// Such a device: its number and its name.
pub(super) type Fallback = (u32, KVVec<u8>);

/// Returns those of `fresh`, to which nothing was done yet. The loopback device has no kind.
pub(super) fn of(fresh: &NetNs) -> Result<KVVec<Fallback>> {
    let list = LINKS.of(fresh)?;
    let mut all = KVVec::new();
    for device in &devices(&list)? {
        if !device.kind()?.is_empty() {
            let name = copy(device.name()?)?;
            all.push((device.index(), name), GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(all)
}

/// Writes those of the namespace with reference `net`.
pub(super) fn save(cap: &mut Capture, net: ObjRef, all: &[Fallback]) -> Result {
    for (index, name) in all {
        wait::go_on()?;
        let record = NetFallback {
            net: net.get().into(),
            index: (*index).into(),
        };
        cap.meta.put(&record, name)?;
    }
    Ok(())
}

/// Compares those of `all`, new namespaces with the references `nets`, which are sorted, with those of the
/// image. EINVAL: they differ, which is told.
pub(super) fn check(r: &Restore, plan: &TaskRecords<'_>, all: &[NetNs], nets: &[ObjRef]) -> Result {
    let mut own: KVVec<KVVec<Fallback>> = KVVec::new();
    for ns in all {
        own.push(of(ns)?, GFP_KERNEL_ACCOUNT)?;
    }
    for raw in r.links() {
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind != Kind::NetFallback {
            continue;
        }
        let record: NetFallback = raw.body().map_err(|fault| r.fault(fault))?;
        let at = nets.binary_search_by_key(&record.net.get(), |net| net.get());
        let Some(own) = at.ok().and_then(|at| own.get_mut(at)) else {
            continue;
        };
        let index = record.index.get();
        let found = own
            .iter()
            .position(|(number, name)| *number == index && **name == *raw.payload);
        let Some(found) = found else {
            return Err(r.fail(
                EINVAL,
                plan,
                fmt!(
                    "its network namespace had the device {} with the number {}, which new ones here don't \
                     have so: load the same drivers of tunnels, in the same order, and set \
                     net.core.fb_tunnels_only_for_init_net as it was",
                    BStr::from_bytes(raw.payload),
                    index
                ),
            ));
        };
        own.remove(found).map_err(|_| EINVAL)?;
    }
    if let Some((_, name)) = own.iter().flatten().next() {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "new network namespaces here have the device {}, which its own had not: set \
                 net.core.fb_tunnels_only_for_init_net to 1, or unload that driver of tunnels",
                BStr::from_bytes(name)
            ),
        ));
    }
    Ok(())
}
