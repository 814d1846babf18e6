//! The scheduler on a real server, one database per test, one step at a time.

mod deadlines;
mod delivery;
mod housekeeping;
mod leading;
mod rounds;

use std::sync::{Arc, Mutex, PoisonError};

use tidemill_dag::hash::content_hash;
use tidemill_dag::load::Dag;
use tidemill_dag::plan::Plan;
use tidemill_dag::problem::SourceText;
use tidemill_dag::spec::DagSpec;
use tidemill_dag::yaml;
use tidemill_scheduler::{
    DagSource, LeaderOptions, Repository, Scheduler, SchedulerOptions, Sinks, SourceError,
};
use tidemill_testkit::World;
use tokio::sync::Notify;

/// Files of a test, read anew whenever they changed.
#[derive(Debug, Default)]
struct Files {
    texts: Mutex<Option<Vec<String>>>,
    was_read: Notify,
}

impl Files {
    fn holding(texts: &[&str]) -> Arc<Self> {
        let files = Self::default();
        files.put(texts);
        Arc::new(files)
    }

    fn put(&self, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        *self.texts.lock().unwrap_or_else(PoisonError::into_inner) = Some(texts);
    }
}

impl DagSource for Files {
    fn load(&self) -> Result<Option<Repository>, SourceError> {
        self.was_read.notify_one();
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let dags = |texts: Vec<String>| texts.iter().map(|text| dag(text)).collect();
        Ok(texts.map(|texts| Repository { dags: dags(texts), broken: Vec::new() }))
    }
}

/// A DAG from the text of its file, without any check beyond its shape.
fn dag(text: &str) -> Dag {
    let source = Arc::new(SourceText::new("dags/test.yaml".to_owned(), text.to_owned()));
    let tree = yaml::parse(&source).expect("the file of a test is YAML");
    let spec: DagSpec = serde_json::from_value(tree.to_json()).expect("it is a DAG");
    let plan = Plan::new(&spec).expect("it has no ring");
    Dag { hash: content_hash(&spec), path: source.path.clone(), includes: Vec::new(), spec, plan }
}

fn scheduler(world: &World, name: &str, files: &Arc<Files>) -> Scheduler {
    let source: Arc<dyn DagSource> = Arc::<Files>::clone(files);
    let options = SchedulerOptions {
        name: name.to_owned(),
        leader: LeaderOptions::default(),
        housekeeping: None,
    };
    Scheduler::new(world.store.clone(), source, Sinks::default(), options)
}
