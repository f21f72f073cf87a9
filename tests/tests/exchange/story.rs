//! How most tests begin: a seller, a buyer, and a deal between them.

use bandex_api::{BlockReply, DealPage};
use bandex_tests::{RawLane, Server};
use bandex_types::{AccountId, DealId, Side};

/// 39.159 satoshi a gigabyte.
pub const PRICE: u64 = 7_831_800;
/// One BWT.
pub const LOTS: u64 = 1_000_000;
/// What one BWT costs at that price, in millisatoshi.
pub const TOTAL: u64 = 39_159;
/// One BWT in bytes.
pub const BWT: u64 = 1_000_000_000;

/// Two traders who know each other only from the market.
pub struct Pair {
    pub server: Server,
    pub seller: RawLane,
    pub buyer: RawLane,
    /// Tokens to read with.
    pub seller_token: String,
    pub buyer_token: String,
}

impl Pair {
    /// A seller with ten BWT, and a buyer.
    pub async fn meet(server: Server) -> Self {
        let seller = server.register_with(1, 10 * BWT).await;
        let buyer = server.register(2).await;
        let (seller_token, buyer_token) = (server.login(&seller).await, server.login(&buyer).await);
        Self { server, seller, buyer, seller_token, buyer_token }
    }

    /// Lets the two trade one BWT: the seller's order rests, the buyer's takes it.
    pub async fn trade(&mut self) -> DealId {
        self.trade_lots(LOTS).await
    }

    /// The same with this many lots.
    pub async fn trade_lots(&mut self, lots: u64) -> DealId {
        let (ask, _) = self.seller.limit(Side::Sell, PRICE, lots);
        must_place(self.server.submit(&ask).await.read(), "open");
        let (bid, taker) = self.buyer.limit(Side::Buy, PRICE, lots);
        must_place(self.server.submit(&bid).await.read(), "filled");
        let page: DealPage = self.server.get_as(&self.buyer_token, "/v1/deals").await.read();
        let deal = page.deals.iter().find(|deal| deal.taker == taker.to_string()).expect("the deal is open");
        deal.deal.parse().unwrap()
    }

    /// All that the two can see.
    pub async fn state(&self) -> serde_json::Value {
        self.server.state(&[&self.seller_token, &self.buyer_token]).await
    }
}

/// Checks that the block's one order was placed and stands so.
pub fn must_place(reply: BlockReply, status: &str) {
    assert_eq!(reply.operations.len(), 1, "{reply:?}");
    let placed = &reply.operations[0];
    assert_eq!((placed.ok, placed.status.as_deref()), (true, Some(status)), "{reply:?}");
}

/// Checks that the block's one operation was refused so.
pub fn must_refuse(reply: &BlockReply, code: &str) {
    assert_eq!(reply.operations.len(), 1, "{reply:?}");
    let refused = &reply.operations[0];
    assert_eq!((refused.ok, refused.code.as_deref()), (false, Some(code)), "{reply:?}");
    assert!(refused.detail.is_some() && refused.order.is_none(), "{reply:?}");
}

/// Tokens of the account behind a login: balance and locked, as texts.
pub async fn bwt(server: &Server, token: &str) -> (String, String) {
    let balances = server.balances(token).await;
    let bwt = balances.balances.iter().find(|balance| balance.asset == "BWT");
    bwt.map_or(("0".to_owned(), "0".to_owned()), |bwt| (bwt.balance.clone(), bwt.locked.clone()))
}

/// An account that nobody has.
pub const fn nobody() -> AccountId {
    AccountId::new([0xee; 32])
}

/// A generator for tests that want variety and the same each time (Steele, Lea, Flood: SplitMix, 2014).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`.
    pub const fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
