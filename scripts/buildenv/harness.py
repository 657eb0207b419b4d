# SPDX-License-Identifier: GPL-2.0
"""Runs selftests in guests, and tells what came of each."""

import json
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .env import CACHE, JOBS, VARIANT, Progress, conf, duration, say
from .guest import Guest, Job, accelerator, splats, stop_all
from .rootfs import rootfs
from .skips import judged
from .tap import Case, cases, plan
from .tools import SELFTESTS, listed

LOGS = CACHE / "log" / "test" / VARIANT
DEFAULT_TIMEOUT = 600
# Seconds for each test, whatever its settings say: for make soak and make fuzz-guest.
LIMIT = os.environ.get("LCR_LIMIT")
RESTARTS = 8
TIMES = CACHE / f"times-{VARIANT}"

# In the guest. A marker line before and after each test lets the host tell them
# apart; the same marker in the kernel log lets it tell whose splat one is.
RUNNER = r"""
cd /job/tests
while read -r name limit; do
	read -r up _ </proc/uptime
	[ "${up%.*}" -lt "${LCR_SECONDS:-999999}" ] || break
	printf '\001lcr-start %s\n' "$name"
	echo "lcr-start $name" >/dev/kmsg
	KSFT_MACHINE_READABLE=1 timeout -k 10 "$limit" "./$name" $LCR_ARGS 2>&1
	status=$?
	echo "lcr-end $name" >/dev/kmsg
	printf '\n\001lcr-end %s %s\n' "$name" "$status"
done </job/list
exit 0
"""


def tail(text, lines=40):
    for line in text.splitlines()[-lines:]:
        say("      | " + line)


def timeout_of():
    settings = SELFTESTS / "settings"
    m = re.search(r"^timeout=(\d+)", settings.read_text(), re.M) if settings.exists() else None
    return max(int(m[1]), 1) if m else DEFAULT_TIMEOUT


def timeouts(names):
    """Seconds that each test may take: as settings says, up to a limit that keeps one hang from
    using up the time of all. A test's own line there wins: timeout_NAME=."""
    if LIMIT:
        return dict.fromkeys(names, int(LIMIT))
    text = (SELFTESTS / "settings").read_text() if (SELFTESTS / "settings").exists() else ""
    own = dict(re.findall(r"^timeout_(\w+)=(\d+)", text, re.M))
    return {n: int(own.get(n, min(timeout_of(), DEFAULT_TIMEOUT))) for n in names}


class Run:
    """A share of the selftests in guests: one, and one more after each that does not survive."""

    def __init__(self, results, kernel, names, programs, programs_tools, *, share=0, logs=LOGS,
                 deadline=None, part=None, suffix="", env=None, guest=None, leaks=False,
                 on_program=None):
        """leaks: whether kmemleak looks for leaks at the end; part: the part of the tests that these runs of the programs belong to, if it is not the
        programs themselves; suffix: what their names have in results and times; env, guest: more for
        the job's environment and for Guest(); on_program: told of each one that has ended."""
        self.results, self.kernel, self.share, self.on_program = results, kernel, share, on_program
        self.part, self.suffix, self.env, self.guest = part, suffix, env or {}, guest or {}
        self.leaks = leaks
        self.names, self.logs, self.deadline = list(names), logs, deadline
        logs.mkdir(parents=True, exist_ok=True)
        self.left, self.programs, self.tools = list(names), programs, programs_tools
        self.limits = timeouts(names)
        self.consoles = []
        self.seconds = {}
        self.stopped = False

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
        # How much of it there is to be: CKPT_ROUNDS, CKPT_MUTATIONS, CKPT_SEED, ...
        job.env.update({k: v for k, v in os.environ.items() if k.startswith("CKPT_")})
        job.env.update(self.env)
        if self.left and self.leaks:
            job.env["LCR_KMEMLEAK"] = 1
        if "variants" in conf():
            job.env["CKPT_VARIANTS"] = conf()["variants"]
        if self.deadline:
            job.env["LCR_SECONDS"] = max(int(self.deadline - time.time()), 0)
        return job

    def all(self):
        for attempt in range(RESTARTS):
            if self.stopped:
                return
            self.once(attempt)
            if not self.left or self.stopped:
                return
        for name in self.left:
            self.add(name, Case("", "failed", "not run: too many guests ended early"))

    def once(self, attempt):
        current, buffer, done, since = None, "", [], 0
        started = time.monotonic()

        def on_output(data):
            nonlocal current, buffer, since
            buffer += data.decode(errors="replace")
            if current and not self.part and (announced := plan(buffer)):
                seen = len(re.findall(r"^(?:not )?ok ", buffer, re.M))
                self.progress(current).at(seen / (announced + 1), current)
            while (m := re.search(r"\x01lcr-(start|end) (\S+)(?: (\d+))?\n", buffer)):
                before, buffer = buffer[:m.start()], buffer[m.end():]
                if m[1] == "start":
                    current, since = m[2], time.monotonic()
                else:
                    done.append((m[2], int(m[3]), before))
                    self.seconds[m[2] + self.suffix] = round(time.monotonic() - since, 1)
                    current = None
                    if not self.part:
                        self.progress(m[2]).end()
                    if self.on_program:
                        self.on_program(m[2])

        limit = 180 + sum(self.limits[n] + 15 for n in self.left)
        console_file = self.logs / f"console-{self.share}.{attempt}"
        result = Guest(self.kernel, rootfs(), memory=1536, timeout=limit, card=True, **self.guest).run(
            self.job(), on_output=on_output, console_file=console_file)
        self.consoles.append(result.console)
        if self.stopped:
            return
        per_test, outside = split_console(result.console)
        for name, status, text in done:
            self.judge(name, status, text, per_test.get(name, ""))
        if result.status is None:
            name = current or "guest"
            (self.logs / f"{name}{self.suffix}.out").write_text(buffer)
            # Where none ran, all that were to run must be seen again.
            self.add(name, Case("", "failed", result.ended), again=[current] if current else self.names)
            tail(buffer, 20)
            tail(per_test.get(current) or result.console)
            if current in self.left:
                self.left.remove(current)
            elif not done:
                self.left.clear()
        else:
            for name in self.left:
                self.add(name, Case("", "skipped", "not reached in the time that there is")
                         if self.deadline else Case("", "failed", "not run"))
            self.left.clear()
        bad = splats(outside)
        if bad:
            self.add("kernel", Case("", "failed", f"{bad[0].strip()} (in {console_file})"),
                     again=self.names)
            show_splat(outside)
        say(f"    guest: {len(done)} test programs in {duration(time.monotonic() - started)}")

    def progress(self, name):
        return Progress.of(name + self.suffix)

    def judge(self, name, status, text, console):
        (self.logs / f"{name}{self.suffix}.out").write_text(text)
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
            self.add(name, c, c.name)
        if problem:
            self.add(name, Case("", "failed", problem))
        if problem or any(c.result == "failed" for c in found):
            tail(text)
        bad = splats(console)
        if bad:
            self.add(name, Case("", "failed", bad[0].strip()), "kernel")
            show_splat(console)

    def add(self, program, case, rest="", again=None):
        """Counts a result of a program, under its name and that of the part; again: what has to be
        run to have the result again."""
        case.name = ".".join(n for n in (self.part, program + self.suffix, rest) if n)
        # Other parts have programs of ours skip what is not theirs.
        if not self.part:
            judged(case)
        case.programs = [self.part.partition(".")[0]] if self.part else again or [program]
        self.results.add(case)


class Extra:
    """A guest that differs from the usual one: extra_LABEL = PROGRAMS | OPTIONS in ARCH.conf, where
    options are cpu=MODEL, smp=PROCESSORS as QEMU's -smp takes them, and append=WORD for the kernel's
    command line."""

    def __init__(self, label, value):
        programs, _, options = value.partition("|")
        self.label, self.programs = label, programs.split()
        given = [o.partition("=")[::2] for o in options.split()]
        self.guest = {"append": " ".join(v for k, v in given if k == "append"),
                      "cpu": dict(given).get("cpu"), "cpus": dict(given).get("smp", 2)}

    def told(self, names):
        """Its programs among those, as results and times name them."""
        return [f"{n}@{self.label}" for n in self.programs if n in names]


def extras():
    return [Extra(k.removeprefix("extra_"), v) for k, v in conf().items() if k.startswith("extra_")]


def times():
    """Seconds that each test program took when it was last run here."""
    try:
        return json.loads(TIMES.read_text())
    except (FileNotFoundError, ValueError):
        return {}


# Seconds of a test, and of a part that is none of the selftests, where it has not been run yet.
A_TEST = 4
PARTS = {"check": 120, "host": 240, "kunit": 10, "power_off": 90, "tools": 240, "tour": 240}


def guess(name):
    """Seconds that a part may take that has not been run yet: so many tests its source has."""
    if name in PARTS:
        return PARTS[name]
    source = SELFTESTS / f"{name.partition('@')[0]}.c"
    text = source.read_text() if source.exists() else ""
    return A_TEST * max(len(re.findall(r"^(?:\w*TEST\w*|CKPT_CYCLE|REFUSE\w*)\(", text, re.M)), 2)


def weights(names):
    """The seconds that each of those takes, and each of their runs in other guests."""
    known = times()
    more = [n for e in extras() for n in e.told(names)]
    return {n: known.get(n) or guess(n) for n in [*names, *more]}


def expected(names):
    """How many seconds those will take, about, with two guests at a time."""
    return 60 + sum(weights(names).values()) / min(JOBS, 2)


LEARNING = threading.Lock()


def learn(seconds):
    """Remembers how long parts took, for the next time."""
    with LEARNING:
        known = times() | seconds
        tmp = TIMES.with_suffix(f".{os.getpid()}")
        tmp.write_text(json.dumps(known, indent=0, sort_keys=True))
        tmp.rename(TIMES)


# What most tests are run in. A second processor, and the backtrace of each allocation that kmemleak
# keeps, would cost them almost half of the time.
PLAIN = {"cpus": 1, "append": "kmemleak=off"}


def shares(names, known, loads):
    """Splits the tests so that guests with those seconds of work already take about equally long."""
    parts, loads = [[] for _ in loads], list(loads)
    for name in sorted(names, key=lambda n: -known[n]):
        least = loads.index(min(loads))
        parts[least].append(name)
        loads[least] += known[name]
    return parts


def in_guests(results, kernel, names, programs, programs_tools, *, logs=LOGS, deadline=None):
    """Runs the selftests, in two guests at a time where there is more than one processor. Those that
    settings names, or that are asked for by name, have two processors and are searched for leaks."""
    known = weights(names)
    several = JOBS > 1 and len(names) > 3
    thorough = [n for n in names if not several or n in listed("thorough")]
    plain = [n for n in names if n not in thorough]
    first = sum(known[n] for n in thorough)
    rootfs()
    accelerator(kernel, rootfs())
    more = [e for e in extras() if e.told(names)]
    common = {"logs": logs, "deadline": deadline}
    # If there may not be time for all then there is for most of them.
    order = known.get if deadline else None
    # An empty one still boots: KUnit's results are in its log.
    runs = [Run(results, kernel, sorted(thorough, key=order), programs, programs_tools, share=0, leaks=True, **common)]
    runs += [Run(results, kernel, sorted(part, key=order), programs, programs_tools, share=n, guest=PLAIN,
                 **common)
             for n, part in enumerate(shares(plain, known, [0, first]), 1) if part]
    runs += [Run(results, kernel, [n for n in e.programs if n in names], programs, programs_tools,
                 share=e.label, suffix=f"@{e.label}", guest=e.guest, **common) for e in more]
    with ThreadPoolExecutor(min(len(runs), 2 if JOBS > 1 else 1)) as pool:
        futures = [pool.submit(r.all) for r in runs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            for r in runs:
                r.stopped = True
            stop_all()
            raise
    learn({n: s for r in runs for n, s in r.seconds.items()})
    return [c for r in runs for c in r.consoles]


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
