//! Many kills of one server after another.

use super::client::Mode;
use super::node::Node;
use super::place::{Place, Store};
use super::random::Random;
use super::report::Report;
use super::rig::Rig;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a load goes on before it is cut, in milliseconds.
const LOAD_MS: std::ops::Range<u64> = 50..1_000;
/// How long is waited for a snapshot to be begun.
const SNAPSHOT_WAIT: Duration = Duration::from_millis(1_500);
/// How often is looked whether one is.
const SNAPSHOT_POLL: Duration = Duration::from_micros(200);
/// Snapshots are made all the time.
const SNAPSHOT_EVERY: u64 = 40;
/// Of a hundred kills under load, those that wait for a snapshot being written.
const SNAPSHOT_PERCENT: u64 = 30;
/// Of a hundred starts, those that are cut.
const START_PERCENT: u64 = 30;
/// Of a hundred first starts, those that are cut.
const FIRST_START_PERCENT: u64 = 70;
/// Of a hundred loads, those whose resending is cut too.
const RESEND_PERCENT: u64 = 20;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Called like `bandex`.
    pub program: PathBuf,
    /// Where it keeps its journal.
    pub store: Store,
    /// How many loads end with a kill.
    pub cycles: u64,
    /// How many of them one journal sees.
    pub cycles_per_journal: u64,
    /// From what all chances follow.
    pub seed: u64,
}

/// Kills a server as planned; `progress` is told after each cycle.
///
/// # Panics
/// Something acknowledged was lost, changed or applied twice, or the server did not come back.
pub async fn run(plan: &Plan, mut progress: impl FnMut(&Report)) -> Report {
    let begun = Instant::now();
    let store = match plan.store {
        Store::Sqlite => "sqlite",
        Store::Postgres(_) => "postgres",
    };
    let report = Report { store: store.to_owned(), seed: plan.seed, ..Report::default() };
    let mut killing = Killing { random: Random::new(plan.seed), usual: Duration::from_millis(100), report };
    while killing.report.cycles < plan.cycles {
        let place = Place::new(&plan.store).await;
        let mut rig = killing.first_start(plan.program.clone(), place).await;
        for _ in 0..plan.cycles_per_journal.min(plan.cycles - killing.report.cycles) {
            killing.cycle(&mut rig).await;
            killing.report.cycles += 1;
            killing.report.seconds = begun.elapsed().as_secs();
            progress(&killing.report);
        }
        rig.node.stop().await;
        killing.report.add(&rig);
    }
    killing.report
}

/// A run on its way.
struct Killing {
    random: Random,
    /// How long a start takes, to know what the middle of one is.
    usual: Duration,
    report: Report,
}

impl Killing {
    /// A new journal, whose first start may be cut more than once.
    async fn first_start(&mut self, program: PathBuf, place: Place) -> Rig {
        let mut node = Node::new(program, place, SNAPSHOT_EVERY, &mut self.random);
        // The first cut comes so early that every server is still starting.
        let mut most = self.usual / 4;
        while self.cut_start(&mut node, most).await {
            self.report.kills.first_start += 1;
            if !self.random.percent(FIRST_START_PERCENT) {
                break;
            }
            most = self.usual;
        }
        // It may have been faster than the kill.
        if !node.is_ready().await {
            self.usual = node.start().await;
        }
        Rig::new(node, &mut self.random).await
    }

    /// Starts the server and kills it before it takes commands, after `most` at the latest; false if it was faster, and
    /// runs.
    async fn cut_start(&mut self, node: &mut Node, most: Duration) -> bool {
        let most = u64::try_from(most.as_micros()).unwrap();
        let after = Duration::from_micros(self.random.below(most.max(1)));
        node.spawn();
        if tokio::time::timeout(after, node.ready()).await.is_ok() {
            return false;
        }
        node.kill().await;
        true
    }

    /// Starts the killed server again, after some starts that were cut.
    async fn start(&mut self, rig: &mut Rig) {
        while self.random.percent(START_PERCENT) {
            if !self.cut_start(&mut rig.node, self.usual).await {
                return;
            }
            self.report.kills.start += 1;
        }
        self.usual = rig.node.start().await;
        self.report.restarted(self.usual);
    }

    /// Load, kill, and everything that must hold afterwards.
    async fn cycle(&mut self, rig: &mut Rig) {
        let driving = rig.drive(Mode::Load);
        if self.random.percent(SNAPSHOT_PERCENT) && snapshot_begun(&rig.node.place.folder()).await {
            self.report.kills.snapshot += 1;
        } else {
            let ms = LOAD_MS.start + self.random.below(LOAD_MS.end - LOAD_MS.start);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            self.report.kills.load += 1;
        }
        rig.node.kill().await;
        let mut unanswered = rig.leave(driving, Mode::Stop).await;
        loop {
            self.start(rig).await;
            rig.check().await;
            self.report.unanswered(rig.fates(&unanswered));
            self.report.digests_compared += 1;
            if unanswered.is_empty() || !self.random.percent(RESEND_PERCENT) {
                break;
            }
            let driving = rig.drive(Mode::Drain);
            tokio::time::sleep(Duration::from_millis(self.random.below(30))).await;
            rig.node.kill().await;
            unanswered = rig.leave(driving, Mode::Stop).await;
            self.report.kills.resend += 1;
        }
        rig.drain().await;
        rig.check_all().await;
        self.report.digests_compared += 1;
    }
}

/// Waits until a snapshot is being written; false if none is in time.
async fn snapshot_begun(folder: &Path) -> bool {
    let folder = folder.join("snapshots");
    let deadline = Instant::now() + SNAPSHOT_WAIT;
    let waiting = tokio::task::spawn_blocking(move || {
        // What earlier kills left behind is none.
        let before = unfinished(&folder);
        while Instant::now() < deadline {
            if !unfinished(&folder).is_subset(&before) {
                return true;
            }
            std::thread::sleep(SNAPSHOT_POLL);
        }
        false
    });
    waiting.await.unwrap()
}

/// The snapshots in a folder that are not finished.
fn unfinished(folder: &Path) -> BTreeSet<PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "unfinished")).collect()
}
