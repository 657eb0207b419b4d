# SPDX-License-Identifier: GPL-2.0
"""make test: host tests, KUnit, selftests, and one line of result."""

import os
import re
import subprocess
import time

from .env import ARCH, CACHE, ROOT, Failure, Progress, duration, run, say, step
from .guest import Guest, Job, splats
from .kernel import Kernel, build
from .rootfs import rootfs
from .tap import Case, cases, plan
from .tools import SELFTESTS, WORKSPACE, cargo_env, selftests, test_names, tools

LOGS = CACHE / "log" / "test"
DEFAULT_TIMEOUT = 600
RESTARTS = 8

# In the guest. A marker line before and after each test lets the host tell them
# apart; the same marker in the kernel log lets it tell whose splat one is.
RUNNER = r"""
cd /job/tests
while read -r name limit; do
	printf '\001lcr-start %s\n' "$name"
	echo "lcr-start $name" >/dev/kmsg
	KSFT_MACHINE_READABLE=1 timeout -k 10 "$limit" "./$name" 2>&1
	status=$?
	echo "lcr-end $name" >/dev/kmsg
	printf '\n\001lcr-end %s %s\n' "$name" "$status"
done </job/list
exit 0
"""


class Results:
    def __init__(self):
        self.all = []

    def add(self, case):
        self.all.append(case)
        if case.result == "failed":
            say(f"    FAILED {case.name}" + (f": {case.reason}" if case.reason else ""))

    def count(self, result):
        return sum(c.result == result for c in self.all)

    def report(self):
        # By program and reason: what lacks one thing skips many tests.
        skipped = {}
        for c in self.all:
            if c.result == "skipped":
                program, _, rest = c.name.partition(".")
                skipped.setdefault((program, c.reason or "no reason given"), []).append(rest)
        for (program, reason), names in skipped.items():
            what = " ".join(n for n in names if n)
            say(f"    skipped {program}{': ' + what if what else ''}: {reason}")
        Progress.clear()
        print(f"{self.count('passed')} passed, {self.count('failed')} failed, "
              f"{self.count('skipped')} skipped", flush=True)
        return 1 if self.count("failed") or not self.all else 0


def tail(text, lines=40):
    for line in text.splitlines()[-lines:]:
        say("      | " + line)


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
    try:
        text = run([command], log=log, env=cargo_env(), cwd=WORKSPACE, on_line=lambda _: None)
    except Failure as e:
        failed, text = str(e), log.read_text(errors="replace")
    found = 0
    for m in re.finditer(r"^test (\S+)(?: - [\w ]+)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?", text, re.M):
        found += 1
        results.add(Case(f"host.{m[1]}", {"ok": "passed", "FAILED": "failed"}.get(m[2], "skipped"),
                         m[3] or ""))
    for c in cases(text):
        found += 1
        c.name = f"host.{c.name}"
        results.add(c)
    if failed and not any(c.result == "failed" and c.name.startswith("host.") for c in results.all):
        results.add(Case("host", "failed", failed))
        tail(text)
    say(f"    {found} host tests in {duration(time.monotonic() - start)}")


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


def timeout_of():
    settings = SELFTESTS / "settings"
    m = re.search(r"^timeout=(\d+)", settings.read_text(), re.M) if settings.exists() else None
    return max(int(m[1]), 1) if m else DEFAULT_TIMEOUT


def timeouts(names):
    """Seconds that each test may take: as settings says, up to a limit that keeps one hang from
    using up the time of all. A test's own line there wins: timeout_NAME=."""
    text = (SELFTESTS / "settings").read_text() if (SELFTESTS / "settings").exists() else ""
    own = dict(re.findall(r"^timeout_(\w+)=(\d+)", text, re.M))
    return {n: int(own.get(n, min(timeout_of(), DEFAULT_TIMEOUT))) for n in names}


class Run:
    """The selftests in guests: as a rule one, one more after each that does not survive."""

    def __init__(self, results, kernel, names, programs, programs_tools):
        self.results, self.kernel = results, kernel
        self.left, self.programs, self.tools = list(names), programs, programs_tools
        self.limits = timeouts(names)
        self.consoles = []
        self.total = len(self.left)

    def job(self):
        job = Job()
        for name, path in self.programs.items():
            job.add(path, f"tests/{name}")
        for path in self.tools:
            job.add(path, f"bin/{path.name}")
        for extra in SELFTESTS.iterdir():
            if extra.suffix in (".sh", ".py", ".txt", ".bin") or os.access(extra, os.X_OK) and extra.is_file():
                job.add(extra, f"tests/{extra.name}")
        (job.dir / "list").write_text("".join(f"{n} {self.limits[n]}\n" for n in self.left))
        job.script(RUNNER)
        job.env["LCR_KMEMLEAK"] = 1
        return job

    def all(self):
        for attempt in range(RESTARTS):
            self.once(attempt)
            if not self.left:
                break
        for name in self.left:
            self.results.add(Case(name, "failed", "not run: too many guests ended early"))
        return self.consoles

    def once(self, attempt):
        current, buffer, done = None, "", []
        progress = Progress("selftests", self.total)
        started = time.monotonic()

        def on_output(data):
            nonlocal current, buffer
            buffer += data.decode(errors="replace")
            while (m := re.search(r"\x01lcr-(start|end) (\S+)(?: (\d+))?\n", buffer)):
                before, buffer = buffer[:m.start()], buffer[m.end():]
                if m[1] == "start":
                    current = m[2]
                else:
                    done.append((m[2], int(m[3]), before))
                    current = None
                    progress.update(self.total - len(self.left) + len(done), m[2])
            if current:
                progress.update(self.total - len(self.left) + len(done), current)

        limit = 180 + sum(self.limits[n] + 15 for n in self.left)
        console_file = LOGS / (f"console-{attempt}" if attempt else "console")
        try:
            result = Guest(self.kernel, rootfs(), memory=1536, timeout=limit).run(
                self.job(), on_output=on_output, console_file=console_file)
        finally:
            progress.end()
        self.consoles.append(result.console)
        per_test, outside = split_console(result.console)
        for name, status, text in done:
            self.judge(name, status, text, per_test.get(name, ""))
        if result.status is None:
            name = current or "guest"
            (LOGS / f"{name}.out").write_text(buffer)
            self.results.add(Case(name, "failed", result.ended))
            tail(buffer, 20)
            tail(per_test.get(name) or result.console)
            if name in self.left:
                self.left.remove(name)
            elif not done:
                self.left.clear()
        else:
            self.left.clear()
        bad = splats(outside)
        if bad:
            self.results.add(Case("kernel", "failed", f"{bad[0].strip()} (in {console_file})"))
            show_splat(outside)
        say(f"    guest: {len(done)} test programs in {duration(time.monotonic() - started)}")

    def judge(self, name, status, text, console):
        (LOGS / f"{name}.out").write_text(text)
        self.left.remove(name)
        found = cases(text)
        problem = None
        if status in (124, 137):
            problem = f"not finished after {self.limits[name]} s"
        elif found and plan(text) not in (None, len(found)):
            problem = f"{plan(text)} tests announced, {len(found)} results"
        elif not found and status == 4:
            found = [Case("", "skipped", text.strip().splitlines()[-1] if text.strip() else "")]
        elif not found and status == 0:
            found = [Case("", "passed")]
        elif status and not any(c.result == "failed" for c in found) \
                and not (status == 4 and found):
            problem = f"exit status {status}"
        for c in found:
            c.name = f"{name}.{c.name}" if c.name else name
            self.results.add(c)
        if problem:
            self.results.add(Case(name, "failed", problem))
        if problem or any(c.result == "failed" for c in found):
            tail(text)
        bad = splats(console)
        if bad:
            self.results.add(Case(f"{name}: kernel", "failed", bad[0].strip()))
        if bad:
            show_splat(console)


def split_console(console):
    """What the kernel said during each test, and what it said outside of tests."""
    per_test, outside, current = {}, [], None
    for line in console.splitlines():
        m = re.search(r"lcr-(start|end) (\S+)", line)
        if m:
            current = m[2] if m[1] == "start" else None
        elif current:
            per_test.setdefault(current, []).append(line)
        else:
            outside.append(line)
    return {n: "\n".join(l) for n, l in per_test.items()}, "\n".join(outside)


def show_splat(console):
    lines = console.splitlines()
    bad = set(splats(console)[:3])
    first = next((n for n, l in enumerate(lines) if l in bad), None)
    if first is not None:
        for line in lines[first:first + 60]:
            say("      | " + line)


def test(name=None, no_host=False, image=None):
    LOGS.mkdir(parents=True, exist_ok=True)
    results = Results()
    known = test_names()
    if name and name not in ("host", "kunit", "selftests") and name not in known:
        raise Failure(f"no test is called {name}; there are: host kunit selftests " + " ".join(known))
    if name in (None, "host") and not no_host:
        host(results)
    if name != "host":
        kernel = Kernel.at(image) if image else build("debug")
        names = known if name in (None, "selftests") else [n for n in known if n == name]
        programs = selftests() if names else {}
        for n in [n for n in names if n not in programs]:
            results.add(Case(n, "failed", "was not built"))
            names.remove(n)
        run_ = Run(results, kernel, names, programs, tools() if names else [])
        step("KUnit" if name == "kunit" else f"selftests in a guest ({len(names)} programs)")
        if names:
            consoles = run_.all()
        else:
            run_.once(0)
            consoles = run_.consoles
        if name in (None, "kunit"):
            kunit(results, consoles[0])
    say(f"    logs: {LOGS}")
    return results.report()
