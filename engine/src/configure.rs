//! Decisions of the operator.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::market::Market;
use crate::outcome::{Event, FreezeReason};
use crate::refusal::check_serves;
use bandex_tradechain::body::{AssetListing, Change, MarketListing, MarketState, Parameters};
use bandex_types::{AccountId, Amount, AssetId, Rail};

/// The most decimals of an asset: then one whole unit still fits 64 bits.
const MOST_DECIMALS: u8 = 18;

/// The decimals of bitcoin in thousandths of a satoshi.
const BITCOIN_DECIMALS: u8 = 11;

pub(crate) fn refuse<T>(rule: &str) -> Result<T, Refusal> {
    Err(Refusal::BadListing { rule: rule.to_owned() })
}

impl Engine {
    pub(crate) fn configure(&mut self, change: &Change, effects: &mut Effects) -> Result<(), Refusal> {
        match change {
            Change::ListAsset(listing) => self.list_asset(listing, effects),
            Change::ListMarket(listing) => self.list_market(listing, effects),
            Change::SetMarketState { market, state } => self.decide_market_state(*market, *state, effects),
            Change::SetLimit { account, limit } => self.set_limit(account, *limit, effects),
            Change::SetCreditLine { account, line } => self.set_credit_line(account, *line, effects),
            Change::SetParameters(parameters) => self.set_parameters(parameters, effects),
            Change::Issue { to, amount } => self.issue(to, *amount, effects),
            Change::SetFrozen { account, frozen } => self.set_frozen(account, *frozen, effects),
            Change::SetMarketRules { market, rules } => self.set_market_rules(*market, *rules, effects),
            Change::SetTrust(terms) => self.set_trust(terms, effects),
            Change::SetRate { asset, rate } => self.set_rate(*asset, *rate, effects),
            Change::SetSeed { account, seed } => self.set_seed(account, *seed, effects),
            Change::SetRegistrar { account, registrar } => self.set_registrar(account, *registrar, effects),
            Change::SetFees { market, fees } => self.set_fees(*market, *fees, effects),
            Change::SetBitcoin(terms) => self.set_bitcoin(terms, effects),
            Change::SetPayments { market, terms } => self.set_payments(*market, *terms, effects),
        }
    }

    fn list_asset(&mut self, listing: &AssetListing, effects: &mut Effects) -> Result<(), Refusal> {
        let taken = |other: &AssetListing| other.id == listing.id || other.symbol == listing.symbol;
        if self.assets.values().any(taken) {
            return Err(Refusal::AlreadyListed);
        }
        let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        if !(2..=8).contains(&listing.symbol.len()) || !listing.symbol.chars().all(legal) {
            return refuse("a symbol has 2 to 8 capital letters or digits");
        }
        if listing.decimals > MOST_DECIMALS {
            return refuse("an asset has at most 18 decimals");
        }
        // Only the bandwidth token has an issuance on this ledger.
        if (listing.rail == Rail::Token) != (listing.id == AssetId::BWT) {
            return refuse("asset 0, the bandwidth token, and no other is on the token rail");
        }
        if listing.rail == Rail::Bitcoin {
            check_serves(self.serves_bitcoin(), "the bitcoin rail")?;
            if self.bitcoin.is_none() {
                return Err(Refusal::NoBitcoin);
            }
            if listing.decimals != BITCOIN_DECIMALS {
                return refuse(
                    "an asset on the bitcoin rail has 11 decimals: its unit is a thousandth of a satoshi",
                );
            }
        }
        // From here it is listed.
        self.assets.insert(listing.id, listing.clone());
        effects.push(Event::Asset(listing.clone()));
        Ok(())
    }

    fn list_market(&mut self, listing: &MarketListing, effects: &mut Effects) -> Result<(), Refusal> {
        let pair =
            |other: &Market| (other.listing.base, other.listing.quote) == (listing.base, listing.quote);
        if self.markets.contains_key(&listing.id) || self.markets.values().any(pair) {
            return Err(Refusal::AlreadyListed);
        }
        let rail = |asset: &AssetId| self.assets.get(asset).map(|asset| asset.rail);
        let (Some(base_rail), Some(quote_rail)) = (rail(&listing.base), rail(&listing.quote)) else {
            return refuse("list both assets first");
        };
        if listing.base == listing.quote {
            return refuse("base and quote are two assets");
        }
        if base_rail == Rail::Bitcoin || (quote_rail == Rail::Bitcoin && base_rail != Rail::Token) {
            return refuse(
                "the bitcoin rail pays for tokens: the base is on the token rail, the quote on the bitcoin rail",
            );
        }
        if listing.lot_units == 0 || !listing.tick_value.is_valid() {
            return refuse("lot_units and both parts of tick_value are above 0");
        }
        if listing.pay_us == 0 || listing.acknowledge_us == 0 {
            return refuse("both deadlines are above 0");
        }
        // From here it is listed.
        let (listing, state) = (listing.clone(), MarketState::Trading);
        effects.push(Event::Market { listing: listing.clone(), state });
        let mut market = Market::new(listing, base_rail, quote_rail);
        market.rate = self.rate(market.listing.quote);
        self.markets.insert(market.listing.id, market);
        self.set_least_payments();
        Ok(())
    }

    pub(crate) fn trader(&self, account: &AccountId) -> Result<AccountIndex, Refusal> {
        let index = self.accounts.find(account).ok_or(Refusal::UnknownAccount)?;
        if index == AccountIndex::ISSUANCE { Err(Refusal::UnknownAccount) } else { Ok(index) }
    }

    fn set_limit(
        &mut self,
        account: &AccountId,
        limit: Option<Amount>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.trader(account)?;
        self.accounts.get_mut(index).limit = limit;
        effects.account(index);
        self.tell_trust(index, effects);
        self.refresh(index, effects);
        Ok(())
    }

    fn set_credit_line(
        &mut self,
        account: &AccountId,
        line: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.trader(account)?;
        self.ledger.set_credit_line(index, line);
        effects.account(index);
        Ok(())
    }

    fn set_parameters(&mut self, parameters: &Parameters, effects: &mut Effects) -> Result<(), Refusal> {
        if parameters.share_ppm > 1_000_000 {
            return refuse("share_ppm is at most 1,000,000");
        }
        if parameters.register_work_bits > 40 || parameters.proposal_us == 0 {
            return refuse("register_work_bits is at most 40 and proposal_us above 0");
        }
        self.check_admission(&self.trust.terms, parameters.dust)?;
        // From here they hold. The dust is a part of the limit of every account that has none of its own.
        if parameters.dust != self.parameters.dust {
            effects.accounts.extend(self.accounts.without_limit());
        }
        self.parameters = parameters.clone();
        effects.push(Event::Parameters(parameters.clone()));
        self.refresh_all(effects);
        Ok(())
    }

    fn issue(&mut self, to: &AccountId, amount: Amount, effects: &mut Effects) -> Result<(), Refusal> {
        let index = self.trader(to)?;
        self.ledger
            .transfer(AccountIndex::ISSUANCE, index, amount)
            .map_err(|short| Refusal::IssuanceCapped { left: short.free })?;
        effects.balance(AccountIndex::ISSUANCE);
        effects.balance(index);
        Ok(())
    }

    fn set_frozen(
        &mut self,
        account: &AccountId,
        frozen: bool,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.trader(account)?;
        if frozen {
            self.freeze(index, FreezeReason::Operator, effects);
        } else {
            self.accounts.get_mut(index).frozen.remove(&FreezeReason::Operator);
            effects.account(index);
            self.tell_trust(index, effects);
        }
        Ok(())
    }
}
