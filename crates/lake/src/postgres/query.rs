//! What a user says about a query.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::QueryError;
use crate::quality::Length;

/// Rows of a Postgres database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresQuery {
    /// The environment variable that holds the address of the database, such as `postgres://reader:…@host/plant`; never the address itself.
    pub address: String,
    /// One statement that gives rows and changes nothing: `SELECT …`, or `TABLE plant.readings` for a whole table.
    pub query: String,
    /// Columns that tell every row from all others, none of them null. Rows come in their order and in pages, so that no statement takes long and the same
    /// rows are the same snapshot; an index should have them. Without a key rows come in one go, in the order of the query.
    #[serde(default)]
    pub key: Vec<String>,
    /// How long one statement may take: ten minutes unless declared.
    #[serde(default)]
    pub timeout: Option<Length>,
}

impl PostgresQuery {
    /// How long one statement may take.
    pub(super) fn timeout(&self) -> Length {
        self.timeout.unwrap_or(Length::from_seconds(600))
    }

    /// The name of the source in manifests and messages. It holds no credentials and no values.
    pub(crate) fn location(&self, place: usize) -> String {
        let is_name = is_variable(&self.address);
        let name = if is_name { self.address.as_str() } else { "…" };
        format!("postgres:{name}#{}", place + 1)
    }

    /// The statement without what may follow it.
    pub(super) fn statement(&self) -> &str {
        self.query.trim_end().trim_end_matches(';').trim_end()
    }

    /// Refuses what cannot be, before anybody is asked.
    pub(super) fn check(&self, location: &str) -> Result<(), QueryError> {
        let wrong = |what: &str, hint: &str| QueryError::Request {
            location: location.to_owned(),
            what: what.to_owned(),
            hint: hint.to_owned(),
        };
        if !is_variable(&self.address) {
            return Err(wrong(
                "`address` is not the name of an environment variable",
                "put the address into the worker's environment, and write the variable's name here",
            ));
        }
        if self.statement().is_empty() {
            return Err(wrong("there is no `query`", "write one, such as `TABLE plant.readings`"));
        }
        if self.timeout().milliseconds() == 0 {
            return Err(wrong("`timeout` is nothing", "write how long a statement may take"));
        }
        Ok(())
    }
}

fn is_variable(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_place_of_a_variable_is_refused_and_not_repeated() {
        let query = PostgresQuery {
            address: "postgres://reader:secret@host/plant".into(),
            query: "TABLE readings".into(),
            ..PostgresQuery::default()
        };

        let refused = query.check(&query.location(0)).unwrap_err();

        let told = format!("{refused:?} {refused} {:?}", refused.hint());
        assert!(told.contains("not the name of an environment variable"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn what_is_declared_is_read_and_written_alike() {
        let text = r#"{"address":"PLANT","query":"TABLE a;","key":["id"],"timeout":"90s"}"#;

        let query: PostgresQuery = serde_json::from_str(text).unwrap();

        assert_eq!(query.timeout().milliseconds(), 90_000);
        assert_eq!(query.statement(), "TABLE a");
        assert_eq!(serde_json::to_string(&query).unwrap(), text);
    }
}
