//! Messages as they come and go.

use crate::clock;
use crate::http::problem::Fault;
use axum::extract::ws::{Message, Utf8Bytes};
use bandex_api::{Problem, PushKind, Subscribe};
use bandex_types::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

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

/// What a reply belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub req_id: u64,
    /// When the request had been read.
    pub time_in: Timestamp,
}

impl Asked {
    /// A request that was read just now.
    pub fn now(req_id: u64) -> Self {
        Self { req_id, time_in: clock::now() }
    }
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
    time_in_us: u64,
    time_out_us: u64,
}

impl<'a, T: Serialize> Outgoing<'a, T> {
    fn text(asked: Asked, result: Option<&'a T>, error: Option<Problem>) -> Message {
        let (time_in_us, time_out_us) = (asked.time_in.as_micros(), clock::now().as_micros());
        text(&Self { req_id: asked.req_id, ok: error.is_none(), result, error, time_in_us, time_out_us })
    }
}

/// Anything as a JSON text.
pub(super) fn text(message: &impl Serialize) -> Message {
    Message::text(serde_json::to_string(message).unwrap_or_default())
}

pub(super) fn succeeded(asked: Asked, result: &impl Serialize) -> Message {
    Outgoing::text(asked, Some(result), None)
}

pub(super) fn failed(asked: Asked, fault: Fault) -> Message {
    Outgoing::<()>::text(asked, None, Some(*fault.0))
}

/// Data as it is put into a push.
pub(super) fn raw(data: &impl Serialize) -> Box<RawValue> {
    to_raw_value(data).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A push of a topic, in the shape of [`bandex_api::Push`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// What was asked for.
    pub topic: &'a Subscribe,
    pub kind: PushKind,
    pub prev_seq: u64,
    pub seq: u64,
    pub data: &'a RawValue,
}

impl Said<'_> {
    /// The text that everybody who follows is sent.
    pub fn text(self) -> Utf8Bytes {
        #[derive(Serialize)]
        struct Push<'a> {
            #[serde(flatten)]
            topic: &'a Subscribe,
            kind: PushKind,
            prev_seq: u64,
            seq: u64,
            data: &'a RawValue,
        }
        let Self { topic, kind, prev_seq, seq, data } = self;
        let push = Push { topic, kind, prev_seq, seq, data };
        serde_json::to_string(&push).unwrap_or_default().into()
    }
}
