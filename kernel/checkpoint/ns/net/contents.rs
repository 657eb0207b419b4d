// SPDX-License-Identifier: GPL-2.0

//! What is in a network namespace.
//!
//! A checkpoint makes a new namespace, does to it what a restart will do, and compares it with that of
//! the tasks. What differs then can't be restored, and is refused by name.

use kernel::{
    prelude::*,
    str::{
        BStr,
        CStr, //
    }, //
};

use super::{
    dump,
    rebuild::{
        Rebuild,
        Steps, //
    },
    request::{
        self,
        Request, //
    }, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::{
        ns::{
            NetNs as Record,
            NETNS_LO_UP,
            NETNS_LO_WAS_UP,
            SETTINGS_MAX, //
        },
        ObjRef, //
    },
    kapi::{
        net::namespace::{
            Left,
            Loopback,
            NetNs, //
        },
        ns::proxy,
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// How often settings are gone through: some change others.
const ROUNDS: usize = 2;

/// How often a setting is tried, a millisecond apart, that can't be written at a moment.
const TRIES: usize = 1000;

/// What is in a namespace, as far as it is not in a new one.
pub(super) struct Contents {
    /// State of its loopback device.
    lo: Loopback,
    /// Settings: of each its path below /proc/sys, and its text, each with a NUL.
    pub(super) settings: KVVec<u8>,
    /// How many.
    count: u32,
    /// What makes its devices, addresses, routes, rules and neighbours.
    pub(super) requests: KVVec<Request>,
}

impl Contents {
    /// Fills what the record has of it.
    pub(super) fn fill(&self, record: &mut Record) {
        let mut flags = 0;
        if self.lo.up {
            flags |= NETNS_LO_UP;
        }
        if self.lo.was_up {
            flags |= NETNS_LO_WAS_UP;
        }
        record.flags = flags.into();
        record.lo_mtu = self.lo.mtu.into();
        record.settings = self.count.into();
    }
}

/// A setting: path and text.
type Setting<'a> = (&'a CStr, &'a CStr);

/// Goes through a list of settings.
pub(super) struct Settings<'a>(pub(super) &'a [u8]);

impl<'a> Settings<'a> {
    fn string(&mut self) -> Option<&'a CStr> {
        let text = CStr::from_bytes_until_nul(self.0).ok()?;
        self.0 = self.0.get(text.to_bytes_with_nul().len()..)?;
        Some(text)
    }
}

impl<'a> Iterator for Settings<'a> {
    type Item = Setting<'a>;

    fn next(&mut self) -> Option<Setting<'a>> {
        Some((self.string()?, self.string()?))
    }
}

/// A list of settings, sorted by their paths.
struct Sorted<'a>(KVVec<Setting<'a>>);

impl<'a> Sorted<'a> {
    fn new(list: &'a [u8]) -> Result<Self> {
        let mut sorted = KVVec::new();
        for setting in Settings(list) {
            sorted.push(setting, GFP_KERNEL_ACCOUNT)?;
        }
        sorted.sort_unstable();
        Ok(Self(sorted))
    }

    /// Returns whether it has `setting` with that text.
    fn has(&self, setting: &Setting<'_>) -> bool {
        self.0
            .binary_search_by_key(&setting.0, |&(path, _)| path)
            .ok()
            .and_then(|at| self.0.get(at))
            .is_some_and(|&(_, text)| text == setting.1)
    }
}

/// A setting that a namespace can't be given.
struct Wrong<'a> {
    errno: Error,
    path: &'a CStr,
}

/// Writes a setting.
pub(super) fn write(ns: &NetNs, (path, text): Setting<'_>) -> Result {
    for _ in 0..TRIES {
        match ns.set(path, text) {
            Err(EAGAIN) => {
                wait::go_on()?;
                wait::pause_ms(1);
            }
            done => return done,
        }
    }
    Err(EBUSY)
}

/// Gives `ns` the settings of `list`; returns the first one that it did not take.
fn apply<'a>(ns: &NetNs, list: &'a [u8]) -> Result<Option<Wrong<'a>>> {
    if list.is_empty() {
        return Ok(None);
    }
    let mut failed: Option<Wrong<'a>> = None;
    for _ in 0..ROUNDS {
        let found = ns.settings()?;
        let found = Sorted::new(&found)?;
        for setting in Settings(list).filter(|setting| !found.has(setting)) {
            wait::go_on()?;
            match write(ns, setting) {
                Ok(()) => (),
                Err(EINTR) => return Err(EINTR),
                // It may be taken when others have changed: the ends of a range.
                Err(errno) => {
                    failed = Some(Wrong {
                        errno,
                        path: setting.0,
                    });
                }
            }
        }
    }
    let found = ns.settings()?;
    let found = Sorted::new(&found)?;
    let wrong = Settings(list).find(|setting| !found.has(setting));
    Ok(wrong.map(|(path, _)| match failed {
        Some(failed) if failed.path == path => failed,
        _ => Wrong {
            errno: EINVAL,
            path,
        },
    }))
}

/// The settings of `list` that `fresh` has not, and how many these are.
fn differing(list: &[u8], fresh: &[u8]) -> Result<(KVVec<u8>, u32)> {
    let fresh = Sorted::new(fresh)?;
    let mut out = KVVec::new();
    let mut count = 0;
    for (path, text) in Settings(list).filter(|setting| !fresh.has(setting)) {
        out.extend_from_slice(path.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
        out.extend_from_slice(text.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
        count += 1;
    }
    Ok((out, count))
}

/// Reads what is in the namespace `ns` of the task. `None`: it was refused.
pub(super) fn read(cap: &mut Capture, t: &FrozenTask, ns: &NetNs) -> Result<Option<Contents>> {
    match compare(cap, t, ns) {
        Err(e) if e != EINTR && e != ENOMEM => {
            cap.refuse(
                e,
                t,
                fmt!(
                    "what is in its network namespace can't be read, or is too much: leave it outside \
                     (CHECKPOINT_NET_OUTSIDE, --net-outside)"
                ),
            );
            Ok(None)
        }
        done => done,
    }
}

/// Compares the namespace with a new one. `None`: it was refused.
fn compare(cap: &mut Capture, t: &FrozenTask, ns: &NetNs) -> Result<Option<Contents>> {
    if ns.is_initial() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is in the initial network namespace, and the caller is not: call checkpoint(2) in \
                 that namespace"
            ),
        );
        return Ok(None);
    }
    if !ns.may_admin() {
        cap.refuse(
            EPERM,
            t,
            fmt!(
                "what is in its network namespace is saved only by who may set it up (CAP_NET_ADMIN \
                 over it)"
            ),
        );
        return Ok(None);
    }
    if let Some(name) = ns.leads_out()? {
        refuse(
            cap,
            t,
            fmt!(
                "the device {}, which leads to another network namespace",
                name_of(&name)
            ),
        );
        return Ok(None);
    }
    let fresh = match ns.like() {
        Ok(fresh) => fresh,
        Err(EINTR) => return Err(EINTR),
        Err(e) => {
            cap.refuse(
                e,
                t,
                fmt!(
                    "its network namespace can't be compared with a new one, which can't be made \
                     (user.max_net_namespaces)"
                ),
            );
            return Ok(None);
        }
    };
    let lo = ns.loopback()?;
    fresh.set_loopback(&lo)?;
    let mut rebuild = Rebuild::new(ns, &fresh);
    if let Some((name, kind)) = rebuild.make_devices()? {
        refuse_device(cap, t, &name, &kind);
        return Ok(None);
    }
    let (mut settings, mut count) = differing(&ns.settings()?, &fresh.settings()?)?;
    for last in [false, true] {
        if let Some(wrong) = apply(&fresh, &settings)? {
            let path = BStr::from_bytes(wrong.path.to_bytes());
            refuse(
                cap,
                t,
                fmt!(
                    "the setting /proc/sys/{}, which a new one does not take",
                    path
                ),
            );
            return Ok(None);
        }
        // Those that were changed by others, and had been set back.
        let (others, more) = differing(&ns.settings()?, &fresh.settings()?)?;
        let Some((path, _)) = Settings(&others).next() else {
            break;
        };
        if last {
            let path = BStr::from_bytes(path.to_bytes());
            refuse(
                cap,
                t,
                fmt!("the setting /proc/sys/{}, which depends on others", path),
            );
            return Ok(None);
        }
        settings.extend_from_slice(&others, GFP_KERNEL_ACCOUNT)?;
        count += more;
    }
    if let Some(name) = rebuild.rest()? {
        refuse(
            cap,
            t,
            fmt!(
                "the device {} in a bridge, in a state that it can't be given now",
                name_of(&name)
            ),
        );
        return Ok(None);
    }
    // Some change when a device is switched on. What is not taken differs.
    let _ = apply(&fresh, &settings)?;
    let what = match ns.left(&fresh)? {
        Left::Nothing => None,
        Left::Device(name) => {
            refuse_device(cap, t, &name, &[]);
            return Ok(None);
        }
        Left::Differs(name) => {
            refuse(
                cap,
                t,
                fmt!(
                    "the device {} with an address, flag, queue, feature, filter or program that a new \
                     one does not get",
                    name_of(&name)
                ),
            );
            return Ok(None);
        }
        Left::Lacks(name) => {
            refuse(
                cap,
                t,
                fmt!("no device {}, which a new one has", name_of(&name)),
            );
            return Ok(None);
        }
        Left::Netfilter => Some("rules of nftables or iptables, or tracked connections"),
        Left::Xfrm => Some("states or policies of IPsec (ip xfrm)"),
        Left::Bpf => Some("programs of BPF"),
        Left::Ids => Some("numbers for other network namespaces (ip netns set)"),
    };
    if let Some(what) = what {
        refuse(cap, t, fmt!("{}", what));
        return Ok(None);
    }
    let (others, _) = differing(&ns.settings()?, &fresh.settings()?)?;
    if let Some((path, _)) = Settings(&others).next() {
        let path = BStr::from_bytes(path.to_bytes());
        refuse(
            cap,
            t,
            fmt!("the setting /proc/sys/{}, which depends on others", path),
        );
        return Ok(None);
    }
    if let Some(what) = dump::differs(ns, &fresh)? {
        refuse(cap, t, fmt!("{} of its own", what));
        return Ok(None);
    }
    if count > SETTINGS_MAX {
        return Err(E2BIG);
    }
    let requests = rebuild.requests;
    Ok(Some(Contents {
        lo,
        settings,
        count,
        requests,
    }))
}

/// The name of a device, without what it is padded with.
fn name_of(name: &[u8]) -> &BStr {
    BStr::from_bytes(name.split(|&c| c == 0).next().unwrap_or(&[]))
}

/// Refuses a namespace with a device that can't be made; `kind` is what it is, if that has a name.
fn refuse_device(cap: &mut Capture, t: &FrozenTask, name: &[u8], kind: &[u8]) {
    let (of, kind) = match kind {
        [] => ("", BStr::from_bytes(b"")),
        kind => (" of kind ", BStr::from_bytes(kind)),
    };
    refuse(cap, t, fmt!("the device {}{}{}", name_of(name), of, kind));
}

/// Refuses a namespace that has `what`.
fn refuse(cap: &mut Capture, t: &FrozenTask, what: kernel::fmt::Arguments<'_>) {
    cap.refuse(
        EOPNOTSUPP,
        t,
        fmt!(
            "its network namespace has {}: remove that, or leave what is in it outside \
             (CHECKPOINT_NET_OUTSIDE, --net-outside)",
            what
        ),
    );
}

/// Makes the namespace of `record`, which has these settings.
pub(super) fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    record: &Record,
    settings: &[u8],
) -> Result<NetNs> {
    let net = ObjRef::new(record.obj.get()).ok_or(EINVAL)?;
    let late = request::check(r, net)?;
    let ns = proxy::new_net().map_err(|e| {
        let why = match e {
            EPERM => ": CAP_SYS_ADMIN is needed",
            ENOSPC => ": there are too many of the caller's (user.max_net_namespaces)",
            _ => "",
        };
        r.fail(e, plan, fmt!("can't make its network namespace{}", why))
    })?;
    let lo = Loopback {
        up: record.flags.get() & NETNS_LO_UP != 0,
        was_up: record.flags.get() & NETNS_LO_WAS_UP != 0,
        mtu: record.lo_mtu.get(),
    };
    ns.set_loopback(&lo).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("the loopback device of its network namespace can't be set up (CAP_NET_ADMIN)"),
        )
    })?;
    request::replay(r, plan, &ns, net, None)?;
    write_all(r, plan, &ns, settings)?;
    if late {
        request::replay(r, plan, &ns, net, Some(Steps::begin(&ns)?))?;
        // Some change when a device is switched on.
        write_all(r, plan, &ns, settings)?;
    }
    Ok(ns)
}

/// Gives a namespace its settings.
fn write_all(r: &Restore, plan: &TaskRecords<'_>, ns: &NetNs, settings: &[u8]) -> Result {
    let Some(wrong) = apply(ns, settings)? else {
        return Ok(());
    };
    Err(r.fail(
        wrong.errno,
        plan,
        fmt!(
            "its network namespace does not take what /proc/sys/{} was",
            BStr::from_bytes(wrong.path.to_bytes())
        ),
    ))
}
