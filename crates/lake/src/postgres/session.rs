//! A connection to a server.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::Asked;
use super::{PostgresQuery, QueryError};
use crate::snapshot::Environment;

/// A connection, closed when it is dropped.
pub(super) struct Session {
    pub(super) client: Client,
    connection: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// How long it may take to reach the server, and how long it may be silent below what we ask.
const CONNECT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_mins(1);

impl Session {
    /// Connects as the environment says.
    pub(super) async fn open(
        query: &PostgresQuery,
        asked: &Asked<'_>,
        environment: &Environment,
    ) -> Result<Self, QueryError> {
        let address = |what| QueryError::Address {
            location: asked.location.to_owned(),
            variable: query.address.clone(),
            what,
        };
        let text = environment(&query.address).ok_or_else(|| address("is not set"))?;
        let is_address = text.starts_with("postgres://") || text.starts_with("postgresql://");
        // What the parser says may repeat a part of the address, so it is not passed on.
        let config = without_second_host(&text).parse::<Config>().ok().filter(|_| is_address);
        let mut config =
            config.ok_or_else(|| address("holds no address of a Postgres database"))?;
        config.application_name("tidemill").keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        let tls = MakeRustlsConnect::new(tls(config.get_ssl_mode()));
        // The whole handshake has a deadline, also with a server that takes the connection and says nothing.
        let connected = tokio::time::timeout(CONNECT * 2, config.connect(tls)).await;
        let (client, connection) = match connected {
            Ok(connected) => connected.map_err(|error| asked.unreachable(error))?,
            Err(elapsed) => {
                let location = asked.location.to_owned();
                return Err(QueryError::Connect { location, source: elapsed.into() });
            }
        };
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Whoever waits for an answer is told that the connection is closed.
                tracing::debug!(error = %error, "a connection to a source ends");
            }
        });
        Ok(Self { client, connection })
    }
}

/// An address whose parameters name the host (a socket's folder, mostly) means that one alone, as for the server's own programs.
fn without_second_host(address: &str) -> String {
    let Some((before, parameters)) = address.split_once('?') else { return address.to_owned() };
    let names_host = parameters.split('&').any(|parameter| parameter.starts_with("host="));
    let place = before.split_once("://").and_then(|(scheme, rest)| {
        let (authority, database) = rest.split_once('/')?;
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        let at = if user.is_empty() { "" } else { "@" };
        Some(format!("{scheme}://{user}{at}/{database}?{parameters}"))
    });
    place.filter(|_| names_host).unwrap_or_else(|| address.to_owned())
}

/// Certificates are always verified, by the authorities that the system knows.
fn tls(mode: SslMode) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if mode != SslMode::Disable {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_the_parameters_is_the_only_one() {
        let socket = "postgres://a:b@localhost/plant?host=%2Frun%2Fpg&port=7000";
        let plain = "postgres://a:b@db.example.com:5433/plant?sslmode=require";

        let config: Config = without_second_host(socket).parse().unwrap();

        assert_eq!(config.get_hosts(), [tokio_postgres::config::Host::Unix("/run/pg".into())]);
        assert_eq!((config.get_ports(), config.get_user()), ([7000].as_slice(), Some("a")));
        assert_eq!(without_second_host(plain), plain);
    }
}
