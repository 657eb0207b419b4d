// SPDX-License-Identifier: GPL-2.0

//! Notes of all architectures, right and wrong.

use super::*;

/// All architectures.
const MACHINES: [u32; 4] = [arch::X86_64, arch::ARM64, arch::PPC64LE, arch::S390X];

/// Bytes that count up from 1.
fn counting(len: usize) -> Vec<u8> {
    (1..=len).map(|n| n as u8).collect()
}

/// Returns the registers of a note.
fn registers(n: u32, owner: &[u8; 8], note_type: u32, bytes: &[u8]) -> Map<String, Value> {
    match note(n, owner, note_type, bytes).get_mut("registers") {
        Some(Value::Object(map)) => std::mem::take(map),
        other => panic!("{other:?}"),
    }
}

/// Registers and their values.
type Wanted<'a> = &'a [(&'a str, &'a str)];

/// Checks that these registers, and no others but those in `bytes`, are so.
fn expect(n: u32, owner: &[u8; 8], note_type: u32, bytes: &[u8], wanted: Wanted<'_>) {
    let found = registers(n, owner, note_type, bytes);
    for (name, value) in wanted {
        assert_eq!(found[*name], *value, "{name} of note {note_type:#x}");
    }
    for bad in ["rest", "cut_short"] {
        assert!(!found.contains_key(bad), "{bad} in {found:?}");
    }
}

#[test]
fn general_registers() {
    let cases: &[(u32, usize, Wanted<'_>)] = &[
        (
            arch::X86_64,
            27 * 8,
            &[
                ("r15", "0x0807060504030201"),
                ("rax", "0x5857565554535251"),
                ("gs", "0xd8d7d6d5d4d3d2d1"),
            ],
        ),
        (
            arch::X86_64,
            17 * 4,
            &[("ebx", "0x04030201"), ("ss", "0x44434241")],
        ),
        (
            arch::ARM64,
            34 * 8,
            &[
                ("x0", "0x0807060504030201"),
                ("x30", "0xf8f7f6f5f4f3f2f1"),
                ("pstate", "0x100f0e0d0c0b0a09"),
            ],
        ),
        (
            arch::ARM64,
            18 * 4,
            &[("r0", "0x04030201"), ("orig_r0", "0x48474645")],
        ),
        (
            arch::PPC64LE,
            44 * 8,
            &[
                ("r0", "0x0807060504030201"),
                ("nip", "0x0807060504030201"),
                ("result", "0x605f5e5d5c5b5a59"),
            ],
        ),
        (
            arch::S390X,
            16 + 128 + 64 + 8,
            &[
                ("psw_mask", "0x0102030405060708"),
                ("psw_addr", "0x090a0b0c0d0e0f10"),
                ("r0", "0x1112131415161718"),
                ("a0", "0x91929394"),
                ("orig_r2", "0xd1d2d3d4d5d6d7d8"),
            ],
        ),
    ];
    for (machine, len, wanted) in cases {
        let mut bytes = counting(*len);
        if *machine == arch::PPC64LE {
            bytes.resize(48 * 8, 0);
        }
        expect(*machine, &CORE, NT_PRSTATUS, &bytes, wanted);
    }
}

/// Checks that the code segment of x86-64 tells whether it is 32-bit code; thread areas.
#[test]
fn code_of_32_bits() {
    let mut bytes = counting(27 * 8);
    bytes[17 * 8..18 * 8].copy_from_slice(&[0x23, 0, 0, 0, 0, 0, 0, 0]);
    let wanted: Wanted<'_> = &[
        ("ebx", "0x302f2e2d2c2b2a29"),
        ("eax", "0x5857565554535251"),
        ("cs", "0x0000000000000023"),
        ("gs", "0xd8d7d6d5d4d3d2d1"),
    ];
    expect(arch::X86_64, &CORE, NT_PRSTATUS, &bytes, wanted);
    let found = registers(arch::X86_64, &CORE, NT_PRSTATUS, &bytes);
    assert!(!found.contains_key("rax"));
    let wanted: Wanted<'_> = &[("base0", "0x08070605"), ("flags2", "0x302f2e2d")];
    expect(arch::X86_64, &LINUX, 0x200, &counting(48), wanted);
    let wanted: Wanted<'_> = &[("call", "0x0807060504030201")];
    expect(arch::X86_64, &CKPT, 0x434b_0002, &counting(8), wanted);
}

#[test]
fn byte_orders() {
    let bytes = counting(16 * 16);
    expect(
        arch::S390X,
        &LINUX,
        0x30a,
        &bytes,
        &[("v16", "0x0102030405060708090a0b0c0d0e0f10")],
    );
    expect(
        arch::ARM64,
        &LINUX,
        0x407,
        &bytes[..64],
        &[("apibkey", "0x201f1e1d1c1b1a191817161514131211")],
    );
    expect(
        arch::S390X,
        &LINUX,
        0x30b,
        &[vec![0; 8], counting(24)].concat(),
        &[("gsd", "0x0102030405060708")],
    );
}

#[test]
fn xstate() {
    // FP, SSE, AVX, AVX-512 and PKRU as Intel's CPUs have them.
    let mut bytes = vec![0; 2696];
    bytes[24..28].copy_from_slice(&[0x80, 0x1f, 0, 0]);
    bytes[464..466].copy_from_slice(&[0xe7, 2]);
    bytes[512..514].copy_from_slice(&[0xe7, 2]);
    bytes[160] = 1;
    bytes[576] = 2;
    bytes[1088] = 3;
    bytes[1152] = 4;
    bytes[1664] = 5;
    bytes[2688] = 6;
    let wanted: Wanted<'_> = &[
        ("mxcsr", "0x00001f80"),
        ("xcr0", "0x00000000000002e7"),
        ("xstate_bv", "0x00000000000002e7"),
        ("xmm0", "0x00000000000000000000000000000001"),
        ("ymm0h", "0x00000000000000000000000000000002"),
        ("k0", "0x0000000000000003"),
        (
            "zmm0h",
            "0x0000000000000000000000000000000000000000000000000000000000000004",
        ),
        ("zmm1h", "0x0"),
        ("pkru", "0x00000006"),
    ];
    expect(arch::X86_64, &LINUX, 0x202, &bytes, wanted);
    // AMD's, whose components lie elsewhere.
    let mut amd = bytes[..832].to_vec();
    amd.resize(2440, 0);
    amd[832] = 3;
    amd[896] = 4;
    amd[1408] = 5;
    amd[2432] = 6;
    expect(arch::X86_64, &LINUX, 0x202, &amd, wanted);
    // No xstate at all.
    let float: Wanted<'_> = &[("mxcsr", "0x00001f80"), wanted[3]];
    let mut old = amd[..416].to_vec();
    old.resize(512, 0);
    expect(arch::X86_64, &CORE, NT_PRFPREG, &old, float);
    // A component in its initial state is not shown, but what lies there is.
    bytes[513] = 0;
    let found = registers(arch::X86_64, &LINUX, 0x202, &bytes);
    assert!(!found.contains_key("pkru"));
    assert_eq!(found["rest"], "0600000000000000");
}

/// Makes a header of SVE or ZA.
fn header(vl: u16, flags: u16) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    bytes[8..10].copy_from_slice(&vl.to_le_bytes());
    bytes[12..14].copy_from_slice(&flags.to_le_bytes());
    bytes
}

#[test]
fn vectors_of_arm64() {
    let vl = 48;
    let mut bytes = header(48, 1);
    bytes.resize(16 + 32 * vl, 0x11);
    bytes.resize(bytes.len() + 16 * vl / 8, 0x22);
    bytes.resize(bytes.len() + vl / 8, 0x33);
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    bytes.extend_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0]);
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    for note_type in [0x405, 0x40b] {
        expect(
            arch::ARM64,
            &LINUX,
            note_type,
            &bytes,
            &[
                ("z31", &format!("0x{}", "11".repeat(vl))),
                ("p15", "0x222222222222"),
                ("ffr", "0x333333333333"),
                ("fpsr", "0x00000001"),
                ("fpcr", "0x00000002"),
            ],
        );
        // Nothing but the vector length.
        expect(arch::ARM64, &LINUX, note_type, &header(48, 1), &[]);
        // The registers of FPSIMD.
        let fpsimd = [header(48, 0), counting(528 - 8), vec![0; 8]].concat();
        expect(
            arch::ARM64,
            &LINUX,
            note_type,
            &fpsimd,
            &[("v0", "0x100f0e0d0c0b0a090807060504030201")],
        );
    }
    let mut bytes = header(32, 0);
    bytes.resize(16 + 32 * 32, 0x44);
    let row = format!("0x{}", "44".repeat(32));
    expect(
        arch::ARM64,
        &LINUX,
        0x40c,
        &bytes,
        &[("za0", &row), ("za31", &row)],
    );
    assert_eq!(registers(arch::ARM64, &LINUX, 0x40c, &bytes)["vl"], 32);
    expect(arch::ARM64, &LINUX, 0x40c, &header(32, 0), &[]);
}

/// Gives vector lengths that do not exist, and headers that promise more than there is.
#[test]
fn impossible_vectors() {
    for vl in [0, 1, 8, 24, 8208, 65520, 65535] {
        for note_type in [0x405, 0x40b, 0x40c] {
            let bytes = [header(vl, 1), vec![7; 4096]].concat();
            let found = registers(arch::ARM64, &LINUX, note_type, &bytes);
            assert_eq!(found["cut_short"], true, "{vl}");
            assert_eq!(found["rest"], "07".repeat(4096), "{vl}");
        }
    }
    let bytes = [header(8192, 1), vec![7; 4096]].concat();
    let found = registers(arch::ARM64, &LINUX, 0x405, &bytes);
    assert_eq!(found["cut_short"], true);
}

/// Checks that no length and no contents of a note make trouble, and no byte that is not zero is left
/// out.
#[test]
fn any_length() {
    for machine in MACHINES {
        let sets = sets(machine);
        for set in sets {
            let most = set.len().unwrap_or(3000) + 9;
            let step = if most < 300 { 1 } else { 13 };
            for fill in [1, 0xff] {
                for len in (0..most).step_by(step) {
                    let found = registers(machine, &set.owner, set.note_type, &vec![fill; len]);
                    let digits: usize = found
                        .values()
                        .map(|v| match v {
                            Value::String(s) => s.trim_start_matches("0x").len(),
                            // The fields of a header.
                            _ => 0,
                        })
                        .sum();
                    let counts = match set.layout {
                        Layout::Own(_) => len.min(14),
                        Layout::Parts(_) => 0,
                    };
                    assert!(
                        digits / 2 + counts >= len,
                        "{} bytes of {}: {found:?}",
                        len,
                        set.name
                    );
                }
            }
        }
    }
}

#[test]
fn notes_of_images() {
    expect(
        arch::PPC64LE,
        &CKPT,
        0x434b_0000,
        &counting(16),
        &[
            ("align_ctl", "0x0807060504030201"),
            ("dexcr_onexec", "0x100f0e0d0c0b0a09"),
        ],
    );
}

#[test]
fn unknown_notes() {
    for machine in MACHINES {
        let found = note(machine, &LINUX, 0x999, &[1, 2]);
        assert_eq!(found["note"], "note 0x999");
        assert_eq!(found["registers"]["rest"], "0102");
    }
    // The same number of another owner is another note.
    let found = note(arch::X86_64, &LINUX, NT_PRSTATUS, &[0; 216]);
    assert_eq!(found["note"], "note 0x1");
}

/// Checks that no two registers of a note have the same name, no two notes the same number and length;
/// each note has the name of its number.
#[test]
fn names() {
    for machine in MACHINES {
        let sets = sets(machine);
        for (n, set) in sets.iter().enumerate() {
            // As in messages.
            if set.owner != CKPT {
                assert_eq!(image::image::notes::name(set.note_type), Some(set.name));
            }
            for other in &sets[..n] {
                assert!(
                    (set.owner, set.note_type, set.len())
                        != (other.owner, other.note_type, other.len()),
                    "{}",
                    set.name
                );
            }
            let Layout::Parts(parts) = set.layout else {
                continue;
            };
            let registers: usize = parts
                .iter()
                .map(|part| match part {
                    Part::One(..) => 1,
                    Part::Each(names, _) => names.len(),
                    Part::Row(_, numbers, _) => numbers.len(),
                    Part::Gap(_) => 0,
                })
                .sum();
            let len = set.len().expect("a length");
            let found = Decoder::new(&vec![0; len], Order::of(machine)).decode(set);
            assert_eq!(found.len(), registers, "{}", set.name);
        }
    }
}
