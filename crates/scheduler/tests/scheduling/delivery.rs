//! Delivery to a webhook on this machine, and to the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidemill_dag::advance::{Retry, Verdict};
use tidemill_dag::time::Lapse;
use tidemill_scheduler::{LogSink, Sinks, WebhookSink, deliver_due};
use tidemill_testkit::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Requests that a webhook got, as their text.
type Requests = Arc<Mutex<Vec<String>>>;

/// A webhook that gives these answers, one after the other, and then none.
async fn webhook(answers: &'static [&'static str]) -> anyhow::Result<(String, Requests)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/hook", listener.local_addr()?);
    let requests = Requests::default();
    let heard = Arc::clone(&requests);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await?;
            let mut text = String::new();
            // Our bodies are JSON objects: the request is whole when the last brace is there.
            while !text.trim_end().ends_with('}') {
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).await?;
                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            let answer =
                format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    Ok((address, requests))
}

fn sinks() -> Sinks {
    let webhook = WebhookSink::with_timeout(Duration::from_secs(5));
    Sinks { webhook: Arc::new(webhook), mail: Arc::new(LogSink::default()) }
}

/// A world in which a run failed, and this webhook and a person are to hear of it.
async fn told(address: &str) -> anyhow::Result<World> {
    let dag = format!(
        "{{ dag: told, notify: {{ on_failure: ['{address}', ops@example.com] }}, tasks: {{ only: {{ uses: noop }} }} }}"
    );
    let world = World::new().await?.with_dag(&dag).await?;
    world.open().await?;
    let claim = world.claim("only").await?;
    world.finish(&claim, Verdict::Failed { error: "no".into(), retry: Retry::CannotHelp }).await?;
    Ok(world)
}

#[tokio::test]
async fn a_message_goes_to_its_webhook_once_with_its_key() -> anyhow::Result<()> {
    let (address, requests) = webhook(&["204 No Content"]).await?;
    let world = told(&address).await?;

    let first = deliver_due(&world.store, &sinks()).await?;
    let second = deliver_due(&world.store, &sinks()).await?;

    assert_eq!((first, second), (2, 0));
    let requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
    let request = requests[0].to_lowercase();
    assert!(request.starts_with("post /hook http/1.1"), "{request}");
    assert!(request.contains("idempotency-key: run_failed:run_"), "{request}");
    assert!(request.contains("\"failed\":[\"only\"]"), "{request}");
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_refuses_is_asked_again_with_the_same_key() -> anyhow::Result<()> {
    let (address, requests) = webhook(&["503 Service Unavailable", "200 OK"]).await?;
    let world = told(&address).await?;

    let refused = deliver_due(&world.store, &sinks()).await?;
    let waiting = world.store.waiting_notices(10).await?.len();
    let early = deliver_due(&world.store, &sinks()).await?;
    world.clock.advance(Lapse::seconds(10));
    let again = deliver_due(&world.store, &sinks()).await?;

    assert_eq!((refused, waiting, early, again), (1, 1, 0, 1));
    let requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
    let key = |request: &String| {
        let lower = request.to_lowercase();
        lower.lines().find(|line| line.starts_with("idempotency-key")).map(ToOwned::to_owned)
    };
    assert_eq!(requests.len(), 2);
    assert_eq!(key(&requests[0]), key(&requests[1]));
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_is_away_holds_up_no_other_message() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/hook", listener.local_addr()?);
    drop(listener);
    let world = told(&address).await?;

    let arrived = deliver_due(&world.store, &sinks()).await?;

    assert_eq!(arrived, 1);
    assert!(world.store.waiting_notices(10).await?[0].recipient.is_webhook());
    Ok(())
}
