//! PostgreSQL connections that are gone while the server believes them alive, with a transaction open: what it has
//! locked stands in the way of whoever comes next.

use crate::history::history;
use crate::kit::{JOURNAL, Store};
use crate::proxy::{Cut, Proxy};
use bandex_journal::{ProjectionError, ProjectionPlace, Projections};
use std::time::Duration;

/// The server would believe in a held connection for 45 seconds, and without keepalives forever.
const SOON: Duration = Duration::from_secs(20);

/// Projections behind a proxy, with nine records in them.
async fn behind_proxy() -> (Store, Proxy, Projections) {
    let store = Store::postgres().await;
    let Store::Postgres(database) = &store else { panic!("{store} has no connections") };
    let proxy = Proxy::before(database.port()).await;
    let place = ProjectionPlace::Postgres(database.url(Some(proxy.port)));
    let mut projections = Projections::open(&place, JOURNAL).await.unwrap();
    projections.apply(&history(20)[..9]).await.unwrap();
    (store, proxy, projections)
}

async fn expected() -> Vec<String> {
    let store = Store::folder();
    store.projected(&history(20)).await.close().await.unwrap();
    store.dump().await
}

#[tokio::test]
async fn the_writer_ends_its_own() {
    let (store, proxy, mut projections) = behind_proxy().await;
    let records = history(20);
    proxy.cut_next(Cut::Held);
    tokio::time::timeout(SOON, projections.apply(&records[9..15])).await.unwrap().unwrap();
    assert!(proxy.has_cut());
    projections.apply(&records[15..]).await.unwrap();
    assert!(store.dump().await == expected().await);
}

/// Lets a writer leave a transaction behind, and its successor open the projections.
async fn succeeds(rebuild: bool) {
    let (store, proxy, projections) = behind_proxy().await;
    let (mut projections, records) = (projections.with_retries(0), history(20));
    proxy.cut_next(Cut::Held);
    let refused = projections.apply(&records[9..]).await;
    assert!(matches!(refused, Err(ProjectionError::Store(_))), "{refused:?}");
    drop(projections);
    let place = store.place();
    let next = async {
        let mut next = if rebuild {
            Projections::rebuild(&place, JOURNAL).await.unwrap()
        } else {
            Projections::open(&place, JOURNAL).await.unwrap()
        };
        assert_eq!(next.checkpoint(), if rebuild { 0 } else { 9 });
        let from = usize::try_from(next.checkpoint()).unwrap();
        next.apply(&records[from..]).await.unwrap();
    };
    tokio::time::timeout(SOON, next).await.unwrap();
    assert!(store.dump().await == expected().await, "rebuild: {rebuild}");
}

#[tokio::test]
async fn the_next_writer_ends_its_predecessors() {
    succeeds(false).await;
    succeeds(true).await;
}
