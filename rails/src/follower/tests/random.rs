//! Random histories of node, exchange and follower: whatever happens, every payment is told in the end.

use super::*;
use bandex_spv::hash_of;
use proptest::prelude::*;

/// What happens to a node between two passes.
#[derive(Debug, Clone)]
enum Happens {
    /// Blocks are mined that pay so many watched scripts.
    Mined(Vec<u8>),
    /// Blocks are undone, and one more mined than was undone.
    Reorganised(u8),
    /// A call fails.
    Fails(u8),
    /// The exchange refuses one observation.
    Refused(u8),
    /// The follower is dropped and another begins.
    Restarted,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => proptest::collection::vec(0_u8..3, 1..4).prop_map(Happens::Mined),
        2 => (1_u8..6).prop_map(Happens::Reorganised),
        4 => (1_u8..40).prop_map(Happens::Fails),
        2 => (1_u8..8).prop_map(Happens::Refused),
        1 => Just(Happens::Restarted),
    ]
}

fn play(events: &[Happens]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (node, desk, mut follower, mut health) = parts(&[(SCRIPT, 1)]);
        for event in events {
            match event {
                Happens::Mined(blocks) => {
                    for pays in blocks {
                        node.mine(&vec![SCRIPT; usize::from(*pays)]);
                    }
                }
                Happens::Reorganised(depth) => {
                    let depth = usize::from(*depth).min(node.chain().active.len() - 1);
                    node.undo(depth);
                    for at in 0..=depth {
                        node.mine(&vec![SCRIPT; at % 2]);
                    }
                }
                Happens::Fails(after) => {
                    let mut chain = node.chain();
                    let at = chain.calls + usize::from(*after);
                    let error = if after % 3 == 0 { SourceError::Missing } else { unreachable() };
                    chain.fails.insert(at, error);
                }
                Happens::Refused(after) => {
                    let mut engine = desk.engine();
                    let at = engine.submits + usize::from(*after);
                    engine.refuses.insert(at);
                }
                Happens::Restarted => (_, _, follower, health) = with(node.clone(), desk.clone()),
            }
            follower.pass().await;
        }
        // Nothing fails any more, so it catches up.
        node.chain().fails.clear();
        desk.engine().refuses.clear();
        follower.pass().await;
        assert!(follower.pass().await);
        assert_eq!((health.borrow().clone(), desk.tip()), (Health::Ready, node.tip()));
        // Every payment of the active chain has been told.
        let told: BTreeSet<_> =
            desk.engine().payments.iter().map(|payment| (payment.block, payment.txid)).collect();
        let chain = node.chain();
        for hash in &chain.active {
            for transaction in &chain.blocks[hash].txdata {
                let pays = transaction.output.iter().any(|paid| paid.script_pubkey.as_bytes() == SCRIPT);
                let txid = transaction.compute_txid().to_byte_array();
                assert_eq!(told.contains(&(*hash, txid)), pays, "a payment is missing");
            }
        }
        // And none twice, unless the follower was another one.
        if !events.iter().any(|event| matches!(event, Happens::Restarted)) {
            assert_eq!(told.len(), desk.engine().payments.len());
        }
        assert_eq!(hash_of(&header(&chain.blocks[&desk.tip()])), desk.tip());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_happens_nothing_is_missed(events in proptest::collection::vec(happens(), 1..25)) {
        play(&events);
    }
}
