# SPDX-License-Identifier: GPL-2.0
"""The clients of make demo-live. Each keeps one connection for good, and checks every answer."""

import hashlib
import os
import socket
import struct
import subprocess
import time
from pathlib import Path

from common import WATCHDOG, Failed
from programs import HERE


def check(have, want):
    if have != want:
        raise Failed(f"the answer is {have!r:.300}, not {want!r:.300}")


class Conversation:
    """A connection to a server."""

    def __init__(self, server, number):
        self.server, self.number = server, number
        self.sock = socket.create_connection((server.address, server.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.count = 0
        self.begin()

    def begin(self):
        """What has to be said before the first question."""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        return self.exactly_line(self.file.readline())

    @staticmethod
    def exactly_line(line):
        if not line.endswith(b"\n"):
            raise Failed(f"the server has closed the connection{f' after {line!r}' if line else ''}")
        return line.rstrip(b"\r\n")

    def exactly(self, size):
        data = self.file.read(size)
        if len(data) != size:
            raise Failed(f"the server has closed the connection after {len(data)} of {size} bytes")
        return data

    def step(self):
        """One question and its answer."""
        raise NotImplementedError


class Redis(Conversation):
    """A counter, within a transaction that is open for three questions, and what was stored before."""

    def ask(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.send(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def step(self):
        key, value = f"random{self.number}", os.urandom(2000)
        self.ask("MULTI")
        check(self.line(), b"+OK")
        self.ask("INCR", f"count{self.number}")
        check(self.line(), b"+QUEUED")
        self.ask("SET", key, value)
        check(self.line(), b"+QUEUED")
        self.ask("EXEC")
        self.count += 1
        check([self.line() for _ in range(3)], [b"*2", b":%d" % self.count, b"+OK"])
        self.ask("GET", key)
        check(self.line(), b"$2000")
        check(self.exactly(2002), value + b"\r\n")


class Memcached(Conversation):
    def begin(self):
        self.key = b"count%d" % self.number
        self.send(b"set %s 0 0 1\r\n0\r\n" % self.key)
        check(self.line(), b"STORED")

    def step(self):
        value = os.urandom(3000)
        self.send(b"incr %s 1\r\n" % self.key)
        self.count += 1
        check(self.line(), b"%d" % self.count)
        self.send(b"set %s.random 0 0 3000\r\n%s\r\n" % (self.key, value))
        check(self.line(), b"STORED")
        self.send(b"get %s.random\r\n" % self.key)
        check(self.line(), b"VALUE %s.random 0 3000" % self.key)
        check(self.exactly(3002), value + b"\r\n")
        check(self.line(), b"END")


class Http(Conversation):
    def get(self, path):
        self.send(f"GET {path} HTTP/1.1\r\nHost: {self.server.address}\r\n\r\n".encode())
        check(self.line(), b"HTTP/1.1 200 OK")
        size = None
        while header := self.line():
            name, _, value = header.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return self.chunks() if size is None else self.exactly(size)

    def chunks(self):
        """A body in chunks."""
        body = b""
        while size := int(self.line(), 16):
            body += self.exactly(size)
            check(self.line(), b"")
        check(self.line(), b"")
        return body


class Nginx(Http):
    """A file that both machines have."""

    FILE = Path("/usr/bin/tty")

    def begin(self):
        self.want = self.FILE.read_bytes()

    def step(self):
        if self.get(f"/{self.FILE.name}") != self.want:
            raise Failed(f"{self.FILE.name} is not as it is")


class NodeExporter(Http):
    def step(self):
        check(b"\ndemo_number 42\n" in self.get("/metrics"), True)


class Count(Conversation):
    """The answer depends on everything that was asked over the connection."""

    def begin(self):
        self.digest = hashlib.sha256()

    def step(self):
        line = os.urandom(500).hex().encode() + b"\n"
        self.send(line)
        self.digest.update(line)
        self.count += 1
        check(self.line(), f"{self.count} {self.digest.hexdigest()}".encode())


class Session(Count):
    """What runs at the other end of ssh(1), which encrypts: one byte that is lost or doubled ends it."""

    COMMAND = f"python3 {HERE}/jobs/session.py"

    def __init__(self, server, number):
        options = {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "LogLevel": "ERROR",
                   "PreferredAuthentications": "none", "ConnectTimeout": WATCHDOG}
        self.server, self.number, self.count = server, number, 0
        self.ssh = subprocess.Popen(
            ["ssh", "-T", *(f"-o{k}={v}" for k, v in options.items()), "-p", str(server.port),
             f"root@{server.address}", self.COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.file = self.ssh.stdout
        self.begin()

    def send(self, data):
        self.ssh.stdin.write(data)
        self.ssh.stdin.flush()


class Postgres(Conversation):
    """Transactions of 40 questions each. Nobody sees what is in them before they are committed."""

    LENGTH = 40
    STARTING = "C57P03"

    def __init__(self, server, number):
        # It listens before it is ready.
        while True:
            try:
                super().__init__(server, number)
                return
            except Failed as e:
                if self.STARTING not in str(e):
                    raise
                time.sleep(0.5)

    def begin(self):
        who = b"user\0postgres\0database\0postgres\0\0"
        self.send(struct.pack("!II", len(who) + 8, 196608) + who)
        self.answer()
        self.whole = 0
        self.ask(f"CREATE TABLE t{self.number} (n int, random text)")

    def answer(self):
        """The rows of an answer, up to where the server is ready again; and in which state it is."""
        rows = []
        while True:
            kind, size = struct.unpack("!cI", self.exactly(5))
            body = self.exactly(size - 4)
            if kind == b"E":
                raise Failed(f"the server says {body!r:.500}")
            if kind == b"D":
                at = 6 + struct.unpack_from("!I", body, 2)[0]
                rows.append(body[6:at].decode())
            if kind == b"Z":
                return rows, body

    def ask(self, text):
        text = text.encode() + b"\0"
        self.send(b"Q" + struct.pack("!I", len(text) + 4) + text)
        return self.answer()

    def step(self):
        at = self.count % self.LENGTH
        if at == 0:
            check(self.ask("BEGIN"), ([], b"T"))
        text = os.urandom(200).hex()
        check(self.ask(f"INSERT INTO t{self.number} VALUES ({self.count}, '{text}')"), ([], b"T"))
        self.count += 1
        check(self.ask(f"SELECT count(*) FROM t{self.number}"), ([str(self.count)], b"T"))
        check(self.ask(f"SELECT random FROM t{self.number} WHERE n = {self.count - 1}"), ([text], b"T"))
        if at == self.LENGTH - 1:
            check(self.ask("COMMIT"), ([], b"I"))


class Mosquitto(Conversation):
    """MQTT 3.1.1: hears itself what it publishes, and is told that the server has it."""

    def packet(self, kind, body):
        size, head = len(body), b""
        while size > 127:
            head += bytes([size & 127 | 128])
            size >>= 7
        self.send(bytes([kind]) + head + bytes([size]) + body)

    @staticmethod
    def text(words):
        return struct.pack("!H", len(words)) + words

    def hear(self):
        kind = self.exactly(1)[0]
        size = shift = 0
        while True:
            more = self.exactly(1)[0]
            size |= (more & 127) << shift
            shift += 7
            if more < 128:
                return kind, self.exactly(size)

    def begin(self):
        self.topic = self.text(b"topic%d" % self.number)
        self.packet(0x10, self.text(b"MQTT") + b"\4\2\0\0" + self.text(b"client%d" % self.number))
        check(self.hear(), (0x20, b"\0\0"))
        self.packet(0x82, b"\0\1" + self.topic + b"\0")
        check(self.hear(), (0x90, b"\0\1\0"))

    def step(self):
        self.count += 1
        number, text = struct.pack("!H", self.count % 65535 + 1), os.urandom(1000)
        self.packet(0x32, self.topic + number + text)
        check(sorted(self.hear() for _ in range(2)), [(0x30, self.topic + text), (0x40, number)])


KINDS = {"redis": Redis, "memcached": Memcached, "nginx": Nginx, "node-exporter": NodeExporter,
         "asyncio": Count, "haproxy": Count, "java": Count, "sshd": Session, "postgres": Postgres, "mosquitto": Mosquitto}
