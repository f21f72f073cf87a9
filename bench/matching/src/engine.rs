//! What every order book must do to be measured.

use crate::Tally;
use crate::workload::{Command, Workload};

/// An order book, or several of them, that carries out commands one after the other on one thread.
pub trait Engine {
    /// An empty one, with room for what the workload says it will hold.
    fn new(workload: &Workload) -> Self;

    /// Carries out the command at `at`. It may look at those behind it to know what it needs next, but not act on them.
    fn step(&mut self, commands: &[Command], at: usize);

    /// Carries out all of the commands.
    fn run(&mut self, commands: &[Command]) {
        for at in 0..commands.len() {
            self.step(commands, at);
        }
    }

    /// What came of all commands so far.
    fn tally(&self) -> Tally;
}
