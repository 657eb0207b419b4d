# SPDX-License-Identifier: GPL-2.0
"""The layers of the engine: which module imports which."""

import re

# Each floor uses only what is on floors below it, and its own. What stands first wins.
FLOORS = (
    ("image", ("image",)),
    ("arch, kapi", ("arch", "kapi")),
    ("core", ("core",)),
    ("kinds", ("files", "ipc", "mm", "net", "ns", "task", "build", "cpu", "confinement",
               "found")),
    ("tables of kinds", ("kinds",)),
    ("capture, restart", ("capture", "restart")),
    ("system calls", ("syscall", "args", "checkpoint")),
)


def floor_of(module):
    for number, (_, names) in enumerate(FLOORS):
        if module in names:
            return number
    return None


def uses(text):
    """The first names after `crate::` in a file's imports and paths."""
    text = re.sub(r"//[^\n]*", "", text)
    found = set()
    for m in re.finditer(r"\bcrate::(\{|\w+)", text):
        if m[1] != "{":
            found.add(m[1])
            continue
        depth, word, at_start = 1, "", True
        for c in text[m.end():]:
            if c == "{":
                depth += 1
            elif c == "}":
                depth -= 1
            if depth == 0:
                break
            if depth == 1 and (c.isalnum() or c == "_") and at_start:
                word += c
                continue
            if word:
                found.add(word)
                word = ""
            at_start = depth == 1 and (c == "," or (at_start and c.isspace()))
        if word:
            found.add(word)
    return found


def arrows_up(root):
    """A line for each import that runs upwards, or of a module that is on no floor."""
    lines = []
    engine = root / "kernel/checkpoint"
    files = [(p, p.relative_to(engine).parts[0].removesuffix(".rs")) for p in sorted(engine.rglob("*.rs"))]
    files += [(p, "arch") for p in sorted(root.glob("arch/*/checkpoint/*.rs"))]
    for path, module in files:
        here = floor_of(module)
        if here is None:
            lines.append(f"{path.relative_to(root)}: {module} is on no floor (scripts/buildenv/layers.py)")
            continue
        for used in sorted(uses(path.read_text())):
            there = floor_of(used)
            if there is not None and there > here:
                lines.append(f"{path.relative_to(root)}: {FLOORS[here][0]} uses {used}, which lies above it")
    return lines
