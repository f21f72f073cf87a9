//! Any page by its path, as the exchange sends it: for programs that pass it on.

use super::{AccountRest, Rest, RestError, refusal};
use reqwest::{Method, Response, StatusCode};
use std::time::Duration;

/// A whole account's history takes longer than a page.
const TIMEOUT: Duration = Duration::from_secs(3_600);

/// An answer as it comes.
#[derive(Debug)]
pub struct Body(Response);

impl Body {
    /// The media type, such as `application/json` or `text/csv`.
    pub fn media_type(&self) -> &str {
        let kind = self.0.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        kind.and_then(|kind| kind.split(';').next()).unwrap_or_default()
    }

    /// The next part; `None` after the last.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, RestError> {
        Ok(self.0.chunk().await?.map(|part| part.to_vec()))
    }

    /// All of it.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn text(self) -> Result<String, RestError> {
        Ok(self.0.text().await?)
    }
}

impl Rest {
    /// What a GET of a path with its query, such as `/v1/book/BWT-BTC?depth=5`, answers.
    ///
    /// # Errors
    /// No answer, or a problem.
    pub async fn fetch(&self, path: &str) -> Result<Body, RestError> {
        let request = self.request(Method::GET, path).timeout(TIMEOUT);
        body(request.send().await?).await
    }
}

impl AccountRest {
    /// The same for pages of the account, such as `/v1/export/fills`.
    ///
    /// # Errors
    /// No answer, or a problem.
    pub async fn fetch(&self, path: &str) -> Result<Body, RestError> {
        let request = self.rest.request(Method::GET, path).timeout(TIMEOUT);
        body(self.send(request).await?).await
    }
}

async fn body(response: Response) -> Result<Body, RestError> {
    if response.status() == StatusCode::OK { Ok(Body(response)) } else { Err(refusal(response).await?) }
}
