// SPDX-License-Identifier: GPL-2.0

//! Namespaces that are not saved: tasks must share them with the caller.

use kernel::prelude::*;

use crate::{
    found::{
        Capture,
        ThreadOps, //
    },
    kapi::task::frozen::FrozenTask, //
};

/// ipc, mount, network and cgroup namespaces. The user namespace is that of the credentials.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "other namespaces",
    collect,
    ..ThreadOps::NONE
};

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let ns = t.namespaces()?;
    if let Some(name) = ns.foreign {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is in another {name} namespace than the caller: call checkpoint(2) in that \
                 namespace"
            ),
        );
    }
    if ns.pid_for_children != t.pid_ns()? {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "its children would be in another pid namespace (CLONE_NEWPID): start it with \
                 unshare --fork"
            ),
        );
    }
    Ok(())
}
