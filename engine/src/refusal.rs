//! Refusals: every way in which a sequenced command is turned down, with the numbers a person needs.

use crate::outcome::{FreezeReason, LimitParts};
use bandex_tradechain::body::MarketState;
use bandex_types::{Amount, Price, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })? = $number:literal,
        $code:literal, $text:literal, $cure:literal;)+) => {
        /// Why a command or an operation was refused. A refusal is an outcome: it is recorded and consumes a seq.
        #[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, thiserror::Error)]
        #[serde(tag = "code", rename_all = "snake_case")]
        #[borsh(use_discriminant = true)]
        #[repr(u8)]
        pub enum Refusal {
            $($(#[$doc])* #[error($text)] #[serde(rename = $code)]
            $name $({ $($(#[$field_doc])* $field: $type,)+ })? = $number,)+
        }

        impl Refusal {
            /// The stable code that programs test for.
            pub const fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code,)+ }
            }

            /// Every code with what it means, for documents.
            pub const CODES: &'static [(&'static str, &'static str)] = &[$(($code, $text),)+];

            /// Every code with what to do about it, in the same order.
            pub const CURES: &'static [(&'static str, &'static str)] = &[$(($code, $cure),)+];
        }
    };
}

refusals! {
    /// Sequenced after its expiry.
    Expired {
        /// The block's expiry.
        expiry: Timestamp,
        /// When it was sequenced.
        sequenced: Timestamp,
    } = 0, "expired", "the block expired at {expiry} and was sequenced at {sequenced}; sign a new one",
        "sign a new block, with more time to its expiry";
    /// The block does not continue its lane; only a dishonest journal holds one.
    NotNext = 1, "not_next", "the block does not continue its lane",
        "none: an honest node never answers so; keep the receipt as evidence";
    /// The key is none of this node's.
    UnknownKey = 2, "unknown_key", "no account here has this key; register it or have it granted",
        "register the key, or have it granted";
    /// The key was revoked or rotated away.
    KeyRevoked = 3, "key_revoked", "the key was revoked; sign with another key of the account",
        "sign with another key of the account";
    /// The key forked.
    KeyForked = 4, "key_forked", "the key signed two blocks for one seq and is frozen; the root key must heal and grant another",
        "the root key heals and grants another key; a root key that forked is lost for good";
    /// The grant has ended.
    GrantExpired {
        /// When.
        expired: Timestamp,
    } = 5, "grant_expired", "the grant of this key ended at {expired}; the root key can grant another",
        "have another key granted by the root key";
    /// The key is not granted this.
    OutOfScope = 6, "out_of_scope", "the grant of this key does not cover this kind of block",
        "sign with a key whose grant covers this kind of block";
    /// Only the root key may.
    RootOnly = 7, "root_only", "only the root key of the account may sign this",
        "sign with the root key";
    /// The key may not trade here.
    MarketNotGranted = 8, "market_not_granted", "the grant of this key does not cover this market",
        "trade a market of the grant, or sign with another key";
    /// The order is larger than the grant allows.
    AboveGrant {
        /// Of the order, in quote units.
        notional: Amount,
        /// The grant's.
        largest: Amount,
    } = 9, "above_grant", "the order's notional {notional} is above the {largest} that this key may place",
        "order less at a time, or sign with another key";
    /// The account may not order.
    AccountFrozen {
        /// Why.
        reason: FreezeReason,
    } = 10, "account_frozen", "the account is frozen ({reason}): it may read, pay and acknowledge payments",
        "settle what is open; after a fork of a session key `heal`; `reason` says which it is";
    /// Part of the design that is not served yet.
    NotServed {
        /// Its name.
        what: String,
    } = 11, "not_served", "{what} is not served yet",
        "leave out what `what` names";
    /// No such market.
    UnknownMarket = 12, "unknown_market", "there is no such market",
        "take a number of `GET /v1/markets`";
    /// The market does not take this now.
    MarketClosed {
        /// What it does now.
        state: MarketState,
    } = 13, "market_closed", "the market is {state:?}; wait until it trades",
        "wait until it trades; `GET /v1/markets/{market}` shows its state";
    /// Nothing is ordered.
    ZeroQuantity = 14, "zero_quantity", "the quantity must be above 0",
        "order at least one lot";
    /// Larger than the numbers can hold.
    TooLarge = 15, "too_large", "the amount is larger than 64 bits can hold; use a smaller one",
        "a smaller quantity or price";
    /// A post-only order that would trade.
    WouldTrade = 16, "post_only_would_trade", "the order is post-only and would trade at this price",
        "a less aggressive price";
    /// A fill-or-kill order that cannot fill.
    FokUnfilled = 17, "fok_unfilled", "the order cannot be filled at once in full",
        "a smaller quantity, or `ioc`";
    /// The key has another open order with this client id.
    DuplicateClientId = 18, "duplicate_client_id", "an open order of this key has this client id",
        "another client id";
    /// Fewer free tokens than needed.
    InsufficientFree {
        /// How many are needed.
        needed: Amount,
        /// How many are free, credit line included.
        free: Amount,
    } = 19, "insufficient_free", "{needed} units are needed and {free} are free; wait for locks to end or get more",
        "wait for locks to end, or get more tokens";
    /// Too many open bids for the limit.
    BidsAboveBound {
        /// Open bids and unsettled purchases with this one, in the unit of account.
        notional: Amount,
        /// The most they may be.
        bound: Amount,
    } = 20, "bids_above_bound", "open bids and unsettled purchases would be {notional}, above {bound}; cancel, settle, or have the limit raised",
        "cancel bids, settle purchases, or have the limit raised";
    /// The account's limit leaves no room for the smallest tranche.
    LimitExhausted {
        /// The limit G.
        limit: Amount,
        /// What open deals leave of it.
        free: Amount,
    } = 21, "limit_exhausted", "of the account's limit {limit} only {free} is free; settle open deals or have the limit raised",
        "settle open deals, or have the limit raised; only under rules before version 3";
    /// No such open order.
    UnknownOrder = 22, "unknown_order", "no such order is open",
        "look at the channel `orders`: it may just have been filled or cancelled";
    /// It belongs to another account.
    NotYourOrder = 23, "not_your_order", "the order belongs to another account",
        "name an order of the own account";
    /// No such deal.
    UnknownDeal = 24, "unknown_deal", "there is no such deal",
        "compare the id with `GET /v1/deals`";
    /// The account is no side of it.
    NotYourDeal = 25, "not_your_deal", "the account is no side of this deal",
        "name a deal of the own account";
    /// It is the other side's turn.
    NotDue = 26, "not_due", "nothing is due by this side now",
        "wait for the other side";
    /// Another tranche is due.
    WrongTranche {
        /// The one that is due.
        expected: u32,
    } = 27, "wrong_tranche", "tranche {expected} is due",
        "compute the tranche again from the deal, compare, then sign";
    /// Another amount is due.
    WrongAmount {
        /// The cumulative amount that is due.
        expected: Amount,
    } = 28, "wrong_amount", "the cumulative amount that is due is {expected}",
        "compute the amount again from the deal, compare, then sign";
    /// It was paid already and waits for the countersignature.
    PaymentInFlight = 29, "payment_in_flight", "this tranche was paid and waits for the payee's acknowledgement",
        "wait for the acknowledgement";
    /// The deal is over.
    DealClosed = 30, "deal_closed", "the deal is over",
        "none: it is over, or the deadline has passed";
    /// No such proposal waits.
    UnknownProposal = 31, "unknown_proposal", "no proposal with this id waits for an acknowledgement",
        "none: it was acknowledged, or has expired";
    /// Somebody else's to acknowledge.
    NotCounterparty = 32, "not_counterparty", "only the counterparty that the proposal names may acknowledge it",
        "leave it to the other side";
    /// No such account.
    UnknownAccount = 33, "unknown_account", "there is no such account here",
        "compare the account with what its owner says";
    /// To oneself.
    ToSelf = 34, "to_self", "the counterparty must be another account",
        "name another account";
    /// The ledger does not keep this asset.
    NotOnLedger = 35, "not_on_ledger", "this asset is not kept on the ledger",
        "name BWT, the one asset on the ledger";
    /// Not the operator's key.
    NotOperator = 36, "not_operator", "only the operator key signs configure blocks",
        "sign with the operator's key";
    /// The number or name is taken.
    AlreadyListed = 37, "already_listed", "an asset or market with this number or name is listed",
        "another number or name";
    /// The listing breaks a rule.
    BadListing {
        /// Which.
        rule: String,
    } = 38, "bad_listing", "{rule}",
        "mend what the rule names";
    /// Issuance has reached its cap.
    IssuanceCapped {
        /// What is left of it.
        left: Amount,
    } = 39, "issuance_capped", "only {left} is left of the issuance cap",
        "issue at most `left`";
    /// Not enough work in the block's id.
    TooLittleWork {
        /// Zero bits that it must begin with.
        bits: u8,
    } = 40, "too_little_work", "the block's id must begin with {bits} zero bits; search another nonce",
        "search a nonce until the id begins with that many zero bits";
    /// The account lives on another node.
    OtherHome = 41, "other_home", "the register block names another home node",
        "name this node's key as home";
    /// The key is taken.
    KeyTaken = 42, "key_taken", "the key has a lane here already; use a new one",
        "make a new key";
    /// Nothing to heal.
    NothingToHeal = 43, "nothing_to_heal", "no fork by this key froze the account",
        "none: nothing froze the account so";
    /// The two blocks prove nothing.
    NoFork = 44, "no_fork", "the two blocks do not prove a fork here",
        "none: an honest node never shows such a proof";
    /// Not in this place of the journal.
    Misplaced = 45, "misplaced", "this command does not belong here",
        "none: an honest node never answers so; keep the receipt as evidence";
    /// GTD without a date, or a date without GTD, or in the past.
    BadDate = 46, "bad_date", "a GTD order names a date in the future, others none",
        "a later date for GTD, none for others";
    /// The order's terms contradict each other.
    BadTerms {
        /// Which rule they break.
        rule: String,
    } = 47, "bad_terms", "{rule}",
        "mend what the rule names; the SDK finds it before it signs";
    /// Less than the minimum can trade at once.
    MinimumUnfilled = 48, "minimum_unfilled", "the order cannot trade its minimum at once",
        "a smaller minimum, or a better price";
    /// The trigger would wake the order at once.
    TriggerReached {
        /// The price of the last trade, in ticks.
        last: Price,
    } = 49, "trigger_reached", "the last trade at {last} reaches the trigger already; place the order without one",
        "place the order without a trigger, or with another";
    /// An auction does not gather such orders.
    NotInAuction = 50, "not_in_auction", "an auction gathers limit orders that may rest and market IOC orders in lots, without minimum, trigger or post-only",
        "wait until the market trades";
    /// As many orders as the market allows an account.
    TooManyOrders {
        /// That many.
        most: u32,
    } = 51, "too_many_orders", "an account may have {most} open orders on this market; cancel some",
        "cancel some";
    /// The account's quotes were pulled.
    ProtectionTripped = 52, "protection_tripped", "the protection of the account's quotes was tripped; set it again, or end it, before quoting",
        "look why the quotes were filled so fast, then `protect` again";
    /// Quotes that cannot stand together.
    BadQuotes {
        /// Which rule they break.
        rule: String,
    } = 53, "bad_quotes", "{rule}",
        "mend what the rule names; the old quotes still rest";
    /// The account is not admitted.
    NotAdmitted {
        /// What admits it.
        how: String,
    } = 54, "not_admitted", "the account may read and settle, but not order: {how}",
        "pay the fee, do the work, or have a registrar certify the account; `how` says which";
    /// It had the first grant.
    AlreadyClaimed = 55, "already_claimed", "an account gets the first grant once",
        "none: it was granted";
    /// There is none.
    NoGrant = 56, "no_grant", "no first grant is offered",
        "get tokens from somebody else";
    /// Not a registrar's account.
    NotRegistrar = 57, "not_registrar", "only an account that the operator made a registrar signs certificates",
        "have the operator name the account as a registrar";
    /// The deal is in no state for this.
    WrongState {
        /// The state it is in, in words.
        state: String,
    } = 58, "wrong_state", "{state}; only a deal that is disputed, defaulted or written off is ended so",
        "wait until the deal is in such a state; `state` says in which it is";
    /// Less is bonded.
    InsufficientBond {
        /// How much is, without what leaves already, in bytes.
        bonded: Amount,
    } = 59, "insufficient_bond", "only {bonded} is bonded",
        "unbond at most `bonded`";
    /// The account's limit leaves no room.
    LimitReached {
        /// The limit and where it comes from, in the unit of account.
        limit: Box<LimitParts>,
        /// What open deals reserve of it.
        reserved: Amount,
        /// What deals that were written off hold of it.
        burden: Amount,
        /// What would raise it.
        raise: String,
    } = 60, "limit_reached", "too little of the account's limit is free: {limit}; open deals reserve {reserved}, written-off deals hold {burden}; {raise}",
        "`raise` says what would raise the limit; settling frees it, `GET /v1/limits/{account}` explains it";
    /// Too small for a payment on the chain.
    BelowTranche {
        /// The smallest payment, in quote units.
        least: Amount,
        /// How much could be paid at a time, in quote units.
        cap: Amount,
        /// What would help.
        help: String,
    } = 61, "below_tranche", "{cap} could be paid at a time and fees would take too large a share of less than {least}; {help}",
        "`help` says what helps: more at once, or a higher limit by a bond";
    /// A header builds upon none that is known, or a payment is in no block of the chain.
    UnknownHeader = 62, "unknown_header", "the block is not part of the chain that is known here, and builds upon none of its blocks",
        "none: only the node shows headers, never a trader";
    /// A header breaks the rules of its chain.
    BadHeader {
        /// Which rule.
        rule: String,
    } = 63, "bad_header", "{rule}",
        "none: only the node shows headers, never a trader";
    /// The proof of a payment does not prove it.
    BadProof {
        /// Why.
        rule: String,
    } = 64, "bad_proof", "{rule}",
        "none: only the node shows payments, never a trader";
    /// The transaction pays no deal, or is counted already.
    UnknownPayment = 65, "unknown_payment", "the transaction pays no script that a deal names, or it is counted already",
        "none: only the node shows payments, never a trader";
    /// Another deal was paid to the script.
    ScriptUsed = 66, "script_used", "the script was named for a deal already; name a fresh one",
        "name a fresh script";
    /// A script that nobody pays to.
    BadScript = 67, "bad_script", "the script is none of P2PKH, P2SH, P2WPKH, P2WSH and P2TR",
        "name a script of these kinds";
    /// The chain is not followed.
    NoBitcoin = 68, "no_bitcoin", "the operator has not set which Bitcoin chain is followed",
        "wait until the operator has chosen the chain";
    /// The leg is paid on the chain.
    PaidOnChain = 69, "paid_on_chain", "this leg is paid on the Bitcoin chain, where payments count by themselves",
        "pay on the chain; nothing is to be signed here";
    /// The key does not want its orders cancelled when it is gone.
    NotGuarded = 70, "not_guarded", "the key has not asked that its orders are cancelled when its connections end",
        "none: only the node says that a key is gone, never a trader";
    /// The grace of a key that is gone runs.
    GraceRuns {
        /// When it ends.
        due: Timestamp,
    } = 71, "grace_runs", "the grace of the key runs until {due}",
        "none: only the node says that a key is gone, never a trader";
}

/// Refuses by name what is not served.
pub(crate) fn not_served<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::NotServed { what: what.to_owned() })
}

/// Refuses by name what the rules of the journal do not know yet.
pub(crate) fn check_serves(serves: bool, what: &str) -> Result<(), Refusal> {
    if serves { Ok(()) } else { not_served(what) }
}
