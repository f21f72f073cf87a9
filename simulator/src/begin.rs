//! How a world begins: genesis, assets, markets, and everybody who is not late with an account and tokens.

use crate::acts::rules_change;
use crate::broken::Broken;
use crate::client::NETWORK;
use crate::setup::Kind;
use crate::story::Act;
use crate::world::{MARKETS, ON_CHAIN, World, market_id};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_tradechain::body::{
    Admission, AssetListing, BitcoinTerms, Change, Grant, MarketListing, Parameters, PaymentTerms, Scopes,
};
use bandex_tradechain::{Genesis, Keypair};
use bandex_types::{AccountId, Amount, AssetId, BitcoinNetwork, Rail, Ratio};

/// How far below zero the issuance account may go.
const ISSUANCE_CAP: Amount = Amount::new(10_000_000);
/// Bitcoin on the chain; its unit is a thousandth of a satoshi.
const XBT: AssetId = AssetId::new(3);
/// How many of those are worth one in the unit of account: the smallest payment there is comes to fifty.
const MSAT_A_UNIT: u64 = 20_000;
/// How many a lot at one tick comes to.
const MSAT_A_TICK: u64 = 10_000;

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
        for market in 0..self.setup.markets.clamp(1, ON_CHAIN) {
            changes.push(self.listing(market));
            changes.push(rules_change(market, &self.setup.rules));
        }
        changes.extend(self.chain_changes());
        if let Some(trust) = &self.setup.trust {
            let rate = trust.rate.and_then(|(num, den)| Ratio::new(num, den).ok());
            changes.push(Change::SetRate { asset: AssetId::BWT, rate });
            changes.push(Change::SetTrust(trust.terms.clone()));
            let fees = trust.fees;
            changes.extend((0..ON_CHAIN).map(|market| Change::SetFees { market: market_id(market), fees }));
        }
        changes
    }

    /// Begins the Bitcoin chain and lists the market that is paid on it.
    fn chain_changes(&self) -> Vec<Change> {
        let Some(chain) = self.setup.chain else { return Vec::new() };
        let header = Network::Regtest.genesis_header();
        let rate = Ratio::new(1, MSAT_A_UNIT).ok();
        let (id, symbol, decimals, rail) = (XBT, "XBT".to_owned(), 11, Rail::Bitcoin);
        let fees = self.setup.trust.as_ref().map(|trust| trust.fees);
        let terms = PaymentTerms {
            confirmations: chain.confirmations.max(1),
            final_confirmations: chain.final_confirmations.max(chain.confirmations).clamp(1, 100),
            fee_share_ppm: chain.fee_share_ppm.clamp(1, 1_000_000),
        };
        let mut changes = vec![
            Change::SetBitcoin(BitcoinTerms { network: BitcoinNetwork::Regtest, height: 0, header }),
            Change::ListAsset(AssetListing { id, symbol, decimals, rail }),
            Change::SetRate { asset: XBT, rate },
            self.listing(ON_CHAIN),
            Change::SetPayments { market: market_id(ON_CHAIN), terms },
        ];
        changes.extend(fees.map(|fees| Change::SetFees { market: market_id(ON_CHAIN), fees }));
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

    /// One of the markets there can be.
    pub fn listing(&self, market: u8) -> Change {
        let euro = AssetId::new(2);
        let pairs = [
            (AssetId::BWT, AssetId::BTC),
            (AssetId::BTC, AssetId::BWT),
            (euro, AssetId::BTC),
            (AssetId::BWT, XBT),
        ];
        let at = market.checked_rem(MARKETS).unwrap_or(0);
        let chain = self.setup.chain.filter(|_| at == ON_CHAIN);
        let (base, quote) = pairs.get(usize::from(at)).copied().unwrap_or((AssetId::BWT, AssetId::BTC));
        Change::ListMarket(MarketListing {
            id: market_id(market),
            base,
            quote,
            lot_units: self.setup.lot_units.clamp(1, 1_000_000),
            tick_value: match chain {
                Some(_) => Ratio::new(MSAT_A_TICK, 1),
                None => Ratio::new(1, self.setup.tick_den.max(1)),
            }
            .expect("both are above 0"),
            least_tranche: Amount::new(self.setup.least_tranche),
            pay_us: chain.map_or(self.setup.pay_us, |chain| chain.pay_us).max(1),
            acknowledge_us: chain.map_or(self.setup.acknowledge_us, |chain| chain.name_us).max(1),
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
