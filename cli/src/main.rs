//! The bandex binary: one command for each thing a trader, an operator or an auditor does.

mod account;
mod admin;
mod agent;
mod audit;
mod bitcoin;
mod demo;
mod edge;
mod get;
mod key;
mod look;
mod market;
mod order;
mod output;
mod projections;
mod replay;
mod send;
mod serve;
mod simulate;
mod span;
mod store;
mod trust;
mod wallet;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A decentralized exchange for bandwidth tokens.
#[derive(Debug, Parser)]
#[command(name = "bandex", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it all at once: an exchange on loopback, real order flow, settlement, a default, an audit.
    Demo(demo::Options),
    /// Run an exchange.
    Serve(serve::Options),
    /// Make, show, register, grant, revoke, heal or rotate a key.
    #[command(subcommand)]
    Key(key::Options),
    /// Place, amend, quote, protect, cancel or list orders.
    #[command(subcommand)]
    Order(order::Options),
    /// Show how a market trades; for the operator, set its state and its rules.
    #[command(subcommand)]
    Market(market::Options),
    /// Show the book of a market.
    Book(look::BookOptions),
    /// Follow a channel, or the best prices and the trades of a market.
    Watch(watch::Options),
    /// Show any page of the interface as it is sent, public or of an account.
    Get(get::Options),
    /// Write everything of an account as a table (CSV).
    Export(get::ExportOptions),
    /// Send a JSON body to a path of the interface, and show what it answers.
    Post(send::PostOptions),
    /// Have the exchange lay out a block, compare it with what was asked, and sign it for POST /v1/blocks.
    Prepare(send::PrepareOptions),
    /// Print a token for the account's pages, or a signed challenge.
    Login(send::LoginOptions),
    /// List the account's deals.
    Deals(look::DealsOptions),
    /// End a deal that went wrong: resolve, write off, cure, acknowledge.
    #[command(subcommand)]
    Deal(trust::deal::Options),
    /// Bond, pay fees, claim the first grant, say whom the account trades with, vouch for others.
    #[command(subcommand)]
    Account(trust::account::Options),
    /// Show an account's limit, why it is what it is, and what would raise it.
    Limits(trust::look::LimitsOptions),
    /// Show whether an account is served, with the node's signature checked.
    Standing(trust::look::StandingOptions),
    /// Show an account's score, from the seeds or as another account sees it.
    Reputation(trust::look::ReputationOptions),
    /// Settle the account's deals by itself, checking before it signs.
    Agent(agent::Options),
    /// Make, show and fill a wallet for payments on the Bitcoin chain.
    #[command(subcommand)]
    Wallet(wallet::Options),
    /// Send the operator's decisions to the admin listener.
    Admin(admin::Options),
    /// Show how far the exchange follows the Bitcoin chain, and how it stands with its node.
    Bitcoin(bitcoin::Options),
    /// Ask whether a node takes commands.
    Health(look::HealthOptions),
    /// Print the OpenAPI document of the public interface.
    Openapi,
    /// Print what every error code means and what to do about it.
    Errors,
    /// Print the AsyncAPI document of the WebSocket.
    Asyncapi,
    /// Care for the tables behind the API's lists.
    #[command(subcommand)]
    Projections(projections::Options),
    /// Replay a file of order flow and compare its trades with the venue's own.
    Replay(replay::Options),
    /// Let the whole exchange happen under faults, from seeds, and check after every step what must hold.
    Simulate(simulate::Options),
    /// Check a store from its first record: signatures, links, digests, matches, sums, deals, receipts.
    Audit(audit::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match arguments.command {
        Command::Demo(options) => demo::run(options).await,
        Command::Serve(options) => serve::run(options).await,
        Command::Key(options) => key::run(options).await,
        Command::Order(options) => order::run(options).await,
        Command::Market(options) => market::run(options).await,
        Command::Book(options) => look::book(options).await,
        Command::Watch(options) => watch::run(options).await,
        Command::Get(options) => get::run(options).await,
        Command::Export(options) => get::export(options).await,
        Command::Post(options) => send::post(options).await,
        Command::Prepare(options) => send::prepare(options).await,
        Command::Login(options) => send::login(options).await,
        Command::Deals(options) => look::deals(options).await,
        Command::Deal(options) => trust::deal::run(options).await,
        Command::Account(options) => trust::account::run(options).await,
        Command::Limits(options) => trust::look::limits(options).await,
        Command::Standing(options) => trust::look::standing(options).await,
        Command::Reputation(options) => trust::look::reputation(options).await,
        Command::Agent(options) => agent::run(options).await,
        Command::Wallet(options) => wallet::run(options).await,
        Command::Admin(options) => admin::run(options).await,
        Command::Bitcoin(options) => bitcoin::run(options).await,
        Command::Health(options) => look::health(options).await,
        Command::Openapi => look::openapi(),
        Command::Errors => Ok(look::errors()),
        Command::Asyncapi => look::asyncapi(),
        Command::Projections(options) => projections::run(options).await,
        Command::Replay(options) => replay::run(options).await,
        Command::Simulate(options) => simulate::run(&options),
        Command::Audit(options) => audit::run(options).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("bandex: {}", in_words(&error));
        ExitCode::from(2)
    })
}

/// An error with its causes, each said once: many an error's own words already end with its cause.
fn in_words(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow!("it is taken").context("cannot listen: it is taken").context("no start");
        assert_eq!(in_words(&error), "no start: cannot listen: it is taken");
    }
}
