# SPDX-License-Identifier: GPL-2.0
"""make demo-live and its test: servers whose clients, in another guest, keep their connections over a
power-off and a move. What happens in the guests is in tools/checkpoint/live."""

import contextlib
import os
import random
import re
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from .env import ARCH, CACHE, NATIVE, Failure, Progress, duration, say, step
from .guest import Guest, Job, make_disk, splats, stop_all, tmp_dir
from .harness import LOGS, show_splat, tail
from .kernel import Kernel, build
from .rootfs import SERVERS, SERVERS_MB, rootfs
from .tap import Case, cases, plan
from .tools import WORKSPACE, tools

PART = "live"
LIVE = WORKSPACE / "live"
MACHINES = ("clients", "first", "third")
# Seconds without a word after which a guest is given up. Those with servers say nothing at all.
SILENCE = 1800
DISK_MB = 1024
# The network is bad for what has this port (BULK in tools/checkpoint/live/programs.py).
BAD_PORT = 7800
LOST, LATE = 0.01, 0.03


class Switch(threading.Thread):
    """Carries Ethernet frames between guests. They come and go through Unix sockets: nothing of them
    leaves this program. With a port that is bad frames are lost, and overtaken by later ones."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.ended = Path(directory), False
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.sock.bind(str(self.directory / "switch"))
        except OSError as e:
            # A path of a socket has 107 bytes.
            raise Failure(f"{self.directory}/switch: {e.strerror or e}") from e
        self.sock.settimeout(0.05)
        self.known, self.late = {}, []
        self.random = random.Random(1)

    def card(self, number):
        """QEMU's options for the network card of a guest."""
        own, switch = self.directory / f"port{number}", self.directory / "switch"
        return ["-netdev", f"dgram,id=net,local.type=unix,local.path={own},remote.type=unix,remote.path={switch}",
                "-device", f"virtio-net-device,netdev=net,mac=52:54:00:00:00:{number:02x}"]

    @staticmethod
    def bad(frame):
        """Whether it is TCP over IPv4 and has the bad port."""
        if frame[12:14] != b"\x08\0" or frame[23:24] != b"\6":
            return False
        at = 14 + (frame[14] & 15) * 4
        return BAD_PORT.to_bytes(2) in (frame[at:at + 2], frame[at + 2:at + 4])

    def pass_on(self, frame, source):
        to = self.known.get(frame[:6])
        ports = [to] if to else [str(p) for p in self.directory.glob("port*") if str(p) != source]
        for port in ports:
            # One that is off, or does not take it in time: frames get lost.
            with contextlib.suppress(OSError):
                self.sock.sendto(frame, port)

    def run(self):
        while not self.ended:
            try:
                frame, source = self.sock.recvfrom(65536)
            except TimeoutError:
                frame = None
            if frame and len(frame) >= 14:
                self.known[frame[6:12]] = source
                luck = self.random.random() if self.bad(frame) else 1
                if LOST <= luck < LOST + LATE:
                    self.late.append((frame, source))
                elif luck >= LOST:
                    self.pass_on(frame, source)
                    frame = None
            # What is late comes after the next one, or when nothing else comes.
            if not frame:
                for late in self.late:
                    self.pass_on(*late)
                self.late.clear()
        self.sock.close()


class Show:
    """What is heard of the clients' guest, line by line."""

    def __init__(self, on_line):
        self.on_line, self.rest = on_line, ""

    def __call__(self, data):
        *lines, self.rest = (self.rest + data.decode(errors="replace")).split("\n")
        for line in lines:
            self.on_line(line)


class Net:
    """The three guests, for one run."""

    def __init__(self, kernel, programs, directory, logs):
        self.kernel, self.programs, self.logs = kernel, programs, logs
        # The clients' guest has ended, or all are to end.
        self.over = threading.Event()
        self.switch = Switch(directory)
        self.disk = Path(directory) / "disk"
        make_disk(self.disk, DISK_MB)

    def boot(self, machine, label, on_output=None):
        job = Job()
        for path in self.programs:
            job.add(path, f"bin/{path.name}")
        job.add(LIVE, "live")
        job.env.update({k: v for k, v in os.environ.items() if k.startswith("CKPT_")})
        program = ["clients"] if machine == "clients" else ["servers", machine]
        job.command(["python3", f"/job/live/{program[0]}", *program[1:]])
        guest = Guest(self.kernel, rootfs(SERVERS, SERVERS_MB), cpus=1, memory=1024,
                      silence=SILENCE if on_output else None,
                      data=self.disk if machine == "first" else None,
                      qemu_args=self.switch.card(MACHINES.index(machine) + 1))
        return guest.run(job, on_output=on_output, console_file=self.logs / f"console-{PART}.{label}")

    def serve(self, machine, label):
        """Boots a guest with servers. If it does not come to its end all end: they would wait for it."""
        result = None
        try:
            result = self.boot(machine, label)
            return result
        finally:
            if not result or result.status is None:
                while not self.over.wait(0.5):
                    stop_all()

    def servers(self):
        """The guests with servers; returns what came of each boot. They end when they are told, or
        when the clients' guest is over."""
        first = self.serve("first", "first")
        if self.over.is_set():
            return {"first": first}
        with ThreadPoolExecutor(1) as pool:
            third = pool.submit(self.serve, "third", "third")
            again = self.serve("first", "again")
            return {"first": first, "again": again, "third": third.result()}

    def run(self, on_line):
        """All of it; returns what came of each boot."""
        self.switch.start()
        try:
            with ThreadPoolExecutor(1) as pool:
                others = pool.submit(self.servers)
                try:
                    clients = self.boot("clients", "clients", Show(on_line))
                    self.over.set()
                    if clients.status is not None:
                        # They end by themselves: they have been told, or their connection is over.
                        wait([others], 120)
                finally:
                    self.over.set()
                    # Also one that is only about to start.
                    while not others.done():
                        stop_all()
                        wait([others], 0.5)
                return {"clients": clients, **others.result()}
        finally:
            self.switch.ended = True


def check():
    """Refuses what would not run, before anything is built for it."""
    if not NATIVE:
        raise Failure(f"demo-live is for ARCH=x86_64, not for {ARCH}")
    sys.path.append(str(LIVE))
    from programs import BULK, SERVERS as KNOWN
    known = [*KNOWN, BULK.name]
    for name in os.environ.get("CKPT_SERVERS", "").split():
        if name not in known:
            raise Failure(f"CKPT_SERVERS: no server is called {name}; there are: {' '.join(known)}")


def live(kernel, programs, *, logs=LOGS, on_line=lambda _: None):
    """Runs the guests; returns the cases, and the boots by name."""
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tmp_dir(), prefix="lcr-live-") as directory:
        boots = Net(kernel, programs, directory, logs).run(on_line)
    text = boots["clients"].output.decode(errors="replace")
    (logs / f"{PART}.out").write_text(text)
    found = cases(text)
    for name, result in boots.items():
        console = logs / f"console-{PART}.{name}"
        bad = splats(result.console)
        if bad:
            found.append(Case(f"kernel.{name}", "failed", f"{bad[0].strip()} (in {console})"))
            show_splat(result.console)
        if result.status is None:
            found.append(Case(name, "failed", f"{result.ended} (console: {console})"))
    if boots["clients"].status and all(c.result != "failed" for c in found):
        found.append(Case("clients", "failed", f"status {boots['clients'].status}"))
    if plan(text) != len(cases(text)):
        found.append(Case("plan", "failed", f"{plan(text)} tests announced, {len(cases(text))} results"))
    return found, boots


def test(results, kernel, programs, *, logs=LOGS):
    """The part live of the tests."""
    progress, seen, announced = Progress.of(PART), 0, 20

    def on_line(line):
        nonlocal seen, announced
        announced = plan(line) or announced
        if re.match(r"(not )?ok ", line):
            seen += 1
            progress.at(seen / (announced + 1), f"{PART}: {line}")

    found, boots = live(kernel, programs, logs=logs, on_line=on_line)
    for case in found:
        case.name = f"{PART}.{case.name}"
        results.add(case)
    if boots["clients"].status != 0:
        tail(boots["clients"].output.decode(errors="replace"))
    progress.end()
    say(f"    {PART}: {len(found)} tests in {duration(boots['clients'].seconds)}")


def demo(image=None):
    """make demo-live"""
    began, logs = time.monotonic(), CACHE / "log" / PART
    check()
    kernel = Kernel.at(image) if image else build("demo")
    programs = tools()
    rootfs(SERVERS, SERVERS_MB)
    step("servers on one machine, their clients on another: a power-off, then a move to a third one")

    def on_line(line):
        if line.startswith("# "):
            Progress.clear()
            print("    " + line[2:], flush=True)

    found, _ = live(kernel, programs, logs=logs, on_line=on_line)
    failed = [c for c in found if c.result == "failed"]
    for case in failed:
        print(f"    FAILED {case.name}" + (f": {case.reason}" if case.reason else ""))
    if failed:
        print(f"    logs: {logs}")
    print(f"{len(found) - len(failed)} of {len(found)} as they should be, "
          f"{duration(time.monotonic() - began)} min")
    return 1 if failed or not found else 0
