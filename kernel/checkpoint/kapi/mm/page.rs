// SPDX-License-Identifier: GPL-2.0

//! Pages: references on them, and their bytes.

use core::ptr::NonNull;

use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    image::contents::TAGGED_BYTES,
    kapi::fs::{
        iov::Way,
        user_buffer::UserBuffer, //
    }, //
};

/// Bytes of the memory tags of a page.
const TAGS_LEN: usize = PAGE_SIZE / TAGGED_BYTES;

/// The memory tags of a page, as in the image.
pub(crate) type Tags = [u8; TAGS_LEN];

/// No memory tags.
pub(crate) const NO_TAGS: Tags = [0; TAGS_LEN];

/// A counted reference on a page.
///
/// # Invariants
///
/// The pointer is a valid page on which this owns a reference.
#[repr(transparent)]
pub(crate) struct PageRef(NonNull<bindings::page>);

// SAFETY: A reference on a page may be used and dropped by any thread.
unsafe impl Send for PageRef {}

// SAFETY: Shared references only read the page.
unsafe impl Sync for PageRef {}

impl PageRef {
    /// Takes over a reference that the caller owns.
    ///
    /// # Safety
    ///
    /// `page` is valid and the caller hands over a reference on it.
    pub(crate) unsafe fn from_owned(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: By the caller's promise it is valid, and the reference is ours now.
        Self(page)
    }

    /// Returns a new page of undefined contents, charged to the caller. May sleep.
    ///
    /// ENOMEM: there is none without killing a task for it, or the caller's cgroup is at its limit.
    pub(crate) fn alloc() -> Result<Self> {
        // SAFETY: Process context, no lock held.
        let page = unsafe { bindings::checkpoint_page_alloc() };
        // INVARIANT: A new page comes with one reference, which is ours.
        NonNull::new(page).map(Self).ok_or(ENOMEM)
    }

    /// Returns the page, for this layer.
    pub(crate) fn as_ptr(&self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    /// Runs `f` with the page's address.
    fn with_mapped<R>(&self, f: impl FnOnce(*mut u8) -> R) -> R {
        // SAFETY: The page is valid.
        let addr = unsafe { bindings::kmap_page(self.as_ptr()) };
        let r = f(addr.cast());
        // SAFETY: Mapped above, by this task.
        unsafe { bindings::kunmap_page(addr) };
        r
    }

    /// Returns a number that no other page has as long as there are references on both.
    pub(crate) fn id(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Returns how often address spaces have it; for a page of a large folio an estimate.
    pub(crate) fn mappings(&self) -> u32 {
        // SAFETY: The page is valid.
        unsafe { bindings::page_mappings(self.as_ptr()) }.unsigned_abs()
    }

    /// Returns whether all its bytes are zero.
    pub(crate) fn is_zero(&self) -> bool {
        // SAFETY: PAGE_SIZE bytes are mapped at `p`.
        self.with_mapped(|p| unsafe { bindings::memchr_inv(p.cast(), 0, PAGE_SIZE) }.is_null())
    }

    /// Returns the checksum of its bytes with this seed.
    pub(crate) fn hash(&self, seed: u64) -> u64 {
        // SAFETY: PAGE_SIZE bytes are mapped at `p`.
        self.with_mapped(|p| unsafe { bindings::xxh64(p.cast(), PAGE_SIZE, seed) })
    }

    /// Copies `len` bytes between `buffer`, from its byte `to` on, and the page, from its byte
    /// `from` on, as `way` goes. May sleep. EFAULT: so many are in neither.
    pub(in crate::kapi) fn copy_user(
        &self,
        buffer: &UserBuffer,
        to: usize,
        from: usize,
        len: usize,
        way: Way,
    ) -> Result {
        if from.checked_add(len).is_none_or(|end| end > PAGE_SIZE) {
            return Err(EFAULT);
        }
        // SAFETY: PAGE_SIZE bytes are mapped at `p`.
        self.with_mapped(|p| unsafe { buffer.copy(to, p.add(from), len, way) })
    }

    /// Copies the bytes of `other`, and its memory tags, to this page: a new one, or one of a
    /// parked task.
    pub(crate) fn copy_from(&self, other: &PageRef) {
        self.with_mapped(|to| {
            other.with_mapped(|from| {
                // SAFETY: PAGE_SIZE bytes are mapped at both. Should another task write to `other`
                // meanwhile, it gets its own bytes garbled, as with any copy that the kernel makes.
                unsafe { bindings::copy_page_bytes(to.cast(), from.cast()) }
            })
        });
        // SAFETY: Both pages are valid. Nobody else uses `self`, which is a new one, or a page of a
        // parked task; tags are copied only to one that has none.
        unsafe { bindings::checkpoint_page_tags_copy(self.as_ptr(), other.as_ptr()) };
    }

    /// Writes `bytes`, at most PAGE_SIZE, to its beginning: of a new page, or of the caller's own.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let len = bytes.len().min(PAGE_SIZE);
        // SAFETY: PAGE_SIZE bytes are mapped at `p`, and the slice has as many as are copied. Should
        // another task write to the page meanwhile, bytes get garbled, as with any copy to user space.
        self.with_mapped(|p| unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), p, len) });
    }

    /// Reads its first bytes, at most PAGE_SIZE.
    pub(crate) fn read(&self, to: &mut [u8]) {
        let len = to.len().min(PAGE_SIZE);
        // SAFETY: PAGE_SIZE bytes are mapped at `p`, and the slice has room for as many as are copied.
        // Should another task write to the page meanwhile, bytes get garbled, as with any copy from user
        // space.
        self.with_mapped(|p| unsafe { core::ptr::copy_nonoverlapping(p, to.as_mut_ptr(), len) });
    }

    /// Reads its memory tags; zero, if it has none.
    pub(crate) fn tags(&self, to: &mut Tags) {
        // SAFETY: The page is valid, and there is room for all its tags.
        if !unsafe { bindings::checkpoint_page_tags_get(self.as_ptr(), to.as_mut_ptr().cast()) } {
            *to = [0; TAGS_LEN];
        }
    }

    /// Gives it memory tags, on a machine that has them.
    pub(crate) fn set_tags(&self, tags: &Tags) {
        // SAFETY: The page is valid, and these are all its tags.
        unsafe { bindings::checkpoint_page_tags_set(self.as_ptr(), tags.as_ptr().cast()) };
    }

    /// Tells the kernel that the page was written to through its address in the kernel.
    pub(crate) fn written(&self) {
        // SAFETY: The page is valid; the functions may sleep, as may we.
        unsafe {
            bindings::flush_page(self.as_ptr());
            bindings::set_page_dirty_lock(self.as_ptr());
        }
    }
}

impl Clone for PageRef {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::get_page(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for PageRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::put_page(self.as_ptr()) };
    }
}
