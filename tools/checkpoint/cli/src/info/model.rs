// SPDX-License-Identifier: GPL-2.0

//! What is in an image, as far as the views need it.

use super::{
    fields::{
        name,
        printable, //
    },
    names, //
};
use image::{
    file::META_AT,
    image::{
        check,
        contents::{
            Extent,
            EXTENT_MM,
            EXTENT_SHARED,
            EXTENT_TAGGED, //
        },
        files::{
            pidfd::PidfdTarget,
            Fd,
            Inode,
            OpenFile,
            Pipe,
            Removed,
            Table,
            FILE_UNLINKED,
            INODE_MEMFD, //
        },
        header::arch,
        ipc::Segment,
        kinds::Kind,
        mm::{
            Guard,
            LeftOut,
            Mm,
            Vma, //
        },
        notify::Inotify,
        record::{
            Raw,
            Records, //
        },
        task::{
            Container,
            Process,
            Task,
            CONTAINER_SELF,
            CONTAINER_WHOLE,
            PROCESS_STOPPED, //
        }, //
    },
    File, //
};
use serde_json::{
    json,
    Map,
    Value, //
};
use std::collections::{
    BTreeMap,
    BTreeSet, //
};

/// A mapping and its name.
pub struct Mapping {
    /// As in the image.
    pub vma: Vma,
    /// Its own name.
    pub name: String,
    /// Bytes of it that are guard regions.
    pub guarded: u64,
    /// Bytes whose contents were left out.
    pub left_out: u64,
}

/// An open file and what it refers to.
pub struct OpenedFile {
    /// As in the image.
    pub file: OpenFile,
    /// Its path, or what stands for it.
    pub path: String,
}

/// What is in an image.
pub struct Model {
    /// What was checkpointed.
    pub container: Container,
    /// Threads, in the order of the image.
    pub tasks: Vec<Task>,
    /// Processes that are stopped, by their pids.
    stopped: BTreeSet<u32>,
    /// Address spaces with their mappings, by reference.
    pub mms: BTreeMap<u32, (Mm, Vec<Mapping>)>,
    /// Open files, by reference.
    pub files: BTreeMap<u32, OpenedFile>,
    /// Descriptor tables, by reference.
    pub tables: BTreeMap<u32, Vec<Fd>>,
    /// Pages in the image by address space, known after the whole image was read.
    pub pages: BTreeMap<u32, u64>,
    /// Pages that came with those of another range, likewise.
    pub shared: BTreeMap<u32, u64>,
    /// Inodes of segments of System V shared memory, by the reference of the segment.
    pub segments: BTreeMap<u32, u32>,
    /// Names of inodes, pipes and segments, by reference.
    inodes: BTreeMap<u32, String>,
}

impl Model {
    /// Returns what is in the metadata of `file`.
    pub fn of<R: std::io::Read>(file: &File<R>) -> Result<Self, image::Error> {
        let mut model = Self {
            container: check::container(&file.meta, META_AT)?,
            tasks: Vec::new(),
            stopped: BTreeSet::new(),
            mms: BTreeMap::new(),
            files: BTreeMap::new(),
            tables: BTreeMap::new(),
            pages: BTreeMap::new(),
            shared: BTreeMap::new(),
            segments: BTreeMap::new(),
            inodes: BTreeMap::new(),
        };
        // Files may come before what they refer to.
        for raw in Records::new(&file.meta, META_AT) {
            model.name(&raw?)?;
        }
        let mut current = 0;
        for raw in Records::new(&file.meta, META_AT) {
            let raw = raw?;
            match raw.kind {
                Kind::Task => model.tasks.push(raw.body()?),
                Kind::Process => {
                    let process: Process = raw.body()?;
                    if process.flags.get() & PROCESS_STOPPED != 0 {
                        model.stopped.insert(process.tgid.get());
                    }
                }
                Kind::Mm => {
                    let mm: Mm = raw.body()?;
                    current = mm.obj.get();
                    model.mms.insert(current, (mm, Vec::new()));
                }
                Kind::Vma => {
                    let mapping = Mapping {
                        vma: raw.body()?,
                        name: printable(raw.payload),
                        guarded: 0,
                        left_out: 0,
                    };
                    if let Some((_, mappings)) = model.mms.get_mut(&current) {
                        mappings.push(mapping);
                    }
                }
                Kind::LeftOut => {
                    let left_out: LeftOut = raw.body()?;
                    let mm = model.mms.get_mut(&current);
                    if let Some(mapping) = mm.and_then(|(_, mappings)| mappings.last_mut()) {
                        mapping.left_out += left_out.end.get() - left_out.start.get();
                    }
                }
                Kind::Guards => {
                    let guards: &[Guard] = raw.array(usize::MAX)?;
                    let bytes = guards.iter().map(|g| g.end.get() - g.start.get()).sum();
                    let mm = model.mms.get_mut(&current);
                    if let Some(mapping) = mm.and_then(|(_, mappings)| mappings.last_mut()) {
                        mapping.guarded = bytes;
                    }
                }
                Kind::File => {
                    let file: OpenFile = raw.body()?;
                    let path = match model.inodes.get(&file.inode.get()) {
                        Some(name) if raw.payload.is_empty() => name.clone(),
                        Some(_) if file.kind.get() == FILE_UNLINKED => {
                            format!("{} (deleted)", printable(raw.payload))
                        }
                        // Of two the one by which it is found.
                        _ => printable(raw.payload.split(|&b| b == 0).next().unwrap_or(&[])),
                    };
                    model
                        .files
                        .insert(file.obj.get(), OpenedFile { file, path });
                }
                Kind::Files => {
                    let table: Table = raw.body()?;
                    let fds: &[Fd] = raw.array(usize::MAX)?;
                    model.tables.insert(table.obj.get(), fds.to_vec());
                }
                _ => (),
            }
        }
        Ok(model)
    }

    /// Names the inode, pipe or segment of the record `raw`, if it is one.
    fn name(&mut self, raw: &Raw<'_>) -> Result<(), image::Error> {
        match raw.kind {
            Kind::Inode => {
                let inode: Inode = raw.body()?;
                let n = inode.obj.get();
                let name = if inode.flags.get() & INODE_MEMFD != 0 {
                    format!("/memfd:{}[{n}] (deleted)", printable(raw.payload))
                } else if raw.payload.is_empty() {
                    format!("anonymous:[{n}]")
                } else {
                    format!("{}/[{n}] (deleted)", printable(raw.payload))
                };
                self.inodes.insert(n, name);
            }
            Kind::Pipe => {
                let pipe: Pipe = raw.body()?;
                let n = pipe.obj.get();
                self.inodes.insert(n, format!("pipe:[{n}]"));
            }
            Kind::Removed => {
                let removed: Removed = raw.body()?;
                // What it was in, then its own path.
                let path = raw.payload.split(|&b| b == 0).nth(1).unwrap_or(&[]);
                self.inodes
                    .insert(removed.obj.get(), format!("{} (deleted)", printable(path)));
            }
            Kind::Segment => {
                let segment: Segment = raw.body()?;
                let n = segment.obj.get();
                self.segments.insert(n, segment.inode.get());
                let name = format!("/SYSV{:08x} (deleted)", segment.named.get());
                self.inodes.insert(n, name);
            }
            Kind::PidfdTarget => {
                let target: PidfdTarget = raw.body()?;
                let name = match target.pid.get() {
                    0 => "pidfd:[reaped]".to_string(),
                    pid => format!("pidfd:[{pid}]"),
                };
                self.inodes.insert(target.obj.get(), name);
            }
            Kind::Inotify => {
                let inotify: Inotify = raw.body()?;
                let n = inotify.obj.get();
                let name = format!("inotify:[{n}] ({} watches)", inotify.watches.get());
                self.inodes.insert(n, name);
            }
            _ => (),
        }
        Ok(())
    }

    /// Tells whether the process `tgid` was stopped by a signal.
    pub fn is_stopped(&self, tgid: u32) -> bool {
        self.stopped.contains(&tgid)
    }

    /// Counts the pages of an extent.
    pub fn count(&mut self, extent: &Extent) {
        let counts = match extent.kind.get() {
            EXTENT_MM | EXTENT_TAGGED => &mut self.pages,
            EXTENT_SHARED => &mut self.shared,
            _ => return,
        };
        *counts.entry(extent.obj.get()).or_default() += u64::from(extent.pages.get());
    }

    /// Returns what kind of checkpoint it is.
    pub fn scope(&self) -> &'static str {
        let flags = self.container.flags.get();
        match (flags & CONTAINER_WHOLE != 0, flags & CONTAINER_SELF != 0) {
            (true, false) => "container",
            (true, true) => "container, by its own init",
            (false, false) => "subtree",
            (false, true) => "subtree, by its own root",
        }
    }

    /// Lists the threads that use what `of` takes from a task, by their tids.
    pub fn users(&self, object: u32, of: impl Fn(&Task) -> u32) -> Vec<u32> {
        self.tasks
            .iter()
            .filter(|t| of(t) == object)
            .map(|t| t.tid.get())
            .collect()
    }

    /// Returns all of it.
    pub fn to_json<R>(&self, file: &File<R>, len: Option<u64>) -> Map<String, Value> {
        let header = &file.header;
        let summary = &file.summary;
        let mut all = Map::new();
        let mut put = |name: &str, value| all.insert(name.to_owned(), value);
        put(
            "image",
            json!({
                "version": header.version.get(),
                "arch": arch::name(header.arch.get()),
                "page_size": header.page_size.get(),
                "kernel": name(&header.release),
                "kernel_version": name(&self.container.version),
                "created": jiff::Timestamp::from_nanosecond(header.created_ns.get().into())
                    .map(|t| t.to_string())
                    .ok(),
                "created_ns": header.created_ns.get(),
                "id": header.id.get(),
                "boot": header.boot.get(),
                "generation": header.generation.get(),
                "parent_id": header.parent_id.get(),
                "parent_boot": header.parent_boot.get(),
                "metadata_bytes": header.meta_len.get(),
                "bytes": len,
                "killed": header.killed(),
                "scope": self.scope(),
                "root": self.container.root.get(),
            }),
        );
        put(
            "summary",
            json!({
                "records": summary.records,
                "tasks": summary.tasks,
                "processes": summary.processes,
                "address_spaces": summary.mms,
                "mappings": summary.vmas,
                "mapped_bytes": summary.mapped,
                "open_files": summary.files,
                "descriptors": summary.fds,
                "pipes": summary.pipes,
                "pipe_bytes": summary.pipe_bytes,
            }),
        );
        put("processes", self.processes_json());
        put("tasks", self.tasks.iter().map(task_json).collect());
        put(
            "address_spaces",
            self.mms
                .iter()
                .map(|(n, mm)| self.mm_json(*n, mm))
                .collect(),
        );
        put(
            "files",
            self.files.iter().map(|(n, f)| file_json(*n, f)).collect(),
        );
        put(
            "descriptor_tables",
            self.tables
                .iter()
                .map(|(n, fds)| table_json(*n, fds))
                .collect(),
        );
        all
    }

    /// Returns the processes, with the number of their threads, those that have exited included.
    fn processes_json(&self) -> Value {
        let mut threads: BTreeMap<u32, u32> = BTreeMap::new();
        for task in &self.tasks {
            *threads.entry(task.tgid.get()).or_default() += 1;
        }
        let leaders = self.tasks.iter().filter(|t| t.tid == t.tgid);
        leaders
            .map(|task| {
                let pid = task.tid.get();
                json!({
                    "pid": pid,
                    "parent": task.parent.get(),
                    "comm": name(&task.comm),
                    "state": names::state(task.state.get()),
                    "stopped": self.is_stopped(pid),
                    "threads": threads.get(&pid),
                })
            })
            .collect()
    }

    fn mm_json(&self, n: u32, (mm, mappings): &(Mm, Vec<Mapping>)) -> Value {
        let maps: Vec<Value> = mappings
            .iter()
            .map(|m| {
                let vma = &m.vma;
                json!({
                    "start": vma.start.get(),
                    "end": vma.end.get(),
                    "protection": names::protection(vma.flags.get(), vma.kind.get()),
                    "kind": names::mapping(vma.kind.get()),
                    "offset": vma.offset.get(),
                    "file": vma.file.get(),
                    "name": m.name,
                    "guarded_bytes": m.guarded,
                    "left_out_bytes": m.left_out,
                })
            })
            .collect();
        json!({
            "obj": n,
            "exe": self.files.get(&mm.exe.get()).map(|f| &f.path),
            "pages": self.pages.get(&n),
            "shared_pages": self.shared.get(&n),
            "maps": maps,
        })
    }
}

fn task_json(task: &Task) -> Value {
    json!({
        "tid": task.tid.get(),
        "tgid": task.tgid.get(),
        "parent": task.parent.get(),
        "pgid": task.pgid.get(),
        "sid": task.sid.get(),
        "comm": name(&task.comm),
        "state": names::state(task.state.get()),
        "mm": task.mm.get(),
        "files": task.files.get(),
    })
}

fn file_json(n: u32, opened: &OpenedFile) -> Value {
    let file = &opened.file;
    json!({
        "obj": n,
        "kind": names::file(file.kind.get()),
        "path": opened.path,
        "access": names::access(file.flags.get()),
        "pos": file.pos.get(),
        "size": file.size.get(),
    })
}

fn table_json(n: u32, fds: &[Fd]) -> Value {
    let fds: Vec<Value> = fds
        .iter()
        .map(|fd| {
            json!({
                "fd": fd.fd.get(),
                "file": fd.file.get(),
                "cloexec": fd.cloexec.get() != 0,
            })
        })
        .collect();
    json!({ "obj": n, "fds": fds })
}
