//! Ratings between traders, as the Bitcoin OTC data set has them: `rater,ratee,rating,unix_time`, plain or gzipped.

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// The columns a file must have, in this order.
const COLUMNS: [&str; 4] = ["rater", "ratee", "rating", "unix_time"];

/// The worst a trader can be called.
pub const WORST: i8 = -10;

/// One rating, with traders numbered from 1 in the order in which they first appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    /// Who judges.
    pub rater: u32,
    /// Who is judged.
    pub ratee: u32,
    /// From −10, fraud, to 10.
    pub rating: i8,
    /// Seconds since 1970.
    pub unix_time: u64,
}

/// A file of ratings in the order of time.
#[derive(Debug, Clone)]
pub struct Ratings {
    /// Ratings, the earliest first; those of one second in the file's order.
    pub list: Vec<Rating>,
    /// One more than the highest number of a trader.
    pub accounts: u32,
    /// Where they come from.
    pub source: String,
}

#[derive(Deserialize)]
struct Row {
    rater: String,
    ratee: String,
    rating: i8,
    unix_time: f64,
}

/// Reads a file of ratings.
///
/// # Errors
/// It cannot be read, is no such file, or has no rating; a bad line is named.
pub fn read(path: &Path) -> Result<Ratings> {
    let shown = path.display();
    let mut file =
        File::open(path).with_context(|| format!("cannot open the ratings {shown}; see --ratings"))?;
    let mut magic = [0_u8; 2];
    let is_gzip =
        file.read(&mut magic).with_context(|| format!("cannot read {shown}"))? == 2 && magic == [0x1F, 0x8B];
    file.seek(SeekFrom::Start(0))?;
    let list = if is_gzip { parse(GzDecoder::new(BufReader::new(file))) } else { parse(file) };
    let (list, accounts) = list.with_context(|| format!("{shown} is no file of ratings"))?;
    Ok(Ratings {
        list,
        accounts,
        source: path.file_name().map_or_else(String::new, |name| name.display().to_string()),
    })
}

fn parse(reader: impl Read) -> Result<(Vec<Rating>, u32)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let header = reader.headers().context("its first line cannot be read")?;
    let wanted = COLUMNS.join(",");
    ensure!(
        header.iter().eq(COLUMNS),
        "its first line must be {wanted:?}, not {:?}",
        header.iter().collect::<Vec<_>>().join(",")
    );
    let mut names = BTreeMap::new();
    let mut list = Vec::new();
    for row in reader.deserialize::<Row>() {
        // The error of the reader says which line.
        let row = row?;
        let line = list.len() + 2;
        ensure!(
            (WORST..=10).contains(&row.rating),
            "line {line}: the rating {} is not from -10 to 10",
            row.rating
        );
        ensure!(
            row.unix_time.is_finite() && (0.0..1e12).contains(&row.unix_time),
            "line {line}: {} is no time in seconds since 1970",
            row.unix_time
        );
        let mut number = |name: String| {
            let next = names.len() + 1;
            *names.entry(name).or_insert(u32::try_from(next).expect("a file has fewer traders than 2^32"))
        };
        let (rater, ratee) = (number(row.rater), number(row.ratee));
        // Some copies of the data have fractions of seconds.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked above")]
        let unix_time = row.unix_time as u64;
        list.push(Rating { rater, ratee, rating: row.rating, unix_time });
    }
    ensure!(!list.is_empty(), "it has no rating");
    list.sort_by_key(|rating| rating.unix_time);
    Ok((list, u32::try_from(names.len() + 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn a_bad_file_is_named_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.csv");
        let check = |text: &str, fault: &str| {
            std::fs::write(&path, text).unwrap();
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.contains(fault) && error.contains("some.csv"), "{error}");
        };
        check("", "must be \"rater,ratee,rating,unix_time\"");
        check("a,b,c,d\n1,2,3,4\n", "not \"a,b,c,d\"");
        check("rater,ratee,rating,unix_time\n", "it has no rating");
        check("rater,ratee,rating,unix_time\n1,2,3,4\n1,2,11,4\n", "line 3: the rating 11");
        check("rater,ratee,rating,unix_time\n1,2,3,-4\n", "line 2: -4");
        check("rater,ratee,rating,unix_time\n1,2,3,x\n", "line: 2");
        check("rater,ratee,rating,unix_time\n1,2,3\n", "line: 2");
        let error = format!("{:#}", read(&folder.path().join("none.csv")).unwrap_err());
        assert!(error.contains("cannot open the ratings") && error.contains("none.csv"), "{error}");
    }

    #[test]
    fn plain_and_gzipped_files_are_read_in_time_order() {
        let folder = tempfile::tempdir().unwrap();
        let text = "rater,ratee,rating,unix_time\nzoe,7,10,200.5\n7,zoe,-10,100\n";
        let plain = folder.path().join("plain");
        std::fs::write(&plain, text).unwrap();
        let packed = folder.path().join("packed");
        let mut encoder = GzEncoder::new(File::create(&packed).unwrap(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        for path in [plain, packed] {
            let found = read(&path).unwrap();
            let first = Rating { rater: 2, ratee: 1, rating: -10, unix_time: 100 };
            let second = Rating { rater: 1, ratee: 2, rating: 10, unix_time: 200 };
            assert_eq!((found.list, found.accounts), (vec![first, second], 3));
        }
    }
}
