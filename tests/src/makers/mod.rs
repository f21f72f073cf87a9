//! Market makers under hardship: each is a program of its own on a bad line, the server is stopped and started again,
//! and at the end every value a maker holds is compared with the exchange's pages.

mod compare;
mod crowd;
mod program;
mod proxy;
mod report;

pub use compare::{Compared, PARTS};
pub use report::{MakerReport, Report};

use crate::crash::{Node, Place, Random, Store};
use crate::until;
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::types::AccountId;
use bandex_sdk::{Client, Markets, MemoryLane, Options, Rest, Trader};
use compare::{compare, truth, up_to_date};
use crowd::Crowd;
use program::{Program, end};
use proxy::{Counts, Proxy};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;

/// The market.
const MARKET: &str = "BWT-BTC";
/// How much any account may owe: 100 BTC, in millisatoshi. Limits are not what this is about.
const LIMIT: &str = "10000000000000";
/// What everybody has to sell, in bytes.
const TOKENS: &str = "50000000000000";
/// How long makers may take to come to rest.
const REST: Duration = Duration::from_secs(60);
/// How often is looked whether they have.
const POLL: Duration = Duration::from_millis(50);

/// What to run, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's program, called like `bandex`.
    pub program: PathBuf,
    /// The makers: a name, and the command that starts each.
    pub makers: Vec<(String, Vec<String>)>,
    /// A file of recorded commands.
    pub record: PathBuf,
    /// How long they trade, in seconds.
    pub seconds: u64,
    /// Recorded commands a second.
    pub rate: u64,
    /// From what all chance follows.
    pub seed: u64,
}

/// One maker of a run, on a line of its own.
struct Maker {
    name: String,
    keypair: Keypair,
    account: AccountId,
    program: Program,
    proxy: Proxy,
}

/// Everything of a run.
struct Stage {
    node: Node,
    rest: Rest,
    markets: Markets,
    folder: TempDir,
    random: Random,
}

impl Stage {
    async fn set(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let place = Place::new(&Store::Sqlite).await;
        let mut node = Node::new(plan.program.clone(), place, 50_000, &mut random);
        node.start().await;
        let rest = Rest::new(node.url()).unwrap();
        let markets = rest.markets().await.unwrap();
        Self { node, rest, markets, folder: TempDir::new().unwrap(), random }
    }

    /// Lets accounts trade as they like.
    async fn endow(&self, accounts: &[AccountId]) {
        for account in accounts {
            let limit = json!({ "change": "set_limit", "account": account, "limit": LIMIT });
            let issue = json!({ "change": "issue", "to": account, "amount": TOKENS });
            self.node.configure(&[limit, issue]).await;
        }
    }

    /// Makes an account, and starts the maker that trades for it on a bad line.
    async fn start(&mut self, number: u8, name: &str, command: &[String]) -> Maker {
        let keypair = Keypair::from_seed(&[100 + number; 32]);
        let client = Client::connect(&self.rest.socket_url(), Options::default()).await.unwrap();
        let lane = MemoryLane;
        let trader = Trader::register(&client, &self.rest, &self.markets, keypair.clone(), lane).await;
        let account = trader.unwrap().account();
        self.endow(&[account]).await;
        let address = self.node.url().trim_start_matches("http://").parse().unwrap();
        let proxy = Proxy::start(address, self.random.split()).await;
        let program = Program::start(self.folder.path(), name, &keypair, &proxy.url(), command);
        Maker { name: name.to_owned(), keypair, account, program, proxy }
    }

    /// How many blocks a maker's lane has.
    async fn lane(&self, maker: &Maker) -> Option<u64> {
        let lane = self.rest.lane(maker.keypair.public(), &bandex_sdk::api::LaneQuery::default()).await;
        lane.ok().map(|lane| lane.head_seq)
    }

    /// Waits until every maker has had blocks sequenced from now on: each is there, connected and not behind.
    async fn all_at_work(&self, makers: &mut [Maker]) {
        for maker in makers {
            let begun = until("the exchange answers", async || self.lane(maker).await).await;
            until("a maker is at work", async || {
                maker.program.must_run();
                self.lane(maker).await.filter(|lane| *lane >= begun + 3)
            })
            .await;
        }
    }
}

/// Runs makers through all of it; the report says what they hold at the end, against what the exchange says.
///
/// # Panics
/// A program ends by itself, or something does not come in time.
pub async fn run(plan: &Plan) -> Report {
    let mut stage = Stage::set(plan).await;
    let random = stage.random.split();
    let crowd = Crowd::new(&stage.rest, &stage.markets, &plan.record, random).await;
    stage.endow(&crowd.accounts()).await;
    let (stop, stopped) = watch::channel(false);
    let trading = tokio::spawn(crowd.run(plan.rate, stopped));
    let mut makers = Vec::new();
    for ((name, command), number) in plan.makers.iter().zip(0..) {
        makers.push(stage.start(number, name, command).await);
    }
    stage.all_at_work(&mut makers).await;
    makers.iter().for_each(|maker| maker.proxy.cut(true));
    let half = Duration::from_secs(plan.seconds) / 2;
    trade(&mut makers, half).await;
    let away = Instant::now();
    stage.node.stop().await;
    stage.node.start().await;
    let restart_ms = u64::try_from(away.elapsed().as_millis()).unwrap();
    trade(&mut makers, half).await;
    stop.send(true).unwrap();
    let crowd = trading.await.unwrap();
    makers.iter().for_each(|maker| maker.proxy.cut(false));
    stage.all_at_work(&mut makers).await;
    let counts: Vec<Counts> = makers.iter().map(|maker| maker.proxy.counts()).collect();
    let reports = settle_down(&stage, makers).await;
    let seq = stage.rest.time().await.unwrap().seq;
    stage.node.stop().await;
    Report {
        seed: plan.seed,
        seconds: plan.seconds,
        recorded: crowd.recorded,
        crossing: crowd.crossing,
        accepted: crowd.accepted,
        refused: crowd.refused,
        connections: counts.iter().map(|line| line.connections).sum(),
        cuts: counts.iter().map(|line| line.cuts).sum(),
        restart_ms,
        seq,
        makers: reports,
    }
}

/// Lets time pass, in which no maker may end.
async fn trade(makers: &mut [Maker], time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        makers.iter_mut().for_each(|maker| maker.program.must_run());
        tokio::time::sleep(POLL).await;
    }
}

/// Tells the makers that it is over, and compares what they report.
async fn settle_down(stage: &Stage, makers: Vec<Maker>) -> Vec<MakerReport> {
    for maker in &makers {
        let reads = stage.rest.login(&maker.keypair, &stage.markets).await.unwrap();
        up_to_date(&reads).await;
    }
    end(stage.folder.path());
    let mut reported = Vec::new();
    for maker in makers {
        let report = maker.program.report(REST).await;
        reported.push((maker.name, maker.keypair, maker.account, maker.proxy.counts(), report));
    }
    let mut reports = Vec::new();
    for (name, keypair, account, line, report) in reported {
        assert_eq!(report["account"], json!(account), "{name} reports another account");
        let reads = stage.rest.login(&keypair, &stage.markets).await.unwrap();
        let truth = truth(&stage.rest, &reads, MARKET).await;
        let faults = report["faults"].as_u64().unwrap_or_default();
        let blocks = stage.rest.lane(keypair.public(), &bandex_sdk::api::LaneQuery::default()).await;
        let blocks = blocks.unwrap().head_seq;
        let (socket_cuts, parts) = (line.socket_cuts, compare(&report, &truth));
        reports.push(MakerReport { name, socket_cuts, blocks, faults, parts });
    }
    reports
}
