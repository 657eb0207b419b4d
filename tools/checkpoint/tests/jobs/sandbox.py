# SPDX-License-Identifier: GPL-2.0
"""Processes in a sandbox, as those of a browser, which talk to each other: what is denied stays denied."""

import os
import re
import socket
import threading
import time


def state(name):
    with open("/proc/self/status", encoding="ascii") as status:
        return re.search(rf"^{name}:\s*(\d+)", status.read(), re.M)[1]


def denied():
    """The filter denies getpriority(2) to all, whatever process or thread."""
    try:
        os.getpriority(os.PRIO_PROCESS, 0)
    except PermissionError:
        return f"denied, Seccomp {state('Seccomp')}, NoNewPrivs {state('NoNewPrivs')}"
    return "allowed"


def renderer(end):
    found = []
    while data := end.recv(64):
        thread = threading.Thread(target=lambda: found.append(denied()))
        thread.start()
        thread.join()
        end.send(f"{data.decode()}: {found[-1]}".encode())


def main():
    ends, pids = [], []
    for _ in range(3):
        mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            mine.close()
            for end in ends:
                end.close()
            renderer(other)
            os._exit(0)
        other.close()
        ends.append(mine)
        pids.append(pid)
    for half in ("first", "second"):
        for n, end in enumerate(ends):
            end.send(f"{half} {n}".encode())
        for end in ends:
            print(end.recv(256).decode(), flush=True)
        print(half, denied(), flush=True)
        if half == "first":
            open("half", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
    for end in ends:
        end.close()
    for pid in pids:
        print(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
