//! The object stores of registered data sets, and no others.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use url::Url;

/// Stores by URL. Unlike the engine's own list it has no local disk in it that nobody registered.
#[derive(Debug, Default)]
pub(super) struct Stores(RwLock<BTreeMap<String, Arc<dyn ObjectStore>>>);

impl ObjectStoreRegistry for Stores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key(url), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let stores = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let store = stores.get(&key(url)).cloned();
        store.ok_or_else(|| DataFusionError::Plan(format!("`{url}` is in no data set")))
    }
}

fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}
