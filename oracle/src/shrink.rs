//! Searching for a difference, and making the story that shows it short.

use crate::{Command, Coverage, Difference, Story};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The commands of one story: then both books begin anew, so that a finding stays short.
const STORY: usize = 2_000;

/// A difference, with the shortest story found that shows it.
#[derive(Debug)]
pub struct Finding {
    /// What differs.
    pub difference: Difference,
    /// The commands, in order.
    pub commands: Vec<Command>,
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
fn word(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Gives both books `commands` random commands from a seed, in stories of two thousand. `progress` hears how many are
/// done, after each story.
///
/// # Errors
/// The books differed; the finding is as short as it could be made.
pub fn search(seed: u64, commands: u64, mut progress: impl FnMut(u64)) -> Result<Coverage, Finding> {
    let (mut state, mut done, mut coverage) = (seed, 0, Coverage::new());
    while done < commands {
        let story: Vec<Command> = (0..STORY).map(|_| Command::from_word(word(&mut state))).collect();
        match live(&story) {
            Ok(seen) => {
                for (what, times) in seen {
                    *coverage.entry(what).or_default() += times;
                }
            }
            Err(_) => return Err(shrink(story)),
        }
        done += STORY as u64;
        progress(done);
    }
    Ok(coverage)
}

/// Lives a story from its beginning. A panic of a book is a difference too.
fn live(commands: &[Command]) -> Result<Coverage, Difference> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut story = Story::new();
        for command in commands {
            story.step(command)?;
        }
        Ok(story.coverage)
    }));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Difference(format!("panic: {}", text.unwrap_or_default())))
    })
}

/// Takes commands away, many at a time and then fewer, as long as the books still differ.
pub fn shrink(mut commands: Vec<Command>) -> Finding {
    let mut difference = live(&commands).err().unwrap_or(Difference("it does not fail again".to_owned()));
    let mut chunk = commands.len() / 2;
    while chunk > 0 {
        let mut start = 0;
        while start < commands.len() {
            let end = (start + chunk).min(commands.len());
            let shorter: Vec<Command> = [commands.get(..start), commands.get(end..)]
                .into_iter()
                .flatten()
                .flatten()
                .copied()
                .collect();
            match live(&shorter) {
                Err(found) => {
                    commands = shorter;
                    difference = found;
                }
                Ok(_) => start = end,
            }
        }
        chunk /= 2;
    }
    Finding { difference, commands }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_paper() {
        let mut state = 1_234_567;
        // The first numbers of SplitMix64 from this seed, as every implementation gives them.
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([0; 3].map(|_| word(&mut state)), expected);
    }
}
