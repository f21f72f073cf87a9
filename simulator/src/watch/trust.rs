//! Trust: what accounts have at stake and what limits follow, reckoned from blocks and events by the formula as it is
//! published; and the trust graph, from what was honoured as it was told.

mod told;

use super::worth::{Rates, ppm, units_down, units_up, worth_down, worth_up};
use super::{Deals, Market, Seen};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{AccountState, Certificate, DefaultNotice, Event, Slash, TrustState};
use bandex_reputation::{Graph, Honoured, checkpoint_key, scores};
use bandex_tradechain::body::{Admission, Bandwidth, Change, Payer, Prefer, TrustTerms};
use bandex_tradechain::{Body, Command, Decoded, Scores};
use bandex_types::{AccountId, Amount, AssetId, BlockId, DealId, Hash, MarketId};
use std::collections::{BTreeMap, BTreeSet};

/// One walk in so many is taken here too; that the others began with the right key says that they were the same.
const WALKED: u64 = 8;

/// What is known of trust.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    pub terms: TrustTerms,
    dust: u128,
    pub rates: Rates,
    genesis: Option<Hash>,
    issuance: Option<AccountId>,
    /// Accounts in the order of registration, behind the issuance account.
    positions: Vec<AccountId>,
    stakes: BTreeMap<AccountId, Stake>,
    seeds: BTreeSet<u32>,
    registrars: BTreeSet<AccountId>,
    served: BTreeMap<(u32, u32), i128>,
    proposed: BTreeMap<BlockId, (AccountId, Bandwidth)>,
    honoured: Vec<Honoured>,
    fallen: Vec<u32>,
    graph: Graph,
    running: u64,
    due: Option<Due>,
    /// For how many epochs fees decay with the next scores.
    passed: u32,
    /// How many epochs have ended.
    pub epochs: u64,
    /// How often a bond returned after a wait.
    pub returned: u64,
    /// Whether money was ever worth anything but itself.
    pub money_rated: bool,
}

/// The end of an epoch, whose scores have not come.
#[derive(Debug)]
struct Due {
    epoch: u64,
    key: Hash,
    seeds: Vec<u32>,
    accounts: u32,
}

/// What an account has put at stake, paid and been told.
#[derive(Debug, Default)]
struct Stake {
    bond: u128,
    /// What it asked back, oldest first, each with the deals that it waits for.
    leaving: Vec<(u128, BTreeSet<DealId>)>,
    fees: u128,
    /// In all, ever.
    paid: u128,
    score_ppb: u32,
    certificate: Option<Certificate>,
    granted: bool,
    preference: Prefer,
    operator: Option<Amount>,
    told: Option<TrustState>,
}

impl Stake {
    fn leaving(&self) -> u128 {
        self.leaving.iter().map(|(amount, _)| *amount).sum()
    }

    fn staked(&self) -> u128 {
        self.bond.saturating_add(self.leaving())
    }
}

/// The parts of a limit: for the bond, the score, the fees; earned; the dust.
struct Parts {
    bond: u128,
    reputation: u128,
    fees: u128,
    earned: u128,
    dust: u128,
}

impl Trust {
    pub fn bond_of(&self, account: &AccountId) -> u64 {
        self.stakes.get(account).map_or(0, |stake| u64::try_from(stake.bond).unwrap_or(u64::MAX))
    }

    /// What an account has locked as a bond, what leaves included.
    pub fn staked(&self, account: &AccountId) -> u128 {
        self.stakes.get(account).map_or(0, Stake::staked)
    }

    pub fn preference(&self, account: &AccountId) -> Prefer {
        self.stakes.get(account).map_or_else(Prefer::default, |stake| stake.preference)
    }

    pub fn score_ppb(&self, account: &AccountId) -> u32 {
        self.stakes.get(account).map_or(0, |stake| stake.score_ppb)
    }

    fn position(&self, account: &AccountId) -> Option<u32> {
        let at = self.positions.iter().position(|known| known == account)?;
        u32::try_from(at).ok()?.checked_add(1)
    }

    fn token_rate(&self) -> Option<bandex_types::Ratio> {
        self.rates.get(&AssetId::BWT).copied()
    }

    /// What tokens are worth at stake: nothing without a rate.
    fn tokens_worth(&self, tokens: u128) -> u128 {
        self.token_rate().map_or(0, |rate| worth_down(Some(rate), tokens))
    }

    /// min(G_max, φ_b·bond + min(κ·B·s, φ_f·fees)) + dust.
    fn parts(&self, stake: &Stake) -> Parts {
        let terms = &self.terms;
        let bond = ppm(self.tokens_worth(stake.bond), terms.bond_ppm);
        let fees = ppm(self.tokens_worth(stake.fees), terms.fee_ppm);
        let budget = u128::from(terms.loss_budget.get()).saturating_mul(u128::from(terms.score_ppm));
        let reputation = budget.saturating_mul(u128::from(stake.score_ppb)).div_euclid(1_000_000_000_000_000);
        let most = u128::from(terms.largest_limit.get());
        let earned = bond.saturating_add(reputation.min(fees)).min(most);
        let dust = if self.is_admitted(stake) { self.dust } else { 0 };
        Parts { bond, reputation, fees, earned, dust }
    }

    fn is_admitted(&self, stake: &Stake) -> bool {
        let by_terms = match self.terms.admission {
            Admission::Work => true,
            Admission::Fee { amount } => stake.paid >= u128::from(amount.get()),
            Admission::Certificate => {
                stake.certificate.is_some_and(|certificate| self.registrars.contains(&certificate.by))
            }
        };
        by_terms || stake.operator.is_some()
    }

    /// What the accounts of one cheat may owe together, but for those whose limits the operator has set; and what they
    /// have paid for that.
    pub fn won_and_paid(&self, ring: &[AccountId]) -> (u128, u128) {
        let (mut won, mut paid) = (0_u128, 0_u128);
        let stakes = ring.iter().filter_map(|account| self.stakes.get(account));
        for stake in stakes.filter(|stake| stake.operator.is_none()) {
            let told = stake.told.as_ref().map_or(0, |told| u128::from(told.limit.total.get()));
            won = won.saturating_add(told);
            let bond = ppm(self.tokens_worth(stake.bond), self.terms.bond_ppm);
            let fees = ppm(self.tokens_worth(stake.paid), self.terms.fee_ppm);
            let dust = if self.is_admitted(stake) { self.dust } else { 0 };
            paid = paid.saturating_add(bond).saturating_add(fees).saturating_add(dust);
        }
        (won, paid)
    }

    pub fn take(
        &mut self,
        seen: &Seen<'_>,
        decoded: &Decoded,
        deals: &mut Deals,
        markets: &BTreeMap<MarketId, Market>,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        if let Command::Genesis(genesis) = decoded.command() {
            self.genesis = Some(Hash::new(*genesis.id().as_bytes()));
            self.issuance = Some(genesis.issuance);
        }
        let now = seen.time;
        for stake in self.stakes.values_mut() {
            let ended = |certificate: &Certificate| certificate.expires.is_some_and(|expires| expires <= now);
            if stake.certificate.as_ref().is_some_and(ended) {
                stake.certificate = None;
            }
        }
        self.see_events(seen, deals, markets)?;
        self.see_block(seen, deals);
        self.see_honoured(deals);
        if let Command::Scores(scores) = decoded.command() {
            self.see_scores(seen, scores, deals)?;
        }
        self.see_returns(deals);
        let overdue = seen.time.as_micros().checked_div(self.terms.epoch_us).unwrap_or(self.running);
        hold(overdue == self.running, Invariant::Deadline, || {
            format!("record {}: epoch {} still runs at {}", seen.seq, self.running, seen.time)
        })?;
        self.see_told(seen, deals, accounts)
    }

    fn see_events(
        &mut self,
        seen: &Seen<'_>,
        deals: &Deals,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), Broken> {
        let mut owed_slash: Option<Slash> = None;
        for event in seen.events {
            // A default is followed by what the bond pays for it, before anything else.
            if let Some(expected) = owed_slash.take() {
                hold(*event == Event::Slash(expected.clone()), Invariant::Bond, || {
                    format!("record {}: {event:?} instead of {expected:?}", seen.seq)
                })?;
                self.slash(&expected);
                continue;
            }
            match event {
                Event::Parameters(parameters) => self.dust = u128::from(parameters.dust.get()),
                Event::Rate { asset, rate } => {
                    self.money_rated |= *asset == AssetId::BTC && rate.is_some();
                    match rate {
                        Some(rate) => drop(self.rates.insert(*asset, *rate)),
                        None => drop(self.rates.remove(asset)),
                    }
                }
                Event::TrustTerms(terms) => {
                    if terms.epoch_us != self.terms.epoch_us {
                        let running = seen.time.as_micros().checked_div(terms.epoch_us);
                        self.running = running.unwrap_or(self.running);
                    }
                    self.terms = terms.clone();
                }
                Event::Default(notice) => owed_slash = self.default(notice, deals, markets),
                Event::Slash(slash) => {
                    let what = format!("record {}: {slash:?} for no default", seen.seq);
                    return Err(Broken::new(Invariant::Bond, what));
                }
                Event::Epoch { epoch, checkpoint, edges } => {
                    self.end_epoch(seen, *epoch, *checkpoint, *edges)?
                }
                Event::DealFees { deal, maker, taker } => {
                    // Whoever would have got the tokens has paid both.
                    if let Some(receiver) = deals.receiver(deal) {
                        self.count_fee(
                            receiver,
                            u128::from(maker.get()).saturating_add(u128::from(taker.get())),
                        );
                    }
                }
                _ => {}
            }
        }
        hold(owed_slash.is_none(), Invariant::Bond, || {
            format!("record {}: {owed_slash:?} is missing", seen.seq)
        })
    }

    fn count_fee(&mut self, account: AccountId, units: u128) {
        let stake = self.stakes.entry(account).or_default();
        stake.fees = stake.fees.saturating_add(units);
        stake.paid = stake.paid.saturating_add(units);
    }

    /// Whoever defaults has no score and no fees any more; what its bond must pay for it is given.
    fn default(
        &mut self,
        notice: &DefaultNotice,
        deals: &Deals,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Option<Slash> {
        let position = self.position(&notice.by);
        self.fallen.extend(position);
        let stake = self.stakes.entry(notice.by).or_default();
        (stake.fees, stake.score_ppb) = (0, 0);
        let (staked, loss) = (stake.staked(), u128::from(notice.loss.get()));
        let market = markets.get(&deals.get(&notice.deal)?.told.market)?;
        let quote = market.listing.quote;
        let (tokens, covered) = if quote == AssetId::BWT {
            (loss.min(staked), loss.min(staked))
        } else {
            let rate = self.rates.get(&quote).copied();
            let needed = units_up(Some(self.token_rate()?), worth_up(rate, loss));
            if needed <= staked {
                (needed, loss)
            } else {
                (staked, units_down(rate, self.tokens_worth(staked)).min(loss))
            }
        };
        let amount = |units: u128| Amount::new(u64::try_from(units).unwrap_or(u64::MAX));
        let (deal, from, to) = (notice.deal, notice.by, notice.victim);
        (tokens > 0).then(|| Slash { deal, from, to, tokens: amount(tokens), covered: amount(covered) })
    }

    /// What counts for the limit goes first, then what was asked back last.
    fn slash(&mut self, slash: &Slash) {
        let stake = self.stakes.entry(slash.from).or_default();
        let mut left = u128::from(slash.tokens.get());
        let bonded = left.min(stake.bond);
        stake.bond = stake.bond.saturating_sub(bonded);
        left = left.saturating_sub(bonded);
        for (amount, _) in stake.leaving.iter_mut().rev() {
            let part = left.min(*amount);
            *amount = amount.saturating_sub(part);
            left = left.saturating_sub(part);
        }
    }

    fn end_epoch(&mut self, seen: &Seen<'_>, epoch: u64, key: Hash, edges: u64) -> Result<(), Broken> {
        let now = seen.time.as_micros().checked_div(self.terms.epoch_us).unwrap_or(0);
        hold(now > self.running && epoch == now.saturating_sub(1), Invariant::Deadline, || {
            format!("record {}: epoch {epoch} ends at {}, {} ran", seen.seq, seen.time, self.running)
        })?;
        let passed = u32::try_from(now.saturating_sub(self.running)).unwrap_or(u32::MAX);
        let honoured = std::mem::take(&mut self.honoured);
        self.graph = self.graph.close(honoured, self.terms.keep_ppm, passed, &self.fallen);
        self.fallen.clear();
        self.running = now;
        self.passed = self.passed.saturating_add(passed);
        self.epochs = self.epochs.saturating_add(1);
        let seeds: Vec<u32> = self.seeds.iter().copied().collect();
        let expected = checkpoint_key(&self.genesis.unwrap_or(Hash::ZERO), epoch, &self.graph, &seeds);
        let same = expected == key && self.graph.edge_count() as u64 == edges;
        hold(same, Invariant::Score, || {
            format!(
                "record {}: the graph of epoch {epoch} has {edges} edges, it should be {:?}",
                seen.seq, self.graph
            )
        })?;
        let accounts = u32::try_from(self.positions.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.due = Some(Due { epoch, key, seeds, accounts });
        Ok(())
    }

    /// Scores are those that anybody computes from the graph, and fees decay with them.
    fn see_scores(&mut self, seen: &Seen<'_>, told: &Scores, deals: &Deals) -> Result<(), Broken> {
        let fits = |due: &Due| (due.epoch, due.key) == (told.epoch, told.checkpoint);
        let scored = seen.events.contains(&Event::Scored { epoch: told.epoch });
        let due = self.due.take().filter(|due| fits(due) && scored);
        let due = due.ok_or_else(|| {
            Broken::new(
                Invariant::Score,
                format!("record {}: scores of epoch {} are not due", seen.seq, told.epoch),
            )
        })?;
        if seen.seq.is_multiple_of(WALKED) {
            let walked = scores(&self.graph, &due.seeds, &due.key, due.accounts);
            let walked: Vec<_> = walked.into_iter().map(|(account, score)| (account, score.ppb())).collect();
            hold(walked == told.scores, Invariant::Score, || {
                format!("record {}: scores {:?}, anybody finds {walked:?}", seen.seq, told.scores)
            })?;
        }
        let given: BTreeMap<u32, u32> = told.scores.iter().copied().collect();
        let passed = std::mem::take(&mut self.passed);
        for (position, account) in (1_u32..).zip(&self.positions) {
            let stake = self.stakes.entry(*account).or_default();
            let is_out = self.fallen.contains(&position) || deals.owes_for_default(account);
            stake.score_ppb = if is_out { 0 } else { given.get(&position).copied().unwrap_or(0) };
            for _ in 0..passed.min(4_096) {
                stake.fees = ppm(stake.fees, self.terms.keep_ppm);
            }
            // Each epoch rounds once, in either way to reckon.
            if let Some(told) = seen.trust_of(account) {
                let fees = u128::from(told.fees.get());
                if fees.abs_diff(stake.fees) <= u128::from(passed) {
                    stake.fees = fees;
                }
            }
        }
        Ok(())
    }

    fn see_block(&mut self, seen: &Seen<'_>, deals: &Deals) {
        let Some((block, id)) = seen.block else { return };
        if let Body::Register(_) = &block.body {
            let account = AccountId::from(id);
            if seen.is_accepted() {
                self.positions.push(account);
                self.stakes.entry(account).or_default();
            }
            return;
        }
        if let Body::Configure(configure) = &block.body {
            for (index, change) in configure.changes.iter().enumerate() {
                if seen.is_done(index) {
                    self.see_change(change);
                }
            }
            return;
        }
        let Some(account) = seen.signer.filter(|_| seen.is_accepted()) else { return };
        let stake = self.stakes.entry(account).or_default();
        let units = |amount: Amount| u128::from(amount.get());
        match &block.body {
            Body::Bond(bond) => stake.bond = stake.bond.saturating_add(units(bond.amount)),
            Body::Unbond(unbond) => {
                stake.bond = stake.bond.saturating_sub(units(unbond.amount));
                stake.leaving.push((units(unbond.amount), deals.not_over(&account)));
            }
            Body::Fee(fee) => self.count_fee(account, units(fee.amount)),
            Body::Claim(_) => stake.granted = true,
            Body::Prefer(prefer) => stake.preference = *prefer,
            Body::Certify(certify) => {
                let certificate = Certificate { by: account, expires: certify.expires };
                self.stakes.entry(certify.account).or_default().certificate = Some(certificate);
            }
            Body::Decertify(decertify) => {
                self.stakes.entry(decertify.account).or_default().certificate = None;
            }
            Body::Bandwidth(bandwidth) => {
                self.proposed.insert(id, (account, bandwidth.clone()));
            }
            Body::Acknowledge(acknowledge) => {
                if let Some((from, bandwidth)) = self.proposed.remove(&acknowledge.proposal) {
                    self.serve(&from, &bandwidth);
                }
            }
            _ => {}
        }
    }

    fn see_change(&mut self, change: &Change) {
        match change {
            Change::SetLimit { account, limit } => {
                self.stakes.entry(*account).or_default().operator = *limit;
            }
            Change::SetSeed { account, seed } => {
                let position = self.position(account);
                match position {
                    Some(position) if *seed => drop(self.seeds.insert(position)),
                    Some(position) => drop(self.seeds.remove(&position)),
                    None => {}
                }
            }
            Change::SetRegistrar { account, registrar: true } => drop(self.registrars.insert(*account)),
            Change::SetRegistrar { account, registrar: false } => drop(self.registrars.remove(account)),
            _ => {}
        }
    }

    /// Bytes given are owed for until bytes come back or tokens are paid: whoever owes less than before has honoured it.
    fn serve(&mut self, author: &AccountId, record: &Bandwidth) {
        let (Some(one), Some(other)) = (self.position(author), self.position(&record.counterparty)) else {
            return;
        };
        let tokens = i128::from(record.tokens.get());
        let paid = if record.payer == Payer::Author { tokens } else { -tokens };
        let given = i128::from(record.sent_bytes) - i128::from(record.received_bytes) + paid;
        for (creditor, debtor, more) in [(one, other, given), (other, one, -given)] {
            let debt = self.served.entry((creditor, debtor)).or_default();
            let (before, after) = ((*debt).max(0), debt.saturating_add(more).max(0));
            *debt = debt.saturating_add(more);
            let repaid = u128::try_from(before.saturating_sub(after)).unwrap_or(0);
            let value = u64::try_from(self.tokens_worth(repaid)).unwrap_or(u64::MAX);
            self.honoured.push(Honoured { from: creditor, to: debtor, value });
        }
    }

    fn see_honoured(&mut self, deals: &mut Deals) {
        for (creditor, debtor, value) in std::mem::take(&mut deals.honoured) {
            let (from, to) = (self.position(&creditor), self.position(&debtor));
            if let (Some(from), Some(to)) = (from, to) {
                self.honoured.push(Honoured { from, to, value: u64::try_from(value).unwrap_or(u64::MAX) });
            }
        }
    }

    /// What was asked back returns once every deal is over that was open then, and not before.
    fn see_returns(&mut self, deals: &Deals) {
        for stake in self.stakes.values_mut() {
            stake.leaving.retain_mut(|(amount, waits)| {
                let waited = !waits.is_empty();
                waits.retain(|deal| deals.get(deal).is_some_and(|deal| !deal.is_over()));
                let returns = waits.is_empty();
                self.returned = self.returned.saturating_add(u64::from(returns && waited && *amount > 0));
                !returns && *amount > 0
            });
        }
    }
}
