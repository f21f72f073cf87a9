//! Deals paid on the Bitcoin chain, with a real node beside the server; and what the API says while there is none.

use crate::story::{BWT, must_place, must_refuse};
use bandex_api::{Bitcoin, BlockReply, Deal, DealPage, DealPayment, DealPayments, Evidence, Market, Push};
use bandex_sdk::receipt_from_wire;
use bandex_tests::{Miner, RawLane, Server, Setup, Socket, amount, database, place, soon, until};
use bandex_tradechain::body::{AssetListing, Change, MarketListing, Orders, PaymentTerms, Receive};
use bandex_tradechain::{Body, Command, Decoded, Record};
use bandex_types::{AssetId, DealId, MarketId, Rail, Ratio, Side};
use serde_json::{Value, to_value};

const XBT: AssetId = AssetId::new(7);
const MARKET: MarketId = MarketId::new(7);
/// A millisatoshi for each lot of 1 kB and tick: 100,000 satoshi for one BWT.
const PRICE: u64 = 100;
const LOTS: u64 = 1_000_000;
const TOTAL: u64 = 100_000;
/// How much of it the buyer is asked for at a time, of a seller whose limit is four times that.
const STEP: u64 = 50_000;

/// The decisions that a market on the chain needs.
fn changes(setup: &Setup) -> Vec<Change> {
    let listing = MarketListing {
        id: MARKET,
        base: AssetId::BWT,
        quote: XBT,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 1).unwrap(),
        least_tranche: amount(1),
        pay_us: setup.pay_us,
        acknowledge_us: setup.acknowledge_us,
    };
    let terms = PaymentTerms { confirmations: 2, final_confirmations: 3, ..PaymentTerms::default() };
    vec![
        Change::SetBitcoin(Miner::terms()),
        Change::ListAsset(AssetListing {
            id: XBT,
            symbol: "XBT".to_owned(),
            decimals: 11,
            rail: Rail::Bitcoin,
        }),
        Change::ListMarket(listing),
        Change::SetPayments { market: MARKET, terms },
    ]
}

async fn bitcoin(server: &Server) -> Bitcoin {
    server.get("/v1/bitcoin").await.read()
}

async fn until_state(server: &Server, state: &str) -> Bitcoin {
    until(state, async || Some(bitcoin(server).await).filter(|told| told.node.state == state)).await
}

/// Waits until the server knows all that the node has.
async fn until_level(server: &Server, miner: &Miner) {
    let (height, hash) = miner.tip().await;
    let tip = (Some(height), Some(hash));
    until("all blocks are known", async || {
        let told = bitcoin(server).await;
        (told.node.state == "ready" && (told.height, told.tip) == tip).then_some(())
    })
    .await;
}

/// An exchange on a node's chain, a seller who may owe some, and a buyer whom nobody knows.
struct OnChain {
    miner: Miner,
    server: Server,
    seller: RawLane,
    buyer: RawLane,
    token: String,
}

impl OnChain {
    async fn begin() -> Self {
        let miner = Miner::start().await;
        // Bids may come to a thousand times the limit.
        let setup = Setup { dust: 200_000, bitcoin: Some(miner.followed()), ..Setup::default() };
        let server = Server::start(setup.clone()).await;
        assert_eq!(bitcoin(&server).await.node.state, "not_set");
        server.configure(to_value(changes(&setup)).unwrap()).await;
        until_level(&server, &miner).await;
        let seller = server.register_with(1, 10 * BWT).await;
        server.set_limit(seller.account(), 4 * STEP * 1_000).await;
        let buyer = server.register(2).await;
        let token = server.login(&buyer).await;
        Self { miner, server, seller, buyer, token }
    }

    async fn trade(&mut self) -> DealId {
        let order = |side| Orders { operations: vec![place(MARKET, side, PRICE, LOTS)] };
        let ask = self.seller.sign(order(Side::Sell));
        must_place(self.server.submit(&ask).await.read(), "open");
        let bid = self.buyer.sign(order(Side::Buy));
        must_place(self.server.submit(&bid).await.read(), "filled");
        let page: DealPage = self.server.get_as(&self.token, "/v1/deals").await.read();
        page.deals[0].deal.parse().unwrap()
    }

    async fn deal(&self, deal: DealId) -> Deal {
        self.server.deal(&self.token, deal).await
    }

    async fn name(&mut self, deal: DealId, script: &[u8]) {
        let named = self.seller.sign(Receive { deal, script: script.to_vec() });
        self.server.submit(&named).await.read::<BlockReply>();
    }

    async fn payments(&self, deal: DealId) -> Vec<DealPayment> {
        let path = format!("/v1/deals/{deal}/payments");
        self.server.get_as(&self.token, &path).await.read::<DealPayments>().payments
    }

    async fn mine(&self, blocks: u32) {
        self.miner.mine(blocks).await;
        until_level(&self.server, &self.miner).await;
    }

    async fn until(&self, what: &str, deal: DealId, holds: impl Fn(&Deal) -> bool) -> Deal {
        until(what, async || Some(self.deal(deal).await).filter(&holds)).await
    }

    /// Pays what is asked for, as often as it is, and mines until nothing more is.
    async fn pay_to_the_end(&mut self, deal: DealId) {
        loop {
            let told = self.deal(deal).await;
            match &told.due {
                _ if told.state == "settled" => return,
                Some(due) => {
                    let script = hex::decode(told.payee.unwrap().script).unwrap();
                    let units: u64 = due.cumulative_units.parse().unwrap();
                    let paid: u64 = self.payments(deal).await.iter().map(|payment| payment.satoshi).sum();
                    self.miner.pay(&script, units.div_ceil(1_000) - paid).await;
                    self.mine(1).await;
                    self.until("the payment is seen", deal, |told| told.due.is_none()).await;
                }
                None => {
                    let before = told.seq;
                    self.mine(1).await;
                    self.until("it is counted", deal, |told| told.seq > before).await;
                }
            }
        }
    }
}

fn script(number: u8) -> Vec<u8> {
    [&[0, 20][..], &[number; 20]].concat()
}

/// An amount of the quote, in satoshi.
fn satoshi(text: &str) -> u64 {
    bandex_api::AssetScale::new(11).parse(text).unwrap().get() / 1_000
}

/// The statuses of payments that the channel tells, until the deal has ended.
async fn told_statuses(deals: &mut Socket) -> Vec<(String, String)> {
    let mut told = Vec::new();
    loop {
        let Push { data, .. } = soon("news of the deal", deals.push()).await;
        for deal in serde_json::from_value::<Vec<Deal>>(data).unwrap() {
            told.extend(deal.payments.into_iter().map(|payment| (payment.txid, payment.status)));
            if deal.state == "settled" {
                return told;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_follow_what_is_paid_on_the_chain() {
    let mut world = OnChain::begin().await;
    let market: Market = world.server.get("/v1/markets/BWT-XBT").await.read();
    let asked = market.payments.unwrap();
    assert_eq!((asked.confirmations, asked.final_confirmations, asked.fee_share_ppm), (2, 3, 20_000));
    let id = world.trade().await;
    let opened = world.deal(id).await;
    let due = opened.due.unwrap();
    assert_eq!((due.party.as_str(), due.tranche, due.cumulative_units.as_str()), ("seller", 0, "0"));
    let chain = opened.chain.unwrap();
    assert_eq!((chain.number, chain.demand_satoshi, chain.confirmations), (0, 0, 2));
    assert_eq!((opened.payee, opened.quote_rail.as_str()), (None, "bitcoin"));

    let mut deals = world.server.socket().await;
    deals.login(&world.server, &world.buyer).await;
    deals.subscribe("deals", None).await;
    world.name(id, &script(5)).await;
    let named = world.deal(id).await;
    let payee = named.payee.clone().unwrap();
    assert_eq!(payee.script, hex::encode(script(5)));
    assert!(payee.address.starts_with("bcrt1q"), "{payee:?}");
    let (height, _) = world.miner.tip().await;
    assert_eq!((payee.height, bitcoin(&world.server).await.scripts), (height, 1));
    let due = named.due.unwrap();
    assert_eq!((due.party.as_str(), due.tranche, satoshi(&due.amount)), ("buyer", 1, STEP));
    assert_eq!(named.chain.unwrap().demand_satoshi, STEP);

    // Half of it waits, then all of it in two blocks one above the other.
    let first = world.miner.pay(&script(5), STEP - 20_000).await;
    world.mine(1).await;
    let seen =
        world.until("it is seen", id, |deal| satoshi(&deal.chain.as_ref().unwrap().included) > 0).await;
    assert_eq!(satoshi(&seen.due.unwrap().amount), 20_000, "what was underpaid is still due");
    let second = world.miner.pay(&script(5), 20_000).await;
    world.mine(1).await;
    let waits = world.until("nothing is due", id, |deal| deal.due.is_none()).await;
    let chain = waits.chain.unwrap();
    assert_eq!((satoshi(&chain.included), satoshi(&chain.paid), satoshi(&chain.buried)), (STEP, 30_000, 0));
    let statuses: Vec<_> =
        world.payments(id).await.into_iter().map(|payment| (payment.txid, payment.status)).collect();
    let expected = [(first.clone(), "paid".to_owned()), (second, "included".to_owned())];
    assert_eq!(statuses, expected);
    world.pay_to_the_end(id).await;

    let settled = world.deal(id).await;
    assert_eq!((settled.base_sent.as_str(), satoshi(&settled.quote_sent)), ("1", TOTAL));
    let payments = world.payments(id).await;
    assert_eq!(payments.iter().map(|payment| payment.satoshi).sum::<u64>(), TOTAL);
    assert!(payments.iter().all(|payment| payment.status == "final" && !payment.late), "{payments:?}");
    assert_eq!(bitcoin(&world.server).await.scripts, 0, "nothing more is waited for");
    let told = told_statuses(&mut deals).await;
    let of_first: Vec<&str> =
        told.iter().filter(|(txid, _)| *txid == first).map(|(_, status)| status.as_str()).collect();
    assert_eq!(of_first, ["included", "paid", "final"]);
    check_evidence(&world, id, payments.len()).await;
}

/// A payer needs nobody's word for whose script it pays.
async fn check_evidence(world: &OnChain, id: DealId, payments: usize) {
    let path = format!("/v1/deals/{id}/evidence");
    let evidence: Evidence = world.server.get_as(&world.token, &path).await.read();
    let receive = evidence.receive.unwrap();
    let command = Decoded::from_bytes(&hex::decode(&receive.command).unwrap()).unwrap();
    let (block, _) = command.block().unwrap();
    assert_eq!(block.body, Body::Receive(Receive { deal: id, script: script(5) }));
    let own: Vec<_> = evidence
        .keys
        .iter()
        .filter(|key| {
            let author = key.block.as_ref().and_then(|block| block.get("author")).and_then(Value::as_str);
            author == Some(block.author.to_string().as_str())
        })
        .collect();
    let [register] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(register.block_id.as_deref(), Some(evidence.deal.seller.as_str()));
    assert_eq!((evidence.keys.len(), evidence.chain_payments.len()), (2, payments));
    for record in evidence.keys.iter().chain(&evidence.chain_payments).chain([&receive]) {
        let receipt = receipt_from_wire(&record.receipt).unwrap();
        receipt.check(&world.server.node(), world.server.network()).unwrap();
    }
    for payment in &evidence.chain_payments {
        let command = Decoded::from_bytes(&hex::decode(&payment.command).unwrap()).unwrap();
        assert!(matches!(command.command(), Command::Payment(_)), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paid_while_the_node_was_away_is_made_up_for() {
    let mut world = OnChain::begin().await;
    let id = world.trade().await;
    world.name(id, &script(6)).await;
    world.miner.pay(&script(6), STEP).await;
    world.mine(1).await;
    world.until("it is seen", id, |deal| deal.due.is_none()).await;
    world.miner.stop();
    let told = until_state(&world.server, "unreachable").await;
    assert!(told.node.since_us.is_some() && told.height.is_some(), "{told:?}");
    let ready = world.server.get("/readyz").await;
    let text = ready.body.as_str().unwrap_or_default();
    assert_eq!(ready.status, 200);
    assert!(text.starts_with("ready\nbitcoin: unreachable since "), "{text:?}");
    // Trading goes on, and the exchange itself may be started anew meanwhile.
    let (ask, _) = world.seller.limit(Side::Sell, 7_831_800, 1_000_000);
    must_place(world.server.submit(&ask).await.read(), "open");
    world.server = world.server.restart(|_| {}).await;
    world.token = world.server.login(&world.buyer).await;
    until_state(&world.server, "unreachable").await;
    world.miner.start_again();
    until_level(&world.server, &world.miner).await;
    world.mine(2).await;
    let more = world.until("it is final", id, |deal| deal.due.is_some()).await;
    assert_eq!(satoshi(&more.base_sent_value), STEP);
    // A payment that a reorganisation takes out is due again, and counts when it is back.
    world.miner.pay(&script(6), STEP).await;
    let [block] = world.miner.mine(1).await.try_into().unwrap();
    world.until("it is seen", id, |deal| deal.due.is_none()).await;
    world.miner.replace(&block, 2).await;
    let gone = world.until("it is gone", id, |deal| deal.due.is_some()).await;
    assert_eq!(gone.due.unwrap().tranche, 2);
    assert_eq!(world.payments(id).await[1].status, "reversed");
    world.mine(1).await;
    world.until("it is back", id, |deal| deal.due.is_none()).await;
    world.pay_to_the_end(id).await;
    assert_eq!(world.payments(id).await.len(), 2);
    // What was proven once was not told again, but where it lay in another block.
    let folder = world.server.stop().await;
    let records = database::journal(folder.path()).await.records(1, 10_000).await.unwrap();
    let is_payment = |record: &&Record| {
        let command = Decoded::from_bytes(&record.command).unwrap();
        matches!(command.command(), Command::Payment(_))
    };
    assert_eq!(records.iter().filter(is_payment).count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_network_is_not_believed() {
    let (_node, follow) = Miner::foreign("signet");
    let setup = Setup { bitcoin: Some(follow), ..Setup::default() };
    let server = Server::start(setup.clone()).await;
    server.configure(to_value(changes(&setup)).unwrap()).await;
    let told = until_state(&server, "wrong_network").await;
    assert!(told.node.detail.contains("signet") && told.node.detail.contains("regtest"), "{told:?}");
    assert_eq!((told.height, told.network.as_deref()), (Some(0), Some("regtest")));
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fees_raise_the_smallest_payment() {
    let mut world = OnChain::begin().await;
    world.miner.set_fees("0.0002").await;
    // 20 satoshi for each of 154 virtual bytes are 3,080 satoshi: 2 % of 154,000, which is more than one BWT costs.
    until("the fees are known", async || {
        (bitcoin(&world.server).await.fee_rate == Some(20_000)).then_some(())
    })
    .await;
    let market: Market = world.server.get("/v1/markets/BWT-XBT").await.read();
    assert_eq!(satoshi(&market.payments.unwrap().least_payment), 154_000);
    let ask = world.seller.sign(Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] });
    must_refuse(&world.server.submit(&ask).await.read(), "below_tranche");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_node_the_api_says_so() {
    let setup = Setup::default();
    let server = Server::start(setup.clone()).await;
    let told = bitcoin(&server).await;
    assert_eq!((told.node.state.as_str(), told.network, told.height), ("none", None, None));
    assert_eq!(server.get("/readyz").await.body.as_str(), Some("ready\n"));
    server.configure(to_value(changes(&setup)).unwrap()).await;
    let told = bitcoin(&server).await;
    let genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
    assert_eq!((told.height, told.tip.as_deref(), told.start_height), (Some(0), Some(genesis), Some(0)));
    assert_eq!((told.node.state.as_str(), told.scripts, told.fee_rate), ("none", 0, None));
    // Another start shows the same.
    let server = server.restart(|_| {}).await;
    let again = bitcoin(&server).await;
    assert_eq!((again.tip.as_deref(), again.network.as_deref()), (Some(genesis), Some("regtest")));
    let market: Market = server.get("/v1/markets/BWT-XBT").await.read();
    assert_eq!(market.payments.map(|asked| asked.least_payment), Some("0.000077".to_owned()));
    let other: Market = server.get("/v1/markets/BWT-BTC").await.read();
    assert_eq!(other.payments, None);
    // A stranger's limit lets nobody pay ahead what a payment has to be.
    let mut stranger = server.register_with(1, 10 * BWT).await;
    let ask = stranger.sign(Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] });
    must_refuse(&server.submit(&ask).await.read(), "below_tranche");
    let wrong = stranger.sign(Receive { deal: DealId::new([1; 32]), script: script(1) });
    server.submit(&wrong).await.must_be(422, "unknown_deal");
}
