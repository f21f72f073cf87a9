//! Exchanges that give scores which do not follow from their trust graph, or none.

use super::forge::{Forge, convicted, judge};
use crate::audit::verdict::Check;
use crate::audit::{Claims, Verdict};
use bandex_tradechain::{Command, Scores};
use bandex_types::Hash;

fn due(forge: &Forge) -> Scores {
    forge.engine.checkpoint().unwrap().scores()
}

#[tokio::test]
async fn scores_that_follow_pass_and_are_counted() {
    let mut forge = Forge::with_epoch();
    let right = due(&forge);
    assert!(right.scores.len() >= 2, "the seed, and whoever honoured what it was exposed to: {right:?}");
    forge.push(Command::Scores(right));
    forge.commit();
    // The next epoch ends, and is the last: its scores may still come.
    forge.end_epoch();
    let Verdict::Pass(report) = judge(&forge.rows, &Claims::default()).await else { panic!() };
    assert_eq!((report.epochs.ended, report.epochs.scored), (2, 1));
    assert!(report.epochs.never_scored.is_empty());
}

#[tokio::test]
async fn forged_scores_are_convicted() {
    let check = async |lie: &str, change: fn(&mut Scores)| {
        let mut forge = Forge::with_epoch();
        let (right, mut wrong) = (due(&forge), due(&forge));
        change(&mut wrong);
        assert_ne!(right, wrong, "{lie}");
        let seq = forge.push(Command::Scores(wrong));
        forge.commit();
        let conviction = convicted(&forge.rows).await;
        assert_eq!((conviction.record, conviction.check), (seq, Check::Scores), "{lie}");
        assert_ne!(conviction.expected, conviction.found, "{lie}");
    };
    check("a little less", |scores| scores.scores.last_mut().unwrap().1 -= 1).await;
    check("left out", |scores| scores.scores.truncate(scores.scores.len() - 1)).await;
    check("a friend", |scores| {
        scores.scores.retain(|(account, _)| *account != 2);
        scores.scores.push((2, 1));
        scores.scores.sort_unstable();
    })
    .await;
    check("nobody", |scores| scores.scores.clear()).await;
}

#[tokio::test]
async fn scores_that_the_rules_refuse_convict_nobody() {
    let mut forge = Forge::with_epoch();
    let stale = Scores { checkpoint: Hash::ZERO, ..due(&forge) };
    forge.push(Command::Scores(stale));
    forge.commit();
    let Verdict::Pass(report) = judge(&forge.rows, &Claims::default()).await else { panic!() };
    assert_eq!((report.epochs.ended, report.epochs.scored), (1, 0));
}

#[tokio::test]
async fn scores_that_never_came_are_found() {
    let mut forge = Forge::with_epoch();
    let silent = forge.engine.checkpoint().unwrap().epoch;
    forge.end_epoch();
    forge.push(Command::Scores(due(&forge)));
    forge.commit();
    let Verdict::Pass(report) = judge(&forge.rows, &Claims::default()).await else { panic!() };
    assert_eq!((report.epochs.ended, report.epochs.scored), (2, 1));
    assert_eq!(report.epochs.never_scored, [silent]);
}
