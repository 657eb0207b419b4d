// SPDX-License-Identifier: GPL-2.0

//! Inodes without a name: what removed files, memfds and anonymous shared memory have in common.
//!
//! Their contents go into the image as extents, which are captured with the memory of the tasks.
//! How they come back: `built_inode.rs`.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

use crate::{
    core::{
        objects::Shared,
        report::Errno, //
    },
    files::{
        collected::Opens,
        label,
        mount,
        name::{
            Named,
            Text, //
        },
        open::Open, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            Inode,
            Xattr,
            INODE_LINKABLE,
            INODE_MEMFD,
            INODE_NAMED,
            INODE_NORESERVE, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            open::oflag,
            path::PathName, //
        },
        mm::shmem,
        task::frozen::FrozenTask, //
    },
    mm::{
        huge,
        policy, //
    }, //
};

/// Bits of a mode that chmod(2) sets.
pub(super) const PERMISSIONS: u32 = 0o7777;

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

/// Returns the bytes of a file.
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
    save_xattrs(cap, obj, file, &inode.xattrs)?;
    Ok(obj)
}

/// Writes the records of the extended attributes of `file` with the names in `list`, which follow that of
/// the object `obj`.
pub(super) fn save_xattrs(cap: &mut Capture, obj: ObjRef, file: &FileRef, list: &[u8]) -> Result {
    for name in names(list) {
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
    Ok(())
}

/// Returns the names in a list of names that end with a NUL each.
pub(super) fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
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
