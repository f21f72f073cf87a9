//! What people do in a world: register, grant, place, pay and the rest, each as one signed block.

use super::*;
use bandex_engine::{DealState, OrderStatus, Outcome, Standing};
use bandex_settlement::{Due, Party, State};
use bandex_tradechain::body::*;
use bandex_tradechain::{Disconnected, Domain, ForkProof};
use bandex_types::{DealId, OrderRef, Price, Quantity, Rail, Ratio, Side};

/// What a session key is granted.
#[derive(Debug, Clone)]
pub struct Grants {
    pub scopes: Scopes,
    pub markets: Vec<MarketId>,
    pub largest_notional: Option<Amount>,
    pub expires: Option<Timestamp>,
}

impl Default for Grants {
    fn default() -> Self {
        Self { scopes: Scopes::ALL, markets: Vec::new(), largest_notional: None, expires: None }
    }
}

/// A plain limit order.
pub fn limit(market: MarketId, side: Side, price: u64, quantity: u64) -> Place {
    Place::limit(market, side, Price::new(price), Quantity::new(quantity))
}

/// A market as the worlds here list it.
pub fn listing(id: MarketId, base: AssetId, quote: AssetId) -> MarketListing {
    MarketListing {
        id,
        base,
        quote,
        lot_units: 10,
        tick_value: Ratio::new(1, 2).expect("a half"),
        least_tranche: Amount::new(10),
        pay_us: 60 * SECOND,
        acknowledge_us: 30 * SECOND,
    }
}

fn asset(id: AssetId, symbol: &str, rail: Rail) -> Change {
    Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals: 9, rail })
}

impl World {
    /// A world with three assets and a market for each pair of rails. Only one asset is on the ledger, so no market has
    /// both legs there.
    pub fn new() -> Self {
        Self::listed(RULES_VERSION)
    }

    /// The same under other rules.
    fn listed(rules: u32) -> Self {
        let mut world = Self::bare_under(rules);
        let outcome = world.configure(vec![
            asset(AssetId::BWT, "BWT", Rail::Token),
            asset(AssetId::BTC, "BTC", Rail::Attested),
            asset(EUR, "EUR", Rail::Attested),
            Change::ListMarket(listing(BWT_BTC, AssetId::BWT, AssetId::BTC)),
            Change::ListMarket(listing(BTC_BWT, AssetId::BTC, AssetId::BWT)),
            Change::ListMarket(listing(EUR_BTC, EUR, AssetId::BTC)),
        ]);
        assert_eq!(code(&outcome), "done");
        world
    }

    /// A world where these are registered and hold tokens.
    pub fn with(names: &[&str]) -> Self {
        Self::with_under(RULES_VERSION, names)
    }

    /// The same under other rules.
    pub fn with_under(rules: u32, names: &[&str]) -> Self {
        let mut world = Self::listed(rules);
        for name in names {
            world.register(name);
            world.issue(name, 100_000);
        }
        world
    }

    pub fn configure(&mut self, changes: Vec<Change>) -> Outcome {
        self.send("operator", Configure { changes })
    }

    pub fn register(&mut self, name: &str) -> AccountId {
        let signed = self.registration(name, true);
        assert_eq!(code(&self.apply_block(signed)), "done");
        self.account(name)
    }

    pub fn issue(&mut self, name: &str, units: u64) {
        let change = Change::Issue { to: self.account(name), amount: Amount::new(units) };
        assert_eq!(code(&self.configure(vec![change])), "done");
    }

    /// Sets an account's limit; `None` returns it to dust.
    pub fn set_limit(&mut self, name: &str, limit: Option<u64>) {
        let change = Change::SetLimit { account: self.account(name), limit: limit.map(Amount::new) };
        assert_eq!(code(&self.configure(vec![change])), "done");
    }

    pub fn set_frozen(&mut self, name: &str, frozen: bool) -> Outcome {
        let account = self.account(name);
        self.configure(vec![Change::SetFrozen { account, frozen }])
    }

    pub fn set_state(&mut self, market: MarketId, state: MarketState) -> Outcome {
        self.configure(vec![Change::SetMarketState { market, state }])
    }

    /// The grant of `session` by `root`, signed by the session key as its holder.
    pub fn grant_body(root: &str, session: &str, grants: Grants) -> Grant {
        let statement = possession_statement(NETWORK, &key(root), &key(session));
        let Grants { scopes, markets, largest_notional, expires } = grants;
        let possession = pair(session).sign(Domain::Possession, &statement);
        Grant { key: key(session), scopes, markets, largest_notional, expires, possession }
    }

    pub fn grant(&mut self, root: &str, session: &str, grants: Grants) -> Outcome {
        self.send(root, Self::grant_body(root, session, grants))
    }

    pub fn revoke(&mut self, root: &str, session: &str) -> Outcome {
        self.send(root, Revoke { key: key(session) })
    }

    pub fn rotate(&mut self, root: &str, new: &str) -> Outcome {
        let statement = possession_statement(NETWORK, &key(root), &key(new));
        let possession = pair(new).sign(Domain::Possession, &statement);
        self.send(root, Rotate { key: key(new), possession })
    }

    /// Has the key's orders go so many microseconds after this, and after its connections ended.
    pub fn guard(&mut self, name: &str, cancel_after_us: u64, on_disconnect_us: Option<u64>) -> Outcome {
        self.send(name, Guard { cancel_after_us, on_disconnect_us })
    }

    /// The node says that the key's last connection ended so many microseconds ago.
    pub fn disconnected(&mut self, name: &str, ago_us: u64) -> Outcome {
        let since = Timestamp::from_micros(self.now().as_micros().saturating_sub(ago_us));
        self.apply(Command::Disconnected(Disconnected { key: key(name), since }))
    }

    pub fn heal(&mut self, root: &str, forked: &str) -> Outcome {
        let keep = self.engine.head(&key(forked)).map_or(BlockId::ZERO, |head| head.id);
        self.send(root, Heal { key: key(forked), keep })
    }

    pub fn operations(&mut self, name: &str, operations: Vec<Operation>) -> Outcome {
        self.send(name, Orders { operations })
    }

    /// Places an order; gives its reference and the outcome.
    pub fn place(&mut self, name: &str, place: Place) -> (OrderRef, Outcome) {
        let outcome = self.operations(name, vec![Operation::Place(Box::new(place))]);
        let head = self.engine.head(&key(name)).expect("the key has a lane");
        (OrderRef { key: key(name), seq: head.seq, op: 0 }, outcome)
    }

    /// Places a plain limit order that must be accepted.
    pub fn rest(&mut self, name: &str, market: MarketId, side: Side, price: u64, quantity: u64) -> OrderRef {
        let (order, outcome) = self.place(name, limit(market, side, price, quantity));
        assert_eq!(code(&outcome), "done");
        order
    }

    /// Lets two accounts trade on a market, the seller resting first; gives the deal.
    pub fn deal(&mut self, market: MarketId, seller: &str, buyer: &str, price: u64, quantity: u64) -> DealId {
        self.rest(seller, market, Side::Sell, price, quantity);
        let (_, outcome) = self.place(buyer, limit(market, Side::Buy, price, quantity));
        trades(&outcome).first().expect("they trade").deal
    }

    pub fn cancel(&mut self, name: &str, order: OrderRef) -> Outcome {
        self.operations(name, vec![Operation::Cancel { order }])
    }

    pub fn cancel_client(&mut self, name: &str, market: MarketId, client_id: &str) -> Outcome {
        self.operations(name, vec![Operation::CancelClient { market, client_id: client_id.to_owned() }])
    }

    /// Sets the terms of trust, which must be legal.
    pub fn set_trust(&mut self, terms: TrustTerms) {
        assert_eq!(code(&self.configure(vec![Change::SetTrust(terms)])), "done");
    }

    /// Says that so many units of an asset are worth so many millisatoshi.
    pub fn set_rate(&mut self, asset: AssetId, msat: u64, units: u64) {
        let rate = Ratio::new(msat, units).ok();
        assert_eq!(code(&self.configure(vec![Change::SetRate { asset, rate }])), "done");
    }

    pub fn bond(&mut self, name: &str, units: u64) -> Outcome {
        self.send(name, Bond { amount: Amount::new(units) })
    }

    pub fn unbond(&mut self, name: &str, units: u64) -> Outcome {
        self.send(name, Unbond { amount: Amount::new(units) })
    }

    pub fn fee(&mut self, name: &str, units: u64) -> Outcome {
        self.send(name, Fee { amount: Amount::new(units) })
    }

    /// Asks for the first grant with enough work, or too little.
    pub fn claim(&mut self, name: &str, enough: bool) -> Outcome {
        let bits = u32::from(self.engine.trust_terms().grant_work_bits);
        let fits = |block: &Block| bits > 16 || (leading_zero_bits(&block.id()) >= bits) == enough;
        let mut blocks = (0..).map(|nonce| self.next_block(name, Claim { nonce }));
        let block = blocks.find(fits).expect("some nonce serves");
        self.apply_block(block.sign(&pair(name)))
    }

    pub fn certify(&mut self, registrar: &str, name: &str, expires: Option<Timestamp>) -> Outcome {
        let account = self.account(name);
        self.send(registrar, Certify { account, expires })
    }

    pub fn decertify(&mut self, registrar: &str, name: &str) -> Outcome {
        let account = self.account(name);
        self.send(registrar, Decertify { account })
    }

    pub fn set_registrar(&mut self, name: &str, registrar: bool) -> Outcome {
        let account = self.account(name);
        self.configure(vec![Change::SetRegistrar { account, registrar }])
    }

    pub fn set_seed(&mut self, name: &str, seed: bool) -> Outcome {
        let account = self.account(name);
        self.configure(vec![Change::SetSeed { account, seed }])
    }

    /// How an account stands as to trust.
    pub fn trust(&self, name: &str) -> bandex_engine::TrustState {
        self.engine.trust(&self.account(name)).expect("the account exists")
    }

    /// The scores that are due, worked out from the engine's checkpoint.
    pub fn scores(&self) -> bandex_tradechain::Scores {
        self.engine.checkpoint().expect("scores are due").scores()
    }

    pub fn transfer(&mut self, from: &str, to: &str, units: u64) -> Outcome {
        let to = self.account(to);
        let (amount, asset) = (Amount::new(units), AssetId::BWT);
        self.send(from, Transfer { to, asset, amount, note: String::new() })
    }

    /// Proposes a bandwidth record; gives the proposal's id and the outcome.
    pub fn bandwidth(&mut self, from: &str, to: &str, payer: Payer, tokens: u64) -> (BlockId, Outcome) {
        let counterparty = self.account(to);
        let tokens = Amount::new(tokens);
        let body = Bandwidth { counterparty, sent_bytes: 5, received_bytes: 0, payer, tokens };
        let signed = self.sign(from, body);
        (signed.id(), self.apply_block(signed))
    }

    pub fn pay(&mut self, name: &str, deal: DealId, tranche: u32, cumulative: u64) -> (BlockId, Outcome) {
        let cumulative = Amount::new(cumulative);
        let signed = self.sign(name, Pay { deal, tranche, cumulative, reference: String::new() });
        (signed.id(), self.apply_block(signed))
    }

    pub fn acknowledge(&mut self, name: &str, proposal: BlockId) -> Outcome {
        self.send(name, Acknowledge { proposal })
    }

    pub fn deal_state(&self, deal: DealId) -> DealState {
        self.engine.deal(&deal).expect("the deal exists")
    }

    pub fn due(&self, deal: DealId) -> Option<Due> {
        self.deal_state(deal).deal.due()
    }

    /// Pays exactly what is due, and has the payee acknowledge it where the rail asks for that.
    pub fn move_on(&mut self, deal: DealId, seller: &str, buyer: &str) -> Due {
        let due = self.due(deal).expect("something is due");
        let (payer, payee) = match due.party {
            Party::Seller => (seller, buyer),
            Party::Buyer => (buyer, seller),
        };
        let (proposal, outcome) = self.pay(payer, deal, due.tranche, due.cumulative.get());
        assert_eq!(code(&outcome), "done", "{due:?}");
        if self.deal_state(deal).deal.in_flight().is_some() {
            assert_eq!(code(&self.acknowledge(payee, proposal)), "done");
        }
        due
    }

    /// Settles a deal to its end; gives how many payments that took.
    pub fn settle(&mut self, deal: DealId, seller: &str, buyer: &str) -> usize {
        let mut payments = 0;
        while self.deal_state(deal).deal.state() == State::Open {
            self.move_on(deal, seller, buyer);
            payments += 1;
        }
        assert_eq!(self.deal_state(deal).deal.state(), State::Settled);
        payments
    }

    /// Another block for the place of the last one in a key's lane: both together prove a fork.
    pub fn fork_proof(&self, name: &str, first: &SignedBlock) -> ForkProof {
        let mut block = Block::decode(&first.payload).expect("it was applied");
        block.time = block.time.plus(1);
        ForkProof { first: first.clone(), second: block.sign(&pair(name)) }
    }

    /// Has a key sign two blocks for one seq and submits the proof.
    pub fn fork(&mut self, name: &str) -> Outcome {
        let order = OrderRef { key: key("nobody"), seq: 1, op: 0 };
        let signed = self.sign(name, Orders { operations: vec![Operation::Cancel { order }] });
        self.apply_block(signed.clone());
        let proof = self.fork_proof(name, &signed);
        let standing = self.standing(&proof.second);
        assert_eq!(standing, Standing::Fork { record: self.engine.seq() });
        self.apply(Command::Fork(proof))
    }

    /// Where an order stands, as the last event says.
    pub fn status(&self, order: OrderRef) -> OrderStatus {
        self.watch.orders.states.get(&order).expect("the order was accepted").status
    }

    /// An account's balance and what of it is locked.
    pub fn tokens(&self, name: &str) -> (i128, u64) {
        let state = self.engine.balance(&self.account(name)).expect("the account exists");
        (state.balance, state.locked.get())
    }

    /// What an account's open deals reserve of its limit, and the limit.
    pub fn reserved(&self, name: &str) -> (u64, u64) {
        let state = self.engine.account(&self.account(name)).expect("the account exists");
        (state.reserved.get(), state.limit.get())
    }
}
