//! Lists the files that a pattern stands for.

use std::path::{Component, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Access;
use super::pattern::PathPattern;

/// A file as its store lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Where it is, without credentials.
    pub location: String,
    /// How large it is.
    pub size_bytes: u64,
    /// What its store changes whenever its content changes; for local files, made from inode, time and size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it was last modified, in microseconds since 1970, where there is no etag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_micros: Option<i64>,
}

/// Why sources cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address of a source is malformed.
    #[error("understand the source `{source_address}`: {what}")]
    Address {
        /// The address.
        source_address: String,
        /// What is wrong with it.
        what: String,
    },
    /// A path leads out of the folder that it must lie in.
    #[error("read `{source_address}`: it leads out of `{root}`")]
    Escapes {
        /// The address.
        source_address: String,
        /// The folder.
        root: String,
    },
    /// No file is there.
    #[error("find a file for `{source_address}`")]
    Nothing {
        /// The address.
        source_address: String,
    },
    /// The store refuses the credentials, or there are none.
    #[error("read `{source_address}`: the store refuses the credentials")]
    Denied {
        /// The address.
        source_address: String,
        /// What the store said.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The store cannot be asked.
    #[error("reach `{source_address}`")]
    List {
        /// The address.
        source_address: String,
        /// What the store said.
        #[source]
        source: Box<object_store::Error>,
    },
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Address { .. } => "write a path such as `raw/*.csv`, or `s3://bucket/raw/*.csv` \
                (also gs, az, http, https)"
                .into(),
            Self::Escapes { root, .. } => format!("local sources must lie in `{root}`"),
            Self::Nothing { .. } => {
                "see whether the pattern is right and the files were delivered".into()
            }
            Self::Denied { .. } => {
                "set the credentials in the environment of the worker (AWS_ACCESS_KEY_ID, \
                GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME and so on)"
                    .into()
            }
            Self::List { .. } => "see whether the store can be reached".into(),
        }
    }

    /// Sorts an error of a store into refused credentials and all else.
    pub(crate) fn of(source_address: &str, source: object_store::Error) -> Self {
        let source_address = source_address.to_owned();
        match source {
            object_store::Error::NotFound { .. } => Self::Nothing { source_address },
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => {
                Self::Denied { source_address, source: Box::new(source) }
            }
            source if is_refusal(&source) => {
                Self::Denied { source_address, source: Box::new(source) }
            }
            source => Self::List { source_address, source: Box::new(source) },
        }
    }
}

/// Whether a store said "not you" to a listing. `object_store` sorts the answers to reads by their status, those to listings it leaves as texts.
fn is_refusal(error: &object_store::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("status code: 401") || text.contains("status code: 403") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A store with some files of it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Whether a file may change between two reads of one stream.
    pub(crate) is_local: bool,
    pub(crate) files: Vec<(Listed, Path)>,
}

/// Lists the files that an address stands for, by name.
pub(crate) async fn list(address: &str, access: &Access) -> Result<Place, SourceError> {
    let wrong = |what: String| SourceError::Address { source_address: address.into(), what };
    let Some((scheme, rest)) = address.split_once("://").filter(|(scheme, _)| *scheme != "file")
    else {
        let path = address.strip_prefix("file://").unwrap_or(address);
        return list_local(address, path, access).await;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((_, bare)) = host.rsplit_once('@') {
        return Err(SourceError::Address {
            source_address: format!("{scheme}://…@{bare}/{path}"),
            what: "credentials belong in the environment, not in an address".into(),
        });
    }
    if path.split('/').any(|part| part == "..") {
        return Err(SourceError::Escapes { source_address: address.into(), root: host.into() });
    }
    let base = format!("{scheme}://{host}");
    let store = open(scheme, &base, access)
        .map_err(|source| SourceError::of(address, source))?
        .ok_or_else(|| wrong(format!("`{scheme}` is no kind of store")))?;
    let pattern = PathPattern::parse(path).map_err(|error| wrong(error.to_string()))?;
    if matches!(scheme, "http" | "https") && !pattern.is_exact() {
        return Err(wrong("a web server cannot list files, so name each".into()));
    }
    let found = find(&store, &pattern).await.map_err(|source| SourceError::of(address, source))?;
    place(address, store, false, found, |path| format!("{base}/{path}"))
}

fn open(
    scheme: &str,
    base: &str,
    access: &Access,
) -> object_store::Result<Option<Arc<dyn ObjectStore>>> {
    macro_rules! built {
        ($builder:ident, $key:ty) => {{
            let environment = access.reads_environment();
            let mut builder =
                if environment { $builder::from_env() } else { $builder::new() }.with_url(base);
            for (name, value) in access.options() {
                if let Ok(key) = name.parse::<$key>() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build()?) as Arc<dyn ObjectStore>
        }};
    }
    Ok(Some(match scheme {
        "s3" | "s3a" => built!(AmazonS3Builder, object_store::aws::AmazonS3ConfigKey),
        "gs" => built!(GoogleCloudStorageBuilder, object_store::gcp::GoogleConfigKey),
        "az" | "abfs" | "abfss" => {
            built!(MicrosoftAzureBuilder, object_store::azure::AzureConfigKey)
        }
        "http" | "https" => {
            let options = ClientOptions::new().with_allow_http(scheme == "http");
            Arc::new(HttpBuilder::new().with_url(base).with_client_options(options).build()?)
        }
        _ => return Ok(None),
    }))
}

async fn find(
    store: &Arc<dyn ObjectStore>,
    pattern: &PathPattern,
) -> object_store::Result<Vec<ObjectMeta>> {
    if pattern.is_exact() {
        return Ok(vec![store.head(&Path::parse(&pattern.folder)?).await?]);
    }
    let folder = Path::parse(&pattern.folder)?;
    let prefix = Some(&folder).filter(|folder| !folder.as_ref().is_empty());
    let listed: Vec<ObjectMeta> = store.list(prefix).try_collect().await?;
    Ok(listed.into_iter().filter(|meta| pattern.matches(meta.location.as_ref())).collect())
}

async fn list_local(address: &str, path: &str, access: &Access) -> Result<Place, SourceError> {
    let root_text = access.root().display().to_string();
    let escapes =
        || SourceError::Escapes { source_address: address.into(), root: root_text.clone() };
    let failed = |source: std::io::Error| SourceError::List {
        source_address: address.into(),
        source: Box::new(object_store::Error::Generic { store: "folder", source: source.into() }),
    };
    let root = access.root().canonicalize().map_err(failed)?;
    let given = PathBuf::from(path);
    let relative = if given.is_absolute() {
        let inside = given.strip_prefix(access.root()).or_else(|_| given.strip_prefix(&root));
        inside.map_err(|_| escapes())?.to_path_buf()
    } else {
        given
    };
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(escapes());
    }
    let parts: Vec<String> = relative
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let pattern = PathPattern::parse(&parts.join("/")).map_err(|error| SourceError::Address {
        source_address: address.into(),
        what: error.to_string(),
    })?;
    let store = LocalFileSystem::new_with_prefix(&root)
        .map_err(|source| SourceError::of(address, source))?;
    // A link may lead anywhere, so what it leads to counts.
    let folder = root.join(&pattern.folder).canonicalize();
    if folder.is_ok_and(|folder| !folder.starts_with(&root)) {
        return Err(escapes());
    }
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let found = find(&store, &pattern).await.map_err(|source| SourceError::of(address, source))?;
    for meta in &found {
        let real = root.join(meta.location.as_ref()).canonicalize();
        if real.is_ok_and(|real| !real.starts_with(&root)) {
            return Err(escapes());
        }
    }
    place(address, store, true, found, str::to_owned)
}

fn place(
    address: &str,
    store: Arc<dyn ObjectStore>,
    is_local: bool,
    mut found: Vec<ObjectMeta>,
    location: impl Fn(&str) -> String,
) -> Result<Place, SourceError> {
    if found.is_empty() {
        return Err(SourceError::Nothing { source_address: address.into() });
    }
    found.sort_by(|one, other| one.location.cmp(&other.location));
    let listed = |meta: ObjectMeta| {
        let modified = meta.last_modified.timestamp_micros();
        let modified_micros = meta.e_tag.is_none().then_some(modified);
        let location = location(meta.location.as_ref());
        let file = Listed { location, size_bytes: meta.size, etag: meta.e_tag, modified_micros };
        (file, meta.location)
    };
    Ok(Place { store, is_local, files: found.into_iter().map(listed).collect() })
}
