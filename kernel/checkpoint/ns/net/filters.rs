// SPDX-License-Identifier: GPL-2.0

//! Filters of queueing disciplines and classes, and their actions: which there are, and in what order they
//! are made. What they are is in `classifiers.rs`.

use kernel::prelude::*;

use super::{
    classifiers::{
        self,
        order_of,
        Order,
        CHAIN, //
    },
    dump::{
        Item,
        Table, //
    },
    message::{
        find,
        u32_at,
        Message, //
    },
    queues::{
        after_header,
        name_in,
        HEADER,
        OPTIONS, //
    },
    rebuild::Rebuild,
    request::Request,
    tables::PLAIN,
    tc::{
        self,
        ask_for,
        blocks,
        MAJOR, //
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

/// RTM_GETTFILTER.
const GETTFILTER: u16 = 46;

/// Most bits of a handle of `u32` that are of what is in a table: TC_U32_KEY.
const IN_TABLE: u32 = 0xf_ffff;

/// The handle that asks for the first table of a priority: TC_U32_ROOT.
const ROOT: u32 = 0xfff0_0000;

/// The bits of tcm_info that are the priority.
const PRIORITY: u32 = 0xffff_0000;

/// Returns the filters that `request` asks for, in the order in which they are told, or by what they are.
fn table(request: &[u8], sorted: bool) -> Table<'_> {
    Table {
        name: "filters of tc",
        request: GETTFILTER,
        body: request,
        header: HEADER,
        own: Some(classifiers::key),
        sorted,
        ..PLAIN
    }
}

/// Returns those of them that are tried in the order in which they are told.
fn ordered(request: &[u8]) -> Table<'_> {
    Table {
        own: Some(|body, out| match order_of(name_in(after_header(body)?)?) {
            Order::Any => Ok(()),
            Order::Oldest | Order::Newest => classifiers::key(body, out),
        }),
        ..table(request, false)
    }
}

/// Filters of one priority of a chain, which come together.
struct Group {
    /// The device, its queueing discipline, and the priority: what tables of `u32` are told of.
    place: (u32, u32, u32),
    /// Where it hangs, of these.
    parent: u32,
    /// The number of the first table of `u32`, which comes with it; 0: it is of another kind.
    root: u32,
    /// `filters` has also what is in tables that are no first ones, which is told of each of a place.
    has_all: bool,
    /// How many there were before it.
    order: usize,
    /// What tells of it, and of no filter.
    head: KVVec<u8>,
    filters: KVVec<Item>,
}

/// Returns the handle of a filter.
fn handle(body: &[u8]) -> u32 {
    u32_at(body, 8).unwrap_or(0)
}

/// Returns the name of the kind of a filter.
fn kind(body: &[u8]) -> Result<&[u8]> {
    name_in(after_header(body)?)
}

/// Returns whether a message tells that there is a priority, and of no filter.
fn is_head(body: &[u8]) -> Result<bool> {
    Ok(handle(body) == 0 && find(after_header(body)?, OPTIONS)?.is_none())
}

/// Returns the number of the first table of `u32` of the priority that `head` tells of; 0: it is gone.
fn root_of(ns: &NetNs, head: &[u8]) -> Result<u32> {
    let mut request = Message::new(head.get(..HEADER).ok_or(EIO)?)?;
    if let Some(handle) = request.0.get_mut(8..12) {
        handle.copy_from_slice(&ROOT.to_ne_bytes());
    }
    if let Some(chain) = find(after_header(head)?, CHAIN)? {
        request.add(CHAIN, chain)?;
    }
    let table = Table {
        once: true,
        ..table(&request.0, false)
    };
    let answers = table.of(ns)?;
    let answer = answers.iter().find(|item| !item.body.is_empty());
    Ok(answer.map_or(0, |item| handle(&item.body)))
}

/// Returns the table of `u32` that a filter is in, or that it is.
fn table_of(item: &Item) -> u32 {
    handle(&item.body) & !IN_TABLE
}

/// Returns whether a group with this root, which is told next, is the oldest one of its place in `all`; those
/// that it is older than have only what is in their own first tables then. There may be many of them, each of
/// which tells of all.
fn is_oldest(all: &mut KVVec<Group>, place: (u32, u32, u32), root: u32) -> bool {
    let (index, major, _) = place;
    // Those of one queueing discipline come one after the other.
    let mut beside = all
        .iter_mut()
        .rev()
        .take_while(|group| (group.place.0, group.place.1) == (index, major))
        .filter(|group| group.place == place && group.root != 0 && group.has_all);
    match beside.next() {
        Some(older) if older.root < root => false,
        Some(other) => {
            let own = other.root;
            other.filters.retain(|item| table_of(item) == own);
            other.has_all = false;
            true
        }
        None => true,
    }
}

/// Returns the filters that hang on `parent` of a device, in groups; adds them to `all`.
fn groups(ns: &NetNs, (index, parent): (u32, u32), all: &mut KVVec<Group>) -> Result {
    for item in table(&ask_for(index, parent), false).of(ns)? {
        if item.body.is_empty() {
            continue;
        }
        if is_head(&item.body)? {
            let root = match kind(&item.body)? {
                b"u32" => root_of(ns, &item.body)?,
                _ => 0,
            };
            let prio = u32_at(&item.body, 16).ok_or(EIO)? & PRIORITY;
            let place = (index, parent & MAJOR, prio);
            let group = Group {
                place,
                parent,
                root,
                has_all: root == 0 || is_oldest(all, place, root),
                order: all.len(),
                head: item.body,
                filters: KVVec::new(),
            };
            all.push(group, GFP_KERNEL_ACCOUNT)?;
            continue;
        }
        // The first one is told before what is in it.
        let group = all.last_mut().ok_or(EIO)?;
        if group.has_all || table_of(&item) == group.root {
            group.filters.push(item, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(())
}

/// A first table of `u32`: its place, its number, and where it hangs.
type Root = ((u32, u32, u32), u32, u32);

/// Which there are; sorted.
struct Roots(KVVec<Root>);

impl Roots {
    fn of(groups: &[Group]) -> Result<Self> {
        let mut roots = KVVec::new();
        for group in groups.iter().filter(|group| group.root != 0) {
            roots.push((group.place, group.root, group.parent), GFP_KERNEL_ACCOUNT)?;
        }
        roots.sort_unstable();
        Ok(Self(roots))
    }

    /// Returns those of the place of `group`.
    fn beside(&self, group: &Group) -> &[Root] {
        let from = self.0.partition_point(|(place, ..)| *place < group.place);
        let to = self.0.partition_point(|(place, ..)| *place <= group.place);
        self.0.get(from..to).unwrap_or(&[])
    }

    /// Tells what of what is told of a priority comes with `group`.
    fn share(&self, group: &Group) -> Share<'_> {
        let beside = self.beside(group);
        Share {
            root: group.root,
            beside,
            is_oldest: beside
                .first()
                .is_some_and(|&(_, root, _)| root == group.root),
            is_only: beside.iter().all(|&(.., parent)| parent == group.parent),
        }
    }
}

/// Which tables of `u32` come with a group: tables of one priority are told wherever that is, in other chains
/// and at other places of the queueing discipline.
struct Share<'a> {
    root: u32,
    /// All first ones of its place.
    beside: &'a [Root],
    /// Its own is the oldest of them.
    is_oldest: bool,
    /// They all hang where it does.
    is_only: bool,
}

impl Share<'_> {
    /// Returns whether what is in the table of `item`, or that itself, is of them: what is in no first one
    /// comes with the oldest, if nothing of it depends on where it was made.
    fn has(&self, item: &Item) -> Result<bool> {
        let table = table_of(item);
        if self.root == 0 || table == self.root {
            return Ok(true);
        }
        let is_first = self
            .beside
            .binary_search_by_key(&table, |&(_, root, _)| root);
        if is_first.is_ok() || !self.is_oldest {
            return Ok(false);
        }
        // It is the chain of the place that it was made at. What is left out differs.
        Ok(self.is_only || classifiers::leads_to_chain(&item.body)?.is_none())
    }
}

/// Returns the requests for a group, in the order in which they are sent.
fn requests(group: &Group, roots: &Roots) -> Result<KVVec<Message>> {
    let mut own = KVVec::new();
    let share = roots.share(group);
    for item in &group.filters {
        wait::go_on()?;
        if share.has(item)? {
            own.push(item, GFP_KERNEL_ACCOUNT)?;
        }
    }
    let is_table = |item: &&&Item| group.root != 0 && handle(&item.body) & IN_TABLE == 0;
    // The newest one is told first. Other tables come before what leads to them.
    let tables = own.iter().rev().filter(is_table);
    let tables = tables.filter(|item| handle(&item.body) != group.root);
    let others = own.iter().filter(|item| !is_table(item));
    let mut all = KVVec::new();
    for item in Iterator::chain(tables, others) {
        wait::go_on()?;
        all.push(classifiers::request(&item.body)?, GFP_KERNEL_ACCOUNT)?;
    }
    if all.is_empty() {
        // `u32`, or `fw` that takes marks for classes.
        all.push(classifiers::request(&group.head)?, GFP_KERNEL_ACCOUNT)?;
    }
    if let Order::Newest = order_of(kind(&group.head)?) {
        all.reverse();
    }
    Ok(all)
}

/// Gives a new namespace the filters of the other one. The kernel numbers the first tables of `u32` one
/// after the other: so they are made in that order.
pub(super) fn give(rebuild: &mut Rebuild<'_>) -> Result {
    let mut all = KVVec::new();
    for block in blocks(rebuild.ns)? {
        wait::go_on()?;
        groups(rebuild.ns, block, &mut all)?;
    }
    let roots = Roots::of(&all)?;
    all.sort_unstable_by_key(|group| {
        let (index, ..) = group.place;
        (index, group.root, group.order)
    });
    for group in &all {
        for message in requests(group, &roots)? {
            wait::go_on()?;
            rebuild.send(Request::new(REQUEST_NEWTFILTER, 0, message)?)?;
        }
    }
    Ok(())
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
            if item.body.is_empty() {
                continue;
            }
            if let Some(what) = classifiers::unsaved(&item.body)? {
                return Ok(Some(what));
            }
        }
    }
    Ok(None)
}

/// How often, a while apart, actions are looked at that lead to other chains: those of filters that were just
/// taken away go after a grace period of RCU.
const LOOKS: usize = 100;
const WHILE_MS: u32 = 10;

/// Compares the filters that hang on `parent` of a device.
fn compare(ns: &NetNs, fresh: &NetNs, (index, parent): (u32, u32)) -> Result<Filters> {
    for _ in 0..LOOKS {
        wait::go_on()?;
        match ns.compare_filters(fresh, index, parent)? {
            Filters::Lead => wait::pause_ms(WHILE_MS),
            found => return Ok(found),
        }
    }
    Ok(Filters::Lead)
}

/// Returns what of the filters of `ns`, or of chains of them, is not as that of `fresh`: also the queueing
/// discipline that a device has at first may take them.
pub(super) fn differ(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
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
            || ordered(&request).differs(ns, fresh)?
            || chains.differs(ns, fresh)?
        {
            return Ok(Some("filters of tc"));
        }
        match compare(ns, fresh, (index, parent))? {
            Filters::Same => (),
            Filters::Lead => {
                return Ok(Some(
                    "filters of tc that lead to a chain of another place (goto chain)",
                ))
            }
            Filters::Differ | Filters::InChain => return Ok(Some("filters of tc")),
        }
    }
    Ok(None)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_filters)]
mod tests {
    use super::*;
    use crate::ns::net::queues::KIND;

    const INBOUND: u32 = 0xffff_fff2;
    const OUTBOUND: u32 = 0xffff_fff3;

    /// Returns what is told of a filter of `u32` with this handle.
    fn item(number: u32) -> Result<Item> {
        let mut message = Message::new(&ask_for(1, INBOUND))?;
        if let Some(handle) = message.0.get_mut(8..12) {
            handle.copy_from_slice(&number.to_ne_bytes());
        }
        message.add(KIND, b"u32\0")?;
        Ok(Item {
            key: KVVec::new(),
            body: message.0,
        })
    }

    /// Returns a priority with this first table, at which all that `handles` names is told.
    fn group(parent: u32, root: u32, handles: &[u32]) -> Result<Group> {
        let mut filters = KVVec::new();
        for &handle in handles {
            filters.push(item(handle)?, GFP_KERNEL)?;
        }
        Ok(Group {
            place: (1, parent & MAJOR, 1 << 16),
            parent,
            root,
            has_all: true,
            order: 0,
            head: item(0)?.body,
            filters,
        })
    }

    /// What two places tell of is made once, and each first table where it is; one without a filter by
    /// itself.
    #[test]
    fn tables() -> Result {
        let told = [
            0x8010_0000,
            0x8010_0800,
            0x0120_0000,
            0x0120_0800,
            0x8000_0000,
            0x8000_0800,
        ];
        let groups = [
            group(INBOUND, 0x8000_0000, &told)?,
            group(OUTBOUND, 0x8010_0000, &told)?,
            group(OUTBOUND, 0x8020_0000, &told)?,
        ];
        let roots = Roots::of(&groups)?;
        let sent: [&[u32]; 3] = [
            &[0x0120_0000, 0x0120_0800, 0x8000_0800],
            &[0x8010_0800],
            &[0],
        ];
        for (group, sent) in groups.iter().zip(sent) {
            let requests = requests(group, &roots)?;
            assert!(requests
                .iter()
                .map(|one| handle(&one.0))
                .eq(sent.iter().copied()));
        }
        Ok(())
    }

    /// Only the oldest one of a place keeps what is told of all, in whatever order they come.
    #[test]
    fn oldest() -> Result {
        let told = [0x8000_0800, 0x8010_0800, 0x0120_0800];
        let mut all = KVVec::new();
        for (parent, root, is, left) in [
            (INBOUND, 0x8010_0000, true, 3),
            (OUTBOUND, 0x8000_0000, true, 1),
            (OUTBOUND, 0x8020_0000, false, 1),
        ] {
            let next = group(parent, root, &told)?;
            assert!(is_oldest(&mut all, next.place, root) == is);
            let has_all = is;
            all.push(Group { has_all, ..next }, GFP_KERNEL)?;
            assert!(all.first().is_some_and(|first| first.filters.len() == left));
        }
        // Of another priority.
        assert!(is_oldest(
            &mut all,
            (1, INBOUND & MAJOR, 2 << 16),
            0x8030_0000
        ));
        Ok(())
    }
}
