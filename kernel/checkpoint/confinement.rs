// SPDX-License-Identifier: GPL-2.0

//! What confines tasks from outside: saved with them, and compared at restart.
//!
//! A security label, a user namespace and filters of system calls come from who started a program,
//! and it can't take them off. restart(2) gives to tasks what its caller has of them. Where that is
//! something else than the tasks had, they could do more than before, or fail where they did not:
//! so it is refused by name, unless the caller says that it is meant.

use kernel::{
    fmt,
    prelude::*, //
};
use zerocopy::IntoBytes;

use crate::{
    core::{
        accept::Labels,
        report::Report, //
    },
    found::Capture,
    image::{
        check::split_ranges,
        confinement::{
            Confinement as Record,
            IdRange,
            Label,
            CONFINEMENT_CORE,
            CONFINEMENT_INIT_USER_NS,
            CONFINEMENT_IO_URING,
            CONFINEMENT_LANDLOCK,
            CONFINEMENT_SECCOMP,
            CONFINEMENT_SMACK_RULES, //
        },
        header::HEADER_LEN,
        labels::{
            CredLabel,
            TaskLabel,
            LABEL_CURRENT, //
        },
        Kind,
        Records, //
    },
    kapi::{
        security::{
            confinement::Confinement,
            label::{
                attr_name,
                module_name,
                Quoted, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    task, //
};

/// Restrictions, and what messages call them.
const RESTRICTIONS: &[(u64, &str)] = &[
    (CONFINEMENT_LANDLOCK, "Landlock"),
    (CONFINEMENT_IO_URING, "a restriction of io_uring"),
    (CONFINEMENT_SMACK_RULES, "access rules of their own (Smack)"),
];

/// Returns `CONFINEMENT_*` of `c`.
fn flags(c: &Confinement) -> u64 {
    let mut flags = 0;
    for (on, flag) in [
        (c.initial_user_ns, CONFINEMENT_INIT_USER_NS),
        (c.restrictions.seccomp, CONFINEMENT_SECCOMP),
        (c.restrictions.landlock, CONFINEMENT_LANDLOCK),
        (c.restrictions.io_uring, CONFINEMENT_IO_URING),
        (c.restrictions.core, CONFINEMENT_CORE),
        (c.restrictions.smack_rules, CONFINEMENT_SMACK_RULES),
    ] {
        if on {
            flags |= flag;
        }
    }
    flags
}

/// Ranges of ids as an image has them, appended to `to`.
fn ranges(of: &[[u32; 3]], to: &mut KVec<IdRange>) -> Result {
    for &[first, host, count] in of {
        let range = IdRange {
            first: first.into(),
            host: host.into(),
            count: count.into(),
        };
        to.push(range, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Writes what confines `root`, and so all tasks: what differs among them is refused, but for
/// labels, which stand with the credentials of those that have others.
pub(crate) fn save(cap: &mut Capture, root: &FrozenTask) -> Result {
    let c = Confinement::of(root)?;
    let mut all = KVec::new();
    ranges(&c.uids, &mut all)?;
    ranges(&c.gids, &mut all)?;
    let body = Record {
        flags: flags(&c).into(),
        uid_ranges: u32::try_from(c.uids.len())?.into(),
        gid_ranges: u32::try_from(c.gids.len())?.into(),
        labels: u32::try_from(c.labels.len())?.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&body, all.as_bytes())?;
    for label in &c.labels {
        let body = Label {
            module: label.module.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&body, &label.text)?;
    }
    cap.found.task.root_labels = c.labels;
    Ok(())
}

/// Ranges of ids for messages, as /proc/PID/uid_map has them: the first few.
struct Map<'a>(&'a [IdRange]);

impl fmt::Display for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let mut between = "";
        for range in self.0.iter().take(SHOWN) {
            write!(
                f,
                "{between}{} {} {}",
                range.first.get(),
                range.host.get(),
                range.count.get()
            )?;
            between = ", ";
        }
        if self.0.len() > SHOWN {
            f.write_str(", ...")?;
        }
        Ok(())
    }
}

/// Lists how the confinement of the tasks of an image differs from that of the caller.
struct Comparison<'a> {
    report: &'a mut Report,
    labels: Labels,
    differs: bool,
}

impl Comparison<'_> {
    fn refuse(&mut self, what: fmt::Arguments<'_>) {
        self.differs = true;
        self.report.refuse(EACCES, &"confinement", what);
    }

    /// Tells that `whose` had the label `then` for `attr` of `module`, and the caller has `now`.
    fn label(&mut self, whose: &dyn fmt::Display, attr: u32, module: u32, then: &[u8], now: &[u8]) {
        if then == now {
            return;
        }
        let (attr, name) = (attr_name(attr), module_name(module));
        let (then, now) = (Quoted(then), Quoted(now));
        match self.labels {
            // Nobody can be rid of a label.
            Labels::Keep if then.0.is_empty() => self.report.note(
                &"confinement",
                fmt!("{whose} had no {attr} ({name}), and have that of the caller, {now}"),
            ),
            Labels::Keep => (),
            Labels::Caller => self.report.note(
                &"confinement",
                fmt!("{whose} had the {attr} {then} ({name}); in its place is that of the caller, {now}"),
            ),
            Labels::Compare => self.refuse(fmt!(
                "{whose} had the {attr} {then} ({name}), the caller has {now}"
            )),
        }
    }

    fn map(&mut self, what: &str, then: &[IdRange], now: &[IdRange]) {
        if then != now {
            self.refuse(fmt!(
                "the tasks' user namespace had the {} {}, the caller's has {}",
                what,
                Map(then),
                Map(now)
            ));
        }
    }
}

/// Lists the labels of credentials and threads that have others than the root, or some for what
/// they make next.
fn other_labels(meta: &[u8], now: &Confinement, c: &mut Comparison<'_>) -> Result {
    for raw in Records::asking(meta, HEADER_LEN as u64, &wait::goes_on) {
        let raw = raw.map_err(|f| c.report.fault(f))?;
        let (tid, module, attr) = match raw.kind {
            Kind::CredLabel => {
                let body: CredLabel = raw.body().map_err(|f| c.report.fault(f))?;
                (body.tid.get(), body.module.get(), body.attr.get())
            }
            Kind::TaskLabel => {
                let body: TaskLabel = raw.body().map_err(|f| c.report.fault(f))?;
                (body.tid.get(), body.module.get(), body.attr.get())
            }
            _ => continue,
        };
        // What files were opened with is as good as what the task has that opens them now.
        if tid != 0 {
            let now = match attr {
                LABEL_CURRENT => now.label(module),
                // The tasks are rid of those of the caller.
                _ => &[],
            };
            c.label(&Pid(tid), attr, module, raw.payload, now);
        }
    }
    Ok(())
}

/// A thread, for messages.
struct Pid(u32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.0)
    }
}

/// Compares what confined the tasks of the checked metadata `meta` with what confines the caller,
/// or with `any` only their labels, of which `labels` says what becomes of them.
///
/// EACCES: it is not the same, and `report` tells what it was and what it is.
pub(crate) fn check(meta: &[u8], labels: Labels, any: bool, report: &mut Report) -> Result {
    let mut records = Records::new(meta, HEADER_LEN as u64).skip(1);
    let raw = records.next().ok_or(EINVAL)?.map_err(|f| report.fault(f))?;
    let then: Record = raw.body().map_err(|f| report.fault(f))?;
    let (uids, gids) = split_ranges(&raw, &then).map_err(|f| report.fault(f))?;
    let now = Confinement::current()?;
    let mut c = Comparison {
        report,
        labels,
        differs: false,
    };

    // Each module that has given a label then or now, once.
    for (module, text) in task::labels::of_root(meta) {
        c.label(&"the tasks", LABEL_CURRENT, module, text, now.label(module));
    }
    for label in &now.labels {
        if !task::labels::of_root(meta).any(|(module, _)| module == label.module) {
            c.label(&"the tasks", LABEL_CURRENT, label.module, &[], &label.text);
        }
    }
    other_labels(meta, &now, &mut c)?;
    if any {
        return Ok(());
    }

    let mut ranges_now = KVec::new();
    ranges(&now.uids, &mut ranges_now)?;
    c.map("uid_map", uids, &ranges_now);
    ranges_now.clear();
    ranges(&now.gids, &mut ranges_now)?;
    c.map("gid_map", gids, &ranges_now);

    let (then, now) = (then.flags.get(), flags(&now));
    if (then ^ now) & CONFINEMENT_INIT_USER_NS != 0 {
        let place = |flags: u64| match flags & CONFINEMENT_INIT_USER_NS {
            0 => "another user namespace",
            _ => "the initial user namespace",
        };
        c.refuse(fmt!(
            "the tasks were in {}, the caller is in {}",
            place(then),
            place(now)
        ));
    }
    // Their own filters are in the image: what confines them further are those of the caller.
    if now & CONFINEMENT_SECCOMP != 0 && !task::had_those_of_caller(meta, c.report)? {
        c.refuse(fmt!(
            "the caller is confined by seccomp, the tasks were not by the same filters"
        ));
    }
    // Their own cookies are in the image: who has none would be on a core with whom the caller may be.
    if now & CONFINEMENT_CORE != 0 && !task::all_have_cookies(meta, c.report)? {
        c.refuse(fmt!(
            "the caller is confined by core scheduling, not all of the tasks were"
        ));
    }
    for &(flag, name) in RESTRICTIONS {
        if (then ^ now) & flag != 0 {
            let (whose, not) = if then & flag != 0 {
                ("the tasks were", "the caller is not")
            } else {
                ("the caller is", "the tasks were not")
            };
            c.refuse(fmt!("{} confined by {}, {}", whose, name, not));
        }
    }
    if c.differs {
        report.line(fmt!(
            "error: the tasks would be confined as the caller is, and not as they were: restart \
             from where they were started, or ask for it (RESTART_CALLER_CONFINEMENT), or for their \
             security labels (RESTART_KEEP_LSM, --keep-labels) [EACCES]"
        ));
        return Err(EACCES);
    }
    Ok(())
}
