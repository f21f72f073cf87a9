//! Following a node: its headers first, then what its blocks pay.

use crate::check::NodeError;
use crate::exchange::{Exchange, Observation, SubmitError};
use crate::health::Health;
use crate::rpc::RpcError;
use crate::scan::Scan;
use crate::source::{Position, Source, SourceError};
use bandex_spv::{BlockAt, HeaderError, shown};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

/// How many headers the exchange is told at once.
pub const HEADERS_MAX: u32 = 2000;

/// A fee rate is told again when it changed by more than one part in so many.
const FEE_CHANGE: u64 = 10;
/// A node that knows of so many headers more than it has blocks is catching up; one more is a block on its way.
const CATCHING_UP: u32 = 2;

/// How a node is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowerOptions {
    /// How often it is asked for something new.
    pub poll: Duration,
    /// The longest pause after failures; the first is as long as `poll`, each further one twice as long.
    pub backoff_max: Duration,
    /// After how long without a new block the node counts as stalled. `None` where blocks come only on demand.
    pub stalled_after: Option<Duration>,
    /// How often it is asked for its estimate of fees.
    pub fee_every: Duration,
}

impl Default for FollowerOptions {
    /// For a public network: one wait in a hundred million for a block takes longer than three hours.
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            backoff_max: Duration::from_secs(30),
            stalled_after: Some(Duration::from_secs(3 * 60 * 60)),
            fee_every: Duration::from_secs(60),
        }
    }
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The node.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The exchange.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// A header breaks a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The node's chain and the exchange's have nothing in common, or the engine judges otherwise than its headers.
    #[error("{0}")]
    Chain(String),
}

/// How the node's headers compare with the exchange's after a pass.
enum Level {
    /// The exchange has as much as the node.
    Same,
    /// The node has to catch up by so many blocks.
    NodeBehind(u32),
    /// The node changed its mind while it was asked.
    Again,
}

/// Follows one node for one exchange.
#[derive(Debug)]
pub struct Follower<S, E> {
    source: S,
    exchange: E,
    options: FollowerOptions,
    health: watch::Sender<Health>,
    /// Whether the node's network has been checked since it last failed.
    checked: bool,
    failing_since_s: Option<u64>,
    /// The node's last tip, and since when it has it.
    last: Option<([u8; 32], Instant, u64)>,
    scan: Scan,
    fee_rate: Option<u64>,
    fee_asked: Option<Instant>,
}

impl<S: Source, E: Exchange> Follower<S, E> {
    /// A follower that has not asked yet, and where it says how it stands.
    pub fn new(source: S, exchange: E, options: FollowerOptions) -> (Self, watch::Receiver<Health>) {
        let (health, told) = watch::channel(Health::default());
        let follower = Self {
            source,
            exchange,
            options,
            health,
            checked: false,
            failing_since_s: None,
            last: None,
            scan: Scan::default(),
            fee_rate: None,
            fee_asked: None,
        };
        (follower, told)
    }

    /// Follows until it is dropped. Nothing is lost by that: what was not committed is told again by the next follower.
    pub async fn run(mut self) {
        let mut wait = self.options.poll;
        loop {
            wait = if self.pass().await {
                self.options.poll
            } else {
                wait.saturating_mul(2).min(self.options.backoff_max).max(self.options.poll)
            };
            sleep(wait).await;
        }
    }

    /// Asks the node once for all that is new, tells the exchange, and says in [`Health`] how it stands. Gives whether it
    /// got through.
    pub async fn pass(&mut self) -> bool {
        match self.try_pass().await {
            Ok(health) => {
                self.failing_since_s = None;
                self.say(health);
                true
            }
            Err(error) => {
                // It may be another node that answers next.
                self.checked = false;
                self.failed(error);
                false
            }
        }
    }

    async fn try_pass(&mut self) -> Result<Health, PassError> {
        if !self.checked {
            let network = self.exchange.headers(|headers| headers.network());
            self.source.check(network).await?;
            self.checked = true;
        }
        let position = self.source.position().await?;
        self.note(position.hash);
        let mut fee_rate = self.new_fee_rate().await?;
        let level = self.follow(position, &mut fee_rate).await?;
        if fee_rate.is_some() {
            self.submit_headers(Vec::new(), &mut fee_rate).await?;
        }
        let unread = self.read_blocks().await?;
        Ok(self.judge(position, &level, unread))
    }

    fn judge(&self, position: Position, level: &Level, unread: u32) -> Health {
        let syncing = position.headers.saturating_sub(position.height);
        match level {
            Level::NodeBehind(blocks) if *blocks > 0 => return Health::Behind { blocks: *blocks },
            Level::Again => return self.health.borrow().clone(),
            _ if syncing >= CATCHING_UP => return Health::Behind { blocks: syncing },
            _ if unread > 0 => return Health::Behind { blocks: unread },
            _ => {}
        }
        if let Some(block) = self.scan.pruned() {
            return Health::Pruned { block: block.hash };
        }
        match (self.last, self.options.stalled_after) {
            (Some((_, at, since_s)), Some(after)) if at.elapsed() > after => Health::Stalled { since_s },
            _ => Health::Ready,
        }
    }

    /// Tells the exchange the headers of the node's chain that it does not have.
    async fn follow(&mut self, position: Position, fee_rate: &mut Option<u64>) -> Result<Level, PassError> {
        let tip = self.tip();
        if self.exchange.headers(|headers| headers.contains(&position.hash)) {
            return Ok(match tip.hash == position.hash {
                true => Level::Same,
                false => Level::NodeBehind(tip.height.saturating_sub(position.height)),
            });
        }
        let Some(mut on) = self.find_fork(position).await? else {
            let begins_at = self.exchange.headers(|headers| headers.begins_at());
            return Ok(Level::NodeBehind(begins_at.saturating_sub(position.height)));
        };
        while on.height < position.height {
            let to = position.height.min(on.height.saturating_add(HEADERS_MAX));
            let Some((headers, end)) = self.fetch(on, to).await? else { return Ok(Level::Again) };
            let leads = self.exchange.headers(|known| known.would_lead(&headers))?;
            if !leads && to == position.height {
                // Less work than the exchange has seen, or as much and later: its chain stands.
                return Ok(Level::NodeBehind(self.tip().height.saturating_sub(to)));
            }
            self.submit_headers(headers, fee_rate).await?;
            if !self.exchange.headers(|known| known.contains(&end.hash)) {
                return Err(PassError::Chain(format!(
                    "the exchange does not take block {}",
                    shown(&end.hash)
                )));
            }
            let left = position.height.saturating_sub(to);
            if left > 0 {
                self.say(Health::Behind { blocks: left });
            }
            on = end;
        }
        Ok(Level::Same)
    }

    /// The highest block that the exchange's active chain and the node's have both. `None` if the node is not as far as
    /// where the exchange begins.
    async fn find_fork(&self, position: Position) -> Result<Option<BlockAt>, PassError> {
        let begin = self.exchange.headers(|headers| headers.begins_at());
        let top = self.tip().height.min(position.height);
        if top < begin {
            return Ok(None);
        }
        if let Some(found) = self.common(top).await? {
            return Ok(Some(found));
        }
        // Reorganisations are short: look ever further down, then between the last two places.
        let (mut bad, mut step) = (top, 1_u32);
        let mut good = loop {
            let height = bad.saturating_sub(step).max(begin);
            match self.common(height).await? {
                Some(found) => break found,
                None if height == begin => {
                    let text = "it does not hold the block that the exchange's begins with";
                    return Err(PassError::Chain(text.to_owned()));
                }
                None => (bad, step) = (height, step.saturating_mul(2)),
            }
        };
        while bad.saturating_sub(good.height) > 1 {
            let middle = good.height.midpoint(bad);
            match self.common(middle).await? {
                Some(found) => good = found,
                None => bad = middle,
            }
        }
        Ok(Some(good))
    }

    /// The block at a height, if the exchange and the node have the same.
    async fn common(&self, height: u32) -> Result<Option<BlockAt>, PassError> {
        let Some(hash) = self.exchange.headers(|headers| headers.hash_at(height)) else { return Ok(None) };
        match self.source.hash_at(height).await {
            Ok(found) => Ok((found == hash).then_some(BlockAt { height, hash })),
            Err(SourceError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The node's headers above `on` up to a height, and the last one's place. `None` if they do not link: the node has
    /// reorganised meanwhile.
    async fn fetch(&self, on: BlockAt, to: u32) -> Result<Option<(Vec<[u8; 80]>, BlockAt)>, PassError> {
        let mut headers = Vec::new();
        let mut last = on;
        for height in on.height.saturating_add(1)..=to {
            let header = match self.source.hash_at(height).await {
                Ok(hash) => self.source.header(&hash).await.map(|header| (hash, header)),
                Err(error) => Err(error),
            };
            let (hash, header) = match header {
                Ok(found) => found,
                Err(SourceError::Missing) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            if bandex_spv::parent_of(&header) != last.hash {
                return Ok(None);
            }
            headers.push(header);
            last = BlockAt { height, hash };
        }
        Ok(Some((headers, last)))
    }

    /// Reads every block that may pay a script watched. Gives how many could not be read yet.
    async fn read_blocks(&mut self) -> Result<u32, PassError> {
        self.scan.read_pruned(&self.source, &self.exchange).await?;
        while let Some((block, left)) = self.scan.next(&self.exchange) {
            if left >= CATCHING_UP {
                self.say(Health::Behind { blocks: left });
            }
            match self.scan.read(&self.source, &self.exchange, block).await {
                Ok(()) => {}
                // The node does not have what the exchange knows of; it will, or it will be reorganised out.
                Err(PassError::Source(SourceError::Missing)) => return Ok(left),
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }

    /// The node's estimate, if it is time to ask and it changed enough to be told.
    async fn new_fee_rate(&mut self) -> Result<Option<u64>, PassError> {
        if self.fee_asked.is_some_and(|at| at.elapsed() < self.options.fee_every) {
            return Ok(None);
        }
        let found = match self.source.fee_rate().await {
            Ok(found) => found,
            // A node that does not estimate fees can be followed all the same.
            Err(SourceError::Node(NodeError::Rpc(RpcError::Rpc { code, message }))) => {
                debug!(code, message, "no estimate of fees");
                None
            }
            Err(error) => return Err(error.into()),
        };
        self.fee_asked = Some(Instant::now());
        Ok(found.filter(|new| self.fee_rate.is_none_or(|old| differs(old, *new))))
    }

    async fn submit_headers(
        &mut self,
        headers: Vec<[u8; 80]>,
        fee: &mut Option<u64>,
    ) -> Result<(), PassError> {
        let fee_rate = fee.take();
        let sent = self.exchange.submit(Observation::Headers { headers, fee_rate }).await;
        if sent.is_err() && fee_rate.is_some() {
            // Ask again, so that it is told with the next that goes through.
            self.fee_asked = None;
        } else {
            self.fee_rate = fee_rate.or(self.fee_rate);
        }
        Ok(sent?)
    }

    fn tip(&self) -> BlockAt {
        let (height, hash) = self.exchange.headers(|headers| headers.tip());
        BlockAt { height, hash }
    }

    fn note(&mut self, tip: [u8; 32]) {
        if self.last.is_none_or(|(last, ..)| last != tip) {
            self.last = Some((tip, Instant::now(), now_s()));
        }
    }

    fn failed(&mut self, error: PassError) {
        let health = match error {
            // The exchange's own matter, and no news of the node.
            PassError::Submit(error) => return debug!(%error, "told again later"),
            PassError::Header(error) => Health::BadChain { error: error.to_string() },
            PassError::Chain(error) => Health::BadChain { error },
            PassError::Source(SourceError::Node(error)) => self.failed_node(error),
            PassError::Source(error) => self.unreachable(error.to_string()),
        };
        if *self.health.borrow() != health {
            warn!("{health}");
        }
        self.say(health);
    }

    fn failed_node(&mut self, error: NodeError) -> Health {
        match error {
            NodeError::Rpc(RpcError::WarmingUp(doing)) => Health::WarmingUp { doing },
            NodeError::WrongNetwork { expected, found } => Health::WrongNetwork { expected, found },
            NodeError::WrongGenesis { expected, found } => Health::WrongNetwork {
                expected,
                found: format!("the one that begins with {}", shown(&found)),
            },
            error => self.unreachable(error.to_string()),
        }
    }

    fn unreachable(&mut self, error: String) -> Health {
        let since_s = *self.failing_since_s.get_or_insert_with(now_s);
        Health::Unreachable { since_s, error }
    }

    fn say(&self, health: Health) {
        self.health.send_if_modified(|told| {
            let changed = *told != health;
            *told = health;
            changed
        });
    }
}

/// Whether a fee rate changed by more than a tenth.
fn differs(old: u64, new: u64) -> bool {
    old.abs_diff(new).saturating_mul(FEE_CHANGE) > old
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
