//! Who signed what: both orders of a deal, and the payee's word where to pay, each read from signed bytes and not from
//! what the exchange says of them.

use crate::DealView;
use crate::view::PayeeView;
use bandex_sdk::api::{Evidence, ProvenRecord};
use bandex_sdk::receipt_from_wire;
use bandex_sdk::tradechain::body::Operation;
use bandex_sdk::tradechain::{Block, Body, Command, Decoded, Domain, verify};
use bandex_sdk::types::{AccountId, BlockId, MarketId, OrderRef, PublicKey, Side};
use bandex_settlement::Party;

/// Signed bytes do not bear out what the exchange says. Nothing is paid then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// A record is not proven, or its block not signed as it must be.
    #[error("the {what} is not proven: {why}")]
    Unproven {
        /// Of what.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// The block is another than was asked for, or says something else.
    #[error("the {0} says something else")]
    Other(&'static str),
    /// Nothing shows that a key is the payee's.
    #[error("nothing shows that key {0} is the payee's: it signed neither its order nor its registration")]
    Stranger(PublicKey),
}

/// Whose word counts: the node that signs the receipts, and its network.
#[derive(Debug, Clone, Copy)]
pub struct Notary {
    /// The node's key.
    pub node: PublicKey,
    /// The network of all blocks.
    pub network: u32,
}

impl Notary {
    /// The block of a record: signed by its author, taken in by the node.
    fn block(self, what: &'static str, record: &ProvenRecord) -> Result<(Block, BlockId), WitnessError> {
        let unproven = |why: String| WitnessError::Unproven { what, why };
        let receipt = receipt_from_wire(&record.receipt).map_err(|error| unproven(error.to_string()))?;
        receipt.check(&self.node, self.network).map_err(|error| unproven(error.to_string()))?;
        let command = hex::decode(&record.command).map_err(|error| unproven(error.to_string()))?;
        if Domain::Command.hash(&command) != receipt.leaf.command_hash {
            return Err(unproven("the receipt is for another command".to_owned()));
        }
        let decoded = Decoded::from_bytes(&command).map_err(|error| unproven(error.to_string()))?;
        let Command::Block(signed) = decoded.command() else {
            return Err(unproven("it is no block".to_owned()));
        };
        let verified = verify(signed.clone(), self.network).map_err(|error| unproven(error.to_string()))?;
        let (_, block, id) = verified.into_parts();
        Ok((block, id))
    }

    /// Whether the payee of a deal signed that it wants to be paid to the script that the exchange names, and whether
    /// both sides signed the orders that the deal is of.
    ///
    /// # Errors
    /// One of them did not, or signed something else.
    pub fn check(self, evidence: &Evidence, view: &DealView, payee: &PayeeView) -> Result<(), WitnessError> {
        let opposite = view.taker_side.opposite();
        self.check_order(
            "taker's order",
            &evidence.taker_order,
            view.taker,
            (view.market.id, view.taker_side),
        )?;
        self.check_order("maker's order", &evidence.maker_order, view.maker, (view.market.id, opposite))?;
        let unproven = || WitnessError::Unproven { what: "payee's script", why: "it is missing".to_owned() };
        let (block, id) = self.block("payee's script", evidence.receive.as_ref().ok_or_else(unproven)?)?;
        let Body::Receive(receive) = &block.body else { return Err(WitnessError::Other("payee's script")) };
        if (id, receive.deal, &receive.script) != (payee.block, view.id, &payee.script) {
            return Err(WitnessError::Other("payee's script"));
        }
        let ordered = view.order(Party::Seller).key == block.author;
        if ordered || self.is_of(&evidence.keys, view.seller, block.author)? {
            return Ok(());
        }
        Err(WitnessError::Stranger(block.author))
    }

    fn check_order(
        self,
        what: &'static str,
        record: &ProvenRecord,
        order: OrderRef,
        placed: (MarketId, Side),
    ) -> Result<(), WitnessError> {
        let (block, _) = self.block(what, record)?;
        let Body::Orders(orders) = &block.body else { return Err(WitnessError::Other(what)) };
        let found = orders.numbered().any(|(number, operation)| match operation {
            Operation::Place(place) => number == order.op && (place.market, place.side) == placed,
            Operation::Quote(quotes) => {
                let at = usize::from(order.op).checked_sub(usize::from(number));
                let quote = at.and_then(|at| quotes.quotes.get(at));
                quote.is_some_and(|quote| (quotes.market, quote.side) == placed)
            }
            _ => false,
        });
        let signed = (block.author, block.seq) == (order.key, order.seq);
        if signed && found { Ok(()) } else { Err(WitnessError::Other(what)) }
    }

    /// Whether a key is the one that registered an account, or was granted by that one. An account's id is that of its
    /// register block, so nobody can put another key in its place.
    fn is_of(self, keys: &[ProvenRecord], account: AccountId, key: PublicKey) -> Result<bool, WitnessError> {
        let mut root = None;
        for record in keys {
            let (block, id) = self.block("payee's key", record)?;
            match &block.body {
                Body::Register(_) if id.as_bytes() == account.as_bytes() => root = Some(block.author),
                Body::Grant(grant) if grant.key == key && root == Some(block.author) => return Ok(true),
                _ => {}
            }
        }
        Ok(root == Some(key))
    }
}
