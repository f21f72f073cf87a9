//! A follower between a node without a network and an exchange without a writer.

mod random;

use super::*;
use bandex_spv::NetworkRules as _;
use bandex_spv::regtest::{block, payment};
use bandex_spv::{Headers, Network, Proven, check_proof};
use bitcoin::Block;
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

const SCRIPT: &[u8] = &[0x51, 1];
const OTHER: &[u8] = &[0x51, 2];

/// A node that a test moves as it likes.
#[derive(Default)]
struct Chain {
    /// Every block ever, by hash.
    blocks: BTreeMap<[u8; 32], Block>,
    /// The hashes of the active chain from the first on.
    active: Vec<[u8; 32]>,
    pruned: BTreeSet<[u8; 32]>,
    network: Option<Network>,
    fee_rate: Option<u64>,
    /// How many headers it claims to have besides.
    ahead: u32,
    calls: usize,
    /// The calls that fail, by their number, and with what.
    fails: BTreeMap<usize, SourceError>,
    /// Fails always.
    down: Option<SourceError>,
    tag: u32,
}

#[derive(Clone)]
struct Node(Arc<Mutex<Chain>>);

fn hash(block: &Block) -> [u8; 32] {
    block.block_hash().to_byte_array()
}

fn header(block: &Block) -> [u8; 80] {
    serialize(&block.header).try_into().expect("80 bytes")
}

fn unreachable() -> SourceError {
    RpcError::Unreachable("gone".to_owned()).into()
}

impl Node {
    fn new() -> Self {
        let first = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
        let active = vec![hash(&first)];
        let blocks = BTreeMap::from([(hash(&first), first)]);
        Self(Arc::new(Mutex::new(Chain { active, blocks, ..Chain::default() })))
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.0.lock().expect("no test panics while it holds it")
    }

    /// Mines a block that pays each of these scripts in a transaction of its own.
    fn mine(&self, scripts: &[&[u8]]) -> [u8; 32] {
        let mut chain = self.chain();
        chain.tag += 1;
        let (tag, height) = (chain.tag, u32::try_from(chain.active.len()).expect("a short chain"));
        let pay = |(index, script): (u8, &&[u8])| {
            let mut spent = [index; 32];
            spent[..4].copy_from_slice(&tag.to_le_bytes());
            payment((spent, 0), &[(script.to_vec(), 1000)])
        };
        let transactions = (0_u8..).zip(scripts).map(pay).collect();
        let parent = *chain.active.last().expect("one block");
        let block = block(parent, height, 1_300_000_000 + height, tag, transactions);
        let hash = hash(&block);
        chain.blocks.insert(hash, block);
        chain.active.push(hash);
        hash
    }

    fn mine_empty(&self, count: usize) {
        for _ in 0..count {
            self.mine(&[]);
        }
    }

    /// Gives up so many blocks from the tip down.
    fn undo(&self, count: usize) {
        let mut chain = self.chain();
        let left = chain.active.len() - count;
        chain.active.truncate(left);
    }

    fn header_at(&self, height: usize) -> [u8; 80] {
        let chain = self.chain();
        header(&chain.blocks[&chain.active[height]])
    }

    fn tip(&self) -> [u8; 32] {
        *self.chain().active.last().expect("one block")
    }

    fn call(&self) -> Result<MutexGuard<'_, Chain>, SourceError> {
        let mut chain = self.chain();
        chain.calls += 1;
        let calls = chain.calls;
        match chain.down.clone().or_else(|| chain.fails.remove(&calls)) {
            Some(error) => Err(error),
            None => Ok(chain),
        }
    }
}

impl Source for Node {
    async fn check(&self, network: Network) -> Result<(), SourceError> {
        match self.call()?.network {
            Some(found) if found != network => {
                Err(NodeError::WrongNetwork { expected: network, found: found.chain().to_owned() }.into())
            }
            _ => Ok(()),
        }
    }

    async fn position(&self) -> Result<Position, SourceError> {
        let chain = self.call()?;
        let height = u32::try_from(chain.active.len()).expect("a short chain") - 1;
        Ok(Position { height, hash: *chain.active.last().expect("one block"), headers: height + chain.ahead })
    }

    async fn hash_at(&self, height: u32) -> Result<[u8; 32], SourceError> {
        let index = usize::try_from(height).expect("a height");
        self.call()?.active.get(index).copied().ok_or(SourceError::Missing)
    }

    async fn header(&self, hash: &[u8; 32]) -> Result<[u8; 80], SourceError> {
        self.call()?.blocks.get(hash).map(header).ok_or(SourceError::Missing)
    }

    async fn block(&self, hash: &[u8; 32]) -> Result<Block, SourceError> {
        let chain = self.call()?;
        if chain.pruned.contains(hash) {
            return Err(SourceError::Pruned);
        }
        chain.blocks.get(hash).cloned().ok_or(SourceError::Missing)
    }

    async fn fee_rate(&self) -> Result<Option<u64>, SourceError> {
        Ok(self.call()?.fee_rate)
    }
}

/// What an engine would have.
struct Engine {
    headers: Headers,
    watched: Arc<BTreeMap<Vec<u8>, u32>>,
    scan_from: u32,
    batches: Vec<usize>,
    fee_rates: Vec<u64>,
    payments: Vec<Proven>,
    known: BTreeSet<([u8; 32], [u8; 32])>,
    submits: usize,
    refuses: BTreeSet<usize>,
}

#[derive(Clone)]
struct Desk(Arc<Mutex<Engine>>);

impl Desk {
    fn new(watched: &[(&[u8], u32)]) -> Self {
        let headers =
            Headers::begin(Network::Regtest, 0, Network::Regtest.genesis_header()).expect("the first");
        Self::with(headers, watched)
    }

    fn with(headers: Headers, watched: &[(&[u8], u32)]) -> Self {
        let desk = Self(Arc::new(Mutex::new(Engine {
            headers,
            watched: Arc::default(),
            scan_from: 0,
            batches: vec![],
            fee_rates: vec![],
            payments: vec![],
            known: BTreeSet::new(),
            submits: 0,
            refuses: BTreeSet::new(),
        })));
        desk.watch(watched);
        desk
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().expect("no test panics while it holds it")
    }

    fn watch(&self, watched: &[(&[u8], u32)]) {
        let scripts = watched.iter().map(|(script, from)| (script.to_vec(), *from));
        self.engine().watched = Arc::new(scripts.collect());
    }

    fn tip(&self) -> [u8; 32] {
        self.engine().headers.tip().1
    }

    /// The heights of the payments told so far, in their order.
    fn heights(&self) -> Vec<u32> {
        self.engine().payments.iter().map(|payment| payment.height).collect()
    }
}

impl Exchange for Desk {
    fn headers<R>(&self, read: impl FnOnce(&Headers) -> R) -> R {
        read(&self.engine().headers)
    }

    fn watched(&self) -> Arc<BTreeMap<Vec<u8>, u32>> {
        Arc::clone(&self.engine().watched)
    }

    fn scan_from(&self) -> u32 {
        self.engine().scan_from
    }

    fn knows(&self, txid: &[u8; 32], block: &[u8; 32]) -> bool {
        self.engine().known.contains(&(*txid, *block))
    }

    async fn submit(&self, observation: Observation) -> Result<(), SubmitError> {
        let mut engine = self.engine();
        engine.submits += 1;
        let number = engine.submits;
        if engine.refuses.remove(&number) {
            return Err(SubmitError("no writer".to_owned()));
        }
        match observation {
            Observation::Headers { headers, fee_rate } => {
                engine.fee_rates.extend(fee_rate);
                engine.batches.push(headers.len());
                engine.headers.extend(&headers).expect("headers that the engine takes");
            }
            Observation::Payment { proof, transaction } => {
                let proven = check_proof(&engine.headers, &proof, &transaction).expect("a valid proof");
                engine.payments.push(proven);
            }
        }
        Ok(())
    }
}

const OPTIONS: FollowerOptions = FollowerOptions {
    poll: Duration::from_millis(1),
    backoff_max: Duration::from_millis(4),
    stalled_after: None,
    fee_every: Duration::ZERO,
};

type Parts = (Node, Desk, Follower<Node, Desk>, watch::Receiver<Health>);

fn parts(watched: &[(&[u8], u32)]) -> Parts {
    with(Node::new(), Desk::new(watched))
}

fn with(node: Node, desk: Desk) -> Parts {
    let (follower, health) = Follower::new(node.clone(), desk.clone(), OPTIONS);
    (node, desk, follower, health)
}

/// One pass, and what the follower says afterwards.
async fn pass(follower: &mut Follower<Node, Desk>) -> Health {
    let through = follower.pass().await;
    let health = follower.health.borrow().clone();
    let failed = matches!(
        health,
        Health::Unreachable { .. }
            | Health::WrongNetwork { .. }
            | Health::BadChain { .. }
            | Health::WarmingUp { .. }
    );
    assert!(through != failed || !through, "{health:?}");
    health
}

#[tokio::test]
async fn it_tells_headers_and_then_payments() {
    let (node, desk, mut follower, health) = parts(&[(SCRIPT, 2)]);
    assert_eq!(*health.borrow(), Health::Connecting);
    node.mine(&[SCRIPT]);
    node.mine(&[OTHER, SCRIPT, SCRIPT]);
    node.mine(&[OTHER]);
    let paid = node.mine(&[SCRIPT]);
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!((desk.tip(), desk.engine().batches.clone()), (node.tip(), vec![4]));
    // Nothing below the height that was asked for, nothing to another script.
    assert_eq!(desk.heights(), [2, 2, 4]);
    let last = desk.engine().payments.last().cloned().expect("a payment");
    assert_eq!((last.block, last.outputs[0].script.as_slice()), (paid, SCRIPT));
    let calls = node.chain().calls;
    assert_eq!(pass(&mut follower).await, Health::Ready);
    // Where it stands and the fee: no more is asked when nothing is new.
    assert_eq!(node.chain().calls, calls + 2);
    node.mine(&[SCRIPT]);
    pass(&mut follower).await;
    assert_eq!(desk.heights(), [2, 2, 4, 5]);
}

#[tokio::test]
async fn many_headers_come_in_batches_and_unasked_blocks_are_not_read() {
    let (node, desk, mut follower, _health) = parts(&[(SCRIPT, 4995)]);
    node.mine_empty(5000);
    node.mine(&[SCRIPT]);
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!(desk.engine().batches, [2000, 2000, 1001]);
    assert_eq!(desk.heights(), [5001]);
    // Two calls a header, seven blocks, and a handful.
    assert!(node.chain().calls < 10_002 + 7 + 10, "{}", node.chain().calls);
}

#[tokio::test]
async fn a_reorganisation_is_told_from_where_it_forks() {
    let (node, desk, mut follower, _health) = parts(&[(SCRIPT, 1)]);
    node.mine_empty(40);
    node.mine(&[SCRIPT]);
    node.mine_empty(2);
    pass(&mut follower).await;
    node.undo(25);
    node.mine_empty(20);
    // Less work than what is known: the exchange's chain stands.
    let before = desk.tip();
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 5 });
    node.mine_empty(5);
    assert_eq!(pass(&mut follower).await, Health::Ready, "as much work is no reason to change");
    assert_eq!(desk.tip(), before);
    node.mine(&[SCRIPT, SCRIPT]);
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!((desk.tip(), desk.engine().batches.clone()), (node.tip(), vec![43, 26]));
    assert_eq!(desk.heights(), [41, 44, 44]);
    // Back to the first branch: its payment is known, and told once only.
    node.undo(26);
    {
        let mut chain = node.chain();
        let mut at = before;
        let mut branch = vec![];
        while !chain.active.contains(&at) {
            branch.push(at);
            at = chain.blocks[&at].header.prev_blockhash.to_byte_array();
        }
        chain.active.extend(branch.into_iter().rev());
    }
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 1 });
    node.mine_empty(2);
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!((desk.tip(), desk.heights()), (node.tip(), vec![41, 44, 44]));
}

#[tokio::test]
async fn scripts_named_later_make_it_look_back() {
    let (node, desk, mut follower, _health) = parts(&[]);
    node.mine(&[SCRIPT, OTHER]);
    node.mine(&[SCRIPT, OTHER]);
    pass(&mut follower).await;
    assert!(desk.heights().is_empty());
    desk.watch(&[(SCRIPT, 2)]);
    pass(&mut follower).await;
    assert_eq!(desk.heights(), [2]);
    // The other looks further back; what is known is not told again.
    desk.watch(&[(SCRIPT, 2), (OTHER, 1)]);
    pass(&mut follower).await;
    assert_eq!(desk.heights(), [2, 1, 2]);
    let calls = node.chain().calls;
    desk.watch(&[(OTHER, 1)]);
    pass(&mut follower).await;
    assert_eq!(node.chain().calls, calls + 2, "fewer scripts are no reason to read");
    // No deeper than the exchange wants, and not what it has recorded.
    let (txid, block) = {
        let engine = desk.engine();
        let first = &engine.payments[0];
        (first.txid, first.block)
    };
    let again = Desk::with(desk.engine().headers.clone(), &[(SCRIPT, 1), (OTHER, 1)]);
    again.engine().scan_from = 2;
    again.engine().known.insert((txid, block));
    let (_, desk, mut follower, _health) = with(node, again);
    pass(&mut follower).await;
    assert_eq!((desk.heights(), desk.engine().payments[0].outputs[0].script.as_slice()), (vec![2], OTHER));
}

#[tokio::test]
async fn a_pruned_block_is_told_of_and_read_once_it_is_back() {
    let (node, desk, mut follower, _health) = parts(&[(SCRIPT, 1)]);
    let gone = node.mine(&[SCRIPT]);
    node.mine(&[SCRIPT]);
    node.chain().pruned.insert(gone);
    assert_eq!(pass(&mut follower).await, Health::Pruned { block: gone });
    assert_eq!(desk.heights(), [2], "what follows is read all the same");
    node.mine(&[SCRIPT]);
    assert_eq!(pass(&mut follower).await, Health::Pruned { block: gone });
    node.chain().pruned.clear();
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!(desk.heights(), [2, 3, 1]);
    // One that nobody asks for any more is no trouble.
    let gone = node.mine(&[SCRIPT]);
    node.chain().pruned.insert(gone);
    assert_eq!(pass(&mut follower).await, Health::Pruned { block: gone });
    desk.watch(&[(OTHER, 5)]);
    assert_eq!(pass(&mut follower).await, Health::Ready);
}

#[tokio::test]
async fn a_node_that_will_not_do_is_named_and_used_once_it_does() {
    let (node, desk, mut follower, _health) = parts(&[(SCRIPT, 1)]);
    node.mine(&[SCRIPT]);
    node.chain().network = Some(Network::Signet);
    let wrong = Health::WrongNetwork { expected: Network::Regtest, found: "signet".to_owned() };
    assert_eq!(pass(&mut follower).await, wrong);
    node.chain().network = None;
    node.chain().down = Some(RpcError::WarmingUp("Loading block index…".to_owned()).into());
    assert_eq!(pass(&mut follower).await, Health::WarmingUp { doing: "Loading block index…".to_owned() });
    node.chain().down = Some(unreachable());
    let Health::Unreachable { since_s, error } = pass(&mut follower).await else { panic!("unreachable") };
    assert_eq!(error, "the Bitcoin node cannot be reached: gone");
    let Health::Unreachable { since_s: later, .. } = pass(&mut follower).await else { panic!("unreachable") };
    assert_eq!(since_s, later);
    assert_eq!(desk.engine().submits, 0);
    node.chain().down = None;
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!(desk.heights(), [1]);
    // It came back as another: the first failure makes it be asked again.
    node.chain().down = Some(unreachable());
    pass(&mut follower).await;
    node.chain().down = None;
    node.chain().network = Some(Network::Mainnet);
    assert!(matches!(pass(&mut follower).await, Health::WrongNetwork { .. }));
}

#[tokio::test]
async fn a_node_that_is_behind_is_waited_for() {
    let (node, desk, mut follower, _health) = parts(&[(SCRIPT, 1)]);
    node.mine_empty(6);
    node.mine(&[SCRIPT]);
    pass(&mut follower).await;
    // The same node with an older copy of its data, and one that is downloading.
    let all = node.chain().active.clone();
    node.undo(5);
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 5 });
    assert_eq!((desk.tip(), desk.engine().submits), (all[7], 3 - 1));
    node.chain().active = all;
    node.chain().ahead = 3;
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 3 });
    node.chain().ahead = 1;
    assert_eq!(pass(&mut follower).await, Health::Ready);
    // A node that is not even as far as where the exchange begins, and one with another block there.
    let late = Headers::begin(Network::Regtest, 5, node.header_at(5)).expect("a begin");
    let (young, desk, mut follower, _health) = with(Node::new(), Desk::with(late, &[(SCRIPT, 1)]));
    young.chain().tag = 1000;
    young.mine_empty(3);
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 2 });
    young.mine_empty(9);
    assert!(matches!(pass(&mut follower).await, Health::BadChain { .. }));
    assert_eq!(desk.engine().submits, 0);
    young.chain().active = node.chain().active.clone();
    young.chain().blocks = node.chain().blocks.clone();
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!(desk.heights(), [7]);
}

#[tokio::test]
async fn blocks_that_the_node_has_not_are_waited_for() {
    let (node, desk, mut follower, _health) = parts(&[]);
    node.mine_empty(3);
    let paid = node.mine(&[SCRIPT]);
    node.mine_empty(2);
    pass(&mut follower).await;
    let kept = node.chain().blocks.remove(&paid).expect("it was mined");
    desk.watch(&[(SCRIPT, 1)]);
    assert_eq!(pass(&mut follower).await, Health::Behind { blocks: 3 });
    node.chain().blocks.insert(paid, kept);
    assert_eq!(pass(&mut follower).await, Health::Ready);
    assert_eq!(desk.heights(), [4]);
}

#[tokio::test]
async fn a_chain_against_the_rules_is_not_told() {
    let (node, desk, mut follower, _health) = parts(&[]);
    node.mine_empty(2);
    pass(&mut follower).await;
    let (parent, tip) = (node.tip(), node.mine(&[]));
    {
        let mut chain = node.chain();
        let mut bad = chain.blocks.remove(&tip).expect("it was mined");
        while bad.header.target().is_met_by(bad.header.block_hash()) {
            bad.header.nonce += 1;
        }
        let hash = hash(&bad);
        chain.blocks.insert(hash, bad);
        *chain.active.last_mut().expect("one block") = hash;
    }
    assert!(matches!(pass(&mut follower).await, Health::BadChain { .. }));
    assert_eq!((desk.tip(), desk.engine().submits), (parent, 1));
}

#[tokio::test]
async fn fee_rates_are_told_when_they_changed() {
    let (node, desk, mut follower, _health) = parts(&[]);
    let mut told = async |rate: Option<u64>, mine: usize| {
        node.chain().fee_rate = rate;
        node.mine_empty(mine);
        assert_eq!(pass(&mut follower).await, Health::Ready);
        desk.engine().fee_rates.clone()
    };
    assert!(told(None, 1).await.is_empty());
    assert_eq!(told(Some(1000), 0).await, [1000]);
    assert_eq!(told(Some(1100), 0).await, [1000]);
    assert_eq!(told(Some(900), 0).await, [1000]);
    assert_eq!(told(Some(1101), 1).await, [1000, 1101]);
    assert_eq!(told(None, 1).await, [1000, 1101]);
    assert_eq!(told(Some(900), 0).await, [1000, 1101, 900]);
    assert_eq!(desk.engine().batches, [1, 0, 1, 1, 0]);
}

#[tokio::test]
async fn a_fee_rate_that_was_not_taken_is_told_with_the_next() {
    let (node, desk) = (Node::new(), Desk::new(&[]));
    let options = FollowerOptions { fee_every: Duration::from_secs(3600), ..OPTIONS };
    let (mut follower, _health) = Follower::new(node.clone(), desk.clone(), options);
    node.chain().fee_rate = Some(1000);
    node.mine_empty(1);
    desk.engine().refuses.insert(1);
    assert!(!follower.pass().await);
    assert!(follower.pass().await);
    assert_eq!(desk.engine().fee_rates, [1000]);
    assert_eq!(desk.tip(), node.tip());
}

#[tokio::test]
async fn a_node_without_news_counts_as_stalled() {
    let (node, desk) = (Node::new(), Desk::new(&[]));
    let options = FollowerOptions { stalled_after: Some(Duration::ZERO), ..OPTIONS };
    let (mut follower, health) = Follower::new(node.clone(), desk, options);
    assert!(follower.pass().await);
    assert!(matches!(*health.borrow(), Health::Stalled { .. }), "{:?}", *health.borrow());
    let options = FollowerOptions { stalled_after: Some(Duration::from_secs(3600)), ..OPTIONS };
    let (mut follower, health) = Follower::new(node, Desk::new(&[]), options);
    assert!(follower.pass().await);
    assert_eq!(*health.borrow(), Health::Ready);
}

#[tokio::test]
async fn it_runs_by_itself_and_comes_back_after_failures() {
    let (node, desk, follower, mut health) = parts(&[(SCRIPT, 1)]);
    node.chain().down = Some(unreachable());
    let running = tokio::spawn(follower.run());
    let wait = Duration::from_secs(20);
    let mut until = async |wanted: fn(&Health) -> bool| {
        tokio::time::timeout(wait, health.wait_for(wanted)).await.expect("in time").expect("it runs").clone()
    };
    until(|health| matches!(health, Health::Unreachable { .. })).await;
    node.mine(&[SCRIPT]);
    node.chain().down = None;
    until(|health| *health == Health::Ready).await;
    assert_eq!(desk.heights(), [1]);
    running.abort();
}
