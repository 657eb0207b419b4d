// SPDX-License-Identifier: GPL-2.0

//! Tests of CPUs.

use super::*;

fn base(text: &str) -> Base {
    Base {
        name: text.lines().next().unwrap_or("").to_owned(),
        cpu: Cpu::parse(text).unwrap(),
    }
}

/// Returns all features of an architecture.
fn everything(machine: u32) -> Cpu {
    let mut words = [0; WORDS];
    for (n, word) in words.iter_mut().enumerate() {
        *word = cpu::named(machine, n);
    }
    if let Some((at, _)) = cpu::number(machine) {
        words[at] = 2696;
    }
    Cpu { machine, words }
}

#[test]
fn text_and_back() {
    for machine in ALL {
        let cpu = everything(machine);
        assert_eq!(Cpu::parse(&cpu.to_string()), Ok(cpu.clone()), "{machine}");
        // What is usable then stays so.
        assert_eq!(Cpu::new(machine, &cpu.words), cpu, "{machine}");
    }
    if let Ok(here) = Cpu::here() {
        assert_eq!(Cpu::parse(&here.to_string()), Ok(here.clone()));
        assert_ne!(here.words, [0; WORDS]);
    }
}

#[test]
fn faults() {
    for (text, wanted) in [
        ("", "it is empty"),
        ("# nothing", "it is empty"),
        ("avx2", "no architecture"),
        ("x86_64 avx3", "has no feature \"avx3\""),
        ("x86_64 sve", "has no feature \"sve\""),
        ("x86_64 xstate-bytes=x", "not a number"),
        ("s390x xstate-bytes=1", "has no feature"),
    ] {
        let e = Cpu::parse(text).unwrap_err();
        assert!(e.contains(wanted), "{text:?}: {e}");
    }
    assert!(Base::read("x86-64-v3+avx3").unwrap_err().contains("avx3"));
    let e = Base::read("no-such-file").unwrap_err();
    assert!(e.contains("x86-64-v3") && e.contains("power10"), "{e}");
}

#[test]
fn obstacles() {
    let image = base("x86_64 sse avx avx2 x87-state sse-state avx-state xstate-bytes=832").cpu;
    let case = |there: &str, wanted: &str| match image.against(&base(there)) {
        Ok(()) => assert_eq!(wanted, "", "{there}"),
        Err(e) => assert!(!wanted.is_empty() && e.contains(wanted), "{there}: {e}"),
    };
    let same = "x86_64 sse avx avx2 x87-state sse-state avx-state";
    case(same, "");
    case(&format!("{same} xstate-bytes=832"), "");
    case(&format!("{same} sha_ni rdrand"), "");
    case(
        &format!("{same} xstate-bytes=840"),
        "has 832 bytes, and that of x86_64",
    );
    case("x86_64 sse avx x87-state sse-state avx-state", "lacks avx2");
    case(
        &format!("{same} avx512f opmask-state zmm-hi256-state"),
        "has enabled opmask-state, zmm-hi256-state",
    );
    case("s390x vx", "it is of x86_64");
}

/// Checks that what the kernel has not enabled, no program can use.
#[test]
fn unusable() {
    let all = everything(arch::X86_64);
    let mut words = all.words;
    words[5] &= 7;
    let cpu = Cpu::new(arch::X86_64, &words);
    let text = cpu.to_string();
    for gone in ["avx512f", "amx_tile", "pku", "apx_f", "avx512_fp16"] {
        assert!(find(arch::X86_64, gone).is_some(), "{gone}");
        assert!(!text.split_whitespace().any(|name| name == gone), "{gone}");
    }
    for left in ["avx2", "sha_ni", "vaes", "gfni", "bmi2"] {
        assert!(text.split_whitespace().any(|name| name == left), "{left}");
    }
    // An image with them goes where they are off, if its registers were.
    let there = Base {
        name: "there".to_owned(),
        cpu: cpu.clone(),
    };
    assert_eq!(Cpu { words, ..all }.against(&there), Ok(()));
}

#[test]
fn in_common() {
    let of = |texts: &[&str]| {
        let bases: Vec<_> = texts.iter().map(|text| base(text)).collect();
        Base::common(&bases).map(|base| base.map(|base| base.cpu.to_string()))
    };
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(
        of(&["s390x vx vxe", "s390x vxe te", "s390x vxe vxd"]),
        Ok(Some("s390x\nvxe\n".to_owned()))
    );
    assert!(of(&["s390x vx", "arm64 fp"])
        .unwrap_err()
        .contains("architectures"));
    let state = "x86_64 sse x87-state sse-state";
    let more = format!("{state} avx-state");
    assert!(of(&[state, &more]).unwrap_err().contains("extended states"));
    let bytes = format!("{state} xstate-bytes=576");
    assert!(of(&[state, &bytes]).unwrap().unwrap().contains("=576"));
    let other = format!("{state} xstate-bytes=832");
    assert!(of(&[&bytes, &other])
        .unwrap_err()
        .contains("extended states"));
}

/// Checks that each level has what the one before it has, and names that there are.
#[test]
fn levels() {
    for name in levels::names() {
        let base = Base::read(name).unwrap();
        assert_ne!(base.cpu.words, [0; WORDS], "{name}");
        assert_eq!(
            Cpu::new(base.cpu.machine, &base.cpu.words),
            base.cpu,
            "{name}"
        );
    }
    let of = |name| Base::read(name).unwrap();
    let v3 = of("x86-64-v3").cpu;
    assert!(v3
        .against(&of("x86-64-v4"))
        .unwrap_err()
        .contains("has enabled"));
    assert!(v3.against(&of("x86-64-v2")).unwrap_err().contains("avx2"));
    assert_eq!(of("power9").cpu.against(&of("power9")), Ok(()));
    assert_eq!(of("z14").cpu.against(&of("z16")), Ok(()));
    assert!(of("z16")
        .cpu
        .against(&of("z15"))
        .unwrap_err()
        .contains("nnpa"));
    assert_eq!(of("armv8-a").cpu.against(&of("armv8.1-a+sha2")), Ok(()));
}
