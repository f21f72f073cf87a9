//! Makes a failing story short: as few actions and as plain a world as still break the same invariant.
//!
//! Delta debugging after Zeller and Hildebrandt ("Simplifying and isolating failure-inducing input", 2002), of which
//! only the part that tries complements is used: every list of actions is a story, so any part may be left out.

use crate::broken::Failure;
use crate::run::run;
use crate::setup::{Rules, Setup};
use crate::story::{Act, Action, Op, Special, Story};
use bandex_tradechain::body::Fees;

/// The most runs that one shrinking takes.
const RUNS_MAX: u32 = 1_500;

/// A shorter story, and how it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The story.
    pub story: Story,
    /// How it fails: the invariant is the same as before.
    pub failure: Failure,
    /// How many runs it took to find.
    pub runs: u32,
}

/// Shrinks a story that failed.
pub fn shrink(story: &Story, failure: &Failure) -> Shrunk {
    let mut shrunk = Shrunk { story: story.clone(), failure: failure.clone(), runs: 0 };
    // What comes after the failure had no part in it.
    if let Some(step) = failure.step {
        let mut shorter = story.clone();
        shorter.actions.truncate(step.saturating_add(1));
        shrunk.try_story(shorter);
    }
    loop {
        let before = shrunk.story.clone();
        shrunk.drop_actions();
        shrunk.drop_clients();
        shrunk.plain_setup();
        shrunk.plain_actions();
        if shrunk.story == before || shrunk.runs >= RUNS_MAX {
            return shrunk;
        }
    }
}

impl Shrunk {
    /// Takes a story if it breaks the same invariant.
    fn try_story(&mut self, story: Story) -> bool {
        if story == self.story || self.runs >= RUNS_MAX {
            return false;
        }
        self.runs = self.runs.saturating_add(1);
        match run(&story) {
            Err(failure) if failure.invariant == self.failure.invariant => {
                (self.story, self.failure) = (story, failure);
                true
            }
            _ => false,
        }
    }

    /// Leaves out runs of actions, long ones first.
    fn drop_actions(&mut self) {
        let mut length = self.story.actions.len().div_ceil(2);
        while length > 0 {
            let mut at = 0;
            while at < self.story.actions.len() {
                let mut shorter = self.story.clone();
                let end = at.saturating_add(length).min(shorter.actions.len());
                shorter.actions.drain(at..end);
                if !self.try_story(shorter) {
                    at = end;
                }
            }
            length = length.div_euclid(2);
        }
    }

    /// Leaves out clients from the end, since the others keep their numbers then.
    fn drop_clients(&mut self) {
        while self.story.setup.clients.len() > 1 {
            let mut fewer = self.story.clone();
            fewer.setup.clients.pop();
            if !self.try_story(fewer) {
                return;
            }
        }
    }

    /// Takes faults and tight bounds out of the world, one by one.
    fn plain_setup(&mut self) {
        let changes: [fn(&mut Setup); 16] = [
            |setup| setup.chain = None,
            |setup| setup.trust = None,
            |setup| setup.trust.iter_mut().for_each(|trust| trust.fees = Fees::default()),
            |setup| setup.loss_percent = 0,
            |setup| setup.doubling_percent = 0,
            |setup| setup.reordering = false,
            |setup| setup.late = 0,
            |setup| setup.markets = 1,
            |setup| setup.batch_max = 200,
            |setup| setup.queue_max = 200,
            |setup| setup.tick_den = 1,
            |setup| setup.lot_units = 1,
            |setup| setup.rules = Rules::default(),
            |setup| setup.rules.most_orders = 0,
            |setup| setup.rules.band_ppm = 0,
            |setup| (setup.rules.halt_us, setup.rules.auction_us) = (0, 0),
        ];
        for change in changes {
            let mut plainer = self.story.clone();
            change(&mut plainer.setup);
            self.try_story(plainer);
        }
    }

    /// Takes what is not needed out of each action.
    fn plain_actions(&mut self) {
        for at in 0..self.story.actions.len() {
            for simpler in self.story.actions.get(at).map_or(Vec::new(), simpler) {
                let mut plainer = self.story.clone();
                if let Some(action) = plainer.actions.get_mut(at) {
                    *action = simpler;
                }
                self.try_story(plainer);
            }
        }
    }
}

/// Simpler things that could happen instead.
fn simpler(action: &Action) -> Vec<Action> {
    match action {
        Action::Act { client, act: Act::Orders { key, operations } } => {
            let orders = |key, operations| {
                let client = *client;
                Action::Act { client, act: Act::Orders { key, operations } }
            };
            let mut simpler = vec![orders(0, operations.clone())];
            if operations.len() > 1 {
                let alone = operations.iter().map(|operation| orders(*key, vec![operation.clone()]));
                simpler.extend(alone);
            } else if let [operation] = &operations[..] {
                simpler.extend(simpler_operation(operation).map(|operation| orders(*key, vec![operation])));
            }
            simpler
        }
        Action::Deliver { count, .. } if *count > 1 => {
            vec![Action::Deliver { count: 1, salt: 0 }, Action::Deliver { count: *count, salt: 0 }]
        }
        Action::Deliver { salt, .. } if *salt != 0 => vec![Action::Deliver { count: 1, salt: 0 }],
        Action::Pass { us } if *us > 1_000_000 => vec![Action::Pass { us: 1_000_000 }],
        Action::Jump { skew_us } if *skew_us != 0 => {
            vec![Action::Jump { skew_us: skew_us.signum() * 1_000_000 }]
        }
        _ => Vec::new(),
    }
}

/// A simpler operation, if there is one.
fn simpler_operation(operation: &Op) -> impl Iterator<Item = Op> {
    let mut simpler = Vec::new();
    match operation {
        Op::Place { .. } => {
            for plain in [
                |special: &mut Special| *special = Special::default(),
                |special: &mut Special| (special.market, special.quote_quantity) = (false, None),
                |special: &mut Special| special.slide = false,
                |special: &mut Special| special.display = None,
                |special: &mut Special| special.minimum = None,
                |special: &mut Special| special.trigger = None,
            ] {
                let mut plainer = operation.clone();
                if let Op::Place { special, .. } = &mut plainer {
                    plain(special);
                }
                simpler.push(plainer);
            }
            let mut nameless = operation.clone();
            if let Op::Place { own_cap, least_score, name, .. } = &mut nameless {
                (*own_cap, *least_score, *name) = (None, None, None);
            }
            simpler.push(nameless);
        }
        Op::Quote { market, slide, bids, asks } => {
            let quotes = |bids, asks| Op::Quote { market: *market, slide: *slide, bids, asks };
            simpler.push(quotes(Vec::new(), asks.clone()));
            simpler.push(quotes(bids.clone(), Vec::new()));
            simpler
                .push(quotes(bids.iter().take(1).copied().collect(), asks.iter().take(1).copied().collect()));
        }
        _ => {}
    }
    simpler.into_iter()
}
