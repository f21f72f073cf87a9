//! Answers that were lost: the same bytes are sent again, and what is said of them must not tempt anybody into a fork.
//! And what is said of operations that are refused or cannot be read.

use crate::story::{LOTS, PRICE, Pair, must_refuse};
use bandex_api::{BlockReply, Problem};
use bandex_exchange::Quota;
use bandex_tests::{MARKET, Server, Setup, place, until};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::{Operation, Transfer};
use bandex_types::{AccountId, Amount, AssetId, Side};
use serde_json::json;

fn outcome(problem: &Problem) -> (&str, Option<&str>) {
    assert!(problem.retryable, "{problem:?}");
    (problem.code.as_str(), problem.outcome.as_deref())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_on_record_is_never_said_to_be_rejected() {
    let mut setup = Setup::default();
    // Three, which do not come back while the test runs.
    setup.edge.rate_limits.account = Quota { quota: 3, window_s: 86_400 };
    let server = Server::start(setup).await;
    let mut lane = server.register(1).await;
    // Whoever has logged in pays for the own blocks with the account, also for those that are on record.
    let token = server.login(&lane).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    let submit = async |signed: &SignedBlock| {
        let body = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
        server.ask(reqwest::Method::POST, "/v1/blocks", Some(&token), Some(body.to_string())).await
    };
    let (first, _) = lane.limit(Side::Buy, PRICE, 1);
    submit(&first).await.read::<BlockReply>();
    // For all that is known that answer was lost: the same bytes are sent again, until there is nothing left to pay with.
    until("the bucket is empty", async || (submit(&first).await.status == 429).then_some(())).await;
    let (second, _) = lane.limit(Side::Buy, PRICE, 1);
    let mut said = async |signed: &SignedBlock| {
        let by_rest = submit(signed).await.must_be(429, "rate_limited");
        assert_eq!(by_rest.block_id, Some(signed.id().to_string()));
        socket.send_block(signed).await;
        let by_socket = socket.reply().await.error.unwrap();
        assert_eq!(outcome(&by_rest), outcome(&by_socket));
        by_rest.outcome.unwrap()
    };
    // The first is on record: whoever took its seq for free would sign a fork.
    assert_eq!(said(&first).await, "unknown");
    assert_eq!(said(&second).await, "rejected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_operation_says_its_numbers() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    // Eleven of ten.
    let (signed, _) = pair.seller.limit(Side::Sell, PRICE, 11 * LOTS);
    let reply: BlockReply = pair.server.submit(&signed).await.read();
    must_refuse(&reply, "insufficient_free");
    let details = reply.operations[0].details.clone().unwrap();
    assert_eq!(details["code"], "insufficient_free", "{details}");
    let numbers =
        details.as_object().unwrap().values().filter(|value| value.is_string() || value.is_number());
    assert!(numbers.count() >= 2, "{details}");
    // The same numbers as if the whole block had been refused for it.
    let (to, amount) = (AccountId::new([0xee; 32]), Amount::new(1));
    let transfer = Transfer { to, asset: AssetId::new(77), amount, note: String::new() };
    let problem = pair.server.submit(&pair.seller.sign(transfer)).await.problem();
    assert_eq!(problem.details.unwrap()["code"], json!(problem.code));
    // What took effect has none.
    let (signed, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&signed).await.read();
    assert_eq!((reply.operations[0].ok, &reply.operations[0].details), (true, &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_not_valid_names_the_operation() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let good = || place(MARKET, Side::Sell, PRICE, LOTS);
    let mut bad = good();
    if let Operation::Place(place) = &mut bad {
        place.client_id = Some(String::new());
    }
    let head = pair.seller.head();
    for (operations, op_index) in [(vec![good(), bad.clone()], Some(1)), (vec![bad], Some(0)), (vec![], None)]
    {
        pair.seller.rewind(head);
        let signed = pair.seller.orders(operations);
        let body = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
        let tried =
            pair.server.ask(reqwest::Method::POST, "/v1/blocks/validate", None, Some(body.to_string()));
        for answer in [pair.server.submit(&signed).await, tried.await] {
            let problem = answer.must_be(400, "bad_body");
            assert_eq!((problem.op_index, problem.outcome.as_deref()), (op_index, Some("rejected")));
        }
    }
}
