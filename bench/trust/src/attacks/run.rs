//! One attack on one world: who attacks, the graph that results, and what each scheme makes of it.

use super::economy::{Attacker, FEE_PPM, Takings, reckon};
use super::{Group, Pattern};
use crate::schemes::Scheme;
use crate::schemes::maxflow::Flows;
use crate::world::World;
use bandex_bench_matching::generate::Random;
use bandex_reputation::Graph;
use std::collections::BTreeMap;

/// The most Sybils that one run has in all.
pub const MOST_SYBILS: u32 = 200_000;
/// The most attackers and Sybils of each group that max-flow is asked about, and groups.
const FLOW_SAMPLE: usize = 4;

/// A world with the scores that everybody has before anybody attacks.
pub struct Stage {
    /// The world.
    pub world: World,
    graph: Graph,
    before: BTreeMap<Scheme, Vec<f64>>,
    fees: Vec<u64>,
    out_values: Vec<u64>,
    /// Who can attack: no seed, and trusted by somebody.
    candidates: Vec<u32>,
}

/// How a run attacks.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The shape.
    pub pattern: Pattern,
    /// How many of all accounts attack.
    pub attackers: usize,
    /// How many Sybils each attacker, or each group of attackers, makes.
    pub sybils: u32,
    /// Which draw of attackers.
    pub draw: u64,
    /// Whether max-flow is asked too.
    pub flows: bool,
}

/// What came of one run.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The gain of each group whose attackers have a score, a scheme.
    pub gains: BTreeMap<Scheme, Vec<f64>>,
    /// The groups whose attackers have none, a scheme.
    pub left_out: BTreeMap<Scheme, usize>,
    /// The gain of a few groups by max-flow.
    pub flow_gains: Vec<f64>,
    /// The money of each group whose attackers have a score of ours.
    pub takings: Vec<Takings>,
}

impl Stage {
    /// Scores a world as it is.
    pub fn new(world: World) -> Self {
        let graph = Graph::new(world.honest.clone());
        let before =
            Scheme::ALL.map(|scheme| (scheme, scheme.scores(&graph, &world.seeds, world.accounts, 0)));
        let fees = world.volumes().iter().map(|volume| volume * FEE_PPM / 2 / 1_000_000).collect();
        let mut out_values = vec![0; world.accounts as usize];
        let mut is_trusted = vec![false; world.accounts as usize];
        for edge in graph.edges() {
            out_values[edge.from as usize] += edge.value;
            is_trusted[edge.to as usize] = true;
        }
        let is_candidate = |at: &u32| is_trusted[*at as usize] && !world.seeds.contains(at);
        let candidates = (1..world.accounts).filter(is_candidate).collect();
        Self { before: before.into_iter().collect(), graph, fees, out_values, candidates, world }
    }

    /// How many accounts can attack.
    pub fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// How many accounts have a score of ours.
    pub fn scored(&self) -> usize {
        self.before[&Scheme::Ours].iter().filter(|score| **score > 0.0).count()
    }

    /// The attackers of a plan in groups, each with Sybils of its own, up to the most Sybils.
    fn groups(&self, plan: &Plan) -> Vec<Group> {
        let mut random =
            Random::from_seed(plan.draw.wrapping_mul(1_000_003).wrapping_add(plan.attackers as u64));
        let mut pool = self.candidates.clone();
        let mut attackers = Vec::new();
        while attackers.len() < plan.attackers && !pool.is_empty() {
            attackers.push(pool.swap_remove(random.place(pool.len())));
        }
        let together = plan.pattern.attackers();
        let most = (MOST_SYBILS / plan.sybils) as usize;
        let firsts = (self.world.accounts..).step_by(plan.sybils as usize);
        let groups = attackers.chunks_exact(together).take(most).zip(firsts);
        groups
            .map(|(group, first)| Group { attackers: group.to_vec(), sybils: first..first + plan.sybils })
            .collect()
    }

    /// Lets the attackers of a plan do their worst, and scores everybody again.
    pub fn attack(&self, plan: &Plan) -> Outcome {
        let groups = self.groups(plan);
        let accounts = groups.last().map_or(self.world.accounts, |group| group.sybils.end);
        let (mut edges, mut fallen) = (Vec::new(), Vec::new());
        for group in &groups {
            let own: u64 = group.attackers.iter().map(|at| self.out_values[*at as usize]).max().unwrap_or(0);
            edges.extend(plan.pattern.edges(group, own.max(1_000_000_000).saturating_mul(1_000)));
            fallen.extend(plan.pattern.fallen(group));
        }
        // Other schemes know no default: they see the same graph with the edges of who has fallen.
        let attacked = self.graph.close(edges, 1_000_000, 0, &[]);
        let epoch = plan.draw + 1;
        let mut outcome = Outcome::default();
        for scheme in Scheme::ALL {
            let at_the_time = scheme.scores(&attacked, &self.world.seeds, accounts, epoch);
            if scheme != Scheme::Ours {
                outcome.see(scheme, &self.gains(scheme, plan, &groups, &at_the_time));
                continue;
            }
            let later = if fallen.is_empty() {
                at_the_time.clone()
            } else {
                let remembered = attacked.close(Vec::new(), 1_000_000, 0, &fallen);
                scheme.scores(&remembered, &self.world.seeds, accounts, epoch)
            };
            outcome.see(scheme, &self.gains(scheme, plan, &groups, &later));
            // Who whitewashes has fallen before its successors take anything; who busts out falls afterwards.
            let sybils = if plan.pattern == Pattern::Whitewashing { &later } else { &at_the_time };
            outcome.takings = groups.iter().map(|group| self.reckon(group, &at_the_time, sybils)).collect();
        }
        if plan.flows {
            let flows = Flows::new(&attacked, &self.world.seeds, accounts);
            outcome.flow_gains =
                groups.iter().take(FLOW_SAMPLE).filter_map(|group| flow_gain(&flows, group)).collect();
        }
        outcome
    }

    /// The gain of each group: the score of all its Sybils by that of its attackers, who must have one. Of attackers who
    /// have fallen the score before counts.
    fn gains(&self, scheme: Scheme, plan: &Plan, groups: &[Group], now: &[f64]) -> Vec<Option<f64>> {
        let own = if plan.pattern.has_fallen() { &self.before[&scheme] } else { now };
        let gain = |group: &Group| {
            let attackers: f64 = group.attackers.iter().map(|at| own[*at as usize]).sum();
            let sybils: f64 = now[group.sybils.start as usize..group.sybils.end as usize].iter().sum();
            (attackers > 0.0).then(|| sybils / attackers)
        };
        groups.iter().map(gain).collect()
    }

    fn reckon(&self, group: &Group, attackers: &[f64], sybils: &[f64]) -> Takings {
        let attacker = |at: &u32| Attacker {
            fees: self.fees[*at as usize],
            before: self.before[&Scheme::Ours][*at as usize],
            now: attackers[*at as usize],
        };
        let attackers: Vec<Attacker> = group.attackers.iter().map(attacker).collect();
        reckon(&attackers, &sybils[group.sybils.start as usize..group.sybils.end as usize])
    }
}

impl Outcome {
    fn see(&mut self, scheme: Scheme, gains: &[Option<f64>]) {
        self.gains.insert(scheme, gains.iter().copied().flatten().collect());
        self.left_out.insert(scheme, gains.iter().filter(|gain| gain.is_none()).count());
    }

    /// Takes in what came of another run of the same kind.
    pub fn add(&mut self, other: Self) {
        for (scheme, gains) in other.gains {
            self.gains.entry(scheme).or_default().extend(gains);
        }
        for (scheme, count) in other.left_out {
            *self.left_out.entry(scheme).or_default() += count;
        }
        self.flow_gains.extend(other.flow_gains);
        self.takings.extend(other.takings);
    }
}

/// The gain of a group by max-flow, from a few of its Sybils.
fn flow_gain(flows: &Flows, group: &Group) -> Option<f64> {
    let attackers: f64 = group.attackers.iter().map(|at| flows.to(*at) as f64).sum();
    let asked = group.sybils.clone().step_by((group.sybils.len() / FLOW_SAMPLE).max(1)).take(FLOW_SAMPLE);
    let found: Vec<f64> = asked.map(|at| flows.to(at) as f64).collect();
    let mean = found.iter().sum::<f64>() / found.len().max(1) as f64;
    (attackers > 0.0).then(|| mean * group.sybils.len() as f64 / attackers)
}
