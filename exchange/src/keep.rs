//! Keeps a server running: whenever one could not go on, the next is started from the journal.

use crate::config::Config;
use crate::exchange::{Exchange, StartError};
use std::pin::pin;
use std::time::Duration;

/// The least time between two starts after the server could not go on.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What an operator wants to hear of a server that is kept running.
pub enum Kept<'a> {
    /// It serves.
    Serving(&'a Exchange),
    /// It could not go on, and will be started again.
    Failed(&'a str),
    /// It could not be started again, and will be tried once more: the store may only be away for a while.
    Waiting(&'a StartError),
}

/// Serves until `stop` is ready, and starts again from the journal whenever the server could not go on, on the same
/// addresses. The first start must succeed; later ones are tried until they do, unless waiting cannot help.
///
/// # Errors
/// The first start failed, or a later one in a way that waiting cannot mend.
pub async fn keep(
    mut config: Config,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(Kept<'_>),
) -> Result<(), StartError> {
    // One listener for the whole life: a signal while the server is being started again must not be lost.
    let mut stop = pin!(stop);
    let mut has_served = false;
    loop {
        let started = tokio::select! {
            started = Exchange::start(config.clone()) => started,
            () = &mut stop => return Ok(()),
        };
        match started {
            Ok(exchange) => {
                has_served = true;
                tell(Kept::Serving(&exchange));
                // Whoever starts again wants to be found where it was.
                (config.listen, config.admin_listen) = (exchange.address(), exchange.admin_address());
                let stopper = exchange.stopper();
                let mut ended = pin!(exchange.ended());
                let failure = tokio::select! {
                    failure = &mut ended => failure,
                    () = &mut stop => {
                        stopper();
                        ended.await;
                        return Ok(());
                    }
                };
                let Some(why) = failure else { return Ok(()) };
                // Its memory is gone; the journal has all that was acknowledged.
                tell(Kept::Failed(&why));
            }
            Err(error) if has_served && error.may_pass() => tell(Kept::Waiting(&error)),
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            () = &mut stop => return Ok(()),
        }
    }
}
