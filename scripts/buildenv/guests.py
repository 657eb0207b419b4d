# SPDX-License-Identifier: GPL-2.0
"""Tests that are programs of tools/checkpoint/tests, each in a guest of its own: the commands, and
README's tour."""

import re

from .env import ROOT, Progress, duration, say
from .guest import Guest, Job, splats
from .harness import LOGS, show_splat, tail
from .rootfs import rootfs
from .tap import Case, cases, plan
from .tools import WORKSPACE

PARTS = ("tools", "tour")
# Seconds without a word after which the guest is given up: the tests have a watchdog of their own.
SILENCE = 1800


def in_guest(results, kernel, part, programs_tools, *, logs=LOGS):
    """Runs a part; each of its tests is a result."""
    job = Job()
    for path in programs_tools:
        job.add(path, f"bin/{path.name}")
    job.add(WORKSPACE / "tests", "tests")
    job.add(ROOT / "README.md", "README.md")
    job.command(["python3", f"/job/tests/{part}"])
    progress, text = Progress.of(part), ""

    def on_output(data):
        nonlocal text
        text += data.decode(errors="replace")
        seen = re.findall(r"^(?:not )?ok \d+ (\S+)", text, re.M)
        if seen:
            progress.at(len(seen) / ((plan(text) or len(seen)) + 1), f"{part}: {seen[-1]}")

    logs.mkdir(parents=True, exist_ok=True)
    console = logs / f"console-{part}"
    result = Guest(kernel, rootfs(), memory=1536, silence=SILENCE).run(
        job, on_output=on_output, console_file=console)
    text = result.output.decode(errors="replace")
    (logs / f"{part}.out").write_text(text)
    found = cases(text)
    for case in found:
        case.name = f"{part}.{case.name}"
        results.add(case)
    bad = splats(result.console)
    if result.status is None:
        results.add(Case(part, "failed", f"{result.ended} (console: {console})"))
    elif plan(text) != len(found):
        results.add(Case(part, "failed", f"{plan(text)} tests announced, {len(found)} results"))
    elif bad:
        results.add(Case(part, "failed", f"{bad[0].strip()} (in {console})"))
        show_splat(result.console)
    if result.status != 0:
        tail(text)
    progress.end()
    say(f"    {part}: {len(found)} tests in {duration(result.seconds)}")
