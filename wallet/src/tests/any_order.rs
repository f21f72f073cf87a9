//! Whatever happens in whatever order, a script never holds more than was asked for, and in the end exactly that.

use super::run;
use crate::build::Step;
use crate::journal::Closed;
use crate::testing::{Fault, HOUR, NOW, Net, Rig, STEPS, deal, payment};
use crate::wallet::Wallet;
use bandex_types::Timestamp;
use proptest::prelude::*;

const DEALS: u8 = 3;
const TRANCHE: u64 = 20_000;

#[derive(Debug, Clone)]
enum Act {
    /// Asks for the next demand of a deal, or for the last one again.
    Pay {
        deal: u8,
        next: bool,
    },
    Sync,
    Bump,
    GiveUp(u8),
    /// The next time this step is reached, the wallet ends.
    StopAt(Step),
    Kill,
    /// A block of what a miner happens to have, by the bits of the number.
    Mine(u32),
    /// So many blocks are undone, and one more made from what a miner happens to have.
    Reorganise {
        depth: u32,
        kept: u32,
    },
    /// The node forgets what waits.
    Forget,
    Node(Fault),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..DEALS, any::<bool>()).prop_map(|(deal, next)| Act::Pay { deal, next }),
        3 => Just(Act::Sync),
        3 => Just(Act::Bump),
        1 => (0..DEALS).prop_map(Act::GiveUp),
        3 => prop::sample::select(&STEPS[..]).prop_map(Act::StopAt),
        1 => Just(Act::Kill),
        3 => any::<u32>().prop_map(Act::Mine),
        2 => (1_u32..5, any::<u32>()).prop_map(|(depth, kept)| Act::Reorganise { depth, kept }),
        1 => Just(Act::Forget),
        1 => prop::sample::select(&[Fault::None, Fault::None, Fault::Down, Fault::LoseAnswers][..]).prop_map(Act::Node),
    ]
}

struct Story {
    rig: Rig,
    wallet: Option<Wallet<Net>>,
    now: Timestamp,
    /// The last demand of each deal that was begun, from 1.
    demands: [u32; DEALS as usize],
}

impl Story {
    async fn act(&mut self, act: &Act) {
        self.now = self.now.plus(HOUR / 2);
        let mut wallet = self.wallet.take().unwrap();
        match act {
            Act::Pay { deal, next } => {
                let demands = &mut self.demands[usize::from(*deal)];
                let demand = if *next { *demands + 1 } else { (*demands).max(1) };
                let mut asked = payment(*deal, demand, u64::from(demand) * TRANCHE);
                asked.deadline = self.now.plus(1_000 * HOUR);
                let _ = wallet.pay(&asked, self.now).await;
                // What was begun stands in the journal, whatever the answer was.
                if wallet.journal.of_deal(asked.deal).any(|slot| slot.demand == demand) {
                    *demands = demand;
                }
            }
            Act::Sync => drop(wallet.sync(self.now).await),
            Act::Bump => drop(wallet.bump(self.now).await),
            Act::GiveUp(number) => {
                let demand = self.demands[usize::from(*number)];
                drop(wallet.give_up(deal(*number), demand, self.now).await);
            }
            Act::StopAt(step) => wallet.stop = Some(*step),
            Act::Kill => wallet = self.rig.reopen(wallet).await,
            Act::Mine(bits) => self.mine(*bits),
            Act::Reorganise { depth, kept } => {
                self.rig.net.world().cut(*depth);
                (0..*depth).for_each(|turn| self.mine(kept.rotate_left(turn * 7)));
                self.mine(kept.rotate_left(3));
            }
            Act::Forget => self.rig.net.world().mempool.clear(),
            Act::Node(fault) => self.rig.net.world().fault = *fault,
        }
        // A wallet that was to stop may have been stopped just now: from there it is opened again.
        if !matches!(act, Act::StopAt(_)) && wallet.stop.is_some() {
            wallet = self.rig.reopen(wallet).await;
        }
        self.wallet = Some(wallet);
    }

    /// A miner has all that was ever sent, and takes what the bits say, in either order.
    fn mine(&self, bits: u32) {
        let mut world = self.rig.net.world();
        let mut candidates = world.ever.clone();
        if bits & 1 == 1 {
            candidates.reverse();
        }
        let candidates: Vec<_> = candidates
            .into_iter()
            .zip(1..)
            .filter(|(_, at)| bits.rotate_right(*at) & 1 == 1)
            .map(|(one, _)| one)
            .collect();
        world.mine(&candidates);
    }

    fn check(&self, after: &str) {
        let wallet = self.wallet.as_ref().unwrap();
        for (number, demands) in (0..DEALS).zip(self.demands) {
            let asked = u64::from(demands) * TRANCHE;
            let paid = self.rig.paid_to(number);
            assert!(paid <= asked, "{after}: {paid} sat paid, {asked} asked for");
            let slots = wallet.journal.of_deal(deal(number));
            let open: u64 = slots.filter(|slot| slot.closed == Closed::Open).map(|slot| slot.satoshi).sum();
            assert!(open <= asked, "{after}: {open} sat promised, {asked} asked for");
        }
        for slot in wallet.journal.slots.values() {
            let Some(anchor) = slot.anchor() else { continue };
            for version in &slot.versions {
                let spends = version.transaction.input.iter().any(|input| input.previous_output == anchor);
                assert!(spends, "{after}: a transaction could confirm beside the first");
            }
        }
    }

    /// The node is there again, everything waits its turn, and whoever has not got all asks again.
    async fn settle(&mut self) {
        self.rig.net.world().fault = Fault::None;
        let mut wallet = self.rig.reopen(self.wallet.take().unwrap()).await;
        for _ in 0..16 {
            self.now = self.now.plus(HOUR);
            wallet.sync(self.now).await.unwrap();
            for (number, demand) in (0..DEALS).zip(self.demands).filter(|(_, demand)| *demand > 0) {
                let mut asked = payment(number, demand, u64::from(demand) * TRANCHE);
                asked.deadline = self.now.plus(1_000 * HOUR);
                let _ = wallet.pay(&asked, self.now).await;
            }
            drop(wallet.bump(self.now).await.unwrap());
            self.rig.net.world().mine_all();
        }
        wallet.sync(self.now).await.unwrap();
        self.wallet = Some(wallet);
    }
}

async fn live(acts: &[Act]) {
    let (rig, wallet) = Rig::with_coins(4).await;
    let mut story = Story { rig, wallet: Some(wallet), now: NOW, demands: [0; 3] };
    for act in acts {
        story.act(act).await;
        story.check(&format!("{act:?}"));
    }
    story.settle().await;
    story.check("in the end");
    for (number, demands) in (0..DEALS).zip(story.demands) {
        let (paid, asked) = (story.rig.paid_to(number), u64::from(demands) * TRANCHE);
        assert_eq!(paid, asked, "deal {number}: {:#?}", story.wallet.as_ref().unwrap().history().payments);
    }
    let history = story.wallet.as_ref().unwrap().history();
    let (mut received, mut sent) = (0, 0);
    history.movements.iter().for_each(|one| (received, sent) = (received + one.received, sent + one.sent));
    assert_eq!(received - sent, history.balance.total());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_pays_twice(acts in prop::collection::vec(act(), 1..40)) {
        run(live(&acts));
    }
}
