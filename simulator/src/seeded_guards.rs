//! What stories out of seeds have in them of keys that guard their orders, and of clients that vanish. It is drawn apart
//! from all else, so that a story without guards is what it was before there were guards.

use crate::from_seed::SECOND;
use crate::random::Random;
use crate::story::{Act, Action, Story};

/// How many stories of a hundred have guards.
const WITH_GUARDS: u8 = 35;
/// What makes the numbers drawn here others than those of the rest of the story.
const APART: u64 = 0x6775_6172_6473_2121;

/// Adds guards to a story, or not.
pub(crate) fn add_guards(story: &mut Story) {
    let mut random = Random::new(story.seed ^ APART);
    if !random.percent(WITH_GUARDS) {
        return;
    }
    let clients = u8::try_from(story.setup.clients.len()).unwrap_or(u8::MAX);
    for _ in 0..random.between(6, 24) {
        let client = random.small(0, clients.saturating_sub(1));
        let action = match random.below(10) {
            0..6 => Action::Act { client, act: guard(&mut random) },
            6..9 => Action::HangUp { client },
            _ => Action::PassToDeadline,
        };
        let length = (story.actions.len() as u64).saturating_add(1);
        let at = usize::try_from(random.below(length)).unwrap_or(0);
        story.actions.insert(at, action);
    }
}

/// Times that a story lives to see.
fn guard(random: &mut Random) -> Act {
    let soon = random.pick(&[1, 1, 2, 5, 20], 2) * SECOND;
    Act::Guard {
        key: random.small(0, 3),
        cancel_after_us: if random.percent(65) { soon } else { 0 },
        on_disconnect_us: random.percent(60).then(|| random.pick(&[0, 1, 3, 10], 1) * SECOND),
    }
}
