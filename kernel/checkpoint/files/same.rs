// SPDX-License-Identifier: GPL-2.0

//! Whether a file is the one that was saved.
//!
//! Type, size and time of modification are compared always, device and inode where they still mean
//! the same: on the boot of the checkpoint. The caller may accept differences of files, by patterns
//! of their paths; or be strict, and have all compared that the image tells. Logs grow while a task is
//! away that appends to them, too: that is accepted without asking.

use kernel::{
    fmt,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

use crate::{
    core::{
        accept::Policy,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::{
            Change,
            Place, //
        }, //
    },
    files::{
        name::Text,
        ops::{
            Compare,
            Source, //
        }, //
    },
    image::files::{
        open,
        Path,
        NSEC_UNKNOWN,
        SIZE_UNKNOWN, //
    },
    kapi::fs::{
        file::ftype,
        path::PathRef,
        stat::{
            random,
            Ask,
            Stat, //
        }, //
    }, //
};

/// Returns a number that this boot has and no other, on any machine, chosen when it is first asked
/// for.
pub(crate) fn boot() -> u64 {
    static BOOT: Atomic<u64> = Atomic::new(0);
    match BOOT.load(Relaxed) {
        0 => {
            let new = random().max(1);
            match BOOT.cmpxchg(0, new, Relaxed) {
                Ok(_) => new,
                Err(first) => first,
            }
        }
        known => known,
    }
}

/// Seconds and nanoseconds since 1970 in messages: a date, in UTC.
struct Time(i64, u32);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days are counted from 1 March of the year 0, so that leap days end a year.
        let days = self.0.div_euclid(86400).saturating_add(719_468);
        let second = self.0.rem_euclid(86400);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let of_era = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
        let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = era
            .saturating_mul(400)
            .saturating_add(of_era + i64::from(month <= 2));
        write!(
            f,
            "{}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
            year,
            month,
            of_year - (153 * shifted + 2) / 5 + 1,
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.1
        )
    }
}

/// Device and inode in messages.
struct Inode(u64, u64, u32);

impl fmt::Display for Inode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = (self.0 >> 32, self.0 & 0xffff_ffff);
        write!(f, "{}:{} {}/{}", major, minor, self.1, self.2)
    }
}

/// What of a file differs: as it was, and as it is.
#[derive(Default)]
struct Differences {
    size: Option<(u64, u64)>,
    mtime: Option<[(i64, u32); 2]>,
    mode: Option<(u32, u32)>,
    inode: Option<[(u64, u64, u32); 2]>,
    /// There is nothing to compare with.
    unknown: bool,
    /// Somebody has appended to it, which is what the task does, too: all else is the same.
    grown: bool,
}

impl Differences {
    fn any(&self) -> bool {
        self.size.is_some()
            || self.mtime.is_some()
            || self.mode.is_some()
            || self.inode.is_some()
            || self.unknown
    }

    /// Returns whether something was added to it, and nothing else tells that it is another one:
    /// what was added can be cut off.
    fn only_longer(&self) -> bool {
        self.size.is_some_and(|(was, is)| was < is)
            && self.mode.is_none()
            && self.inode.is_none()
            && !self.unknown
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sep = "";
        if let Some((was, is)) = self.size {
            write!(f, "had {was} bytes, has {is}")?;
            sep = "; ";
        }
        if let Some([was, is]) = self.mtime {
            let (was, is) = (Time(was.0, was.1), Time(is.0, is.1));
            f.write_fmt(fmt!("{}was modified at {}, is at {}", sep, was, is))?;
            sep = "; ";
        }
        if let Some((was, is)) = self.mode {
            write!(f, "{sep}had permissions {was:o}, has {is:o}")?;
            sep = "; ";
        }
        if let Some([was, is]) = self.inode {
            let (was, is) = (Inode(was.0, was.1, was.2), Inode(is.0, is.1, is.2));
            f.write_fmt(fmt!("{}was inode {}, is {}", sep, was, is))?;
            sep = "; ";
        }
        if self.unknown {
            write!(
                f,
                "{sep}it was growing, or its server kept its time of modification"
            )?;
        }
        Ok(())
    }
}

/// A path in messages: where it is now, and what it stands for.
struct Name<'a>(&'a Place);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(self.0.as_bytes()).fmt(f)?;
        if !self.0.is_moved() {
            return Ok(());
        }
        f.write_fmt(fmt!(" (for {})", Text(self.0.saved().as_bytes())))
    }
}

/// Compares identities: device, inode number and generation. What was `moved` to another path may
/// be a copy.
fn compare_inodes(
    policy: &Policy,
    moved: bool,
    was: (u64, u64, u32),
    is: &Stat,
) -> Option<[(u64, u64, u32); 2]> {
    let now = (is.dev, is.ino, is.generation);
    if policy.strict {
        return (was != now).then_some([was, now]);
    }
    if !policy.same_boot || moved || was.1 == 0 || is.ino == 0 {
        return None;
    }
    // Without a block device the number is that of the mount: another when it is mounted again.
    let mounts = was.0 >> 32 == 0 && is.dev >> 32 == 0;
    let differ = (!mounts && was.0 != is.dev) || was.1 != is.ino || was.2 != is.generation;
    differ.then_some([was, now])
}

/// Tells a difference, and fails the restart if it is not accepted: when all files have been
/// looked at, so that all differences are reported together.
fn tell(r: &Restore, plan: &TaskRecords<'_>, path: &Place, differs: &Differences) -> Result {
    let name = Name(path);
    let rule = r.policy.changes.of(path.saved())?;
    let as_it_is = match rule {
        Some(Change::Truncate) if differs.only_longer() => Some("is cut off where it ended"),
        Some(Change::Accept) => Some("accepted"),
        Some(Change::Truncate | Change::Refuse) => None,
        None if differs.grown => Some("goes on to be appended to"),
        None if r.policy.accept.matches(path.saved())? => Some("accepted"),
        None => None,
    };
    if let Some(what) = as_it_is {
        r.with_report(|report| {
            report.note(&plan.name(), fmt!("{}: {}: {}", name, what, differs));
        });
        return Ok(());
    }
    let how = match rule {
        Some(Change::Truncate) => "it is not only longer, so that to cut it off is not enough",
        _ => "bring it back as it was, or accept it as it is (restart --accept)",
    };
    r.fail(
        ESTALE,
        plan,
        fmt!(
            "{}: is not the file that was saved: {}; {}",
            name,
            differs,
            how
        ),
    );
    Ok(())
}

/// Attributes of what was `found` at `path`.
fn stat(r: &Restore, plan: &TaskRecords<'_>, path: &Place, found: &PathRef) -> Result<Stat> {
    found.stat(Ask::AsStat).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "{}: the caller can't look at it to tell whether it is the one that was saved",
                Text(path.as_bytes())
            ),
        )
    })
}

/// Compares what was `found` at the path of `source`, and is of the type that was saved, with it.
///
/// What differs and is not accepted fails the restart later, in [`verdict`].
pub(super) fn check(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    found: &PathRef,
) -> Result {
    if source.kind.compare < Compare::Inode {
        return Ok(());
    }
    let differs = differences(r, plan, source, found)?;
    if differs.any() {
        tell(r, plan, &source.path, &differs)?;
    }
    Ok(())
}

/// Returns how what was `found` differs.
fn differences(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    found: &PathRef,
) -> Result<Differences> {
    let policy = &r.policy;
    let (path, was, compare) = (&source.path, &source.record, source.kind.compare);
    let is = stat(r, plan, path, found)?;
    let mut differs = Differences::default();
    if compare >= Compare::Contents {
        let size = was.size.get();
        let mtime = (was.mtime.get().cast_signed(), was.mtime_nsec.get());
        if size == SIZE_UNKNOWN {
            differs.unknown = policy.strict;
        } else {
            differs.size = (size != is.size).then_some((size, is.size));
            if mtime.1 == NSEC_UNKNOWN {
                differs.unknown = policy.strict;
            } else {
                differs.mtime = (mtime != is.mtime).then_some([mtime, is.mtime]);
            }
        }
    }
    let permissions = |mode: u32| mode & !ftype::MASK;
    let (mode_was, mode_is) = (permissions(was.mode.get()), permissions(is.mode));
    if policy.strict && mode_was != mode_is {
        differs.mode = Some((mode_was, mode_is));
    }
    differs.inode = compare_inodes(
        policy,
        path.is_moved(),
        (was.dev.get(), was.ino.get(), was.generation.get()),
        &is,
    );
    let appends = [open::APPEND, open::WRITE]
        .iter()
        .all(|flag| was.flags.get() & flag != 0);
    differs.grown = appends
        && !policy.strict
        && differs.inode.is_none()
        && differs.size.is_some_and(|(was, is)| was < is)
        && differs.mtime.is_none_or(|[was, is]| was <= is);
    Ok(differs)
}

/// Compares what was `found` at the path of `source`, whose contents are in the image. True: it
/// differs, and may be replaced. What differs and may not fails the restart later, in [`verdict`].
pub(super) fn check_overwrite(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    found: &PathRef,
) -> Result<bool> {
    let differs = differences(r, plan, source, found)?;
    if !differs.any() {
        return Ok(false);
    }
    let path = &source.path;
    let replace = match r.policy.changes.of(path.saved())? {
        Some(Change::Truncate) if differs.only_longer() => {
            tell(r, plan, path, &differs)?;
            return Ok(false);
        }
        Some(Change::Accept) => true,
        Some(Change::Truncate | Change::Refuse) => false,
        None => r.policy.accept.matches(path.saved())?,
    };
    let name = Name(path);
    if replace {
        r.with_report(|report| {
            report.note(
                &plan.name(),
                fmt!("{}: is replaced by what was saved: {}", name, differs),
            );
        });
    } else {
        r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is not the file that was saved: {}; remove it, or have it replaced by that \
                 (restart --accept)",
                name,
                differs
            ),
        );
    }
    Ok(replace)
}

/// Checks the same for a root or working directory; returns whether it is known to be the one that
/// was saved.
pub(super) fn check_directory(
    r: &Restore,
    plan: &TaskRecords<'_>,
    path: &Place,
    was: &Path,
    found: &PathRef,
) -> Result<bool> {
    let was = (was.dev.get(), was.ino.get(), was.generation.get());
    check_inode(r, plan, path, was, found)
}

/// Checks the same for what has no record of a file; of what `was` there it is known on which
/// device, with which inode number and generation.
pub(super) fn check_inode(
    r: &Restore,
    plan: &TaskRecords<'_>,
    path: &Place,
    was: (u64, u64, u32),
    found: &PathRef,
) -> Result<bool> {
    let is = stat(r, plan, path, found)?;
    let inode = compare_inodes(&r.policy, path.is_moved(), was, &is);
    let same =
        r.policy.same_boot && !path.is_moved() && was.1 != 0 && is.ino != 0 && inode.is_none();
    if inode.is_some() {
        let differs = Differences {
            inode,
            ..Differences::default()
        };
        tell(r, plan, path, &differs)?;
    }
    Ok(same)
}

/// Tells whether all is as it was, or was accepted. ESTALE: files differ that were not accepted. To
/// be called when all tasks have theirs, and before anything is done that is felt outside.
pub(crate) fn verdict(r: &Restore) -> Result {
    r.with_report(|report| report.verdict())
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_files_same)]
mod tests {
    use super::*;
    use crate::core::{
        accept::{
            Connections,
            Labels,
            Patterns, //
        },
        addresses::Addresses,
        report::Report,
        rules::{
            Changes,
            Maps, //
        }, //
    };

    fn shows(what: &dyn fmt::Display, text: &[u8]) -> bool {
        let mut report = Report::new();
        report.line(fmt!("{}", what));
        report.text().strip_suffix(b"\n") == Some(text)
    }

    #[test]
    fn times() {
        assert!(shows(&Time(0, 0), b"1970-01-01T00:00:00.000000000Z"));
        assert!(shows(
            &Time(-1, 999_999_999),
            b"1969-12-31T23:59:59.999999999Z"
        ));
        assert!(shows(
            &Time(951_782_400, 5),
            b"2000-02-29T00:00:00.000000005Z"
        ));
        assert!(shows(
            &Time(4_107_542_399, 0),
            b"2100-02-28T23:59:59.000000000Z"
        ));
        assert!(shows(
            &Time(4_107_542_400, 0),
            b"2100-03-01T00:00:00.000000000Z"
        ));
    }

    fn stat(dev: u64, ino: u64, generation: u32) -> Stat {
        Stat {
            dev,
            ino,
            generation,
            ..Stat::default()
        }
    }

    #[test]
    fn inodes() {
        let mut policy = Policy {
            strict: false,
            changes: Changes::none(),
            maps: Maps::none(),
            accept: Patterns::none(),
            same_boot: true,
            connections: Connections::Reset,
            addresses: Addresses::none(),
            labels: Labels::Compare,
            wipes: false,
        };
        let disk = |minor: u64| 8 << 32 | minor;
        let differ = |policy: &Policy, was: (u64, u64, u32), is: Stat| {
            compare_inodes(policy, false, was, &is).is_some()
        };
        assert!(!differ(&policy, (disk(1), 5, 6), stat(disk(1), 5, 6)));
        assert!(differ(&policy, (disk(1), 5, 6), stat(disk(2), 5, 6)));
        assert!(differ(&policy, (disk(1), 5, 6), stat(disk(1), 7, 6)));
        assert!(differ(&policy, (disk(1), 5, 6), stat(disk(1), 5, 7)));
        // Mounted again.
        assert!(!differ(&policy, (33, 5, 6), stat(34, 5, 6)));
        // A copy, at another path.
        let is = stat(disk(2), 7, 8);
        assert!(compare_inodes(&policy, true, (disk(1), 5, 6), &is).is_none());
        // Not known.
        assert!(!differ(&policy, (33, 0, 6), stat(34, 5, 7)));
        policy.same_boot = false;
        assert!(!differ(&policy, (disk(1), 5, 6), stat(disk(2), 7, 8)));
        policy.strict = true;
        assert!(differ(&policy, (disk(1), 5, 6), stat(disk(2), 5, 6)));
    }
}
