# SPDX-License-Identifier: GPL-2.0
"""make check: what can be told from the sources alone, without booting anything."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .env import ROOT, Failure, Progress, lock, say
from .kernel import make_args, make_env, obj_dir
from .layers import arrows_up
from .tree import Tree, pristine

# Kinds of checkpatch messages that do not fit programs in user space, or this project.
IGNORE = ("FILE_PATH_CHANGES", "SPDX_LICENSE_TAG")
IGNORE_USER = ("BIT_MACRO", "VOLATILE", "COMPLEX_MACRO", "MACRO_ARG_REUSE", "MACRO_WITH_FLOW_CONTROL",
               "MULTISTATEMENT_MACRO_USE_DO_WHILE", "PREFER_DEFINED_ATTRIBUTE_MACRO", "ENOSYS",
               "ARCH_DEFINES", "AVOID_EXTERNS", "SSCANF_TO_KSTRTO", "EMBEDDED_FUNCTION_NAME")
# The helpers for Rust name the headers of the architecture on purpose.
IGNORE_HELPERS = ("INCLUDE_LINUX",)
# Words that are right here.
WORDS = "crate,ser,inout,mke,fpr,te,sems,sie,sme,ue,statics,ans,nd,hist"


def sources(*suffixes):
    """The files of the repository that git knows or would add, by suffix."""
    out = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if f.endswith(suffixes) and (ROOT / f).is_file()]


def output(command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    return done.returncode, (done.stdout + done.stderr).strip()


def rustfmt(_tree):
    """Rust is formatted as rustfmt does it."""
    # As files of a crate name others, each is checked by itself.
    bad = []
    for name in sources(".rs"):
        status, text = output(["rustfmt", "--edition", "2021", "--check", "--config", "skip_children=true",
                               "--unstable-features", name], cwd=ROOT)
        if status and "unstable" in text:
            status, text = output(["rustfmt", "--edition", "2021", "--check", name], cwd=ROOT)
        if status:
            bad.append(text)
    return "\n".join(bad)


def checkpatch(tree):
    """C and the patches are as checkpatch.pl --strict wants them."""
    def run(names, ignore, *extra):
        if not names:
            return ""
        _, text = output(["perl", tree.src / "scripts/checkpatch.pl", f"--root={tree.src}", "--strict",
                          "--terse", "--no-summary", "--quiet", "--ignore=" + ",".join(IGNORE + ignore),
                          *extra, *names], cwd=ROOT, env={**os.environ, "GIT_DIR": "/dev/null"})
        return "\n".join(line for line in text.splitlines()
                         if re.match(r"\S+:\d+: (ERROR|WARNING|CHECK):", line))

    c = sources(".c", ".h")
    helpers = [n for n in c if n.startswith("rust/helpers/")]
    user = [n for n in c if n.startswith("tools/")] + [n for n in c if n.startswith("scripts/")]
    kernel = sorted(set(c) - set(helpers) - set(user))
    found = [run(kernel, (), "-f"), run(helpers, IGNORE_HELPERS, "-f"), run(user, IGNORE_USER, "-f"),
             run(sources(".patch"), ("BIT_MACRO",))]
    for left in ROOT.glob(".checkpatch-camelcase.*"):
        left.unlink()
    return "\n".join(f for f in found if f)


def spelling(_tree):
    """Words are spelled as codespell knows them."""
    names = sources(".rs", ".c", ".h", ".py", ".rst", ".md", ".patch", ".sh", ".toml", "Kconfig", "Makefile")
    return output(["codespell", "--ignore-words-list", WORDS, *names], cwd=ROOT)[1]


def layers(_tree):
    """Imports of the engine run downwards only."""
    return "\n".join(arrows_up(ROOT))


def documents(tree):
    """Sphinx builds the documents without a warning."""
    with tempfile.TemporaryDirectory(prefix="lcr-docs-") as tmp:
        tmp = Path(tmp)
        shutil.copytree(ROOT / "Documentation/checkpoint", tmp / "in/checkpoint")
        # References to pages of the kernel's own documents are made by its automarkup, not here.
        (tmp / "in/conf.py").write_text("project = 'Linux C/R'\nmaster_doc = 'checkpoint/index'\n"
                                        "highlight_language = 'none'\n")
        _, text = output(["sphinx-build", "-q", "-E", "-n", "-b", "html", tmp / "in", tmp / "out"])
        text = text.replace(f"{tmp}/in", "Documentation")
        missing = [f"{name}: Documentation/{m[1]} is not there" for name in sources(".rst", ".md")
                   for m in re.finditer(r"\bDocumentation/([\w./-]+\.rst)", (ROOT / name).read_text())
                   if not (ROOT / "Documentation" / m[1]).exists()
                   and not (tree.src / "Documentation" / m[1]).exists()]
        return "\n".join([text] * bool(text) + missing)


def compiled(tree, command, emit):
    """Runs `command` as the crate was last compiled in the debugging kernel; None: it never was."""
    obj = obj_dir(tree, "debug")
    saved = obj / "kernel/checkpoint/.checkpoint.o.cmd"
    if not saved.exists():
        return None
    line = re.match(r"savedcmd_\S+ := (.*)", saved.read_text())[1].replace("$(pound)", "#")
    # The compiler's call alone, without what objtool and the like do afterwards.
    line = line.partition(" ; ")[0]
    line = re.sub(r"(?:ccache )?\brustc\b", command, line, count=1)
    line = re.sub(r"--emit=\S+", emit, line)
    env = {**os.environ, **{k: str(v) for k, v in make_env().items()}, "CLIPPY_CONF_DIR": str(tree.src)}
    return output(["sh", "-c", line], cwd=obj, env=env)


def clippy(tree):
    """Clippy has nothing to say of the engine."""
    with lock(Tree.LOCK), tempfile.TemporaryDirectory(prefix="lcr-clippy-") as tmp:
        tree.sync()
        done = compiled(tree, "clippy-driver", f"--emit=metadata={tmp}/m --out-dir={tmp}")
    if done is None:
        return "the debugging kernel was not built: make kernel FLAVOUR=debug"
    status, text = done
    return text if status or re.search(r"^(warning|error)", text, re.M) else ""


def sparse(tree):
    """Sparse has nothing to say of the C in kernel/checkpoint."""
    obj = obj_dir(tree, "debug")
    if not (obj / ".config").exists():
        return "the debugging kernel was not built: make kernel FLAVOUR=debug"
    names = [n for n in sources(".c") if n.startswith("kernel/checkpoint/")]
    if not names:
        return ""
    with lock(Tree.LOCK):
        tree.sync()
        _, text = output(make_args(tree, obj) + ["C=2", "CHECK=sparse", *(n[:-2] + ".o" for n in names)],
                         env={**os.environ, **{k: str(v) for k, v in make_env().items()}})
    return "\n".join(line for line in text.splitlines()
                     if "kernel/checkpoint/" in line and re.search(r": (warning|error):", line))


CHECKS = (rustfmt, checkpatch, spelling, layers, documents, clippy, sparse)


def check(names=()):
    """Runs the checks, or those that are named; returns how many found something."""
    known = {c.__name__: c for c in CHECKS}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise Failure(f"no check is called {unknown[0]}; there are: " + " ".join(known))
    failed = 0
    tree = Tree(pristine())
    for name in names or known:
        found = known[name](tree)
        Progress.clear()
        if found:
            failed += 1
            for line in found.splitlines()[:60]:
                say(f"      | {line}")
        print(f"{'not ok' if found else 'ok'} check: {known[name].__doc__}", flush=True)
    return failed
