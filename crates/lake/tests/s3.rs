//! Sources and snapshots in an object store: against a server that speaks S3, on loopback.
#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tidemill_lake::snapshot::{
    Destination, Earlier, EventTime, LandError, Landed, Landing, Partition, Workspace, land,
};
use tidemill_lake::source::{Access, SourceError};

/// A server with one bucket, which ends with the test.
struct Server {
    folder: TempDir,
    endpoint: String,
}

impl Server {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("s3/plant")).unwrap();
        let files = s3s_fs::FileSystem::new(folder.path().join("s3")).unwrap();
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single("reader", "secret"));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // A client that goes away in the middle is its own business.
                    drop(server.serve_connection(TokioIo::new(socket), service).await);
                });
            }
        });
        Self { folder, endpoint }
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join("s3/plant").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn options(&self, secret: &str) -> BTreeMap<String, String> {
        let options = [
            ("aws_endpoint", self.endpoint.as_str()),
            ("aws_allow_http", "true"),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", "reader"),
            ("aws_secret_access_key", secret),
        ];
        options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn workspace(&self, secret: &str) -> Workspace {
        Workspace {
            access: Access::new(self.folder.path()).with_options(self.options(secret)),
            scratch: self.folder.path().join("scratch"),
            dataset: "plant".into(),
            environment: Arc::new(|_| None),
        }
    }

    fn destination(&self) -> Destination {
        let options = self.options("secret");
        let options = options.iter().map(|(name, value)| (name.as_str(), value.clone()));
        Destination::at("s3://plant/lake", options).unwrap()
    }
}

fn request(source: &str) -> Landing {
    let event_time = Some(EventTime { column: "at".into(), ..EventTime::default() });
    Landing { sources: vec![source.into()], event_time, ..Landing::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_bucket_land_in_a_bucket_and_again_are_a_no_op() {
    let server = Server::start().await;
    server.write("raw/dt=2025-01-01/a.csv", "at,value\n2025-01-01T00:00:00Z,1\n");
    server.write("raw/dt=2025-01-01/b.csv", "at,value\n2025-01-01T01:00:00Z,2\n");
    server.write("raw/dt=2025-01-02/c.csv", "at,value\n2025-01-02T00:00:00Z,3\n");
    let request = request("s3://plant/raw/dt=2025-01-01/*.csv");
    let (workspace, destination) = (server.workspace("secret"), server.destination());

    let landed = land(&request, Earlier::default(), &workspace, &destination).await.unwrap();

    let Landed::Snapshot(manifest) = landed else { panic!("nothing was there before") };
    assert_eq!(manifest.rows, 2);
    assert_eq!(manifest.sources[0].file.location, "s3://plant/raw/dt=2025-01-01/a.csv");
    let written = destination.read(&format!("{}/manifest.json", manifest.folder)).await.unwrap();
    assert_eq!(written, manifest.to_json().unwrap());
    let earlier = Earlier { same_interval: Some(&manifest), latest: Some(&manifest) };
    let again = land(&request, earlier, &workspace, &destination).await.unwrap();
    assert_eq!(again, Landed::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_and_missing_files_are_told_apart() {
    let server = Server::start().await;
    server.write("a.csv", "at,value\n2025-01-01T00:00:00Z,1\n");
    let destination = server.destination();

    let wrong = server.workspace("wrong");
    let denied = land(&request("s3://plant/*.csv"), Earlier::default(), &wrong, &destination).await;
    let right = server.workspace("secret");
    let missing =
        land(&request("s3://plant/b.csv"), Earlier::default(), &right, &destination).await;

    let denied = denied.unwrap_err();
    assert!(matches!(denied, LandError::Source(SourceError::Denied { .. })), "{denied:?}");
    assert_eq!(denied.to_string(), "read `s3://plant/*.csv`: the store refuses the credentials");
    let missing = missing.unwrap_err();
    assert!(matches!(missing, LandError::Source(SourceError::Nothing { .. })), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_is_read_in_ranges() {
    let server = Server::start().await;
    let rows: Vec<String> =
        (0..50_000).map(|row| format!("{},{row}", 1_700_000_000 + row)).collect();
    let rows = rows.join("\n");
    server.write("a.csv", &format!("at,value\n{rows}\n"));
    let (workspace, destination) = (server.workspace("secret"), server.destination());
    // Files of a day are too small for a guess at how dense rows are.
    let monthly = |source: &str| Landing { partition: Partition::Month, ..request(source) };
    let text = monthly("s3://plant/a.csv");
    let landed = land(&text, Earlier::default(), &workspace, &destination).await;
    let Landed::Snapshot(first) = landed.unwrap() else { panic!("nothing was there before") };

    let source = format!("s3://plant/lake/{}/**/*.parquet", first.folder);
    let again = land(&monthly(&source), Earlier::default(), &workspace, &destination).await;

    let Landed::Snapshot(second) = again.unwrap() else { panic!("nothing was there before") };
    assert_eq!((second.rows, &second.event_time), (50_000, &first.event_time));
    assert_eq!((second.tally.rejected.len(), &second.columns), (0, &first.columns));
}
