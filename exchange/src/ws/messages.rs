//! Messages as they come and go.

use crate::http::problem::Fault;
use axum::extract::ws::Message;
use bandex_api::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A request, its parameters not read yet.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    #[serde(borrow)]
    pub method: &'a str,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(default)]
    pub req_id: u64,
}

impl Incoming<'_> {
    /// The parameters, as the method has them.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let text = self.params.map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|error| Fault::bad_request(format!("params: {error}")))
    }
}

/// The parameters of `submit`.
#[derive(Debug, Deserialize)]
pub(super) struct Submit {
    pub payload: String,
    pub signature: String,
    pub receipt: Option<bool>,
}

/// A reply, in the shape of [`bandex_api::Reply`], written without a detour.
#[derive(Serialize)]
struct Outgoing<'a, T: Serialize> {
    req_id: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// Anything as a JSON text.
pub(super) fn text(message: &impl Serialize) -> Message {
    Message::text(serde_json::to_string(message).unwrap_or_default())
}

pub(super) fn succeeded(req_id: u64, result: &impl Serialize) -> Message {
    text(&Outgoing { req_id, ok: true, result: Some(result), error: None })
}

pub(super) fn failed(req_id: u64, fault: Fault) -> Message {
    text(&Outgoing::<()> { req_id, ok: false, result: None, error: Some(*fault.0) })
}
