// SPDX-License-Identifier: GPL-2.0

//! Register notes of x86-64 (regsets of arch/x86/kernel/ptrace.c).

use super::{
    Decoder,
    Layout,
    Part::{
        self,
        Each,
        Gap,
        One,
        Row, //
    },
    Set,
    CORE,
    NT_PRFPREG,
    NT_PRSTATUS, //
};

/// `struct user_regs_struct`, arch/x86/include/asm/user_64.h.
const GENERAL: &[Part] = &[Each(
    &[
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
        "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds",
        "es", "fs", "gs",
    ],
    8,
)];

/// The same while 32-bit code runs.
const GENERAL_OF_32: &[Part] = &[Each(
    &[
        "r15", "r14", "r13", "r12", "ebp", "ebx", "r11", "r10", "r9", "r8", "eax", "ecx", "edx",
        "esi", "edi", "orig_eax", "eip", "cs", "eflags", "esp", "ss", "fs_base", "gs_base", "ds",
        "es", "fs", "gs",
    ],
    8,
)];

/// Where the code segment stands in both, and that of 32-bit code.
const CS_AT: usize = 17 * 8;
const CS_32: u64 = 0x23;

/// `struct user_regs_struct32`, arch/x86/include/asm/user32.h: of a 32-bit task.
const GENERAL_32: &[Part] = &[Each(
    &[
        "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip",
        "cs", "eflags", "esp", "ss",
    ],
    4,
)];

/// `struct user_desc`, arch/x86/include/uapi/asm/ldt.h, three times.
const TLS: &[Part] = &[
    Each(&["entry0", "base0", "limit0", "flags0"], 4),
    Each(&["entry1", "base1", "limit1", "flags1"], 4),
    Each(&["entry2", "base2", "limit2", "flags2"], 4),
];

/// `struct fxregs_state`, arch/x86/include/asm/fpu/types.h, without its last 96 bytes.
const FLOAT: &[Part] = &[
    Each(&["fcw", "fsw", "ftw", "fop"], 2),
    Each(&["fip", "fdp"], 8),
    Each(&["mxcsr", "mxcsr_mask"], 4),
    Row("st#", 0..8, 16),
    Row("xmm#", 0..16, 16),
];

/// What follows in the xstate: `xcr0` are the features that the note has room for
/// (USER_XSTATE_XCR0_WORD, arch/x86/include/asm/user.h); `struct xstate_header`.
const HEADER: &[Part] = &[
    Gap(48),
    One("xcr0", 8),
    Gap(40),
    Each(&["xstate_bv", "xcomp_bv"], 8),
    Gap(48),
];

/// Offset of xstate_bv.
const XSTATE_BV_AT: usize = 512;

/// A state component in the standard format.
struct Component {
    /// Its number (`enum xfeature`).
    bit: u32,
    /// Where it is: CPUs tell by CPUID leaf 13, Intel's all alike.
    at: usize,
    /// The same on AMD's CPUs, which have no MPX.
    amd_at: usize,
    /// What it is made of.
    parts: &'static [Part],
}

/// All components, by ascending offset.
const COMPONENTS: &[Component] = &[
    Component {
        bit: 2,
        at: 576,
        amd_at: 576,
        parts: &[Row("ymm#h", 0..16, 16)],
    },
    Component {
        bit: 3,
        at: 960,
        amd_at: 960,
        parts: &[Row("bnd#", 0..4, 16)],
    },
    Component {
        bit: 19,
        at: 960,
        amd_at: 960,
        parts: &[Row("r#", 16..32, 8)],
    },
    Component {
        bit: 4,
        at: 1024,
        amd_at: 1024,
        parts: &[Each(&["bndcfgu", "bndstatus"], 8)],
    },
    Component {
        bit: 5,
        at: 1088,
        amd_at: 832,
        parts: &[Row("k#", 0..8, 8)],
    },
    Component {
        bit: 6,
        at: 1152,
        amd_at: 896,
        parts: &[Row("zmm#h", 0..16, 32)],
    },
    Component {
        bit: 7,
        at: 1664,
        amd_at: 1408,
        parts: &[Row("zmm#", 16..32, 64)],
    },
    Component {
        bit: 9,
        at: 2688,
        amd_at: 2432,
        parts: &[One("pkru", 4), Gap(4)],
    },
    Component {
        bit: 17,
        at: 2752,
        amd_at: 2752,
        parts: &[One("tilecfg", 64)],
    },
    Component {
        bit: 18,
        at: 2816,
        amd_at: 2816,
        parts: &[Row("tmm#", 0..8, 1024)],
    },
];

/// Bytes of the standard format of an AMD CPU with protection keys.
const AMD_LEN: usize = 2440;

/// Shows NT_PRSTATUS of all tasks: the code segment tells of which kind the code is.
fn general(d: &mut Decoder<'_>) -> Option<()> {
    let cs = d.bytes.get(CS_AT..CS_AT + 8)?;
    if u64::from_le_bytes(cs.try_into().ok()?) == CS_32 {
        d.parts(GENERAL_OF_32)
    } else {
        d.parts(GENERAL)
    }
}

/// Shows NT_PRFPREG: of a CPU without xstate.
fn float(d: &mut Decoder<'_>) -> Option<()> {
    d.parts(FLOAT)?;
    d.gap(96)
}

/// Shows NT_X86_XSTATE: those components that are not in their initial state.
fn xstate(d: &mut Decoder<'_>) -> Option<()> {
    let amd = d.bytes.len() == AMD_LEN;
    d.parts(FLOAT)?;
    d.parts(HEADER)?;
    let in_use = d.bytes.get(XSTATE_BV_AT..XSTATE_BV_AT + 8)?;
    let in_use = u64::from_le_bytes(in_use.try_into().ok()?);
    for component in COMPONENTS {
        let at = if amd { component.amd_at } else { component.at };
        if in_use & 1 << component.bit != 0 {
            d.gap_to(at)?;
            d.parts(component.parts)?;
        }
    }
    Some(())
}

/// The notes.
pub(super) const SETS: &[Set] = &[
    Set {
        owner: CORE,
        note_type: NT_PRSTATUS,
        name: "NT_PRSTATUS",
        layout: Layout::Own(general),
    },
    Set::core(NT_PRSTATUS, "NT_PRSTATUS", GENERAL_32),
    Set {
        owner: CORE,
        note_type: NT_PRFPREG,
        name: "NT_PRFPREG",
        layout: Layout::Own(float),
    },
    Set::linux(0x200, "NT_386_TLS", TLS),
    Set::own(0x202, "NT_X86_XSTATE", xstate),
    Set::linux(0x204, "NT_X86_SHSTK", &[One("ssp", 8)]),
    Set::image(2, "NT_CKPT_X86_CALL", &[One("call", 8)]),
];
