//! The exchange's book and the plain one make the same of every kind of workload, and of commands that no generator makes.

#![allow(clippy::panic)]

use bandex_bench_matching::book::Books;
use bandex_bench_matching::generate::{Kind, generate_with};
use bandex_bench_matching::measure;
use bandex_bench_matching::plain::Plain;
use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_bench_matching::{Engine, Tally};
use bandex_types::Side;

fn check(name: &str, workload: &Workload, expected: Tally) {
    assert_eq!(measure::run::<Plain>(workload).tally, expected, "{name}: plain");
    assert_eq!(measure::run::<Books<true>>(workload).tally, expected, "{name}: the exchange's, with hints");
    assert_eq!(measure::run::<Books<false>>(workload).tally, expected, "{name}: the exchange's, without");
}

#[test]
fn every_kind_comes_to_the_same() {
    for kind in Kind::ALL {
        for seed in [1, 2] {
            // These have long cycles: a fall and the way back, or sweeps to the end of a side.
            let commands = if matches!(kind, Kind::Crash | Kind::Far) { 60_000 } else { 20_000 };
            let (workload, tally) = generate_with(kind, kind.resting().min(20_000), commands, seed);
            check(kind.name(), &workload, tally);
        }
    }
}

/// Commands as `action side order price quantity`, with a letter for the action.
fn workload(text: &str) -> Workload {
    let commands = text.split(';').map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u32>().expect(line);
        let action = match words[0] {
            "add" => Action::Add,
            "cancel" => Action::Cancel,
            "ioc" => Action::Ioc,
            "move" => Action::Move,
            "reduce" => Action::Reduce,
            other => panic!("{other}"),
        };
        let side = if words[1] == "buy" { Side::Buy } else { Side::Sell };
        let (order, price, quantity) = (number(2), u64::from(number(3)), number(4));
        Command { price, order, quantity, symbol: 0, action, side }
    });
    Workload {
        commands: commands.collect(),
        warm: 0,
        symbols: 1,
        tick_limit: 0,
        highest_order: 9,
        resting: 0,
        reduces: false,
    }
}

#[test]
fn unusual_commands_come_to_the_same() {
    let check = |text: &str, trades: u64, quantity: u64, refusals: u64| {
        let workload = workload(text);
        let tally = measure::run::<Plain>(&workload).tally;
        assert_eq!((tally.trades, tally.quantity, tally.refusals), (trades, quantity, refusals), "{text}");
        check(text, &workload, tally);
    };
    check("add buy 1 10 5; add sell 2 10 3; add sell 3 9 3", 2, 5, 0);
    // Orders that never rested, are gone or were never heard of.
    check("ioc buy 1 10 5; cancel buy 1 0 0; move buy 1 10 5; reduce buy 1 0 1; cancel buy 7 0 0", 0, 0, 4);
    check("add buy 1 10 5; cancel buy 1 0 0; cancel buy 1 0 0; add sell 2 10 5; move buy 1 10 5", 0, 0, 2);
    // The first order's place is used again, and its name must not lead to the second.
    check("add buy 1 10 5; cancel buy 1 0 0; add buy 2 10 5; cancel buy 1 0 0; add sell 3 10 5", 1, 5, 1);
    // A number is used again.
    check("add buy 1 10 5; cancel buy 1 0 0; add buy 2 10 5; add buy 1 10 5; add sell 3 10 7", 2, 7, 0);
    // An order for nothing is nothing, moved to nothing it is gone, and reduced by nothing it stays.
    check("add buy 1 10 0; cancel buy 1 0 0; ioc sell 2 1 0", 0, 0, 1);
    check("add buy 1 10 5; move buy 1 10 0; cancel buy 1 0 0", 0, 0, 1);
    check("add buy 1 10 5; reduce buy 1 0 0; reduce buy 1 0 4; add sell 2 1 9; reduce buy 1 0 1", 1, 1, 1);
    check("add buy 1 10 5; reduce buy 1 0 5; cancel buy 1 0 0", 0, 0, 1);
    // A move loses priority, trades, and may change the side.
    check("add buy 1 10 5; add buy 2 10 5; move buy 1 10 5; add sell 3 10 1", 1, 1, 0);
    check("add buy 1 10 5; add sell 2 11 3; move buy 1 11 5; add sell 3 11 9", 2, 5, 0);
    check("add buy 1 10 5; add buy 2 10 5; move sell 1 10 7; cancel sell 1 0 0", 1, 5, 0);
    // Price 0 is a price.
    check("add buy 1 0 5; add sell 2 0 5; add sell 3 0 5; add buy 4 0 5", 2, 10, 0);
}

#[test]
fn an_engine_looks_at_what_follows_and_does_not_act_on_it() {
    let (workload, _) = generate_with(Kind::N1k, 100, 1_000, 3);
    let (mut ours, mut plain) = (Books::<true>::new(&workload), Plain::new(&workload));
    for at in 0..workload.commands.len() {
        ours.step(&workload.commands, at);
        plain.step(&workload.commands, at);
        assert_eq!(ours.tally(), plain.tally(), "after command {at}");
    }
}
