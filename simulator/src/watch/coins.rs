//! Coins: headers, scripts and proofs as the journal has them, counted without the engine's help; each payment stands where
//! its depth says, and is told once when that changes.

use super::{Deals, Seen};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::CommandResult;
use bandex_engine::{Event, PaymentState, PaymentStatus, Refusal};
use bandex_spv::hash_of;
use bandex_tradechain::body::PaymentTerms;
use bandex_tradechain::{Body, Command, Decoded, Headers, Payment};
use bandex_types::{Amount, DealId, Hash, MarketId};
use bitcoin::Transaction;
use bitcoin::hashes::Hash as _;
use std::collections::BTreeMap;

/// Quote units in a satoshi.
const MSAT: u128 = 1_000;
/// Virtual bytes of a payment, as they are published.
const PAYMENT_VBYTES: u128 = 154;
/// The least payment there is, in quote units.
const LEAST: u128 = 1_000_000;
/// What is counted for fees at least, in satoshi for 1,000 virtual bytes.
const LEAST_FEE_RATE: u128 = 1_000;

/// What was counted for a deal, in quote units: in blocks, paid, final.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub included: u128,
    pub paid: u128,
    pub buried: u128,
}

/// A payment as it was proven.
#[derive(Debug)]
struct Proven {
    deal: DealId,
    value: u128,
    block: [u8; 32],
    status: PaymentStatus,
}

/// All that is known of the chain.
#[derive(Debug, Default)]
pub(crate) struct Coins {
    /// The parent and the height of each header that was taken.
    known: BTreeMap<[u8; 32], ([u8; 32], usize)>,
    /// The chain, by height.
    active: Vec<[u8; 32]>,
    heights: BTreeMap<[u8; 32], usize>,
    scripts: BTreeMap<Vec<u8>, DealId>,
    payments: BTreeMap<([u8; 32], u32), Proven>,
    sums: BTreeMap<DealId, Sums>,
    terms: BTreeMap<MarketId, PaymentTerms>,
    fee_rate: u128,
    /// The deals whose depths are known: what makes a payment paid, and final.
    depths: BTreeMap<DealId, (usize, usize)>,
}

impl Coins {
    /// What was counted for a deal.
    pub fn sums(&self, deal: &DealId) -> Sums {
        self.sums.get(deal).copied().unwrap_or_default()
    }

    /// The script of a deal.
    pub fn script_of(&self, deal: &DealId) -> Option<&Vec<u8>> {
        self.scripts.iter().find(|(_, of)| *of == deal).map(|(script, _)| script)
    }

    /// How deep payments of a deal must lie to be paid, and to be final.
    pub fn depths_of(&self, deal: &DealId) -> Option<(usize, usize)> {
        self.depths.get(deal).copied()
    }

    /// The smallest payment on a market, in quote units, as fees are now.
    pub fn least(&self, market: &MarketId, listed: u64) -> u128 {
        let share = self.terms.get(market).copied().unwrap_or_default().fee_share_ppm.max(1);
        let fee = self.fee_rate.max(LEAST_FEE_RATE).saturating_mul(PAYMENT_VBYTES);
        let least = fee.saturating_mul(1_000_000).div_ceil(u128::from(share));
        least.max(LEAST).max(u128::from(listed))
    }

    /// Whether some payment may still become final for a deal that is not over.
    pub fn is_waiting(&self, deals: &Deals) -> bool {
        let waits = |proven: &Proven| {
            matches!(proven.status, PaymentStatus::Included | PaymentStatus::Paid)
                && deals.get(&proven.deal).is_some_and(|deal| !deal.is_over())
        };
        self.payments.values().any(waits)
    }

    /// Follows a record. Deals are as they were before it.
    pub fn take(&mut self, seen: &Seen<'_>, decoded: &Decoded, deals: &Deals) -> Result<(), Broken> {
        let broken = |what: String| Broken::new(Invariant::Payments, format!("record {}: {what}", seen.seq));
        let mut told: Vec<PaymentState> = Vec::new();
        for event in seen.events {
            match event {
                Event::Bitcoin(terms) => {
                    let first = hash_of(&terms.header);
                    self.known.insert(first, ([0; 32], 0));
                    self.active = vec![first];
                    self.heights.insert(first, 0);
                }
                Event::PaymentTerms { market, terms } => drop(self.terms.insert(*market, *terms)),
                Event::Market { listing, .. } => drop(self.terms.entry(listing.id).or_default()),
                Event::Payment(state) => told.push(*state),
                Event::Trade(trade) => {
                    let terms = self.terms.get(&trade.market).copied().unwrap_or_default();
                    let depths = [terms.confirmations, terms.final_confirmations].map(usize::from);
                    self.depths.entry(trade.deal).or_insert((depths[0], depths[1]));
                }
                _ => {}
            }
        }
        match (decoded.command(), seen.result) {
            (Command::Headers(headers), CommandResult::Done(_)) => self.headers(headers).map_err(broken)?,
            (Command::Payment(payment), CommandResult::Done(_)) => self.payment(payment).map_err(broken)?,
            // What comes twice, or late, or from a branch that was left, is refused; nothing else is.
            (Command::Headers(_) | Command::Payment(_), CommandResult::Refused(refusal)) => {
                let sound = matches!(refusal, Refusal::UnknownPayment | Refusal::UnknownHeader);
                hold(sound, Invariant::Payments, || format!("record {}: {refusal}", seen.seq))?;
            }
            _ => {}
        }
        if let Some((block, _)) = seen.block
            && let Body::Receive(receive) = &block.body
            && seen.is_accepted()
        {
            let before = self.scripts.insert(receive.script.clone(), receive.deal);
            hold(before.is_none(), Invariant::Payments, || {
                format!("record {}: a script of deal {before:?} is named for {}", seen.seq, receive.deal)
            })?;
        }
        self.count(seen, deals, told).map_err(broken)
    }

    /// Of two branches as long the one that was there first stays: all blocks here cost the same work.
    fn headers(&mut self, headers: &Headers) -> Result<(), String> {
        self.fee_rate = headers.fee_rate.map_or(self.fee_rate, u128::from);
        let mut end = None;
        for header in &headers.headers {
            let mut parent = [0; 32];
            for (to, from) in parent.iter_mut().zip(header.iter().skip(4)) {
                *to = *from;
            }
            let (_, below) = self.known.get(&parent).ok_or("a header upon none")?;
            let (hash, height) = (hash_of(header), below.saturating_add(1));
            self.known.insert(hash, (parent, height));
            end = Some((hash, height));
        }
        let Some((mut hash, height)) = end.filter(|(_, height)| *height >= self.active.len()) else {
            return Ok(());
        };
        self.active.resize(height.saturating_add(1), [0; 32]);
        for at in (0..=height).rev() {
            let Some(place) = self.active.get_mut(at).filter(|place| **place != hash) else { break };
            self.heights.remove(place);
            *place = hash;
            self.heights.insert(hash, at);
            hash = self.known.get(&hash).map(|(parent, _)| *parent).ok_or("a branch from nowhere")?;
        }
        Ok(())
    }

    fn payment(&mut self, payment: &Payment) -> Result<(), String> {
        let mut header = [0; 80];
        for (to, from) in header.iter_mut().zip(&payment.proof) {
            *to = *from;
        }
        let block = hash_of(&header);
        if !self.heights.contains_key(&block) {
            return Err("a payment in a block that is not of the chain".to_owned());
        }
        let transaction: Transaction =
            bitcoin::consensus::deserialize(&payment.transaction).map_err(|error| error.to_string())?;
        let txid = transaction.compute_txid().to_byte_array();
        let mut news = false;
        for (output, paid) in (0_u32..).zip(&transaction.output) {
            let Some(deal) = self.scripts.get(paid.script_pubkey.as_bytes()).copied() else { continue };
            let value = u128::from(paid.value.to_sat()).saturating_mul(MSAT);
            let new = Proven { deal, value, block, status: PaymentStatus::Reversed };
            let proven = self.payments.entry((txid, output)).or_insert(new);
            news |= proven.block != block || proven.status == PaymentStatus::Reversed;
            if proven.status != PaymentStatus::Final {
                proven.block = block;
            }
        }
        if news { Ok(()) } else { Err("a payment that tells nothing new counts".to_owned()) }
    }

    fn count(&mut self, seen: &Seen<'_>, deals: &Deals, told: Vec<PaymentState>) -> Result<(), String> {
        let mut told: BTreeMap<_, _> =
            told.into_iter().map(|state| ((*state.txid.as_bytes(), state.output), state)).collect();
        self.sums.clear();
        for ((txid, output), proven) in &mut self.payments {
            let height = self.heights.get(&proven.block).copied();
            let depth = height.map_or(0, |height| self.active.len().saturating_sub(height));
            let (paid, buried) = self.depths.get(&proven.deal).copied().unwrap_or((1, 1));
            let status = match depth {
                _ if proven.status == PaymentStatus::Final => PaymentStatus::Final,
                0 => PaymentStatus::Reversed,
                depth if depth >= buried => PaymentStatus::Final,
                depth if depth >= paid => PaymentStatus::Paid,
                _ => PaymentStatus::Included,
            };
            let sum = self.sums.entry(proven.deal).or_default();
            let add = |sums: &mut [&mut u128]| {
                sums.iter_mut().for_each(|sum| **sum = sum.saturating_add(proven.value));
            };
            match status {
                PaymentStatus::Reversed => {}
                PaymentStatus::Included => add(&mut [&mut sum.included]),
                PaymentStatus::Paid => add(&mut [&mut sum.included, &mut sum.paid]),
                PaymentStatus::Final => add(&mut [&mut sum.included, &mut sum.paid, &mut sum.buried]),
            }
            if status == std::mem::replace(&mut proven.status, status) {
                continue;
            }
            // The clock comes before what is counted.
            let ends = |event: &Event| matches!(event, Event::Default(notice) if notice.deal == proven.deal);
            let late = deals.get(&proven.deal).is_some_and(|deal| deal.told.deal.state().is_closed())
                || seen.events.iter().any(ends);
            let expected = PaymentState {
                deal: proven.deal,
                txid: Hash::new(*txid),
                output: *output,
                value: Amount::new(u64::try_from(proven.value).unwrap_or(u64::MAX)),
                block: Hash::new(proven.block),
                height: height.map_or(0, |height| u32::try_from(height).unwrap_or(u32::MAX)),
                status,
                late,
            };
            let found = told.remove(&(*txid, *output));
            if found != Some(expected) {
                return Err(format!("{expected:?} is told as {found:?}"));
            }
        }
        match told.values().next() {
            None => Ok(()),
            Some(state) => Err(format!("{state:?} is told without cause")),
        }
    }
}
