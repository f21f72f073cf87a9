//! What limits follow from, and how that is told.

use super::{done, meet};
use crate::story::{BWT, LOTS, PRICE, bwt, must_place, must_refuse, nobody};
use bandex_api::{BlockReply, Market, Markets, Trust};
use bandex_tests::{Setup, settle, units};
use bandex_tradechain::body::{Bond, Fee, Prefer, Unbond};
use bandex_types::{Amount, Side};
use serde_json::json;

/// Tokens as a text.
fn tokens(bytes: u64) -> String {
    bandex_api::AssetScale::new(9).amount(Amount::new(bytes))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bond_raises_the_limit_and_returns_when_its_deals_are_over() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    let seller = pair.seller.account();
    let stranger = pair.server.limits(seller).await;
    assert_eq!((units(&stranger.limit), units(&stranger.parts.dust)), (10_000, 10_000));
    assert!(stranger.raise.contains("post a bond: 50 % of its worth counts"), "{}", stranger.raise);

    let bond = pair.seller.sign(Bond { amount: Amount::new(2 * BWT) });
    done(&pair.server, &bond).await;
    let bonded = pair.server.limits(seller).await;
    assert_eq!(
        (units(&bonded.limit), units(&bonded.parts.bond), units(&bonded.free)),
        (50_000, 40_000, 50_000)
    );
    assert_eq!((bonded.stake.bond.as_str(), bonded.admitted), ("2", true));
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("10".to_owned(), "2".to_owned()));

    // The buyer now lets the seller owe five times as much, so it pays first.
    let id = pair.trade().await;
    let deal = pair.server.deal(&pair.buyer_token, id).await;
    assert_eq!((units(&deal.seller_cap), units(&deal.buyer_cap)), (2_500, 12_500));
    assert_eq!(units(&pair.server.limits(seller).await.reserved), 12_500);
    // Asked back it counts no more at once, and stays at stake as long as the deal is open.
    let unbond = pair.seller.sign(Unbond { amount: Amount::new(2 * BWT) });
    done(&pair.server, &unbond).await;
    let leaving = pair.server.limits(seller).await;
    assert_eq!((units(&leaving.limit), units(&leaving.free)), (10_000, 0));
    assert_eq!((leaving.stake.bond.as_str(), leaving.stake.leaving.as_str()), ("0", "2"));
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    let back = pair.server.limits(seller).await;
    assert_eq!((back.stake.leaving.as_str(), units(&back.free)), ("0", 10_000));
    assert_eq!(bwt(&pair.server, &pair.seller_token).await, ("9".to_owned(), "0".to_owned()));
    let again = pair.seller.sign(Unbond { amount: Amount::new(1) });
    pair.server.submit(&again).await.must_be(422, "insufficient_bond");
    let much = pair.seller.sign(Bond { amount: Amount::new(20 * BWT) });
    pair.server.submit(&much).await.must_be(422, "insufficient_free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_explains_the_limit_as_the_page_does() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    // Each deal takes a quarter of what is free of the buyer's limit, until a quarter is less than the least tranche.
    pair.server.set_limit(pair.seller.account(), 1_000_000).await;
    let mut refused = None;
    for _ in 0..40 {
        let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS / 10);
        must_place(pair.server.submit(&ask).await.read(), "open");
        let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS / 10);
        let reply: BlockReply = pair.server.submit(&bid).await.read();
        if !reply.operations[0].ok {
            refused = Some(reply);
            break;
        }
    }
    let reply = refused.expect("a limit comes to an end");
    must_refuse(&reply, "limit_reached");
    let detail = reply.operations[0].detail.clone().unwrap();
    let limits = pair.server.limits(pair.buyer.account()).await;
    assert!(detail.contains(&limits.why), "{detail} – {}", limits.why);
    assert!(detail.contains(&limits.raise), "{detail} – {}", limits.raise);
    assert!(limits.raise.contains("settle open deals"), "{}", limits.raise);
    let reserved = units(&limits.reserved);
    assert!(detail.contains(&format!("open deals reserve {reserved}")), "{detail}");
    assert_eq!(units(&limits.limit) - reserved, units(&limits.free));
    // What the operator sets explains itself too.
    pair.server.set_limit(pair.buyer.account(), 7).await;
    let set = pair.server.limits(pair.buyer.account()).await;
    assert_eq!((set.parts.operator.as_deref().map(units), units(&set.limit)), (Some(7), 7));
    assert!(set.why.contains("set by the operator") && set.raise.contains("only the operator"), "{set:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trader_bounds_what_one_counterparty_may_owe() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    let prefer = Prefer { largest_exposure: Some(Amount::new(3_000)), least_score: None };
    done(&pair.server, &pair.seller.sign(prefer)).await;
    let stake = pair.server.limits(pair.seller.account()).await.stake;
    assert_eq!(stake.largest_exposure.as_deref().map(units), Some(3_000));
    let first = pair.trade().await;
    let second = pair.trade().await;
    let cap = async |id| units(&pair.server.deal(&pair.seller_token, id).await.seller_cap);
    assert_eq!(
        (cap(first).await, cap(second).await),
        (2_500, 500),
        "a share of the limit, then what is left"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fees_are_taken_out_of_what_is_delivered() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    let fees =
        json!([{ "change": "set_fees", "market": 1, "fees": { "maker_ppm": 1_000, "taker_ppm": 2_000 } }]);
    pair.server.configure(fees).await;
    let shown: Market = pair.server.get("/v1/markets/BWT-BTC").await.read();
    assert_eq!((shown.fees.maker_ppm, shown.fees.taker_ppm), (1_000, 2_000));
    let id = pair.trade().await;
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "0.997", "less three thousandths");
    assert_eq!(bwt(&pair.server, &pair.seller_token).await.0, "9");
    let told = pair.server.deal(&pair.seller_token, id).await.fees.expect("fees were taken");
    assert_eq!((told.maker.as_str(), told.taker.as_str()), ("0.001", "0.002"));
    // Both count for whose tokens they were, as fees that are paid at will do.
    let paid = async |account| pair.server.limits(account).await.stake.fees;
    assert_eq!(paid(pair.seller.account()).await, "0");
    assert_eq!(paid(pair.buyer.account()).await, "0.003");
    done(&pair.server, &pair.seller.sign(Fee { amount: Amount::new(BWT) })).await;
    let seller = pair.server.limits(pair.seller.account()).await;
    assert_eq!((seller.stake.fees, units(&seller.parts.fees)), (tokens(BWT), 20_000));
    assert_eq!(units(&seller.limit), 10_000, "fees alone are worth nothing: there is no score");
    assert!(seller.raise.contains("earn a higher score"), "{}", seller.raise);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_trust_is_made_of_is_published() {
    let pair = meet(Setup::default(), |terms| terms.standing_threshold = -500_000_000).await;
    let accounts = (pair.seller.account(), pair.buyer.account());
    let changes = json!([
        { "change": "set_seed", "account": accounts.0, "seed": true },
        { "change": "set_registrar", "account": accounts.1, "registrar": true },
    ]);
    pair.server.configure(changes).await;
    let trust: Trust = pair.server.get("/v1/trust").await.read();
    assert_eq!((trust.terms.epoch_us, trust.terms.bond_ppm), (0, 500_000));
    assert_eq!(
        (units(&trust.terms.largest_limit), trust.terms.standing_threshold.as_str()),
        (1_000_000, "-0.5")
    );
    assert_eq!((trust.terms.admission.by.as_str(), trust.epoch), ("work", None));
    assert_eq!((trust.seeds, trust.registrars), (vec![accounts.0.to_string()], vec![accounts.1.to_string()]));
    let rate = &trust.rates[0];
    assert_eq!((rate.asset.as_str(), rate.num, rate.den), ("BWT", 1, 25_000));
    let markets: Markets = pair.server.get("/v1/markets").await.read();
    assert_eq!((markets.trust, markets.rates), (trust.terms, trust.rates));
    // All of it is found again after a restart.
    let stakes = pair.server.limits(accounts.0).await.stake;
    assert!(stakes.seed && !stakes.registrar);
    let server = pair.server.restart(|_| {}).await;
    let again: Trust = server.get("/v1/trust").await.read();
    assert_eq!(again.seeds, [accounts.0.to_string()]);
    assert_eq!((again.registrars, again.rates.len()), (vec![accounts.1.to_string()], 1));
    server.get(&format!("/v1/limits/{}", nobody())).await.must_be(404, "not_found");
    server.get("/v1/limits/somebody").await.must_be(400, "bad_request");
}
