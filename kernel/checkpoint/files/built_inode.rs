// SPDX-License-Identifier: GPL-2.0

//! Inodes that are made anew: those without a name, and those that get one (`contents.rs`).
//!
//! Their contents come with the memory of the tasks; mode, times and seals after these.

use core::pin::Pin;

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::{
    core::{
        built::Rebuilt,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        former,
        inode::{
            ANY_EXEC,
            PERMISSIONS, //
        },
        kinds::contents::Arrival,
        label::{
            self,
            Had, //
        },
        mount,
        name::Text,
        ops::Source, //
    },
    image::{
        files::{
            name_and_value,
            open,
            seal,
            Inode,
            INODE_LINKABLE,
            INODE_MEMFD,
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
        security::cred::CredRef, //
    },
    mm::{
        self,
        huge, //
    }, //
};

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
/// what its contents are written by: otherwise O_APPEND would have them at the end.
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
    arrival: Option<Arc<Arrival>>,
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
            arrival: Some(Arc::new(arrival, GFP_KERNEL_ACCOUNT)?),
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
        let mut had = Had::default();
        let xattrs = r.records_after(obj)?.skip_while(is_of_memory);
        for raw in xattrs.take(record.xattrs.get() as usize) {
            let raw = raw.map_err(|f| r.fault(f))?;
            let (name, value) = name_and_value(raw.payload).ok_or(EINVAL)?;
            if label::is_label(name) {
                match &self.arrival {
                    Some(arrival) => label::set(r, &file, &Text(arrival.name()), name, value)?,
                    None => label::set(r, &file, &what, name, value)?,
                }
                had.note(name);
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
        match &self.arrival {
            Some(arrival) => had.take_off_others(r, &file, &Text(arrival.name()))?,
            None => had.take_off_others(r, &file, &what)?,
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

/// Returns those that have replaced others which are still there, as far as there is memory: what is left over
/// is removed with the last reference on it.
pub(super) fn replaced(r: &Restore) -> KVVec<Arc<Arrival>> {
    let mut all = KVVec::new();
    let _ = r.each_built(|_, built: &BuiltInode| {
        match built.arrival.as_ref().filter(|arrival| arrival.has_old()) {
            Some(arrival) => Ok(all.push(arrival.clone(), GFP_KERNEL_ACCOUNT)?),
            None => Ok(()),
        }
    });
    all
}

impl Rebuilt for BuiltInode {
    fn stays(&self) -> bool {
        self.arrival.is_some()
    }

    fn replace(&self, r: &Restore, _: ObjRef) -> Result {
        match &self.arrival {
            Some(arrival) => arrival.replace(r),
            None => Ok(()),
        }
    }

    fn undo(&self, r: &Restore) {
        if let Some(arrival) = &self.arrival {
            arrival.undo(r);
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

/// Makes `file`, which is open for the inode `obj`, the program of `mm`.
pub(super) fn execute(r: &Restore, obj: u32, mm: &MmRef, file: FileRef, opener: CredRef) -> Result {
    let obj = ObjRef::new(obj).ok_or(EINVAL)?;
    r.built::<BuiltInode>(obj)
        .ok_or(EINVAL)?
        .execute(mm, file, opener)
}
