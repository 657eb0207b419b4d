# SPDX-License-Identifier: GPL-2.0
"""A heap of 160 MiB that threads change while child processes read it.

The children are forked: their heap is the parent's as it was then. Everybody's
results come together in the main thread, which prints a digest of all. For the last tenth of
their work there must be a file "go".
"""

import hashlib
import mmap
import multiprocessing
import os
import queue
import random
import threading
import time
import zlib

CHUNK = 128 << 10
CHUNKS = 1280
THREADS = 2
CHILDREN = 2
ROUNDS = 6


class Counter:
    """In memory that parent and children share, with a lock that they share, too."""

    def __init__(self, lock):
        self.memory, self.lock = mmap.mmap(-1, 8), lock

    def __int__(self):
        return int.from_bytes(self.memory[:], "little")

    def add_one(self):
        with self.lock:
            self.memory[:] = (int(self) + 1).to_bytes(8, "little")


def wait_for_go(n, of):
    """Before the last tenth of the work."""
    while n >= of * 9 // 10 and not os.path.exists("go"):
        time.sleep(0.05)


def child(number, heap, results, done):
    """Checksums of every chunk, in an order of its own."""
    order = list(range(CHUNKS))
    random.Random(number).shuffle(order)
    for n, i in enumerate(order):
        wait_for_go(n, len(order))
        value = zlib.crc32(heap[i], number)
        for _ in range(ROUNDS):
            value = zlib.adler32(zlib.compress(heap[i][:2048], 1), value)
        done.add_one()
        if n % 64 == 63:
            results.put((number, n, value))
    results.put((number, -1, value))


def thread(number, heap, results):
    """Changes every chunk that is its own."""
    value = number
    for n, i in enumerate(range(number, CHUNKS, THREADS)):
        wait_for_go(n, CHUNKS // THREADS)
        chunk = heap[i]
        for _ in range(ROUNDS):
            for at in range(value % 251, CHUNK, 251):
                chunk[at] = (chunk[at] + value) & 0xFF
            value = zlib.crc32(chunk, value)
        if n % 16 == 15:
            results.put((number, n, value))
    results.put((number, -1, value))


def collect(results, workers, name):
    """What the workers sent, sorted: their order among each other is chance."""
    got, ended = [], 0
    while ended < workers:
        item = results.get()
        got.append(item)
        ended += item[1] == -1
        print(f"a result of a {name}", flush=True)
    return sorted(got)


def main():
    noise = random.Random(1).randbytes(1 << 20)
    starts = [i * 677 % (len(noise) - CHUNK) for i in range(CHUNKS)]
    heap = [bytearray(noise[at:at + CHUNK]) for at in starts]

    fork = multiprocessing.get_context("fork")
    sent, done = fork.Queue(), Counter(fork.Lock())
    children = [fork.Process(target=child, args=(n, heap, sent, done)) for n in range(CHILDREN)]
    for c in children:
        c.start()
    inner = queue.SimpleQueue()
    threads = [threading.Thread(target=thread, args=(n, heap, inner)) for n in range(THREADS)]
    for t in threads:
        t.start()

    from_threads = collect(inner, THREADS, "thread")
    from_children = collect(sent, CHILDREN, "child")
    for worker in threads + children:
        worker.join()

    digest = hashlib.sha256(repr((from_threads, from_children, int(done))).encode())
    for chunk in heap:
        digest.update(chunk)
    print([c.exitcode for c in children], int(done), digest.hexdigest())


main()
