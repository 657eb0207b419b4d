# SPDX-License-Identifier: GPL-2.0
"""Builds what runs beside the kernel: the user tools and the selftests."""

from .env import CACHE, JOBS, ROOT, Failure, run, sha, step
from .tree import pristine

WORKSPACE = ROOT / "tools/checkpoint"
SELFTESTS = ROOT / "tools/testing/selftests/checkpoint"


def cargo_env():
    return {"CARGO_HOME": CACHE / "cargo", "CARGO_TARGET_DIR": CACHE / "cargo-target",
            "CARGO_BUILD_JOBS": JOBS, "CARGO_TERM_COLOR": "never"}


def tools():
    """The user tools' programs."""
    if not (WORKSPACE / "Cargo.toml").exists():
        return []
    step("building the tools")
    run(["cargo", "build", "--release", "--locked", "--manifest-path", WORKSPACE / "Cargo.toml"],
        log=CACHE / "log" / "tools", env=cargo_env(), cwd=WORKSPACE)
    out = CACHE / "cargo-target" / "release"
    return [p for p in (out / n for n in ("checkpoint", "restart", "ckptinfo")) if p.exists()]


def selftests():
    """The selftest programs, by name."""
    src = pristine()
    # A directory per checkout, so that two of them do not get in each other's way.
    out = CACHE / "selftests" / sha(str(ROOT))
    step("building the selftests")
    out.mkdir(parents=True, exist_ok=True)
    run(["make", "-C", SELFTESTS, f"KSFT={src}/tools/testing/selftests", f"OUTPUT={out}",
         "CC=clang", f"-j{JOBS}"], log=CACHE / "log" / "selftests")
    names = test_names()
    return {n: out / n for n in names if (out / n).exists()}


def test_names():
    return sorted(p.stem for p in SELFTESTS.glob("*.c") if p.stem != "common")
