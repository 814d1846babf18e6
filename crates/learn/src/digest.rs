//! Hashes of values, and the Merkle root of a list of rows.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The hash of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a hash: it has 64 hexadecimal digits")]
pub struct NoDigest(String);

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let error = || NoDigest(text.to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Hashes a sequence of values of known length, so that no two sequences are the same bytes.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    /// Adds a text with its length.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// Adds the bits of numbers and how many there are.
    pub fn bits(&mut self, values: &[f64]) {
        self.number(values.len() as u64);
        for value in values {
            self.0.update(value.to_bits().to_be_bytes());
        }
    }

    /// Adds another hash.
    pub fn digest(&mut self, digest: Digest) {
        self.0.update(digest.0);
    }

    /// The hash of all that was added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

fn leaf(id: Digest) -> Digest {
    let mut sha = Sha256::new();
    sha.update([0]);
    sha.update(id.0);
    Digest(sha.finalize().into())
}

fn node(left: Digest, right: Digest) -> Digest {
    let mut sha = Sha256::new();
    sha.update([1]);
    sha.update(left.0);
    sha.update(right.0);
    Digest(sha.finalize().into())
}

/// Computes a Merkle root over a stream of ids in memory of the logarithm of its length: the tree hash of RFC 6962, section 2.1.
#[derive(Default)]
pub struct MerkleTree {
    /// Roots of complete subtrees, largest first: one for each bit of the count.
    roots: Vec<Digest>,
    count: u64,
}

impl MerkleTree {
    /// Adds the next id.
    ///
    /// # Panics
    /// Never: the bits of the count say how many subtrees there are.
    pub fn push(&mut self, id: Digest) {
        self.roots.push(leaf(id));
        self.count += 1;
        for _ in 0..self.count.trailing_zeros() {
            let right = self.roots.pop().expect("a complete subtree has two halves");
            let left = self.roots.pop().expect("a complete subtree has two halves");
            self.roots.push(node(left, right));
        }
    }

    /// The root; that of no ids is the hash of nothing.
    pub fn root(&self) -> Digest {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else {
            return Digest::of(&[]);
        };
        roots.fold(*last, |right, left| node(*left, right))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of RFC 6962: split at the largest power of two below the count.
    fn by_definition(ids: &[Digest]) -> Digest {
        match ids.len() {
            0 => Digest::of(&[]),
            1 => leaf(ids[0]),
            count => {
                let half = count.next_power_of_two() / 2;
                node(by_definition(&ids[..half]), by_definition(&ids[half..]))
            }
        }
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_definition(count in 0_u64..70) {
            let ids: Vec<Digest> = (0..count).map(|id| Digest::of(&id.to_be_bytes())).collect();
            let mut tree = MerkleTree::default();
            for id in &ids {
                tree.push(*id);
            }
            prop_assert_eq!(tree.root(), by_definition(&ids));
        }
    }

    #[test]
    fn the_root_changes_with_any_id_and_with_their_order() {
        let root = |ids: &[u8]| {
            let mut tree = MerkleTree::default();
            for id in ids {
                tree.push(Digest::of(&[*id]));
            }
            tree.root()
        };

        assert_ne!(root(&[1, 2, 3]), root(&[1, 2, 4]));
        assert_ne!(root(&[1, 2, 3]), root(&[2, 1, 3]));
        assert_ne!(root(&[1, 2]), root(&[1, 2, 2]));
    }

    #[test]
    fn the_root_of_nothing_is_the_published_hash_of_nothing() {
        // RFC 6962, section 2.1, with SHA-256 of the empty text (FIPS 180-4).
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(MerkleTree::default().root().to_string(), nothing);
        assert_eq!(nothing.parse::<Digest>().unwrap(), Digest::of(&[]));
        assert!("e3b0".parse::<Digest>().is_err());
    }
}
