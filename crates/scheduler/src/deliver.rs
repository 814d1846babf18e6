//! Delivery of the outbox: at least once, with a key by which the receiver can tell a repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tidemill_dag::time::Lapse;
use tidemill_store::{Notice, Store, StoreError};
use tracing::{error, info, warn};

/// How many messages one round takes.
const BATCH: u32 = 20;
/// How long a webhook may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long nobody else takes what a round took: all of it, one after the other, with room to spare.
const LEASE: Lapse = Lapse::seconds(300);
/// The first pause after a failure; each further one is twice as long, up to an hour.
const FIRST_PAUSE: Lapse = Lapse::seconds(10);
const LONGEST_PAUSE: Lapse = Lapse::seconds(3600);
/// The tries after which a message is given up: about 22 hours after the first.
const MOST_TRIES: i32 = 30;

/// Where messages go.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Delivers one message; the same may come again, with the same key.
    async fn deliver(&self, notice: &Notice) -> Result<(), DeliveryError>;
}

/// A message that did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The receiver could not be reached, or did not answer in time.
    #[error("reach the webhook")]
    Unreachable {
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The receiver said no.
    #[error("deliver to the webhook: it answered {status}")]
    Refused {
        /// The status of HTTP.
        status: u16,
    },
    /// The delivery was cut short with its process.
    #[error("deliver to the webhook: it was cut short")]
    CutShort,
}

/// Writes messages to the log, without addresses and contents.
///
/// Mail goes here too until there is a sender of mail, which is said once.
#[derive(Debug, Default)]
pub struct LogSink {
    has_told: AtomicBool,
}

#[async_trait]
impl Sink for LogSink {
    async fn deliver(&self, notice: &Notice) -> Result<(), DeliveryError> {
        if !self.has_told.swap(true, Ordering::Relaxed) {
            warn!("mail is not sent yet: what is addressed to people goes to this log");
        }
        let text = |field: &str| notice.payload.get(field).and_then(|value| value.as_str());
        info!(
            dag.name = text("dag"),
            run.id = text("run"),
            notice.id = %notice.id,
            "notice `{}`",
            notice.topic
        );
        Ok(())
    }
}

/// Posts messages as JSON to the address of their webhook, with `Idempotency-Key` set to the message's key.
#[derive(Clone, Debug)]
pub struct WebhookSink {
    agent: ureq::Agent,
}

impl Default for WebhookSink {
    fn default() -> Self {
        Self::with_timeout(TIMEOUT)
    }
}

impl WebhookSink {
    /// A sink that waits for each answer as long as this.
    pub fn with_timeout(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("tidemill/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().into() }
    }
}

#[async_trait]
impl Sink for WebhookSink {
    async fn deliver(&self, notice: &Notice) -> Result<(), DeliveryError> {
        let (agent, address) = (self.agent.clone(), notice.recipient.to_string());
        let key = notice.dedup_key.clone();
        let body = json!({ "topic": notice.topic, "key": key, "payload": notice.payload });
        #[expect(
            clippy::disallowed_methods,
            reason = "no task: there is no context here, the request has its own timeout and spans nothing"
        )]
        let posted = tokio::task::spawn_blocking(move || {
            let request = agent.post(address).header("Idempotency-Key", key);
            request.content_type("application/json").send(body.to_string())
        });
        let posted = posted.await.map_err(|_| DeliveryError::CutShort)?;
        let answer =
            posted.map_err(|source| DeliveryError::Unreachable { source: Box::new(source) })?;
        let status = answer.status();
        if status.is_success() {
            Ok(())
        } else {
            Err(DeliveryError::Refused { status: status.as_u16() })
        }
    }
}

/// Where each message goes.
#[derive(Clone)]
pub struct Sinks {
    /// Messages to webhooks.
    pub webhook: Arc<dyn Sink>,
    /// Messages to mail addresses.
    pub mail: Arc<dyn Sink>,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sinks")
    }
}

impl Default for Sinks {
    fn default() -> Self {
        Self { webhook: Arc::new(WebhookSink::default()), mail: Arc::new(LogSink::default()) }
    }
}

/// Delivers what is due, in rounds, until nothing is. Gives how many messages arrived.
pub async fn deliver_due(store: &Store, sinks: &Sinks) -> Result<usize, StoreError> {
    let mut arrived = 0;
    loop {
        let notices = store.claim_notices(BATCH, LEASE).await?;
        let is_last_round = notices.len() < BATCH as usize;
        for notice in &notices {
            let sink = if notice.recipient.is_webhook() { &sinks.webhook } else { &sinks.mail };
            match sink.deliver(notice).await {
                Ok(()) => {
                    arrived += usize::from(store.notice_delivered(notice.id, notice.tries).await?);
                }
                Err(failure) => note_failure(store, notice, &failure).await?,
            }
        }
        if is_last_round {
            return Ok(arrived);
        }
    }
}

async fn note_failure(
    store: &Store,
    notice: &Notice,
    failure: &DeliveryError,
) -> Result<(), StoreError> {
    let retry_in = pause_after(notice.tries);
    let because = std::error::Error::source(failure).map(|cause| format!(": {cause}"));
    let told = format!("{failure}{}", because.unwrap_or_default());
    if let Some(pause) = retry_in {
        warn!(notice.id = %notice.id, "failed to {told}, tries again in {pause}");
    } else {
        error!(notice.id = %notice.id, "failed to {told}, gives up");
    }
    store.notice_failed(notice.id, notice.tries, &told, retry_in).await?;
    Ok(())
}

/// How long to wait after so many tries; none when it is time to give up.
fn pause_after(tries: i32) -> Option<Lapse> {
    if tries >= MOST_TRIES {
        return None;
    }
    let doublings = u32::try_from(tries.saturating_sub(1)).unwrap_or_default();
    let pause = FIRST_PAUSE.0.saturating_mul(2_u32.saturating_pow(doublings));
    Some(Lapse(pause.min(LONGEST_PAUSE.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_end_after_thirty_tries() {
        let pauses = [1, 2, 3, 9, 10, 29, 30].map(pause_after);

        let seconds = |pause: Option<Lapse>| pause.map(|pause| pause.0.as_secs());
        assert_eq!(
            pauses.map(seconds),
            [Some(10), Some(20), Some(40), Some(2560), Some(3600), Some(3600), None]
        );
    }
}
