//! How a world begins: genesis, assets, markets, and everybody who is not late with an account and tokens.

use crate::acts::rules_change;
use crate::broken::Broken;
use crate::client::NETWORK;
use crate::setup::Kind;
use crate::story::Act;
use crate::world::{MARKETS, World, market_id};
use bandex_tradechain::body::{Admission, AssetListing, Change, Grant, MarketListing, Parameters, Scopes};
use bandex_tradechain::{Genesis, Keypair};
use bandex_types::{AccountId, Amount, AssetId, Rail, Ratio};

/// How far below zero the issuance account may go.
const ISSUANCE_CAP: Amount = Amount::new(10_000_000);

impl World<'_> {
    /// Begins the journal and lets the first clients in, over a calm network.
    pub fn begin(&mut self) -> Result<(), Broken> {
        self.start()?;
        let clock = self.clock();
        let [node, operator] = [&self.keys.node, &self.keys.operator].map(Keypair::public);
        let genesis = Genesis::new(NETWORK, node, operator, ISSUANCE_CAP);
        let changes = self.first_changes();
        if let Some(node) = &mut self.node {
            let sealed = node.sequencer.begin(genesis, &changes, clock);
            node.begin(sealed);
        }
        self.work(false)?;
        let early = self.clients.len().saturating_sub(usize::from(self.setup.late));
        for index in 0..early {
            self.register(index);
        }
        self.settle_down()?;
        let amount = Amount::new(self.setup.issued.max(1));
        let accounts = self.clients.iter().take(early).filter_map(|client| client.disk.account);
        let issues: Vec<Change> = accounts.map(|to| Change::Issue { to, amount }).collect();
        if !issues.is_empty() {
            self.decide(issues);
        }
        for index in 0..early {
            self.grant_bot(index);
        }
        self.begin_trust(early);
        self.settle_down()
    }

    /// The first clients are seeds, the first of all is a registrar, and whoever is there is let in.
    fn begin_trust(&mut self, early: usize) {
        let Some(trust) = self.setup.trust.clone() else { return };
        let first: Vec<AccountId> =
            self.clients.iter().take(early).filter_map(|client| client.disk.account).collect();
        let seeds = first.iter().take(usize::from(trust.seeds));
        let mut changes: Vec<Change> =
            seeds.map(|account| Change::SetSeed { account: *account, seed: true }).collect();
        changes
            .extend(first.first().map(|account| Change::SetRegistrar { account: *account, registrar: true }));
        if !changes.is_empty() {
            self.decide(changes);
        }
        for index in (0..early).filter_map(|index| u8::try_from(index).ok()) {
            match trust.terms.admission {
                Admission::Work => {}
                Admission::Fee { amount } => self.act(index, &Act::Fee { key: 0, amount: amount.get() }),
                Admission::Certificate => self.act(0, &Act::Certify { to: index, lasts_us: None }),
            }
        }
    }

    fn first_changes(&self) -> Vec<Change> {
        let asset = |id, symbol: &str, rail| {
            Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals: 0, rail })
        };
        let mut changes = vec![
            Change::SetParameters(self.parameters(self.setup.dust, self.setup.share_ppm)),
            asset(AssetId::BWT, "BWT", Rail::Token),
            asset(AssetId::BTC, "BTC", Rail::Attested),
            asset(AssetId::new(2), "EUR", Rail::Attested),
        ];
        for market in 0..self.setup.markets.clamp(1, MARKETS) {
            changes.push(self.listing(market));
            changes.push(rules_change(market, &self.setup.rules));
        }
        if let Some(trust) = &self.setup.trust {
            let rate = trust.rate.and_then(|(num, den)| Ratio::new(num, den).ok());
            changes.push(Change::SetRate { asset: AssetId::BWT, rate });
            changes.push(Change::SetTrust(trust.terms.clone()));
            let fees = trust.fees;
            changes.extend((0..MARKETS).map(|market| Change::SetFees { market: market_id(market), fees }));
        }
        changes
    }

    /// The parameters of the setup, but for two.
    pub fn parameters(&self, dust: u64, share_ppm: u32) -> Parameters {
        Parameters {
            dust: Amount::new(dust),
            share_ppm: share_ppm.min(1_000_000),
            bid_multiple: self.setup.bid_multiple,
            register_work_bits: 0,
            proposal_us: self.setup.proposal_us.max(1),
        }
    }

    /// One of the three markets there can be.
    pub fn listing(&self, market: u8) -> Change {
        let euro = AssetId::new(2);
        let pairs = [(AssetId::BWT, AssetId::BTC), (AssetId::BTC, AssetId::BWT), (euro, AssetId::BTC)];
        let at = market.checked_rem(MARKETS).unwrap_or(0);
        let (base, quote) = pairs.get(usize::from(at)).copied().unwrap_or((AssetId::BWT, AssetId::BTC));
        Change::ListMarket(MarketListing {
            id: market_id(market),
            base,
            quote,
            lot_units: self.setup.lot_units.clamp(1, 1_000_000),
            tick_value: Ratio::new(1, self.setup.tick_den.max(1)).expect("both are above 0"),
            least_tranche: Amount::new(self.setup.least_tranche),
            pay_us: self.setup.pay_us.max(1),
            acknowledge_us: self.setup.acknowledge_us.max(1),
        })
    }

    /// A bot trades with a session key from the beginning.
    fn grant_bot(&mut self, index: usize) {
        let now = self.time();
        let Some(client) = self.clients.get_mut(index).filter(|client| client.kind == Kind::Bot) else {
            return;
        };
        let signed = client.admit(
            |key, possession| {
                let (scopes, markets) = (Scopes::ALL, Vec::new());
                let grant = Grant { key, scopes, markets, largest_notional: None, expires: None, possession };
                (Some(grant.clone()), grant.into())
            },
            now,
        );
        self.send(index, signed);
    }
}
