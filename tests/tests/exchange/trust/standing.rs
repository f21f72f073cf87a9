//! What the node says of an account's standing, and what its signature is good for.

use crate::story::{BWT, nobody};
use bandex_api::Standing;
use bandex_sdk::{StandingError, check_standing};
use bandex_tests::{RawLane, Server, Setup};
use bandex_tradechain::{Keypair, StandingStatement};
use serde_json::json;

async fn ask(server: &Server, lane: &RawLane) -> Standing {
    server.get(&format!("/v1/standing/{}", lane.account())).await.read()
}

fn check(server: &Server, standing: &Standing) -> Result<StandingStatement, StandingError> {
    check_standing(standing, &server.node(), server.network())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_reached_the_threshold_is_served_and_the_node_signs_it() {
    let server = Server::start(Setup::default()).await;
    let threshold = i64::try_from(BWT).unwrap();
    server.set_trust(|terms| terms.standing_threshold = threshold).await;
    let mut anna = server.register(1).await;
    let bert = server.register(2).await;
    let poor = check(&server, &ask(&server, &anna).await).unwrap();
    assert_eq!((poor.account, poor.balance, poor.threshold), (anna.account(), 0, threshold));
    assert_eq!((poor.served, poor.cure.get()), (false, BWT));
    server.issue(anna.account(), BWT + 5).await;
    let told = ask(&server, &anna).await;
    let rich = check(&server, &told).unwrap();
    assert_eq!((rich.balance, rich.served, rich.cure.get()), (i128::from(BWT) + 5, true, 0));
    assert!(rich.seq > poor.seq && rich.time >= poor.time);
    let transfer = anna.transfer(bert.account(), 10);
    server.submit(&transfer).await.read::<bandex_api::BlockReply>();
    let spent = check(&server, &ask(&server, &anna).await).unwrap();
    assert_eq!((spent.served, spent.cure.get()), (false, 5));
    // Tokens do not thaw anybody.
    let freeze = json!([{ "change": "set_frozen", "account": anna.account(), "frozen": true }]);
    server.configure(freeze).await;
    server.issue(anna.account(), BWT).await;
    let frozen = check(&server, &ask(&server, &anna).await).unwrap();
    assert_eq!((frozen.balance > i128::from(BWT), frozen.served, frozen.cure.get()), (true, false, 0));
    server.get(&format!("/v1/standing/{}", nobody())).await.must_be(404, "not_found");
    // What was once said stays said, and is true of the record that it names.
    assert!(check(&server, &told).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_standing_is_refused_without_asking_anybody() {
    let server = Server::start(Setup::default()).await;
    server.set_trust(|terms| terms.standing_threshold = 5).await;
    let anna = server.register(1).await;
    let told = ask(&server, &anna).await;
    let said = check(&server, &told).unwrap();
    assert!(!said.served);
    let altered = Standing { served: true, ..told.clone() };
    assert_eq!(check(&server, &altered), Err(StandingError::Altered("served")));
    let own = Keypair::from_seed(&[1; 32]);
    let better = StandingStatement { served: true, ..said };
    let forged = Standing {
        served: true,
        payload: hex::encode(better.encode()),
        signature: better.sign(&own).to_string(),
        ..told.clone()
    };
    assert!(matches!(check(&server, &forged), Err(StandingError::Signature(_))));
    let elsewhere = check_standing(&told, &server.node(), server.network() + 1);
    assert!(matches!(elsewhere, Err(StandingError::OtherNetwork(_))));
    assert!(check_standing(&told, &own.public(), server.network()).is_err());
}
