//! Subscriptions as the metrics count them.

use crate::edge::Metrics;
use crate::shared::Shared;
use bandex_api::Channel;
use std::sync::Arc;

/// Counts a subscription for as long as it lives.
pub(super) struct Counted {
    metrics: Arc<Metrics>,
    channel: Channel,
}

impl Counted {
    pub fn new(shared: &Shared, channel: Channel) -> Self {
        let metrics = Arc::clone(&shared.edge.metrics);
        metrics.subscribed(channel.name());
        Self { metrics, channel }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.metrics.unsubscribed(self.channel.name());
    }
}
