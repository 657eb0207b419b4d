# SPDX-License-Identifier: GPL-2.0
"""make series: what a mailing list would get.

scripts/series/series.toml says which patches and which new files each mail has. The result is in
out/series: fixes/ has the patches that mend bugs of the kernel, to be sent by themselves, and
beside it are the cover letter and the series, which follows them.
"""

import fnmatch
import os
import re
import shutil
import tempfile
import textwrap
import tomllib
from email.utils import parsedate_to_datetime
from pathlib import Path

from .env import ROOT, SCRIPTS, Failure, say
from .patches import AUTHOR, EMAIL, base_repository, git
from .steps import compile_each
from .tree import overlay_files, patched_files, patched_names, patches, pristine, read, version_of

OUT = ROOT / "out/series"
PLAN = SCRIPTS / "series/series.toml"
COVER = SCRIPTS / "series/cover-letter"
SIGNED = f"Signed-off-by: {AUTHOR} <{EMAIL}>"
WIDTH = 72


class Patch:
    """A patch of the series that this repository has."""

    def __init__(self, path):
        self.path, self.slug = path, path.stem.partition("-")[2]
        head = path.read_text().partition("\n---\n")[0]
        header, _, text = head.partition("\n\n")
        subject = re.search(r"^Subject: \[PATCH\] (.*(?:\n .*)*)", header, re.M)[1]
        self.subject = re.sub(r"\s*\n\s+", " ", subject)
        self.date = re.search(r"^Date: (.*)", header, re.M)[1]
        self.body = text
        self.text = re.sub(r"(?m)^(Signed-off-by|Fixes): .*\n?", "", text).strip()
        self.fixes = re.findall(r"(?m)^Fixes: .*", text)


class Mail:
    """What one mail of the series has: patches, new files, and what is said about them."""

    def __init__(self, subject, text, parts, files):
        self.subject, self.text, self.patches, self.files = subject, text, parts, files

    def message(self):
        said = [textwrap.fill(" ".join(p.split()), WIDTH, break_on_hyphens=False)
                for p in self.text.strip().split("\n\n") if p]
        for p in self.patches if len(self.patches) > 1 else ():
            said += [textwrap.fill(p.subject + ":", WIDTH, break_on_hyphens=False), p.text]
        if len(self.patches) == 1:
            said.append(self.patches[0].text)
        return "\n\n".join([self.subject, *said, SIGNED]) + "\n"


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, p) for p in patterns)


def mails():
    """The fixes, and the mails of the series in their order."""
    plan = tomllib.loads(PLAN.read_text())["mail"]
    left = {p.slug: p for p in map(Patch, patches())}
    fixes = [left.pop(slug) for slug in list(left) if left[slug].fixes]
    files = sorted(overlay_files())
    found = []
    for entry in plan:
        names = entry.get("patches", ())
        missing = [s for s in names if "*" not in s and s not in left]
        if missing:
            raise Failure(f"{PLAN.name} names {missing[0]}, which is not in patches/")
        # In the order of patches/, as the later ones build on those before.
        own_patches = [left[s] for s in list(left) if matches(s, names)]
        for p in own_patches:
            del left[p.slug]
        patterns = [p for p in entry.get("files", ()) if not p.startswith("!")]
        others = [p[1:] for p in entry.get("files", ()) if p.startswith("!")]
        own = [f for f in files if matches(f, patterns) and not matches(f, others)]
        if not own and patterns:
            raise Failure(f"{PLAN.name}: no file is {patterns[0]}")
        files = [f for f in files if f not in own]
        found.append(Mail(entry["subject"], entry["text"], own_patches, own))
    if left:
        raise Failure(f"{PLAN.name} has no mail for " + ", ".join(p.path.name for p in left.values()))
    # Files that the plan does not name go with the last mail.
    found[-1].files += files
    return fixes, found


def base_commit(kdir, names, src):
    """What the series is based on: a commit of the tree KDIR, else the name of the release."""
    version = version_of(src)
    if not kdir:
        return f"v{version}"
    if not (kdir / ".git").exists():
        raise Failure(f"{kdir} is no git tree: its commit is what the series would be based on")
    for name in names:
        there = git(kdir, "show", f"HEAD:{name}", errors="surrogateescape") if (src / name).exists() else None
        if there is not None and there.encode(errors="surrogateescape") != read(src / name):
            raise Failure(f"{name} of the commit that {kdir} is at is not that of Linux {version}")
    return git(kdir, "rev-parse", "HEAD").strip()


def write_series(out, kdir=None, build=None):
    """Writes the series to a directory; returns how many fixes and mails it has. build: is given the
    git repository that has it, and its commits."""
    src = pristine()
    fixes, series = mails()
    names = set().union(*(patched_names(p) for p in patches()))
    base = base_commit(kdir, names, src)
    overlay = overlay_files()
    with tempfile.TemporaryDirectory(prefix="lcr-series-") as tmp:
        tmp = Path(tmp)
        env = committer(newest(fixes, series))
        base_repository(tmp, src, names, env)
        root = git(tmp, "rev-parse", "HEAD").strip()
        # All in the order of patches/ first: what is taken from there merges in another order too.
        commits = {}
        for p in map(Patch, patches()):
            git(tmp, "am", "-q", "--keep-cr", p.path, env=env)
            commits[p.slug] = git(tmp, "rev-parse", "HEAD").strip()
        git(tmp, "reset", "-q", "--hard", root)
        for p in fixes:
            git(tmp, "cherry-pick", commits[p.slug], env=env)
        start = git(tmp, "rev-parse", "HEAD").strip()
        for mail in series:
            for p in mail.patches:
                git(tmp, "cherry-pick", "-n", commits[p.slug], env=env)
            for name in mail.files:
                (tmp / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(overlay[name], tmp / name)
                (tmp / name).chmod(0o755 if overlay[name].stat().st_mode & 0o111 else 0o644)
            if mail.files:
                git(tmp, "add", "-f", "--", *mail.files)
            message = tmp / ".git/message"
            message.write_text(mail.message())
            git(tmp, "commit", "-q", "-F", message, env=env)
        if build:
            build(tmp, [root, *git(tmp, "rev-list", "--reverse", f"{root}..HEAD").split()])
        shutil.rmtree(out, ignore_errors=True)
        (out / "fixes").mkdir(parents=True)
        form = ("format-patch", "-q", "--zero-commit", "--no-signature", "--no-renames", f"--base={root}")
        git(tmp, *form, "-N", "-o", out / "fixes", f"{root}..{start}", env=env)
        git(tmp, *form, "-n", "--cover-letter", "-o", out, start, env=env)
    for p in [*out.glob("*.patch"), *out.glob("fixes/*.patch")]:
        p.write_bytes(p.read_bytes().replace(f"base-commit: {root}".encode(), f"base-commit: {base}".encode()))
    letter = next(out.glob("0000-*"))
    subject, _, text = COVER.read_text().partition("\n\n")
    for mark, number in size(fixes).items():
        text = text.replace(mark, str(number))
    letter.write_text(letter.read_text().replace("*** SUBJECT HERE ***", subject)
                      .replace("*** BLURB HERE ***", text.strip()))
    return len(fixes), len(series)


def committer(date):
    """Who git says makes the commits, and when."""
    who = {"NAME": AUTHOR, "EMAIL": EMAIL, "DATE": date}
    return {
        **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()},
        # The repository is gone when the series is written.
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsync", "GIT_CONFIG_VALUE_0": "none"}


def newest(fixes, series):
    """The date of the newest patch: what is written is the same each time."""
    dates = [parsedate_to_datetime(p.date) for p in fixes + [q for m in series for q in m.patches]]
    return max(dates).isoformat()


def size(fixes):
    """How much of existing files the series changes, for the cover letter."""
    own = [p for p in patches() if p not in [f.path for f in fixes]]
    lines = [l for p in own for l in p.read_text().partition("\n---\n")[2].splitlines()]
    return {"@ADDED@": sum(l.startswith("+") and not l.startswith("+++ ") for l in lines),
            "@REMOVED@": sum(l.startswith("-") and not l.startswith("--- ") for l in lines),
            "@FILES@": len(set().union(*map(patched_names, own)))}


def series(kdir=None, build=False):
    fixes, number = write_series(OUT, kdir, compile_each if build else None)
    say(f"    {OUT.relative_to(ROOT)}: a cover letter and {number} patches; fixes/: {fixes} to be sent before")
    return 0


def differences():
    """A line for each file that the series, applied in order, leaves other than make apply does."""
    src = pristine()
    with tempfile.TemporaryDirectory(prefix="lcr-series-") as tmp:
        tmp = Path(tmp)
        out, tree = tmp / "out", tmp / "tree"
        tree.mkdir()
        write_series(out)
        env = committer(newest(*mails()))
        want = {n: c for n, c in patched_files(src, patches()).items() if c is not None}
        base_repository(tree, src, set(want), env)
        mails_in_order = sorted(out.glob("fixes/*.patch")) + [
            p for p in sorted(out.glob("*.patch")) if not p.name.startswith("0000-")]
        git(tree, "am", "-q", "--keep-cr", *mails_in_order, env=env)
        executable = set()
        for name, path in overlay_files().items():
            want[name] = path.read_bytes()
            if path.stat().st_mode & 0o111:
                executable.add(name)
        have = {n for n in git(tree, "ls-files", "-z").split("\0") if n}
        lines = [f"{n}: is not of make apply" for n in sorted(have - set(want))]
        lines += [f"{n}: the series has it not" for n in sorted(set(want) - have)]
        for name in sorted(have & set(want)):
            if read(tree / name) != want[name]:
                lines.append(f"{name}: is another")
            elif name in executable and not os.access(tree / name, os.X_OK):
                lines.append(f"{name}: is not executable")
        for p in mails_in_order:
            text = p.read_text(errors="replace").partition("\n---\n")[0].partition("\n\n")[2]
            lines += [f"{p.name}: {l}: a line of {len(l)} columns" for l in text.splitlines() if len(l) > 75
                      and not re.match(r"Fixes: | ", l)]
        return lines
