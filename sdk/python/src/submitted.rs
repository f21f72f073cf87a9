//! A block under way, for asyncio: its answer is kept until somebody has it, however many were too impatient.

use crate::error::{Class, Fault};
use crate::runtime::promise;
use crate::value::{Json, to_json};
use bandex_sdk::TraderError;
use bandex_sdk::api::BlockReply;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

type Answer = Result<BlockReply, TraderError>;
type UnderWay = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A block under way.
#[pyclass(frozen, module = "bandex")]
pub struct Submitted {
    id: String,
    key: String,
    seq: u64,
    /// What brings the answer, until it has.
    under_way: Arc<tokio::sync::Mutex<Option<UnderWay>>>,
    /// The answer, until somebody has it.
    answer: Arc<Mutex<Option<Answer>>>,
}

impl From<bandex_sdk::Submitted> for Submitted {
    fn from(submitted: bandex_sdk::Submitted) -> Self {
        let (id, key, seq) = (submitted.id.to_string(), submitted.key.to_string(), submitted.seq);
        let under_way: UnderWay = Box::pin(submitted.reply());
        Self { id, key, seq, under_way: Arc::new(Some(under_way).into()), answer: Arc::default() }
    }
}

#[pymethods]
impl Submitted {
    /// The block's id, hex.
    #[getter]
    fn block_id(&self) -> &str {
        &self.id
    }

    /// Its place in the lane.
    #[getter]
    const fn seq(&self) -> u64 {
        self.seq
    }

    /// The reference of the order with the number `op`: known before any answer, so that it can be cancelled at once.
    fn order(&self, op: u8) -> String {
        format!("{}:{}:{op}", self.key, self.seq)
    }

    /// The exchange's final answer; operations in it may have been refused one by one. It is given once; whoever
    /// stops waiting may ask again.
    fn reply<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static REPLY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        REPLY.import(slf.py(), "bandex.waiting", "reply_of")?.call1((slf,))
    }

    /// Waits until the answer is here or was given to somebody. Nothing is lost if this is cancelled.
    fn _wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (under_way, answer) = (Arc::clone(&self.under_way), Arc::clone(&self.answer));
        promise(py, async move {
            let mut under_way = under_way.lock().await;
            if let Some(reply) = under_way.as_mut() {
                let reply = reply.await;
                *under_way = None;
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
            }
            Ok(())
        })
    }

    /// The answer that is here.
    fn _take(&self) -> PyResult<Json> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(answer) = answer else {
            let fault = Fault::new(Class::InvalidInput, "asked_twice", "the reply was asked for before");
            return Err(fault.into());
        };
        to_json(&answer.map_err(Fault::from)?)
    }
}
