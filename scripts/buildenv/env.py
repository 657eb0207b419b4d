# SPDX-License-Identifier: GPL-2.0
"""Where things are, messages, locks, progress."""

import contextlib
import fcntl
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(os.environ["LCR_ROOT"])
CACHE = Path(os.environ["LCR_CACHE"])
ARCH = os.environ["LCR_ARCH"]
NATIVE = ARCH == "x86_64"   # the build environment is of that architecture
SERIES = os.environ["LCR_SERIES"]
SUITE = os.environ["LCR_SUITE"]
SCRIPTS = ROOT / "scripts"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 1)
TTY = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def conf(arch=ARCH):
    """scripts/arch/ARCH.conf as a dictionary."""
    values = {}
    for line in (SCRIPTS / "arch" / f"{arch}.conf").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[key.strip()] = value.strip()
    return values


# PAGES=size asks for a kernel with pages of another size than usual, which is a kernel of its own.
PAGES = os.environ.get("PAGES", "").lower().removesuffix("b").removesuffix("i")
VARIANT = f"{ARCH}-{PAGES}" if PAGES and not conf()["pages"].startswith(PAGES) else ARCH


class Failure(Exception):
    """Ends the run with one line that says what is wrong."""


def say(text):
    """A line of progress."""
    Progress.clear()
    print(text, file=sys.stderr, flush=True)


def step(text):
    say(f"==> {text}")


def sha(*parts):
    """A short key for what the parts say."""
    h = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        h.update(len(data).to_bytes(8, "little") + data)
    return h.hexdigest()[:16]


def duration(seconds):
    seconds = int(seconds)
    return f"{seconds // 60}:{seconds % 60:02d}"


class Held(threading.local):
    """Descriptors of the locks that a thread holds: its commands inherit them, so that what a killed
    run left behind still keeps others out until it ends."""

    def __init__(self):
        self.locks = []


HELD = Held()


@contextlib.contextmanager
def lock(name):
    """Keeps other runs out; says so when it has to wait for one."""
    path = CACHE / "lock" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step(f"waiting for another run ({name})")
            fcntl.flock(f, fcntl.LOCK_EX)
        HELD.locks.append(f.fileno())
        try:
            yield
        finally:
            HELD.locks.remove(f.fileno())


class Progress:
    """How far a run is. It has parts, each of which weighs the seconds that it is known to take: what
    is left follows from what is done, not from the time that has passed. A bar on a terminal, a
    line now and then elsewhere."""

    current = None
    INTERVAL = 30

    def __init__(self, what, weights):
        self.what, self.weights = what, {n: max(w, 0.1) for n, w in weights.items()}
        self.done = dict.fromkeys(weights, 0.0)
        self.start = self.shown = time.monotonic()
        self.lock = threading.Lock()
        Progress.current = self

    @classmethod
    def of(cls, name):
        """A part, to be told how far it is: of the run that there is, or one of its own."""
        run = cls.current
        if not run or name not in run.weights:
            run = cls(name, {name: 1})
        return Part(run, name)

    def part(self):
        """The part of all that is done, 0 to 1."""
        done = sum(self.weights[n] * self.done[n] for n in self.weights)
        return done / sum(self.weights.values())

    def update(self, name, done, note):
        with self.lock:
            if done is not None:
                self.done[name] = min(max(done, self.done[name]), 1.0)
            now = time.monotonic()
            if now - self.shown < (0.2 if TTY else self.INTERVAL):
                return
            self.shown = now
            self.show(now - self.start, note)

    def show(self, used, note):
        part = self.part()
        left = f"{duration(used / part - used)} left" if part > 0.04 else ""
        if not part:
            # Nobody knows how much it is.
            left = note
        if TTY:
            width = 30
            bar = "#" * int(part * width)
            text = f"{self.what} [{bar:<{width}}] {int(part * 100):3}% {left} {note}"
            sys.stderr.write("\r\033[K" + text[: int(os.environ.get("COLUMNS") or 100) - 1])
            sys.stderr.flush()
        else:
            how_far = f"{int(part * 100)}%, " if part else ""
            print(f"    {self.what}: {how_far}{duration(used)} so far"
                  + (f", {left}" if left else "") + (f" ({note})" if note and part else ""),
                  file=sys.stderr, flush=True)

    @classmethod
    def clear(cls):
        if cls.current and TTY:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def end(self):
        Progress.clear()
        Progress.current = None


class Part:
    """A part of a run."""

    def __init__(self, run, name):
        self.run, self.name = run, name

    def at(self, done, note=""):
        """So much of it is done, 0 to 1; None: that is not known."""
        self.run.update(self.name, done, note)

    def end(self):
        self.at(1.0)
        if len(self.run.weights) == 1:
            self.run.end()


def run(cmd, *, log=None, cwd=None, env=None, on_line=None, quiet=True):
    """Runs a command; its output goes to a log, whose end is shown if it fails."""
    cmd = [str(c) for c in cmd]
    full_env = {**os.environ, **{k: str(v) for k, v in (env or {}).items()}}
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    tail = []
    with open(log, "w") if log else contextlib.nullcontext() as out:
        p = subprocess.Popen(cmd, cwd=cwd, env=full_env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", start_new_session=True,
                             pass_fds=HELD.locks)
        try:
            for line in p.stdout:
                if out:
                    out.write(line)
                tail.append(line)
                if len(tail) > 4000:
                    del tail[:2000]
                if on_line:
                    on_line(line)
                elif not quiet:
                    say(line.rstrip("\n"))
            code = p.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGTERM)
            p.wait()
            raise
    if code:
        Progress.clear()
        shown = errors(tail) if quiet or on_line else []
        for line in shown:
            print(line.rstrip("\n"), file=sys.stderr)
        raise Failure(f"{Path(cmd[0]).name} failed with status {code}"
                      + (f"; all of its output: {log}" if log else ""))
    return "".join(tail)


def errors(lines):
    """The lines that tell why a build failed: the first errors with their context."""
    pattern = re.compile(r"\berror(\[E\d+\])?:|: Error |\*\*\*|undefined symbol|FAILED|panicked")
    keep = set()
    hits = 0
    for n, line in enumerate(lines):
        if pattern.search(line):
            hits += 1
            if hits <= 25:
                keep.update(range(max(0, n - 1), min(len(lines), n + 14)))
    if not keep:
        keep = set(range(max(0, len(lines) - 25), len(lines)))
    return [lines[n] for n in sorted(keep)]
