// SPDX-License-Identifier: GPL-2.0

//! An io_uring, and a file of it.

use super::{
    obj,
    Sample,
    PAGE, //
};
use checkpoint_image::image::{
    files::{
        uring::{
            setup,
            Uring, //
        },
        *, //
    },
    kinds::Kind,
    task::Container, //
};
use zerocopy::FromZeros;

/// Adds an io_uring of two pages, and changes it.
pub fn uring(s: &mut Sample, change: impl FnOnce(&mut Uring)) {
    s.add_object(|u: &mut Uring, obj| {
        u.obj.set(obj);
        u.setup.set(setup::NO_SQARRAY);
        u.sq_entries.set(4);
        u.cq_entries.set(8);
        u.sq_head.set(u32::MAX);
        u.cq_tail.set(7);
        u.rings.set(PAGE as u32);
        change(u);
    });
    *s.payload(Kind::Uring, 0) = vec![3; 2 * PAGE as usize];
}

/// Adds an open file for one, and changes it.
pub fn file(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    uring(s, |_| ());
    let mut file = OpenFile::new_zeroed();
    file.obj.set(obj::LAST + 2);
    file.kind.set(FILE_IO_URING);
    file.flags.set(open::READ | open::WRITE);
    file.inode.set(obj::LAST + 1);
    file.mode.set(0o600);
    change(&mut file);
    s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 2));
    s.add(file, &[]);
}
