# SPDX-License-Identifier: GPL-2.0
"""CPUs: images for a machine that has less than this one."""

from harness import check, test


@test
def named_cpu(place):
    """What this CPU has is in an image; one for a CPU with less is not made, and nobody is harmed."""
    here = place.well("checkpoint", "--print-cpu").out
    place.file("here", here)
    job = place.answering()
    place.well("checkpoint", "--dry-run", "--cpu", "here", job.pid)
    image = place.image("image", "--cpu", "here", job=job)
    # The kernel finds what a program finds.
    known = place.well("ckptinfo", "--print-cpu", image).out
    check(known == here, f"the image has {known!r}, not {here!r}")
    place.well("ckptinfo", "--cpu", "here", image)
    place.fails("ckptinfo", "--cpu", "x86-64-v1", image, says="x86-64-v1 lacks ")
    pid = place.restart(image)
    place.runs(pid)
    told = ["refused: all tasks: they can have seen ", "which the CPU that the image is for lacks",
            "virtual machine"]
    for options in (["--kill", "-o", "other"], ["-o", "other"], ["--dry-run"]):
        place.fails("checkpoint", "--cpu", "x86-64-v1", *options, pid, says=told)
        place.runs(pid)
    check(not (place.dir / "other").exists(), "there is an image")


@test
def cpu_without_a_feature(place):
    """Each feature that the other CPU lacks is named."""
    arch, *features = place.well("checkpoint", "--print-cpu").out.split()
    job = place.answering()
    for feature in [f for f in features if "=" not in f and not f.endswith("-state")][::8]:
        left = " ".join(f for f in features if f != feature)
        place.file("less", f"# without {feature}\n{arch} {left}\n")
        place.fails("checkpoint", "--dry-run", "--cpu", "less", job.pid, says=f"have seen {feature}, which")
