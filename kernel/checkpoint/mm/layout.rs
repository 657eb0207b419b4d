// SPDX-License-Identifier: GPL-2.0

//! Address spaces: their layout, flags, and what they execute.

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    rbtree::RBTreeNode,
    sync::SetOnce, //
};

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    arch::Native,
    core::{
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files,
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::{
        self,
        mm::{
            Guard,
            Mm,
            Vma,
            GUARDS_MAX,
            MM_BARRIER_GLOBAL,
            MM_BARRIER_PRIVATE,
            MM_BARRIER_RSEQ,
            MM_BARRIER_SYNC_CORE,
            MM_BOTTOM_UP,
            MM_LOCK_FUTURE,
            MM_LOCK_ONFAULT,
            MM_MDWE,
            MM_MDWE_NO_INHERIT,
            MM_MERGE_ANY,
            MM_THP_ADVISED,
            MM_THP_DISABLE,
            VMAS_MAX,
            VMA_AIO,
            VMA_ARCH,
            VMA_VDSO, //
        },
        record::{
            ref_number,
            Fault,
            Raw, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        arch::ArchMm,
        mm::{
            aio as kapi_aio,
            policy::Copied,
            space::{
                self,
                barrier,
                flag,
                Layout,
                MmRef, //
            },
            vma::{
                self,
                bit,
                VmaInfo, //
            },
            walk::Guards, //
        },
        task::frozen::FrozenTask,
        time::wait::go_on, //
    },
    mm::{
        aio,
        futex,
        huge,
        left_out,
        policy,
        userfault,
        vdso,
        vma::{
            self as mapping,
            More, //
        },
        BuiltMm,
        Space, //
    }, //
};

/// Address spaces with their mappings.
pub(super) const OPS: ThreadOps = ThreadOps {
    name: "address space",
    collect,
    count,
    save,
    begin,
    restore,
    ..ThreadOps::NONE
};

/// Flags of the kernel that stand in the image, and their numbers there.
const FLAGS: &[(u32, u32)] = &[
    (flag::THP_OFF, MM_THP_DISABLE),
    (flag::THP_ADVISED, MM_THP_ADVISED),
    (flag::MDWE, MM_MDWE),
    (flag::MDWE_NO_INHERIT, MM_MDWE_NO_INHERIT),
];

/// Flags of the kernel that can't be saved, and why.
const REFUSED: &[(u32, &str)] = &[
    (
        flag::UPROBES,
        "has uprobes: remove the probes and start it again",
    ),
    (
        flag::UNSTABLE,
        "is being torn down by the OOM killer: its end can't be stopped",
    ),
];

/// Registrations of membarrier(2): bits of the kernel when it is in effect, all its bits, and its
/// number in the image.
const BARRIERS: &[(u32, u32, u32)] = &[
    (barrier::PRIVATE, barrier::PRIVATE_ALL, MM_BARRIER_PRIVATE),
    (barrier::GLOBAL, barrier::GLOBAL_ALL, MM_BARRIER_GLOBAL),
    (
        barrier::SYNC_CORE,
        barrier::SYNC_CORE_ALL,
        MM_BARRIER_SYNC_CORE,
    ),
    (barrier::RSEQ, barrier::RSEQ_ALL, MM_BARRIER_RSEQ),
];

/// Bits of /proc/PID/coredump_filter.
const DUMP_FILTER: u32 = (1 << flag::DUMP_BITS) - 1;

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(mm) = MmRef::of(t) else {
        cap.refuse(ESRCH, t, fmt!("has no address space: it is being killed"));
        return Ok(());
    };
    if !cap.objects.count::<Space>(mm.addr())? {
        return Ok(());
    }
    check(cap, t, &mm);
    futex::collect(cap, t, &mm);
    let mut guards = Guards::new();
    let all = vma::list(&mm)?;
    if all.len() > u32_as_usize(VMAS_MAX) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "address space: {} mappings, of which only {} can be saved: have it unmap some",
                all.len(),
                VMAS_MAX
            ),
        );
    }
    for v in &all {
        go_on()?;
        mapping::collect(cap, t, &mm, v, &mut guards)?;
    }
    aio::collect(cap, t, &mm, &all)?;
    vdso::collect(cap, t, &mm, &all)?;
    left_out::collect(cap, t, &mm, &all)?;
    if let Some(exe) = mm.exe() {
        files::collect_program(cap, t, &exe)?;
    }
    cap.objects.keep(Space {
        task: t.display(&cap.pid_ns),
        guards,
        mm,
    })
}

fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    if let Some(mm) = MmRef::of(worker) {
        cap.objects.count_again::<Space>(mm.addr());
    }
    Ok(())
}

/// Lists why an address space can't be saved, its mappings apart.
fn check(cap: &mut Capture, t: &FrozenTask, mm: &MmRef) {
    let mut refuse = |why: &str| cap.refuse(EOPNOTSUPP, t, fmt!("address space: {}", why));
    let flags = mm.flags();
    for &(bit, why) in REFUSED {
        if flags & (1 << bit) != 0 {
            refuse(why);
        }
    }
    let mut known: usize = u32_as_usize(DUMP_FILTER) << flag::DUMP_SHIFT | 1 << flag::TOPDOWN;
    for &(bit, _) in FLAGS {
        known |= 1 << bit;
    }
    for &(bit, _) in REFUSED {
        known |= 1 << bit;
    }
    known |= 1 << flag::MERGE_ANY;
    for &bit in flag::OWN {
        known |= 1 << bit;
    }
    if flags & !known != 0 {
        refuse("has flags that are not known: this kernel can't save it");
    }
    if mm.def_flags() & !(bit::LOCKED | bit::LOCKONFAULT) != 0 {
        refuse("has flags for future mappings that are not known: this kernel can't save it");
    }
    if !mm.layout().is_settable(mm.task_size()) {
        refuse("has a layout that prctl(PR_SET_MM) would not take: this kernel can't save it");
    }
    if mm.membarrier() & !barrier::ALL != 0 {
        refuse(
            "has registrations with membarrier(2) that are not known: this kernel can't save it",
        );
    }
    if let Some(why) = Native::refusal(mm) {
        refuse(why);
    }
}

impl Shared<Found> for Space {
    fn addr(&self) -> usize {
        self.mm.addr()
    }

    fn outside(&self, _: &Capture, users: u64) -> Outside {
        // One is ours.
        if self.mm.users() != users.saturating_add(1) {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, users: u64, _: Outside) -> Result {
        cap.report.refuse(
            EBUSY,
            &self.task,
            fmt!(
                "address space: used {} times, {} of them by these tasks: who shares it (vfork, \
                 CLONE_VM) must be checkpointed with them, or end",
                self.mm.users().saturating_sub(1),
                users
            ),
        );
        Ok(())
    }
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let mm = MmRef::of(t).ok_or(ESRCH)?;
    let (obj, Some(space)) = cap.objects.save::<Space>(mm.addr())? else {
        return Ok(());
    };
    let all = vma::list(&mm)?;
    let mut records = KVVec::with_capacity(all.len(), GFP_KERNEL_ACCOUNT)?;
    let mut ranges = KVVec::new();
    for v in &all {
        go_on()?;
        let mut record = mapping::describe(cap, v)?;
        if let Some(range) = mapping::range(v) {
            record.forked = U32::new(ref_number(cap.found.mm.families.of(obj, v)?));
            left_out::push(cap, mm.addr(), range, &mut ranges)?;
        }
        records.push(record, GFP_KERNEL_ACCOUNT)?;
    }
    let exe = match mm.exe() {
        Some(file) => Some(files::save_mapped(cap, &file)?),
        None => None,
    };
    let code = vdso::save(cap, t, &mm, &all)?;
    let mut auxv = KVec::new();
    mm.auxv(&mut auxv)?;
    for word in auxv.iter_mut() {
        *word = word.to_le();
    }
    cap.meta
        .put(&describe(&mm, obj, exe, &all, code)?, auxv.as_bytes())?;
    let contexts = kapi_aio::contexts(&mm)?;
    for (v, record) in all.iter().zip(&records) {
        let mut name = [0; vma::NAME_MAX];
        if v.named {
            name = vma::given_name(&mm, v.start)?;
        }
        let len = name.iter().position(|&c| c == 0).unwrap_or(0);
        cap.meta.put(record, name.get(..len).unwrap_or(&[]))?;
        if v.policy {
            policy::save_mapping(cap, &mm, v.start, v.end)?;
        }
        left_out::save(cap, mm.addr(), v)?;
        userfault::save(cap, &mm, v)?;
        huge::save_mapping(cap, &mm, v)?;
        if v.flags & bit::MAYBE_GUARD != 0 {
            save_guards(cap, &space.guards, v)?;
        }
        if record.kind.get() == VMA_AIO {
            aio::save(cap, &mm, &contexts, v.start)?;
        }
    }
    let node = RBTreeNode::new(obj.get(), ranges, GFP_KERNEL_ACCOUNT)?;
    cap.found.mm.ranges.insert(node);
    Ok(())
}

/// Writes the guard regions of a mapping that has some, or had.
fn save_guards(cap: &mut Capture, guards: &Guards, v: &VmaInfo) -> Result {
    let first = guards.partition_point(|&(start, _)| start < v.start);
    let mut regions = KVVec::new();
    for &(start, end) in guards.iter().skip(first) {
        if start >= v.end {
            break;
        }
        let region = Guard {
            start: U64::new(usize_as_u64(start)),
            end: U64::new(usize_as_u64(end)),
        };
        regions.push(region, GFP_KERNEL_ACCOUNT)?;
    }
    let body = image::mm::Guards {
        regions: U32::new(u32::try_from(regions.len())?),
        reserved: U32::new(0),
    };
    cap.meta.put(&body, regions.as_bytes())
}

/// Returns the record of an address space.
fn describe(
    mm: &MmRef,
    obj: ObjRef,
    exe: Option<ObjRef>,
    all: &[VmaInfo],
    code: Option<ObjRef>,
) -> Result<Mm> {
    let l = mm.layout();
    let word = mm.flags();
    let mut flags = 0;
    for &(bit, stored) in FLAGS {
        if word & (1 << bit) != 0 {
            flags |= stored;
        }
    }
    if word & (1 << flag::TOPDOWN) == 0 {
        flags |= MM_BOTTOM_UP;
    }
    if word & (1 << flag::MERGE_ANY) != 0 {
        flags |= MM_MERGE_ANY;
    }
    for (bit, stored) in [
        (bit::LOCKED, MM_LOCK_FUTURE),
        (bit::LOCKONFAULT, MM_LOCK_ONFAULT),
    ] {
        if mm.def_flags() & bit != 0 {
            flags |= stored;
        }
    }
    let barriers = mm.membarrier();
    for &(ready, _, stored) in BARRIERS {
        if barriers & ready != 0 {
            flags |= stored;
        }
    }
    let (vdso, vdso_len) = vdso::range(all).unwrap_or((0, 0));
    let context = Native::save_context(mm);
    let pair = |[a, b]: [usize; 2]| [U64::new(usize_as_u64(a)), U64::new(usize_as_u64(b))];
    Ok(Mm {
        obj: U32::new(obj.get()),
        exe: U32::new(ref_number(exe)),
        vmas: U32::new(u32::try_from(all.len()).map_err(|_| E2BIG)?),
        flags: U32::new(flags),
        code: pair(l.code),
        data: pair(l.data),
        brk: pair(l.brk),
        stack: U64::new(usize_as_u64(l.stack)),
        args: pair(l.args),
        env: pair(l.env),
        mmap_base: U64::new(usize_as_u64(l.mmap_base)),
        vdso: U64::new(usize_as_u64(vdso)),
        vdso_len: U64::new(usize_as_u64(vdso_len)),
        vdso_crc: U32::new(match vdso {
            0 => 0,
            _ => vdso::crc(&context),
        }),
        dump_filter: U32::new((word >> flag::DUMP_SHIFT) as u32 & DUMP_FILTER),
        context: context.map(U64::new),
        vdso_code: U32::new(ref_number(code)),
        futex_slots: U32::new(futex::slots(mm)),
    })
}

/// Returns the address space of the task of `plan`, if that is the one who makes it.
fn owned(plan: &TaskRecords<'_>) -> Option<ObjRef> {
    ObjRef::new(plan.task.mm.get()).filter(|_| plan.owns_mm)
}

/// Gives the current task a new, empty address space. It has no thread yet, and no other process has
/// its address space: what threads and processes that share it learn from the one who makes them is
/// set here, and what their CPUs have to be notified of.
fn begin(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = owned(plan) else {
        return Ok(());
    };
    let (m, _) = r.object_body::<Mm>(obj)?;
    if r.denies_write_exec && m.flags.get() & (MM_MDWE | MM_MDWE_NO_INHERIT) != MM_MDWE {
        return Err(r.fail(
            EPERM,
            plan,
            fmt!(
                "the caller's memory-deny-write-execute, which it would inherit, can't be taken \
                 off"
            ),
        ));
    }
    let restoring = plan.restoring()?;
    let mm = space::renew(restoring, r.denies_write_exec)
        .map_err(|e| r.fail(e, plan, fmt!("no new address space")))?;
    r.owns_memory(restoring);
    load_context(r, plan, &mm, &m)?;
    Native::leave_context();
    set_membarrier(r, plan, &mm, &m)?;
    futex::begin(r, plan, &m)?;
    // From now on what refers to it need not wait for its turn.
    r.set_built(
        obj,
        BuiltMm {
            mm,
            policy: SetOnce::new(),
        },
    )
}

fn load_context(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm) -> Result {
    Native::load_context(mm, m.context.map(|w| w.get()))
        .map_err(|why| r.fail(EINVAL, plan, fmt!("address space: {}", why)))
}

fn set_membarrier(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm) -> Result {
    let mut barriers = 0;
    for &(_, all, stored) in BARRIERS {
        if m.flags.get() & stored != 0 {
            barriers |= all;
        }
    }
    if barriers == 0 {
        return Ok(());
    }
    space::set_membarrier(mm, barriers).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("this kernel does not do for membarrier(2) what it was told"),
        )
    })
}

/// Gives the address space that [`begin`] has made its contents.
fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = owned(plan) else {
        return Ok(());
    };
    let (m, raw) = r.object_body::<Mm>(obj)?;
    let mm = MmRef::of_current()?;
    Native::prepare(&mm);
    load_context(r, plan, &mm, &m)?;
    set_layout(r, plan, &mm, &m, &raw)?;
    vdso::restore(r, plan, &mm, &m, obj)?;
    for_vmas(r, &m, obj, |v, raw, policy, more| {
        let (start, end) = (v.start.get(), v.end.get());
        if end > usize_as_u64(mm.task_size()) {
            return Err(r.fail(
                EINVAL,
                plan,
                fmt!(
                    "mapping {:x}-{:x}: lies beyond what such a program reaches",
                    start,
                    end
                ),
            ));
        }
        match v.kind.get() {
            VMA_VDSO => (),
            VMA_ARCH => mapping::restore_page(r, plan, &m, v)?,
            _ => return mapping::restore(r, plan, &mm, v, raw.payload, policy, more),
        }
        match policy {
            Some(raw) => {
                let range = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
                policy::restore_mapping(r, plan, range, raw)
            }
            None => Ok(()),
        }
    })?;
    if let Some(file) = ObjRef::new(m.exe.get()) {
        files::restore_program(r, plan, &mm, file)?;
    }
    set_flags(r, plan, &mm, &m)?;
    merge(r, plan, &mm, &m, obj)?;
    Native::finish_context(&mm, m.context.map(|w| w.get()));
    Native::leave_context();
    // What fills its pages places them as this task does.
    if let Some((policy, built)) = Copied::of_current()?.zip(r.built::<BuiltMm>(obj)) {
        built.policy.populate(policy);
    }
    Ok(())
}

/// Runs `f` for the mappings of address space `obj`, the record of the memory policy of each, and what
/// the image has more of it.
pub(super) fn for_vmas(
    r: &Restore,
    m: &Mm,
    obj: ObjRef,
    mut f: impl FnMut(&Vma, &Raw<'_>, Option<&Raw<'_>>, More<'_>) -> Result,
) -> Result {
    let mut records = r.records_after(obj)?.peekable();
    for _ in 0..m.vmas.get() {
        // There may be thousands, and one may take long.
        go_on()?;
        let raw = records.next().ok_or(EINVAL)?.map_err(|f| r.fault(f))?;
        let v: Vma = raw.body().map_err(|f| r.fault(f))?;
        let is_policy =
            |n: &Result<Raw<'_>, Fault>| n.as_ref().is_ok_and(|n| n.kind == Kind::MemoryPolicy);
        let policy = records
            .next_if(is_policy)
            .transpose()
            .map_err(|f| r.fault(f))?;
        // Nothing fills what was left out, and userfaultfds watch what is filled.
        let is_of_later = |n: &Result<Raw<'_>, Fault>| {
            n.as_ref()
                .is_ok_and(|n| matches!(n.kind, Kind::LeftOut | Kind::Watched))
        };
        while records.next_if(is_of_later).is_some() {
            go_on()?;
        }
        let next = records.next_if(|n| {
            n.as_ref()
                .is_ok_and(|n| matches!(n.kind, Kind::Guards | Kind::Aio | Kind::HugePages))
        });
        let more = match next {
            Some(Ok(next)) if next.kind == Kind::Aio => More::Aio(next),
            Some(Ok(next)) if next.kind == Kind::HugePages => More::Huge(next),
            Some(Ok(next)) => More::Guards(next.array(GUARDS_MAX).map_err(|f| r.fault(f))?),
            _ => More::Nothing,
        };
        f(&v, &raw, policy.as_ref(), more)?;
    }
    Ok(())
}

fn set_layout(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm, raw: &Raw<'_>) -> Result {
    let pair = |p: &[U64; 2]| p.map(|a| u64_as_usize(a.get()));
    let layout = Layout {
        code: pair(&m.code),
        data: pair(&m.data),
        brk: pair(&m.brk),
        stack: u64_as_usize(m.stack.get()),
        args: pair(&m.args),
        env: pair(&m.env),
        mmap_base: u64_as_usize(m.mmap_base.get()),
    };
    let words = raw
        .payload
        .chunks_exact(8)
        .filter_map(|b| b.try_into().ok().map(u64::from_le_bytes));
    space::set_layout(mm, &layout)
        .and_then(|()| space::set_auxv(mm, words))
        .map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "address space: impossible layout, or more data than the caller may have \
                     (RLIMIT_DATA)"
                ),
            )
        })?;
    space::set_mmap_base(mm, layout.mmap_base, m.flags.get() & MM_BOTTOM_UP == 0);
    Ok(())
}

/// Has all pages merged with like ones, if they were, as prctl(PR_SET_MEMORY_MERGE) does. That wants it of
/// all mappings, of which it was not wanted of some any more (MADV_UNMERGEABLE).
fn merge(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm, obj: ObjRef) -> Result {
    if m.flags.get() & MM_MERGE_ANY == 0 {
        return Ok(());
    }
    let fail = |e: Error| match e {
        EINTR => e,
        _ => r.fail(
            e,
            plan,
            fmt!(
                "address space: its pages can't be merged (PR_SET_MEMORY_MERGE): {}",
                match e {
                    EOPNOTSUPP => "this kernel has no KSM (CONFIG_KSM)",
                    _ => "there is no memory for it",
                }
            ),
        ),
    };
    space::merge_all(mm).map_err(fail)?;
    for_vmas(r, m, obj, |v, _, _, _| {
        if matches!(v.kind.get(), VMA_VDSO | VMA_ARCH)
            || v.flags.get() & image::mm::vma::MERGEABLE != 0
        {
            return Ok(());
        }
        let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
        vma::unmerge(mm, start, end.saturating_sub(start)).map_err(fail)
    })
}

/// Sets flags that would have hindered mapping, or changed mappings.
fn set_flags(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm) -> Result {
    let flags = m.flags.get();
    for &(bit, stored) in FLAGS {
        space::set_flag(mm, bit, flags & stored != 0);
    }
    for n in 0..flag::DUMP_BITS {
        space::set_flag(
            mm,
            flag::DUMP_SHIFT + n,
            m.dump_filter.get() & (1 << n) != 0,
        );
    }
    let mut future = 0;
    if flags & MM_LOCK_FUTURE != 0 {
        future |= bit::LOCKED;
        if flags & MM_LOCK_ONFAULT != 0 {
            future |= bit::LOCKONFAULT;
        }
    }
    space::set_def_flags(mm, future).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("the caller may not lock memory (RLIMIT_MEMLOCK, CAP_IPC_LOCK)"),
        )
    })
}
