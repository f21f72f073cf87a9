//! The wallet: made, opened, asked for addresses and for what it holds.

use crate::error::{OpenError, SyncError};
use crate::journal::{Entry, Journal, View};
use crate::key::{KeyCost, KeyError, Passphrase, Secret};
use crate::node::Node;
use crate::policy::Policy;
use crate::store::{Store, StoreError};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_types::DealId;
use bdk_wallet::bitcoin::bip32::{DerivationPath, Xpriv, Xpub};
use bdk_wallet::bitcoin::secp256k1::Secp256k1;
use bdk_wallet::bitcoin::{Address, BlockHash, NetworkKind, Txid};
use bdk_wallet::template::Bip84Public;
use bdk_wallet::{KeychainKind, LoadWithPersistError, PersistedWallet};
use std::collections::BTreeMap;
use std::path::Path;
use zeroize::Zeroizing;

/// What a wallet holds, in satoshi.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// In blocks.
    pub confirmed: u64,
    /// Coming back from the wallet's own transactions that wait for a block.
    pub change: u64,
    /// From others, waiting for a block.
    pub incoming: u64,
    /// Mined here, and not yet to be spent.
    pub immature: u64,
}

impl Balance {
    /// All of it.
    pub fn total(&self) -> u64 {
        [self.change, self.incoming, self.immature]
            .iter()
            .fold(self.confirmed, |sum, part| sum.saturating_add(*part))
    }
}

/// Why the node does not have a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    /// Whether a larger fee would help.
    pub(crate) for_fee: bool,
}

/// A trader's coins, open in this process alone.
///
/// Once a write to its file fails, every later change is refused until the wallet is opened again: what is on disk is
/// the truth.
#[derive(Debug)]
pub struct Wallet<N> {
    pub(crate) chain: PersistedWallet<Store>,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) secret: Secret,
    pub(crate) node: N,
    pub(crate) policy: Policy,
    /// Why transactions are not with the node.
    pub(crate) refused: BTreeMap<Txid, Refusal>,
    /// The order in which transactions were signed, in seconds where time moves on: the later one is believed.
    pub(crate) seen: u64,
    #[cfg(test)]
    pub(crate) stop: Option<crate::build::Step>,
}

/// Makes a wallet's key file in `folder`. Gives the words that are the only way back to the coins if the folder is
/// lost; they open them in any wallet that knows BIP 39 and BIP 84, but know nothing of payments under way.
///
/// # Errors
/// There is a key file already, or it cannot be written; the passphrase is empty.
pub fn create(
    folder: &Path,
    network: Network,
    passphrase: &Passphrase,
    cost: KeyCost,
) -> Result<Zeroizing<String>, KeyError> {
    Secret::create(folder, network, passphrase, cost)?.words()
}

impl<N: Node> Wallet<N> {
    /// Opens the wallet in `folder`. Nothing is sent before the first [`Wallet::sync`].
    ///
    /// # Errors
    /// The passphrase is another one, another process has the wallet, a file is missing or damaged; the node is on
    /// another network. At the first opening the node must answer, since the chain is read from its tip on.
    pub async fn open(
        folder: &Path,
        network: Network,
        passphrase: &Passphrase,
        node: N,
        policy: Policy,
    ) -> Result<Self, OpenError> {
        let secret = Secret::open(folder, passphrase)?;
        if secret.network != network {
            return Err(OpenError::OtherNetwork { here: secret.network, asked: network });
        }
        let mut store = Store::open(folder).await?;
        let chain = load_or_create(&mut store, &secret).await?;
        let journal = store.journal().await?;
        let last_seen = chain.tx_graph().full_txs().filter_map(|node| node.last_seen);
        let seen = last_seen.max().unwrap_or_default();
        let mut wallet = Self {
            chain,
            store,
            journal,
            secret,
            node,
            policy,
            refused: BTreeMap::new(),
            seen,
            #[cfg(test)]
            stop: None,
        };
        wallet.begin().await?;
        Ok(wallet)
    }

    /// The network it was made for.
    pub fn network(&self) -> Network {
        self.secret.network
    }

    /// What it may do unasked.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The words of its secret, to be written down.
    ///
    /// # Errors
    /// Never, for a wallet that was opened.
    pub fn words(&self) -> Result<Zeroizing<String>, KeyError> {
        self.secret.words()
    }

    /// What it holds, as of the last [`Wallet::sync`].
    pub fn balance(&self) -> Balance {
        let balance = self.chain.balance();
        Balance {
            confirmed: balance.confirmed.to_sat(),
            change: balance.trusted_pending.to_sat(),
            incoming: balance.untrusted_pending.to_sat(),
            immature: balance.immature.to_sat(),
        }
    }

    /// Height and hash of the last block it knows.
    pub fn tip(&self) -> (u32, BlockHash) {
        let tip = self.chain.latest_checkpoint();
        (tip.height(), tip.hash())
    }

    /// A fresh address for deposits.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn new_address(&mut self) -> Result<Address, StoreError> {
        let address = self.chain.reveal_next_address(KeychainKind::External).address;
        self.commit(Vec::new()).await?;
        Ok(address)
    }

    /// The script at which a deal's payments are received: the same for the same deal for ever, and for no other. It
    /// is written down before it is given out.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn fresh_script(&mut self, deal: DealId) -> Result<Vec<u8>, StoreError> {
        if let Some(script) = self.journal.scripts.get(&deal) {
            return Ok(script.to_bytes());
        }
        let script = self.chain.reveal_next_address(KeychainKind::External).script_pubkey();
        self.commit(vec![Entry::Script(deal, script.clone())]).await?;
        Ok(script.into_bytes())
    }

    /// On disk first, then in memory.
    pub(crate) async fn commit(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.store.commit(&mut self.chain, &entries).await?;
        entries.into_iter().for_each(|entry| self.journal.apply(entry));
        Ok(())
    }

    pub(crate) fn view(&self) -> View {
        let positions = self.chain.transactions().map(|transaction| {
            let height = transaction.chain_position.confirmation_height_upper_bound();
            (transaction.tx_node.txid, height)
        });
        View { canonical: positions.collect(), tip: self.chain.latest_checkpoint().height() }
    }

    /// Reads the wallet again from its file.
    pub(crate) async fn reload(&mut self) -> Result<(), SyncError> {
        self.chain = load_or_create(&mut self.store, &self.secret).await.map_err(|error| match error {
            OpenError::Key(error) => SyncError::Key(error),
            OpenError::Store(error) => SyncError::Store(error),
            other => SyncError::Store(StoreError::Damaged(other.to_string())),
        })?;
        Ok(())
    }

    /// The root of all keys. Made for each signature and forgotten after it.
    pub(crate) fn root(&self) -> Result<Xpriv, KeyError> {
        root(&self.secret)
    }
}

fn root(secret: &Secret) -> Result<Xpriv, KeyError> {
    Xpriv::new_master(secret.network.bitcoin(), &*secret.seed)
        .map_err(|error| KeyError::Cost(error.to_string()))
}

/// The public half of the wallet's keys, all that the library holds of them.
fn descriptors(secret: &Secret) -> Result<[Bip84Public<Xpub>; 2], KeyError> {
    let secp = Secp256k1::new();
    let coin = match NetworkKind::from(secret.network.bitcoin()) {
        NetworkKind::Main => 0,
        NetworkKind::Test => 1,
    };
    let failed = |error: &dyn std::fmt::Display| KeyError::Cost(error.to_string());
    let path: DerivationPath = format!("m/84'/{coin}'/0'")
        .parse()
        .map_err(|error: bdk_wallet::bitcoin::bip32::Error| failed(&error))?;
    let mut root = root(secret)?;
    let mut account = root.derive_priv(&secp, &path).map_err(|error| failed(&error))?;
    let public = Xpub::from_priv(&secp, &account);
    let fingerprint = root.fingerprint(&secp);
    root.private_key.non_secure_erase();
    account.private_key.non_secure_erase();
    Ok([KeychainKind::External, KeychainKind::Internal].map(|kind| Bip84Public(public, fingerprint, kind)))
}

async fn load_or_create(store: &mut Store, secret: &Secret) -> Result<PersistedWallet<Store>, OpenError> {
    let [external, internal] = descriptors(secret)?;
    if store.is_empty().await? {
        let params = bdk_wallet::Wallet::create(external, internal).network(secret.network.bitcoin());
        return PersistedWallet::create_async(store, params).await.map_err(|error| match error {
            bdk_wallet::CreateWithPersistError::Persist(error) => OpenError::Store(error),
            other => OpenError::OtherKey(other.to_string()),
        });
    }
    let params = bdk_wallet::Wallet::load()
        .descriptor(KeychainKind::External, Some(external))
        .descriptor(KeychainKind::Internal, Some(internal))
        .check_network(secret.network.bitcoin());
    let loaded = PersistedWallet::load_async(store, params).await.map_err(|error| match error {
        LoadWithPersistError::Persist(error) => OpenError::Store(error),
        other => OpenError::OtherKey(other.to_string()),
    })?;
    loaded.ok_or_else(|| OpenError::Store(StoreError::Damaged("it holds no wallet".to_owned())))
}
