//! What a DAG says about a request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tidemill_dag::catalog::Objections;
use tidemill_dag::time::Lapse;
use ureq::http::{HeaderName, HeaderValue};
use url::Url;

use super::text::Text;

/// Sends a request to a server, such as a webhook, and judges its answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Where the request goes: `https://…`, or the environment variable that holds it, as `{ env: NAME }`.
    pub(super) url: Text,
    /// The method.
    #[serde(default)]
    pub(super) method: Method,
    /// Headers, by name. What is secret stands in an environment variable: `{ env: NAME }`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Text>,
    /// A body that is sent as JSON.
    #[serde(default)]
    pub(super) json: Option<Value>,
    /// A body that is sent as it is.
    #[serde(default)]
    pub(super) body: Option<String>,
    /// The answers that are a success: status codes, or classes such as `2xx`.
    #[serde(default = "success")]
    pub(super) expect: Vec<Statuses>,
    /// How long the whole exchange may take.
    #[serde(default = "half_a_minute")]
    pub(super) timeout: Lapse,
    /// What of the answer's body is in the output of the task: at most 1 MiB.
    #[serde(default)]
    pub(super) output: Output,
}

fn success() -> Vec<Statuses> {
    vec![Statuses { first: 200, last: 299 }]
}

const fn half_a_minute() -> Lapse {
    Lapse::seconds(30)
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Reads the head of an answer.
    Head,
    /// Sends something.
    #[default]
    Post,
    /// Puts something in its place.
    Put,
    /// Changes something in its place.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether it only reads, so that a redirect may be followed by the same request.
    pub(super) const fn is_safe(self) -> bool {
        match self {
            Self::Get | Self::Head => true,
            Self::Post | Self::Put | Self::Patch | Self::Delete => false,
        }
    }
}

/// What of an answer's body is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Output {
    /// Nothing.
    #[default]
    None,
    /// The text.
    Text,
    /// The value that its JSON stands for.
    Json,
}

/// A status code, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statuses {
    first: u16,
    last: u16,
}

impl Statuses {
    pub(super) const fn holds(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let bad = || D::Error::custom(format!("`{text}` is not a status such as 204 or `2xx`"));
        let class =
            text.strip_suffix("xx").map(|class| class.parse::<u16>().map(|class| class * 100));
        let (first, last) = match class {
            Some(Ok(first)) => (first, first + 99),
            Some(Err(_)) => return Err(bad()),
            None => text.parse().map(|status: u16| (status, status)).map_err(|_| bad())?,
        };
        if (100..600).contains(&first) { Ok(Self { first, last }) } else { Err(bad()) }
    }
}

impl JsonSchema for Statuses {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": "^[1-5]([0-9][0-9]|xx)$" },
            ],
        })
    }
}

/// Headers that follow from the request itself.
const OWN_HEADERS: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

impl Params {
    pub(super) fn check(&self, objections: &mut Objections) {
        if let Text::Plain(url) = &self.url
            && let Err((what, hint)) = read_url(url)
        {
            objections.add("/url", what, Some(hint.to_owned()));
        }
        for (name, value) in &self.headers {
            let at = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                objections.add(at, format!("`{name}` cannot name a header"), None);
            } else if OWN_HEADERS.contains(&name.to_lowercase().as_str()) {
                objections.add(at, format!("`{name}` follows from the request itself"), None);
            } else if let Text::Plain(value) = value
                && HeaderValue::from_str(value).is_err()
            {
                let what = format!("the value of `{name}` holds what no header may");
                objections.add(at, what, None);
            }
        }
        let body = if self.json.is_some() { "/json" } else { "/body" };
        if self.json.is_some() && self.body.is_some() {
            let hint = "give one of `json` and `body`".to_owned();
            objections.add("/body", "the request has a body already", Some(hint));
        } else if (self.json.is_some() || self.body.is_some()) && self.method.is_safe() {
            let hint = "leave it out, or take another method such as POST".to_owned();
            let what = format!("a {} has no body", self.method.name());
            objections.add(body, what, Some(hint));
        }
        if self.expect.is_empty() {
            let hint = "name at least one, such as `2xx`".to_owned();
            objections.add("/expect", "no answer would be a success", Some(hint));
        }
        if self.timeout.0.is_zero() {
            objections.add("/timeout", "no server answers within no time", None);
        }
    }
}

/// Reads an address that a request can go to; otherwise what is wrong with it, and what to do.
pub(super) fn read_url(text: &str) -> Result<Url, (String, &'static str)> {
    const HINT: &str = "write it with its scheme and host, such as `https://example.com/hook`";
    let url = Url::parse(text).map_err(|error| (format!("this is not a URL: {error}"), HINT))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err((format!("`{}` is not a scheme of the web", url.scheme()), HINT));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "send them in a header: `headers: { Authorization: { env: NAME } }`";
        return Err(("the URL holds credentials".to_owned(), hint));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objections(params: Value) -> Vec<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let mut objections = Objections::default();
        params.check(&mut objections);
        objections.into_vec().into_iter().map(|one| format!("{} {}", one.at, one.what)).collect()
    }

    #[test]
    fn addresses_that_no_request_can_go_to_are_refused() {
        for (url, what) in [
            ("example.com/hook", "this is not a URL: relative URL without a base"),
            ("http://", "this is not a URL: empty host"),
            ("ftp://example.com", "`ftp` is not a scheme of the web"),
            ("https://me:secret@example.com", "the URL holds credentials"),
        ] {
            assert_eq!(objections(json!({ "url": url })), [format!("/url {what}")]);
        }
    }

    #[test]
    fn all_objections_are_told_at_once() {
        let params = json!({
            "url": "https://example.com",
            "method": "GET",
            "json": { "a": 1 },
            "headers": { "a b": "x", "Host": "x", "X-Line": "a\nb", "X-Fine": "y" },
            "expect": [],
            "timeout": "0s",
        });

        assert_eq!(
            objections(params),
            [
                "/headers/Host `Host` follows from the request itself",
                "/headers/X-Line the value of `X-Line` holds what no header may",
                "/headers/a b `a b` cannot name a header",
                "/json a GET has no body",
                "/expect no answer would be a success",
                "/timeout no server answers within no time",
            ]
        );
    }

    #[test]
    fn answers_are_expected_by_code_or_by_class() {
        let read = |value: Value| serde_json::from_value::<Statuses>(value);

        assert!(read(json!("2xx")).unwrap().holds(204));
        assert!(!read(json!("2xx")).unwrap().holds(300));
        assert!(read(json!(404)).unwrap().holds(404));
        assert!(read(json!("404")).unwrap().holds(404));
        for bad in [json!("20x"), json!("9xx"), json!(99), json!("ok"), json!(600)] {
            let error = read(bad.clone()).unwrap_err().to_string();
            assert!(error.ends_with("is not a status such as 204 or `2xx`"), "{bad}: {error}");
        }
    }
}
