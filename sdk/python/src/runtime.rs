//! The runtime of everything asynchronous, and its end: when Python ends, nothing may be on its way into it any more.
//!
//! A thread that enters an interpreter which is being taken down aborts the whole process. So every task that may enter
//! Python holds on to the runtime's sign of life; before the interpreter goes, all of them are told, and waited for.

use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic::{self, ContextExt, JoinError};
use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task;

/// How long the end may take: no task computes for long.
const END: Duration = Duration::from_secs(10);

/// Threads, and whether they shall end.
struct Life {
    runtime: Runtime,
    is_over: watch::Sender<bool>,
}

static LIFE: LazyLock<Life> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("bandex").enable_all().build();
    Life { runtime: runtime.expect("the system gives threads"), is_over: watch::Sender::new(false) }
});

/// What pyo3's bridge to asyncio runs on.
struct Bridge;

/// How a task ended.
struct Ended(task::JoinError);

/// A task to wait for.
struct Task(task::JoinHandle<()>);

impl JoinError for Ended {
    fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.0.into_panic()
    }
}

impl Future for Task {
    type Output = Result<(), Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|ended| ended.map_err(Ended))
    }
}

impl generic::Runtime for Bridge {
    type JoinError = Ended;
    type JoinHandle = Task;

    fn spawn<F>(work: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut is_over = LIFE.is_over.subscribe();
        Task(LIFE.runtime.spawn(async move {
            tokio::select! {
                biased;
                _ = is_over.wait_for(|is_over| *is_over) => {}
                () = work => {}
            }
        }))
    }

    fn spawn_blocking<F>(work: F) -> Task
    where
        F: FnOnce() + Send + 'static,
    {
        let is_over = LIFE.is_over.subscribe();
        Task(LIFE.runtime.spawn_blocking(move || {
            if !*is_over.borrow() {
                work();
            }
            drop(is_over);
        }))
    }
}

impl ContextExt for Bridge {
    // Nothing here calls Python's own coroutines, so no task needs to know its loop.
    fn scope<F, R>(_: TaskLocals, work: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(work)
    }

    fn get_task_locals() -> Option<TaskLocals> {
        None
    }
}

/// A future for asyncio's loop that is done when `work` is. If it is cancelled, `work` is dropped.
///
/// # Errors
/// No loop runs.
pub fn promise<'py, F, T>(py: Python<'py>, work: F) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = PyResult<T>> + Send + 'static,
    T: for<'any> IntoPyObject<'any> + Send + 'static,
{
    generic::future_into_py::<Bridge, F, T>(py, work)
}

/// Ends all that may enter Python, and waits for it. Python calls this before it takes itself down.
#[pyfunction]
pub fn end_runtime(py: Python<'_>) {
    py.detach(|| {
        LIFE.is_over.send_replace(true);
        // The time is up only if a task is stuck, and then nothing better can be done than to go on.
        let _ = LIFE.runtime.block_on(async { tokio::time::timeout(END, LIFE.is_over.closed()).await });
    });
}
