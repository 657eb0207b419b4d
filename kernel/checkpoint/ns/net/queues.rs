// SPDX-License-Identifier: GPL-2.0

//! Kinds of queueing disciplines: what requests for them and their classes have, and what of them counts.

use kernel::prelude::*;

use super::{
    allowed::has_only,
    message::{
        attributes,
        find,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    rebuild::{
        copy,
        head, //
    }, //
};

/// Bytes of `struct tcmsg`.
pub(super) const HEADER: usize = 20;

/// TCA_KIND, TCA_OPTIONS, TCA_STATS, TCA_XSTATS, TCA_STATS2, TCA_STAB, TCA_PAD, TCA_INGRESS_BLOCK,
/// TCA_EGRESS_BLOCK.
pub(super) const KIND: u16 = 1;
pub(super) const OPTIONS: u16 = 2;
const STATS: u16 = 3;
const XSTATS: u16 = 4;
pub(super) const STATS2: u16 = 7;
pub(super) const STAB: u16 = 8;
const PAD: u16 = 9;
pub(super) const BLOCKS: [u16; 2] = [13, 14];

/// What of both only counts.
pub(super) const COUNTS: &[u16] = &[STATS, XSTATS, STATS2, PAD];

/// TCA_STATS_RATE_EST.
pub(super) const RATE: u16 = 2;

/// NLA_F_NESTED.
const NESTED: u16 = 0x8000;

/// HTB_VER >> 16: what is told in place of it has more bits.
const HTB_VERSION: u32 = 3;

/// The last byte of `struct tc_red_qopt`, and of it TC_RED_ADAPTATIVE and TC_RED_HISTORIC_FLAGS.
const RED_FLAGS: usize = 15;
const ADAPTIVE: u8 = 4;
const HISTORIC: u32 = 7;

/// A kind of queueing disciplines.
pub(super) struct Kind {
    name: &'static [u8],
    /// The attributes that its options have, if it matters.
    options: Option<&'static [u16]>,
    /// Those of its classes, if these are made by requests.
    pub(super) classes: Option<&'static [u16]>,
}

/// Makes one without such classes.
const fn simple(name: &'static [u8], options: Option<&'static [u16]>) -> Kind {
    Kind {
        name,
        options,
        classes: None,
    }
}

/// Those that tell all that they were told, if need be by `NetNs::queue_more()`.
static KINDS: &[Kind] = &[
    simple(b"pfifo", None),
    simple(b"bfifo", None),
    simple(b"pfifo_head_drop", None),
    simple(b"codel", None),
    simple(b"fq_codel", None),
    simple(b"fq", None),
    // TCA_TBF_PARMS, TCA_TBF_RATE64, TCA_TBF_PRATE64, TCA_TBF_BURST, TCA_TBF_PBURST, TCA_TBF_PAD.
    simple(b"tbf", Some(&[1, 4, 5, 6, 7, 8])),
    simple(b"prio", None),
    simple(b"ets", None),
    simple(b"sfq", None),
    // TCA_RED_PARMS, TCA_RED_STAB, TCA_RED_MAX_P, TCA_RED_FLAGS: no blocks.
    simple(b"red", Some(&[1, 2, 3, 4])),
    simple(b"netem", None),
    simple(b"mq", None),
    simple(b"ingress", None),
    simple(b"clsact", None),
    Kind {
        name: b"htb",
        // TCA_HTB_INIT, TCA_HTB_DIRECT_QLEN: not TCA_HTB_OFFLOAD.
        options: Some(&[2, 5]),
        // TCA_HTB_PARMS, TCA_HTB_RATE64, TCA_HTB_CEIL64, TCA_HTB_PAD.
        classes: Some(&[1, 6, 7, 8]),
    },
    Kind {
        name: b"hfsc",
        options: None,
        // TCA_HFSC_RSC, TCA_HFSC_FSC, TCA_HFSC_USC.
        classes: Some(&[1, 2, 3]),
    },
    Kind {
        name: b"drr",
        options: None,
        // TCA_DRR_QUANTUM.
        classes: Some(&[1]),
    },
];

/// Returns the name in TCA_KIND, or the like, of `rest`; empty: there is none.
pub(super) fn name_in(rest: &[u8]) -> Result<&[u8]> {
    let name = find(rest, KIND)?.unwrap_or(&[]);
    Ok(name.strip_suffix(&[0]).unwrap_or(name))
}

/// Returns whether `rest` has one attribute of type `wanted`: the kernel takes the last one of several.
pub(super) fn has_one(rest: &[u8], wanted: u16) -> Result<bool> {
    let mut count = 0;
    attributes(rest, |kind, _| {
        count += u32::from(kind == wanted);
        Ok(())
    })?;
    Ok(count == 1)
}

/// Returns what comes after the header of a message about one.
pub(super) fn after_header(body: &[u8]) -> Result<&[u8]> {
    body.get(HEADER..).ok_or(EIO)
}

/// Returns the kind with this name.
pub(super) fn kind_of(name: &[u8]) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Returns whether a request for a queueing discipline has only what one of ours may have.
pub(super) fn is_queue(body: &[u8]) -> Result<bool> {
    let rest = body.get(HEADER..).ok_or(EINVAL)?;
    let Some(kind) = kind_of(name_in(rest)?) else {
        return Ok(false);
    };
    let mut is = has_one(rest, KIND)? && has_only(body, HEADER, &[KIND, OPTIONS, STAB])?;
    attributes(rest, |what, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        is &= match (what, kind.options) {
            (OPTIONS, Some(options)) => has_only(content, 0, options)?,
            (STAB, _) => has_only(content, 0, &[1])? && !has_table(content)?,
            _ => true,
        };
        Ok(())
    })?;
    Ok(is)
}

/// Tells the same of one for a class.
pub(super) fn is_class(body: &[u8]) -> Result<bool> {
    let rest = body.get(HEADER..).ok_or(EINVAL)?;
    let Some(options) = kind_of(name_in(rest)?).and_then(|kind| kind.classes) else {
        return Ok(false);
    };
    let mut is = has_one(rest, KIND)? && has_only(body, HEADER, &[KIND, OPTIONS])?;
    attributes(rest, |what, attribute| {
        if what == OPTIONS {
            is &= has_only(attribute, ATTRIBUTE_HEADER, options)?;
        }
        Ok(())
    })?;
    Ok(is)
}

/// Returns whether what is in TCA_STAB needs a table, which is not told: tsize of the `struct tc_sizespec`
/// in TCA_STAB_BASE.
pub(super) fn has_table(stab: &[u8]) -> Result<bool> {
    let base = find(stab, 1)?.unwrap_or(&[]);
    Ok(u32_at(base, 20) != Some(0))
}

/// Calls `f` for what is in each attribute of `bytes`, from `at` on.
fn each_mut(bytes: &mut [u8], mut at: usize, mut f: impl FnMut(u16, &mut [u8])) {
    while let Some((kind, len)) = head(bytes, at) {
        if let Some(content) = bytes.get_mut(at + ATTRIBUTE_HEADER..at + len) {
            f(kind, content);
        }
        at += len.next_multiple_of(4);
    }
}

/// Takes what only counts, or changes by itself, out of the options of a queueing discipline.
fn forget(name: &[u8], options: &mut [u8]) {
    let clear = |bytes: &mut [u8], at| {
        bytes
            .iter_mut()
            .skip(at)
            .for_each(|byte: &mut u8| *byte = 0);
    };
    match name {
        // The stats of struct tc_sfq_qopt_v1.
        b"sfq" => clear(options, 48),
        // The direct_pkts of struct tc_htb_glob, in TCA_HTB_INIT.
        b"htb" => each_mut(options, 0, |kind, content| {
            if kind == 2 {
                clear(content, 16);
            }
        }),
        // TCA_RED_MAX_P, if it adapts: by struct tc_red_qopt in TCA_RED_PARMS.
        b"red" => {
            let mut adapts = false;
            each_mut(options, 0, |kind, content| {
                adapts |= kind == 1
                    && content
                        .get(RED_FLAGS)
                        .is_some_and(|flags| flags & ADAPTIVE != 0);
                if kind == 3 && adapts {
                    clear(content, 0);
                }
            });
        }
        _ => (),
    }
}

/// Adds what counts of a queueing discipline: not how many use it, at the end of its header.
pub(super) fn queue_key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let rest = after_header(body)?;
    let name = name_in(rest)?;
    out.extend_from_slice(body.get(..HEADER - 4).ok_or(EIO)?, GFP_KERNEL_ACCOUNT)?;
    attributes(rest, |kind, attribute| {
        if COUNTS.contains(&kind) {
            return Ok(());
        }
        let at = out.len() + ATTRIBUTE_HEADER;
        out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
        if kind == OPTIONS {
            forget(name, out.get_mut(at..).unwrap_or(&mut []));
        }
        Ok(())
    })
}

/// Returns the request for a class.
pub(super) fn class(body: &[u8]) -> Result<Message> {
    let mut message = Message::new(body.get(..HEADER).ok_or(EIO)?)?;
    attributes(after_header(body)?, |kind, attribute| match kind {
        KIND | OPTIONS => message.add(kind, attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[])),
        _ => Ok(()),
    })?;
    Ok(message)
}

/// Returns the request for a queueing discipline, with `more` in its options.
pub(super) fn queue(name: &[u8], body: &[u8], more: &[u8]) -> Result<Message> {
    let mut message = Message::new(body.get(..HEADER).ok_or(EIO)?)?;
    attributes(after_header(body)?, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match kind {
            KIND | STAB => message.add(kind, content),
            OPTIONS => {
                let mut options = match name {
                    b"red" => red(content)?,
                    _ => copy(content)?,
                };
                edit(name, &mut options);
                options.extend_from_slice(more, GFP_KERNEL_ACCOUNT)?;
                // That one asks for the flag.
                let nested = if name == b"ets" { NESTED } else { 0 };
                message.add(kind | nested, &options)
            }
            _ => Ok(()),
        }
    })?;
    Ok(message)
}

/// Returns the options of a request for `red`: all flags are told in TCA_RED_FLAGS, and some in
/// TCA_RED_PARMS, too, but are taken from one of them only.
fn red(told: &[u8]) -> Result<KVVec<u8>> {
    let flags = find(told, 4)?.and_then(|flags| u32_at(flags, 0));
    let is_historic = flags.is_none_or(|flags| flags & !HISTORIC == 0);
    let mut options = Message::new(&[])?;
    attributes(told, |kind, attribute| {
        if kind == 4 && is_historic {
            return Ok(());
        }
        let mut content = copy(attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))?;
        if let Some(flags) = content
            .get_mut(RED_FLAGS)
            .filter(|_| kind == 1 && !is_historic)
        {
            *flags = 0;
        }
        options.add(kind, &content)
    })?;
    Ok(options.0)
}

/// Has the options of a request say what they mean.
fn edit(name: &[u8], options: &mut [u8]) {
    // TCA_CODEL_* and TCA_FQ_CODEL_*: TARGET, INTERVAL, CE_THRESHOLD.
    let times: &[u16] = match name {
        b"codel" => &[1, 3, 5],
        b"fq_codel" => &[1, 3, 7],
        b"htb" => {
            return each_mut(options, 0, |kind, content| {
                if let Some(version) = content.get_mut(..4).filter(|_| kind == 2) {
                    version.copy_from_slice(&HTB_VERSION.to_ne_bytes());
                }
            });
        }
        _ => return,
    };
    each_mut(options, 0, |kind, content| {
        // They are kept in units of 1024 ns, and told in microseconds, rounded down: this is the same
        // number of units again.
        if let Some(time) = content.get_mut(..4).filter(|_| times.contains(&kind)) {
            let told = u32_at(time, 0).unwrap_or(0);
            time.copy_from_slice(&told.saturating_add(1).to_ne_bytes());
        }
    });
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_queues)]
mod tests {
    use super::*;

    fn message(names: &[&[u8]], more: &[(u16, &[u8])]) -> Result<Message> {
        let mut message = Message::new(&[0; HEADER])?;
        for name in names {
            message.add(KIND, name)?;
        }
        for &(kind, content) in more {
            message.add(kind, content)?;
        }
        Ok(message)
    }

    /// Checks that they are of known kinds, named once, and without blocks that others may have, tables
    /// or hardware.
    #[test]
    fn queues() -> Result {
        let of = |names: &[&[u8]], more: &[(u16, &[u8])]| is_queue(&message(names, more)?.0);
        let nested = |kind: u16| {
            let mut options = Message::new(&[])?;
            options.add(kind, &[0; 4])?;
            Ok::<_, Error>(options.0)
        };
        assert!(of(&[b"pfifo\0"], &[(OPTIONS, &[0; 4])])?);
        assert!(of(&[b"netem\0"], &[])? && !of(&[b"plug\0"], &[])? && !of(&[], &[])?);
        assert!(!of(&[b"pfifo\0", b"plug\0"], &[])? && !of(&[b"plug\0", b"pfifo\0"], &[])?);
        for block in BLOCKS {
            assert!(!of(&[b"clsact\0"], &[(block, &[0; 4])])?);
        }
        // TCA_RED_MAX_P, TCA_RED_MARK_BLOCK, TCA_HTB_DIRECT_QLEN, TCA_HTB_OFFLOAD.
        assert!(of(&[b"red\0"], &[(OPTIONS, &nested(3)?)])?);
        assert!(!of(&[b"red\0"], &[(OPTIONS, &nested(6)?)])?);
        assert!(of(&[b"htb\0"], &[(OPTIONS, &nested(5)?)])?);
        assert!(!of(&[b"htb\0"], &[(OPTIONS, &nested(9)?)])?);
        // TCA_STAB_BASE without a table, with one; TCA_STAB_DATA.
        for (kind, size, is) in [(1, 0, true), (1, 1, false), (2, 0, false)] {
            let mut base = [0; 24];
            if let Some(last) = base.get_mut(20..) {
                last.copy_from_slice(&u32::to_ne_bytes(size));
            }
            let mut stab = Message::new(&[])?;
            stab.add(kind, &base)?;
            assert!(of(&[b"prio\0"], &[(STAB, &stab.0)])? == is);
        }
        assert!(is_queue(&[]).is_err());
        Ok(())
    }

    /// Classes of those that have some which are made.
    #[test]
    fn of_classes() -> Result {
        let of = |name: &[u8]| is_class(&message(&[name], &[])?.0);
        assert!(of(b"htb\0")? && of(b"drr\0")? && !of(b"prio\0")? && !of(b"qfq\0")?);
        Ok(())
    }

    /// Flags of red are told twice, and sent once: TC_RED_ADAPTATIVE, TC_RED_NODROP.
    #[test]
    fn flags_of_red() -> Result {
        for (flags, old) in [(4u32, 4), (8, 0)] {
            let mut told = Message::new(&[])?;
            let mut parms = [0; RED_FLAGS + 1];
            if let Some(last) = parms.last_mut() {
                *last = old;
            }
            told.add(1, &parms)?;
            let [a, b, c, d] = flags.to_ne_bytes();
            told.add(4, &[a, b, c, d, 0, 0, 0, 0])?;
            let sent = red(&told.0)?;
            let parms = find(&sent, 1)?.and_then(|parms| parms.last().copied());
            assert!(parms == Some(old));
            assert!(find(&sent, 4)?.is_none() == (old != 0));
        }
        Ok(())
    }

    /// Checks that of what sfq tells at last, and htb of packets, only the rest counts.
    #[test]
    fn counts() -> Result {
        let mut options = [1; 72];
        forget(b"sfq", &mut options);
        assert!(options.iter().filter(|&&byte| byte == 1).count() == 48);
        let mut htb = Message::new(&[])?;
        htb.add(2, &[1; 20])?;
        forget(b"htb", &mut htb.0);
        assert!(htb.0.iter().rev().take(5).eq(&[0, 0, 0, 0, 1]));
        Ok(())
    }
}
