# SPDX-License-Identifier: GPL-2.0
"""Configures and builds the kernel, or finds it already built."""

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from .env import (ARCH, CACHE, JOBS, SCRIPTS, VARIANT, Failure, Progress, conf, duration, lock, run,
                  say, sha, step)
from .tree import Tree, note_edits, pristine

KEEP_IMAGES = 24
# What make prints for each file that it makes.
OBJECT = re.compile(r"  (CC|AS|RUSTC L?|RUSTC|BINDGEN|HOSTCC|LD|AR|EXPORTS)\s")
# The steps at the end: each takes as long as many files.
LINK = re.compile(r"  (LD|OBJTOOL|NM|KSYMS|SORTTAB|OBJCOPY|ZOFFSET|GZIP|BUILD|BTF) .*"
                  r"(vmlinux|bzImage|Image|zoffset)")
LINK_STEPS, LINK_PART = 16, 0.06


def flavours():
    """What kernels there are; each is made of the fragments that ARCH.conf names."""
    return [key.removeprefix("config_") for key in conf() if key.startswith("config_")]


def flavour_of(asked):
    """The flavour that serves as the one asked for: an architecture may have one for all."""
    return asked if asked in flavours() else flavours()[0]


def fragments(flavour):
    """Configuration fragments, later ones win."""
    names = conf()[f"config_{flavour}"].split() + ([VARIANT] if VARIANT != ARCH else [])
    return [SCRIPTS / "config" / f"{n}.config" for n in names]


def wanted(text):
    """Option -> value that fragments ask for."""
    options = {}
    for line in text.splitlines():
        m = re.match(r"(CONFIG_\w+)=(.*)$", line)
        if m:
            options[m[1]] = m[2]
        m = re.match(r"# (CONFIG_\w+) is not set$", line)
        if m:
            options[m[1]] = "n"
    return options


class Kernel:
    """What the rest needs to know of a built kernel."""

    def __init__(self, directory, release):
        self.dir = directory
        self.image = directory / Path(conf()["image"]).name
        self.boot = directory / Path(conf().get("guest_image", conf()["image"])).name
        self.config = directory / "config"
        self.release = release

    @classmethod
    def at(cls, image):
        kernel = cls(Path(image).resolve().parent, "")
        kernel.image = kernel.boot = Path(image).resolve()
        return kernel


def build_conf():
    """The part of ARCH.conf that a kernel depends on."""
    return {k: conf().get(k) for k in ("kernel_arch", "image", "guest_image", "make_args")}


def make_args(tree, obj):
    c = conf()
    return ["make", "-C", tree.path, f"O={obj}", "LLVM=1", f"ARCH={c['kernel_arch']}",
            "CC=ccache clang", f"-j{JOBS}", "-k"] + c.get("make_args", "").split()


def make_env():
    return {"KBUILD_BUILD_TIMESTAMP": "2026-01-01", "KBUILD_BUILD_USER": "linux-cr",
            "KBUILD_BUILD_HOST": "linux-cr", "CCACHE_DIR": CACHE / "ccache",
            "CCACHE_MAXSIZE": "6G", "KCONFIG_NOTIMESTAMP": "1"}


def configure(tree, obj, flavour):
    """Writes obj/.config unless the fragments and Kconfig are what they were."""
    text = "\n".join(p.read_text() for p in fragments(flavour))
    obj.mkdir(parents=True, exist_ok=True)
    allconfig = obj / "wanted.config"
    allconfig.write_text("".join(f"{k}={v}\n" if v != "n" else f"# {k} is not set\n"
                                 for k, v in wanted(text).items()))
    # Into a file of its own first: .config is replaced only if it changes.
    new = obj / "new.config"
    run(make_args(tree, obj) + ["allnoconfig"], log=CACHE / "log" / f"config-{VARIANT}",
        env={**make_env(), "KCONFIG_ALLCONFIG": allconfig, "KCONFIG_CONFIG": new})
    have = wanted(new.read_text())
    lost = [f"{k}={v}" for k, v in wanted(text).items() if have.get(k, "n") != v]
    if lost:
        raise Failure("Kconfig did not take these options of scripts/config: " + " ".join(lost))
    old = obj / ".config"
    if not old.exists() or wanted(old.read_text()) != have:
        shutil.copy(new, old)
    for leftover in obj.glob("new.config*"):
        leftover.unlink()


def obj_dir(tree, flavour):
    return CACHE / "obj" / f"{VARIANT}-{flavour}-{tree.version}"


def image_dir(tree, flavour):
    """Where the kernel is that the tree makes as it is now."""
    config = "\n".join(p.read_text() for p in fragments(flavour))
    key = sha(tree.key, config, str(build_conf()), flavour)
    return CACHE / "images" / f"{VARIANT}-{flavour}-{key}"


def build_seconds(flavour):
    """About how long build() will take: no time, that of a few files, or that of all of them."""
    flavour = flavour_of(flavour)
    whole = int(conf()["build_minutes"]) * 60 * 2 / min(JOBS, 2)
    tree = Tree(pristine())
    # objects: how many a whole build has made, once it has come to its end.
    if not (obj_dir(tree, flavour) / "objects").exists():
        return whole
    with lock(Tree.LOCK):
        tree.sync()
        return 0 if (image_dir(tree, flavour) / "release").exists() else whole / 4


def objects(obj, flavour):
    """How many objects a whole build makes: as many as the last one, or as is known (objects_FLAVOUR
    in ARCH.conf)."""
    made = obj / "objects"
    if made.exists():
        return int(made.read_text())
    known = [int(v) for k, v in conf().items() if k.startswith("objects_")]
    return int(conf().get(f"objects_{flavour}") or max(known, default=1700))


def keep(obj, out):
    """Copies what was built in obj to the directory out; returns the kernel."""
    tmp = Path(tempfile.mkdtemp(dir=out.parent, prefix=".new-"))
    shutil.copy(obj / conf()["image"], tmp)
    if "guest_image" in conf():
        run(["llvm-strip", "-o", tmp / Path(conf()["guest_image"]).name, obj / conf()["guest_image"]])
    shutil.copy(obj / ".config", tmp / "config")
    shutil.copy(obj / "System.map", tmp / "System.map")
    shutil.copy(obj / "include/config/kernel.release", tmp / "release")
    tmp.chmod(0o755)
    shutil.rmtree(out, ignore_errors=True)
    tmp.rename(out)
    prune(out.parent)
    return Kernel(out, (out / "release").read_text().strip())


def build(flavour="demo", target=None):
    """Builds a flavour of the kernel, unless exactly that has been built before.

    With a target, only that is built (an object file, to see whether it compiles)."""
    flavour = flavour_of(flavour)
    src = pristine()
    with lock(Tree.LOCK):
        tree = Tree(src)
        edited = tree.sync()
        note_edits(tree, edited)
        out = image_dir(tree, flavour)
        images = out.parent
        images.mkdir(parents=True, exist_ok=True)
        if (out / "release").exists() and not target:
            os.utime(out)
            say(f"    kernel {(out / 'release').read_text().strip()} ({flavour}) is built already")
            return Kernel(out, (out / "release").read_text().strip())
        obj = obj_dir(tree, flavour)
        step(f"building Linux {tree.version} ({VARIANT}, {flavour})" + (f": {target}" if target else ""))
        started = time.monotonic()
        configure(tree, obj, flavour)
        if target:
            log = CACHE / "log" / f"target-{VARIANT}"
            run(make_args(tree, obj) + [target], log=log, env=make_env())
            warnings(log)
            return None
        total_file = obj / "objects"
        total, again = objects(obj, flavour), total_file.exists()
        progress = Progress.of("kernel")
        made = linked = 0

        def on_line(line):
            nonlocal made, linked
            linked += bool(LINK.match(line))
            if OBJECT.match(line):
                made += 1
            compiled = min(made / total, 1.0) if not linked else 1.0
            part = compiled * (1 - LINK_PART) + LINK_PART * min(linked / LINK_STEPS, 0.95)
            progress.at(part if linked or not again else None, f"{made} objects")

        log = CACHE / "log" / f"kernel-{VARIANT}-{flavour}"
        try:
            run(make_args(tree, obj) + [Path(conf()["image"]).name], log=log, env=make_env(),
                on_line=on_line)
        finally:
            progress.end()
        if made > 500:
            total_file.write_text(str(made))
        warnings(log)
        kernel = keep(obj, out)
        say(f"    kernel {kernel.release} ({flavour}): {made} objects in "
            f"{duration(time.monotonic() - started)}, {kernel.image.stat().st_size >> 20} MiB")
        return kernel


def build_other(flavour):
    """Builds the same kernel as another one, after build(): with the arguments of make that ARCH.conf
    names (other_kernel), which change its release and the code of its vDSO. None: it names none.

    It is made of the same objects, in their place: the next build makes the few again that differ."""
    if "other_kernel" not in conf():
        return None
    flavour = flavour_of(flavour)
    arguments = conf()["other_kernel"].split()
    src = pristine()
    with lock(Tree.LOCK):
        tree = Tree(src)
        tree.sync()
        same = image_dir(tree, flavour)
        out = same.with_name(f"{same.name}-{sha(*arguments)}")
        if (out / "release").exists():
            os.utime(out)
            return Kernel(out, (out / "release").read_text().strip())
        obj = obj_dir(tree, flavour)
        step(f"building another kernel ({VARIANT}, {flavour}): " + " ".join(arguments))
        configure(tree, obj, flavour)
        run(make_args(tree, obj) + arguments + [Path(conf()["image"]).name],
            log=CACHE / "log" / f"kernel-{VARIANT}-{flavour}-other", env=make_env())
        return keep(obj, out)


def warnings(log):
    """Shows the compiler's warnings about this project's own files."""
    lines = log.read_text(errors="replace").splitlines()
    for n, line in enumerate(lines):
        if not re.search(r"\bwarning:", line) or not any("checkpoint" in x for x in lines[n:n + 2]):
            continue
        for shown in lines[n:n + 12]:
            if not shown.strip() or re.match(r"  [A-Z]+( [A-Z])?  ", shown):
                break
            say("    " + shown)


def prune(images):
    """Forgets the kernels that have not been used for longest."""
    old = sorted((d for d in images.iterdir() if not d.name.startswith(".")),
                 key=lambda d: d.stat().st_mtime)
    for d in old[:-KEEP_IMAGES]:
        shutil.rmtree(d, ignore_errors=True)
    for d in images.glob(".new-*"):
        if time.time() - d.stat().st_mtime > 3600:
            shutil.rmtree(d, ignore_errors=True)
