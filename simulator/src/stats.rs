//! What was done in runs, counted.

use bandex_engine::{
    CancelReason, Event, OperationResult, OrderStatus, OrderTerms, PaymentState, PaymentStatus, Refusal,
};
use bandex_tradechain::Body;
use bandex_tradechain::body::{Operation, Orders};
use bandex_types::OrderType;
use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What was done, summed over runs.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Stats {
            /// Adds those of another run.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)+
            }

            /// Every figure with its name.
            pub fn figures(&self) -> Vec<(&'static str, u64)> {
                vec![$(($text, self.$name),)+]
            }
        }
    };
}

counts! {
    /// Actions, and the steps of the calm at the end.
    steps = "steps",
    /// Blocks that clients signed.
    signed = "blocks signed",
    /// Records in journals.
    records = "records",
    /// Batches in journals.
    batches = "batches",
    /// Deaths of nodes by the story; those by a failed append are counted with the faults.
    node_crashes = "crashes of nodes",
    /// Lost memories of clients.
    client_crashes = "crashes of clients",
    /// Lost memories of agents.
    agent_crashes = "crashes of agents",
    /// Journals opened and replayed.
    starts = "starts by replay",
    /// Appends that failed and said so.
    failed = "appends failed",
    /// Appends of unknown fate that wrote nothing.
    unknown_lost = "appends unknown and lost",
    /// Appends of unknown fate that wrote all.
    unknown_kept = "appends unknown and kept",
    /// Appends that wrote a part.
    torn = "appends torn",
    /// Appends that took their time.
    slow = "appends slow",
    /// Second writers that took over.
    take_overs = "take-overs",
    /// Writers that found that another one took over.
    fenced = "writers fenced",
    /// Jumps of nodes' clocks.
    jumps = "clock jumps",
    /// Letters that arrived, copies counted.
    delivered = "messages delivered",
    /// Letters lost, those to a dead node among them.
    lost = "messages lost",
    /// Letters that came twice.
    doubled = "messages doubled",
    /// Letters that overtook others.
    reordered = "messages reordered",
    /// Deals opened.
    deals = "deals opened",
    /// Deals settled.
    settled = "deals settled",
    /// Deals defaulted.
    defaulted = "deals defaulted",
    /// Deals disputed in the end.
    disputed = "deals disputed",
    /// Fork proofs in journals.
    forks = "forks proved",
    /// Receipts checked.
    receipts = "receipts checked",
    /// Events read by private channels.
    streamed = "private events",
    /// Deals whose default was made good.
    cured = "deals cured",
    /// Deals that were written off.
    written_off = "deals written off",
    /// Deals that both sides ended.
    resolved = "deals resolved",
    /// Times that two deals became one, or none.
    netted = "deals netted",
    /// Times that a bond paid for a default.
    slashed = "bonds slashed",
    /// Bonds posted.
    bonded = "bonds posted",
    /// Bonds asked back.
    unbonded = "bonds asked back",
    /// Bonds that waited for a deal to be over, and returned.
    returned = "bonds returned after a wait",
    /// Fees paid by themselves.
    fees = "fees paid",
    /// Times that fees were taken out of what a deal delivered.
    deal_fees = "fees of deals",
    /// First grants.
    grants = "first grants",
    /// Certificates.
    certificates = "certificates",
    /// Preferences set.
    preferences = "preferences",
    /// Ends of epochs.
    epochs = "epochs",
    /// Times that a node worked scores out.
    scored = "scores worked out",
    /// Scores taken in.
    scores = "scores taken in",
    /// Times that an account was told that it has a score.
    reputations = "scores above nothing",
    /// Times that an account was told of a limit beyond the dust that it earned.
    earned = "limits earned",
    /// Orders cancelled because their account was admitted no more.
    expelled = "orders cancelled for want of admission",
    /// Orders refused for want of admission.
    not_admitted = "refused: not admitted",
    /// Orders refused because the limit leaves no room.
    limit_reached = "refused: limit reached",
    /// Accounts that cheats have beside their first.
    accounts_added = "accounts added by cheats",
    /// Market orders accepted, those in quote units among them.
    market_orders = "market orders",
    /// Market orders by quote quantity accepted.
    quote_sized = "market orders by quote quantity",
    /// Orders till a date accepted.
    dated = "orders till a date",
    /// Orders that ended by their date.
    expired = "orders expired",
    /// Orders accepted that show a part.
    icebergs = "icebergs",
    /// Times that an iceberg showed its next part.
    refreshed = "iceberg parts shown anew",
    /// Orders accepted with a minimum.
    minimums = "orders with a minimum",
    /// Orders that rest beside their own price.
    slid = "post-only orders slid",
    /// Orders cancelled by self-trade prevention.
    self_trades = "orders cancelled by self-trade prevention",
    /// Times that it made a resting order smaller.
    decremented = "orders made smaller by self-trade prevention",
    /// Stop and take-profit orders accepted.
    sleeping = "stop and take-profit orders",
    /// Orders that woke.
    woken = "orders woken",
    /// Orders that woke because of an order that woke.
    cascades = "orders woken by woken orders",
    /// Amendments that took effect.
    amended = "amendments",
    /// Amendments after which the order arrived anew.
    moved = "amendments that lost their place",
    /// Operations that cancelled all, and found something.
    cancelled_all = "operations that cancelled all",
    /// Sets of quotes accepted.
    quotes = "sets of quotes",
    /// Quotes that others replaced.
    replaced = "quotes replaced",
    /// Protections set.
    protections = "protections set",
    /// Protections tripped.
    tripped = "protections tripped",
    /// Quotes pulled by their protection.
    pulled = "quotes pulled",
    /// Market rules set while trading went on.
    rules = "market rules set",
    /// Halts by a trade beyond the band.
    halts = "halts by a price band",
    /// Auctions ended.
    auctions = "auctions",
    /// Trades in auctions.
    auction_trades = "auction trades",
    /// Market orders that an auction left over.
    left_over = "market orders left over by auctions",
    /// Orders passed over because two accounts had too little room for each other.
    passed_over = "orders passed over",
    /// Trades that went into a deal together with an earlier one.
    grown = "trades that grew a deal",
    /// Nodes that died while a market was in auction or halted.
    died_in_auction = "nodes dead in auctions or halts",
    /// Nodes that died while orders slept or icebergs rested.
    died_asleep = "nodes dead with sleeping orders or icebergs",
    /// Operations refused for terms that contradict each other.
    bad_terms = "refused: bad terms",
    /// Operations refused for their date.
    bad_date = "refused: bad date",
    /// Fill-or-kill orders refused.
    fok_unfilled = "refused: fill or kill",
    /// Orders refused for their minimum.
    minimum_unfilled = "refused: minimum",
    /// Orders refused whose trigger was reached.
    trigger_reached = "refused: trigger reached",
    /// Orders refused that an auction does not gather.
    not_in_auction = "refused: not in auction",
    /// Orders refused beyond as many as the market allows.
    too_many_orders = "refused: too many orders",
    /// Quotes refused while their protection was tripped.
    protection_tripped = "refused: protection tripped",
    /// Quotes refused for themselves.
    bad_quotes = "refused: bad quotes",
    /// Post-only orders and quotes refused that would trade.
    would_trade = "refused: would trade",
    /// Operations refused by a closed market.
    closed = "refused: market closed",
    /// Blocks found on the Bitcoin chain, but for those of reorganisations.
    blocks = "blocks on the chain",
    /// Reorganisations.
    reorganisations = "reorganisations",
    /// Those of them that undid what was as deep as final.
    deep = "of them deeper than final",
    /// Looks at a Bitcoin node that was behind.
    lagging = "looks at a node behind",
    /// Deals that are paid on the chain.
    chain_deals = "deals on the chain",
    /// Those of them that were settled.
    chain_settled = "of them settled",
    /// Those of them in which a default cost somebody something.
    chain_lost = "of them lost something",
    /// Payments that were proven.
    payments = "payments proven",
    /// Payments that became final.
    final_payments = "payments final",
    /// Payments that left the chain again.
    reversed = "payments reversed",
    /// Payments for deals that were over.
    late_payments = "payments too late",
    /// Orders refused that no payment is small enough for.
    below_tranche = "refused: below tranche",
    /// Connections of clients that ended.
    hung_up = "connections ended",
    /// Guards of keys that were set or ended.
    guards = "guards set",
    /// Timers of keys that ran down.
    timers = "timers run down",
    /// Orders that such a timer took.
    timed_out = "orders timed out",
    /// Orders that went because their key was gone.
    abandoned = "orders of absent keys",
}

impl Stats {
    /// Counts what became of the operations of a block.
    pub(crate) fn count_results(&mut self, results: &[OperationResult]) {
        for result in results {
            let OperationResult::Refused(refusal) = result else { continue };
            let count = match refusal {
                Refusal::BadTerms { .. } => &mut self.bad_terms,
                Refusal::BadDate => &mut self.bad_date,
                Refusal::FokUnfilled => &mut self.fok_unfilled,
                Refusal::MinimumUnfilled => &mut self.minimum_unfilled,
                Refusal::TriggerReached { .. } => &mut self.trigger_reached,
                Refusal::NotInAuction => &mut self.not_in_auction,
                Refusal::TooManyOrders { .. } => &mut self.too_many_orders,
                Refusal::ProtectionTripped => &mut self.protection_tripped,
                Refusal::BadQuotes { .. } => &mut self.bad_quotes,
                Refusal::WouldTrade => &mut self.would_trade,
                Refusal::MarketClosed { .. } => &mut self.closed,
                Refusal::NotAdmitted { .. } => &mut self.not_admitted,
                Refusal::LimitReached { .. } => &mut self.limit_reached,
                Refusal::BelowTranche { .. } => &mut self.below_tranche,
                _ => continue,
            };
            *count = count.saturating_add(1);
        }
    }

    /// Counts the operations of a block that took effect.
    pub(crate) fn count_operations(&mut self, orders: &Orders, results: &[OperationResult]) {
        for (operation, result) in orders.operations.iter().zip(results) {
            let count = match operation {
                _ if *result != OperationResult::Done => continue,
                Operation::Amend { .. } => &mut self.amended,
                Operation::CancelAll { .. } => &mut self.cancelled_all,
                Operation::Quote(quotes) if !quotes.quotes.is_empty() => &mut self.quotes,
                Operation::Protect { protection: Some(_), .. } => &mut self.protections,
                _ => continue,
            };
            *count = count.saturating_add(1);
        }
    }

    /// Counts a block that took effect.
    pub(crate) const fn count_block(&mut self, body: &Body) {
        let count = match body {
            Body::Bond(_) => &mut self.bonded,
            Body::Unbond(_) => &mut self.unbonded,
            Body::Fee(_) => &mut self.fees,
            Body::Claim(_) => &mut self.grants,
            Body::Certify(_) => &mut self.certificates,
            Body::Prefer(_) => &mut self.preferences,
            Body::Guard(_) => &mut self.guards,
            _ => return,
        };
        *count = count.saturating_add(1);
    }

    /// Counts what an outcome tells of orders and of trust.
    pub(crate) fn count_events(&mut self, events: &[Event]) {
        let mut gathered = 0_u64;
        for event in events {
            match event {
                Event::Terms(terms) => self.count_terms(terms),
                Event::Trade(_) => gathered = gathered.saturating_add(1),
                Event::Auction { .. } => {
                    self.auctions = self.auctions.saturating_add(1);
                    self.auction_trades = self.auction_trades.saturating_add(gathered);
                }
                Event::Market { .. } => gathered = 0,
                Event::MarketRules { .. } => self.rules = self.rules.saturating_add(1),
                Event::Protection { tripped: true, .. } => self.tripped = self.tripped.saturating_add(1),
                Event::Order(order) => self.count_end(order.status),
                Event::Payment(state) => self.count_payment(state),
                Event::Guard(state) if state.cancel_after_us > 0 && state.due.is_none() => {
                    self.timers = self.timers.saturating_add(1);
                }
                Event::Slash(_) => self.slashed = self.slashed.saturating_add(1),
                Event::Netted(_) => self.netted = self.netted.saturating_add(1),
                Event::DealFees { .. } => self.deal_fees = self.deal_fees.saturating_add(1),
                Event::Epoch { .. } => self.epochs = self.epochs.saturating_add(1),
                Event::Scored { .. } => self.scores = self.scores.saturating_add(1),
                Event::Trust(state) => {
                    self.reputations = self.reputations.saturating_add(u64::from(state.score_ppb > 0));
                    self.earned = self.earned.saturating_add(u64::from(!state.limit.earned.is_zero()));
                }
                _ => {}
            }
        }
    }

    const fn count_payment(&mut self, state: &PaymentState) {
        let count = match state.status {
            PaymentStatus::Included | PaymentStatus::Paid => &mut self.payments,
            PaymentStatus::Final => &mut self.final_payments,
            PaymentStatus::Reversed => &mut self.reversed,
        };
        *count = count.saturating_add(1);
        self.late_payments = self.late_payments.saturating_add(state.late as u64);
    }

    const fn count_end(&mut self, status: OrderStatus) {
        let OrderStatus::Cancelled(reason) = status else { return };
        let count = match reason {
            CancelReason::Expired => &mut self.expired,
            CancelReason::SelfTrade => &mut self.self_trades,
            CancelReason::Replaced => &mut self.replaced,
            CancelReason::Protection => &mut self.pulled,
            CancelReason::OutsideBand => &mut self.halts,
            CancelReason::NotAdmitted => &mut self.expelled,
            CancelReason::AuctionUnfilled => &mut self.left_over,
            CancelReason::Timer => &mut self.timed_out,
            CancelReason::Disconnected => &mut self.abandoned,
            _ => return,
        };
        *count = count.saturating_add(1);
    }

    fn count_terms(&mut self, terms: &OrderTerms) {
        let present = [
            (terms.order_type == OrderType::Market, &mut self.market_orders),
            (terms.quote_quantity.is_some(), &mut self.quote_sized),
            (terms.expires.is_some(), &mut self.dated),
            (terms.display.is_some(), &mut self.icebergs),
            (terms.minimum.is_some(), &mut self.minimums),
            (terms.trigger.is_some(), &mut self.sleeping),
        ];
        for (_, count) in present.into_iter().filter(|(present, _)| *present) {
            *count = count.saturating_add(1);
        }
    }
}
