# SPDX-License-Identifier: GPL-2.0
"""session.py: answers each line of standard input as count.py does."""

import hashlib
import sys

digest = hashlib.sha256()
for lines, line in enumerate(sys.stdin.buffer, 1):
    digest.update(line)
    print(lines, digest.hexdigest(), flush=True)
