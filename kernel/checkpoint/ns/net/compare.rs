// SPDX-License-Identifier: GPL-2.0

//! What of a network namespace a restart can make.
//!
//! A checkpoint makes a new namespace, does to it what a restart will do, and compares it with that of
//! the tasks. What differs then can't be restored, and is refused by name. Those that have to do with each
//! other (`pairs.rs`) are compared together.

use core::cell::Cell;

use kernel::{
    prelude::*,
    str::BStr, //
};

use super::{
    contents::{
        apply,
        apply_first,
        differing,
        Contents,
        Settings, //
    },
    dump,
    fallback,
    filters,
    moved,
    outside,
    pairs::{
        self,
        Joins,
        Lead,
        Meaning,
        Peer, //
    },
    rebuild::{
        copy,
        Lacks,
        Rebuild, //
    },
    tables::LINKS,
    tun, //
};
use crate::{
    found::Capture,
    image::ns::SETTINGS_MAX,
    kapi::{
        net::namespace::{
            self,
            Left,
            Loopback,
            NetNs, //
        },
        task::frozen::TaskName,
        time::wait, //
    }, //
};

/// A namespace of the tasks.
pub(super) struct Member<'a> {
    pub(super) ns: &'a NetNs,
    /// Its first task.
    pub(super) who: TaskName,
    /// It is that of the root, which may be left outside.
    pub(super) of_root: bool,
}

impl Member<'_> {
    /// Refuses it, as it has `what`.
    pub(super) fn refuse(&self, cap: &mut Capture, what: kernel::fmt::Arguments<'_>) {
        let unless = if self.of_root {
            ", or leave what is in it outside (CHECKPOINT_NET_OUTSIDE, --net-outside)"
        } else {
            ""
        };
        cap.report.refuse(
            EOPNOTSUPP,
            &self.who,
            fmt!("its network namespace has {}: remove that{}", what, unless),
        );
    }

    /// Refuses it for a device that can't be made; `kind` is what it is, if that has a name.
    fn refuse_device(&self, cap: &mut Capture, name: &[u8], kind: &[u8]) {
        let (of, kind) = match kind {
            [] => ("", BStr::from_bytes(b"")),
            kind => (" of kind ", BStr::from_bytes(kind)),
        };
        self.refuse(cap, fmt!("the device {}{}{}", name_of(name), of, kind));
    }

    /// Refuses it for a setting.
    fn refuse_setting(&self, cap: &mut Capture, path: &[u8], why: &str) {
        let path = BStr::from_bytes(path);
        self.refuse(cap, fmt!("the setting /proc/sys/{}, which {}", path, why));
    }
}

/// Returns the name of a device, without what it is padded with.
pub(super) fn name_of(name: &[u8]) -> &BStr {
    BStr::from_bytes(name.split(|&c| c == 0).next().unwrap_or(&[]))
}

/// Returns whether the namespace has to do with another one: a device leads there, or it has a number for
/// it.
pub(super) fn is_joined(ns: &NetNs) -> Result<bool> {
    Ok(ns.number(0).is_some() || ns.lead(0)?.is_some())
}

/// Adds to `meant` the addresses of the namespaces that `ns` has numbers for.
pub(super) fn add_meant(ns: &NetNs, meant: &mut KVVec<usize>) -> Result {
    let mut from = Some(0);
    while let Some((number, addr)) = from.and_then(|from| ns.number(from)) {
        wait::go_on()?;
        meant.push(addr, GFP_KERNEL_ACCOUNT)?;
        from = number.checked_add(1);
    }
    Ok(())
}

/// Reads what is in the namespaces of `all`. `None`: one was refused.
pub(super) fn read(cap: &mut Capture, all: &[Member<'_>]) -> Result<Option<KVVec<Contents>>> {
    match compare(cap, all) {
        Err(e) if e != EINTR && e != ENOMEM => {
            if let Some(first) = all.first() {
                cap.report.refuse(
                    e,
                    &first.who,
                    fmt!(
                        "what is in its network namespace can't be read, or is too much: leave it outside \
                         (CHECKPOINT_NET_OUTSIDE, --net-outside)"
                    ),
                );
            }
            Ok(None)
        }
        done => done,
    }
}

/// Returns whether the caller may look at a namespace; else it is refused.
fn may_look(cap: &mut Capture, member: &Member<'_>) -> bool {
    if member.ns.is_initial() {
        cap.report.refuse(
            EOPNOTSUPP,
            &member.who,
            fmt!(
                "is in the initial network namespace, and the caller is not: call checkpoint(2) in \
                 that namespace"
            ),
        );
        return false;
    }
    if !member.ns.may_admin() {
        cap.report.refuse(
            EPERM,
            &member.who,
            fmt!(
                "what is in its network namespace is saved only by who may set it up (CAP_NET_ADMIN \
                 over it)"
            ),
        );
        return false;
    }
    true
}

/// Where namespaces stand in a list, by their addresses: each may have a number for each other one.
struct Places(KVVec<(usize, usize)>);

impl Places {
    /// Returns those of `all`.
    fn of(all: &[Member<'_>]) -> Result<Self> {
        let mut places = KVVec::new();
        for (at, member) in all.iter().enumerate() {
            places.push((member.ns.addr(), at), GFP_KERNEL_ACCOUNT)?;
        }
        places.sort_unstable();
        Ok(Self(places))
    }

    /// Returns that of the one with the address `addr`.
    fn find(&self, addr: usize) -> Option<usize> {
        let at = self.0.binary_search_by_key(&addr, |&(addr, _)| addr).ok()?;
        self.0.get(at).map(|&(_, place)| place)
    }
}

/// Returns the namespace where `lead`, a device of `member` that is left to the caller, leads. `None`: it is
/// not.
///
/// EAGAIN: it leads elsewhere by now. ENODEV: it is gone.
fn moved_to(cap: &Capture, member: &Member<'_>, lead: &namespace::Lead) -> Result<Option<NetNs>> {
    let name = outside::name_for_rules(&lead.name)?;
    if !cap.found.ns.is_moved(&name)? {
        return Ok(None);
    }
    let ns = member.ns.lead_net(lead.index)?;
    if ns.addr() != lead.to {
        return Err(EAGAIN);
    }
    Ok(Some(ns))
}

/// Finds what the namespaces have of each other, and of others that stay outside, which are counted behind
/// them. `None`: one leads elsewhere, and was refused.
fn joins(cap: &mut Capture, all: &[Member<'_>]) -> Result<Option<(KVVec<Joins>, KVVec<NetNs>)>> {
    let places = Places::of(all)?;
    let mut found = KVVec::new();
    let mut outside: KVVec<NetNs> = KVVec::new();
    let place_of = |outside: &[NetNs], addr: usize| {
        let at = outside.iter().position(|ns| ns.addr() == addr)?;
        at.checked_add(all.len())
    };
    for member in all {
        let mut joins = Joins::none();
        let mut from = 0;
        while let Some(lead) = member.ns.lead(from)? {
            wait::go_on()?;
            from = lead.index.checked_add(1).ok_or(EOVERFLOW)?;
            if let Some(ns) = moved_to(cap, member, &lead)? {
                // Netlink has a number for it all the same.
                let at = places.find(lead.to).or_else(|| place_of(&outside, lead.to));
                let at = match at {
                    Some(at) => at,
                    None => {
                        outside.push(ns, GFP_KERNEL_ACCOUNT)?;
                        place_of(&outside, lead.to).ok_or(EINVAL)?
                    }
                };
                joins.moved.push(at, GFP_KERNEL_ACCOUNT)?;
                continue;
            }
            let mut to = places.find(lead.to).filter(|_| lead.is_pair);
            if to.is_none() {
                if let Some(ns) = outside::led_to(cap, member, &lead)? {
                    if !ns.may_admin() {
                        member.refuse(
                            cap,
                            fmt!(
                                "the device {}, whose other end is to stay outside, in a network namespace \
                                 that the caller may not set up (CAP_NET_ADMIN over it)",
                                name_of(&lead.name)
                            ),
                        );
                        return Ok(None);
                    }
                    let addr = ns.addr();
                    if place_of(&outside, addr).is_none() {
                        outside.push(ns, GFP_KERNEL_ACCOUNT)?;
                    }
                    to = place_of(&outside, addr);
                }
            }
            let Some(to) = to else {
                member.refuse(
                    cap,
                    fmt!(
                        "the device {}, which leads to another network namespace",
                        name_of(&lead.name)
                    ),
                );
                return Ok(None);
            };
            let index = lead.index;
            let name = copy(name_of(&lead.name))?;
            joins
                .leads
                .push(Lead { index, to, name }, GFP_KERNEL_ACCOUNT)?;
        }
        found.push(joins, GFP_KERNEL_ACCOUNT)?;
    }
    for (member, joins) in all.iter().zip(&mut found) {
        // Netlink gives a namespace a number when it tells of a device that leads there.
        if !joins.leads.is_empty() || !joins.moved.is_empty() {
            LINKS.of(member.ns)?;
        }
        let mut from = Some(0);
        while let Some((number, addr)) = from.and_then(|from| member.ns.number(from)) {
            wait::go_on()?;
            // Nothing is known of one that stays outside but by a device.
            let led = place_of(&outside, addr).filter(|&to| joins.leads_to(to));
            let Some(to) = places.find(addr).or(led) else {
                member.refuse(
                    cap,
                    fmt!("numbers for other network namespaces (ip netns set, or a device that went there)"),
                );
                return Ok(None);
            };
            joins.peers.push(Peer { to, number }, GFP_KERNEL_ACCOUNT)?;
            from = number.checked_add(1);
        }
    }
    Ok(Some((found, outside)))
}

/// Makes new namespaces with the same owners, and `more` in the place of what stays outside. `None`: they
/// can't be made, which was refused.
fn fresh(cap: &mut Capture, all: &[Member<'_>], more: usize) -> Result<Option<KVVec<NetNs>>> {
    let mut made = KVVec::new();
    let first = all.iter().take(1).cycle();
    for member in Iterator::chain(all.iter(), first.take(more)) {
        match member.ns.like() {
            Ok(fresh) => made.push(fresh, GFP_KERNEL_ACCOUNT)?,
            Err(e) if e == EINTR || e == ENOMEM => return Err(e),
            Err(e) => {
                cap.report.refuse(
                    e,
                    &member.who,
                    fmt!(
                        "its network namespace can't be compared with a new one, which can't be made \
                         (user.max_net_namespaces)"
                    ),
                );
                return Ok(None);
            }
        }
    }
    Ok(Some(made))
}

/// A namespace, and the new one that becomes what it is.
struct Pair<'a> {
    member: &'a Member<'a>,
    fresh: &'a NetNs,
    /// Its devices for which others stand in there.
    moved: &'a moved::Left,
    /// In which settings it differs, and how many these are.
    settings: KVVec<u8>,
    count: u32,
}

impl Pair<'_> {
    /// Gives the new one the settings of the other. False: that was refused.
    fn set(&mut self, cap: &mut Capture) -> Result<bool> {
        let ns = self.member.ns;
        let fresh = self.moved.without_own(&self.fresh.settings()?)?;
        (self.settings, self.count) = differing(&ns.settings()?, &fresh)?;
        for last in [false, true] {
            if let Some(wrong) = apply_first(self.fresh, &self.settings)? {
                let path = wrong.path.to_bytes();
                self.member
                    .refuse_setting(cap, path, "a new one does not take");
                return Ok(false);
            }
            // Those that were changed by others, and had been set back.
            let (others, more) = differing(&ns.settings()?, &self.fresh.settings()?)?;
            let Some((path, _)) = Settings(&others).next() else {
                break;
            };
            if last {
                self.member
                    .refuse_setting(cap, path.to_bytes(), "depends on others");
                return Ok(false);
            }
            self.settings
                .extend_from_slice(&others, GFP_KERNEL_ACCOUNT)?;
            self.count += more;
        }
        Ok(true)
    }

    /// Compares both, when all was done. False: they differ, which was refused.
    fn is_alike(&self, cap: &mut Capture) -> Result<bool> {
        let (member, ns) = (self.member, self.member.ns);
        // Some change when a device is switched on. What is not taken differs.
        let _ = apply(self.fresh, &self.settings)?;
        if let Some(what) = filters::untold(ns, self.fresh)? {
            member.refuse(cap, fmt!("{}", what));
            return Ok(false);
        }
        let what = match ns.left(self.fresh, &self.moved.indexes)? {
            Left::Nothing => None,
            Left::Device(name) => {
                member.refuse_device(cap, &name, &[]);
                return Ok(false);
            }
            Left::Differs(name) => {
                member.refuse(
                    cap,
                    fmt!(
                        "the device {} with an address, flag, queue, feature, filter or program that a \
                         new one does not get",
                        name_of(&name)
                    ),
                );
                return Ok(false);
            }
            Left::Tunnel(name) => {
                member.refuse(
                    cap,
                    fmt!(
                        "the device {}, a tunnel with what can't be asked for: routers (prl), groups \
                         (mdb) or an option",
                        name_of(&name)
                    ),
                );
                return Ok(false);
            }
            Left::Lends(name) => {
                member.refuse(
                    cap,
                    fmt!(
                        "the ends of the device {}, which is in another network namespace",
                        name_of(&name)
                    ),
                );
                return Ok(false);
            }
            Left::Lacks(name) => {
                member.refuse(
                    cap,
                    fmt!("no device {}, which a new one has", name_of(&name)),
                );
                return Ok(false);
            }
            Left::Netfilter => Some(
                "rules of nftables or iptables, tracked connections, or chains in an order that new \
                 ones don't get",
            ),
            Left::Xfrm => Some("states or policies of IPsec (ip xfrm)"),
            Left::Modes => Some(
                "another mode of vsock sockets than new ones get, or a limit of SMC handshakes",
            ),
            Left::Bpf => Some("programs of BPF"),
            Left::Ids => Some("numbers for other network namespaces (ip netns set, or a device that went there)"),
        };
        if let Some(what) = what {
            member.refuse(cap, fmt!("{}", what));
            return Ok(false);
        }
        let (others, _) = differing(&ns.settings()?, &self.fresh.settings()?)?;
        if let Some((path, _)) = Settings(&others).next() {
            member.refuse_setting(cap, path.to_bytes(), "depends on others");
            return Ok(false);
        }
        if let Some(what) = dump::differs(ns, self.fresh, &self.moved.indexes)? {
            member.refuse(cap, fmt!("{} of its own", what));
            return Ok(false);
        }
        if self.count > SETTINGS_MAX {
            return Err(E2BIG);
        }
        Ok(true)
    }
}

/// Compares the namespaces with new ones. `None`: one was refused.
fn compare(cap: &mut Capture, all: &[Member<'_>]) -> Result<Option<KVVec<Contents>>> {
    if !all.iter().all(|member| may_look(cap, member)) {
        return Ok(None);
    }
    let Some((joins, outside)) = joins(cap, all)? else {
        return Ok(None);
    };
    let Some(fresh) = fresh(cap, all, outside.len())? else {
        return Ok(None);
    };
    let sent = Cell::new(0);
    let mut los: KVVec<Loopback> = KVVec::new();
    let mut fallbacks = KVVec::new();
    let mut lefts: KVVec<moved::Left> = KVVec::new();
    for (member, fresh) in all.iter().zip(&fresh) {
        let lo = member.ns.loopback()?;
        fresh.set_loopback(&lo)?;
        los.push(lo, GFP_KERNEL_ACCOUNT)?;
        let new = fallback::of(fresh)?;
        let Some(left) = moved::find(cap, member, &new)? else {
            return Ok(None);
        };
        fallbacks.push(new, GFP_KERNEL_ACCOUNT)?;
        lefts.push(left, GFP_KERNEL_ACCOUNT)?;
    }
    let mut rebuilds = KVVec::new();
    let mut pairs = KVVec::new();
    for ((member, fresh), left) in all.iter().zip(&fresh).zip(&lefts) {
        let rebuild = Rebuild::new(member.ns, fresh, &left.indexes, &sent);
        rebuilds.push(rebuild, GFP_KERNEL_ACCOUNT)?;
        let pair = Pair {
            member,
            fresh,
            moved: left,
            settings: KVVec::new(),
            count: 0,
        };
        pairs.push(pair, GFP_KERNEL_ACCOUNT)?;
    }
    pairs::number(&fresh, &joins)?;
    for ((member, fresh), left) in all.iter().zip(&fresh).zip(&lefts) {
        if !left.stand_in(cap, member, fresh)? {
            return Ok(None);
        }
    }
    rebuilds
        .iter_mut()
        .try_for_each(|rebuild| rebuild.begin())?;
    let mut tuns = KVVec::new();
    // They are there as long as these are open.
    let mut open = KVVec::new();
    for (member, fresh) in all.iter().zip(&fresh) {
        let devices = tun::of(member.ns)?;
        let Some(files) = tun::make(cap, member, &devices, fresh)? else {
            return Ok(None);
        };
        tuns.push(devices, GFP_KERNEL_ACCOUNT)?;
        open.push(files, GFP_KERNEL_ACCOUNT)?;
    }
    if let Some((at, name, kind)) = pairs::make_devices(&mut rebuilds, &joins, &outside)? {
        let member = all.get(at).ok_or(EINVAL)?;
        member.refuse_device(cap, &name, &kind);
        let name = name_of(&name);
        cap.report.note(
            &member.who,
            fmt!(
                "the device {}: a rule can leave it to who restarts the tasks, if it is one of Ethernet \
                 (CHECKPOINT_RULE_MOVE for netdev:{}, checkpoint --device {})",
                name,
                name,
                name
            ),
        );
        return Ok(None);
    }
    for pair in &mut pairs {
        if !pair.set(cap)? {
            return Ok(None);
        }
    }
    let mut steps = KVVec::new();
    for rebuild in &mut rebuilds {
        steps.push(rebuild.switch()?, GFP_KERNEL_ACCOUNT)?;
    }
    for ((rebuild, steps), member) in rebuilds.iter_mut().zip(steps).zip(all) {
        match rebuild.rest(steps)? {
            None => continue,
            Some(Lacks::Port(name)) => member.refuse(
                cap,
                fmt!(
                    "the device {} in a bridge, in a state that it can't be given now",
                    name_of(&name)
                ),
            ),
            Some(Lacks::Connection(why) | Lacks::Buckets(why)) => {
                member.refuse(cap, fmt!("{}", why))
            }
        }
        return Ok(None);
    }
    for pair in &pairs {
        if !pair.is_alike(cap)? {
            return Ok(None);
        }
    }
    let mut out = KVVec::new();
    let mut made = KVVec::new();
    for (rebuild, pair) in rebuilds.into_iter().zip(pairs) {
        let settings = (pair.settings, pair.count);
        made.push((rebuild.requests, settings), GFP_KERNEL_ACCOUNT)?;
    }
    let parts = made.into_iter().zip(los).zip(&joins).zip(lefts);
    for (((((made, lo), joins), left), tuns), fallbacks) in parts.zip(tuns).zip(fallbacks) {
        let (requests, (settings, count)) = made;
        let mut peers = KVVec::new();
        for peer in &joins.peers {
            let (addr, device) = match all.get(peer.to) {
                Some(other) => (other.ns.addr(), None),
                None => {
                    let mut leads = joins.leads.iter();
                    // Only devices lead there that are left to the caller.
                    let Some(lead) = leads.find(|lead| lead.to == peer.to) else {
                        continue;
                    };
                    (0, Some(copy(&lead.name)?))
                }
            };
            let number = peer.number;
            let meaning = Meaning {
                number,
                addr,
                device,
            };
            peers.push(meaning, GFP_KERNEL_ACCOUNT)?;
        }
        let contents = Contents {
            lo,
            settings,
            count,
            requests,
            peers,
            tuns,
            fallbacks,
            left,
        };
        out.push(contents, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(out))
}
