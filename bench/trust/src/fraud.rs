//! Part `fraud`: ratings replayed in time order. What did each scheme think of those who later turned out to be frauds,
//! just before the first who said so, and what would they have carried off?

use crate::options::Options;
use crate::parallel::each;
use crate::plot::{Plot, Scale};
use crate::ratings::{self, Rating, Ratings, WORST};
use crate::report::{Goal, Report, number, round};
use crate::schemes::pagerank::pagerank;
use crate::schemes::rows::Rows;
use crate::schemes::{Scheme, meritrank};
use crate::world::{VALUE_A_POINT, default_seeds, first_rated};
use anyhow::{Result, ensure};
use bandex_reputation::{Graph, Honoured};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// So many ratings of −10 make a fraud.
const ACCUSERS: usize = 3;
/// Thirty days.
const EPOCH_S: u64 = 2_592_000;
/// Seeds besides the usual one for each hundred accounts, to show what their number does.
const SEED_COUNTS: [usize; 5] = [10, 20, 50, 100, 200];
/// What an epoch keeps besides everything, to show what decay does.
const KEPT_PPM: [u32; 2] = [980_000, 900_000];

/// A way to judge accounts by the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Judge {
    Scheme(Scheme),
    /// How often an account was rated well.
    Trades,
}

impl Judge {
    const ALL: [Self; 5] = [
        Self::Scheme(Scheme::Ours),
        Self::Scheme(Scheme::Pagerank50),
        Self::Scheme(Scheme::Pagerank85),
        Self::Scheme(Scheme::Meritrank),
        Self::Trades,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Scheme(scheme) => scheme.name(),
            Self::Trades => "past trades",
        }
    }
}

/// A setting of the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Setting {
    seeds: usize,
    keep_ppm: u32,
}

/// One fraud as one judge saw it before the first accusation.
#[derive(Debug, Clone, Copy, Default)]
struct Sight {
    /// The share of the others that the judge preferred to it; those level with it count half.
    preferred: f64,
    /// The same among those whom anybody had rated well, if it was one of them.
    preferred_of_traders: Option<f64>,
    /// Its share of all limits.
    share: f64,
    /// Its share if all limits were equal.
    equal: f64,
}

/// What a judge came to in a setting.
#[derive(Debug, Clone, Copy, Default)]
struct Verdict {
    auc: f64,
    auc_of_traders: f64,
    avoided: f64,
}

/// Replays the ratings in several settings.
///
/// # Errors
/// The ratings cannot be read, or hold no fraud.
pub fn run(options: &Options) -> Result<Report> {
    let ratings = ratings::read(&options.ratings_file())?;
    let frauds = frauds(&ratings.list);
    ensure!(!frauds.is_empty(), "{}: nobody in it was rated -10 by three or more", ratings.source);
    let usual = Setting { seeds: default_seeds(&ratings), keep_ppm: 1_000_000 };
    let mut settings = vec![usual];
    if !options.short {
        settings.extend(SEED_COUNTS.map(|seeds| Setting { seeds, ..usual }));
        settings.extend(KEPT_PPM.map(|keep_ppm| Setting { keep_ppm, ..usual }));
    }
    let mut found = Vec::new();
    for setting in settings {
        eprintln!(
            "fraud: {} frauds, {} seeds, {} ppm kept a month",
            frauds.len(),
            setting.seeds,
            setting.keep_ppm
        );
        found.push((setting, replay(&ratings, &frauds, setting)));
    }
    let (_, (seen, verdicts)) = &found[0];
    let of = |judge| verdicts.get(&judge).copied().unwrap_or_default();
    let (ours, usual_rank, trades) =
        (of(Judge::ALL[0]), of(Judge::Scheme(Scheme::Pagerank85)), of(Judge::Trades));
    let goals = vec![
        Goal::exceed("fraud: AUC of ours above counting past trades", ours.auc, trades.auc),
        Goal::exceed("fraud: AUC of ours above plain PageRank 0.85", ours.auc, usual_rank.auc),
        Goal::exceed("fraud: AUC of ours above plain PageRank ½", ours.auc, of(Judge::ALL[1]).auc),
        Goal::exceed(
            "fraud: share of loss avoided, ours above counting past trades",
            ours.avoided,
            trades.avoided,
        ),
        Goal::exceed(
            "fraud: share of loss avoided, ours above plain PageRank 0.85",
            ours.avoided,
            usual_rank.avoided,
        ),
        Goal::exceed(
            "fraud: share of loss avoided, ours above plain PageRank ½",
            ours.avoided,
            of(Judge::ALL[1]).avoided,
        ),
    ];
    let figures = json!({
        "source": ratings.source, "ratings": ratings.list.len(), "accounts": ratings.accounts - 1,
        "frauds": frauds.len(), "frauds_seen_before": seen, "value_msat_a_point": VALUE_A_POINT,
        "settings": found.iter().map(|(setting, found)| describe(*setting, found)).collect::<Vec<_>>(),
    });
    Ok(Report { name: "fraud", goals, figures, lines: lines(&ratings, &found), plots: plots(&found) })
}

/// Who was rated −10 often enough, and the index of the first such rating.
fn frauds(list: &[Rating]) -> Vec<(u32, usize)> {
    let mut accusers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, one) in list.iter().enumerate().filter(|(_, one)| one.rating == WORST) {
        accusers.entry(one.ratee).or_default().push(at);
    }
    let frauds = accusers.into_iter().filter(|(_, found)| found.len() >= ACCUSERS);
    frauds.map(|(account, found)| (account, found[0])).collect()
}

/// What the judges came to, and on how many frauds: those known to anybody before, and no seeds.
fn replay(ratings: &Ratings, frauds: &[(u32, usize)], setting: Setting) -> (usize, BTreeMap<Judge, Verdict>) {
    let seeds = first_rated(ratings, setting.seeds);
    let all: BTreeSet<u32> = frauds.iter().map(|(account, _)| *account).collect();
    let sights = each(frauds, |_, (fraud, at)| look(ratings, &all, (*fraud, *at), &seeds, setting.keep_ppm));
    let sights: Vec<_> = sights.into_iter().flatten().collect();
    let mut verdicts = BTreeMap::new();
    for judge in Judge::ALL {
        let of: Vec<Sight> = sights.iter().filter_map(|sight| sight.get(&judge).copied()).collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let equal: f64 = of.iter().map(|sight| sight.equal).sum();
        let verdict = Verdict {
            auc: mean(of.iter().map(|sight| sight.preferred).collect()),
            auc_of_traders: mean(of.iter().filter_map(|sight| sight.preferred_of_traders).collect()),
            avoided: 1.0 - of.iter().map(|sight| sight.share).sum::<f64>() / equal,
        };
        verdicts.insert(judge, verdict);
    }
    (sights.len(), verdicts)
}

/// How each judge saw one fraud before its first accusation; `None` if nobody knew it, or it was a seed.
fn look(
    ratings: &Ratings,
    frauds: &BTreeSet<u32>,
    (fraud, at): (u32, usize),
    seeds: &[u32],
    keep_ppm: u32,
) -> Option<BTreeMap<Judge, Sight>> {
    let past = &ratings.list[..at];
    let mut known = vec![false; ratings.accounts as usize];
    let mut trades = vec![0.0; ratings.accounts as usize];
    for one in past {
        known[one.rater as usize] = true;
        known[one.ratee as usize] = true;
        trades[one.ratee as usize] += f64::from(u8::from(one.rating > 0));
    }
    if !known[fraud as usize] || seeds.contains(&fraud) {
        return None;
    }
    let fallen = fallen(past);
    let graph = graph(past, keep_ppm, &fallen);
    // Seeds and those already exposed get no limit by any scheme.
    let is_judged =
        |account: &u32| known[*account as usize] && !seeds.contains(account) && !fallen.contains(account);
    let judged: Vec<u32> = (1..ratings.accounts).filter(is_judged).collect();
    let rows = Rows::new(&graph, ratings.accounts);
    let mut sights = BTreeMap::new();
    for judge in Judge::ALL {
        let scores = match judge {
            Judge::Scheme(Scheme::Ours) => Scheme::Ours.scores(&graph, seeds, ratings.accounts, at as u64),
            Judge::Scheme(Scheme::Pagerank50) => pagerank(&rows, seeds, 0.5),
            Judge::Scheme(Scheme::Pagerank85) => pagerank(&rows, seeds, 0.85),
            Judge::Scheme(Scheme::Meritrank) => meritrank::meritrank(&rows, seeds, at as u64),
            Judge::Trades => trades.clone(),
        };
        let own = scores[fraud as usize];
        let honest = |account: &&u32| !frauds.contains(account);
        let others = judged.iter().filter(honest).map(|account| scores[*account as usize]);
        let traders = judged.iter().filter(honest).filter(|account| trades[**account as usize] > 0.0);
        let total: f64 = judged.iter().map(|account| scores[*account as usize]).sum();
        let equal = 1.0 / judged.len() as f64;
        let sight = Sight {
            preferred: preferred(own, others),
            preferred_of_traders: (trades[fraud as usize] > 0.0)
                .then(|| preferred(own, traders.map(|account| scores[*account as usize]))),
            // A scheme that knows nobody yet gives nobody anything.
            share: if total > 0.0 { own / total } else { 0.0 },
            equal,
        };
        sights.insert(judge, sight);
    }
    Some(sights)
}

/// The share of the others above `own`, those level counted half: one point of the area under the ROC curve.
fn preferred(own: f64, others: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0_f64);
    for other in others {
        sum += if other > own { 1.0 } else { f64::from(u8::from(other >= own)) / 2.0 };
        count += 1.0;
    }
    sum / count.max(1.0)
}

/// Who has been accused often enough already.
fn fallen(past: &[Rating]) -> Vec<u32> {
    let mut accused: BTreeMap<u32, usize> = BTreeMap::new();
    for one in past.iter().filter(|one| one.rating == WORST) {
        *accused.entry(one.ratee).or_default() += 1;
    }
    accused.into_iter().filter(|(_, count)| *count >= ACCUSERS).map(|(account, _)| account).collect()
}

/// What was honoured so far, epoch by epoch.
fn graph(past: &[Rating], keep_ppm: u32, fallen: &[u32]) -> Graph {
    let mut graph = Graph::default();
    let mut epoch = past.first().map_or(0, |one| one.unix_time / EPOCH_S);
    let mut honoured = Vec::new();
    for one in past {
        let now = one.unix_time / EPOCH_S;
        if now > epoch && keep_ppm < 1_000_000 {
            // What closes an epoch is not yet old in it.
            let passed = u32::try_from(now - epoch).unwrap_or(u32::MAX);
            graph = graph.close(std::mem::take(&mut honoured), 1_000_000, 0, &[]).close(
                Vec::new(),
                keep_ppm,
                passed,
                &[],
            );
            epoch = now;
        }
        if one.rating > 0 {
            let value = u64::from(one.rating.unsigned_abs()) * VALUE_A_POINT;
            honoured.push(Honoured { from: one.rater, to: one.ratee, value });
        }
    }
    graph.close(honoured, 1_000_000, 0, fallen)
}

fn describe(setting: Setting, (seen, verdicts): &(usize, BTreeMap<Judge, Verdict>)) -> Value {
    let judged = |(judge, verdict): (&Judge, &Verdict)| {
        json!({
            "scheme": judge.name(), "auc": round(verdict.auc), "auc_among_rated": round(verdict.auc_of_traders),
            "share_of_loss_avoided": round(verdict.avoided),
        })
    };
    json!({
        "seeds": setting.seeds, "kept_ppm_a_month": setting.keep_ppm, "frauds": seen,
        "schemes": verdicts.iter().map(judged).collect::<Vec<_>>(),
    })
}

type Found = [(Setting, (usize, BTreeMap<Judge, Verdict>))];

fn lines(ratings: &Ratings, found: &Found) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {} ratings, {} accounts", ratings.source, ratings.list.len(), ratings.accounts - 1),
        "AUC / AUC among those rated well / share of loss avoided against equal limits".to_owned(),
    ];
    for (setting, (seen, verdicts)) in found {
        lines.push(format!("{} seeds, {} ppm kept a month, {seen} frauds", setting.seeds, setting.keep_ppm));
        for (judge, verdict) in verdicts {
            let [auc, traders, avoided] = [verdict.auc, verdict.auc_of_traders, verdict.avoided].map(number);
            lines.push(format!("    {:14} {auc:>7} {traders:>7} {avoided:>7}", judge.name()));
        }
    }
    lines
}

fn plots(found: &Found) -> Vec<(&'static str, String)> {
    let counts: Vec<_> = found.iter().filter(|(setting, _)| setting.keep_ppm == 1_000_000).collect();
    let mut counts = counts;
    counts.sort_by_key(|(setting, _)| setting.seeds);
    let of = |judge: Judge, figure: fn(&Verdict) -> f64| -> Vec<Option<f64>> {
        counts.iter().map(|(_, (_, verdicts))| verdicts.get(&judge).map(figure)).collect()
    };
    let series = |figure: fn(&Verdict) -> f64| {
        Judge::ALL.map(|judge| (judge.name().to_owned(), of(judge, figure))).to_vec()
    };
    let auc = Plot {
        title: "How well later frauds were told from the rest, before the first accusation".to_owned(),
        up: "AUC".to_owned(),
        right: "seeds: the first so many accounts that were rated well".to_owned(),
        places: counts.iter().map(|(setting, _)| setting.seeds.to_string()).collect(),
        series: series(|verdict| verdict.auc),
        mark: Some((0.5, "chance".to_owned())),
        scale: Scale::Linear,
    };
    let avoided = Plot {
        title: "What frauds could not carry off, against equal limits for everybody".to_owned(),
        up: "share of loss avoided".to_owned(),
        series: series(|verdict| verdict.avoided),
        mark: Some((0.0, "equal limits".to_owned())),
        ..auc.clone()
    };
    vec![("fraud-auc.svg", auc.lines()), ("fraud-loss.svg", avoided.lines())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rated(rater: u32, ratee: u32, rating: i8, month: u64) -> Rating {
        Rating { rater, ratee, rating, unix_time: month * EPOCH_S }
    }

    #[test]
    fn preference_is_a_share_of_the_others() {
        let check = |own, others: &[f64], expected: f64| {
            let found = preferred(own, others.iter().copied());
            assert!((found - expected).abs() < 1e-9, "{own} {others:?} {found}");
        };
        check(1.0, &[], 0.0);
        check(1.0, &[0.0, 2.0], 0.5);
        check(0.0, &[0.0, 0.0, 1.0, 1.0], 0.75);
        check(2.0, &[0.0, 1.0], 0.0);
    }

    #[test]
    fn a_fraud_has_three_accusers_and_falls_with_the_third() {
        let list = [
            rated(1, 9, -10, 1),
            rated(2, 9, -9, 2),
            rated(3, 9, -10, 3),
            rated(1, 8, -10, 4),
            rated(4, 9, -10, 5),
        ];
        assert_eq!(frauds(&list), [(9, 0)]);
        assert!(fallen(&list[..4]).is_empty());
        assert_eq!(fallen(&list), [9]);
    }

    #[test]
    fn old_ratings_fade_by_the_month() {
        let list = [rated(1, 2, 4, 1), rated(2, 3, 4, 2), rated(1, 3, -5, 3), rated(3, 1, 1, 4)];
        let values = |keep| {
            graph(&list, keep, &[]).edges().map(|edge| edge.value / (VALUE_A_POINT / 8)).collect::<Vec<_>>()
        };
        assert_eq!(values(1_000_000), [32, 32, 8]);
        assert_eq!(values(500_000), [4, 8, 8]);
        assert_eq!(graph(&list, 1_000_000, &[3]).edge_count(), 2);
    }
}
