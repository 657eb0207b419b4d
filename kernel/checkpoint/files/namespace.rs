// SPDX-License-Identifier: GPL-2.0

//! Files that stand for namespaces: those of /proc/PID/ns.
//!
//! Namespaces that the image has (uts, ipc, network, pid) are those of the restarted tasks, all others those that
//! they share with the caller.

use kernel::prelude::*;

use crate::{
    core::{
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        name::{
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::FILE_NAMESPACE,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            nsfs::{
                NsFile,
                NsKind, //
            },
            path::PathRef, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    ns, //
};

/// Files that stand for namespaces.
pub(super) const OPS: FileOps = FileOps {
    name: "a namespace",
    number: FILE_NAMESPACE,
    matches: |f| NsFile::of(f.file).is_some(),
    collect,
    lossless: |_| true,
    save,
    restore,
    ..FileOps::NONE
};

/// A namespace that an open file refers to. It has no record of its own.
pub(crate) struct Shown {
    /// The first file.
    file: FileRef,
    kind: NsKind,
    addr: usize,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    /// Name of the file, for messages.
    name: KVec<u8>,
}

/// Which namespace it is at a restart.
enum Which {
    /// The caller's, or the root's.
    OfCaller,
    /// One that the image has.
    InImage(u32),
    /// None that there will be.
    Lost,
}

/// Tells which one it is. All tasks of the tree have been collected.
fn which(cap: &Capture, file: &FileRef, kind: NsKind) -> Result<Which> {
    let ns = NsFile::of(file).ok_or(EBADF)?;
    Ok(match kind {
        NsKind::Uts => match ns::uts::reference_at(cap, ns.addr()) {
            Some(obj) => Which::InImage(obj.get()),
            None if ns.is_of_current() => Which::OfCaller,
            None => Which::Lost,
        },
        NsKind::Ipc => match ns::ipc::reference_at(cap, ns.addr()) {
            Some(obj) => Which::InImage(obj.get()),
            None if ns.is_of_current() => Which::OfCaller,
            None => Which::Lost,
        },
        NsKind::Net => match ns::net::reference_at(cap, ns.addr()) {
            Some(obj) => Which::InImage(obj.get()),
            None if ns.is_of_current() => Which::OfCaller,
            None => Which::Lost,
        },
        NsKind::Pid => {
            let ns = ns.pid_ns()?;
            let init = ns.init_in(&cap.pid_ns);
            if ns == cap.pid_ns {
                Which::OfCaller
            } else if init != 0 && cap.found.task.has(init) {
                Which::InImage(init)
            } else {
                Which::Lost
            }
        }
        NsKind::Time if ns::time::is_of_root(cap, ns.addr()) => Which::OfCaller,
        NsKind::Time => Which::Lost,
        _ if ns.is_of_current() => Which::OfCaller,
        _ => Which::Lost,
    })
}

/// Notes the namespace of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let ns = NsFile::of(&open.file).ok_or(EBADF)?;
    let Some(kind) = ns.kind() else {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: a namespace of an unknown kind can't be saved", named),
        );
        return Ok(false);
    };
    let addr = ns.addr();
    if cap.objects.count_only::<Shown>(addr)? {
        let mut name = KVec::new();
        name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
        let file = ns.file();
        open.ours += 1;
        cap.objects.keep(Shown {
            file,
            kind,
            addr,
            who: t.display(&cap.pid_ns),
            user: named.user,
            name,
        })?;
    }
    Ok(true)
}

impl Shared<Found> for Shown {
    fn addr(&self) -> usize {
        self.addr
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match which(cap, &self.file, self.kind) {
            Ok(Which::OfCaller | Which::InImage(_)) => Outside::Nothing,
            Ok(Which::Lost) | Err(_) => Outside::Refused,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        cap.report.refuse(
            EOPNOTSUPP,
            &self.who,
            fmt!(
                "{}: is the {} namespace of others, in which neither the caller nor a task of the \
                 tree is: have it closed",
                named,
                self.kind.name()
            ),
        );
        Ok(())
    }
}

/// Returns whether the tasks have an open file of the namespace at `addr`.
pub(crate) fn is_shown(cap: &Capture, addr: usize) -> bool {
    cap.objects.users::<Shown>(addr) > 0
}

/// Returns the kind of the namespace where others have a position, and which it is where they have an
/// inode.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let kind = NsFile::of(&open.file)
        .and_then(|ns| ns.kind())
        .ok_or(EBADF)?;
    let inode = match which(cap, &open.file, kind)? {
        Which::OfCaller => 0,
        Which::InImage(which) => which,
        Which::Lost => return Err(ENOENT),
    };
    Ok(Saved {
        inode,
        pos: i64::from(kind as u32),
        ..Saved::of(&open.file)
    })
}

/// Finds the open file of the namespace `inode` of the kind `kind`.
fn find(r: &Restore, plan: &TaskRecords<'_>, kind: NsKind, inode: u32) -> Result<PathRef> {
    match kind {
        NsKind::Uts => PathRef::of_uts(&match ObjRef::new(inode) {
            Some(obj) => ns::uts::rebuild(r, plan, obj)?,
            None => r.uts_ns.clone(),
        }),
        NsKind::Ipc => PathRef::of_ipc(&match ObjRef::new(inode) {
            Some(obj) => ns::ipc::rebuilt(r, plan, obj)?,
            None => r.ipc_ns.clone(),
        }),
        NsKind::Net => PathRef::of_net(&match ObjRef::new(inode) {
            Some(obj) => ns::net::rebuilt(r, plan, obj)?,
            None => r.caller_net.clone(),
        }),
        NsKind::Pid => {
            let init = match inode {
                0 => r.container.root.get(),
                init => init,
            };
            let task = r.pid(init)?.task().ok_or(ESRCH)?;
            PathRef::of_namespace(kind, &task)
        }
        _ => PathRef::of_namespace(kind, kernel::current!()),
    }
}

/// Opens a file as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let kind = NsKind::from_image(source.record.pos.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    find(r, plan, kind, source.record.inode.get())
        .and_then(|path| opener.act(|| FileRef::open(&path, source.flags, 0)))
        .map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "the file of its {} namespace can't be opened: {}",
                    kind.name(),
                    Errno(e)
                ),
            )
        })
}
