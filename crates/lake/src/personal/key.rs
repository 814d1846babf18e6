//! The key, and what is made with it.

use std::fmt::{self, Write};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

type HmacSha256 = Hmac<Sha256>;

/// A key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use the key in `{variable}`: it has {length} bytes, and {shortest} are the least that cannot be guessed"
)]
pub struct KeyError {
    /// The environment variable.
    pub variable: String,
    /// How long it is.
    pub length: usize,
    /// How long it has to be.
    pub shortest: usize,
}

/// The key of hashes and tokens. It prints as stars, and is never stored.
#[derive(Clone)]
pub struct Key {
    id: String,
    hashes: HmacSha256,
    tokens: HmacSha256,
}

impl Key {
    /// The shortest key in bytes: 128 bits, below which keys can be tried out.
    pub const SHORTEST: usize = 16;

    /// Takes the bytes of the environment variable as they are.
    pub fn new(variable: &str, secret: &str) -> Result<Self, KeyError> {
        let (length, shortest) = (secret.len(), Self::SHORTEST);
        if length < shortest {
            return Err(KeyError { variable: variable.to_owned(), length, shortest });
        }
        let derived =
            |purpose: &str| Sha256::new().chain_update(purpose).chain_update(secret).finalize();
        Ok(Self {
            id: hexadecimal(&derived("tidemill key id\0")[..8]),
            hashes: keyed(secret.as_bytes()),
            tokens: keyed(&derived("tidemill tokens\0")),
        })
    }

    /// Tells this key from others without telling the key: the start of its SHA-256, with a prefix.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of a value: HMAC-SHA-256, in hexadecimal.
    pub fn hash(&self, value: &str) -> String {
        let code = self.hashes.clone().chain_update(value).finalize();
        hexadecimal(&code.into_bytes())
    }

    /// What gives out the tokens of one data set.
    pub(super) fn tokens(&self, dataset: &str) -> Tokens {
        // No name has a NUL in it, so that no two data sets and values run into one.
        Tokens(self.tokens.clone().chain_update(dataset).chain_update([0]))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({}, ***)", self.id)
    }
}

/// Gives out tokens for one data set.
#[derive(Clone)]
pub(super) struct Tokens(HmacSha256);

impl Tokens {
    /// The token of a value: 128 bits, which no two of 10^15 values share with a chance worth naming.
    pub(super) fn token(&self, value: &str) -> String {
        let code = self.0.clone().chain_update(value).finalize().into_bytes();
        format!("tok_{}", hexadecimal(&code[..16]))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tokens(***)")
    }
}

fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn hashes_agree_with_the_test_case_of_rfc_4231() {
        let key = Key::new("KEY", &"\u{b}".repeat(20)).unwrap();

        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(key.hash("Hi There"), expected);
    }

    #[test]
    fn a_value_has_one_token_in_a_data_set_and_another_in_the_next() {
        let key = Key::new("KEY", SECRET).unwrap();
        let customers = key.tokens("customers");

        assert_eq!(
            customers.token("ada@example.org"),
            key.tokens("customers").token("ada@example.org")
        );
        assert_ne!(customers.token("ada@example.org"), customers.token("bob@example.org"));
        assert_ne!(
            customers.token("ada@example.org"),
            key.tokens("orders").token("ada@example.org")
        );
        assert_eq!(customers.token("").len(), 36);
    }

    #[test]
    fn a_key_is_known_by_its_id_and_shows_nothing_else() {
        let key = Key::new("KEY", SECRET).unwrap();

        assert_ne!(key.id(), Key::new("KEY", &SECRET.to_uppercase()).unwrap().id());
        assert_eq!(
            format!("{key:?} {:?}", key.tokens("x")),
            format!("Key({}, ***) Tokens(***)", key.id())
        );
        assert_eq!(key.id().len(), 16);
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused_without_showing_it() {
        let refused = Key::new("PLANT_KEY", "hunter2").unwrap_err();

        assert_eq!(
            refused.to_string(),
            "use the key in `PLANT_KEY`: it has 7 bytes, and 16 are the least that cannot be guessed"
        );
    }
}
