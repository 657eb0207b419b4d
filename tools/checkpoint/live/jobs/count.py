# SPDX-License-Identifier: GPL-2.0
"""count.py ADDRESS PORT: a server on asyncio. Answers each line of a connection with how many came over it
so far, and the digest of them all."""

import asyncio
import hashlib
import sys


async def serve(reader, writer):
    lines, digest = 0, hashlib.sha256()
    while line := await reader.readline():
        lines += 1
        digest.update(line)
        # A timer and a task for each answer.
        await asyncio.sleep(0.01)
        writer.write(f"{lines} {digest.hexdigest()}\n".encode())
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()


asyncio.run(main())
