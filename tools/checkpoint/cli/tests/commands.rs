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
    command,
    Image, //
};
use predicates::{
    prelude::PredicateBooleanExt,
    str::{
        contains,
        is_empty, //
    }, //
};
use sample::{
    Sample,
    PAGE, //
};

#[test]
fn views() {
    let image = Image::new(&Sample::small().bytes());
    let cases: &[(&[&str], &[&str])] = &[
        (
            &[],
            &[
                "container 1 (job)",
                "taken           1970-01-01 00:00:00+00:00 (",
                ", pages of 4 KiB\n",
                "days ago)",
                "4 in 3 processes",
                "2 address spaces, 6 mappings of",
                "4 descriptors of 6 open files, 1 pipe with 16 B",
            ],
        ),
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
        let image = Image::new(&sample.bytes());
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
    let image = Image::new(&Sample::of(arch::S390X).bytes());
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
    let image = Image::new(&Sample::small().bytes());
    let (status, out, _) = ckptinfo(&image, &["--json", "--verify", "--records", "--regs"]);
    assert_eq!(status, Some(0));
    let all: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert_eq!(all["valid"], true);
    assert_eq!(all["image"]["arch"], "x86_64");
    assert_eq!(all["image"]["created"], "1970-01-01T00:00:00Z");
    assert_eq!(all["tasks"][2]["parent"], 2);
    let process = serde_json::json!({
        "pid": 1, "parent": 0, "comm": "job", "state": "live", "stopped": false, "threads": 2,
    });
    assert_eq!(all["processes"][0], process);
    assert_eq!(all["processes"][2]["state"], "zombie");
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
    // The last page is that before the index.
    let page = bytes.len() - bytes.len() % PAGE as usize - 1000;
    bytes[page] ^= 1;
    let image = Image::new(&bytes);
    // What is wrong with the pages is found only by reading them.
    assert_eq!(ckptinfo(&image, &[]).0, Some(0));
    let (status, _, err) = ckptinfo(&image, &["--verify"]);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("extents: checksum of the pages is wrong"),
        "{err}"
    );
    let (status, out, _) = ckptinfo(&image, &["--verify", "--json"]);
    assert_eq!(status, Some(1));
    let fault: serde_json::Value = serde_json::from_str(&out).expect("no JSON");
    assert_eq!(fault["valid"], false);
    assert_eq!(fault["kind"], "extents");
    assert!(fault["offset"].is_u64());
}

/// Each failure says what was wrong with what, and no number of an error.
#[test]
fn impossible_requests() {
    let me = std::process::id().to_string();
    let bytes = Sample::small().bytes();
    let image = Image::new(&bytes);
    let dir = image.dir().to_str().expect("a path in ASCII");
    let path = image.path().display().to_string();
    let path = path.as_str();
    let wrong = format!("{dir}/policy");
    let rule = "[[changed]]\npath = \"/a\"\naction = \"drop\"\n";
    std::fs::write(&wrong, rule).expect("cannot write the policy");
    let wrong = wrong.as_str();
    let thread = std::thread::scope(|scope| {
        let tid = || rustix::thread::gettid().as_raw_nonzero().to_string();
        scope.spawn(tid).join().expect("no thread")
    });
    let cases: &[(&str, &[&str], i32, &str)] = &[
        (
            "checkpoint",
            &["4194304"],
            1,
            "checkpoint: there is no process with the pid 4194304\n",
        ),
        (
            "checkpoint",
            &["--json", "4194304"],
            1,
            "\"ok\":false,\"error\":\"there is no process with the pid 4194304\"",
        ),
        (
            "checkpoint",
            &["--kill", "-o", "x", &me],
            1,
            "this command descends from process",
        ),
        ("checkpoint", &[], 2, "required"),
        ("checkpoint", &["--dry-run", &thread], 1, "process"),
        (
            "restart",
            &["/nowhere/image"],
            125,
            "restart: cannot open /nowhere/image: No such file or directory\n",
        ),
        (
            "restart",
            &[dir],
            125,
            "is a directory and not an image\nName the file in it.\n",
        ),
        ("restart", &["--leave-frozen", "x"], 125, "required"),
        (
            "checkpoint",
            &["--policy", "/nowhere/policy", &me],
            1,
            "checkpoint: cannot read the policy /nowhere/policy: No such file or directory\n",
        ),
        (
            "restart",
            &["--policy", "/dev/null/policy", path],
            125,
            "restart: cannot read the policy /dev/null/policy: Not a directory\n",
        ),
        (
            "restart",
            &["--policy", wrong, path],
            125,
            "unknown variant `drop`, expected one of",
        ),
        (
            "restart",
            &["--map", "/a=/nowhere/b", path],
            125,
            "restart: /nowhere/b, where --map looks, is not there: No such file or directory\n",
        ),
        (
            "restart",
            &["--map", "a=/b", path],
            125,
            "OLD does not begin with a slash",
        ),
        (
            "restart",
            &["--root", "/nowhere", path],
            125,
            "restart: cannot open the directory /nowhere: No such file or directory\n",
        ),
        (
            "restart",
            &["--uts", "/nowhere/uts", path],
            125,
            "restart: cannot open /nowhere/uts: No such file or directory\n",
        ),
        (
            "restart",
            &["--ipc", "987", path],
            125,
            "restart: descriptor 987 is not open here",
        ),
        (
            "restart",
            &["--netns", "/nowhere/net", path],
            125,
            "restart: cannot open /nowhere/net: No such file or directory\n",
        ),
        (
            "restart",
            &["--log", path, path],
            125,
            "the log and the image are the same file, ",
        ),
        (
            "restart",
            &["--cgroup", "a/../b", "/dev/null"],
            125,
            "the cgroup a/../b is not named by a path without \"..\"",
        ),
        (
            "ckptinfo",
            &["/nowhere/image"],
            1,
            "ckptinfo: cannot open /nowhere/image: No such file or directory\n",
        ),
        ("ckptinfo", &[dir], 1, "it can't be read: Is a directory\n"),
        (
            "ckptinfo",
            &["--core", path, path],
            1,
            "the core file would replace the image",
        ),
    ];
    for (program, arguments, status, text) in cases {
        command(program)
            .args(*arguments)
            .assert()
            .code(*status)
            .stderr(contains(*text).and(contains("os error").not()));
    }
    let left = std::fs::read(image.path()).expect("no image");
    assert!(left == bytes, "the image was changed");
}

/// A process that does nothing, and ends with the test.
struct Idle(std::process::Child);

impl Idle {
    fn new() -> Self {
        let child = std::process::Command::new("sleep").arg("1000").spawn();
        Self(child.expect("cannot start a process"))
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What can be known before anything is touched.
#[test]
fn places_that_are_none() {
    let idle = Idle::new();
    let dir = tempfile::tempdir().expect("cannot make a directory");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::os::unix::fs::symlink("there", at("link")).expect("cannot make a link");
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("no socket");
    let cases = [
        (vec!["-o".into(), at("")], "is a directory"),
        (vec!["-o".into(), at("socket")], "is a socket"),
        (
            vec!["-o".into(), at("missing/image")],
            "missing: No such file or directory",
        ),
        (
            vec!["--log".into(), at("link"), "-o".into(), at("image")],
            "is a symbolic link",
        ),
        (
            vec!["--log".into(), at("x"), "-o".into(), at("x")],
            "the same file",
        ),
        (vec!["--cgroup".into(), "/nowhere/at/all".into()], "cgroup"),
        (vec!["--container".into()], "not the init process"),
    ];
    for (arguments, text) in cases {
        command("checkpoint")
            .args(&arguments)
            .arg(idle.pid())
            .assert()
            .code(1)
            .stdout(is_empty())
            .stderr(contains(text).and(contains("os error").not()));
    }
    let left = std::fs::read_dir(dir.path()).expect("no directory").count();
    assert_eq!(left, 2, "something was left behind");
}

/// Standard input where there is none, as in a service.
#[test]
fn nothing_to_restart() {
    let output = std::process::Command::new(command("restart").get_program())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("cannot run it");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125));
    assert!(err.contains("there is no image: name a file"), "{err}");
}

/// Nobody reads what is told.
#[test]
fn closed_output() {
    let image = Image::new(&Sample::small().bytes());
    for (program, arguments) in [
        (
            "ckptinfo",
            vec!["--json".to_owned(), image.path().display().to_string()],
        ),
        ("restart", vec!["--json".into(), "/nowhere".into()]),
        (
            "checkpoint",
            vec!["--json".into(), "--dry-run".into(), "4194304".into()],
        ),
    ] {
        let (reader, writer) = rustix::pipe::pipe().expect("no pipe");
        drop(reader);
        let mut plain = std::process::Command::new(command(program).get_program());
        let status = plain
            .args(arguments)
            .stdout(std::process::Stdio::from(
                writer.try_clone().expect("no pipe"),
            ))
            .stderr(std::process::Stdio::from(writer))
            .status()
            .expect("cannot run it");
        // A panic ends with 101.
        assert!(
            matches!(status.code(), Some(0 | 1 | 125)),
            "{program}: {status}"
        );
    }
}
