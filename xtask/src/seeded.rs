//! An exchange with something in it: accounts, orders, trades, deals in every state, an auction, a fork, an epoch.
//!
//! For tasks that ask every page of the interface and want answers that hold something. All of it is done by the
//! `bandex` binary, as a person would do it by hand.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// A running exchange in a folder of its own, both gone with this value.
#[derive(Debug)]
pub struct Seeded {
    server: Running,
    binary: PathBuf,
    folder: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// A program that is ended with this value.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell anyway.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        let _ended = self.server.0.kill();
        let _status = self.server.0.wait();
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

impl Seeded {
    /// Starts `binary` in the new folder `folder`, and fills the exchange.
    ///
    /// # Errors
    /// The exchange does not start, or a step of the story fails.
    pub fn start(binary: PathBuf, folder: PathBuf) -> Result<Self> {
        let _earlier = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(folder.join("changes.json"), first_changes().to_string())?;
        let (server, traders, operator) = serve(&binary, &folder)?;
        let variables = vec![("BANDEX_URL", traders), ("BANDEX_ADMIN_URL", operator)];
        let mut seeded = Self { server, binary, folder, variables };
        let names = story(&seeded).context("the exchange cannot be filled")?;
        seeded.variables.extend(names);
        Ok(seeded)
    }

    /// Addresses, files and ids for scripts: what to put into their environment.
    pub fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// One of them.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn variable(&self, name: &str) -> Result<&str> {
        let found = self.variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).with_context(|| format!("{name} is not set"))
    }

    /// The folder with the keys.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The binary.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A command of the binary, ready to be started in the folder.
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words.split_whitespace()).current_dir(&self.folder);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the binary to its end; gives what it printed.
    fn run(&self, words: &str) -> Result<String> {
        let output =
            self.command(words).output().with_context(|| format!("cannot start `bandex {words}`"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`bandex {words}` failed: {said}{complained}");
        Ok(said)
    }

    /// The same for commands that print JSON.
    fn json(&self, words: &str) -> Result<Value> {
        let said = self.run(&format!("{words} --json"))?;
        serde_json::from_str(&said).with_context(|| format!("`bandex {words} --json` printed {said}"))
    }

    /// Makes a key in a file of that name, and its account; gives key and account.
    fn account(&self, file: &str) -> Result<(String, String)> {
        self.run(&format!("key new --key {file}"))?;
        let made = self.json(&format!("key register --key {file}"))?;
        Ok((text(&made, "/key")?, text(&made, "/account")?))
    }

    /// Carries out one change of the operator.
    fn configure(&self, change: &Value) -> Result<Value> {
        let changes = json!([change]).to_string();
        let said = self.command("admin --token data/admin.token").arg(&changes).output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let reply: Value = serde_json::from_str(&said).with_context(|| format!("{changes}: {said}"))?;
        ensure!(reply.pointer("/operations/0/ok") == Some(&Value::Bool(true)), "{changes}: {reply}");
        Ok(reply)
    }

    /// Starts an agent that settles the deals of a key until it is dropped.
    fn agent(&self, file: &str) -> Result<Running> {
        let mut command = self.command(&format!("agent --key {file}"));
        Ok(Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    /// The first of a key's deals that `wanted` takes, waited for.
    fn deal(&self, file: &str, wanted: impl Fn(&Value) -> bool) -> Result<String> {
        let mut seen = Value::Null;
        let found = soon(|| {
            seen = self.json(&format!("deals --closed --key {file}"))?;
            let deals = seen.as_array().or_else(|| seen.get("deals").and_then(Value::as_array));
            let id = deals.into_iter().flatten().find(|deal| wanted(deal)).map(|deal| text(deal, "/deal"));
            id.transpose()
        })?;
        found.with_context(|| format!("no such deal of {file}: {seen}"))
    }
}

/// What the operator decides first: the market that everything happens on, and one whose deadlines pass at once.
fn first_changes() -> Value {
    let asset = |id: u32, symbol: &str, decimals: u8, rail: &str| json!({ "change": "list_asset", "id": id, "symbol": symbol, "decimals": decimals, "rail": rail });
    let market = |id: u32, quote: u32, den: u64, deadline_us: u64| {
        json!({ "change": "list_market", "id": id, "base": 0, "quote": quote, "lot_units": 1_000,
            "tick_value": { "num": 1, "den": den }, "least_tranche": "1000",
            "pay_us": deadline_us, "acknowledge_us": deadline_us })
    };
    json!([
        asset(0, "BWT", 9, "token"),
        asset(1, "BTC", 11, "attested"),
        asset(2, "EUR", 4, "attested"),
        market(1, 1, 200_000_000, 3_600_000_000),
        market(2, 2, 1_000_000, 1_000_000),
    ])
}

/// Starts the exchange on free ports; gives it and the addresses for traders and operator.
fn serve(binary: &Path, folder: &Path) -> Result<(Running, String, String)> {
    let mut command = Command::new(binary);
    let words =
        "serve --data data --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --first-changes changes.json";
    command.args(words.split(' ')).current_dir(folder);
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("cannot start it")?;
    let told = BufReader::new(child.stderr.take().context("stderr is piped")?);
    let running = Running(child);
    let (lines, arrived) = mpsc::channel();
    // Read to the end in the background: an exchange that nobody listens to must not wait at a full pipe.
    thread::spawn(move || {
        for line in told.lines().map_while(std::result::Result::ok) {
            let _heard = lines.send(line);
        }
    });
    let mut said = Vec::new();
    let address = |said: &[String], who: &str| {
        let line = said.iter().find_map(|line| line.strip_prefix(who));
        line.and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
    };
    while let Ok(line) = arrived.recv_timeout(PATIENCE) {
        said.push(line);
        if let (Some(traders), Some(operator)) = (address(&said, "traders"), address(&said, "operator")) {
            return Ok((running, traders, operator));
        }
    }
    bail!("the exchange does not say where it listens: {}", said.join("\n"))
}

/// Fills the exchange; gives what scripts are told of it.
fn story(exchange: &Seeded) -> Result<Vec<(&'static str, String)>> {
    let (key, account) = exchange.account("alice.key")?;
    let (other_key, other_account) = exchange.account("bob.key")?;
    trust(exchange, &account)?;
    for to in [&account, &other_account] {
        exchange.configure(&json!({ "change": "issue", "to": to, "amount": "50000000000" }))?;
    }
    let settled = settled_deal(exchange)?;
    auction(exchange)?;
    let default = default(exchange)?;
    fork(exchange)?;
    exchange.run("key new --key session.key")?;
    exchange.run("key grant --key alice.key --session session.key --scope orders")?;
    exchange.run("order protect --key alice.key --quantity 5 --window 1s")?;
    exchange.run("order quote --key alice.key --bid 0.00000035:1 --ask 0.00000045:2")?;
    exchange.run("account bond --key alice.key 2")?;
    exchange
        .run("order place --key alice.key --side sell --price 0.0000005 --quantity 3 --client-id shelf")?;
    let deal = open_deal(exchange)?;
    let placed = exchange.json("order place --key alice.key --side sell --price 0.00000042 --quantity 1")?;
    let order = text(&placed, "/operations/0/order").or_else(|_| text(&placed, "/order"))?;
    let block = text(&placed, "/block_id")?;
    let stored: Value = serde_json::from_str(&exchange.run(&format!("get /v1/blocks/{block}"))?)?;
    let signed = stored.get("signed").context("a block has its signed bytes")?;
    fs::write(exchange.folder.join("signed.json"), signed.to_string())?;
    let token = exchange.run("login --key alice.key")?.trim().to_owned();
    Ok(vec![
        ("BANDEX_KEY", exchange.folder.join("alice.key").display().to_string()),
        ("ADMIN_TOKEN", fs::read_to_string(exchange.folder.join("data/admin.token"))?.trim().to_owned()),
        ("MARKET", "BWT-BTC".to_owned()),
        ("OTHER_MARKET", "BWT-EUR".to_owned()),
        ("TOKEN", token),
        ("KEY", key),
        ("ACCOUNT", account),
        ("OTHER_KEY", other_key),
        ("OTHER_ACCOUNT", other_account),
        ("ORDER", order),
        ("BLOCK", block),
        ("DEAL", deal),
        ("SETTLED_DEAL", settled),
        ("DEFAULTED_DEAL", default),
    ])
}

/// What limits follow from, with one epoch that ended.
fn trust(exchange: &Seeded, seed: &str) -> Result<()> {
    let terms =
        "--epoch 1s --largest-limit 0.001 --loss-budget 0.001 --first-grant 0.25 --grant-work-bits 12";
    exchange.run(&format!("admin trust {terms} --token data/admin.token"))?;
    exchange.run("admin rate BWT 1 25000 --token data/admin.token")?;
    exchange.run(&format!("admin seed {seed} --token data/admin.token"))?;
    exchange.run(&format!("admin registrar {seed} --token data/admin.token"))?;
    // The first epoch may have ended before there was a seed.
    let scored = soon(|| {
        let score = exchange.run(&format!("get /v1/reputation/{seed}"));
        let score: Option<Value> = score.ok().and_then(|text| serde_json::from_str(&text).ok());
        Ok(score.filter(|score| score.get("score") == Some(&json!("1"))))
    })?;
    scored.context("no epoch ends")?;
    // One is enough: from here on the journal grows only by what is asked of it.
    exchange.run("admin trust --epoch 1d --token data/admin.token")?;
    Ok(())
}

/// A trade whose deal two agents settle to the end.
fn settled_deal(exchange: &Seeded) -> Result<String> {
    exchange.run("order place --key alice.key --side sell --price 0.0000004 --quantity 0.1")?;
    exchange.run("order place --key bob.key --side buy --price 0.0000004 --quantity 0.1")?;
    let _agents = [exchange.agent("alice.key")?, exchange.agent("bob.key")?];
    exchange.deal("bob.key", |deal| deal.get("state") == Some(&json!("settled")))
}

/// A trade whose deal waits for the buyer, after the seller's first tranche.
fn open_deal(exchange: &Seeded) -> Result<String> {
    exchange.run("order place --key alice.key --side sell --price 0.0000004 --quantity 0.2")?;
    exchange.run("order place --key bob.key --side buy --price 0.0000004 --quantity 0.2")?;
    let _agent = exchange.agent("alice.key")?;
    exchange.deal("bob.key", |deal| {
        let party = deal.pointer("/due/party");
        deal.get("state") == Some(&json!("open")) && party == Some(&json!("buyer"))
    })
}

/// An auction in which nothing trades: bids and offers stay apart.
fn auction(exchange: &Seeded) -> Result<()> {
    exchange.run("market state BWT-BTC auction --token data/admin.token")?;
    exchange.run("order place --key bob.key --side buy --price 0.0000003 --quantity 1")?;
    exchange.run("market state BWT-BTC trading --token data/admin.token")?;
    Ok(())
}

/// Two who trade where deadlines pass at once, and vanish.
fn default(exchange: &Seeded) -> Result<String> {
    let (_, seller) = exchange.account("dave.key")?;
    exchange.account("erin.key")?;
    exchange.configure(&json!({ "change": "issue", "to": seller, "amount": "1000000000" }))?;
    exchange.run("order place --market BWT-EUR --key dave.key --side sell --price 0.01 --quantity 0.001")?;
    exchange.run("order place --market BWT-EUR --key erin.key --side buy --price 0.01 --quantity 0.001")?;
    exchange.deal("erin.key", |deal| deal.get("state") == Some(&json!("defaulted")))
}

/// A key that is used from two places: its two blocks of one number are the proof of a fork.
fn fork(exchange: &Seeded) -> Result<()> {
    exchange.account("carol.key")?;
    for (from, to) in [("carol.key", "copy.key"), ("carol.key.lane", "copy.key.lane")] {
        fs::copy(exchange.folder.join(from), exchange.folder.join(to))
            .with_context(|| format!("cannot copy {from}"))?;
    }
    exchange.run("order place --key carol.key --side buy --price 0.0000001 --quantity 1")?;
    let second =
        exchange.command("order place --key copy.key --side buy --price 0.0000002 --quantity 1").output()?;
    ensure!(!second.status.success(), "a second block of one number was taken");
    Ok(())
}

/// The text at a place of a JSON value.
fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no text at {pointer} of {value}"))
}

/// Asks until there is an answer, or the patience is over.
fn soon<T>(mut ask: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(Some(answer));
        }
        if begun.elapsed() > PATIENCE {
            return Ok(None);
        }
        thread::sleep(PAUSE);
    }
}
