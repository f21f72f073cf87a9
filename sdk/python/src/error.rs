//! Errors on their way to Python: each has a code that programs test for, and a class that says how it stands.

use bandex_sdk::api::{Problem, ScaleError};
use bandex_sdk::tradechain::{DecodeError, KeyError, ReceiptError, VerifyError};
use bandex_sdk::types::TimestampError;
use bandex_sdk::{BookError, OrderError, ReplyError, SignError, WireError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;
use serde_json::Value;

/// Which class of `bandex.errors`.
#[derive(Debug, Clone, Copy)]
pub enum Class {
    /// What was given cannot be used; nothing was signed or sent.
    InvalidInput,
    /// A signature, a receipt or a block proves nothing.
    BadProof,
    /// A book cannot go on.
    BookBroken,
}

/// An error of this package.
#[derive(Debug)]
pub struct Fault {
    class: Class,
    code: String,
    message: String,
    problem: Option<Box<Problem>>,
}

/// The usual result.
pub type Answer<T> = Result<T, Fault>;

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::BadProof => "BadProof",
            Self::BookBroken => "BookBroken",
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
    let problem = match &fault.problem {
        Some(problem) => serde_json::to_value(problem).unwrap_or(Value::Null),
        None => Value::Null,
    };
    let made = class.call1((&fault.message, &fault.code, crate::value::to_python(py, &problem)?))?;
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
            BookError::Scale(_) => "bad_decimal",
            BookError::Malformed(_) => "bad_shape",
        };
        Self::new(Class::BookBroken, code, error)
    }
}
