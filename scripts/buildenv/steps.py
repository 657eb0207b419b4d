# SPDX-License-Identifier: GPL-2.0
"""make series BUILD=1: compiles, after each mail of the series, what the series changes.

All files that any mail touches are compiled again after each of them that they depend on; make decides
which those are. The whole kernel is built by make kernel, from the same tree as after the last mail.
"""

import os
import re
import subprocess
import time

from .env import CACHE, Failure, conf, duration, lock, say
from .kernel import fragments, make_args, make_env, obj_dir, wanted
from .patches import git
from .tree import copy_source, pristine, version_of

# What make says of a target that does not compile.
FAILED = re.compile(r"\*\*\* \[[^\]]*: (\S+\.o)\] Error")
# From when on the kernel is configured with Rust: before, nothing of the series needs it, and each change
# of a header would build it anew.
RUST = ("rust/", "kernel/checkpoint/")
FLAVOUR = "demo"


class Steps:
    """A tree and an object directory of their own, which the mails are applied to one by one."""

    def __init__(self):
        self.src = pristine()
        self.version = version_of(self.src)
        self.path = CACHE / f"series-{self.version}"
        self.obj = obj_dir(self, FLAVOUR).with_name(f"series-{self.version}")
        self.log = CACHE / "log/series"

    def begin(self):
        """Makes the tree, if an earlier run has not left one."""
        if not self.path.exists():
            copy_source(self.src, self.path, "for the series")

    def put(self, name, content):
        """A file of the tree as a mail leaves it; None: as if it had never been there."""
        path = self.path / name
        if content is None:
            path.unlink(missing_ok=True)
        elif not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def configure(self, rust):
        """Configures the kernel with what the fragments ask for, as far as it is there already."""
        options = wanted("\n".join(p.read_text() for p in fragments(FLAVOUR)))
        if not rust:
            options["CONFIG_RUST"] = "n"
        self.obj.mkdir(parents=True, exist_ok=True)
        config = self.obj / "wanted.config"
        config.write_text("".join(f"{k}={v}\n" if v != "n" else f"# {k} is not set\n"
                                  for k, v in options.items()))
        done, text = self.make("allnoconfig", KCONFIG_ALLCONFIG=config)
        if not done:
            raise Failure("the kernel can't be configured:\n" + text)

    def make(self, *targets, **more):
        """Runs make; returns whether it came to its end, and what it printed."""
        env = {**os.environ, **{k: str(v) for k, v in (make_env() | more).items()}}
        done = subprocess.run([str(a) for a in (*make_args(self, self.obj), *targets)], env=env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with open(self.log, "a") as f:
            f.write(done.stdout)
        return done.returncode == 0, done.stdout

    def compile(self, targets):
        """Compiles the targets; returns what went wrong, by line, and the targets that failed."""
        done, text = self.make(*targets)
        if done:
            return [], set()
        wrong = [l for l in text.splitlines() if re.search(r"\berror(\[E\d+\])?:|No rule to make", l)]
        return wrong or text.splitlines()[-10:], set(FAILED.findall(text))


def compile_each(repository, commits):
    """Compiles after each of the commits of the git repository that has the series, from the first,
    which is the kernel without it. Fails with the mail that does not build."""
    steps = Steps()
    with lock("series"):
        steps.log.parent.mkdir(parents=True, exist_ok=True)
        steps.log.write_text("")
        steps.begin()
        base, *mails = commits
        # Everything that any mail touches is put back first.
        names = git(repository, "diff", "--name-only", base, mails[-1]).split()
        for name in names:
            origin = steps.src / name
            steps.put(name, origin.read_bytes() if origin.exists() else None)
        here = f"arch/{conf()['kernel_arch'].removesuffix('_64')}/"
        ours = {n for n in names if n.endswith(".c") and not n.startswith(("tools/", "rust/"))
                and (n.startswith(here) or not n.startswith("arch/"))}
        # Single targets are compiled whether the configuration has them or not, and some do not compile
        # then: without the series neither.
        steps.configure(False)
        objects = sorted(n.removesuffix(".c") + ".o" for n in ours if (steps.path / n).exists())
        _, not_here = steps.compile(objects)
        before, rust = base, False
        for number, commit in enumerate(mails, 1):
            changed = git(repository, "diff", "--name-only", before, commit).split()
            for name in changed:
                blob = subprocess.run(["git", "-c", "safe.directory=*", "-C", repository, "show", f"{commit}:{name}"],
                                      capture_output=True)
                steps.put(name, None if blob.returncode else blob.stdout)
            rust = rust or any(n.startswith(RUST) and not n.endswith((".rst", ".h")) for n in changed)
            subject = git(repository, "log", "-1", "--format=%s", commit).strip()
            started = time.monotonic()
            steps.configure(rust)
            last = commit == mails[-1]
            # New files are not in the build before the last mail.
            targets = sorted({n.removesuffix(".c") + ".o" for n in ours if (steps.path / n).exists()
                              and (last or not n.startswith("kernel/checkpoint/"))} - not_here)
            targets += ["rust/"] if rust else []
            wrong, _ = steps.compile(targets)
            if wrong:
                raise Failure(f"mail {number} does not build: {subject}\n" + "\n".join(wrong[:20])
                              + f"\n(all of it: {steps.log})")
            say(f"    {number:2}/{len(mails)} {subject}: {len(targets)} targets in {duration(time.monotonic() - started)}")
            before = commit
