//! Why an attempt did not do its work.

use std::error::Error;

use tidemill_dag::advance::Retry;

/// The cause of an error.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why an attempt did not do its work. Every failure says whether another try could help.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The work failed.
    #[error("{message}")]
    Failed {
        /// What was attempted, on what: a fragment that fits after "failed to", without its source.
        message: String,
        /// Whether another try could help.
        retry: Retry,
        /// What made it fail.
        #[source]
        source: Option<Cause>,
    },
    /// The work stopped because it was asked to.
    #[error("go on: it was asked to stop")]
    Cancelled,
}

impl TaskError {
    /// A failure that the same inputs meet again: it is not tried again.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), retry: Retry::CannotHelp, source: None }
    }

    /// A failure whose cause may pass: it is tried again as often as the task's `retries` allow.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), retry: Retry::MayHelp, source: None }
    }

    /// Adds what made it fail.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Cause>) -> Self {
        match self {
            Self::Failed { message, retry, source: _ } => {
                Self::Failed { message, retry, source: Some(cause.into()) }
            }
            Self::Cancelled => Self::Cancelled,
        }
    }

    /// Says what was attempted around this failure; whether another try could help stays as it was.
    #[must_use]
    pub fn while_trying_to(self, message: impl Into<String>) -> Self {
        match self {
            Self::Failed { retry, .. } => {
                Self::Failed { message: message.into(), retry, source: Some(Box::new(self)) }
            }
            Self::Cancelled => Self::Cancelled,
        }
    }

    /// The message and all its causes, from the outermost in, in one line.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error with all its causes, from the outermost in, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries print their source in their own message.
        if !chain.ends_with(&text) {
            chain.push_str(": ");
            chain.push_str(&text);
        }
        cause = error.source();
    }
    chain
}

/// Turns any error into a [`TaskError`] that says what was attempted.
///
/// On a [`TaskError`] itself use [`TaskError::while_trying_to`], which keeps its own judgement.
pub trait Explain<T> {
    /// The failure is met again with the same inputs.
    fn or_fatal(self, message: impl Into<String>) -> Result<T, TaskError>;

    /// The cause of the failure may pass.
    fn or_transient(self, message: impl Into<String>) -> Result<T, TaskError>;
}

impl<T, E: Into<Cause>> Explain<T> for Result<T, E> {
    fn or_fatal(self, message: impl Into<String>) -> Result<T, TaskError> {
        self.map_err(|cause| TaskError::fatal(message).caused_by(cause))
    }

    fn or_transient(self, message: impl Into<String>) -> Result<T, TaskError> {
        self.map_err(|cause| TaskError::transient(message).caused_by(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_every_cause_once_and_the_message_alone_names_none() {
        let error = "x".parse::<i32>().or_transient("read the count").unwrap_err();
        let error = error.while_trying_to("load `plan.yaml`");

        assert_eq!(error.to_string(), "load `plan.yaml`");
        assert_eq!(
            error.chain(),
            "load `plan.yaml`: read the count: invalid digit found in string"
        );
    }

    #[test]
    fn what_is_said_around_a_failure_keeps_its_retry_and_never_hides_a_cancel() {
        let transient = TaskError::transient("connect").while_trying_to("load");
        let cancelled = TaskError::Cancelled.while_trying_to("load").caused_by("x");

        assert!(matches!(transient, TaskError::Failed { retry: Retry::MayHelp, .. }));
        assert!(matches!(cancelled, TaskError::Cancelled));
    }
}
