# SPDX-License-Identifier: GPL-2.0
"""bulk.py serve|ask ADDRESS PORT: random bytes in both directions of several connections.

Both ends know what the other one has to send: whoever receives compares. It ends when standard
input of the one who asks ends: first that one stops, then the server. The last piece is a digest of all
that was sent, and whether all was right that had come. Prints how many MiB have come, in a line for each,
and at last what was wrong. The status tells whether something was."""

import hashlib
import random
import socket
import sys
import threading
import time

CONNECTIONS = 10
PIECE = 16 << 10
# Between two pieces: a transfer goes on as long as it is wanted, and others need the processor.
PAUSE = 0.05


class Connection:
    """One end of a connection."""

    def __init__(self, sock, number, me):
        self.sock, self.number, self.me = sock, number, me
        self.other = {"serve": "ask", "ask": "serve"}[me]
        self.got, self.wrong = 0, None
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self.tried, args=(what,)) for what in (self.send, self.receive)]

    def tried(self, what):
        try:
            what()
        except OSError as e:
            self.wrong = self.wrong or f"{what.__name__}: {e}"
            self.enough.set()

    def source(self, who):
        return random.Random(f"{self.number} {who}")

    def send(self):
        source, digest = self.source(self.me), hashlib.sha256()
        while not self.enough.wait(PAUSE):
            piece = source.randbytes(PIECE)
            digest.update(piece)
            self.sock.sendall(piece)
        self.sock.sendall(digest.digest() + (b"no" if self.wrong else b"ok"))
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self):
        source, digest = self.source(self.other), hashlib.sha256()
        with self.sock.makefile("rb") as file:
            while len(got := file.read(PIECE)) == PIECE:
                if got != source.randbytes(PIECE):
                    self.wrong = f"what came differs after {self.got} bytes"
                    break
                digest.update(got)
                self.got += PIECE
            if self.wrong:
                pass
            elif got == digest.digest() + b"no":
                self.wrong = "the other end has received something wrong"
            elif got != digest.digest() + b"ok":
                self.wrong = f"{len(got)} bytes at the end are not what they should be, after {self.got}"
        # The last piece says so. What was wrong ends it at once.
        if self.me == "serve" or self.wrong:
            self.enough.set()


def serve(address, port):
    with socket.create_server((address, port), backlog=CONNECTIONS) as listener:
        for _ in range(CONNECTIONS):
            sock, _ = listener.accept()
            yield Connection(sock, sock.recv(1)[0], "serve")


def ask(address, port):
    for number in range(CONNECTIONS):
        sock = socket.create_connection((address, port))
        sock.sendall(bytes([number]))
        yield Connection(sock, number, "ask")


def wait_for_end(connections):
    sys.stdin.buffer.read()
    for c in connections:
        c.enough.set()


def main():
    me, address, port = sys.argv[1:]
    connections = list({"serve": serve, "ask": ask}[me](address, int(port)))
    threads = [t for c in connections for t in c.threads]
    for t in threads:
        t.start()
    if me == "ask":
        threading.Thread(target=wait_for_end, args=(connections,), daemon=True).start()
    told = 0
    while any(t.is_alive() for t in threads):
        time.sleep(0.1)
        total = sum(c.got for c in connections) >> 20
        if total > told:
            print(total, flush=True)
            told = total
    wrong = [f"connection {c.number}: {c.wrong}" for c in connections if c.wrong]
    print("\n".join(wrong), flush=True)
    return 1 if wrong else 0


sys.exit(main())
