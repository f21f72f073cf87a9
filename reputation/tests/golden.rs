//! Scores that every machine and every later version must reproduce bit for bit: an auditor recomputes them years later.

use bandex_reputation::{Graph, Honoured, Score, checkpoint_key, personal, scores};
use bandex_types::Hash;
use sha2::{Digest, Sha256};

/// A graph of many shapes from nothing but multiplications.
fn graph() -> Graph {
    let mut honoured = Vec::new();
    for at in 0..6_000_u64 {
        let word = (at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let from = u32::try_from(1 + (word >> 40) % 900).expect("it is below 901");
        // Low accounts are met more often.
        let reach = 1 + (word >> 20) % 900;
        let to = u32::try_from(1 + (word >> 8) % reach).expect("it is below 901");
        honoured.push(Honoured { from, to, value: 1 + (word >> 30) % 1_000_000 });
    }
    Graph::new(honoured).close(vec![Honoured { from: 7, to: 8, value: 5_000_000 }], 900_000, 3, &[17])
}

fn digest_of(scores: &[(u32, Score)]) -> String {
    let bytes = borsh::to_vec(scores).expect("memory takes it");
    Hash::new(Sha256::digest(bytes).into()).to_string()
}

#[test]
fn scores_are_these_and_no_others() {
    let graph = graph();
    assert_eq!(graph.edge_count(), 5924);
    assert_eq!(
        graph.digest().to_string(),
        "7134df56479b08ee6cc35451988dcdbe727bf617361c6c4d77b5d7e14f233e95"
    );
    let seeds = [3, 1, 250, 600];
    let key = checkpoint_key(&Hash::new([5; 32]), 42, &graph, &seeds);
    assert_eq!(key.to_string(), "693a9ad73d678033435bd447375687b20727c9b37d814123d1362d82bf1b156c");
    let found = scores(&graph, &seeds, &key, 901);
    let first: Vec<(u32, u32)> = found.iter().take(5).map(|(at, score)| (*at, score.ppb())).collect();
    assert_eq!(first, [(1, 250003584), (2, 19291), (3, 250546287), (4, 3785482), (5, 125227)]);
    assert_eq!(found.len(), 660);
    assert_eq!(digest_of(&found), "b35bbaf184e8dd15165eef27ce6d3709895091b61b7c84af4b05e1793e0dae23");
    assert_eq!(
        digest_of(&personal(&graph, 33, &key)),
        "dd0688c635c63e691dcfa0c68fa8e75c648b43844cdb5123b316c6f2660ff1e6"
    );
    // Who has fallen is reached by no walk.
    assert!(found.iter().all(|(account, _)| *account != 17));
}
