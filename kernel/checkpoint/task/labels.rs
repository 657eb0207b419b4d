// SPDX-License-Identifier: GPL-2.0

//! Labels of security modules.
//!
//! A label decides what a program may do, and policy decides who may take it on. So none is stored
//! into anything: a task asks for its own, in its own context and with the rights of the caller of
//! restart(2), by what is behind `/proc/self/attr`. That is SELinux's dynamic transition, a change of
//! profile or hat of AppArmor, and what Smack lets those do who have CAP_MAC_ADMIN or a list of labels.
//!
//! Labels are in credentials, and so are these objects of the image that have them: files are opened
//! and objects are made with the label of who had done that.

use kernel::prelude::*;

use crate::{
    core::{
        accept::Labels,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        ThreadOps, //
    },
    image::{
        confinement::Label,
        header::HEADER_LEN,
        labels::{
            CredLabel,
            TaskLabel,
            LABEL_CURRENT,
            LABEL_EXEC,
            LABEL_PREV, //
        },
        record::ObjRef,
        Kind,
        Raw,
        Records, //
    },
    kapi::{
        security::{
            cred::{
                CredRef,
                Denied,
                Why, //
            },
            label::{
                self,
                attr_name,
                module_name,
                Refused,
                APPARMOR, //
            }, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Labels that a thread has beside its credentials.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "security labels",
    collect,
    save,
    ..ThreadOps::NONE
};

/// A label, and what it is for.
pub(crate) struct Chosen {
    module: u32,
    attr: u32,
    text: KVec<u8>,
}

/// Returns the label of `t` for `attr` of `module`; `None`: it has none, or that was refused.
fn chosen_by(
    cap: &mut Capture,
    t: &FrozenTask,
    module: u32,
    attr: u32,
) -> Result<Option<KVec<u8>>> {
    match t.label_attr(module, attr) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(ENOMEM) => Err(ENOMEM),
        Err(e) => {
            let why = match e {
                E2BIG => "is too long",
                EILSEQ => "has control characters",
                _ => "can't be read by the caller: the policy has to allow it (getattr)",
            };
            cap.refuse(
                e,
                t,
                fmt!("its {} ({}) {why}", attr_name(attr), module_name(module)),
            );
            Ok(None)
        }
    }
}

/// Returns the labels for what `t` makes next, which are in its credentials.
pub(super) fn chosen(cap: &mut Capture, t: &FrozenTask) -> Result<KVec<Chosen>> {
    let mut all = KVec::new();
    for &(module, attr) in label::CHOSEN {
        if let Some(text) = chosen_by(cap, t, module, attr)? {
            all.push(Chosen { module, attr, text }, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(all)
}

/// Looks at a thread, which is looked at again when it is saved: it stands still.
fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    for &(module, attr) in label::NOTED {
        chosen_by(cap, t, module, attr)?;
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    for &(module, attr) in label::NOTED {
        let text = t.label_attr(module, attr)?;
        if text.is_empty() {
            continue;
        }
        let body = TaskLabel {
            tid: t.tid_in(&cap.pid_ns).into(),
            module: module.into(),
            attr: attr.into(),
            reserved: 0.into(),
            token: t.label_token().into(),
        };
        cap.meta.put(&body, &text)?;
    }
    Ok(())
}

/// Writes what labels are in the credentials `cred` with reference `obj`, after their record: those
/// that are not the root's, and `chosen`. `tid`: a thread that has them; 0: none.
pub(super) fn save_of_cred(
    cap: &mut Capture,
    obj: ObjRef,
    cred: &CredRef,
    tid: u32,
    chosen: &[Chosen],
) -> Result {
    for module in label::MODULES {
        let own = cred.label(module)?;
        let root = cap.found.task.root_labels.iter();
        let as_root = root
            .filter(|l| l.module == module)
            .any(|l| l.text.as_slice() == own.as_slice());
        let put = |cap: &mut Capture, attr: u32, text: &[u8]| {
            let body = CredLabel {
                cred: obj.get().into(),
                module: module.into(),
                attr: attr.into(),
                tid: tid.into(),
            };
            cap.meta.put(&body, text)
        };
        if !as_root && !own.is_empty() {
            put(cap, LABEL_CURRENT, &own)?;
        }
        for label in chosen.iter().filter(|l| l.module == module) {
            put(cap, label.attr, &label.text)?;
        }
    }
    Ok(())
}

/// A label that a task is to have.
struct Wanted<'a> {
    module: u32,
    attr: u32,
    text: &'a [u8],
}

impl Wanted<'_> {
    /// Returns why the running task may not have it, for the error `e`.
    fn denied(&self, e: Error) -> Denied {
        let mut text = KVec::new();
        // Without memory the line is without the label.
        let _ = text.extend_from_slice(self.text, GFP_KERNEL);
        Denied {
            errno: e,
            why: Why::Label(Refused {
                module: self.module,
                attr: self.attr,
                text,
                errno: e,
            }),
        }
    }
}

/// Returns the labels of the root in checked metadata.
pub(crate) fn of_root(meta: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    Records::new(meta, HEADER_LEN as u64)
        .skip(2)
        .map_while(|raw| raw.ok().filter(|raw| raw.kind == Kind::Label))
        .filter_map(|raw| Some((raw.body::<Label>().ok()?.module.get(), raw.payload)))
}

/// Returns the labels that stand after the credentials with reference `obj`.
fn of_cred(r: &Restore, obj: ObjRef) -> Result<impl Iterator<Item = Wanted<'_>>> {
    let labels = r
        .records_after(obj)?
        .map_while(|raw| raw.ok().filter(|raw| raw.kind == Kind::CredLabel));
    Ok(labels.filter_map(|raw: Raw<'_>| {
        let body = raw.body::<CredLabel>().ok()?;
        Some(Wanted {
            module: body.module.get(),
            attr: body.attr.get(),
            text: raw.payload,
        })
    }))
}

/// Returns what the running task has to change to have the labels of the credentials with reference
/// `obj`: those that it acts with before the others.
fn changes(r: &Restore, obj: ObjRef) -> Result<KVec<Wanted<'_>>> {
    let mut all = KVec::new();
    if r.policy.labels != Labels::Keep {
        return Ok(all);
    }
    let own = |module: u32| -> Result<bool> {
        Ok(of_cred(r, obj)?.any(|l| l.module == module && l.attr == LABEL_CURRENT))
    };
    for (module, text) in of_root(r.meta()) {
        if !own(module)? {
            let wanted = Wanted {
                module,
                attr: LABEL_CURRENT,
                text,
            };
            all.push(wanted, GFP_KERNEL)?;
        }
    }
    for current in [true, false] {
        for wanted in of_cred(r, obj)?.filter(|l| (l.attr == LABEL_CURRENT) == current) {
            all.push(wanted, GFP_KERNEL)?;
        }
    }
    let mut at = 0;
    let mut left = KVec::new();
    while let Some(wanted) = all.get(at) {
        if now(wanted.module, wanted.attr)?.as_slice() != wanted.text {
            let wanted = Wanted { ..*wanted };
            left.push(wanted, GFP_KERNEL)?;
        }
        at += 1;
    }
    Ok(left)
}

/// Returns the label that the running task has.
fn now(module: u32, attr: u32) -> Result<KVec<u8>> {
    match attr {
        LABEL_CURRENT => label::of_current(module),
        _ => label::attr_of_current(module, attr),
    }
}

/// Puts together what AppArmor is told.
fn command(parts: &[&[u8]]) -> Result<KVec<u8>> {
    let mut all = KVec::new();
    for part in parts {
        all.extend_from_slice(part, GFP_KERNEL)?;
    }
    // It ends with a NUL, which none of the parts has.
    all.push(0, GFP_KERNEL)?;
    Ok(all)
}

/// Returns the profile that a label of AppArmor is a hat of, and the name of that; `None`: it is
/// none.
fn hat_of(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.windows(2).rposition(|pair| pair == b"//")?;
    let (profile, hat) = text.split_at_checked(at)?;
    let hat = hat.get(2..)?;
    // That begins another profile, which is stacked on the one before.
    (!hat.starts_with(b"&")).then_some((profile, hat))
}

/// Has the running task enter the hat `text` of the profile that it has, from which `token` lets it
/// go back. EINVAL: that is no hat.
fn enter_hat(text: &[u8], token: u64) -> Result {
    let (_, hat) = hat_of(text).ok_or(EINVAL)?;
    // Hexadecimal, as /proc/self/attr takes it.
    let mut digits = [0u8; 16];
    for (n, digit) in digits.iter_mut().rev().enumerate() {
        let value = (token >> (4 * n)) & 0xf;
        *digit = b"0123456789abcdef"
            .get(value as usize)
            .copied()
            .unwrap_or(b'0');
    }
    let value = command(&[b"changehat ", &digits, b"^", hat])?;
    label::set(APPARMOR, LABEL_CURRENT, &value)
}

/// Gives the running task a label with which it acts. `back`: it comes from there by entering a
/// hat, with the token by which it goes back.
fn act_with(wanted: &Wanted<'_>, back: Option<(&[u8], u64)>) -> Result {
    if wanted.module != APPARMOR {
        return label::set(wanted.module, wanted.attr, wanted.text);
    }
    let change = |text: &[u8]| {
        if label::of_current(APPARMOR)?.as_slice() == text {
            return Ok(());
        }
        let value = command(&[b"changeprofile ", text])?;
        label::set(APPARMOR, LABEL_CURRENT, &value)
    };
    if let Some((from, token)) = back {
        change(from)?;
        return enter_hat(wanted.text, token);
    }
    change(wanted.text).or_else(|e| {
        // A profile may let it enter a hat, and not change to that.
        let Some((from, _)) = hat_of(wanted.text).filter(|_| e == EACCES) else {
            return Err(e);
        };
        change(from).map_err(|_| e)?;
        enter_hat(wanted.text, 0).map_err(|_| e)?;
        // There was no way back.
        label::forget_noted();
        Ok(())
    })
}

/// Gives the running task all of `wanted`, and looks whether it has them then.
fn choose(wanted: &[Wanted<'_>], back: Option<(&[u8], u64)>) -> Result<(), Denied> {
    for label in wanted {
        // No other ones are in credentials: some would leave behind what is not undone with these.
        let known =
            label.attr == LABEL_CURRENT || label::CHOSEN.contains(&(label.module, label.attr));
        if !known || !label::is_active(label.module) {
            return Err(label.denied(EOPNOTSUPP));
        }
        let set = match label.attr {
            LABEL_CURRENT => act_with(label, back),
            _ => label::set(label.module, label.attr, label.text),
        };
        set.map_err(|e| label.denied(e))?;
        let has = now(label.module, label.attr).map_err(|e| label.denied(e))?;
        if has.as_slice() != label.text {
            return Err(label.denied(EACCES));
        }
    }
    Ok(())
}

/// Gives credentials that the running task may take on, `cred`, the labels of those with reference
/// `obj`; or tells which one it may not have.
///
/// To be called while the task has the rights of the caller of restart(2): it has the label for a
/// moment, and then its own again.
pub(super) fn give(r: &Restore, obj: ObjRef, cred: CredRef) -> Result<Result<CredRef, Denied>> {
    // Nor does the caller itself ever take on another label: what it makes, who a socket was connected
    // to, is only looked at.
    if r.is_caller() {
        return Ok(Ok(cred));
    }
    let wanted = changes(r, obj)?;
    if wanted.is_empty() {
        return Ok(Ok(cred));
    }
    let mut denied = None;
    let made = cred.with_labels(|| {
        choose(&wanted, None).map_err(|d| {
            let e = d.errno;
            denied = Some(d);
            e
        })
    });
    Ok(match (made, denied) {
        (_, Some(denied)) => Err(denied),
        (made, None) => Ok(made?),
    })
}

/// Returns credentials with the rights of the caller of restart(2) and the label that the task of
/// `plan` will have; `None`: that is the caller's.
pub(crate) fn maker(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<CredRef>> {
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return Ok(None);
    };
    let own = CredRef::current()?;
    match give(r, obj, own.clone())? {
        Ok(cred) => Ok((cred.addr() != own.addr()).then_some(cred)),
        Err(d) => Err(r.fail(d.errno, plan, fmt!("{}", d.why))),
    }
}

/// Returns the thread's labels of that kind: the text, and what is noted with it.
fn noted<'a>(r: &Restore, plan: &TaskRecords<'a>, attr: u32) -> Result<Option<(&'a [u8], u64)>> {
    for raw in Records::new(plan.records, plan.at) {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::TaskLabel {
            let body: TaskLabel = raw.body().map_err(|f| r.fault(f))?;
            if body.module.get() != APPARMOR {
                let wanted = Wanted {
                    module: body.module.get(),
                    attr: body.attr.get(),
                    text: raw.payload,
                };
                let d = wanted.denied(EOPNOTSUPP);
                return Err(r.fail(d.errno, plan, fmt!("{}", d.why)));
            }
            if body.attr.get() == attr {
                return Ok(Some((raw.payload, body.token.get())));
            }
        }
    }
    Ok(None)
}

/// Asks the modules whether the running task itself, with the threads that it has, may have the
/// labels of its credentials, whose reference is `obj`; gives it what it has beside these.
///
/// It has the rights of the caller of restart(2), and takes on its own credentials next.
pub(super) fn take_on(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result {
    if r.policy.labels != Labels::Keep {
        return Ok(());
    }
    let fail = |d: Denied| r.fail(d.errno, plan, fmt!("{}", d.why));
    let back = noted(r, plan, LABEL_PREV)?;
    choose(&changes(r, obj)?, back).map_err(fail)?;
    has_noted(LABEL_PREV, back).map_err(fail)?;
    let Some((text, stacked)) = noted(r, plan, LABEL_EXEC)? else {
        return Ok(());
    };
    let wanted = Wanted {
        module: APPARMOR,
        attr: LABEL_EXEC,
        text,
    };
    let verb: &[u8] = match stacked {
        0 => b"exec ",
        _ => b"stack ",
    };
    command(&[verb, text])
        .and_then(|value| label::set(APPARMOR, LABEL_EXEC, &value))
        .map_err(|e| fail(wanted.denied(e)))?;
    has_noted(LABEL_EXEC, Some((text, stacked))).map_err(fail)
}

/// Looks whether the running task has what it was to have beside its credentials.
fn has_noted(attr: u32, wanted: Option<(&[u8], u64)>) -> Result<(), Denied> {
    let Some((text, _)) = wanted else {
        return Ok(());
    };
    let wanted = Wanted {
        module: APPARMOR,
        attr,
        text,
    };
    let has = now(APPARMOR, attr).map_err(|e| wanted.denied(e))?;
    match has.as_slice() == text {
        true => Ok(()),
        false => Err(wanted.denied(EACCES)),
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_labels)]
mod tests {
    use super::*;
    use kernel::str::CString;

    /// Checks that what is stacked is no hat; of hats in hats it is the innermost.
    #[test]
    fn hats() {
        let hat = |text: &'static [u8]| hat_of(text).map(|(of, name)| (of.len(), name.len()));
        assert_eq!(hat(b"job//hat"), Some((3, 3)));
        assert_eq!(hat(b"job//a//bc"), Some((6, 2)));
        assert_eq!(hat(b"job"), None);
        assert_eq!(hat(b"job//&other"), None);
        assert_eq!(hat(b"job//&other//hat"), Some((11, 3)));
        assert_eq!(hat(b""), None);
    }

    /// Checks that a label does not end a line of the log, nor does it say anything to a terminal.
    #[test]
    fn quoted() -> Result {
        let shown = |text: &[u8]| CString::try_from_fmt(fmt!("{}", label::Quoted(text)));
        assert_eq!(shown(b"a\nrefused: b")?.to_bytes(), b"\"a\\nrefused: b\"");
        assert_eq!(shown(b"\x1b[2J")?.to_bytes(), b"\"\\x1b[2J\"");
        assert_eq!(shown(b"")?.to_bytes(), b"none");
        Ok(())
    }

    /// Checks that AppArmor is told a text that ends with a NUL.
    #[test]
    fn commands() -> Result {
        assert_eq!(
            command(&[b"changeprofile ", b"job"])?.as_slice(),
            b"changeprofile job\0"
        );
        Ok(())
    }
}
