//! Who mines: a block whenever somebody waits for one.

use crate::demo::board::{self, Shared};
use anyhow::Result;
use bandex_rails::{Client, regtest};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often blocks come while deals wait.
const BLOCK_TIME: Duration = Duration::from_millis(400);
/// Nobody's: the witness program is a hash of nothing known, so what is mined here stays out of every wallet.
const NOBODY: [u8; 22] = {
    let mut script = [0x62; 22];
    script[0] = 0;
    script[1] = 20;
    script
};

/// Mines on demand.
pub(super) struct Miner {
    client: Arc<Client>,
}

/// Mining, until it is dropped.
pub(super) struct Mining(JoinHandle<()>);

impl Drop for Mining {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Miner {
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    /// Mines blocks whose coins go to `address`, or to nobody.
    pub async fn mine(client: &Client, blocks: u32, address: Option<&str>) -> Result<()> {
        let nobody = bandex_spv::address(bandex_spv::Network::Regtest, &NOBODY).unwrap_or_default();
        regtest::generate(client, blocks, address.unwrap_or(&nobody)).await?;
        Ok(())
    }

    /// Mines for as long as deals are open.
    pub fn work(&self, board: Shared) -> Mining {
        let client = Arc::clone(&self.client);
        Mining(tokio::spawn(async move {
            loop {
                tokio::time::sleep(BLOCK_TIME).await;
                let waits = {
                    let board = board::lock(&board);
                    board.deals.iter().any(|deal| !board.settled.contains(deal))
                };
                if !waits {
                    continue;
                }
                match Self::mine(&client, 1, None).await {
                    Ok(()) => board::lock(&board).blocks += 1,
                    Err(error) => board::lock(&board).note(format!("no block: {error}")),
                }
            }
        }))
    }
}
