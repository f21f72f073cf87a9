//! The root of trust: record 1, before anything else can be judged.

use super::claims::Claims;
use super::verdict::{Check, Conviction, Root};
use super::walk::Stop;
use bandex_journal::{JournalReader, ReadError};
use bandex_tradechain::{Command, Decoded, Genesis};

/// Reads record 1, which must be the genesis that was expected.
///
/// # Errors
/// It is not, or cannot be read.
pub(super) async fn read(reader: &dyn JournalReader, claims: &Claims) -> Result<Genesis, Stop> {
    let convicted = |why: String| Stop::from(Conviction::new(1, Check::Genesis, why));
    let first = reader.records(1, 1).await.map_err(|error| match error {
        ReadError::Damaged { seq, what } => Conviction::new(seq, Check::Row, what).into(),
        ReadError::Store(what) => Stop::from(Conviction::new(1, Check::Row, what)),
    })?;
    let first = first.into_iter().next().filter(|record| record.seq == 1);
    let first = first.ok_or_else(|| convicted("record 1, the root of trust, is missing".to_owned()))?;
    let genesis = match Decoded::from_bytes(&first.command).map(|decoded| decoded.command().clone()) {
        Ok(Command::Genesis(genesis)) => genesis,
        Ok(_) => return Err(convicted("record 1 is no genesis".to_owned())),
        Err(error) => return Err(convicted(format!("record 1 is no genesis: {error}"))),
    };
    match claims.node.filter(|node| *node != genesis.node) {
        Some(node) => {
            let why = format!("this journal begins with another node's key than {node}");
            Err(Conviction::new(1, Check::Genesis, why).finding(&Root::from(&genesis)).into())
        }
        None => Ok(genesis),
    }
}
