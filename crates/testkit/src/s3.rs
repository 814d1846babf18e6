//! A server that speaks S3, on loopback.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;

/// Who may read and write.
const USER: (&str, &str) = ("tide", "mill");

/// A server that speaks S3, on a thread of its own: processes can reach it, too. It ends with this value.
#[derive(Debug)]
pub struct S3Server {
    folder: PathBuf,
    address: SocketAddr,
    /// The runtime of its thread; dropping it ends the server.
    runtime: Option<tokio::runtime::Runtime>,
}

impl S3Server {
    /// Starts a server whose buckets are the folders below `folder`.
    pub fn start(folder: impl Into<PathBuf>, buckets: &[&str]) -> anyhow::Result<Self> {
        let folder = folder.into();
        for bucket in buckets {
            std::fs::create_dir_all(folder.join(bucket)).context("make a bucket")?;
        }
        let files = s3s_fs::FileSystem::new(&folder)
            .map_err(|error| anyhow::anyhow!("serve a folder as buckets: {error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(USER.0, USER.1));
        let service = builder.build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("start a runtime")?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen on loopback")?;
        listener.set_nonblocking(true).context("listen on loopback")?;
        let address = listener.local_addr().context("listen on loopback")?;
        let guard = runtime.enter();
        let listener = TcpListener::from_std(listener).context("listen on loopback")?;
        drop(guard);
        runtime.spawn(serve(listener, service));
        Ok(Self { folder, address, runtime: Some(runtime) })
    }

    /// The folder of a bucket.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What a program needs in its environment to use it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", USER.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", USER.1.to_owned()),
        ]
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // A test may end inside of another runtime, where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    while let Ok((socket, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let server = Builder::new(TokioExecutor::new());
            // A client that goes away in the middle is its own business.
            drop(server.serve_connection(TokioIo::new(socket), service).await);
        });
    }
}
