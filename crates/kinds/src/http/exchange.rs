//! The exchange with the server, on a thread of its own: the request, redirects within its host, the answer.

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};
use tidemill_task::{LARGEST_OUTPUT_BYTES, Probe, TaskContext, TaskError};
use ureq::http::{self, HeaderName, HeaderValue, Response};
use ureq::{Agent, Body};
use url::Url;

use super::answer::{self, Refused};
use super::params::{Method, Output, Params, Statuses, read_url};

/// How often a redirect is followed.
const MOST_REDIRECTS: usize = 5;
/// How much of the body of an answer that is no success is read.
const EXCERPT_BYTES: u64 = 2048;
/// Shorter secrets are found by chance in any text.
const SHORTEST_SECRET: usize = 4;

/// A request, with all that it says and what of it must not be shown.
pub(super) struct Request {
    url: Url,
    /// The address as it may be shown: without what may be secret.
    shown: String,
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<String>,
    expect: Vec<Statuses>,
    timeout: Duration,
    output: Output,
    secrets: Vec<String>,
}

impl Request {
    /// Puts a request together, with the variables that it names.
    pub(super) fn of(context: &TaskContext, params: Params) -> Result<Self, TaskError> {
        let mut secrets = Vec::new();
        let address = params.url.resolve(context)?;
        let url = read_url(address).map_err(|(what, hint)| {
            TaskError::fatal(format!("read the address of the request: {what} ({hint})"))
        })?;
        if params.url.is_secret() {
            secrets.push(address.to_owned());
        }
        let mut headers = vec![key(context)];
        if params.json.is_some() {
            headers
                .push((http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        for (name, text) in &params.headers {
            let value = text.resolve(context)?;
            if text.is_secret() {
                secrets.push(value.to_owned());
            }
            let bad = || {
                TaskError::fatal(format!("send the header `{name}`: it holds what no header may"))
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let value = HeaderValue::from_str(value).map_err(|_| bad())?;
            // What the DAG says comes before what we would.
            headers.retain(|(other, _)| *other != name);
            headers.push((name, value));
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        Ok(Self {
            shown: shown(&url, params.url.is_secret()),
            url,
            method: params.method,
            headers,
            body: params.json.map(|value| value.to_string()).or(params.body),
            expect: params.expect,
            timeout: params.timeout.0,
            output: params.output,
            secrets,
        })
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What is attempted, as a fragment that fits after "failed to".
    fn attempted(&self) -> String {
        format!("send a {} to {}", self.method.name(), self.shown)
    }

    /// A text without what must not be shown.
    fn cleared(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

/// The same in every attempt, so that a server can tell a repeat.
fn key(context: &TaskContext) -> (HeaderName, HeaderValue) {
    let key = format!("{}/{}", context.run().run, context.path());
    let key = HeaderValue::from_str(&key).expect("ids and labels are letters, digits and signs");
    (HeaderName::from_static("idempotency-key"), key)
}

/// An address without user, query and fragment; of one that is secret, the host alone.
fn shown(url: &Url, is_secret: bool) -> String {
    let origin = url.origin().ascii_serialization();
    if is_secret { origin } else { format!("{origin}{}", url.path()) }
}

/// What sends the requests of one attempt. It follows no redirect by itself, and takes every status for an answer.
pub(super) fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("tidemill/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Sends a request and reads the answer: the output of the task, or why it failed.
pub(super) fn exchange(
    agent: &Agent,
    request: &Request,
    probe: &Probe,
) -> Result<Value, TaskError> {
    let mut url = request.url.clone();
    let mut redirects = 0;
    loop {
        probe.check_cancelled()?;
        let mut response = send(agent, request, &url)?;
        let status = response.status().as_u16();
        if request.expect.iter().any(|statuses| statuses.holds(status)) {
            return output(request, status, response);
        }
        let target = redirect_target(&url, &response);
        match target {
            Some(target) if may_follow(request.method, status, &url, &target) => {
                redirects += 1;
                if redirects > MOST_REDIRECTS {
                    let attempted = request.attempted();
                    return Err(TaskError::fatal(format!("{attempted}: too many redirects")));
                }
                url = target;
            }
            target => {
                let refused = Refused {
                    status,
                    retry_after: header(&response, "retry-after"),
                    elsewhere: target.map(|target| request.cleared(&shown(&target, false))),
                    body: request.cleared(&excerpt(&mut response)),
                };
                return Err(answer::judge(&request.attempted(), &refused));
            }
        }
    }
}

fn send(agent: &Agent, request: &Request, url: &Url) -> Result<Response<Body>, TaskError> {
    let mut head = http::Request::builder().method(request.method.name()).uri(url.as_str());
    for (name, value) in &request.headers {
        head = head.header(name, value);
    }
    let unfit =
        |_| TaskError::fatal(format!("{}: its address is too long or odd", request.attempted()));
    let sent = match &request.body {
        Some(body) => agent.run(head.body(body.as_str()).map_err(unfit)?),
        None => agent.run(head.body(()).map_err(unfit)?),
    };
    sent.map_err(|error| answer::unanswered(&request.attempted(), error))
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

fn redirect_target(from: &Url, response: &Response<Body>) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    from.join(&header(response, "location")?).ok()
}

/// Only the same host sees the request again, only as it was, and never in clear text where it was not.
fn may_follow(method: Method, status: u16, from: &Url, to: &Url) -> bool {
    let is_same = method.is_safe() || [307, 308].contains(&status);
    let is_weaker = from.scheme() == "https" && to.scheme() != "https";
    let port_stays = from.port() == to.port();
    is_same && from.host() == to.host() && port_stays && !is_weaker
}

/// The beginning of what the server says to explain itself.
fn excerpt(response: &mut Response<Body>) -> String {
    let mut bytes = Vec::new();
    // What cannot be read explains nothing.
    response.body_mut().as_reader().take(EXCERPT_BYTES).read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn output(
    request: &Request,
    status: u16,
    mut response: Response<Body>,
) -> Result<Value, TaskError> {
    if request.output == Output::None {
        return Ok(json!({ "status": status }));
    }
    let attempted = || format!("read the answer of {}", request.shown);
    let mut bytes = Vec::new();
    let most = LARGEST_OUTPUT_BYTES as u64;
    let read = response.body_mut().as_reader().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| TaskError::transient(attempted()).caused_by(error))?;
    if bytes.len() > LARGEST_OUTPUT_BYTES {
        return Err(TaskError::fatal(format!(
            "{}: it has more than {most} bytes; fetch what is large by a `command`, as an artefact",
            attempted()
        )));
    }
    let text = request.cleared(&String::from_utf8_lossy(&bytes));
    let body = match request.output {
        Output::None => Value::Null,
        Output::Text => Value::String(text),
        Output::Json => serde_json::from_str(&text).map_err(|error| {
            TaskError::fatal(format!("{} as JSON", attempted())).caused_by(error)
        })?,
    };
    Ok(json!({ "status": status, "body": body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(method: Method, status: u16, from: &str, to: &str) -> bool {
        may_follow(method, status, &Url::parse(from).unwrap(), &Url::parse(to).unwrap())
    }

    #[test]
    fn a_redirect_is_followed_by_the_same_request_to_the_same_host_alone() {
        let (here, there) = ("https://a.example/x", "https://a.example/y");

        assert!(follows(Method::Get, 302, here, there));
        assert!(follows(Method::Post, 307, here, there));
        assert!(follows(Method::Get, 301, "http://a.example/x", there));
        // A POST would become a GET.
        assert!(!follows(Method::Post, 302, here, there));
        assert!(!follows(Method::Get, 302, here, "https://b.example/y"));
        assert!(!follows(Method::Get, 302, here, "https://a.example:8443/y"));
        assert!(!follows(Method::Get, 302, here, "http://a.example/y"));
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        let url = Url::parse("https://hooks.example/services/T0/B0?token=x#y").unwrap();

        assert_eq!(shown(&url, false), "https://hooks.example/services/T0/B0");
        assert_eq!(shown(&url, true), "https://hooks.example");
    }
}
