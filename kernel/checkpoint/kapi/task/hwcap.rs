// SPDX-License-Identifier: GPL-2.0

//! CPU features as programs find them in their auxiliary vector.

use kernel::bindings;

use crate::image::cpu::WORDS;

/// AT_HWCAP and the words that follow it, for architectures whose programs choose code by them.
#[cfg_attr(CONFIG_X86, expect(dead_code))]
pub(crate) fn words() -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, n) in words.iter_mut().zip(0..4) {
        // SAFETY: It only reads what was found out at boot.
        *word = unsafe { bindings::checkpoint_hwcap(n) };
    }
    words
}
