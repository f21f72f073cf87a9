//! New keys, from the system's randomness.

use bandex_tradechain::Keypair;

/// A new key. Whoever has its [`Keypair::seed`] has the account: keep it, and show it to nobody.
///
/// # Errors
/// The system gives no randomness.
pub fn generate_keypair() -> std::io::Result<Keypair> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Keypair::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_are_the_same() {
        assert_ne!(generate_keypair().unwrap().public(), generate_keypair().unwrap().public());
    }
}
