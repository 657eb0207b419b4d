// SPDX-License-Identifier: GPL-2.0

//! Classic filters of sockets (SO_ATTACH_FILTER).
//!
//! They are attached before a socket gets its address, with the rights of who has made it where that
//! takes any: what it let pass before is put into its queue without them, and nothing else comes in
//! unseen. Programs of BPF are refused.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::restore::Restore,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::{
            filter::{
                FilterStep,
                SocketFilter,
                FILTER_MAX, //
            },
            Socket, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::socket::{
            so,
            SockRef, //
        },
        time::wait, //
    },
    net::{
        family_of,
        socket, //
    }, //
};

/// The filters.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "filters of sockets",
    save,
    link,
};

/// Returns whether a filter can't be taken off any more.
fn is_locked(sk: &SockRef) -> Result<bool> {
    let mut value = [0; 4];
    sk.option(so::SOCKET, so::LOCK_FILTER, &mut value)?;
    Ok(value != [0; 4])
}

/// Writes all filters.
fn save(cap: &mut Capture) -> Result {
    let sockets = core::mem::replace(&mut cap.found.net.filtered, KVVec::new());
    for sk in sockets {
        wait::go_on()?;
        let family = family_of(socket::numbers(&sk)).ok_or(EINVAL)?;
        let mut steps: KVVec<FilterStep> = KVVec::new();
        for (code, jt, jf, k) in sk.filter()? {
            let (code, k) = (code.into(), k.into());
            steps.push(FilterStep { code, jt, jf, k }, GFP_KERNEL_ACCOUNT)?;
        }
        if steps.is_empty() {
            continue;
        }
        let record = SocketFilter {
            socket: (family.object)(cap, sk.addr())?.get().into(),
            len: u32::try_from(steps.len())?.into(),
            locked: u32::from(is_locked(&sk)?).into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, steps.as_bytes())?;
    }
    Ok(())
}

/// Attaches a filter.
fn attach(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: SocketFilter = raw.body().map_err(|f| r.fault(f))?;
    let saved: &[FilterStep] = raw.array(FILTER_MAX).map_err(|f| r.fault(f))?;
    let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
    let (of, _) = r.object_body::<Socket>(obj)?;
    let number = |n: u32| i32::try_from(n);
    let numbers = [
        number(of.family.get())?,
        number(of.kind.get())?,
        number(of.protocol.get())?,
    ];
    let sk = family_of(numbers)
        .and_then(|family| (family.sk)(r, obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that has a filter")))?;
    let mut steps = KVVec::new();
    for step in saved {
        let step = (step.code.get(), step.jt, step.jf, step.k.get());
        steps.push(step, GFP_KERNEL_ACCOUNT)?;
    }
    let attach = || sk.attach_filter(&steps, record.locked.get() != 0);
    // Only one of TCP takes rights, and is one of these.
    let opener = r.with_built(obj, |made: &socket::Made| made.opener.clone());
    let done = match opener {
        Some(opener) => opener.act(attach),
        None => attach(),
    };
    done.map_err(|e| {
        let why = match e {
            EINVAL => "it is none",
            EPERM => {
                "who has made it may not, which takes CAP_NET_ADMIN on one of TCP, or there is one \
                 already that can't be taken off"
            }
            ENOMEM => "there is no memory, or it is too long (net.core.optmem_max)",
            _ => "the kernel does not take it",
        };
        r.told(e, fmt!("a filter can't be attached to its socket: {}", why))
    })
}

/// Attaches all filters: all files are there.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::SocketFilter {
            wait::go_on()?;
            attach(r, &raw)?;
        }
    }
    Ok(())
}
