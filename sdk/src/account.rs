//! What an account has on an exchange, kept true by its private channels.

use crate::wire::WireError;
use crate::{Client, ClientError, News, Subscription, Topic};
use bandex_api::{Balance, Channel, Fill, Limits, Order, Push, PushKind};
use std::collections::BTreeMap;

/// Open orders, fills, balances and limit of an account, as far as its channels told.
#[derive(Debug, Clone, Default)]
pub struct LocalAccount {
    orders: BTreeMap<String, Order>,
    /// Whether a snapshot told all orders that there were, so that any other is a new one.
    has_all_orders: bool,
    fills: BTreeMap<(String, u64), Fill>,
    balances: BTreeMap<String, Balance>,
    limits: Option<Limits>,
    seq: u64,
}

impl LocalAccount {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Follows the channels that keep it true: orders, fills since record `fills_from` (0 for all there are), balances
    /// and limits. The client must be logged in.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    pub async fn follow(client: &Client, fills_from: u64) -> Result<Vec<Subscription>, ClientError> {
        Ok(vec![
            client.subscribe(Channel::Orders).await?,
            client.subscribe_from(Channel::Fills, fills_from).await?,
            client.subscribe(Channel::Balances).await?,
            client.subscribe(Channel::Limits).await?,
        ])
    }

    /// Takes a push; pushes of other channels change nothing.
    ///
    /// # Errors
    /// It cannot be read; nothing is changed then.
    pub fn apply(&mut self, push: &Push) -> Result<(), WireError> {
        let whole = push.kind == PushKind::Snapshot;
        match News::try_from(push)? {
            News::Orders(orders) => self.take_orders(orders, whole),
            News::Fills(fills) => {
                // A snapshot is empty, and takes nothing back that has happened.
                let fills = fills.into_iter().map(|fill| Fill { receipt: None, ..fill });
                self.fills.extend(fills.map(|fill| ((fill.market.clone(), fill.number), fill)));
            }
            News::Balances(balances) => {
                if whole {
                    self.balances.clear();
                }
                let named = balances.into_iter().map(|balance| (balance.asset.clone(), balance));
                self.balances.extend(named);
            }
            News::Limits(limits) => self.limits = Some(*limits),
            _ => return Ok(()),
        }
        self.seq = self.seq.max(push.seq);
        Ok(())
    }

    fn take_orders(&mut self, orders: Vec<Order>, whole: bool) {
        if whole {
            self.orders.clear();
            self.has_all_orders = true;
        }
        for order in orders {
            let known = self.orders.get(&order.order).map(|known| known.placed_us);
            // Updates do not repeat when an order was placed, but the first about a new one is of its placing.
            let first = self.has_all_orders.then_some(order.time_us);
            let placed_us = order.placed_us.or_else(|| known.unwrap_or(first));
            match order.status.as_str() {
                "open" | "sleeping" => self.orders.insert(order.order.clone(), Order { placed_us, ..order }),
                _ => self.orders.remove(&order.order),
            };
        }
    }

    /// The open and the sleeping orders, by reference.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// The fills that were told, by market and number, without receipts.
    pub fn fills(&self) -> impl Iterator<Item = &Fill> {
        self.fills.values()
    }

    /// How many fills were told.
    pub fn fill_count(&self) -> usize {
        self.fills.len()
    }

    /// The balances, by asset.
    pub fn balances(&self) -> impl Iterator<Item = &Balance> {
        self.balances.values()
    }

    /// The limit, once it was told.
    pub const fn limits(&self) -> Option<&Limits> {
        self.limits.as_ref()
    }

    /// The last record that any of the channels told of.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether pushes of a topic change a [`LocalAccount`].
    pub fn takes(topic: &Topic) -> bool {
        matches!(topic.channel, Channel::Orders | Channel::Fills | Channel::Balances | Channel::Limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn push(channel: Channel, kind: PushKind, seq: u64, data: Value) -> Push {
        Push { channel, market: None, depth: None, interval: None, kind, prev_seq: 0, seq, data }
    }

    fn order(name: &str, status: &str, filled: &str) -> Value {
        json!({
            "order": name, "account": "a", "market": "BWT-BTC", "side": "buy", "price": "1", "quantity": "2",
            "filled": filled, "status": status, "seq": 1, "time_us": 1,
        })
    }

    fn fill(number: u64) -> Value {
        json!({
            "market": "BWT-BTC", "number": number, "order": "x", "role": "maker", "side": "buy", "price": "1",
            "quantity": "2", "deal": "d", "seq": number, "time_us": 1,
        })
    }

    fn balance(asset: &str, free: &str) -> Value {
        json!({"asset": asset, "balance": "5", "locked": "1", "free": free})
    }

    #[test]
    fn when_an_order_was_placed_stays_known() {
        use PushKind::{Snapshot, Update};
        let told = |name, placed: Option<u64>, time: u64| {
            let mut order = order(name, "open", "0");
            (order["placed_us"], order["time_us"]) = (json!(placed), json!(time));
            json!([order])
        };
        let check = |pushes: &[(PushKind, Value)], placed: Option<u64>| {
            let mut account = LocalAccount::new();
            for (kind, data) in pushes {
                account.apply(&push(Channel::Orders, *kind, 1, data.clone())).unwrap();
            }
            assert_eq!(account.orders().map(|one| one.placed_us).collect::<Vec<_>>(), [placed]);
        };
        check(&[(Snapshot, told("a", Some(3), 7)), (Update, told("a", None, 9))], Some(3));
        check(&[(Snapshot, json!([])), (Update, told("a", None, 8)), (Update, told("a", None, 9))], Some(8));
        // Whoever begins in the middle does not know of what came before.
        check(&[(Update, told("a", None, 8)), (Update, told("a", None, 9))], None);
    }

    #[test]
    fn what_the_channels_tell_adds_up() {
        use PushKind::{Snapshot, Update};
        let mut account = LocalAccount::new();
        let mut take = |channel, kind, seq, data| account.apply(&push(channel, kind, seq, data)).unwrap();
        take(Channel::Orders, Snapshot, 3, json!([order("b", "open", "0"), order("a", "sleeping", "0")]));
        take(Channel::Orders, Update, 4, json!([order("b", "open", "1"), order("c", "open", "0")]));
        take(Channel::Orders, Update, 5, json!([order("a", "cancelled", "0"), order("c", "filled", "2")]));
        take(Channel::Fills, Snapshot, 3, json!([]));
        take(Channel::Fills, Update, 4, json!([fill(2), fill(1)]));
        take(Channel::Fills, Update, 9, json!([fill(2)]));
        take(Channel::Fills, Snapshot, 6, json!([]));
        take(Channel::Balances, Snapshot, 3, json!([balance("BWT", "4"), balance("OLD", "4")]));
        take(Channel::Balances, Snapshot, 4, json!([balance("BWT", "4"), balance("BTC", "4")]));
        take(Channel::Balances, Update, 5, json!([balance("BWT", "3")]));
        take(Channel::Trades, Update, 99, json!([]));
        let orders: Vec<_> = account.orders().map(|one| (one.order.as_str(), one.filled.as_str())).collect();
        assert_eq!(orders, [("b", "1")]);
        assert_eq!(account.fills().map(|fill| fill.number).collect::<Vec<_>>(), [1, 2]);
        let balances: Vec<_> =
            account.balances().map(|one| (one.asset.as_str(), one.free.as_str())).collect();
        assert_eq!(balances, [("BTC", "4"), ("BWT", "3")]);
        assert_eq!((account.seq(), account.fill_count()), (9, 2));
        // Another login, or a journal that lost its end: the orders are what the snapshot says.
        account.apply(&push(Channel::Orders, Snapshot, 2, json!([]))).unwrap();
        assert_eq!(account.orders().count(), 0);
        assert!(account.apply(&push(Channel::Orders, Update, 2, json!([1]))).is_err());
    }
}
