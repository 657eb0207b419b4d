# SPDX-License-Identifier: GPL-2.0
"""restart: interrupted, at a terminal, detached; what it leaves behind."""

import os
import pty
import random
import signal
import subprocess
import time
from pathlib import Path

from harness import ROUNDS, BIG, alive, big, check, commands, reap, temporary, test, until


@test
def restart_leaves_no_cgroup(place):
    place.file("image", "no image")
    place.fails("restart", "--cgroup", f"{place.cgroup}/a/b", "image", says="not a checkpoint image")
    check(not (place.cgroup / "a").exists(), "the cgroup is still there")
    place.image("good")
    place.runs(place.restart("good", "--cgroup", f"{place.cgroup}/a/b"))


def gone(place, pid):
    """Nothing of the job is there."""
    until(lambda: not commands(), "the end of the command")
    until(lambda: reap(pid), "the end of the job")
    check(not temporary(), f"left behind: {temporary()}")


@test
def restart_is_interrupted(place):
    """While it waits for the image: whoever calls restart(2)."""
    image = place.image().read_bytes()
    pid = int((place.dir / "pid").read_text())
    for options in ([], ["--detach"], ["--pidns"], ["--mount-proc"]):
        command = place.begin("restart", *options, stdin=subprocess.PIPE, text=False)
        command.stdin.write(image[:len(image) // 2])
        command.stdin.flush()
        time.sleep(0.2)
        command.terminate()
        command.wait()
        err = command.stderr.read().decode()
        check(command.returncode == 125, f"{options}: status {command.returncode}: {err}")
        check("interrupted by SIGTERM; nothing was restarted" in err, f"{options}: {err}")
        gone(place, pid)


@test
def restart_is_interrupted_anywhere(place):
    """What a signal meets is a restart, of which nothing is left, or the root process."""
    job = big(place)
    place.image(job=job)
    began = time.monotonic()
    command = place.begin("restart", "image")
    until(lambda: alive(job.pid), "the job")
    longest = (time.monotonic() - began) * 1.5
    command.terminate()
    command.wait()
    gone(place, job.pid)
    for n in range(ROUNDS):
        command = place.begin("restart", "image")
        time.sleep(longest * (n + random.random()) / ROUNDS)
        command.terminate()
        _, err = command.communicate()
        # The command may not have come so far as to block the signal.
        check(command.returncode in (125, 143, -signal.SIGTERM), f"{command.returncode}: {err}")
        gone(place, job.pid)


COUNTS = """
import os, signal, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
signal.signal(signal.SIGUSR1, lambda *_: os._exit(len(seen)))
open("pid", "w").write(str(os.getpid()))
while True:
    time.sleep(0.05)
    os.path.exists("runs") or open("runs", "w").close()
"""


def at_terminal(place, *command):
    """Starts a command as the foreground process group of a terminal."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(place.dir)
        os.execvp(command[0], [str(c) for c in command])
    return pid, terminal


@test
def interrupted_once(place):
    """Ctrl-C reaches the root once, whether it is in the command's process group or not."""
    for group in ("own", "caller's"):
        command = ["python3", "-c", COUNTS]
        if group == "caller's":
            # Its group is that of the shell, outside of what is saved.
            command = ["sh", "-c", 'python3 -c "$0" & wait', COUNTS]
        job = place.start(*command)
        path = place.dir / "pid"
        root = int(until(lambda: path.exists() and path.read_text(), "pid"))
        path.unlink()
        place.well("checkpoint", "--kill", "-o", "image", root)
        job.wait()
        until(lambda: reap(root), "the end of the job")
        runs = place.dir / "runs"
        runs.unlink(missing_ok=True)
        shell, terminal = at_terminal(place, "restart", "image")
        until(runs.exists, "the job")
        # The command must be there to pass signals on: it waits in poll().
        until(lambda: "poll" in Path(f"/proc/{shell}/wchan").read_text() or
              Path(f"/proc/{shell}/syscall").read_text().split()[0] in ("7", "271"), "the command")
        os.write(terminal, b"\x03")
        time.sleep(0.5)
        os.kill(root, signal.SIGUSR1)
        _, status = os.waitpid(shell, 0)
        os.close(terminal)
        check(os.waitstatus_to_exitcode(status) == 1,
              f"a root in the {group} group was interrupted {os.waitstatus_to_exitcode(status)} times")


@test
def detached_from_the_command(place):
    """The end of the command is not that of a parent."""
    job = place.start("python3", "-c", "import ctypes; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)\n" + BIG)
    until(lambda: (place.dir / "pid").exists(), "pid")
    place.image(job=job)
    pid = place.restart("image")
    until(lambda: not commands(), "the end of the command")
    place.runs(pid)


@test
def nobody_waits_for_what_is_detached(place):
    """The init process of --pidns does not keep the command's standard output open."""
    place.image()
    done = place.well("restart", "--pidns", "--detach", "image")
    place.pids.add(int(done.out))
    check(alive(int(done.out)), "it was over before it was detached")


PROC = """
import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
wrong = 0
for _ in range(200):
    try:
        wrong += os.readlink("/proc/self") != str(os.getpid())
    except OSError:
        wrong += 1
open("wrong", "w").write(str(wrong))
"""


@test
def proc_before_the_tasks_run(place):
    """--mount-proc without --pidns: no task sees the /proc of outside."""
    (place.dir / "job.py").write_text(PROC)
    job = place.start("unshare", "--pid", "--fork", "python3", "job.py")
    child = Path(f"/proc/{job.pid}/task/{job.pid}/children")
    root = int(until(lambda: child.read_text().strip(), "the container"))
    until(lambda: Path(f"/proc/{root}/comm").read_text() == "python3\n", "python3")
    time.sleep(1)
    place.well("checkpoint", "--container", "--kill", "-o", "image", root)
    job.wait()
    (place.dir / "go").touch()
    place.well("restart", "--mount-proc", "image")
    check((place.dir / "wrong").read_text() == "0", "the wrong /proc was seen")
    check(not temporary(), f"left behind: {temporary()}")
