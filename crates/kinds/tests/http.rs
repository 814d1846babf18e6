//! The kind `http`, against a real server.

use std::time::Duration;

use serde_json::{Value, json};
use tidemill_dag::advance::{Retry, Verdict};
use tidemill_kinds::registry;
use tidemill_task::{ArtifactStore, Assignment, Services, execute};

mod server;

use server::{Answer, Seen, Server, answer};

const TOKEN: &str = "hunter2hunter2";

fn services() -> Services {
    let mut services = Services::new(ArtifactStore::in_memory());
    services.environment.insert("DATABASE_URL".to_owned(), "postgres://secret".to_owned());
    services.variables.insert("TOKEN".to_owned(), TOKEN.to_owned());
    services
}

async fn run(params: Value) -> Verdict {
    execute(&registry(), Assignment::example("http", params), services()).await.verdict
}

async fn output(params: Value) -> Value {
    match run(params).await {
        Verdict::Succeeded { output } => Value::clone(&output),
        other => panic!("{other:?}"),
    }
}

async fn failure(params: Value) -> (String, Retry) {
    match run(params).await {
        Verdict::Failed { error, retry } => (error, retry),
        other => panic!("{other:?}"),
    }
}

fn server(judge: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(judge)
}

#[tokio::test]
async fn a_request_brings_its_body_its_headers_and_a_key_of_its_task() {
    let server = server(|_| answer(202, &[], ""));

    let output = output(json!({
        "url": server.url("/hook?channel=ops"),
        "headers": { "Authorization": { "env": "TOKEN" }, "X-Plant": "oslo" },
        "json": { "text": "done" },
    }));

    assert_eq!(output.await, json!({ "status": 202 }));
    let seen = &server.seen()[0];
    assert_eq!(seen.head[0], "post /hook?channel=ops http/1.1");
    assert_eq!(seen.body, r#"{"text":"done"}"#);
    assert_eq!(seen.header("authorization"), Some(TOKEN));
    assert_eq!(seen.header("x-plant"), Some("oslo"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    let key = "run_00000000000000000000000000000001/example";
    assert_eq!(seen.header("idempotency-key"), Some(key));
}

#[tokio::test]
async fn an_answer_is_the_output_where_the_task_asks_for_it() {
    let server = server(|_| answer(200, &[], r#"{"id": 7, "echo": "hunter2hunter2"}"#));
    let with = |output| {
        let headers = json!({ "Authorization": { "env": "TOKEN" } });
        json!({ "url": server.url("/"), "method": "GET", "headers": headers, "output": output })
    };

    assert_eq!(
        output(with("json")).await,
        json!({ "status": 200, "body": { "id": 7, "echo": "***" } }),
        "what is secret is not in the output"
    );
    assert_eq!(output(with("text")).await["body"], json!(r#"{"id": 7, "echo": "***"}"#));
}

#[tokio::test]
async fn an_answer_that_was_not_expected_is_a_failure_in_its_words_without_secrets() {
    let server = server(|_| answer(403, &[], "the token hunter2hunter2 is not\nfor this"));
    let url = server.url("/hook?key=hidden");
    let params = json!({ "url": url, "headers": { "Authorization": { "env": "TOKEN" } } });

    let (error, retry) = failure(params).await;

    let shown = server.url("/hook");
    let expected =
        format!("send a POST to {shown}: it answered 403, saying: the token *** is not for this");
    assert_eq!((error, retry), (expected, Retry::CannotHelp));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_the_error_says_when_it_wants_that() {
    let server = server(|_| answer(429, &[("Retry-After", "30")], ""));

    let (error, retry) = failure(json!({ "url": server.url("/") })).await;

    assert!(error.ends_with("it answered 429, and asks to come again after 30"), "{error}");
    assert_eq!(retry, Retry::MayHelp);
}

#[tokio::test]
async fn an_answer_can_be_expected_that_is_no_success_elsewhere() {
    let server = server(|_| answer(404, &[], ""));

    let output =
        output(json!({ "url": server.url("/"), "method": "DELETE", "expect": ["2xx", 404] }));

    assert_eq!(output.await, json!({ "status": 404 }));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let other = server(|_| answer(200, &[], ""));
    let target = other.url("/stolen?x=1").replace("127.0.0.1", "localhost");
    let server = server(move |_| answer(302, &[("Location", &target)], ""));

    let (error, retry) = failure(json!({ "url": server.url("/"), "method": "GET" })).await;

    let place = other.url("/stolen").replace("127.0.0.1", "localhost");
    assert!(
        error.ends_with(&format!("it answered 302, a redirect to {place}, which is not followed")),
        "{error}"
    );
    assert_eq!(retry, Retry::CannotHelp);
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn a_redirect_within_a_host_is_followed_by_the_same_request() {
    let server = server(|seen| match seen.head[0].as_str() {
        "post /old http/1.1" => answer(307, &[("Location", "/new")], ""),
        _ => answer(200, &[], ""),
    });

    let output = output(json!({ "url": server.url("/old"), "body": "hello" }));

    assert_eq!(output.await, json!({ "status": 200 }));
    let seen = server.seen();
    assert_eq!((seen[1].head[0].as_str(), seen[1].body.as_str()), ("post /new http/1.1", "hello"));
}

#[tokio::test]
async fn redirects_in_a_ring_come_to_an_end() {
    let server = server(|_| answer(302, &[("Location", "/again")], ""));

    let (error, _) = failure(json!({ "url": server.url("/"), "method": "GET" })).await;

    assert!(error.ends_with("too many redirects"), "{error}");
    assert_eq!(server.seen().len(), 6);
}

#[tokio::test]
async fn an_answer_over_a_mebibyte_is_refused_with_what_to_do() {
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    let server = server(move |_| answer(200, &[], &large));

    let (error, retry) =
        failure(json!({ "url": server.url("/large"), "method": "GET", "output": "json" })).await;

    let shown = server.url("/large");
    let expected = format!(
        "read the answer of {shown}: it has more than 1048576 bytes; fetch what is large by a `command`, as an artefact"
    );
    assert_eq!((error, retry), (expected, Retry::CannotHelp));
}

#[tokio::test]
async fn an_answer_that_is_not_json_says_so() {
    let server = server(|_| answer(200, &[], "<html>"));

    let (error, retry) =
        failure(json!({ "url": server.url("/"), "method": "GET", "output": "json" })).await;

    assert!(error.contains("as JSON: expected value at line 1"), "{error}");
    assert_eq!(retry, Retry::CannotHelp);
}

#[tokio::test]
async fn a_server_that_is_away_or_silent_may_be_there_later() {
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let silent = server(|_| String::new());

    let (away, may_come) = failure(json!({ "url": format!("http://{closed}/a?key=x") })).await;
    let (mute, may_speak) = failure(json!({ "url": silent.url("/a"), "timeout": "100ms" })).await;

    assert!(away.starts_with(&format!("send a POST to http://{closed}/a: ")), "{away}");
    assert!(mute.contains("timeout"), "{mute}");
    assert_eq!((may_come, may_speak), (Retry::MayHelp, Retry::MayHelp));
}

#[tokio::test]
async fn a_request_that_is_cancelled_leaves_no_thread_waiting() {
    let silent = server(|_| String::new());
    let params = json!({ "url": silent.url("/"), "timeout": "1h" });
    let services = services();
    let cancel = services.cancel.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let registry = registry();
    let work = runtime.spawn(async move {
        execute(&registry, Assignment::example("http", params), services).await.verdict
    });
    while silent.seen().is_empty() {
        tokio::task::yield_now().await;
    }

    cancel.cancel();

    assert_eq!(work.await.unwrap(), Verdict::Cancelled);
    // It waits for the threads of the runtime: one that still hung would hold it for an hour.
    let (tell, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(runtime);
        tell.send(()).ok();
    });
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_variable_that_the_worker_does_not_let_dags_name_is_refused() {
    let params =
        json!({ "url": "https://example.com", "headers": { "X-Key": { "env": "DATABASE_URL" } } });

    let (error, retry) = failure(params).await;

    let expected = "read the environment variable `DATABASE_URL`: it is not set, or `dags.env` of the worker's configuration does not name it";
    assert_eq!((error.as_str(), retry), (expected, Retry::CannotHelp));
}

#[tokio::test]
async fn an_address_from_a_variable_is_judged_and_not_shown() {
    let server = server(|_| answer(500, &[], ""));
    let mut services = services();
    services.variables.insert("HOOK".to_owned(), server.url("/services/T0/SECRET"));
    let params = json!({ "url": { "env": "HOOK" } });

    let verdict = execute(&registry(), Assignment::example("http", params), services).await.verdict;

    let Verdict::Failed { error, .. } = verdict else { panic!("{verdict:?}") };
    let host = server.url("");
    assert_eq!(error, format!("send a POST to {host}: it answered 500"));
    let (bad, _) = failure(json!({ "url": { "env": "TOKEN" } })).await;
    assert!(bad.contains("this is not a URL") && !bad.contains(TOKEN), "{bad}");
}
