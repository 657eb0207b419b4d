// SPDX-License-Identifier: GPL-2.0

//! Tun and tap devices in network namespaces.
//!
//! Such a device is made by who opens /dev/net/tun, and its carrier goes when that is closed; but what
//! is in a namespace stands on it before there is a task. So it is made with files of its own, which
//! become those of the tasks when they open theirs (`files/tun.rs`), and are closed after that: then one
//! without files has gone unless it is persistent, as always.

use kernel::{
    prelude::*,
    str::BStr, //
};

use super::{
    compare::{
        name_of,
        Member, //
    },
    spaces,
    Space, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::{
        net::tun::{
            TunDevice,
            TunSlot,
            TUN_QUEUES_MAX, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        net::{
            namespace::NetNs,
            tun::{
                Device,
                State,
                TunFile, //
            }, //
        },
        time::wait, //
    }, //
};

/// The queues of a device that was made.
struct Queues {
    /// Number of the device.
    device: u32,
    files: KVVec<TunFile>,
}

/// The queues of the devices of a namespace, sorted by the numbers of these.
pub(super) struct Tuns(KVVec<Queues>);

impl Tuns {
    /// Returns none.
    pub(super) fn none() -> Self {
        Self(KVVec::new())
    }

    /// Returns the queue with this number of the device with that one.
    pub(super) fn find(&self, device: u32, number: u32) -> Option<TunFile> {
        let at = self.0.binary_search_by_key(&device, |queues| queues.device);
        let queues = self.0.get(at.ok()?)?;
        queues.files.get(usize::try_from(number).ok()?).cloned()
    }
}

/// Returns the devices of a namespace, read.
pub(super) fn of(ns: &NetNs) -> Result<KVVec<Device>> {
    let mut all = KVVec::new();
    let mut from = Some(0);
    while let Some(device) = from.map_or(Ok(None), |from| ns.tun(from))? {
        wait::go_on()?;
        from = device.record.index.get().checked_add(1);
        all.push(device, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Returns the slots of the queues of a device.
fn slots(device: &Device) -> Result<KVVec<TunSlot>> {
    let mut slots = KVVec::new();
    for &(_, flags) in &device.queues {
        slots.push(
            TunSlot {
                flags: flags.into(),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    Ok(slots)
}

/// Makes `devices`, which are those of a namespace of the tasks, in `fresh`; returns what keeps them
/// there. `None`: one can't be made, which was refused.
pub(super) fn make(
    cap: &mut Capture,
    member: &Member<'_>,
    devices: &[Device],
    fresh: &NetNs,
) -> Result<Option<KVVec<TunFile>>> {
    let mut kept = KVVec::new();
    for device in devices {
        wait::go_on()?;
        let name = name_of(&device.record.name);
        if let Some(wrong) = device.wrong {
            member.refuse(cap, fmt!("the device {} {}", name, wrong));
            return Ok(None);
        }
        match fresh.make_tun(&device.record, &slots(device)?) {
            Ok(files) => {
                for file in files {
                    kept.push(file, GFP_KERNEL_ACCOUNT)?;
                }
            }
            Err(e) if e == EINTR || e == ENOMEM => return Err(e),
            Err(_) => {
                member.refuse(
                    cap,
                    fmt!(
                        "the device {} of kind tun, which the caller can't make so (IFF_NAPI_FRAGS takes \
                         CAP_NET_ADMIN, each a cgroup that may use /dev/net/tun)",
                        name
                    ),
                );
                return Ok(None);
            }
        }
    }
    Ok(Some(kept))
}

/// Notes that a task has the queue open that is known by `addr`.
pub(crate) fn note_queue(cap: &mut Capture, addr: usize) -> Result {
    Ok(cap.found.ns.tun_queues.push(addr, GFP_KERNEL_ACCOUNT)?)
}

/// Returns whether the queue that `state` was read of is where it was when its device was read.
pub(crate) fn is_in_place(cap: &Capture, state: &State) -> bool {
    if state.dev_net == 0 {
        // `check_open` has left those that had a device.
        return cap.found.ns.tun_queues.binary_search(&state.queue).is_err();
    }
    let Some(space) = cap.objects.get::<Space>(state.dev_net) else {
        return false;
    };
    let Some(devices) = space.contents.as_ref().map(|contents| &contents.tuns) else {
        return false;
    };
    // They were listed by their numbers.
    let at = devices.binary_search_by_key(&state.device, |device| device.record.index.get());
    at.ok()
        .and_then(|at| devices.get(at))
        .zip(usize::try_from(state.number).ok())
        .and_then(|(device, number)| device.queues.get(number))
        .is_some_and(|&(queue, _)| queue == state.queue)
}

/// Refuses devices with a queue that no task has open; leaves the queues of all devices, sorted. All files
/// were collected.
pub(super) fn check_open(cap: &mut Capture) -> Result {
    let mut open = core::mem::replace(&mut cap.found.ns.tun_queues, KVVec::new());
    open.sort_unstable();
    let mut attached = KVVec::new();
    for space in spaces(cap)? {
        let Some(contents) = space.contents.as_ref() else {
            continue;
        };
        for device in &contents.tuns {
            wait::go_on()?;
            for &(queue, _) in &device.queues {
                attached.push(queue, GFP_KERNEL_ACCOUNT)?;
            }
            let mut queues = device.queues.iter();
            if queues.all(|(queue, _)| open.binary_search(queue).is_ok()) {
                continue;
            }
            cap.report.refuse(
                EBUSY,
                &space.who,
                fmt!(
                    "its network namespace has the device {}, of which a task outside has a queue open, or \
                     that was left out: close that, or checkpoint what has it as well",
                    name_of(&device.record.name)
                ),
            );
        }
    }
    attached.sort_unstable();
    cap.found.ns.tun_queues = attached;
    Ok(())
}

/// Writes the devices of the namespace with reference `net`.
pub(super) fn save(cap: &mut Capture, net: ObjRef, devices: &[Device]) -> Result {
    for device in devices {
        wait::go_on()?;
        let mut record = device.record;
        record.net = net.get().into();
        let slots = slots(device)?;
        cap.meta
            .put(&record, zerocopy::IntoBytes::as_bytes(slots.as_slice()))?;
    }
    Ok(())
}

/// Makes the devices of the image in `all`, new namespaces with the references `nets`, which are sorted:
/// before all that may stand on one. Returns the queues of each of these.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    all: &[NetNs],
    nets: &[ObjRef],
) -> Result<KVVec<Tuns>> {
    let mut made = KVVec::new();
    for _ in nets {
        made.push(Tuns::none(), GFP_KERNEL_ACCOUNT)?;
    }
    for raw in r.links() {
        // Each namespace goes through the links of all.
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind != Kind::TunDevice {
            continue;
        }
        let record: TunDevice = raw.body().map_err(|fault| r.fault(fault))?;
        let Ok(at) = nets.binary_search_by_key(&record.net.get(), |net| net.get()) else {
            continue;
        };
        let (Some(ns), Some(made)) = (all.get(at), made.get_mut(at)) else {
            return Err(EINVAL);
        };
        let slots: &[TunSlot] = raw.array(TUN_QUEUES_MAX).map_err(|fault| r.fault(fault))?;
        let files = ns.make_tun(&record, slots).map_err(|e| {
            let why = match e {
                EPERM => ": CAP_NET_ADMIN is needed, and a cgroup that may use /dev/net/tun",
                EEXIST => ": there is another one with its name or number",
                EOPNOTSUPP => ": the kernel has no such devices built in (CONFIG_TUN=y)",
                _ => "",
            };
            r.fail(
                e,
                plan,
                fmt!(
                    "its network namespace does not take the device {} that was in it{}",
                    BStr::from_bytes(record.name.split(|&c| c == 0).next().unwrap_or(&[])),
                    why
                ),
            )
        })?;
        let device = record.index.get();
        made.0.push(Queues { device, files }, GFP_KERNEL_ACCOUNT)?;
    }
    for tuns in &mut made {
        tuns.0.sort_unstable_by_key(|queues| queues.device);
    }
    Ok(made)
}
