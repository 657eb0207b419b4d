# SPDX-License-Identifier: GPL-2.0
"""Tests that are programs of tools/checkpoint/tests, each in a guest of its own: the commands,
README's tour, and programs of everyday, with a power-off between checkpoint and restart."""

import os
import re

from .env import CACHE, ROOT, Progress, duration, say
from .guest import Guest, Job, make_disk, splats
from .harness import LOGS, PLAIN, show_splat, tail
from .rootfs import PROGRAMS, PROGRAMS_MB, rootfs
from .tap import Case, cases, plan
from .tools import WORKSPACE

PARTS = ("tools", "tour")
# Run by name: its guest has more packages, which take minutes to fetch.
EVERYDAY = "programs"
# Seconds without a word after which the guest is given up: the tests have a watchdog of their own.
SILENCE = 1800


def everyday(results, kernel, programs_tools, *, logs=LOGS):
    """Programs of everyday: one guest saves them, the next restarts them."""
    disk = CACHE / "run" / f"{EVERYDAY}-{logs.parent.name}-{logs.name}"
    make_disk(disk, 4096)
    root = rootfs(PROGRAMS, PROGRAMS_MB)
    try:
        for boot in ("save", "restart"):
            in_guest(results, kernel, EVERYDAY, programs_tools, logs=logs, boot=boot, root=root, data=disk)
    finally:
        disk.unlink(missing_ok=True)


def in_guest(results, kernel, part, programs_tools, *, logs=LOGS, boot=None, root=None, data=None):
    """Runs a part, or a boot of it; each of its tests is a result."""
    name = f"{part}.{boot}" if boot else part
    job = Job()
    for path in programs_tools:
        job.add(path, f"bin/{path.name}")
    job.add(WORKSPACE / "tests", "tests")
    job.add(ROOT / "README.md", "README.md")
    job.env.update({k: v for k, v in os.environ.items() if k.startswith("CKPT_")})
    job.command(["python3", f"/job/tests/{part}", *([boot] if boot else [])])
    progress, text = Progress.of(part), ""

    def on_output(data):
        nonlocal text
        text += data.decode(errors="replace")
        seen = re.findall(r"^(?:not )?ok \d+ (\S+)", text, re.M)
        if seen:
            progress.at(len(seen) / ((plan(text) or len(seen)) + 1), f"{name}: {seen[-1]}")

    logs.mkdir(parents=True, exist_ok=True)
    console = logs / f"console-{name}"
    result = Guest(kernel, root or rootfs(), memory=1536, silence=SILENCE, data=data, **PLAIN).run(
        job, on_output=on_output, console_file=console)
    text = result.output.decode(errors="replace")
    (logs / f"{name}.out").write_text(text)
    found = cases(text)
    for case in found:
        case.name = f"{name}.{case.name}"
        results.add(case)
    bad = splats(result.console)
    if result.status is None:
        results.add(Case(name, "failed", f"{result.ended} (console: {console})"))
    elif plan(text) != len(found):
        results.add(Case(name, "failed", f"{plan(text)} tests announced, {len(found)} results"))
    elif bad:
        results.add(Case(name, "failed", f"{bad[0].strip()} (in {console})"))
        show_splat(result.console)
    if result.status != 0:
        tail(text)
    progress.end()
    say(f"    {name}: {len(found)} tests in {duration(result.seconds)}")
