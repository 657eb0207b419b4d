# SPDX-License-Identifier: GPL-2.0
"""make test: checks, host tests, KUnit, selftests, and one line of result."""

import contextlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from .boots import PART as POWER_OFF, power_off
from .check import PART as CHECK, as_tests
from .env import NATIVE, Failure, Progress, duration, run, say, step
from .guest import stop_all
from .guests import EVERYDAY, PARTS as GUESTS, everyday, in_guest
from .harness import LOGS, expected, in_guests, learn, tail, weights
from .kernel import Kernel, build, build_other, build_seconds
from .live import PART as LIVE, check as check_live, test as test_live
from .tap import Case, cases
from .tools import WORKSPACE, cargo_env, here, selftests, test_names, tools


# By when all must be done, in seconds since 1970: ARCH=all sets it.
DEADLINE = float(os.environ.get("LCR_DEADLINE") or 0) or None
# About how many there are of the host tests.
HOST_TESTS = 130
# What comes before them, and how much of the time has passed then.
HOST_STEPS = {"tools build": 0.25, "tools clippy": 0.4}
# Whether a second run decides about what fails in the first.
AGAIN = os.environ.get("LCR_AGAIN") == "1"


class Results:
    def __init__(self):
        self.all = []

    def add(self, case):
        case.programs = case.programs or [case.name.partition(".")[0]]
        self.all.append(case)
        if case.result == "failed":
            say(f"    FAILED {case.name}" + (f": {case.reason}" if case.reason else ""))

    def failed(self):
        return [c for c in self.all if c.result == "failed"]

    def count(self, result):
        return sum(c.result == result for c in self.all)

    def report(self, skips=True):
        # By program and reason: what lacks one thing skips many tests.
        skipped = {}
        for c in self.all:
            if c.result == "skipped" and skips:
                program, _, rest = c.name.partition(".")
                skipped.setdefault((program, c.reason or "no reason given"), []).append(rest)
        for (program, reason), names in skipped.items():
            what = " ".join(n for n in names if n)
            say(f"    skipped {program}{': ' + what if what else ''}: {reason}")
        Progress.clear()
        print(f"{self.count('passed')} passed, {self.count('failed')} failed, "
              f"{self.count('skipped')} skipped", flush=True)
        return 1 if self.count("failed") or not self.all else 0


def host(results):
    """The image code and the tools on the host; also the fuzz target."""
    command = WORKSPACE / "run-host-tests"
    if not command.exists():
        results.add(Case("host", "skipped", "tools/checkpoint/run-host-tests is not there"))
        return
    step("host tests of the image code and the tools")
    start = time.monotonic()
    log = LOGS / "host"
    failed = None
    progress, seen = Progress.of("host"), 0

    def on_line(line):
        nonlocal seen
        m = re.match(r"(?:not )?ok (.*)", line)
        seen += bool(m)
        done = HOST_STEPS.get(m[1] if m else "", 0)
        built = max(HOST_STEPS.values())
        if seen > len(HOST_STEPS):
            done = built + (1 - built) * (seen - len(HOST_STEPS)) / HOST_TESTS
        progress.at(done or None, "host tests")

    try:
        text = run([command], log=log, env=cargo_env(), cwd=WORKSPACE, on_line=on_line)
    except Failure as e:
        failed, text = str(e), log.read_text(errors="replace")
    # TAP where the command speaks it, else what cargo prints.
    found = cases(text) or [
        Case(m[1], {"ok": "passed", "FAILED": "failed"}.get(m[2], "skipped"), m[3] or "")
        for m in re.finditer(r"^test (\S+)(?: - [\w ]+)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?",
                             text, re.M)]
    for c in found:
        c.name = f"host.{c.name}"
        results.add(c)
    if failed:
        if not any(c.result == "failed" for c in found):
            results.add(Case("host", "failed", failed))
        tail(text, 60)
    progress.end()
    say(f"    {len(found)} host tests in {duration(time.monotonic() - start)}")


def kunit(results, console):
    """Results in the boot log; what is not this project's counts only if it fails."""
    lines = [re.sub(r"^\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?", "", l) for l in console.splitlines()]
    found = [c for c in cases("\n".join(lines)) if c.name]
    ours = [c for c in found if "checkpoint" in c.name or c.result == "failed"]
    if not any("checkpoint" in c.name for c in found):
        ours.append(Case("checkpoint", "failed", "no KUnit results of checkpoint in the boot log"))
    for c in ours:
        c.name = f"kunit.{c.name}"
        results.add(c)
    say(f"    {len(ours)} KUnit tests")


class Plan:
    """What is to be run, with all that has been built for it."""

    def __init__(self, kernel, programs, programs_tools, other=None):
        self.kernel, self.programs, self.tools, self.other = kernel, programs, programs_tools, other
        self.stopped = False

    def run(self, results, parts, logs=LOGS):
        """Runs parts: host, check, kunit, power_off, tools, tour, programs, live, and names of selftests."""
        if "host" in parts:
            with timed("host"):
                host(results)
        names = [n for n in parts if n not in ("host", CHECK, "kunit", POWER_OFF, EVERYDAY, LIVE, *GUESTS)]
        for n in [n for n in names if n not in self.programs]:
            results.add(Case(n, "failed", "was not built"))
            names.remove(n)
        # One guest at a time, which leaves a processor idle: beside the others.
        with ThreadPoolExecutor(1) as pool:
            others = pool.submit(self.one_by_one, results, parts, logs)
            try:
                if names or "kunit" in parts:
                    step(f"selftests ({len(names)} programs)" if names else "KUnit")
                    consoles = in_guests(results, self.kernel, names, self.programs, self.tools,
                                         logs=logs, deadline=DEADLINE)
                    if "kunit" in parts:
                        kunit(results, consoles[0])
                others.result()
            except BaseException:
                # An interrupt does not wait for what is in guests.
                self.stopped = True
                stop_all()
                raise

    def one_by_one(self, results, parts, logs):
        """The checks, which look at what was built too, and the parts that have guests of their own."""
        if CHECK in parts:
            step("checks of the sources")
            with timed(CHECK):
                as_tests(results.add)
        if POWER_OFF in parts and not self.stopped:
            with timed(POWER_OFF):
                power_off(results, self.kernel, self.other, self.programs, self.tools, logs=logs,
                          deadline=DEADLINE)
        for part in (p for p in GUESTS if p in parts and not self.stopped):
            step(f"tools/checkpoint/tests/{part}")
            with timed(part):
                in_guest(results, self.kernel, part, self.tools, logs=logs)
        if EVERYDAY in parts and not self.stopped:
            step("programs of everyday, over a power-off")
            with timed(EVERYDAY):
                everyday(results, self.kernel, self.tools, logs=logs)
        if LIVE in parts and not self.stopped:
            step("servers and their clients, over a power-off and a move")
            with timed(LIVE):
                test_live(results, self.kernel, self.tools, logs=logs)


@contextlib.contextmanager
def timed(part):
    """Remembers how long a part takes."""
    start = time.monotonic()
    yield
    learn({part: round(time.monotonic() - start, 1)})


def second_run(plan, first):
    """Runs again what failed, and lets that decide: guests are emulated, on machines that others
    use too. Returns the results of both runs together."""
    again = sorted({p for c in first.failed() for p in c.programs})
    seconds = expected(again)
    if DEADLINE and time.time() + seconds > DEADLINE:
        say(f"    no second run of {' '.join(again)}: it would take {duration(seconds)}, and there is "
            f"{duration(max(DEADLINE - time.time(), 0))} left")
        return first
    step("second run of what failed: " + " ".join(again))
    second = Results()
    plan.run(second, again, LOGS / "second")
    both = Results()
    both.all = [c for c in first.all if not set(c.programs) & set(again)] + second.all
    for title, run in (("first", first), ("second", second)):
        say(f"    failed in the {title} run: " + (" ".join(c.name for c in run.failed()) or "nothing"))
    return both


def test(name=None, no_host=False, image=None, report=None):
    LOGS.mkdir(parents=True, exist_ok=True)
    known = test_names()
    # What does not depend on the architecture is tested on one.
    guests = GUESTS if NATIVE else ()
    others = ("host", CHECK, "kunit", "selftests", POWER_OFF, EVERYDAY, LIVE, *GUESTS)
    if name and name not in others and name not in known:
        raise Failure(f"no test is called {name}; there are: " + " ".join((*others, *known)))
    if name is None:
        known = here(known)
        # The host tests are the same for all architectures.
        parts = ["host", CHECK] * (NATIVE and not no_host) + ["kunit", *known, POWER_OFF, *guests]
    else:
        parts = known if name == "selftests" else [name]
    first = Results()
    plan = Plan(None, {}, [])
    seconds = weights(parts)
    alone = parts in (["host"], [CHECK])
    if name == LIVE:
        check_live()
    # What has a network card.
    flavour = "demo" if name == LIVE else "debug"
    if not alone and not image:
        seconds["kernel"] = build_seconds(flavour)
    progress = Progress("tests", seconds)
    # Guests wait a lot: the host tests use the time.
    with ThreadPoolExecutor(1) as pool:
        on_host = pool.submit(plan.run, first, ["host"]) if "host" in parts else None
        if parts == [CHECK]:
            plan.run(first, parts)
        elif not alone:
            kernel = Kernel.at(image) if image else build(flavour)
            other = build_other(flavour) if POWER_OFF in parts and not image else None
            if not image:
                Progress.of("kernel").end()
            plan = Plan(kernel, *built(parts), other)
            plan.run(first, [p for p in parts if p != "host"])
        if on_host:
            on_host.result()
    progress.end()
    results = second_run(plan, first) if AGAIN and first.failed() else first
    say(f"    logs: {LOGS}")
    if report:
        report.write_text(json.dumps([[c.name, c.result, c.reason] for c in results.all]))
    return results.report()


def built(parts):
    """The programs that parts need: selftests by name, and the tools."""
    return ({}, []) if parts == ["kunit"] else (selftests(), tools())

