//! A deal as the world sees it, and its bytes.

use crate::outcome::Payee;
use bandex_settlement::{Deal, Due, InFlight, OnChain, Party, Sent, State, Terms};
use bandex_types::{AccountId, Amount, DealId, MarketId, OrderRef, Side, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use std::io::{self, Read, Write};

/// A deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DealState {
    /// Its id.
    pub id: DealId,
    /// The market.
    pub market: MarketId,
    /// The order that arrived; of a deal that took the place of two, those of the newer one.
    pub taker: OrderRef,
    /// The order that rested.
    pub maker: OrderRef,
    /// Which way the taker traded.
    pub taker_side: Side,
    /// Who sends base.
    pub seller: AccountId,
    /// Who sends quote.
    pub buyer: AccountId,
    /// When it was opened.
    pub opened: Timestamp,
    /// Where it stands.
    #[serde(serialize_with = "as_progress")]
    pub deal: Deal,
    /// The two deals whose place it took, the older first; there are such exactly if the deal says that something is
    /// carried over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<[DealId; 2]>,
    /// Where the payee wants to be paid on the chain, once it has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payee: Option<Payee>,
}

impl BorshSerialize for DealState {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let orders = (self.id, self.market, self.taker, self.maker, self.taker_side);
        BorshSerialize::serialize(&orders, out)?;
        BorshSerialize::serialize(&(self.seller, self.buyer, self.opened, &self.deal), out)?;
        // Whether this follows is told by the deal: the bytes of all others are those that deals always had.
        self.replaces.as_ref().map_or(Ok(()), |replaces| BorshSerialize::serialize(replaces, out))?;
        self.payee.as_ref().map_or(Ok(()), |payee| BorshSerialize::serialize(payee, out))
    }
}

impl BorshDeserialize for DealState {
    fn deserialize_reader<R: Read>(from: &mut R) -> io::Result<Self> {
        let (id, market, taker, maker, taker_side) = BorshDeserialize::deserialize_reader(from)?;
        let (seller, buyer, opened) = BorshDeserialize::deserialize_reader(from)?;
        let deal = Deal::deserialize_reader(from)?;
        let replaces = match deal.carried() {
            Some(_) => Some(BorshDeserialize::deserialize_reader(from)?),
            None => None,
        };
        let payee = match deal.chain() {
            Some(OnChain { named: true, .. }) => Some(BorshDeserialize::deserialize_reader(from)?),
            _ => None,
        };
        Ok(Self { id, market, taker, maker, taker_side, seller, buyer, opened, deal, replaces, payee })
    }
}

/// A deal as people read it: the terms, what each side sent, who is due.
fn as_progress<S: serde::Serializer>(deal: &Deal, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Progress<'a> {
        terms: &'a Terms,
        state: State,
        base_sent: Amount,
        quote_sent: Amount,
        tranche: u32,
        due: Option<Due>,
        in_flight: Option<&'a InFlight>,
        #[serde(skip_serializing_if = "Option::is_none")]
        carried: Option<Sent>,
        #[serde(skip_serializing_if = "Option::is_none")]
        covered: Option<Amount>,
        #[serde(skip_serializing_if = "Option::is_none")]
        chain: Option<&'a OnChain>,
    }
    Progress {
        terms: deal.terms(),
        state: deal.state(),
        base_sent: deal.sent_units(Party::Seller),
        quote_sent: deal.sent_units(Party::Buyer),
        tranche: deal.tranche(),
        due: deal.due(),
        in_flight: deal.in_flight(),
        carried: deal.carried(),
        covered: Some(deal.covered()).filter(|covered| !covered.is_zero()),
        chain: deal.chain(),
    }
    .serialize(serializer)
}
