# SPDX-License-Identifier: GPL-2.0
"""Which tests may be skipped: the file skips of the selftests. Others that are skipped have failed, as
they test nothing, and nobody would see it."""

import functools
from fnmatch import fnmatchcase

from .env import ARCH, Failure
from .tools import SELFTESTS, test_names

FILE = SELFTESTS / "skips"


def parsed(text, programs):
    """The lines of such a file: (architectures, results, skip) of each. A program that there is not,
    or a line without a reason, is a mistake."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [p.strip() for p in line.split("|")]
        if len(parts) != 4 or not all(parts):
            raise Failure(f"{FILE.name}:{number}: not ARCHITECTURES | RESULTS | SKIP | REASON: {line}")
        archs, results, skip, _ = parts
        program = results.partition(".")[0].partition("@")[0]
        if not any(fnmatchcase(p, program) for p in programs):
            raise Failure(f"{FILE.name}:{number}: no program is called {program}")
        lines.append((archs.split(), results, skip))
    return lines


@functools.cache
def lines():
    return parsed(FILE.read_text(), test_names())


def may_be(name, reason, arch=ARCH):
    """Whether the result of that name may be skipped for that reason."""
    return any(("all" in archs or arch in archs) and fnmatchcase(name, results)
               and fnmatchcase(reason, skip) for archs, results, skip in lines())


def judged(case):
    """The case; one that is skipped and may not be has failed."""
    if case.result == "skipped" and not may_be(case.name, case.reason):
        case.result = "failed"
        case.reason = (f"is skipped ({case.reason or 'no reason given'}), which the file {FILE.name} of "
                       "the selftests does not have")
    return case
