//! What is listed: symbols to numbers, texts to ticks and lots, and the node behind it all.

use crate::wire::{WireError, parse};
use bandex_api::{AssetScale, Scale, ScaleError};
use bandex_tradechain::body::Place;
use bandex_types::{
    Amount, AssetId, BlockId, MarketId, Price, PublicKey, Quantity, Rail, Ratio, Rounding, Side, quote_amount,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetInfo {
    /// Its number in blocks.
    pub id: AssetId,
    /// Its name.
    pub symbol: String,
    /// How its amounts are written.
    pub scale: AssetScale,
    /// How it is paid.
    pub rail: Rail,
}

/// A market: how to write its orders, and how its deals settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketInfo {
    /// Its number in blocks.
    pub id: MarketId,
    /// BASE-QUOTE.
    pub symbol: String,
    /// What is traded.
    pub base: AssetInfo,
    /// What it is paid with.
    pub quote: AssetInfo,
    /// How its prices and quantities are written.
    pub scale: Scale,
    /// Smallest base units a lot.
    pub lot_units: u64,
    /// Smallest quote units a lot at one tick.
    pub tick_value: Ratio,
    /// The smallest tranche, in smallest quote units.
    pub least_tranche: Amount,
    /// How long the due party has to pay a tranche, in microseconds.
    pub pay_us: u64,
    /// How long a payee has to acknowledge, in microseconds.
    pub acknowledge_us: u64,
    /// What it asks of payments, if its quote is paid on the Bitcoin chain.
    pub payments: Option<MarketPayments>,
}

/// What a market asks of payments on the Bitcoin chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketPayments {
    /// How many confirmations make a payment paid, as far as the seller's cap covers it.
    pub confirmations: u16,
    /// How many make any payment final.
    pub final_confirmations: u16,
    /// The largest share of a payment that its fee may take, in parts per million.
    pub fee_share_ppm: u32,
    /// The smallest payment when this was asked, in smallest quote units; it rises with the fees of the chain.
    pub least_payment: Amount,
}

/// All that is listed, by symbol. Fetched once; markets listed later need another look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markets {
    /// The network that all blocks must name.
    pub network: u32,
    /// The node's key, which signs batches and is an account's home.
    pub node: PublicKey,
    /// The id of the genesis.
    pub genesis: BlockId,
    /// Zero bits that a register block's id must begin with.
    pub register_work_bits: u8,
    assets: BTreeMap<String, AssetInfo>,
    markets: BTreeMap<String, Arc<MarketInfo>>,
}

fn rail(text: &str) -> Result<Rail, WireError> {
    match text {
        "token" => Ok(Rail::Token),
        "attested" => Ok(Rail::Attested),
        "bitcoin" => Ok(Rail::Bitcoin),
        other => Err(WireError { field: "rail", why: format!("{other:?} is not known to this version") }),
    }
}

fn scaled<T>(field: &'static str, result: Result<T, ScaleError>) -> Result<T, WireError> {
    result.map_err(|error| WireError { field, why: error.to_string() })
}

fn payments(quote: &AssetInfo, asked: &bandex_api::MarketPayments) -> Result<MarketPayments, WireError> {
    Ok(MarketPayments {
        confirmations: asked.confirmations,
        final_confirmations: asked.final_confirmations,
        fee_share_ppm: asked.fee_share_ppm,
        least_payment: scaled("least_payment", quote.scale.parse(&asked.least_payment))?,
    })
}

impl AssetInfo {
    fn from_wire(asset: &bandex_api::Asset) -> Result<Self, WireError> {
        let scale = AssetScale::new(asset.decimals);
        Ok(Self { id: AssetId::new(asset.id), symbol: asset.symbol.clone(), scale, rail: rail(&asset.rail)? })
    }
}

impl MarketInfo {
    fn from_wire(
        market: &bandex_api::Market,
        assets: &BTreeMap<String, AssetInfo>,
    ) -> Result<Self, WireError> {
        let asset = |field, symbol: &str| {
            let why = || format!("{symbol:?} is not among the assets");
            assets.get(symbol).cloned().ok_or_else(|| WireError { field, why: why() })
        };
        let (base, quote) = (asset("base", &market.base)?, asset("quote", &market.quote)?);
        let tick_value = Ratio::new(market.tick_num, market.tick_den)
            .map_err(|error| WireError { field: "tick_num", why: error.to_string() })?;
        Ok(Self {
            id: MarketId::new(market.id),
            symbol: market.symbol.clone(),
            scale: scaled("tick", Scale::from_steps(&market.tick, &market.lot))?,
            lot_units: market.lot_units,
            tick_value,
            least_tranche: scaled("least_tranche", quote.scale.parse(&market.least_tranche))?,
            pay_us: market.pay_us,
            acknowledge_us: market.acknowledge_us,
            payments: market.payments.as_ref().map(|asked| payments(&quote, asked)).transpose()?,
            base,
            quote,
        })
    }

    /// A limit order, good till cancelled, from decimal texts.
    ///
    /// # Errors
    /// A text is no decimal number, or lies between two steps.
    pub fn limit(&self, side: Side, price: &str, quantity: &str) -> Result<Place, ScaleError> {
        let (price, quantity) = (self.scale.parse_price(price)?, self.scale.parse_quantity(quantity)?);
        Ok(Place::limit(self.id, side, price, quantity))
    }

    /// Lots in smallest base units; `None` past 64 bits.
    pub fn base_units(&self, quantity: Quantity) -> Option<Amount> {
        quantity.get().checked_mul(self.lot_units).map(Amount::new)
    }

    /// Smallest base units in lots; `None` if they are no whole number of lots.
    pub fn lots(&self, units: Amount) -> Option<Quantity> {
        let whole = units.get().checked_rem(self.lot_units)? == 0;
        units.get().checked_div(self.lot_units).filter(|_| whole).map(Quantity::new)
    }

    /// What lots cost at a price, in smallest quote units: rounded for the payee, but down where the ledger holds the
    /// quote, so that an order's lock always covers its trades. `None` past 64 bits.
    pub fn quote_units(&self, quantity: Quantity, price: Price) -> Option<Amount> {
        let rounding = match self.quote.rail {
            Rail::Token => Rounding::Down,
            Rail::Attested | Rail::Bitcoin => Rounding::Up,
        };
        quote_amount(quantity, price, self.tick_value, rounding)
    }
}

impl Markets {
    /// From the answer to `GET /v1/markets`.
    ///
    /// # Errors
    /// A field cannot be read, or a market names an asset that is not listed.
    pub fn from_wire(markets: &bandex_api::Markets) -> Result<Self, WireError> {
        let assets =
            markets.assets.iter().map(|asset| Ok((asset.symbol.clone(), AssetInfo::from_wire(asset)?)));
        let assets = assets.collect::<Result<BTreeMap<_, _>, WireError>>()?;
        let listed = markets
            .markets
            .iter()
            .map(|market| Ok((market.symbol.clone(), Arc::new(MarketInfo::from_wire(market, &assets)?))));
        Ok(Self {
            network: markets.node.network,
            node: parse("node.key", &markets.node.key)?,
            genesis: parse("node.genesis", &markets.node.genesis)?,
            register_work_bits: markets.parameters.register_work_bits,
            markets: listed.collect::<Result<_, WireError>>()?,
            assets,
        })
    }

    /// A market by its symbol (BASE-QUOTE).
    pub fn market(&self, symbol: &str) -> Option<&Arc<MarketInfo>> {
        self.markets.get(symbol)
    }

    /// All markets, by symbol.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<MarketInfo>> {
        self.markets.values()
    }

    /// All assets, by symbol.
    pub fn assets(&self) -> impl Iterator<Item = &AssetInfo> {
        self.assets.values()
    }

    /// An asset by its symbol.
    pub fn asset(&self, symbol: &str) -> Option<&AssetInfo> {
        self.assets.get(symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::wire_markets;

    #[test]
    fn symbols_and_texts_become_numbers() {
        let markets = Markets::from_wire(&wire_markets()).unwrap();
        let market = markets.market("BWT-BTC").unwrap();
        assert_eq!(
            (market.id, market.base.id, market.quote.id),
            (MarketId::new(1), AssetId::BWT, AssetId::BTC)
        );
        let place = market.limit(Side::Buy, "0.000000391595", "12.1").unwrap();
        assert_eq!((place.price, place.quantity), (Price::new(7_831_900), Quantity::new(12_100_000)));
        assert!(market.limit(Side::Buy, "0.00000000000001", "1").is_err());
        assert_eq!(market.base_units(Quantity::new(3)), Some(Amount::new(3_000)));
        assert_eq!(market.lots(Amount::new(3_000)), Some(Quantity::new(3)));
        assert_eq!(market.lots(Amount::new(3_001)), None);
        // 12.1 BWT at 78,318.00 cost 473,823.9 msat: up, since the payee must not lose by rounding.
        let cost = |rail| {
            let quote = AssetInfo { rail, ..market.quote.clone() };
            let market = MarketInfo { quote, ..MarketInfo::clone(market) };
            market.quote_units(Quantity::new(12_100_000), Price::new(7_831_800)).map(Amount::get)
        };
        assert_eq!([cost(Rail::Attested), cost(Rail::Token)], [Some(473_824), Some(473_823)]);
        assert!(markets.market("BWT-XXX").is_none());
        assert_eq!(markets.iter().count(), 1);
    }

    #[test]
    fn unreadable_listings_are_refused_by_field() {
        let check = |change: fn(&mut bandex_api::Markets), field| {
            let mut markets = wire_markets();
            change(&mut markets);
            assert_eq!(Markets::from_wire(&markets).map_err(|error| error.field), Err(field));
        };
        check(|markets| markets.node.key.clear(), "node.key");
        check(|markets| markets.assets[0].rail = "carrier_pigeon".to_owned(), "rail");
        check(|markets| markets.markets[0].base = "XXX".to_owned(), "base");
        check(|markets| markets.markets[0].tick_den = 0, "tick_num");
        check(|markets| markets.markets[0].tick = "-1".to_owned(), "tick");
        check(|markets| markets.markets[0].least_tranche = "1e3".to_owned(), "least_tranche");
    }
}
