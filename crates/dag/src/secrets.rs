//! Secrets stay out of files that are committed.

use std::ops::Range;
use std::sync::Arc;

use crate::problem::{Problem, Problems, SourceText};
use crate::template::has_template;
use crate::yaml::{Content, Node};

const HINT: &str = "read it from the environment, as `{{ env.NAME }}`, and allow the name under `dags.env` in the configuration";

/// Words that a key for a secret ends with.
const SECRET_KEYS: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
    "credential",
    "credentials",
];

/// How well-known secrets begin.
const SECRET_STARTS: [(&str, usize); 9] = [
    ("AKIA", 20),
    ("ASIA", 20),
    ("ghp_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk_live_", 20),
    ("eyJhbGciOi", 40),
];

/// Tells the secrets in a tree.
pub(crate) fn tell_in_tree(source: &Arc<SourceText>, node: &Node, problems: &mut Problems) {
    let mut tell = |place: &Node, what: String| tell(source, place.span.clone(), what, problems);
    match &node.content {
        Content::Text(text) => {
            if let Some(noun) = secret_in(&without_templates(text)) {
                tell(node, format!("{noun} is written in the file"));
            }
        }
        Content::List(members) => {
            for member in members {
                tell_in_tree(source, member, problems);
            }
        }
        Content::Map(entries) => {
            for (key, value) in entries {
                let literal =
                    value.as_text().filter(|text| !text.is_empty() && !has_template(text));
                if is_secret_key(&key.text) && literal.is_some() {
                    tell(value, format!("the secret `{}` is written in the file", key.text));
                }
            }
            for (_, value) in entries {
                tell_in_tree(source, value, problems);
            }
        }
        Content::Null | Content::Bool(_) | Content::Number(_) => {}
    }
}

/// Tells the secrets in a text that is no tree, line by line.
pub(crate) fn tell_in_text(source: &Arc<SourceText>, problems: &mut Problems) {
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        if let Some(noun) = secret_in(&without_templates(line)) {
            let span = start..start + line.trim_end().len();
            tell(source, span, format!("{noun} is written in the file"), problems);
        }
        start += line.len();
    }
}

/// Tells a secret without showing it.
fn tell(source: &Arc<SourceText>, span: Range<usize>, what: String, problems: &mut Problems) {
    source.conceal(span.clone());
    problems.add(Problem::at(source, span, what).hint(HINT.to_owned()));
}

/// What stands in a text beside its templates.
fn without_templates(text: &str) -> String {
    let mut rest = text;
    let mut literal = String::new();
    while let Some((before, template)) = rest.split_once("{{") {
        literal.push_str(before);
        // A template that never ends is told by itself.
        rest = template.split_once("}}").map_or("", |(_, after)| after);
    }
    literal + rest
}

fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    // How many tokens a model may use is no secret.
    let is_count = ["max_", "min_", "num_", "n_"].iter().any(|start| key.starts_with(start));
    !is_count && SECRET_KEYS.iter().any(|word| key == *word || key.ends_with(&format!("_{word}")))
}

/// What secret a text is, or holds.
fn secret_in(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    let is_token = |word: &str| {
        SECRET_STARTS.iter().any(|(start, least)| word.starts_with(start) && word.len() >= *least)
    };
    if text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',')).any(is_token)
    {
        return Some("an access token");
    }
    has_password_in_address(text).then_some("a password in an address")
}

/// `scheme://user:password@host`.
fn has_password_in_address(text: &str) -> bool {
    text.match_indices("://").any(|(index, mark)| {
        let rest = &text[index + mark.len()..];
        let authority = rest.split(['/', ' ', '?']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_shape() {
        assert_eq!(secret_in("postgres://me:hunter2@db/x"), Some("a password in an address"));
        assert_eq!(secret_in("key AKIAIOSFODNN7EXAMPLE"), Some("an access token"));
        assert_eq!(secret_in("-----BEGIN RSA PRIVATE KEY-----"), Some("a private key"));
    }

    #[test]
    fn a_template_beside_a_password_does_not_hide_it() {
        let literal = without_templates("postgres://u:p@h/{{ params.x }}");
        assert_eq!(secret_in(&literal), Some("a password in an address"));
        assert_eq!(secret_in(&without_templates("postgres://u:{{ env.P }}@h/x")), None);
    }

    #[test]
    fn plain_addresses_are_no_secrets() {
        for text in [
            "postgres://me@db:5432/x",
            "https://a.b:80/c@d:e",
            "s3://bucket/AKIA",
            "mail@example.com",
        ] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}
