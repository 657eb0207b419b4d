// SPDX-License-Identifier: GPL-2.0

//! Kinds of filters and of their actions: what requests for them have, and what of them counts.
//!
//! What netlink tells of a filter is brought to one form: without what counts, and with what is unknown as it
//! is. So that is what is compared, what is sent, and what an image may have, which has nothing unknown.

use kernel::prelude::*;

use super::{
    ematches,
    message::{
        attributes,
        find,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    queues::{
        after_header,
        has_one,
        name_in,
        COUNTS,
        HEADER,
        KIND,
        OPTIONS,
        RATE, //
    },
    rebuild::copy, //
};

/// TCA_CHAIN.
pub(super) const CHAIN: u16 = 11;

/// TCA_ACT_OPTIONS, TCA_ACT_STATS.
const ACTION_OPTIONS: u16 = 2;
const ACTION_STATS: u16 = 4;

/// Of an action: TCA_ACT_KIND, TCA_ACT_COOKIE, TCA_ACT_FLAGS, TCA_ACT_HW_STATS.
const OF_ACTION: &[u16] = &[1, 6, 7, 8];

/// What of it only counts: TCA_ACT_STATS, TCA_ACT_PAD, TCA_ACT_USED_HW_STATS, TCA_ACT_IN_HW_COUNT.
const COUNTS_OF_ACTION: &[u16] = &[ACTION_STATS, 5, 9, 10];

/// TCA_CLS_FLAGS_SKIP_HW and TCA_CLS_FLAGS_VERBOSE: those that may be asked for without hardware.
const ASKED: u32 = 1 | 16;

/// TCA_CLS_FLAGS_NOT_IN_HW: the kernel sets it.
const NOT_IN_HARDWARE: u32 = 8;

/// TCA_U32_MARK, and where a `struct tc_u32_mark` counts.
const MARK: u16 = 10;
const MARK_COUNTS: usize = 8;

/// TCA_BPF_ID: it is a program.
const PROGRAM: u16 = 11;

/// In which order filters of one priority are tried.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// By what they are; or there is one.
    Any,
    /// The oldest one first.
    Oldest,
    /// The newest one first.
    Newest,
}

/// A kind of filters.
struct Classifier {
    name: &'static [u8],
    /// Attributes that it was told.
    told: &'static [u16],
    /// Attributes that only count.
    counts: &'static [u16],
    /// That of its actions, of a `police` of its own, of its flags, and of other matches; 0: it has none.
    actions: u16,
    police: u16,
    flags: u16,
    matches: u16,
    order: Order,
}

/// One that has none of these.
const BARE: Classifier = Classifier {
    name: b"",
    told: &[],
    counts: &[],
    actions: 0,
    police: 0,
    flags: 0,
    matches: 0,
    order: Order::Any,
};

/// TCA_MATCHALL_*, TCA_FW_*, TCA_U32_*, TCA_BASIC_*, TCA_CGROUP_*, TCA_ROUTE4_*, TCA_FLOW_*, TCA_BPF_*,
/// TCA_FLOWER_*: of flower what no tunnel, no MPLS, PPPoE, CFM or IPsec and no tracked connection is needed
/// for, of bpf what classic BPF is.
static CLASSIFIERS: &[Classifier] = &[
    Classifier {
        name: b"matchall",
        told: &[1],
        counts: &[4, 5],
        actions: 2,
        flags: 3,
        ..BARE
    },
    Classifier {
        name: b"fw",
        told: &[1, 3, 5],
        actions: 4,
        police: 2,
        ..BARE
    },
    Classifier {
        name: b"u32",
        told: &[1, 2, 3, 4, 5, 8, MARK],
        counts: &[9, 12],
        actions: 7,
        police: 6,
        flags: 11,
        ..BARE
    },
    Classifier {
        name: b"basic",
        told: &[1],
        counts: &[5, 6],
        actions: 3,
        police: 4,
        matches: 2,
        order: Order::Newest,
        ..BARE
    },
    Classifier {
        name: b"cgroup",
        actions: 1,
        police: 2,
        matches: 3,
        ..BARE
    },
    Classifier {
        name: b"route",
        told: &[1, 2, 3, 4],
        actions: 6,
        police: 5,
        ..BARE
    },
    Classifier {
        name: b"flow",
        told: &[1, 2, 3, 4, 5, 6, 7, 8, 12],
        actions: 9,
        police: 10,
        matches: 11,
        order: Order::Oldest,
        ..BARE
    },
    Classifier {
        name: b"bpf",
        told: &[3, 4, 5, 8],
        actions: 1,
        police: 2,
        flags: 9,
        order: Order::Newest,
        ..BARE
    },
    Classifier {
        name: b"flower",
        told: &[
            1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 35,
            36, 37, 38, 39, 40, 41, 42, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
            62, 63, 64, 65, 66, 71, 72, 73, 74, 75, 76, 77, 78, 79, 87, 88, 89, 90, 102, 106,
        ],
        counts: &[86],
        actions: 3,
        flags: 22,
        ..BARE
    },
];

/// Returns the kind with this name.
fn classifier(name: &[u8]) -> Option<&'static Classifier> {
    CLASSIFIERS.iter().find(|of| of.name == name)
}

/// Tells in which order filters of the kind with this name are tried.
pub(super) fn order_of(name: &[u8]) -> Order {
    classifier(name).map_or(Order::Any, |of| of.order)
}

/// A kind of actions.
struct Action {
    name: &'static [u8],
    /// The attribute that begins with `tc_gen`, or is `struct tc_police`, and where that says how many
    /// use it.
    parms: u16,
    users: usize,
    /// Where that says what it does.
    does: usize,
    /// Others that it was told.
    told: &'static [u16],
    /// Those that only count.
    counts: &'static [u16],
}

/// The action `police`, which is also fastened to filters as such: TCA_POLICE_*, with the tables of
/// rates, which are not told. Not TCA_POLICE_AVRATE, which wants an estimator.
static POLICE: Action = Action {
    name: b"police",
    parms: 1,
    users: 44,
    does: 4,
    told: &[2, 3, 5, 8, 9, 10, 11],
    counts: &[6, 7],
};

/// TCA_POLICE_RATE and TCA_POLICE_PEAKRATE, and where in a `struct tc_police` these are.
const TABLES: [(u16, usize); 2] = [(2, 20), (3, 32)];

/// TC_RTAB_SIZE. What is in a table does not count, but there must be one, with a logarithm of its cells.
const TABLE: [u8; 1024] = [0; 1024];
const CELL_LOG: u8 = 3;

/// Where the rate is in a `struct tc_ratespec`.
const RATE_IN_SPEC: usize = 8;

/// TCA_GACT_*, TCA_MIRRED_*, without a block, and TCA_SKBEDIT_*.
static ACTIONS: &[Action] = &[
    Action {
        name: b"gact",
        parms: 2,
        users: 12,
        does: 8,
        told: &[3],
        counts: &[1, 4],
    },
    Action {
        name: b"mirred",
        parms: 2,
        users: 12,
        does: 8,
        told: &[],
        counts: &[1, 3],
    },
    Action {
        name: b"skbedit",
        parms: 2,
        users: 12,
        does: 8,
        told: &[3, 4, 5, 7, 8, 9, 10],
        counts: &[1, 6],
    },
];

/// TC_ACT_GOTO_CHAIN, and the bits that tell such a value from others: TC_ACT_EXT_OPCODE().
const GOTO_CHAIN: u32 = 2 << 28;
const EXTENDED: u32 = !(u32::MAX >> 4);

/// What the one form is for.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// To check what an image has: nothing else may be in it.
    Check,
    /// To compare filters.
    Compare,
    /// To compare actions, with how many use them.
    Users,
    /// To be sent.
    Send,
}

impl Form {
    /// Adds an attribute that is not known.
    fn unknown(self, kind: u16, content: &[u8], out: &mut Message) -> Result {
        if self == Self::Check {
            return Err(EINVAL);
        }
        out.add(kind, content)
    }

    /// Checks the same of one that only counts.
    fn counts(self) -> Result {
        if self == Self::Check {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Adds the options of an action.
    fn action_options(self, action: &Action, options: &[u8], out: &mut Message) -> Result {
        attributes(options, |kind, attribute| {
            let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
            match kind {
                kind if kind == action.parms => self.parms(action, content, out),
                kind if action.told.contains(&kind) => out.add(kind, content),
                kind if action.counts.contains(&kind) => self.counts(),
                kind => self.unknown(kind, content, out),
            }
        })
    }

    /// Adds the attribute that begins with what all actions have.
    fn parms(self, action: &Action, content: &[u8], out: &mut Message) -> Result {
        let mut parms = copy(content)?;
        if self != Self::Users {
            let users = parms.get_mut(action.users..action.users + 8);
            users.unwrap_or(&mut []).fill(0);
        }
        if self == Self::Send && action.name == POLICE.name {
            for (kind, at) in TABLES {
                if !matches!(u32_at(&parms, at + RATE_IN_SPEC), None | Some(0)) {
                    if let Some(cell_log) = parms.get_mut(at) {
                        *cell_log = CELL_LOG;
                    }
                    out.add(kind, &TABLE)?;
                }
            }
        }
        out.add(action.parms, &parms)
    }

    /// Adds a list of actions.
    fn actions(self, list: &[u8], out: &mut Message) -> Result {
        attributes(list, |order, attribute| {
            let inner = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
            let Some(action) = action(name_in(inner)?) else {
                return self.unknown(order, inner, out);
            };
            if self == Self::Check && !has_one(inner, KIND)? {
                return Err(EINVAL);
            }
            out.nest(order, |one| {
                attributes(inner, |kind, attribute| {
                    let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
                    match kind {
                        ACTION_OPTIONS => one.nest(kind, |options| {
                            self.action_options(action, content, options)
                        }),
                        kind if OF_ACTION.contains(&kind) => one.add(kind, content),
                        // That of a filter's own police is told nowhere else.
                        ACTION_STATS if self == Self::Users && find(content, RATE)?.is_some() => {
                            one.add(kind, &[])
                        }
                        kind if COUNTS_OF_ACTION.contains(&kind) => self.counts(),
                        kind => self.unknown(kind, content, one),
                    }
                })
            })
        })
    }

    /// Adds the options of a filter.
    fn options(self, of: &Classifier, options: &[u8], out: &mut Message) -> Result {
        attributes(options, |kind, attribute| {
            let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
            match kind {
                kind if kind == of.actions => out.nest(kind, |list| self.actions(content, list)),
                kind if kind == of.police && kind != 0 => {
                    out.nest(kind, |one| self.action_options(&POLICE, content, one))
                }
                kind if kind == of.flags && kind != 0 => {
                    let flags = u32_at(content, 0).ok_or(EINVAL)?;
                    if self == Self::Check && flags & !ASKED != 0 {
                        return Err(EINVAL);
                    }
                    match flags & !NOT_IN_HARDWARE {
                        0 => Ok(()),
                        flags => out.add(kind, &flags.to_ne_bytes()),
                    }
                }
                kind if kind == of.matches && kind != 0 => {
                    if self == Self::Check && !ematches::are_saved(content)? {
                        return Err(EINVAL);
                    }
                    out.add(kind, content)
                }
                MARK if of.name == b"u32" => {
                    let mut mark = copy(content)?;
                    mark.get_mut(MARK_COUNTS..).unwrap_or(&mut []).fill(0);
                    out.add(kind, &mark)
                }
                kind if of.told.contains(&kind) => out.add(kind, content),
                kind if of.counts.contains(&kind) => self.counts(),
                kind => self.unknown(kind, content, out),
            }
        })
    }

    /// Brings a filter to this form.
    fn filter(self, body: &[u8]) -> Result<Message> {
        let rest = after_header(body)?;
        let name = name_in(rest)?;
        let of = classifier(name);
        if self == Self::Check && (of.is_none() || !has_one(rest, KIND)? || !is_of_device(body)) {
            return Err(EINVAL);
        }
        let mut out = Message::new(body.get(..HEADER).ok_or(EIO)?)?;
        attributes(rest, |kind, attribute| {
            let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
            match (kind, of) {
                (KIND | CHAIN, _) => out.add(kind, content),
                (OPTIONS, Some(of)) => out.nest(kind, |options| self.options(of, content, options)),
                (kind, _) if COUNTS.contains(&kind) => self.counts(),
                _ => self.unknown(kind, content, &mut out),
            }
        })?;
        Ok(out)
    }
}

/// Returns whether a filter hangs on a device, and not on a block that several share
/// (TCM_IFINDEX_MAGIC_BLOCK).
fn is_of_device(body: &[u8]) -> bool {
    u32_at(body, 4).is_some_and(|index| i32::try_from(index).is_ok_and(|index| index > 0))
}

/// Returns whether a request for a filter has only what one of ours may have.
pub(super) fn is_filter(body: &[u8]) -> bool {
    Form::Check.filter(body).is_ok()
}

/// Adds what counts of a filter.
pub(super) fn key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let form = Form::Compare.filter(body)?;
    Ok(out.extend_from_slice(&form.0, GFP_KERNEL_ACCOUNT)?)
}

/// Returns the request for a filter.
pub(super) fn request(body: &[u8]) -> Result<Message> {
    Form::Send.filter(body)
}

/// Adds what counts of a list of actions: those of a kind that the namespace has.
pub(super) fn actions_key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(4).ok_or(EIO)?;
    let mut form = Message::new(header)?;
    attributes(rest, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        // TCA_ACT_TAB.
        if kind == 1 {
            form.nest(kind, |list| Form::Users.actions(content, list))
        } else {
            form.add(kind, content)
        }
    })?;
    Ok(out.extend_from_slice(&form.0, GFP_KERNEL_ACCOUNT)?)
}

/// Returns the kind of actions with this name.
fn action(name: &[u8]) -> Option<&'static Action> {
    let mut all = Iterator::chain(ACTIONS.iter(), core::iter::once(&POLICE));
    all.find(|action| action.name == name)
}

/// Returns whether an action, of whose options these are, leads to a chain, and if so how many filters have
/// it.
fn leads(action: &Action, options: &[u8]) -> Result<Option<u32>> {
    let parms = find(options, action.parms)?.unwrap_or(&[]);
    let does = u32_at(parms, action.does).unwrap_or(0);
    // How many filters are bound to it comes after how many have it.
    let filters = u32_at(parms, action.users + 4).unwrap_or(0);
    Ok((does & EXTENDED == GOTO_CHAIN).then_some(filters))
}

/// Returns how many filters have an action of this one that leads to a chain, at most; `None`: it has no such
/// action.
pub(super) fn leads_to_chain(body: &[u8]) -> Result<Option<u32>> {
    let rest = after_header(body)?;
    let Some(of) = classifier(name_in(rest)?) else {
        return Ok(None);
    };
    let options = find(rest, OPTIONS)?.unwrap_or(&[]);
    let mut most = match find(options, of.police)? {
        Some(police) if of.police != 0 => leads(&POLICE, police)?,
        _ => None,
    };
    attributes(find(options, of.actions)?.unwrap_or(&[]), |_, one| {
        let one = one.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        if let Some(action) = action(name_in(one)?) {
            most = most.max(leads(action, find(one, ACTION_OPTIONS)?.unwrap_or(&[]))?);
        }
        Ok(())
    })?;
    Ok(most)
}

/// Returns why a filter can't be saved; `None`: nothing it tells stands in the way.
pub(super) fn unsaved(body: &[u8]) -> Result<Option<&'static str>> {
    let rest = after_header(body)?;
    let Some(of) = classifier(name_in(rest)?) else {
        return Ok(None);
    };
    let options = find(rest, OPTIONS)?.unwrap_or(&[]);
    let mut estimated = false;
    attributes(find(options, of.actions)?.unwrap_or(&[]), |_, action| {
        let action = action.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        let stats = find(action, ACTION_STATS)?.unwrap_or(&[]);
        estimated |= find(stats, RATE)?.is_some();
        Ok(())
    })?;
    if estimated {
        return Ok(Some("estimators of rates (tc estimator)"));
    }
    if of.name == b"bpf" && find(options, PROGRAM)?.is_some() {
        return Ok(Some("filters that are programs (tc filter bpf)"));
    }
    // It is the chain where the first one of them hangs, which is not told.
    if leads_to_chain(body)?.is_some_and(|filters| filters > 1) {
        return Ok(Some(
            "actions of several filters that lead to a chain (goto chain)",
        ));
    }
    Ok(match find(options, of.matches)? {
        Some(tree) if of.matches != 0 && !ematches::are_saved(tree)? => {
            Some("filters that match by sets, iptables or CAN (tc ematch)")
        }
        _ => None,
    })
}

/// Returns whether the kernel would make a filter of what a request has, but not of all: it passes over
/// matches, and marks that `u32` looks for, which it was built without.
pub(super) fn is_cut(body: &[u8]) -> Result<bool> {
    let rest = after_header(body)?;
    let Some(of) = classifier(name_in(rest)?) else {
        return Ok(false);
    };
    let options = find(rest, OPTIONS)?.unwrap_or(&[]);
    if of.name == b"u32" && !cfg!(CONFIG_CLS_U32_MARK) {
        return Ok(find(options, MARK)?.is_some());
    }
    if of.matches == 0 || cfg!(CONFIG_NET_EMATCH) {
        return Ok(false);
    }
    Ok(find(options, of.matches)?.is_some_and(ematches::has_some))
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_classifiers)]
mod tests {
    use super::*;
    use crate::ns::net::tc::ask_for;

    fn filter(name: &[u8], fill: impl FnOnce(&mut Message) -> Result) -> Result<Message> {
        let mut message = Message::new(&ask_for(1, 1 << 16))?;
        message.add(KIND, name)?;
        message.nest(OPTIONS, fill)?;
        Ok(message)
    }

    /// Returns a filter with an action.
    fn acts(name: &[u8], kinds: &[u16]) -> Result<Message> {
        filter(b"matchall\0", |options| {
            options.nest(2, |list| {
                list.nest(1, |one| {
                    one.add(KIND, name)?;
                    one.nest(ACTION_OPTIONS, |options| {
                        kinds
                            .iter()
                            .try_for_each(|&kind| options.add(kind, &[1; 56]))
                    })
                })
            })
        })
    }

    /// Only kinds of ours, with what they were told: nothing that leads elsewhere, nothing that counts.
    #[test]
    fn what_may_be() -> Result {
        let of = |name: &[u8], kind: u16| {
            Ok::<_, Error>(is_filter(
                &filter(name, |options| options.add(kind, &[0; 4]))?.0,
            ))
        };
        assert!(of(b"matchall\0", 1)? && !of(b"matchall\0", 4)?);
        assert!(of(b"basic\0", 1)? && !of(b"basic\0", 5)? && !of(b"rsvp\0", 1)?);
        // TCA_BPF_OPS, TCA_BPF_FD, TCA_BPF_NAME.
        assert!(of(b"bpf\0", 5)? && !of(b"bpf\0", 6)? && !of(b"bpf\0", 7)?);
        assert!(of(b"route\0", 4)? && of(b"flow\0", 12)? && !of(b"cgroup\0", 4)?);
        assert!(of(b"fw\0", 5)? && of(b"u32\0", 5)? && !of(b"u32\0", 9)? && !of(b"u32\0", 13)?);
        // TCA_FLOWER_KEY_IP_PROTO, TCA_FLOWER_KEY_ENC_OPTS.
        assert!(of(b"flower\0", 9)? && !of(b"flower\0", 84)?);
        // TCA_GACT_PARMS; TCA_GACT_TM; TCA_MIRRED_BLOCKID; TCA_POLICE_AVRATE.
        for (name, kind, is) in [
            (&b"gact\0"[..], 2, true),
            (b"gact\0", 1, false),
            (b"mirred\0", 4, false),
            (b"police\0", 4, false),
            (b"bpf\0", 2, false),
        ] {
            assert!(is_filter(&acts(name, &[kind])?.0) == is);
        }
        assert!(!is_filter(&[]) && !is_filter(&[0; HEADER]));
        Ok(())
    }

    /// Those of a block that several share are none of a device.
    #[test]
    fn of_block() -> Result {
        let mut message = filter(b"fw\0", |_| Ok(()))?;
        assert!(is_filter(&message.0));
        if let Some(index) = message.0.get_mut(4..8) {
            index.fill(0xff);
        }
        assert!(!is_filter(&message.0));
        Ok(())
    }

    /// TCA_CLS_FLAGS_SKIP_HW, TCA_CLS_FLAGS_SKIP_SW, TCA_CLS_FLAGS_IN_HW; what the kernel sets is not sent.
    #[test]
    fn hardware() -> Result {
        for (flags, is) in [(1u32, true), (2, false), (4, false), (8, true), (9, true)] {
            let told = filter(b"matchall\0", |options| {
                options.add(3, &flags.to_ne_bytes())
            })?;
            let sent = Form::Send.filter(&told.0)?;
            assert!(is_filter(&sent.0) == is);
        }
        Ok(())
    }

    /// How many use an action counts only where actions are listed. A rate is sent with a table.
    #[test]
    fn users() -> Result {
        let told = acts(b"police\0", &[1])?;
        let [mut compared, mut sent] = [0, 0];
        for (form, len) in [(Form::Compare, &mut compared), (Form::Send, &mut sent)] {
            let message = form.filter(&told.0)?;
            *len = message.0.len();
            assert!(form == Form::Compare || is_filter(&message.0));
        }
        assert!(sent == compared + 2 * (TABLE.len() + ATTRIBUTE_HEADER));
        let mut out = Message::new(&[])?;
        Form::Users.parms(&POLICE, &[1; 56], &mut out)?;
        assert!(out.0.iter().filter(|&&byte| byte == 1).count() > 56);
        let mut out = Message::new(&[])?;
        Form::Compare.parms(&POLICE, &[1; 56], &mut out)?;
        assert!(out.0.iter().filter(|&&byte| byte == 1).count() < 56);
        Ok(())
    }

    /// What the kernel was built without is not passed over.
    #[test]
    fn cut() -> Result {
        let marked = filter(b"u32\0", |options| options.add(MARK, &[1; 12]))?;
        assert!(is_filter(&marked.0) && is_cut(&marked.0)? != cfg!(CONFIG_CLS_U32_MARK));
        let plain = filter(b"u32\0", |options| options.add(5, &[0; 16]))?;
        assert!(!is_cut(&plain.0)?);
        let matches = filter(b"basic\0", |options| {
            options.nest(2, |tree| {
                tree.add(1, &[1, 0, 0, 0])?;
                tree.nest(2, |list| list.add(1, &[0, 0, 1, 0, 0, 0, 0, 0]))
            })
        })?;
        assert!(is_cut(&matches.0)? != cfg!(CONFIG_NET_EMATCH));
        Ok(())
    }

    /// What leads to a chain, of how many filters.
    #[test]
    fn chains() -> Result {
        for (does, leads) in [(GOTO_CHAIN | 5, Some(2)), (2, None), (1 << 28 | 5, None)] {
            let mut parms = [0; 20];
            for (at, number) in [(8, does), (16, 2u32)] {
                if let Some(bytes) = parms.get_mut(at..at + 4) {
                    bytes.copy_from_slice(&number.to_ne_bytes());
                }
            }
            let told = filter(b"matchall\0", |options| {
                options.nest(2, |list| {
                    list.nest(1, |one| {
                        one.add(KIND, b"gact\0")?;
                        one.nest(ACTION_OPTIONS, |options| options.add(2, &parms))
                    })
                })
            })?;
            assert!(leads_to_chain(&told.0)? == leads);
            assert!(unsaved(&told.0)?.is_some() == leads.is_some());
        }
        Ok(())
    }
}
