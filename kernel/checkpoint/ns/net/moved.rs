// SPDX-License-Identifier: GPL-2.0

//! Devices that a restart does not make, by the caller's advice: those of the machine above all.
//!
//! At a checkpoint a rule says of one, by its name (`netdev:eth0`), that it is left to the caller. What a
//! restart will tell to it is tried with a dummy that stands in for it. At a restart the caller gives a
//! device for it by the same name, which is moved into the new namespace before anything is made that may
//! stand on it. If the restart fails it is moved back.

use kernel::{
    prelude::*,
    str::BStr,
    sync::SetOnce, //
};

use super::{
    compare::Member,
    contents::Settings,
    device::{
        is_told_to_moved,
        Device, //
    },
    fallback::Fallback,
    message::u32_at,
    outside::name_for_rules,
    rebuild::{
        copy,
        devices, //
    },
    tables::{
        link,
        LINKS, //
    }, //
};
use crate::{
    core::{
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::GivenDevice, //
    },
    found::Capture,
    image::{
        ns::{
            NetMoved,
            MOVED_CARRIER,
            NET_REQUEST_MAKE,
            REQUEST_BORN,
            REQUEST_NEWLINK,
            REQUEST_NEWLINKPROP,
            REQUEST_NUMBERS,
            REQUEST_SETLINK, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            nsfs::NsFile,
            path::PathName, //
        },
        net::{
            moved::MovedDevice,
            namespace::NetNs, //
        },
        time::wait, //
    }, //
};

/// The devices of a namespace that are left to the caller.
pub(super) struct Left {
    /// Their numbers, in order.
    pub(super) indexes: KVVec<u32>,
    /// Their names, and whether each was on and had its carrier.
    told: KVVec<(KVVec<u8>, bool)>,
}

/// Says why `device`, one of `all`, can't be left to the caller. `None`: it can.
fn unmovable(device: &Device<'_>, all: &[Device<'_>]) -> Result<Option<&'static str>> {
    if device.is_immutable()? {
        return Ok(Some("can't be moved"));
    }
    if device.kind()? == b"tun" {
        return Ok(Some("goes with the files that have it open"));
    }
    if !device.is_of_ethernet() {
        return Ok(Some("is none of Ethernet"));
    }
    for port in all {
        wait::go_on()?;
        if port.master()? == device.index() {
            return Ok(Some("has ports"));
        }
    }
    Ok(None)
}

/// Finds the devices of `member` that the caller's rules leave to who restarts it; not those that each new
/// namespace has, which are `fallbacks` and the loopback device. `None`: one can't be, which was refused.
///
/// What devices there are was asked for: see [`NetNs::lead`].
pub(super) fn find(
    cap: &mut Capture,
    member: &Member<'_>,
    fallbacks: &[Fallback],
) -> Result<Option<Left>> {
    let mut left = Left {
        indexes: KVVec::new(),
        told: KVVec::new(),
    };
    if !cap.found.ns.moves_devices() {
        return Ok(Some(left));
    }
    let list = LINKS.of(member.ns)?;
    let all = devices(&list)?;
    for device in &all {
        wait::go_on()?;
        let (index, name) = (device.index(), device.name()?);
        let is_new = device.is_loopback() || fallbacks.iter().any(|(number, _)| *number == index);
        if is_new || !cap.found.ns.is_moved(&name_for_rules(name)?)? {
            continue;
        }
        let shown = BStr::from_bytes(name);
        if let Some(why) = unmovable(device, &all)? {
            member.refuse(
                cap,
                fmt!(
                    "the device {}, which a rule leaves to the caller, but which {}",
                    shown,
                    why
                ),
            );
            return Ok(None);
        }
        cap.report.note(
            &member.who,
            fmt!(
                "the device {} of its network namespace is left to the caller: the restart wants one for it",
                shown
            ),
        );
        left.indexes.push(index, GFP_KERNEL_ACCOUNT)?;
        left.told
            .push((copy(name)?, device.has_carrier()?), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(left))
}

/// Where the settings of IPv6 are that devices have, and the one that depends on whether a device has ARP
/// when it gets there.
const OF_DEVICES: &[u8] = b"net/ipv6/conf/";
const LOOKS: &[u8] = b"/accept_dad";

impl Left {
    /// Returns the settings of `list` without those of these devices that are their own when they get there:
    /// what stands in for one may have another value than what is given for it, so that of the tasks counts.
    pub(super) fn without_own(&self, list: &[u8]) -> Result<KVVec<u8>> {
        let mut rest = KVVec::new();
        for (path, text) in Settings(list) {
            wait::go_on()?;
            let of_device = path.to_bytes().strip_prefix(OF_DEVICES);
            let name = of_device.and_then(|of| of.strip_suffix(LOOKS));
            if name.is_some_and(|name| self.told.iter().any(|(told, _)| **told == *name)) {
                continue;
            }
            rest.extend_from_slice(path.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
            rest.extend_from_slice(text.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(rest)
    }

    /// Makes what stands in for them in `fresh`, a new namespace. False: that can't be had, which was
    /// refused.
    pub(super) fn stand_in(
        &self,
        cap: &mut Capture,
        member: &Member<'_>,
        fresh: &NetNs,
    ) -> Result<bool> {
        for (&index, (name, _)) in self.indexes.iter().zip(&self.told) {
            wait::go_on()?;
            let told = link(member.ns, index)?;
            let found = devices(&told)?;
            // It was moved away meanwhile.
            let device = found.first().ok_or(EAGAIN)?;
            let made = device
                .stand_in()?
                .send(fresh)
                .and_then(|()| fresh.stand_in(index, member.ns))
                .and_then(|()| device.give_carrier()?.send(fresh));
            match made {
                Ok(()) => (),
                Err(e) if e == EINTR || e == ENOMEM => return Err(e),
                Err(_) => {
                    member.refuse(
                        cap,
                        fmt!(
                            "the device {}, which a rule leaves to the caller, but for which no dummy can \
                             stand in (CONFIG_DUMMY)",
                            BStr::from_bytes(name)
                        ),
                    );
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Writes those of the namespace with reference `net`.
pub(super) fn save(cap: &mut Capture, net: ObjRef, left: &Left) -> Result {
    for (index, (name, has_carrier)) in left.indexes.iter().zip(&left.told) {
        wait::go_on()?;
        let flags = if *has_carrier { MOVED_CARRIER } else { 0 };
        let record = NetMoved {
            net: net.get().into(),
            index: (*index).into(),
            flags: flags.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, name)?;
    }
    Ok(())
}

/// Devices of the caller's that were moved into new namespaces. Dropping them gives them back, unless they
/// are to stay.
pub(super) struct Devices {
    moved: KVVec<MovedDevice>,
    /// Nothing of the restart but the last steps can fail: who undoes it gives them back.
    stay: SetOnce<()>,
}

impl Devices {
    /// Returns none yet.
    pub(super) fn none() -> Self {
        Self {
            moved: KVVec::new(),
            stay: SetOnce::new(),
        }
    }

    /// Returns whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }

    /// Gives them back to where they were, the last one first: it may stand on another one. The restart has
    /// failed.
    pub(super) fn give_back(&self) {
        for device in self.moved.iter().rev() {
            device.give_back();
        }
    }

    /// Notes that dropping them leaves them where they are.
    pub(super) fn stay(&self) {
        self.stay.populate(());
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        if self.stay.as_ref().is_none() {
            self.give_back();
        }
    }
}

/// Returns the devices that the image leaves to the caller: of each the reference of its namespace and its
/// number, sorted.
pub(super) fn numbers(r: &Restore) -> Result<KVVec<(u32, u32)>> {
    let mut all = KVVec::new();
    each(r, |record, _| {
        let number = (record.net.get(), record.index.get());
        Ok(all.push(number, GFP_KERNEL_ACCOUNT)?)
    })?;
    all.sort_unstable();
    Ok(all)
}

/// Returns whether a request, which is allowed else, is for a device of `moved`, a namespace's numbers of
/// those that are the caller's, and has more than what these are told: if the restart fails nothing else of
/// them is set back. `moved` are sorted, each after the namespace, which has the reference `net`.
pub(super) fn is_too_much(
    (net, moved): (u32, &[(u32, u32)]),
    (kind, flags): (u32, u32),
    body: &[u8],
) -> Result<bool> {
    let first = moved.partition_point(|&(of, _)| of < net);
    let has_moved = moved.get(first).is_some_and(|&(of, _)| of == net);
    let of_device = matches!(
        kind,
        REQUEST_NEWLINK | REQUEST_SETLINK | REQUEST_NEWLINKPROP | REQUEST_BORN | REQUEST_NUMBERS
    );
    // What is made is not there yet.
    let makes = kind == REQUEST_NEWLINK && flags & NET_REQUEST_MAKE != 0;
    if !has_moved || !of_device || makes {
        return Ok(false);
    }
    let index = u32_at(body, 4).ok_or(EINVAL)?;
    Ok(match moved.binary_search(&(net, index)) {
        Ok(_) => !matches!(kind, REQUEST_NEWLINK | REQUEST_SETLINK) || !is_told_to_moved(body)?,
        // By its name, or that of its group.
        Err(_) => index == 0,
    })
}

/// Calls `f` for each device that the image leaves to the caller, with its name.
fn each(r: &Restore, mut f: impl FnMut(&NetMoved, &[u8]) -> Result) -> Result {
    for raw in r.links() {
        // Each namespace goes through the links of all.
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind == Kind::NetMoved {
            f(&raw.body().map_err(|fault| r.fault(fault))?, raw.payload)?;
        }
    }
    Ok(())
}

/// Returns the namespace that has the device `given`.
fn namespace_of(r: &Restore, plan: &TaskRecords<'_>, given: &GivenDevice) -> Result<NetNs> {
    let Some(file) = &given.ns else {
        return Ok(r.caller_net.clone());
    };
    let ns = NsFile::of(file).and_then(|file| file.net());
    ns.ok_or_else(|| {
        r.fail(
            EBADF,
            plan,
            fmt!(
                "the device {} is to be moved into its network namespace, but descriptor {} of the caller, \
                 where that is, is no network namespace",
                BStr::from_bytes(given.name().to_bytes()),
                given.own_fd
            ),
        )
    })
}

/// Moves the devices that the caller gives into `all`, new namespaces with the references `nets`, which are
/// sorted. They are added to `devices`, also if a later one can't be moved. Returns for each namespace the
/// numbers of those that had a carrier.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    all: &[NetNs],
    nets: &[ObjRef],
    devices: &mut Devices,
) -> Result<KVVec<KVVec<u32>>> {
    let mut carriers: KVVec<KVVec<u32>> = KVVec::new();
    for _ in nets {
        carriers.push(KVVec::new(), GFP_KERNEL_ACCOUNT)?;
    }
    each(r, |record, name| {
        let at = nets.binary_search_by_key(&record.net.get(), |net| net.get());
        let Ok(at) = at else {
            return Ok(());
        };
        let (ns, carriers) = all.get(at).zip(carriers.get_mut(at)).ok_or(EINVAL)?;
        let shown = BStr::from_bytes(name);
        let path = name_for_rules(name)?;
        let mut given = r.policy.changes.devices().iter();
        let Some(given) = given.find(|given| given.is_for(&path)) else {
            return Err(r.fail(
                EINVAL,
                plan,
                fmt!(
                    "the device {} of its network namespace was left to the caller: give one for it \
                     (RESTART_RULE_MOVE, restart --device {}=DEVICE)",
                    shown,
                    shown
                ),
            ));
        };
        let from = namespace_of(r, plan, given)?;
        let own = PathName::new(name)?;
        // Before it is moved: that may fail.
        devices.moved.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let index = record.index.get();
        let moved =
            MovedDevice::new(&from, given.name(), ns, own.as_c_str(), index).map_err(|e| {
                let why = match e {
                    EPERM => ": CAP_NET_ADMIN over both network namespaces is needed",
                    ENODEV => ": there is none with this name",
                    EBUSY => {
                        ": it is on, others stand on it, it has queueing disciplines, hooks or programs of BPF \
                         where it is, or its number is in use there"
                    }
                    EADDRINUSE => ": it has addresses where it is, which it would lose",
                    EINVAL => ": it can't be moved to another network namespace, or that is no name",
                    EOPNOTSUPP => ": it is none of Ethernet",
                    EEXIST => {
                        ": there is one with that name, or with another one of its names, or it has that as \
                         another one"
                    }
                    _ => "",
                };
                r.fail(
                    e,
                    plan,
                    fmt!(
                    "the device {} of the caller can't be moved into its network namespace as {}{}",
                    BStr::from_bytes(given.name().to_bytes()),
                    shown,
                    why
                ),
                )
            })?;
        devices.moved.push(moved, GFP_KERNEL_ACCOUNT)?;
        if record.flags.get() & MOVED_CARRIER != 0 {
            carriers.push(index, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    Ok(carriers)
}

/// Checks that each device that the caller gives is for one that was left to it, of a namespace that is made.
///
/// EBADF: one is not.
pub(super) fn check_rules(r: &Restore) -> Result {
    let all = r.policy.changes.devices();
    if all.is_empty() {
        return Ok(());
    }
    let mut used = KVVec::from_elem(false, all.len(), GFP_KERNEL_ACCOUNT)?;
    each(r, |record, name| {
        // The caller's namespace may have taken the place of that.
        if ObjRef::new(record.net.get()).is_none_or(|net| r.is_built(net)) {
            return Ok(());
        }
        let path = name_for_rules(name)?;
        let mut rules = all.iter().zip(used.iter_mut());
        if let Some((_, used)) = rules.find(|(given, _)| given.is_for(&path)) {
            *used = true;
        }
        Ok(())
    })?;
    let mut rules = all.iter().zip(used.iter());
    match rules.find(|(_, used)| !**used) {
        None => Ok(()),
        Some((given, _)) => Err(r.told(
            EBADF,
            fmt!(
                "the device {} is to take the place of {}: no device with such a name was left to the caller",
                BStr::from_bytes(given.name().to_bytes()),
                BStr::from_bytes(given.pattern())
            ),
        )),
    }
}
