// SPDX-License-Identifier: GPL-2.0

//! Network namespaces: `net/core/net_namespace.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr, //
};

use crate::kapi::pid::namespace::PidNs;

/// Most bytes that netlink may answer, or that the settings may have.
const ANSWERS_MAX: usize = 16 << 20;

/// How many there is room for at first.
const ANSWERS: usize = 128 << 10;

/// Bytes of the name of a device, its NUL included.
const NAME: usize = bindings::CHECKPOINT_NETNS_NAME as usize;

/// State of a loopback device.
#[derive(Clone, Copy)]
pub(crate) struct Loopback {
    /// It is switched on.
    pub(crate) up: bool,
    /// It is not, but has the addresses that it got when it was.
    pub(crate) was_up: bool,
    /// Its MTU.
    pub(crate) mtu: u32,
}

/// A device that leads out of its namespace.
pub(crate) struct Lead {
    /// Address of the namespace that it leads to, to compare.
    pub(crate) to: usize,
    /// Its number.
    pub(crate) index: u32,
    /// It is one end of a veth.
    pub(crate) is_pair: bool,
    /// Its name, padded with NUL.
    pub(crate) name: [u8; NAME],
}

/// What a namespace has that a new one has not, and that netlink does not show.
pub(crate) enum Left {
    /// Nothing.
    Nothing,
    /// A device, by its name, padded with NUL.
    Device([u8; NAME]),
    /// A device that is not as the new one.
    Differs([u8; NAME]),
    /// A tunnel that has what can't be asked for, by its name.
    Tunnel([u8; NAME]),
    /// A device of another namespace whose ends are in it, by its name.
    Lends([u8; NAME]),
    /// Not a device that a new namespace has.
    Lacks([u8; NAME]),
    /// Hooks of netfilter.
    Netfilter,
    /// IPsec.
    Xfrm,
    /// Another mode of some kinds of sockets.
    Modes,
    /// Programs of BPF.
    Bpf,
    /// Other numbers for other namespaces.
    Ids,
}

/// A reference on a network namespace.
///
/// # Invariants
///
/// The pointer is a valid `struct net` on which this owns a reference.
pub(crate) struct NetNs(NonNull<bindings::net>);

// SAFETY: Any thread may use and drop a reference; what is in it has locks.
unsafe impl Send for NetNs {}
// SAFETY: What is in it has locks, and a shared reference does not give ours up.
unsafe impl Sync for NetNs {}

impl NetNs {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is valid for the duration of the call.
    pub(in crate::kapi) unsafe fn get(ns: *mut bindings::net) -> Result<Self> {
        let ns = NonNull::new(ns).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise it is valid, with a count that is not zero.
        unsafe { bindings::checkpoint_netns_get(ns.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Ok(Self(ns))
    }

    /// Returns that of the current task.
    pub(crate) fn of_current() -> Self {
        // SAFETY: The nsproxy of the running task is valid, and so is its namespace.
        unsafe {
            let ns = (*(*bindings::get_current()).nsproxy).net_ns;
            bindings::checkpoint_netns_get(ns);
            // INVARIANT: The reference was just taken.
            Self(NonNull::new_unchecked(ns))
        }
    }

    /// Returns whether the current task is in it.
    pub(crate) fn is_of_current(&self) -> bool {
        // SAFETY: The nsproxy of the running task is valid; the pointers are compared only.
        unsafe { (*(*bindings::get_current()).nsproxy).net_ns == self.as_ptr() }
    }

    /// Returns the namespace, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::net {
        self.0.as_ptr()
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Hands the reference over.
    pub(in crate::kapi) fn into_raw(self) -> *mut bindings::net {
        core::mem::ManuallyDrop::new(self).as_ptr()
    }

    /// Returns the number of references on it but those of sockets, ours included: of nsproxies,
    /// open files, mounts.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference.
        unsafe { bindings::checkpoint_netns_count(self.as_ptr()) }
    }

    /// Returns whether a task is in it that is not in the pid namespace `inside`.
    pub(crate) fn has_others(&self, inside: &PidNs) -> bool {
        // SAFETY: We own references on both.
        unsafe { bindings::checkpoint_netns_has_others(self.as_ptr(), inside.as_ptr()) }
    }

    /// Returns how many threads are in it, workers of io_urings not counted.
    pub(crate) fn tasks(&self) -> u64 {
        // SAFETY: We own a reference.
        unsafe { bindings::checkpoint_netns_tasks(self.as_ptr()) }
    }
}

/// What is in it.
impl NetNs {
    /// Returns whether the caller may set it up: CAP_NET_ADMIN over it.
    pub(crate) fn may_admin(&self) -> bool {
        // SAFETY: We own a reference.
        unsafe { bindings::checkpoint_netns_may_admin(self.as_ptr()) }
    }

    /// Returns whether it is that of the first process of the machine.
    pub(crate) fn is_initial(&self) -> bool {
        // SAFETY: We own a reference.
        unsafe { bindings::checkpoint_netns_is_initial(self.as_ptr()) }
    }

    /// Makes a new one with the same owner, to compare.
    ///
    /// ENOSPC: there are as many as may be (user.max_net_namespaces).
    pub(crate) fn like(&self) -> Result<Self> {
        // SAFETY: We own a reference; what is returned comes with one.
        let new = from_err_ptr(unsafe { bindings::checkpoint_netns_like(self.as_ptr()) })
            .map_err(no_memory)?;
        // INVARIANT: The reference is ours.
        NonNull::new(new).map(Self).ok_or(ENOMEM)
    }

    /// Reads the state of its loopback device. EINTR: the caller was killed.
    pub(crate) fn loopback(&self) -> Result<Loopback> {
        let mut lo = bindings::checkpoint_netns_lo::default();
        // SAFETY: We own a reference; there is room for the result.
        to_result(unsafe { bindings::checkpoint_netns_lo_get(self.as_ptr(), &mut lo) })?;
        Ok(Loopback {
            up: lo.up != 0,
            was_up: lo.was_up != 0,
            mtu: lo.mtu,
        })
    }

    /// Brings its loopback device, which is as it was born, to a state.
    ///
    /// EPERM: the caller may not. EINVAL: it can't have that MTU. EINTR: the caller was killed.
    pub(crate) fn set_loopback(&self, lo: &Loopback) -> Result {
        let lo = bindings::checkpoint_netns_lo {
            up: lo.up.into(),
            was_up: lo.was_up.into(),
            mtu: lo.mtu,
        };
        // SAFETY: We own a reference; the state is only read.
        to_result(unsafe { bindings::checkpoint_netns_lo_set(self.as_ptr(), &lo) })
            .map_err(no_memory)
    }

    /// Returns the first device that leads out of it, of those whose number is `from` or higher. To be
    /// asked for before netlink is asked for devices. EINTR: the caller was killed.
    pub(crate) fn lead(&self, from: u32) -> Result<Option<Lead>> {
        let mut raw = bindings::checkpoint_netns_lead::default();
        // SAFETY: We own a reference; there is room for the result.
        let found = unsafe { bindings::checkpoint_netns_lead(self.as_ptr(), from, &mut raw) };
        to_result(found)?;
        Ok((found != 0).then_some(Lead {
            to: raw.to.addr(),
            index: raw.index,
            is_pair: raw.pair != 0,
            name: raw.name,
        }))
    }

    /// Returns the namespace where its device with the number `index` leads.
    ///
    /// ENODEV: it leads nowhere. EINTR: the caller was killed.
    pub(crate) fn lead_net(&self, index: u32) -> Result<Self> {
        // SAFETY: We own a reference; what is returned comes with one, or is an error.
        let net = unsafe { bindings::checkpoint_netns_lead_net(self.as_ptr(), index) };
        // INVARIANT: The reference is ours.
        NonNull::new(from_err_ptr(net)?).map(Self).ok_or(ENODEV)
    }

    /// Returns the first number that it has for another namespace, of those from `from` on, and the
    /// address of that.
    pub(crate) fn number(&self, from: i32) -> Option<(i32, usize)> {
        let mut number = from;
        // SAFETY: We own a reference; there is room for the number. What is returned is only compared.
        let other = unsafe { bindings::checkpoint_netns_number(self.as_ptr(), &mut number) };
        (!other.is_null()).then_some((number, other.addr()))
    }

    /// Gives it a number for `peer`.
    ///
    /// EPERM: the caller may not. EEXIST: the number is in use, or it has one for that.
    pub(crate) fn set_number(&self, peer: &Self, number: i32) -> Result {
        // SAFETY: We own references on both.
        to_result(unsafe {
            bindings::checkpoint_netns_set_number(self.as_ptr(), peer.as_ptr(), number)
        })
    }

    /// Returns whether its device with the number `index` uses all queues that it has to send, and to
    /// receive. ENODEV: it has none. EINTR: the caller was killed.
    pub(crate) fn queues(&self, index: u32) -> Result<[bool; 2]> {
        // SAFETY: We own a reference.
        let all = unsafe { bindings::checkpoint_netns_queues(self.as_ptr(), index) };
        to_result(all)?;
        let has = |bit: u32| all.cast_unsigned() & bit != 0;
        Ok([
            has(bindings::CHECKPOINT_NETNS_TX),
            has(bindings::CHECKPOINT_NETNS_RX),
        ])
    }

    /// Gives its device with the number `index`, a tunnel over IPv6 that is off, the address that another
    /// one was born with.
    ///
    /// EPERM: the caller may not. ENODEV: there is none. EINVAL: it is no such tunnel, or no such address.
    /// EBUSY: it is on. EINTR: the caller was killed.
    pub(crate) fn set_born(&self, index: u32, address: &[u8]) -> Result {
        // SAFETY: We own a reference; the address, of so many bytes, is only read.
        to_result(unsafe {
            bindings::checkpoint_tunnel_set_born(
                self.as_ptr(),
                index,
                address.as_ptr(),
                address.len(),
            )
        })
    }

    /// Returns the number of the packet that its device `index` takes next, and of that which it sends next;
    /// `None`: it numbers none. ENODEV: there is none. EINTR: the caller was killed.
    pub(crate) fn packet_numbers(&self, index: u32) -> Result<Option<[u32; 2]>> {
        let mut numbers = [0; 2];
        // SAFETY: We own a reference; there is room for both.
        let ret = unsafe {
            bindings::checkpoint_tunnel_numbers(self.as_ptr(), index, numbers.as_mut_ptr())
        };
        match to_result(ret) {
            Err(ENODATA) => Ok(None),
            done => done.map(|()| Some(numbers)),
        }
    }

    /// Sets these. EPERM: the caller may not. ENODATA: it numbers none.
    pub(crate) fn set_packet_numbers(&self, index: u32, [seen, sent]: [u32; 2]) -> Result {
        // SAFETY: We own a reference.
        to_result(unsafe {
            bindings::checkpoint_tunnel_set_numbers(self.as_ptr(), index, seen, sent)
        })
    }

    /// Lets its devices learn of what has become of their links; returns whether nothing is left to be
    /// done of that, nor with their addresses: none is looked for elsewhere. EINTR: the caller was
    /// killed.
    pub(crate) fn settle(&self) -> Result<bool> {
        // SAFETY: We own a reference.
        let left = unsafe { bindings::checkpoint_netns_settle(self.as_ptr()) };
        to_result(left)?;
        Ok(left == 0)
    }

    /// Sends it a request of NETLINK_ROUTE, a whole message with NLM_F_ACK.
    ///
    /// EPERM: the caller may not. Else what is answered.
    pub(crate) fn tell(&self, request: &mut [u8]) -> Result {
        // SAFETY: We own a reference; the request is only read.
        to_result(unsafe {
            bindings::checkpoint_netns_tell(
                self.as_ptr(),
                request.as_mut_ptr().cast(),
                request.len(),
            )
        })
        .map_err(no_memory)
    }

    /// Sends it a batch of NETLINK_NETFILTER, which is taken as a whole, or one message of that.
    ///
    /// EPERM: the caller may not. Else what is answered first.
    pub(crate) fn tell_batch(&self, batch: &mut [u8]) -> Result {
        // SAFETY: We own a reference; the batch is only read.
        to_result(unsafe {
            bindings::checkpoint_netns_batch(self.as_ptr(), batch.as_mut_ptr().cast(), batch.len())
        })
        .map_err(no_memory)
    }

    /// Returns what it has that `fresh`, a new one to which all was done that a restart does, has
    /// not. `moved` are the numbers of devices for which others stand in there. EINTR: the caller was killed.
    pub(crate) fn left(&self, fresh: &Self, moved: &[u32]) -> Result<Left> {
        let mut name = [0; NAME];
        // SAFETY: We own references on both; there are so many numbers, and there is room for a name.
        let what = unsafe {
            bindings::checkpoint_netns_left(
                self.as_ptr(),
                fresh.as_ptr(),
                moved.as_ptr(),
                moved.len(),
                name.as_mut_ptr().cast(),
            )
        };
        to_result(what)?;
        Ok(match what.cast_unsigned() {
            bindings::CHECKPOINT_NETNS_NOTHING => Left::Nothing,
            bindings::CHECKPOINT_NETNS_DEVICE => Left::Device(name),
            bindings::CHECKPOINT_NETNS_TUNNEL => Left::Tunnel(name),
            bindings::CHECKPOINT_NETNS_LENDS => Left::Lends(name),
            bindings::CHECKPOINT_NETNS_LACKS => Left::Lacks(name),
            bindings::CHECKPOINT_NETNS_NETFILTER => Left::Netfilter,
            bindings::CHECKPOINT_NETNS_XFRM => Left::Xfrm,
            bindings::CHECKPOINT_NETNS_MODES => Left::Modes,
            bindings::CHECKPOINT_NETNS_BPF => Left::Bpf,
            bindings::CHECKPOINT_NETNS_IDS => Left::Ids,
            _ => Left::Differs(name),
        })
    }

    /// Asks it by netlink: what is answered to `request`, a whole message, by `protocol`. Messages
    /// begin at multiples of four bytes.
    ///
    /// E2BIG: that is more than 16 MiB. EPERM: the caller may not ask. Else what the sockets of the
    /// kernel return.
    pub(crate) fn ask(&self, protocol: i32, request: &mut [u8]) -> Result<KVVec<u8>> {
        growing(|answers| {
            // SAFETY: We own a reference; the request is only read, and there is room for so many
            // bytes, which vmalloc() has aligned.
            unsafe {
                bindings::checkpoint_netns_dump(
                    self.as_ptr(),
                    protocol,
                    request.as_mut_ptr().cast(),
                    request.len(),
                    answers.as_mut_ptr().cast(),
                    answers.len(),
                )
            }
        })
        .map_err(no_memory)
    }

    /// Lists its settings that can be read and written: of each the path below /proc/sys and the
    /// text, each with a NUL.
    ///
    /// E2BIG: they have more than 16 MiB. EINTR: the caller was killed.
    pub(crate) fn settings(&self) -> Result<KVVec<u8>> {
        growing(|list| {
            // SAFETY: We own a reference; there is room for so many bytes.
            unsafe {
                bindings::checkpoint_netns_settings(
                    self.as_ptr(),
                    list.as_mut_ptr().cast(),
                    list.len(),
                )
            }
        })
    }

    /// Writes the setting `path`, as write(2) of its file in /proc/sys with the caller's rights.
    ///
    /// ENOENT: there is none. EPERM: the caller may not. EAGAIN: not at this moment. Else what its
    /// file returns.
    pub(crate) fn set(&self, path: &CStr, text: &CStr) -> Result {
        // SAFETY: We own a reference; both are strings.
        to_result(unsafe {
            bindings::checkpoint_netns_set(self.as_ptr(), path.as_char_ptr(), text.as_char_ptr())
        })
    }
}

/// Returns `e`, an error of a network namespace, which says ENOBUFS if there is no memory for something, as
/// ENOMEM then. So it does where the table of neighbours of the machine is full (gc_thresh3).
pub(crate) fn no_memory(e: Error) -> Error {
    if e == ENOBUFS {
        ENOMEM
    } else {
        e
    }
}

/// Returns whether the kernel may track connections: whether what does that is there.
pub(crate) fn tracks() -> bool {
    // SAFETY: It takes nothing, and only looks whether a pointer of the kernel is set.
    unsafe { bindings::checkpoint_netns_tracks() }
}

/// Has `fill` fill zeros, more of them if it has no room (E2BIG), and returns what it has filled. It
/// returns how many bytes that are, or an errno, negative.
fn growing(mut fill: impl FnMut(&mut [u8]) -> isize) -> Result<KVVec<u8>> {
    let mut size = ANSWERS;
    loop {
        let mut bytes = KVVec::from_elem(0u8, size, GFP_KERNEL_ACCOUNT)?;
        let len = fill(&mut bytes);
        match cut(bytes, len) {
            Err(E2BIG) if size < ANSWERS_MAX => size = size.saturating_mul(4).min(ANSWERS_MAX),
            done => return done,
        }
    }
}

/// Cuts `bytes` down to `len`, which may be an errno.
pub(in crate::kapi) fn cut(mut bytes: KVVec<u8>, len: isize) -> Result<KVVec<u8>> {
    let len = usize::try_from(len).map_err(|_| {
        Error::from_errno(i32::try_from(len).unwrap_or(-bindings::EIO.cast_signed()))
    })?;
    bytes.truncate(len);
    Ok(bytes)
}

impl Clone for NetNs {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::checkpoint_netns_get(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for NetNs {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::checkpoint_netns_put(self.as_ptr()) };
    }
}
