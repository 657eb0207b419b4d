// SPDX-License-Identifier: GPL-2.0

//! The tree of tasks below a root, as it is at one moment.

use kernel::{
    bindings,
    num::casts::u32_as_usize,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
    task::Task, //
};

use crate::{
    image::task::TASKS_MAX,
    kapi::{
        pid::namespace::PidNs,
        task::{
            frozen::State,
            root::Root, //
        }, //
    }, //
};

/// A task of the tree, and why it may not run.
pub(crate) struct Member {
    /// The task.
    pub(crate) task: ARef<Task>,
    /// Has it exited?
    pub(crate) state: State,
}

/// Returns the state of the task, from its exit state.
///
/// # Safety
///
/// tasklist_lock is held, and `t` is on the list.
unsafe fn state_of(t: *mut bindings::task_struct) -> Option<State> {
    // SAFETY: By the caller's promise the task is on the list, and so valid as long as the lock is
    // held.
    unsafe {
        let exit_state = (*t).exit_state.cast_unsigned();
        if exit_state == 0 {
            return Some(State::Live);
        }
        if exit_state & bindings::EXIT_ZOMBIE == 0 || (*t).pid != (*t).tgid {
            return None;
        }
        if (*(*t).signal).nr_threads > 1 {
            Some(State::DeadLeader)
        } else {
            Some(State::Zombie)
        }
    }
}

/// Returns all threads of the tree below `root`: thread groups in an order in which parents come
/// before their children, the leader of each group first.
///
/// E2BIG: there are more than an image can hold. ESRCH: the root was reaped. May sleep.
pub(crate) fn collect(root: &Root) -> Result<KVVec<Member>> {
    let mut room = 64usize;
    loop {
        if room > u32_as_usize(TASKS_MAX) {
            return Err(E2BIG);
        }
        let mut leaders: KVVec<*mut bindings::task_struct> =
            KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
        let mut members: KVVec<Member> = KVVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: The lists that are walked are stable under tasklist_lock; nothing is
        // allocated and nothing sleeps under it. A pushed task gets a reference.
        let fits = unsafe {
            bindings::tasklist_read_lock();
            let leader = root.leader();
            let fits = leader.is_null() || walk(leader, &mut leaders, &mut members);
            bindings::tasklist_read_unlock();
            fits
        };
        if fits && members.is_empty() {
            return Err(ESRCH);
        }
        if fits {
            return Ok(members);
        }
        room = room.checked_mul(4).ok_or(E2BIG)?;
    }
}

/// Fills both vectors; false if they are too small.
///
/// # Safety
///
/// tasklist_lock is held and `leader` is the leader of a thread group on the list.
unsafe fn walk(
    leader: *mut bindings::task_struct,
    leaders: &mut KVVec<*mut bindings::task_struct>,
    members: &mut KVVec<Member>,
) -> bool {
    if leaders.push_within_capacity(leader).is_err() {
        return false;
    }
    let mut next = 0;
    while let Some(&leader) = leaders.get(next) {
        next += 1;
        // SAFETY: `leader` was found on a list under the lock, which is still held.
        if !unsafe { add(leader, members) } {
            return false;
        }
        // SAFETY: `leader` was found on a list under the lock, which is still held.
        if !unsafe { add_children(leader, leaders) } {
            return false;
        }
        let mut t = leader;
        loop {
            // SAFETY: The thread list is stable under tasklist_lock.
            t = unsafe { bindings::next_thread(t) };
            if t.is_null() || t == leader {
                break;
            }
            // SAFETY: `t` was just found on the thread list under the lock, which is still held.
            if unsafe { !add(t, members) || !add_children(t, leaders) } {
                return false;
            }
        }
    }
    true
}

/// Adds one thread; false if there is no room.
///
/// # Safety
///
/// tasklist_lock is held and `t` is on the list.
unsafe fn add(t: *mut bindings::task_struct, members: &mut KVVec<Member>) -> bool {
    // SAFETY: By the caller's promise the lock is held, and the task is on the list.
    let Some(state) = (unsafe { state_of(t) }) else {
        return true;
    };
    // SAFETY: A listed task is valid; a `Task` is a task_struct.
    let task: ARef<Task> = unsafe { &*t.cast::<Task>() }.into();
    members.push_within_capacity(Member { task, state }).is_ok()
}

/// Adds the leaders of the thread groups that are children of the thread `t`.
///
/// # Safety
///
/// tasklist_lock is held and `t` is on the list.
unsafe fn add_children(
    t: *mut bindings::task_struct,
    leaders: &mut KVVec<*mut bindings::task_struct>,
) -> bool {
    // SAFETY: The list of children is stable under tasklist_lock.
    unsafe {
        let head = &raw mut (*t).children;
        let mut p = (*head).next;
        while p != head {
            let child = kernel::container_of!(p, bindings::task_struct, sibling);
            if leaders.push_within_capacity(child).is_err() {
                return false;
            }
            p = (*p).next;
        }
    }
    true
}

/// Returns whether the tasks are of one thread group.
pub(crate) fn same_group(a: &Task, b: &Task) -> bool {
    // SAFETY: Both are valid, and keep their signal_structs, which are compared only.
    unsafe { (*a.as_ptr()).signal == (*b.as_ptr()).signal }
}

/// Returns whether the task is a thread of the kernel that works for the io_urings of its process,
/// and nobody traces it. It is no state: what it is about is in the io_urings.
pub(crate) fn is_worker(task: &Task) -> bool {
    let t = task.as_ptr();
    // SAFETY: We own a reference on the task; the flag is set before it is on a list, and `ptrace` is a
    // number that is read once.
    unsafe {
        (*t).flags & bindings::PF_IO_WORKER != 0 && (&raw const (*t).ptrace).read_volatile() == 0
    }
}

/// Returns whether the task counts: it lives, or is a process that waits to be reaped. A thread
/// that has exited is gone at any moment.
pub(crate) fn is_there(task: &Task) -> bool {
    // SAFETY: tasklist_lock keeps the exit state; the task is valid. One without a pid is on no
    // list any more.
    unsafe {
        bindings::tasklist_read_lock();
        let t = task.as_ptr();
        let there = !(*t).thread_pid.is_null() && state_of(t).is_some();
        bindings::tasklist_read_unlock();
        there
    }
}

/// Returns the address of the task that has to wait for `task`: if it has exited, with all its
/// threads, and keeps its pid only for that.
pub(crate) fn waited_for_by(task: &Task) -> Option<usize> {
    let t = task.as_ptr();
    // SAFETY: We own a reference on the task. Under tasklist_lock a task with a pid is on the lists,
    // has its signal_struct, and its parent does not change; the parent's address is not followed.
    unsafe {
        bindings::tasklist_read_lock();
        let dead = !(*t).thread_pid.is_null() && matches!(state_of(t), Some(State::Zombie));
        let parent = dead.then(|| (*t).real_parent.addr());
        bindings::tasklist_read_unlock();
        parent
    }
}

/// Returns whether `task` is exiting, and has let go of its memory and its files: what is left to
/// do is to tell its parent and, if it is the init of a pid namespace, to wait for all others in
/// that.
pub(crate) fn has_let_go(task: &Task) -> bool {
    let t = task.as_ptr();
    // SAFETY: We own a reference; each word is read once, and no pointer is followed. do_exit() calls
    // exit_files() after exit_mm(), and exit_notify() after both.
    unsafe {
        (&raw const (*t).flags).read_volatile() & bindings::PF_EXITING != 0
            && (&raw const (*t).files).read_volatile().is_null()
    }
}

/// Returns whether the task is still being made: it is on the lists, but not in its cgroup yet.
pub(crate) fn is_new(task: &Task) -> bool {
    // SAFETY: A `&Task` is valid; its state is an integer that is read once.
    unsafe { (&raw const (*task.as_ptr()).__state).read_volatile() & bindings::TASK_NEW != 0 }
}

/// Calls `f` for each task with a pid in `ns`, zombies included.
pub(crate) fn for_each_in_ns(ns: &PidNs, mut f: impl FnMut(&ARef<Task>)) {
    let mut nr = 1;
    loop {
        let rcu = rcu::read_lock();
        // SAFETY: We own a reference on the namespace. RCU, whose lock is held, keeps the pid that
        // is found, and its task until we have a reference.
        let (found, task) = unsafe {
            let pid = bindings::find_ge_pid(nr, ns.as_ptr());
            if pid.is_null() {
                return;
            }
            let t = bindings::pid_task(pid, bindings::pid_type_PIDTYPE_PID);
            let task: Option<ARef<Task>> = t.cast::<Task>().as_ref().map(ARef::from);
            (bindings::pid_nr_ns(pid, ns.as_ptr()), task)
        };
        drop(rcu);
        if let Some(task) = task {
            f(&task);
        }
        let Some(after) = found.checked_add(1) else {
            return;
        };
        nr = after;
    }
}
