//! Trust: limits that are earned, admission, the ends of deals that went wrong, scores, standing.

mod admission;
mod ends;
mod epochs;
mod limits;
mod standing;

use crate::story::{BWT, Pair};
use bandex_api::{BlockReply, Deal};
use bandex_tests::{Server, Setup, Socket};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::TrustTerms;
use bandex_types::{Amount, DealId};
use serde_json::json;

/// What a BWT is worth where these tests are, in millisatoshi; of a bond or of fees half of it counts.
const WORTH: u64 = 40_000;

/// A seller and a buyer where bandwidth tokens have a rate and limits can be earned.
async fn meet(setup: Setup, change: impl FnOnce(&mut TrustTerms)) -> Pair {
    let pair = Pair::meet(Server::start(setup).await).await;
    rate(&pair.server).await;
    pair.server
        .set_trust(|terms| {
            (terms.largest_limit, terms.loss_budget) = (Amount::new(1_000_000), Amount::new(1_000_000));
            change(terms);
        })
        .await;
    pair
}

async fn rate(server: &Server) {
    let rate = json!({ "num": 1, "den": BWT / WORTH });
    server.configure(json!([{ "change": "set_rate", "asset": 0, "rate": rate }])).await;
}

/// Submits a block that must succeed as a whole.
async fn done(server: &Server, signed: &SignedBlock) -> BlockReply {
    server.submit(signed).await.read()
}

/// Deadlines that a test can wait for.
fn short() -> Setup {
    Setup { pay_us: 2_000_000, acknowledge_us: 2_000_000, ..Setup::default() }
}

/// Follows the seller's deals.
async fn follow(pair: &Pair) -> Socket {
    let mut deals = pair.server.socket().await;
    deals.login(&pair.server, &pair.seller).await;
    deals.subscribe("deals", None).await;
    deals
}

/// Waits on the channel until the deal is in `state`.
async fn until(deals: &mut Socket, id: DealId, state: &str) -> Deal {
    loop {
        let push = deals.push().await;
        let changed: Vec<Deal> = serde_json::from_value(push.data).unwrap();
        let mut changed = changed.into_iter();
        if let Some(deal) = changed.find(|deal| deal.deal == id.to_string() && deal.state == state) {
            return deal;
        }
    }
}
