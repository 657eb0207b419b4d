# SPDX-License-Identifier: GPL-2.0
"""Processes with a queue, locks, a shared value and a pool: half of the work, a wait, the other half."""

import multiprocessing
import os
import time


def worker(tasks, results, total):
    for n in iter(tasks.get, None):
        with total.get_lock():
            total.value += n
        results.put(n * n)


def cube(n):
    return n ** 3


def main():
    tasks, results = multiprocessing.Queue(), multiprocessing.Queue()
    total = multiprocessing.Value("q", 0)
    workers = [multiprocessing.Process(target=worker, args=(tasks, results, total)) for _ in range(2)]
    for w in workers:
        w.start()
    with multiprocessing.Pool(2) as pool:
        for n in range(200):
            tasks.put(n)
        cubes = pool.map(cube, range(100))
        open("half", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        cubes += pool.map(cube, range(100, 200))
    for n in range(200, 400):
        tasks.put(n)
    squares = sorted(results.get() for _ in range(400))
    for w in workers:
        tasks.put(None)
    for w in workers:
        w.join()
    print(total.value, sum(squares), squares[-1], sum(cubes))


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
