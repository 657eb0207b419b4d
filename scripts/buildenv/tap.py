# SPDX-License-Identifier: GPL-2.0
"""Reads TAP and KTAP: the results of tests."""

import re

LINE = re.compile(r"^(?P<indent>\s*)(?P<ok>ok|not ok)\s+(?P<number>\d+)?\s*-?\s*(?P<name>.*?)\s*"
                  r"(?:#\s*(?:(?P<directive>SKIP|XFAIL|TODO)\b\s*)?(?P<reason>.*))?$", re.I)


class Case:
    """A result, and the programs that have to be run to have it again."""

    def __init__(self, name, result, reason="", programs=()):
        self.name, self.result, self.reason = name, result, reason
        self.programs = list(programs)


def cases(text):
    """The innermost results, named by what they are part of."""
    found = []
    pending = {}    # indent -> cases that a result of a lesser indent sums up
    for line in text.splitlines():
        m = LINE.match(line)
        if not m:
            continue
        depth = len(m["indent"])
        result = "passed" if m["ok"].lower() == "ok" else "failed"
        directive = (m["directive"] or "").upper()
        if directive == "SKIP":
            result = "skipped"
        elif directive in ("XFAIL", "TODO") and result == "failed":
            result = "skipped"
        inner = [c for d in sorted(pending) if d > depth for c in pending.pop(d)]
        if inner:
            for c in inner:
                c.name = f"{m['name']}.{c.name}"
            if result == "failed" and all(c.result != "failed" for c in inner):
                inner.append(Case(m["name"], "failed"))
            pending.setdefault(depth, []).extend(inner)
        else:
            pending.setdefault(depth, []).append(Case(m["name"], result, m["reason"] or ""))
    for depth in sorted(pending):
        found += pending[depth]
    return found


def plan(text):
    """How many results the outermost plan announces, if there is one."""
    m = re.search(r"^1\.\.(\d+)", text, re.M)
    return int(m[1]) if m else None
