// SPDX-License-Identifier: GPL-2.0

//! Keys that sign the segments of TCP: `net/ipv4/tcp_ipv4.c`, `net/ipv4/tcp_ao.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::net::socket::SockRef;

/// Most bytes of a key.
const KEY_LEN: usize = bindings::CHECKPOINT_TCP_KEY_LEN as usize;

/// A key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// What it is of TCP-AO; `None`: it is one of TCP_MD5SIG.
    pub(crate) ao: Option<AoKey>,
    /// The address of the peers that it is for, in network order; of IPv4 four bytes.
    pub(crate) addr: [u8; 16],
    /// That is one of IPv6.
    pub(crate) v6: bool,
    /// Bits of it that count.
    pub(crate) prefix: u8,
    /// Number of the master device of the peers; `Some(0)`: they have none; `None`: whatever they have.
    pub(crate) device: Option<u32>,
    /// It signs the segments of the connection that its socket has, of TCP_MD5SIG.
    pub(crate) used: bool,
    /// Its bytes, and how many they are.
    pub(crate) len: u8,
    pub(crate) bytes: [u8; KEY_LEN],
}

/// What a key is of TCP-AO.
#[derive(Clone, Copy)]
pub(crate) struct AoKey {
    /// Its number in what is sent, and in what is received.
    pub(crate) send_id: u8,
    pub(crate) receive_id: u8,
    /// Bytes of a signature.
    pub(crate) mac: u8,
    /// `TCP_KEY_*`: the algorithm.
    pub(crate) algorithm: u8,
    /// The options of TCP are not signed.
    pub(crate) no_options: bool,
    /// What is sent is signed with it.
    pub(crate) current: bool,
    /// The other end is asked to sign with it.
    pub(crate) next: bool,
    /// Segments that were signed well with it, and that were not.
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

/// What a socket has of TCP-AO besides keys.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ao {
    /// What is not signed is dropped, if there is no key for it, too.
    pub(crate) required: bool,
    /// Messages of ICMP are not dropped.
    pub(crate) icmps: bool,
    /// Numbers of the SYN that was sent, and of that which was received.
    pub(crate) send_first: u32,
    pub(crate) receive_first: u32,
    /// How often the numbers of what is sent have wrapped, and of what is received.
    pub(crate) send_wraps: u32,
    pub(crate) receive_wraps: u32,
    /// Segments that were signed well, that were not, with the number of no key, without a signature;
    /// messages of ICMP that were dropped.
    pub(crate) counts: [u64; 5],
}

/// All that a socket has to sign with.
pub(crate) struct Keys {
    /// What it has of TCP-AO.
    pub(crate) ao: Option<Ao>,
    /// The keys, the one that was added last first.
    pub(crate) keys: KVVec<Key>,
}

impl Key {
    /// Makes one with the bytes `secret`. EINVAL: there are too many.
    pub(crate) fn new(secret: &[u8]) -> Result<Self> {
        let mut bytes = [0; KEY_LEN];
        bytes
            .get_mut(..secret.len())
            .ok_or(EINVAL)?
            .copy_from_slice(secret);
        Ok(Self {
            ao: None,
            addr: [0; 16],
            v6: false,
            prefix: 0,
            device: None,
            used: false,
            len: u8::try_from(secret.len())?,
            bytes,
        })
    }

    /// Returns its bytes.
    pub(crate) fn secret(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    fn of(raw: &bindings::checkpoint_tcp_key) -> Self {
        Self {
            ao: raw.ao.then_some(AoKey {
                send_id: raw.send_id,
                receive_id: raw.receive_id,
                mac: raw.mac_len,
                algorithm: raw.algorithm,
                no_options: raw.no_options,
                current: raw.current_key,
                next: raw.next_key,
                good: raw.good,
                bad: raw.bad,
            }),
            addr: raw.addr,
            v6: raw.v6,
            prefix: raw.prefix,
            device: raw.of_device.then_some(raw.device.cast_unsigned()),
            used: raw.used,
            len: raw.len,
            bytes: raw.key,
        }
    }

    fn raw(&self) -> Result<bindings::checkpoint_tcp_key> {
        let mut raw = bindings::checkpoint_tcp_key {
            device: i32::try_from(self.device.unwrap_or(0))?,
            of_device: self.device.is_some(),
            v6: self.v6,
            prefix: self.prefix,
            len: self.len,
            addr: self.addr,
            key: self.bytes,
            ..NO_KEY
        };
        if let Some(ao) = &self.ao {
            raw.ao = true;
            raw.send_id = ao.send_id;
            raw.receive_id = ao.receive_id;
            raw.mac_len = ao.mac;
            raw.algorithm = ao.algorithm;
            raw.no_options = ao.no_options;
            raw.current_key = ao.current;
            raw.next_key = ao.next;
            raw.good = ao.good;
            raw.bad = ao.bad;
        }
        Ok(raw)
    }
}

/// A key that has nothing: arrays of that length have no default.
const NO_KEY: bindings::checkpoint_tcp_key = bindings::checkpoint_tcp_key {
    good: 0,
    bad: 0,
    device: 0,
    send_id: 0,
    receive_id: 0,
    mac_len: 0,
    algorithm: 0,
    no_options: false,
    current_key: false,
    next_key: false,
    ao: false,
    v6: false,
    of_device: false,
    used: false,
    prefix: 0,
    len: 0,
    addr: [0; 16],
    key: [0; KEY_LEN],
};

impl Ao {
    fn of(raw: &bindings::checkpoint_tcp_ao) -> Self {
        Self {
            required: raw.required,
            icmps: raw.icmps,
            send_first: raw.send_isn,
            receive_first: raw.receive_isn,
            send_wraps: raw.send_sne,
            receive_wraps: raw.receive_sne,
            counts: [raw.good, raw.bad, raw.not_found, raw.missing, raw.icmp],
        }
    }

    pub(super) fn raw(&self) -> bindings::checkpoint_tcp_ao {
        let [good, bad, not_found, missing, icmp] = self.counts;
        bindings::checkpoint_tcp_ao {
            good,
            bad,
            not_found,
            missing,
            icmp,
            send_isn: self.send_first,
            receive_isn: self.receive_first,
            send_sne: self.send_wraps,
            receive_sne: self.receive_wraps,
            there: true,
            required: self.required,
            icmps: self.icmps,
        }
    }
}

/// Overwrites a secret: what is freed then has it no more.
fn forget(secret: &mut [u8]) {
    secret.fill(0);
    // Nobody may find out that it is not read.
    core::hint::black_box(secret);
}

impl Drop for Keys {
    fn drop(&mut self) {
        for key in self.keys.iter_mut() {
            forget(&mut key.bytes);
        }
    }
}

/// Keys as C has them.
struct RawKeys(KVVec<bindings::checkpoint_tcp_key>);

impl Drop for RawKeys {
    fn drop(&mut self) {
        for key in self.0.iter_mut() {
            forget(&mut key.key);
        }
    }
}

impl Keys {
    /// Makes a set without keys.
    pub(crate) fn new() -> Self {
        Self {
            ao: None,
            keys: KVVec::new(),
        }
    }
}

impl SockRef {
    /// Returns what it has to sign with: it is a TCP socket, as for all that follow.
    ///
    /// EPERM: the caller may not read it (CAP_NET_ADMIN). EINTR: the caller was killed.
    pub(crate) fn tcp_keys(&self) -> Result<Keys> {
        let mut ao = bindings::checkpoint_tcp_ao::default();
        let mut raw = RawKeys(KVVec::new());
        loop {
            let room = u32::try_from(raw.0.len())?;
            // SAFETY: We own a reference on a TCP socket; there is room for the structure, and for so
            // many keys.
            let found = unsafe {
                bindings::checkpoint_tcp_keys(self.as_ptr(), &mut ao, raw.0.as_mut_ptr(), room)
            };
            if found < 0 {
                return Err(to_result(found).err().unwrap_or(EIO));
            }
            let found = usize::try_from(found)?;
            if found > raw.0.len() {
                let mut more = KVVec::new();
                more.resize(found, NO_KEY, GFP_KERNEL_ACCOUNT)?;
                raw = RawKeys(more);
                continue;
            }
            raw.0.truncate(found);
            break;
        }
        let mut all = Keys {
            ao: ao.there.then_some(Ao::of(&ao)),
            keys: KVVec::with_capacity(raw.0.len(), GFP_KERNEL_ACCOUNT)?,
        };
        for key in &raw.0 {
            all.keys.push(Key::of(key), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(all)
    }

    /// Gives it, which is new, a key.
    ///
    /// ENOPROTOOPT: the kernel has none of that kind. ENOENT: it does not know the algorithm.
    pub(crate) fn add_tcp_key(&self, key: &Key) -> Result {
        let raw = key.raw()?;
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_key_add(self.as_ptr(), &raw) })
    }

    /// Sets what it, which is new, has of TCP-AO besides keys, which are there.
    pub(crate) fn set_tcp_ao(&self, ao: &Ao) -> Result {
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_ao_set(self.as_ptr(), &ao.raw()) })
    }

    /// Sets what the numbers of its connection are signed with: it is under repair, and has all that it had
    /// received. EPERM: the caller may not. ENOENT: no key fits the connection.
    pub(crate) fn agree_tcp_ao(&self, ao: &Ao) -> Result {
        // SAFETY: We own a reference on a TCP socket; the structure is only read.
        to_result(unsafe { bindings::checkpoint_tcp_ao_agree(self.as_ptr(), &ao.raw()) })
    }
}
