# SPDX-License-Identifier: GPL-2.0
"""checkpoint --kill, however it ends: the job runs, or there is a complete image of it."""

import os
import random
import re
import signal
import stat
import time
from pathlib import Path

from harness import (ROUNDS, alive, at_rest, big, cgroup_of, check, commands, reap, temporary, test,
                     until)

# Faults of system calls, in the command and in all processes that it starts.
INJECT = ("strace", "-f", "-o", "trace", "-e")
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@test
def kill_and_restart(place):
    """restart right after checkpoint --kill finds the pids free."""
    script = "dd if=/dev/zero of=big bs=1M count=16 2>/dev/null; exec 3<>big; rm big; " \
             "trap 'echo x >>answers' USR1; echo $$ >pid; while :; do sleep 0.05; done"
    job = place.start("sh", "-c", script)
    until(lambda: (place.dir / "pid").exists(), "pid")
    # Nobody but this process waits for it: as a shell does, at once.
    reaper = os.fork()
    if not reaper:
        os._exit(0)
    os.waitpid(reaper, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        for _ in range(3):
            place.well("checkpoint", "--kill", "-o", "image", job.pid)
            check(not Path(f"/proc/{job.pid}").exists(), "it is still there")
            check(place.restart("image") == job.pid, "another pid")
            place.runs(job.pid)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@test
def kill_leaves_no_cgroup(place):
    job = place.answering(cgroup=False)
    place.well("checkpoint", "--kill", "-o", "image", job.pid)
    check(job.wait() == -signal.SIGKILL, "it was not killed")
    check(not temporary(), f"left behind: {temporary()}")


def not_committed(place, call, error, words):
    """What fails between the kernel's success and the image's name leaves the job as it was."""
    job = place.answering()
    home = cgroup_of(job.pid)
    done = place.fails(*INJECT, f"inject={call}:error={error}", "checkpoint", "--kill", "-o", "image",
                       job.pid, says=["The processes run on.", words])
    at_rest(place, job.pid, home)
    check(not (place.dir / "image").exists(), "there is an image of that name")
    return done


@test
def kill_strictly(place):
    job = place.answering()
    place.well("checkpoint", "--kill", "--strict", "-o", "image", job.pid)
    check(job.wait() == -signal.SIGKILL, "it was not killed")
    place.runs(place.restart("image", "--strict"))


@test
def more_processes_than_descriptors(place):
    """checkpoint --kill of a tree of which the command can't have a handle on each process."""
    script = "for n in 1 2 3 4 5 6 7 8 9 10; do for m in 1 2 3 4 5 6; do sleep 1000 & done; done; " \
             "touch all; wait"
    job = place.start("sh", "-c", script)
    until(lambda: (place.dir / "all").exists(), "all processes")
    place.well("sh", "-c", 'ulimit -n 48; exec checkpoint --kill -o image "$0"', job.pid)
    check(job.wait() == -signal.SIGKILL, "it was not killed")
    check(place.valid("image"), "the image is not complete")


@test
def rename_fails(place):
    done = not_committed(place, "?rename,?renameat,?renameat2", "EACCES", "Permission denied")
    kept = re.search(r"image is complete: (\S+)", done.err)
    check(kept and place.valid(place.dir / kept[1]), f"no complete image is left: {done}")


@test
def sync_fails(place):
    not_committed(place, "fsync", "ENOSPC", "No space left on device")


@test
def back_before_the_disk(place):
    """Processes that run on are where they were before the image is on the disk, and if it never is."""
    job = place.answering()
    place.start("sleep", "1000")
    place.fails(*INJECT, "inject=fsync:error=ENOSPC", "checkpoint", "-o", "image", job.pid,
                says=["The processes run on.", "No space left on device"])
    at_rest(place, job.pid, place.cgroup)
    trace = (place.dir / "trace").read_text()
    # Some architectures have only unlinkat(2).
    removed = re.search(r"\brmdir\(|AT_REMOVEDIR", trace)
    check(removed and removed.start() < trace.index("fsync("),
          "they were still elsewhere when the image went to the disk")


@test
def directory_in_the_way(place):
    """The name becomes a directory while the image is written."""
    job = big(place)
    command = place.begin("checkpoint", "--kill", "-o", "image", job.pid)
    until(lambda: list(place.dir.glob("image.tmp.*")) or command.poll() is not None, "an image")
    (place.dir / "image").mkdir()
    _, err = command.communicate()
    check(command.returncode == 1, f"status {command.returncode}: {err}")
    check("run on" in err, f"it does not say what became of the job: {err}")
    at_rest(place, job.pid, place.cgroup)
    kept = re.search(r"image is complete: (\S+)", err)
    check(kept and place.valid(place.dir / kept[1]), f"no complete image is left: {err}")


@test
def device_stays(place):
    job = place.answering()
    os.mknod(place.dir / "node", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    place.run("checkpoint", "-o", "node", job.pid)
    check((place.dir / "node").is_char_device(), "the device node was replaced")
    place.runs(job.pid)


@test
def fifo(place):
    job = place.answering()
    os.mkfifo(place.dir / "fifo")
    with open(place.dir / "image", "wb") as image:
        reader = place.begin("cat", "fifo", stdout=image, stderr=None)
        place.well("checkpoint", "--kill", "-o", "fifo", job.pid)
        reader.wait()
    job.wait()
    check((place.dir / "fifo").is_fifo(), "the FIFO was replaced")
    check(place.valid("image"), "the image is not complete")
    place.runs(place.restart("image"))


@test
def reader_ends_early(place):
    job = place.answering()
    for reader in ("true", "head -c 1000", "sleep 0.3"):
        done = place.fails("bash", "-c", f"set -o pipefail; checkpoint --kill {job.pid} | "
                           f"{{ {reader} >/dev/null; }}", says="run on" if "sleep" in reader else ())
        check(alive(job.pid), f"{reader}: the job is dead: {done}")
        at_rest(place, job.pid, place.cgroup)


@test
def standard_output_is_a_file(place):
    job = place.answering()
    with open(place.dir / "image", "wb") as image:
        place.well("checkpoint", "--kill", job.pid, stdout=image)
    job.wait()
    place.runs(place.restart("image"))


def either_or(place, job, home, err):
    """The job runs, or there is a complete image; and what was said is true. Returns the job."""
    until(lambda: not commands(), "the end of the command")
    if alive(job):
        at_rest(place, job, home)
        check("are gone" not in err, f"it runs: {err}")
        for leftover in place.dir.glob("image*"):
            leftover.unlink()
        return job
    check("run on" not in err, f"it is dead: {err}")
    check(place.valid("image"), f"neither the job nor its image is there: {err}")
    until(lambda: reap(job), "the end of the job")
    check(not temporary(), f"left behind: {temporary()}")
    new = place.restart("image", "--cgroup", home)
    place.runs(new)
    return new


def interrupt(place, how):
    """Interrupts checkpoint --kill of one job again and again, at other moments each time."""
    job = big(place).pid
    began = time.monotonic()
    place.well("checkpoint", "-o", "image", job)
    longest = (time.monotonic() - began) * 1.2
    for n in range(ROUNDS):
        command = place.begin("checkpoint", "--kill", "-o", "image", job)
        time.sleep(longest * (n + random.random()) / ROUNDS)
        how(command, n)
        _, err = command.communicate()
        job = either_or(place, job, place.cgroup, err)


@test
def interrupted(place):
    interrupt(place, lambda command, n: command.send_signal(ENDING[n % len(ENDING)]))


@test
def command_is_killed(place):
    """By SIGKILL: its other processes see to the rest."""
    interrupt(place, lambda command, n: command.kill())


@test
def worker_is_killed(place):
    """SIGKILL for the process that does the work: the command sees to the rest."""
    def kill(command, _):
        for pid in commands():
            # It may end by itself meanwhile.
            try:
                line = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                if int(line[1]) == command.pid:
                    os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass
    interrupt(place, kill)


def leftovers(place, until_there):
    """Kills all processes of a command in one go; returns the job."""
    job = big(place)
    # It must be moved: another process is in its cgroup.
    place.start("sleep", "1000")
    command = place.begin("checkpoint", "--kill", "-o", "image", job.pid)
    until(lambda: until_there(job.pid) or command.poll() is not None, "the moment")
    check(command.poll() is None, "the command was too fast")
    for pid in commands():
        os.kill(pid, signal.SIGSTOP)
    for pid in commands():
        os.kill(pid, signal.SIGKILL)
    command.communicate()
    until(lambda: not commands(), "the end of the commands")
    return job


@test
def next_one_cleans_up(place):
    job = leftovers(place, lambda pid: cgroup_of(pid) != place.cgroup)
    check(temporary(), "there is no temporary cgroup")
    place.well("checkpoint", "--dry-run", job.pid)
    at_rest(place, job.pid, place.cgroup)
