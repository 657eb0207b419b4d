// SPDX-License-Identifier: GPL-2.0

//! What comes after the record of an io_uring: what is registered with it when it was made, and what it
//! gets when all tasks are there.

use kernel::prelude::*;

use super::{
    buffers,
    groups,
    io,
    links,
    registered,
    requests,
    thread, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::{
        files::uring::setup,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_buffers::Buffer,
            uring_groups::Group,
            uring_io::Io,
            uring_links::Link,
            uring_requests::{
                Futex,
                Request, //
            }, //
        },
        sched::attr::Scheduling, //
    }, //
};

/// What comes after a new io_uring was made.
#[derive(Default)]
pub(super) struct Later {
    /// How its thread is scheduled, and the CPUs that it is bound to; empty: none.
    pub(super) thread: Option<(Scheduling, KVec<u8>)>,
    /// Buffers that are registered when their memory has its contents.
    pub(super) buffers: KVVec<Buffer>,
    /// Requests that wait for a file, a time, a futex or a child, each with who has submitted it.
    pub(super) requests: KVVec<(u32, Request)>,
    /// Which of these wait for several futexes, and for how many.
    pub(super) several: KVVec<(usize, usize)>,
    /// All of these futexes.
    pub(super) futexes: KVVec<Futex>,
    /// Those that wait to do something with a file.
    pub(super) ios: KVVec<(u32, Io)>,
    /// Chains of which none was issued.
    pub(super) chains: KVVec<(u32, KVVec<Link>)>,
    /// Buffers that are provided.
    pub(super) groups: KVVec<Group>,
}

impl Later {
    /// Registers files and personalities with the new io_uring `ring`, which is `obj`; returns what comes
    /// later.
    pub(super) fn read(
        r: &Restore,
        plan: &TaskRecords<'_>,
        obj: ObjRef,
        uring: &Uring,
        ring: &FileRef,
    ) -> Result<Self> {
        let mut later = Self::default();
        let has = &uring.registered;
        let parts = [
            uring.setup & setup::SQPOLL,
            has.files,
            has.personalities,
            has.buffers,
            uring.requests,
            uring.ios,
            uring.links,
            has.groups,
        ];
        if parts == [0; 8] {
            return Ok(later);
        }
        for raw in r.records_after(obj)? {
            let raw = raw.map_err(|f| r.fault(f))?;
            match raw.kind {
                Kind::UringThread => later.thread = Some(thread::read(r, &raw)?),
                Kind::UringFiles => registered::read_files(r, plan, &raw, uring, ring)?,
                Kind::UringPersonalities => {
                    registered::read_personalities(r, plan, &raw, uring, ring)?
                }
                Kind::UringBuffers => buffers::read(r, &raw, &mut later.buffers)?,
                Kind::UringRequests => requests::read(r, plan, &raw, &mut later)?,
                Kind::UringFutexes => requests::read_futexes(r, &raw, &mut later)?,
                Kind::UringIo => io::read(r, plan, &raw, &mut later.ios)?,
                Kind::UringLink => links::read(r, &raw, &mut later)?,
                Kind::UringGroup => groups::read(r, &raw, ring, &mut later.groups)?,
                _ => break,
            }
        }
        requests::give_futexes(&mut later)?;
        Ok(later)
    }
}
