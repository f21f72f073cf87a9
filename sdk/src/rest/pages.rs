//! Pages that programs ask for now and then: candles, rate limits, and blocks that are only tried or laid out.

use super::{Rest, RestError, answer};
use crate::wire::signed_to_wire;
use bandex_api::{CandlePage, CandleQuery, Prepare, Prepared, RateLimits, Validated};
use bandex_tradechain::SignedBlock;
use reqwest::Method;

impl Rest {
    /// What was traded on a market in each interval, newest first.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn candles(&self, market: &str, query: &CandleQuery) -> Result<CandlePage, RestError> {
        self.get(&format!("/v1/markets/{market}/candles"), query).await
    }

    /// How much may be asked in what time, and what is left of it to this address.
    ///
    /// # Errors
    /// No answer.
    pub async fn rate_limits(&self) -> Result<RateLimits, RestError> {
        self.get("/v1/rate-limits", &()).await
    }

    /// What would become of a block if it were submitted now. Nothing is sequenced; but the node has seen a signed block
    /// then, so sign no other in its place.
    ///
    /// # Errors
    /// No answer, or what [`Rest::submit`] would be refused for.
    pub async fn validate(&self, signed: &SignedBlock) -> Result<Validated, RestError> {
        answer(self.request(Method::POST, "/v1/blocks/validate").json(&signed_to_wire(signed))).await
    }

    /// Lays out a block in its canonical bytes, from a body in JSON or orders in decimals; for programs that can sign but
    /// not lay out. Sign them with [`crate::Signer::sign_prepared`], which compares them with what was asked for.
    ///
    /// # Errors
    /// No answer, or no block can be made of it.
    pub async fn prepare(&self, wanted: &Prepare) -> Result<Prepared, RestError> {
        answer(self.request(Method::POST, "/v1/blocks/prepare").json(wanted)).await
    }
}
