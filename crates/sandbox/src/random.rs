//! Names and uids: unlike each other within a cluster and between runs, without asking the machine for entropy twice.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Letters that make no words, as the real server takes them.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A source of names and uids.
#[derive(Debug)]
pub struct Random {
    state: u64,
}

impl Default for Random {
    fn default() -> Self {
        // The standard library seeds its hashers from the machine's entropy.
        Random {
            state: RandomState::new().build_hasher().finish(),
        }
    }
}

impl Random {
    /// Returns the next number (splitmix64).
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a uid in the form of a version 4 UUID.
    pub fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        )
    }

    /// Returns the five letters that `generateName` appends.
    pub fn name_suffix(&mut self) -> String {
        let mut number = self.next();
        let mut suffix = String::new();
        for _ in 0..5 {
            suffix.push(char::from(
                LETTERS[(number % LETTERS.len() as u64) as usize],
            ));
            number /= LETTERS.len() as u64;
        }
        suffix
    }

    /// Returns 256 bits as hexadecimal digits, for tokens.
    pub fn token(&mut self) -> String {
        // Each word comes from a hasher of its own, so that one token tells nothing about the next.
        (0..4)
            .map(|_| {
                format!(
                    "{:016x}",
                    self.next() ^ RandomState::new().build_hasher().finish()
                )
            })
            .collect()
    }
}
