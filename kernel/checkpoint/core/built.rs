// SPDX-License-Identifier: GPL-2.0

//! The objects that a restart has rebuilt, and the phases in which they come back.

use core::any::Any;

use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::{
    core::{
        objects::Upcast,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    image::ObjRef, //
};

/// What was rebuilt for an object of the image. It owns references on what the tasks share.
///
/// A class of objects names the phases that it needs. They come in this order, for all objects by
/// ascending number.
pub(crate) trait Rebuilt: Upcast + Send + Sync {
    /// Sets what all that has changed, when all tasks are parked and their memory is filled.
    fn link(&self, _r: &Restore, _obj: ObjRef) -> Result {
        Ok(())
    }

    /// Does what takes the task that has asked for it ([`Restore::call_later`]), which is the current
    /// one, when all is linked. It is the one of `plan`. What it waits for must end when it is killed.
    fn reach(&self, _r: &Restore, _plan: &TaskRecords<'_>, _obj: ObjRef) -> Result {
        Ok(())
    }

    /// Returns whether `publish`, `replace` or `overwrite` need it. The references of all others are given up
    /// after `link`: what the tasks may do with an object can depend on how many have it.
    fn stays(&self) -> bool {
        false
    }

    /// Does what others can see from then on, and [`Self::undo`] takes back.
    fn publish(&self, _r: &Restore, _obj: ObjRef) -> Result {
        Ok(())
    }

    /// Puts files in the place of others, which [`Self::undo`] takes back if their filesystem can do that:
    /// when all is published.
    fn replace(&self, _r: &Restore, _obj: ObjRef) -> Result {
        Ok(())
    }

    /// Does to files what can't be taken back: the last that can fail, when all is replaced. That the caller
    /// is killed does not end it in between.
    fn overwrite(&self, _r: &Restore, _obj: ObjRef) -> Result {
        Ok(())
    }

    /// Takes back what dropping the object does not: the restart has failed.
    fn undo(&self, _r: &Restore) {}
}

type Objects = RBTree<u32, Arc<dyn Rebuilt>>;

/// The rebuilt objects, by reference number.
#[pin_data]
pub(crate) struct Built {
    #[pin]
    objects: Mutex<Objects>,
}

impl Built {
    /// Returns none yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            objects <- new_mutex!(RBTree::new(), "checkpoint built objects"),
        })
    }

    fn find(&self, obj: u32) -> Option<Arc<dyn Rebuilt>> {
        self.objects.lock().get(&obj).cloned()
    }

    /// Returns whether something was rebuilt for `obj`.
    pub(crate) fn has(&self, obj: ObjRef) -> bool {
        self.find(obj.get()).is_some()
    }

    /// Returns what was rebuilt for `obj`, if it was, as a `T`.
    pub(crate) fn get<T: Any + Send + Sync>(&self, obj: ObjRef) -> Option<Arc<T>> {
        self.find(obj.get())?.upcast().downcast().ok()
    }

    /// Notes what was rebuilt for `obj`.
    pub(crate) fn set(&self, obj: ObjRef, object: Arc<dyn Rebuilt>) -> Result {
        let node = RBTreeNode::new(obj.get(), object, GFP_KERNEL_ACCOUNT)?;
        let old = self.objects.lock().insert(node);
        drop(old);
        Ok(())
    }

    /// Returns the first object from the number `from` on.
    fn next(&self, from: u32) -> Option<(u32, Arc<dyn Rebuilt>)> {
        let objects = self.objects.lock();
        let cursor = objects.cursor_lower_bound(&from)?;
        let (obj, object) = cursor.current();
        Some((*obj, object.clone()))
    }

    /// Runs `f` with what was rebuilt for `obj`. EINVAL: nothing was.
    pub(crate) fn with(&self, obj: ObjRef, f: impl FnOnce(&dyn Rebuilt) -> Result) -> Result {
        f(&*self.find(obj.get()).ok_or(EINVAL)?)
    }

    /// Runs `f` for all objects, by ascending number and without the lock, until it fails.
    pub(crate) fn each(&self, mut f: impl FnMut(ObjRef, &dyn Rebuilt) -> Result) -> Result {
        let mut from = 0;
        while let Some((obj, object)) = self.next(from) {
            f(ObjRef::new(obj).ok_or(EINVAL)?, &*object)?;
            from = obj.checked_add(1).ok_or(EINVAL)?;
        }
        Ok(())
    }

    /// Gives up what does not stay.
    pub(crate) fn release(&self) {
        let mut old = core::mem::replace(&mut *self.objects.lock(), RBTree::new());
        let mut left = RBTree::new();
        let mut cursor = old.cursor_front_mut();
        while let Some(at) = cursor {
            let stays = at.current().1.stays();
            let (next, node) = at.remove_current();
            if stays {
                left.insert(node);
            }
            cursor = next;
        }
        *self.objects.lock() = left;
    }

    /// Gives up all.
    pub(crate) fn clear(&self) {
        let old = core::mem::replace(&mut *self.objects.lock(), RBTree::new());
        drop(old);
    }
}
