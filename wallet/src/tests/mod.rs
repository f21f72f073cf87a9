//! The wallet on a chain in memory.

mod any_order;
mod chain;
mod crash;
mod limits;

/// Runs a future to its end on this thread.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
