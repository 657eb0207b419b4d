// SPDX-License-Identifier: GPL-2.0

//! Inodes without a name: what removed files, memfds and anonymous shared memory have in common.
//!
//! Their contents go into the image as extents, which are captured with the memory of the tasks.

use core::pin::Pin;

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    }, //
};

use crate::{
    core::{
        built::Rebuilt,
        objects::Shared,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        collected::Opens,
        former,
        kinds::contents::Arrival,
        label,
        mount,
        name::{
            Named,
            Text, //
        },
        open::Open,
        ops::Source, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            name_and_value,
            open,
            seal,
            Inode,
            Xattr,
            INODE_LINKABLE,
            INODE_MEMFD,
            INODE_NAMED,
            INODE_NORESERVE, //
        },
        Fault,
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fork::park,
        fs::{
            file::FileRef,
            memfd,
            open::oflag,
            path::{
                PathName,
                PathRef, //
            }, //
        },
        mm::{
            hugetlb,
            shmem,
            space::{
                self,
                MmRef, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    },
    mm::{
        self,
        huge,
        policy, //
    }, //
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// Bits of a mode that let somebody execute a file.
pub(super) const ANY_EXEC: u32 = 0o111;

/// Why what was removed can't be saved if it has extended attributes that the caller does not see.
pub(super) const HIDDEN: &str =
    "has extended attributes (trusted.*) that only root sees (CAP_SYS_ADMIN): call as who does";

/// Refuses an inode whose contents can't be saved. False: it was refused.
pub(super) fn check(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &Open,
) -> Result<bool> {
    if !open.file.is_cached() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: was removed, and its filesystem ({}) does not let the kernel read its pages: \
                 have it closed",
                named,
                Text(open.file.fs_name().to_bytes())
            ),
        );
        return Ok(false);
    }
    if let Some(why) = policy::refuses_file(&open.file)? {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if let Some(why) = huge::refuses_file(&open.file) {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if open.file.hides_xattrs()? {
        cap.refuse(EPERM, t, fmt!("{}: {}", named, HIDDEN));
        return Ok(false);
    }
    // Whoever has it open for its path, or for writing, has no right to what is in it.
    let known = cap
        .objects
        .get::<Nameless>(open.file.inode_addr())
        .is_some();
    if !known && !open.file.is_readable() && open.file.may_read().is_err() {
        cap.refuse(
            EACCES,
            t,
            fmt!(
                "{}: has no name, so that its contents have to be saved, but it is not open for \
                 reading, and the caller may not read it: call as who may",
                named
            ),
        );
        return Ok(false);
    }
    if is_reopened(&open.file) && open.file.has_exclusive_lease() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: has a lease that keeps others from opening it, a checkpoint too: have that \
                 given up",
                named
            ),
        );
        return Ok(false);
    }
    Ok(true)
}

/// Returns whether an inode is not read by way of `file`, by which it was found, but opened for that:
/// filesystems read by way of a file that was opened; an overlay has times and attributes of its own.
fn is_reopened(file: &FileRef) -> bool {
    file.is_path_only() || file.is_backing()
}

/// Notes that `file` is open: who else has its inode open is only known by counting.
pub(super) fn count(cap: &mut Capture, file: &FileRef) -> Result {
    let writes = file.is_writable() && !file.is_made_with_inode();
    let reads = file.is_readable() && !file.is_writable();
    let inode = file.inode_addr();
    let mut opens = opens(cap, file);
    opens.files += 1;
    opens.readers += u64::from(reads);
    opens.writers += u64::from(writes);
    if let Some(known) = cap.found.files.removed.get_mut(&inode) {
        *known = opens;
        return Ok(());
    }
    cap.found
        .files
        .removed
        .try_create_and_insert(inode, opens, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Returns how often the inode of `file` was counted.
pub(super) fn opens(cap: &Capture, file: &FileRef) -> Opens {
    let known = cap.found.files.removed.get(&file.inode_addr());
    known.copied().unwrap_or_default()
}

/// Notes the inode of `open`, whose contents go into the image, and what becomes its home.
pub(super) fn add(cap: &mut Capture, open: &mut Open, home: Home) -> Result {
    if !cap.objects.count::<Nameless>(open.file.inode_addr())? {
        return Ok(());
    }
    let file = if is_reopened(&open.file) || matches!(home, Home::Named(_)) {
        let file = open.file.reopen(oflag::READ)?;
        count(cap, &file)?;
        file
    } else {
        open.ours += 1;
        open.file.clone()
    };
    let xattrs = match home {
        Home::Anonymous => KVVec::new(),
        _ => {
            let mut names = file.xattrs()?;
            names.extend_from_slice(&label::names(cap, &file)?, GFP_KERNEL_ACCOUNT)?;
            names
        }
    };
    cap.objects.keep(Nameless::new(file, home, xattrs))
}

/// Notes memory that is no open file of the tasks: a segment of System V shared memory.
pub(crate) fn add_memory(cap: &mut Capture, file: &FileRef) -> Result {
    if cap.objects.count::<Nameless>(file.inode_addr())? {
        let inode = Nameless::new(file.clone(), Home::Anonymous, KVVec::new());
        cap.objects.keep(inode)?;
    }
    Ok(())
}

/// Where an inode without a name belongs.
pub(super) enum Home {
    /// Nowhere: it is anonymous shared memory.
    Anonymous,
    /// To the filesystem of a directory, by its path.
    Directory(KVec<u8>),
    /// Nowhere: it is a memfd with a name.
    Memfd(KVec<u8>),
    /// It has a name, by its path, and its contents are saved as the caller has asked for it.
    Named(KVec<u8>),
}

/// An inode whose contents go into the image: one without a name, or that the caller has chosen.
pub(crate) struct Nameless {
    /// A file that shows it.
    pub(crate) file: FileRef,
    /// Where it belongs.
    home: Home,
    /// Names of its extended attributes, each with its NUL.
    xattrs: KVVec<u8>,
    /// Bytes that it has in the image.
    size: Atomic<u64>,
}

impl Nameless {
    fn new(file: FileRef, home: Home, xattrs: KVVec<u8>) -> Self {
        let size = Atomic::new(size_of_file(&file));
        Self {
            file,
            home,
            xattrs,
            size,
        }
    }

    /// Returns how many bytes it has in the image. By now it may have others: who is not frozen may
    /// write to a file that has a name.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Relaxed)
    }

    /// Returns whether it had a name, or was made as such a file is made (O_TMPFILE).
    pub(super) fn had_name(&self) -> bool {
        matches!(self.home, Home::Directory(_))
    }

    /// Returns whether it has a name: then `file` is nobody else's.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self.home, Home::Named(_))
    }

    /// Returns whether it is known by this path.
    pub(super) fn is_at(&self, path: &[u8]) -> bool {
        matches!(&self.home, Home::Named(home) if home.as_slice() == path)
    }
}

impl Shared<Found> for Nameless {
    fn addr(&self) -> usize {
        self.file.inode_addr()
    }
}

/// Returns whether the inode of `file` was collected as one whose contents go into the image.
pub(crate) fn is_in_image(cap: &Capture, file: &FileRef) -> bool {
    cap.objects.get::<Nameless>(file.inode_addr()).is_some()
}

/// Bytes of a file.
fn size_of_file(file: &FileRef) -> u64 {
    u64::try_from(file.size()).unwrap_or(0)
}

/// Returns the reference of the inode of `open`; writes its record the first time.
pub(super) fn save(cap: &mut Capture, open: &Open) -> Result<ObjRef> {
    save_memory(cap, &open.file, 0)
}

/// Returns the same of the inode that `file` shows. `asked`: the bytes that a segment of System V
/// shared memory was made with; 0: it is none.
pub(crate) fn save_memory(cap: &mut Capture, file: &FileRef, asked: u64) -> Result<ObjRef> {
    let (obj, Some(inode)) = cap.objects.save::<Nameless>(file.inode_addr())? else {
        return cap.objects.reference::<Nameless>(file.inode_addr());
    };
    let size = size_of_file(file);
    inode.size.store(size, Relaxed);
    let [uid, gid] = file.owner().unwrap_or([0, 0]);
    let (flags, seals, text): (u32, u32, &[u8]) = match &inode.home {
        Home::Anonymous if shmem::is_noreserve(file) => (INODE_NORESERVE, 0, &[]),
        Home::Anonymous => (0, 0, &[]),
        Home::Directory(path) if file.is_linkable() => (INODE_LINKABLE, 0, path),
        Home::Directory(path) => (0, 0, path),
        Home::Memfd(name) => (INODE_MEMFD, file.seals()?, name),
        Home::Named(path) => (INODE_NAMED, 0, path),
    };
    let [atime, mtime] = match &inode.home {
        Home::Anonymous => [(0, 0); 2],
        _ => file.times(),
    };
    let record = Inode {
        obj: obj.get().into(),
        mode: (file.mode() & PERMISSIONS).into(),
        size: size.into(),
        owner: [uid.into(), gid.into()],
        atime: atime.0.cast_unsigned().into(),
        mtime: mtime.0.cast_unsigned().into(),
        atime_nsec: atime.1.into(),
        mtime_nsec: mtime.1.into(),
        flags: flags.into(),
        seals: seals.into(),
        xattrs: u32::try_from(names(&inode.xattrs).count())?.into(),
        reserved: 0.into(),
        mount: match &inode.home {
            Home::Directory(_) | Home::Named(_) => mount::reference(cap)?,
            _ => 0,
        }
        .into(),
        reserved2: 0.into(),
    };
    cap.meta.put(&record, text)?;
    huge::save_file(cap, file, obj, size, asked)?;
    policy::save_file(cap, file)?;
    for name in names(&inode.xattrs) {
        save_xattr(cap, file, name).inspect_err(|&e| {
            cap.report.line(fmt!(
                "error: the extended attribute {} of object {}, a file without a name, can't be \
                 read [{}]",
                Text(name),
                obj.get(),
                Errno(e)
            ));
        })?;
    }
    Ok(obj)
}

/// Returns the names in a list of names that end with a NUL each.
fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&b| b == 0).filter(|name| !name.is_empty())
}

/// Writes the record of an extended attribute.
fn save_xattr(cap: &mut Capture, file: &FileRef, name: &[u8]) -> Result {
    let value = file.xattr(PathName::new(name)?.as_c_str())?;
    let record = Xattr {
        size: u32::try_from(value.len())?.into(),
        reserved: 0.into(),
    };
    let mut payload = KVVec::new();
    for part in [name, &[0], value.as_slice()] {
        payload.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    cap.meta.put(&record, &payload)
}

/// What an inode was made with, besides itself.
struct Made {
    /// Open for reading and writing.
    file: FileRef,
    /// What memfd_create(2) returns.
    first: Option<FileRef>,
}

/// Makes the inode with reference `obj`, with its size but without its contents, with the rights of
/// `opener`.
fn make(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef, opener: &CredRef) -> Result<Made> {
    let (record, raw) = r.object_body::<Inode>(obj)?;
    let size = i64::try_from(record.size.get()).map_err(|_| EINVAL)?;
    if record.flags.get() & INODE_MEMFD != 0 {
        return make_memfd(r, plan, obj, &record, raw.payload, opener);
    }
    if raw.payload.is_empty() {
        let noreserve = record.flags.get() & INODE_NORESERVE != 0;
        let file = match huge::shift_of(r, obj)? {
            Some(shift) => hugetlb::new_file(size, shift).map_err(|e| {
                huge::missing(
                    r,
                    plan,
                    e,
                    fmt!("{} bytes of anonymous memory", size),
                    shift,
                    record.size.get().checked_shr(shift).unwrap_or(0),
                    hugetlb::free(shift),
                )
            }),
            None => shmem::new_file(size, noreserve).map_err(|e| {
                r.fail(
                    e,
                    plan,
                    fmt!("{} bytes of anonymous shared memory: {}", size, Errno(e)),
                )
            }),
        }?;
        mm::prepare_file(r, plan, obj, &file)?;
        return Ok(Made { file, first: None });
    }
    let dir = r.place(raw.payload)?;
    let linkable = record.flags.get() & INODE_LINKABLE != 0;
    let flags = oflag::TMPFILE | if linkable { 0 } else { oflag::NAMELESS };
    let start = mount::start(r, record.mount.get())?;
    let open = || {
        let dir = PathRef::lookup_dir(&start, dir.as_c_str())?;
        FileRef::open(&dir, flags, 0o600)
    };
    let mut made = opener.act(open);
    // Who had it open need not be who had made it. What can't be given a name gives no right to
    // anything in the directory.
    if !linkable && matches!(made, Err(EACCES)) {
        made = open();
    }
    let prepare = |file: FileRef| {
        // A directory hands default ACLs on.
        file.remove_xattrs()?;
        prepare(file, &record)
    };
    let file = made.and_then(prepare).map_err(|e| {
        let why = match e {
            ENOENT | ELOOP | ENOTDIR => "the directory is missing: bring it back",
            EACCES | EPERM => "can't be made with the rights of who had it open",
            ENOSPC => "there is no room for it",
            _ => "can't be made",
        };
        r.fail(
            e,
            plan,
            fmt!(
                "a file without a name of {} bytes in {}: {}",
                size,
                Text(dir.as_bytes()),
                why
            ),
        )
    })?;
    mm::prepare_file(r, plan, obj, &file)?;
    Ok(Made { file, first: None })
}

/// Makes a memfd. What is open for writing and counts as that, as the first open file does not, is
/// what its contents are written by: they end where O_APPEND wants them to else.
fn make_memfd(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    record: &Inode,
    name: &[u8],
    opener: &CredRef,
) -> Result<Made> {
    let mut whole = KVec::new();
    whole.extend_from_slice(memfd::PREFIX, GFP_KERNEL_ACCOUNT)?;
    whole.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
    let whole = PathName::new(&whole)?;
    let shift = huge::shift_of(r, obj)?;
    let make = || {
        let first =
            opener.act(|| memfd::new_file(whole.as_c_str(), is_never_executable(record), shift))?;
        let file = prepare(first.reopen(oflag::READ_WRITE)?, record)?;
        Ok(Made {
            file,
            first: Some(first),
        })
    };
    let made = make().map_err(|e| {
        let why = match e {
            EACCES => "may be executed, which vm.memfd_noexec forbids here",
            ENODEV | ENOENT => {
                "this machine has no huge pages of its size: see /sys/kernel/mm/hugepages"
            }
            EOPNOTSUPP => "this kernel has none (CONFIG_MEMFD_CREATE)",
            ENOMEM => "there is no memory for it",
            _ => "can't be made",
        };
        r.fail(e, plan, fmt!("memfd {}: {}", Text(name), why))
    })?;
    mm::prepare_file(r, plan, obj, &made.file)?;
    Ok(made)
}

/// Returns whether a memfd was sealed when nobody might execute it.
fn is_never_executable(record: &Inode) -> bool {
    record.seals.get() & seal::EXEC != 0 && record.mode.get() & ANY_EXEC == 0
}

/// Gives a new inode its size and its owner.
pub(super) fn prepare(file: FileRef, record: &Inode) -> Result<FileRef> {
    file.truncate(i64::try_from(record.size.get())?)?;
    let owner = record.owner.map(|id| id.get());
    if file.owner() != Some(owner) {
        file.chown(owner)?;
    }
    Ok(file)
}

/// The program of an address space that waits until nobody writes to the file any more.
struct Program {
    mm: MmRef,
    file: FileRef,
    /// With whose rights it is one.
    opener: CredRef,
}

/// What is known of a rebuilt inode.
struct State {
    /// An open file of it, for reading and writing; in the end for reading, if it is executed.
    file: FileRef,
    /// What address spaces execute it.
    programs: KVec<Program>,
}

/// A rebuilt inode.
pub(crate) struct BuiltInode {
    state: Pin<KBox<Mutex<State>>>,
    /// What memfd_create(2) returns.
    first: Option<FileRef>,
    /// It gets a name.
    arrival: Option<Arrival>,
}

impl BuiltInode {
    fn new(made: Made) -> Result<Self> {
        let state = State {
            file: made.file,
            programs: KVec::new(),
        };
        Ok(Self {
            state: KBox::pin_init(new_mutex!(state, "checkpoint inode"), GFP_KERNEL)?,
            first: made.first,
            arrival: None,
        })
    }

    /// Returns one that gets a name when its contents are there.
    pub(super) fn of_named(file: FileRef, arrival: Arrival) -> Result<Self> {
        Ok(Self {
            arrival: Some(arrival),
            ..Self::of_memory(file)?
        })
    }

    /// Returns one of memory that has been made already, by `file`.
    pub(crate) fn of_memory(file: FileRef) -> Result<Self> {
        Self::new(Made { file, first: None })
    }

    /// Returns what its contents are written by.
    pub(crate) fn file(&self) -> FileRef {
        self.state.lock().file.clone()
    }

    /// Makes `file`, which is open for it, the program of `mm` when its contents are there.
    pub(super) fn execute(&self, mm: &MmRef, file: FileRef, opener: CredRef) -> Result {
        let program = Program {
            mm: mm.clone(),
            file,
            opener,
        };
        Ok(self
            .state
            .lock()
            .programs
            .push(program, GFP_KERNEL_ACCOUNT)?)
    }

    /// Gives it what writing to it changes: capabilities and other extended attributes, times, and
    /// permissions, of which bits that give rights are taken away by who writes. Then its seals.
    fn finish(&self, r: &Restore, obj: ObjRef, record: &Inode) -> Result {
        let file = self.file();
        let (name, what): (&[u8], &str) = match &self.arrival {
            Some(arrival) => (arrival.name(), ""),
            None => (&[], "a file without a name"),
        };
        let who = Text(name);
        let is_of_memory = |raw: &Result<Raw<'_>, Fault>| {
            raw.as_ref()
                .is_ok_and(|raw| matches!(raw.kind, Kind::HugePages | Kind::MemoryPolicy))
        };
        let xattrs = r.records_after(obj)?.skip_while(is_of_memory);
        for raw in xattrs.take(record.xattrs.get() as usize) {
            let raw = raw.map_err(|f| r.fault(f))?;
            let (name, value) = name_and_value(raw.payload).ok_or(EINVAL)?;
            if label::is_label(name) {
                match &self.arrival {
                    Some(arrival) => label::set(r, &file, &Text(arrival.name()), name, value)?,
                    None => label::set(r, &file, &what, name, value)?,
                }
                continue;
            }
            file.set_xattr(PathName::new(name)?.as_c_str(), value)
                .inspect_err(|&e| {
                    r.with_report(|report| {
                        report.line(fmt!(
                            "error: {}{} can't have its extended attribute {}: the filesystem \
                             does not take it, or the caller may not set it [{}]",
                            who,
                            what,
                            Text(name),
                            Errno(e)
                        ));
                    });
                })?;
        }
        let time = |sec: u64, nsec| (sec.cast_signed(), nsec);
        file.chmod((record.mode.get() & PERMISSIONS) as u16)?;
        file.set_times([
            time(record.atime.get(), record.atime_nsec.get()),
            time(record.mtime.get(), record.mtime_nsec.get()),
        ])?;
        if record.flags.get() & INODE_MEMFD == 0 {
            return Ok(());
        }
        match record.seals.get() & !file.seals()? {
            0 => Ok(()),
            seals => file.add_seals(seals),
        }
    }

    /// Gives it what belongs to its name, with the rights of who had it open, and the name.
    fn arrive(&self, r: &Restore, obj: ObjRef, record: &Inode, arrival: &Arrival) -> Result {
        let permissions = record.mode.get() & PERMISSIONS;
        let finish = || {
            self.finish(r, obj, record)?;
            // chmod(2) drops what the caller may not give.
            match self.file().mode() & PERMISSIONS == permissions {
                true => Ok(()),
                false => Err(EPERM),
            }
        };
        arrival.opener().act(finish).map_err(|e| {
            r.told(
                e,
                fmt!(
                    "{}, which was made anew: can't have its mode {:o}, times and attributes with \
                     the rights of who had it open: {}",
                    Text(arrival.name()),
                    permissions,
                    Errno(e)
                ),
            )
        })?;
        // Who takes a lease must be alone.
        let place = self.file().reopen(oflag::PLACE)?;
        let writer = core::mem::replace(&mut self.state.lock().file, place);
        drop(writer);
        arrival.link(r)
    }

    /// Makes it the program of those who execute it: nobody may have it open for writing then.
    fn start(&self) -> Result {
        let programs = core::mem::replace(&mut self.state.lock().programs, KVec::new());
        if programs.is_empty() {
            return Ok(());
        }
        let reader = self.file().reopen(oflag::READ)?;
        let writer = core::mem::replace(&mut self.state.lock().file, reader);
        drop(writer);
        park::close_files();
        for program in programs {
            program.opener.act(|| program.file.may_be_program())?;
            space::set_exe(&program.mm, &program.file)?;
        }
        Ok(())
    }
}

impl Rebuilt for BuiltInode {
    fn stays(&self) -> bool {
        self.arrival.is_some()
    }

    fn overwrite(&self, r: &Restore, _: ObjRef) -> Result {
        match &self.arrival {
            Some(arrival) => arrival.overwrite(r),
            None => Ok(()),
        }
    }

    fn undo(&self) {
        if let Some(arrival) = &self.arrival {
            arrival.undo();
        }
    }

    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, raw) = r.object_body::<Inode>(obj)?;
        let memfd = record.flags.get() & INODE_MEMFD != 0;
        if raw.payload.is_empty() && !memfd {
            return Ok(());
        }
        let tell = |e: Error, why: &str| {
            let what = if memfd {
                "memfd"
            } else {
                "a file without a name in"
            };
            r.with_report(|report| {
                report.line(fmt!(
                    "error: {} {} {} [{}]",
                    what,
                    Text(raw.payload),
                    why,
                    Errno(e)
                ));
            });
        };
        if let Some(arrival) = &self.arrival {
            return self.arrive(r, obj, &record, arrival);
        }
        self.finish(r, obj, &record)
            .inspect_err(|&e| tell(e, "can't have its mode, times and seals"))?;
        self.start().inspect_err(|&e| {
            tell(
                e,
                "can't be a program: it may not be executed, its filesystem is mounted noexec, or \
                 somebody has it open for writing",
            );
        })
    }
}

/// Returns what was rebuilt of the inode that `source` shows.
fn built(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<Arc<BuiltInode>> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    if !r.is_built(obj) {
        r.set_built(obj, BuiltInode::new(make(r, plan, obj, opener)?)?)?;
    }
    r.built(obj).ok_or(EINVAL)
}

/// Returns an open file of the inode that `source` shows, for reading and writing: that which its
/// contents are written by.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<FileRef> {
    Ok(built(r, plan, source, opener)?.file())
}

/// Opens the inode that `source` shows as it was open.
pub(super) fn reopen(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<FileRef> {
    let built = built(r, plan, source, opener)?;
    let first = built
        .first
        .as_ref()
        .filter(|_| source.record.flags.get() & open::FIRST != 0);
    let opened = match first {
        Some(first) => opener
            .act(|| first.set_flags(oflag::SETFL, source.flags))
            .map(|()| first.clone()),
        None => {
            let path = former::give(r, plan, source, built.file().path())?;
            opener.act(|| FileRef::open_unchecked(&path, source.flags))
        }
    };
    opened.map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("a file without a name can't be opened: {}", Errno(e)),
        )
    })
}

/// The program of `mm` is `file`, which is open for the inode `obj`.
pub(super) fn execute(r: &Restore, obj: u32, mm: &MmRef, file: FileRef, opener: CredRef) -> Result {
    let obj = ObjRef::new(obj).ok_or(EINVAL)?;
    r.built::<BuiltInode>(obj)
        .ok_or(EINVAL)?
        .execute(mm, file, opener)
}
