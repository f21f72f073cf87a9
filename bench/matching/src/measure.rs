//! Time: of all timed commands together, and of each by itself.
//!
//! The first is the time that the processor gave to this thread, so that on a busy machine the time in which it did
//! something else does not count; the time on the wall is kept too. The second is on the wall. It costs a look at the clock for each command, so it is a pass of its own and says nothing about
//! speed.

use crate::workload::{Command, Workload};
use crate::{Engine, Tally};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// So many commands are carried out between two looks at the clock, when a run has a time limit.
const COMMANDS_A_LOOK: usize = 4_096;

/// One run over a workload.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Timed commands that were carried out: all of them, or as many as the time limit let through.
    pub commands: usize,
    /// The processor's time for them.
    pub time: Duration,
    /// The time on the wall, never shorter but for the clocks' precision.
    pub wall: Duration,
    /// What came of all commands, those before timing included.
    pub tally: Tally,
}

/// Fills an engine and times the rest of the workload.
pub fn run<E: Engine>(workload: &Workload) -> Run {
    let (mut engine, timed) = filled::<E>(workload);
    let started = Moment::now();
    measured_part(&mut engine, timed);
    let (time, wall) = started.elapsed();
    Run { commands: timed.len(), time, wall, tally: engine.tally() }
}

/// As [`run`] without looking at any clock, for profilers: how many commands there were, and what came of all.
pub fn carry_out<E: Engine>(workload: &Workload) -> (usize, Tally) {
    let (mut engine, timed) = filled::<E>(workload);
    measured_part(&mut engine, timed);
    (timed.len(), engine.tally())
}

/// As [`run`], but stops soon after the time limit. Filling the engine is not limited.
pub fn run_within<E: Engine>(workload: &Workload, limit: Duration) -> Run {
    let (mut engine, timed) = filled::<E>(workload);
    let started = Moment::now();
    let mut commands = 0;
    for part in timed.chunks(COMMANDS_A_LOOK) {
        measured_part(&mut engine, part);
        commands += part.len();
        if started.on_wall.elapsed() >= limit {
            break;
        }
    }
    let (time, wall) = started.elapsed();
    Run { commands, time, wall, tally: engine.tally() }
}

/// When something began, by both clocks.
struct Moment {
    on_wall: Instant,
    of_thread: Duration,
}

impl Moment {
    fn now() -> Self {
        Self { on_wall: Instant::now(), of_thread: time_of_thread() }
    }

    /// How long ago it was: of this thread's time, and on the wall.
    fn elapsed(&self) -> (Duration, Duration) {
        (time_of_thread().saturating_sub(self.of_thread), self.on_wall.elapsed())
    }
}

/// How long the processor has worked for this thread.
pub fn time_of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time is not below 0")
}

fn filled<E: Engine>(workload: &Workload) -> (E, &[Command]) {
    let (warm, timed) = workload.parts();
    let mut engine = E::new(workload);
    engine.run(warm);
    (engine, timed)
}

/// All that is timed. It is a function of its own so that callgrind can be told to count in it alone.
#[inline(never)]
pub fn measured_part<E: Engine>(engine: &mut E, commands: &[Command]) {
    engine.run(commands);
}

/// How long single commands take.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Half of all commands take at most so many nanoseconds.
    pub p50_ns: u32,
    /// 99 in 100.
    pub p99_ns: u32,
    /// 999 in 1,000.
    pub p999_ns: u32,
    /// All.
    pub max_ns: u32,
}

/// Measures each timed command by itself, from one look at the clock to the next: one look is part of each figure.
pub fn latency<E: Engine>(workload: &Workload) -> Latency {
    let (mut engine, timed) = filled::<E>(workload);
    let mut times = vec![0_u32; timed.len()];
    let mut before = Instant::now();
    for (at, time) in times.iter_mut().enumerate() {
        engine.step(timed, at);
        let now = Instant::now();
        *time = nanoseconds(now - before);
        before = now;
    }
    black_box(&engine);
    percentiles(&mut times)
}

fn nanoseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

fn percentiles(times: &mut [u32]) -> Latency {
    times.sort_unstable();
    let at = |per_mille: usize| {
        // The smallest time that so many in a thousand do not exceed.
        let rank = (times.len() * per_mille).div_ceil(1_000).max(1);
        times.get(rank - 1).copied().unwrap_or(0)
    };
    Latency { p50_ns: at(500), p99_ns: at(990), p999_ns: at(999), max_ns: at(1_000) }
}

/// What a look at the clock costs, in nanoseconds: the median over many.
pub fn timer_cost_ns() -> u32 {
    let mut times = vec![0_u32; 100_000];
    let mut before = Instant::now();
    for time in &mut times {
        let now = Instant::now();
        *time = nanoseconds(now - before);
        before = now;
    }
    percentiles(&mut times).p50_ns
}

/// The middle one of several durations; of an even number, the longer of the two in the middle.
pub fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Kind, generate_with};
    use crate::plain::Plain;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let check = |mut times: Vec<u32>, expected: [u32; 4]| {
            let Latency { p50_ns, p99_ns, p999_ns, max_ns } = percentiles(&mut times);
            assert_eq!([p50_ns, p99_ns, p999_ns, max_ns], expected);
        };
        check((1..=1_000).rev().collect(), [500, 990, 999, 1_000]);
        check((1..=10).collect(), [5, 10, 10, 10]);
        check(vec![7], [7; 4]);
        check(Vec::new(), [0; 4]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let check = |seconds: &[u64], middle| {
            let mut times: Vec<Duration> = seconds.iter().copied().map(Duration::from_secs).collect();
            assert_eq!(median(&mut times), Duration::from_secs(middle), "{seconds:?}");
        };
        check(&[3, 1, 2], 2);
        check(&[4, 1], 4);
        check(&[], 0);
    }

    #[test]
    fn a_run_without_time_ends_after_its_first_part() {
        let (workload, tally) = generate_with(Kind::N1k, 100, 3 * COMMANDS_A_LOOK, 1);
        let all = run::<Plain>(&workload);
        assert_eq!((all.commands, all.tally), (3 * COMMANDS_A_LOOK, tally));
        let cut = run_within::<Plain>(&workload, Duration::ZERO);
        assert_eq!(cut.commands, COMMANDS_A_LOOK);
        let mut first = workload.clone();
        first.commands.truncate(100 + COMMANDS_A_LOOK);
        assert_eq!(run::<Plain>(&first).tally, cut.tally);
        assert_eq!(run_within::<Plain>(&workload, Duration::from_secs(3_600)).tally, tally);
    }
}
