// SPDX-License-Identifier: GPL-2.0

//! Which CPU an image needs, and what this machine's has: `--cpu` and `--print-cpu`.

// The name that the sample knows it by.
extern crate image as checkpoint_image;

#[path = "../../image/tests/sample/mod.rs"]
mod sample;

mod command;

use checkpoint_image::image::{
    header::arch,
    task::Container, //
};
use command::{
    ckptinfo,
    command,
    Image, //
};
use libcheckpoint::cpu::Base;
use predicates::{
    prelude::PredicateBooleanExt,
    str::contains, //
};
use sample::Sample;
use std::fs;

/// An image whose tasks can have seen what `base` has.
fn image_of(machine: u32, base: &str) -> Image {
    let words = Base::read(base).expect("no such CPU").cpu.words;
    let mut sample = Sample::of(machine);
    sample.edit(0, |c: &mut Container| {
        c.cpu_words.set(8);
        c.cpu = words.map(Into::into);
    });
    Image::new(&sample.bytes())
}

#[test]
fn an_image() {
    let image = image_of(arch::X86_64, "x86-64-v2+aes");
    let (status, out, err) = ckptinfo(&image, &["--print-cpu"]);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(out.starts_with("x86_64\n"), "{out}");
    let file = image.dir().join("cpu");
    fs::write(&file, &out).expect("cannot write a file");
    let file = file.to_str().expect("a path in ASCII");
    for (base, wanted) in [
        (file, ""),
        ("x86-64-v2+aes", ""),
        ("x86-64-v2+aes+rdrand", ""),
        ("x86-64-v2", "x86-64-v2 lacks aes\n"),
        (
            "x86-64-v3+aes",
            "x86-64-v3+aes has enabled avx-state, for which the programs have no room\n",
        ),
        ("z16", "it is of x86_64, and z16 of s390x\n"),
    ] {
        let (status, out, err) = ckptinfo(&image, &["--cpu", base]);
        assert_eq!(status, Some(i32::from(!wanted.is_empty())), "{base}: {err}");
        assert_eq!(out.is_empty(), !wanted.is_empty(), "{base}: {out}");
        assert!(err.ends_with(wanted), "{base}: {err}");
    }
    // Each of them.
    let (status, _, err) = ckptinfo(&image, &["--cpu", file, "--cpu", "x86-64-v2"]);
    assert_eq!(status, Some(1), "{err}");
    let (_, out, _) = ckptinfo(&image, &["--json", "--print-cpu"]);
    let all: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert!(all["cpu"].as_str().is_some_and(|cpu| cpu.contains("aes")));
}

#[test]
fn of_a_later_version() {
    let mut sample = Sample::of(arch::S390X);
    sample.edit(0, |c: &mut Container| {
        c.cpu_words.set(1);
        c.cpu[0].set(1 << 11 | 1 << 40);
    });
    let image = Image::new(&sample.bytes());
    let (status, _, err) = ckptinfo(&image, &["--cpu", "z16"]);
    assert_eq!(status, Some(1));
    assert!(err.ends_with("z16 lacks feature 0.40\n"), "{err}");
}

#[test]
fn this_machine() {
    let output = command("checkpoint").arg("--print-cpu").output();
    let output = output.expect("cannot run the command");
    assert!(output.status.success());
    let dir = tempfile::tempdir().expect("cannot make a directory");
    let file = dir.path().join("cpu");
    fs::write(&file, &output.stdout).expect("cannot write a file");
    let here = Base::read(file.to_str().expect("a path in ASCII"));
    let here = here.expect("can't be read again").cpu;
    assert_ne!(here.words, [0; 8]);
    // All machines have that.
    #[cfg(target_arch = "x86_64")]
    {
        let least = Base::read("x86-64-v1").expect("no such level").cpu.words;
        let mut words = least.iter().zip(&here.words).take(5);
        assert!(words.all(|(a, b)| a & !b == 0));
    }
}

#[test]
fn wrong() {
    for (arguments, wanted) in [
        (
            &["--cpu", "x86-64-v9", "1"][..],
            "nor is it one of x86-64-v1",
        ),
        (&["--cpu", "x86-64-v2+avx3", "1"], "no feature \"avx3\""),
        (&["--print-cpu", "1"], "cannot be used with"),
        (&["--print-cpu", "--cpu", "z16"], "cannot be used with"),
    ] {
        let mut command = command("checkpoint");
        command
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains(wanted));
    }
    let both = ["--dry-run", "--cpu", "z16", "--cpu", "power9", "1"];
    let says = contains("the architectures of z16 and power9 differ");
    let mut command = command("checkpoint");
    command
        .args(both)
        .assert()
        .code(1)
        .stderr(says.and(contains("checkpoint: --cpu: ")));
}
