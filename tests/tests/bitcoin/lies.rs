//! An exchange that lies to the payer's agent: not a satoshi moves.

use bandex_agent::Event;
use bandex_api::{Deal, Evidence};
use bandex_sdk::signed_to_wire;
use bandex_tests::on_chain::{CAP, Forger, Liar, LyingEvidence, Terms, WalletTerms, World};
use bandex_tradechain::body::Receive;
use bandex_tradechain::{Block, Command, Decoded, Keypair, deal_id};
use bandex_types::OrderRef;
use std::sync::Arc;

type Told = Box<dyn Fn(&mut Deal) + Send>;
type Proven = Box<dyn Fn(&mut Evidence) + Send + Sync>;

struct Lie {
    name: &'static str,
    told: Told,
    proven: Proven,
    /// What the agent says of it.
    answer: &'static str,
}

fn lie(
    name: &'static str,
    answer: &'static str,
    told: impl Fn(&mut Deal) + Send + 'static,
    proven: impl Fn(&mut Evidence) + Send + Sync + 'static,
) -> Lie {
    Lie { name, told: Box::new(told), proven: Box::new(proven), answer }
}

fn tell(name: &'static str, answer: &'static str, told: impl Fn(&mut Deal) + Send + 'static) -> Lie {
    lie(name, answer, told, |_| {})
}

fn prove(
    name: &'static str,
    answer: &'static str,
    proven: impl Fn(&mut Evidence) + Send + Sync + 'static,
) -> Lie {
    lie(name, answer, |_| {}, proven)
}

/// Bitcoin of satoshi.
fn btc(satoshi: u64) -> String {
    bandex_api::AssetScale::new(11).amount(bandex_types::Amount::new(satoshi * 1_000))
}

fn ask(deal: &mut Deal, satoshi: u64) {
    let (chain, due) = (deal.chain.as_mut().unwrap(), deal.due.as_mut().unwrap());
    (chain.demand, chain.demand_satoshi) = (btc(satoshi), satoshi);
    (due.cumulative, due.cumulative_units) = (btc(satoshi), (satoshi * 1_000).to_string());
    due.amount = btc(satoshi);
}

fn pay_to(deal: &mut Deal, script: &[u8], block: &str) {
    let payee = deal.payee.as_mut().unwrap();
    (payee.script, payee.block_id) = (hex::encode(script), block.to_owned());
}

fn about_sums() -> Vec<Lie> {
    vec![
        tell("a demand beyond the cap", "more is asked for than the buyer's cap allows", |deal| {
            ask(deal, 26_000);
        }),
        tell("a demand beyond the total", "more is asked for than was agreed", |deal| ask(deal, 100_001)),
        tell("a cap beyond the order's", "the order allows 25000000", |deal| {
            deal.buyer_cap = btc(60_000);
            ask(deal, 60_000);
        }),
        tell("another price", "the order does not allow", |deal| deal.quote_total = btc(60_001)),
        tell("fewer tokens", "the order does not allow", |deal| deal.base_total = "0.059999".to_owned()),
        tell("more due than is asked for", "what is due is not what is asked for", |deal| {
            let due = deal.due.as_mut().unwrap();
            due.amount = btc(25_001);
        }),
        tell("tokens that were not delivered", "smallest units of base were sent", |deal| {
            deal.base_sent_value = btc(1_000);
        }),
    ]
}

fn about_orders() -> Vec<Lie> {
    fn change(deal: &mut Deal, change: impl Fn(&mut OrderRef)) {
        let mut taker: OrderRef = deal.taker.parse().unwrap();
        change(&mut taker);
        deal.taker = taker.to_string();
        deal.deal = deal_id(&taker, &deal.maker.parse().unwrap()).to_string();
    }
    vec![
        tell("an order that was never signed", "was never signed here", |deal| {
            change(deal, |order| order.seq += 100);
        }),
        tell("an order of another key", "was never signed here", |deal| {
            change(deal, |order| order.key = Keypair::from_seed(&[99; 32]).public());
        }),
        tell("another deal between these orders", "has another id", |deal| {
            deal.deal = "ab".repeat(32);
        }),
    ]
}

/// Lies about where to pay. The exchange would sign anything, and knows a script of its own.
async fn about_scripts(world: &World, real: &Evidence, other: &Evidence) -> Vec<Lie> {
    let evil: Vec<u8> = [&[0, 20][..], &[7; 20][..]].concat();
    let (mallory, forger) = (Keypair::from_seed(&[99; 32]), Forger::of(&world.venue));
    let receive = real.receive.clone().unwrap();
    let decoded = Decoded::from_bytes(&hex::decode(&receive.command).unwrap()).unwrap();
    let Command::Block(signed) = decoded.command() else { panic!("{receive:?}") };
    let block = Block::decode(&signed.payload).unwrap();
    let deal = real.deal.deal.parse().unwrap();
    let body = Receive { deal, script: evil.clone() };
    let by_mallory = Block { author: mallory.public(), body: body.clone().into(), ..block.clone() };
    let (by_mallory, mallorys) = forger.prove(&receive, by_mallory, &mallory);
    let in_its_name = Block { body: body.into(), ..block };
    let (in_its_name, names) = forger.prove(&receive, in_its_name, &mallory);
    // The payee's own word, taken in by a node that is not this exchange.
    let stranger = Forger::alone(mallory.clone(), world.venue.network());
    let (elsewhere, elsewheres) = stranger.prove_signed(&receive, signed.clone(), signed.id());
    let script = hex::decode(&real.deal.payee.as_ref().unwrap().script).unwrap();
    let others = other.deal.payee.clone().unwrap();
    let (to_others, others_receive, all_of_other) =
        (hex::decode(&others.script).unwrap(), other.receive.clone(), other.clone());
    let changed = {
        let mut changed = receive.clone();
        let mut signed = signed.clone();
        let last = signed.payload.len() - 1;
        signed.payload[last] ^= 1;
        let _ = signed_to_wire(&signed);
        changed.command = hex::encode(Command::Block(signed).encode());
        changed
    };
    let to = |script: Vec<u8>, block: String| move |deal: &mut Deal| pay_to(deal, &script, &block);
    vec![
        tell(
            "another script",
            "the payee's script says something else",
            to(evil.clone(), receive.block_id.clone().unwrap()),
        ),
        prove("no word of the payee's", "is missing", |evidence| evidence.receive = None),
        prove("a word with a bit changed", "the payee's script is not proven", move |evidence| {
            evidence.receive = Some(changed.clone());
        }),
        lie(
            "a script that somebody else signed",
            "nothing shows that key",
            to(evil.clone(), mallorys.to_string()),
            move |evidence| evidence.receive = Some(by_mallory.clone()),
        ),
        lie(
            "a script signed in the payee's name",
            "the payee's script is not proven",
            to(evil, names.to_string()),
            move |evidence| evidence.receive = Some(in_its_name.clone()),
        ),
        lie(
            "a word that another node took in",
            "the payee's script is not proven",
            to(script, elsewheres.to_string()),
            move |evidence| evidence.receive = Some(elsewhere.clone()),
        ),
        lie(
            "the script of another deal",
            "the payee's script says something else",
            to(to_others, others.block_id),
            move |evidence| evidence.receive = others_receive.clone(),
        ),
        prove("the evidence of another deal", "says something else", move |evidence| {
            *evidence = all_of_other.clone();
        }),
    ]
}

/// What the agent says instead of paying.
async fn answer(world: &World) -> String {
    let event = world.buyer.tells("an answer", |event| !matches!(event, Event::Closed { .. })).await;
    match event {
        Event::Disagreement { what, .. } => what.to_string(),
        Event::Failed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_lies_is_paid_nothing() {
    let world = World::meet(Terms::default(), WalletTerms::default()).await;
    world.seller.attend(&world.venue, None).await;
    let (made, other) = (world.trade_within(60_000, Some(CAP)).await, world.trade(37_500).await);
    world.script(made).await;
    world.script(other).await;
    let evidence =
        async |made: bandex_tests::on_chain::Made| world.buyer.rest().evidence(made.id).await.unwrap();
    let (real, others) = (evidence(made).await, evidence(other).await);
    let mut lies = about_sums();
    lies.extend(about_orders());
    lies.extend(about_scripts(&world, &real, &others).await);
    for Lie { name, told, proven, answer: expected } in lies {
        let id = made.id.to_string();
        let source = Liar::new(world.buyer.source().await, move |deal: &mut Deal| {
            let is_told = deal.deal == id;
            if is_told {
                told(deal);
            }
            is_told
        });
        let evidence = LyingEvidence::new(world.buyer.rest_again(&world.venue).await, proven);
        world.buyer.attend_with(&world.venue, source, Arc::new(evidence), None);
        let found = answer(&world).await;
        assert!(found.contains(expected), "{name}: {found}");
        world.buyer.vanish().await;
        world.buyer.forget();
        assert_eq!(world.buyer.history().await.payments, [], "{name}");
        assert!(world.chain.waiting().await.is_empty(), "{name}");
    }
    assert_eq!(world.buyer.gained().await, 0);
    // Told the truth, the same agent pays.
    world.buyer.attend(&world.venue, None).await;
    for made in [made, other] {
        world.mine_until("the deals to settle", made, |deal| deal.state == "settled").await;
    }
    world.must_have(&[(made, 60_000, 60_000), (other, 37_500, 37_500)]).await;
    world.end().await;
}
