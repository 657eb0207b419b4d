// SPDX-License-Identifier: GPL-2.0

//! Open files: what is common to all kinds.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        built::Rebuilt,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::Place, //
    },
    files::{
        built_inode,
        cut::Cut,
        external,
        inode,
        kinds::{
            self,
            contents, //
        },
        label,
        lease,
        left_out,
        locks,
        mount,
        name::{
            name_of,
            Named,
            User, //
        },
        opener,
        ops::{
            FileOps,
            Source, //
        },
        owner,
        path,
        reopened, //
    },
    found::Capture,
    image::{
        files::{
            FileOwner,
            Lease,
            OpenFile,
            FILE_EXTERNAL,
            FILE_FIFO,
            FILE_MARKED,
            FILE_MEMFD,
            FILE_PROC,
            FILE_REGULAR,
            FILE_UNLINKED, //
        },
        record::ref_number,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            locks::Break,
            open::flags_from_image,
            path::PathName, //
        },
        mm::space::{
            self,
            MmRef, //
        },
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    net,
    task, //
};

/// An open file.
pub(super) struct Open {
    /// The file.
    pub(super) file: FileRef,
    /// What it is.
    pub(super) kind: &'static FileOps,
    /// Its path from the caller's root; empty if its kind has none.
    pub(super) path: KVec<u8>,
    /// The path by which it was opened, if that was removed; else empty.
    pub(super) former: KVec<u8>,
    /// Its first user.
    pub(super) who: TaskName,
    /// How its first user has it.
    pub(super) user: User,
    /// References on it that this checkpoint holds, those of outputs not included.
    pub(super) ours: u64,
    /// Address of the credentials that it was opened with; `None`: an image can't have them.
    pub(super) opener: Option<usize>,
    /// Of a file of the tasks' cgroup: bytes of its path up to the root of cgroupfs, and to the
    /// cgroup.
    pub(super) place: Option<[usize; 2]>,
}

impl Open {
    /// Returns whether what was written to it is to be brought to its disk. With a checkpoint of
    /// which the tasks run on that is done then.
    pub(super) fn is_synced(&self) -> bool {
        self.kind.on_disk && self.file.is_writable()
    }
}

/// A rebuilt open file.
struct BuiltFile {
    /// The file.
    file: FileRef,
    /// Whose rights take its lease, if it has one: of who opened it, of its first task.
    lessees: KVec<CredRef>,
    /// Something of it is set when all else is done: records that follow its own tell what, or what
    /// is to be cut off.
    late: bool,
    /// What its holder was to make of its lease.
    broken: Option<Break>,
    /// What is cut off its end.
    cut: Option<Cut>,
    /// It is the caller's, in place of that of the image.
    given: bool,
}

impl BuiltFile {
    fn set_late(&self, r: &Restore, obj: ObjRef) -> Result {
        let late = Late::of(r, obj)?;
        owner::restore(r, late.owner.as_ref(), &self.file, || match &late.lease {
            Some(saved) => lease::restore(r, saved, &self.file, &self.lessees),
            None => Ok(()),
        })
    }
}

impl Rebuilt for BuiltFile {
    /// Takes the locks that it owns. And a FIFO gets its label: all ends of it are open, and with that
    /// label they might not be opened.
    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        if self.given {
            return Ok(());
        }
        let (record, _) = r.object_body::<OpenFile>(obj)?;
        if record.kind.get() == FILE_FIFO {
            label::restore(r, obj, &self.file, "a removed FIFO")?;
        }
        locks::restore_of_file(r, obj, &self.file)
    }

    fn stays(&self) -> bool {
        self.late
    }

    /// Sets who gets its signals, and its lease: all tasks have their pids, and what is pending for
    /// them; nothing of this restart has a file open any more that they have not.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        match (self.late, &self.cut) {
            (true, None) => self.set_late(r, obj),
            // A lease would be broken.
            _ => Ok(()),
        }
    }

    fn overwrite(&self, r: &Restore, obj: ObjRef) -> Result {
        let Some(cut) = &self.cut else {
            return Ok(());
        };
        cut.overwrite(r, &self.file)?;
        self.set_late(r, obj)
    }
}

/// Asks of each inode whether it may be cut off, by the first open file of it, which will do that.
pub(super) fn ask_cuts(r: &Restore) -> Result {
    let mut asked: RBTree<usize, ()> = RBTree::new();
    r.each_built(|_, built: &BuiltFile| {
        let Some(cut) = &built.cut else {
            return Ok(());
        };
        wait::go_on()?;
        let inode = built.file.inode_addr();
        if asked.get(&inode).is_some() {
            return Ok(());
        }
        asked.try_create_and_insert(inode, (), GFP_KERNEL_ACCOUNT)?;
        cut.ask(r, &built.file)
    })
}

/// Lets the breaks of leases go on. When all are taken: one that is to be given up keeps others of its
/// file from being taken. Nothing of it can fail.
pub(super) fn break_leases(r: &Restore) {
    let _ = r.each_built(|_, built: &BuiltFile| {
        if let Some(broken) = &built.broken {
            built.file.break_lease(broken);
        }
        Ok(())
    });
}

/// What is set last of an open file: the records that follow its own and those of its locks.
#[derive(Default)]
struct Late {
    owner: Option<FileOwner>,
    lease: Option<Lease>,
}

impl Late {
    fn of(r: &Restore, obj: ObjRef) -> Result<Self> {
        let mut late = Self::default();
        for raw in r.records_after(obj)? {
            let raw = raw.map_err(|f| r.fault(f))?;
            match raw.kind {
                Kind::Locks => (),
                Kind::FileOwner => late.owner = Some(raw.body().map_err(|f| r.fault(f))?),
                Kind::Lease => late.lease = Some(raw.body().map_err(|f| r.fault(f))?),
                Kind::FileLabel => (),
                _ => break,
            }
        }
        Ok(late)
    }
}

/// Counts a user of `file`; decides at the first one how it is saved, or refuses it.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, user: User, file: &FileRef) -> Result {
    let external = cap.found.files.is_left_outside(file);
    let reopened = !external && cap.found.files.is_reopened(file);
    let first = cap.objects.count::<Open>(file.addr())?;
    // A descriptor is listed each time, so that each can be named.
    if cap.found.files.lists && (first || matches!(user, User::Descriptor(_))) {
        list(cap, t, user, file)?;
    }
    let mapped = (external || reopened) && matches!(user, User::Mapping);
    if !first && !mapped {
        return Ok(());
    }
    let name = name_of(cap, file)?;
    let named = Named { user, name: &name };
    if mapped {
        external::refuse_mapping(cap, t, &named);
        return Ok(());
    }
    let kind = if external {
        &external::OPS
    } else if reopened {
        &reopened::OPS
    } else {
        match kinds::of(file) {
            kind if kind.number == FILE_REGULAR && contents::is_for(cap, file) => &contents::OPS,
            kind => kind,
        }
    };
    if kind.number == 0 {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: {} can't be saved yet", named, kind.name),
        );
        return Ok(());
    }
    if !left_out::was_counted(cap, file) {
        (kind.count)(cap, file)?;
    }
    if !external
        && (!locks::collect(cap, t, &named, file)? || !owner::collect(cap, t, &named, kind, file)?)
    {
        return Ok(());
    }
    let mut open = Open {
        file: file.clone(),
        kind,
        path: KVec::new(),
        former: KVec::new(),
        who: t.display(&cap.pid_ns),
        user,
        ours: 1,
        opener: None,
        place: None,
    };
    if (kind.collect)(cap, t, &named, &mut open)? {
        open.opener = task::collect_opener(cap, file)?;
        cap.objects.keep(open)?;
    }
    Ok(())
}

/// Tells that `t` has `file`, by the name that rules know it by, and what it is.
fn list(cap: &mut Capture, t: &FrozenTask, user: User, file: &FileRef) -> Result {
    let name = name_of(cap, file)?;
    let named = Named { user, name: &name };
    let who = t.display(&cap.pid_ns);
    cap.report
        .has(&who, fmt!("{}: {}", named, kinds::of(file).name));
    if let Some(name) = net::end_name(file)? {
        let named = Named { user, name: &name };
        cap.report
            .has(&who, fmt!("{}: what it is connected to", named));
    }
    Ok(())
}

/// Returns the reference of the collected file at `addr`; writes its records the first time.
pub(super) fn save(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    let (obj, Some(open)) = cap.objects.save::<Open>(addr)? else {
        return cap.objects.reference::<Open>(addr);
    };
    let cred = match open.opener {
        Some(addr) => Some(task::save_opener(cap, addr)?),
        None => None,
    };
    let saved = (open.kind.save)(cap, &open)?;
    let external = open.kind.number == FILE_EXTERNAL;
    let marks = match FILE_MARKED.contains(&open.kind.number) {
        true => open.file.marks(),
        false => 0,
    };
    let mut path = KVec::new();
    if open.kind.by_path {
        path.extend_from_slice(&open.path, GFP_KERNEL_ACCOUNT)?;
        if !open.former.is_empty() {
            path.push(0, GFP_KERNEL_ACCOUNT)?;
        }
    }
    path.extend_from_slice(&open.former, GFP_KERNEL_ACCOUNT)?;
    // What stays outside has a name, and no path.
    let mount = if path.is_empty() || external {
        0
    } else {
        mount::reference(cap)?
    };
    let record = OpenFile {
        obj: obj.get().into(),
        kind: open.kind.number.into(),
        flags: (saved.flags | marks).into(),
        inode: saved.inode.into(),
        pos: u64::try_from(saved.pos).unwrap_or(0).into(),
        size: saved.size.into(),
        cred: ref_number(cred).into(),
        mode: open.file.mode().into(),
        mtime: saved.mtime.0.cast_unsigned().into(),
        mtime_nsec: saved.mtime.1.into(),
        generation: saved.stat.generation.into(),
        dev: saved.stat.dev.into(),
        ino: saved.stat.ino.into(),
        mount: mount.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &path)?;
    if external {
        return Ok(obj);
    }
    locks::save_of_file(cap, obj, &open.file)?;
    owner::save(cap, obj, open.kind, &open.file)?;
    lease::save(cap, obj, &open.file)?;
    label::save(cap, obj, open.kind.number, &open.file)?;
    Ok(obj)
}

/// Returns the open file with reference `obj`: rebuilt by its first user, shared by the others.
pub(super) fn restore(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<FileRef> {
    if let Some(file) = built(r, obj) {
        return Ok(file);
    }
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    let kind = kinds::by_number(record.kind.get()).ok_or(EINVAL)?;
    let mut paths = raw.payload.splitn(2, |&b| b == 0);
    let mut next = || paths.next().unwrap_or(&[]);
    let path = match kind.number {
        // What it shows is found by number, and there is no other of it.
        FILE_PROC => Place::same(next()),
        _ if kind.by_path => r.place(next()),
        _ => Place::same(&[]),
    }?;
    let source = Source {
        kind,
        flags: flags_from_image(record.flags.get()),
        record,
        path,
        former: PathName::new(next())?,
    };
    let file = (kind.restore)(r, plan, &source)?;
    if kind.number != FILE_FIFO {
        label::restore(r, obj, &file, kind.name)?;
    }
    if FILE_MARKED.contains(&kind.number) {
        file.set_marks(source.record.flags.get()).map_err(|e| {
            let why =
                "its events were off, as an event of fanotify has given it: the caller has no \
                       CAP_SYS_ADMIN";
            r.fail(e, plan, fmt!("{}: {}", kind.name, why))
        })?;
    }
    let cut = Cut::of(r, plan, &source, &file)?;
    let late = Late::of(r, obj)?;
    let mut lessees = KVec::new();
    if late.lease.is_some() {
        let opener = opener::of_file(r, plan, source.record.cred.get())?;
        lessees.push(opener, GFP_KERNEL_ACCOUNT)?;
        lessees.push(opener::of_task(r, plan)?, GFP_KERNEL_ACCOUNT)?;
    }
    let built = BuiltFile {
        file: file.clone(),
        lessees,
        late: late.owner.is_some() || late.lease.is_some() || cut.is_some(),
        broken: late.lease.as_ref().and_then(lease::broken),
        cut,
        given: false,
    };
    r.set_built(obj, built)?;
    Ok(file)
}

/// Makes `file` that with reference `obj`: the caller gives it in place of that. It keeps the locks,
/// the lease and the owner that it has: it outlives a restart that fails, which could not take back
/// its own. True: there are such in the image.
pub(super) fn give(r: &Restore, obj: ObjRef, file: FileRef) -> Result<bool> {
    let more = match r.records_after(obj)?.next() {
        Some(raw) => matches!(
            raw.map_err(|f| r.fault(f))?.kind,
            Kind::Locks | Kind::FileOwner | Kind::Lease
        ),
        None => false,
    };
    let built = BuiltFile {
        file,
        lessees: KVec::new(),
        late: false,
        broken: None,
        cut: None,
        given: true,
    };
    r.set_built(obj, built)?;
    Ok(more)
}

/// Returns the open file with reference `obj`, if a task has it: for links.
pub(crate) fn built(r: &Restore, obj: ObjRef) -> Option<FileRef> {
    r.with_built(obj, |f: &BuiltFile| f.file.clone())
}

/// Counts the program that `t` executes.
pub(super) fn collect_program(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result {
    collect(cap, t, User::Mapping, file)?;
    if contents::is_for(cap, file) {
        let name = name_of(cap, file)?;
        let user = User::Mapping;
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: is the program, whose contents can't be saved: leave it away from those that \
                 are (--contents)",
                Named { user, name: &name }
            ),
        );
    }
    if file.links() == 0 && file.mode() & inode::ANY_EXEC == 0 {
        let name = name_of(cap, file)?;
        let user = User::Mapping;
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the program's file has been removed, and nobody may execute it: give it that \
                 right (chmod +x /proc/PID/exe)",
                Named { user, name: &name }
            ),
        );
    }
    Ok(())
}

/// Makes the open file with reference `obj` the program of `mm`.
pub(super) fn restore_program(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    obj: ObjRef,
) -> Result {
    let file = restore(r, plan, obj)?;
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    let opener = opener::of_file(r, plan, record.cred.get())?;
    if matches!(record.kind.get(), FILE_UNLINKED | FILE_MEMFD) {
        // It is written to, and may not be executed meanwhile.
        return built_inode::execute(r, record.inode.get(), mm, file, opener);
    }
    path::check_program(r, plan, &opener, raw.payload, &file)?;
    space::set_exe(mm, &file).map_err(|e| {
        let why = "its program is open for writing: end what has it open";
        r.fail(e, plan, fmt!("{}", why))
    })
}
