// SPDX-License-Identifier: GPL-2.0

//! Register notes of arm64 (regsets of arch/arm64/kernel/ptrace.c; structures of
//! arch/arm64/include/uapi/asm/ptrace.h).

use super::{
    Decoder,
    Part::{
        self,
        Each,
        Gap,
        One,
        Row, //
    },
    Set,
    NT_PRFPREG,
    NT_PRSTATUS, //
};

/// `struct user_pt_regs`.
const GENERAL: &[Part] = &[Row("x#", 0..31, 8), Each(&["sp", "pc", "pstate"], 8)];

/// `compat_elf_gregset_t`, arch/arm64/include/asm/elf.h: of a 32-bit task.
const GENERAL_32: &[Part] = &[
    Row("r#", 0..13, 4),
    Each(&["sp", "lr", "pc", "cpsr", "orig_r0"], 4),
];

/// `struct user_fpsimd_state`.
const FPSIMD: &[Part] = &[Row("v#", 0..32, 16), Each(&["fpsr", "fpcr"], 4), Gap(8)];

/// Bytes of a quadword, of which vectors are made (`__SVE_VQ_BYTES`).
const QUAD: usize = 16;

/// Longest vector, in bytes (`__SVE_VQ_MAX`).
const VECTOR_MAX: usize = 512 * QUAD;

/// [`Header`]'s flags: the registers are those of SVE, not of FPSIMD (`SVE_PT_REGS_SVE`).
const REGS_SVE: u64 = 1;

/// Parses `struct user_sve_header` and `struct user_za_header`: length of vectors, flags.
fn header(d: &mut Decoder<'_>) -> Option<(usize, u64)> {
    d.count("size", 4)?;
    d.count("max_size", 4)?;
    let vl = d.count("vl", 2)?;
    d.count("max_vl", 2)?;
    let flags = d.count("flags", 2)?;
    d.gap(2)?;
    Some((usize::try_from(vl).ok()?, flags))
}

/// Returns whether vectors may have that length.
fn is_vector_length(vl: usize) -> bool {
    vl.is_multiple_of(QUAD) && (QUAD..=VECTOR_MAX).contains(&vl)
}

/// Shows NT_ARM_SVE, NT_ARM_SSVE: header, then nothing, or what `SVE_PT_*` of the header file
/// tells.
fn sve(d: &mut Decoder<'_>) -> Option<()> {
    let (vl, flags) = header(d)?;
    if d.at_end() {
        return Some(());
    }
    if flags & REGS_SVE == 0 {
        return d.parts(FPSIMD);
    }
    if !is_vector_length(vl) {
        return None;
    }
    d.row("z#", 0..32, vl)?;
    d.row("p#", 0..16, vl / 8)?;
    d.one("ffr", vl / 8)?;
    d.gap_to(d.at.next_multiple_of(QUAD))?;
    d.parts(&[Each(&["fpsr", "fpcr"], 4)])
}

/// Shows NT_ARM_ZA: header, then the rows of the array if it is enabled.
fn za(d: &mut Decoder<'_>) -> Option<()> {
    let (vl, _) = header(d)?;
    if d.at_end() {
        return Some(());
    }
    if !is_vector_length(vl) {
        return None;
    }
    d.row("za#", 0..vl, vl)
}

/// The notes.
pub(super) const SETS: &[Set] = &[
    Set::core(NT_PRSTATUS, "NT_PRSTATUS", GENERAL),
    Set::core(NT_PRSTATUS, "NT_PRSTATUS", GENERAL_32),
    Set::core(NT_PRFPREG, "NT_PRFPREG", FPSIMD),
    Set::linux(0x400, "NT_ARM_VFP", &[Row("d#", 0..32, 8), One("fpscr", 4)]),
    Set::linux(
        0x401,
        "NT_ARM_TLS",
        &[Each(&["tpidr_el0", "tpidr2_el0"], 8)],
    ),
    Set::linux(0x404, "NT_ARM_SYSTEM_CALL", &[One("syscallno", 4)]),
    Set::own(0x405, "NT_ARM_SVE", sve),
    Set::linux(
        0x406,
        "NT_ARM_PAC_MASK",
        &[Each(&["data_mask", "insn_mask"], 8)],
    ),
    Set::linux(
        0x407,
        "NT_ARM_PACA_KEYS",
        &[Each(&["apiakey", "apibkey", "apdakey", "apdbkey"], 16)],
    ),
    Set::linux(0x408, "NT_ARM_PACG_KEYS", &[One("apgakey", 16)]),
    Set::linux(
        0x409,
        "NT_ARM_TAGGED_ADDR_CTRL",
        &[One("tagged_addr_ctrl", 8)],
    ),
    Set::linux(0x40a, "NT_ARM_PAC_ENABLED_KEYS", &[One("enabled_keys", 8)]),
    Set::own(0x40b, "NT_ARM_SSVE", sve),
    Set::own(0x40c, "NT_ARM_ZA", za),
    Set::linux(0x40d, "NT_ARM_ZT", &[One("zt0", 64)]),
    Set::linux(0x40e, "NT_ARM_FPMR", &[One("fpmr", 8)]),
    Set::linux(0x40f, "NT_ARM_POE", &[One("por_el0", 8)]),
    Set::linux(
        0x410,
        "NT_ARM_GCS",
        &[Each(
            &["features_enabled", "features_locked", "gcspr_el0"],
            8,
        )],
    ),
    // The guarded control stack that the kernel made: arch/arm64/checkpoint/regs.rs.
    Set::image(1, "NT_CKPT_ARM_GCS", &[Each(&["gcs_base", "gcs_size"], 8)]),
    Set::image(4, "NT_CKPT_ARM_AARCH32", &[One("tpidr_el0", 8)]),
    Set::image(
        3,
        "NT_CKPT_ARM_STOP",
        &[Each(&["stopped_reg", "orig_x0", "restart_addr"], 8)],
    ),
];
