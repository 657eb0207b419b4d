// SPDX-License-Identifier: GPL-2.0

//! Filters of queueing disciplines and classes, and their actions.
//!
//! What netlink tells of one is brought to one form: without what counts, and with what is unknown as it
//! is. So that is what is compared, what is sent, and what an image may have, which has nothing unknown.

use kernel::prelude::*;

use super::{
    dump::{
        Item,
        Table, //
    },
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
    rebuild::{
        copy,
        Rebuild, //
    },
    request::Request,
    tables::PLAIN,
    tc::{
        self,
        ask_for,
        blocks, //
    }, //
};
use crate::{
    image::ns::REQUEST_NEWTFILTER,
    kapi::{
        net::{
            namespace::NetNs,
            tc::Filters, //
        },
        time::wait, //
    }, //
};

/// TCA_CHAIN.
const CHAIN: u16 = 11;

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

/// Most bits of a handle of `u32` that are of what is in a table: TC_U32_KEY.
const IN_TABLE: u32 = 0xf_ffff;

/// TCA_U32_MARK, and where a `struct tc_u32_mark` counts.
const MARK: u16 = 10;
const MARK_COUNTS: usize = 8;

/// A kind of filters.
struct Classifier {
    name: &'static [u8],
    /// Attributes that it was told.
    told: &'static [u16],
    /// Attributes that only count.
    counts: &'static [u16],
    /// That of its actions, of a `police` of its own, and of its flags; 0: it has none.
    actions: u16,
    police: u16,
    flags: u16,
}

/// TCA_MATCHALL_*, TCA_FW_*, TCA_U32_*, TCA_FLOWER_*: of flower what no tunnel, no MPLS, PPPoE, CFM or
/// IPsec and no tracked connection is needed for.
static CLASSIFIERS: &[Classifier] = &[
    Classifier {
        name: b"matchall",
        told: &[1],
        counts: &[4, 5],
        actions: 2,
        police: 0,
        flags: 3,
    },
    Classifier {
        name: b"fw",
        told: &[1, 3, 5],
        counts: &[],
        actions: 4,
        police: 2,
        flags: 0,
    },
    Classifier {
        name: b"u32",
        told: &[1, 2, 3, 4, 5, 8, MARK],
        counts: &[9, 12],
        actions: 7,
        police: 6,
        flags: 11,
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
        police: 0,
        flags: 22,
    },
];

/// A kind of actions.
struct Action {
    name: &'static [u8],
    /// The attribute that begins with `tc_gen`, or is `struct tc_police`, and where that says how many
    /// use it.
    parms: u16,
    users: usize,
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
        told: &[3],
        counts: &[1, 4],
    },
    Action {
        name: b"mirred",
        parms: 2,
        users: 12,
        told: &[],
        counts: &[1, 3],
    },
    Action {
        name: b"skbedit",
        parms: 2,
        users: 12,
        told: &[3, 4, 5, 7, 8, 9, 10],
        counts: &[1, 6],
    },
];

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

    /// Checks the same for one that only counts.
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
            let name = name_in(inner)?;
            let mut all = Iterator::chain(ACTIONS.iter(), core::iter::once(&POLICE));
            let Some(action) = all.find(|action| action.name == name) else {
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
        let of = CLASSIFIERS.iter().find(|of| of.name == name);
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
fn key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let form = Form::Compare.filter(body)?;
    Ok(out.extend_from_slice(&form.0, GFP_KERNEL_ACCOUNT)?)
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

/// Returns the filters that `request` asks for: RTM_GETTFILTER. Which come first is told by what they
/// are, but of tables of `u32`.
fn table(request: &[u8], sorted: bool) -> Table<'_> {
    Table {
        name: "filters of tc",
        request: 46,
        body: request,
        header: HEADER,
        own: Some(key),
        sorted,
        ..PLAIN
    }
}

/// Filters of one priority, which come together.
struct Group {
    index: u32,
    /// The number of the first table of `u32`, which comes with it; 0: it is of another kind.
    root: u32,
    /// How many there were before it.
    order: usize,
    filters: KVVec<Item>,
}

/// Returns the handle of a filter.
fn handle(body: &[u8]) -> u32 {
    u32_at(body, 8).unwrap_or(0)
}

/// Returns whether a message tells that there is a priority, and of no filter.
fn is_head(body: &[u8]) -> Result<bool> {
    Ok(handle(body) == 0 && find(after_header(body)?, OPTIONS)?.is_none())
}

/// Returns the filters that hang on `parent` of a device, in groups; adds them to `all`.
fn groups(ns: &NetNs, (index, parent): (u32, u32), all: &mut KVVec<Group>) -> Result {
    for item in table(&ask_for(index, parent), false).of(ns)? {
        if item.body.is_empty() {
            continue;
        }
        let begins = is_head(&item.body)?;
        if begins {
            let group = Group {
                index,
                root: 0,
                order: all.len(),
                filters: KVVec::new(),
            };
            all.push(group, GFP_KERNEL_ACCOUNT)?;
            continue;
        }
        // The first one is told before what is in it.
        let group = all.last_mut().ok_or(EIO)?;
        if name_in(after_header(&item.body)?)? == b"u32" && handle(&item.body) & IN_TABLE == 0 {
            // The newest table comes first: the last one came with the priority.
            group.root = handle(&item.body);
        }
        group.filters.push(item, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Gives a new namespace the filters of the other one. The kernel numbers the first tables of `u32` one
/// after the other: so they are made in that order. Other tables come before what leads to them.
pub(super) fn give(rebuild: &mut Rebuild<'_>) -> Result {
    let mut all = KVVec::new();
    for block in blocks(rebuild.ns)? {
        wait::go_on()?;
        groups(rebuild.ns, block, &mut all)?;
    }
    all.sort_unstable_by_key(|group| (group.index, group.root, group.order));
    for group in &all {
        let is_table = |item: &&Item| group.root != 0 && handle(&item.body) & IN_TABLE == 0;
        let tables = group.filters.iter().rev().filter(is_table);
        let tables = tables.filter(|item| handle(&item.body) != group.root);
        let others = group.filters.iter().filter(|item| !is_table(item));
        for item in Iterator::chain(tables, others) {
            wait::go_on()?;
            let message = Form::Send.filter(&item.body)?;
            rebuild.send(Request::new(REQUEST_NEWTFILTER, 0, message)?)?;
        }
    }
    Ok(())
}

/// Returns whether something is estimated of an action of a filter.
fn is_estimated(body: &[u8]) -> Result<bool> {
    let rest = after_header(body)?;
    let name = name_in(rest)?;
    let Some(of) = CLASSIFIERS.iter().find(|of| of.name == name) else {
        return Ok(false);
    };
    let options = find(rest, OPTIONS)?.unwrap_or(&[]);
    let mut is = false;
    attributes(find(options, of.actions)?.unwrap_or(&[]), |_, action| {
        let action = action.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        let stats = find(action, ACTION_STATS)?.unwrap_or(&[]);
        is |= find(stats, RATE)?.is_some();
        Ok(())
    })?;
    Ok(is)
}

/// Returns what `ns` has that nothing tells. `fresh` is what it was compared with.
pub(super) fn untold(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
    if let Some(what) = tc::untold(ns)? {
        return Ok(Some(what));
    }
    for (index, parent) in blocks(ns)? {
        wait::go_on()?;
        if let Filters::InChain = ns.compare_filters(fresh, index, parent)? {
            return Ok(Some(
                "chains of filters that were made by themselves (tc chain)",
            ));
        }
        for item in &table(&ask_for(index, parent), false).of(ns)? {
            if !item.body.is_empty() && is_estimated(&item.body)? {
                return Ok(Some("estimators of rates (tc estimator)"));
            }
        }
    }
    Ok(None)
}

/// Returns whether `ns` has other filters, or chains of them, than `fresh`: also the queueing discipline
/// that a device has at first may take them.
pub(super) fn differ(ns: &NetNs, fresh: &NetNs) -> Result<bool> {
    for (index, parent) in blocks(ns)? {
        wait::go_on()?;
        let request = ask_for(index, parent);
        // RTM_GETCHAIN.
        let chains = Table {
            request: 102,
            body: &request,
            header: HEADER,
            sorted: true,
            ..PLAIN
        };
        if table(&request, true).differs(ns, fresh)?
            || chains.differs(ns, fresh)?
            || !matches!(ns.compare_filters(fresh, index, parent)?, Filters::Same)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_filters)]
mod tests {
    use super::*;

    fn filter(name: &[u8], fill: impl FnOnce(&mut Message) -> Result) -> Result<Message> {
        let mut message = Message::new(&ask_for(1, 1 << 16))?;
        message.add(KIND, name)?;
        message.nest(OPTIONS, fill)?;
        Ok(message)
    }

    /// Makes a filter with an action.
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

    /// Checks that filters are of known kinds, with what they were told: nothing that leads elsewhere,
    /// nothing that counts.
    #[test]
    fn what_may_be() -> Result {
        let of = |name: &[u8], kind: u16| {
            Ok::<_, Error>(is_filter(
                &filter(name, |options| options.add(kind, &[0; 4]))?.0,
            ))
        };
        assert!(of(b"matchall\0", 1)? && !of(b"matchall\0", 4)? && !of(b"bpf\0", 1)?);
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

    /// Checks that those of a block that several share are none of a device.
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

    /// Checks TCA_CLS_FLAGS_SKIP_HW, TCA_CLS_FLAGS_SKIP_SW, TCA_CLS_FLAGS_IN_HW; what the kernel sets
    /// is not sent.
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

    /// Checks that how many use an action counts only where actions are listed. A rate is sent with a
    /// table.
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
}
