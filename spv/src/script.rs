//! Scripts that a payee may name, and their addresses.

use crate::Network;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Script, ScriptBuf};

/// A text is no address that can be paid to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no Bitcoin address: a wrong letter, a wrong checksum, something else altogether.
    #[error("this is no Bitcoin address: {0}")]
    Malformed(String),
    /// It is an address of another network.
    #[error("this address is not one of {0}")]
    OtherNetwork(Network),
    /// It is an address of a kind this exchange does not pay to, as of a witness version still to come.
    #[error("this kind of address cannot be paid to here; use P2PKH, P2SH, P2WPKH, P2WSH or P2TR")]
    Kind,
}

/// Whether a script is exactly one of the standard kinds P2PKH, P2SH, P2WPKH, P2WSH and P2TR: at most 34 bytes.
///
/// Only the form is judged. That somebody can spend from it is the matter of whoever names it.
pub fn is_payable(script: &[u8]) -> bool {
    let script = Script::from_bytes(script);
    script.is_p2pkh() || script.is_p2sh() || script.is_p2wpkh() || script.is_p2wsh() || script.is_p2tr()
}

/// The address of a script of a payable kind.
pub fn address(network: Network, script: &[u8]) -> Option<String> {
    if !is_payable(script) {
        return None;
    }
    Address::from_script(Script::from_bytes(script), network.params()).ok().map(|address| address.to_string())
}

/// The script that an address stands for.
///
/// # Errors
/// The text is no address, one of another network, or of a kind that [`is_payable`] refuses. The test networks
/// share their addresses but for regtest, so one of signet passes for testnet4 too.
pub fn script_of(network: Network, address: &str) -> Result<Vec<u8>, AddressError> {
    let unchecked: Address<NetworkUnchecked> = address
        .parse()
        .map_err(|error: bitcoin::address::ParseError| AddressError::Malformed(error.to_string()))?;
    let checked =
        unchecked.require_network(network.bitcoin()).map_err(|_| AddressError::OtherNetwork(network))?;
    let script = checked.script_pubkey().into_bytes();
    if is_payable(&script) { Ok(script) } else { Err(AddressError::Kind) }
}

/// The least that an output with this script may hold to be relayed, in satoshi: three satoshi for each byte that it
/// and its spending cost (`GetDustThreshold` of Bitcoin Core's policy/policy.cpp at its default dust relay fee).
pub fn dust_satoshi(script: &[u8]) -> u64 {
    ScriptBuf::from_bytes(script.to_vec()).minimal_non_dust().to_sat()
}
