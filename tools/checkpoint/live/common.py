# SPDX-License-Identifier: GPL-2.0
"""What both ends of make demo-live need: addresses, and how the guests talk about the work.

The guest of the clients gives the orders. Each boot of a guest with servers connects to it and does
what it is told, line by line.
"""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

CLIENTS = "10.0.0.3"
# Guests that have servers: the first one, which is powered off and booted again, and the one that
# takes over.
MACHINES = {"first": "10.0.0.1", "third": "10.0.0.2"}
ORDERS, IMAGES = 7000, 7001
# Seconds after which something that does not come is given up.
WATCHDOG = int(os.environ.get("CKPT_WATCHDOG", 900))


class Failed(Exception):
    """What was found wrong."""


def until(condition, what, seconds=WATCHDOG):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise Failed(f"waited in vain for {what}")
        time.sleep(0.05)
    return found


def command(*argv, **kw):
    """Runs a command that has to succeed; returns what it has printed."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **kw)
    if done.returncode:
        raise Failed(f"{argv[0]}: status {done.returncode}: {done.stdout.strip()[-1500:]}")
    return done.stdout


def network(address):
    """Sets the card up, the first Ethernet device there is."""
    device = next(d.name for d in Path("/sys/class/net").iterdir() if (d / "device").exists())
    command("ip", "address", "add", f"{address}/16", "dev", device)
    command("ip", "link", "set", device, "up")
    return device


class Line:
    """A connection that carries one JSON value per line."""

    def __init__(self, connection):
        self.file = connection.makefile("rw")

    @classmethod
    def to(cls, address, port):
        end = time.monotonic() + WATCHDOG
        while True:
            try:
                return cls(socket.create_connection((address, port)))
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def say(self, **what):
        self.file.write(json.dumps(what) + "\n")
        self.file.flush()

    def hear(self):
        """What the other end says next; None if nothing comes any more."""
        line = self.file.readline()
        return json.loads(line) if line else None
