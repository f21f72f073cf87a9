//! Errors on their way to Python: each has a code that programs test for, and a class that says how it stands.

use bandex_sdk::api::{Problem, ScaleError};
use bandex_sdk::tradechain::{DecodeError, KeyError, ReceiptError, VerifyError};
use bandex_sdk::types::TimestampError;
use bandex_sdk::{
    BookError, ClientError, LaneError, OrderError, PreparedError, ReplyError, RestError, SignError,
    StoreError, SubmitError, TraderError, WireError,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;
use serde_json::Value;
use std::error::Error;

/// Which class of `bandex.errors`.
#[derive(Debug, Clone, Copy)]
pub enum Class {
    /// What was given cannot be used; nothing was signed or sent.
    InvalidInput,
    /// A signature, a receipt or a block proves nothing.
    BadProof,
    /// A book cannot go on.
    BookBroken,
    /// Not sequenced.
    Rejected,
    /// Sequenced and refused.
    Refused,
    /// Nobody knows whether it was sequenced.
    UnknownOutcome,
    /// Nothing can be signed in this lane any more.
    LaneBroken,
    /// No exchange answers.
    ConnectionFailed,
}

/// An error of this package.
#[derive(Debug)]
pub struct Fault {
    class: Class,
    code: String,
    message: String,
    /// What the exchange said.
    problem: Option<Value>,
}

/// The usual result.
pub type Answer<T> = Result<T, Fault>;

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::BadProof => "BadProof",
            Self::BookBroken => "BookBroken",
            Self::Rejected => "Rejected",
            Self::Refused => "Refused",
            Self::UnknownOutcome => "UnknownOutcome",
            Self::LaneBroken => "LaneBroken",
            Self::ConnectionFailed => "ConnectionFailed",
        }
    }
}

impl Fault {
    /// Of a class, with its code and words.
    pub fn new(class: Class, code: &str, message: impl ToString) -> Self {
        Self { class, code: code.to_owned(), message: message.to_string(), problem: None }
    }

    /// What was given cannot be used.
    pub fn invalid(message: impl ToString) -> Self {
        Self::new(Class::InvalidInput, "bad_input", message)
    }

    /// What the exchange said no with.
    fn of_problem(problem: &Problem) -> Self {
        let class = match problem.outcome.as_deref() {
            Some("refused" | "accepted") => Class::Refused,
            Some("unknown") => Class::UnknownOutcome,
            _ => Class::Rejected,
        };
        let message = format!("{}: {}", problem.code, problem.detail);
        let code = problem.code.clone();
        Self { class, code, message, problem: serde_json::to_value(problem).ok() }
    }

    /// The same about operation `number` of several.
    #[must_use]
    pub fn at(self, number: usize) -> Self {
        Self { message: format!("operation {number}: {}", self.message), ..self }
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        Python::attach(|py| raise(py, &fault).unwrap_or_else(|error| error))
    }
}

/// Makes the exception; the error is one of Python's own, if the package is not whole.
fn raise(py: Python<'_>, fault: &Fault) -> PyResult<PyErr> {
    static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let errors = ERRORS.get_or_try_init(py, || PyModule::import(py, "bandex.errors").map(Bound::unbind))?;
    let class = errors.bind(py).getattr(fault.class.name())?;
    let problem = crate::value::to_python(py, fault.problem.as_ref().unwrap_or(&Value::Null))?;
    let made = class.call1((&fault.message, &fault.code, problem))?;
    Ok(PyErr::from_value(made))
}

macro_rules! invalid {
    ($($error:ty => $code:literal),+ $(,)?) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::new(Class::InvalidInput, $code, error)
            }
        })+
    };
}

invalid! {
    OrderError => "bad_order",
    ScaleError => "bad_decimal",
    TimestampError => "time_unit",
    WireError => "bad_field",
    serde_json::Error => "bad_shape",
}

impl From<SignError> for Fault {
    fn from(error: SignError) -> Self {
        let code = match error {
            SignError::Body(_) => "bad_body",
            SignError::Time(_) => "time_unit",
            SignError::TooLarge(_) => "too_large",
            SignError::LaneBegun => "lane_begun",
            SignError::NoWork(_) => "no_work",
            SignError::LaneMoved => "lane_moved",
            SignError::LaneFull => "lane_full",
        };
        Self::new(Class::InvalidInput, code, error)
    }
}

impl From<PreparedError> for Fault {
    fn from(error: PreparedError) -> Self {
        match error {
            PreparedError::Asked(_) => Self::invalid(error),
            PreparedError::Wire(error) => error.into(),
            PreparedError::Decode(error) => error.into(),
            PreparedError::Differs { .. } => Self::new(Class::BadProof, "other_block", error),
            PreparedError::Sign(error) => error.into(),
        }
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::new(Class::InvalidInput, error.code(), error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        Self::new(Class::BadProof, error.code(), error)
    }
}

impl From<VerifyError> for Fault {
    fn from(error: VerifyError) -> Self {
        Self::new(Class::BadProof, error.code(), error)
    }
}

impl From<ReceiptError> for Fault {
    fn from(error: ReceiptError) -> Self {
        Self::new(Class::BadProof, error.code(), error)
    }
}

impl From<ReplyError> for Fault {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Wire(error) => error.into(),
            ReplyError::OtherBlock(_) => Self::new(Class::BadProof, "other_block", error),
            ReplyError::Receipt(error) => error.into(),
            ReplyError::OtherPlace => Self::new(Class::BadProof, "other_place", error),
        }
    }
}

impl From<BookError> for Fault {
    fn from(error: BookError) -> Self {
        let code = match &error {
            BookError::Elsewhere => "elsewhere",
            BookError::NoSnapshot => "no_snapshot",
            BookError::Gap { .. } => "gap",
            BookError::Crossed => "crossed",
            BookError::Checksum { .. } => "checksum",
            BookError::Scale(_) => "bad_decimal",
            BookError::Malformed(_) => "bad_shape",
        };
        Self::new(Class::BookBroken, code, error)
    }
}

impl From<RestError> for Fault {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Problem(problem) => Self::of_problem(&problem),
            RestError::Http(_) => Self::new(Class::ConnectionFailed, "unreachable", words(&error)),
            RestError::Status { .. } => Self::new(Class::ConnectionFailed, "bad_answer", error),
            RestError::Wire(error) => error.into(),
            RestError::Unsigned(why) => Self::invalid(why),
            RestError::Tls(_) => Self::new(Class::ConnectionFailed, "tls", error),
            RestError::OtherNode => Self::new(Class::ConnectionFailed, "other_node", error),
        }
    }
}

/// An error with what lies behind it: the network's own words are the useful ones.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Problem(problem) => return Self::of_problem(problem),
            ClientError::Wire(error) => return error.clone().into(),
            ClientError::Connect(_) => "unreachable",
            ClientError::Greeting(_) => "bad_answer",
            ClientError::OtherNode { .. } => "other_node",
            ClientError::OtherNetwork { .. } => "wrong_network",
            ClientError::Tls(_) => "tls",
            ClientError::Closed => "closed",
        };
        Self::new(Class::ConnectionFailed, code, error)
    }
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        let class = match &error {
            SubmitError::Refused(_) => Class::Refused,
            SubmitError::Rejected(_) => Class::Rejected,
            SubmitError::Unknown(_) => Class::UnknownOutcome,
            SubmitError::Answer(error) => return error.clone().into(),
            SubmitError::Closed => return Self::new(Class::ConnectionFailed, "closed", error),
        };
        let message = error.to_string();
        let problem = error.problem().and_then(|problem| serde_json::to_value(problem).ok());
        Self { class, code: error.code().unwrap_or("unknown").to_owned(), message, problem }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Io(_) => "lane_io",
            StoreError::InUse => "lane_in_use",
            StoreError::Damaged { .. } => "lane_damaged",
            StoreError::OtherKey(_) => "other_key",
        };
        Self::new(Class::LaneBroken, code, error)
    }
}

impl From<LaneError> for Fault {
    fn from(error: LaneError) -> Self {
        let code = match &error {
            LaneError::Ahead => "lane_ahead",
            LaneError::Forked => "fork",
            LaneError::Forgot => "lane_forgotten",
            LaneError::Stuck { code, .. } => code,
            LaneError::Closed => return Self::new(Class::ConnectionFailed, "closed", error),
        };
        Self::new(Class::LaneBroken, code, &error)
    }
}

impl From<TraderError> for Fault {
    fn from(error: TraderError) -> Self {
        match error {
            TraderError::Sign(error) => error.into(),
            TraderError::Prepared(error) => error.into(),
            TraderError::Store(error) => error.into(),
            TraderError::Submit(error) => error.into(),
            TraderError::Lane(error) => error.into(),
            TraderError::Rest(error) => error.into(),
            TraderError::UnknownKey(_) => Self::new(Class::Rejected, "unknown_key", error),
            TraderError::GivenUp => Self::new(Class::InvalidInput, "no_work", error),
            TraderError::Operation(ref reply) => {
                let code = reply.code.clone().unwrap_or_else(|| "refused".to_owned());
                let problem = serde_json::to_value(reply).ok();
                Self { class: Class::Refused, code, message: error.to_string(), problem }
            }
        }
    }
}
