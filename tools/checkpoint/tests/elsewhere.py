# SPDX-License-Identifier: GPL-2.0
"""Policies, and restarts where files or other ends are not what they were."""

import json
import os
import signal
from pathlib import Path

from harness import check, test, until


def logger(place):
    """A job with a log in a directory, open as descriptor 9."""
    script = "mkdir -p logs; exec 9>logs/log; echo begun >&9; " \
             "trap 'echo x >>answers' USR1; echo $$ >pid; while :; do sleep 0.05; done"
    job = place.start("sh", "-c", script)
    until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
    place.runs(job.pid)
    return job


@test
def output_outside(place):
    """A job whose output goes to somebody outside: to a descriptor of the restart's, or to its own."""
    ends = [os.pipe(), os.pipe()]
    script = f"exec </dev/null >/proc/{os.getpid()}/fd/{ends[0][1]} 2>err; trap 'echo x >>answers' USR1; " \
             "echo $$ >pid; while :; do if [ -e go ]; then rm go; echo said; fi; sleep 0.05; done"
    job = place.start("sh", "-c", script)
    until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
    place.runs(job.pid)
    place.fails("checkpoint", "--dry-run", job.pid, says="the pipe's other end is outside")
    image = place.image("image", "--external", "1", job=job)
    place.fails("restart", image, says="was left outside: give another one")
    pid = place.restart(image, "--fd", f"1={ends[1][1]}", pass_fds=(ends[1][1],))
    place.file("go")
    check(os.read(ends[1][0], 100) == b"said\n", "it said something else")
    place.well("checkpoint", "--kill", "--external", "1", "-o", "again", pid)
    command = place.begin("restart", "--stdio", "again")
    place.file("go")
    said = command.stdout.readline()
    check(said == "said\n", f"it said {said!r}")
    os.kill(pid, signal.SIGKILL)
    check(command.wait() != 0, "restart has not told how it ended")
    for end in ends:
        for fd in end:
            os.close(fd)


@test
def policy_at_a_checkpoint(place):
    """A descriptor that a policy leaves out by its name is named, and is not there any more."""
    rule = '[[descriptor]]\nname = "{}"\naction = "{}"\n'
    place.file("refuses", rule.format("*/logs/*", "refuse"))
    place.file("closes", rule.format("*/lo?s/log", "close"))
    place.file("wrong", rule.format("*", "drop"))
    job = logger(place)
    place.fails("checkpoint", "--dry-run", "--policy", "wrong", job.pid, says=["the policy wrong: ", "drop"])
    place.fails("checkpoint", "--dry-run", "--policy", "refuses", job.pid,
                says=[f"({place.dir}/logs/log)", "a rule of the caller refuses it"])
    named = f"has: pid {job.pid} (sh): descriptor 9 ({place.dir}/logs/log): a regular file"
    for options, shown in (((), False), (("--verbose",), True)):
        done = place.well("checkpoint", "--dry-run", *options, job.pid)
        check((named in done.err) == shown, f"it said {done.err!r}")
    done = place.well("checkpoint", "--dry-run", "--policy", "closes", job.pid)
    check(f"descriptor 9 ({place.dir}/logs/log): left out" in done.err, f"it said {done.err!r}")
    image = place.image("image", "--policy", "closes", job=job)
    pid = place.restart(image)
    check(not Path(f"/proc/{pid}/fd/9").is_symlink(), "the descriptor is there")
    place.runs(pid)


@test
def elsewhere(place):
    """A directory that was moved, and a log in it that somebody has added to."""
    image = place.image(job=logger(place))
    log = place.dir / "moved/log"
    (place.dir / "logs").rename(log.parent)
    place.fails("restart", image, says="is missing")
    place.fails("restart", "--map", f"{place.dir}/logs=nowhere", image, says="is not there")
    to_moved = ("--map", f"{place.dir}/logs=moved")
    with open(log, "a", encoding="ascii") as file:
        file.write("of somebody else\n")
    place.fails("restart", *to_moved, image, says=["had 6 bytes, has 23", "is not the file that was saved"])
    place.file("policy", f'[[map]]\nfrom = "{place.dir}/logs"\nto = "{log.parent}"\n'
                         '[[changed]]\npath = "*/logs/log"\naction = "truncate"\n')
    pid = place.restart(image, "--policy", "policy")
    check(os.readlink(f"/proc/{pid}/fd/9") == str(log), "another file is open")
    check(log.read_text() == "begun\n", f"the log has {log.read_text()!r}")
    place.runs(pid)


@test
def other_root(place):
    """All paths are resolved below another root directory, and nowhere else."""
    image = place.image()
    (place.dir / "empty").mkdir()
    place.fails("restart", "--root", "empty", image, says="is missing")
    (place.dir / "root").mkdir()
    # Mounts that nobody else sees, and that go with the processes.
    script = "mount --rbind / root && exec restart --detach --json --root root image"
    done = place.well("unshare", "--mount", "sh", "-c", script)
    pid = json.loads(done.out)["pid"]
    place.pids.add(pid)
    place.runs(pid)

