//! What was traded on a market lately: the minutes of the last 24 hours, and the newest candle of each interval.
//!
//! The engine keeps none of this, so a start takes it from the projections; from then on trades are folded in as they
//! are published, just as the projections fold them.

use bandex_engine::Trade;
use bandex_journal::{Candle, CandleInterval, CandleRow, ProjectionReader, ReadError};
use bandex_types::{MarketId, Price, Quantity, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The minutes that statistics look back, the one that runs among them.
const MINUTES: u64 = 24 * 60;

/// The last trade of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastTrade {
    pub price: Price,
    pub quantity: Quantity,
    pub time: Timestamp,
}

/// What was traded on a market lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traded {
    pub last: Option<LastTrade>,
    /// The minutes with a trade, oldest first; some may be older than the statistics look back.
    minutes: VecDeque<CandleRow>,
    /// The newest candle of each interval.
    newest: BTreeMap<CandleInterval, CandleRow>,
}

/// The statistics of a day that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// Where it begins, a whole minute.
    pub since: Timestamp,
    /// All its trades in one candle; none if there were none.
    pub candle: Option<Candle>,
}

/// Where the day begins whose last minute holds `now`.
fn since(now: Timestamp) -> Timestamp {
    let minute = CandleInterval::Minute;
    let back = minute.length_us() * (MINUTES - 1);
    Timestamp::from_micros(minute.start_of(now).as_micros().saturating_sub(back))
}

impl Traded {
    /// What the projections hold of it, at the time `now` of the last record.
    ///
    /// # Errors
    /// The projections do not answer.
    pub async fn read(
        projections: &ProjectionReader,
        market: MarketId,
        now: Timestamp,
    ) -> Result<Self, ReadError> {
        let mut traded = Self::default();
        if let Some(row) = projections.trades(market, None, 1).await?.first() {
            let (price, quantity) = (row.trade.price, row.trade.quantity);
            traded.last = Some(LastTrade { price, quantity, time: row.time });
        }
        for interval in CandleInterval::ALL {
            let newest = projections.candles(market, interval, None, 1).await?;
            traded.newest.extend(newest.into_iter().map(|row| (interval, row)));
        }
        let most = usize::try_from(MINUTES).unwrap_or(usize::MAX);
        let minutes = projections.candles(market, CandleInterval::Minute, None, most).await?;
        let since = since(now);
        traded.minutes = minutes.into_iter().rev().filter(|row| row.start >= since).collect();
        Ok(traded)
    }

    /// Takes in a trade of the record `seq`.
    pub fn take(&mut self, trade: &Trade, seq: u64, time: Timestamp) {
        let (price, quantity, one) = (trade.price, trade.quantity, Candle::of(trade));
        self.last = Some(LastTrade { price, quantity, time });
        for interval in CandleInterval::ALL {
            let start = interval.start_of(time);
            let before = self.newest.get(&interval).filter(|row| row.start == start);
            let candle = before.map_or(one, |row| row.candle.then(one));
            self.newest.insert(interval, CandleRow { start, candle, updated_seq: seq });
        }
        let Some(minute) = self.newest.get(&CandleInterval::Minute).copied() else { return };
        self.minutes.pop_back_if(|row| row.start == minute.start);
        self.minutes.push_back(minute);
        let since = since(time);
        while self.minutes.pop_front_if(|row| row.start < since).is_some() {}
    }

    /// The newest candle of an interval; it may be one that has ended.
    pub fn newest(&self, interval: CandleInterval) -> Option<&CandleRow> {
        self.newest.get(&interval)
    }

    /// The statistics at `now`.
    pub fn day(&self, now: Timestamp) -> Day {
        let since = since(now);
        let within = self.minutes.iter().filter(|row| row.start >= since);
        Day { since, candle: within.map(|row| row.candle).reduce(Candle::then) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_types::{AccountId, DealId, OrderRef, PublicKey, Side};

    const MINUTE_US: u64 = 60_000_000;

    fn trade(number: u64, price: u64, lots: u64) -> Trade {
        let key = PublicKey::new([1; 32]);
        Trade {
            market: MarketId::new(1),
            number,
            price: Price::new(price),
            quantity: Quantity::new(lots),
            taker_side: Side::Buy,
            taker: OrderRef { key, seq: 2, op: 0 },
            maker: OrderRef { key, seq: 1, op: 0 },
            taker_account: AccountId::new([1; 32]),
            maker_account: AccountId::new([2; 32]),
            deal: DealId::new([3; 32]),
        }
    }

    #[test]
    fn a_day_is_so_many_whole_minutes() {
        let mut traded = Traded::default();
        let minute = |at: u64| Timestamp::from_micros((10_000 + at) * MINUTE_US);
        assert_eq!(traded.day(minute(0)).candle, None);
        traded.take(&trade(1, 100, 1), 1, minute(0).plus(59_999_999));
        traded.take(&trade(2, 90, 2), 2, minute(1));
        traded.take(&trade(3, 120, 3), 3, minute(1).plus(5));
        let check = |now: Timestamp, expected: Option<(u64, u64, u64, u64, u128, u64)>| {
            let found = traded.day(now).candle.map(|day| {
                let [open, high, low, close] = [day.open, day.high, day.low, day.close].map(Price::get);
                (open, high, low, close, day.volume, day.trades)
            });
            assert_eq!(found, expected, "{now:?}");
        };
        check(minute(1), Some((100, 120, 90, 120, 6, 3)));
        check(minute(MINUTES).plus(MINUTE_US - 1), Some((90, 120, 90, 120, 5, 2)));
        check(minute(MINUTES - 1).plus(MINUTE_US - 1), Some((100, 120, 90, 120, 6, 3)));
        check(minute(MINUTES + 1), None);
        assert_eq!(traded.day(minute(MINUTES)).since, minute(1));
        // The next trade lets go of what no day can hold any more.
        traded.take(&trade(4, 80, 4), 4, minute(MINUTES));
        assert_eq!(traded.minutes.len(), 2);
        let (hour, last) = (traded.newest(CandleInterval::Hour).unwrap(), traded.last.unwrap());
        assert_eq!((hour.candle.trades, hour.updated_seq, last.price.get()), (1, 4, 80));
    }
}
