// SPDX-License-Identifier: GPL-2.0

//! Labels that security modules give tasks and credentials, read and set as `/proc/PID/attr` does.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    fmt,
    num::casts::u32_as_usize,
    prelude::*,
    str::{
        BStr,
        CStr, //
    }, //
};

use crate::{
    image::{
        confinement::LABEL_MAX,
        labels::{
            LABEL_CURRENT,
            LABEL_EXEC,
            LABEL_FSCREATE,
            LABEL_KEYCREATE,
            LABEL_PREV,
            LABEL_SOCKCREATE, //
        }, //
    },
    kapi::{
        fork::restoring::Restoring,
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// SELinux.
pub(crate) const SELINUX: u32 = bindings::LSM_ID_SELINUX;
/// Smack.
pub(crate) const SMACK: u32 = bindings::LSM_ID_SMACK;
/// AppArmor.
pub(crate) const APPARMOR: u32 = bindings::LSM_ID_APPARMOR;

/// Modules that label tasks, in the order of their numbers.
pub(crate) const MODULES: [u32; 3] = [SELINUX, SMACK, APPARMOR];

/// Labels for what is made next: they are in credentials.
pub(crate) const CHOSEN: &[(u32, u32)] = &[
    (SELINUX, LABEL_EXEC),
    (SELINUX, LABEL_FSCREATE),
    (SELINUX, LABEL_KEYCREATE),
    (SELINUX, LABEL_SOCKCREATE),
];

/// Labels that a thread has besides its credentials.
pub(crate) const NOTED: &[(u32, u32)] = &[(APPARMOR, LABEL_EXEC), (APPARMOR, LABEL_PREV)];

/// Returns the name that an attribute has in /proc/PID/attr.
fn name(attr: u32) -> Result<&'static CStr> {
    Ok(match attr {
        LABEL_CURRENT => c"current",
        LABEL_EXEC => c"exec",
        LABEL_FSCREATE => c"fscreate",
        LABEL_KEYCREATE => c"keycreate",
        LABEL_PREV => c"prev",
        LABEL_SOCKCREATE => c"sockcreate",
        _ => return Err(EINVAL),
    })
}

/// Reads a label by `get`, which is given a buffer and its length. Empty: there is none.
///
/// E2BIG: it is too long for an image.
fn read(get: impl FnOnce(*mut c_char, usize) -> c_int) -> Result<KVec<u8>> {
    let mut text = KVec::from_elem(0u8, LABEL_MAX, GFP_KERNEL)?;
    let len = get(text.as_mut_ptr().cast(), text.len());
    to_result(len)?;
    let mut label = KVec::new();
    let text = text.get(..u32_as_usize(len.unsigned_abs())).ok_or(E2BIG)?;
    label.extend_from_slice(text, GFP_KERNEL_ACCOUNT)?;
    Ok(label)
}

/// Returns whether a module labels tasks here.
pub(crate) fn is_active(module: u32) -> bool {
    // SAFETY: It asks the module for the label of the running task.
    unsafe { bindings::checkpoint_label_active(module.cast_signed()) }
}

/// Returns the label that `module` gives the running task; empty: none.
pub(crate) fn of_current(module: u32) -> Result<KVec<u8>> {
    // SAFETY: The running task is valid; at most as many bytes are written as there are.
    read(|to, size| unsafe {
        bindings::checkpoint_task_label(bindings::get_current(), module.cast_signed(), to, size)
    })
}

/// Returns another label that the running task has; empty: none.
pub(crate) fn attr_of_current(module: u32, attr: u32) -> Result<KVec<u8>> {
    // SAFETY: The running task is valid.
    unsafe { attr_of(bindings::get_current(), module, attr) }
}

/// Returns the attribute `attr` that `module` has given a task.
///
/// # Safety
///
/// `t` is valid, and does not run or is the caller.
unsafe fn attr_of(t: *mut bindings::task_struct, module: u32, attr: u32) -> Result<KVec<u8>> {
    let name = name(attr)?;
    // SAFETY: By the caller's promise; the name is NUL-terminated; at most as many bytes are written
    // as there are.
    read(|to, size| unsafe {
        bindings::checkpoint_task_attr(t, module.cast_signed(), name.as_char_ptr(), to, size)
    })
}

impl FrozenTask {
    /// Returns the label that `module` gives it; empty: none. E2BIG: it is too long for an image.
    pub(crate) fn label(&self, module: u32) -> Result<KVec<u8>> {
        // SAFETY: We own a reference on the task, which does not run or is the caller; at most as many
        // bytes are written as there are.
        read(|to, size| unsafe {
            bindings::checkpoint_task_label(self.as_ptr(), module.cast_signed(), to, size)
        })
    }

    /// Returns another label that it has; empty: none. EACCES: the caller may not ask. Else as
    /// above.
    pub(crate) fn label_attr(&self, module: u32, attr: u32) -> Result<KVec<u8>> {
        // SAFETY: We own a reference on the task, which does not run or is the caller.
        unsafe { attr_of(self.as_ptr(), module, attr) }
    }

    /// Returns what AppArmor has noted beside its labels.
    pub(crate) fn label_token(&self) -> u64 {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        unsafe { bindings::checkpoint_label_token(self.as_ptr()) }
    }
}

impl CredRef {
    /// Returns the label that `module` has noted in them; empty: none. E2BIG: it is too long for an
    /// image.
    pub(crate) fn label(&self, module: u32) -> Result<KVec<u8>> {
        // SAFETY: We own a reference; at most as many bytes are written as there are.
        read(|to, size| unsafe {
            bindings::checkpoint_cred_label(self.as_ptr(), module.cast_signed(), to, size)
        })
    }

    /// Credentials with all that these have, and the labels of the running task. ENOMEM.
    ///
    /// These were [prepared](super::cred::prepare) for it, in all but the labels.
    fn relabelled(&self) -> Result<Self> {
        // SAFETY: We own a reference; the running task has credentials. What is returned is ours.
        let cred = unsafe { bindings::checkpoint_relabel_cred(self.as_ptr()) };
        let cred = NonNull::new(cred).ok_or(ENOMEM)?;
        // SAFETY: They were just made, are complete, and change no more.
        unsafe { Self::from_owned(cred.as_ptr()) }
    }

    /// Makes credentials with all that these have, and the labels that `choose` gives the running
    /// task, which has its own again afterwards. These were [prepared](super::cred::prepare) for
    /// it.
    pub(crate) fn with_labels(&self, choose: impl FnOnce() -> Result) -> Result<Self> {
        let own = Self::current()?;
        let made = choose().and_then(|()| self.relabelled());
        if own.addr() != Self::current()?.addr() {
            // It takes back what modules have let it take on.
            own.share();
        }
        made
    }
}

/// Gives the running task a label, or with an empty `value` none, as a write of that to
/// /proc/self/attr does: with the checks of `module`. May sleep.
pub(crate) fn set(module: u32, attr: u32, value: &[u8]) -> Result {
    let name = name(attr)?;
    let mut copy = KVec::new();
    copy.extend_from_slice(value, GFP_KERNEL)?;
    // SAFETY: The name is NUL-terminated, and the value is ours.
    to_result(unsafe {
        bindings::checkpoint_set_attr(
            module.cast_signed(),
            name.as_char_ptr(),
            copy.as_mut_ptr().cast(),
            copy.len(),
        )
    })
}

/// Takes from the running task the labels for what it makes next, which it has of its creator.
/// EACCES: a module denies it.
pub(in crate::kapi) fn forget_chosen() -> Result {
    for &(module, attr) in CHOSEN {
        if !attr_of_current(module, attr)?.is_empty() {
            set(module, attr, &[])?;
        }
    }
    forget_noted();
    Ok(())
}

/// Forgets labels that the running task has beside its credentials: what its hat was entered from,
/// and the profile for the next program.
pub(crate) fn forget_noted() {
    // SAFETY: Only the running task uses what is forgotten.
    unsafe { bindings::checkpoint_forget_profiles() };
}

/// Takes from the running task that it may give itself some other labels (relabel-self of Smack).
/// ENOMEM.
pub(crate) fn no_relabels(_: &Restoring) -> Result {
    // SAFETY: It gives the running task credentials that lack a right, and no other change.
    to_result(unsafe { bindings::checkpoint_smack_no_relabels() })
}

/// A label for messages, on one line whatever is in it: those of files are not known to be text.
pub(crate) struct Quoted<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let shown = self.0.get(..LABEL_MAX).unwrap_or(self.0);
        f.write_fmt(fmt!("\"{}\"", BStr::from_bytes(shown)))
    }
}

/// Returns the name of a security module, for messages.
pub(crate) fn module_name(module: u32) -> &'static str {
    match module {
        SELINUX => "SELinux",
        SMACK => "Smack",
        APPARMOR => "AppArmor",
        _ => "?",
    }
}

/// Returns what messages call attributes.
pub(crate) fn attr_name(attr: u32) -> &'static str {
    match attr {
        LABEL_EXEC => "security label for the next program",
        LABEL_FSCREATE => "security label for new files",
        LABEL_KEYCREATE => "security label for new keys",
        LABEL_PREV => "security label to go back to",
        LABEL_SOCKCREATE => "security label for new sockets",
        _ => "security label",
    }
}

/// Returns what to do where a module does not let a task have a label, for the error `e`.
fn advice(module: u32, e: Error) -> &'static str {
    match (module, e) {
        (_, EOPNOTSUPP) => "its security module is not active here: boot with it (lsm=)",
        (_, ENOMEM) => "there is no memory for it",
        (_, EINTR) => "it was killed",
        (SELINUX, EINVAL) => {
            "the policy does not know it, or none is loaded: load the policy that it was saved under"
        }
        (SELINUX, EPERM) => {
            "a process with threads, or the root of a tree with exited tasks, may change to a bounded \
             domain only (typebounds): call restart(2) with that label (runcon)"
        }
        (SELINUX, _) => {
            "the policy does not let the caller change to it (setcurrent, dyntransition, and for others \
             setexec, setfscreate, setkeycreate, setsockcreate): allow it, or call restart(2) with that \
             label (runcon)"
        }
        (SMACK, EPERM) => {
            "the caller needs CAP_MAC_ADMIN (and a label that onlycap has), or that label in its \
             relabel-self"
        }
        (SMACK, _) => "it is no label that Smack takes",
        (APPARMOR, ENOENT) => "no such profile is loaded: load it (apparmor_parser)",
        (APPARMOR, EPERM) => {
            "the caller may gain no privileges (no_new_privs) or is not confined as it has to be: call \
             restart(2) without that"
        }
        (APPARMOR, _) => {
            "the caller's profile does not let it change to it (change_profile, change_hat), or it is of \
             another policy namespace"
        }
        _ => "its security module is not known here",
    }
}

/// A label that a task may not have.
pub(crate) struct Refused {
    /// Number of the module.
    pub(crate) module: u32,
    /// `LABEL_*`.
    pub(crate) attr: u32,
    /// The label.
    pub(crate) text: KVec<u8>,
    /// What the module has answered.
    pub(crate) errno: Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!(
            "can't have the {} {} ({}): {}",
            attr_name(self.attr),
            Quoted(&self.text),
            module_name(self.module),
            advice(self.module, self.errno)
        ))
    }
}
