//! Who is let in: by a certificate, by fees; and what each is given once.

use super::{done, meet, rate};
use crate::story::{BWT, LOTS, PRICE, bwt, must_place, must_refuse};
use bandex_api::{BlockReply, OrderPage};
use bandex_tests::{Server, Setup, settle, units};
use bandex_tradechain::body::{Admission, Certify, Decertify, Fee};
use bandex_types::{Amount, Side};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_certificates_admit_others_may_settle_and_not_order() {
    let mut pair = meet(Setup::default(), |_| {}).await;
    let id = pair.trade().await;
    let (bid, resting) = pair.buyer.limit(Side::Buy, PRICE - 1_000, LOTS);
    must_place(pair.server.submit(&bid).await.read(), "open");
    let mut registrar = pair.server.register(3).await;
    let change = json!([{ "change": "set_registrar", "account": registrar.account(), "registrar": true }]);
    pair.server.configure(change).await;
    let (seller, buyer) = (pair.seller.account(), pair.buyer.account());
    done(&pair.server, &registrar.sign(Certify { account: seller, expires: None })).await;
    pair.server.set_trust(|terms| terms.admission = Admission::Certificate).await;
    // Whoever has no certificate loses what it had on the books.
    let orders: OrderPage = pair.server.get_as(&pair.buyer_token, "/v1/orders?state=all").await.read();
    let order = orders.orders.iter().find(|order| order.order == resting.to_string()).unwrap();
    assert_eq!((order.status.as_str(), order.reason.as_deref()), ("cancelled", Some("not_admitted")));
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&bid).await.read();
    must_refuse(&reply, "not_admitted");
    assert!(reply.operations[0].detail.as_ref().unwrap().contains("registrar"), "{reply:?}");
    let limits = pair.server.limits(buyer).await;
    assert_eq!((limits.admitted, units(&limits.limit)), (false, 0));
    assert!(limits.raise.contains("have a registrar certify the account"), "{}", limits.raise);
    let certified = pair.server.limits(seller).await;
    assert_eq!((certified.admitted, units(&certified.limit)), (true, 10_000));
    let certificate = certified.stake.certificate.unwrap();
    assert_eq!((certificate.by, certificate.expires_us), (registrar.account().to_string(), None));
    // It settles all the same.
    settle(&pair.server, &mut pair.seller, &mut pair.buyer, id).await;
    // Certified, it orders; taken back, it loses its orders again.
    let stranger = pair.buyer.sign(Certify { account: buyer, expires: None });
    pair.server.submit(&stranger).await.must_be(422, "not_registrar");
    done(&pair.server, &registrar.sign(Certify { account: buyer, expires: None })).await;
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    must_place(pair.server.submit(&bid).await.read(), "open");
    done(&pair.server, &registrar.sign(Decertify { account: buyer })).await;
    assert!(pair.server.book().await.bids.is_empty());
    assert!(!pair.server.limits(buyer).await.admitted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_fees_admit_they_must_be_paid_in_full() {
    let fee = BWT / 2;
    let admission = Admission::Fee { amount: Amount::new(fee) };
    let mut pair = meet(Setup::default(), |terms| terms.admission = admission).await;
    let pay = |amount| Fee { amount: Amount::new(amount) };
    done(&pair.server, &pair.seller.sign(pay(fee / 2))).await;
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&ask).await.read();
    must_refuse(&reply, "not_admitted");
    assert!(reply.operations[0].detail.as_ref().unwrap().contains(&(fee / 2).to_string()), "{reply:?}");
    done(&pair.server, &pair.seller.sign(pay(fee / 2))).await;
    let limits = pair.server.limits(pair.seller.account()).await;
    assert_eq!((limits.admitted, limits.stake.fees.as_str(), units(&limits.limit)), (true, "0.5", 10_000));
    assert_eq!(bwt(&pair.server, &pair.seller_token).await.0, "9.5");
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    assert!(!pair.server.limits(pair.buyer.account()).await.admitted);
    pair.server.submit(&pair.buyer.sign(pay(1))).await.must_be(422, "insufficient_free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_grant_is_given_once_against_work() {
    let server = Server::start(Setup::default()).await;
    rate(&server).await;
    let mut anna = server.register(1).await;
    let token = server.login(&anna).await;
    let none = anna.claim(0);
    server.submit(&none).await.must_be(422, "no_grant");
    server.set_trust(|terms| (terms.first_grant, terms.grant_work_bits) = (Amount::new(BWT / 4), 12)).await;
    // A block with no more than eleven bits does not do.
    let lazy = loop {
        let before = anna.head();
        let claim = anna.claim(0);
        if bandex_tradechain::body::leading_zero_bits(&claim.id()) < 12 {
            break claim;
        }
        anna.rewind(before);
    };
    server.submit(&lazy).await.must_be(422, "too_little_work");
    done(&server, &anna.claim(12)).await;
    assert_eq!(bwt(&server, &token).await.0, "0.25");
    assert!(server.limits(anna.account()).await.stake.granted);
    server.submit(&anna.claim(12)).await.must_be(422, "already_claimed");
    assert_eq!(bwt(&server, &token).await.0, "0.25");
}
