//! What a node says of an account's standing, checked without asking anybody.

use crate::wire::{WireError, parse};
use bandex_api::Standing;
use bandex_tradechain::{DecodeError, KeyError, StandingStatement};
use bandex_types::{PublicKey, SignatureBytes};

/// Why a statement of standing proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StandingError {
    /// A field cannot be read.
    #[error("the statement: {0}")]
    Wire(#[from] WireError),
    /// The signed bytes are no statement.
    #[error("the signed bytes: {0}")]
    Bytes(#[from] DecodeError),
    /// It is of another network.
    #[error("the statement is of network {0}")]
    OtherNetwork(u32),
    /// The signature is not the node's.
    #[error("the signature is not this node's under these bytes: {0}")]
    Signature(#[from] KeyError),
    /// A field beside the signed bytes says something else than they do.
    #[error("`{0}` is not what the node has signed")]
    Altered(&'static str),
}

/// Checks that `node` has signed a statement of this network, and that every field beside the signed bytes says the
/// same. Gives what it says.
///
/// It is true as of the record and time that it names; how old it may be is for whoever asks to say.
///
/// # Errors
/// See [`StandingError`].
pub fn check_standing(
    standing: &Standing,
    node: &PublicKey,
    network: u32,
) -> Result<StandingStatement, StandingError> {
    let bytes = hex::decode(&standing.payload)
        .map_err(|error| WireError { field: "payload", why: error.to_string() })?;
    let said = StandingStatement::decode(&bytes)?;
    let signature: SignatureBytes = parse("signature", &standing.signature)?;
    if said.network != network {
        return Err(StandingError::OtherNetwork(said.network));
    }
    said.check(node, &signature)?;
    let fields = [
        ("network", standing.network == said.network),
        ("node", standing.node == node.to_string()),
        ("account", standing.account == said.account.to_string()),
        ("seq", standing.seq == said.seq),
        ("time_us", standing.time_us == said.time.as_micros()),
        ("balance", standing.balance == said.balance.to_string()),
        ("threshold", standing.threshold == said.threshold.to_string()),
        ("served", standing.served == said.served),
        ("cure", standing.cure == said.cure.to_string()),
    ];
    match fields.into_iter().find(|(_, same)| !same) {
        Some((name, _)) => Err(StandingError::Altered(name)),
        None => Ok(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NETWORK, NOW, keypair};
    use bandex_types::{AccountId, Amount};

    fn on_the_wire(said: &StandingStatement) -> Standing {
        Standing {
            network: said.network,
            node: keypair(9).public().to_string(),
            account: said.account.to_string(),
            seq: said.seq,
            time_us: said.time.as_micros(),
            balance: said.balance.to_string(),
            threshold: said.threshold.to_string(),
            served: said.served,
            cure: said.cure.to_string(),
            payload: hex::encode(said.encode()),
            signature: said.sign(&keypair(9)).to_string(),
        }
    }

    #[test]
    fn only_the_nodes_own_words_are_believed() {
        let said = StandingStatement {
            network: NETWORK,
            account: AccountId::new([3; 32]),
            seq: 7,
            time: NOW,
            balance: -5,
            threshold: 10,
            served: false,
            cure: Amount::new(15),
        };
        let check = |change: &dyn Fn(&mut Standing)| {
            let mut standing = on_the_wire(&said);
            change(&mut standing);
            check_standing(&standing, &keypair(9).public(), NETWORK)
        };
        assert_eq!(check(&|_| {}), Ok(said.clone()));
        let altered = |name| Err(StandingError::Altered(name));
        assert_eq!(check(&|it| it.served = true), altered("served"));
        assert_eq!(check(&|it| it.cure = "0".to_owned()), altered("cure"));
        assert_eq!(check(&|it| it.balance = "5".to_owned()), altered("balance"));
        assert_eq!(check(&|it| it.threshold = "-5".to_owned()), altered("threshold"));
        assert_eq!(check(&|it| it.seq += 1), altered("seq"));
        assert_eq!(check(&|it| it.time_us += 1), altered("time_us"));
        assert_eq!(check(&|it| it.network += 1), altered("network"));
        assert_eq!(check(&|it| it.account = AccountId::new([4; 32]).to_string()), altered("account"));
        assert_eq!(check(&|it| it.node = keypair(8).public().to_string()), altered("node"));
        // Fields and bytes altered together, signed by nobody or by somebody else.
        let served = StandingStatement { served: true, cure: Amount::ZERO, ..said.clone() };
        let forged = check(&|it| {
            let signature = it.signature.clone();
            *it = Standing { signature, ..on_the_wire(&served) };
        });
        assert!(matches!(forged, Err(StandingError::Signature(_))), "{forged:?}");
        let foreign = check(&|it| it.signature = said.sign(&keypair(8)).to_string());
        assert!(matches!(foreign, Err(StandingError::Signature(_))), "{foreign:?}");
        assert_eq!(
            check_standing(&on_the_wire(&said), &keypair(9).public(), NETWORK + 1),
            Err(StandingError::OtherNetwork(NETWORK))
        );
        assert!(matches!(check(&|it| it.payload.push_str("00")), Err(StandingError::Bytes(_))));
        assert!(matches!(check(&|it| it.payload.push('x')), Err(StandingError::Wire(_))));
    }
}
