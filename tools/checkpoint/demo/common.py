# SPDX-License-Identifier: GPL-2.0
"""What both boots of the demonstration need: the jobs, and how to look at them."""

import contextlib
import fcntl
import hashlib
import json
import os
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

HERE = Path("/data/demo")
REFERENCE = HERE / "whole"      # results of the run without interruption
WORK = HERE / "run"             # results of the run that is checkpointed
IMAGE = HERE / "image"
RESULTS = HERE / "results.json"
CGROUP = Path("/sys/fs/cgroup/demo")
JOBS = {
    "xz": "xz -T2 compressing a source archive",
    "python": "Python with threads and child processes",
    "pipeline": "bash: tr | sort | uniq -c | sort -rn",
    "static": "statically linked program",
    "stopped": "gzip -9, stopped by SIGSTOP",
    "zombie": "awk with a zombie",
}


class Failed(Exception):
    """Ends a boot's part of the demonstration with one line."""


def say(text):
    print(f"    {text}", flush=True)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class Process:
    """One look at a process in /proc."""

    def __init__(self, pid):
        self.dir = Path(f"/proc/{pid}")
        stat = (self.dir / "stat").read_text()
        rest = stat[stat.rindex(")") + 2:].split()
        self.pid = pid
        self.comm = stat[stat.index("(") + 1:stat.rindex(")")]
        self.state, self.parent, self.threads = rest[0], int(rest[1]), int(rest[17])
        for line in (self.dir / "status").read_text().splitlines():
            if line.startswith("NSpid:"):
                self.inner = int(line.split()[-1])

    def memory(self):
        """Bytes; what is shared with other processes is divided among them."""
        try:
            for line in (self.dir / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) << 10
        except OSError:     # a zombie has none
            pass
        return 0


def descendants(root):
    """The process root and all below it."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = Process(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    tree, new = {}, [root]
    while new:
        pid = new.pop()
        if pid in found and pid not in tree:
            tree[pid] = found[pid]
            new += [p.pid for p in found.values() if p.parent == pid]
    return tree


class Container:
    """The tree of processes with init at its top, sorted by job."""

    def __init__(self, init):
        self.init = init
        self.look()

    def look(self):
        self.tree = descendants(self.init)
        if self.init not in self.tree:
            raise Failed("the container is gone: " + tail(WORK / "container.out"))
        return self

    def job(self, name):
        """The processes of a job, its first one first."""
        first = int((WORK / f"{name}.pid").read_text())
        top = next((p for p in self.tree.values() if p.inner == first), None)
        if top is None:
            return []
        found, new = [], [top]
        while new:
            p = new.pop(0)
            found.append(p)
            new += [c for c in self.tree.values() if c.parent == p.pid]
        return found

    def named(self, job, comm):
        return next((p for p in self.job(job) if p.comm == comm), None)

    def states(self):
        """What must be as the image has it."""
        return {str(p.inner): [p.comm, p.threads, p.state if p.state in "TZ" else ""]
                for p in self.tree.values()}


class Image:
    """The processes in an image, as ckptinfo shows them."""

    def __init__(self, path):
        told = subprocess.run(["ckptinfo", "--json", path], stdout=subprocess.PIPE, check=True)
        self.processes = json.loads(told.stdout)["processes"]

    @staticmethod
    def state(process):
        return "Z" if process["state"] == "zombie" else "T" if process["stopped"] else ""

    def states(self):
        return {str(p["pid"]): [p["comm"], p["threads"], self.state(p)] for p in self.processes}

    def job(self, name):
        """The processes of a job."""
        below = {int((WORK / f"{name}.pid").read_text())}
        # Parents come before their children.
        for p in self.processes:
            if p["parent"] in below:
                below.add(p["pid"])
        return [p for p in self.processes if p["pid"] in below]

    def count(self, processes):
        return {"tasks": len(processes), "threads": sum(p["threads"] for p in processes)}


@contextlib.contextmanager
def frozen():
    """Nothing of the container changes meanwhile."""
    def write(text):
        (CGROUP / "cgroup.freeze").write_text(text)
    write("1")
    try:
        while "frozen 1" not in (CGROUP / "cgroup.events").read_text():
            time.sleep(0.005)
        yield
    finally:
        write("0")


class Sign:
    """Says now and then that something goes on; a guest that says nothing for long is given up."""

    PAUSE = 30

    def __init__(self, directory):
        self.directory, self.last, self.size = directory, time.monotonic(), 0

    def of_life(self):
        now = time.monotonic()
        if now - self.last < self.PAUSE:
            return
        size = sum(p.stat().st_size for p in self.directory.glob("*.out"))
        if size != self.size:
            say(f"results so far: {size >> 10} KiB")
            self.last, self.size = now, size


def tail(path):
    try:
        return " / ".join(path.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "no output"


def position(process, fd):
    """How far a descriptor's file has been read."""
    return int((process.dir / "fdinfo" / str(fd)).read_text().split()[1])


def waiting(process, fd):
    """Bytes that wait in the pipe behind a descriptor."""
    own = os.open(process.dir / "fd" / str(fd), os.O_RDONLY | os.O_NONBLOCK)
    try:
        return struct.unpack("i", fcntl.ioctl(own, termios.FIONREAD, b"\0" * 4))[0]
    finally:
        os.close(own)


def progress(container, name, whole):
    """The part of a job that is done, 0 to 1; whole: size of its output in the end."""
    if not container.job(name):
        return 1.0
    if name == "pipeline":
        feeder = int((WORK / f"{name}.feeder").read_text())
        feeder = next((p for p in container.tree.values() if p.inner == feeder), None)
        return position(feeder, 3) / (HERE / "sources.tar").stat().st_size if feeder else 1.0
    return (WORK / f"{name}.out").stat().st_size / whole


def remember(**results):
    """Adds to what the driver reads from the disk."""
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(old | results, indent=1))


def main(part):
    start = time.monotonic()
    try:
        part()
    except Failed as e:
        print(f"error: {e}", flush=True)
        # One job may be stopped, and the container with it would keep the machine up.
        if CGROUP.exists():
            (CGROUP / "cgroup.kill").write_text("1")
        sys.exit(1)
    say(f"this boot: {time.monotonic() - start:.0f} s")
