//! Exchanges that keep their journal in order but not the rules.

use super::forge::{Forge, ONE, PAY_US, PRICE, convicted, convicted_by, judge};
use crate::audit::claims::NamedReceipt;
use crate::audit::verdict::{Check, Deals};
use crate::audit::{Claims, Verdict};
use crate::replay::lane::test_key;
use bandex_engine::{CommandResult, Event, OperationResult, Outcome, Refusal, Trade};
use bandex_tradechain::body::{Batch, Transfer};
use bandex_tradechain::{Block, Body, Command};
use bandex_types::{Amount, AssetId, Hash, OrderRef, Price, Side, Timestamp};

#[tokio::test]
async fn an_honest_journal_passes_and_is_counted() {
    let forge = Forge::with_all();
    let Verdict::Pass(report) = judge(&forge.rows, &Claims::default()).await else { panic!() };
    let records = forge.rows.records.len() as u64;
    assert_eq!((report.records, report.batches), (records, forge.rows.batches.len() as u64));
    // All but the genesis, the tick, the fork and two upgrades are blocks.
    assert_eq!((report.blocks, report.forks, report.trades), (records - 5, 1, 3));
    assert_eq!(report.signatures, report.blocks + 2 + report.batches);
    let expected = Deals { open: 1, defaulted: 1, settled: 1, ..Deals::default() };
    assert_eq!(report.deals, expected);
    let head = report.head.unwrap();
    assert_eq!((head.seq, head.hash), (records, forge.rows.records.last().unwrap().hash()));
    assert_eq!(report.state_digest, Some(forge.engine.digest()));
    assert_eq!(report.genesis.unwrap().node, forge.genesis.node);
}

fn trade(outcome: &mut Outcome) -> &mut Trade {
    outcome
        .events
        .iter_mut()
        .find_map(|event| match event {
            Event::Trade(trade) => Some(trade),
            _ => None,
        })
        .unwrap()
}

/// A bid for one BWT meets two asks at its price; the exchange records `change`d results. Whoever holds the receipt
/// also learns which lie it is.
async fn check(lie: &str, change: impl FnOnce(&mut Outcome, [OrderRef; 2])) {
    let (mut forge, asks) = Forge::with_asks();
    let (_, command) = forge.place(2, Side::Buy, PRICE, ONE);
    let mut due = None;
    let seq = forge.lie(command, |outcome| {
        due = Some(outcome.clone());
        change(outcome, asks);
        assert_ne!(due.as_ref(), Some(&*outcome), "{lie}: nothing was changed");
    });
    // The exchange goes on as if nothing had happened.
    forge.push(Command::Tick);
    forge.commit();
    forge.push(Command::Tick);
    forge.commit();

    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Digest), "{lie}");
    assert!(conviction.why.contains("recorded another outcome"), "{lie}: {}", conviction.why);
    assert_eq!(conviction.expected, serde_json::to_value(due).ok(), "{lie}: the outcome that the rules give");

    let receipts = vec![NamedReceipt { name: "mine".to_owned(), receipt: forge.receipt(seq) }];
    let claims = Claims { receipts, ..Claims::default() };
    let conviction = convicted_by(&forge.rows, &claims).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Digest), "{lie}");
    assert!(conviction.why.contains(lie), "{lie}: {}", conviction.why);
    assert!(conviction.found.is_some() && conviction.found != conviction.expected, "{lie}");
}

#[tokio::test]
async fn matches_that_are_not_due_are_convicted() {
    check("has priority", |outcome, [_, younger]| trade(outcome).maker = younger).await;
    check("outside the limit", |outcome, _| trade(outcome).price = Price::new(PRICE + 1)).await;
    let nobody = |order: OrderRef| OrderRef { seq: 999, ..order };
    check("has priority", |outcome, [first, _]| trade(outcome).maker = nobody(first)).await;
    check("does not place", |outcome, [first, _]| trade(outcome).taker = nobody(first)).await;
    check("was left out", |outcome, _| outcome.events.retain(|it| !matches!(it, Event::Trade(_)))).await;
    check("not due", |outcome, _| trade(outcome).quantity = bandex_types::Quantity::new(1)).await;
    check("recorded another outcome", |outcome, _| {
        outcome.result = CommandResult::Done(vec![OperationResult::Refused(Refusal::WouldTrade)]);
    })
    .await;
}

#[tokio::test]
async fn a_deal_without_orders_is_convicted() {
    let (mut forge, _) = Forge::with_asks();
    let (_, command) = forge.place(2, Side::Buy, PRICE, ONE);
    let mut deal = None;
    forge.lie(command, |outcome| {
        deal = outcome.events.iter().find(|event| matches!(event, Event::Deal(_))).cloned();
    });
    let seq = forge.lie(Command::Tick, |outcome| outcome.events.extend(deal));
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Digest));
    assert_eq!(conviction.expected.unwrap()["events"], serde_json::json!([]));
}

#[tokio::test]
async fn tokens_from_nowhere_are_convicted() {
    let mut forge = Forge::opened();
    let (to, amount) = (forge.traders[1].1, Amount::new(5));
    let transfer = Transfer { to, asset: AssetId::BWT, amount, note: String::new() };
    let command = forge.sign(0, transfer);
    let seq = forge.lie(command, |outcome| {
        outcome.events.retain(|event| !matches!(event, Event::Balance(state) if state.account != to));
    });
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Digest));
}

#[tokio::test]
async fn a_default_that_is_hidden_is_convicted() {
    let (mut forge, _) = Forge::with_asks();
    let (_, command) = forge.place(2, Side::Buy, PRICE, ONE);
    forge.push(command);
    forge.time = forge.time.plus(2 * PAY_US);
    let seq = forge.lie(Command::Tick, |outcome| outcome.events.clear());
    forge.commit();
    assert_eq!(convicted(&forge.rows).await.record, seq);
}

#[tokio::test]
async fn blocks_that_do_not_continue_their_lane_are_convicted() {
    // Twice the same block.
    let mut forge = Forge::opened();
    let (_, command) = forge.place(0, Side::Sell, PRICE, ONE);
    forge.push(command.clone());
    let seq = forge.push(command);
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Lane));
    // One left out.
    let mut forge = Forge::opened();
    let _withheld = forge.place(0, Side::Sell, PRICE, ONE);
    let (_, command) = forge.place(0, Side::Sell, PRICE, ONE);
    let seq = forge.push(command);
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Lane));
}

#[tokio::test]
async fn blocks_that_nobody_signed_are_convicted() {
    let mut forge = Forge::opened();
    let (_, command) = forge.place(0, Side::Sell, PRICE, ONE);
    let Command::Block(signed) = command else { panic!() };
    let block = Block::decode(&signed.payload).unwrap();
    let seq = forge.push(Command::Block(block.sign(&test_key("somebody", 9))));
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Signature));
}

#[tokio::test]
async fn time_that_runs_backwards_is_convicted() {
    let mut forge = Forge::opened();
    forge.push(Command::Tick);
    let (time, tick) = (forge.time, Command::Tick.encode());
    let nothing = Outcome { result: CommandResult::Done(Vec::new()), events: Vec::new() };
    let earlier = Timestamp::from_micros(time.as_micros() - 1);
    let seq = forge.record(earlier, 1, tick, &nothing);
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Time));
}

#[tokio::test]
async fn rules_not_in_force_are_convicted() {
    let mut forge = Forge::opened();
    let nothing = Outcome { result: CommandResult::Done(Vec::new()), events: Vec::new() };
    let seq = forge.record(forge.time, 1, Command::Tick.encode(), &nothing);
    forge.commit();
    let conviction = convicted(&forge.rows).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Rules));
}

fn batch(block: &mut Block) -> &mut Batch {
    match &mut block.body {
        Body::Batch(batch) => batch,
        _ => panic!("it is a batch block"),
    }
}

#[tokio::test]
async fn forged_batches_are_convicted() {
    let check = async |signer: &str, checked, change: fn(&mut Block)| {
        let mut forge = Forge::opened();
        let first = forge.push(Command::Tick);
        let last = forge.push(Command::Tick);
        forge.commit_as(&test_key(signer, 0), change);
        forge.push(Command::Tick);
        forge.commit();
        let conviction = convicted(&forge.rows).await;
        let record = if checked == Check::Link { last } else { first };
        assert_eq!((conviction.record, conviction.check), (record, checked), "{}", conviction.why);
    };
    check("operator", Check::Batch, |_| {}).await;
    check("node", Check::Batch, |block| block.author = test_key("operator", 0).public()).await;
    check("node", Check::Batch, |block| block.network += 1).await;
    check("node", Check::Batch, |block| block.seq += 1).await;
    check("node", Check::Batch, |block| block.seq -= 1).await;
    check("node", Check::Batch, |block| block.previous = bandex_types::BlockId::ZERO).await;
    check("node", Check::Batch, |block| batch(block).first_seq += 1).await;
    check("node", Check::Batch, |block| batch(block).count -= 1).await;
    check("node", Check::Batch, |block| batch(block).root = Hash::ZERO).await;
    check("node", Check::Link, |block| batch(block).last_record_hash = Hash::ZERO).await;
}

#[tokio::test]
async fn a_journal_without_its_root_has_none() {
    let empty = convicted(&super::forge::Rows::default()).await;
    assert_eq!((empty.record, empty.check), (1, Check::Genesis));
    let forge = Forge::opened();
    let pinned = Claims { node: Some(test_key("somebody", 9).public()), ..Claims::default() };
    let other = convicted_by(&forge.rows, &pinned).await;
    assert_eq!((other.record, other.check), (1, Check::Genesis));
    let pinned = Claims { node: Some(forge.genesis.node), ..Claims::default() };
    assert!(matches!(judge(&forge.rows, &pinned).await, Verdict::Pass(_)));
}
