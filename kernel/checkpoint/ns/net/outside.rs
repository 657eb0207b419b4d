// SPDX-License-Identifier: GPL-2.0

//! Pairs of devices of which one end stays outside, by the caller's advice.
//!
//! At a checkpoint a rule says so of the device that leads there, by its name (`netdev:v0`). At a restart the
//! caller gives a network namespace for it by the same name, and the pair is made anew: the end of
//! outside is put there, as it was. All devices that lead to one namespace lead to one again, which is known
//! by the first of them.

use kernel::prelude::*;

use super::{
    compare::{
        name_of,
        Member, //
    },
    device::Device,
    rebuild::copy, //
};
use crate::{
    core::{
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::{
            Action,
            Rule,
            Which, //
        }, //
    },
    found::Capture,
    kapi::{
        fs::{
            nsfs::NsFile,
            path::PathName, //
        },
        net::namespace::{
            Lead,
            NetNs, //
        },
        time::wait, //
    },
    ns::Collected, //
};

/// How many numbers are tried for an end that stays outside.
const TRIES: u64 = 64;

/// Where the numbers begin that are tried: the kernel gives smaller ones first.
const FIRST: u32 = 0x1000_0000;

/// How the name of a device begins for rules.
const PREFIX: &[u8] = b"netdev:";

/// Makes a pair with an end outside that may have any number there: has `send` send the request `body`. The
/// kernel heeds what number the other end is to have only where both have one: so that is chosen here.
pub(super) fn send_with_number(body: &[u8], send: impl Fn(&[u8]) -> Result) -> Result {
    let mut body = copy(body)?;
    let seed = wait::monotonic_ns() >> 10;
    let mut taken = EBUSY;
    for at in 0..TRIES {
        wait::go_on()?;
        let some = u32::try_from(seed.wrapping_add(at) % u64::from(FIRST))?;
        Device::set_index(&mut body, FIRST + some)?;
        match send(&body) {
            // EEXIST: a device has the number (rtnl_changelink()), or the name, which stays so.
            Err(e @ (EBUSY | EEXIST)) => taken = e,
            done => return done,
        }
    }
    Err(taken)
}

/// Returns the name of a device for rules. `name` may be padded with NUL.
pub(crate) fn name_for_rules(name: &[u8]) -> Result<PathName> {
    let mut whole: KVec<u8> = KVec::new();
    whole.extend_from_slice(PREFIX, GFP_KERNEL_ACCOUNT)?;
    whole.extend_from_slice(name_of(name), GFP_KERNEL_ACCOUNT)?;
    PathName::new(&whole)
}

impl Collected {
    /// Notes what the caller's rules say by names.
    pub(crate) fn note_rules(&mut self, rules: &[Rule]) -> Result {
        for rule in rules {
            if let Which::Named(pattern) = &rule.which {
                let pattern = PathName::new(pattern.as_bytes())?;
                self.net_rules
                    .push((pattern, rule.action), GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(())
    }

    /// Returns whether the first rule for `name` says that what has it, or its other end, stays outside.
    pub(crate) fn leaves_outside(&self, name: &PathName) -> Result<bool> {
        Ok(self.said_of(name)? == Some(Action::External))
    }

    /// Returns whether a rule leaves something to the caller.
    pub(super) fn moves_devices(&self) -> bool {
        let mut rules = self.net_rules.iter();
        rules.any(|(_, action)| *action == Action::Move)
    }

    /// Returns whether the first rule for `name`, a network device, says that it is left to the caller.
    pub(super) fn is_moved(&self, name: &PathName) -> Result<bool> {
        Ok(self.said_of(name)? == Some(Action::Move))
    }

    /// Returns what the first rule says that is for `name`.
    fn said_of(&self, name: &PathName) -> Result<Option<Action>> {
        for (pattern, action) in &self.net_rules {
            wait::go_on()?;
            if name.fits(pattern.as_c_str()) {
                return Ok(Some(*action));
            }
        }
        Ok(None)
    }
}

/// Returns the namespace where `lead`, a device of `member`, leads, if that stays outside by the caller's
/// advice. `None`: it does not.
///
/// EAGAIN: it leads elsewhere by now. ENODEV: it is gone.
pub(super) fn led_to(cap: &mut Capture, member: &Member<'_>, lead: &Lead) -> Result<Option<NetNs>> {
    let name = name_for_rules(&lead.name)?;
    if cap.found.files.lists {
        let shown = kernel::str::BStr::from_bytes(name.as_bytes());
        cap.report.has(
            &member.who,
            fmt!(
                "{}: a device that leads to another network namespace",
                shown
            ),
        );
    }
    if !lead.is_pair || !cap.found.ns.leaves_outside(&name)? {
        return Ok(None);
    }
    let ns = member.ns.lead_net(lead.index)?;
    // Who has the other end may move it, back too.
    if ns.addr() != lead.to {
        return Err(EAGAIN);
    }
    Ok(Some(ns))
}

/// Returns the namespace that the caller gives for where the device `name` leads.
pub(super) fn given(r: &Restore, plan: &TaskRecords<'_>, name: &[u8]) -> Result<NetNs> {
    let path = name_for_rules(name)?;
    let device = name_of(name);
    let all = r.policy.changes.given();
    let Some(given) = all.iter().find(|given| given.is_for(&path)) else {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "the device {} of its network namespace leads to another one that stays outside: give that, \
                 or another one (RESTART_RULE_GIVE, restart --fd netdev:{}=N)",
                device,
                device
            ),
        ));
    };
    let ns = NsFile::of(&given.file).and_then(|file| file.net());
    let Some(ns) = ns else {
        return Err(r.fail(
            EBADF,
            plan,
            fmt!(
                "the device {} of its network namespace leads outside, but descriptor {} of the caller is \
                 no network namespace",
                device,
                given.own_fd
            ),
        ));
    };
    if !ns.may_admin() {
        return Err(r.fail(
            EPERM,
            plan,
            fmt!(
                "the device {} of its network namespace leads outside, to a network namespace that the \
                 caller may not set up (CAP_NET_ADMIN over it)",
                device
            ),
        ));
    }
    Ok(ns)
}
