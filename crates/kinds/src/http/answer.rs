//! What an answer that is no success means, and no answer at all.

use std::fmt::Write;

use tidemill_task::TaskError;

/// An answer that is no success.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// When the server wants to be asked again, in its own words.
    pub(super) retry_after: Option<String>,
    /// Where it points to.
    pub(super) elsewhere: Option<String>,
    /// The beginning of what it says.
    pub(super) body: String,
}

/// The longest part of an answer that an error quotes, in characters.
const LONGEST_QUOTE: usize = 1000;

/// Another try may help where the server is busy or broken: 408, 425, 429 and 5xx (RFC 9110, RFC 8470, RFC 6585).
pub(super) fn judge(attempted: &str, refused: &Refused) -> TaskError {
    let Refused { status, retry_after, elsewhere, body } = refused;
    let mut message = format!("{attempted}: it answered {status}");
    if let Some(elsewhere) = elsewhere {
        write!(message, ", a redirect to {elsewhere}, which is not followed").ok();
    }
    if let Some(when) = retry_after {
        write!(message, ", and asks to come again after {}", quote(when)).ok();
    }
    let body = quote(body);
    if !body.is_empty() {
        write!(message, ", saying: {body}").ok();
    }
    match status {
        408 | 425 | 429 | 500..=599 => TaskError::transient(message),
        _ => TaskError::fatal(message),
    }
}

/// The server did not answer, or not in HTTP.
pub(super) fn unanswered(attempted: &str, error: ureq::Error) -> TaskError {
    match error {
        // These quote the address.
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            TaskError::fatal(format!("{attempted}: its address or a header cannot be sent"))
        }
        error => TaskError::transient(attempted).caused_by(error),
    }
}

/// A text of a stranger: in one line, without control characters, and no longer than it may be.
fn quote(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = words.chars().filter(|c| !c.is_control()).collect();
    match plain.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use tidemill_dag::advance::Retry;

    use super::*;

    fn judged(refused: &Refused) -> (String, Retry) {
        match judge("send a POST to https://a.example", refused) {
            TaskError::Failed { message, retry, .. } => (message, retry),
            TaskError::Cancelled => unreachable!("it was not cancelled"),
        }
    }

    #[test]
    fn another_try_may_help_with_a_server_that_is_busy_or_broken() {
        for (status, expected) in [
            (400, Retry::CannotHelp),
            (404, Retry::CannotHelp),
            (408, Retry::MayHelp),
            (425, Retry::MayHelp),
            (429, Retry::MayHelp),
            (302, Retry::CannotHelp),
            (200, Retry::CannotHelp),
            (500, Retry::MayHelp),
            (503, Retry::MayHelp),
        ] {
            let (_, retry) = judged(&Refused { status, ..Refused::default() });
            assert_eq!(retry, expected, "{status}");
        }
    }

    #[test]
    fn an_answer_is_quoted_within_bounds() {
        let refused = Refused {
            status: 429,
            retry_after: Some("120".to_owned()),
            body: format!("slow\n  down\u{1b}[31m {}", "x".repeat(5000)),
            ..Refused::default()
        };

        let (message, _) = judged(&refused);

        let start = "send a POST to https://a.example: it answered 429, and asks to come again after 120, saying: slow down[31m xxx";
        assert!(message.starts_with(start), "{message}");
        assert!(message.ends_with("x…") && message.len() < 1200, "{}", message.len());
    }
}
