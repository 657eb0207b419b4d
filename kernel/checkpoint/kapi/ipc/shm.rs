// SPDX-License-Identifier: GPL-2.0

//! System V shared memory.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    ipc::namespace::{
        Common,
        IpcNs, //
    },
    pid::namespace::PidNs, //
};

/// What a segment has but its memory. Pids are 0 for none.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// What all objects have.
    pub(crate) common: Common,
    /// The key that it was made with.
    pub(crate) named: u32,
    /// Was removed, and is there only as long as it is attached.
    pub(crate) removed: bool,
    /// Is locked in memory.
    pub(crate) locked: bool,
    /// Times of the last attach, detach and change, in seconds since 1970.
    pub(crate) times: [i64; 3],
    /// The process that has made it, and who attached or detached it last.
    pub(crate) pids: [u32; 2],
    /// The thread that has made it, if that has not exited.
    pub(crate) maker: u32,
    /// Its bytes; of its memory there may be more, up to a huge page.
    pub(crate) size: u64,
}

impl Settings {
    fn of(c: &bindings::checkpoint_shm) -> Self {
        Self {
            common: Common::of(&c.ipc),
            named: c.named.cast_unsigned(),
            removed: c.dest,
            locked: c.locked,
            times: [c.atime, c.dtime, c.ctime],
            pids: [c.cpid, c.lpid].map(i32::cast_unsigned),
            maker: c.creator.cast_unsigned(),
            size: c.size,
        }
    }

    fn to_c(self) -> bindings::checkpoint_shm {
        let [atime, dtime, ctime] = self.times;
        let [cpid, lpid] = self.pids.map(u32::cast_signed);
        bindings::checkpoint_shm {
            ipc: self.common.to_c(),
            named: self.named.cast_signed(),
            dest: self.removed,
            locked: self.locked,
            attaches: 0,
            size: self.size,
            atime,
            dtime,
            ctime,
            cpid,
            lpid,
            creator: self.maker.cast_signed(),
            file: core::ptr::null_mut(),
        }
    }
}

/// A segment that was found.
pub(crate) struct Found {
    /// What it has.
    pub(crate) settings: Settings,
    /// Its memory.
    pub(crate) memory: FileRef,
}

/// Calls `f` with each segment of `ns`, with pids of `pid_ns`, and no lock held. May sleep.
pub(crate) fn each(ns: &IpcNs, pid_ns: &PidNs, mut f: impl FnMut(Found) -> Result) -> Result {
    let mut from = 0;
    while let Some((at, found)) = next(ns, pid_ns, from)? {
        f(found)?;
        from = at + 1;
    }
    Ok(())
}

/// Returns the first segment with an index from `from` on, and its index.
fn next(ns: &IpcNs, pid_ns: &PidNs, from: i32) -> Result<Option<(i32, Found)>> {
    let mut found = bindings::checkpoint_shm::default();
    // SAFETY: We own references on both namespaces; the function fills in the structure.
    let at =
        unsafe { bindings::checkpoint_shm_next(ns.as_ptr(), pid_ns.as_ptr(), from, &mut found) };
    if at == ENOENT.to_errno() {
        return Ok(None);
    }
    // SAFETY: The file comes with a reference.
    let memory = unsafe { FileRef::from_owned(found.file) }?;
    let settings = Settings::of(&found);
    Ok(Some((at, Found { settings, memory })))
}

/// Returns the segment with the id `id`, with pids of `pid_ns`; `None`: there is none.
pub(crate) fn by_id(ns: &IpcNs, pid_ns: &PidNs, id: i32) -> Result<Option<Found>> {
    // SAFETY: It takes a number and returns one.
    let index = unsafe { bindings::checkpoint_ipc_index(id) };
    Ok(next(ns, pid_ns, index)?
        .map(|(_, found)| found)
        .filter(|found| found.settings.common.id == id))
}

/// Returns the segment with the id `id`, with pids of `pid_ns`; `None`: there is none, or it has
/// other memory than `file` shows.
pub(crate) fn find(ns: &IpcNs, pid_ns: &PidNs, id: i32, file: &FileRef) -> Result<Option<Found>> {
    Ok(by_id(ns, pid_ns, id)?.filter(|found| found.memory.inode_addr() == file.inode_addr()))
}

/// Returns namespace and id of the segment that `file`, that of a mapping, is an attach of; `None`:
/// it is none.
pub(crate) fn attached(file: &FileRef) -> Option<(IpcNs, i32)> {
    let mut ns = core::ptr::null_mut();
    let mut id = 0;
    // SAFETY: We own a reference on the file, which keeps the namespace.
    unsafe {
        if !bindings::checkpoint_is_shm(file.as_ptr(), &mut ns, &mut id) {
            return None;
        }
        Some((IpcNs::get(ns).ok()?, id))
    }
}

/// Returns how many mappings the segment `id` of `ns` has.
pub(crate) fn attaches(ns: &IpcNs, id: i32) -> u64 {
    // SAFETY: We own a reference on the namespace, which keeps it valid.
    unsafe { bindings::checkpoint_shm_attaches(ns.as_ptr(), id) as u64 }
}

/// Makes a segment with size, id, keys and lock of `settings`, as shmget(2) does; returns its memory.
/// `huge`: the size of its huge pages, as a power of two, if it has some. May sleep.
///
/// EEXIST: id or key are in use; EPERM: the caller may not choose ids, or not lock memory; ENOSPC,
/// EINVAL: more than the namespace takes.
pub(crate) fn make(
    ns: &IpcNs,
    settings: &Settings,
    noreserve: bool,
    huge: Option<u32>,
) -> Result<FileRef> {
    let (size, huge) = (usize::try_from(settings.size)?, huge.unwrap_or(0));
    // SAFETY: We own a reference; the structure is read only. A file that is returned comes with a
    // reference.
    unsafe {
        let file =
            bindings::checkpoint_shm_make(ns.as_ptr(), &settings.to_c(), size, noreserve, huge);
        FileRef::from_owned(file)
    }
}

/// Makes the file that attaches of the segment `id` map; `write`: it can be written to. May sleep.
pub(crate) fn open(ns: &IpcNs, id: i32, memory: &FileRef, write: bool) -> Result<FileRef> {
    let flags = if write {
        bindings::O_RDWR
    } else {
        bindings::O_RDONLY
    };
    // SAFETY: We own references on both. A file that is returned comes with a reference.
    unsafe {
        let file =
            bindings::checkpoint_shm_open(ns.as_ptr(), id, memory.as_ptr(), flags.cast_signed());
        FileRef::from_owned(file)
    }
}

/// Gives a segment that was made owners, times, pids and creator. May sleep.
///
/// EPERM: the caller may not give it to others; EINVAL: it was removed, and nobody has it attached;
/// EIDRM: somebody has removed it.
pub(crate) fn set(ns: &IpcNs, pid_ns: &PidNs, settings: &Settings, memory: &FileRef) -> Result {
    // SAFETY: We own references on all; the structure is read only.
    to_result(unsafe {
        bindings::checkpoint_shm_set(
            ns.as_ptr(),
            pid_ns.as_ptr(),
            &settings.to_c(),
            memory.as_ptr(),
        )
    })
}

/// Removes a segment that was made.
pub(crate) fn remove(ns: &IpcNs, id: i32, memory: &FileRef) {
    // SAFETY: We own references on both.
    unsafe { bindings::checkpoint_shm_remove(ns.as_ptr(), id, memory.as_ptr()) };
}
