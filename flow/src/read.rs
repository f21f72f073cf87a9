//! Reading files of order flow, plain or compressed, row by row.

use super::{Action, Command, PRICE_DECIMALS, QUANTITY_DECIMALS, VenueTrade, decimal};
use anyhow::{Context, Result, anyhow, bail};
use bandex_types::{Price, Quantity, Side};
use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// How a gzip file begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The commands of a file, in its order.
pub struct Commands(Table<7>);

/// Opens a file of commands.
///
/// # Errors
/// It cannot be read, or a column is missing.
pub fn commands(path: &Path) -> Result<Commands> {
    Table::open(path, ["time_ms", "op", "order_id", "side", "price", "quantity", "post_only"]).map(Commands)
}

/// Each command, or the line that cannot be read and why.
impl Iterator for Commands {
    type Item = Result<Command>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.row(command).transpose()
    }
}

fn command([time_ms, op, id, side, price, quantity, post_only]: [&str; 7]) -> Result<Command> {
    let time_ms = whole("time_ms", time_ms)?;
    let id = whole("order_id", id)?;
    let action = match op {
        "cancel" => Action::Cancel { id },
        "place" => Action::Place {
            id,
            side: side_of(side)?,
            price: price_of("price", price)?,
            quantity: quantity_of("quantity", quantity)?,
            post_only: match post_only {
                "true" => true,
                "false" => false,
                other => bail!("post_only is {other:?}, neither true nor false"),
            },
        },
        other => bail!("op is {other:?}, neither place nor cancel"),
    };
    Ok(Command { time_ms, action })
}

/// Reads the venue's own trades.
///
/// # Errors
/// The file cannot be read, a column is missing, or a line is none of a trade.
pub fn trades(path: &Path) -> Result<Vec<VenueTrade>> {
    let mut table = Table::open(path, ["price", "amount", "buy_order_id", "sell_order_id", "side"])?;
    let mut trades = Vec::new();
    while let Some(trade) = table.row(trade)? {
        trades.push(trade);
    }
    Ok(trades)
}

fn trade([price, amount, buy, sell, side]: [&str; 5]) -> Result<VenueTrade> {
    let side = side_of(side)?;
    let (buy, sell) = (whole("buy_order_id", buy)?, whole("sell_order_id", sell)?);
    let (taker, maker) = match side {
        Side::Buy => (buy, sell),
        Side::Sell => (sell, buy),
    };
    let (price, quantity) = (price_of("price", price)?, quantity_of("amount", amount)?);
    Ok(VenueTrade { taker, maker, side, price, quantity })
}

fn whole(column: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| anyhow!("{column} is {text:?}, not a whole number"))
}

fn side_of(text: &str) -> Result<Side> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => bail!("side is {other:?}, neither buy nor sell"),
    }
}

fn price_of(column: &str, text: &str) -> Result<Price> {
    decimal::scaled(text, PRICE_DECIMALS).map(Price::new).map_err(|why| anyhow!("{column}: {why}"))
}

fn quantity_of(column: &str, text: &str) -> Result<Quantity> {
    decimal::scaled(text, QUANTITY_DECIMALS).map(Quantity::new).map_err(|why| anyhow!("{column}: {why}"))
}

/// A file with a heading, read by the names of its columns.
struct Table<const N: usize> {
    path: PathBuf,
    rows: csv::Reader<Box<dyn Read + Send>>,
    columns: [usize; N],
    record: StringRecord,
}

impl<const N: usize> Table<N> {
    fn open(path: &Path, names: [&str; N]) -> Result<Self> {
        let shown = path.display();
        let rows = open(path).with_context(|| format!("{shown}"))?;
        let mut rows = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(rows);
        let heading = rows.headers().with_context(|| format!("{shown}"))?.clone();
        let find = |name: &str| heading.iter().position(|column| column == name);
        if let Some(missing) = names.iter().find(|name| find(name).is_none()) {
            bail!("{shown}: its heading lacks the column {missing}; it needs {}", names.join(","));
        }
        let columns = names.map(|name| find(name).unwrap_or_default());
        Ok(Self { path: path.to_owned(), rows, columns, record: StringRecord::new() })
    }

    /// Reads the next row; none after the last.
    fn row<T>(&mut self, parse: impl Fn([&str; N]) -> Result<T>) -> Result<Option<T>> {
        let path = &self.path;
        let more = self.rows.read_record(&mut self.record).with_context(|| format!("{}", path.display()))?;
        if !more {
            return Ok(None);
        }
        let fields = self.columns.map(|column| self.record.get(column).unwrap_or_default());
        let line = self.record.position().map_or(0, csv::Position::line);
        parse(fields).map(Some).with_context(|| format!("{}, line {line}", path.display()))
    }
}

/// Opens a file and unpacks it if it is compressed, whatever it is called.
fn open(path: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&GZIP_MAGIC) {
        Ok(Box::new(MultiGzDecoder::new(file)))
    } else {
        Ok(Box::new(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tempfile::NamedTempFile;

    const HEADING: &str = "time_ms,op,order_id,side,price,quantity,post_only\n";

    fn file(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(text: &str) -> Result<Vec<Command>> {
        commands(file(text.as_bytes()).path())?.collect()
    }

    fn place(price: u64, quantity: u64, post_only: bool) -> Command {
        let (price, quantity) = (Price::new(price), Quantity::new(quantity));
        Command { time_ms: 5, action: Action::Place { id: 7, side: Side::Buy, price, quantity, post_only } }
    }

    #[test]
    fn rows_become_commands() {
        let check = |row: &str, expected| {
            assert_eq!(read(&format!("{HEADING}{row}\n")).unwrap(), vec![expected], "{row}");
        };
        check("5,place,7,buy,78318.00,1.53453667,true", place(7_831_800, 153_453_667, true));
        check("5,place,7,buy,0.00,2.6e-06,false", place(0, 260, false));
        check("5, place, 7, buy, 1, 0, false\r", place(100, 0, false));
        check("5,cancel,7,,,,", Command { time_ms: 5, action: Action::Cancel { id: 7 } });
        check("5,cancel,7", Command { time_ms: 5, action: Action::Cancel { id: 7 } });
    }

    #[test]
    fn the_heading_says_which_column_is_which() {
        let text = "op,order_id,time_ms,note,side,price,quantity,post_only\ncancel,7,5,hello,,,,\n";
        assert_eq!(read(text).unwrap(), vec![Command { time_ms: 5, action: Action::Cancel { id: 7 } }]);
    }

    #[test]
    fn packed_or_plain_is_the_same() {
        let text = format!("{HEADING}5,place,7,buy,1.00,1,true\n5,cancel,7,,,,\n");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = file(&packed.finish().unwrap());
        let unpacked: Vec<_> = commands(packed.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(unpacked, read(&text).unwrap());
        assert_eq!(unpacked.len(), 2);
    }

    #[test]
    fn errors_name_file_line_and_column() {
        let check = |row: &str, expected: &[&str]| {
            let error = read(&format!("{HEADING}5,cancel,1,,,,\n{row}\n")).unwrap_err();
            let text = format!("{error:#}");
            for part in expected.iter().chain(&[", line 3"]) {
                assert!(text.contains(part), "{row}: {text}");
            }
        };
        check("x,cancel,7,,,,", &["time_ms"]);
        check("5,amend,7,,,,", &["op", "amend"]);
        check("5,cancel,,,,,", &["order_id"]);
        check("5,place,7,hold,1,1,true", &["side", "hold"]);
        check("5,place,7,buy,1.005,1,true", &["price", "more than 2 decimals"]);
        check("5,place,7,buy,1,-1,true", &["quantity", "below zero"]);
        check("5,place,7,buy,1,1,", &["post_only"]);
        check("5,place,7", &["side"]);
        let missing = format!("{:#}", read("time_ms,op\n").unwrap_err());
        assert!(missing.contains("order_id"), "{missing}");
        assert!(commands(Path::new("/no/such/file")).is_err());
    }

    #[test]
    fn the_taker_is_the_side_that_the_trade_names() {
        let text = "price,amount,buy_order_id,sell_order_id,side\n2.0,1e-08,7,8,buy\n2.0,0.1,7,8,sell\n";
        let trade = |taker, maker, side, quantity| VenueTrade {
            taker,
            maker,
            side,
            price: Price::new(200),
            quantity: Quantity::new(quantity),
        };
        let expected = vec![trade(7, 8, Side::Buy, 1), trade(8, 7, Side::Sell, 10_000_000)];
        assert_eq!(trades(file(text.as_bytes()).path()).unwrap(), expected);
        assert_eq!(
            (expected[0].price_text(), expected[0].quantity_text()),
            ("2.00".into(), "0.00000001".into())
        );
    }
}
