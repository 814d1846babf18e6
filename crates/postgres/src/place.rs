//! One cluster's options, files and account, as every step of a start needs them.

use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::deadline::Deadline;
use crate::error::ClusterError;
use crate::home::Home;
use crate::options::Options;

/// Where a cluster lies and whose it is.
#[derive(Debug)]
pub(crate) struct Place<'options> {
    pub(crate) options: &'options Options,
    pub(crate) home: Home,
    pub(crate) account: Account,
    pub(crate) deadline: Deadline,
}

impl<'options> Place<'options> {
    pub(crate) fn open(options: &'options Options) -> Result<Self, ClusterError> {
        let deadline = Deadline::after(options.start_timeout);
        let account = Account::choose(options)?;
        let home = Home::open(&options.folder, account, deadline)?;
        let account = account.or_owner_of(&home.data());
        Ok(Self { options, home, account, deadline })
    }
}

/// The path of the socket in its folder.
pub(crate) fn socket_path(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}
