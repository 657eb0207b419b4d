# SPDX-License-Identifier: GPL-2.0
"""make check: what can be told from the sources alone, without booting anything."""

import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .env import JOBS, ROOT, Failure, Progress, lock, say
from .kernel import configure, make_args, make_env, obj_dir
from .layers import arrows_up
from .options import options
from .series import WIDTH, Patch, differences
from .tap import Case
from .tree import IGNORED_DIRS, Tree, patches, pristine

# Kinds of checkpatch messages that do not fit programs in user space, or this project.
# CAMELCASE: the names of queueing disciplines are the kernel's.
IGNORE = ("FILE_PATH_CHANGES", "SPDX_LICENSE_TAG", "CAMELCASE")
IGNORE_USER = ("BIT_MACRO", "VOLATILE", "COMPLEX_MACRO", "MACRO_ARG_REUSE", "MACRO_WITH_FLOW_CONTROL",
               "MULTISTATEMENT_MACRO_USE_DO_WHILE", "PREFER_DEFINED_ATTRIBUTE_MACRO", "ENOSYS",
               "ARCH_DEFINES", "AVOID_EXTERNS", "SSCANF_TO_KSTRTO", "EMBEDDED_FUNCTION_NAME",
               # Expected messages stand in one line, and tables in columns.
               "LONG_LINE", "LONG_LINE_STRING", "LONG_LINE_COMMENT", "SPLIT_STRING",
               # Designated initializers as arguments of fixture macros, assembly, register variables.
               "PARENTHESIS_ALIGNMENT", "LEADING_SPACE", "OPEN_ENDED_LINE", "MACRO_ARG_PRECEDENCE",
               "LINE_SPACING", "WEAK_DECLARATION",
               # Names of libc and the compiler; argv of execv(3); a value that is set before.
               "CAMELCASE", "STATIC_CONST_CHAR_ARRAY", "NAKED_SSCANF", "TYPO_SPELLING",
               # A macro of the kernel.
               "ARRAY_SIZE")
# Fixes: tags are compared with the kernel's history, which is not here. Where only "static" goes, the
# rest of a declaration is left as it is. Declarations, modes and conditions are as those around them,
# and so are barriers, which are explained where the other one of a pair is. What sscanf() does not find
# is zero. ENOSYS is the result of a system call that was not made.
IGNORE_PATCHES = ("BIT_MACRO", "BAD_FIXES_TAG", "PARENTHESIS_ALIGNMENT", "AVOID_EXTERNS", "SYMBOLIC_PERMS",
                  "UNNECESSARY_PARENTHESES", "MEMORY_BARRIER", "NAKED_SSCANF", "ENOSYS")
# The helpers for Rust name the headers of the architecture on purpose. No header has the ends of a vDSO.
IGNORE_HELPERS = ("INCLUDE_LINUX", "AVOID_EXTERNS")
# What a check says that needs a kernel.
NOT_BUILT = "the debugging kernel was not built: make kernel FLAVOUR=debug"
# Words that are right here.
WORDS = "iput,crate,ser,inout,mke,fpr,te,sie,ue,statics,ans,nd,hist,sme,sems,filp,parm,useable,unx,iif,struc,parms"


def sources(*suffixes):
    """The files of the repository with one of these suffixes; asks no git, which a worktree's build
    environment and an unpacked archive do not have."""
    found = []
    for here, dirs, names in os.walk(ROOT):
        dirs[:] = [d for d in dirs if d not in IGNORED_DIRS | {"out"}]
        found += [str((Path(here) / n).relative_to(ROOT)) for n in names if n.endswith(suffixes)]
    return sorted(f for f in found if (ROOT / f).is_file())


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
    def some(names, ignore, extra):
        _, text = output(["perl", tree.src / "scripts/checkpatch.pl", f"--root={tree.src}", "--strict",
                          "--terse", "--no-summary", "--quiet", "--ignore=" + ",".join(IGNORE + ignore),
                          *extra, *names], cwd=ROOT, env={**os.environ, "GIT_DIR": "/dev/null"})
        return [line for line in text.splitlines()
                if re.match(r"\S+:\d+: (ERROR|WARNING|CHECK):", line)]

    def run(names, ignore, *extra):
        with ThreadPoolExecutor(JOBS) as pool:
            parts = [names[n::JOBS] for n in range(JOBS) if names[n::JOBS]]
            return "\n".join(sorted(l for ls in pool.map(lambda p: some(p, ignore, extra), parts) for l in ls))

    c = sources(".c", ".h")
    helpers = [n for n in c if n.startswith("rust/helpers/")]
    user = [n for n in c if n.startswith("tools/")] + [n for n in c if n.startswith("scripts/")]
    kernel = sorted(set(c) - set(helpers) - set(user))
    found = [run(kernel, (), "-f"), run(helpers, IGNORE_HELPERS, "-f"), run(user, IGNORE_USER, "-f"),
             run([n for n in sources(".patch") if n.startswith("patches/")], IGNORE_PATCHES)]
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


def unknown_tests():
    """Tests that Documentation/checkpoint/findings.rst names and that are not there."""
    text = (ROOT / "Documentation/checkpoint/findings.rst").read_text()
    tests = ROOT / "tools/checkpoint/tests"
    tools = "".join(p.read_text() for p in (tests / "tools", *tests.glob("*.py")))
    for program, test in dict.fromkeys(re.findall(r"``(\w+)\.(\w+)``", text)):
        if program == "image":
            there = (ROOT / f"tools/checkpoint/image/tests/{test}.rs").exists()
        elif program == "tools":
            there = re.search(rf"\bdef {test}\b", tools)
        else:
            source = ROOT / f"tools/testing/selftests/checkpoint/{program}.c"
            there = source.exists() and re.search(rf"\b{test}\b", source.read_text())
        if not there:
            yield f"Documentation/checkpoint/findings.rst: there is no test {program}.{test}"


def documents(tree):
    """Sphinx builds the documents without a warning; what they and README refer to is there."""
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
        missing += unknown_tests()
        record = ROOT / "Documentation/checkpoint/reboot.txt"
        if record.exists() and record.read_text() not in (ROOT / "README.md").read_text():
            missing.append("README.md: has not the text of Documentation/checkpoint/reboot.txt: make record")
        return "\n".join([text] * bool(text) + missing)


def messages(_tree):
    """What a patch says is wrapped at 72 columns; tags and what is indented may be longer."""
    return "\n".join(f"{p.relative_to(ROOT)}: {len(line)} columns: {line}" for p in patches()
                     for line in Patch(p).body.splitlines()
                     if len(line) > WIDTH and not re.match(r"(Fixes|Link|Closes|[A-Z][\w-]+-by): |\s", line))


def series(_tree):
    """Each patch is in a mail of the series, and make series gives the tree of make apply."""
    try:
        return "\n".join(differences())
    except Failure as wrong:
        return str(wrong)


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
    line = re.sub(r"--(?:emit|out-dir)[= ]\S+", "", line) + f" {emit}"
    # What the kernel's Makefile exports for its Rust, too.
    env = {**os.environ, **{k: str(v) for k, v in make_env().items()}, "RUSTC_BOOTSTRAP": "1",
           "CLIPPY_CONF_DIR": str(tree.src)}
    return output(["sh", "-c", line], cwd=obj, env=env)


def clippy(tree):
    """Clippy has nothing to say of the engine."""
    with lock(Tree.LOCK), tempfile.TemporaryDirectory(prefix="lcr-clippy-") as tmp:
        tree.sync()
        done = compiled(tree, "clippy-driver", f"--emit=metadata={tmp}/m --out-dir={tmp}")
    if done is None:
        return NOT_BUILT
    status, text = done
    return text if status or re.search(r"^(warning|error)", text, re.M) else ""


def rustdoc(tree):
    """Rustdoc has nothing to say of the engine, and each link in its comments leads somewhere."""
    with lock(Tree.LOCK), tempfile.TemporaryDirectory(prefix="lcr-rustdoc-") as tmp:
        tree.sync()
        done = compiled(tree, "rustdoc", f"--document-private-items -o {tmp}")
    if done is None:
        return NOT_BUILT
    status, text = done
    return text if status or re.search(r"^(warning|error)", text, re.M) else ""


def c_objects(obj):
    """The objects of the C that all architectures have, but for those of the engine's whose option is
    off there."""
    config = (obj / ".config").read_text()
    off, option = set(), None
    for line in (ROOT / "kernel/checkpoint/Makefile").read_text().splitlines():
        if line.startswith("ifdef "):
            option = line.split()[1]
        elif line.startswith("endif"):
            option = None
        elif option and not re.search(rf"^{option}=y$", config, re.M):
            off.update(f"kernel/checkpoint/{n}" for n in line.split() if n.endswith(".o"))
    names = [n[:-2] + ".o" for n in sources(".c")
             if not n.startswith(("arch/", "rust/", "scripts/", "tools/"))]
    return [n for n in names if n not in off]


def make_objects(tree, flavour, *more):
    """Makes them as for a flavour: the status of make, what it says of them, and all that it says."""
    obj = obj_dir(tree, flavour)
    with lock(Tree.LOCK):
        tree.sync()
        configure(tree, obj, flavour)
        names = c_objects(obj)
        status, text = output(make_args(tree, obj) + [*more, *names],
                              env={**os.environ, **{k: str(v) for k, v in make_env().items()}})
    sources_of = [n[:-2] + ".c" for n in names]
    said = [line for line in text.splitlines()
            if any(n in line for n in sources_of) and re.search(r": (warning|error):", line)]
    return status, said, text


def objects(tree):
    """The C that all architectures have compiles with the options of the demonstration's kernel, which
    are fewer than those of the tests: each file says which headers it needs."""
    if not (obj_dir(tree, "debug") / ".config").exists():
        return NOT_BUILT
    status, said, text = make_objects(tree, "demo")
    return "\n".join(said or text.splitlines()[-30:]) if status else "\n".join(said)


def sparse(tree):
    """Sparse has nothing to say of the C that all architectures have."""
    if not (obj_dir(tree, "debug") / ".config").exists():
        return NOT_BUILT
    return "\n".join(make_objects(tree, "debug", "C=2", "CHECK=sparse")[1])


# What needs a kernel that was built comes last.
CHECKS = (layers, spelling, documents, options, messages, series, rustfmt, checkpatch, clippy, rustdoc,
          sparse, objects)
# What make test calls the whole of it.
PART = "check"


def results(names=()):
    """Runs the checks, or those that are named: the name of each, what it is about, "passed", "failed"
    or "skipped", and what it found."""
    known = {c.__name__: c for c in CHECKS}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise Failure(f"no check is called {unknown[0]}; there are: " + " ".join(known))
    tree = Tree(pristine())
    for name in names or known:
        found = known[name](tree)
        result = "skipped" if found == NOT_BUILT else "failed" if found else "passed"
        yield name, known[name].__doc__, result, found


def show(found, whole):
    """Shows what a check has found; the beginning of it unless all is wanted."""
    lines = found.splitlines()
    for line in lines if whole else lines[:60]:
        say(f"      | {line}")
    if not whole and len(lines) > 60:
        say(f"      | ... and {len(lines) - 60} more lines")


def check(names=()):
    """Runs the checks, or those that are named; returns how many found something."""
    failed = 0
    for name, about, result, found in results(names):
        Progress.clear()
        failed += result == "failed"
        if found:
            show(found, whole=bool(names))
        print(f"{'not ok' if result == 'failed' else 'ok'} {name}: {about}"
              + (" # SKIP" if result == "skipped" else ""), flush=True)
    return failed


def as_tests(add):
    """The same as a part of make test: hands a Case for each check to `add`."""
    progress = Progress.of(PART)
    for number, (name, _, result, found) in enumerate(results(), 1):
        if result == "failed":
            show(found, whole=False)
        add(Case(f"{PART}.{name}", result, found.partition("\n")[0]))
        progress.at(number / len(CHECKS), f"{PART}: {name}")
    progress.end()
