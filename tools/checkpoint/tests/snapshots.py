# SPDX-License-Identifier: GPL-2.0
"""Files that their filesystem copies at the consistency point: a restart goes on from the copies."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import Skipped, alive, check, test, until

# What mkfs.xfs takes as a disk.
DISK = 320 << 20
# A program with a number in its memory and in its file, all over it: with each signal it tells whether
# both are the same, and goes on to the next one.
COUNTS = """
import os, signal, time
os.makedirs("disk/job", exist_ok=True)
db = os.open("disk/job/db", os.O_RDWR | os.O_CREAT)
number = 0

def contents():
    return b"%08d" % number * 65536

def count(*_):
    global number
    same = os.pread(db, 1 << 20, 0) == contents()
    number += 1
    os.pwrite(db, contents(), 0)
    with open("answers", "a") as answers:
        answers.write("%d %s\\n" % (number, same))

os.pwrite(db, contents(), 0)
signal.signal(signal.SIGUSR1, count)
with open("pid", "w") as pid:
    pid.write(str(os.getpid()))
while True:
    time.sleep(0.05)
"""


@contextlib.contextmanager
def xfs(place):
    """XFS on a file, mounted at the directory "disk"."""
    if "\txfs\n" not in Path("/proc/filesystems").read_text() or not shutil.which("mkfs.xfs"):
        raise Skipped("no XFS in this kernel, or no mkfs.xfs")
    disk = place.dir / "disk"
    disk.mkdir()
    with open(place.dir / "disk.img", "wb") as file:
        file.truncate(DISK)
    place.well("mkfs.xfs", "-q", "-m", "reflink=1", "disk.img")
    place.well("mount", "-t", "xfs", "-o", "loop", "disk.img", disk)
    try:
        yield disk
    finally:
        # Whatever still has a file of it.
        subprocess.run(["umount", "--lazy", disk], check=False)


def last(place):
    """The number that the job has come to, and whether memory and file were the same before."""
    return (place.dir / "answers").read_text().splitlines()[-1]


def number(path):
    """The number that a file has all over it."""
    data = path.read_bytes()
    check(len(data) == 8 * 65536 and data == data[:8] * 65536, f"{path} has parts of several times")
    return int(data[:8])


def counts(place, pid, said):
    place.runs(pid)
    until(lambda: (place.dir / "answers").read_text().endswith("\n"), "the whole answer")
    check(last(place) == said, f"the job said {last(place)!r}, not {said!r}")


def end(pid):
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), "the end of the job")


@test
def snapshot_by_reflink(place):
    """The program writes on after the checkpoint; it goes on from the copies, and they are as they were."""
    (place.dir / "job.py").write_text(COUNTS)
    with xfs(place) as disk:
        job = place.start("python3", "job.py")
        until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
        counts(place, job.pid, "1 True")
        counts(place, job.pid, "2 True")
        place.well("checkpoint", "--snapshot-command", "cp -a --reflink=always disk/job disk/job.ckpt",
                   "-o", "image", job.pid)
        for n in range(3, 6):
            counts(place, job.pid, f"{n} True")
        check(number(disk / "job/db") == 5, "it has not written on")
        check(number(disk / "job.ckpt/db") == 2, "the copy is not of the consistency point")
        end(job.pid)
        job.wait()
        # Its file is that of later.
        place.fails("restart", "image", says=[f"{disk}/job/db", "is not the file that was saved"])

        pid = place.restart("image", "--map", f"{disk}/job={disk}/job.ckpt")
        counts(place, pid, "3 True")
        counts(place, pid, "4 True")
        check(number(disk / "job/db") == 5, "it has written to the file of later")
        check(number(disk / "job.ckpt/db") == 4, "it does not write to the copy")
        # Once more, of what was restarted.
        place.well("checkpoint", "--kill", "--snapshot-command",
                   "cp -a --reflink=always disk/job.ckpt disk/job.2", "-o", "second", pid)
        until(lambda: not alive(pid), "the end of the job")
        with open(disk / "job.ckpt/db", "r+b") as file:
            file.write(b"of somebody else")
        pid = place.restart("second", "--map", f"{disk}/job.ckpt={disk}/job.2")
        counts(place, pid, "5 True")
        check(number(disk / "job.2/db") == 5, "it does not write to the second copy")
        end(pid)


@test
def snapshot_that_cannot_be(place):
    """Where files can't share blocks there is no copy, and so no image; the program runs on."""
    (place.dir / "job.py").write_text(COUNTS)
    job = place.start("python3", "job.py")
    until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
    counts(place, job.pid, "1 True")
    place.fails("checkpoint", "--kill", "--snapshot-command",
                "cp -a --reflink=always disk/job disk/job.ckpt", "-o", "image", job.pid,
                says=["the snapshot command has failed with status 1", "there is no image",
                      "The processes run on."])
    check(not (place.dir / "image").exists(), "there is an image")
    counts(place, job.pid, "2 True")
