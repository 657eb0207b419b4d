# SPDX-License-Identifier: GPL-2.0
"""make test ARCH=all: the tests on every architecture, as long as the time lasts."""

import json
import os
import subprocess
import sys
import time

from .env import CACHE, SCRIPTS, Progress, duration, say, step
from .tap import Case

# Minutes from the start after which no architecture is begun, and how much longer one may take.
BUDGET = float(os.environ.get("LCR_BUDGET") or 75)
GRACE = 5
FIRST_TIME = 180


def seconds():
    """About how long the tests of this architecture will take, and the kernel for them."""
    from .harness import TIMES, expected
    from .kernel import build_seconds
    from .tools import here, test_names
    # The first time there are also a root file system and the tools to be made.
    return build_seconds("debug") + expected(here(test_names())) + (0 if TIMES.exists() else FIRST_TIME)


def architectures():
    """All that there are, the one that the build environment runs on first."""
    names = sorted(p.stem for p in (SCRIPTS / "arch").glob("*.conf"))
    return sorted(names, key=lambda name: name != "x86_64")


def buildenv(arch, *args, **kw):
    """A command of the build environment for another architecture."""
    return subprocess.run([sys.executable, "-m", "buildenv", *map(str, args)],
                          env={**os.environ, "LCR_ARCH": arch, "T": ""}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False, **kw)


def tests_of(arch, name, deadline):
    """Runs the tests of an architecture; they say what they do themselves."""
    log = CACHE / "log" / "test"
    log.mkdir(parents=True, exist_ok=True)
    report = log / f"{arch}.json"
    report.unlink(missing_ok=True)
    os.environ["LCR_DEADLINE"] = str(deadline + GRACE * 60)
    child = buildenv(arch, "test", *([name] if name else []), "--report", report)
    if not report.exists():
        # Why has been said on the way.
        return [Case(arch, "failed", f"the tests did not come to their end (status {child.returncode})")]
    return [Case(f"{arch}.{n}", result, reason) for n, result, reason in json.loads(report.read_text())]


def why_not(arch, deadline):
    """Why an architecture can't be tested, or None."""
    left = deadline - time.time()
    child = buildenv(arch, "estimate")
    if child.returncode:
        return None     # The tests will fail, and tell it.
    need = int(child.stdout)
    if need > left:
        return (f"not reached: building its kernel and running its tests takes about {duration(need)} min, "
                f"{duration(max(left, 0))} of {BUDGET:.0f} min are left (LCR_BUDGET)")
    return None


def test_all(name):
    from .tests import Results
    deadline = float(os.environ["LCR_START"]) + BUDGET * 60
    results = Results()
    lines = []
    for arch in architectures():
        began = time.time()
        first = arch == "x86_64"
        reason = None if first else why_not(arch, deadline)
        if name == "host" and not first:
            continue
        if reason:
            results.all.append(Case(arch, "skipped", reason))
            lines.append(f"{arch}: skipped: {reason}")
            continue
        step(f"ARCH={arch}")
        found = tests_of(arch, name, deadline)
        results.all += found
        counts = ", ".join(f"{sum(c.result == r for c in found)} {r}"
                           for r in ("passed", "failed", "skipped"))
        lines.append(f"{arch}: {counts}, {duration(time.time() - began)} min")
        say(f"    {lines[-1]}")
    Progress.clear()
    step("all architectures")
    for c in results.failed():
        say(f"    FAILED {c.name}" + (f": {c.reason}" if c.reason else ""))
    for line in lines:
        say(f"    {line}")
    return results.report(skips=False)
