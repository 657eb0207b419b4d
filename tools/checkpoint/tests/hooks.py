# SPDX-License-Identifier: GPL-2.0
"""Commands at the consistency point, and hooks before and after a checkpoint."""

import contextlib
import os
import signal
from pathlib import Path

from harness import alive, at_rest, cgroup_of, check, test, until


@test
def snapshot_command(place):
    """A command at the consistency point: the job stands still for it, and runs on."""
    job = place.answering()
    home = cgroup_of(job.pid)
    place.well("checkpoint", "--snapshot-command",
               "echo $CHECKPOINT_PID $CHECKPOINT_IMAGE >told; "
               "cat /sys/fs/cgroup$(cut -d: -f3 /proc/$CHECKPOINT_PID/cgroup)/cgroup.events >events; ls >seen",
               "-o", "image", job.pid)
    told = (place.dir / "told").read_text()
    check(told == f"{job.pid} image\n", f"the command was told {told!r}")
    events = (place.dir / "events").read_text()
    check("frozen 1" in events, f"the job was not frozen: {events!r}")
    check("image" not in (place.dir / "seen").read_text().split(), "the image had its name")
    check(place.valid("image"), "the image is not complete")
    at_rest(place, job.pid, home)


@test
def snapshot_command_and_kill(place):
    job = place.answering()
    place.well("checkpoint", "--kill", "--snapshot-command", "cp -a answers copy", "-o", "image", job.pid)
    check(job.wait() == -signal.SIGKILL, "it was not killed")
    check((place.dir / "copy").read_text() == (place.dir / "answers").read_text(), "no copy")
    place.runs(place.restart("image"))


@test
def snapshot_command_fails(place):
    """Without a copy there is no image."""
    job = place.answering()
    home = cgroup_of(job.pid)
    for command, says in (("exit 3", "has failed with status 3"), ("kill -9 $$", "was ended by SIGKILL")):
        place.fails("checkpoint", "--kill", "--snapshot-command", command, "-o", "image", job.pid,
                    says=[says, "there is no image", "The processes run on."])
        check(not (place.dir / "image").exists(), "there is an image")
        at_rest(place, job.pid, home)


@test
def snapshot_command_interrupted(place):
    job = place.answering()
    home = cgroup_of(job.pid)
    command = place.begin("checkpoint", "--snapshot-command", "touch begun; exec sleep 1000", "-o",
                          "image", job.pid)
    until(lambda: (place.dir / "begun").exists(), "the command")
    command.send_signal(signal.SIGTERM)
    _, err = command.communicate()
    check(command.returncode == 1 and "interrupted by SIGTERM" in err, f"it said {err!r}")
    check(not (place.dir / "image").exists(), "there is an image")
    at_rest(place, job.pid, home)


@contextlib.contextmanager
def hook(place):
    """A hook of this machine, which tells what it is called for in the file "told"."""
    where = Path("/etc/checkpoint/hooks")
    where.mkdir(parents=True, exist_ok=True)
    where.chmod(0o755)
    path = where / "10-test"
    path.write_text("#!/bin/sh\n"
                    f"cd {place.dir}\n"
                    "echo $1 $CHECKPOINT_PID $CHECKPOINT_IMAGE $CHECKPOINT_STATUS >>told\n"
                    "readlink /proc/self/ns/pid >namespace\n"
                    "[ $1 != before-checkpoint ] || [ ! -e refuses ]\n")
    path.chmod(0o755)
    try:
        yield path
    finally:
        path.unlink()


def told(place):
    """What the hook was called for since this was last asked."""
    path = place.dir / "told"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


@test
def hooks(place):
    """They run before and after, however it ends."""
    job = place.answering()
    home = cgroup_of(job.pid)
    what = f"{job.pid} {place.dir}/image"
    before, done, failed = (f"before-checkpoint {what}", f"after-checkpoint {what} 0",
                            f"after-checkpoint {what} 1")

    def expect(*lines):
        seen = told(place)
        check(seen == list(lines), f"the hook was called for {seen}")

    with hook(place) as path:
        place.well("checkpoint", "-o", "image", job.pid)
        expect(before, done)
        place.well("checkpoint", "--dry-run", job.pid)
        place.well("checkpoint", "--no-hooks", "-o", "image", job.pid)
        expect()
        place.file("refuses")
        place.fails("checkpoint", "-o", "image", job.pid, says=["has failed", "--no-hooks"])
        (place.dir / "refuses").unlink()
        expect(before, failed)
        for number in (signal.SIGTERM, signal.SIGKILL):
            command = place.begin("checkpoint", "--snapshot-command", "touch begun; exec sleep 1000",
                                  "-o", "image", job.pid)
            until(lambda: (place.dir / "begun").exists(), "the command")
            (place.dir / "begun").unlink()
            if number == signal.SIGTERM:
                command.send_signal(number)
            else:
                # Who does the work: the command itself waits for it.
                pid = command.pid
                os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]), number)
            command.communicate()
            check(command.returncode != 0, "it tells of success")
            expect(before, failed)
            at_rest(place, job.pid, home)
        path.chmod(0o775)
        place.fails("checkpoint", "-o", "image", job.pid, says="others than root may write to")
        expect()


@test
def hooks_of_a_restart(place):
    """They run where the command is."""
    place.image()
    with hook(place):
        for options in ([], ["--pidns"]):
            pid = place.restart("image", *options)
            seen = told(place)
            check(seen == [f"after-restart {pid} {place.dir}/image"], f"the hook was called for {seen}")
            namespace = (place.dir / "namespace").read_text().strip()
            check(namespace == os.readlink("/proc/self/ns/pid"), "it ran elsewhere")
            place.runs(pid)
            os.kill(pid, signal.SIGKILL)
            until(lambda: not alive(pid), "its end")
            place.reap_orphans()
        place.restart("image", "--pidns", "--no-hooks")
        check(told(place) == [], "--no-hooks")
