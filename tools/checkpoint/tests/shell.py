# SPDX-License-Identifier: GPL-2.0
"""An interactive shell on a terminal of its own, which commands are typed at."""

import os
import pty

PROMPT = "tour> "


class Terminal:
    """An interactive shell on a terminal."""

    def __init__(self, directory):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.chdir(directory)
            os.environ.update(PS1=PROMPT, PS2="", TERM="dumb")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.prompt()
        self.type("stty -echo; PS2=")

    def prompt(self):
        """What was printed before the next prompt."""
        text = b""
        while not text.endswith(PROMPT.encode()):
            text += os.read(self.fd, 4096)
        return text.decode(errors="replace").removesuffix(PROMPT).replace("\r", "")

    def type(self, command):
        os.write(self.fd, command.encode() + b"\n")
        return self.prompt()

    def end(self):
        os.write(self.fd, b"exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)
