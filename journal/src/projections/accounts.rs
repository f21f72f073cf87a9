//! The questions about accounts: what they are, have, and have at stake, and their keys.

use super::parse;
use super::query::ProjectionReader;
use crate::port::ReadError;
use crate::sql::{Statement, limit as sql_limit};
use bandex_engine::{AccountState, BalanceState, KeyState, TrustState};
use bandex_types::{AccountId, PublicKey};

impl ProjectionReader {
    /// An account's balances, by asset.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn balances(&self, account: AccountId) -> Result<Vec<BalanceState>, ReadError> {
        let mut query = Statement::new("SELECT state FROM balances WHERE account = ");
        query.bind(account.as_bytes()).push(" ORDER BY asset");
        self.all(query, parse::state).await
    }

    /// An account.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountState>, ReadError> {
        let mut query = Statement::new("SELECT state FROM accounts WHERE account = ");
        query.bind(id.as_bytes());
        self.one(query, parse::state).await
    }

    /// What an account has at stake; none if nothing was ever told of it.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn trust(&self, id: AccountId) -> Result<Option<TrustState>, ReadError> {
        let mut query = Statement::new("SELECT state FROM trust WHERE account = ");
        query.bind(id.as_bytes());
        self.one(query, parse::state).await
    }

    /// An account with what it has at stake, both after the same record.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn limits(
        &self,
        id: AccountId,
    ) -> Result<Option<(AccountState, Option<TrustState>)>, ReadError> {
        let mut query = Statement::new(
            "SELECT accounts.state AS state, trust.state AS stake FROM accounts LEFT JOIN trust USING (account)
             WHERE accounts.account = ",
        );
        query.bind(id.as_bytes());
        self.one(query, |row| Ok((parse::state(row)?, parse::stake(row)?))).await
    }

    /// An account's keys, those that ended included.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn keys(&self, account: AccountId) -> Result<Vec<KeyState>, ReadError> {
        let mut query = Statement::new("SELECT state FROM keys WHERE account = ");
        query.bind(account.as_bytes()).push(" ORDER BY key");
        self.all(query, parse::state).await
    }

    /// At most `limit` of an account's keys behind `after`, those that ended included, by key; each with the record that
    /// named it.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn keys_after(
        &self,
        account: AccountId,
        after: Option<PublicKey>,
        limit: usize,
    ) -> Result<Vec<(KeyState, u64)>, ReadError> {
        let mut query = Statement::new("SELECT state, named_seq FROM keys WHERE account = ");
        query.bind(account.as_bytes());
        if let Some(after) = &after {
            query.push(" AND key > ").bind(after.as_bytes());
        }
        query.push(" ORDER BY key LIMIT ").bind(sql_limit(limit));
        self.all(query, |row| Ok((parse::state(row)?, parse::number(row, "named_seq")?))).await
    }

    /// The record that gave an account a key: its register, grant or rotate block.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn key_named(&self, key: PublicKey) -> Result<Option<u64>, ReadError> {
        let mut query = Statement::new("SELECT named_seq FROM keys WHERE key = ");
        query.bind(key.as_bytes());
        self.one(query, |row| parse::number(row, "named_seq")).await
    }

    /// A key.
    ///
    /// # Errors
    /// The store cannot be read, or a row in it.
    pub async fn key(&self, key: PublicKey) -> Result<Option<KeyState>, ReadError> {
        let mut query = Statement::new("SELECT state FROM keys WHERE key = ");
        query.bind(key.as_bytes());
        self.one(query, parse::state).await
    }
}
