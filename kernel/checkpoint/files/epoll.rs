// SPDX-License-Identifier: GPL-2.0

//! Epoll instances.
//!
//! What is registered with one is in links, as instances may be registered with each other. An item
//! does not keep its file: one whose file is in no descriptor table of the tasks, but kept by
//! somebody else, is refused.

use core::pin::Pin;

use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use zerocopy::IntoBytes;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        left_out,
        name::{
            name_of,
            Named,
            Text,
            User, //
        },
        open::{
            self,
            Open, //
        },
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found,
        LinkOps, //
    },
    image::{
        self,
        epoll::{
            epoll,
            EpollItem,
            EpollItems,
            EPOLL_IDLE,
            EPOLL_READY,
            EPOLL_REPORTED,
            ITEMS_MAX, //
        },
        files::{
            FILE_EPOLL,
            FILE_SIGNALFD, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::{
            epoll::{
                Epoll,
                Item,
                Params, //
            },
            events::Events,
            file::FileRef, //
        },
        mm::{
            memcg::Memcg,
            space::MmRef, //
        },
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    task, //
};

/// Epoll instances.
pub(super) const OPS: FileOps = FileOps {
    name: "an epoll instance",
    number: FILE_EPOLL,
    matches: |f| f.file.is_epoll(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// What is registered with them.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "epoll items",
    save: save_links,
    link,
};

/// An epoll instance.
struct Set {
    epoll: Epoll,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
}

fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    cap.objects.count::<Set>(open.file.addr())?;
    cap.objects.keep(Set {
        epoll: Epoll::of(&open.file).ok_or(EINVAL)?,
        who: t.display(&cap.pid_ns),
        user: named.user,
    })?;
    open.ours += 1;
    Ok(true)
}

impl Set {
    /// Returns why `item` can't be saved, if there is a reason.
    fn refused(&self, cap: &Capture, item: &Item) -> Option<(Error, &'static str)> {
        if left_out::is_gone(cap, &item.file) {
            return None;
        }
        let addr = item.file.addr();
        if cap.objects.users::<Open>(addr) == 0 {
            return Some((
                EBUSY,
                "none of the tasks has it open any more, but somebody else: have it taken out before \
                 it is closed (EPOLL_CTL_DEL)",
            ));
        }
        // One that was refused has its own line.
        let open = cap.objects.get::<Open>(addr)?;
        // It would be asked what it has to report, and may be one of the tasks, which stand still.
        if open.file.is_served() {
            return Some((
                EOPNOTSUPP,
                "a file of a FUSE server can't be saved there: have it taken out (EPOLL_CTL_DEL)",
            ));
        }
        if open.kind.number == FILE_SIGNALFD && task::signals_at(cap, item.signals).is_none() {
            return Some((
                EBUSY,
                "it waits for the signals of who has registered it, which is none of the tasks, or \
                 has exited: have one of them register it",
            ));
        }
        if item.events & epoll::WAKEUP != 0 && !self.epoll.may_block_suspend() {
            return Some((
                EOPNOTSUPP,
                "EPOLLWAKEUP, for which who made the instance has no right: have that made with \
                 CAP_BLOCK_SUSPEND",
            ));
        }
        None
    }

    /// Calls `f` with what can't be saved, and why, until it fails.
    fn each_refused(
        &self,
        cap: &Capture,
        mut f: impl FnMut(&Item, Error, &'static str) -> Result,
    ) -> Result {
        for item in &self.epoll.items_now()? {
            if let Some((errno, why)) = self.refused(cap, item) {
                f(item, errno, why)?;
            }
        }
        Ok(())
    }
}

impl Shared<Found> for Set {
    fn addr(&self) -> usize {
        self.epoll.file().addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match self.each_refused(cap, |_, _, _| Err(EBUSY)) {
            Ok(()) => Outside::Nothing,
            Err(_) => Outside::Refused,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let name = name_of(cap, self.epoll.file())?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        let mut found: KVVec<(u32, KVec<u8>, Error, &'static str)> = KVVec::new();
        let told = self.each_refused(cap, |item, errno, why| {
            let what = (item.fd, name_of(cap, &item.file)?, errno, why);
            Ok(found.push(what, GFP_KERNEL_ACCOUNT)?)
        });
        for (fd, name, errno, why) in &found {
            cap.report.refuse(
                *errno,
                &self.who,
                fmt!("{}: registered as {} ({}): {}", named, fd, Text(name), why),
            );
        }
        match told {
            Err(EBUSY) => {
                cap.report.refuse(
                    EBUSY,
                    &self.who,
                    fmt!("{}: somebody else is looking at it: try again", named),
                );
                Ok(())
            }
            told => told,
        }
    }
}

/// Writes the instance of an open file.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let (obj, Some(set)) = cap.objects.save::<Set>(open.file.addr())? else {
        return Err(EINVAL);
    };
    let params = set.epoll.params();
    let record = image::epoll::Epoll {
        obj: obj.get().into(),
        busy_poll_usecs: params.usecs.into(),
        busy_poll_budget: u32::from(params.budget).into(),
        prefer_busy_poll: u32::from(params.prefer).into(),
    };
    cap.meta.put(&record, &[])?;
    Ok(Saved {
        inode: obj.get(),
        pos: 0,
        ..Saved::of(&open.file)
    })
}

/// Writes what is registered with all instances.
fn save_links(cap: &mut Capture) -> Result {
    let mut sets: KVVec<usize> = KVVec::new();
    for (_, set) in cap.objects.all::<Set>() {
        sets.push(set.addr(), GFP_KERNEL_ACCOUNT)?;
    }
    for addr in sets {
        wait::check_killed()?;
        let set = cap.objects.get::<Set>(addr).ok_or(ENOENT)?;
        let mut items = set.epoll.items()?;
        items.retain(|item| !left_out::is_gone(cap, &item.file));
        let record = EpollItems {
            epoll: cap.objects.reference::<Set>(addr)?.get().into(),
            reserved: 0.into(),
        };
        let mut bytes: KVVec<u8> = KVVec::new();
        for chunk in items.chunks(ITEMS_MAX) {
            bytes.clear();
            for item in chunk {
                wait::go_on()?;
                bytes.extend_from_slice(to_image(cap, item)?.as_bytes(), GFP_KERNEL_ACCOUNT)?;
            }
            cap.meta.put(&record, &bytes)?;
        }
    }
    Ok(())
}

/// Returns the record of `item`. ENOENT: its file was not there before.
fn to_image(cap: &Capture, item: &Item) -> Result<EpollItem> {
    let signals = task::signals_at(cap, item.signals);
    let state = match (item.listed, item.passed) {
        (true, _) => EPOLL_READY,
        // Whatever was reported of it, there will be the restart to report.
        (false, true) if Events::of(&item.file).is_some() => EPOLL_IDLE,
        (false, true) => EPOLL_REPORTED,
        // That there is a signal we can't ask for another task; and there is none that comes
        // while it does not run.
        (false, false) if signals.is_some() => EPOLL_REPORTED,
        (false, false) => EPOLL_IDLE,
    };
    Ok(EpollItem {
        data: item.data.into(),
        events: item.events.into(),
        file: cap
            .objects
            .reference::<Open>(item.file.addr())?
            .get()
            .into(),
        fd: item.fd.into(),
        state: state.into(),
        signals: image::record::ref_number(signals).into(),
        reserved: 0.into(),
    })
}

/// How an item is left when all is registered.
struct Settled {
    /// Address of its file, which may be gone.
    addr: usize,
    fd: u32,
    listed: bool,
    disabled: bool,
}

/// A rebuilt epoll instance.
struct BuiltEpoll {
    epoll: Epoll,
    /// With whose rights files are registered with it.
    opener: CredRef,
    /// That of its first user: what items are charged to.
    memcg: Memcg,
    /// What must be brought into the state that it had, in the order of the ready list.
    settled: Pin<KBox<Mutex<KVVec<Settled>>>>,
}

impl Rebuilt for BuiltEpoll {
    fn stays(&self) -> bool {
        true
    }

    /// Settles what is ready, and not before: what becomes of the engine's references wakes who
    /// waits for a file, and is no event for the tasks.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let settled = core::mem::take(&mut *self.settled.lock());
        for item in &settled {
            wait::go_on()?;
            match self
                .epoll
                .settle(item.addr, item.fd, item.listed, item.disabled)
            {
                // Nobody has its file any more.
                Err(ENOENT) => (),
                done => done.map_err(|e| told(r, item.fd, e))?,
            }
        }
        Ok(())
    }
}

/// Makes an instance, with nothing registered yet.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let file = opener::make_object(r, plan, source, opener::NOATIME, || {
        Ok(Epoll::create()?.file().clone())
    })?;
    let epoll = Epoll::of(&file).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    opener.act(|| set_params(r, obj, &epoll)).map_err(|e| {
        let why = match e {
            EPERM => "its maker may not poll devices for so many packets (CAP_NET_ADMIN)",
            EOPNOTSUPP => "this kernel does not poll devices busily (CONFIG_NET_RX_BUSY_POLL)",
            _ => "impossible parameters",
        };
        r.fail(e, plan, fmt!("an epoll instance can't be rebuilt: {}", why))
    })?;
    let built = BuiltEpoll {
        epoll,
        opener,
        memcg: Memcg::of(&MmRef::of_current()?),
        settled: KBox::pin_init(
            new_mutex!(KVVec::new(), "checkpoint epoll items"),
            GFP_KERNEL_ACCOUNT,
        )?,
    };
    r.set_built(obj, built)?;
    Ok(file)
}

/// Sets how the new instance polls devices.
fn set_params(r: &Restore, obj: ObjRef, epoll: &Epoll) -> Result {
    let (record, _) = r.object_body::<image::epoll::Epoll>(obj)?;
    let params = Params {
        usecs: record.busy_poll_usecs.get(),
        budget: u16::try_from(record.busy_poll_budget.get())?,
        prefer: record.prefer_busy_poll.get() != 0,
    };
    if params == epoll.params() {
        return Ok(());
    }
    epoll.set_params(&params)
}

/// Registers with all instances what was registered: all files are there.
///
/// Instances come first, while all are empty: the kernel walks over what is registered below one
/// that is registered, to find circles and too many ways.
fn link(r: &Restore) -> Result {
    for instances in [true, false] {
        for raw in r.links() {
            let raw = raw.map_err(|f| r.fault(f))?;
            if raw.kind == Kind::EpollItems {
                link_items(r, &raw, instances)?;
            }
        }
    }
    Ok(())
}

/// Registers what is in `raw`: the instances in it, or all else.
fn link_items(r: &Restore, raw: &Raw<'_>, instances: bool) -> Result {
    let fault = |why| r.fault(raw.fault(why));
    let record: EpollItems = raw.body().map_err(|f| r.fault(f))?;
    let built = ObjRef::new(record.epoll.get())
        .and_then(|obj| r.built::<BuiltEpoll>(obj))
        .ok_or_else(|| fault("no task has the epoll instance"))?;
    let items: &[EpollItem] = raw.array(ITEMS_MAX).map_err(|f| r.fault(f))?;
    for item in items {
        wait::go_on()?;
        let file = ObjRef::new(item.file.get())
            .and_then(|obj| open::built(r, obj))
            .ok_or_else(|| fault("no task has a file that is registered"))?;
        if file.is_epoll() == instances {
            built.add(r, item, &file)?;
        }
        if !instances {
            built.note(item, &file)?;
        }
    }
    Ok(())
}

impl BuiltEpoll {
    /// Registers `file`.
    fn add(&self, r: &Restore, item: &EpollItem, file: &FileRef) -> Result {
        let (fd, events) = (item.fd.get(), item.events.get());
        let add = || {
            self.opener
                .act(|| self.epoll.add(file, fd, events, item.data.get()))
        };
        let got = self.memcg.charge(add).map_err(|e| told(r, fd, e))?;
        if events & !got & epoll::WAKEUP != 0 {
            return Err(r.told(
                EPERM,
                fmt!(
                    "epoll: descriptor {}: EPOLLWAKEUP: who made the instance may not keep the \
                     machine awake here (CAP_BLOCK_SUSPEND, CONFIG_PM_SLEEP)",
                    fd
                ),
            ));
        }
        if let Some(obj) = ObjRef::new(item.signals.get()) {
            let task = task::with_signals(r, obj).ok_or_else(|| told(r, fd, ESRCH))?;
            self.epoll
                .wait_for_signals(file, fd, &task)
                .map_err(|e| told(r, fd, e))?;
        }
        Ok(())
    }

    /// Notes what is to be done about the state of an item.
    fn note(&self, item: &EpollItem, file: &FileRef) -> Result {
        let state = item.state.get();
        let disabled = item.events.get() & !epoll::HOW == 0;
        if state == EPOLL_IDLE && !disabled {
            return Ok(());
        }
        let settled = Settled {
            addr: file.addr(),
            fd: item.fd.get(),
            listed: state == EPOLL_READY,
            disabled,
        };
        Ok(self.settled.lock().push(settled, GFP_KERNEL_ACCOUNT)?)
    }
}

/// Reports that what was registered as `fd` can't be; returns `errno`.
fn told(r: &Restore, fd: u32, errno: Error) -> Error {
    let why = match errno {
        ENOSPC => "its maker may not have so much registered (fs.epoll.max_user_watches)",
        ELOOP => "the instances are registered in a circle, or too deep",
        EINVAL => "too many ways lead to it, or it is the instance itself",
        EPERM => "it can't be waited for",
        EEXIST => "it is registered twice",
        EBUSY => "somebody else has locked the instance",
        ESRCH => "no task has the signals that it waits for",
        ENOMEM => "no memory",
        _ => "it can't be registered",
    };
    if errno == EINTR {
        return errno;
    }
    r.told(errno, fmt!("epoll: descriptor {}: {}", fd, why))
}
