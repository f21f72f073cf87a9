//! Two servers and one store: the second is refused while the first lives, and takes over when it is killed.

use crate::{acknowledged, all_is_well, program, rig_at, shared_database};
use bandex_tests::crash::{Mode, Node, Place, Random, Store};
use std::time::{Duration, Instant};

/// How soon after a kill another server must serve.
const TAKE_OVER_WAIT: Duration = Duration::from_secs(15);

async fn has_one_master(place: Place, seed: u64) {
    let another = place.for_another();
    let mut rig = rig_at(place, seed).await;
    let mut second = Node::new(program(), another, 200, &mut Random::new(seed + 1));
    let mut driving = rig.drive(Mode::Load);
    acknowledged(&rig, &mut driving, 50).await;
    let said = second.refused().await;
    assert!(said.contains("in use by another server"), "{said}");
    // The first has not noticed anything.
    let before = rig.tally();
    acknowledged(&rig, &mut driving, 50).await;
    assert_eq!((before.broken, before.unknown), (rig.tally().broken, rig.tally().unknown));
    rig.node.kill().await;
    let killed = Instant::now();
    rig.leave(driving, Mode::Stop).await;
    // The first one's folder must stay.
    let _first = std::mem::replace(&mut rig.node, second);
    rig.node.start().await;
    assert!(killed.elapsed() < TAKE_OVER_WAIT, "{:?}", killed.elapsed());
    rig.check().await;
    let mut driving = rig.drive(Mode::Load);
    acknowledged(&rig, &mut driving, 100).await;
    all_is_well(&mut rig, driving).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_has_one_server_and_the_next_takes_over() {
    has_one_master(Place::new(&Store::Sqlite).await, 31).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_has_one_server_and_the_next_takes_over() {
    has_one_master(shared_database().await, 33).await;
}
