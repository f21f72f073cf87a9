//! One server for all tests of a process, or for all processes of a test run.

use crate::{Cluster, ClusterError};
use std::sync::OnceLock;

/// The variable that names a server already there: the address of any database of it, for a user who may make others.
pub const VARIABLE: &str = "BANDEX_TEST_POSTGRES";

/// The address of a server for tests: the one that [`VARIABLE`] names, otherwise one that is started at the first call
/// and ends with this process. See [`database_url`] for its other databases.
///
/// # Errors
/// The variable is not set and no server can be started.
pub fn shared() -> Result<String, ClusterError> {
    static OURS: OnceLock<Result<Cluster, String>> = OnceLock::new();
    match std::env::var(VARIABLE) {
        Ok(url) if !url.is_empty() => Ok(url),
        _ => match OURS.get_or_init(|| Cluster::start().map_err(|error| error.to_string())) {
            Ok(cluster) => Ok(cluster.url("postgres")),
            Err(error) => Err(ClusterError::new(error)),
        },
    }
}

/// The address of another database of the same server.
pub fn database_url(url: &str, database: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(left, right)| (left, Some(right)));
    let scheme_end = address.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = address.split_at(scheme_end);
    let server = rest.split_once('/').map_or(rest, |(server, _)| server);
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{scheme}{server}/{database}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_is_exchanged() {
        let check = |url: &str, expected: &str| assert_eq!(database_url(url, "new"), expected);
        check("postgres://u:p@h:1/old?sslmode=disable", "postgres://u:p@h:1/new?sslmode=disable");
        check("postgres://u@h/old", "postgres://u@h/new");
        check("postgresql://h", "postgresql://h/new");
        check("postgres://h?a=b/c", "postgres://h/new?a=b/c");
    }
}
