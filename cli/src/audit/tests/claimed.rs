//! What is known from elsewhere: heads and receipts.

use super::altered::cut;
use super::forge::{Forge, ONE, PRICE, convicted_by, judge};
use crate::audit::claims::{NamedReceipt, receipts};
use crate::audit::verdict::Check;
use crate::audit::{Claims, HeadClaim, Verdict, audit};
use bandex_journal::StoredBatch;
use bandex_tradechain::{Command, Receipt};
use bandex_types::{Hash, Side};
use serde_json::{Value, json};
use std::fs;

fn with_head(text: &str) -> Claims {
    Claims { head: Some(HeadClaim::read(text).unwrap()), ..Claims::default() }
}

fn batch_json(batch: &StoredBatch) -> Value {
    json!({ "payload": hex::encode(&batch.block.payload), "signature": batch.block.signature })
}

#[tokio::test]
async fn a_cut_tail_is_missed_by_any_form_of_head() {
    let forge = Forge::with_all();
    let honest = &forge.rows;
    let last = honest.records.last().unwrap();
    let (seq, hash) = (last.seq, last.hash());
    let Verdict::Pass(report) = judge(honest, &Claims::default()).await else { panic!() };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let forms = [
        (hash.to_string(), None),
        (json!({ "seq": seq, "hash": hash }).to_string(), Some(seq)),
        (file("hash", format!("{hash}\n")), None),
        (file("report", serde_json::to_string(&report).unwrap()), Some(seq)),
        (file("batch", batch_json(honest.batches.last().unwrap()).to_string()), Some(seq)),
        (
            json!({ "receipt": { "batch": batch_json(honest.batches.last().unwrap()) } }).to_string(),
            Some(seq),
        ),
    ];
    for (form, known) in forms {
        let claims = with_head(&form);
        assert_eq!(claims.head.as_ref().unwrap().seq, known, "{form}");
        assert!(matches!(judge(honest, &claims).await, Verdict::Pass(_)), "{form}");
        for batch in &honest.batches[..honest.batches.len() - 1] {
            let conviction = convicted_by(&cut(honest, batch.last_seq()), &claims).await;
            assert_eq!((conviction.record, conviction.check), (batch.last_seq() + 1, Check::Head), "{form}");
        }
    }
}

#[tokio::test]
async fn an_earlier_head_is_found_on_the_way() {
    let forge = Forge::with_all();
    let early = &forge.rows.records[6];
    assert!(matches!(judge(&forge.rows, &with_head(&early.hash().to_string())).await, Verdict::Pass(_)));
    let other = json!({ "seq": 7, "hash": Hash::ZERO }).to_string();
    let conviction = convicted_by(&forge.rows, &with_head(&other)).await;
    assert_eq!((conviction.record, conviction.check), (7, Check::Head));
}

#[tokio::test]
async fn what_is_no_head_gives_no_verdict() {
    for wrong in ["", "abc", "{}", "{\"seq\":1}", "/no/such/file"] {
        assert!(HeadClaim::read(wrong).is_err(), "{wrong}");
    }
    // A batch block that another node signed says nothing about this journal.
    let mut forge = Forge::opened();
    forge.push(Command::Tick);
    forge.commit_as(&crate::replay::lane::test_key("somebody", 9), |_| {});
    let claims = with_head(&batch_json(forge.rows.batches.last().unwrap()).to_string());
    assert!(audit(&Forge::opened().rows, &claims, &mut |_| {}).await.is_err());
}

fn with_receipts(receipts: impl IntoIterator<Item = Receipt>) -> Claims {
    let named = |receipt| NamedReceipt { name: "mine".to_owned(), receipt };
    Claims { receipts: receipts.into_iter().map(named).collect(), ..Claims::default() }
}

#[tokio::test]
async fn honest_receipts_agree() {
    let forge = Forge::with_all();
    let all = (1..=forge.rows.records.len() as u64).map(|seq| forge.receipt(seq));
    let claims = with_receipts(all);
    let Verdict::Pass(report) = judge(&forge.rows, &claims).await else { panic!() };
    assert_eq!(report.receipts, forge.rows.records.len() as u64);
}

#[tokio::test]
async fn two_histories_are_a_fraud_proof() {
    // The same beginning; then one trader is shown a journal with his order, the world one without.
    let ((mut shown, _), (mut world, _)) = (Forge::with_asks(), Forge::with_asks());
    let (_, command) = shown.place(2, Side::Buy, PRICE, ONE);
    let seq = shown.push(command);
    shown.commit();
    assert_eq!(world.push(Command::Tick), seq);
    world.commit();
    for forge in [&shown, &world] {
        assert!(matches!(judge(&forge.rows, &Claims::default()).await, Verdict::Pass(_)));
    }
    let conviction = convicted_by(&world.rows, &with_receipts([shown.receipt(seq)])).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Receipt));
    let heads: Vec<_> =
        conviction.statements.iter().map(|it| it["block"]["body"]["last_record_hash"].clone()).collect();
    assert_eq!(heads, [&shown, &world].map(|forge| json!(forge.rows.records.last().unwrap().hash())));
}

#[tokio::test]
async fn one_record_in_two_batches_is_a_fraud_proof() {
    let (mut shown, mut world) = (Forge::opened(), Forge::opened());
    let seq = shown.push(Command::Tick);
    shown.commit();
    world.push(Command::Tick);
    world.push(Command::Tick);
    world.commit();
    let conviction = convicted_by(&world.rows, &with_receipts([shown.receipt(seq)])).await;
    assert_eq!((conviction.record, conviction.check), (seq, Check::Receipt));
    assert_eq!(conviction.statements.len(), 2);
}

#[tokio::test]
async fn a_receipt_after_the_end_shows_the_cut() {
    let forge = Forge::with_all();
    let last = forge.rows.records.len() as u64;
    let end = forge.rows.batches[2].last_seq();
    let conviction = convicted_by(&cut(&forge.rows, end), &with_receipts([forge.receipt(last)])).await;
    assert_eq!((conviction.record, conviction.check), (end + 1, Check::Receipt));
}

#[tokio::test]
async fn an_altered_journal_is_not_mistaken_for_fraud() {
    let forge = Forge::with_all();
    let mut rows = forge.rows.clone();
    let record = &mut rows.records[5];
    record.time = record.time.plus(1);
    let conviction = convicted_by(&rows, &with_receipts([forge.receipt(6)])).await;
    assert_eq!((conviction.record, conviction.check), (6, Check::Link));
}

#[tokio::test]
async fn receipts_of_others_are_refused() {
    let forge = Forge::with_all();
    let mut receipt = forge.receipt(4);
    receipt.outcome.push(0);
    let conviction = convicted_by(&forge.rows, &with_receipts([receipt])).await;
    assert_eq!((conviction.record, conviction.check), (4, Check::Receipt));
}

fn wire(receipt: &Receipt) -> Value {
    let leaf = &receipt.leaf;
    json!({
        "batch": { "payload": hex::encode(&receipt.batch.payload), "signature": receipt.batch.signature },
        "leaf": {
            "seq": leaf.seq,
            "time_us": leaf.time.as_micros(),
            "rules": leaf.rules,
            "command_hash": leaf.command_hash,
            "outcome_digest": leaf.outcome_digest,
        },
        "path": receipt.path,
        "outcome": hex::encode(&receipt.outcome),
    })
}

#[test]
fn receipts_are_read_from_files_of_either_form() {
    let forge = Forge::with_all();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| fs::write(folder.path().join(name), value.to_string()).unwrap();
    write("b.json", &wire(&forge.receipt(9)));
    write("a.json", &json!({ "block_id": "00", "seq": 8, "receipt": wire(&forge.receipt(8)) }));
    write("notes.txt", &json!("no receipt"));
    let found = receipts(folder.path()).unwrap();
    let names: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.receipt.clone())).collect();
    assert_eq!(names, [("a.json", forge.receipt(8)), ("b.json", forge.receipt(9))]);
    write("c.json", &json!({ "hello": 1 }));
    let error = format!("{:#}", receipts(folder.path()).unwrap_err());
    assert!(error.contains("c.json"), "{error}");
}
