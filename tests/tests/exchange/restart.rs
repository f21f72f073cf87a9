//! Stopped and started again: nothing is lost, nothing is applied twice, and no folder has two masters.

use crate::story::{LOTS, PRICE, Pair, must_place};
use bandex_api::{BlockReply, Deal, Evidence, Lane};
use bandex_exchange::{IdentityError, StartError};
use bandex_journal::{Batch, Journal, JournalReader, SqliteJournal};
use bandex_tests::{Server, Setup, settle, settle_until};
use bandex_tradechain::SignedBlock;
use bandex_types::{DealId, Side};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An exchange with a bit of everything: an open deal half-way, a settled one, resting orders, a refused block.
struct Lived {
    pair: Pair,
    deals: [DealId; 2],
    blocks: Vec<(SignedBlock, BlockReply)>,
}

impl Lived {
    async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let mut pair = Pair::meet(Server::start(setup).await).await;
        let settled = pair.trade_lots(LOTS / 4).await;
        settle(&pair.server, &mut pair.seller, &mut pair.buyer, settled).await;
        let open = pair.trade().await;
        let half_way = |deal: &Deal| deal.in_flight.is_some();
        settle_until(&pair.server, &mut pair.seller, &mut pair.buyer, open, half_way).await;
        let mut blocks = Vec::new();
        for at in 1..4 {
            let (ask, _) = pair.seller.limit(Side::Sell, PRICE + at, LOTS);
            let (bid, _) = pair.buyer.limit(Side::Buy, PRICE - at, LOTS);
            for signed in [ask, bid] {
                let reply: BlockReply = pair.server.submit(&signed).await.read();
                must_place(reply.clone(), "open");
                blocks.push((signed, reply));
            }
        }
        Self { pair, deals: [settled, open], blocks }
    }

    /// All that can be seen, the head and the proofs included.
    async fn seen(&self) -> Vec<Value> {
        let Pair { server, seller, buyer, seller_token, buyer_token } = &self.pair;
        let mut seen = vec![self.pair.state().await, server.book().await.seq.into()];
        let lanes: [Lane; 2] = [server.lane(seller.key()).await, server.lane(buyer.key()).await];
        seen.extend(lanes.map(|lane| serde_json::to_value(lane).unwrap()));
        for deal in self.deals {
            for token in [seller_token, buyer_token] {
                let evidence: Evidence =
                    server.get_as(token, &format!("/v1/deals/{deal}/evidence")).await.read();
                seen.push(serde_json::to_value(evidence).unwrap());
            }
        }
        let markets = server.markets().await;
        seen.push(
            serde_json::to_value((markets.parameters, markets.assets, markets.markets, markets.node.seq))
                .unwrap(),
        );
        seen
    }

    /// Starts again and logs in anew: tokens live as long as the server.
    async fn restart(self, between: impl FnOnce(&Path)) -> Self {
        let Pair { server, seller, buyer, seller_token, .. } = self.pair;
        let server = server.restart(between).await;
        server.get_as(&seller_token, "/v1/balances").await.must_be(401, "not_logged_in");
        let (seller_token, buyer_token) = (server.login(&seller).await, server.login(&buyer).await);
        Self { pair: Pair { server, seller, buyer, seller_token, buyer_token }, ..self }
    }

    /// What was answered is answered so again, and the deal half-way goes on to its end.
    async fn goes_on(mut self) {
        for (signed, reply) in &self.blocks {
            assert_eq!(&self.pair.server.submit(signed).await.read::<BlockReply>(), reply);
        }
        let pair = &mut self.pair;
        settle(&pair.server, &mut pair.seller, &mut pair.buyer, self.deals[1]).await;
        let tokens = pair.server.balances(&pair.buyer_token).await.balances;
        assert_eq!(tokens[0].balance, "1.25");
        let (bid, _) = self.pair.buyer.limit(Side::Buy, PRICE + 1, LOTS);
        must_place(self.pair.server.submit(&bid).await.read(), "filled");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_as_it_was() {
    let lived = Lived::new().await;
    let before = lived.seen().await;
    let lived = lived.restart(|_| {}).await;
    assert_eq!(lived.seen().await, before);
    lived.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_are_made_anew_from_the_journal() {
    let lived = Lived::with(Setup { embedded: true, ..Setup::default() }).await;
    let before = lived.seen().await;
    let lived = lived
        .restart(|folder| {
            let mut removed = 0;
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap().to_str().unwrap().starts_with("projections") {
                    std::fs::remove_file(&path).unwrap();
                    removed += 1;
                }
            }
            assert!(removed > 0, "there was a file of projections");
        })
        .await;
    assert_eq!(lived.seen().await, before);
    lived.goes_on().await;
}

/// Waits until a snapshot lies in the folder that holds at least record `seq`; gives its file.
async fn snapshot_of(folder: &Path, seq: u64) -> PathBuf {
    let find = || {
        let entries = std::fs::read_dir(folder.join("snapshots")).ok()?;
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| {
            path.extension().is_some_and(|suffix| suffix == "snapshot")
                && path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap() >= seq
        })
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(path) = find() {
            return path;
        }
        assert!(Instant::now() < deadline, "no snapshot was made");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_goes_on_from_a_snapshot() {
    let lived = Lived::with(Setup { snapshot_every: 12, ..Setup::default() }).await;
    let before = lived.seen().await;
    snapshot_of(lived.pair.server.folder(), 12).await;
    let lived = lived.restart(|_| {}).await;
    let recovery = lived.pair.server.recovery();
    assert!(recovery.snapshot_seq >= 12 && recovery.replayed() < recovery.head_seq, "{recovery:?}");
    assert_eq!(lived.seen().await, before);
    lived.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_damaged_or_of_another_journal_is_refused() {
    let lived = Lived::with(Setup { snapshot_every: 12, ..Setup::default() }).await;
    let before = lived.seen().await;
    let path = snapshot_of(lived.pair.server.folder(), 12).await;
    let lived = lived
        .restart(|folder| {
            for entry in std::fs::read_dir(folder.join("snapshots")).unwrap() {
                let path = entry.unwrap().path();
                let mut bytes = std::fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        })
        .await;
    assert_eq!(lived.pair.server.recovery().snapshot_seq, 0, "all of it was replayed");
    assert_eq!(lived.seen().await, before);
    // One that is whole, but tells of another exchange's records.
    let other = Lived::with(Setup { snapshot_every: 12, ..Setup::default() }).await;
    let foreign = snapshot_of(other.pair.server.folder(), 12).await;
    let bytes = std::fs::read(&foreign).unwrap();
    let lived = lived
        .restart(|folder| {
            std::fs::remove_dir_all(folder.join("snapshots")).unwrap();
            std::fs::create_dir(folder.join("snapshots")).unwrap();
            std::fs::write(path.with_file_name(foreign.file_name().unwrap()), bytes).unwrap();
        })
        .await;
    assert_eq!(lived.pair.server.recovery().snapshot_seq, 0, "all of it was replayed");
    assert_eq!(lived.seen().await, before);
    lived.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_stays_with_the_keys_that_began_it() {
    let lived = Lived::new().await;
    let folder = lived.pair.server.stop().await;
    let refused = |error: &StartError| matches!(error, StartError::Identity(IdentityError::OtherKey { .. }));
    for role in ["node.key", "operator.key"] {
        let (key, kept) = (folder.path().join(role), folder.path().join("kept"));
        std::fs::rename(&key, &kept).unwrap();
        // A missing file is made anew, so it is somebody else's: the journal does not take it.
        let error = Server::try_start(folder.path()).await.err().expect("the journal is another's");
        assert!(refused(&error), "{error}");
        assert!(error.to_string().contains("restore the right key file"), "{error}");
        std::fs::write(&key, "ab".repeat(32)).unwrap();
        let error = Server::try_start(folder.path()).await.err().expect("the journal is another's");
        assert!(refused(&error), "{error}");
        std::fs::write(&key, "no key at all").unwrap();
        let error = Server::try_start(folder.path()).await.err().expect("that is no key");
        assert!(matches!(&error, StartError::Identity(IdentityError::Damaged(_))), "{error}");
        std::fs::rename(&kept, &key).unwrap();
    }
    // Nothing of this did any harm.
    Server::try_start(folder.path()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_folder_has_one_server() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let error = Server::try_start(server.folder()).await.err().expect("the folder is taken");
    assert!(matches!(error, StartError::Open(_)), "{error}");
    assert!(error.to_string().contains("another server"), "{error}");
    let (bid, _) = lane.limit(Side::Buy, PRICE, LOTS);
    must_place(server.submit(&bid).await.read(), "open");
    let folder = server.stop().await;
    let next = Server::try_start(folder.path()).await.unwrap();
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_lost_its_end_is_not_taken_for_whole() {
    let lived = Lived::with(Setup { embedded: true, ..Setup::default() }).await;
    let folder = lived.pair.server.stop().await;
    let cut = tempfile::tempdir().unwrap();
    for name in ["node.key", "operator.key", "admin.token"] {
        std::fs::copy(folder.path().join(name), cut.path().join(name)).unwrap();
    }
    // A journal of the same genesis with its first record only, beside projections that know them all.
    {
        let whole = SqliteJournal::open_read_only(folder.path()).await.unwrap();
        let mut journal = SqliteJournal::open(cut.path()).await.unwrap();
        let first = whole.batches(1, 1).await.unwrap().remove(0);
        let records = whole.records(1, first.count as usize).await.unwrap();
        journal.append(&Batch { records, block: first.block }).await.unwrap();
        journal.close().await.unwrap();
    }
    for name in ["projections.sqlite", "projections.sqlite-wal"] {
        let file = folder.path().join(name);
        if file.exists() {
            std::fs::copy(file, cut.path().join(name)).unwrap();
        }
    }
    let error = Server::try_start(cut.path()).await.err().expect("its end is missing");
    assert!(matches!(error, StartError::Cut { .. }), "{error}");
    // Whoever knows that it is gone for good says so by deleting what was made from it.
    for name in ["projections.sqlite", "projections.sqlite-wal", "projections.sqlite-shm"] {
        let _ = std::fs::remove_file(cut.path().join(name));
    }
    Server::try_start(cut.path()).await.unwrap().stop().await;
}
