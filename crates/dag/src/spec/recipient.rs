//! Who hears of something: a mail address or a webhook.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A text that is neither a mail address nor a webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither a mail address nor a webhook")]
pub struct BadRecipient {
    /// What was given.
    pub text: String,
}

impl BadRecipient {
    /// What a recipient must look like.
    pub const HINT: &str = "write `name@example.com` or `https://…`";
}

/// A mail address, or the `http(s)://` address of a webhook.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(Box<str>);

impl Recipient {
    /// Tells whether it is a webhook.
    pub fn is_webhook(&self) -> bool {
        is_webhook(&self.0)
    }
}

fn is_webhook(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

/// A shape check only: the mail server is the judge of addresses.
fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
}

impl FromStr for Recipient {
    type Err = BadRecipient;

    fn from_str(text: &str) -> Result<Self, BadRecipient> {
        let is_plain = !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
        if is_plain && (is_webhook(text) || is_mail(text)) {
            Ok(Self(text.into()))
        } else {
            Err(BadRecipient { text: text.to_owned() })
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Addresses of people stay out of logs.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(***)")
    }
}

impl TryFrom<String> for Recipient {
    type Error = BadRecipient;

    fn try_from(text: String) -> Result<Self, BadRecipient> {
        text.parse()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.0.into()
    }
}

impl JsonSchema for Recipient {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Recipient".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "recipient", "examples": ["oncall@example.com"] })
    }
}
