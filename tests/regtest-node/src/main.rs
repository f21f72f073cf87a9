//! The binary `bandex-regtest-node`: one node on one port of loopback, until it is told to stop.

use anyhow::{Context as _, Result};
use bandex_regtest_node::server::{self, Server};
use bandex_regtest_node::{Node, Settings};
use bitcoin::Network;
use clap::Parser;
use std::path::PathBuf;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A regtest Bitcoin node for tests, on Bitcoin Core's own consensus code.
#[derive(Debug, Parser)]
#[command(name = "bandex-regtest-node", version, about)]
struct Options {
    /// Port on 127.0.0.1; 0 takes any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Folder of the chain and of the cookie file.
    #[arg(long)]
    datadir: PathBuf,
    /// Network: regtest, or signet, testnet4 or main with the genesis block alone.
    #[arg(long, default_value = "regtest", value_parser = network)]
    network: Network,
    /// End when the standard input closes, as it does when the process that started this one is gone.
    #[arg(long)]
    end_with_stdin: bool,
    /// Find transactions of blocks by id alone; a node that prunes cannot.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    txindex: bool,
    /// Allow pruneblockchain, which rules out the index of transactions.
    #[arg(long)]
    prune: bool,
    /// Blocks at the end of the chain that are never pruned.
    #[arg(long, default_value_t = 288)]
    prune_keep_blocks: u32,
    /// Keep the mempool over an orderly end.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    persist_mempool: bool,
}

fn network(name: &str) -> Result<Network, String> {
    match name {
        "regtest" => Ok(Network::Regtest),
        "signet" => Ok(Network::Signet),
        "testnet4" => Ok(Network::Testnet4),
        "main" => Ok(Network::Bitcoin),
        _ => Err("one of regtest, signet, testnet4, main".to_owned()),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let settings = Settings {
        network: options.network,
        txindex: options.txindex && !options.prune,
        prune: options.prune,
        prune_keep_blocks: options.prune_keep_blocks,
        persist_mempool: options.persist_mempool,
    };
    let folder = options.datadir.clone();
    let node = tokio::task::spawn_blocking(move || Node::open(settings, &folder)).await??;
    let (cookie, credentials) = server::write_cookie(&options.datadir).context("write the cookie file")?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await.context("listen")?;
    let port = listener.local_addr()?.port();
    let server = Server::new(node, &credentials);
    tokio::spawn(end_on_signal(server.clone()));
    if options.end_with_stdin {
        tokio::spawn(end_with_stdin(server.clone()));
    }
    println!("{}", serde_json::json!({"port": port, "cookie": cookie}));
    server.run(listener).await?;
    // A file that is gone tells callers that nobody is there, as Core's does.
    std::fs::remove_file(cookie)?;
    // The thread that reads the standard input would otherwise hold up the end.
    std::process::exit(0);
}

async fn end_on_signal(server: Server) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.end();
}

async fn end_with_stdin(server: Server) {
    let mut input = tokio::io::stdin();
    let mut bytes = [0_u8; 256];
    while input.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    server.end();
}
