// SPDX-License-Identifier: GPL-2.0

//! What is in a network namespace: its settings, and how all of it is made again.

use kernel::{
    prelude::*,
    str::{
        BStr,
        CStr, //
    }, //
};

use super::{
    ends::Ends,
    fallback::{
        self,
        Fallback, //
    },
    moved::{
        self,
        Devices,
        Left, //
    },
    pairs::{
        self,
        Meaning, //
    },
    request::{
        self,
        Request, //
    },
    steps::Steps,
    tun::{
        self,
        Tuns, //
    }, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::{
        ns::{
            NetNs as Record,
            NETNS_LO_UP,
            NETNS_LO_WAS_UP, //
        },
        ObjRef, //
    },
    kapi::{
        net::{
            namespace::{
                Loopback,
                NetNs, //
            },
            tun::Device, //
        },
        ns::proxy,
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
    pub(super) lo: Loopback,
    /// Settings: of each its path below /proc/sys, and its text, each with a NUL.
    pub(super) settings: KVVec<u8>,
    /// How many.
    pub(super) count: u32,
    /// What makes its devices, addresses, routes, rules and neighbours.
    pub(super) requests: KVVec<Request>,
    /// The numbers that it has for other namespaces.
    pub(super) peers: KVVec<Meaning>,
    /// Its tun and tap devices.
    pub(super) tuns: KVVec<Device>,
    /// The devices that it has as each new one.
    pub(super) fallbacks: KVVec<Fallback>,
    /// The devices that are left to the caller.
    pub(super) left: Left,
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
pub(super) struct Wrong<'a> {
    errno: Error,
    pub(super) path: &'a CStr,
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

/// Where the settings of IPv6 are that devices have.
const OF_DEVICES: &[u8] = b"net/ipv6/conf/";

/// The setting of which IPv6 addresses are made. To write it sets `addr_gen_mode`, but makes none.
const SECRET: &[u8] = b"/stable_secret";

/// The setting of how IPv6 addresses are made. To write it makes one, even if the device is off; and where
/// it is [`RANDOM`], a secret if there is none.
const MODE: &[u8] = b"/addr_gen_mode";

/// IN6_ADDR_GEN_MODE_RANDOM.
const RANDOM: &[u8] = b"3";

/// While this is, devices have no IPv6 of which it is not known what secret they have: the kernel would
/// make one, and an address of it that nobody knows.
struct Still {
    /// The settings that were changed: of each path and text, each with a NUL.
    settings: KVVec<u8>,
}

impl Still {
    /// Begins, before `ns` gets the settings of `list`. Its devices are off.
    fn begin(ns: &NetNs, list: &[u8]) -> Result<Self> {
        let mut settings = KVVec::new();
        let makes = |(path, text): Setting<'_>| {
            path.to_bytes().ends_with(MODE) && text.to_bytes().starts_with(RANDOM)
        };
        if !Settings(list).any(makes) {
            return Ok(Self { settings });
        }
        let found = ns.settings()?;
        for (path, text) in Settings(&found) {
            wait::go_on()?;
            let rest = path.to_bytes().strip_prefix(OF_DEVICES);
            let Some(name) = rest.and_then(|rest| rest.strip_suffix(b"/disable_ipv6")) else {
                continue;
            };
            let is_device = !matches!(name, b"all" | b"default" | b"lo");
            if !is_device || !text.to_bytes().starts_with(b"0") || has_secret(list, name) {
                continue;
            }
            settings.extend_from_slice(path.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
            settings.extend_from_slice(text.to_bytes_with_nul(), GFP_KERNEL_ACCOUNT)?;
            write(ns, (path, c"1"))?;
        }
        Ok(Self { settings })
    }

    /// Ends.
    fn end(self, ns: &NetNs) -> Result {
        Settings(&self.settings).try_for_each(|setting| write(ns, setting))
    }
}

/// Returns whether `list` has a secret of the device `name`.
fn has_secret(list: &[u8], name: &[u8]) -> bool {
    Settings(list).any(|(path, _)| {
        let rest = path.to_bytes().strip_prefix(OF_DEVICES);
        rest.and_then(|rest| rest.strip_suffix(SECRET)) == Some(name)
    })
}

/// Does what [`apply`] does, to one whose devices are still off.
pub(super) fn apply_first<'a>(ns: &NetNs, list: &'a [u8]) -> Result<Option<Wrong<'a>>> {
    let still = Still::begin(ns, list)?;
    if still.settings.is_empty() {
        return apply(ns, list);
    }
    apply(ns, list)?;
    still.end(ns)?;
    apply(ns, list)
}

/// Gives `ns` the settings of `list`; returns the first one that it did not take.
pub(super) fn apply<'a>(ns: &NetNs, list: &'a [u8]) -> Result<Option<Wrong<'a>>> {
    if list.is_empty() {
        return Ok(None);
    }
    let mut failed: Option<Wrong<'a>> = None;
    for _ in 0..ROUNDS {
        let found = ns.settings()?;
        let found = Sorted::new(&found)?;
        // Secrets are there before addresses are made of them.
        let is_secret = |(path, _): &Setting<'_>| path.to_bytes().ends_with(SECRET);
        let (first, then) = (Settings(list), Settings(list));
        let first = first.filter(is_secret);
        let sorted = Iterator::chain(first, then.filter(|setting| !is_secret(setting)));
        for setting in sorted.filter(|setting| !found.has(setting)) {
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

/// Returns the settings of `list` that `fresh` has not, and how many these are.
pub(super) fn differing(list: &[u8], fresh: &[u8]) -> Result<(KVVec<u8>, u32)> {
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

/// A namespace that is made.
struct Making<'a> {
    lo: Loopback,
    settings: &'a [u8],
}

/// Namespaces that were made, each with the queues of its tun and tap devices.
pub(super) type Made = KVVec<(NetNs, Tuns)>;

/// Makes the namespaces with the references `nets`, which are sorted: all that have to do with each other.
/// Returns them, the pairs with an end outside, and the devices of the caller's that were moved there.
pub(super) fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    nets: &[ObjRef],
) -> Result<(Made, Ends, Devices)> {
    let mut ends = Ends::none();
    // If it fails they are dropped, and that gives them back.
    let mut devices = Devices::none();
    match make_with(r, plan, nets, &mut ends, &mut devices) {
        Ok(made) => Ok((made, ends, devices)),
        Err(e) => {
            ends.remove();
            Err(e)
        }
    }
}

/// Returns the same; adds these pairs to `ends`, and these devices to `devices`, also if it fails.
fn make_with(
    r: &Restore,
    plan: &TaskRecords<'_>,
    nets: &[ObjRef],
    ends: &mut Ends,
    devices: &mut Devices,
) -> Result<Made> {
    let late = request::check(r, nets)?;
    let mut all = KVVec::new();
    let mut making = KVVec::new();
    for &net in nets {
        wait::go_on()?;
        let (record, raw) = r.object_body::<Record>(net)?;
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
        let settings = raw.payload;
        all.push(ns, GFP_KERNEL_ACCOUNT)?;
        making.push(Making { lo, settings }, GFP_KERNEL_ACCOUNT)?;
    }
    fallback::check(r, plan, &all, nets)?;
    for (ns, one) in all.iter().zip(&making) {
        ns.set_loopback(&one.lo).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "the loopback device of its network namespace can't be set up (CAP_NET_ADMIN)"
                ),
            )
        })?;
    }
    pairs::restore(r, plan, &all, nets)?;
    let carriers = moved::restore(r, plan, &all, nets, devices)?;
    let tuns = tun::restore(r, plan, &all, nets)?;
    request::replay(r, plan, &all, nets, None, ends)?;
    for (ns, one) in all.iter().zip(&making) {
        written(r, plan, apply_first(ns, one.settings)?)?;
    }
    if late {
        let mut steps = KVVec::new();
        for (ns, carriers) in all.iter().zip(carriers) {
            let begun = Steps::begin(ns)?.awaiting(carriers);
            steps.push(begun, GFP_KERNEL_ACCOUNT)?;
        }
        request::replay(r, plan, &all, nets, Some(steps), ends)?;
        // Some change when a device is switched on.
        for (ns, one) in all.iter().zip(&making) {
            written(r, plan, apply(ns, one.settings)?)?;
        }
    }
    let mut made = KVVec::new();
    for one in all.into_iter().zip(tuns) {
        made.push(one, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(made)
}

/// Fails if a namespace did not take a setting.
fn written(r: &Restore, plan: &TaskRecords<'_>, wrong: Option<Wrong<'_>>) -> Result {
    let Some(wrong) = wrong else {
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
