# SPDX-License-Identifier: GPL-2.0
"""The kernel tree: a pristine source with this repository laid over it.

One tree per kernel version and architecture lies in the cache, so that
architectures build at the same time. It is brought up to date by content: a file
is written only if it must change, so that time stamps stay and make builds only
what it has to. What somebody edited in the tree is left alone (make patches takes
it back into the repository).
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .env import ARCH, CACHE, ROOT, SERIES, Failure, lock, run, say, sha, step

# Directories of the repository that lie at the same path in the kernel.
OVERLAY = ("arch", "fs", "include", "io_uring", "ipc", "kernel", "net", "rust", "Documentation", "tools")
IGNORED_DIRS = {"target", "__pycache__", ".git"}
IGNORED_SUFFIXES = (".o", ".cmd", ".swp", ".orig", ".rej", "~")
# What the kernel image does not depend on.
NOT_KERNEL = ("Documentation/", "tools/testing/", "tools/checkpoint/", "MAINTAINERS")


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def pristine():
    """The unpacked kernel source of the build environment's package."""
    with lock("source"):
        archive = Path(f"/usr/src/linux-source-{SERIES}.tar.xz")
        top = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", f"linux-source-{SERIES}"],
                             capture_output=True, text=True).stdout
        version = re.match(r"[0-9.]+[0-9]", top)
        if not version or not archive.exists():
            raise Failure(f"the package linux-source-{SERIES} is not in the build environment")
        src = CACHE / "src" / f"linux-{version[0]}"
        if not src.exists():
            step(f"unpacking Linux {version[0]}")
            src.parent.mkdir(parents=True, exist_ok=True)
            tmp = Path(tempfile.mkdtemp(dir=src.parent, prefix=".unpack-"))
            try:
                run(["tar", "-xJf", archive, "-C", tmp, "--strip-components=1"],
                    env={"XZ_OPT": "-T0"})
                tmp.chmod(0o755)
                tmp.rename(src)
            finally:
                shutil.rmtree(tmp, ignore_errors=True)
        return src


def copy_source(src, path, why):
    """Copies the kernel source to `path`, where there is nothing until the copy is complete."""
    step(f"copying the source of Linux {version_of(src)} {why}")
    tmp = Path(tempfile.mkdtemp(dir=path.parent, prefix=".tree-"))
    try:
        run(["cp", "-a", f"{src}/.", tmp])
        tmp.chmod(0o755)
        tmp.rename(path)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def version_of(tree):
    text = (tree / "Makefile").read_text(errors="replace")[:400]
    v = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)$", text, re.M))
    return "{VERSION}.{PATCHLEVEL}.{SUBLEVEL}".format(**v)


def overlay_files(root=ROOT):
    """Path in the kernel -> file of the repository."""
    files = {"kernel/checkpoint/Kconfig": root / "Kconfig"}
    for top in OVERLAY:
        for here, dirs, names in os.walk(root / top):
            dirs[:] = sorted(d for d in dirs if d not in IGNORED_DIRS)
            for name in names:
                path = Path(here) / name
                if name.endswith(IGNORED_SUFFIXES) or name.startswith(".#") or not path.is_file():
                    continue
                files[str(path.relative_to(root))] = path
    return files


def patches(root=ROOT):
    """The series: what changes in files that the kernel has."""
    return sorted((root / "patches").glob("*.patch"))


def test_patches(root=ROOT):
    """Patches that only help to test in guests: no part of the series, nor of make apply."""
    return sorted((root / "scripts/patches").glob("*.patch"))


def patched_names(patch):
    """Paths that a patch touches."""
    names = set()
    for line in patch.read_text(errors="replace").splitlines():
        m = re.match(r"(?:---|\+\+\+) [ab]/(\S+)", line)
        if m:
            names.add(m[1])
    return names


def patched_files(src, series, stop_at=None):
    """Applies the series to copies of the files it touches: path -> content."""
    names = set().union(*(patched_names(p) for p in series)) if series else set()
    with tempfile.TemporaryDirectory(prefix="lcr-patches-") as tmp:
        tmp = Path(tmp)
        for name in names:
            if (src / name).exists():
                (tmp / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(src / name, tmp / name)
        for patch in series:
            apply_patch(patch, tmp)
        return {name: read(tmp / name) for name in names}


def apply_patch(patch, where):
    p = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch", "-s", "-f", "-i", str(patch)],
                       cwd=where, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"{patch.name} does not apply to {where if where.name.startswith('linux') else 'the kernel source'}:\n"
                      + (p.stdout + p.stderr).strip())


def desired(src):
    """Path -> (content, mode) of all that this repository changes or adds."""
    files = {n: (c, None) for n, c in patched_files(src, patches() + test_patches()).items()
             if c is not None}
    for name, path in overlay_files().items():
        if name in files:
            raise Failure(f"{name} is both a file of this repository and changed by a patch")
        files[name] = (path.read_bytes(), path.stat().st_mode & 0o111)
    return files


class Tree:
    """The architecture's tree in the cache. Only to be used while its lock is held."""

    LOCK = f"tree-{ARCH}"

    def __init__(self, src):
        self.src = src
        self.version = version_of(src)
        self.path = CACHE / f"tree-{self.version}-{ARCH}"
        self.manifest = self.path / ".linux-cr"
        self.key = None

    def sync(self):
        """Brings the tree up to date; returns the paths that are edited in it."""
        if not self.path.exists():
            copy_source(self.src, self.path, f"({ARCH})")
        old = self.old()
        want = desired(self.src)
        edited = {}
        written = []
        hashes = {}
        for name, (content, mode) in want.items():
            path = self.path / name
            hashes[name] = new = digest(content)
            have = read(path)
            is_now = digest(have) if have is not None else None
            if is_now == new:
                continue
            origin = read(self.src / name)
            if is_now and is_now != old.get(name) and (origin is None or is_now != digest(origin)):
                if old.get(name) not in (None, new):
                    raise Failure(f"{path} was edited, and so was {name} here: "
                                  "settle it (make patches, or delete the file in the tree)")
                edited[name] = is_now
                continue
            written.append((path, content, mode))
        for name in set(old) - set(want):
            path, origin = self.path / name, read(self.src / name)
            if origin is None:
                path.unlink(missing_ok=True)
            elif read(path) != origin:
                written.append((path, origin, None))
        for path, content, mode in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            tmp = path.with_name(f".{path.name}.lcr")
            tmp.write_bytes(content)
            tmp.chmod(0o644 | ((mode or 0) and 0o111))
            tmp.rename(path)
        self.manifest.write_text(json.dumps(hashes, indent=0, sort_keys=True))
        edited |= self.stray_edits(hashes)
        relevant = sorted((n, h) for n, h in {**hashes, **edited}.items()
                          if not n.startswith(NOT_KERNEL))
        self.key = sha(self.version, json.dumps(relevant))
        return edited

    def old(self):
        try:
            return json.loads(self.manifest.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def stray_edits(self, managed):
        """Files outside the overlay and the patches that differ from the source."""
        edited = {}

        def walk(rel):
            try:
                entries = list(os.scandir(self.path / rel))
            except FileNotFoundError:
                return
            for e in entries:
                name = f"{rel}/{e.name}" if rel else e.name
                if e.is_dir(follow_symlinks=False):
                    if e.name not in IGNORED_DIRS:
                        walk(name)
                    continue
                if name in managed or e.name == ".linux-cr" or e.is_symlink() \
                        or e.name.endswith(IGNORED_SUFFIXES) or e.name.endswith(".lcr"):
                    continue
                have = e.stat()
                try:
                    origin = os.stat(self.src / name)
                except FileNotFoundError:
                    if e.name.startswith(".") or e.name.endswith((".pyc", ".d", ".a")):
                        continue
                    edited[name] = digest((self.path / name).read_bytes())
                    continue
                if have.st_size != origin.st_size or have.st_mtime_ns != origin.st_mtime_ns:
                    now = digest((self.path / name).read_bytes())
                    if now != digest((self.src / name).read_bytes()):
                        edited[name] = now

        walk("")
        return edited


def note_edits(tree, edited):
    if edited:
        say(f"    edited in {tree.path} and kept (make patches takes it over): "
            + " ".join(sorted(edited)[:8]) + (" ..." if len(edited) > 8 else ""))
