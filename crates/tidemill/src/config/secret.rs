//! Values that are not for showing.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A text whose secret part is shown as `***`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The text itself, for use.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Tells whether nothing was set.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address without its password; all but the host and the path of what may hold a token.
pub(crate) fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.is_empty() { String::new() } else { "***".to_owned() };
    };
    let (address, query) =
        rest.split_once('?').map_or((rest, ""), |(address, _)| (address, "?***"));
    let address = match address.rsplit_once('@') {
        Some((user, host)) => {
            let user = user
                .split_once(':')
                .map_or_else(|| user.to_owned(), |(user, _)| format!("{user}:***"));
            format!("{user}@{host}")
        }
        None => address.to_owned(),
    };
    format!("{scheme}://{address}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_queries_are_masked_and_the_rest_stays_legible() {
        assert_eq!(
            masked("postgres://me:hunter2@db:5432/x?sslkey=a"),
            "postgres://me:***@db:5432/x?***"
        );
        assert_eq!(masked("postgres://db/x"), "postgres://db/x");
        assert_eq!(masked("hunter2"), "***");
        assert_eq!(masked(""), "");
    }
}
