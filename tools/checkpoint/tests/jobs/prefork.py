# SPDX-License-Identifier: GPL-2.0
"""A server whose workers share what it has loaded before it made them: they share it after a restart, too."""

import os
import re
import socket
import time

SIZE = 200 << 20
WORKERS = 4
# Part of what the tree takes that it may take more than before.
MORE = 0.05


def mine():
    """What this process takes of the memory, in KiB: what is shared is divided among those that share it."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"^Pss:\s*(\d+)", rollup.read(), re.M)[1])


def worker(listener, data):
    while True:
        client, _ = listener.accept()
        with client:
            question = client.recv(64).decode()
            if question == "end":
                return
            if question == "memory":
                answer = mine()
            else:
                at = int(question)
                answer = sum(data[at:at + 100])
            client.send(f"{os.getpid()} {answer}".encode())
            # Each of them answers in its turn.
            client.recv(1)


def ask(question):
    """What all workers answer, by their numbers."""
    clients, answers = [], {}
    for _ in range(WORKERS):
        client = socket.socket(socket.AF_UNIX)
        client.connect("server")
        client.send(question.encode())
        clients.append(client)
    for client in clients:
        pid, answer = client.recv(64).decode().split()
        answers[int(pid)] = int(answer)
    for client in clients:
        client.close()
    return answers


def tree():
    answers = ask("memory")
    return mine() + sum(answers.values())


def main():
    row = bytes(range(1, 251)) * 4
    data = bytearray(row * (SIZE // len(row)))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("server")
    listener.listen(WORKERS)
    pids = []
    for _ in range(WORKERS):
        pid = os.fork()
        if not pid:
            worker(listener, data)
            os._exit(0)
        pids.append(pid)
    print([sum(ask(str(at)).values()) for at in range(0, SIZE, SIZE // 10)], flush=True)
    before = tree()
    open("half", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    after = tree()
    print([sum(ask(str(at)).values()) for at in range(0, SIZE, SIZE // 10)])
    if SIZE >> 10 < before < SIZE >> 9 and after < before * (1 + MORE):
        print("as much memory as before")
    else:
        print(f"{before} KiB before, {after} KiB after")
    for _ in pids:
        client = socket.socket(socket.AF_UNIX)
        client.connect("server")
        client.send(b"end")
        client.close()
    for pid in pids:
        print(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
