//! What queries find, page by page, in both stores.

use crate::history::{self, account, history, key, order};
use crate::kit::Store;
use bandex_engine::{DealState, Event, OrderState};
use bandex_journal::{
    Cursor, DealExtras, DealFilter, DealRow, OrderFilter, OrderRow, OrderStand, Projected, ProjectionReader,
    TradeFilter, TradeRow,
};
use bandex_types::{AccountId, Amount, AssetId, BlockId, MarketId, Price};

/// All pages of `limit` rows, one after the other.
async fn pages<T>(
    limit: usize,
    mut page: impl AsyncFnMut(Option<Cursor>) -> Vec<T>,
    at: impl Fn(&T) -> Cursor,
) -> Vec<T> {
    let mut rows: Vec<T> = Vec::new();
    loop {
        let more = page(rows.last().map(&at)).await;
        assert!(more.len() <= limit);
        if more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

#[tokio::test]
async fn orders_are_found_page_by_page() {
    for store in Store::each().await {
        let records = history(60);
        let projections = store.projected(&records).await;
        let reader = projections.reader();
        let last_states = |keep: &dyn Fn(&OrderState) -> bool| {
            let mut states = history::last_orders(&records);
            states.retain(|state| keep(state));
            states
        };
        let check = async |filter: OrderFilter, expected: Vec<OrderState>| {
            assert!(!expected.is_empty(), "{filter:?}");
            for limit in [1, 2, 7, 1000] {
                let page = async |before| reader.orders(&filter, before, limit).await.unwrap();
                let rows: Vec<OrderRow> = pages(limit, page, |row| row.placed).await;
                assert!(rows.is_sorted_by(|a, b| a.placed > b.placed));
                let mut states: Vec<OrderState> = rows.into_iter().map(|row| row.state).collect();
                states.sort_by_key(|state| state.order);
                assert_eq!(states, expected, "{filter:?} by {limit}");
            }
        };
        for who in [1, 2] {
            let account = account(who);
            let (stand, client_id) = (OrderStand::All, None);
            let filter = OrderFilter { account, market: None, stand, client_id };
            check(filter.clone(), last_states(&|state| state.account == account)).await;
            let market = MarketId::new(2);
            let other = OrderFilter { market: Some(market), ..filter.clone() };
            check(other, last_states(&|state| state.account == account && state.market == market)).await;
            let open = OrderFilter { stand: OrderStand::Open, ..filter.clone() };
            check(open, last_states(&|state| state.account == account && history::is_open(state))).await;
            let closed = OrderFilter { stand: OrderStand::Closed, ..filter.clone() };
            check(closed, last_states(&|state| state.account == account && !history::is_open(state))).await;
            let name = Some(format!("{}/2", who + 3));
            let named = OrderFilter { client_id: name.clone(), ..filter };
            check(named, last_states(&|state| state.account == account && state.client_id == name)).await;
        }
        let found = reader.order(order(1, 4, 0)).await.unwrap().unwrap();
        assert_eq!((found.placed.seq, found.updated_seq), (4, 6));
        assert_eq!(found.placed_time, records[3].time);
        assert_eq!(found.updated_time, records[5].time);
        assert_eq!(reader.order(order(1, 4, 9)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn terms_amendments_auctions_and_protections_are_found() {
    for store in Store::each().await {
        let records = history(60);
        let projections = store.projected(&records).await;
        let reader = projections.reader();
        // Terms stay, whatever else is told of the order.
        for (op, terms) in [(0, None), (1, None), (2, Some(2)), (3, Some(3))] {
            let row = reader.order(order(1, 4, op)).await.unwrap().unwrap();
            assert_eq!(row.terms, terms.map(|op| history::order_terms(1, 4, op)));
        }
        let asked: Vec<_> = (1..=58).flat_map(|seq| (0..5).map(move |op| order(1, seq, op))).collect();
        let mut found = reader.terms(&asked).await.unwrap();
        found.sort_by_key(|terms| terms.order);
        let mut placed = history::last_orders(&records);
        placed.retain(|state| state.account == account(1) && state.order.op > 1);
        let expected: Vec<_> =
            placed.iter().map(|state| history::order_terms(1, state.order.seq, state.order.op)).collect();
        assert_eq!((found.len(), found), (40, expected));
        assert_eq!(reader.terms(&[]).await.unwrap(), []);
        assert_eq!(reader.amendments(order(1, 4, 3)).await.unwrap(), [4, 7]);
        assert_eq!(reader.amendments(order(1, 1, 3)).await.unwrap(), [4]);
        assert!(reader.amendments(order(1, 4, 2)).await.unwrap().is_empty());
        let market = MarketId::new(2);
        for limit in [1, 3, 1000] {
            let page = async |before| reader.auctions(market, before, limit).await.unwrap();
            let rows = pages(limit, page, |row| row.at).await;
            let gave: Vec<_> = rows
                .iter()
                .map(|row| (row.at.seq, row.state.price.map(Price::get), row.state.volume))
                .collect();
            let expected =
                |seq: u64| if seq.is_multiple_of(2) { (seq, Some(seq), 3 * seq) } else { (seq, None, 0) };
            assert_eq!(gave, (1..=20).rev().map(|number| expected(3 * number)).collect::<Vec<_>>());
            assert_eq!(rows[0].time, records[59].time);
        }
        assert_eq!(reader.auctions(MarketId::new(1), None, 5).await.unwrap(), []);
        // The last word to account 1 was in record 60, to account 2 in record 57; account 3 was told nothing.
        let set = |quantity, tripped| (Some(quantity), tripped);
        for (who, expected) in [(1, Some((60, set(20, true)))), (2, Some((57, set(19, false)))), (3, None)] {
            let rows = reader.protections(account(who)).await.unwrap();
            let found = rows.iter().map(|row| {
                assert_eq!(
                    (row.market, row.updated_time),
                    (
                        MarketId::new(1),
                        records.iter().find(|record| record.seq == row.updated_seq).unwrap().time
                    )
                );
                let quantity = row.state.protection.map(|set| set.quantity.get());
                (row.updated_seq, (quantity, row.state.tripped))
            });
            assert_eq!(found.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{who}");
        }
        // In record 54 account 1's was ended.
    }
    for store in Store::each().await {
        let ended = store.projected(&history(54)).await;
        let left = ended.reader().protections(account(1)).await.unwrap();
        assert_eq!(left, [], "what was ended is not set");
    }
}

#[tokio::test]
async fn trades_and_deals_are_found_page_by_page() {
    for store in Store::each().await {
        let projections = store.projected(&history(60)).await;
        let reader = projections.reader();
        let market = MarketId::new(1);
        let all = reader.trades(market, None, 1000).await.unwrap();
        let numbers: Vec<u64> = all.iter().map(|row| row.trade.number).collect();
        assert_eq!(numbers, (1..=20).rev().collect::<Vec<_>>());
        assert_eq!(reader.trades(market, Some(4), 2).await.unwrap(), all[17..19]);
        assert_eq!(reader.trades(MarketId::new(9), None, 5).await.unwrap(), []);
        for who in [1, 2, 3] {
            let account = account(who);
            let of =
                |row: &&TradeRow| row.trade.taker_account == account || row.trade.maker_account == account;
            let expected: Vec<TradeRow> = all.iter().filter(of).cloned().collect();
            let filter = TradeFilter { account, market: Some(market), order: None };
            for limit in [1, 3, 1000] {
                let page = async |before| reader.trades_of(&filter, before, limit).await.unwrap();
                assert_eq!(pages(limit, page, |row| row.at).await, expected, "{who} by {limit}");
            }
            let elsewhere = TradeFilter { market: Some(MarketId::new(2)), ..filter };
            assert_eq!(reader.trades_of(&elsewhere, None, 5).await.unwrap(), []);
            // Of one order, whichever side it was.
            for row in &expected {
                let taker = row.trade.taker_account == account;
                let own = if taker { row.trade.taker } else { row.trade.maker };
                let of_order = TradeFilter { order: Some(own), market: None, account };
                assert_eq!(reader.trades_of(&of_order, None, 5).await.unwrap(), std::slice::from_ref(row));
            }
        }
        let deals = reader.deals(&DealFilter::default(), None, 1000).await.unwrap();
        assert!(deals.is_sorted_by(|a, b| a.opened > b.opened));
        let check = async |filter: DealFilter, keep: &dyn Fn(&DealState) -> bool| {
            let expected: Vec<DealRow> = deals.iter().filter(|row| keep(&row.state)).cloned().collect();
            assert!(!expected.is_empty() && expected.len() < deals.len(), "{filter:?}");
            for limit in [1, 3, 1000] {
                let page = async |before| reader.deals(&filter, before, limit).await.unwrap();
                assert_eq!(pages(limit, page, |row| row.opened).await, expected, "{filter:?} by {limit}");
            }
        };
        let (one, none) = (account(1), DealFilter::default());
        let is_side = |state: &DealState| state.seller == one || state.buyer == one;
        let owes = |state: &DealState| history::due_by(state) == Some(one);
        let open = |state: &DealState| !state.deal.state().is_closed();
        check(DealFilter { account: Some(one), ..none }, &is_side).await;
        check(DealFilter { due_by: Some(one), ..none }, &owes).await;
        check(DealFilter { open_only: true, ..none }, &open).await;
        let both = DealFilter { account: Some(one), open_only: true, ..none };
        check(both, &|state| is_side(state) && open(state)).await;
        let other = DealFilter { account: Some(one), due_by: Some(account(2)), open_only: true };
        check(other, &|state| is_side(state) && history::due_by(state) == Some(account(2))).await;
        for row in &deals {
            assert_eq!(reader.deal(row.state.id).await.unwrap().as_ref(), Some(row));
            let settled = reader.trades_of_deal(row.state.id).await.unwrap();
            let mut expected: Vec<_> =
                all.iter().filter(|trade| trade.trade.deal == row.state.id).cloned().collect();
            expected.reverse();
            assert_eq!(settled, expected);
        }
        let some: Vec<_> = deals.iter().skip(2).map(|row| row.state.id).collect();
        let mut expected: Vec<_> = all.iter().filter(|row| some.contains(&row.trade.deal)).cloned().collect();
        expected.reverse();
        assert_eq!(reader.trades_of_deals(&some).await.unwrap(), expected);
        assert_eq!(reader.trades_of_deals(&[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn blocks_outcomes_and_holders_are_found() {
    for store in Store::each().await {
        let records = history(60);
        let projections = store.projected(&records).await;
        let reader = projections.reader();
        let found = reader.outcome(7).await.unwrap().unwrap();
        assert_eq!((found.outcome, found.time), (records[6].outcome_bytes.clone(), records[6].time));
        assert_eq!(reader.outcome(61).await.unwrap(), None);
        let block = records[3].block.unwrap();
        let row = reader.block(block.id).await.unwrap().unwrap();
        assert_eq!((row.record_seq, row.author, row.lane_seq), (4, block.author, block.lane_seq));
        assert_eq!(reader.block(BlockId::ZERO).await.unwrap(), None);
        let lane: Vec<u64> =
            reader.lane(key(1), 10, 4).await.unwrap().iter().map(|row| row.lane_seq).collect();
        assert_eq!(lane, [10, 13, 16, 19]);
        let balances = reader.balances(account(1)).await.unwrap();
        assert_eq!(
            balances.iter().map(|balance| balance.asset).collect::<Vec<_>>(),
            [AssetId::BWT, AssetId::BTC]
        );
        assert_eq!(balances[0].balance, -58, "the last state wins");
        assert_eq!(reader.account(account(1)).await.unwrap().unwrap().limit.get(), 58);
        assert_eq!(reader.account(account(77)).await.unwrap(), None);
        assert_eq!(reader.keys(account(1)).await.unwrap(), [reader.key(key(1)).await.unwrap().unwrap()]);
        assert_eq!(reader.key(key(77)).await.unwrap(), None);
        // Key 2 came with record 2, whatever is told of it later.
        assert_eq!(reader.key_named(key(2)).await.unwrap(), Some(2));
        assert_eq!(reader.key_named(key(77)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn payments_of_a_deal_are_found_as_they_stand_last() {
    for store in Store::each().await {
        let records = history(60);
        let projections = store.projected(&records).await;
        let reader = projections.reader();
        // Numbers 6 to 11 tell of one output, records 18 to 33.
        let deal = history::deal_number(501);
        let rows = reader.payments(deal).await.unwrap();
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row.state, history::payment(11, deal));
        assert_eq!((row.first.seq, row.updated_seq, row.updated_time), (18, 33, records[32].time));
        assert_eq!(reader.payments(history::deal_number(999)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_deals_evidence_and_waiting_proposals_are_found() {
    for store in Store::each().await {
        let projections = store.projected(&history::one_deal()).await;
        let reader = projections.reader();
        let touched = reader.deal_records(history::deal_id()).await.unwrap();
        let seqs: Vec<(u64, bool)> =
            touched.iter().map(|row| (row.record_seq, row.block.is_some())).collect();
        // Match, payment, acknowledgement; a stranger's block that only stands between them; a tick that ends it.
        assert_eq!(seqs, [(2, true), (3, true), (5, true), (6, false)]);
        let waiting = async |who| reader.proposals_for(account(who)).await.unwrap();
        let rows = waiting(1).await;
        assert_eq!(rows.iter().map(|row| row.proposed_seq).collect::<Vec<_>>(), [4]);
        assert!(waiting(2).await.is_empty());
    }
}

/// Whether an event is about an account, told anew from what events say.
fn is_about(event: &Event, account: AccountId) -> bool {
    match event {
        Event::Account(state) => state.account == account,
        Event::Key(state) => state.account == account,
        Event::Balance(state) => state.account == account,
        Event::Order(state) => state.account == account,
        Event::Trade(trade) => trade.taker_account == account || trade.maker_account == account,
        Event::Deal(state) => state.seller == account || state.buyer == account,
        Event::Proposal(state) => state.from == account || state.to == account,
        Event::Default(notice) => notice.by == account || notice.victim == account,
        Event::Fork(notice) => notice.account == account,
        Event::Protection { account: whose, .. } => *whose == account,
        Event::Trust(state) => state.account == account,
        Event::Slash(slash) => slash.from == account || slash.to == account,
        _ => false,
    }
}

async fn find_records_of(who: u64, records: &[Projected], store: &Store, reader: &ProjectionReader) {
    let account = account(who);
    let is_theirs = |record: &&Projected| record.outcome.events.iter().any(|event| is_about(event, account));
    let theirs: Vec<&Projected> = records.iter().filter(is_theirs).collect();
    assert_eq!(theirs.is_empty(), who == 77);
    let end = records.len() as u64;
    for (after, up_to, limit) in
        [(0, u64::MAX, 1_000), (0, end, 7), (3, 30, 1_000), (30, 30, 5), (31, 30, 5), (end - 1, end, 1)]
    {
        let rows = reader.records_of(account, after, up_to, limit).await.unwrap();
        let found: Vec<_> = rows.into_iter().map(|row| (row.seq, row.time, row.outcome)).collect();
        let expected: Vec<_> = theirs
            .iter()
            .filter(|record| after < record.seq && record.seq <= up_to)
            .take(limit)
            .map(|record| (record.seq, record.time, record.outcome_bytes.clone()))
            .collect();
        assert_eq!(found, expected, "{store}: {who} from {after} to {up_to} by {limit}");
    }
}

#[tokio::test]
async fn an_accounts_records_are_found_in_order_between_two_places() {
    for records in [history(60), history::one_event_each()] {
        for store in Store::each().await {
            let projections = store.projected(&records).await;
            for who in [1, 2, 3, 77] {
                find_records_of(who, &records, &store, &projections.reader()).await;
            }
        }
    }
}

#[tokio::test]
async fn trust_and_what_it_does_to_deals_is_found() {
    for store in Store::each().await {
        let projections = store.projected(&history(60)).await;
        let reader = projections.reader();
        assert_eq!(reader.trust(account(2)).await.unwrap(), Some(history::trust_state(2, 59)));
        assert_eq!(reader.trust(account(9)).await.unwrap(), None);
        let (state, stake) = reader.limits(account(2)).await.unwrap().unwrap();
        assert_eq!((state.limit, stake), (Amount::new(59), Some(history::trust_state(2, 59))));
        assert_eq!(reader.limits(account(9)).await.unwrap(), None);
        // Records 12 and 15 touch deal 3, the first of them nets it; record 18 touches deal 4.
        let [three, four] = [3, 4].map(history::deal_number);
        let deals = [three, history::deal_number(2), history::deal_number(1_004), history::deal_number(999)];
        let found = reader.deal_extras(&deals).await.unwrap();
        let amount = Amount::new;
        let expected = DealExtras {
            netted_with: Some(history::deal_number(2)),
            replaced_by: Some(history::deal_number(1_004)),
            slashed: amount(4 + 5),
            maker_fee: amount(2),
            taker_fee: amount(4 + 5),
        };
        assert_eq!(found.get(&three), Some(&expected));
        assert_eq!(found.get(&deals[1]).and_then(|extras| extras.netted_with), Some(three));
        assert_eq!(found.len(), 2, "deal 999 was never touched, and deal 1004 says itself what it replaces");
        let many: Vec<_> = (0..250).map(history::deal_number).collect();
        assert_eq!(
            reader.deal_extras(&many).await.unwrap().get(&four).map(|it| it.slashed),
            Some(amount(13))
        );
    }
}

#[tokio::test]
async fn defaults_forks_and_what_came_of_a_deal_are_found() {
    for store in Store::each().await {
        let mut records = history::one_deal();
        records.extend((7..10).map(history::fork));
        let projections = store.projected(&records).await;
        let reader = projections.reader();
        let found = reader.defaults(None, 10).await.unwrap();
        assert_eq!(found.len(), 1);
        let (row, event) = (&found[0], &records[5].outcome.events[0]);
        assert_eq!(event, &Event::Default(row.notice.clone()));
        assert_eq!((row.at, row.time), (Cursor { seq: 6, index: 0 }, records[5].time));
        assert_eq!(row.deal, reader.deal(history::deal_id()).await.unwrap().unwrap().state);
        assert_eq!(reader.defaults(Some(row.at), 10).await.unwrap(), []);
        for limit in [1, 2, 1000] {
            let page = async |before| reader.forks(before, limit).await.unwrap();
            let rows = pages(limit, page, |row| row.at).await;
            let told: Vec<_> = rows.iter().map(|row| (row.at.seq, row.notice.seq, row.time)).collect();
            let expected: Vec<_> = (7..10)
                .rev()
                .map(|seq| (seq, seq, records[usize::try_from(seq).unwrap() - 1].time))
                .collect();
            assert_eq!(told, expected);
        }
        for limit in [1, 1000] {
            let (mut rows, mut after) = (Vec::new(), 0);
            loop {
                let more = reader.deal_outcomes(history::deal_id(), after, limit).await.unwrap();
                let Some(last) = more.last() else { break };
                after = last.record.seq;
                rows.extend(more);
            }
            assert_eq!(rows.iter().map(|row| row.record.seq).collect::<Vec<_>>(), [2, 3, 5, 6]);
            for row in rows {
                let record = &records[usize::try_from(row.record.seq).unwrap() - 1];
                assert_eq!(row.block, record.block.map(|block| block.id));
                assert_eq!(row.record.outcome, record.outcome_bytes);
            }
        }
    }
}

#[tokio::test]
async fn holdings_are_what_each_list_says() {
    for store in Store::each().await {
        let projections = store.projected(&history(60)).await;
        let reader = projections.reader();
        for who in [1, 2, 3] {
            let id = account(who);
            let held = reader.holdings(id).await.unwrap().unwrap();
            assert_eq!(Some(held.account), reader.account(id).await.unwrap());
            assert_eq!(held.balances, reader.balances(id).await.unwrap());
            assert_eq!(held.keys, reader.keys(id).await.unwrap());
            assert_eq!(held.trust, reader.trust(id).await.unwrap());
            let filter = OrderFilter { account: id, market: None, stand: OrderStand::Open, client_id: None };
            let mut open = reader.orders(&filter, None, 1_000).await.unwrap();
            open.reverse();
            assert_eq!(held.orders, open.into_iter().map(|row| (row.state, row.terms)).collect::<Vec<_>>());
            let filter = DealFilter { account: Some(id), due_by: None, open_only: true };
            let mut deals = reader.deals(&filter, None, 1_000).await.unwrap();
            deals.reverse();
            assert!(!deals.is_empty());
            assert_eq!(held.deals, deals.into_iter().map(|row| row.state).collect::<Vec<_>>());
            let all = reader.keys_after(id, None, 10).await.unwrap();
            assert_eq!(all, [(held.keys[0].clone(), who)]);
            assert_eq!(reader.keys_after(id, Some(key(who)), 10).await.unwrap(), []);
        }
        assert_eq!(reader.holdings(account(99)).await.unwrap(), None);
    }
}
