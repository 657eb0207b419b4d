// SPDX-License-Identifier: GPL-2.0

//! The registry of a checkpoint: which kernel objects the tasks share, and who uses them.
//!
//! An object is known by its type here, a [`Shared`], and the address of what it is in the kernel.
//! Counting its first use gives it a reference number; the registry then keeps it, and with it a
//! reference on the kernel's object, so that its address stays its own. What is saved twice is
//! found here and written once. When all uses have been counted, [`leaks`] asks each object whether
//! somebody outside has it, too.

use core::any::{
    Any,
    TypeId, //
};

use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::Arc,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

use crate::{
    core::capture::Capture,
    image::{
        header::OBJECTS_MAX,
        ObjRef, //
    },
    kapi::{
        mm::held::Held,
        time::wait::check_killed, //
    }, //
};

/// Bytes that the registry and its objects take for each, roughly.
const OBJECT_BYTES: usize = 512;

/// How often what would be refused is counted again, a millisecond apart at first: who looks at /proc/PID
/// has a reference for a moment.
const RECOUNTS: i64 = 50;

/// After how many of them the pause between two grows by another millisecond: who looks may have been
/// preempted.
const RECOUNTS_A_MS: i64 = 5;

/// What tasks outside have of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// Nothing.
    Nothing,
    /// Something that is lost to the tasks without harm: the log names it.
    Noted,
    /// Something that would be torn apart: the checkpoint is refused.
    Refused,
}

/// An object that tasks share, and what was found of it. It owns a reference on the kernel's.
///
/// There is one implementation for each class of objects. `F` is what the kinds find of a
/// checkpoint.
pub(crate) trait Shared<F>: Upcast + Send + Sync {
    /// Returns the address of the kernel's object.
    fn addr(&self) -> usize;

    /// Returns what tasks outside have of it, as of now: compares the `users` that were counted,
    /// and the references of this checkpoint, with the kernel's own count. Must not sleep for long:
    /// the tasks are frozen.
    fn outside(&self, _cap: &Capture<F>, _users: u64) -> Outside {
        Outside::Nothing
    }

    /// Adds a line to the report about what tasks outside have of it: a refusal or a note.
    fn tell(&self, _cap: &mut Capture<F>, _users: u64, _outside: Outside) -> Result {
        Ok(())
    }

    /// Returns whether it is needed when the tasks run again.
    fn stays(&self) -> bool {
        false
    }
}

/// Makes a trait object what it is a trait object of.
pub(crate) trait Upcast: Any {
    /// Returns the object as one whose type can be asked for.
    fn upcast(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;

    /// Returns the same of a reference.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Send + Sync> Upcast for T {
    fn upcast(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What is known of an object.
struct Entry<F> {
    /// Its reference in the image; `None`: it has no record.
    obj: Option<ObjRef>,
    /// How often it was counted.
    users: u64,
    /// Its record has been written.
    saved: bool,
    /// The object; `None`: it was refused, or is needed no more.
    object: Option<Arc<dyn Shared<F>>>,
}

/// The registry.
pub(crate) struct Objects<F> {
    /// In the order in which they were found, which is the order of the report.
    entries: KVVec<Entry<F>>,
    /// Places in `entries`.
    index: RBTree<(TypeId, usize), usize>,
    last: u32,
    held: Held,
}

impl<F: 'static> Objects<F> {
    /// Returns an empty registry.
    pub(crate) fn new() -> Self {
        Self {
            entries: KVVec::new(),
            index: RBTree::new(),
            last: 0,
            held: Held::new(),
        }
    }

    /// Returns the highest reference number given out.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Gives a reference number to what has a record, but is used once only.
    ///
    /// E2BIG: there are more objects than an image may have.
    pub(crate) fn number(&mut self) -> Result<ObjRef> {
        if self.last >= OBJECTS_MAX {
            return Err(E2BIG);
        }
        let obj = ObjRef::new(self.last + 1).ok_or(E2BIG)?;
        self.last = obj.get();
        Ok(obj)
    }

    fn find<T: Shared<F>>(&self, addr: usize) -> Option<&Entry<F>> {
        let at = self.index.get(&(TypeId::of::<T>(), addr))?;
        self.entries.get(*at)
    }

    fn find_mut<T: Shared<F>>(&mut self, addr: usize) -> Option<&mut Entry<F>> {
        let at = self.index.get(&(TypeId::of::<T>(), addr))?;
        self.entries.get_mut(*at)
    }

    fn add<T: Shared<F>>(&mut self, addr: usize, obj: Option<ObjRef>) -> Result {
        let entry = Entry {
            obj,
            users: 1,
            saved: false,
            object: None,
        };
        let at = self.entries.len();
        self.entries.push(entry, GFP_KERNEL_ACCOUNT)?;
        self.index
            .try_create_and_insert((TypeId::of::<T>(), addr), at, GFP_KERNEL_ACCOUNT)?;
        self.held.set((at + 1) * OBJECT_BYTES);
        Ok(())
    }

    /// Counts one use of the kernel's object at `addr` as a `T`; returns whether it is the first.
    /// Then the caller makes the object, and gives it to [`Self::keep`] unless it refuses it. May
    /// sleep.
    ///
    /// E2BIG: there are more objects than an image may have.
    pub(crate) fn count<T: Shared<F>>(&mut self, addr: usize) -> Result<bool> {
        if let Some(entry) = self.find_mut::<T>(addr) {
            entry.users += 1;
            return Ok(false);
        }
        let obj = self.number()?;
        self.add::<T>(addr, Some(obj))?;
        Ok(true)
    }

    /// Counts the same of an object that has no record: what matters is only who else has it.
    pub(crate) fn count_only<T: Shared<F>>(&mut self, addr: usize) -> Result<bool> {
        if let Some(entry) = self.find_mut::<T>(addr) {
            entry.users += 1;
            return Ok(false);
        }
        self.add::<T>(addr, None)?;
        Ok(true)
    }

    /// Counts one more use of the kernel's object at `addr`, if one was counted.
    pub(crate) fn count_again<T: Shared<F>>(&mut self, addr: usize) {
        if let Some(entry) = self.find_mut::<T>(addr) {
            entry.users += 1;
        }
    }

    /// Keeps an object whose first use was counted. ENOENT: none was.
    pub(crate) fn keep<T: Shared<F>>(&mut self, object: T) -> Result {
        let object = Arc::new(object, GFP_KERNEL_ACCOUNT)?;
        let entry = self.find_mut::<T>(object.addr()).ok_or(ENOENT)?;
        entry.object = Some(object);
        Ok(())
    }

    /// Returns how often the object at `addr` was counted.
    pub(crate) fn users<T: Shared<F>>(&self, addr: usize) -> u64 {
        self.find::<T>(addr).map_or(0, |e| e.users)
    }

    /// Returns the object at `addr`, if there is one that was not refused.
    pub(crate) fn get<T: Shared<F>>(&self, addr: usize) -> Option<Arc<T>> {
        downcast(self.find::<T>(addr)?)
    }

    /// Returns the reference of a counted object. ENOENT: it was not counted, so it appeared after.
    pub(crate) fn reference<T: Shared<F>>(&self, addr: usize) -> Result<ObjRef> {
        self.find::<T>(addr).and_then(|e| e.obj).ok_or(ENOENT)
    }

    /// Returns the reference of a counted object, and the first time the object itself: then its
    /// record is to be written. ENOENT: it was not counted, or refused.
    pub(crate) fn save<T: Shared<F>>(&mut self, addr: usize) -> Result<(ObjRef, Option<Arc<T>>)> {
        let entry = self.find_mut::<T>(addr).ok_or(ENOENT)?;
        let obj = entry.obj.ok_or(ENOENT)?;
        if core::mem::replace(&mut entry.saved, true) {
            return Ok((obj, None));
        }
        Ok((obj, Some(downcast(entry).ok_or(ENOENT)?)))
    }

    /// Returns all objects of a class that have a record, each with its reference, in the order in
    /// which they were found.
    pub(crate) fn all<T: Shared<F>>(&self) -> impl Iterator<Item = (ObjRef, &T)> {
        self.entries
            .iter()
            .filter_map(|e| Some((e.obj?, as_ref(e)?)))
    }

    /// Returns all objects of a class, each with how often it was counted.
    pub(crate) fn uses<T: Shared<F>>(&self) -> impl Iterator<Item = (u64, &T)> {
        self.entries
            .iter()
            .filter_map(|e| Some((e.users, as_ref(e)?)))
    }

    /// Gives up all that is not needed when the tasks run again: that we have an object, too, may
    /// make a difference to them. What is left is found by [`Self::all`] only.
    pub(crate) fn release(&mut self) {
        self.index = RBTree::new();
        self.entries
            .retain(|e| e.object.as_ref().is_some_and(|o| o.stays()));
        self.held.set(self.entries.len() * OBJECT_BYTES);
    }
}

/// Returns the object of an entry, if it is a `T`.
fn as_ref<F: 'static, T: Shared<F>>(entry: &Entry<F>) -> Option<&T> {
    entry.object.as_deref()?.as_any().downcast_ref()
}

/// Returns the same with a share in it.
fn downcast<F: 'static, T: Shared<F>>(entry: &Entry<F>) -> Option<Arc<T>> {
    entry.object.clone()?.upcast().downcast().ok()
}

/// Lists objects that tasks outside have, too. To be called when all uses have been counted.
///
/// What would be refused is counted again for a while: the tasks are frozen meanwhile. EINTR: the caller
/// was killed.
pub(crate) fn leaks<F: 'static>(cap: &mut Capture<F>) -> Result {
    let ask = |cap: &Capture<F>, at: usize| {
        let entry = cap.objects.entries.get(at)?;
        let object = entry.object.clone()?;
        let outside = object.outside(cap, entry.users);
        (outside != Outside::Nothing).then_some((object, entry.users, outside))
    };
    // Where they are, and whether they would be refused.
    let mut found: KVVec<(usize, bool)> = KVVec::new();
    for at in 0..cap.objects.entries.len() {
        check_killed()?;
        if let Some((_, _, outside)) = ask(cap, at) {
            found.push((at, outside == Outside::Refused), GFP_KERNEL_ACCOUNT)?;
        }
    }
    for round in 0..RECOUNTS {
        // Once counted right is enough: who looks at another one has that one only in hand. A mere
        // line of the log is not worth waiting for.
        found.retain(|(at, refused)| {
            let outside = match *refused && check_killed().is_ok() {
                true => ask(cap, *at).map(|(_, _, outside)| outside),
                false => return true,
            };
            *refused = outside == Some(Outside::Refused);
            outside.is_some()
        });
        check_killed()?;
        if !found.iter().any(|&(_, refused)| refused) {
            break;
        }
        fsleep(Delta::from_millis(1 + round / RECOUNTS_A_MS));
    }
    for (at, _) in found {
        check_killed()?;
        if let Some((object, users, outside)) = ask(cap, at) {
            object.tell(cap, users, outside)?;
        }
    }
    Ok(())
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_objects)]
mod tests {
    use super::*;
    use crate::{
        core::{
            meta::Meta,
            report::Report, //
        },
        kapi::pid::namespace::PidNs, //
    };

    /// An object with `count` users by the kernel's count.
    struct Thing<const CLASS: usize> {
        addr: usize,
        count: u64,
        refused: bool,
    }

    impl<const CLASS: usize> Shared<()> for Thing<CLASS> {
        fn addr(&self) -> usize {
            self.addr
        }

        fn outside(&self, _: &Capture<()>, users: u64) -> Outside {
            if self.count <= users {
                Outside::Nothing
            } else if self.refused {
                Outside::Refused
            } else {
                Outside::Noted
            }
        }

        fn tell(&self, cap: &mut Capture<()>, users: u64, outside: Outside) -> Result {
            let refused = outside == Outside::Refused;
            cap.report.line(fmt!(
                "{} of {}: {} users, refused: {}",
                self.addr,
                CLASS,
                users,
                refused
            ));
            Ok(())
        }

        fn stays(&self) -> bool {
            self.refused
        }
    }

    fn thing<const CLASS: usize>(addr: usize, count: u64, refused: bool) -> Thing<CLASS> {
        Thing {
            addr,
            count,
            refused,
        }
    }

    fn capture() -> Result<Capture<()>> {
        Ok(Capture {
            objects: Objects::new(),
            meta: Meta::new(),
            report: Report::new(),
            whole: true,
            strict: false,
            drop_keys: false,
            own: false,
            pid_ns: PidNs::of_current()?,
            monotonic_offset: 0,
            boottime_offset: 0,
            found: (),
        })
    }

    /// Checks that one address is an object for each class; each is saved once, in the order of its
    /// number.
    #[test]
    fn classes() -> Result {
        let mut objects: Objects<()> = Objects::new();
        assert!(objects.count::<Thing<1>>(8)?);
        assert!(!objects.count::<Thing<1>>(8)?);
        assert!(objects.count::<Thing<2>>(8)?);
        assert!(objects.count_only::<Thing<3>>(8)?);
        assert_eq!(objects.number()?.get(), 3);
        assert_eq!(objects.last(), 3);
        assert_eq!(objects.users::<Thing<1>>(8), 2);
        assert_eq!(objects.users::<Thing<1>>(16), 0);
        assert_eq!(objects.reference::<Thing<2>>(8)?.get(), 2);
        assert!(objects.reference::<Thing<3>>(8).is_err());

        assert!(objects.get::<Thing<1>>(8).is_none());
        assert!(objects.keep(thing::<1>(16, 0, false)).is_err());
        objects.keep(thing::<1>(8, 5, false))?;
        assert!(objects.get::<Thing<1>>(8).is_some_and(|t| t.count == 5));
        assert!(objects.get::<Thing<2>>(8).is_none());
        let (obj, first) = objects.save::<Thing<1>>(8)?;
        assert!(obj.get() == 1 && first.is_some());
        assert!(objects.save::<Thing<1>>(8)?.1.is_none());
        assert!(objects.save::<Thing<3>>(8).is_err());
        Ok(())
    }

    /// Checks that what others have is reported in the order in which it was found, and given up but
    /// for what stays.
    #[test]
    fn outside() -> Result {
        let mut cap = capture()?;
        for (addr, count, refused) in [(24, 2, false), (8, 1, true), (16, 3, true)] {
            cap.objects.count::<Thing<1>>(addr)?;
            cap.objects.keep(thing::<1>(addr, count, refused))?;
        }
        cap.objects.count::<Thing<1>>(16)?;
        leaks(&mut cap)?;
        let text = b"24 of 1: 1 users, refused: false\n16 of 1: 2 users, refused: true\n";
        assert!(cap.report.text() == text);

        cap.objects.release();
        let left = cap
            .objects
            .all::<Thing<1>>()
            .map(|(obj, t)| (obj.get(), t.addr));
        assert!(left.eq([(2, 8), (3, 16)]));
        Ok(())
    }
}
