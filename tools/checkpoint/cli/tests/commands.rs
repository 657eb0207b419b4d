// SPDX-License-Identifier: GPL-2.0

//! The commands, as far as they need no kernel with checkpoint(2).

// The name that the sample knows it by.
extern crate image as checkpoint_image;

#[path = "../../image/tests/sample/mod.rs"]
mod sample;

mod command;

use checkpoint_image::image::{
    header::arch,
    kinds::Kind, //
};
use command::{
    ckptinfo,
    run,
    Image, //
};
use sample::Sample;

#[test]
fn views() {
    let image = Image::new("views", &Sample::small().bytes());
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["container 1 (job)", "4 in 3 processes", "16 B"]),
        (
            &["--tree"],
            &["1 job session", "  {2} job", "  3 job", "  4 job [zombie]"],
        ),
        (
            &["--maps"],
            &["/bin/job (tasks 1 2)", "rw-p", "rw-s", "heap"],
        ),
        (&["--fds"], &["/dev/null", "pipe:[8]", "/tmp/[6] (deleted)"]),
        (&["--records"], &["signal actions", "pid without task"]),
        (
            &["--records", "-v"],
            &["rip      0x0707070707070707", "comm: \"job\""],
        ),
        (
            &["--regs"],
            &[
                "1 job\n  NT_PRSTATUS: 216 bytes",
                "rip      0x0707070707070707",
            ],
        ),
        (&["--verify"], &["valid: 4 extents with 4 pages"]),
        (&["--verify", "--maps"], &["3 pages in the image"]),
    ];
    for (options, wanted) in cases {
        let (status, out, err) = ckptinfo(&image, options);
        assert_eq!((status, err.as_str()), (Some(0), ""), "{options:?}");
        for text in *wanted {
            assert!(out.contains(text), "{options:?} lacks {text:?} in:\n{out}");
        }
    }
}

/// Images of all architectures are read on any.
#[test]
fn architectures() {
    let cases = [
        (arch::X86_64, 216, "x86_64", "rip      0x0707070707070707"),
        (arch::ARM64, 272, "arm64", "pstate 0x0707070707070707"),
        (
            arch::PPC64LE,
            384,
            "ppc64le",
            "nip        0x0707070707070707",
        ),
        (arch::S390X, 216, "s390x", "psw_mask 0x0707070707070707"),
    ];
    for (number, len, name, register) in cases {
        let mut sample = Sample::of(number);
        let notes = [
            sample::note(b"CORE\0\0\0\0", 1, &vec![7; len]),
            sample::note(b"LINUX\0\0\0", 0xfff, &[1; 44]),
        ];
        *sample.payload(Kind::Regs, 0) = notes.concat();
        let image = Image::new(name, &sample.bytes());
        let (_, summary, _) = ckptinfo(&image, &[]);
        assert!(summary.contains(&format!(", {name}, ")), "{summary}");
        let (status, out, err) = ckptinfo(&image, &["--verify", "--regs"]);
        assert_eq!((status, err.as_str()), (Some(0), ""), "{name}");
        for text in [register, "note 0xfff: 44 bytes", "rest 0101", "valid: 4"] {
            assert!(out.contains(text), "{name} lacks {text:?} in:\n{out}");
        }
    }
}

/// Registers and siginfos are in the byte order of the machine that wrote the image.
#[test]
fn big_endian() {
    let image = Image::new("big-endian", &Sample::of(arch::S390X).bytes());
    let (status, out, err) = ckptinfo(&image, &["--json", "--verify", "--records"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let all: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert_eq!(all["valid"], true);
    assert_eq!(all["image"]["arch"], "s390x");
    let records = all["records"].as_array().expect("no records");
    let payload = |kind: &str| {
        let record = records.iter().find(|r| r["kind"] == kind);
        record
            .map(|r| r["payload"].clone())
            .expect("no such record")
    };
    assert_eq!(payload("pending signals")[0], 10);
    let notes = payload("registers");
    let general = &notes[0]["registers"];
    assert_eq!(general["psw_mask"], "0x0705000180000000");
    assert_eq!(general["psw_addr"], "0x08090a0b0c0d0e0f");
    assert_eq!(general["r0"], "0x1011121314151617");
    assert_eq!(general["r15"], "0x88898a8b8c8d8e8f");
    assert_eq!(general["a1"], "0x94959697");
    assert_eq!(general["orig_r2"], "0xd0d1d2d3d4d5d6d7");
    assert_eq!(notes[1]["registers"]["system_call"], "0x000200f0");
}

#[test]
fn json() {
    let image = Image::new("json", &Sample::small().bytes());
    let (status, out, _) = ckptinfo(&image, &["--json", "--verify", "--records", "--regs"]);
    assert_eq!(status, Some(0));
    let all: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert_eq!(all["valid"], true);
    assert_eq!(all["image"]["arch"], "x86_64");
    assert_eq!(all["tasks"][2]["parent"], 2);
    assert_eq!(all["address_spaces"][0]["pages"], 3);
    assert_eq!(all["records"][0]["kind"], "container");
    assert_eq!(all["registers"][1]["tid"], 2);
    assert_eq!(
        all["registers"][1]["notes"][0]["registers"]["rax"],
        "0x0707070707070707"
    );
}

#[test]
fn faults() {
    let mut bytes = Sample::small().bytes();
    let page = bytes.len() - 1000;
    bytes[page] ^= 1;
    let image = Image::new("faults", &bytes);
    // What is wrong with the pages is found only by reading them.
    assert_eq!(ckptinfo(&image, &[]).0, Some(0));
    let (status, _, err) = ckptinfo(&image, &["--verify"]);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("extent: checksum of the pages is wrong"),
        "{err}"
    );
    let (status, out, _) = ckptinfo(&image, &["--verify", "--json"]);
    assert_eq!(status, Some(1));
    let fault: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert_eq!(fault["valid"], false);
    assert_eq!(fault["kind"], "extent");
    assert!(fault["offset"].is_u64());
}

#[test]
fn impossible_requests() {
    let me = std::process::id().to_string();
    let checkpoint = env!("CARGO_BIN_EXE_checkpoint");
    let restart = env!("CARGO_BIN_EXE_restart");
    let cases: &[(&str, &[&str], i32, &str)] = &[
        (checkpoint, &["--container", &me], 1, "not the init process"),
        (
            checkpoint,
            &["-o", "/nowhere/image", &me],
            1,
            "cannot create",
        ),
        (checkpoint, &["4194303"], 1, "cannot find process 4194303"),
        (
            checkpoint,
            &["--json", "4194303"],
            1,
            "\"ok\":false,\"error\":\"cannot find process 4194303",
        ),
        (checkpoint, &[], 2, "required"),
        (
            restart,
            &["/nowhere/image"],
            125,
            "cannot open /nowhere/image",
        ),
    ];
    for (program, arguments, status, text) in cases {
        let output = run(program, arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*status), "{arguments:?}: {err}");
        assert!(err.contains(text), "{arguments:?}: {err}");
    }
}
