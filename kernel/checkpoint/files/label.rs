// SPDX-License-Identifier: GPL-2.0

//! Labels that security modules give inodes, of files that a restart makes.
//!
//! They are extended attributes. A new file gets its own from the module, by who makes it and where:
//! where it had another one that is set as by fsetxattr(2), with the module's checks, if the caller asks
//! for labels. What it gets and the old one had not is taken off likewise. Files that have a name keep what
//! they have.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    core::{
        accept::Labels,
        report::Errno,
        restore::Restore, //
    },
    files::name::Text,
    found::Capture,
    image::{
        confinement::LABEL_MAX,
        files::{
            name_and_value,
            OpenFile,
            FILE_FIFO,
            FILE_MQUEUE,
            FILE_SOCKET, //
        },
        labels::FileLabel,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            path::PathName, //
        },
        security::{
            cred::CredRef,
            label::{
                self,
                Quoted,
                SELINUX,
                SMACK, //
            }, //
        }, //
    }, //
};

/// What all names begin with.
const PREFIX: &[u8] = b"security.";

/// The one that users set, and that is no label.
const CAPABILITIES: &[u8] = b"security.capability";

/// That of SELinux.
const SELINUX_NAME: &[u8] = b"security.selinux";

/// That of Smack.
const SMACK_NAME: &[u8] = b"security.SMACK64";

/// Labels of inodes, each with its module.
const NAMES: &[(&[u8], u32)] = &[
    (SELINUX_NAME, SELINUX),
    (SMACK_NAME, SMACK),
    (b"security.SMACK64EXEC", SMACK),
    (b"security.SMACK64MMAP", SMACK),
    (b"security.SMACK64TRANSMUTE", SMACK),
    (b"security.SMACK64IPIN", SMACK),
    (b"security.SMACK64IPOUT", SMACK),
];

/// Returns whether an extended attribute is a label.
pub(super) fn is_label(name: &[u8]) -> bool {
    name.starts_with(PREFIX) && name != CAPABILITIES
}

/// Returns the value of the label `name` of `file`, without a NUL at its end; empty: it has none.
fn value(file: &FileRef, name: &[u8]) -> Result<KVVec<u8>> {
    let known = NAMES.iter().find(|known| known.0 == name);
    if !known.is_some_and(|known| label::is_active(known.1)) {
        return Ok(KVVec::new());
    }
    match file.xattr(PathName::new(name)?.as_c_str()) {
        Ok(mut value) => {
            while value.last() == Some(&0) {
                value.truncate(value.len() - 1);
            }
            Ok(value)
        }
        Err(ENOMEM) => Err(ENOMEM),
        Err(e) if e == EOPNOTSUPP || e == ENODATA => Ok(KVVec::new()),
        Err(e) => Err(e),
    }
}

/// Reads the same at a checkpoint: what can't be read is told.
fn saved(cap: &mut Capture, file: &FileRef, name: &[u8]) -> Result<KVVec<u8>> {
    value(file, name).inspect_err(|&e| {
        cap.report.line(fmt!(
            "error: {}: its label {} can't be read by the caller: the policy has to allow it (getattr) \
             [{}]",
            Text(file.fs_name().to_bytes()),
            Text(name),
            Errno(e)
        ));
    })
}

/// Returns the names of the labels of `file`, each with a NUL.
pub(super) fn names(cap: &mut Capture, file: &FileRef) -> Result<KVVec<u8>> {
    let mut all = KVVec::new();
    for &(name, _) in NAMES {
        if !saved(cap, file, name)?.is_empty() {
            all.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
            all.push(0, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(all)
}

/// Writes the labels of the open file `file` with reference `obj`, of the kind with number `kind`,
/// which `opener` need not have given it: those of sockets and message queues, which others make
/// for one, and where one may choose; and of a FIFO that was removed, as it is made again.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, kind: u32, file: &FileRef) -> Result {
    let made = match kind {
        FILE_SOCKET | FILE_MQUEUE => true,
        FILE_FIFO => file.is_unlinked() && file.links() == 0,
        _ => false,
    };
    if !made {
        return Ok(());
    }
    let opener = CredRef::of_file(file)?;
    for &(name, module) in NAMES {
        let value = saved(cap, file, name)?;
        let usual = kind == FILE_SOCKET && opener.label(module)?.as_slice() == value.as_slice();
        if value.is_empty() || usual {
            continue;
        }
        if value.len() > LABEL_MAX {
            cap.report.line(fmt!(
                "error: {}: its label {} is too long [{}]",
                Text(file.fs_name().to_bytes()),
                Text(name),
                Errno(E2BIG)
            ));
            return Err(E2BIG);
        }
        let body = FileLabel {
            file: obj.get().into(),
            reserved: 0.into(),
        };
        let mut payload = KVVec::new();
        for part in [name, &[0], value.as_slice()] {
            payload.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
        }
        cap.meta.put(&body, &payload)?;
    }
    Ok(())
}

/// Gives the open file `file` with reference `obj`, which was just made, the labels that follow its
/// record. `what` it is, for messages.
pub(super) fn restore(r: &Restore, obj: ObjRef, file: &FileRef, what: &str) -> Result {
    let mut had = Had::default();
    for raw in r.records_after(obj)? {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::Locks | Kind::FileOwner | Kind::Lease => (),
            Kind::FileLabel => {
                let (name, value) = name_and_value(raw.payload).ok_or(EINVAL)?;
                check_socket(r, obj, file, what, name, value)?;
                set(r, file, &what, name, value)?;
                had.note(name);
            }
            _ => break,
        }
    }
    if had.0 == 0 {
        return Ok(());
    }
    // Those of a socket are not in the image if its opener would have given it the same.
    match r.object_body::<OpenFile>(obj)?.0.kind.get() {
        FILE_SOCKET => Ok(()),
        _ => had.take_off_others(r, file, &what),
    }
}

/// Which labels something had that is made again, a bit for each of [`NAMES`].
#[derive(Default)]
pub(super) struct Had(u32);

impl Had {
    /// Notes that it had the label `name`.
    pub(super) fn note(&mut self, name: &[u8]) {
        if let Some(at) = NAMES.iter().position(|known| known.0 == name) {
            self.0 |= 1 << at;
        }
    }

    /// Takes the others from `file`, which was just made and has them of the directory that it was made in,
    /// if the caller asks for labels; else that is refused, or noted if the caller wants its own. Only
    /// those of a module that had given it one: others were not active.
    pub(super) fn take_off_others(
        &self,
        r: &Restore,
        file: &FileRef,
        what: &dyn fmt::Display,
    ) -> Result {
        let has = |module| {
            let own = NAMES.iter().position(|known| known.1 == module);
            own.is_some_and(|at| self.0 & (1 << at) != 0)
        };
        for (at, &(name, module)) in NAMES.iter().enumerate() {
            if self.0 & (1 << at) != 0 || !has(module) {
                continue;
            }
            let now = value(file, name)?;
            if now.is_empty() {
                continue;
            }
            let now = Quoted(&now);
            match r.policy.labels {
                Labels::Keep => file
                    .remove_xattr(PathName::new(name)?.as_c_str())
                    .map_err(|e| {
                        r.told(
                            e,
                            fmt!(
                                "{}: can't be without the label {} ({}), which it gets where it is made: the \
                                 policy does not let the caller take it off (Smack: CAP_MAC_ADMIN)",
                                what,
                                now,
                                Text(name)
                            ),
                        )
                    })?,
                Labels::Caller => r.with_report(|report| {
                    report.note(what, fmt!("had no label {}, and gets {}", Text(name), now));
                }),
                Labels::Compare => {
                    let e = EACCES;
                    return Err(r.told(
                        e,
                        fmt!(
                            "{}: had no label {}, and would get {}: ask for that \
                             (RESTART_CALLER_CONFINEMENT), or for its labels (RESTART_KEEP_LSM, --keep-labels)",
                            what,
                            Text(name),
                            now
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Refuses a label that a socket can't get, as it is that of who makes it: fsetxattr(2) changes what its
/// inode has, and SELinux asks the policy about what is noted in the socket; Smack does not let it.
fn check_socket(
    r: &Restore,
    obj: ObjRef,
    file: &FileRef,
    what: &str,
    name: &[u8],
    wanted: &[u8],
) -> Result {
    let (record, _) = r.object_body::<OpenFile>(obj)?;
    let own = record.kind.get() == FILE_SOCKET && (name == SELINUX_NAME || name == SMACK_NAME);
    if !own || r.policy.labels != Labels::Keep || value(file, name)?.as_slice() == wanted {
        return Ok(());
    }
    let e = EOPNOTSUPP;
    Err(r.told(
        e,
        fmt!(
            "{}: can't have the label {} ({}): a socket has the label of who makes it: have it made \
             without one of its own (setsockcreatecon), or by who has that label",
            what,
            Quoted(wanted),
            Text(name)
        ),
    ))
}

/// Gives `file`, which was just made, the label `wanted` if it has another one, and the caller asks
/// for labels; else that is refused, or noted if the caller wants its own.
pub(super) fn set(
    r: &Restore,
    file: &FileRef,
    what: &dyn fmt::Display,
    name: &[u8],
    wanted: &[u8],
) -> Result {
    if !NAMES.iter().any(|known| known.0 == name) {
        let e = EOPNOTSUPP;
        return Err(r.told(
            e,
            fmt!("{}: its label {} is not known here", what, Text(name)),
        ));
    }
    let mut wanted = wanted;
    while let [rest @ .., 0] = wanted {
        wanted = rest;
    }
    let now = value(file, name)?;
    if now.as_slice() == wanted {
        return Ok(());
    }
    let (then, now) = (Quoted(wanted), Quoted(&now));
    match r.policy.labels {
        Labels::Keep => file
            .set_xattr(PathName::new(name)?.as_c_str(), wanted)
            .map_err(|e| {
                let why = match e {
                    EOPNOTSUPP => {
                        "such a file has the label of who makes it, or its security module is not \
                         active here: call restart(2) with that label, or boot with it (lsm=)"
                    }
                    EINVAL if name == SMACK_NAME => {
                        "it is no label, or such a file (that of a socket) has the label of who makes it: \
                         have it made by who has that label"
                    }
                    EINVAL => "the policy does not know it: load the one that it was saved under",
                    _ => {
                        "the policy does not let the caller give it (relabelfrom, relabelto; Smack: \
                         CAP_MAC_ADMIN)"
                    }
                };
                r.told(
                    e,
                    fmt!("{}: can't have the label {} ({}): {}", what, then, Text(name), why),
                )
            }),
        Labels::Caller => {
            r.with_report(|report| {
                report.note(what, fmt!("had the label {} ({}), and gets {}", then, Text(name), now));
            });
            Ok(())
        }
        Labels::Compare => {
            r.with_report(|report| {
                report.line(fmt!(
                    "error: {}: had the label {} ({}), and would get {}: ask for that \
                     (RESTART_CALLER_CONFINEMENT), or for its label (RESTART_KEEP_LSM, --keep-labels) \
                     [{}]",
                    what,
                    then,
                    Text(name),
                    now,
                    Errno(EACCES)
                ));
            });
            Err(EACCES)
        }
    }
}
