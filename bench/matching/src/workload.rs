//! Files of commands for order books: a header of 64 bytes, then records of 32, all numbers little-endian.
//!
//! Header: magic, records u64, records before timing starts u64, symbols u32, tick limit u32, highest order number u64,
//! orders resting at the end u64, whether orders are reduced in place u64, 8 bytes unused. Record: action u8, side u8,
//! symbol u16, quantity u32, order u64, price i64 in ticks, 8 bytes unused.
//!
//! A damaged file is refused with the place of the damage, never read in part.

use bandex_types::Side;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

const MAGIC: [u8; 8] = *b"PPWL0001";
const HEADER_BYTES: usize = 64;
const RECORD_BYTES: usize = 32;
/// The highest order number. Engines keep tables with a row for each, so that it bounds their memory.
const HIGHEST_ORDER: u32 = (1 << 28) - 1;
/// The most symbols: as many as 16 bits can name.
const MOST_SYMBOLS: u32 = 1 << 16;
/// Records for which room is made before the first is read, whatever the header says.
const ROOM_AT_FIRST: u64 = 1 << 24;

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A limit order that rests with what does not trade.
    Add,
    /// Takes an order off the book.
    Cancel,
    /// A limit order that never rests.
    Ioc,
    /// Takes an order off the book and adds it again under the same number, with a new price and quantity.
    Move,
    /// Takes lots from what an order has left, which keeps its priority; at or below zero it leaves the book.
    Reduce,
}

impl Action {
    /// Whether it is about an order that is on the book already.
    #[inline]
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Cancel | Self::Move | Self::Reduce)
    }
}

/// One command, 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Ticks.
    pub price: u64,
    /// The order, by its number in the file.
    pub order: u32,
    /// Lots.
    pub quantity: u32,
    /// Which book.
    pub symbol: u16,
    /// What to do.
    pub action: Action,
    /// Which way the order trades.
    pub side: Side,
}

/// A file's commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// All commands, in order.
    pub commands: Vec<Command>,
    /// How many of them fill the book before timing starts.
    pub warm: usize,
    /// How many books there are.
    pub symbols: u32,
    /// One above the highest price, as far as 32 bits go. Says nothing that the commands do not say.
    pub tick_limit: u32,
    /// No order has a higher number.
    pub highest_order: u32,
    /// Orders that rest after the last command, as the file says.
    pub resting: u64,
    /// Whether orders are reduced in place.
    pub reduces: bool,
}

/// Why a file is no workload.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Io(#[from] io::Error),
    /// It is shorter than a header.
    #[error("it ends within its header")]
    NoHeader,
    /// It is another kind of file.
    #[error("it is no workload: it does not begin with PPWL0001")]
    Magic,
    /// The header contradicts itself, or goes beyond what can be measured.
    #[error("its header is damaged: {field} is {value}, which must be {rule}")]
    Header {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: u64,
        /// What it must be.
        rule: &'static str,
    },
    /// It has fewer records than its header says.
    #[error("it has only {found} of {expected} records")]
    Short {
        /// As the header says.
        expected: u64,
        /// Whole records there are.
        found: u64,
    },
    /// Something follows the last record.
    #[error("it goes on after its {expected} records")]
    Long {
        /// As the header says.
        expected: u64,
    },
    /// A record is damaged.
    #[error("record {record}, counted from 0, is damaged: {field} is {value}, which must be {rule}")]
    Record {
        /// Which record.
        record: u64,
        /// Which number.
        field: &'static str,
        /// What it is.
        value: i64,
        /// What it must be.
        rule: &'static str,
    },
}

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn read_file(path: &Path) -> Result<Self, ReadError> {
        Self::read(BufReader::with_capacity(1 << 20, File::open(path)?))
    }

    /// Reads a workload from its first byte to its last.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn read(mut input: impl Read) -> Result<Self, ReadError> {
        let mut header = [0; HEADER_BYTES];
        if fill(&mut input, &mut header)? < HEADER_BYTES {
            return Err(ReadError::NoHeader);
        }
        let (mut workload, records) = read_header(&header)?;
        for record in 0..records {
            let mut bytes = [0; RECORD_BYTES];
            if fill(&mut input, &mut bytes)? < RECORD_BYTES {
                return Err(ReadError::Short { expected: records, found: record });
            }
            let command = read_record(&bytes, record, workload.symbols)?;
            workload.highest_order = workload.highest_order.max(command.order);
            workload.commands.push(command);
        }
        if fill(&mut input, &mut [0])? > 0 {
            return Err(ReadError::Long { expected: records });
        }
        workload.find_symbols();
        Ok(workload)
    }

    /// Writes a file; one that is there is replaced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_file(&self, path: &Path) -> io::Result<()> {
        let mut output = BufWriter::with_capacity(1 << 20, File::create(path)?);
        self.write(&mut output)?;
        output.flush()
    }

    /// Writes the workload's bytes.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        output.write_all(&MAGIC)?;
        output.write_all(&(self.commands.len() as u64).to_le_bytes())?;
        output.write_all(&(self.warm as u64).to_le_bytes())?;
        output.write_all(&self.symbols.to_le_bytes())?;
        output.write_all(&self.tick_limit.to_le_bytes())?;
        output.write_all(&u64::from(self.highest_order).to_le_bytes())?;
        output.write_all(&self.resting.to_le_bytes())?;
        output.write_all(&u64::from(self.reduces).to_le_bytes())?;
        output.write_all(&[0; 8])?;
        for command in &self.commands {
            output.write_all(&[command.action as u8, u8::from(command.side == Side::Sell)])?;
            output.write_all(&command.symbol.to_le_bytes())?;
            output.write_all(&command.quantity.to_le_bytes())?;
            output.write_all(&u64::from(command.order).to_le_bytes())?;
            output.write_all(&command.price.to_le_bytes())?;
            output.write_all(&[0; 8])?;
        }
        Ok(())
    }

    /// The commands that fill the book, and those that are timed.
    pub fn parts(&self) -> (&[Command], &[Command]) {
        self.commands.split_at(self.warm)
    }

    /// Gives every cancel, move and reduce the symbol of its order, since some files name it only when it is added.
    fn find_symbols(&mut self) {
        if self.symbols == 1 {
            return;
        }
        let mut symbols = vec![None; self.highest_order as usize + 1];
        for command in &mut self.commands {
            let known = &mut symbols[command.order as usize];
            match command.action {
                Action::Add | Action::Ioc => *known = Some(command.symbol),
                Action::Cancel | Action::Move | Action::Reduce => {
                    command.symbol = known.unwrap_or(command.symbol);
                }
            }
        }
    }
}

/// Reads until `bytes` is full or the input ends, and says how many bytes there were.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut taken = [0; N];
    taken.copy_from_slice(&bytes[at..at + N]);
    taken
}

/// The workload without its commands, and how many there are.
fn read_header(bytes: &[u8; HEADER_BYTES]) -> Result<(Workload, u64), ReadError> {
    let u32_at = |at| u32::from_le_bytes(bytes_at(bytes, at));
    let u64_at = |at| u64::from_le_bytes(bytes_at(bytes, at));
    let damaged = |field, value, rule| Err(ReadError::Header { field, value, rule });
    if bytes_at(bytes, 0) != MAGIC {
        return Err(ReadError::Magic);
    }
    let (records, warm, symbols, highest) = (u64_at(8), u64_at(16), u32_at(24), u64_at(32));
    let Some(warm) = usize::try_from(warm).ok().filter(|_| warm <= records) else {
        return damaged("records before timing", warm, "at most the number of records");
    };
    if symbols == 0 || symbols > MOST_SYMBOLS {
        return damaged("the number of symbols", u64::from(symbols), "from 1 to 65536");
    }
    let Some(highest_order) = u32::try_from(highest).ok().filter(|order| *order <= HIGHEST_ORDER) else {
        return damaged("the highest order number", highest, "below 2^28");
    };
    let room = usize::try_from(records.min(ROOM_AT_FIRST)).unwrap_or(0);
    let workload = Workload {
        commands: Vec::with_capacity(room),
        warm,
        symbols,
        tick_limit: u32_at(28),
        highest_order,
        resting: u64_at(40),
        reduces: u64_at(48) != 0,
    };
    Ok((workload, records))
}

fn read_record(bytes: &[u8; RECORD_BYTES], record: u64, symbols: u32) -> Result<Command, ReadError> {
    let damaged = |field, value, rule| Err(ReadError::Record { record, field, value, rule });
    let action = match bytes[0] {
        0 => Action::Add,
        1 => Action::Cancel,
        2 => Action::Ioc,
        3 => Action::Move,
        4 => Action::Reduce,
        other => return damaged("the action", i64::from(other), "from 0 to 4"),
    };
    let side = match bytes[1] {
        0 => Side::Buy,
        1 => Side::Sell,
        other => return damaged("the side", i64::from(other), "0 or 1"),
    };
    let symbol = u16::from_le_bytes(bytes_at(bytes, 2));
    if u32::from(symbol) >= symbols {
        return damaged("the symbol", i64::from(symbol), "below the number of symbols");
    }
    let order = u64::from_le_bytes(bytes_at(bytes, 8));
    let Some(order) = u32::try_from(order).ok().filter(|order| *order <= HIGHEST_ORDER) else {
        return damaged("the order", i64::try_from(order).unwrap_or(i64::MAX), "below 2^28");
    };
    let price = i64::from_le_bytes(bytes_at(bytes, 16));
    let Ok(price) = u64::try_from(price) else {
        return damaged("the price", price, "0 or above");
    };
    let quantity = u32::from_le_bytes(bytes_at(bytes, 4));
    Ok(Command { price, order, quantity, symbol, action, side })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(action: Action, side: Side, symbol: u16, order: u32, price: u64) -> Command {
        Command { price, order, quantity: 7, symbol, action, side }
    }

    fn sample() -> Workload {
        let commands = vec![
            command(Action::Add, Side::Buy, 1, 1, 100),
            command(Action::Add, Side::Sell, 0, 2, i64::MAX as u64),
            command(Action::Move, Side::Buy, 1, 1, 0),
            command(Action::Ioc, Side::Sell, 2, 3, 1 << 40),
            command(Action::Reduce, Side::Sell, 0, 2, 5),
            command(Action::Cancel, Side::Buy, 1, 1, 0),
        ];
        Workload {
            commands,
            warm: 2,
            symbols: 3,
            tick_limit: u32::MAX,
            highest_order: 4,
            resting: 1,
            reduces: true,
        }
    }

    fn bytes(workload: &Workload) -> Vec<u8> {
        let mut bytes = Vec::new();
        workload.write(&mut bytes).expect("a vector takes all");
        bytes
    }

    #[test]
    fn what_was_written_is_read_and_lies_where_the_format_says() {
        let workload = sample();
        let written = bytes(&workload);
        assert_eq!(Workload::read(written.as_slice()).expect("it is whole"), workload);
        assert_eq!(written.len(), HEADER_BYTES + 6 * RECORD_BYTES);
        let at = |at: usize| u64::from_le_bytes(bytes_at(&written, at));
        assert_eq!([8, 16, 32, 40, 48].map(at), [6, 2, 4, 1, 1]);
        assert_eq!(at(24), 3 | u64::from(u32::MAX) << 32);
        let record = HEADER_BYTES + 3 * RECORD_BYTES;
        assert_eq!(written[record..record + 8], [2, 1, 2, 0, 7, 0, 0, 0]);
        assert_eq!([8, 16, 24].map(|offset| at(record + offset)), [3, 1 << 40, 0]);
        assert_eq!(size_of::<Command>(), 24);
    }

    #[test]
    fn orders_are_found_by_the_symbol_they_were_added_under() {
        let mut workload = sample();
        for command in &mut workload.commands[2..] {
            command.symbol = if command.action == Action::Ioc { command.symbol } else { 2 };
        }
        assert_eq!(Workload::read(bytes(&workload).as_slice()).expect("it is whole"), sample());
    }

    #[test]
    fn damage_is_named() {
        let check = |at: usize, with: &[u8], message: &str| {
            let mut bytes = bytes(&sample());
            bytes[at..at + with.len()].copy_from_slice(with);
            let error = Workload::read(bytes.as_slice()).expect_err(message);
            assert!(error.to_string().contains(message), "{error} instead of: {message}");
        };
        let record = |number: usize| HEADER_BYTES + number * RECORD_BYTES;
        check(0, b"PPWL0002", "does not begin with PPWL0001");
        check(8, &[7], "only 6 of 7 records");
        check(8, &[0xFF; 8], "only 6 of 18446744073709551615 records");
        check(8, &[5], "goes on after its 5 records");
        check(16, &[7], "records before timing is 7");
        check(24, &[0], "the number of symbols is 0");
        check(24, &[1, 0, 1], "the number of symbols is 65537");
        check(24, &[2], "record 3, counted from 0, is damaged: the symbol is 2");
        check(32, &[0, 0, 0, 0x10], "the highest order number is 268435456");
        check(32, &[0, 0, 0, 0, 1], "the highest order number is 4294967296");
        check(record(0), &[5], "record 0, counted from 0, is damaged: the action is 5");
        check(record(5) + 1, &[2], "record 5, counted from 0, is damaged: the side is 2");
        check(record(1) + 8, &[0, 0, 0, 0x10], "the order is 268435456");
        check(record(1) + 8, &[0xFF; 8], "the order is 9223372036854775807");
        check(record(4) + 16, &[0xFF; 8], "the price is -1");
    }

    #[test]
    fn a_file_that_ends_early_is_refused_wherever_it_ends() {
        let bytes = bytes(&sample());
        for end in 0..bytes.len() {
            let error = Workload::read(&bytes[..end]).expect_err("it is cut off");
            let fits = match error {
                ReadError::NoHeader => end < HEADER_BYTES,
                ReadError::Short { expected: 6, found } => {
                    found == ((end - HEADER_BYTES) / RECORD_BYTES) as u64
                }
                _ => false,
            };
            assert!(fits, "{end} bytes: {error}");
        }
        let path = Path::new("/no/such/file");
        assert!(matches!(Workload::read_file(path), Err(ReadError::Io(_))));
    }
}
