//! Replays of small flows and of the bundled one.

use super::*;
use bandex_flow::{Action, Command, VenueTrade};
use bandex_types::{Price, Quantity, Side};
use std::collections::BTreeMap;
use std::path::Path;

async fn through_new_engine(traders: u32, commands: Vec<Command>, own: &[VenueTrade]) -> Report {
    let mut venue = EngineVenue::new(moment(0)).unwrap();
    replay("engine", &mut venue, traders, commands.into_iter().map(Ok), own).await.unwrap()
}

fn place(id: u64, side: Side, price: u64, quantity: u64, post_only: bool) -> Command {
    let (price, quantity) = (Price::new(price), Quantity::new(quantity));
    Command { time_ms: id, action: Action::Place { id, side, price, quantity, post_only } }
}

fn cancel(id: u64) -> Command {
    Command { time_ms: id, action: Action::Cancel { id } }
}

fn trade(taker: u64, maker: u64, side: Side, price: u64, quantity: u64) -> VenueTrade {
    VenueTrade { taker, maker, side, price: Price::new(price), quantity: Quantity::new(quantity) }
}

#[tokio::test]
async fn a_small_flow_is_counted() {
    use Side::{Buy, Sell};
    let commands = vec![
        place(10, Sell, 500, 7, false),
        place(11, Sell, 500, 5, true),
        place(12, Buy, 500, 9, false),
        place(13, Buy, 500, 1, true),
        place(14, Buy, 400, 0, false),
        cancel(13),
        cancel(11),
        cancel(99),
        place(15, Sell, 0, 3, false),
    ];
    let own = [trade(12, 11, Buy, 500, 2), trade(12, 10, Buy, 500, 7), trade(12, 11, Buy, 500, 2)];
    for traders in [2, 7] {
        let report = through_new_engine(traders, commands.clone(), &own).await;
        let refused = [("post_only_would_trade", 1), ("unknown_order", 1), ("zero_quantity", 1)];
        assert_eq!(report.refused, BTreeMap::from(refused));
        assert_eq!((report.trades, report.reproduced, report.venue, report.deals), (2, 2, 3, 2));
        assert_eq!((report.orders, report.cancels, report.cancels_of_unknown), (6, 3, 1));
        assert!(!report.in_order && report.post_only_refused == 1);
        assert_eq!(report.differences.len(), 1);
        // One for each account, and each command but the cancel of nothing.
        assert_eq!(report.blocks, u64::from(traders) + 8);
    }
}

#[tokio::test]
async fn times_that_jump_or_run_backwards_do_no_harm() {
    use Side::{Buy, Sell};
    let mut commands = vec![
        place(u64::MAX, Sell, 500, 7, false),
        place(1, Sell, 500, 7, false),
        place(1_777_689_383_201, Buy, 500, 14, false),
    ];
    commands[1].time_ms = 0;
    let report = through_new_engine(2, commands, &[]).await;
    assert_eq!((report.trades, report.venue, report.refused.len()), (2, 0, 0));
}

#[tokio::test]
async fn a_line_that_cannot_be_read_ends_the_replay() {
    let mut venue = EngineVenue::new(moment(0)).unwrap();
    let commands = vec![Ok(cancel(1)), Err(anyhow::anyhow!("line 3"))];
    assert!(replay("engine", &mut venue, 2, commands.into_iter(), &[]).await.is_err());
}

/// The main figures of the bundled flow, as its README has them.
#[tokio::test]
async fn the_bundled_flow_reproduces_the_venue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/bitstamp-btcusd-2026-05-02");
    let own = flow::trades(&folder.join("trades.csv")).unwrap();
    let commands = flow::commands(&folder.join("commands.csv.gz")).unwrap();
    let report = through_engine(commands, &own, 50).await.unwrap();
    assert_eq!((report.trades, report.reproduced, report.venue), (231, 230, 232));
    assert_eq!(report.post_only_refused, 78_898);
    assert_eq!((report.orders, report.cancels, report.deals), (120_903, 114_152, 231));
    let codes: Vec<_> = report.refused.keys().copied().collect();
    assert_eq!(codes, ["post_only_would_trade", "unknown_order", "zero_quantity"]);
    assert!(report.in_order);
    assert_eq!(report.differences.len(), 3);
}
