// SPDX-License-Identifier: GPL-2.0

//! What the engine asks of an architecture: the interface of `arch/*/checkpoint/`.
//!
//! An architecture implements these traits for its `Native`, each in a file of its own. What has a
//! default is what most architectures have no use for: who ports the engine writes the rest. The
//! system calls that a freeze interrupts are listed besides, in `arch/*/checkpoint/call.rs`.
//!
//! Everything in an image is checked before these functions get it, but for what only an
//! architecture knows: notes of registers and `MmContext`. Those are as hostile as the image is.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    image::cpu::WORDS,
    kapi::{
        fork::parked::ParkedTask,
        mm::{
            space::MmRef,
            vdso::Vdso, //
        },
        task::{
            frozen::FrozenTask,
            regset::{
                self,
                BadNote, //
            }, //
        }, //
    }, //
};

/// What an image has of an address space that means something to its architecture only; all zero:
/// nothing. `image::mm::Mm` has it.
pub(crate) type MmContext = [u64; 4];

/// An architecture as a whole.
pub(crate) trait Arch: ArchMm + ArchRegs {
    /// Number of this architecture in the image: one of `image::header::arch`.
    const ID: u32;

    /// Takes from the running task, the root that restart(2) has made, what it has of the caller and
    /// only this architecture has: all others are made of it. The thread state was flushed before, as
    /// exec does (`flush_thread()`); the rest is for here.
    ///
    /// The error continues "the caller ...": what the task can't be rid of.
    fn reset() -> Result<(), &'static str>;

    /// Reads the CPU features that programs may have chosen their code by, in the words of
    /// `image::cpu`. The image has those that have a name there, and is refused on a machine that
    /// lacks one.
    ///
    /// The default is AT_HWCAP of the auxiliary vector, and the words that follow it.
    fn cpu_features() -> [u64; WORDS] {
        hwcaps()
    }
}

/// Reads AT_HWCAP of the auxiliary vector, and the words that follow it.
pub(crate) fn hwcaps() -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, n) in words.iter_mut().zip(0..4) {
        // SAFETY: It may be called anywhere: it only reads what was found out at boot.
        *word = unsafe { bindings::checkpoint_hwcap(n) };
    }
    words
}

/// What an architecture adds to an address space: protection keys, the vDSO, flags of mappings.
///
/// All is done by the task that made the address space. A restart calls
/// [`load_context`](Self::load_context) and [`leave_context`](Self::leave_context) while no other
/// task has it; threads, and processes that share it, are made after that. Then in this order:
/// [`prepare`](Self::prepare), [`load_context`](Self::load_context), [`map_vdso`](Self::map_vdso),
/// and when all has been mapped [`finish_context`](Self::finish_context) and
/// [`leave_context`](Self::leave_context).
pub(crate) trait ArchMm {
    /// Flags of mappings that only this architecture has: the bits, their number in the image
    /// (`image::mm::vma`), and the `PROT_*` that asks for them. A number of 0: follows from the
    /// rest.
    const VMA_FLAGS: &[(u64, u64, usize)] = &[];

    /// Flags of mappings that can't be saved, and why.
    const VMA_REFUSED: &[(u64, &str)] = &[];

    /// Flags of mappings that make up the protection key, where keys are supported.
    const PKEY_BITS: u64 = 0;

    /// Tells the protection key by the flags of a mapping.
    fn pkey(_flags: u64) -> u32 {
        0
    }

    /// Counts the protection keys that mappings may have; 1: none but the default one.
    fn pkeys() -> u32 {
        1
    }

    /// Says why `mm` can't be saved, if it can't. Its tasks are frozen.
    fn refusal(_mm: &MmRef) -> Option<&'static str> {
        None
    }

    /// Entry points of the vDSO whose code reads none of its data, and is left as it is where it comes from
    /// another kernel: tasks may have gone into them to stay, or know them by their instructions.
    const VDSO_KEEPS: &[&[u8]] = &[];

    /// Entry points of the vDSO of which the kernel knows by the address who is in them: where the code
    /// comes from another kernel, nobody may be.
    const VDSO_KNOWS: &[&[u8]] = &[];

    /// Names of mappings, besides those of the vDSO, that the kernel makes for programs: each is a page of
    /// its code, readable and executable.
    const PAGES: &[&[u8]] = &[];

    /// Says why the page at `start`, of one of these names, can't be mapped again as `mm` has it, if it
    /// can't. Its tasks are frozen.
    fn page_refusal(_mm: &MmRef, _start: usize) -> Option<&'static str> {
        None
    }

    /// Maps the page that a program with `context` has at `start` into the caller's address space. May
    /// sleep.
    ///
    /// EOPNOTSUPP: this kernel has none there. ENOMEM, EEXIST: it can't be there.
    fn map_page(_start: usize, _context: &MmContext) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Returns this kernel's vDSO of the kind that goes with `context`; `None`: it has none of it.
    fn vdso(context: &MmContext) -> Option<Vdso>;

    /// Bytes that the jump takes which another kernel most likely writes to the beginning of an entry point.
    /// A checkpoint lets a task run for a moment that is to go on within them. Nobody is if the first
    /// instruction is as long.
    const VDSO_JUMP: usize = 0;

    /// Writes the instruction that, at address `at`, goes on at `to` to the beginning of `code`, of a
    /// program with `context`, and returns how many bytes it has; `None`: it does not reach so far, or
    /// there is no room. The addresses are those of functions as the machine knows them.
    ///
    /// The default is that there are none: a program of which the vDSO is another one is refused.
    fn vdso_jump(_context: &MmContext, _code: &mut [u8], _at: u64, _to: u64) -> Option<usize> {
        None
    }

    /// Returns where a signal handler returns to, if `bytes` are what a frame has from there on, of an
    /// address space with `context`; `None`: they are nothing of the kind, or nobody can be in the middle
    /// of a jump.
    fn frame_place(_context: &MmContext, _bytes: &[u8]) -> Option<u64> {
        None
    }

    /// Tells whether the kernel knows by its vDSO, of the kind that goes with `context`, which system
    /// calls are not dispatched to a program (PR_SET_SYSCALL_USER_DISPATCH).
    fn vdso_is_dispatched(_context: &MmContext) -> bool {
        false
    }

    /// Maps the vDSO that goes with `context`, and its data, which come first, into the caller's
    /// address space, at `start` if that is free. May sleep.
    ///
    /// EEXIST: there is one already. EOPNOTSUPP: this kernel has none of this kind.
    fn map_vdso(start: usize, context: &MmContext) -> Result;

    /// Prepares the caller's new address space, as exec does, so that all mappings can be made.
    fn prepare(_mm: &MmRef) {}

    /// Reads what an image has of `mm` in `Mm::context`. Its tasks are frozen.
    fn save_context(_mm: &MmRef) -> MmContext {
        [0; 4]
    }

    /// Checks what [`save_context`](Self::save_context) saved, and gives it to `mm`, the caller's
    /// new address space, which has no mappings yet. The second call finds what the first has done.
    ///
    /// The error says what is not possible on this machine.
    fn load_context(_mm: &MmRef, context: MmContext) -> Result<(), &'static str> {
        if context != [0; 4] {
            return Err("impossible architecture state of the address space");
        }
        Ok(())
    }

    /// Gives `mm` what would have hindered mapping of what [`load_context`](Self::load_context) has
    /// accepted. It can't fail.
    fn finish_context(_mm: &MmRef, _context: MmContext) {}

    /// Ends that the running task is in a call of the kind of program that
    /// [`load_context`](Self::load_context) has made it, if it does that.
    fn leave_context() {}
}

/// The registers of an architecture, as notes: by the register sets of ptrace(2) and core files
/// where there are such, else by notes of the image's own ([`regset::OWN_NOTES`]).
///
/// They are saved as they are at the freezer trap. A system call that was interrupted shows in them,
/// and is decided about after restart by the code that decides after a thaw.
pub(crate) trait ArchRegs {
    /// The notes that a task may have, in the order in which they are saved, checked and written.
    const SETS: &[u32];

    /// Calls `refuse` for each state of a live task that registers alone do not hold.
    fn refusals(t: &FrozenTask, refuse: impl FnMut(&'static str));

    /// Reads a note of a live task; `None`: it has none of this kind. May sleep.
    fn get(t: &FrozenTask, note_type: u32) -> Result<Option<KVVec<u8>>>;

    /// Tells whether a live task was interrupted in a system call that goes on by its restart block:
    /// its registers say so, or were made those of restart_syscall(2), to which it did not get yet.
    fn in_restart_block(t: &FrozenTask) -> bool;

    /// Tells whether a live task gets SIGSEGV where it reads the CPU's counter: prctl(PR_SET_TSC).
    fn counter_is_off(_t: &FrozenTask) -> bool {
        false
    }

    /// Has the running task get SIGSEGV there, as that call. EOPNOTSUPP: there is no such thing.
    fn switch_counter_off() -> Result {
        Err(EOPNOTSUPP)
    }

    /// Readies the running task, which restart(2) has made, for registers to be written to it: what
    /// it does to itself before it parks. The default is nothing.
    fn start() -> Result {
        Ok(())
    }

    /// Returns the address of the instruction that comes next, by the notes of a task in the order of
    /// [`SETS`](Self::SETS), which were checked.
    fn place(notes: &[Option<&[u8]>]) -> Option<u64>;

    /// Returns the address above which the frames of signal handlers of the task are; `None`: it does not
    /// matter where those return to, see [`ArchMm::frame_place`].
    fn stack(_notes: &[Option<&[u8]>]) -> Option<u64> {
        None
    }

    /// Checks all notes of a task, in the order of [`SETS`](Self::SETS), before any of them is
    /// written: all that [`set`](Self::set) would refuse, ignore or change, and that none is
    /// missing.
    fn check(t: &ParkedTask, notes: &[Option<&[u8]>]) -> Result<(), BadNote>;

    /// Writes a note that was checked to a task's registers. May sleep.
    ///
    /// The default has the register set's own function write it.
    fn set(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
        regset::write(t, note_type, bytes)
    }
}
