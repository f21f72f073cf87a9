//! Keys that are paid to and sign, as P2WPKH or P2TR.

use bitcoin::absolute::LockTime;
use bitcoin::key::{Keypair, TapTweak as _};
use bitcoin::secp256k1::{Message, Secp256k1};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::transaction::Version;
use bitcoin::{
    Address, Amount, CompressedPublicKey, EcdsaSighashType, KnownHrp, OutPoint, ScriptBuf, Sequence,
    TapSighashType, Transaction, TxIn, TxOut, Witness,
};

#[derive(Clone, Copy)]
pub struct Key {
    pair: Keypair,
    taproot: bool,
}

impl Key {
    /// The key of a number, paid to as P2WPKH.
    pub fn new(number: u8) -> Self {
        let secp = Secp256k1::new();
        let pair = Keypair::from_seckey_slice(&secp, &[number.max(1); 32]).expect("a key");
        Self { pair, taproot: false }
    }

    /// The key of a number, paid to as P2TR.
    pub fn taproot(number: u8) -> Self {
        Self { taproot: true, ..Self::new(number) }
    }

    pub fn address(&self) -> Address {
        if self.taproot {
            let (key, _) = self.pair.x_only_public_key();
            Address::p2tr(&Secp256k1::new(), key, None, KnownHrp::Regtest)
        } else {
            Address::p2wpkh(&CompressedPublicKey(self.pair.public_key()), KnownHrp::Regtest)
        }
    }

    pub fn script(&self) -> ScriptBuf {
        self.address().script_pubkey()
    }

    /// An output to the key.
    pub fn output(&self, sat: u64) -> TxOut {
        TxOut { value: Amount::from_sat(sat), script_pubkey: self.script() }
    }

    /// A signed transaction that spends coins of this key.
    pub fn spend(&self, coins: &[(OutPoint, TxOut)], outputs: Vec<TxOut>) -> Transaction {
        self.sign(unsigned(coins, outputs), coins)
    }

    /// A signed transaction that spends one coin of this key and pays `fee` to the miner, the rest to `to`.
    pub fn pay(&self, coin: &(OutPoint, TxOut), to: &Key, fee: u64) -> Transaction {
        self.spend(std::slice::from_ref(coin), vec![to.output(coin.1.value.to_sat() - fee)])
    }

    /// Signs every input of a transaction, which spend `coins` in that order.
    pub fn sign(&self, mut transaction: Transaction, coins: &[(OutPoint, TxOut)]) -> Transaction {
        let secp = Secp256k1::new();
        let spent: Vec<TxOut> = coins.iter().map(|(_, output)| output.clone()).collect();
        for (index, output) in spent.iter().enumerate() {
            let mut cache = SighashCache::new(&transaction);
            let witness = if self.taproot {
                let kind = TapSighashType::Default;
                let hash = cache.taproot_key_spend_signature_hash(index, &Prevouts::All(&spent), kind);
                let message = Message::from_digest_slice(hash.expect("a hash").as_ref()).expect("a message");
                let pair = self.pair.tap_tweak(&secp, None).to_keypair();
                let signature = secp.sign_schnorr_no_aux_rand(&message, &pair);
                Witness::p2tr_key_spend(&bitcoin::taproot::Signature { signature, sighash_type: kind })
            } else {
                let kind = EcdsaSighashType::All;
                let hash = cache.p2wpkh_signature_hash(index, &output.script_pubkey, output.value, kind);
                let message = Message::from_digest_slice(hash.expect("a hash").as_ref()).expect("a message");
                let signature = secp.sign_ecdsa(&message, &self.pair.secret_key());
                let signature = bitcoin::ecdsa::Signature { signature, sighash_type: kind };
                Witness::p2wpkh(&signature, &self.pair.public_key())
            };
            transaction.input[index].witness = witness;
        }
        transaction
    }
}

/// A transaction without signatures, which says that it may be replaced.
pub fn unsigned(coins: &[(OutPoint, TxOut)], outputs: Vec<TxOut>) -> Transaction {
    let inputs = coins.iter().map(|(outpoint, _)| TxIn {
        previous_output: *outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    });
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input: inputs.collect(), output: outputs }
}

/// An output of a transaction as a coin to spend.
pub fn coin(transaction: &Transaction, vout: u32) -> (OutPoint, TxOut) {
    let output = transaction.output[usize::try_from(vout).expect("an index")].clone();
    (OutPoint::new(transaction.compute_txid(), vout), output)
}
