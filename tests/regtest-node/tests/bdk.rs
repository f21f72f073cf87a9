//! BDK's own source of blocks, which the agent's wallet reads, follows this node through payments and reorganisations.

mod support;

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi as _};
use bdk_bitcoind_rpc::{Emitter, NO_EXPECTED_MEMPOOL_TXS};
use bdk_core::{BlockId, CheckPoint};
use serde_json::json;
use support::key::coin;
use support::{Daemon, Key};

#[test]
fn bdk_follows_blocks_mempool_and_reorganisations() {
    let daemon = Daemon::start();
    let (mine, other) = (Key::new(1), Key::taproot(2));
    let coins = daemon.fund(&mine, 1);
    let auth = Auth::CookieFile(daemon.cookie.clone());
    let client = Client::new(&format!("http://{}", daemon.address), auth).expect("a client");
    let genesis = client.get_block_hash(0).expect("a hash");
    let start = CheckPoint::new(BlockId { height: 0, hash: genesis });
    let mut emitter = Emitter::new(&client, start, 0, NO_EXPECTED_MEMPOOL_TXS);
    let follow = |emitter: &mut Emitter<&Client>| {
        let mut last = None;
        while let Some(event) = emitter.next_block().expect("a block") {
            last = Some((event.block_height(), event.block_hash().to_string(), event.block.txdata.len()));
        }
        last
    };
    assert_eq!(follow(&mut emitter), Some((101, daemon.tip(), 1)));

    let payment = mine.pay(&coins[0], &other, 1_000);
    let child = other.pay(&coin(&payment, 0), &mine, 1_000);
    let txid = daemon.sent(&payment);
    daemon.sent(&child);
    assert_eq!(emitter.mempool().expect("the mempool").update.len(), 2);
    let block = daemon.mine(1, &mine).remove(0);
    assert_eq!(follow(&mut emitter), Some((102, block.clone(), 3)));
    assert!(emitter.mempool().expect("the mempool").update.is_empty());

    daemon.ask("invalidateblock", json!([block]));
    let hashes = daemon.mine(2, &Key::new(3));
    assert_eq!(follow(&mut emitter), Some((103, hashes[1].clone(), 1)));
    let info = client.get_raw_transaction_info(&txid, None).expect("it");
    assert_eq!(
        (info.confirmations, info.blockhash.map(|hash| hash.to_string())),
        (Some(2), Some(hashes[0].clone()))
    );
    assert_eq!(client.get_blockchain_info().expect("info").blocks, 103);
    assert_eq!(client.get_network_info().expect("info").connections, 0);
    assert_eq!(client.get_mempool_info().expect("info").size, 0);
    assert!(client.estimate_smart_fee(6, None).expect("an answer").fee_rate.is_none());
    let out = client.get_tx_out(&child.compute_txid(), 0, Some(true)).expect("an answer").expect("an output");
    assert_eq!((out.confirmations, out.value), (2, child.output[0].value));
}
