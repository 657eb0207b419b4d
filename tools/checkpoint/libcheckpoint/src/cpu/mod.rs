// SPDX-License-Identifier: GPL-2.0

//! CPUs by their features: those of a file, of a name, of this machine, and of an image.
//!
//! As text a CPU is the name of its architecture, the names of its features, and what is a number as
//! `NAME=NUMBER`, with blanks or newlines between them; what follows a `#` is a comment.

mod levels;
mod machine;

use image::image::{
    cpu::{
        self,
        Obstacles,
        WORDS, //
    },
    header::arch, //
};
use std::{
    fmt,
    fs, //
};

/// The architecture of this machine; 0: one that no image is of.
const HERE: u32 = if cfg!(target_arch = "x86_64") {
    arch::X86_64
} else if cfg!(target_arch = "aarch64") {
    arch::ARM64
} else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
    arch::PPC64LE
} else if cfg!(target_arch = "s390x") {
    arch::S390X
} else {
    0
};

/// All architectures.
const ALL: [u32; 4] = [arch::X86_64, arch::ARM64, arch::PPC64LE, arch::S390X];

/// A CPU: what tasks on it can have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Its architecture, as in the header of images.
    pub machine: u32,
    /// Its features, as images have them.
    pub words: [u64; WORDS],
}

/// A CPU that the user has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// As it was named.
    pub name: String,
    /// The CPU.
    pub cpu: Cpu,
}

/// Returns word and bit of the feature `name` of the architecture `machine`.
fn find(machine: u32, name: &str) -> Option<(usize, u8)> {
    (0..WORDS)
        .flat_map(|word| (0..64).map(move |bit| (word, bit)))
        .find(|&(word, bit)| cpu::name(machine, word, bit) == Some(name))
}

impl Cpu {
    /// Returns that of this machine.
    pub fn here() -> Result<Self, String> {
        match HERE {
            0 => Err("there are no images of this architecture".to_owned()),
            _ => Ok(Self::new(HERE, &machine::words())),
        }
    }

    /// Returns the one with these words.
    pub fn new(machine: u32, words: &[u64; WORDS]) -> Self {
        Self {
            machine,
            words: cpu::known(machine, words),
        }
    }

    /// Adds what `token` names.
    fn add(&mut self, token: &str) -> Result<(), String> {
        let number = token.split_once('=').zip(cpu::number(self.machine));
        if let Some(((name, value), (at, number))) = number {
            if name == number {
                let value = value
                    .parse()
                    .map_err(|_| format!("not a number: {token}"))?;
                self.words[at] = value;
                return Ok(());
            }
        }
        let (word, bit) = find(self.machine, token).ok_or_else(|| {
            format!(
                "{} has no feature {token:?} that images know",
                arch::name(self.machine)
            )
        })?;
        self.words[word] |= 1 << bit;
        Ok(())
    }

    /// Reads one from text.
    fn parse(text: &str) -> Result<Self, String> {
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or(""));
        let mut tokens = lines.flat_map(str::split_whitespace);
        let name = tokens.next().ok_or("it is empty")?;
        let machine = ALL.into_iter().find(|&n| arch::name(n) == name);
        let machine = machine.ok_or_else(|| {
            let all = ALL.map(arch::name).join(", ");
            format!("it begins with {name:?}, which is no architecture of images ({all})")
        })?;
        let mut cpu = Self {
            machine,
            words: [0; WORDS],
        };
        tokens.try_for_each(|token| cpu.add(token))?;
        Ok(cpu)
    }

    /// Tells what stands against a restart on `there` of an image that has this CPU.
    pub fn against(&self, there: &Base) -> Result<(), String> {
        let machine = self.machine;
        if machine != there.cpu.machine {
            return Err(format!(
                "it is of {}, and {} of {}",
                arch::name(machine),
                there.name,
                arch::name(there.cpu.machine)
            ));
        }
        let found = Obstacles::new(machine, &self.words, &there.cpu.words);
        if found.is_empty() {
            return Ok(());
        }
        let name = &there.name;
        let mut all = Vec::new();
        if found.lacks != [0; WORDS] {
            all.push(format!("{name} lacks {}", names(machine, &found.lacks)));
        }
        if found.enabled != [0; WORDS] {
            let names = names(machine, &found.enabled);
            all.push(format!(
                "{name} has enabled {names}, for which the programs have no room"
            ));
        }
        if let Some((then, now)) = found.lens {
            all.push(format!(
                "the extended state of the programs has {then} bytes, and that of {name} {now}"
            ));
        }
        Err(all.join("; "))
    }
}

/// Returns the names of features.
fn names(machine: u32, words: &[u64; WORDS]) -> String {
    let mut names = Vec::new();
    cpu::for_each(words, |word, bit| {
        names.push(match cpu::name(machine, word, bit) {
            Some(name) => name.to_owned(),
            None => format!("feature {word}.{bit}"),
        });
    });
    names.join(", ")
}

impl fmt::Display for Cpu {
    /// Writes it as text that can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", arch::name(self.machine))?;
        let mut words = self.words;
        let number = cpu::number(self.machine).map(|(at, name)| {
            let value = words[at];
            words[at] = 0;
            (name, value)
        });
        for (n, &word) in words.iter().enumerate() {
            let mut one = [0; WORDS];
            one[n] = word;
            let names = names(self.machine, &one).replace(',', "");
            if !names.is_empty() {
                writeln!(f, "{names}")?;
            }
        }
        if let Some((name, value)) = number.filter(|&(_, value)| value != 0) {
            writeln!(f, "{name}={value}")?;
        }
        Ok(())
    }
}

impl Base {
    /// Reads what the user has named: a level of an architecture, with more features each after a `+`,
    /// or a file.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut parts = text.split('+');
        let level = parts.next().unwrap_or("");
        let cpu = match levels::find(level) {
            Some(mut cpu) => {
                parts.try_for_each(|token| cpu.add(token))?;
                cpu
            }
            None => {
                let file = fs::read_to_string(text).map_err(|e| {
                    format!(
                        "{e}; nor is it one of {}",
                        levels::names().collect::<Vec<_>>().join(", ")
                    )
                })?;
                Cpu::parse(&file)?
            }
        };
        Ok(Self {
            name: text.to_owned(),
            cpu,
        })
    }

    /// Returns what all of `bases` have; `None`: there are none.
    pub fn common(bases: &[Self]) -> Result<Option<Self>, String> {
        let mut bases = bases.iter();
        let Some(mut common) = bases.next().cloned() else {
            return Ok(None);
        };
        for base in bases {
            let (a, b) = (&common.cpu, &base.cpu);
            let differ = |what| format!("{what} {} and {} differ", common.name, base.name);
            if a.machine != b.machine {
                return Err(differ("the architectures of"));
            }
            let machine = a.machine;
            let mut words = [0; WORDS];
            for (to, (a, b)) in words.iter_mut().zip(a.words.iter().zip(&b.words)) {
                *to = a & b;
            }
            // No image goes to both.
            let same = |found: Obstacles| found.enabled == [0; WORDS];
            if !same(Obstacles::new(machine, &words, &a.words))
                || !same(Obstacles::new(machine, &words, &b.words))
            {
                return Err(differ("the extended states of"));
            }
            if let Some((at, _)) = cpu::number(machine) {
                let (a, b) = (a.words[at], b.words[at]);
                if a != 0 && b != 0 && a != b {
                    return Err(differ("the extended states of"));
                }
                words[at] = a.max(b);
            }
            common = Self {
                name: format!("{} and {}", common.name, base.name),
                cpu: Cpu { machine, words },
            };
        }
        Ok(Some(common))
    }
}

#[cfg(test)]
mod tests;
