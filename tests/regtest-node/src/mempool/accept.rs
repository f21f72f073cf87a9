//! Whether a transaction enters the mempool: the order of the checks and the words are Core 29's.

use super::{Entry, MIN_RELAY_SAT_PER_KVB, Mempool};
use crate::chain::{COINBASE_MATURITY, Chain, Coin, MEMPOOL_HEIGHT};
use crate::kernel;
use crate::policy::{self, Reject};
use bitcoin::{Transaction, TxOut, Txid};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most ancestors of a transaction in the mempool and the most descendants, itself counted.
const CHAIN_COUNT_MAX: usize = 25;
/// The most virtual bytes of a transaction with its ancestors, and with its descendants.
const CHAIN_VBYTES_MAX: u64 = 101_000;

/// A transaction that may enter.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The transaction as it will stand in the mempool.
    pub entry: Entry,
    /// The transactions that it puts out, descendants among them.
    pub replaced: BTreeSet<Txid>,
}

/// The circumstances of an attempt to enter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) time_s: u64,
    /// Whether the transaction comes from a block that is no longer active: then no fee is demanded.
    pub(crate) from_block: bool,
    /// Whether it may put out transactions in conflict with it.
    pub(crate) may_replace: bool,
}

impl Mempool {
    /// Whether a transaction may enter now, at `time_s` seconds since 1970.
    ///
    /// # Errors
    /// Why not, in Core's words.
    pub fn check(&self, chain: &Chain, transaction: &Transaction, time_s: u64) -> Result<Accepted, Reject> {
        self.attempt(chain, transaction, Attempt { time_s, from_block: false, may_replace: true })
    }

    /// Takes a transaction in, and puts out what it replaces.
    ///
    /// # Errors
    /// Why it may not enter, in Core's words; then nothing changes.
    pub fn accept(
        &mut self,
        chain: &Chain,
        transaction: &Transaction,
        time_s: u64,
    ) -> Result<Accepted, Reject> {
        let accepted = self.check(chain, transaction, time_s)?;
        self.enter(&accepted);
        Ok(accepted)
    }

    pub(crate) fn enter(&mut self, accepted: &Accepted) {
        for txid in &accepted.replaced {
            self.remove(*txid);
        }
        self.insert(accepted.entry.clone());
    }

    pub(crate) fn attempt(
        &self,
        chain: &Chain,
        transaction: &Transaction,
        attempt: Attempt,
    ) -> Result<Accepted, Reject> {
        policy::check_alone(transaction)?;
        policy::check_standard(transaction)?;
        if !is_final(chain, transaction) {
            return Err(Reject::new("non-final"));
        }
        let txid = transaction.compute_txid();
        self.check_not_here(transaction, txid)?;
        let conflicts = self.conflicts(transaction);
        if !conflicts.is_empty() && !attempt.may_replace {
            return Err(Reject::new("bip125-replacement-disallowed"));
        }
        let coins = self.coins(chain, transaction, txid)?;
        if !sequence_locks_hold(chain, transaction, &coins) {
            return Err(Reject::new("non-BIP68-final"));
        }
        let fee_sat = check_values(chain, transaction, &coins)?;
        let spent: Vec<TxOut> = coins.into_iter().map(|coin| coin.output).collect();
        policy::check_inputs_standard(transaction, &spent)?;
        let entry = self.entry(chain, transaction, txid, &spent, fee_sat, attempt.time_s);
        check_cost(&entry)?;
        if !attempt.from_block {
            self.check_fee(&entry)?;
        }
        self.check_chain_limits(&entry, &conflicts)?;
        let replaced = self.replaced(&entry, &conflicts)?;
        check_scripts(transaction, &spent)?;
        Ok(Accepted { entry, replaced })
    }

    fn check_not_here(&self, transaction: &Transaction, txid: Txid) -> Result<(), Reject> {
        match self.entries.get(&txid) {
            Some(entry) if entry.transaction.compute_wtxid() == transaction.compute_wtxid() => {
                Err(Reject::new("txn-already-in-mempool"))
            }
            Some(_) => Err(Reject::new("txn-same-nonwitness-data-in-mempool")),
            None => Ok(()),
        }
    }

    /// The transactions of the mempool that spend what `transaction` spends.
    fn conflicts(&self, transaction: &Transaction) -> BTreeSet<Txid> {
        transaction.input.iter().filter_map(|input| self.spender(&input.previous_output)).collect()
    }

    /// The outputs spent, from the chain or from the mempool.
    fn coins(&self, chain: &Chain, transaction: &Transaction, txid: Txid) -> Result<Vec<Coin>, Reject> {
        let coins: Option<Vec<Coin>> =
            transaction.input.iter().map(|input| self.coin(chain, &input.previous_output)).collect();
        coins.ok_or_else(|| {
            let known = (0_u32..)
                .zip(&transaction.output)
                .any(|(vout, _)| chain.coin(&bitcoin::OutPoint { txid, vout }).is_some());
            if known {
                Reject::new("txn-already-known")
            } else {
                Reject { missing_inputs: true, ..Reject::new("bad-txns-inputs-missingorspent") }
            }
        })
    }

    /// An output of the chain or of the mempool, whether or not the mempool spends it.
    pub(crate) fn coin(&self, chain: &Chain, outpoint: &bitcoin::OutPoint) -> Option<Coin> {
        let in_mempool = self.entries.get(&outpoint.txid).and_then(|entry| {
            let output = entry.transaction.output.get(usize::try_from(outpoint.vout).ok()?)?;
            Some(Coin { output: output.clone(), height: MEMPOOL_HEIGHT, coinbase: false })
        });
        in_mempool.or_else(|| chain.coin(outpoint).cloned())
    }

    fn entry(
        &self,
        chain: &Chain,
        transaction: &Transaction,
        txid: Txid,
        spent: &[TxOut],
        fee_sat: u64,
        time_s: u64,
    ) -> Entry {
        let outpoints = transaction.input.iter().map(|input| input.previous_output);
        let by_outpoint: std::collections::BTreeMap<_, _> = outpoints.zip(spent.iter().cloned()).collect();
        let sigops_cost = transaction.total_sigop_cost(|outpoint| by_outpoint.get(outpoint).cloned());
        // Core counts 20 virtual bytes a signature operation at least, so that a block cannot run out of them.
        let by_sigops = u64::try_from(sigops_cost).unwrap_or(u64::MAX).saturating_mul(20);
        let parents = transaction.input.iter().map(|input| input.previous_output.txid);
        let outpoints = (0_u32..).zip(&transaction.output).map(|(vout, _)| bitcoin::OutPoint { txid, vout });
        Entry {
            transaction: Arc::new(transaction.clone()),
            txid,
            fee_sat,
            delta_sat: self.deltas_sat.get(&txid).copied().unwrap_or(0),
            vsize: transaction.weight().to_wu().max(by_sigops).div_ceil(4),
            sigops_cost,
            time_s,
            height: chain.height(),
            parents: parents.filter(|parent| self.entries.contains_key(parent)).collect(),
            // Only a transaction of a disconnected block can find its children waiting.
            children: outpoints.filter_map(|outpoint| self.spender(&outpoint)).collect(),
        }
    }

    fn check_fee(&self, entry: &Entry) -> Result<(), Reject> {
        let fee = entry.modified_fee_sat();
        let demanded = |rate: u64| i64::try_from(policy::fee_at(rate, entry.vsize)).unwrap_or(i64::MAX);
        let floor = demanded(self.floor_sat_per_kvb);
        if fee < floor {
            return Err(Reject::with("mempool min fee not met", format!("{fee} < {floor}")));
        }
        let relay = demanded(MIN_RELAY_SAT_PER_KVB);
        if fee < relay {
            return Err(Reject::with("min relay fee not met", format!("{fee} < {relay}")));
        }
        Ok(())
    }

    fn check_chain_limits(&self, entry: &Entry, conflicts: &BTreeSet<Txid>) -> Result<(), Reject> {
        let reject = |details: String| Err(Reject::with("too-long-mempool-chain", details));
        let ancestors = self.with_ancestors(&entry.parents);
        if ancestors.len() + 1 > CHAIN_COUNT_MAX {
            return reject(format!("too many unconfirmed ancestors [limit: {CHAIN_COUNT_MAX}]"));
        }
        if self.vsize_of(&ancestors).saturating_add(entry.vsize) > CHAIN_VBYTES_MAX {
            return reject(format!("exceeds ancestor size limit [limit: {CHAIN_VBYTES_MAX}]"));
        }
        for ancestor in &ancestors {
            let mut descendants = self.descendants(*ancestor);
            for conflict in conflicts {
                descendants.retain(|txid| !self.descendants(*conflict).contains(txid));
            }
            if descendants.len() + 1 > CHAIN_COUNT_MAX {
                return reject(format!("too many descendants for tx {ancestor} [limit: {CHAIN_COUNT_MAX}]"));
            }
            if self.vsize_of(&descendants).saturating_add(entry.vsize) > CHAIN_VBYTES_MAX {
                return reject(format!(
                    "exceeds descendant size limit for tx {ancestor} [limit: {CHAIN_VBYTES_MAX}]"
                ));
            }
        }
        Ok(())
    }
}

/// Whether the lock time lets a transaction into the next block (BIP 113).
pub(super) fn is_final(chain: &Chain, transaction: &Transaction) -> bool {
    let lock = transaction.lock_time.to_consensus_u32();
    let reached = if lock < 500_000_000 {
        lock < chain.height().saturating_add(1)
    } else {
        lock < chain.median_time(chain.tip())
    };
    lock == 0 || reached || transaction.input.iter().all(|input| input.sequence.0 == u32::MAX)
}

/// Whether the relative lock times of the inputs let a transaction into the next block (BIP 68).
pub(super) fn sequence_locks_hold(chain: &Chain, transaction: &Transaction, coins: &[Coin]) -> bool {
    if transaction.version.0 < 2 {
        return true;
    }
    let next = chain.height().saturating_add(1);
    transaction.input.iter().zip(coins).all(|(input, coin)| {
        let sequence = input.sequence.0;
        if sequence & (1 << 31) != 0 {
            return true;
        }
        let height = if coin.height == MEMPOOL_HEIGHT { next } else { coin.height };
        let length = sequence & 0xffff;
        if sequence & (1 << 22) == 0 {
            return u64::from(height) + u64::from(length) <= u64::from(next);
        }
        let before = chain.at_height(height.saturating_sub(1)).map_or(0, |hash| chain.median_time(hash));
        u64::from(before) + (u64::from(length) << 9) <= u64::from(chain.median_time(chain.tip()))
    })
}

/// Whether the inputs may be spent by age and cover the outputs (Core's `CheckTxInputs`); the fee in satoshi.
fn check_values(chain: &Chain, transaction: &Transaction, coins: &[Coin]) -> Result<u64, Reject> {
    let next = chain.height().saturating_add(1);
    let mut value_in = 0_u64;
    for coin in coins {
        let depth = next.saturating_sub(coin.height);
        if coin.coinbase && depth < COINBASE_MATURITY {
            return Err(Reject::with(
                "bad-txns-premature-spend-of-coinbase",
                format!("tried to spend coinbase at depth {depth}"),
            ));
        }
        value_in = value_in.saturating_add(coin.output.value.to_sat());
    }
    let value_out: u64 = transaction.output.iter().map(|output| output.value.to_sat()).sum();
    value_in.checked_sub(value_out).ok_or_else(|| {
        let text = |sat: u64| policy::money(i64::try_from(sat).unwrap_or(i64::MAX));
        let details = format!("value in ({}) < value out ({})", text(value_in), text(value_out));
        Reject::with("bad-txns-in-belowout", details)
    })
}

fn check_cost(entry: &Entry) -> Result<(), Reject> {
    let pays = entry.fee_sat != 0 || entry.modified_fee_sat() != 0;
    if pays && entry.transaction.output.iter().any(policy::is_dust) {
        return Err(Reject::with("dust", "tx with dust output must be 0-fee".to_owned()));
    }
    if entry.sigops_cost > policy::STANDARD_TX_SIGOPS_COST_MAX {
        return Err(Reject::with("bad-txns-too-many-sigops", entry.sigops_cost.to_string()));
    }
    Ok(())
}

/// Has the kernel check every script. It says whether, not why, so the reason in brackets is Core's word for a reason
/// it does not know.
fn check_scripts(transaction: &Transaction, spent: &[TxOut]) -> Result<(), Reject> {
    const REASON: &str = "mandatory-script-verify-flag-failed (unknown error)";
    match kernel::first_bad_input(transaction, spent) {
        Ok(None) => Ok(()),
        Ok(Some(index)) => {
            let (txid, wtxid) = (transaction.compute_txid(), transaction.compute_wtxid());
            let outpoint =
                transaction.input.get(index).map(|input| input.previous_output).unwrap_or_default();
            let details = format!("input {index} of {txid} (wtxid {wtxid}), spending {outpoint}");
            Err(Reject::with(REASON, details))
        }
        Err(error) => Err(Reject::with(REASON, error.to_string())),
    }
}
