//! The screen: progress, a live book and the tape on a terminal; plain lines elsewhere.

use super::board::{self, Board, Shared, satoshi_a_gigabyte, venue_price};
use crate::output::{grouped, rate};
use bandex_sdk::types::{Price, Quantity, Side};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use std::io::{IsTerminal, Stderr, stderr};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(2);
/// The picture's height.
const HEIGHT: u16 = 25;
/// Levels of the book that are shown, a side.
const LEVELS: u16 = 6;

/// Draws until it is stopped.
pub(crate) struct Screen {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Screen {
    /// Starts drawing on standard error, as a picture if it is a terminal and `pictures` are wanted.
    pub fn start(board: Shared, pictures: bool) -> Self {
        let (stop, stopped) = oneshot::channel();
        let terminal = if pictures && stderr().is_terminal() { open() } else { None };
        let task = tokio::spawn(async move {
            match terminal {
                Some(terminal) => draw(terminal, board, stopped).await,
                None => print(board, stopped).await,
            }
        });
        Self { stop, task }
    }

    /// Draws once more and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

type Canvas = Terminal<CrosstermBackend<Stderr>>;

fn open() -> Option<Canvas> {
    let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
    Terminal::with_options(CrosstermBackend::new(stderr()), options).ok()
}

async fn draw(mut terminal: Canvas, board: Shared, mut stopped: oneshot::Receiver<()>) {
    loop {
        let last = tokio::time::timeout(FRAME, &mut stopped).await.is_ok();
        let drawn = terminal.draw(|frame| picture(frame, &board::lock(&board)));
        if last || drawn.is_err() {
            leave(&mut terminal);
            return;
        }
    }
}

/// Puts the cursor below the picture, which stays.
fn leave(terminal: &mut Canvas) {
    let bottom = terminal.get_frame().area().bottom().saturating_sub(1);
    let _ = terminal.set_cursor_position((0, bottom));
    let _ = terminal.show_cursor();
    eprintln!();
}

async fn print(board: Shared, mut stopped: oneshot::Receiver<()>) {
    loop {
        let last = tokio::time::timeout(LINE, &mut stopped).await.is_ok();
        let (line, notes) = {
            let mut board = board::lock(&board);
            (summary(&board), std::mem::take(&mut board.notes))
        };
        notes.iter().for_each(|note| eprintln!("* {note}"));
        eprintln!("{line}");
        if last {
            return;
        }
    }
}

fn summary(board: &Board) -> String {
    format!(
        "{:>5.1} s  {:<18} {:>8} of {} commands, {} trades, {} of {} deals settled, {} payments",
        board.begun.elapsed().as_secs_f32(),
        board.phase,
        grouped(board.commands as u64),
        grouped(board.commands_total as u64),
        board.trades,
        board.settled.len(),
        board.deals.len(),
        grouped(board.payments),
    )
}

fn picture(frame: &mut Frame<'_>, board: &Board) {
    let rows = [Constraint::Length(3), Constraint::Min(LEVELS * 2 + 4), Constraint::Length(6)];
    let [head, middle, foot] = Layout::vertical(rows).areas(frame.area());
    let [book, tape, settlement] = Layout::horizontal([
        Constraint::Percentage(44),
        Constraint::Percentage(28),
        Constraint::Percentage(28),
    ])
    .areas(middle);
    frame.render_widget(progress(board), head);
    frame.render_widget(ladder(board), book);
    frame.render_widget(ribbon(board, tape), tape);
    frame.render_widget(counters(board), settlement);
    frame.render_widget(notes(board, foot), foot);
}

fn progress(board: &Board) -> Gauge<'_> {
    let done = board.commands.min(board.commands_total);
    let percent = (done * 100).checked_div(board.commands_total).unwrap_or(0);
    let speed = rate(done as u64, board.begun.elapsed());
    let label =
        format!("{} of {} commands · {speed}/s", grouped(done as u64), grouped(board.commands_total as u64));
    Gauge::default()
        .block(Block::bordered().title(format!(" bandex demo · {} ", board.phase)))
        .gauge_style(Style::new().fg(Color::LightBlue))
        .percent(u16::try_from(percent).unwrap_or(100))
        .label(label)
}

fn ladder(board: &Board) -> Paragraph<'_> {
    let mut lines = Vec::new();
    if let Some(book) = &board.book {
        let mut asks: Vec<_> = book.levels(Side::Sell).take(usize::from(LEVELS)).collect();
        asks.reverse();
        let row = |price: Price, quantity: Quantity, color: Color| {
            let text = format!(
                "{:>13} {:>9} {:>14}",
                venue_price(price),
                satoshi_a_gigabyte(price),
                gigabytes(quantity)
            );
            Line::from(Span::styled(text, Style::new().fg(color)))
        };
        lines.push(Line::from(format!("{:>13} {:>9} {:>14}", "venue price", "sat/GB", "GB")).dim());
        lines.extend(asks.iter().map(|level| row(level.price, level.quantity, Color::Red)));
        lines.push(Line::from("─".repeat(38)).dim());
        lines.extend(
            book.levels(Side::Buy)
                .take(usize::from(LEVELS))
                .map(|level| row(level.price, level.quantity, Color::Green)),
        );
    }
    Paragraph::new(lines).block(Block::bordered().title(" book BWT-BTC "))
}

/// Lots of a kilobyte, in gigabytes.
fn gigabytes(quantity: Quantity) -> String {
    let lots = quantity.get();
    format!("{}.{:03}", lots / 1_000_000, lots / 1_000 % 1_000)
}

fn ribbon(board: &Board, area: Rect) -> Paragraph<'_> {
    let rows = usize::from(area.height.saturating_sub(2));
    let lines = board.tape.iter().rev().take(rows).map(|trade| {
        let color = if trade.taker_buys { Color::Green } else { Color::Red };
        let text = format!("{:>9} {:>13}", venue_price(trade.price), trade.quantity);
        Line::from(Span::styled(text, Style::new().fg(color)))
    });
    Paragraph::new(lines.collect::<Vec<_>>()).block(Block::bordered().title(" tape "))
}

fn counters(board: &Board) -> Paragraph<'_> {
    let refused: u64 = board.refused.values().sum();
    let row = |name: &str, value: String| Line::from(format!("{name:<12} {value:>10}"));
    let lines = vec![
        row("orders", grouped(board.orders)),
        row("cancels", grouped(board.cancels)),
        row("refused", grouped(refused)),
        row("trades", grouped(board.trades)),
        row("deals", grouped(board.deals.len() as u64)),
        row("settled", grouped(board.settled.len() as u64)),
        row("in default", grouped(board.defaulted.len() as u64)),
        row("payments", grouped(board.payments)),
        row("acknowl.", grouped(board.acknowledgements)),
        Line::default(),
        Line::from("BTC legs are attested:").dim(),
        Line::from("signed by both sides,").dim(),
        Line::from("no coin moves.").dim(),
    ];
    Paragraph::new(lines).block(Block::bordered().title(" settlement "))
}

fn notes(board: &Board, area: Rect) -> Paragraph<'_> {
    let rows = usize::from(area.height.saturating_sub(2));
    let skip = board.notes.len().saturating_sub(rows);
    let lines = board.notes.iter().skip(skip).map(|note| Line::from(note.as_str()));
    Paragraph::new(lines.collect::<Vec<_>>()).block(Block::bordered().title(" what happened "))
}
