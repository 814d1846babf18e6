//! A database for each test, and a place to land in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tidemill_lake::postgres::PostgresQuery;
use tidemill_lake::snapshot::{
    Destination, Earlier, LandError, Landed, Landing, Manifest, Workspace, land,
};
use tidemill_lake::source::Access;
use tidemill_postgres::{Cluster, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

/// The variable that holds the address of the test's database.
pub(crate) const PLANT: &str = "PLANT_DATABASE";

/// A database of a cluster that all tests share, and a lake.
pub(crate) struct Plant {
    pub(crate) cluster: Cluster,
    database: String,
    folder: TempDir,
    pub(crate) address: String,
}

impl Plant {
    /// An empty database of this name.
    pub(crate) fn new(name: &str) -> Self {
        let folder = target_folder().join("tidemill-test-pg");
        let cluster = Cluster::start(&Options::for_tests(folder)).unwrap();
        let database = format!("lake_{name}");
        cluster
            .query("tidemill", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))
            .unwrap();
        cluster.query("tidemill", &format!("CREATE DATABASE {database}")).unwrap();
        let address = cluster.url_of(&database);
        Self { cluster, database, folder: TempDir::new().unwrap(), address }
    }

    pub(crate) fn run(&self, sql: &str) {
        self.cluster.query(&self.database, sql).unwrap();
    }

    pub(crate) async fn land_after(
        &self,
        request: &Landing,
        earlier: Earlier<'_>,
    ) -> Result<Landed, LandError> {
        let address = self.address.clone();
        let workspace = Workspace {
            access: Access::new(self.folder.path()),
            scratch: self.scratch(),
            dataset: "plant".into(),
            environment: Arc::new(move |name| match name {
                PLANT => Some(address.clone()),
                "NO_ADDRESS" => Some("secret".into()),
                _ => None,
            }),
        };
        let destination = Destination::folder(&self.folder.path().join("lake")).unwrap();
        land(request, earlier, &workspace, &destination).await
    }

    pub(crate) async fn land(&self, request: &Landing) -> Manifest {
        match self.land_after(request, Earlier::default()).await.unwrap() {
            Landed::Snapshot(manifest) => *manifest,
            Landed::Unchanged => panic!("nothing was there before"),
        }
    }

    /// Fails to land, leaves nothing behind, and says what is wrong.
    pub(crate) async fn refused(&self, request: &Landing) -> String {
        let refused = self.land_after(request, Earlier::default()).await.unwrap_err();
        assert_eq!(files(&self.folder.path().join("lake")), Vec::<PathBuf>::new(), "{refused}");
        assert_eq!(files(&self.scratch()), Vec::<PathBuf>::new(), "{refused}");
        let hint = refused.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        let mut causes = String::new();
        let mut cause = std::error::Error::source(&refused);
        while let (Some(inner), LandError::Personal { .. }) = (cause, &refused) {
            causes = format!("{causes}: {inner}");
            cause = inner.source();
        }
        format!("failed to {refused}{causes}{hint}")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    pub(crate) fn batches(&self, manifest: &Manifest) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        for file in &manifest.files {
            let path = self.folder.path().join("lake").join(&file.path);
            let file = std::fs::File::open(path).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
            batches.extend(reader.map(Result::unwrap));
        }
        batches
    }

    pub(crate) fn table(&self, manifest: &Manifest) -> String {
        pretty_format_batches(&self.batches(manifest)).unwrap().to_string()
    }

    /// A way to the server that ends after so many bytes of it.
    pub(crate) async fn cut_after(&mut self, bytes: u64) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let name = format!(".s.PGSQL.{}", self.cluster.port());
        let socket = self.cluster.socket_folder().join(name);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (from_server, mut to_server) = server.into_split();
                    let asked = tokio::spawn(async move {
                        drop(tokio::io::copy(&mut from_client, &mut to_server).await);
                    });
                    drop(tokio::io::copy(&mut from_server.take(bytes), &mut to_client).await);
                    drop(to_client.shutdown().await);
                    asked.abort();
                });
            }
        });
        self.address =
            format!("postgres://tidemill@127.0.0.1:{port}/{}?sslmode=disable", self.database);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The folder that cargo builds into.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let found = program.ancestors().find(|folder| folder.join(".rustc_info.json").is_file());
    found.unwrap().to_owned()
}

/// A landing of one query.
pub(crate) fn landing(query: &str, key: &[&str]) -> Landing {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    let query = PostgresQuery { address: PLANT.into(), query: query.into(), key, timeout: None };
    Landing { postgres: vec![query], ..Landing::default() }
}
