//! Candles, against the trades they are made of.

use crate::history::history;
use crate::kit::Store;
use bandex_engine::{Event, Trade};
use bandex_journal::{Candle, CandleInterval, CandleRow, Projected};
use bandex_types::{MarketId, Price, Quantity, Timestamp};

/// The candles of a market, newest first, made the plain way: for each interval all its trades.
fn expected(records: &[Projected], market: MarketId, interval: CandleInterval) -> Vec<CandleRow> {
    let mut trades: Vec<(Timestamp, u64, &Trade)> = Vec::new();
    for record in records {
        for event in &record.outcome.events {
            if let Event::Trade(trade) = event
                && trade.market == market
            {
                trades.push((interval.start_of(record.time), record.seq, trade));
            }
        }
    }
    let mut starts: Vec<Timestamp> = trades.iter().map(|(start, _, _)| *start).collect();
    starts.dedup();
    let candle = |start: &Timestamp| {
        let inside: Vec<_> = trades.iter().filter(|(of, _, _)| of == start).collect();
        let prices = || inside.iter().map(|(_, _, trade)| trade.price);
        let lots = |trade: &Trade| u128::from(trade.quantity.get());
        let notional = |trade: &Trade| lots(trade).saturating_mul(u128::from(trade.price.get()));
        let candle = Candle {
            open: prices().next().unwrap(),
            high: prices().max().unwrap(),
            low: prices().min().unwrap(),
            close: prices().next_back().unwrap(),
            volume: inside.iter().map(|(_, _, trade)| lots(trade)).sum(),
            notional: inside.iter().fold(0_u128, |sum, (_, _, trade)| sum.saturating_add(notional(trade))),
            trades: inside.len() as u64,
        };
        CandleRow { start: *start, candle, updated_seq: inside.last().unwrap().1 }
    };
    starts.iter().rev().map(candle).collect()
}

#[tokio::test]
async fn candles_tell_each_intervals_trades() {
    let records = history(240);
    let market = MarketId::new(1);
    for store in Store::each().await {
        let mut projections = store.open().await;
        for some in records.chunks(17) {
            projections.apply(some).await.unwrap();
        }
        let reader = projections.reader();
        for interval in CandleInterval::ALL {
            let expected = expected(&records, market, interval);
            let all = reader.candles(market, interval, None, 1_000).await.unwrap();
            assert_eq!(all, expected, "{store}: {interval}");
            assert!(all.iter().any(|row| row.candle.trades > 1) || interval == CandleInterval::Minute);
            // Page by page, each before the last start of the one before.
            let (mut paged, mut before) = (Vec::new(), None);
            loop {
                let page = reader.candles(market, interval, before, 2).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Some(last.start);
                paged.extend(page);
            }
            assert_eq!(paged, expected, "{store}: {interval}");
        }
        let minutes = reader.candles(market, CandleInterval::Minute, None, 1_000).await.unwrap();
        let hours = reader.candles(market, CandleInterval::Hour, None, 1_000).await.unwrap();
        assert!(minutes.len() > 50 && hours.len() == 3, "{store}: {} {}", minutes.len(), hours.len());
        let none = reader.candles(MarketId::new(9), CandleInterval::Day, None, 5).await.unwrap();
        assert_eq!(none, [], "{store}");
    }
}

#[tokio::test]
async fn the_largest_trades_do_not_stop_the_projector() {
    let mut records = history(12);
    for record in &mut records {
        for event in &mut record.outcome.events {
            if let Event::Trade(trade) = event {
                (trade.price, trade.quantity) = (Price::MAX, Quantity::MAX);
            }
        }
        record.outcome_bytes = record.outcome.encode();
    }
    for store in Store::each().await {
        let mut projections = store.open().await;
        for record in &records {
            projections.apply(std::slice::from_ref(record)).await.unwrap();
        }
        let one_by_one = store.dump().await;
        let found =
            projections.reader().candles(MarketId::new(1), CandleInterval::Day, None, 9).await.unwrap();
        assert_eq!(found, expected(&records, MarketId::new(1), CandleInterval::Day), "{store}");
        let candle = found[0].candle;
        assert_eq!((candle.high, candle.volume), (Price::MAX, 4 * u128::from(u64::MAX)), "{store}");
        assert_eq!((candle.notional, candle.trades), (u128::MAX, 4), "{store}");
        projections.close().await.unwrap();
        store.meddle("UPDATE progress SET version = 0").await;
        store.projected(&records).await;
        assert!(store.dump().await == one_by_one, "{store}: at once");
    }
}
