//! Any page by its path, as JSON: for programs that pass answers on, and for pages newer than this SDK.

use super::{AccountRest, Rest, RestError, answer};
use reqwest::Method;
use serde_json::Value;

impl Rest {
    /// What a GET of `path`, such as `/v1/time`, answers.
    ///
    /// # Errors
    /// No answer, or a problem.
    pub async fn get_json(&self, path: &str, query: &[(String, String)]) -> Result<Value, RestError> {
        self.get(path, &query).await
    }

    /// What a POST of `body` to `path` answers.
    ///
    /// # Errors
    /// No answer, or a problem.
    pub async fn post_json(
        &self,
        path: &str,
        query: &[(String, String)],
        body: &Value,
    ) -> Result<Value, RestError> {
        answer(self.request(Method::POST, path).query(query).json(body)).await
    }
}

impl AccountRest {
    /// What a GET of `path`, such as `/v1/balances`, answers this account.
    ///
    /// # Errors
    /// No answer, a problem, or the session has ended.
    pub async fn get_json(&self, path: &str, query: &[(String, String)]) -> Result<Value, RestError> {
        self.get(path, &query).await
    }
}
