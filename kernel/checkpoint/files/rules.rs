// SPDX-License-Identifier: GPL-2.0

//! Rules of the caller of checkpoint(2) for descriptors.
//!
//! They are asked before anything is collected, when the tasks stand still: what an open file becomes
//! depends on all descriptors that the tree has of it. Names are those that messages have, so that what
//! a dry run prints can be put into a rule.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::rules::{
        Action,
        Rule,
        Which, //
    },
    files::{
        kinds,
        name::{
            name_of,
            Named,
            User, //
        }, //
    },
    found::Capture,
    image::files::FILE_REGULAR,
    kapi::{
        cgroup::frozen::FrozenTasks,
        fs::{
            fdtable::{
                self,
                FilesRef, //
            },
            path::PathName, //
        },
        pid::namespace::PidNs,
        task::frozen::FrozenTask,
        time::wait, //
    },
    net, //
};

/// What is known of what a rule for one descriptor names.
#[derive(Clone, Copy)]
enum Target {
    /// The rule is for names.
    Names,
    /// No task of the process was met.
    NoProcess,
    /// The process has no such descriptor.
    NoDescriptor,
    /// It is one of the table at this address.
    Table(usize),
}

/// Applies `rules` to all descriptors of the tasks.
///
/// ESRCH, EBADF: a rule names a process that is not in the tree, or a descriptor that it has not. What
/// is refused is listed as such.
pub(crate) fn apply(cap: &mut Capture, tasks: &FrozenTasks<'_>, rules: &[Rule]) -> Result {
    let targets = targets(tasks, rules)?;
    let mut met = Ok(());
    for (rule, target) in rules.iter().zip(targets.iter()) {
        let Which::One(d) = &rule.which else {
            continue;
        };
        let (errno, why) = match target {
            Target::NoProcess => (ESRCH, "there is no such process in the tree [ESRCH]"),
            Target::NoDescriptor => (EBADF, "the process has no such descriptor [EBADF]"),
            Target::Names | Target::Table(_) => continue,
        };
        cap.report.line(fmt!(
            "error: a rule is for descriptor {} of process {}: {}",
            d.fd,
            d.pid,
            why
        ));
        met = Err(errno);
    }
    met?;
    let mut seen: RBTree<usize, ()> = RBTree::new();
    for t in tasks.iter() {
        wait::check_killed()?;
        let Some(files) = FilesRef::of(t) else {
            continue;
        };
        if seen.get(&files.addr()).is_none() {
            seen.try_create_and_insert(files.addr(), (), GFP_KERNEL_ACCOUNT)?;
            apply_to_table(cap, t, &files, rules, &targets)?;
        }
    }
    Ok(())
}

/// Finds what `rules` name.
fn targets(tasks: &FrozenTasks<'_>, rules: &[Rule]) -> Result<KVVec<Target>> {
    let here = PidNs::of_current()?;
    let root = tasks.first().map_or(0, |t| t.tgid_in(&here));
    let mut targets = KVVec::with_capacity(rules.len(), GFP_KERNEL_ACCOUNT)?;
    let mut left = 0;
    for rule in rules {
        let target = match rule.which {
            Which::One(_) => Target::NoProcess,
            Which::Named(_) => Target::Names,
        };
        left += usize::from(matches!(target, Target::NoProcess));
        targets.push(target, GFP_KERNEL_ACCOUNT)?;
    }
    for t in tasks.iter() {
        if left == 0 {
            break;
        }
        wait::check_killed()?;
        let pid = t.tgid_in(&here);
        for (rule, target) in rules.iter().zip(targets.iter_mut()) {
            let d = match &rule.which {
                Which::One(d) if matches!(target, Target::NoProcess) => d,
                _ => continue,
            };
            if pid != if d.pid == 0 { root } else { d.pid } {
                continue;
            }
            // The first of its threads may be dead.
            let Some(files) = FilesRef::of(t) else {
                continue;
            };
            *target = match files.next(d.fd) {
                Some(found) if found.fd == d.fd => Target::Table(files.addr()),
                _ => Target::NoDescriptor,
            };
            left -= 1;
        }
    }
    Ok(targets)
}

/// What the name of the other end of a Unix socket begins with.
const END: &[u8] = b"unix:";

/// Returns whether `pattern` is for what has the name `name`, and is connected to `end`.
///
/// One that is for other ends says so: `*/log` was never meant for who is connected to `/dev/log`.
fn is_for(pattern: &CStr, name: &PathName, end: Option<&PathName>) -> bool {
    name.fits(pattern)
        || (pattern.to_bytes().starts_with(END) && end.is_some_and(|end| end.fits(pattern)))
}

/// Returns what the first rule says that is for the descriptor `fd`, with this name and perhaps that of
/// its other end, of the table at `table`.
fn find(
    rules: &[Rule],
    targets: &[Target],
    table: usize,
    fd: u32,
    name: &PathName,
    end: Option<&PathName>,
) -> Result<Action> {
    for (rule, target) in rules.iter().zip(targets) {
        wait::go_on()?;
        let is_for = match (&rule.which, target) {
            (Which::Named(pattern), _) => is_for(pattern.as_c_str(), name, end),
            (Which::One(d), Target::Table(addr)) => d.fd == fd && *addr == table,
            _ => false,
        };
        if is_for {
            return Ok(rule.action);
        }
    }
    Ok(Action::Keep)
}

/// Applies `rules` to the descriptors of a table, of which `t` is the first user.
fn apply_to_table(
    cap: &mut Capture,
    t: &FrozenTask,
    files: &FilesRef,
    rules: &[Rule],
    targets: &[Target],
) -> Result {
    let mut from = 0;
    while let Some(d) = files.next(from) {
        wait::check_killed()?;
        let name = name_of(cap, &d.file)?;
        let path = PathName::new(&name)?;
        let end = net::end_name(&d.file)?;
        let end = end.map(|end| PathName::new(&end)).transpose()?;
        let action = find(rules, targets, files.addr(), d.fd, &path, end.as_ref())?;
        act(cap, t, files.addr(), &d, &name, action)?;
        let Some(next) = d.fd.checked_add(1) else {
            break;
        };
        from = next;
    }
    Ok(())
}

/// Notes what becomes of the descriptor `d` of the table at `table`.
fn act(
    cap: &mut Capture,
    t: &FrozenTask,
    table: usize,
    d: &fdtable::Descriptor,
    name: &[u8],
    action: Action,
) -> Result {
    let out = action == Action::Close;
    cap.found.files.left_out.note(table, d.fd, &d.file, out)?;
    if out || action == Action::External {
        cap.found.files.leave_perf_event(&d.file)?;
    }
    match action {
        // That is for network devices: see `ns/net/moved.rs`.
        Action::Keep | Action::Close | Action::Move => Ok(()),
        Action::Refuse => {
            let named = Named {
                user: User::Descriptor(d.fd),
                name,
            };
            cap.refuse(EBUSY, t, fmt!("{}: a rule of the caller refuses it", named));
            Ok(())
        }
        Action::External => cap.found.files.leave_outside(&d.file),
        Action::Reopen => cap.found.files.reopen(&d.file),
        Action::Disconnect => cap.found.files.disconnect(&d.file),
        Action::Reconnect => cap.found.files.reconnect(&d.file),
        Action::Contents if kinds::of(&d.file).number == FILE_REGULAR => {
            cap.found.files.save_contents(&d.file)
        }
        Action::Contents => {
            let named = Named {
                user: User::Descriptor(d.fd),
                name,
            };
            let who = t.display(&cap.pid_ns);
            cap.report.note(
                &who,
                fmt!(
                    "{}: is no regular file with a name, and is saved as without the rule for \
                     contents",
                    named
                ),
            );
            Ok(())
        }
    }
}
