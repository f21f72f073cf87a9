//! A Bitcoin chain of the tests' own, what people do with deals that are paid on it, and a second count of what arrived.

use super::acts::listing;
use super::*;
use ::bitcoin::hashes::Hash as _;
use ::bitcoin::{Block as BitcoinBlock, Transaction};
use bandex_engine::{DealState, PaymentState, PaymentStatus};
use bandex_settlement::{Counted, Deal, Party, State};
use bandex_spv::NetworkRules as _;
use bandex_spv::{Network, hash_of, prove, regtest, strip};
use bandex_tradechain::body::*;
use bandex_tradechain::{Headers, Payment};
use bandex_types::{BitcoinNetwork, DealId, Rail, Ratio};

/// Bitcoin on the chain; its unit is a thousandth of a satoshi.
pub const SAT: AssetId = AssetId::new(3);
/// BWT for bitcoin on the chain: a lot of ten bytes at one tick comes to a satoshi.
pub const BWT_SAT: MarketId = MarketId::new(4);
/// The smallest payment while fees are low, in msat.
pub const LEAST: u64 = 1_000_000;
/// How long a buyer has to pay on the chain.
pub const PAY_US: u64 = 7_200 * SECOND;
/// How long a payee has to name its script.
pub const NAME_US: u64 = 600 * SECOND;
/// When the blocks begin, in seconds since 1970, and how far they are apart.
const BLOCKS_BEGIN: u32 = 1_700_000_000;
const BLOCK_S: u32 = 600;

/// The blocks behind the first one, from the lowest up.
#[derive(Default)]
pub struct Chain {
    blocks: Vec<BitcoinBlock>,
    /// Counts the blocks and transactions ever made, so that no two are the same.
    made: u32,
}

impl Chain {
    pub fn height(&self) -> u32 {
        u32::try_from(self.blocks.len()).expect("a short chain")
    }

    fn tip(&self) -> [u8; 32] {
        self.blocks.last().map_or(Network::Regtest.genesis_hash(), |block| block.block_hash().to_byte_array())
    }

    /// A transaction that pays so many satoshi to each of these scripts, and spends what no other does.
    pub fn transaction(&mut self, outputs: &[(Vec<u8>, u64)]) -> Transaction {
        self.made += 1;
        let mut spent = [7; 32];
        spent[..4].copy_from_slice(&self.made.to_le_bytes());
        regtest::payment((spent, 0), outputs)
    }

    /// A block on top with these transactions; gives its header.
    pub fn mine(&mut self, transactions: Vec<Transaction>) -> [u8; 80] {
        self.made += 1;
        let height = self.height() + 1;
        let time = BLOCKS_BEGIN + height * BLOCK_S;
        let block = regtest::block(self.tip(), height, time, self.made, transactions);
        let header = ::bitcoin::consensus::serialize(&block.header);
        self.blocks.push(block);
        header.try_into().expect("a header has 80 bytes")
    }

    /// Takes the last blocks off; gives the payments that they held.
    pub fn undo(&mut self, count: usize) -> Vec<Transaction> {
        let at = self.blocks.len().saturating_sub(count);
        self.blocks.drain(at..).flat_map(|block| block.txdata.into_iter().skip(1)).collect()
    }

    /// The proof that a block of the chain holds a transaction, with the transaction.
    pub fn prove(&self, transaction: &Transaction) -> Option<Payment> {
        let txid = transaction.compute_txid();
        self.blocks.iter().find_map(|block| {
            let at = block.txdata.iter().position(|other| other.compute_txid() == txid)?;
            Some(Payment { proof: prove(block, at)?, transaction: strip(transaction) })
        })
    }
}

/// A script that nobody else names.
pub fn script(salt: u64) -> Vec<u8> {
    let mut script = vec![0, 20];
    script.extend([3; 12]);
    script.extend(salt.to_le_bytes());
    script
}

/// The listing of the market on the chain.
pub fn chain_listing() -> MarketListing {
    let tick_value = Ratio::new(1_000, 1).expect("a thousand");
    let least_tranche = Amount::new(1);
    MarketListing {
        tick_value,
        least_tranche,
        pay_us: PAY_US,
        acknowledge_us: NAME_US,
        ..listing(BWT_SAT, AssetId::BWT, SAT)
    }
}

/// What begins a chain.
pub fn bitcoin_terms() -> BitcoinTerms {
    let header = Network::Regtest.genesis_header();
    BitcoinTerms { network: BitcoinNetwork::Regtest, height: 0, header }
}

/// The asset on the chain.
pub fn bitcoin_asset() -> AssetListing {
    AssetListing { id: SAT, symbol: "XBT".to_owned(), decimals: 11, rail: Rail::Bitcoin }
}

impl World {
    /// A world with a chain and a market paid on it, where these are registered and hold tokens, and owe little.
    pub fn on_chain(names: &[&str]) -> Self {
        let mut world = Self::with(names);
        world.follow_chain();
        world
    }

    /// Begins the chain and lists a market that is paid on it.
    pub fn follow_chain(&mut self) {
        let outcome = self.configure(vec![
            Change::SetBitcoin(bitcoin_terms()),
            Change::ListAsset(bitcoin_asset()),
            Change::ListMarket(chain_listing()),
        ]);
        assert_eq!(code(&outcome), "done");
        // A share that a payment of a thousand satoshi keeps to at the least fee rate.
        let PaymentTerms { confirmations, final_confirmations, .. } = PaymentTerms::default();
        self.set_payments(confirmations, final_confirmations, 154_000);
    }

    pub fn set_payments(
        &mut self,
        confirmations: u16,
        final_confirmations: u16,
        fee_share_ppm: u32,
    ) -> Outcome {
        let terms = PaymentTerms { confirmations, final_confirmations, fee_share_ppm };
        self.configure(vec![Change::SetPayments { market: BWT_SAT, terms }])
    }

    pub fn headers(&mut self, headers: Vec<[u8; 80]>, fee_rate: Option<u64>) -> Outcome {
        self.apply(Command::Headers(Headers { headers, fee_rate }))
    }

    /// A transaction that pays so many satoshi to each of these scripts.
    pub fn transaction(&mut self, outputs: &[(Vec<u8>, u64)]) -> Transaction {
        self.chain.transaction(outputs)
    }

    /// A block with these transactions is found, and the node tells its header only.
    pub fn mine(&mut self, transactions: Vec<Transaction>) -> Outcome {
        let header = self.chain.mine(transactions);
        let outcome = self.headers(vec![header], None);
        assert_eq!(code(&outcome), "done");
        outcome
    }

    /// The node tells that a block holds a transaction.
    pub fn prove(&mut self, transaction: &Transaction) -> Outcome {
        let payment = self.chain.prove(transaction).expect("a block holds it");
        self.apply(Command::Payment(payment))
    }

    /// A transaction with this one output is found in a block and proven.
    pub fn paid_to(&mut self, script: &[u8], satoshi: u64) -> Transaction {
        let transaction = self.transaction(&[(script.to_vec(), satoshi)]);
        self.mine(vec![transaction.clone()]);
        assert_eq!(code(&self.prove(&transaction)), "done");
        transaction
    }

    /// So many more empty blocks are found.
    pub fn confirm(&mut self, blocks: usize) -> Option<Outcome> {
        (0..blocks).map(|_| self.mine(Vec::new())).last()
    }

    /// The last blocks are replaced by these, which are one more; gives what they held, and the outcome.
    pub fn reorganise(
        &mut self,
        undone: usize,
        blocks: Vec<Vec<Transaction>>,
    ) -> (Vec<Transaction>, Outcome) {
        let held = self.chain.undo(undone);
        let mut headers: Vec<[u8; 80]> = blocks.into_iter().map(|block| self.chain.mine(block)).collect();
        headers.extend((headers.len()..=undone).map(|_| self.chain.mine(Vec::new())));
        let outcome = self.headers(headers, None);
        assert_eq!(code(&outcome), "done");
        (held, outcome)
    }

    pub fn receive(&mut self, name: &str, deal: DealId, script: &[u8]) -> Outcome {
        self.send(name, Receive { deal, script: script.to_vec() })
    }

    /// A deal on the chain between two, whose payee has named the script of this number; gives its id and that script.
    pub fn chain_deal(&mut self, sides: [&str; 2], price: u64, lots: u64, salt: u64) -> (DealId, Vec<u8>) {
        let [seller, buyer] = sides;
        let deal = self.deal(BWT_SAT, seller, buyer, price, lots);
        let script = script(salt);
        assert_eq!(code(&self.receive(seller, deal, &script)), "done");
        (deal, script)
    }

    /// What was counted for a deal, in satoshi: in blocks, paid, final.
    pub fn counted(&self, deal: DealId) -> [u64; 3] {
        let Counted { included, paid, buried } =
            self.deal_state(deal).deal.chain().expect("it is paid on the chain").counted;
        [included, paid, buried].map(|amount| amount.get() / 1_000)
    }

    /// What the buyer of a deal is asked to have paid in all, in satoshi, if it has to pay now.
    pub fn asked(&self, deal: DealId) -> Option<u64> {
        let due = self.due(deal).filter(|due| due.party == Party::Buyer);
        due.map(|due| due.cumulative.get() / 1_000)
    }

    /// Pays all that a deal asks for as it asks for it, and lets it be buried; gives how many payments that took.
    pub fn pay_all(&mut self, deal: DealId, script: &[u8]) -> usize {
        let mut payments = 0;
        while self.deal_state(deal).deal.state() == State::Open {
            match self.due(deal) {
                Some(due) => {
                    self.paid_to(script, due.amount.get().div_ceil(1_000));
                    payments += 1;
                }
                None => drop(self.mine(Vec::new())),
            }
        }
        payments
    }
}

/// A payment as it was proven.
#[derive(Debug)]
struct Seen {
    deal: DealId,
    value: u64,
    blocks: Vec<[u8; 32]>,
    status: PaymentStatus,
}

/// The chain as whoever reads commands and outcomes counts it.
#[derive(Default)]
pub struct Counts {
    /// The parent of each header that was taken, and its height.
    known: BTreeMap<[u8; 32], ([u8; 32], u32)>,
    /// The active chain, by height.
    active: Vec<[u8; 32]>,
    scripts: BTreeMap<Vec<u8>, DealId>,
    payments: BTreeMap<([u8; 32], u32), Seen>,
    told: Vec<PaymentState>,
    closed: BTreeMap<DealId, bool>,
}

impl Counts {
    pub fn take_in(&mut self, event: &Event) {
        match event {
            Event::Bitcoin(terms) => {
                assert_eq!(terms.height, 0, "all chains here begin at their first block");
                self.active = vec![hash_of(&terms.header)];
                self.known.insert(hash_of(&terms.header), ([0; 32], 0));
            }
            Event::Payment(state) => self.told.push(*state),
            // The clock comes first: what a command counts may be too late by the very same command.
            Event::Default(notice) => drop(self.closed.insert(notice.deal, true)),
            _ => {}
        }
    }

    /// Follows a command; `deals` is how all deals stand after it.
    pub fn check(&mut self, decoded: &Decoded, outcome: &Outcome, deals: &BTreeMap<DealId, DealState>) {
        let done = matches!(outcome.result, CommandResult::Done(_));
        match decoded.command() {
            Command::Headers(headers) if done => self.headers(headers),
            Command::Payment(payment) if done => self.payment(payment),
            _ => {}
        }
        self.count(deals);
        for state in deals.values() {
            if let Some(payee) = &state.payee {
                let before = self.scripts.insert(payee.script.clone(), state.id);
                assert!(before.is_none_or(|deal| deal == state.id), "a script is one deal's");
            }
            self.closed.insert(state.id, state.deal.state().is_closed());
        }
    }

    /// Of two branches as long the one that was there first stays: all blocks here cost the same work.
    fn headers(&mut self, headers: &Headers) {
        let mut end = None;
        for header in &headers.headers {
            let (hash, parent): ([u8; 32], [u8; 32]) =
                (hash_of(header), header[4..36].try_into().expect("32 bytes"));
            let (_, height) = self.known[&parent];
            let known = *self.known.entry(hash).or_insert((parent, height + 1));
            end = Some((hash, known.1));
        }
        let Some((mut hash, height)) = end.filter(|(_, height)| *height as usize >= self.active.len()) else {
            return;
        };
        self.active.resize(height as usize + 1, [0; 32]);
        for at in (0..=height as usize).rev() {
            if self.active[at] == hash {
                break;
            }
            self.active[at] = hash;
            hash = self.known[&hash].0;
        }
    }

    fn payment(&mut self, payment: &Payment) {
        let block = hash_of(payment.proof[..80].try_into().expect("a proof begins with its header"));
        assert!(self.active.contains(&block), "only blocks of the chain prove anything");
        let transaction: Transaction =
            ::bitcoin::consensus::deserialize(&payment.transaction).expect("it was read");
        let txid = transaction.compute_txid().to_byte_array();
        let mut news = false;
        for (output, paid) in (0_u32..).zip(&transaction.output) {
            let Some(deal) = self.scripts.get(paid.script_pubkey.as_bytes()).copied() else { continue };
            let value = paid.value.to_sat() * 1_000;
            let seen = Seen { deal, value, blocks: Vec::new(), status: PaymentStatus::Reversed };
            let known = self.payments.entry((txid, output)).or_insert(seen);
            if known.status != PaymentStatus::Final && !known.blocks.contains(&block) {
                known.blocks.push(block);
                news = true;
            }
        }
        assert!(news, "what tells nothing new is refused");
    }

    /// Each payment stands where its depth says, each change of that is told once, and each deal counts what it got.
    fn count(&mut self, deals: &BTreeMap<DealId, DealState>) {
        let mut sums: BTreeMap<DealId, [u64; 3]> = BTreeMap::new();
        let mut told = std::mem::take(&mut self.told);
        for ((txid, output), seen) in &mut self.payments {
            let height = self.active.iter().position(|hash| seen.blocks.contains(hash));
            let depth = height.map_or(0, |height| self.active.len() - height);
            let terms = deals[&seen.deal].deal.chain().expect("it is paid on the chain").terms;
            let status = match depth {
                _ if seen.status == PaymentStatus::Final => PaymentStatus::Final,
                0 => PaymentStatus::Reversed,
                depth if depth >= usize::from(terms.final_confirmations) => PaymentStatus::Final,
                depth if depth >= usize::from(terms.confirmations) => PaymentStatus::Paid,
                _ => PaymentStatus::Included,
            };
            let sum = sums.entry(seen.deal).or_default();
            let reaches = match status {
                PaymentStatus::Reversed => 0,
                PaymentStatus::Included => 1,
                PaymentStatus::Paid => 2,
                PaymentStatus::Final => 3,
            };
            sum.iter_mut().take(reaches).for_each(|sum| *sum += seen.value);
            if status != seen.status {
                seen.status = status;
                let left = *seen.blocks.last().expect("it was proven");
                let block = height.map_or(left, |height| self.active[height]);
                let expected = PaymentState {
                    deal: seen.deal,
                    txid: Hash::new(*txid),
                    output: *output,
                    value: Amount::new(seen.value),
                    block: Hash::new(block),
                    height: height.map_or(0, |height| u32::try_from(height).expect("a short chain")),
                    status,
                    late: self.closed[&seen.deal],
                };
                let at = told.iter().position(|told| *told == expected);
                assert!(at.is_some(), "not told: {expected:?}, but {told:?}");
                at.map(|at| told.remove(at));
            }
        }
        assert!(told.is_empty(), "told without cause: {told:?}");
        for state in deals.values() {
            let Some(chain) = state.deal.chain() else { continue };
            let [included, paid, buried] = sums.remove(&state.id).unwrap_or_default().map(Amount::new);
            assert_eq!(
                chain.counted,
                Counted { included, paid, buried },
                "a deal counts what it got: {state:?}"
            );
            check_deal(&state.deal);
        }
    }
}

/// Tokens go only for proven coins, ahead of final ones only as far as the seller lets them.
fn check_deal(deal: &Deal) {
    let chain = deal.chain().expect("it is paid on the chain");
    let [delivered, buried] = [Party::Seller, Party::Buyer].map(|party| deal.sent(party));
    assert!(delivered.saturating_sub(buried) <= deal.terms().seller_cap, "{deal:?}");
    if deal.state() == State::Open {
        assert!(chain.demand.saturating_sub(delivered) <= deal.terms().buyer_cap, "{deal:?}");
    }
}
