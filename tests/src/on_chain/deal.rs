//! A seller, a buyer, a chain and an exchange; a deal between the two, and what each of them has in the end.

use super::{BURST, Chain, MARKET, MATURITY, PATIENCE, Party, Terms, Venue, WalletTerms};
use bandex_api::{AssetScale, Deal, DealQuery};
use bandex_tradechain::body::Place;
use bandex_types::{Amount, DealId, Price, Quantity, Side};
use std::sync::Mutex;
use std::time::Instant;

/// The tokens that the seller begins with besides its bond, in bytes.
const TOKENS: u64 = 1_000_000_000;
/// The tokens that each side has at stake, in bytes: good for a limit of 100,000 satoshi, a quarter of which a deal may
/// draw.
const BOND: u64 = 200_000_000;
/// As much as that, in satoshi.
pub const CAP: u64 = 25_000;
/// How many coins each wallet begins with.
const COINS: u32 = 4;

/// What was made of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The deal.
    pub id: DealId,
    /// Its total, in satoshi.
    pub satoshi: u64,
}

/// Everything.
pub struct World {
    /// The chain.
    pub chain: Chain,
    /// The exchange.
    pub venue: Venue,
    /// Sells tokens.
    pub seller: Party,
    /// Pays on the chain.
    pub buyer: Party,
    /// The tokens of both when the trading began.
    tokens: [u64; 2],
    /// The demands that were seen, to be told if something does not come.
    seen: Mutex<Vec<String>>,
}

/// Satoshi of a decimal number of bitcoin with up to 11 places, which must be whole.
pub(super) fn satoshi(btc: &str) -> u64 {
    AssetScale::new(11).parse(btc).unwrap().get() / 1_000
}

impl World {
    /// On any node.
    pub async fn meet(terms: Terms, wallets: WalletTerms) -> Self {
        Self::meet_on(Chain::any().await, terms, wallets).await
    }

    /// On this node: both have a bond and coins to spend.
    ///
    /// # Panics
    /// Something does not begin.
    pub async fn meet_on(chain: Chain, terms: Terms, wallets: WalletTerms) -> Self {
        let venue = Venue::open(&chain, terms).await;
        let seller = Party::join(&venue, &chain, 1, wallets).await;
        let buyer = Party::join(&venue, &chain, 2, wallets).await;
        Self::of(chain, venue, seller, buyer).await
    }

    /// Of these, who get coins, tokens and a bond.
    ///
    /// # Panics
    /// Something does not begin.
    pub async fn of(chain: Chain, venue: Venue, seller: Party, buyer: Party) -> Self {
        for party in [&seller, &buyer] {
            let address = party.wallet().await.new_address().await.unwrap();
            chain.mine_to(COINS, &address.to_string()).await;
        }
        // Some are for anybody, to be spent at once.
        chain.mine(4).await;
        chain.mine(MATURITY).await;
        venue.issue(seller.account(), TOKENS + BOND).await;
        venue.issue(buyer.account(), BOND).await;
        for party in [&seller, &buyer] {
            party.trader().bond(Amount::new(BOND)).await.unwrap();
            party.begin().await;
        }
        venue.catches_up(&chain).await;
        let tokens = [seller.tokens().await.0, buyer.tokens().await.0];
        Self { chain, venue, seller, buyer, tokens, seen: Mutex::default() }
    }

    /// Both sides leave it to their agents.
    pub async fn attend(&self) {
        self.seller.attend(&self.venue, None).await;
        self.buyer.attend(&self.venue, None).await;
    }

    /// Sells and buys tokens for so many satoshi.
    pub async fn trade(&self, satoshi: u64) -> Made {
        self.trade_within(satoshi, None).await
    }

    /// The same between two who let each other owe no more than this, in satoshi.
    ///
    /// # Panics
    /// An order is refused, or makes no deal.
    pub async fn trade_within(&self, satoshi: u64, cap: Option<u64>) -> Made {
        let place = |side| Place {
            own_cap: cap.map(|cap| Amount::new(cap * 1_000)),
            ..Place::limit(MARKET, side, Price::new(1), Quantity::new(satoshi))
        };
        self.seller.trader().place(place(Side::Sell)).await.unwrap();
        let taken = self.buyer.trader().place(place(Side::Buy)).await.unwrap();
        assert_eq!(taken.outcome.status.as_deref(), Some("filled"), "{taken:?}");
        let page = self.buyer.rest().deals(&DealQuery::default()).await.unwrap();
        let newest = page.deals.first().expect("a deal");
        Made { id: newest.deal.parse().unwrap(), satoshi }
    }

    /// A deal as it stands.
    ///
    /// # Panics
    /// The exchange does not answer.
    pub async fn deal(&self, made: Made) -> Deal {
        self.buyer.rest().deal(made.id).await.unwrap()
    }

    /// The script of a deal, once it is named.
    pub async fn script(&self, made: Made) -> Vec<u8> {
        let look = async || self.deal(made).await.payee.map(|payee| hex::decode(payee.script).unwrap());
        super::within("the payee to name its script", look).await
    }

    /// Waits, without a block, until the deal is so.
    pub async fn until(&self, what: &str, made: Made, done: impl Fn(&Deal) -> bool) -> Deal {
        super::within(what, async || Some(self.deal(made).await).filter(|deal| done(deal))).await
    }

    /// Mines until the deal is so: a block whenever a payment waits for one, or for more on top of it.
    ///
    /// # Panics
    /// It does not get there.
    pub async fn mine_until(&self, what: &str, made: Made, done: impl Fn(&Deal) -> bool) -> Deal {
        let mut until = Instant::now() + PATIENCE;
        loop {
            let deal = self.deal(made).await;
            if done(&deal) {
                return deal;
            }
            if self.note(&deal) {
                until = Instant::now() + PATIENCE;
            }
            if Instant::now() > until {
                let (seen, told) = (self.seen.lock().unwrap(), self.buyer.told());
                panic!(
                    "waited too long for {what}: {seen:#?}\nbuyer: {told:#?}\nseller: {:#?}",
                    self.seller.told()
                );
            }
            if !self.chain.waiting().await.is_empty() || deal.due.is_none() {
                self.chain.mine(1).await;
                self.venue.catches_up(&self.chain).await;
            } else {
                tokio::time::sleep(BURST).await;
            }
        }
    }

    /// Remembers how a deal stands. Gives whether that is news.
    fn note(&self, deal: &Deal) -> bool {
        let line = format!("{} {:?} due {:?}", deal.state, deal.chain, deal.due);
        let mut seen = self.seen.lock().unwrap();
        let is_news = seen.last() != Some(&line);
        if is_news {
            seen.push(line);
        }
        is_news
    }

    /// Mines so many blocks, one after the other, and waits until the exchange has seen them.
    pub async fn mine(&self, blocks: u32) {
        self.chain.mine(blocks).await;
        self.venue.catches_up(&self.chain).await;
    }

    /// The deal is settled to the last satoshi and byte: the script has just its total, the buyer has the tokens and has
    /// paid that and its fees, the seller has the coins.
    ///
    /// # Panics
    /// It is not.
    pub async fn must_be_settled(&self, made: Made) {
        let deal = self.deal(made).await;
        assert_eq!(deal.state, "settled", "{deal:?}");
        self.must_have(&[(made, made.satoshi, made.satoshi)]).await;
    }

    /// What is on the chain for each deal, and what was delivered for it, both in satoshi; wallets and tokens add up to
    /// just that; and nobody is short of more than its cap.
    ///
    /// # Panics
    /// They do not.
    pub async fn must_have(&self, deals: &[(Made, u64, u64)]) {
        let (mut paid, mut bytes) = (0, 0);
        for (made, on_chain, delivered) in deals {
            let deal = self.deal(*made).await;
            if let Some(payee) = &deal.payee {
                let script = hex::decode(&payee.script).unwrap();
                assert_eq!(self.chain.paid_to(&script).await, *on_chain, "what the script has: {deal:?}");
            }
            assert_eq!(satoshi(&deal.base_sent_value), *delivered, "what was delivered: {deal:?}");
            let (given, had) = (*delivered, (*on_chain).min(made.satoshi));
            assert!(given.saturating_sub(had) <= satoshi(&deal.seller_cap), "the seller's loss: {deal:?}");
            assert!(had.saturating_sub(given) <= satoshi(&deal.buyer_cap), "the buyer's loss: {deal:?}");
            paid += on_chain;
            bytes += delivered * super::LOT;
        }
        let slashed = self.slashed(deals).await;
        let paid = i64::try_from(paid).unwrap();
        assert_eq!(self.seller.gained().await, paid, "the seller's coins");
        let gained = self.buyer.gained().await;
        let fees = i64::try_from(self.buyer.fees().await).unwrap();
        assert_eq!(gained, -(paid + fees), "the buyer's coins");
        let (seller, buyer) = (self.seller.tokens().await, self.buyer.tokens().await);
        assert_eq!(seller.0, self.tokens[0] - bytes + slashed, "the seller's tokens");
        assert_eq!(buyer.0, self.tokens[1] + bytes - slashed, "the buyer's tokens");
    }

    async fn slashed(&self, deals: &[(Made, u64, u64)]) -> u64 {
        let mut bytes = 0;
        for (made, ..) in deals {
            let slashed = self.deal(*made).await.slashed;
            bytes += slashed.map_or(0, |slashed| AssetScale::new(9).parse(&slashed).unwrap().get());
        }
        bytes
    }

    /// Ends agents and exchange, and audits the journal.
    pub async fn end(self) -> super::Audited {
        self.seller.vanish().await;
        self.buyer.vanish().await;
        self.venue.close().await
    }
}
