//! What the server counts about itself, for the operator's charts.

use bandex_api::Channel;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One label, its word written in the source.
type Word = [(&'static str, &'static str); 1];
/// How a request ended.
type Request = [(&'static str, String); 3];
/// One label with a word that is found elsewhere.
type Named = [(&'static str, String); 1];
/// Times by one label.
type Times = Family<Named, Histogram, fn() -> Histogram>;

/// Seconds from 100 µs to 26 s, each bucket four times as wide as the one before.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 10))
}

/// All counters. What stands elsewhere already, such as the length of a queue, is noted when somebody asks.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_time: Times,
    refused: Family<Word, Counter>,
    rate_limited: Family<Word, Counter>,
    commands: Family<Word, Counter>,
    batches: Counter,
    journal_time: Histogram,
    subscriptions: Family<Named, Gauge>,
    pushes: Family<Named, Counter>,
    push_bytes: Counter,
    dropped: Family<Word, Counter>,
    connections: Gauge,
    sockets: Gauge,
    queue: Gauge,
    seq: Gauge,
    projections_lag: Gauge,
    bitcoin: Family<Word, Gauge>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// That a channel is followed.
#[derive(Debug)]
pub(crate) struct Follows(Gauge);

impl Drop for Follows {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A channel as it is called on the wire.
fn name(channel: Channel) -> String {
    let name = serde_json::to_value(channel).ok();
    name.and_then(|name| name.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// What is read where it stands when somebody asks for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub connections: usize,
    pub sockets: usize,
    pub queue: usize,
    pub seq: u64,
    pub projections_lag: u64,
    pub bitcoin: &'static str,
}

impl Metrics {
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_time: Times::new_with_constructor(seconds),
            refused: Family::default(),
            rate_limited: Family::default(),
            commands: Family::default(),
            batches: Counter::default(),
            journal_time: seconds(),
            subscriptions: Family::default(),
            pushes: Family::default(),
            push_bytes: Counter::default(),
            dropped: Family::default(),
            connections: Gauge::default(),
            sockets: Gauge::default(),
            queue: Gauge::default(),
            seq: Gauge::default(),
            projections_lag: Gauge::default(),
            bitcoin: Family::default(),
        };
        metrics.registered()
    }

    /// Gives each its name and says what it is. Counters get the ending `_total` by themselves.
    fn registered(mut self) -> Self {
        let mut registry = Registry::with_prefix("bandex");
        let all = &mut registry;
        all.register("http_requests", "Requests, by page and status", self.requests.clone());
        let (name, help) = ("http_request", "How long an answer took, by page");
        all.register_with_unit(name, help, Unit::Seconds, self.request_time.clone());
        all.register("connections_refused", "Connections beyond a cap", self.refused.clone());
        all.register("rate_limited", "Requests beyond a rate limit, by policy", self.rate_limited.clone());
        all.register("commands", "Commands that were sequenced, by kind", self.commands.clone());
        all.register("batches", "Transactions of the journal", self.batches.clone());
        let (name, help) = ("journal_append", "How long a transaction of the journal took");
        all.register_with_unit(name, help, Unit::Seconds, self.journal_time.clone());
        all.register("subscriptions", "Channels that are followed now", self.subscriptions.clone());
        all.register("pushes", "Messages to followers, by channel", self.pushes.clone());
        all.register("sent", "Bytes of texts to WebSockets", self.push_bytes.clone());
        all.register("sockets_dropped", "WebSockets that were cut off, and why", self.dropped.clone());
        all.register("connections", "Open connections of the traders' listener", self.connections.clone());
        all.register("sockets", "Open WebSockets", self.sockets.clone());
        all.register("writer_queue", "Commands that wait for the writer", self.queue.clone());
        all.register("published_seq", "The last record that everybody can see", self.seq.clone());
        let help = "Records that the projections are behind";
        all.register("projections_lag", help, self.projections_lag.clone());
        all.register("bitcoin_node", "1 at how it stands with the Bitcoin node", self.bitcoin.clone());
        self.registry = registry;
        self
    }

    /// A request was answered.
    pub fn request(&self, method: &str, page: &str, status: u16, took: Duration) {
        let labels =
            [("method", method.to_owned()), ("page", page.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.request_time.get_or_create(&[("page", page.to_owned())]).observe(took.as_secs_f64());
    }

    /// A connection was one too many.
    pub fn connection_refused(&self, why: &'static str) {
        self.refused.get_or_create(&[("why", why)]).inc();
    }

    /// A request was beyond a rate limit.
    pub fn rate_limited(&self, policy: &'static str) {
        self.rate_limited.get_or_create(&[("policy", policy)]).inc();
    }

    /// So many records were made durable in one transaction: commands of these kinds, and what followed by itself.
    pub fn committed(&self, records: usize, kinds: &[&'static str], took: Duration) {
        for kind in kinds {
            self.commands.get_or_create(&[("kind", *kind)]).inc();
        }
        let by_themselves = u64::try_from(records.saturating_sub(kinds.len())).unwrap_or(u64::MAX);
        self.commands.get_or_create(&[("kind", "other")]).inc_by(by_themselves);
        self.batches.inc();
        self.journal_time.observe(took.as_secs_f64());
    }

    /// Counts that a channel is followed, until this is dropped.
    pub fn follows(&self, channel: Channel) -> Follows {
        let followed = self.subscriptions.get_or_create_owned(&[("channel", name(channel))]);
        followed.inc();
        Follows(followed)
    }

    /// Counts the messages of a channel that are put on their way.
    pub fn pushes(&self, channel: Channel) -> Counter {
        self.pushes.get_or_create_owned(&[("channel", name(channel))])
    }

    /// Texts were written to a WebSocket.
    pub fn sent(&self, bytes: u64) {
        self.push_bytes.inc_by(bytes);
    }

    /// A WebSocket was cut off.
    pub fn dropped(&self, why: &'static str) {
        self.dropped.get_or_create(&[("why", why)]).inc();
    }

    /// All of it, in the text format of OpenMetrics, which Prometheus reads.
    pub fn text(&self, standing: Standing) -> String {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.connections.set(count(standing.connections));
        self.sockets.set(count(standing.sockets));
        self.queue.set(count(standing.queue));
        self.seq.set(number(standing.seq));
        self.projections_lag.set(number(standing.projections_lag));
        self.bitcoin.clear();
        self.bitcoin.get_or_create(&[("state", standing.bitcoin)]).set(1);
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
