//! E-mail addresses, also inside longer texts.

use std::sync::LazyLock;

use regex::Regex;

use crate::personal::detect::{Detector, Weight};

pub(super) struct Email;

/// The domains of old and the common new ones; countries have two letters.
const TOP_DOMAINS: &[&str] = &[
    "app", "biz", "cat", "cloud", "com", "dev", "edu", "email", "gov", "info", "int", "jobs",
    "mil", "mobi", "museum", "name", "net", "online", "org", "pro", "shop", "site", "tech", "xyz",
];

impl Detector for Email {
    fn name(&self) -> &'static str {
        "email"
    }

    fn finds(&self) -> &'static str {
        "e-mail addresses"
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "email",
            "e mail",
            "mail",
            "epost",
            "e post",
            "courriel",
            "correo",
            "sahkoposti",
            "posta elettronica",
        ]
    }

    fn chance(&self) -> f64 {
        1e-6
    }

    fn enough(&self) -> f64 {
        // One comment in ten that quotes an address makes the column personal.
        0.1
    }

    fn weigh(&self, value: &str) -> Option<Weight> {
        static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
            let pattern = r"[\p{L}\p{N}._%+'-]*[\p{L}\p{N}_+-]@(?:[\p{L}\p{N}][\p{L}\p{N}-]*\.)+([\p{L}][\p{L}-]+)";
            Regex::new(pattern).expect("the pattern is well formed")
        });
        for found in ADDRESS.captures_iter(value) {
            let (Some(whole), Some(top)) = (found.get(0), found.get(1)) else { continue };
            // A remote like `git@host.org:path` and the log-in of a URL are no addresses.
            if value[whole.end()..].starts_with([':', '/', '@'])
                || value[..whole.start()].ends_with(['/', ':'])
            {
                continue;
            }
            let top = top.as_str().to_lowercase();
            let is_known = top.chars().count() == 2 || TOP_DOMAINS.contains(&top.as_str());
            return Some(if is_known { Weight::SURE } else { Weight { alone: 0.5, named: 0.95 } });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_alone_and_in_texts() {
        for value in [
            "ada@example.org",
            "o'neil+x@mail.example.co.uk",
            "Ærlig@norge.no",
            "see <bob@example.com>, thanks",
        ] {
            assert_eq!(Email.weigh(value), Some(Weight::SURE), "{value}");
        }
    }

    #[test]
    fn what_only_has_the_sign_is_no_address() {
        for value in [
            "git@example.org:plant/repo.git",
            "https://user@host.example.org/x",
            "23 @ 4.5",
            "a@b",
            "@mention",
            "x@2.5",
        ] {
            assert_eq!(Email.weigh(value), None, "{value}");
        }
        assert!(Email.weigh("pump@hall2.local").is_some_and(|weight| weight.alone < 0.8));
    }
}
