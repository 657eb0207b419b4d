// SPDX-License-Identifier: GPL-2.0

//! Address spaces and mappings.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero,
            POS_MAX, //
        },
        walk::{
            Follow,
            Walk, //
        },
        ADDRESS_MAX, //
    },
    files::{
        check::{
            is_program,
            is_read,
            kind_of, //
        },
        OpenFile,
        FILE_ALIAS,
        FILE_CONTENTS,
        FILE_DEVICE,
        FILE_IO_URING,
        FILE_MEMFD,
        FILE_REGULAR,
        FILE_SHARED_ANON,
        FILE_SOCKET,
        FILE_SYSV_SHM,
        FILE_UNLINKED, //
    },
    huge::check::Room,
    mm::*,
    policy::check::Place,
    record::{
        Fault,
        Raw, //
    },
    userfault::check::Watchable,
    vdso::Vdso, //
};

/// Most bytes of a mapping's name.
const NAME_MAX: usize = 79;

/// All bits of /proc/PID/coredump_filter.
const DUMP_FILTER: u64 = (1 << 9) - 1;

/// Protection keys: powerpc has most.
const PKEYS: u32 = 32;

/// Returns whether `c` may stand in a mapping's name.
fn is_name_char(c: u8) -> bool {
    matches!(c, b' '..=b'~') && !br"\`$[]".contains(&c)
}

impl Walk<'_> {
    /// Checks an address space.
    pub(in crate::image) fn mm(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let mm: Mm = raw.body()?;
        flags(raw, u64::from(mm.flags.get()), u64::from(MM_FLAGS))?;
        flags(raw, u64::from(mm.dump_filter.get()), DUMP_FILTER)?;
        let has = |flag| mm.flags.get() & flag != 0;
        ensure(
            raw,
            (has(MM_MDWE) || !has(MM_MDWE_NO_INHERIT))
                && (has(MM_LOCK_FUTURE) || !has(MM_LOCK_ONFAULT))
                && !(has(MM_THP_DISABLE) && has(MM_THP_ADVISED)),
            "flags that do not go together",
        )?;
        if mm.exe.get() != 0 {
            let exe = self.refer::<OpenFile>(raw, mm.exe.get())?;
            ensure(
                raw,
                is_program(exe),
                "its program is no regular file that is open for reading",
            )?;
        }
        for [start, end] in [mm.code, mm.data, mm.brk, mm.args, mm.env] {
            ensure(
                raw,
                start.get() <= end.get() && end.get() <= ADDRESS_MAX,
                "impossible range of addresses",
            )?;
        }
        let [start, end] = mm.code;
        ensure(raw, start.get() < end.get(), "program without code")?;
        let vdso = mm.vdso.get();
        let vdso_end = vdso.checked_add(mm.vdso_len.get());
        ensure(
            raw,
            mm.stack.get() <= ADDRESS_MAX
                && mm.mmap_base.get() <= ADDRESS_MAX
                && mm.mmap_base.get() >= self.page_size
                && self.is_aligned(mm.mmap_base.get())
                && vdso_end.is_some_and(|end| end <= ADDRESS_MAX),
            "impossible address",
        )?;
        ensure(
            raw,
            (vdso == 0) == (mm.vdso_len.get() == 0)
                && self.is_aligned(vdso)
                && self.is_aligned(mm.vdso_len.get()),
            "impossible vDSO",
        )?;
        self.futex_slots(raw, mm.futex_slots.get())?;
        if mm.vdso_code.get() != 0 {
            let object = self.refer::<Vdso>(raw, mm.vdso_code.get())?;
            ensure(
                raw,
                u64::from(object.detail) <= mm.vdso_len.get(),
                "vDSO is mapped in part only",
            )?;
        }
        ensure(
            raw,
            raw.payload.len() <= AUXV_MAX && raw.payload.len() % 16 == 0,
            "auxiliary vector of wrong length",
        )?;
        let left = mm.vmas.get();
        ensure(raw, left <= VMAS_MAX, "too many mappings")?;
        if left != 0 {
            self.follow = Follow::Vmas {
                left,
                from: 0,
                vdso: vdso != 0,
                space: raw.at.saturating_sub(self.at),
            };
        }
        self.summary.mms = self.summary.mms.saturating_add(1);
        Ok(())
    }

    /// Checks the slots of a hash for futexes, which the kernel allocates.
    fn futex_slots(&mut self, raw: &Raw<'_>, slots: u32) -> Result<(), Fault> {
        if slots == 0 {
            return Ok(());
        }
        ensure(
            raw,
            slots.is_power_of_two(),
            "impossible number of slots for futexes",
        )?;
        self.futex_slots = self
            .futex_slots
            .checked_sub(slots)
            .ok_or(raw.fault("address spaces have too many slots for futexes"))?;
        Ok(())
    }

    /// Checks a mapping.
    pub(in crate::image) fn vma(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let vma: Vma = raw.body()?;
        let Follow::Vmas {
            left,
            from,
            vdso,
            space,
        } = self.follow
        else {
            return Err(raw.fault("belongs to no address space, or that has fewer mappings"));
        };
        let (start, end) = (vma.start.get(), vma.end.get());
        ensure(
            raw,
            self.is_aligned(start) && self.is_aligned(end) && self.is_aligned(vma.offset.get()),
            "address or offset is not page-aligned",
        )?;
        ensure(
            raw,
            start < end && end <= ADDRESS_MAX,
            "impossible range of addresses",
        )?;
        ensure(raw, start >= from, "mappings overlap or are out of order")?;
        let len = end.saturating_sub(start);
        ensure(
            raw,
            vma.offset
                .get()
                .checked_add(len)
                .is_some_and(|e| e <= POS_MAX),
            "impossible offset",
        )?;
        flags(raw, vma.flags.get(), vma::ALL)?;
        ensure(raw, vma.pkey.get() < PKEYS, "impossible protection key")?;
        zero(raw, vma.reserved.get() == 0 && vma.reserved2.get() == 0)?;
        self.mapped_file(raw, &vma)?;
        let kind = vma.kind.get();
        if vma.forked.get() != 0 {
            let with = self.refer::<Mm>(raw, vma.forked.get())?;
            ensure(
                raw,
                matches!(kind, VMA_ANON | VMA_FILE) && with.offset() < space,
                "shares pages with an address space that does not come before, or is not private",
            )?;
        }
        ensure(
            raw,
            kind != VMA_VDSO || vdso,
            "vDSO in an address space without one",
        )?;
        ensure(
            raw,
            kind == VMA_ANON || vma.flags.get() & vma::GROWSDOWN == 0,
            "grows down, but is not anonymous",
        )?;
        ensure(
            raw,
            kind == VMA_ANON || vma.flags.get() & vma::MTE == 0,
            "memory tags, but is not anonymous",
        )?;
        ensure(
            raw,
            kind == VMA_ANON || vma.flags.get() & vma::SHADOW_STACK == 0,
            "shadow stack, but is not anonymous",
        )?;
        ensure(
            raw,
            vma.flags.get() & vma::WRITE_SEALED == 0
                || (kind == VMA_SHARED && vma.flags.get() & vma::WRITE == 0),
            "sealed against writing, but private or writable",
        )?;
        ensure(
            raw,
            raw.payload.is_empty() || matches!(kind, VMA_ANON | VMA_SHARED),
            "name on a mapping that can have none",
        )?;
        ensure(
            raw,
            raw.payload.len() <= NAME_MAX && raw.payload.iter().all(|&c| is_name_char(c)),
            "impossible name",
        )?;
        ensure(
            raw,
            kind != VMA_AIO
                || (start != 0
                    && vma.offset.get() == 0
                    && vma.flags.get() & !vma::OF_AIO == 0
                    && vma.flags.get() & vma::DONTFORK != 0
                    && len <= AIO_RING_MAX.saturating_add(self.page_size)),
            "impossible ring of an AIO context",
        )?;
        ensure(
            raw,
            kind != VMA_ARCH
                || (len == self.page_size
                    && vma.offset.get() == 0
                    && vma.pkey.get() == 0
                    && vma.flags.get() & !vma::SEALED == vma::READ | vma::EXEC),
            "impossible page of the kernel",
        )?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Vmas {
                left,
                from: end,
                vdso,
                space,
            },
        };
        self.gaps = 0;
        self.place = Some(Place::Mapping(start, end));
        match kind {
            VMA_VDSO | VMA_ARCH => (),
            VMA_AIO => self.ring = Some(len),
            _ => {
                self.mapping = Some((start, end));
                self.watchable = Some(Watchable { start, end, space });
            }
        }
        if kind == VMA_FILE {
            self.room = Some(Room::Mapping(start, end));
        }
        self.summary.vmas = self.summary.vmas.saturating_add(1);
        self.summary.mapped = self.summary.mapped.saturating_add(len);
        Ok(())
    }

    /// Checks memory of the mapping before it that was left out.
    pub(in crate::image) fn left_out(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: LeftOut = raw.body()?;
        let (from, end) = self
            .mapping
            .ok_or(raw.fault("memory that was left out of no mapping"))?;
        no_payload(raw)?;
        ensure(
            raw,
            self.gaps < GAPS_MAX,
            "too much memory that was left out",
        )?;
        self.gaps = self.gaps.saturating_add(1);
        let (first, last) = (body.start.get(), body.end.get());
        ensure(
            raw,
            self.is_aligned(first) && self.is_aligned(last),
            "memory that was left out is not page-aligned",
        )?;
        ensure(
            raw,
            from <= first && first < last && last <= end,
            "memory that was left out lies outside of the mapping",
        )
    }

    /// Checks guard regions of the mapping before it.
    pub(in crate::image) fn guards(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Guards = raw.body()?;
        let (mut from, end) = self
            .mapping
            .take()
            .ok_or(raw.fault("guard regions of no mapping"))?;
        let regions: &[Guard] = raw.array(GUARDS_MAX)?;
        ensure(
            raw,
            usize::try_from(body.regions.get()) == Ok(regions.len()),
            "number of guard regions is not as announced",
        )?;
        zero(raw, body.reserved.get() == 0)?;
        for region in regions {
            let (first, last) = (region.start.get(), region.end.get());
            ensure(
                raw,
                self.is_aligned(first) && self.is_aligned(last),
                "guard region is not page-aligned",
            )?;
            ensure(
                raw,
                from <= first && first < last && last <= end,
                "guard regions overlap, touch, or lie outside of the mapping",
            )?;
            // Two that touch are one.
            from = last.saturating_add(1);
        }
        Ok(())
    }

    /// Checks the AIO context whose ring was the mapping before it.
    pub(in crate::image) fn aio(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let aio: Aio = raw.body()?;
        let len = self
            .ring
            .take()
            .ok_or(raw.fault("AIO context without a ring"))?;
        let pending: &[AioEvent] = raw.array(AIO_EVENTS_MAX)?;
        let pending = pending.len() as u64;
        // The header takes the place of one.
        let room = len.wrapping_div(AIO_SLOT).saturating_sub(1);
        let reqs = u64::from(aio.max_reqs.get());
        ensure(
            raw,
            reqs != 0 && reqs.saturating_mul(2).saturating_add(2) <= room,
            "AIO context for more requests than its ring has room for",
        )?;
        let tail = u64::from(aio.tail.get());
        ensure(
            raw,
            tail < room,
            "AIO context whose ring ends before its tail",
        )?;
        let head = u64::from(aio.head.get()).checked_rem(room).unwrap_or(0);
        let between = match tail.checked_sub(head) {
            Some(n) => n,
            None => room.saturating_sub(head).saturating_add(tail),
        };
        ensure(
            raw,
            pending == between,
            "number of events is not as head and tail of the AIO context say",
        )?;
        ensure(
            raw,
            u64::from(aio.completed.get()) <= pending,
            "more events of an AIO context take a place than there are",
        )
    }

    fn mapped_file(&mut self, raw: &Raw<'_>, vma: &Vma) -> Result<(), Fault> {
        let file = vma.file.get();
        let possible: &[u32] = match vma.kind.get() {
            VMA_ANON | VMA_VDSO | VMA_AIO | VMA_ARCH => {
                return ensure(raw, file == 0, "file where none belongs");
            }
            VMA_FILE => &[
                FILE_REGULAR,
                FILE_CONTENTS,
                FILE_UNLINKED,
                FILE_DEVICE,
                FILE_SHARED_ANON,
                FILE_MEMFD,
                FILE_ALIAS,
            ],
            VMA_SHARED => &[
                FILE_REGULAR,
                FILE_CONTENTS,
                FILE_UNLINKED,
                FILE_SHARED_ANON,
                FILE_MEMFD,
                FILE_ALIAS,
                FILE_SYSV_SHM,
                FILE_IO_URING,
                // Of a packet socket with rings, as the kernel sees then.
                FILE_SOCKET,
            ],
            _ => return Err(raw.fault("unknown kind of mapping")),
        };
        let file = self.refer::<OpenFile>(raw, file)?;
        let (kind, is_read) = (kind_of(file), is_read(file));
        ensure(
            raw,
            possible.contains(&kind),
            "maps a file that cannot be mapped so",
        )?;
        if kind == FILE_IO_URING {
            self.mapped_uring(raw, vma)?;
        }
        if kind == FILE_SOCKET {
            self.rings.mappings = self
                .rings
                .mappings
                .checked_sub(1)
                .ok_or(raw.fault("rings of packet sockets are mapped too often"))?;
        }
        // It is opened once more, for reading: whoever may map anything else so, may read it.
        ensure(
            raw,
            vma.flags.get() & vma::WRITE_SEALED == 0 || (kind == FILE_MEMFD && is_read),
            "sealed against writing, but not a memfd that is read",
        )
    }
}
