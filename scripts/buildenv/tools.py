# SPDX-License-Identifier: GPL-2.0
"""Builds what runs beside the kernel: the user tools and the selftests."""

import os
import re

from .env import ARCH, CACHE, JOBS, NATIVE, ROOT, Failure, conf, run, sha, step
from .rootfs import base
from .tree import pristine

WORKSPACE = ROOT / "tools/checkpoint"
SELFTESTS = ROOT / "tools/testing/selftests/checkpoint"


def cargo_env():
    """For programs that run in the build environment."""
    return {"CARGO_HOME": CACHE / "cargo", "CARGO_TARGET_DIR": CACHE / "cargo-target",
            "CARGO_BUILD_JOBS": JOBS, "CARGO_TERM_COLOR": "never"}


def cross_flags():
    """What makes clang compile and link for the guest."""
    return [] if NATIVE else [f"--target={conf()['triple']}", f"--sysroot={base()}",
                              "-fuse-ld=lld"]


def cc():
    """The C compiler for programs of the guest, with its first arguments."""
    return ["clang", *cross_flags()]


def guest_cargo():
    """Arguments and environment by which cargo builds for the guest.

    The programs are linked statically: where QEMU emulates, to load libraries takes as long as all
    else that they do, and each process that they fork copies the mappings. That a target is named,
    the own one or not, keeps these flags from what runs during the build.

    For another architecture Rust's standard library is built along, from the sources that the
    kernel's build needs in any case: packages of it would have to be of the same version."""
    target = conf()["rust_target"]
    name = "CARGO_TARGET_" + target.upper().replace("-", "_")
    flags = ["-Ctarget-feature=+crt-static", *(f"-Clink-arg={f}" for f in cross_flags())]
    args, env = ["--target", target], {f"{name}_RUSTFLAGS": " ".join(flags)}
    if not NATIVE:
        args.append("-Zbuild-std=std,panic_unwind")
        env |= {"CARGO_TARGET_DIR": CACHE / f"cargo-target-{ARCH}", "RUSTC_BOOTSTRAP": 1,
                f"{name}_LINKER": "clang"}
    return args, env


def tools():
    """The user tools' programs."""
    if not (WORKSPACE / "Cargo.toml").exists():
        return []
    args, env = guest_cargo()
    env = {**cargo_env(), **env}
    step("building the tools")
    run(["cargo", "build", "--release", "--locked", "--manifest-path", WORKSPACE / "Cargo.toml",
         *args], log=CACHE / "log" / f"tools-{ARCH}", env=env, cwd=WORKSPACE)
    out = env["CARGO_TARGET_DIR"] / conf()["rust_target"] / "release"
    return [p for p in (out / n for n in ("checkpoint", "restart", "ckptinfo", "ckptmutate")) if p.exists()]


def selftests():
    """The selftest programs, by name."""
    src = pristine()
    # A directory per checkout, so that two of them do not get in each other's way.
    out = CACHE / "selftests" / (sha(str(ROOT)) if NATIVE else f"{sha(str(ROOT))}-{ARCH}")
    step("building the selftests")
    out.mkdir(parents=True, exist_ok=True)
    # Static: they are started thousands of times, and have less to be saved and restored.
    run(["make", "-C", SELFTESTS, "STATIC=1", f"KSFT={src}/tools/testing/selftests", f"OUTPUT={out}",
         "CC=" + " ".join(cc()), "-k", f"-j{JOBS}"],
        log=CACHE / "log" / f"selftests-{ARCH}")
    names = test_names()
    return {n: out / n for n in names if (out / n).exists()}


def listed(name):
    """The words of a setting of the selftests, which may have several lines. Each stands there once."""
    lines = re.findall(rf"^{name}=(.*)", (SELFTESTS / "settings").read_text(), re.M)
    words = " ".join(lines).split()
    twice = sorted({w for w in words if words.count(w) > 1})
    if twice:
        raise Failure(f"settings: {name}= has more than once: {' '.join(twice)}: leave one of each")
    return words


def here(names):
    """Of tests, those that make test runs on this architecture: on one all, on the others what touches
    registers, compat programs or page sizes, and every kind of state once; with FULL=1 all."""
    # Read in any case, so that a mistake in it shows on every architecture.
    everywhere = listed("everywhere")
    if NATIVE or os.environ.get("FULL"):
        return names
    return [n for n in names if n in everywhere]


def test_names():
    return sorted(p.stem for p in SELFTESTS.glob("*.c") if not p.stem.startswith("common"))
