//! The node without HTTP, as a test may hold it in its own process.

mod support;

use bandex_regtest_node::chain::{Standing, Verdict};
use bandex_regtest_node::{Node, Settings, rpc};
use serde_json::json;
use support::Key;
use support::key::coin;

#[test]
fn a_node_is_driven_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::open(Settings::default(), folder.path()).expect("a node");
    let (mine, other) = (Key::new(1), Key::new(2));
    let first = node.mine(mine.script()).expect("a block");
    for _ in 0..100 {
        node.mine(other.script()).expect("a block");
    }
    let block = node.chain().get(first).expect("it").block.clone();
    let payment = mine.pay(&coin(&block.txdata[0], 0), &other, 1_000);
    assert!(node.send(&payment).expect("taken").is_empty());
    let dearer = mine.pay(&coin(&block.txdata[0], 0), &other, 5_000);
    assert_eq!(node.send(&dearer).expect("taken").len(), 1, "it replaces the first");
    let last = node.mine(other.script()).expect("a block");
    assert!(node.mempool().is_empty());
    assert_eq!(node.chain().place(&dearer.compute_txid()).expect("mined").0.hash, last);
    let block = bitcoin::Block::clone(&node.chain().get(last).expect("it").block);
    assert_eq!(node.submit(block).expect("a verdict"), Verdict::Known(Standing::Valid));
    node.invalidate(last).expect("done");
    assert_eq!((node.chain().height(), node.mempool().len()), (101, 1));
    assert_eq!(rpc::call(&mut node, "getblockcount", &json!([])), Ok(json!(101)));
}

#[test]
fn two_nodes_of_one_process_keep_apart() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let [mut one, mut two] =
        folders.each_ref().map(|folder| Node::open(Settings::default(), folder.path()).expect("a node"));
    std::thread::scope(|scope| {
        for node in [&mut one, &mut two] {
            scope.spawn(|| {
                for _ in 0..30 {
                    node.mine(Key::new(1).script()).expect("a block");
                }
            });
        }
    });
    assert_eq!((one.chain().height(), two.chain().height()), (30, 30));
    assert_ne!(one.chain().tip(), two.chain().tip());
    // The blocks of one make a branch of no more work for the other, and one more block makes it the longer.
    one.mine(Key::new(1).script()).expect("a block");
    for height in 1..=31 {
        let hash = one.chain().at_height(height).expect("a block");
        let block = bitcoin::Block::clone(&one.chain().get(hash).expect("it").block);
        let verdict = two.submit(block).expect("a verdict");
        assert_eq!(verdict, if height <= 30 { Verdict::Inconclusive } else { Verdict::Active });
    }
    assert_eq!(two.chain().tip(), one.chain().tip());
}

#[test]
fn a_log_cut_short_by_a_kill_keeps_its_whole_blocks() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::open(Settings::default(), folder.path()).expect("a node");
    let hashes = [(); 3].map(|()| node.mine(Key::new(1).script()).expect("a block"));
    drop(node);
    let path = folder.path().join("blocks.dat");
    let log = std::fs::OpenOptions::new().write(true).open(&path).expect("the log");
    log.set_len(std::fs::metadata(&path).expect("a size").len() - 1).expect("shorter");
    drop(log);
    let mut node = Node::open(Settings::default(), folder.path()).expect("a node");
    assert_eq!((node.chain().height(), node.chain().tip()), (2, hashes[1]));
    let next = node.mine(Key::new(1).script()).expect("a block");
    drop(node);
    let node = Node::open(Settings::default(), folder.path()).expect("a node");
    assert_eq!((node.chain().height(), node.chain().tip()), (3, next));
}
