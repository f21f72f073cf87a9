//! Two lanes that settle a deal as the exchange says what is due, step by step.

use crate::{RawLane, Server};
use bandex_api::{BlockReply, Deal};
use bandex_types::{BlockId, DealId};

/// One step of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// The seller sent this much quote value, by its own block or with an acknowledgement.
    Seller(u64),
    /// The buyer paid this much, acknowledged.
    Buyer(u64),
}

/// Smallest quote units of a decimal text of BTC.
///
/// # Panics
/// It is none.
pub fn units(btc: &str) -> u64 {
    bandex_api::AssetScale::new(11).parse(btc).unwrap().get()
}

/// Settles a deal to its end; gives the movements of value in order.
pub async fn settle(server: &Server, seller: &mut RawLane, buyer: &mut RawLane, deal: DealId) -> Vec<Leg> {
    settle_until(server, seller, buyer, deal, |_| false).await
}

/// The same until `stop` says so, asked before each step.
///
/// # Panics
/// A step is refused.
pub async fn settle_until(
    server: &Server,
    seller: &mut RawLane,
    buyer: &mut RawLane,
    id: DealId,
    stop: impl Fn(&Deal) -> bool,
) -> Vec<Leg> {
    let token = server.login(seller).await;
    let mut legs = Vec::new();
    let mut before = server.deal(&token, id).await;
    while !(before.state == "settled" || stop(&before)) {
        let signed = match (&before.due, &before.in_flight) {
            (Some(due), None) => {
                let payer = if due.party == "seller" { &mut *seller } else { &mut *buyer };
                assert_eq!(due.account, payer.account().to_string());
                payer.pay(id, due.tranche, due.cumulative_units.parse().unwrap())
            }
            (None, Some(paid)) => {
                let payee = if paid.party == "seller" { &mut *buyer } else { &mut *seller };
                payee.acknowledge(paid.proposal.parse::<BlockId>().unwrap())
            }
            other => panic!("a deal is due or in flight: {other:?}"),
        };
        server.submit(&signed).await.read::<BlockReply>();
        let after = server.deal(&token, id).await;
        let moved = |one: &str, next: &str| units(next).checked_sub(units(one)).filter(|by| *by > 0);
        legs.extend(moved(&before.quote_sent, &after.quote_sent).map(Leg::Buyer));
        legs.extend(moved(&before.base_sent_value, &after.base_sent_value).map(Leg::Seller));
        let (sent, paid) = (units(&after.base_sent_value), units(&after.quote_sent));
        assert!(
            sent.saturating_sub(paid) <= units(&after.seller_cap),
            "the seller is exposed beyond its cap: {after:?}"
        );
        assert!(
            paid.saturating_sub(sent) <= units(&after.buyer_cap),
            "the buyer is exposed beyond its cap: {after:?}"
        );
        before = after;
    }
    legs
}
