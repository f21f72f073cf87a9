//! The same rows however the records come, and beginning anew.

use crate::history::history;
use crate::kit::{JOURNAL, Store};
use bandex_journal::{ProjectionError, Projections};

const TABLES: [&str; 17] = [
    "account_records",
    "accounts",
    "amendments",
    "auctions",
    "balances",
    "blocks",
    "candles",
    "deal_records",
    "deals",
    "keys",
    "orders",
    "outcomes",
    "payments",
    "progress",
    "proposals",
    "protections",
    "trades",
];

#[tokio::test]
async fn rows_are_the_same_in_both_stores_however_the_records_come() {
    let records = history(60);
    let reference = Store::folder();
    let mut projections = reference.projected(&records).await;
    projections.apply(&[]).await.unwrap();
    assert_eq!(projections.checkpoint(), 60);
    let expected = reference.dump().await;
    for table in TABLES {
        assert!(expected.iter().any(|line| line.starts_with(&format!("{table}: "))), "{table} is empty");
    }
    for step in [1, 2, 7, 59, 60] {
        for store in Store::each().await {
            for some in records.chunks(step) {
                // Opened again each time, as after a restart.
                let mut projections = store.open().await;
                assert_eq!(projections.checkpoint() + 1, some[0].seq);
                projections.apply(some).await.unwrap();
            }
            assert!(store.dump().await == expected, "{store} in steps of {step}");
        }
    }
}

#[tokio::test]
async fn a_rebuild_gives_the_same_rows() {
    let records = history(60);
    for store in Store::each().await {
        store.projected(&records).await.close().await.unwrap();
        let expected = store.dump().await;
        store.meddle("DELETE FROM candles; UPDATE orders SET open = 1; DELETE FROM account_records").await;
        assert!(store.dump().await != expected, "{store}");
        let mut projections = Projections::rebuild(&store.place(), JOURNAL).await.unwrap();
        assert_eq!(projections.checkpoint(), 0, "{store}");
        assert_eq!(projections.reader().outcome(1).await.unwrap(), None, "{store}");
        for some in records.chunks(13) {
            projections.apply(some).await.unwrap();
        }
        assert!(store.dump().await == expected, "{store}");
        // There may be nothing to throw away, and it may be of another journal.
        projections.close().await.unwrap();
        let projections = Projections::rebuild(&store.place(), b"another").await.unwrap();
        assert_eq!(projections.checkpoint(), 0, "{store}");
    }
    for store in Store::each().await {
        assert_eq!(Projections::rebuild(&store.place(), JOURNAL).await.unwrap().checkpoint(), 0, "{store}");
    }
}

#[tokio::test]
async fn gaps_and_repetitions_are_refused_and_write_nothing() {
    let records = history(9);
    for store in Store::each().await {
        let mut projections = store.projected(&records[..5]).await;
        let before = store.dump().await;
        let mut check = async |records: &[_], found| {
            let error = ProjectionError::Gap { checkpoint: 5, found };
            assert_eq!(projections.apply(records).await, Err(error), "{store}");
            assert_eq!(projections.checkpoint(), 5, "{store}");
            assert_eq!(store.dump().await, before, "{store}");
        };
        check(&records[6..], 7).await;
        check(&records[4..], 5).await;
        check(&records[..1], 1).await;
        // The store's own refusal, halfway: a second block with one id.
        let mut twice = records[5..].to_vec();
        twice[3].block = records[0].block;
        assert!(matches!(projections.apply(&twice).await, Err(ProjectionError::Store(_))), "{store}");
        assert_eq!(store.dump().await, before, "{store}");
        projections.apply(&records[5..]).await.unwrap();
        assert_eq!(projections.reader().checkpoint().await.unwrap(), 9, "{store}");
    }
}

#[tokio::test]
async fn a_second_writer_is_found_by_the_checkpoint() {
    let records = history(9);
    for store in Store::each().await {
        let mut first = store.projected(&records[..5]).await;
        let mut second = store.open().await;
        second.apply(&records[5..7]).await.unwrap();
        let before = store.dump().await;
        // These rows contradict nothing; only the checkpoint tells.
        store.meddle("UPDATE progress SET checkpoint = 5").await;
        second.apply(&[]).await.expect_err("the checkpoint was moved");
        store.meddle("UPDATE progress SET checkpoint = 7").await;
        assert!(matches!(first.apply(&records[5..6]).await, Err(ProjectionError::Store(_))), "{store}");
        assert_eq!(store.dump().await, before, "{store}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_begun_anew() {
    let check = async |name: &str, journal: &[u8], sql: Option<&str>, kept: bool| {
        for store in Store::each().await {
            store.projected(&history(5)).await.close().await.unwrap();
            match (&store, sql) {
                (Store::Folder(dir), Some("")) => {
                    std::fs::write(dir.path().join("projections.sqlite"), "no database").unwrap();
                }
                (Store::Postgres(_), Some("")) => store.meddle("DROP SCHEMA projections CASCADE").await,
                (_, Some(sql)) => store.meddle(sql).await,
                (_, None) => {}
            }
            let mut projections = Projections::open(&store.place(), journal).await.unwrap();
            assert_eq!(projections.checkpoint(), if kept { 5 } else { 0 }, "{store}: {name}");
            if !kept {
                assert_eq!(projections.reader().outcome(1).await.unwrap(), None, "{store}: {name}");
                projections.apply(&history(2)).await.unwrap();
            }
        }
    };
    let other_schema = "UPDATE _sqlx_migrations SET checksum = substr(checksum, 2)";
    check("the same", JOURNAL, None, true).await;
    check("another journal", b"another", None, false).await;
    check("another version", JOURNAL, Some("UPDATE progress SET version = 0"), false).await;
    check("another schema", JOURNAL, Some(other_schema), false).await;
    check("no progress", JOURNAL, Some("DROP TABLE progress"), false).await;
    check("half begun", JOURNAL, Some("DELETE FROM progress"), false).await;
    check("no row that fits", JOURNAL, Some("UPDATE progress SET checkpoint = -1"), false).await;
    check("no database", JOURNAL, Some(""), false).await;
}
