# SPDX-License-Identifier: GPL-2.0
"""bulk.py serve|ask ADDRESS PORT: a transfer of random bytes in both directions of several connections.

Both ends know what the other one has to send: whoever receives compares. A byte more or less is an error,
too. Prints what is wrong, if anything; the exit status tells."""

import os
import random
import socket
import sys
import threading

CONNECTIONS = 10
SIZE = int(os.environ.get("CKPT_BULK_MIB", 2)) << 20
PIECE = 16 << 10


def pieces(connection, sender):
    """What that end sends over that connection."""
    source = random.Random(f"{connection} {sender}")
    for _ in range(SIZE // PIECE):
        yield source.randbytes(PIECE)


def send(sock, number, me, wrong):
    try:
        for piece in pieces(number, me):
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
    except OSError as e:
        wrong.append(f"connection {number}: {me} can't send: {e}")


def receive(sock, number, other, wrong):
    at = 0
    try:
        with sock.makefile("rb") as file:
            for piece in pieces(number, other):
                got = file.read(PIECE)
                if got != piece:
                    wrong.append(f"connection {number}: what {other} sent differs after {at} bytes")
                    return
                at += PIECE
            if file.read(1):
                wrong.append(f"connection {number}: {other} sent more than it should")
    except OSError as e:
        wrong.append(f"connection {number}: nothing from {other} after {at} bytes: {e}")


def main():
    me, address, port = sys.argv[1:]
    other = {"serve": "ask", "ask": "serve"}[me]
    connections = []
    if me == "serve":
        with socket.create_server((address, int(port))) as listener:
            for _ in range(CONNECTIONS):
                sock, _ = listener.accept()
                connections.append((sock, sock.recv(1, socket.MSG_WAITALL)[0]))
    else:
        for number in range(CONNECTIONS):
            sock = socket.create_connection((address, int(port)))
            sock.sendall(bytes([number]))
            connections.append((sock, number))
    wrong = []
    threads = [threading.Thread(target=what, args=(sock, number, who, wrong))
               for sock, number in connections for what, who in ((send, me), (receive, other))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main())
