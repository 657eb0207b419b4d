# SPDX-License-Identifier: GPL-2.0
"""make apply and make patches: the way out of this repository, and back into it."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .env import ROOT, SERIES, Failure, lock, say, step
from .tree import (OVERLAY, Tree, digest, overlay_files, patched_names, patches, pristine, read,
                   test_patches, version_of)

NEW_SUBJECT = "subsystem: say what this changes"
AUTHOR = "Linux C/R maintainers"
EMAIL = "maintainers@linux-cr.invalid"


def git(where, *args, env=None, **kw):
    """Runs git with nothing of a user's settings in the way."""
    cmd = ["git", "-c", "safe.directory=*", "-c", "core.abbrev=7", "-c", "commit.gpgsign=false",
           "-c", "gc.auto=0",
           "-c", "core.autocrlf=false", "-C", str(where), *map(str, args)]
    full = {**os.environ, **(env or {})}
    p = subprocess.run(cmd, capture_output=True, text=True, env=full, stdin=subprocess.DEVNULL, **kw)
    if p.returncode:
        raise Failure(f"git {args[0]} in {where}: " + (p.stderr + p.stdout).strip())
    return p.stdout


def identity(where):
    """Who commits, where the user has not said it."""
    p = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(where), "config", "user.email"],
                       capture_output=True, text=True)
    if p.stdout.strip():
        return {}
    return {"GIT_COMMITTER_NAME": AUTHOR, "GIT_COMMITTER_EMAIL": EMAIL,
            "GIT_AUTHOR_NAME": AUTHOR, "GIT_AUTHOR_EMAIL": EMAIL}


def apply(kdir):
    if not kdir:
        raise Failure("say where: make apply KDIR=path")
    if not (kdir / "Makefile").exists() or not (kdir / "init/Kconfig").exists():
        raise Failure(f"{kdir} is no kernel tree")
    version = version_of(kdir)
    if not version.startswith(SERIES + "."):
        raise Failure(f"{kdir} is Linux {version}; the series is for {SERIES}.y")
    owner = kdir.stat()
    who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if owner.st_uid else {}
    with tempfile.TemporaryDirectory(prefix="lcr-apply-") as tmp:
        os.chmod(tmp, 0o755)
        series = [Path(shutil.copy(p, tmp)) for p in patches()]
        there = applied(kdir, series, who)
        is_git = (kdir / ".git").exists()
        if is_git and git(kdir, "status", "--porcelain", "--untracked-files=no", **who):
            raise Failure(f"{kdir} has changes that are not committed")
        if not there:
            check(kdir, series, who)
        names = []
        for name, source in overlay_files().items():
            target = kdir / name
            if read(target) == source.read_bytes():
                continue
            for parent in reversed(target.relative_to(kdir).parents):
                if not (kdir / parent).exists():
                    (kdir / parent).mkdir()
                    os.chown(kdir / parent, owner.st_uid, owner.st_gid)
            shutil.copy(source, target)
            os.chown(target, owner.st_uid, owner.st_gid)
            names.append(name)
        if is_git:
            env = identity(kdir)
            if names:
                git(kdir, "add", "-f", "--", *names, env=env, **who)
                git(kdir, "commit", "-q", "-m", "checkpoint: application checkpoint/restart\n\n"
                    "The files of the subsystem: engine, tools, selftests and documents.", env=env, **who)
            if not there:
                git(kdir, "am", "-q", "--keep-cr", *series, env=env, **who)
        elif not there:
            for p in series:
                subprocess.run(["patch", "-p1", "-s", "-f", "--no-backup-if-mismatch", "-i", p],
                               cwd=kdir, check=True, **who)
    say(f"Linux {version} in {kdir}: {len(names)} files laid over, "
        + ("patches were in already" if there else f"{len(series)} patches applied"))
    return 0


def trial(kdir, series):
    """Copies of the files that a series touches, to try it on."""
    tmp = tempfile.TemporaryDirectory(prefix="lcr-trial-")
    for name in set().union(*(patched_names(p) for p in series)):
        if (kdir / name).exists():
            target = Path(tmp.name) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(kdir / name, target)
    return tmp


def applied(kdir, series, _who):
    """Whether the whole series is in the tree already."""
    with trial(kdir, series) as tmp:
        return all(subprocess.run(["patch", "-p1", "-R", "-s", "-f", "-i", p], cwd=tmp,
                                  capture_output=True).returncode == 0 for p in reversed(series))


def check(kdir, series, _who):
    with trial(kdir, series) as tmp:
        for p in series:
            tried = subprocess.run(["patch", "-p1", "-s", "-f", "-i", p], cwd=tmp,
                                   capture_output=True, text=True)
            if tried.returncode:
                raise Failure(f"{p.name} does not apply to {kdir}, nothing was changed:\n"
                              + tried.stdout.strip())


def take_back():
    src = pristine()
    with lock(Tree.LOCK):
        tree = Tree(src)
        if not tree.path.exists():
            raise Failure("there is no built tree yet (make kernel)")
        old = tree.old()
        overlay = overlay_files()
        series = patches() + test_patches()
        touched = {}
        for p in series:
            for name in patched_names(p):
                touched[name] = p
        in_patches, changed = {}, []
        for name, was in old.items():
            now = read(tree.path / name)
            if now is None or digest(now) == was:
                continue
            if name in touched:
                in_patches[name] = now
            else:
                here = overlay.get(name, ROOT / name)
                have = read(here)
                if have == now:
                    continue
                if have is not None and digest(have) != was:
                    raise Failure(f"{name} was changed both in {tree.path} and here")
                write(here, now)
                changed.append(name)
        for name in tree.stray_edits(old):
            now = read(tree.path / name)
            if (src / name).exists():
                in_patches[name] = now
            elif name.split("/")[0] in OVERLAY and "checkpoint" in name:
                write(ROOT / name, now)
                changed.append(name)
            else:
                say(f"    {name}: a new file that belongs to no part of this repository; left alone")
        if in_patches:
            changed += rewrite(src, series, touched, in_patches)
    for name in sorted(changed):
        say(f"    {name}")
    say(f"{len(changed)} files brought up to date" if changed else "no edits in the built tree")
    return 0


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def rewrite(src, series, touched, edits):
    """Folds edits into the last patch that touches the file; what no patch touches gets a new one."""
    step("folding edits into the series")
    changed = []
    with tempfile.TemporaryDirectory(prefix="lcr-series-") as tmp:
        tmp = Path(tmp)
        env = {"GIT_COMMITTER_NAME": AUTHOR, "GIT_COMMITTER_EMAIL": EMAIL,
               "GIT_AUTHOR_NAME": AUTHOR, "GIT_AUTHOR_EMAIL": EMAIL,
               "GIT_SEQUENCE_EDITOR": "true", "GIT_EDITOR": "true"}
        base_repository(tmp, src, set(edits) | set(touched), env)
        commits = {}
        for p in series:
            git(tmp, "am", "-q", p, env=env)
            commits[p] = git(tmp, "rev-parse", "HEAD").strip()
        by_patch = {}
        for name, content in edits.items():
            by_patch.setdefault(touched.get(name), []).append(name)
        new = by_patch.pop(None, [])
        for p, files in by_patch.items():
            for name in files:
                write(tmp / name, edits[name])
                git(tmp, "add", "-f", name)
            if git(tmp, "diff", "--cached", "--name-only"):
                git(tmp, "commit", "-q", f"--fixup={commits[p]}", env=env)
        if by_patch:
            git(tmp, "rebase", "-q", "-i", "--autosquash", f"HEAD~{len(git(tmp, 'log', '--format=%h').split()) - 1}",
                env=env)
        for name in new:
            write(tmp / name, edits[name])
            git(tmp, "add", "-f", name)
        if new:
            git(tmp, "commit", "-q", "-m", NEW_SUBJECT, env=env)
        out = tmp / ".out"
        git(tmp, "format-patch", "-q", "-N", "--zero-commit", "--no-signature", "--no-renames", "-o", out,
            f"HEAD~{len(git(tmp, 'log', '--format=%h').split()) - 1}")
        made = places(sorted(out.glob("*.patch")))
        for had in series:
            if had not in made:
                had.unlink()
                changed.append(f"{had.relative_to(ROOT)} (gone)")
        for place, m in made.items():
            if body(read(place)) != body(m.read_bytes()):
                shutil.copy(m, place)
                changed.append(str(place.relative_to(ROOT)))
        if new:
            say(f"    {', '.join(new)}: no patch touched them; write the message of {list(made)[-1].name}")
    return changed


def base_repository(where, src, names, env):
    """Makes a git repository with the kernel's own versions of some files as its only commit."""
    for name in names:
        if (src / name).exists():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(src / name, where / name)
    git(where, "init", "-q", "-b", "series")
    # The kernel's own attributes: they decide what a hunk's header shows.
    (where / ".git/info").mkdir(exist_ok=True)
    shutil.copy(src / ".gitattributes", where / ".git/info/attributes")
    git(where, "add", "-A", "-f")
    git(where, "commit", "-q", "--allow-empty", "-m", "base", env=env)


def places(made):
    """Where each patch that git has written belongs: those that help to test have no number."""
    found, number = {}, 0
    helping = {p.name for p in test_patches()}
    for m in made:
        name = m.name.partition("-")[2]
        if name in helping:
            found[ROOT / "scripts/patches" / name] = m
            continue
        number += 1
        found[ROOT / "patches" / f"{number:04}-{name}"] = m
    return found


def body(patch):
    """A patch without what says nothing."""
    return patch and re.sub(rb"^index [0-9a-f.]+( \d+)?$", b"", patch, flags=re.M).strip()
