// SPDX-License-Identifier: GPL-2.0

//! Credentials.

use core::ptr::NonNull;

use kernel::{
    bindings,
    cred::Credential,
    error::to_result,
    fmt,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    }, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    fs::file::FileRef,
    security::label::Refused,
    task::frozen::FrozenTask, //
};

/// SECBIT_NO_SETUID_FIXUP: a change of user ids takes no capabilities.
const NO_SETUID_FIXUP: u32 = 1 << bindings::SECURE_NO_SETUID_FIXUP;
/// SECBIT_KEEP_CAPS, which anybody may change with prctl(PR_SET_KEEPCAPS).
const KEEP_CAPS: u32 = 1 << bindings::SECURE_KEEP_CAPS;
/// SECBIT_NO_CAP_AMBIENT_RAISE.
const NO_AMBIENT_RAISE: u32 = 1 << bindings::SECURE_NO_CAP_AMBIENT_RAISE;
/// SECURE_ALL_UNPRIVILEGED: what anybody may set, and lock.
const SECURE_UNPRIVILEGED: u32 =
    1 << bindings::SECURE_EXEC_RESTRICT_FILE | 1 << bindings::SECURE_EXEC_DENY_INTERACTIVE;
/// SECURE_ALL_LOCKS: bits of securebits that lock the bit below them.
const SECURE_ALL_LOCKS: u32 = (1 << bindings::SECURE_NOROOT
    | NO_SETUID_FIXUP
    | KEEP_CAPS
    | NO_AMBIENT_RAISE
    | SECURE_UNPRIVILEGED)
    << 1;

const _: () = {
    use bindings::*;
    // The lock of a bit is the next one.
    assert!(SECURE_NOROOT_LOCKED == SECURE_NOROOT + 1);
    assert!(SECURE_NO_SETUID_FIXUP_LOCKED == SECURE_NO_SETUID_FIXUP + 1);
    assert!(SECURE_KEEP_CAPS_LOCKED == SECURE_KEEP_CAPS + 1);
    assert!(SECURE_NO_CAP_AMBIENT_RAISE_LOCKED == SECURE_NO_CAP_AMBIENT_RAISE + 1);
    assert!(SECURE_EXEC_RESTRICT_FILE_LOCKED == SECURE_EXEC_RESTRICT_FILE + 1);
    assert!(SECURE_EXEC_DENY_INTERACTIVE_LOCKED == SECURE_EXEC_DENY_INTERACTIVE + 1);
};

/// What is in credentials, ids as the user namespace of the caller has them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    /// Real, effective, saved and filesystem user id.
    pub(crate) uid: [u32; 4],
    /// Real, effective, saved and filesystem group id.
    pub(crate) gid: [u32; 4],
    /// SECBIT_*.
    pub(crate) securebits: u32,
    /// Inheritable capabilities.
    pub(crate) inheritable: u64,
    /// Permitted capabilities.
    pub(crate) permitted: u64,
    /// Effective capabilities.
    pub(crate) effective: u64,
    /// Bounding set.
    pub(crate) bounding: u64,
    /// Ambient set.
    pub(crate) ambient: u64,
}

/// Why credentials can't be switched to.
pub(crate) struct Denied {
    /// The error.
    pub(crate) errno: Error,
    /// What is wrong.
    pub(crate) why: Why,
}

/// What is wrong with credentials, for messages.
pub(crate) enum Why {
    /// This.
    Text(&'static str),
    /// A label in them.
    Label(Refused),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Label(refused) => fmt::Display::fmt(refused, f),
        }
    }
}

const fn denied(errno: Error, why: &'static str) -> Denied {
    Denied {
        errno,
        why: Why::Text(why),
    }
}

/// A reference on credentials.
///
/// # Invariants
///
/// It owns a reference on credentials that do not change any more, but for their count.
#[derive(Clone)]
pub(crate) struct CredRef(ARef<Credential>);

impl CredRef {
    /// Returns those of the current task.
    pub(crate) fn current() -> Result<Self> {
        // SAFETY: `current` is valid; the reference that is returned is ours.
        unsafe { Self::from_owned(bindings::task_cred_get(bindings::get_current())) }
    }

    /// Returns the objective ones of `t`.
    pub(crate) fn of(t: &FrozenTask) -> Result<Self> {
        // SAFETY: We own a reference on the task; that on its credentials, which is returned, is
        // ours.
        unsafe { Self::from_owned(bindings::task_cred_get(t.as_ptr())) }
    }

    /// Returns those that `file` was opened with.
    pub(crate) fn of_file(file: &FileRef) -> Result<Self> {
        Ok(Self(file.cred()))
    }

    /// Takes over a reference that the caller owns. ESRCH: it is NULL.
    ///
    /// # Safety
    ///
    /// `cred` is NULL, or credentials that do not change any more, with a reference that is handed
    /// over.
    pub(in crate::kapi) unsafe fn from_owned(cred: *const bindings::cred) -> Result<Self> {
        let cred = NonNull::new(cred.cast_mut()).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise there is a reference, which we take over. `Credential` is
        // a transparent wrapper of `struct cred`.
        Ok(Self(unsafe { ARef::from_raw(cred.cast()) }))
    }

    /// Runs `f` in the current task with these as the credentials that it acts with.
    pub(crate) fn act<R>(&self, f: impl FnOnce() -> R) -> R {
        // SAFETY: We own a reference for as long as they are the task's subjective credentials,
        // which only the task itself changes.
        let old = unsafe { bindings::override_creds(self.0.as_ptr()) };
        let r = f();
        // SAFETY: These are what the task acted with before.
        unsafe { bindings::revert_creds(old) };
        r
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the credentials, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *const bindings::cred {
        self.0.as_ptr()
    }

    /// Returns whether they are of the user namespace of the caller.
    pub(crate) fn is_in_current_user_ns(&self) -> bool {
        // SAFETY: We own a reference, and the field does not change; a running task has a user
        // namespace.
        unsafe { (*self.0.as_ptr()).user_ns == bindings::current_user_ns() }
    }

    /// Returns whether they have keyrings of the thread or process alone, or the authority to
    /// answer a request for a key.
    pub(crate) fn has_own_keyrings(&self) -> bool {
        #[cfg(CONFIG_KEYS)]
        // SAFETY: We own a reference, and they do not change.
        return unsafe { has_own_keyrings(self.0.as_ptr()) };
        #[cfg(not(CONFIG_KEYS))]
        false
    }

    /// Returns the keyring of their session, to compare; `None`: they have none, or that of the
    /// caller. It stays there as long as they do.
    pub(crate) fn other_session_keyring(&self) -> Option<usize> {
        #[cfg(CONFIG_KEYS)]
        {
            // SAFETY: We own a reference, and the running task has credentials; the pointers do not
            // change, and are compared only.
            let (session, own) = unsafe {
                (
                    (*self.0.as_ptr()).session_keyring,
                    (*bindings::current_cred()).session_keyring,
                )
            };
            (!session.is_null() && session != own).then(|| session.addr())
        }
        #[cfg(not(CONFIG_KEYS))]
        None
    }

    /// Says where keys that it requests go (KEYCTL_SET_REQKEY_KEYRING).
    pub(crate) fn has_key_target(&self) -> bool {
        #[cfg(CONFIG_KEYS)]
        // SAFETY: We own a reference, and the field does not change.
        return unsafe { (*self.0.as_ptr()).jit_keyring } != 0;
        #[cfg(not(CONFIG_KEYS))]
        false
    }

    /// Returns whether they are confined in another way than the caller: have another security
    /// label, or are restricted by Landlock.
    pub(crate) fn is_confined(&self) -> bool {
        // SAFETY: We own a reference on the credentials, which keeps it valid.
        unsafe { bindings::checkpoint_cred_confined(self.0.as_ptr()) }
    }

    /// Returns their contents. EOVERFLOW: an id has no number in the caller's user namespace.
    pub(crate) fn ids(&self) -> Result<Ids> {
        let c = self.0.as_ptr();
        // SAFETY: We own a reference, and the fields do not change.
        let (uids, gids, mut ids) = unsafe {
            (
                [(*c).uid, (*c).euid, (*c).suid, (*c).fsuid],
                [(*c).gid, (*c).egid, (*c).sgid, (*c).fsgid],
                Ids {
                    securebits: (*c).securebits,
                    inheritable: (*c).cap_inheritable.val,
                    permitted: (*c).cap_permitted.val,
                    effective: (*c).cap_effective.val,
                    bounding: (*c).cap_bset.val,
                    ambient: (*c).cap_ambient.val,
                    ..Ids::default()
                },
            )
        };
        for (to, id) in ids.uid.iter_mut().zip(uids) {
            *to = uid_number(id)?;
        }
        for (to, id) in ids.gid.iter_mut().zip(gids) {
            *to = gid_number(id)?;
        }
        Ok(ids)
    }

    /// Returns their supplementary groups. EOVERFLOW: one has no number in the caller's user
    /// namespace.
    pub(crate) fn groups(&self) -> Result<KVVec<u32>> {
        let mut groups = KVVec::new();
        // SAFETY: We own a reference; the credentials keep the list, of `ngroups` groups, and
        // neither it nor the pointer to it changes.
        let list = unsafe {
            let info = (*self.0.as_ptr()).group_info;
            (*info).gid.as_slice(usize::try_from((*info).ngroups)?)
        };
        for &gid in list {
            groups.push(gid_number(gid)?, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(groups)
    }

    /// Makes them those of the current task for good. They were checked by [`prepare`] for a task
    /// with the same credentials as this one has.
    pub(crate) fn take_on(&self, _: &Restoring) {
        self.share();
    }

    /// Does the same, for this layer.
    pub(in crate::kapi) fn share(&self) {
        let cred = ARef::into_raw(self.0.clone()).as_ptr().cast();
        // SAFETY: They are complete, and change no more; commit_creds() takes over the reference. What
        // setresuid(2) calls before, flag_nproc_exceeded(), comes when all processes of the user are
        // there: `ParkedTask::flag_nproc_exceeded`.
        unsafe { bindings::commit_creds(cred) };
    }
}

/// Returns whether there are keyrings of the task or process alone.
///
/// # Safety
///
/// `cred` is valid, and does not change.
#[cfg(CONFIG_KEYS)]
unsafe fn has_own_keyrings(cred: *const bindings::cred) -> bool {
    // SAFETY: By the caller's promise `cred` is valid and does not change.
    unsafe {
        !(*cred).thread_keyring.is_null()
            || !(*cred).process_keyring.is_null()
            || !(*cred).request_key_auth.is_null()
    }
}

/// Returns the number of a user id. EOVERFLOW: it has none in the caller's user namespace.
pub(in crate::kapi) fn uid_number(id: bindings::kuid_t) -> Result<u32> {
    // SAFETY: The user namespace of the running task is valid.
    let n = unsafe { bindings::from_kuid(bindings::current_user_ns(), id) };
    if n == u32::MAX {
        Err(EOVERFLOW)
    } else {
        Ok(n)
    }
}

pub(in crate::kapi) fn gid_number(id: bindings::kgid_t) -> Result<u32> {
    // SAFETY: The user namespace of the running task is valid.
    let n = unsafe { bindings::from_kgid(bindings::current_user_ns(), id) };
    if n == u32::MAX {
        Err(EOVERFLOW)
    } else {
        Ok(n)
    }
}

impl FrozenTask {
    /// Returns whether its subjective credentials differ from its objective ones.
    pub(crate) fn has_overridden_cred(&self) -> bool {
        // SAFETY: We own a reference on the task; the pointers are compared only.
        unsafe { (*self.as_ptr()).cred != (*self.as_ptr()).real_cred }
    }

    /// Access to its program is judged in another user namespace than the caller's.
    pub(crate) fn has_foreign_exec_ns(&self) -> bool {
        let _rcu = rcu::read_lock();
        // SAFETY: We own a reference on the task; RCU, whose lock is held, keeps its exec_state. A
        // running task has a user namespace.
        unsafe {
            let state = bindings::task_exec_state_rcu(self.as_ptr());
            (*state).user_ns != bindings::current_user_ns()
        }
    }
}

/// Credentials in the making.
///
/// # Invariants
///
/// prepare_creds() made them, for the current task; we own the only reference on them, and so may
/// write to them.
struct NewCred(NonNull<bindings::cred>);

impl NewCred {
    /// Returns a copy of those of the current task. ENOMEM.
    fn prepare() -> Result<Self> {
        // SAFETY: It requires a running task, which has credentials. What it returns is ours.
        let cred = unsafe { bindings::prepare_creds() };
        // INVARIANT: They were just made, with one reference.
        NonNull::new(cred).map(Self).ok_or(ENOMEM)
    }

    fn as_ptr(&self) -> *mut bindings::cred {
        self.0.as_ptr()
    }

    /// Ends the making: from here on they do not change.
    fn done(self) -> CredRef {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: By the type's invariants the reference is ours, and goes over. `Credential` is a
        // transparent wrapper of `struct cred`.
        CredRef(unsafe { ARef::from_raw(this.0.cast()) })
    }
}

impl Drop for NewCred {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours. They were not committed, which
        // takes a `CredRef`.
        unsafe { bindings::abort_creds(self.as_ptr()) };
    }
}

fn capable(cap: u32) -> bool {
    // SAFETY: The user namespace of the running task is valid.
    unsafe { bindings::ns_capable(bindings::current_user_ns(), cap.cast_signed()) }
}

/// Asks as [`capable`] does, for CAP_SETUID and CAP_SETGID: security modules learn what for.
fn capable_setid(cap: u32) -> bool {
    // SAFETY: The user namespace of the running task is valid.
    unsafe { bindings::ns_capable_setid(bindings::current_user_ns(), cap.cast_signed()) }
}

fn kuid(id: u32) -> bindings::kuid_t {
    // SAFETY: The user namespace of the running task is valid.
    unsafe { bindings::make_kuid(bindings::current_user_ns(), id) }
}

fn kgid(id: u32) -> bindings::kgid_t {
    // SAFETY: The user namespace of the running task is valid.
    unsafe { bindings::make_kgid(bindings::current_user_ns(), id) }
}

/// Credentials with these contents, for the current task to [share](CredRef::share) or to
/// [act](CredRef::act) with, if system calls let its present ones get there: setresuid, setresgid,
/// setgroups, capset and prctl.
pub(crate) fn prepare(new: &Ids, groups: &[u32]) -> Result<CredRef, Denied> {
    let old_ref = CredRef::current().map_err(|e| denied(e, "no credentials"))?;
    let had = old_ref
        .ids()
        .map_err(|e| denied(e, "the caller has ids that its user namespace does not map"))?;
    let had_groups = old_ref.groups().map_err(|e| {
        denied(
            e,
            "the caller has groups that its user namespace does not map",
        )
    })?;
    let same_groups = had_groups.as_slice() == groups;
    if had == *new && same_groups {
        return Ok(old_ref);
    }
    may_switch(&had, new)?;
    let new_cred = NewCred::prepare().map_err(|e| denied(e, "no memory for credentials"))?;
    let (cred, old) = (new_cred.as_ptr(), old_ref.0.as_ptr());
    if !same_groups {
        set_groups(cred, old, groups)?;
    }
    set_ids(cred, old, &had, new)?;
    set_caps(cred, old, new)?;
    if new.uid.first() != had.uid.first() {
        // SAFETY: They are ours. Of the caller's session another user gets no keys.
        unsafe { bindings::checkpoint_drop_keys(cred, true) };
    }
    Ok(new_cred.done())
}

/// Credentials of the user `uid` who acts as `euid`, for the current task to act with where these
/// ids alone are noted, if it may become that user. They have no capabilities.
pub(crate) fn of_user(uid: u32, euid: u32) -> Result<CredRef, Denied> {
    let old = CredRef::current().map_err(|e| denied(e, "no credentials"))?;
    let unmapped = |e| denied(e, "the caller has ids that its user namespace does not map");
    let had = old.ids().map_err(unmapped)?;
    if had.uid.starts_with(&[uid, euid]) {
        return Ok(old);
    }
    let groups = old.groups().map_err(unmapped)?;
    let new = Ids {
        uid: [uid, euid, euid, euid],
        permitted: 0,
        effective: 0,
        ambient: 0,
        ..had
    };
    prepare(&new, &groups)
}

/// Takes from the current task the keyrings that are its creator's own. That of its session is
/// the task's too, until it becomes another user.
pub(in crate::kapi) fn drop_keys() -> Result {
    #[cfg(CONFIG_KEYS)]
    {
        let now = CredRef::current()?;
        // SAFETY: We own a reference, and they do not change.
        let none = unsafe { !has_own_keyrings(now.0.as_ptr()) };
        if none && !now.has_key_target() {
            return Ok(());
        }
        let new = NewCred::prepare()?;
        // SAFETY: By the type's invariants they may be written to.
        unsafe { bindings::checkpoint_drop_keys(new.as_ptr(), false) };
        new.done().share();
    }
    Ok(())
}

/// Returns the rules that no function of the kernel checks for credentials in the making.
fn may_switch(had: &Ids, new: &Ids) -> Result<(), Denied> {
    let own = |ids: &[u32; 4], id: &u32| ids.iter().take(3).any(|have| have == id);
    let fs = |new: &[u32; 4], had: &[u32; 4]| new[3] == new[1] || new[3] == had[3];
    let uids = new.uid.iter().all(|id| own(&had.uid, id)) && fs(&new.uid, &had.uid);
    if !uids && !capable_setid(bindings::CAP_SETUID) {
        return Err(denied(
            EPERM,
            "user ids that the caller may not take: it needs CAP_SETUID",
        ));
    }
    let gids = new.gid.iter().all(|id| own(&had.gid, id)) && fs(&new.gid, &had.gid);
    if !gids && !capable_setid(bindings::CAP_SETGID) {
        return Err(denied(
            EPERM,
            "group ids that the caller may not take: it needs CAP_SETGID",
        ));
    }
    if new.bounding & !had.bounding != 0 {
        return Err(denied(
            EPERM,
            "a bounding set beyond the caller's: restart it from one with more",
        ));
    }
    if new.bounding != had.bounding && !capable(bindings::CAP_SETPCAP) {
        return Err(denied(
            EPERM,
            "a bounding set that the caller may not reduce to: it needs CAP_SETPCAP",
        ));
    }
    let changed = had.securebits ^ new.securebits;
    let locked = (had.securebits & SECURE_ALL_LOCKS) >> 1;
    if changed & locked != 0 || had.securebits & SECURE_ALL_LOCKS & !new.securebits != 0 {
        return Err(denied(
            EPERM,
            "securebits that are locked for the caller: restart it from another",
        ));
    }
    let free = SECURE_UNPRIVILEGED | SECURE_UNPRIVILEGED << 1 | KEEP_CAPS;
    if changed & !free != 0 && !capable(bindings::CAP_SETPCAP) {
        return Err(denied(
            EPERM,
            "securebits that the caller may not change: it needs CAP_SETPCAP",
        ));
    }
    // A change away from root takes what there was.
    let fixup = leaves_root(&had.uid, &new.uid) && had.securebits & NO_SETUID_FIXUP == 0;
    let ambient = if fixup { 0 } else { had.ambient };
    let no_raise = had.securebits & NO_AMBIENT_RAISE != 0;
    if new.ambient & !(new.permitted & new.inheritable) != 0
        || (no_raise && new.ambient & !ambient != 0)
    {
        return Err(denied(
            EPERM,
            "ambient capabilities that the caller may not raise",
        ));
    }
    // It takes permitted capabilities too, unless that was prevented before.
    let may = |bit: u32| had.securebits & (bit | bit << 1) != bit << 1;
    let keeps = || may(KEEP_CAPS) || may(NO_SETUID_FIXUP) && capable(bindings::CAP_SETPCAP);
    if fixup && new.permitted != 0 && !keeps() {
        return Err(denied(
            EPERM,
            "capabilities of another user, which the caller's securebits do not let it keep",
        ));
    }
    Ok(())
}

/// Returns whether a change of user ids from `had` to `new` leaves the user namespace's root
/// behind, as cap_emulate_setxuid() sees it.
fn leaves_root(had: &[u32; 4], new: &[u32; 4]) -> bool {
    let root = |ids: &[u32; 4]| ids.iter().take(3).any(|&id| id == 0);
    root(had) && !root(new)
}

/// Returns the ids that a message of a socket is to carry, if the caller may send them: those that
/// it has, or may take on, as scm_check_creds() wants it.
///
/// EINVAL: they are not mapped. EPERM: the caller may not.
pub(in crate::kapi) fn may_claim(
    uid: u32,
    gid: u32,
) -> Result<(bindings::kuid_t, bindings::kgid_t)> {
    let had = CredRef::current()?.ids()?;
    let (kuid, kgid) = (kuid(uid), kgid(gid));
    if kuid.val == u32::MAX || kgid.val == u32::MAX {
        return Err(EINVAL);
    }
    let own = |ids: &[u32; 4], id: u32| ids.iter().take(3).any(|&have| have == id);
    if !own(&had.uid, uid) && !capable(bindings::CAP_SETUID)
        || !own(&had.gid, gid) && !capable(bindings::CAP_SETGID)
    {
        return Err(EPERM);
    }
    Ok((kuid, kgid))
}

/// Returns the value for no ids.
pub(in crate::kapi) fn no_ids() -> (bindings::kuid_t, bindings::kgid_t) {
    (
        bindings::kuid_t { val: u32::MAX },
        bindings::kgid_t { val: u32::MAX },
    )
}

fn set_groups(
    cred: *mut bindings::cred,
    old: *const bindings::cred,
    groups: &[u32],
) -> Result<(), Denied> {
    // SAFETY: Asks about the running task.
    if !unsafe { bindings::may_setgroups() } {
        return Err(denied(
            EPERM,
            "supplementary groups that the caller may not take: it needs CAP_SETGID",
        ));
    }
    let count = c_int::try_from(groups.len()).map_err(|_| denied(EINVAL, "too many groups"))?;
    // SAFETY: The count was bounded when the image was checked.
    let info = unsafe { bindings::groups_alloc(count) };
    if info.is_null() {
        return Err(denied(ENOMEM, "no memory for groups"));
    }
    // SAFETY: The list was allocated with this length and is ours; set_groups() takes a
    // reference of its own.
    let result = unsafe {
        let mut valid = true;
        for (to, &id) in (*info)
            .gid
            .as_mut_slice(groups.len())
            .iter_mut()
            .zip(groups)
        {
            *to = kgid(id);
            valid &= to.val != u32::MAX;
        }
        if valid {
            bindings::groups_sort(info);
            bindings::set_groups(cred, info);
        }
        bindings::put_group_info(info);
        if valid {
            to_result(bindings::cred_fix_setgroups(cred, old))
                .map_err(|e| denied(e, "supplementary groups refused by a security module"))
        } else {
            Err(denied(
                EINVAL,
                "groups that the user namespace does not map",
            ))
        }
    };
    result
}

fn set_ids(
    cred: *mut bindings::cred,
    old: *const bindings::cred,
    had: &Ids,
    new: &Ids,
) -> Result<(), Denied> {
    let uids = new.uid.map(kuid);
    let gids = new.gid.map(kgid);
    if uids.iter().any(|id| id.val == u32::MAX) || gids.iter().any(|id| id.val == u32::MAX) {
        return Err(denied(EINVAL, "ids that the user namespace does not map"));
    }
    // SAFETY: The credentials are ours, and complete: they are a copy. As setresuid(2) and
    // setresgid(2): that the ids are mapped was checked here, that the caller may take them in
    // may_switch(); set_user() takes a user_struct, whose reference replaces that of the copy, and
    // flag_nproc_exceeded() is for tasks that have taken them on; the hooks of security modules are
    // called, of which the one for user ids takes capabilities away. What is shared with the old
    // credentials is not written to.
    unsafe {
        [(*cred).gid, (*cred).egid, (*cred).sgid, (*cred).fsgid] = gids;
        [(*cred).uid, (*cred).euid, (*cred).suid, (*cred).fsuid] = uids;
        if new.uid.first() != had.uid.first() {
            let user = bindings::alloc_uid((*cred).uid);
            if user.is_null() {
                return Err(denied(ENOMEM, "no memory for a user"));
            }
            bindings::free_uid((*cred).user);
            (*cred).user = user;
        }
        if new.gid != had.gid {
            to_result(bindings::cred_fix_setgid(cred, old))
                .map_err(|e| denied(e, "group ids refused by a security module"))?;
        }
        if new.uid != had.uid {
            to_result(bindings::cred_fix_setuid(cred, old))
                .map_err(|e| denied(e, "user ids refused by a security module"))?;
        }
        to_result(bindings::set_cred_ucounts(cred))
            .map_err(|e| denied(e, "no accounting for the user"))?;
    }
    Ok(())
}

fn set_caps(
    cred: *mut bindings::cred,
    old: *const bindings::cred,
    new: &Ids,
) -> Result<(), Denied> {
    let cap = |val: u64| bindings::kernel_cap_t { val };
    let (effective, inheritable, permitted) =
        (cap(new.effective), cap(new.inheritable), cap(new.permitted));
    // SAFETY: The credentials are ours. capset's own checks are made against the old ones. Of
    // prctl(2) cap_prctl_drop() wants CAP_SETPCAP and a number that there is: may_switch() lets
    // bits be taken only. PR_CAP_AMBIENT_RAISE wants a capability that is permitted and
    // inheritable, and that raising is not switched off; PR_SET_SECUREBITS wants no lock broken,
    // no unknown bit, and CAP_SETPCAP but for some: the image's bits are known ones, the rest is
    // in may_switch().
    unsafe {
        to_result(bindings::cred_capset(
            cred,
            old,
            &effective,
            &inheritable,
            &permitted,
        ))
        .map_err(|e| {
            denied(
                e,
                "capabilities that the caller may not take: restart it from one with more",
            )
        })?;
        (*cred).cap_bset = cap(new.bounding);
        (*cred).cap_ambient = cap(new.ambient);
        (*cred).securebits = new.securebits;
    }
    Ok(())
}
