//! The calls that are used, with their types. Hashes and ids are in internal byte order.

use crate::rpc::{Client, RpcError};
use bandex_spv::{read_hash, shown};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, Transaction};
use corepc_types::v28::{
    GetBlockHeaderVerbose, GetBlockchainInfo, GetNetworkInfo, GetTxOut, TestMempoolAccept,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// An output of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutPoint {
    /// The transaction's id.
    pub txid: [u8; 32],
    /// Which of its outputs, from 0.
    pub output: u32,
}

/// A transaction that waits for a block. Of what a node tells of it only what every version tells.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MempoolEntry {
    /// Its virtual size.
    pub vsize: u64,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Estimate {
    feerate: Option<Box<RawValue>>,
}

impl Client {
    /// `getblockchaininfo`: chain, height, how far it is, what is pruned.
    ///
    /// # Errors
    /// As [`Client::call`]; so for all calls here.
    pub async fn blockchain_info(&self) -> Result<GetBlockchainInfo, RpcError> {
        self.call("getblockchaininfo", json!([])).await
    }

    /// `getnetworkinfo`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn network_info(&self) -> Result<GetNetworkInfo, RpcError> {
        self.call("getnetworkinfo", json!([])).await
    }

    /// The node's version out of `getnetworkinfo`, 280100 for 28.1. Also of versions whose answer has another form.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn version(&self) -> Result<u32, RpcError> {
        self.call::<Version>("getnetworkinfo", json!([])).await.map(|info| info.version)
    }

    /// `getbestblockhash`.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn best_block_hash(&self) -> Result<[u8; 32], RpcError> {
        self.call_hash("getbestblockhash", json!([])).await
    }

    /// `getblockhash`: the active chain's block at a height. Error -8 above the tip.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn block_hash(&self, height: u32) -> Result<[u8; 32], RpcError> {
        self.call_hash("getblockhash", json!([height])).await
    }

    /// `getblockheader`, raw. Error -5 for an unknown block.
    ///
    /// # Errors
    /// As [`Client::call`], and if the header is not the one of that hash.
    pub async fn block_header(&self, hash: &[u8; 32]) -> Result<[u8; 80], RpcError> {
        let method = "getblockheader";
        let text: String = self.call(method, json!([shown(hash), false])).await?;
        let mut header = [0; 80];
        hex::decode_to_slice(&text, &mut header).map_err(|error| malformed(method, error))?;
        if bandex_spv::hash_of(&header) != *hash {
            return Err(malformed(method, "this is another header"));
        }
        Ok(header)
    }

    /// `getblockheader` with height, confirmations (-1 for one that is not active) and neighbours.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn block_header_verbose(&self, hash: &[u8; 32]) -> Result<GetBlockHeaderVerbose, RpcError> {
        self.call("getblockheader", json!([shown(hash), true])).await
    }

    /// `getblock`, raw. Error -5 for an unknown block, -1 for one that is pruned or not there yet.
    ///
    /// # Errors
    /// As [`Client::call`], and if the block is not the one of that hash.
    pub async fn block(&self, hash: &[u8; 32]) -> Result<Block, RpcError> {
        let method = "getblock";
        let text: String = self.call(method, json!([shown(hash), 0])).await?;
        let block: Block = deserialize_hex(&text).map_err(|error| malformed(method, error))?;
        if block.block_hash().to_byte_array() != *hash || !block.check_merkle_root() {
            return Err(malformed(method, "this is another block"));
        }
        Ok(block)
    }

    /// `getrawtransaction`, from the mempool or, if it is named, a block. Error -5 if it is not there.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn raw_transaction(
        &self,
        txid: &[u8; 32],
        block: Option<&[u8; 32]>,
    ) -> Result<Transaction, RpcError> {
        let method = "getrawtransaction";
        let params = match block {
            Some(block) => json!([shown(txid), false, shown(block)]),
            None => json!([shown(txid), false]),
        };
        let text: String = self.call(method, params).await?;
        deserialize_hex(&text).map_err(|error| malformed(method, error))
    }

    /// `gettxout`: an output that is not spent, by the mempool neither if it counts. `None` if it is spent or unknown.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn tx_out(&self, of: OutPoint, mempool: bool) -> Result<Option<GetTxOut>, RpcError> {
        self.call("gettxout", json!([shown(&of.txid), of.output, mempool])).await
    }

    /// `sendrawtransaction` at the node's own bound of the fee rate. Gives the transaction's id.
    ///
    /// # Errors
    /// As [`Client::call`]. Error -25 or -26 if the node refuses it, -27 if its outputs are in the chain already.
    pub async fn send_raw_transaction(&self, transaction: &Transaction) -> Result<[u8; 32], RpcError> {
        self.call_hash("sendrawtransaction", json!([serialize_hex(transaction)])).await
    }

    /// `testmempoolaccept` of one transaction.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn test_mempool_accept(
        &self,
        transaction: &Transaction,
    ) -> Result<TestMempoolAccept, RpcError> {
        self.call("testmempoolaccept", json!([[serialize_hex(transaction)]])).await
    }

    /// `getmempoolentry`. Error -5 if it is not there.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn mempool_entry(&self, txid: &[u8; 32]) -> Result<MempoolEntry, RpcError> {
        self.call("getmempoolentry", json!([shown(txid)])).await
    }

    /// `estimatesmartfee`: the fee rate for being in one of the next blocks, in satoshi per 1,000 virtual bytes. `None` if
    /// the node has seen too little to say.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn estimate_fee(&self, blocks: u16) -> Result<Option<u64>, RpcError> {
        let method = "estimatesmartfee";
        let estimate: Estimate = self.call(method, json!([blocks])).await?;
        let read = |rate: Box<RawValue>| satoshi(rate.get()).ok_or_else(|| malformed(method, rate.get()));
        estimate.feerate.map(read).transpose()
    }

    /// `gettxoutproof` of one transaction in a block.
    ///
    /// # Errors
    /// As [`Client::call`]. Error -5 if the block does not hold it.
    pub async fn tx_out_proof(&self, txid: &[u8; 32], block: &[u8; 32]) -> Result<Vec<u8>, RpcError> {
        let method = "gettxoutproof";
        let text: String = self.call(method, json!([[shown(txid)], shown(block)])).await?;
        hex::decode(&text).map_err(|error| malformed(method, error))
    }

    pub(crate) async fn call_hash(&self, method: &str, params: Value) -> Result<[u8; 32], RpcError> {
        let text: String = self.call(method, params).await?;
        read_hash(&text).ok_or_else(|| malformed(method, "this is no hash"))
    }
}

pub(crate) fn malformed(method: &str, what: impl ToString) -> RpcError {
    RpcError::Malformed { method: method.to_owned(), what: what.to_string() }
}

/// Satoshi from a decimal number of bitcoin as the node writes it, without rounding it on the way.
fn satoshi(text: &str) -> Option<u64> {
    bitcoin::Amount::from_str_in(text, bitcoin::Denomination::Bitcoin).ok().map(bitcoin::Amount::to_sat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fee_rates_are_read_to_the_satoshi() {
        let check = |text: &str, found: Option<u64>| assert_eq!(satoshi(text), found, "{text}");
        check("0.00001000", Some(1000));
        check("0.12345678", Some(12_345_678));
        check("0.29", Some(29_000_000));
        check("1", Some(100_000_000));
        check("0.000000001", None);
        check("-0.00001", None);
        check("1e-5", None);
    }
}
