// SPDX-License-Identifier: GPL-2.0

//! What to do about a failure: it follows from the reasons that the kernel's lines give, and from
//! the number of the error only where there is no such line.

use std::io;

/// Most hints that are shown below one error.
const SHOWN: usize = 3;

/// What the kernel says, and what to do then. The first one that a line contains counts.
type Hint = (&'static str, &'static str);

/// For checkpoint(2).
const CHECKPOINT: &[Hint] = &[
    (
        "the caller may not access this task",
        "You may not inspect that process: run as its owner or, for programs that have changed \
         their credentials and for those of others, with CAP_SYS_PTRACE.",
    ),
    (
        "is in the cgroup but not in the tree",
        "Other processes are in the cgroup: leave --cgroup away, so that those to be saved get \
         one of their own, or move the others out.",
    ),
    (
        "is not in the cgroup that is frozen",
        "All processes of the tree must be in the cgroup: leave --cgroup away, so that they are \
         moved into one for the duration.",
    ),
    (
        "is in the pid namespace but not in the tree",
        "Something was started inside from outside (nsenter, docker exec): end it, or wait until \
         it ends.",
    ),
    (
        "is being checkpointed already",
        "Another checkpoint of these processes is running: try again when it has ended.",
    ),
    (
        "the root cgroup can't be frozen",
        "Name another cgroup, or leave --cgroup away.",
    ),
    (
        "child cgroups with tasks in them",
        "Cgroups below that of the tree can't be saved yet: leave --cgroup away, so that all \
         processes are moved into one for the duration.",
    ),
    (
        "caller is among the frozen tasks",
        "This command would be frozen too: run it from outside of the tree.",
    ),
    (
        "goes to a file that the frozen tasks use",
        "The reader of the image would be frozen too: write to a file, or pipe it to a process \
         that is not part of the tree.",
    ),
    (
        "the cgroup was thawed by a write",
        "Somebody has thawed the processes meanwhile: try again.",
    ),
    (
        "the caller may not freeze the cgroup",
        "You may not write to its cgroup.freeze: run as the owner of the cgroup, or as root.",
    ),
    (
        "memory ran out while its memory was being written",
        "Free memory, or let the processes not run meanwhile: --kill, or --leave-frozen.",
    ),
    (
        "did not freeze in time",
        "A process waits for something and can't be frozen meanwhile: see what it waits for \
         (/proc/PID/stack), or give it more time with --timeout.",
    ),
    (
        "a task outside shares it",
        "A process outside has that file open too: start the container with standard input, \
         output and errors of its own, say </dev/null >FILE 2>&1.",
    ),
    (
        "the pipe's other end is outside",
        "What is in the pipe can't be saved without its other end: send the output to a file, or \
         save the process at the other end as well.",
    ),
    (
        "(--reconnect), cut the connection",
        "A server outside has the other end: --reconnect connects to it again, --disconnect cuts the \
         connection. Documentation/checkpoint/policy.toml tells which is right for which server.",
    ),
    (
        "task outside has it too",
        "A process outside shares that: end it, or save a tree that it is part of.",
    ),
    (
        "a task outside shares them",
        "A process outside shares that: end it, or save a tree that it is part of.",
    ),
    (
        "controlling terminal",
        "Terminals can't be saved yet: start the program with setsid, and with \
         </dev/null >FILE 2>&1.",
    ),
    (
        "is traced (ptrace)",
        "End the debugger or strace that is attached to it, or save a tree that it is part of.",
    ),
    (
        "(ptrace): have that let it go on",
        "A debugger or strace has stopped it at a place where it can't be stopped again: try again, or \
         let it go on.",
    ),
    (
        "which the CPU that the image is for lacks",
        "Programs ask the CPU itself what it has, which nothing hides from them (GLIBC_TUNABLES does not \
         either). Run them in a virtual machine with the older CPU's model; or, if only registers are too \
         many (*-state), boot this kernel with clearcpuid= or nopku.",
    ),
    (
        "which the kernel that the image is for has enabled",
        "Boot the kernel there without these registers (clearcpuid=avx512f, nopku, ...), or run it in a \
         virtual machine with this CPU's model.",
    ),
    (
        "is of another architecture",
        "An image restarts on its own architecture only.",
    ),
    (
        "try again",
        "The process is in the middle of something: try again.",
    ),
    (
        "is executing a program",
        "The process is in the middle of something: try again.",
    ),
    (
        "is nothing that write(2) could write to",
        "Write to a regular file, a pipe or a socket.",
    ),
    (
        "a security module does not let the caller save it",
        "Its policy has to allow that: see what the module has noted (audit), or run as one who may.",
    ),
    (
        "[EOPNOTSUPP]",
        "What is named above can't be saved yet: end or close it, and try again.",
    ),
];

/// For restart(2).
const RESTART: &[Hint] = &[
    (
        "nobody listens there: start who does",
        "Start that server and try again, or do without it: --disconnect and the address.",
    ),
    (
        "none of this machine",
        "Give the machine the address, or tell which one it is now: --address OLD=NEW.",
    ),
    (
        "this machine does not have it",
        "Give the machine the address, or tell which one it is now: --address OLD=NEW.",
    ),
    (
        "its pid is in use",
        "Restart in a pid namespace of its own (restart --pidns --mount-proc), or end the process \
         that has the pid.",
    ),
    (
        "may not choose pids",
        "Choosing pids needs CAP_CHECKPOINT_RESTORE: run as root, or in a user namespace of your \
         own (unshare --user --map-root-user --pid --fork restart ...).",
    ),
    (
        "can't be found",
        "A file that the programs had open is missing: bring it back to its place, and try again.",
    ),
    (
        "is not the file that was saved",
        "A file has changed since the checkpoint: bring back what it was, or accept it as it is with \
         --accept PATH.",
    ),
    (
        "is another device than when it was saved",
        "The device at that path is another one here: make the right one (mknod), and try again.",
    ),
    (
        "the named pipe is in use",
        "Another process has that FIFO open: end it, and try again.",
    ),
    (
        "of a group without leader can't be taken",
        "That pid must be free, as a process group or session has it: restart in a pid namespace of its \
         own (restart --pidns --mount-proc), or end what has it.",
    ),
    (
        "killed while it",
        "Somebody has killed a process while it was restarted, or the OOM killer has: try again.",
    ),
    (
        "is beyond the limit of its user",
        "Raise the limit of pending signals (ulimit -i), and try again.",
    ),
    (
        "there is no pidfd for the root task",
        "Too many files are open: raise the limit (ulimit -n), and try again.",
    ),
    (
        "is being checkpointed, or was removed",
        "Wait until that checkpoint has ended, or restart into another cgroup (--cgroup).",
    ),
    (
        "is in the cgroup too, which can't be left frozen",
        "Restart into a cgroup that is empty (--cgroup), or without --leave-frozen.",
    ),
    (
        "killed tasks are not gone yet",
        "A debugger holds them, or a server of files (FUSE, NFS) does not answer: see what they wait \
         for (/proc/PID/stack). They end when that lets them go.",
    ),
    (
        "a security module does not let the caller restart",
        "Its policy has to allow that: see what the module has noted (audit), or restart as one who may.",
    ),
    (
        "too many tasks",
        "Raise the limit (ulimit -u, or pids.max of the cgroup), and try again.",
    ),
    (
        "the cgroup to restart into is frozen",
        "Thaw it (echo 0 >DIR/cgroup.freeze), or restart with --leave-frozen.",
    ),
    (
        "this CPU lacks",
        "The programs may be using what this processor lacks: restart on one like that of the \
         checkpoint.",
    ),
    (
        "its vDSO differs",
        "Restart under the kernel that the image was made with (ckptinfo names it).",
    ),
    (
        "can't do with the vDSO of another kernel",
        "This kernel's can't take its place: restart under the kernel that the image was made with \
         (ckptinfo names it).",
    ),
    (
        "and that is another one here",
        "Restart under the kernel that the image was made with (ckptinfo names it), or save it there once \
         more.",
    ),
    (
        "the tasks would be confined as the caller is",
        "Restart from where the programs were started, or with --caller-confinement if it is meant; \
         where only labels differ, --keep-labels gives them again.",
    ),
    (
        "CAP_SYS_ADMIN is needed",
        "Run as root, or in a user namespace of your own (unshare --user --map-root-user).",
    ),
    (
        "the caller may not",
        "Restart with the privileges that the programs had: as root, or as their owner.",
    ),
    (
        "no_new_privs",
        "Restart from a shell without no_new_privs (not from a sandbox or a restricted service).",
    ),
    (
        "its program is open for writing",
        "Another process writes to the program's file: let it end, and try again.",
    ),
    (
        "is nothing that read(2) could read from",
        "Name a regular file, or send the image through a pipe.",
    ),
    (
        "the image is faulty",
        "The image is damaged, or comes from another program: ckptinfo --verify tells more.",
    ),
    (
        "no task has a socket that",
        "The image is damaged, or comes from another program: ckptinfo --verify tells more.",
    ),
    (
        "record at offset",
        "The image is damaged, or is none: ckptinfo --verify tells more.",
    ),
];

/// What an error means where no line tells more.
const NUMBERS: &[(i32, &str)] = &[
    (
        libc::ENOSYS,
        "This kernel has neither checkpoint(2) nor restart(2): boot one with CONFIG_CHECKPOINT=y.",
    ),
    (
        libc::ENOSPC,
        "There is no room for the image: free some, or write it to another place.",
    ),
    (
        libc::EDQUOT,
        "The quota does not leave room for the image: write it to another place.",
    ),
    (
        libc::EFBIG,
        "The image is larger than a file may be (ulimit -f), or than the filesystem can hold.",
    ),
    (
        libc::EPIPE,
        "The reader of the image has ended before it had all of it.",
    ),
    (
        libc::ENOMEM,
        "There is not enough memory: free some, and try again.",
    ),
];

/// Returns what to do about an error that came with the kernel's `lines`.
fn hints(error: &io::Error, lines: &[String], known: &[Hint]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for line in lines.iter().filter(|l| !l.starts_with("failed: ")) {
        let hint = known.iter().find(|(says, _)| line.contains(says));
        if let Some((_, hint)) = hint.filter(|(_, hint)| !found.contains(hint)) {
            found.push(*hint);
        }
    }
    found.truncate(SHOWN);
    if found.is_empty() {
        let number = error.raw_os_error();
        found.extend(
            NUMBERS
                .iter()
                .filter(|(n, _)| Some(*n) == number)
                .map(|(_, hint)| *hint),
        );
    }
    found
}

/// Returns what to do about an error of checkpoint(2).
pub(crate) fn checkpoint(error: &io::Error, lines: &[String]) -> Vec<&'static str> {
    hints(error, lines, CHECKPOINT)
}

/// Returns what to do about an error of restart(2).
pub(crate) fn restart(error: &io::Error, lines: &[String]) -> Vec<&'static str> {
    hints(error, lines, RESTART)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        path::{
            Path,
            PathBuf, //
        }, //
    };

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn reason_before_number() {
        let busy = io::Error::from_raw_os_error(libc::EBUSY);
        let shared = lines(
            "refused: pid 1 (sh): descriptor 1 (/root/job.out): a task outside shares it: start it with its own [EBUSY]\n\
             failed: EBUSY, 1 refusals",
        );
        let found = checkpoint(&busy, &shared);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|h| h.contains("standard input")));
        // The same number for another reason.
        let held = lines("error: the cgroup is being checkpointed already");
        assert!(checkpoint(&busy, &held)
            .iter()
            .all(|h| h.contains("Another checkpoint")));
        assert!(checkpoint(&busy, &[]).is_empty());
    }

    #[test]
    fn number_without_reason() {
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        let summary = lines("failed: ENOSPC, 0 refusals");
        assert!(checkpoint(&full, &summary)
            .iter()
            .any(|h| h.contains("no room")));
    }

    #[test]
    fn one_hint_for_many_lines() {
        let exists = io::Error::from_raw_os_error(libc::EEXIST);
        let twice = lines(
            "refused: pid 7 (sh): its pid is in use [EEXIST]\n\
             refused: pid 8 (sh): its pid is in use [EEXIST]",
        );
        assert_eq!(restart(&exists, &twice).len(), 1);
    }

    /// Adds the text of all Rust files in `dir` and below, strings over several lines joined.
    fn sources(dir: &Path, text: &mut String) {
        for entry in fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let mut parts = source.split("\\\n");
                text.push_str(parts.next().unwrap_or_default());
                parts.for_each(|p| text.push_str(p.trim_start()));
            }
        }
    }

    /// Checks that the kernel gives these reasons: one that it words differently would lose its hint.
    #[test]
    fn the_kernel_says_so() {
        // Asked at run time: checkouts share what is built.
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        let root = Path::new(&here).join("../../..");
        let mut text = String::new();
        sources(&root.join("kernel/checkpoint"), &mut text);
        for (says, _) in CHECKPOINT.iter().chain(RESTART) {
            if !says.starts_with('[') {
                assert!(text.contains(says), "no message of the kernel has {says:?}");
            }
        }
    }
}
