# SPDX-License-Identifier: GPL-2.0
"""Tests whose machine is switched off between checkpoint and restart.

Scenarios of the selftests are left behind as images on a disk by one guest, refused by a guest whose
processor lacks something, and restarted by a third; before that by one with another kernel, whose vDSO is
another one: see common_boots.c of the selftests."""

from .env import CACHE, Progress, conf, step
from .guest import make_disk
from .harness import LOGS, Run
from .tap import Case

PART = "power_off"
# What is most at risk when another machine takes over: registers, calls in progress, clocks.
PROGRAMS = ("registers", "syscalls", "signals", "clocks")
DISK = 512      # MiB


def parts(kernel, other):
    """The guests, in order: name, kernel, environment, and how each differs from the usual one."""
    yield "save", kernel, {}, {}
    if "cpu_small" in conf():
        yield ("refused", kernel, {"CKPT_LACKS": conf()["cpu_small_lacks"]},
               {"cpu": conf()["cpu_small"], "qemu_args": conf().get("cpu_small_args", "").split()})
    if other:
        yield "other", other, {}, {}
    yield "restart", kernel, {}, {}


def power_off(results, kernel, other, programs, tools, *, logs=LOGS, deadline=None):
    """Runs the tests; each guest sees the disk as the one before it left it. other: another kernel, if
    there is one."""
    step("power off between checkpoint and restart: " + " ".join(PROGRAMS))
    for name in PROGRAMS:
        if name not in programs:
            results.add(Case(PART, "failed", f"{name} was not built"))
            return
    disk = CACHE / "run" / f"boots-{logs.parent.name}-{logs.name}"
    make_disk(disk, DISK)
    progress, done, guests = Progress.of(PART), 0, list(parts(kernel, other))

    def on_program(name):
        nonlocal done
        done += 1
        progress.at(done / (len(PROGRAMS) * len(guests)), f"{PART}: {name}")

    try:
        for boot, booted, env, guest in guests:
            env = {**env, "CKPT_BOOT": boot, "CKPT_TMPDIR": "/data", "LCR_ARGS": "-v container"}
            run = Run(results, booted, PROGRAMS, programs, tools, share=boot, logs=logs / PART,
                      deadline=deadline, part=f"{PART}.{boot}", env=env,
                      guest={**guest, "data": disk}, on_program=on_program)
            run.all()
            if not run.consoles[-1]:
                return
    finally:
        disk.unlink(missing_ok=True)
        progress.end()
    if "cpu_small" not in conf():
        results.add(Case(f"{PART}.refused", "skipped", "no smaller processor (cpu_small) is known"))
    if not other:
        results.add(Case(f"{PART}.other", "skipped", "no other kernel was built (other_kernel)"))
