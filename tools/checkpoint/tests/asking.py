# SPDX-License-Identifier: GPL-2.0
"""Jobs that say what they have: a Python program that evaluates what it is asked."""

import os

from harness import until

PROGRAM = """
import os, signal, socket, time
signal.signal(signal.SIGUSR1, lambda *_: open("answers", "a").write("x"))
{setup}
open("pid", "w").write(str(os.getpid()))
while True:
    if os.path.exists("asked"):
        with open("asked") as _f:
            _what = _f.read()
        os.remove("asked")
        try:
            _said = repr(eval(_what))
        except Exception as _e:
            _said = type(_e).__name__
        with open("said.new", "w") as _f:
            _f.write(_said)
        os.rename("said.new", "said")
    time.sleep(0.02)
"""


def program(place, setup, before=()):
    """Starts one that has done `setup`, by the command `before`."""
    (place.dir / "pid").unlink(missing_ok=True)
    job = place.start(*before, "python3", "-c", PROGRAM.format(setup=setup))
    until(lambda: (place.dir / "pid").exists() and (place.dir / "pid").read_text(), "pid")
    place.runs(job.pid)
    return job


def ask(place, what):
    """What its expression `what` is, as repr() says, or the name of its exception."""
    said = place.dir / "said"
    place.file("asked.new", what)
    os.rename(place.dir / "asked.new", place.dir / "asked")
    until(said.exists, f"an answer to {what}")
    text = said.read_text()
    said.unlink()
    return text
