# SPDX-License-Identifier: GPL-2.0
"""The commands in a guest: contents of files that go into an image, keys that do not, labels."""

from asking import ask, program
from harness import check, test

# keyctl(2) of x86-64, KEYCTL_GET_KEYRING_ID of KEY_SPEC_PROCESS_KEYRING.
KEYRING = """
import ctypes
def keyring(create):
    return ctypes.CDLL(None).syscall(250, 0, -2, create)
"""


@test
def contents(place):
    """A file that is gone is made again of what the image has, and one that is there is not."""
    log = place.dir / "logs/log"
    log.parent.mkdir()
    job = program(place, "f = open('logs/log', 'w+'); f.write('begun'); f.flush()")
    image = place.image("image", "--contents", f"{place.dir}/logs/*", job=job)
    pid = place.restart(image)
    place.kill(pid)
    log.unlink()
    pid = place.restart(image)
    check(log.read_text() == "begun", f"the file has {log.read_text()!r}")
    check(ask(place, "f.write(' more'), f.flush()") == "(5, None)", "it can't write")
    check(log.read_text() == "begun more", f"the file has {log.read_text()!r}")
    place.kill(pid)
    job = program(place, "f = open('logs/log', 'r+')")
    image = place.image("without", job=job)
    log.unlink()
    place.fails("restart", image, says="is missing")


@test
def drop_keys(place):
    """A keyring of a process is refused; left out, it is not there any more."""
    job = program(place, KEYRING + "assert keyring(1) > 0")
    place.fails("checkpoint", "--dry-run", job.pid, says="keyring")
    image = place.image("image", "--drop-keys", job=job)
    place.restart(image)
    check(ask(place, "keyring(0)") == "-1", "the keyring is there")


@test
def keep_labels(place):
    """Where no security module gives labels, to keep them changes nothing."""
    pid = place.restart(place.image(), "--keep-labels")
    place.runs(pid)
