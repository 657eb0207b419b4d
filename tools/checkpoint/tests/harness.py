# SPDX-License-Identifier: GPL-2.0
"""Tests of the commands in a guest: a directory, a cgroup and jobs for each, and TAP for all."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

TOP = Path("/sys/fs/cgroup")
TESTS = []
# Seconds after which a test that waits in vain is given up.
WATCHDOG = 1500
# What is waited for, for the one who gives up.
WAITING = []
# Answers SIGUSR1 with a line in the file "answers".
ANSWERS = "trap 'echo x >>answers' USR1; echo $$ >pid; while :; do sleep 0.05; done"
# The same, with memory whose checkpoint takes its time.
BIG = """
import mmap, os, signal, time
memory = mmap.mmap(-1, 24 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(memory), 4096):
    memory[at] = 1
signal.signal(signal.SIGUSR1, lambda *_: open("answers", "a").write("x"))
open("pid", "w").write(str(os.getpid()))
while True:
    time.sleep(0.05)
"""
# How often something is interrupted, at other moments each time.
ROUNDS = int(os.environ.get("ROUNDS") or 8)


class Failed(Exception):
    """What a test has found wrong."""


class Skipped(Exception):
    """Why a test can't be run here."""


def test(function):
    TESTS.append(function)
    return function


def check(condition, what):
    if not condition:
        raise Failed(what)


def until(condition, what, every=0.02):
    """Waits for something that will be; the harness ends a test that waits in vain."""
    WAITING.append(what)
    while not (found := condition()):
        time.sleep(every)
    WAITING.pop()
    return found


def alive(pid):
    """There is such a process, and it has not exited."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def cgroup_of(pid):
    line = Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1]
    return TOP / line.split(":", 2)[2].lstrip("/")


def temporary():
    """The cgroups that commands have made for the duration."""
    return [d for d, dirs, _ in os.walk(TOP) if Path(d).name.startswith("checkpoint-")]


def commands():
    """Pids of all processes of the commands that have not exited."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{entry}/comm").read_text().strip() in ("checkpoint", "restart"):
                    found.append(int(entry))
    return [pid for pid in found if alive(pid)]


class Outcome:
    """What a command has said and how it ended."""

    def __init__(self, process, out, err):
        self.status, self.out, self.err = process.returncode, out, err

    def __str__(self):
        return f"status {self.status}: {self.err.strip() or self.out.strip()}"


class Place:
    """A test's directory, cgroup and jobs."""

    def __init__(self, name):
        self.dir = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
        self.cgroup = TOP / f"test-{name}"
        self.cgroup.mkdir()
        self.started, self.begun, self.pids = [], [], set()

    def start(self, *command, cgroup=True, **kw):
        """Starts a job: without a terminal, in the test's cgroup."""
        def enter():
            if cgroup:
                (self.cgroup / "cgroup.procs").write_text("0")
        process = subprocess.Popen(command, cwd=self.dir, preexec_fn=enter, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **kw)
        self.started.append(process)
        self.pids.add(process.pid)
        return process

    def answering(self, **kw):
        """A shell and its child; returns the shell, a child of this process."""
        # That of an earlier one would tell nothing: the signal would end a shell without its trap.
        (self.dir / "pid").unlink(missing_ok=True)
        job = self.start("sh", "-c", ANSWERS, **kw)
        until(lambda: (self.dir / "pid").exists() and (self.dir / "pid").read_text().strip(), "pid")
        self.runs(job.pid)
        return job

    def answers(self):
        path = self.dir / "answers"
        return path.stat().st_size if path.exists() else 0

    def runs(self, pid):
        """Waits until the job answers: it is neither dead nor frozen."""
        before = self.answers()
        os.kill(pid, signal.SIGUSR1)
        until(lambda: self.answers() > before, "an answer")

    def file(self, name, text=""):
        (self.dir / name).write_text(text)
        return self.dir / name

    def begin(self, *command, **kw):
        """Starts a command and returns its process."""
        self.reap_orphans()
        kw = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
              "text": True, "cwd": self.dir, **kw}
        process = subprocess.Popen([str(c) for c in command], **kw)
        self.begun.append(process)
        return process

    def reap_orphans(self):
        """Waits for the dead that have lost their parent, as init would.

        Until then their pids are in use, and those of their sessions and process groups too."""
        waited_for = {p.pid for p in [*self.started, *self.begun] if p.returncode is None}
        for pid in map(int, Path("/proc/thread-self/children").read_text().split()):
            if pid not in waited_for:
                # Where SIGCHLD is ignored it may be gone by now.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def run(self, *command, **kw):
        process = self.begin(*command, **kw)
        out, err = process.communicate()
        return Outcome(process, out or "", err or "")

    def well(self, *command, **kw):
        """A command that has to succeed."""
        done = self.run(*command, **kw)
        check(done.status == 0, f"{' '.join(map(str, command))}: {done}")
        return done

    def fails(self, *command, says=(), **kw):
        """A command that has to fail, with each text of `says` in its message."""
        done = self.run(*command, **kw)
        check(done.status not in (0, 101), f"{' '.join(map(str, command))}: {done}")
        for text in [says] if isinstance(says, str) else says:
            check(text in done.err, f"{' '.join(map(str, command))} does not say {text!r}: {done}")
        check("os error" not in done.err, f"a number of an error: {done}")
        return done

    def restart(self, image, *options, **kw):
        """Restarts detached; returns the pid."""
        told = json.loads(self.well("restart", "--detach", "--json", *options, image, **kw).out)
        self.pids.add(told["pid"])
        return told["pid"]

    def image(self, name="image", *options, job=None):
        """An image of a job that was ended."""
        job = job or self.answering()
        self.well("checkpoint", "--kill", *options, "-o", name, job.pid)
        job.wait()
        return self.dir / name

    def kill(self, pid):
        """Ends a job, and waits until its pid is free."""
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.reap_orphans() or not Path(f"/proc/{pid}").exists(), "the end of a job")
        self.pids.discard(pid)

    def valid(self, image):
        return self.run("ckptinfo", "--verify", image).status == 0

    def clean(self):
        for pid in commands():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for cgroup in [self.cgroup, *map(Path, temporary())]:
            for file, text in (("cgroup.kill", "1"), ("cgroup.freeze", "0")):
                with contextlib.suppress(OSError):
                    (cgroup / file).write_text(text)
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait()
        for path in (Path(p) for p in [*temporary(), self.cgroup]):
            until(lambda: "populated 0" in (path / "cgroup.events").read_text(), "an empty cgroup")
            for below, _, _ in os.walk(path, topdown=False):
                os.rmdir(below)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        shutil.rmtree(self.dir)


def big(place):
    """A job whose checkpoint takes its time."""
    job = place.start("python3", "-c", BIG)
    until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
    place.runs(job.pid)
    return job


def at_rest(place, pid, home):
    """The job runs where it was, and nothing is left of the command."""
    until(lambda: not commands(), "the end of the command")
    check(not temporary(), f"left behind: {temporary()}")
    check(cgroup_of(pid) == home, f"the job is in {cgroup_of(pid)}")
    place.runs(pid)


def reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    return not Path(f"/proc/{pid}").exists()


def too_long(*_):
    what = f": it waits for {WAITING[-1]}" if WAITING else ""
    raise Failed(f"not finished after {WATCHDOG} s{what}")


def run_one(function):
    """Runs a test, and puts in order what it leaves behind."""
    place = Place(function.__name__)
    WAITING.clear()
    try:
        signal.signal(signal.SIGALRM, too_long)
        signal.alarm(WATCHDOG)
        function(place)
        return "ok", ""
    except Skipped as e:
        return "ok", f" # SKIP {e}"
    except Failed as e:
        print(f"# {e}".replace("\n", "\n# "))
        return "not ok", ""
    except Exception:     # a test that can't go on has failed
        print("# " + traceback.format_exc().replace("\n", "\n# "))
        return "not ok", ""
    finally:
        signal.alarm(0)
        place.clean()


def main():
    # What loses its parent comes here, to be waited for.
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    wanted = sys.argv[1:]
    tests = [t for t in TESTS if not wanted or t.__name__ in wanted]
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    failed = 0
    for n, function in enumerate(tests, 1):
        began = time.monotonic()
        said, reason = run_one(function)
        failed += said != "ok"
        print(f"{said} {n} {function.__name__}{reason}", flush=True)
        print(f"# {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(1 if failed else 0)
